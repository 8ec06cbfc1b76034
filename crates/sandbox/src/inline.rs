//! Children that also stand inside their parent: a virtual network's subnets and peerings, rules and routes.
//!
//! They are stored once, as child resources. The parent keeps stubs (`{"name"}`) for the order in which they were
//! written; what a GET of the parent shows is put together from both.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource};

/// Parent type, property, and the child's type segment (which differs from the property nowhere so far).
const INLINE: [(&str, &str); 4] = [
    ("Microsoft.Network/virtualNetworks", "subnets"),
    ("Microsoft.Network/virtualNetworks", "virtualNetworkPeerings"),
    ("Microsoft.Network/networkSecurityGroups", "securityRules"),
    ("Microsoft.Network/routeTables", "routes"),
];

fn properties_of(id: &ResourceId) -> impl Iterator<Item = &'static str> {
    let kind = id.resource_type();
    INLINE.iter().filter(move |(t, _)| kind.as_ref().is_some_and(|kind| kind.is(t))).map(|(_, property)| *property)
}

/// What becomes of the inline children of a parent that is written.
#[derive(Debug, Default)]
pub(crate) struct Split {
    /// Child id and body, in the order of the text.
    pub(crate) children: Vec<(ResourceId, Value)>,
    /// The properties that were given: children of these that are not in `children` are gone. Where a property was not
    /// given its children stay (a PUT of a network without `virtualNetworkPeerings` keeps the peerings).
    pub(crate) given: Vec<&'static str>,
}

/// Takes the inline children out of a body and leaves stubs. `before` is the stored body: it has the stubs of properties
/// that are not given now.
pub(crate) fn split(id: &ResourceId, body: &mut Value, before: Option<&Value>) -> Split {
    let mut split = Split::default();
    for property in properties_of(id) {
        let stubs = match body.at(&["properties", property]) {
            Some(Value::Array(items)) => {
                split.given.push(property);
                let mut stubs = Vec::new();
                for item in items.iter() {
                    let Some(name) = item.get("name").and_then(Value::as_str) else { continue };
                    stubs.push(Value::object([("name", name)]));
                    let mut content = item.clone();
                    for own in ["id", "name", "type", "etag"] {
                        content.make_object().remove(own);
                    }
                    split.children.push((id.child(property, name), content));
                }
                Value::from(stubs)
            }
            _ => match before.and_then(|b| b.at(&["properties", property])) {
                Some(stubs) => stubs.clone(),
                None => continue,
            },
        };
        let object = body.make_object();
        if object.get("properties").is_none() {
            object.insert("properties", Value::object::<&str, Value>([]));
        }
        if let Some(properties) = object.get_mut("properties") {
            properties.make_object().insert(property, stubs);
        }
    }
    split
}

/// A resource's content with its inline children in it.
pub(crate) fn compose(estate: &Estate, resource: &Resource) -> Value {
    let mut body = resource.body.clone();
    for property in properties_of(&resource.id) {
        let mut items = Vec::new();
        let mut placed: Vec<&ResourceId> = Vec::new();
        let stubs = resource.body.at(&["properties", property]).and_then(Value::as_array).unwrap_or_default();
        for name in stubs.iter().filter_map(|stub| stub.get("name").and_then(Value::as_str)) {
            if let Some(child) = estate.get(&resource.id.child(property, name))
                && !placed.contains(&&child.id)
            {
                placed.push(&child.id);
                items.push(inline(child));
            }
        }
        for child in children(estate, &resource.id, property) {
            if !placed.contains(&&child.id) {
                items.push(inline(child));
            }
        }
        let object = body.make_object();
        if object.get("properties").is_none() {
            object.insert("properties", Value::object::<&str, Value>([]));
        }
        if let Some(properties) = object.get_mut("properties") {
            properties.make_object().insert(property, items);
        }
    }
    body
}

/// The direct children of a type.
pub(crate) fn children<'a>(
    estate: &'a Estate,
    parent: &'a ResourceId,
    property: &'a str,
) -> impl Iterator<Item = &'a Resource> {
    estate.within(parent).filter(move |r| {
        let mut rest = r.id.segments().skip(parent.segments().count());
        rest.next().is_some_and(|s| s.eq_ignore_ascii_case(property)) && rest.next().is_some() && rest.next().is_none()
    })
}

fn inline(child: &Resource) -> Value {
    let mut members = vec![("id", Value::from(child.id.as_str())), ("name", Value::from(child.id.name()))];
    if let Some(kind) = child.resource_type() {
        members.push(("type", Value::from(kind.as_str())));
    }
    let mut item = Value::object(members);
    if let Some(body) = child.body.as_object() {
        for (key, value) in body.iter() {
            item.make_object().insert(key.clone(), value.clone());
        }
    }
    item
}
