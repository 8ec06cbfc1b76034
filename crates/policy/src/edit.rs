//! Changing one field of a body, as `append` and `modify` do.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/effect-append, effect-modify, and
//! policy/how-to/author-policies-for-arrays, "Modifying arrays".

use std::sync::Arc;

use glidepath_arm::{Object, Value};

use crate::operator::same;
use crate::path::{Path, Step};

/// What to do to a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edit {
    /// `append`: set where missing, refuse where another value is.
    Append(Value),
    /// `modify`, `add`: set where missing; on `[*]` add a member.
    Add(Value),
    /// `modify`, `addOrReplace`: set; on `[*]` the one member that remains.
    Replace(Value),
    /// `modify`, `remove`.
    Remove,
}

/// What came of an edit at one place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Edited {
    /// Another value is there now: what was there, what is.
    Changed(Value, Value),
    /// It was so already.
    Same,
    /// The object that should hold the field is not in the request.
    NoParent,
    /// `append` would have to change this value.
    Refused(Value),
    /// What is there is not known.
    Untold(Value),
}

/// Carries out an edit; one answer for each place a path with `[*]` inside leads to.
pub(crate) fn edit(body: &mut Value, path: &Path, edit: &Edit) -> Vec<Edited> {
    let mut out = Vec::new();
    let steps = path.steps.as_slice();
    let start = if path.structural { structural_root(body, steps) } else { None };
    match start {
        Some(key) => match child(body, key, matches!(edit, Edit::Append(_))) {
            Some(root) => descend(root, steps, path.structural, edit, &mut out),
            None => out.push(Edited::NoParent),
        },
        None => descend(body, steps, path.structural, edit, &mut out),
    }
    out
}

/// Structural paths start in `properties`, unless the body has the first key at its top only.
fn structural_root(body: &Value, steps: &[Step]) -> Option<&'static str> {
    let Some(Step::Key(key)) = steps.first() else { return Some("properties") };
    let inside = body.get("properties").is_some_and(|p| p.get(key).is_some());
    (inside || body.get(key).is_none()).then_some("properties")
}

/// The member to go into. `append` makes what is missing; `modify` does not.
fn child<'v>(value: &'v mut Value, key: &str, create: bool) -> Option<&'v mut Value> {
    if value.is_unknown() {
        return Some(value);
    }
    let missing = value.get(key).is_none_or(Value::is_null);
    if missing && !(create && matches!(value, Value::Object(_) | Value::Null)) {
        return None;
    }
    let object = value.make_object();
    if missing {
        object.insert(key, Object::new());
    }
    object.get_mut(key)
}

fn descend(value: &mut Value, steps: &[Step], structural: bool, action: &Edit, out: &mut Vec<Edited>) {
    if value.is_unknown() {
        out.push(Edited::Untold(value.clone()));
        return;
    }
    match steps {
        [] => {}
        [Step::Key(key)] => {
            out.push(nested(value, key, structural).map_or(Edited::NoParent, |holder| set_member(holder, key, action)));
        }
        [Step::Key(key), Step::Each] => {
            out.push(nested(value, key, structural).map_or(Edited::NoParent, |holder| set_items(holder, key, action)));
        }
        [Step::Key(key), rest @ ..] => {
            // Tags may always be added.
            let create = matches!(action, Edit::Append(_)) || key.eq_ignore_ascii_case("tags");
            let create = create && !rest.contains(&Step::Each);
            match nested(value, key, structural).and_then(|holder| child(holder, key, create)) {
                Some(next) => descend(next, rest, structural, action, out),
                None => out.push(Edited::NoParent),
            }
        }
        // An item by its place: no alias has such a path.
        [Step::Index(_), ..] => out.push(Edited::NoParent),
        [Step::Each, rest @ ..] => {
            if let Value::Array(items) = value {
                Arc::make_mut(items).iter_mut().for_each(|item| descend(item, rest, structural, action, out));
            }
        }
    }
}

