//! What the target's policy engine says of what is there.
//!
//! Source: Microsoft Learn, PolicyInsights REST API 2024-10-01, policyStates `queryResults` and `triggerEvaluation`.

use std::collections::BTreeMap;

use glidepath_arm::{ResourceId, Value};
use serde::Serialize;

use crate::{ClientError, Target, Verb};

const API: &str = "2024-10-01";

/// One resource judged by one policy of one assignment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyState {
    /// The resource, with symbolic subscription id.
    pub resource: ResourceId,
    /// Is it compliant?
    pub compliant: bool,
    /// The assignment.
    pub assignment: ResourceId,
    /// The definition.
    pub definition: ResourceId,
    /// The member of the initiative, where the assignment assigns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// The effect, in lower case: `deny`, `auditifnotexists`.
    pub effect: String,
}

/// The states of some scopes, in the order of their resources, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Compliance {
    /// The states.
    pub states: Vec<PolicyState>,
}

/// How one assignment does, by effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentSummary {
    /// The assignment.
    pub assignment: ResourceId,
    /// The effect, in lower case.
    pub effect: String,
    /// States that are compliant.
    pub compliant: usize,
    /// States that are not.
    pub non_compliant: usize,
}

impl Compliance {
    /// Every resource once, with whether all of its states are compliant: what a plan's evidence takes.
    pub fn resources(&self) -> Vec<(ResourceId, bool)> {
        let mut resources: BTreeMap<&ResourceId, bool> = BTreeMap::new();
        for state in &self.states {
            *resources.entry(&state.resource).or_insert(true) &= state.compliant;
        }
        resources.into_iter().map(|(id, compliant)| (id.clone(), compliant)).collect()
    }

    /// Counts by assignment and effect, in the order of the assignments.
    pub fn summary(&self) -> Vec<AssignmentSummary> {
        let mut counts: BTreeMap<(&ResourceId, &str), (usize, usize)> = BTreeMap::new();
        for state in &self.states {
            let (good, bad) = counts.entry((&state.assignment, &state.effect)).or_default();
            *if state.compliant { good } else { bad } += 1;
        }
        let summary = |((assignment, effect), (compliant, non_compliant)): ((&ResourceId, &str), (usize, usize))| {
            AssignmentSummary { assignment: assignment.clone(), effect: effect.to_owned(), compliant, non_compliant }
        };
        counts.into_iter().map(summary).collect()
    }
}

/// What policy says of a scope, without a record for everything that is well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    /// Resources that some policy applies to.
    pub judged: usize,
    /// How many verdicts are good and bad, by effect in lower case.
    pub effects: BTreeMap<String, (usize, usize)>,
    /// Every bad state, in the order of the resources.
    pub bad: Vec<PolicyState>,
}

impl Overview {
    /// Every resource that is not compliant, once.
    pub fn non_compliant(&self) -> Vec<ResourceId> {
        let mut ids: Vec<ResourceId> = self.bad.iter().map(|state| state.resource.clone()).collect();
        ids.dedup();
        ids
    }
}

/// Counts of a scope, and its bad states. A scope in a subscription that does not exist yet has none.
///
/// # Errors
/// See [`ClientError`].
pub async fn overview(target: &Target, scope: &ResourceId) -> Result<Overview, ClientError> {
    let path = format!("{scope}/providers/Microsoft.PolicyInsights/policyStates/latest");
    let path = match target.bindings().outgoing_text(&path) {
        Ok(path) => path.into_owned(),
        Err(ClientError::Unbound(_)) => return Ok(Overview::default()),
        Err(error) => return Err(error),
    };
    let mut overview = Overview::default();
    for summary in target.client().list(Verb::Query, &format!("{path}/summarize"), API, &[]).await? {
        overview.judged += counts(summary.get("results")).values().sum::<usize>();
        for assignment in items(&summary, "policyAssignments") {
            for definition in items(assignment, "policyDefinitions") {
                let effect = definition.get("effect").and_then(Value::as_str).unwrap_or_default();
                let (good, bad) = overview.effects.entry(effect.to_ascii_lowercase()).or_default();
                for (state, count) in counts(definition.get("results")) {
                    *if state == "noncompliant" { &mut *bad } else { &mut *good } += count;
                }
            }
        }
    }
    let bad = [("$filter", "ComplianceState eq 'NonCompliant'")];
    for item in target.client().list(Verb::Query, &format!("{path}/queryResults"), API, &bad).await? {
        overview.bad.extend(state(&target.bindings().incoming(&item)));
    }
    overview.bad.sort();
    overview.bad.dedup();
    Ok(overview)
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).unwrap_or_default()
}

/// Compliance state, in lower case → how many resources.
fn counts(results: Option<&Value>) -> BTreeMap<String, usize> {
    let details = results.map(|r| items(r, "resourceDetails")).unwrap_or_default();
    let count = |detail: &Value| {
        let state = detail.get("complianceState")?.as_str()?.to_ascii_lowercase();
        Some((state, usize::try_from(detail.get("count")?.as_int()?).ok()?))
    };
    details.iter().filter_map(count).collect()
}

/// The latest states of everything in these scopes (management groups, subscriptions, groups, resources). Subscriptions
/// that do not exist yet have none.
///
/// # Errors
/// See [`ClientError`].
pub async fn compliance(target: &Target, scopes: &[ResourceId]) -> Result<Compliance, ClientError> {
    let mut states = Vec::new();
    for scope in scopes {
        let path = format!("{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults");
        let path = match target.bindings().outgoing_text(&path) {
            Ok(path) => path,
            Err(ClientError::Unbound(_)) => continue,
            Err(error) => return Err(error),
        };
        for item in target.client().list(Verb::Query, &path, API, &[]).await? {
            states.extend(state(&target.bindings().incoming(&item)));
        }
    }
    states.sort();
    states.dedup();
    Ok(Compliance { states })
}

/// Asks for a new evaluation of a subscription or group and waits until it is done.
///
/// # Errors
/// See [`ClientError`].
pub async fn trigger_evaluation(target: &Target, scope: &ResourceId) -> Result<(), ClientError> {
    let path = format!("{scope}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation");
    let path = target.bindings().outgoing_text(&path)?;
    target.client().post(&path, API, None).await.map(drop)
}

/// Azure also has the states Exempt, Unknown, Protected and Conflict; only NonCompliant is a no.
fn state(item: &Value) -> Option<PolicyState> {
    let text = |key: &str| item.get(key).and_then(Value::as_str).filter(|s| !s.is_empty());
    let compliant = match text("complianceState") {
        Some(state) => !state.eq_ignore_ascii_case("NonCompliant"),
        None => item.get("isCompliant").and_then(Value::as_bool)?,
    };
    Some(PolicyState {
        resource: ResourceId::new(text("resourceId")?),
        compliant,
        assignment: ResourceId::new(text("policyAssignmentId").unwrap_or_default()),
        definition: ResourceId::new(text("policyDefinitionId").unwrap_or_default()),
        reference_id: text("policyDefinitionReferenceId").map(str::to_owned),
        effect: text("policyDefinitionAction").unwrap_or_default().to_ascii_lowercase(),
    })
}
