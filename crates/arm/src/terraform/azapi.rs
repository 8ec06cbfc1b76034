//! `azapi_resource`: ARM's own body in Terraform's clothes.
//!
//! Source: registry.terraform.io, Azure/azapi, `azapi_resource`.

use glidepath_source::{Text, json};

use super::{Planned, is_something};
use crate::template::Expanded;
use crate::{Object, Value};

pub(super) fn resource(planned: &Planned<'_>) -> Expanded {
    let declared = planned.get("type").and_then(Value::as_str).unwrap_or_default();
    let (kind, api_version) = declared.split_once('@').unwrap_or((declared, ""));
    let mut body = match planned.get("body") {
        // Version 1 of the provider took a text.
        Some(Value::String(text)) => match json::parse(&Text::new("body", text.as_ref())) {
            Ok(node) => Value::from(&node).as_object().cloned().unwrap_or_default(),
            Err(_) => Object::new(),
        },
        Some(Value::Object(object)) => object.as_ref().clone(),
        // The whole body is told only by the apply.
        Some(unknown @ Value::Unknown(_)) => Object::from_iter([("properties", unknown.clone())]),
        _ => Object::new(),
    };
    for key in ["location", "tags"] {
        if let Some(value) = planned.get(key).filter(|v| is_something(v)) {
            body.insert(key, value);
        }
    }
    if let Some(identity) = identity(planned) {
        body.insert("identity", identity);
    }
    planned.expanded(id(planned, kind), api_version, body)
}

/// `identity { type, identity_ids }` as ARM writes it; azurerm has the same block.
pub(super) fn identity(planned: &Planned<'_>) -> Option<Value> {
    let block = planned.get("identity")?.as_array()?.first()?;
    let mut identity = Object::new();
    identity.insert("type", block.get("type").cloned().unwrap_or(Value::Null));
    match block.get("identity_ids") {
        Some(Value::Array(ids)) if !ids.is_empty() => {
            let known = ids.iter().filter_map(Value::as_str).map(|id| (id.to_owned(), Value::from(Object::new())));
            let unknown = ids.iter().find(|id| id.is_unknown());
            let map = unknown.cloned().unwrap_or_else(|| Value::object(known));
            identity.insert("userAssignedIdentities", map);
        }
        Some(unknown @ Value::Unknown(_)) => identity.insert("userAssignedIdentities", unknown),
        _ => {}
    }
    Some(identity.into())
}

fn id(planned: &Planned<'_>, kind: &str) -> Value {
    let name = planned.get("name").cloned().unwrap_or(Value::Null);
    let parent = planned.id_in("parent_id").unwrap_or_else(|| "/".into());
    let (Value::String(parent), Value::String(name)) = (&parent, &name) else {
        return match (parent, name) {
            (unknown @ Value::Unknown(_), _) | (_, unknown @ Value::Unknown(_)) => unknown,
            _ => Value::Null,
        };
    };
    join(parent, kind, name).into()
}

/// The id of a resource of a type below its parent's id.
pub(super) fn join(parent: &str, kind: &str, name: &str) -> String {
    let parent = parent.trim_end_matches('/');
    if kind.eq_ignore_ascii_case("Microsoft.Resources/resourceGroups") {
        return format!("{parent}/resourceGroups/{name}");
    }
    // A child continues its parent's type, everything else starts anew (or extends).
    let (outer, last) = kind.rsplit_once('/').unwrap_or(("", kind));
    let of_parent = crate::ResourceId::new(parent).resource_type();
    if outer.contains('/') && of_parent.is_some_and(|p| p.as_str().eq_ignore_ascii_case(outer)) {
        return format!("{parent}/{last}/{name}");
    }
    format!("{parent}/providers/{kind}/{name}")
}
