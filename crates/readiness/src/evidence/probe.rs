//! Asking policy about a resource that should not pass.

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_policy::{EstateRelated, Operation, Outcome as Triggered, Request, Verdict};

use super::{Outcome, Row, World};
use crate::proof::Expectation;

/// One row for each subscription with AI accounts.
pub(super) fn run(resource_type: &str, body: &Value, expect: Expectation, world: &World<'_>) -> Outcome {
    let mut rows = Vec::new();
    for subscription in world.ai_subscriptions() {
        let place = ResourceId::subscription(&subscription);
        let region = world
            .estate
            .within(&place)
            .find_map(|r| r.body.get("location").and_then(Value::as_str))
            .unwrap_or("swedencentral");
        let (id, body) = (probe_id(&subscription, resource_type), in_region(body, region));
        let scope = |id: &str| {
            let mut object = Object::new();
            object.insert("id", id);
            object.insert("location", region);
            object.insert("tags", Object::new());
            Value::from(object)
        };
        let verdict = world.engine.evaluate(&Request {
            id: &id,
            body: &body,
            api_version: "",
            operation: Operation::Write,
            hierarchy: &world.hierarchy,
            subscription: scope(place.as_str()),
            resource_group: scope(ResourceId::resource_group(&subscription, "rg-probe").as_str()),
            related: &EstateRelated(world.estate),
            now: world.now,
            list_compliant: false,
        });
        let compliant = match expect {
            Expectation::Refused => verdict.is_refused(),
            Expectation::Prevented => verdict.is_refused() || verdict.changed.is_some(),
            Expectation::Reported | Expectation::ReportedSomewhere => verdict.effect.is_some(),
        };
        rows.push(Row::new(place.as_str(), compliant, detail(&verdict)));
    }
    if expect == Expectation::ReportedSomewhere && rows.iter().any(|r| r.compliant) {
        return Outcome { holds: Some(true), rows };
    }
    Outcome::all(rows)
}

fn detail(verdict: &Verdict) -> String {
    let Some(effect) = verdict.effect else { return "policy says nothing".to_owned() };
    let by = verdict
        .contributors
        .iter()
        .find(|c| c.effect == effect && matches!(c.outcome, Triggered::Triggered))
        .or(verdict.contributors.first());
    match by {
        Some(by) => format!("{} by {} at {}", effect.name(), by.assignment.id.name(), by.assignment_scope.name()),
        None => effect.name().to_owned(),
    }
}

/// `accounts/deployments` becomes an id with a name for each segment.
fn probe_id(subscription: &str, resource_type: &str) -> ResourceId {
    let mut parts = resource_type.split('/');
    let mut text = format!(
        "{}/providers/{}",
        ResourceId::resource_group(subscription, "rg-probe").as_str(),
        parts.next().unwrap_or_default()
    );
    for part in parts {
        text.push_str(&format!("/{part}/probe"));
    }
    ResourceId::new(&text)
}

fn in_region(body: &Value, region: &str) -> Value {
    let mut body = body.clone();
    if body.get("location").and_then(Value::as_str) == Some("@region") {
        body.make_object().insert("location", region);
    }
    body
}
