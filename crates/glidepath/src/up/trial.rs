//! Policies are shown to refuse: the library's violating resources are offered to the target by `validate`, which makes
//! nothing.

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_estate::Resource;
use glidepath_library::Library;
use glidepath_plan::Trial;
use glidepath_rollout::{ClientError, Target};
use glidepath_source::{Node, yaml};
use serde_json::json;

use crate::plan::verdict::Policies;
use crate::sources::Compilation;

const DEPLOYMENTS_API: &str = "2024-11-01";
/// What a case says about a resource beside its body.
const ABOUT: [&str; 6] = ["type", "name", "api", "related", "groupTags", "changed"];

/// Offers what the design's own policies would refuse to one landing zone of each exposure, as far as it exists.
///
/// # Errors
/// The target did not answer; a refusal is what is wanted.
pub(crate) async fn hold(
    target: &Target,
    compilation: &Compilation,
    is_there: &dyn Fn(&ResourceId) -> bool,
) -> Result<Vec<Trial>, ClientError> {
    let groups: Vec<ResourceId> = landing_zones(compilation).into_iter().filter(|group| is_there(group)).collect();
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let policies = Policies::of(&compilation.compiled.estate);
    let mut trials = Vec::new();
    for group in groups {
        let location = compilation.compiled.estate.get(&group).and_then(|r| r.body.get("location")).cloned();
        for (definition, resource) in violating(&group, location.as_ref()) {
            if policies.refuses(&resource) {
                trials.push(offer(target, &group, definition, &resource).await?);
            }
        }
    }
    Ok(trials)
}

/// The services' group of the first landing zone of each exposure.
fn landing_zones(compilation: &Compilation) -> Vec<ResourceId> {
    let mut groups: Vec<(&str, ResourceId)> = Vec::new();
    for workload in compilation.design.workloads.values() {
        let exposure = workload.exposure.name();
        if groups.iter().any(|(known, _)| *known == exposure) {
            continue;
        }
        let own = compilation.compiled.estate.iter().find(|r| {
            r.workload.as_deref() == Some(workload.name.as_str())
                && r.resource_type().is_some_and(|kind| kind.is("Microsoft.Resources/resourceGroups"))
        });
        groups.extend(own.map(|r| (exposure, r.id.clone())));
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The violating halves of the library's pairs, as resources of a group.
fn violating(group: &ResourceId, location: Option<&Value>) -> Vec<(String, Resource)> {
    let mut all = Vec::new();
    for file in Library::embedded_pairs() {
        let Ok(root) = yaml::parse(&file) else { continue };
        for case in root.get("cases").map(Node::items).unwrap_or_default() {
            let text = |key: &str| case.get(key).and_then(Node::as_str);
            let (Some(definition), None | Some("write")) = (text("definition"), text("operation")) else { continue };
            for member in case.get("violates").map(Node::members).unwrap_or_default() {
                all.extend(resource(&member.value, group, location).map(|r| (definition.to_owned(), r)));
            }
        }
    }
    all
}

fn resource(node: &Node, group: &ResourceId, location: Option<&Value>) -> Option<Resource> {
    let text = |key: &str| node.get(key).and_then(Node::as_str);
    let id = group.provider_child(text("type")?, text("name").unwrap_or("glidepath-trial"))?;
    // A group is no resource of a group.
    id.resource_type().filter(|kind| !kind.is("Microsoft.Resources/resourceGroups"))?;
    let members = node.members().iter().filter(|m| !ABOUT.contains(&m.key.as_ref()));
    let mut body = members.map(|m| (m.key.clone(), &m.value)).collect::<Object>();
    if let (None, Some(location)) = (body.get("location"), location) {
        body.insert("location", location.clone());
    }
    Some(Resource::new(id, text("api")?, Value::from(body)))
}

async fn offer(
    target: &Target,
    group: &ResourceId,
    definition: String,
    resource: &Resource,
) -> Result<Trial, ClientError> {
    let path = format!("{group}/providers/Microsoft.Resources/deployments/glidepath-trial/validate");
    let path = target.bindings().outgoing_text(&path)?;
    let mut offered = resource.body.to_json();
    if let Some(object) = offered.as_object_mut() {
        object.insert("type".to_owned(), json!(resource.resource_type().map(|t| t.to_string())));
        object.insert("name".to_owned(), json!(resource.id.full_name()));
        object.insert("apiVersion".to_owned(), json!(resource.api_version));
    }
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [offered],
    });
    let body = Value::from(json!({ "properties": { "mode": "Incremental", "template": template } }));
    let trial = |refused, answer: String| Trial { definition, at: group.clone(), refused, answer };
    match target.client().post(&path, DEPLOYMENTS_API, Some(&body)).await {
        Ok(_) => Ok(trial(false, "the target would make it".to_owned())),
        Err(error) => match error.arm() {
            Some(arm) if arm.chain().iter().any(|e| e.code == "RequestDisallowedByPolicy") => {
                Ok(trial(true, String::new()))
            }
            Some(arm) => Ok(trial(false, format!("it was refused for another reason: {}", arm.message))),
            None => Err(error),
        },
    }
}
