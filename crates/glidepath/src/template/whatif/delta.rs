//! The property changes of one resource.
//!
//! A property that only the observed body has is the provider's default, and no change; tags are replaced as a whole, so
//! those are. Items of an array are matched by their `id` or `name` where all have one, plain values as a set, the rest
//! by position: an array that comes back in another order has not changed. What is unknown is taken as it is there.

use glidepath_arm::Value;
use serde::Serialize;

/// What happens to a property, in what-if's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    Create,
    Delete,
    Modify,
    /// Its items change; the children say how, their paths are indices.
    Array,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delta {
    pub(super) path: String,
    pub(super) property_change_type: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) children: Vec<Delta>,
}

impl Delta {
    fn new(path: &str, kind: Kind, before: Option<&Value>, after: Option<&Value>) -> Self {
        Self {
            path: path.to_owned(),
            property_change_type: kind,
            before: before.cloned(),
            after: after.cloned(),
            children: Vec::new(),
        }
    }
}

/// What would change if `desired` were put over `observed`.
pub(super) fn delta(desired: &Value, observed: &Value) -> Vec<Delta> {
    let mut found = Vec::new();
    compare(desired, observed, &mut String::new(), &mut found);
    found
}

fn compare(desired: &Value, observed: &Value, path: &mut String, found: &mut Vec<Delta>) {
    let length = path.len();
    match (desired, observed) {
        (Value::Unknown(_), _) => {}
        (Value::Object(want), Value::Object(have)) => {
            let is_tags = path == "tags";
            let step = |path: &mut String, key: &str, visit: &mut dyn FnMut(&mut String)| {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                visit(path);
                path.truncate(length);
            };
            for (key, value) in want.iter() {
                step(path, key, &mut |path| match have.get(key) {
                    Some(there) => compare(value, there, path, found),
                    None if is_nothing(value) => {}
                    None => found.push(Delta::new(path, Kind::Create, None, Some(value))),
                });
            }
            for (key, there) in have.iter().filter(|(key, _)| is_tags && want.get(key).is_none()) {
                step(path, key, &mut |path| found.push(Delta::new(path, Kind::Delete, Some(there), None)));
            }
        }
        (Value::Array(want), Value::Array(have)) => {
            let children = items(want, have);
            if !children.is_empty() {
                let array = Delta::new(path, Kind::Array, Some(observed), Some(desired));
                found.push(Delta { children, ..array });
            }
        }
        (want, have) if same(want, have, path) => {}
        (Value::Null, have) => found.push(Delta::new(path, Kind::Delete, Some(have), None)),
        (want, Value::Null) => found.push(Delta::new(path, Kind::Create, None, Some(want))),
        (want, have) => found.push(Delta::new(path, Kind::Modify, Some(have), Some(want))),
    }
}

fn items(want: &[Value], have: &[Value]) -> Vec<Delta> {
    let all = || want.iter().chain(have);
    let plain = all().all(|v| !matches!(v, Value::Object(_) | Value::Array(_) | Value::Unknown(_)));
    let key = ["id", "name"].into_iter().find(|key| {
        !want.is_empty() && !have.is_empty() && all().all(|v| v.get(key).and_then(Value::as_str).is_some())
    });
    let fits = |a: &Value, b: &Value| match key {
        Some(key) => match (a.get(key), b.get(key)) {
            (Some(a), Some(b)) => a.as_str().zip(b.as_str()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b)),
            _ => false,
        },
        None => same(a, b, ""),
    };
    let mut found = Vec::new();
    if !plain && key.is_none() {
        for (i, value) in want.iter().enumerate() {
            match have.get(i) {
                Some(there) => compare(value, there, &mut i.to_string(), &mut found),
                None if value.is_unknown() => {}
                None => found.push(Delta::new(&i.to_string(), Kind::Create, None, Some(value))),
            }
        }
        for (i, there) in have.iter().enumerate().skip(want.len()) {
            found.push(Delta::new(&i.to_string(), Kind::Delete, Some(there), None));
        }
        return found;
    }
    let mut taken = vec![false; have.len()];
    for (i, value) in want.iter().enumerate() {
        let at =
            have.iter().enumerate().position(|(j, there)| !taken.get(j).copied().unwrap_or(true) && fits(value, there));
        match at.and_then(|at| Some((at, have.get(at)?))) {
            Some((at, there)) => {
                if let Some(slot) = taken.get_mut(at) {
                    *slot = true;
                }
                compare(value, there, &mut i.to_string(), &mut found);
            }
            None => found.push(Delta::new(&i.to_string(), Kind::Create, None, Some(value))),
        }
    }
    for (j, there) in have.iter().enumerate().filter(|(j, _)| !taken.get(*j).copied().unwrap_or(true)) {
        found.push(Delta::new(&j.to_string(), Kind::Delete, Some(there), None));
    }
    found
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Unknown(_) => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Ids and regions are written in more than one way.
fn same(a: &Value, b: &Value, path: &str) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) if path == "location" => region(a) == region(b),
        (Value::String(a), Value::String(b)) if path.rsplit('.').next() == Some("name") => a.eq_ignore_ascii_case(b),
        (Value::String(a), Value::String(b)) => a == b || (a.starts_with('/') && a.eq_ignore_ascii_case(b)),
        (Value::Int(i), Value::Float(f)) | (Value::Float(f), Value::Int(i)) => (*i as f64) == *f,
        _ => a == b,
    }
}

fn region(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(want: serde_json::Value, have: serde_json::Value) -> Vec<(String, Kind)> {
        delta(&want.into(), &have.into()).into_iter().map(|d| (d.path, d.property_change_type)).collect()
    }

    #[test]
    fn defaults_order_and_writing_are_no_change() {
        let want = json!({"location": "West Europe", "properties": {"a": 1, "id": "/Sub/A", "list": ["x", "y"], "rules": [{"name": "b"}, {"name": "a", "p": 1}]}});
        let have = json!({"location": "westeurope", "properties": {"a": 1.0, "extra": true, "id": "/sub/a", "list": ["y", "x"],
            "rules": [{"name": "A", "p": 1, "etag": "1"}, {"name": "b"}]}});
        assert_eq!(paths(want, have), []);
    }

    #[test]
    fn changes_are_named_in_what_ifs_words() {
        let want = json!({"tags": {"a": "1"}, "properties": {"x": 2, "new": true, "rules": [{"name": "a", "p": 2}, {"name": "c"}]}});
        let have = json!({"tags": {"a": "1", "b": "2"}, "properties": {"x": 1, "rules": [{"name": "b"}, {"name": "a", "p": 1}]}});
        let found = delta(&want.into(), &have.into());
        let shown: Vec<(String, Kind)> = found.iter().map(|d| (d.path.clone(), d.property_change_type)).collect();
        let wanted = [
            ("tags.b", Kind::Delete),
            ("properties.x", Kind::Modify),
            ("properties.new", Kind::Create),
            ("properties.rules", Kind::Array),
        ];
        assert_eq!(shown, wanted.map(|(p, k)| (p.to_owned(), k)));
        let children: Vec<(&str, Kind)> =
            found[3].children.iter().map(|d| (d.path.as_str(), d.property_change_type)).collect();
        assert_eq!(children, [("0.p", Kind::Modify), ("1", Kind::Create), ("0", Kind::Delete)]);
    }
}
