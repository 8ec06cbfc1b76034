//! Compliance: the state a verdict means, and the records of Policy Insights.

use glidepath_arm::{ResourceId, ResourceType, Value};
use glidepath_estate::Hierarchy;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, json};

use crate::refusal::{expressions, parameters};
use crate::{Contributor, Effect, Outcome, Verdict};

/// Azure's compliance states, strongest first. Source: MicrosoftDocs/azure-docs, policy/concepts/compliance-states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ComplianceState {
    /// A policy is violated.
    NonCompliant,
    /// All applicable policies are met.
    Compliant,
    /// Two policies contradict each other.
    Conflict,
    /// An exemption holds.
    Exempt,
    /// Nobody can tell yet.
    Unknown,
}

impl ComplianceState {
    /// Azure's spelling.
    pub fn name(self) -> &'static str {
        match self {
            ComplianceState::NonCompliant => "NonCompliant",
            ComplianceState::Compliant => "Compliant",
            ComplianceState::Conflict => "Conflict",
            ComplianceState::Exempt => "Exempt",
            ComplianceState::Unknown => "Unknown",
        }
    }
}

/// The state of one policy for a resource.
pub fn state(contributor: &Contributor) -> ComplianceState {
    match contributor.outcome {
        Outcome::Triggered | Outcome::NotEnforced if contributor.conflict => ComplianceState::Conflict,
        Outcome::Compliant => ComplianceState::Compliant,
        Outcome::Exempt => ComplianceState::Exempt,
        Outcome::DependsOn => ComplianceState::Unknown,
        Outcome::Triggered | Outcome::NotEnforced if contributor.effect == Effect::Manual => {
            let attested = contributor.details.at(&["attestation", "complianceState"]);
            match attested.or_else(|| contributor.details.get("defaultState")).and_then(Value::as_str) {
                Some(text) if text.eq_ignore_ascii_case("compliant") => ComplianceState::Compliant,
                Some(text)
                    if text.eq_ignore_ascii_case("non-compliant") || text.eq_ignore_ascii_case("noncompliant") =>
                {
                    ComplianceState::NonCompliant
                }
                _ => ComplianceState::Unknown,
            }
        }
        Outcome::Triggered | Outcome::NotEnforced => ComplianceState::NonCompliant,
    }
}

/// The state of a resource: the strongest of its policies'. Ask with [`crate::Operation::Scan`] and `list_compliant`:
/// what is not listed counts for nothing. `None`: no policy is applicable.
pub fn compliance(verdict: &Verdict) -> Option<ComplianceState> {
    verdict.contributors.iter().map(state).min()
}

/// One record of `policyStates` for a contributor of a verdict on `id`.
///
/// `now` is in seconds since 1970. Source: Azure/azure-rest-api-specs, PolicyInsights 2024-10-01, `PolicyState`.
pub fn policy_state(
    contributor: &Contributor,
    id: &ResourceId,
    body: &Value,
    hierarchy: &Hierarchy,
    now: i64,
) -> serde_json::Value {
    let text = |value: Option<&str>| value.map_or(serde_json::Value::Null, Into::into);
    let state = state(contributor);
    let (definition, assignment) = (&contributor.definition, &contributor.assignment);
    let groups: Vec<String> = hierarchy
        .scopes_of(id)
        .iter()
        .rev()
        .filter(|s| s.resource_type().is_some_and(|t| t.is("Microsoft.Management/managementGroups")))
        .map(|s| s.name().to_owned())
        .collect();
    let mut record = Map::new();
    let mut put = |key: &str, value: serde_json::Value| record.insert(key.to_owned(), value);
    put("@odata.id", serde_json::Value::Null);
    put("@odata.context", "https://management.azure.com/$metadata#latest/$entity".into());
    put("timestamp", Timestamp::from_second(now).map(|t| t.to_string()).unwrap_or_default().into());
    put("resourceId", id.as_str().into());
    put("policyAssignmentId", assignment.id.as_str().into());
    put("policyDefinitionId", definition.id.as_str().into());
    put("effectiveParameters", "".into());
    put("isCompliant", (state != ComplianceState::NonCompliant).into());
    put("subscriptionId", text(id.subscription_id()));
    put("resourceType", text(id.resource_type().as_ref().map(ResourceType::as_str)));
    put("resourceLocation", text(body.get("location").and_then(Value::as_str)));
    put("resourceGroup", text(id.resource_group_name()));
    put("resourceTags", "tbd".into());
    put("policyAssignmentName", assignment.name.as_str().into());
    put("policyAssignmentOwner", "tbd".into());
    put("policyAssignmentParameters", parameters(contributor).to_string().into());
    put("policyAssignmentScope", contributor.assignment_scope.as_str().into());
    put("policyAssignmentVersion", text(assignment.version.as_deref()));
    put("policyDefinitionName", definition.name.as_str().into());
    put("policyDefinitionAction", contributor.written_effect.to_lowercase().into());
    put("policyDefinitionCategory", text(contributor.category.as_deref()));
    put("policyDefinitionVersion", text(definition.version.as_deref()));
    put("policyDefinitionReferenceId", text(contributor.reference_id.as_deref()));
    put("policyDefinitionGroupNames", json!(contributor.groups));
    let initiative = contributor.initiative.as_ref();
    put("policySetDefinitionId", text(initiative.map(|i| i.id.as_str())));
    put("policySetDefinitionName", text(initiative.map(|i| i.name.as_str())));
    put("policySetDefinitionVersion", text(initiative.and_then(|i| i.version.as_deref())));
    put("managementGroupIds", groups.join(",").into());
    put("complianceState", state.name().into());
    put("policyEvaluationDetails", json!({"evaluatedExpressions": expressions(contributor)}));
    record.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_state_counts() {
        let mut states = [
            ComplianceState::Unknown,
            ComplianceState::Exempt,
            ComplianceState::Conflict,
            ComplianceState::Compliant,
            ComplianceState::NonCompliant,
        ];
        states.sort();
        assert_eq!(states.map(ComplianceState::name), ["NonCompliant", "Compliant", "Conflict", "Exempt", "Unknown"]);
        let nothing = Verdict { effect: None, contributors: Vec::new(), changed: None, findings: Vec::new() };
        assert_eq!(compliance(&nothing), None);
    }
}
