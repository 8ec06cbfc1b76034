//! Integers. Division truncates; what leaves 64 bits is an error.

use super::super::EvalError;
use super::Args;
use crate::Value;

fn pair(args: &Args<'_>, compute: fn(i64, i64) -> Option<i64>) -> Result<Value, EvalError> {
    let (a, b) = (args.int(0)?, args.int(1)?);
    compute(a, b).map(Value::Int).ok_or_else(|| args.bad(format_args!("{a} and {b} give no integer of 64 bits")))
}

pub(super) fn add(args: &Args<'_>) -> Result<Value, EvalError> {
    pair(args, i64::checked_add)
}

pub(super) fn sub(args: &Args<'_>) -> Result<Value, EvalError> {
    pair(args, i64::checked_sub)
}

pub(super) fn mul(args: &Args<'_>) -> Result<Value, EvalError> {
    pair(args, i64::checked_mul)
}

pub(super) fn div(args: &Args<'_>) -> Result<Value, EvalError> {
    pair(args, i64::checked_div)
}

pub(super) fn modulo(args: &Args<'_>) -> Result<Value, EvalError> {
    pair(args, i64::checked_rem)
}

pub(super) fn int(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Int(i) => Ok(Value::Int(*i)),
        Value::Float(f) if f.is_finite() && f.abs() < 9e15 => Ok(Value::Int(f.trunc() as i64)),
        Value::String(s) => {
            s.trim().parse().map(Value::Int).map_err(|_| args.bad(format_args!("`{s}` is not an integer")))
        }
        _ => Err(args.wrong(0, "a string or an integer")),
    }
}

pub(super) fn float(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Int(i) => Ok(Value::Float(*i as f64)),
        Value::Float(f) => Ok(Value::Float(*f)),
        Value::String(s) => match s.trim().parse::<f64>() {
            Ok(f) if f.is_finite() => Ok(Value::Float(f)),
            _ => Err(args.bad(format_args!("`{s}` is not a number"))),
        },
        _ => Err(args.wrong(0, "a string or an integer")),
    }
}

fn extreme(args: &Args<'_>, better: fn(i64, i64) -> i64) -> Result<Value, EvalError> {
    let mut found: Option<i64> = None;
    if let (Value::Array(items), 1) = (args.get(0), args.len()) {
        for item in items.iter() {
            let Value::Int(i) = item else { return Err(args.bad("the array holds more than integers")) };
            found = Some(found.map_or(*i, |f| better(f, *i)));
        }
    } else {
        for at in 0..args.len() {
            let i = args.int(at)?;
            found = Some(found.map_or(i, |f| better(f, i)));
        }
    }
    found.map(Value::Int).ok_or_else(|| args.bad("there is nothing to choose from"))
}

pub(super) fn min(args: &Args<'_>) -> Result<Value, EvalError> {
    extreme(args, i64::min)
}

pub(super) fn max(args: &Args<'_>) -> Result<Value, EvalError> {
    extreme(args, i64::max)
}
