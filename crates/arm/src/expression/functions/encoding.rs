//! Base64, data URIs and percent-encoding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::EvalError;
use super::{Args, objects};
use crate::Value;

pub(super) fn base64(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    args.bounded(text.len() / 3 * 4 + 4)?;
    Ok(STANDARD.encode(text.as_bytes()).into())
}

fn decoded(args: &Args<'_>, text: &str) -> Result<String, EvalError> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| args.bad("the text is not valid base64"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn base64_to_string(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(decoded(args, args.str(0)?)?.into())
}

pub(super) fn base64_to_json(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = Value::from(decoded(args, args.str(0)?)?);
    objects::json(&Args { name: args.name, values: &[text], call: args.call })
}

pub(super) fn data_uri(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    args.bounded(text.len() / 3 * 4 + 40)?;
    Ok(format!("data:text/plain;charset=utf8;base64,{}", STANDARD.encode(text.as_bytes())).into())
}

pub(super) fn data_uri_to_string(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    let parts = text.get(..5).filter(|p| p.eq_ignore_ascii_case("data:")).and_then(|_| text.get(5..)?.split_once(','));
    let Some((kind, data)) = parts else { return Err(args.bad("the text is not a data URI")) };
    if kind.to_ascii_lowercase().ends_with(";base64") {
        return Ok(decoded(args, data)?.into());
    }
    Ok(percent_decoded(data).into())
}

pub(super) fn uri_component(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    args.bounded(text.len().saturating_mul(3))?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(out.into())
}

pub(super) fn uri_component_to_string(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(percent_decoded(args.str(0)?).into())
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match hex_pair(bytes.clone()).filter(|_| byte == b'%') {
            Some(decoded) => {
                out.push(decoded);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex_pair(mut ahead: std::str::Bytes<'_>) -> Option<u8> {
    let high = char::from(ahead.next()?).to_digit(16)?;
    let low = char::from(ahead.next()?).to_digit(16)?;
    u8::try_from(high * 16 + low).ok()
}
