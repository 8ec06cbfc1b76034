//! Values that only a running resource knows: `reference('<id>').identity.principalId`.
//!
//! Source: Microsoft Learn, "Resource functions for ARM templates", `reference`: without `'Full'` it returns the properties;
//! a design may also name a member of the whole resource, since it cannot mean anything else.

use std::collections::BTreeMap;

use glidepath_arm::{Object, ResourceId, Unknown, Value};

use crate::{ClientError, Target};

/// Members of the whole resource rather than of its properties.
const WHOLE: [&str; 13] = [
    "apiVersion",
    "extendedLocation",
    "id",
    "identity",
    "kind",
    "location",
    "managedBy",
    "name",
    "plan",
    "properties",
    "sku",
    "tags",
    "zones",
];

/// A body with every unknown replaced by what the target says; a body without unknowns costs nothing.
pub(crate) async fn resolve(target: &Target, body: &Value) -> Result<Value, ClientError> {
    if !body.has_unknown() {
        return Ok(body.clone());
    }
    let mut unknowns = Vec::new();
    body.for_each_unknown(&mut |_, unknown| unknowns.push(unknown));
    let mut values: BTreeMap<&str, Value> = BTreeMap::new();
    for unknown in unknowns {
        if !values.contains_key(unknown.expression.as_str()) {
            values.insert(&unknown.expression, read(target, unknown).await?);
        }
    }
    Ok(replace(body, &values))
}

async fn read(target: &Target, unknown: &Unknown) -> Result<Value, ClientError> {
    let unresolved = |detail: String| ClientError::Unresolved { expression: unknown.expression.clone(), detail };
    let Some(reference) = Reference::parse(&unknown.expression) else {
        return Err(unresolved(unknown.reason.to_string()));
    };
    let version = reference.api_version.or(target.version_of(&reference.id)).ok_or_else(|| {
        unresolved(format!("`{}` is not part of the design, and the expression names no api-version", reference.id))
    })?;
    let resource = target.get(&reference.id, version).await?;
    let resource = resource.ok_or_else(|| unresolved(format!("`{}` does not exist", reference.id)))?;
    let value = reference.path.iter().try_fold(&resource, |at, part| part.of(at));
    value.cloned().ok_or_else(|| unresolved(format!("`{}` has no such value", reference.id)))
}

fn replace(value: &Value, values: &BTreeMap<&str, Value>) -> Value {
    match value {
        Value::Unknown(unknown) => values.get(unknown.expression.as_str()).unwrap_or(value).clone(),
        Value::Array(items) => items.iter().map(|item| replace(item, values)).collect::<Vec<_>>().into(),
        Value::Object(object) => {
            object.iter().map(|(key, item)| (key.clone(), replace(item, values))).collect::<Object>().into()
        }
        other => other.clone(),
    }
}

#[derive(Debug, PartialEq)]
struct Reference<'a> {
    id: ResourceId,
    api_version: Option<&'a str>,
    path: Vec<Part<'a>>,
}

#[derive(Debug, PartialEq)]
enum Part<'a> {
    Member(&'a str),
    Item(usize),
}

impl Part<'_> {
    fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match self {
            Part::Member(name) => value.get(name),
            Part::Item(at) => value.as_array()?.get(*at),
        }
    }
}

impl<'a> Reference<'a> {
    /// Reads `reference('<id>'[, '<api-version>'[, 'Full']]).member[0].member`, and nothing else.
    fn parse(expression: &'a str) -> Option<Self> {
        let rest = expression.trim().strip_prefix("reference(")?;
        let (arguments, rest) = rest.split_once(')')?;
        let mut arguments = arguments.split(',').map(|a| a.trim().strip_prefix('\'')?.strip_suffix('\''));
        let id = ResourceId::new(arguments.next()??);
        let api_version = arguments.next().flatten();
        let full = arguments.next().flatten().is_some_and(|a| a.eq_ignore_ascii_case("full"));
        let mut path = parts(rest)?;
        let whole = match path.first() {
            Some(Part::Member(first)) => WHOLE.iter().any(|w| w.eq_ignore_ascii_case(first)),
            _ => false,
        };
        if !full && !whole {
            path.insert(0, Part::Member("properties"));
        }
        Some(Self { id, api_version, path })
    }
}

fn parts(mut rest: &str) -> Option<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, tail) = after.split_at_checked(end)?;
            let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            parts.push(Part::Member(Some(name).filter(|_| plain)?));
            rest = tail;
        } else {
            let (inside, tail) = rest.strip_prefix('[')?.split_once(']')?;
            let quoted = inside.strip_prefix('\'').and_then(|s| s.strip_suffix('\''));
            parts.push(match quoted {
                Some(name) => Part::Member(name),
                None => Part::Item(inside.parse().ok()?),
            });
            rest = tail;
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_of_the_properties_unless_only_the_resource_has_them() {
        let path = |text| Reference::parse(text).map(|r| format!("{:?}", r.path));
        assert_eq!(
            path("reference('/a').identity.principalId").unwrap(),
            r#"[Member("identity"), Member("principalId")]"#
        );
        assert_eq!(
            path("reference('/a', '2024-01-01').list[0]['x y']").unwrap(),
            r#"[Member("properties"), Member("list"), Item(0), Member("x y")]"#
        );
        assert_eq!(path("reference('/a', '2024-01-01', 'Full').etag").unwrap(), r#"[Member("etag")]"#);
        assert_eq!(Reference::parse("reference('/a', '2024-01-01')").unwrap().api_version, Some("2024-01-01"));
        for other in [
            "concat('a', reference('/a').b)",
            "reference('/a').b, 'x'",
            "reference(variables('a')).b",
            "listKeys('/a')",
        ] {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
