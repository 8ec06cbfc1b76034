//! What a deployment would change.

use std::collections::BTreeSet;

use glidepath_arm::template::Expanded;
use glidepath_arm::{ResourceId, Scope, Value};
use glidepath_estate::{ChangeKind, PropertyChange, Resource, differences};
use glidepath_policy::Operation;

use super::order::Order;
use crate::answer::ArmError;
use crate::call::Call;
use crate::list::is_tracked;
use crate::policy;
use crate::resources::merge;
use crate::sandbox::Sandbox;
use crate::world::World;

impl Sandbox {
    pub(super) fn what_if(&self, call: &Call, id: &ResourceId) -> Result<Value, ArmError> {
        let order = self.ordered(call, id)?;
        let expansion = self.expansion(&order, id.as_str(), false)?;
        self.preflight(&expansion)?;
        let world = self.world();
        let mut seen = BTreeSet::new();
        let mut changes = Vec::new();
        for resource in &expansion.resources {
            let Some(id) = resource.id.as_str().map(ResourceId::new) else {
                changes.push(unsupported(resource));
                continue;
            };
            seen.insert(id.key());
            changes.push(self.change(&world, &order, resource, &id));
        }
        if matches!(order.scope.scope(), Scope::ResourceGroup { .. }) {
            let others = world.estate.within(&order.scope).filter(|r| is_tracked(r) && !seen.contains(&r.id.key()));
            for other in others {
                let kind = if order.complete { "Delete" } else { "Ignore" };
                let mut change = named(&other.id, kind);
                if !order.ids_only {
                    change.make_object().insert("before", full(&world, other));
                }
                changes.push(change);
            }
        }
        let properties = Value::object([
            ("correlationId", Value::from(crate::complete::guid(&self.tenant, id.as_str()))),
            ("changes", changes.into()),
            ("potentialChanges", Value::array::<Value>([])),
            ("diagnostics", Value::array::<Value>([])),
        ]);
        Ok(Value::object([("status", Value::from("Succeeded")), ("properties", properties)]))
    }

    fn change(&self, world: &World, order: &Order, resource: &Expanded, id: &ResourceId) -> Value {
        let existing = world.estate.get(id);
        let shown = existing.map_or(id, |r| &r.id);
        if order.ids_only {
            return named(shown, "Deploy");
        }
        // What policy adds or alters is part of what will be.
        let wanted =
            policy::write(world, id, resource.body.clone(), &resource.api_version, Operation::Write, self.now());
        let wanted = Value::from(wanted.unwrap_or_else(|_| resource.body.clone()).to_json());
        let whole = |id: &ResourceId, body: &Value| {
            let mut all = Value::object([
                ("id", Value::from(id.as_str())),
                ("name", id.name().into()),
                ("type", id.resource_type().map(|t| t.to_string()).unwrap_or_default().into()),
                ("apiVersion", resource.api_version.as_str().into()),
            ]);
            if let Some(group) = id.resource_group_name() {
                all.make_object().insert("resourceGroup", group);
            }
            for (key, value) in body.as_object().into_iter().flat_map(|b| b.iter()) {
                all.make_object().insert(key.clone(), value.clone());
            }
            all
        };
        let Some(existing) = existing else {
            let mut change = named(id, "Create");
            change.make_object().insert("after", whole(id, &wanted));
            return change;
        };
        let before = world.content(existing);
        // Unknown values are taken as they are there.
        let deltas = differences(&resource.body, &before);
        let mut after = before.clone();
        merge(&mut after, &wanted);
        let mut change = named(shown, if deltas.is_empty() { "NoChange" } else { "Modify" });
        let object = change.make_object();
        object.insert("before", whole(shown, &before));
        object.insert("after", whole(shown, &after));
        object.insert("delta", Value::array(deltas.into_iter().map(delta)));
        change
    }
}

fn named(id: &ResourceId, kind: &str) -> Value {
    Value::object([("resourceId", Value::from(id.as_str())), ("changeType", kind.into())])
}

fn full(world: &World, resource: &Resource) -> Value {
    let mut all = world.rendered(resource);
    all.make_object().insert("apiVersion", resource.api_version.as_str());
    all
}

fn unsupported(resource: &Expanded) -> Value {
    let id = resource.id.to_json();
    let id = id.as_str().unwrap_or_default().to_owned();
    Value::object([
        ("resourceId", Value::from(id.as_str())),
        ("changeType", "Unsupported".into()),
        (
            "unsupportedReason",
            format!("Changes to the resource declared at '{id}' cannot be analyzed because its resource ID or API version cannot be calculated until the deployment is under way.").into(),
        ),
    ])
}

fn delta(change: PropertyChange) -> Value {
    let kind = match change.property_change_type {
        ChangeKind::Create => "Create",
        ChangeKind::Delete => "Delete",
        ChangeKind::Modify => "Modify",
    };
    let json = |value: Option<Value>| value.map_or(Value::Null, |v| Value::from(v.to_json()));
    Value::object([
        ("path", Value::from(change.path)),
        ("propertyChangeType", kind.into()),
        ("before", json(change.before)),
        ("after", json(change.after)),
        ("children", Value::Null),
    ])
}
