//! The answer to a request that policy refuses.
//!
//! Source: the public samples in MicrosoftDocs/azure-docs, automation/enforce-job-execution-hybrid-worker, and in console
//! logs of Azure CLI (order of members, `reason`, parameters without `value` wrappers).

use glidepath_arm::{ResourceId, Value};
use serde_json::{Map, json};

use crate::{Contributor, Effect, Named, Outcome, Verdict};

/// The body of the 403: `{"error": {"code": "RequestDisallowedByPolicy", …}}`. Where a policy that refuses has a
/// non-compliance message, the messages stand in place of the identifiers.
pub fn refusal(verdict: &Verdict, id: &ResourceId) -> serde_json::Value {
    let refusing: Vec<&Contributor> = verdict.contributors.iter().filter(|c| refuses(c)).collect();
    let name = id.name();
    let mut reasons: Vec<&str> = Vec::new();
    for reason in refusing.iter().filter_map(|c| c.message.as_deref()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let message = if reasons.is_empty() {
        let identifiers = serde_json::Value::from(refusing.iter().map(|c| identifiers(c)).collect::<Vec<_>>());
        format!("Resource '{name}' was disallowed by policy. Policy identifiers: '{identifiers}'.")
    } else {
        let reasons: Vec<String> = reasons.iter().map(|r| format!("'{r}'")).collect();
        format!(
            "Resource '{name}' was disallowed by policy. Reasons: {}. See error details for policy resource IDs.",
            reasons.join(", ")
        )
    };
    json!({"error": {
        "code": "RequestDisallowedByPolicy",
        "target": name,
        "message": message,
        "additionalInfo": refusing.iter().map(|c| json!({"type": "PolicyViolation", "info": info(c)})).collect::<Vec<_>>(),
    }})
}

fn refuses(contributor: &Contributor) -> bool {
    contributor.outcome == Outcome::Triggered && matches!(contributor.effect, Effect::Deny | Effect::DenyAction)
}

fn identifiers(contributor: &Contributor) -> serde_json::Value {
    let named = |asset: &Named| {
        let mut object = Map::new();
        object.insert("name".into(), asset.display_name.as_deref().unwrap_or(&asset.name).into());
        object.insert("id".into(), asset.id.as_str().into());
        if let Some(version) = &asset.version {
            object.insert("version".into(), version.as_str().into());
        }
        serde_json::Value::from(object)
    };
    // An assignment's version is the range it asks for, not its own.
    let assignment = Named { version: None, ..contributor.assignment.clone() };
    let mut object = Map::new();
    object.insert("policyAssignment".into(), named(&assignment));
    object.insert("policyDefinition".into(), named(&contributor.definition));
    if let Some(initiative) = &contributor.initiative {
        object.insert("policySetDefinition".into(), named(initiative));
    }
    object.into()
}

fn info(contributor: &Contributor) -> serde_json::Value {
    let mut info = Map::new();
    let mut details = Map::new();
    details.insert("evaluatedExpressions".into(), expressions(contributor));
    put(&mut details, "reason", contributor.message.as_deref());
    info.insert("evaluationDetails".into(), details.into());
    let definition = &contributor.definition;
    put(&mut info, "policyDefinitionId", Some(definition.id.as_str()));
    if let Some(initiative) = &contributor.initiative {
        put(&mut info, "policySetDefinitionId", Some(initiative.id.as_str()));
        put(&mut info, "policyDefinitionReferenceId", contributor.reference_id.as_deref());
        put(&mut info, "policySetDefinitionName", Some(&initiative.name));
        put(&mut info, "policySetDefinitionDisplayName", initiative.display_name.as_deref());
        put(&mut info, "policySetDefinitionVersion", initiative.version.as_deref());
    }
    put(&mut info, "policyDefinitionName", Some(&definition.name));
    put(&mut info, "policyDefinitionDisplayName", definition.display_name.as_deref());
    put(&mut info, "policyDefinitionVersion", definition.version.as_deref());
    put(&mut info, "policyDefinitionEffect", Some(&contributor.written_effect));
    put(&mut info, "policyAssignmentId", Some(contributor.assignment.id.as_str()));
    put(&mut info, "policyAssignmentName", Some(&contributor.assignment.name));
    put(&mut info, "policyAssignmentDisplayName", contributor.assignment.display_name.as_deref());
    put(&mut info, "policyAssignmentScope", Some(contributor.assignment_scope.as_str()));
    info.insert("policyAssignmentParameters".into(), parameters(contributor));
    info.insert("policyExemptionIds".into(), json!([]));
    info.into()
}

/// The conditions of a rule as Azure returns them.
pub(crate) fn expressions(contributor: &Contributor) -> serde_json::Value {
    serde_json::to_value(&contributor.expressions).unwrap_or_else(|_| json!([]))
}

pub(crate) fn parameters(contributor: &Contributor) -> serde_json::Value {
    match &contributor.assignment_parameters {
        Value::Null => json!({}),
        given => given.to_json(),
    }
}

fn put(object: &mut Map<String, serde_json::Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}
