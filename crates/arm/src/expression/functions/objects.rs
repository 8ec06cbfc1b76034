//! Objects.

use std::sync::Arc;

use glidepath_source::{Text, json as reader};

use super::super::{EvalError, equal};
use super::{Args, step};
use crate::{Object, Value};

pub(super) fn create(args: &Args<'_>) -> Result<Value, EvalError> {
    if !args.len().is_multiple_of(2) {
        return Err(EvalError::new(
            "expression/wrong-argument-count",
            format!("`createObject` takes keys and values in pairs, here are {} arguments", args.len()),
        ));
    }
    let mut object = Object::new();
    for at in (0..args.len()).step_by(2) {
        if args.get(at).is_unknown() {
            return Ok(args.unknown());
        }
        object.insert(args.str(at)?.clone(), args.get(at + 1));
    }
    Ok(object.into())
}

pub(super) fn json(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    // .NET's `True`, as `string(true)` gives it, is accepted too.
    match text.trim() {
        "True" => return Ok(Value::Bool(true)),
        "False" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let text = Text::new("json()", text.as_ref());
    match reader::parse(&text) {
        Ok(node) => Ok(Value::from(&node)),
        Err(finding) => {
            let at = finding.place.as_ref().map(|p| p.position().to_string()).unwrap_or_default();
            Err(args.bad(format_args!("{} (at {at} of the text)", finding.message)))
        }
    }
}

fn sorted(object: &Object) -> Vec<(&Arc<str>, &Value)> {
    let mut members: Vec<(&Arc<str>, &Value)> = object.iter().collect();
    members.sort_by(|a, b| a.0.to_lowercase().cmp(&b.0.to_lowercase()).then_with(|| a.0.cmp(b.0)));
    members
}

pub(super) fn items(args: &Args<'_>) -> Result<Value, EvalError> {
    let members = sorted(args.object(0)?);
    Ok(Value::array(
        members
            .into_iter()
            .map(|(key, value)| Value::object([("key", Value::String(key.clone())), ("value", value.clone())])),
    ))
}

pub(super) fn keys(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(Value::array(sorted(args.object(0)?).into_iter().map(|(key, _)| key.clone())))
}

pub(super) fn shallow_merge(args: &Args<'_>) -> Result<Value, EvalError> {
    let mut merged = Object::new();
    for item in args.array(0)?.iter() {
        match item {
            Value::Object(object) => object.iter().for_each(|(key, value)| merged.insert(key.clone(), value)),
            Value::Unknown(_) => return Ok(args.unknown()),
            _ => return Err(args.bad("the array holds more than objects")),
        }
    }
    Ok(merged.into())
}

pub(super) fn try_get(args: &Args<'_>) -> Result<Value, EvalError> {
    let mut value = args.get(0).clone();
    for key in args.values.iter().skip(1) {
        if value.is_unknown() {
            return Ok(args.unknown());
        }
        value = step(&value, key).unwrap_or(Value::Null);
    }
    Ok(value)
}

/// Objects merge deep, later wins, arrays inside are replaced; arrays join without repetition.
pub(super) fn union(args: &Args<'_>) -> Result<Value, EvalError> {
    if args.values.iter().any(Value::is_unknown) {
        return Ok(args.unknown());
    }
    match args.get(0) {
        Value::Object(_) => {
            let mut merged = args.get(0).clone();
            for at in 1..args.len() {
                merge(&mut merged, args.object(at)?);
            }
            Ok(merged)
        }
        Value::Array(_) => {
            let mut set: Vec<Value> = Vec::new();
            for at in 0..args.len() {
                for item in args.array(at)?.iter() {
                    if !set.iter().any(|known| equal(known, item) == Some(true)) {
                        set.push(item.clone());
                    }
                }
            }
            Ok(set.into())
        }
        _ => Err(args.wrong(0, "an object or an array")),
    }
}

fn merge(into: &mut Value, from: &Object) {
    let into = into.make_object();
    for (key, value) in from.iter() {
        match (into.get_mut(key), value) {
            (Some(slot @ Value::Object(_)), Value::Object(inner)) => merge(slot, inner),
            (Some(slot), _) => *slot = value.clone(),
            (None, _) => into.insert(key.clone(), value),
        }
    }
}

pub(super) fn intersection(args: &Args<'_>) -> Result<Value, EvalError> {
    match args.get(0) {
        Value::Object(_) => {
            let mut common = args.object(0)?.as_ref().clone();
            for at in 1..args.len() {
                let other = args.object(at)?;
                common = common
                    .iter()
                    .filter(|(key, value)| other.get(key).is_some_and(|o| equal(o, value) == Some(true)))
                    .map(|(key, value)| (key.clone(), value))
                    .collect();
            }
            Ok(common.into())
        }
        Value::Array(_) => {
            let mut common: Vec<Value> = Vec::new();
            for item in args.array(0)?.iter() {
                let mut in_all = !common.iter().any(|c| equal(c, item) == Some(true));
                for at in 1..args.len() {
                    in_all = in_all && args.array(at)?.iter().any(|o| equal(o, item) == Some(true));
                }
                if in_all {
                    common.push(item.clone());
                }
            }
            Ok(common.into())
        }
        _ => Err(args.wrong(0, "an object or an array")),
    }
}
