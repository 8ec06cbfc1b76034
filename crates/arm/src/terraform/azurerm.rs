//! `azurerm_*` by the tables of `catalogue/terraform/`.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use glidepath_source::Node;

use super::{Planned, azapi, is_block, is_something};
use crate::template::Expanded;
use crate::{Object, Value};

const TYPES: &str = include_str!("../../../../catalogue/terraform/types.csv");
const ARM_TYPES: &str = include_str!("../../../../catalogue/terraform/arm_types.csv");
const ASSOCIATIONS: &str = include_str!("../../../../catalogue/terraform/associations.csv");
const PROPERTIES: &str = include_str!("../../../../catalogue/terraform/properties.csv");

/// Attributes that say nothing about the body: names, parents, what the provider computes or keeps for itself.
const NOT_BODY: [&str; 10] = [
    "id",
    "name",
    "resource_group_name",
    "timeouts",
    "identity",
    "parent_id",
    "scope",
    "tags_all",
    "type",
    "edge_zone",
];

struct Type {
    name: &'static str,
    arm: &'static str,
    api_version: &'static str,
    parent: &'static str,
}

struct Property {
    of: &'static str,
    attribute: &'static str,
    path: &'static str,
    convert: &'static str,
}

fn cells(line: &'static str) -> Option<[&'static str; 4]> {
    let mut cells = line.splitn(4, ',').map(str::trim);
    Some([cells.next()?, cells.next()?, cells.next()?, cells.next()?])
}

fn types() -> &'static [Type] {
    static ROWS: OnceLock<Vec<Type>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let rows = TYPES.lines().skip(1).filter_map(cells);
        rows.map(|[name, arm, api_version, parent]| Type { name, arm, api_version, parent }).collect()
    })
}

fn properties() -> &'static [Property] {
    static ROWS: OnceLock<Vec<Property>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let rows = PROPERTIES.lines().skip(1).filter_map(cells);
        rows.map(|[of, attribute, path, convert]| Property { of, attribute, path, convert }).collect()
    })
}

/// The ARM type of an azurerm type, whether its properties are mapped or not.
pub(super) fn arm_type(kind: &str) -> Option<&'static str> {
    let mapped = types().iter().find(|t| t.name == kind).map(|t| t.arm);
    mapped
        .or_else(|| ARM_TYPES.lines().filter_map(|l| l.split_once(',')).find(|(name, _)| *name == kind).map(|(_, t)| t))
}

/// Rows of one association: parent attribute, attribute, path, conversion.
fn associations(kind: &str) -> impl Iterator<Item = [&'static str; 4]> {
    let rows = ASSOCIATIONS.lines().skip(1).filter_map(|line| line.split_once(','));
    rows.filter(move |(name, _)| *name == kind).filter_map(|(_, rest)| cells(rest))
}

/// Does it change another resource instead of being one?
pub(super) fn is_association(kind: &str) -> bool {
    associations(kind).next().is_some()
}

/// Writes an association into the resource it changes; false where that is not in the plan.
pub(super) fn associate<'r>(planned: &Planned<'_>, resources: impl Iterator<Item = &'r mut Expanded>) -> bool {
    let mut rows = associations(planned.kind).peekable();
    let parent = rows.peek().and_then(|[parent, ..]| planned.id_in(parent));
    let Some(Value::String(parent)) = parent else { return false };
    let is_parent = |r: &&mut Expanded| r.id.as_str().is_some_and(|id| id.eq_ignore_ascii_case(&parent));
    let mut resources = resources;
    let Some(resource) = resources.find(is_parent) else { return false };
    let body = resource.body.make_object();
    for [_, attribute, path, convert] in rows {
        let Some(value) = planned.id_in(attribute).filter(is_something) else { continue };
        let value = converted(value, convert);
        match path.split_once("[].") {
            Some((list, path)) => {
                let parts: Vec<&str> = list.split('.').collect();
                let whole = Value::Object(std::sync::Arc::new(body.clone()));
                let at = whole.at(&parts).and_then(Value::as_array).map_or(0, <[Value]>::len);
                set_item(body, list, at, path, value);
            }
            None => set(body, path, value),
        }
    }
    true
}

