//! What Azure takes at most of a rule.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/definition-structure-policy-rule, "Policy rule limits".

use std::collections::BTreeMap;

use glidepath_arm::Value;
use glidepath_arm::expression::EvalError;

use crate::author::Author;
use crate::rule::{Condition, FieldName, Left, Over};

/// Conditions in `if`.
const CONDITIONS: usize = 4_096;
/// Conditions in `existenceCondition`.
const EXISTENCE_CONDITIONS: usize = 128;
/// Function calls in a rule.
const FUNCTIONS: usize = 2_048;
/// Arguments of one call.
pub(crate) const ARGUMENTS: usize = 128;
/// Levels of nested conditions.
pub(crate) const DEPTH: usize = 64;
/// Characters of one expression.
pub(crate) const EXPRESSION: usize = 81_920;
/// Counts over one array.
const FIELD_COUNTS: usize = 5;
/// Counts over values.
const VALUE_COUNTS: usize = 10;
/// Members of a list that is counted by value.
pub(crate) const ITERATIONS: usize = 100;

/// Characters of a string that an expression makes.
const STRING: usize = 131_072;
/// Levels of a value that an expression makes.
const VALUE_DEPTH: usize = 128;
/// Values in a value that an expression makes.
const NODES: usize = 32_768;
/// Conditions looked at and functions called while one rule is evaluated. Ours: Azure's own budget is a time, and unknown.
pub(crate) const STEPS: u32 = 2_000_000;

/// What an expression makes, if it is not more than Azure takes; beyond, the evaluation fails (and the request with it).
///
/// # Errors
/// What is too large.
pub(crate) fn within(value: Value) -> Result<Value, EvalError> {
    let mut nodes = 0;
    let problem = match &value {
        Value::String(_) | Value::Array(_) | Value::Object(_) => measure(&value, 1, &mut nodes),
        _ => None,
    };
    problem.map_or(Ok(value), |message| Err(EvalError::new("policy/too-large", message)))
}

fn measure(value: &Value, depth: usize, nodes: &mut usize) -> Option<String> {
    *nodes += 1;
    if *nodes > NODES {
        return Some(format!("an expression makes more than {NODES} values"));
    }
    if depth > VALUE_DEPTH {
        return Some(format!("an expression makes a value of more than {VALUE_DEPTH} levels"));
    }
    match value {
        Value::String(text) if text.len() > STRING && text.chars().count() > STRING => {
            Some(format!("an expression makes a string of {} characters; {STRING} are allowed", text.chars().count()))
        }
        Value::Array(items) => items.iter().find_map(|item| measure(item, depth + 1, nodes)),
        Value::Object(object) => object.values().find_map(|item| measure(item, depth + 1, nodes)),
        _ => None,
    }
}

#[derive(Default)]
struct Size {
    conditions: usize,
    values: usize,
    arrays: BTreeMap<String, usize>,
}

impl Size {
    fn add(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| self.add(part)),
            Condition::Not(part) => self.add(part),
            Condition::Test(test) => {
                self.conditions += 1;
                let Left::Count(count) = &test.left else { return };
                match &count.over {
                    Over::Value(_) => self.values += 1,
                    Over::Field(FieldName::Fixed(field)) => *self.arrays.entry(field.key.clone()).or_insert(0) += 1,
                    Over::Field(FieldName::Computed(_)) => {}
                }
                if let Some(filter) = &count.filter {
                    self.add(filter);
                }
            }
        }
    }
}

/// Tells what of a rule is more than Azure takes.
pub(crate) fn check(condition: &Condition, existence: Option<&Condition>, author: &mut Author<'_>) {
    let mut size = Size::default();
    size.add(condition);
    let mut within = |what: &str, found: usize, most: usize| {
        if found > most {
            author.error("policy/too-large", format!("{found} {what}; {most} are allowed"));
        }
    };
    within("conditions", size.conditions, CONDITIONS);
    if let Some(existence) = existence {
        let mut inner = Size::default();
        inner.add(existence);
        within("conditions in `existenceCondition`", inner.conditions, EXISTENCE_CONDITIONS);
    }
    within("counts over values", size.values, VALUE_COUNTS);
    for (array, found) in &size.arrays {
        within(&format!("counts over `{array}`"), *found, FIELD_COUNTS);
    }
    let functions = author.functions;
    if functions > FUNCTIONS {
        author.error("policy/too-large", format!("{functions} function calls; {FUNCTIONS} are allowed"));
    }
}
