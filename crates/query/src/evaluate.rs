//! Scalar expressions on a row.

use std::cell::RefCell;
use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value as Json;

use crate::compare::{equal, from_number, has, number, order, text, truth};
use crate::syntax::{Expression, What};
use crate::{QueryError, function};

/// A row with the names of its cells.
pub(crate) struct Scope<'a> {
    pub(crate) columns: &'a [String],
    pub(crate) row: &'a [Json],
    pub(crate) now: i64,
    pub(crate) patterns: &'a Patterns,
}

/// Regular expressions compiled before.
#[derive(Default)]
pub(crate) struct Patterns(RefCell<BTreeMap<String, Option<Regex>>>);

impl Patterns {
    pub(crate) fn with<T>(&self, pattern: &str, at: usize, then: impl FnOnce(&Regex) -> T) -> Result<T, QueryError> {
        let mut all = self.0.borrow_mut();
        let compiled = all
            .entry(pattern.to_owned())
            .or_insert_with(|| regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().ok());
        compiled.as_ref().map(then).ok_or_else(|| QueryError::new(at, format!("`{pattern}` is no regular expression")))
    }
}

impl Scope<'_> {
    pub(crate) fn value(&self, of: &Expression) -> Result<Json, QueryError> {
        Ok(match &of.what {
            What::Literal(value) => value.clone(),
            What::Column(name) => self.column(name, of.at)?.clone(),
            What::Member(inner, name) => match self.value(inner)? {
                Json::Object(mut members) => members.shift_remove(name.as_str()).unwrap_or_default(),
                _ => Json::Null,
            },
            What::Index(inner, index) => {
                let (of, index) = (self.value(inner)?, self.value(index)?);
                match (of, &index) {
                    (Json::Object(members), Json::String(key)) => members.get(key).cloned().unwrap_or_default(),
                    (Json::Array(items), Json::Number(n)) => n
                        .as_i64()
                        // -1 is the last.
                        .and_then(|n| {
                            usize::try_from(if n < 0 { n + i64::try_from(items.len()).ok()? } else { n }).ok()
                        })
                        .and_then(|n| items.get(n).cloned())
                        .unwrap_or_default(),
                    _ => Json::Null,
                }
            }
            What::Call(name, arguments) => function::call(self, name, arguments, of.at)?,
            What::Not(inner) => truth(&self.value(inner)?).map_or(Json::Null, |b| Json::Bool(!b)),
            What::Negative(inner) => number(&self.value(inner)?).map_or(Json::Null, |n| from_number(-n)),
            What::And(a, b) => match truth(&self.value(a)?) {
                Some(false) => Json::Bool(false),
                left => match (left, truth(&self.value(b)?)) {
                    (_, Some(false)) => Json::Bool(false),
                    (Some(true), Some(true)) => Json::Bool(true),
                    _ => Json::Null,
                },
            },
            What::Or(a, b) => match truth(&self.value(a)?) {
                Some(true) => Json::Bool(true),
                left => match (left, truth(&self.value(b)?)) {
                    (_, Some(true)) => Json::Bool(true),
                    (Some(false), Some(false)) => Json::Bool(false),
                    _ => Json::Null,
                },
            },
            What::Binary(operator, a, b) => self.binary(operator, &self.value(a)?, &self.value(b)?, of.at)?,
            What::Any(operator, a, items) => self.any(operator, &self.value(a)?, items)?,
            What::Between { value, low, high, negated } => {
                let value = self.value(value)?;
                let within = match (order(&value, &self.value(low)?), order(&value, &self.value(high)?)) {
                    (Some(low), Some(high)) => Some(low.is_ge() && high.is_le()),
                    _ => None,
                };
                within.map_or(Json::Null, |within| Json::Bool(within != *negated))
            }
        })
    }

    /// Does the condition hold? What is not known does not.
    pub(crate) fn holds(&self, of: &Expression) -> Result<bool, QueryError> {
        Ok(truth(&self.value(of)?) == Some(true))
    }

    fn column(&self, name: &str, at: usize) -> Result<&Json, QueryError> {
        let place = self.columns.iter().position(|c| c == name);
        place.and_then(|place| self.row.get(place)).ok_or_else(|| unknown(name, self.columns, at))
    }

    fn binary(&self, operator: &str, a: &Json, b: &Json, at: usize) -> Result<Json, QueryError> {
        let known = |truth: Option<bool>| truth.map_or(Json::Null, Json::Bool);
        let compared = |wanted: fn(std::cmp::Ordering) -> bool| known(order(a, b).map(wanted));
        let arithmetic = |compute: fn(f64, f64) -> f64| match (number(a), number(b)) {
            (Some(x), Some(y)) if compute(x, y).is_finite() => from_number(compute(x, y)),
            _ => Json::Null,
        };
        Ok(match operator {
            "==" => known(equal(a, b)),
            "!=" | "<>" => known(equal(a, b).map(|e| !e)),
            "<" => compared(std::cmp::Ordering::is_lt),
            ">" => compared(std::cmp::Ordering::is_gt),
            "<=" => compared(std::cmp::Ordering::is_le),
            ">=" => compared(std::cmp::Ordering::is_ge),
            "+" => arithmetic(|x, y| x + y),
            "-" => arithmetic(|x, y| x - y),
            "*" => arithmetic(|x, y| x * y),
            // Whole numbers divide to whole ones.
            "/" if a.is_i64() && b.is_i64() => arithmetic(|x, y| (x / y).trunc()),
            "/" => arithmetic(|x, y| x / y),
            "%" => arithmetic(|x, y| x % y),
            "matches" => Json::Bool(self.patterns.with(&text(b), at, |regex| regex.is_match(&text(a)))?),
            _ => Json::Bool(texts(operator, &text(a), &text(b))),
        })
    }

    fn any(&self, operator: &str, a: &Json, items: &[Expression]) -> Result<Json, QueryError> {
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            match self.value(item)? {
                // A list in one value: `in (dynamic([…]))`.
                Json::Array(inner) => values.extend(inner),
                other => values.push(other),
            }
        }
        let subject = text(a);
        let lower = subject.to_lowercase();
        let truth = match operator {
            "in" | "!in" => values.iter().any(|v| equal(a, v) == Some(true)),
            "in~" | "!in~" => values.iter().any(|v| text(v).to_lowercase() == lower),
            "has_any" => values.iter().any(|v| has(&lower, &text(v).to_lowercase(), false, false)),
            _ => values.iter().all(|v| has(&lower, &text(v).to_lowercase(), false, false)),
        };
        Ok(Json::Bool(truth != operator.starts_with('!')))
    }
}