/// A resource whose ARM type is known and whose properties are not mapped: all of it but what every resource has is
/// unknown, so that policies that look at more depend on it.
fn unmapped_type(planned: &Planned<'_>, arm: &'static str) -> Expanded {
    let mut body = Object::new();
    for row in properties().iter().filter(|p| p.of == "*") {
        put(planned, row, &mut body);
    }
    let unknown = |part: &str| {
        let what = format!("the {part} of {}", planned.kind);
        Value::unknown(crate::Reason::Context(what), format!("{}.{part}", planned.address))
    };
    for part in ["properties", "sku", "kind"] {
        body.insert(part, unknown(part));
    }
    if let Some(identity) = azapi::identity(planned) {
        body.insert("identity", identity);
    }
    let name = planned.get("name").cloned().unwrap_or(Value::Null);
    let subscription = planned.context.subscription_id.clone().unwrap_or_default();
    let outer = arm.rsplit_once('/').map_or("", |(outer, _)| outer);
    let attributes = planned.after.as_object().into_iter().flat_map(Object::iter);
    let parent = attributes.filter(|(key, _)| key.ends_with("_id")).find_map(|(key, _)| {
        let id = planned.id_in(key)?;
        let of = crate::ResourceId::new(id.as_str()?).resource_type()?;
        of.as_str().eq_ignore_ascii_case(outer).then_some(id)
    });
    let id = match (&parent, &name, planned.get("resource_group_name")) {
        (Some(Value::String(parent)), Value::String(name), _) => azapi::join(parent, arm, name).into(),
        (None, Value::String(name), Some(Value::String(group))) if !outer.contains('/') => {
            let base = Value::from(format!("/subscriptions/{subscription}/resourceGroups/{group}"));
            crate::template::id_of(&base, arm, name)
        }
        _ => Value::Null,
    };
    let id = if id.is_null() { unknown("id") } else { id };
    let mut resource = planned.expanded(id, "", body);
    resource.resource_type = crate::ResourceType::new(arm);
    resource
}

/// The resource, where its type is known, and what of it is not evaluated.
pub(super) fn resource(planned: &Planned<'_>) -> (Option<Expanded>, Vec<String>) {
    let Some(kind) = types().iter().find(|t| t.name == planned.kind) else {
        return match arm_type(planned.kind) {
            Some(arm) => {
                let what = format!("the properties of `{}` ({arm})", planned.kind);
                (Some(unmapped_type(planned, arm)), vec![what])
            }
            None => (None, vec![format!("resources of type `{}`", planned.kind)]),
        };
    };
    let mut body = Object::new();
    let mut used: BTreeSet<&str> = NOT_BODY.into_iter().collect();
    used.extend(kind.parent.split_once(':').map(|(_, attribute)| attribute));
    for row in properties().iter().filter(|p| p.of == planned.kind || p.of == "*") {
        used.insert(row.attribute);
        put(planned, row, &mut body);
    }
    if planned.kind == "azurerm_storage_account" {
        used.extend(["account_tier", "account_replication_type"]);
        if let (Some(tier), Some(copies)) = (planned.get("account_tier"), planned.get("account_replication_type")) {
            let name = match (tier.as_str(), copies.as_str()) {
                (Some(tier), Some(copies)) => format!("{tier}_{copies}").into(),
                _ => {
                    if tier.is_unknown() {
                        tier.clone()
                    } else {
                        copies.clone()
                    }
                }
            };
            body.insert("sku", Value::object([("name", name)]));
        }
    }
    if let Some(identity) = azapi::identity(planned) {
        body.insert("identity", identity);
    }
    let missing: Vec<String> =
        unmapped(planned, &used).into_iter().map(|a| format!("`{}.{a}`", planned.kind)).collect();
    (Some(planned.expanded(id(planned, kind), kind.api_version, body)), missing)
}

/// Attributes with a value of their own that no row names.
fn unmapped(planned: &Planned<'_>, used: &BTreeSet<&str>) -> Vec<String> {
    let after = planned.node.get("change").and_then(|c| c.get("after"));
    let mut found = Vec::new();
    for member in after.map(Node::members).unwrap_or_default() {
        let key = member.key.as_ref();
        if used.contains(key) || !is_something(&Value::from(&member.value)) {
            continue;
        }
        let blocks: Vec<&str> = used.iter().filter_map(|u| u.strip_prefix(key)?.strip_prefix('.')).collect();
        if blocks.is_empty() {
            found.push(key.to_owned());
        } else if is_block(&member.value) {
            for inner in member.value.items().iter().flat_map(Node::members) {
                let name = format!("{key}.{}", inner.key);
                if !blocks.contains(&inner.key.as_ref())
                    && is_something(&Value::from(&inner.value))
                    && !found.contains(&name)
                {
                    found.push(name);
                }
            }
        }
    }
    found
}

