//! Functions that take lambdas.

use super::super::evaluate::Lambda;
use super::super::{EvalError, equal, weight};
use super::Args;
use crate::{Object, Value};

/// What a fold may grow to, in values.
const HEAVIEST: usize = 1 << 20;

fn lambda<'a, 'e>(args: &Args<'_>, lambdas: &'a [Lambda<'e>], at: usize) -> Result<&'a Lambda<'e>, EvalError> {
    lambdas.get(at).ok_or_else(|| args.bad("a lambda is missing"))
}

fn index(i: usize) -> Value {
    Value::Int(i64::try_from(i).unwrap_or(i64::MAX))
}

pub(super) fn map(args: &Args<'_>, lambdas: &[Lambda<'_>]) -> Result<Value, EvalError> {
    let (items, f) = (args.array(0)?, lambda(args, lambdas, 0)?);
    let mapped = items.iter().enumerate().map(|(i, item)| f.call(&[item.clone(), index(i)]));
    Ok(mapped.collect::<Result<Vec<_>, _>>()?.into())
}

pub(super) fn filter(args: &Args<'_>, lambdas: &[Lambda<'_>]) -> Result<Value, EvalError> {
    let (items, f) = (args.array(0)?, lambda(args, lambdas, 0)?);
    let mut kept = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match f.call(&[item.clone(), index(i)])? {
            Value::Bool(true) => kept.push(item.clone()),
            Value::Bool(false) => {}
            Value::Unknown(unknown) => return Ok(open(args, &unknown)),
            _ => return Err(args.bad("the lambda gives no boolean")),
        }
    }
    Ok(kept.into())
}

/// The whole call is unknown because a lambda's answer is.
fn open(args: &Args<'_>, unknown: &crate::Unknown) -> Value {
    let text = args.call.map_or_else(|| unknown.expression.clone(), ToString::to_string);
    Value::unknown(unknown.reason.clone(), text)
}

pub(super) fn reduce(args: &Args<'_>, lambdas: &[Lambda<'_>]) -> Result<Value, EvalError> {
    let (items, f) = (args.array(0)?, lambda(args, lambdas, 0)?);
    let mut sum = args.get(1).clone();
    for (i, item) in items.iter().enumerate() {
        sum = f.call(&[sum, item.clone(), index(i)])?;
        if weight(&sum, HEAVIEST).is_none() {
            return Err(EvalError::new("expression/too-large", format!("`reduce` makes more than {HEAVIEST} values")));
        }
    }
    Ok(sum)
}

/// A stable merge sort over the user's order: `a` stays before `b` when the lambda says so, or says neither.
pub(super) fn sort(args: &Args<'_>, lambdas: &[Lambda<'_>]) -> Result<Value, EvalError> {
    let (items, f) = (args.array(0)?, lambda(args, lambdas, 0)?);
    let before = |a: &Value, b: &Value| match f.call(&[a.clone(), b.clone()])? {
        Value::Bool(answer) => Ok(Ok(answer)),
        Value::Unknown(unknown) => Ok(Err(unknown)),
        _ => Err(args.bad("the lambda gives no boolean")),
    };
    let mut runs: Vec<Vec<Value>> = items.iter().map(|item| vec![item.clone()]).collect();
    while runs.len() > 1 {
        let mut merged = Vec::with_capacity(runs.len().div_ceil(2));
        let mut pairs = runs.into_iter();
        while let Some(left) = pairs.next() {
            let right = pairs.next().unwrap_or_default();
            let mut run = Vec::with_capacity(left.len() + right.len());
            let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
            while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
                match before(b, a)? {
                    Ok(true) => run.extend(right.next()),
                    Ok(false) => run.extend(left.next()),
                    Err(unknown) => return Ok(open(args, &unknown)),
                }
            }
            run.extend(left);
            run.extend(right);
            merged.push(run);
        }
        runs = merged;
    }
    Ok(runs.into_iter().next().unwrap_or_default().into())
}

fn key(args: &Args<'_>, f: &Lambda<'_>, item: &Value, i: usize) -> Result<Value, EvalError> {
    match f.call(&[item.clone(), index(i)])? {
        key @ (Value::String(_) | Value::Unknown(_)) => Ok(key),
        _ => Err(args.bad("the lambda for the key gives no string")),
    }
}

pub(super) fn to_object(args: &Args<'_>, lambdas: &[Lambda<'_>]) -> Result<Value, EvalError> {
    let (items, f) = (args.array(0)?, lambda(args, lambdas, 0)?);
    let mut object = Object::new();
    for (i, item) in items.iter().enumerate() {
        let key = match key(args, f, item, i)? {
            Value::String(key) => key,
            Value::Unknown(unknown) => return Ok(open(args, &unknown)),
            _ => continue,
        };
        let value = match lambdas.get(1) {
            Some(g) => g.call(&[item.clone(), index(i)])?,
            None => item.clone(),
        };
        object.insert(key, value);
    }
    Ok(object.into())
}

pub(super) fn group_by(args: &Args<'_>, lambdas: &[Lambda<'_>]) -> Result<Value, EvalError> {
    let (items, f) = (args.array(0)?, lambda(args, lambdas, 0)?);
    let mut groups: Vec<(Value, Vec<Value>)> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let key = key(args, f, item, i)?;
        if let Value::Unknown(unknown) = &key {
            return Ok(open(args, unknown));
        }
        let value = match lambdas.get(1) {
            Some(g) => g.call(&[item.clone(), index(i)])?,
            None => item.clone(),
        };
        match groups.iter_mut().find(|(known, _)| equal(known, &key) == Some(true)) {
            Some((_, group)) => group.push(value),
            None => groups.push((key, vec![value])),
        }
    }
    let members = groups.into_iter().filter_map(|(key, group)| match key {
        Value::String(key) => Some((key, Value::from(group))),
        _ => None,
    });
    Ok(members.collect::<Object>().into())
}

pub(super) fn map_values(args: &Args<'_>, lambdas: &[Lambda<'_>]) -> Result<Value, EvalError> {
    let (object, f) = (args.object(0)?, lambda(args, lambdas, 0)?);
    let mut mapped = Object::new();
    for (key, value) in object.iter() {
        mapped.insert(key.clone(), f.call(std::slice::from_ref(value))?);
    }
    Ok(mapped.into())
}
