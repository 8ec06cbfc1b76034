//! What is kept of a deployment: its own record, one for every nested deployment, one for every operation.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use glidepath_arm::template::Expansion;
use glidepath_arm::{Object, ResourceId, Value};
use glidepath_estate::Resource;
use glidepath_source::Node;
use serde_json::json;

use super::order::Order;
use super::run::{Done, Run};
use crate::answer::ArmError;
use crate::complete::guid;
use crate::providers::LOCATIONS;
use crate::sandbox::Sandbox;
use crate::world::Change;

pub(super) fn missing(id: &ResourceId) -> ArmError {
    ArmError::not_found("DeploymentNotFound", format!("Deployment '{}' could not be found.", id.name()))
}

/// The error of a deployment of which something failed.
pub(super) fn error(run: &Run, id: &ResourceId) -> Value {
    Value::object([
        ("code", Value::from("DeploymentFailed")),
        ("target", id.as_str().into()),
        (
            "message",
            "At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details."
                .into(),
        ),
        ("details", run.failures.clone().into()),
    ])
}

/// Adds what is known at the end.
pub(super) fn finish(properties: &mut Value, run: &Run, id: &ResourceId) {
    let object = properties.make_object();
    let written = run.done.iter().filter(|d| d.error.is_none());
    object.insert("outputResources", Value::array(written.map(|d| Value::object([("id", d.id.as_str())]))));
    if !run.failures.is_empty() {
        object.insert("error", error(run, id));
    }
    if !run.unresolved.is_empty() {
        let told = run.unresolved.iter().map(|what| {
            Value::object([
                ("level", Value::from("Warning")),
                ("code", "SandboxUnresolved".into()),
                (
                    "message",
                    format!("The sandbox does not know this value and wrote the expression instead: {what}").into(),
                ),
            ])
        });
        object.insert("diagnostics", Value::array(told));
    }
}

impl Sandbox {
    /// The properties that a deployment shows.
    pub(super) fn properties(
        &self,
        order: &Order,
        expansion: &Expansion,
        state: &str,
        seed: &str,
        started: Instant,
    ) -> Value {
        let mut hasher = DefaultHasher::new();
        order.template.as_str().hash(&mut hasher);
        let mut properties = Object::new();
        if let Some(link) = &order.link {
            properties.insert("templateLink", Value::object([("uri", link.as_str())]));
        }
        properties.insert("templateHash", hasher.finish().to_string());
        properties.insert("parameters", parameters(order));
        properties.insert("mode", if order.complete { "Complete" } else { "Incremental" });
        properties.insert("provisioningState", state);
        properties.insert("timestamp", self.timestamp());
        properties.insert("duration", format!("PT{:.7}S", started.elapsed().as_secs_f64()));
        properties.insert("correlationId", guid(&self.tenant, seed));
        properties.insert("providers", providers(expansion));
        properties.insert("dependencies", dependencies(expansion));
        if state == "Succeeded" {
            properties.insert("outputs", outputs(&order.root, &expansion.outputs));
        }
        properties.into()
    }

    /// The records of nested deployments and of operations.
    pub(super) fn records(&self, order: &Order, run: &Run, api_version: &str, seed: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        // The ids of deployments by the names that lead to them.
        let mut holders: BTreeMap<&[String], ResourceId> = BTreeMap::from([(&[] as &[String], order.id.clone())]);
        for nested in &run.expansion.nested {
            let Some(id) = nested.id.as_str().map(ResourceId::new) else { continue };
            let own: Vec<&Done> = run.done.iter().filter(|d| d.deployment.starts_with(&nested.deployment)).collect();
            let failures: Vec<Value> = own.iter().filter_map(|d| d.error.clone()).collect();
            let state = if failures.is_empty() { "Succeeded" } else { "Failed" };
            let mut properties = Value::from(json!({
                "mode": "Incremental", "provisioningState": state, "timestamp": self.timestamp(),
                "duration": "PT0S", "correlationId": guid(&self.tenant, seed),
            }));
            let object = properties.make_object();
            object.insert(
                "outputs",
                if nested.outputs.has_unknown() {
                    Value::from(nested.outputs.to_json())
                } else {
                    nested.outputs.clone()
                },
            );
            let direct = own.iter().filter(|d| d.error.is_none() && d.deployment == nested.deployment);
            object.insert("outputResources", Value::array(direct.map(|d| Value::object([("id", d.id.as_str())]))));
            if !failures.is_empty() {
                let sub = Run { failures, done: Vec::new(), expansion: Expansion::default(), unresolved: Vec::new() };
                object.insert("error", error(&sub, &id));
            }
            let mut body = Value::object([("properties", properties)]);
            if let Some(location) = &order.context.location {
                body.make_object().insert("location", location.as_str());
            }
            changes.push(Change::Put(Resource::new(id.clone(), api_version, body)));
            let around = nested.deployment.len().checked_sub(1).and_then(|n| nested.deployment.get(..n));
            if let Some(holder) = around.and_then(|a| holders.get(a)) {
                let done = Done {
                    id: id.clone(),
                    deployment: Vec::new(),
                    status: if state == "Succeeded" { 200 } else { 409 },
                    error: (state != "Succeeded").then(|| Value::object([("code", "DeploymentFailed")])),
                };
                changes.push(self.operation(holder, &done, api_version, seed));
            }
            holders.insert(&nested.deployment, id);
        }
        for done in &run.done {
            if let Some(holder) = holders.get(done.deployment.as_slice()) {
                changes.push(self.operation(holder, done, api_version, seed));
            }
        }
        changes
    }