/// The object that holds a key: for structural paths perhaps the nested `properties`.
fn nested<'v>(value: &'v mut Value, key: &str, structural: bool) -> Option<&'v mut Value> {
    let inside = structural
        && value.get(key).is_none()
        && value.get("properties").is_some_and(|p| matches!(p, Value::Object(_)));
    if inside { value.make_object().get_mut("properties") } else { Some(value) }
}

fn set_member(holder: &mut Value, key: &Arc<str>, action: &Edit) -> Edited {
    if !matches!(holder, Value::Object(_) | Value::Null) {
        return Edited::NoParent;
    }
    let before = holder.get(key).cloned().unwrap_or(Value::Null);
    if let Value::Unknown(_) = before
        && !matches!(action, Edit::Replace(_) | Edit::Remove)
    {
        return Edited::Untold(before);
    }
    let value = match action {
        Edit::Remove if before.is_null() => return Edited::Same,
        Edit::Remove => {
            holder.make_object().remove(key);
            return Edited::Changed(before, Value::Null);
        }
        Edit::Append(value) if !before.is_null() => {
            return if same(&before, value) { Edited::Same } else { Edited::Refused(before) };
        }
        Edit::Add(_) if !before.is_null() => return Edited::Same,
        Edit::Replace(value) if *value == before => return Edited::Same,
        Edit::Append(value) | Edit::Add(value) | Edit::Replace(value) => value,
    };
    holder.make_object().insert(key.clone(), value);
    Edited::Changed(before, value.clone())
}

/// The members of an array: one more, or only this one.
fn set_items(holder: &mut Value, key: &Arc<str>, action: &Edit) -> Edited {
    if !matches!(holder, Value::Object(_) | Value::Null) {
        return Edited::NoParent;
    }
    let before = holder.get(key).cloned().unwrap_or(Value::Null);
    let items = match &before {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        Value::Unknown(_) => return Edited::Untold(before),
        _ => return Edited::Refused(before),
    };
    let after: Value = match action {
        Edit::Append(value) if items.iter().any(|item| same(item, value)) => return Edited::Same,
        Edit::Append(value) | Edit::Add(value) => {
            items.iter().cloned().chain([value.clone()]).collect::<Vec<_>>().into()
        }
        Edit::Replace(value) => Value::array([value]),
        Edit::Remove => Value::array::<Value>([]),
    };
    if after == before {
        return Edited::Same;
    }
    holder.make_object().insert(key.clone(), after.clone());
    Edited::Changed(before, after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::parse;
    use serde_json::json;

    fn run(body: serde_json::Value, path: &str, structural: bool, action: Edit) -> (String, Vec<Edited>) {
        let mut body = Value::from(body);
        let out = edit(&mut body, &Path { steps: parse(path), structural }, &action);
        (body.to_string(), out)
    }

    #[test]
    fn arrays_grow_or_are_replaced() {
        let body = json!({"properties": {"r": [{"name": "a"}]}});
        let member = Value::from(json!({"name": "b"}));
        let (text, _) = run(body.clone(), "r[*]", true, Edit::Add(member.clone()));
        assert_eq!(text, r#"{"properties":{"r":[{"name":"a"},{"name":"b"}]}}"#);
        let (text, _) = run(body.clone(), "r[*]", true, Edit::Replace(member));
        assert_eq!(text, r#"{"properties":{"r":[{"name":"b"}]}}"#);
        let (text, _) = run(body, "r[*].x", true, Edit::Replace(Value::Int(1)));
        assert_eq!(text, r#"{"properties":{"r":[{"name":"a","x":1}]}}"#);
    }

    #[test]
    fn only_append_makes_parents() {
        let (text, out) = run(json!({"properties": {}}), "a.b", true, Edit::Replace(Value::Int(1)));
        assert_eq!((text.as_str(), out.as_slice()), (r#"{"properties":{}}"#, [Edited::NoParent].as_slice()));
        let (text, _) = run(json!({}), "a.b", true, Edit::Append(Value::Int(1)));
        assert_eq!(text, r#"{"properties":{"a":{"b":1}}}"#);
        let (text, _) = run(json!({}), "tags.x", false, Edit::Add("y".into()));
        assert_eq!(text, r#"{"tags":{"x":"y"}}"#);
    }
}
