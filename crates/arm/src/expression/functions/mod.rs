//! The pure functions: the same arguments always give the same value.
//!
//! Source: Microsoft Learn, "ARM template functions". Messages name the function and the argument.

use std::sync::Arc;

use super::evaluate::Lambda;
use super::{Call, EvalError};
use crate::{Object, Value};

mod arrays;
mod cidr;
mod compare;
mod dates;
mod encoding;
mod format;
mod hashing;
mod lambdas;
mod numbers;
mod objects;
mod strings;
mod table;
mod uris;

pub use dates::{format_time, parse_time};
pub use hashing::{guid, unique_string};
pub use strings::text;
pub use uris::combine as combine_uris;

/// No string may grow longer than this, in bytes: ten times what ARM takes as a whole template.
const LONGEST_STRING: usize = 40 << 20;

/// A function ARM or Azure Policy knows.
#[derive(Debug)]
pub struct Function {
    /// Its name in ARM's casing.
    pub name: &'static str,
    pub(crate) least: u8,
    /// `u8::MAX` for any number.
    pub(crate) most: u8,
    pub(crate) run: Run,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

pub(crate) type Body = fn(&Args<'_>) -> Result<Value, EvalError>;

/// How a function treats its arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Run {
    /// Unknown when an argument is unknown as a whole.
    Pure(Body),
    /// Unknown when anything in an argument is unknown.
    Deep(Body),
    /// Deals with unknowns itself.
    Own(Body),
    /// Takes lambdas.
    Lambda(fn(&Args<'_>, &[Lambda<'_>]) -> Result<Value, EvalError>),
    If,
    And,
    Or,
    Coalesce,
    LambdaVariables,
    /// Depends on where the expression stands.
    Host,
}

impl Function {
    pub(crate) fn check_count(&self, count: usize) -> Result<(), EvalError> {
        let (least, most) = (usize::from(self.least), usize::from(self.most));
        if count >= least && (count <= most || self.most == u8::MAX) {
            return Ok(());
        }
        let wanted = if self.most == u8::MAX {
            format!("at least {least}")
        } else if least == most {
            least.to_string()
        } else {
            format!("{least} to {most}")
        };
        let noun = if wanted == "1" || wanted == "at least 1" { "argument" } else { "arguments" };
        Err(EvalError::new(
            "expression/wrong-argument-count",
            format!("`{}` takes {wanted} {noun}, here are {count}", self.name),
        ))
    }
}

/// Finds a function by name, without case.
pub(crate) fn find(name: &str) -> Option<&'static Function> {
    let key = name.to_ascii_lowercase();
    let at = table::FUNCTIONS.partition_point(|f| lower_cmp(f.name, &key).is_lt());
    table::FUNCTIONS.get(at).filter(|f| f.name.eq_ignore_ascii_case(&key))
}

fn lower_cmp(name: &str, key: &str) -> std::cmp::Ordering {
    name.bytes().map(|b| b.to_ascii_lowercase()).cmp(key.bytes())
}

/// Does ARM or Azure Policy have a function of this name, whatever its casing?
pub fn is_function(name: &str) -> bool {
    find(name).is_some()
}

/// The function whose name is nearest, if one is near.
pub fn closest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let candidates = table::FUNCTIONS.iter().map(|f| (distance(&name, &f.name.to_ascii_lowercase()), f.name));
    candidates.filter(|(d, _)| *d <= 2 && *d < name.len()).min_by_key(|(d, _)| *d).map(|(_, name)| name)
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(b.chars()) {
            let above = *cell;
            left = (diagonal + usize::from(x != y)).min(left + 1).min(above + 1);
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

/// The arguments of a call, evaluated.
pub(crate) struct Args<'a> {
    pub(crate) name: &'static str,
    pub(crate) values: &'a [Value],
    pub(crate) call: Option<&'a Call>,
}

