//! Comparison and logic.

use std::cmp::Ordering;

use super::super::{EvalError, equal};
use super::Args;
use crate::Value;

pub(super) fn yes(_: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::Bool(true))
}

pub(super) fn no(_: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::Bool(false))
}

pub(super) fn null(_: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::Null)
}

pub(super) fn not(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Bool(b) => Ok(Value::Bool(!b)),
        _ => Err(args.wrong(0, "a boolean")),
    }
}

pub(super) fn bool(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Bool(b) => Ok(Value::Bool(*b)),
        Value::Int(i) => Ok(Value::Bool(*i != 0)),
        Value::String(s) if s.trim().eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        Value::String(s) if s.trim().eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        Value::String(s) => Err(args.bad(format_args!("`{s}` is neither `true` nor `false`"))),
        _ => Err(args.wrong(0, "a string or an integer")),
    }
}

pub(super) fn equals(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(equal(args.get(0), args.get(1)).map_or_else(|| args.unknown(), Value::Bool))
}

fn order(args: &Args<'_>, wanted: fn(Ordering) -> bool) -> Result<Value, EvalError> {
    let ordering = match (args.get(0), args.get(1)) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => {
            number(args.get(0)).total_cmp(&number(args.get(1)))
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Int(_), _) => return Err(args.wrong(1, "an integer, like the first")),
        (Value::String(_), _) => return Err(args.wrong(1, "a string, like the first")),
        _ => return Err(args.wrong(0, "an integer or a string")),
    };
    Ok(Value::Bool(wanted(ordering)))
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int(i) => *i as f64,
        Value::Float(f) => *f,
        _ => f64::NAN,
    }
}

pub(super) fn greater(args: &Args<'_>) -> Result<Value, EvalError> {
    order(args, Ordering::is_gt)
}

pub(super) fn greater_or_equals(args: &Args<'_>) -> Result<Value, EvalError> {
    order(args, Ordering::is_ge)
}

pub(super) fn less(args: &Args<'_>) -> Result<Value, EvalError> {
    order(args, Ordering::is_lt)
}

pub(super) fn less_or_equals(args: &Args<'_>) -> Result<Value, EvalError> {
    order(args, Ordering::is_le)
}

pub(super) fn empty(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::Bool(match args.get(0) {
        Value::Null => true,
        Value::String(s) => s.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => return Err(args.wrong(0, "a string, an array or an object")),
    }))
}

/// Keys of objects without case, strings and items with case.
pub(super) fn contains(args: &Args<'_>) -> Result<Value, EvalError> {
    let wanted = args.get(1);
    if args.get(0).is_unknown() || wanted.is_unknown() {
        return Ok(args.unknown());
    }
    match args.get(0) {
        Value::String(text) => match wanted {
            Value::String(part) => Ok(Value::Bool(text.contains(part.as_ref()))),
            Value::Int(part) => Ok(Value::Bool(text.contains(&part.to_string()))),
            _ => Err(args.wrong(1, "a string")),
        },
        Value::Object(object) => match wanted {
            Value::String(key) => Ok(Value::Bool(object.get(key).is_some())),
            Value::Int(key) => Ok(Value::Bool(object.get(&key.to_string()).is_some())),
            _ => Err(args.wrong(1, "a string")),
        },
        Value::Array(items) => {
            let mut open = false;
            for item in items.iter() {
                match equal(item, wanted) {
                    Some(true) => return Ok(Value::Bool(true)),
                    Some(false) => {}
                    None => open = true,
                }
            }
            Ok(if open { args.unknown() } else { Value::Bool(false) })
        }
        _ => Err(args.wrong(0, "a string, an array or an object")),
    }
}
