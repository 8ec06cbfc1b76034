//! `format`: .NET's composite format with the invariant culture.

use super::super::EvalError;
use super::{Args, strings};
use crate::Value;

/// What alignment and precision may ask for.
const WIDEST: usize = 1_000;

pub(super) fn format(args: &Args<'_>) -> Result<Value, EvalError> {
    let pattern = args.str(0)?;
    let mut out = String::with_capacity(pattern.len());
    let mut rest: &str = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let found = rest.get(at..).unwrap_or_default();
        if let Some(after) = found.strip_prefix("{{").or_else(|| found.strip_prefix("}}")) {
            out.push_str(found.get(..1).unwrap_or_default());
            rest = after;
            continue;
        }
        let hole = found.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((hole, after)) = hole else {
            return Err(args.bad("a brace in the format string has no partner; a literal brace is written twice"));
        };
        out.push_str(&filled(args, hole)?);
        args.bounded(out.len())?;
        rest = after;
    }
    out.push_str(rest);
    Ok(out.into())
}

/// `index[,alignment][:format]`
fn filled(args: &Args<'_>, hole: &str) -> Result<String, EvalError> {
    let (head, spec) = hole.split_once(':').unwrap_or((hole, ""));
    let (index, alignment) = head.split_once(',').unwrap_or((head, "0"));
    let (Ok(index), Ok(alignment)) = (index.trim().parse::<usize>(), alignment.trim().parse::<i32>()) else {
        return Err(args.bad(format_args!("`{{{hole}}}` is not a format item")));
    };
    let Some(value) = args.values.get(index.saturating_add(1)) else {
        return Err(args.bad(format_args!("`{{{hole}}}` asks for more arguments than the {} given", args.len() - 1)));
    };
    let text = match value {
        Value::Int(i) => number(*i, spec).ok_or_else(|| args.bad(format_args!("`{spec}` is not a number format")))?,
        other => strings::text(other),
    };
    let width = (alignment.unsigned_abs() as usize).min(WIDEST);
    let padding = " ".repeat(width.saturating_sub(strings::length(&text)));
    Ok(if alignment < 0 { text + &padding } else { padding + &text })
}

/// Standard formats D, X, N, F, G, P, E and custom ones of `0`, `#`, `,` and `.`.
fn number(value: i64, spec: &str) -> Option<String> {
    let mut chars = spec.chars();
    let Some(kind) = chars.next() else { return Some(value.to_string()) };
    let digits = chars.as_str();
    let standard = kind.is_ascii_alphabetic() && digits.bytes().all(|b| b.is_ascii_digit());
    if !standard {
        return custom(value, spec);
    }
    let precision: Option<usize> =
        if digits.is_empty() { None } else { Some(digits.parse::<usize>().ok()?.min(WIDEST)) };
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    Some(match kind {
        'D' | 'd' => format!("{sign}{size:0width$}", width = precision.unwrap_or(0)),
        'G' | 'g' => value.to_string(),
        'X' => format!("{value:0width$X}", width = precision.unwrap_or(0)),
        'x' => format!("{value:0width$x}", width = precision.unwrap_or(0)),
        'F' | 'f' => format!("{sign}{size}{}", fraction(precision.unwrap_or(2))),
        'N' | 'n' => format!("{sign}{}{}", grouped(&size.to_string()), fraction(precision.unwrap_or(2))),
        'P' | 'p' => {
            let percent = u128::from(size) * 100;
            format!("{sign}{}{} %", grouped(&percent.to_string()), fraction(precision.unwrap_or(2)))
        }
        _ => return None,
    })
}

fn fraction(precision: usize) -> String {
    if precision == 0 { String::new() } else { format!(".{}", "0".repeat(precision)) }
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn custom(value: i64, spec: &str) -> Option<String> {
    if !spec.contains(['0', '#']) {
        return None;
    }
    let (whole, decimals) = spec.split_once('.').unwrap_or((spec, ""));
    let start = whole.find(['0', '#'])?;
    let end = whole.rfind(['0', '#'])? + 1;
    let mask = whole.get(start..end)?;
    let least = mask.chars().skip_while(|c| *c != '0').filter(|c| matches!(c, '0' | '#')).count();
    let digits = match value.unsigned_abs() {
        0 if least == 0 => String::new(),
        size => format!("{size:0least$}"),
    };
    let digits = if mask.contains(',') { grouped(&digits) } else { digits };
    let zeros = decimals.chars().filter(|c| *c == '0').count();
    let sign = if value < 0 { "-" } else { "" };
    Some(format!("{sign}{}{digits}{}{}", whole.get(..start)?, fraction(zeros), whole.get(end..)?))
}