pub(crate) fn unknown(name: &str, columns: &[String], at: usize) -> QueryError {
    let near = columns.iter().find(|c| c.eq_ignore_ascii_case(name));
    let hint = near.map(|n| format!("; there is `{n}`")).unwrap_or_default();
    QueryError::new(at, format!("there is no column `{name}`{hint}"))
}

/// Operators on texts; without `_cs` (and except `like`'s) they do not look at case.
fn texts(operator: &str, a: &str, b: &str) -> bool {
    let (negated, operator) = operator.strip_prefix('!').map_or((false, operator), |rest| (true, rest));
    if operator == "~" {
        return a.to_lowercase() != b.to_lowercase();
    }
    let exact = operator.strip_suffix("_cs");
    let (a, b) = if exact.is_some() { (a.to_owned(), b.to_owned()) } else { (a.to_lowercase(), b.to_lowercase()) };
    let truth = match exact.unwrap_or(operator) {
        "=~" => a == b,
        "contains" => a.contains(&b),
        "startswith" => a.starts_with(&b),
        "endswith" => a.ends_with(&b),
        "has" => has(&a, &b, false, false),
        "hasprefix" => has(&a, &b, true, false),
        "hassuffix" => has(&a, &b, false, true),
        "like" | "notlike" => (operator == "notlike") != like(&a, &b),
        _ => false,
    };
    truth != negated
}

fn like(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    last.map_or(rest.is_empty(), |last| text.ends_with(last))
}
