//! Attestations (the word of a person on a `manual` policy), policy metadata, and the versions of definitions.

use glidepath_arm::{ResourceId, Value};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::resources::missing;
use crate::sandbox::Sandbox;
use crate::world::World;

const STATES: [&str; 3] = ["Compliant", "NonCompliant", "Unknown"];

impl Sandbox {
    /// `{scope}/providers/Microsoft.PolicyInsights/attestations/{name}`
    pub(crate) async fn attestation(&self, call: &Call, id: &ResourceId) -> Reply {
        if call.verb == Verb::Put {
            let body = call.object()?;
            let text = |name: &str| body.at(&["properties", name]).and_then(Value::as_str);
            let Some(assignment) = text("policyAssignmentId") else {
                return Err(ArmError::bad_request(
                    "InvalidCreateAttestationRequest",
                    "The property 'policyAssignmentId' is required.",
                ));
            };
            let assignment = ResourceId::new(assignment);
            if self.world().estate.get(&assignment).is_none() {
                return Err(missing(&assignment));
            }
            if let Some(state) = text("complianceState").filter(|s| !STATES.iter().any(|k| k.eq_ignore_ascii_case(s))) {
                return Err(ArmError::bad_request(
                    "InvalidCreateAttestationRequest",
                    format!(
                        "The compliance state '{state}' is invalid; it must be one of 'Compliant', 'NonCompliant', 'Unknown'."
                    ),
                ));
            }
        }
        self.resource(call, id).await
    }

    /// `GET /providers/Microsoft.PolicyInsights/policyMetadata[/{name}]`: that of the groups of the initiatives here.
    pub(crate) fn policy_metadata(&self, call: &Call, name: Option<&str>) -> Reply {
        let world = self.world();
        let all = metadata(&world);
        match name {
            Some(name) => all
                .into_iter()
                .find(|m| m.get("name").and_then(Json::as_str).is_some_and(|n| n.eq_ignore_ascii_case(name)))
                .map(Answer::ok)
                .ok_or_else(|| {
                    ArmError::not_found(
                        "PolicyMetadataNotFound",
                        format!("The policy metadata '{name}' could not be found."),
                    )
                }),
            None => {
                let top = call.parameter("$top").and_then(|t| t.parse().ok()).unwrap_or(1000);
                let shown: Vec<Json> = all.into_iter().take(top).collect();
                Ok(Answer::ok(json!({"value": shown})))
            }
        }
    }

    /// `GET {definition}/versions[/{version}]`: the one version there is, unless others were written.
    pub(crate) async fn versions(&self, call: &Call, definition: &ResourceId, version: Option<&str>) -> Reply {
        let written = |v: &str| definition.child("versions", v);
        if let Some(version) = version
            && (call.verb != Verb::Get || self.world().estate.get(&written(version)).is_some())
        {
            return self.resource(call, &written(version)).await;
        }
        let world = self.world();
        let Some(resource) = world.estate.get(definition) else { return Err(missing(definition)) };
        let own = [&["properties", "version"][..], &["properties", "metadata", "version"]]
            .iter()
            .find_map(|path| resource.body.at(path).and_then(Value::as_str))
            .unwrap_or("1.0.0")
            .to_owned();
        let mut shown = Value::object([
            ("id", Value::from(written(&own).as_str())),
            ("name", own.as_str().into()),
            (
                "type",
                format!("{}/versions", resource.resource_type().map(|t| t.to_string()).unwrap_or_default()).into(),
            ),
        ]);
        let mut properties = resource.body.get("properties").cloned().unwrap_or(Value::Null);
        properties.make_object().insert("version", own.as_str());
        shown.make_object().insert("properties", properties);
        match version {
            Some(asked) if !asked.eq_ignore_ascii_case(&own) => Err(ArmError::not_found(
                "PolicyDefinitionVersionNotFound",
                format!("The version '{asked}' of the policy definition '{}' could not be found.", definition.name()),
            )),
            Some(_) => Ok(Answer::ok(shown)),
            None => {
                let mut all: Vec<Value> = world
                    .estate
                    .within(&definition.child("versions", ""))
                    .filter(|r| !r.id.name().eq_ignore_ascii_case(&own))
                    .map(|r| world.rendered(r))
                    .collect();
                all.push(shown);
                Ok(Answer::ok(Value::object([("value", Value::array(all))])))
            }
        }
    }
}

/// The state that an attestation at a resource, or at a scope above it, gives a manual policy; the nearest counts.
pub(crate) fn attested(
    world: &World,
    resource: &ResourceId,
    assignment: &ResourceId,
    reference: Option<&str>,
    now: i64,
) -> Option<String> {
    let mut scopes = vec![resource.clone()];
    while let Some(parent) = scopes.last().and_then(ResourceId::parent).filter(|p| p.as_str() != "/") {
        scopes.push(parent);
    }
    scopes.iter().find_map(|scope| {
        let base = ResourceId::new(&format!("{scope}/providers/Microsoft.PolicyInsights/attestations"));
        world.estate.within(&base).find_map(|r| {
            let text = |name: &str| r.body.at(&["properties", name]).and_then(Value::as_str);
            let fits = text("policyAssignmentId").is_some_and(|a| ResourceId::new(a) == *assignment)
                && text("policyDefinitionReferenceId")
                    .is_none_or(|own| reference.is_some_and(|r| own.eq_ignore_ascii_case(r)));
            let expired =
                text("expiresOn").and_then(|t| t.parse::<jiff::Timestamp>().ok()).is_some_and(|t| t.as_second() <= now);
            (fits && !expired).then(|| text("complianceState").unwrap_or("Unknown").to_owned())
        })
    })
}

fn metadata(world: &World) -> Vec<Json> {
    let mut all: Vec<Json> = Vec::new();
    for set in world.estate.iter() {
        if !set.resource_type().is_some_and(|t| t.is("Microsoft.Authorization/policySetDefinitions")) {
            continue;
        }
        let groups =
            set.body.at(&["properties", "policyDefinitionGroups"]).and_then(Value::as_array).unwrap_or_default();
        for group in groups {
            let text = |name: &str| group.get(name).and_then(Value::as_str).unwrap_or_default();
            let id = text("additionalMetadataId");
            let name = id.rsplit('/').next().filter(|n| !n.is_empty()).unwrap_or(text("name"));
            if name.is_empty() || all.iter().any(|m| m.get("name").and_then(Json::as_str) == Some(name)) {
                continue;
            }
            all.push(json!({
                "id": format!("/providers/Microsoft.PolicyInsights/policyMetadata/{name}"), "name": name,
                "type": "Microsoft.PolicyInsights/policyMetadata",
                "properties": {
                    "metadataId": name, "title": text("displayName"), "category": text("category"), "owner": "Shared",
                    "description": text("description"), "additionalContentUrl": "",
                },
            }));
        }
    }
    all.sort_by_key(|m| m.get("name").and_then(Json::as_str).unwrap_or_default().to_owned());
    all
}
