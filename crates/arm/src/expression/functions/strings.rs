//! Strings. Positions and lengths count UTF-16 units, as .NET does.

use super::super::EvalError;
use super::Args;
use crate::Value;

/// A value as `string()` writes it: booleans in .NET's way (`True`), objects and arrays as minified JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::String(s) => s.to_string(),
        other => other.to_string(),
    }
}

/// Length in UTF-16 units.
pub(super) fn length(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.encode_utf16().count() }
}

/// Part of a text, in UTF-16 units, clamped.
pub(super) fn slice(text: &str, start: usize, count: usize) -> String {
    if text.is_ascii() {
        let end = start.saturating_add(count).min(text.len());
        return text.get(start.min(end)..end).unwrap_or_default().to_owned();
    }
    let units: Vec<u16> = text.encode_utf16().skip(start).take(count).collect();
    String::from_utf16_lossy(&units)
}

pub(super) fn string(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::String(_) => Ok(args.get(0).clone()),
        other => Ok(text(other).into()),
    }
}

pub(super) fn to_lower(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(args.str(0)?.to_lowercase().into())
}

pub(super) fn to_upper(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(args.str(0)?.to_uppercase().into())
}

pub(super) fn trim(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(args.str(0)?.trim().into())
}

pub(super) fn starts_with(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::Bool(args.str(0)?.to_lowercase().starts_with(&args.str(1)?.to_lowercase())))
}

pub(super) fn ends_with(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::Bool(args.str(0)?.to_lowercase().ends_with(&args.str(1)?.to_lowercase())))
}

pub(super) fn replace(args: &Args<'_>) -> Result<Value, EvalError> {
    let (text, old, new) = (args.str(0)?, args.str(1)?, args.str(2)?);
    if old.is_empty() {
        return Err(args.bad("there is nothing to replace: the second argument is empty"));
    }
    let hits = text.matches(old.as_ref()).count();
    args.bounded(text.len().saturating_add(hits.saturating_mul(new.len())))?;
    Ok(text.replace(old.as_ref(), new).into())
}

pub(super) fn split(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    let mut delimiters: Vec<&str> = match args.get(1) {
        Value::String(d) => vec![d.as_ref()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return Err(args.wrong(1, "a string or an array of strings")),
    };
    delimiters.retain(|d| !d.is_empty());
    let mut parts: Vec<Value> = Vec::new();
    let mut rest: &str = text;
    let mut start = 0;
    while let Some(tail) = rest.get(start..) {
        let hit = delimiters.iter().filter_map(|d| tail.find(d).map(|at| (at, d.len()))).min_by_key(|(at, _)| *at);
        let Some((at, length)) = hit else { break };
        parts.push(rest.get(..start + at).unwrap_or_default().into());
        rest = rest.get(start + at + length..).unwrap_or_default();
        start = 0;
    }
    parts.push(rest.into());
    Ok(parts.into())
}

pub(super) fn join(args: &Args<'_>) -> Result<Value, EvalError> {
    let (items, delimiter) = (args.array(0)?, args.str(1)?);
    let mut joined = String::new();
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            joined.push_str(delimiter);
        }
        joined.push_str(&text(item));
        args.bounded(joined.len())?;
    }
    Ok(joined.into())
}

pub(super) fn pad_left(args: &Args<'_>) -> Result<Value, EvalError> {
    let value = match args.get(0) {
        Value::String(s) => s.to_string(),
        Value::Int(i) => i.to_string(),
        _ => return Err(args.wrong(0, "a string or an integer")),
    };
    let total = usize::try_from(args.int(1)?).map_err(|_| args.bad("the length is negative"))?;
    let pad = match args.get(2) {
        Value::Null => ' ',
        Value::String(s) if length(s) == 1 => s.chars().next().unwrap_or(' '),
        _ => return Err(args.bad("the third argument is not a single character")),
    };
    args.bounded(total)?;
    let missing = total.saturating_sub(length(&value));
    Ok(std::iter::repeat_n(pad, missing).chain(value.chars()).collect::<String>().into())
}

pub(super) fn substring(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    let total = length(text);
    let start = args.int(1)?;
    let from = usize::try_from(start).ok().filter(|s| *s <= total);
    let count =
        if args.len() > 2 { args.int(2)? } else { i64::try_from(total).unwrap_or(i64::MAX).saturating_sub(start) };
    let fits = usize::try_from(count).ok().zip(from).filter(|(count, from)| from.saturating_add(*count) <= total);
    match fits {
        Some((count, from)) => Ok(slice(text, from, count).into()),
        None => Err(EvalError::new(
            "expression/out-of-range",
            format!("`substring`: {count} characters from {start} on are not within a string of {total}"),
        )),
    }
}

/// `*` stands for any text, `?` for one character; without case.
pub(super) fn like(args: &Args<'_>) -> Result<Value, EvalError> {
    let text: Vec<char> = args.str(0)?.to_lowercase().chars().collect();
    let pattern: Vec<char> = args.str(1)?.to_lowercase().chars().collect();
    let (mut t, mut p) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                t += 1;
                p += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    retry = Some((after, t));
                }
                None => return Ok(Value::Bool(false)),
            },
        }
    }
    Ok(Value::Bool(pattern.get(p..).unwrap_or_default().iter().all(|c| *c == '*')))
}
