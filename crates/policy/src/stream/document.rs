//! A resource as it was read: looked into without being copied.

use glidepath_arm::{Object, Value};
use sonic_rs::{JsonContainerTrait as _, JsonNumberTrait as _, JsonType, JsonValueTrait as _};

use crate::path::{Path, Step};

/// A value of the text.
pub(super) type Json = sonic_rs::Value;

/// What stands beside the body in an export, and is no part of it.
const BESIDE: [&str; 4] = ["id", "name", "type", "apiVersion"];

/// The member of an object, found without case; of several the last, as ARM reads them.
pub(super) fn member<'d>(value: &'d Json, key: &str) -> Option<&'d Json> {
    let mut found = None;
    for (own, value) in value.as_object()?.iter() {
        if own.len() == key.len() && (own == key || own.eq_ignore_ascii_case(key)) {
            found = Some(value);
        }
    }
    found
}

/// A member of the body: what stands beside it is not seen.
pub(super) fn body_member<'d>(root: &'d Json, key: &str) -> Option<&'d Json> {
    if is_beside(key) { None } else { member(root, key) }
}

/// Does this member of the root stand beside the body?
pub(super) fn is_beside(key: &str) -> bool {
    BESIDE.iter().any(|beside| beside.eq_ignore_ascii_case(key))
}

/// The same value, owned.
pub(super) fn to_value(json: &Json) -> Value {
    match json.get_type() {
        JsonType::Null => Value::Null,
        JsonType::Boolean => Value::Bool(json.as_bool().unwrap_or_default()),
        JsonType::Number => match json.as_number() {
            Some(number) => {
                number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Int)
            }
            None => Value::Null,
        },
        JsonType::String => json.as_str().unwrap_or_default().into(),
        JsonType::Array => {
            json.as_array().into_iter().flat_map(|items| items.iter()).map(to_value).collect::<Vec<_>>().into()
        }
        JsonType::Object => {
            let mut object = Object::new();
            for (key, value) in json.as_object().into_iter().flat_map(|o| o.iter()) {
                object.insert(key, to_value(value));
            }
            object.into()
        }
    }
}

/// The body: everything but what stands beside it.
pub(super) fn to_body(root: &Json) -> Value {
    without_beside(to_value(root))
}

/// The same of a value.
pub(super) fn without_beside(mut body: Value) -> Value {
    let object = body.make_object();
    for key in BESIDE {
        object.remove(key);
    }
    body
}

/// The object the steps of a path start in; see [`Path`].
fn start<'d>(root: &'d Json, path: &Path) -> Start<'d> {
    if !path.structural {
        return Start::Body(root);
    }
    let Some(properties) = body_member(root, "properties") else { return Start::Body(root) };
    match path.steps.first() {
        Some(Step::Key(key)) if step_in(properties, key, true).is_none() && body_member(root, key).is_some() => {
            Start::Body(root)
        }
        _ => Start::Inside(properties),
    }
}

enum Start<'d> {
    Body(&'d Json),
    Inside(&'d Json),
}

fn step_in<'d>(value: &'d Json, key: &str, structural: bool) -> Option<&'d Json> {
    member(value, key).or_else(|| member(member(value, "properties").filter(|_| structural)?, key))
}

fn item<'d>(value: &'d Json, digits: &str, structural: bool) -> Option<&'d Json> {
    match value.as_array() {
        Some(items) => items.get(digits.parse::<usize>().ok()?),
        None if digits.parse::<u64>().is_ok() => step_in(value, digits, structural),
        None => None,
    }
}

/// Gives every value at a path to `each`, until it answers false; mirrors [`Path::find`].
pub(super) fn visit<'d>(root: &'d Json, path: &Path, each: &mut dyn FnMut(Option<&'d Json>) -> bool) -> bool {
    match (start(root, path), path.steps.split_first()) {
        (Start::Inside(value), _) => visit_steps(Some(value), &path.steps, path.structural, each),
        (Start::Body(root), Some((Step::Key(key), rest))) => {
            let inner = || member(body_member(root, "properties").filter(|_| path.structural)?, key);
            match body_member(root, key).or_else(inner) {
                None if rest.contains(&Step::Each) => true,
                next => visit_steps(next, rest, path.structural, each),
            }
        }
        (Start::Body(root), _) => visit_steps(Some(root), &path.steps, path.structural, each),
    }
}

/// The same from a value inside.
pub(super) fn visit_steps<'d>(
    value: Option<&'d Json>,
    steps: &[Step],
    structural: bool,
    each: &mut dyn FnMut(Option<&'d Json>) -> bool,
) -> bool {
    match (steps.split_first(), value) {
        (None, value) => each(value),
        (Some((Step::Key(key), rest)), value) => match value.and_then(|v| step_in(v, key, structural)) {
            // Nothing below what is missing: no members, or one missing value.
            None if rest.contains(&Step::Each) => true,
            next => visit_steps(next, rest, structural, each),
        },
        (Some((Step::Index(digits), rest)), value) => match value.and_then(|v| item(v, digits, structural)) {
            None if rest.contains(&Step::Each) => true,
            next => visit_steps(next, rest, structural, each),
        },
        (Some((Step::Each, rest)), Some(value)) => match value.as_array() {
            Some(items) => items.iter().all(|item| visit_steps(Some(item), rest, structural, each)),
            None => true,
        },
        (Some((Step::Each, _)), None) => true,
    }
}
