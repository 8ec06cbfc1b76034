//! Verdicts on expanded resources.

use glidepath_arm::template::{Expanded, Expansion};
use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource};
use glidepath_policy::{EstateRelated, Operation, Request};

use super::input::Input;
use super::policies::Policies;
use super::report::{Checked, Judged, Source, UnknownPart};

/// Judges every resource of an expansion; those of one template are each other's related resources.
pub(crate) fn all(expansion: &Expansion, policies: &Policies, input: &Input, list_compliant: bool) -> Vec<Checked> {
    let estate: Estate = expansion
        .resources
        .iter()
        .filter_map(|r| Some(Resource::new(ResourceId::new(r.id.as_str()?), r.api_version.clone(), r.body.clone())))
        .collect();
    let related = EstateRelated::new(&estate);
    let context = input.context();
    let subscription = context.subscription();
    let resource_group = context.resource_group();
    expansion
        .resources
        .iter()
        .map(|resource| {
            let id = judged_id(resource);
            let verdict = policies.engine.evaluate(&Request {
                id: &id,
                body: &resource.body,
                api_version: &resource.api_version,
                operation: Operation::Write,
                hierarchy: &policies.hierarchy,
                subscription: subscription.clone(),
                resource_group: resource_group.clone(),
                related: &related,
                now: jiff::Timestamp::now().as_second(),
                list_compliant,
            });
            Checked {
                id: resource
                    .id
                    .as_str()
                    .map_or_else(|| resource.id.to_json().as_str().unwrap_or_default().to_owned(), str::to_owned),
                name: text(&resource.name),
                resource_type: resource.resource_type.clone(),
                source: Source::new(&resource.source, &resource.deployment),
                verdict: Judged { unknowns: UnknownPart::of(&resource.body), verdict },
            }
        })
        .collect()
}

fn judged_id(resource: &Expanded) -> ResourceId {
    ResourceId::new(&text(&resource.id))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.to_string(),
        other => other.to_json().as_str().map_or_else(|| other.to_string(), str::to_owned),
    }
}
