//! The difference between what is wanted and what is there, in the words of ARM's what-if.
//!
//! Source: Microsoft Learn, "What-if"; Azure/azure-rest-api-specs, resources 2021-04-01 (property change types).

use glidepath_arm::Value;
use serde::Serialize;

/// What happens to a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ChangeKind {
    /// It will be added.
    Create,
    /// It will be taken away.
    Delete,
    /// It will have another value.
    Modify,
}

/// One property that changes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PropertyChange {
    /// `properties.networkAcls.defaultAction`, array items as `[0]`.
    pub path: String,
    /// What happens.
    pub property_change_type: ChangeKind,
    /// The value now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// What would change if `desired` were put over `observed`.
///
/// A property that only `observed` has is left alone: the provider filled it in. Strings compare without case where both
/// are resource ids or region names would (`/…`); unknown desired values are taken as they are there. An array of other
/// length is one change; arrays of the same length are compared item by item.
pub fn differences(desired: &Value, observed: &Value) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    compare(desired, observed, &mut String::new(), &mut changes);
    changes
}

fn compare(desired: &Value, observed: &Value, path: &mut String, changes: &mut Vec<PropertyChange>) {
    let length = path.len();
    match (desired, observed) {
        (Value::Unknown(_), _) => {}
        (Value::Object(want), Value::Object(have)) => {
            for (key, value) in want.iter() {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(key);
                match have.get(key) {
                    Some(existing) => compare(value, existing, path, changes),
                    None if value.is_null() || is_empty(value) => {}
                    None => changes.push(PropertyChange {
                        path: path.clone(),
                        property_change_type: ChangeKind::Create,
                        before: None,
                        after: Some(value.clone()),
                    }),
                }
                path.truncate(length);
            }
        }
        (Value::Array(want), Value::Array(have)) if want.len() == have.len() => {
            for (i, (value, existing)) in want.iter().zip(have.iter()).enumerate() {
                path.push_str(&format!("[{i}]"));
                compare(value, existing, path, changes);
                path.truncate(length);
            }
        }
        (want, have) if same(want, have) || (path == "location" && is_one_region(want, have)) => {}
        (want, have) => changes.push(PropertyChange {
            path: path.clone(),
            property_change_type: if want.is_null() { ChangeKind::Delete } else { ChangeKind::Modify },
            before: Some(have.clone()),
            after: (!want.is_null()).then(|| want.clone()),
        }),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// `Sweden Central` and `swedencentral` name one region.
fn is_one_region(a: &Value, b: &Value) -> bool {
    let plain = |v: &Value| v.as_str().map(|s| s.replace(' ', "").to_ascii_lowercase());
    plain(a).is_some_and(|a| Some(a) == plain(b))
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a == b || (a.starts_with('/') && a.eq_ignore_ascii_case(b)),
        (Value::Int(i), Value::Float(f)) | (Value::Float(f), Value::Int(i)) => (*i as f64) == *f,
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_provider_adds_is_no_change() {
        let want = Value::from(json!({"properties": {"a": 1, "list": [{"n": "x"}], "id": "/Sub/A"}, "tags": {}}));
        let have =
            Value::from(json!({"properties": {"a": 1.0, "b": 2, "list": [{"n": "x", "etag": "1"}], "id": "/sub/a"}}));
        assert_eq!(differences(&want, &have), []);
    }

    #[test]
    fn changes_name_their_path() {
        let want = Value::from(json!({"properties": {"a": 2, "list": [{"n": "y"}], "c": true}}));
        let have = Value::from(json!({"properties": {"a": 1, "list": [{"n": "x"}]}}));
        let paths: Vec<_> = differences(&want, &have).into_iter().map(|c| (c.path, c.property_change_type)).collect();
        assert_eq!(
            paths,
            [
                ("properties.a".to_owned(), ChangeKind::Modify),
                ("properties.list[0].n".to_owned(), ChangeKind::Modify),
                ("properties.c".to_owned(), ChangeKind::Create)
            ]
        );
    }
}
