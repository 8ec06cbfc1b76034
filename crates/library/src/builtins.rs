//! Built-in definitions and initiatives as Microsoft publishes them.
//!
//! Source: Azure/azure-policy, `built-in-policies/`: a JSON file per asset, `{properties, id, name, type?}`.

use std::fmt;

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_source::{Finding, Span, Text, json};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

const DEFINITIONS: &str = "Microsoft.Authorization/policyDefinitions";
const INITIATIVES: &str = "Microsoft.Authorization/policySetDefinitions";

/// Built-in definitions and initiatives, loaded from a folder of published policy files (`{name, type?, properties}`) —
/// `(id, body)` pairs with ids `/providers/Microsoft.Authorization/policyDefinitions/<name>` or `policySetDefinitions`.
/// The body is `{properties}`. Files that are not JSON by name are passed over.
pub fn builtins(files: &[Text]) -> (Vec<(ResourceId, Value)>, Vec<Finding>) {
    let mut found = Vec::with_capacity(files.len());
    let mut findings = Vec::new();
    for file in files {
        match builtin(file) {
            Ok(Some(asset)) => found.push(asset),
            Ok(None) => {}
            Err(finding) => findings.push(finding),
        }
    }
    (found, findings)
}

/// Reads one published policy file; `None` for a file that is not JSON by name. For callers that read in parallel.
///
/// # Errors
/// The one finding that says why the file cannot be used.
pub fn builtin(file: &Text) -> Result<Option<(ResourceId, Value)>, Finding> {
    let json_by_name = file.name().get(file.name().len().saturating_sub(5)..);
    if !json_by_name.is_some_and(|end| end.eq_ignore_ascii_case(".json")) {
        return Ok(None);
    }
    let body = json_value(file)?;
    let bad = |message: &str| {
        Finding::error("builtins/not-a-policy", message)
            .at(file, Span::default())
            .help("a published policy file holds `name` and `properties`")
    };
    let Some(name) = body.get("name").and_then(Value::as_str) else { return Err(bad("the file has no `name`")) };
    let Some(properties) = body.get("properties").filter(|p| p.as_object().is_some()) else {
        return Err(bad("the file has no `properties`"));
    };
    let kind = if properties.get("policyDefinitions").is_some() { INITIATIVES } else { DEFINITIONS };
    let Some(id) = ResourceId::tenant().provider_child(kind, name) else {
        return Err(bad("the `name` is not one that an id can hold"));
    };
    Ok(Some((id, Value::object([("properties", properties)]))))
}

/// Strict JSON goes straight into a value, several times faster than through the tree with spans; what the strict
/// reader refuses is read the lenient way, which also knows the place of an error.
///
/// # Errors
/// The one finding that says why the text is no JSON that ARM takes.
pub fn json_value(file: &Text) -> Result<Value, Finding> {
    let mut strict = serde_json::Deserializer::from_str(file.as_str());
    match ValueSeed.deserialize(&mut strict).and_then(|value| strict.end().map(|()| value)) {
        Ok(value) => Ok(value),
        Err(_) => json::parse(file).map(|node| Value::from(&node)),
    }
}

struct ValueSeed;

impl<'de> DeserializeSeed<'de> for ValueSeed {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(ValueSeed)? {
            items.push(item);
        }
        Ok(Value::from(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            object.insert(key.as_ref(), map.next_value_seed(ValueSeed)?);
        }
        Ok(Value::from(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_follows_from_the_content() {
        let files = [
            Text::new("a.json", r#"{"name": "a", "properties": {"policyRule": {}}, "id": "/x/a", "type": "whatever"}"#),
            Text::new(
                "b.json",
                "{\n // as ARM accepts it\n \"name\": \"b\", \"properties\": {\"policyDefinitions\": [],},}",
            ),
            Text::new("README.md", "# no policy"),
        ];
        let (found, findings) = builtins(&files);
        assert_eq!(findings, []);
        let ids: Vec<&str> = found.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "/providers/Microsoft.Authorization/policyDefinitions/a",
                "/providers/Microsoft.Authorization/policySetDefinitions/b"
            ]
        );
        assert_eq!(found[0].1.to_string(), r#"{"properties":{"policyRule":{}}}"#);
    }

    #[test]
    fn bad_files_are_told_and_left_out() {
        let text = |text: &str| Text::new("x.json", text);
        let files = [text("{"), text("[]"), text(r#"{"name": "a"}"#), text(r#"{"name": "a/b", "properties": {}}"#)];
        let (found, findings) = builtins(&files);
        assert_eq!(found, []);
        let codes: Vec<&str> = findings.iter().map(|f| f.code).collect();
        assert_eq!(codes, ["json/syntax", "builtins/not-a-policy", "builtins/not-a-policy", "builtins/not-a-policy"]);
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert_eq!(builtins(&[text(&deep)]).1.len(), 1);
    }
}