impl Args<'_> {
    fn len(&self) -> usize {
        self.values.len()
    }

    fn get(&self, at: usize) -> &Value {
        self.values.get(at).unwrap_or(&Value::Null)
    }

    fn str(&self, at: usize) -> Result<&Arc<str>, EvalError> {
        match self.get(at) {
            Value::String(s) => Ok(s),
            other => Err(wrong_type(self.name, at, "a string", other)),
        }
    }

    fn int(&self, at: usize) -> Result<i64, EvalError> {
        match self.get(at) {
            Value::Int(i) => Ok(*i),
            Value::Float(f) if f.fract() == 0.0 && f.abs() < 9e15 => Ok(*f as i64),
            other => Err(wrong_type(self.name, at, "an integer", other)),
        }
    }

    fn array(&self, at: usize) -> Result<&Arc<Vec<Value>>, EvalError> {
        match self.get(at) {
            Value::Array(items) => Ok(items),
            other => Err(wrong_type(self.name, at, "an array", other)),
        }
    }

    fn object(&self, at: usize) -> Result<&Arc<Object>, EvalError> {
        match self.get(at) {
            Value::Object(object) => Ok(object),
            other => Err(wrong_type(self.name, at, "an object", other)),
        }
    }

    fn wrong(&self, at: usize, wanted: &str) -> EvalError {
        wrong_type(self.name, at, wanted, self.get(at))
    }

    fn bad(&self, message: impl std::fmt::Display) -> EvalError {
        EvalError::new("expression/bad-argument", format!("`{}`: {message}", self.name))
    }

    /// The unknown this call gives for the reason of its first unknown.
    fn unknown(&self) -> Value {
        let mut reason = None;
        for value in self.values {
            value.for_each_unknown(&mut |_, unknown| {
                if reason.is_none() {
                    reason = Some(unknown.reason.clone());
                }
            });
        }
        match (reason, self.call) {
            (Some(reason), Some(call)) => super::evaluate::unknown_call(call, self.values, &reason),
            _ => Value::Null,
        }
    }

    /// A string, if it is not too long.
    fn bounded(&self, length: usize) -> Result<(), EvalError> {
        if length <= LONGEST_STRING {
            return Ok(());
        }
        Err(EvalError::new("expression/too-large", format!("`{}` makes a string of {length} bytes", self.name)))
    }
}

/// `1st`, `2nd`, … argument, by position from 0.
fn ordinal(at: usize) -> String {
    match at {
        0 => "first".into(),
        1 => "second".into(),
        2 => "third".into(),
        n => format!("{}th", n + 1),
    }
}

/// A value in a reader's words: `a string`, `an array`.
pub(crate) fn a_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Int(_) => "an integer",
        Value::Float(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
        Value::Unknown(_) => "unknown",
    }
}

pub(crate) fn wrong_type(function: &str, at: usize, wanted: &str, found: &Value) -> EvalError {
    EvalError::new(
        "expression/wrong-type",
        format!("the {} argument of `{function}` is {}, it should be {wanted}", ordinal(at), a_kind(found)),
    )
}

/// One step into a known value. An unknown key gives an unknown.
pub(crate) fn step(value: &Value, key: &Value) -> Result<Value, EvalError> {
    match (value, key) {
        (_, Value::Unknown(unknown)) => Ok(super::literal(value, 500).map_or_else(
            || Value::Unknown(unknown.clone()),
            |text| Value::unknown(unknown.reason.clone(), format!("{text}[{}]", unknown.expression)),
        )),
        (Value::Object(object), Value::String(name)) => object.get(name).cloned().ok_or_else(|| {
            let error = EvalError::new("expression/no-such-property", format!("there is no property `{name}`"));
            let keys: Vec<String> = object.keys().take(12).map(|k| format!("`{k}`")).collect();
            match keys.len() {
                0 => error.help("the object has no properties at all"),
                _ => error.help(format!(
                    "it has {}{}",
                    keys.join(", "),
                    if object.len() > keys.len() { ", …" } else { "" }
                )),
            }
        }),
        (Value::Array(items), Value::Int(at)) => {
            usize::try_from(*at).ok().and_then(|at| items.get(at)).cloned().ok_or_else(|| {
                EvalError::new(
                    "expression/out-of-range",
                    format!("there is no item {at}: the array has {} (counted from 0)", items.len()),
                )
            })
        }
        (Value::Array(_), other) => Err(EvalError::new(
            "expression/wrong-type",
            format!("an array is indexed by an integer, not {}", a_kind(other)),
        )),
        (Value::Object(_), other) => Err(EvalError::new(
            "expression/wrong-type",
            format!("an object is indexed by a property name, not {}", a_kind(other)),
        )),
        (other, key) => {
            Err(EvalError::new("expression/no-such-property", format!("{} has no {}", a_kind(other), key_words(key))))
        }
    }
}

fn key_words(key: &Value) -> String {
    match key {
        Value::String(name) => format!("property `{name}`"),
        Value::Int(at) => format!("item {at}"),
        _ => "such part".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_searchable() {
        for pair in table::FUNCTIONS.windows(2) {
            assert!(
                pair[0].name.to_ascii_lowercase() < pair[1].name.to_ascii_lowercase(),
                "{} {}",
                pair[0].name,
                pair[1].name
            );
        }
        assert_eq!(find("RESOURCEid").unwrap().name, "resourceId");
        assert!(find("nope").is_none());
        assert_eq!(closest("concatt"), Some("concat"));
        assert_eq!(closest("zzzzzz"), None);
    }
}