fn put(planned: &Planned<'_>, row: &Property, body: &mut Object) {
    if let Some(text) = row.attribute.strip_prefix('=') {
        set(body, row.path, text.into());
        return;
    }
    let Some((block, inner)) = row.attribute.split_once('.') else {
        let value = match planned.get(row.attribute) {
            Some(Value::Unknown(_)) => planned.id_in(row.attribute),
            other => other.cloned(),
        };
        if let Some(value) = value.filter(is_something) {
            set(body, row.path, converted(value, row.convert));
        }
        return;
    };
    let blocks = match planned.get(block) {
        Some(Value::Array(items)) => items.clone(),
        Some(unknown @ Value::Unknown(_)) => {
            let path = row.path.split_once("[]").map_or(row.path, |(list, _)| list);
            set(body, path, unknown.clone());
            return;
        }
        _ => return,
    };
    match row.path.split_once("[].") {
        Some((list, path)) => {
            for (i, item) in blocks.iter().enumerate() {
                if let Some(value) = item.get(inner).filter(|v| is_something(v)) {
                    let referred = value.is_unknown().then(|| planned.referred(row.attribute)).flatten();
                    let value = referred.unwrap_or_else(|| value.clone());
                    set_item(body, list, i, path, converted(value, row.convert));
                }
            }
        }
        None => {
            if let Some(value) = blocks.first().and_then(|b| b.get(inner)).filter(|v| is_something(v)) {
                let referred = value.is_unknown().then(|| planned.referred(row.attribute)).flatten();
                set(body, row.path, converted(referred.unwrap_or_else(|| value.clone()), row.convert));
            }
        }
    }
}

/// Sets a value at a path of object keys.
fn set(body: &mut Object, path: &str, value: Value) {
    match path.split_once('.') {
        None => body.insert(path, value),
        Some((key, rest)) => {
            if body.get(key).is_none_or(|v| v.as_object().is_none()) {
                if body.get(key).is_some_and(Value::is_unknown) {
                    return;
                }
                body.insert(key, Object::new());
            }
            if let Some(inner) = body.get_mut(key) {
                set(inner.make_object(), rest, value);
            }
        }
    }
}

fn set_item(body: &mut Object, list: &str, at: usize, path: &str, value: Value) {
    let parts: Vec<&str> = list.split('.').collect();
    let whole = Value::Object(std::sync::Arc::new(body.clone()));
    let mut items: Vec<Value> = whole.at(&parts).and_then(Value::as_array).map(<[Value]>::to_vec).unwrap_or_default();
    while items.len() <= at {
        items.push(Object::new().into());
    }
    if let Some(item) = items.get_mut(at) {
        set(item.make_object(), path, value);
    }
    set(body, list, items.into());
}

fn converted(value: Value, how: &str) -> Value {
    match (how, &value) {
        ("enabled", Value::Bool(on)) => if *on { "Enabled" } else { "Disabled" }.into(),
        ("not", Value::Bool(on)) => Value::Bool(!on),
        ("region", Value::String(text)) => {
            text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase().into()
        }
        ("commas", Value::Array(items)) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            if texts.len() == items.len() { texts.join(", ").into() } else { value }
        }
        ("skuCapacity", Value::String(text)) => {
            let (name, capacity) = text.split_once('_').unwrap_or((text, "1"));
            let capacity = capacity.parse::<i64>().map_or_else(|_| capacity.into(), Value::Int);
            Value::object([("name", name.into()), ("capacity", capacity)])
        }
        ("publicAccess", Value::String(text)) => match text.as_ref() {
            "private" => "None".into(),
            "blob" => "Blob".into(),
            "container" => "Container".into(),
            _ => value,
        },
        ("customerKey", _) => Value::object([("keySource", "Microsoft.KeyVault")]),
        _ => value,
    }
}

fn id(planned: &Planned<'_>, kind: &Type) -> Value {
    let name = planned.get("name").cloned().unwrap_or_else(|| {
        let path = format!("{}.name", planned.address);
        Value::unknown(crate::Reason::Runtime(path.clone()), path)
    });
    let subscription = planned.context.subscription_id.clone().unwrap_or_default();
    let group = || planned.get("resource_group_name").cloned().unwrap_or(Value::Null);
    let (how, attribute) = kind.parent.split_once(':').unwrap_or((kind.parent, ""));
    let in_group = |names: Value| match (group(), names) {
        (Value::String(group), Value::String(names)) => {
            let base = Value::from(format!("/subscriptions/{subscription}/resourceGroups/{group}"));
            crate::template::id_of(&base, kind.arm, &names)
        }
        (unknown @ Value::Unknown(_), _) | (_, unknown @ Value::Unknown(_)) => unknown,
        _ => Value::Null,
    };
    match how {
        "subscription" => match name {
            Value::String(name) => azapi::join(&format!("/subscriptions/{subscription}"), kind.arm, &name).into(),
            unknown => unknown,
        },
        "name" => match (planned.get(attribute), &name) {
            (Some(Value::String(parent)), Value::String(name)) => in_group(format!("{parent}/{name}").into()),
            (Some(unknown @ Value::Unknown(_)), _) => unknown.clone(),
            _ => name,
        },
        "id" | "scope" | "blob" => match (planned.id_in(attribute), &name) {
            (Some(Value::String(parent)), Value::String(name)) => {
                let parent = if how == "blob" { format!("{parent}/blobServices/default") } else { parent.to_string() };
                azapi::join(&parent, kind.arm, name).into()
            }
            (Some(unknown @ Value::Unknown(_)), _) => unknown,
            _ => name,
        },
        _ => in_group(name),
    }
}
