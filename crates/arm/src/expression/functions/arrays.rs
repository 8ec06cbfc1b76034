//! Arrays, and what strings share with them (`first`, `take`, …). Positions in strings count UTF-16 units, as .NET does.

use std::sync::Arc;

use super::super::{EvalError, equal};
use super::{Args, strings};
use crate::Value;

/// ARM's limit for `range`.
const LONGEST_RANGE: i64 = 10_000;

pub(super) fn array(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Array(_) => Ok(args.get(0).clone()),
        // It may turn out to be an array: then it stays one.
        Value::Unknown(_) => Ok(args.unknown()),
        other => Ok(Value::array([other])),
    }
}

pub(super) fn create(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::array(args.values))
}

/// Joins strings, or arrays; one array with an unknown array is unknown.
pub(super) fn concat(args: &Args<'_>) -> Result<Value, EvalError> {
    if args.values.iter().any(Value::is_unknown) {
        return Ok(args.unknown());
    }
    if args.values.iter().any(|v| matches!(v, Value::Array(_))) {
        let mut items = Vec::new();
        for at in 0..args.len() {
            items.extend(args.array(at)?.iter().cloned());
        }
        return Ok(items.into());
    }
    let mut text = String::new();
    for (at, value) in args.values.iter().enumerate() {
        match value {
            Value::String(s) => {
                args.bounded(text.len() + s.len())?;
                text.push_str(s);
            }
            Value::Object(_) => return Err(args.wrong(at, "a string or an array")),
            other => text.push_str(&strings::text(other)),
        }
    }
    Ok(text.into())
}

pub(super) fn first(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Array(items) => Ok(items.first().cloned().unwrap_or(Value::Null)),
        Value::String(s) => Ok(s.chars().next().map(String::from).unwrap_or_default().into()),
        _ => Err(args.wrong(0, "an array or a string")),
    }
}

pub(super) fn last(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Array(items) => Ok(items.last().cloned().unwrap_or(Value::Null)),
        Value::String(s) => Ok(s.chars().next_back().map(String::from).unwrap_or_default().into()),
        _ => Err(args.wrong(0, "an array or a string")),
    }
}

pub(super) fn take(args: &Args<'_>) -> Result<Value, EvalError> {
    let count = usize::try_from(args.int(1)?.max(0)).unwrap_or(usize::MAX);
    match args.get(0) {
        Value::Array(items) => Ok(Value::array(items.iter().take(count))),
        Value::String(s) => Ok(strings::slice(s, 0, count).into()),
        _ => Err(args.wrong(0, "an array or a string")),
    }
}

pub(super) fn skip(args: &Args<'_>) -> Result<Value, EvalError> {
    let count = usize::try_from(args.int(1)?.max(0)).unwrap_or(usize::MAX);
    match args.get(0) {
        Value::Array(items) => Ok(Value::array(items.iter().skip(count))),
        Value::String(s) => Ok(strings::slice(s, count, usize::MAX).into()),
        _ => Err(args.wrong(0, "an array or a string")),
    }
}

pub(super) fn length(args: &Args<'_>) -> Result<Value, EvalError> {
    let length = match args.get(0) {
        Value::Array(items) => items.len(),
        Value::String(s) => strings::length(s),
        Value::Object(object) => object.len(),
        _ => return Err(args.wrong(0, "a string, an array or an object")),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

pub(super) fn range(args: &Args<'_>) -> Result<Value, EvalError> {
    let (start, count) = (args.int(0)?, args.int(1)?);
    if !(0..=LONGEST_RANGE).contains(&count) {
        return Err(args.bad(format_args!("the count {count} is not between 0 and {LONGEST_RANGE}")));
    }
    let end = start.checked_add(count).ok_or_else(|| args.bad("the last number leaves 64 bits"))?;
    Ok(Value::array((start..end).map(Value::Int)))
}

pub(super) fn flatten(args: &Args<'_>) -> Result<Value, EvalError> {
    let mut flat = Vec::new();
    for item in args.array(0)?.iter() {
        match item {
            Value::Array(items) => flat.extend(items.iter().cloned()),
            Value::Unknown(_) => return Ok(args.unknown()),
            _ => return Err(args.bad("the array holds more than arrays")),
        }
    }
    Ok(flat.into())
}

/// Strings without case, items with case; -1 where there is none.
pub(super) fn index_of(args: &Args<'_>) -> Result<Value, EvalError> {
    position(args, false)
}

pub(super) fn last_index_of(args: &Args<'_>) -> Result<Value, EvalError> {
    position(args, true)
}

fn position(args: &Args<'_>, from_end: bool) -> Result<Value, EvalError> {
    if args.get(0).is_unknown() || args.get(1).is_unknown() {
        return Ok(args.unknown());
    }
    let at = match args.get(0) {
        Value::String(text) => {
            let (text, part) = (text.to_lowercase(), args.str(1)?.to_lowercase());
            let at = if from_end { text.rfind(&part) } else { text.find(&part) };
            at.map(|at| strings::length(text.get(..at).unwrap_or_default()))
        }
        Value::Array(items) => {
            let answers: Vec<Option<bool>> = items.iter().map(|item| equal(item, args.get(1))).collect();
            let hit = |answer: &Option<bool>| *answer != Some(false);
            let at = if from_end { answers.iter().rposition(hit) } else { answers.iter().position(hit) };
            if at.and_then(|at| answers.get(at)).is_some_and(Option::is_none) {
                return Ok(args.unknown());
            }
            at
        }
        _ => return Err(args.wrong(0, "a string or an array")),
    };
    Ok(Value::Int(at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)))
}

fn from_end(args: &Args<'_>) -> Result<Option<Value>, EvalError> {
    let (items, back): (&Arc<Vec<Value>>, i64) = (args.array(0)?, args.int(1)?);
    let at = usize::try_from(back).ok().and_then(|back| items.len().checked_sub(back));
    Ok(at.and_then(|at| items.get(at)).cloned())
}

pub(super) fn index_from_end(args: &Args<'_>) -> Result<Value, EvalError> {
    from_end(args)?.ok_or_else(|| EvalError::new("expression/out-of-range", "there is no such item from the end"))
}

pub(super) fn try_index_from_end(args: &Args<'_>) -> Result<Value, EvalError> {
    if args.get(0).is_null() {
        return Ok(Value::Null);
    }
    Ok(from_end(args)?.unwrap_or(Value::Null))
}