    fn operation(&self, holder: &ResourceId, done: &Done, api_version: &str, seed: &str) -> Change {
        let code = match done.status {
            200 => "OK",
            201 => "Created",
            202 => "Accepted",
            400 => "BadRequest",
            403 => "Forbidden",
            404 => "NotFound",
            409 => "Conflict",
            _ => "InternalServerError",
        };
        let operation = guid(&self.tenant, &format!("{seed}#{}", done.id)).replace('-', "").to_ascii_uppercase();
        let mut body = Value::from(json!({"operationId": operation, "properties": {
            "provisioningOperation": "Create",
            "provisioningState": if done.error.is_some() { "Failed" } else { "Succeeded" },
            "timestamp": self.timestamp(),
            "duration": "PT0S",
            "trackingId": guid(&self.tenant, &format!("{seed}#{}#tracking", done.id)),
            "statusCode": code,
            "targetResource": {
                "id": done.id.as_str(),
                "resourceType": done.id.resource_type().map(|t| t.to_string()),
                "resourceName": done.id.full_name(),
            },
        }}));
        if let Some(error) = &done.error
            && let Some(properties) = body.make_object().get_mut("properties")
        {
            let message = Value::object([("status", Value::from("Failed")), ("error", error.clone())]);
            properties.make_object().insert("statusMessage", message);
        }
        Change::Put(Resource::new(holder.child("operations", &operation), api_version, body))
    }
}

/// A type as deployments write it.
fn kind(declared: Option<&Node>) -> String {
    let text = declared.and_then(|d| d.get("type")).and_then(Node::as_str).unwrap_or("object");
    let mut kind = text.to_owned();
    if let Some(first) = kind.get(..1).map(str::to_ascii_uppercase) {
        kind.replace_range(..1, &first);
    }
    kind
}

/// The given parameters; secure ones without their values.
fn parameters(order: &Order) -> Value {
    let declared = order.root.get("parameters");
    let shown = order.given.iter().map(|(name, value)| {
        let kind = kind(declared.and_then(|d| d.get(name)));
        let mut entry = Value::object([("type", kind.as_str())]);
        if !kind.to_ascii_lowercase().starts_with("secure") {
            entry.make_object().insert("value", value.clone());
        }
        (name.clone(), entry)
    });
    Value::object(shown)
}

fn outputs(template: &Node, outputs: &Object) -> Value {
    let declared = template.get("outputs");
    let shown = outputs.iter().map(|(name, value)| {
        let kind = kind(declared.and_then(|d| d.get(name)));
        let mut entry = Value::object([("type", kind.as_str())]);
        if !kind.to_ascii_lowercase().starts_with("secure") {
            let value = if value.has_unknown() { Value::from(value.to_json()) } else { value.clone() };
            entry.make_object().insert("value", value);
        }
        (name.clone(), entry)
    });
    Value::object(shown)
}

fn providers(expansion: &Expansion) -> Value {
    let mut namespaces: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for resource in &expansion.resources {
        let Some((namespace, own)) = resource.resource_type.as_str().split_once('/') else { continue };
        let location = resource.body.get("location").cloned().unwrap_or(Value::Null);
        let types = namespaces.entry(namespace.to_owned()).or_default();
        if !types.iter().any(|(t, _)| t.eq_ignore_ascii_case(own)) {
            types.push((
                own.to_owned(),
                if location.is_unknown() { LOCATIONS.first().map_or("", |(name, _)| name).into() } else { location },
            ));
        }
    }
    Value::array(namespaces.into_iter().map(|(namespace, types)| {
        let types = types.into_iter().map(|(t, location)| {
            Value::object([("resourceType", Value::from(t)), ("locations", Value::array([location]))])
        });
        Value::object([("namespace", Value::from(namespace)), ("resourceTypes", Value::array(types))])
    }))
}

fn dependencies(expansion: &Expansion) -> Value {
    let basic = |id: &str| {
        let id = ResourceId::new(id);
        Value::object([
            ("id", Value::from(id.as_str())),
            ("resourceType", id.resource_type().map(|t| t.to_string()).unwrap_or_default().into()),
            ("resourceName", id.full_name().into()),
        ])
    };
    let dependent = expansion.resources.iter().filter(|r| !r.depends_on.is_empty() && r.deployment.is_empty());
    Value::array(dependent.filter_map(|resource| {
        let mut entry = basic(resource.id.as_str()?);
        entry.make_object().insert("dependsOn", Value::array(resource.depends_on.iter().map(|id| basic(id))));
        Some(entry)
    }))
}
