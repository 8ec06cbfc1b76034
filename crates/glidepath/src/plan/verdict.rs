//! What policy says of a planned change.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Hierarchy, Resource};
use glidepath_plan::{Action, Step};
use glidepath_policy::{Engine, EstateRelated, Operation, Outcome, Request, Verdict};
use serde::Serialize;

/// Policy's word on one change.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Said {
    pub(crate) effect: &'static str,
    pub(crate) refused: bool,
    /// The assignments that speak.
    pub(crate) assignments: Vec<String>,
}

/// The policies of the desired estate, as they will be in force once their phase is done.
pub(crate) struct Policies<'a> {
    engine: Engine,
    hierarchy: Hierarchy,
    estate: &'a Estate,
    now: i64,
}

impl<'a> Policies<'a> {
    pub(crate) fn of(estate: &'a Estate) -> Self {
        let mut engine = Engine::new();
        for resource in estate.iter() {
            let kind = resource.resource_type();
            if kind.is_some_and(|k| k.as_str().to_ascii_lowercase().starts_with("microsoft.authorization/policy")) {
                // Bad assets were told when the design was compiled.
                let _ = engine.upsert(&resource.id, &resource.body);
            }
        }
        Self { engine, hierarchy: Hierarchy::of(estate), estate, now: jiff::Timestamp::now().as_second() }
    }

    pub(crate) fn judge(&self, step: &Step) -> Option<Said> {
        let operation = if step.action == Action::Delete { Operation::Delete } else { Operation::Write };
        let verdict = self.verdict(&step.resource, operation);
        said(&verdict)
    }

    /// Would policy refuse it?
    pub(crate) fn refuses(&self, resource: &Resource) -> bool {
        self.verdict(resource, Operation::Write).is_refused()
    }

    fn verdict(&self, resource: &Resource, operation: Operation) -> Verdict {
        let subscription = match resource.id.subscription_id() {
            Some(id) => Value::object([("id", format!("/subscriptions/{id}")), ("subscriptionId", id.to_owned())]),
            None => Value::Null,
        };
        self.engine.evaluate(&Request {
            id: &resource.id,
            body: &resource.body,
            api_version: &resource.api_version,
            operation,
            hierarchy: &self.hierarchy,
            subscription,
            resource_group: self.group(&resource.id),
            related: &EstateRelated(self.estate),
            now: self.now,
            list_compliant: false,
        })
    }

    fn group(&self, id: &ResourceId) -> Value {
        let group = id.subscription_id().zip(id.resource_group_name());
        let Some(group) = group.and_then(|(s, g)| self.estate.get(&ResourceId::resource_group(s, g))) else {
            return Value::Null;
        };
        let mut body = group.body.clone();
        body.make_object().insert("id", group.id.as_str());
        body.make_object().insert("name", group.id.name());
        body
    }
}

fn said(verdict: &Verdict) -> Option<Said> {
    let effect = verdict.effect?;
    let speaks = |o: Outcome| matches!(o, Outcome::Triggered | Outcome::DependsOn);
    let mut assignments: Vec<String> = verdict
        .contributors
        .iter()
        .filter(|c| c.effect == effect && speaks(c.outcome))
        .map(|c| c.assignment.name.clone())
        .collect();
    assignments.dedup();
    Some(Said { effect: effect.name(), refused: verdict.is_refused(), assignments })
}
