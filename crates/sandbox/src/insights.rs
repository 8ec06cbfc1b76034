//! Compliance of what exists: `Microsoft.PolicyInsights/policyStates`.
//!
//! States are computed when they are asked for and kept until the next write, so that they are never out of date.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use glidepath_arm::{ResourceId, Scope, Value};
use glidepath_estate::Resource;
use glidepath_policy::{ComplianceState, Contributor, Effect, Operation, policy_state, state};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::list::{comparison, split_and};
use crate::operations::Outcome;
use crate::policy::judge;
use crate::resources::exists_around;
use crate::sandbox::Sandbox;
use crate::world::{Kind, World, kind};

/// States of a page when the caller does not say.
const PAGE: usize = 1000;

/// One policy instance's view of one resource.
struct State {
    resource: ResourceId,
    content: Value,
    contributor: Contributor,
    compliance: ComplianceState,
}

/// The states computed last: the estate's generation they belong to, and those of each scope asked for.
#[derive(Default)]
pub(crate) struct Compliance(Mutex<Computed>);

#[derive(Default)]
struct Computed {
    generation: u64,
    scopes: BTreeMap<ResourceId, Arc<Vec<State>>>,
}

impl Sandbox {
    /// `POST {scope}/providers/Microsoft.PolicyInsights/policyStates/{view}/{action}`
    pub(crate) fn policy_states(&self, call: &Call, scope: &ResourceId, view: &str, action: &str) -> Reply {
        if !matches!(view, "latest" | "default") {
            return Err(ArmError::bad_request("InvalidPolicyStatesResource", format!("There is no view '{view}'.")));
        }
        {
            let world = self.world();
            if scope.as_str() != "/" {
                exists_around(&world, &scope.child("x", "x"))?;
            }
        }
        match action {
            "queryresults" => self.query_results(call, scope),
            "summarize" => self.summarize(call, scope),
            // Nothing to wait for: states are computed when they are read.
            "triggerevaluation" => Ok(self.accepted(call, Outcome::nothing())),
            _ => Err(ArmError::not_found("NotFound", format!("There is no action '{action}' on policy states."))),
        }
    }

    fn states(&self, scope: &ResourceId) -> Arc<Vec<State>> {
        let world = self.world();
        let generation = world.generation;
        {
            let mut cache = self.compliance.0.lock().unwrap_or_else(PoisonError::into_inner);
            if cache.generation != generation {
                *cache = Computed { generation, scopes: BTreeMap::new() };
            }
            if let Some(states) = cache.scopes.get(scope) {
                return Arc::clone(states);
            }
        }
        let states = Arc::new(scan(&world, scope, self.now()));
        let mut cache = self.compliance.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.generation == generation {
            cache.scopes.insert(scope.clone(), Arc::clone(&states));
        }
        states
    }

    fn query_results(&self, call: &Call, scope: &ResourceId) -> Reply {
        let states = self.states(scope);
        let context = self.context(scope, "latest");
        let details =
            call.parameter("$expand").is_some_and(|e| e.to_ascii_lowercase().contains("policyevaluationdetails"));
        let filter = filter(call)?;
        let world = self.world();
        let now = self.now();
        let number = |name: &str| call.parameter(name).and_then(|text| text.parse::<usize>().ok());
        let start = number("$skiptoken").unwrap_or(0);
        // `$top` bounds the whole answer, pages are the server's. Only the records of the page are made, for a large
        // estate has tens of thousands.
        let room = number("$top").map_or(usize::MAX, |top| top.saturating_sub(start));
        let make = |state: &State| record(&world, state, now, &context, details);
        let (mut shown, more): (Vec<Json>, bool) = if filter.is_empty() {
            let window = states.get(start..).unwrap_or_default();
            (window.iter().take(PAGE.min(room)).map(make).collect(), window.len().min(room) > PAGE)
        } else {
            // What can be told without making the record is told first.
            let hopeful = |state: &&State| {
                filter.iter().all(|(field, wanted)| {
                    !field.eq_ignore_ascii_case("complianceState")
                        || state.compliance.name().eq_ignore_ascii_case(wanted)
                })
            };
            let fits = |record: &Json| filter.iter().all(|(field, wanted)| field_is(record, field, wanted));
            let kept = states.iter().filter(hopeful).map(make).filter(fits).skip(start);
            let kept: Vec<Json> = kept.take(room.min(PAGE + 1)).collect();
            let more = kept.len() > PAGE;
            (kept, more)
        };
        shown.truncate(PAGE);
        let next = more.then(|| self.next_link(call, &(start + shown.len()).to_string()));
        Ok(Answer::ok(json!({
            "@odata.context": context,
            "@odata.count": shown.len(),
            "@odata.nextLink": next,
            "value": shown,
        })))
    }

    fn summarize(&self, call: &Call, scope: &ResourceId) -> Reply {
        let states = self.states(scope);
        let context = self.context(scope, "summary");
        let filter = filter(call)?;
        let world = self.world();
        let now = self.now();
        let kept: Vec<&State> = states
            .iter()
            .filter(|state| {
                filter.is_empty() || {
                    let record = record(&world, state, now, &context, false);
                    filter.iter().all(|(field, wanted)| field_is(&record, field, wanted))
                }
            })
            .collect();
        let mut assignments: BTreeMap<&ResourceId, Vec<&State>> = BTreeMap::new();
        for state in &kept {
            assignments.entry(&state.contributor.assignment.id).or_default().push(state);
        }
        let query = |kept: &[&State], suffix: &str| {
            results(
                kept,
                &format!(
                    "{}{}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults?api-version={}{suffix}",
                    self.endpoint,
                    scope.as_str().trim_end_matches('/'),
                    call.api_version()
                ),
            )
        };
        let per_assignment: Vec<Json> = assignments
            .iter()
            .map(|(id, kept)| {
                let mut definitions: BTreeMap<(&ResourceId, &str), Vec<&State>> = BTreeMap::new();
                for state in kept {
                    let reference = state.contributor.reference_id.as_deref().unwrap_or_default();
                    definitions.entry((&state.contributor.definition.id, reference)).or_default().push(state);
                }
                let definitions: Vec<Json> = definitions
                    .iter()
                    .map(|((definition, reference), kept)| {
                        json!({
                            "policyDefinitionId": definition.as_str(),
                            "policyDefinitionReferenceId": reference,
                            "policyDefinitionGroupNames": [""],
                            "effect": kept.first().map(|s| s.contributor.written_effect.to_lowercase()),
                            "results": query(kept, ""),
                        })
                    })
                    .collect();
                let initiative = kept.iter().find_map(|s| s.contributor.initiative.as_ref());
                json!({
                    "policyAssignmentId": id.as_str(),
                    "policySetDefinitionId": initiative.map_or("", |i| i.id.as_str()),
                    "results": query(kept, &format!("&$filter=PolicyAssignmentId eq '{id}'")),
                    "policyDefinitions": definitions,
                    "policyGroups": [],
                })
            })
            .collect();
        Ok(Answer::ok(json!({
            "@odata.context": format!("{context}"),
            "@odata.count": 1,
            "value": [{
                "@odata.id": null,
                "@odata.context": format!("{context}/$entity"),
                "results": query(&kept, ""),
                "policyAssignments": per_assignment,
            }],
        })))
    }

    fn context(&self, scope: &ResourceId, what: &str) -> String {
        let scope = scope.as_str().trim_end_matches('/');
        format!("{}{scope}/providers/Microsoft.PolicyInsights/policyStates/$metadata#{what}", self.endpoint)
    }
}

/// Judges everything in a scope, in the order of ids. A scope that is an assignment keeps the states of that assignment.
fn scan(world: &World, scope: &ResourceId, now: i64) -> Vec<State> {
    let assignment = scope.resource_type().filter(|t| t.is("Microsoft.Authorization/policyAssignments"));
    let holder = match assignment {
        Some(_) => scope.parent().unwrap_or_else(ResourceId::tenant),
        None => scope.clone(),
    };
    let mut states = Vec::new();
    for resource in held(world, &holder) {
        let content = world.content(resource);
        let verdict = judge(world, &resource.id, &content, &resource.api_version, Operation::Scan, now);
        for contributor in verdict.contributors {
            if contributor.effect == Effect::Disabled || assignment.is_some() && contributor.assignment.id != *scope {
                continue;
            }
            let compliance = stated(world, &resource.id, &contributor, now);
            states.push(State { resource: resource.id.clone(), content: content.clone(), compliance, contributor });
        }
    }
    states
}

/// The state of a policy; of a manual one an attestation tells it.
fn stated(world: &World, resource: &ResourceId, contributor: &Contributor, now: i64) -> ComplianceState {
    let own = state(contributor);
    if contributor.effect != Effect::Manual || own == ComplianceState::Exempt {
        return own;
    }
    let reference = contributor.reference_id.as_deref();
    let told = crate::attestations::attested(world, resource, &contributor.assignment.id, reference, now);
    match told.map(|t| t.to_ascii_lowercase()).as_deref() {
        Some("compliant") => ComplianceState::Compliant,
        Some("noncompliant") => ComplianceState::NonCompliant,
        Some(_) => ComplianceState::Unknown,
        None => own,
    }
}

/// The resources in a scope that policy looks at: subscriptions, groups and what is in them, but not what governs them.
pub(crate) fn held<'a>(world: &'a World, scope: &ResourceId) -> Vec<&'a Resource> {
    let roots: Vec<ResourceId> = match scope.scope() {
        Scope::Tenant => vec![ResourceId::new("/subscriptions")],
        Scope::ManagementGroup(name) => {
            let mut subscriptions = BTreeSet::new();
            let mut level = vec![ResourceId::management_group(&name)];
            while let Some(group) = level.pop() {
                for child in world.hierarchy.children(&group) {
                    if child.subscription_id().is_some() {
                        subscriptions.insert(child.clone());
                    } else {
                        level.push(child.clone());
                    }
                }
            }
            subscriptions.into_iter().collect()
        }
        Scope::Subscription(_) | Scope::ResourceGroup { .. } => vec![scope.clone()],
    };
    roots
        .iter()
        .flat_map(|root| world.estate.within(root))
        .filter(|resource| {
            let governs = resource.resource_type().is_none_or(|t| {
                t.as_str().to_ascii_lowercase().starts_with("microsoft.resources/deployments")
                    || ["Microsoft.Authorization", "Microsoft.PolicyInsights"]
                        .iter()
                        .any(|n| t.namespace().eq_ignore_ascii_case(n))
            });
            !governs && !matches!(kind(&resource.id), Kind::Placement | Kind::ManagementGroup)
        })
        .collect()
}

/// The record of a state, as seen from this sandbox.
fn record(world: &World, state: &State, now: i64, context: &str, details: bool) -> Json {
    let mut record = policy_state(&state.contributor, &state.resource, &state.content, &world.hierarchy, now);
    if let Some(object) = record.as_object_mut() {
        object.insert("@odata.context".to_owned(), format!("{context}/$entity").into());
        // An attestation may say otherwise than the rule.
        object.insert("complianceState".to_owned(), state.compliance.name().into());
        object.insert("isCompliant".to_owned(), (state.compliance == ComplianceState::Compliant).into());
        if !details {
            object.remove("policyEvaluationDetails");
        }
    }
    record
}

/// Counts over resources and policies.
fn results(kept: &[&State], uri: &str) -> Json {
    // States come in the order of their resources, so that a resource's stand side by side.
    let mut resources: Vec<(&ResourceId, ComplianceState)> = Vec::new();
    let mut policies: BTreeMap<(&ResourceId, &ResourceId, &str), ComplianceState> = BTreeMap::new();
    for state in kept {
        match resources.last_mut() {
            Some((id, strongest)) if id.as_str() == state.resource.as_str() => {
                *strongest = state.compliance.min(*strongest);
            }
            _ => resources.push((&state.resource, state.compliance)),
        }
        let contributor = &state.contributor;
        let reference = contributor.reference_id.as_deref().unwrap_or_default();
        let strongest = policies
            .entry((&contributor.assignment.id, &contributor.definition.id, reference))
            .or_insert(state.compliance);
        *strongest = state.compliance.min(*strongest);
    }
    let details = |states: &[ComplianceState]| -> Vec<Json> {
        const ALL: [ComplianceState; 5] = [
            ComplianceState::NonCompliant,
            ComplianceState::Compliant,
            ComplianceState::Conflict,
            ComplianceState::Exempt,
            ComplianceState::Unknown,
        ];
        let counts = ALL.iter().map(|s| (s, states.iter().filter(|found| *found == s).count()));
        let present = counts.filter(|(_, n)| *n > 0);
        present.map(|(s, n)| json!({"complianceState": s.name().to_ascii_lowercase(), "count": n})).collect()
    };
    let bad = |states: &[ComplianceState]| states.iter().filter(|s| **s == ComplianceState::NonCompliant).count();
    let (resources, policies): (Vec<_>, Vec<_>) =
        (resources.into_iter().map(|(_, state)| state).collect(), policies.into_values().collect());
    json!({
        "queryResultsUri": uri,
        "nonCompliantResources": bad(&resources),
        "nonCompliantPolicies": bad(&policies),
        "resourceDetails": details(&resources),
        "policyDetails": details(&policies),
        "policyGroupDetails": [],
    })
}

fn filter(call: &Call) -> Result<Vec<(String, String)>, ArmError> {
    let Some(text) = call.parameter("$filter") else { return Ok(Vec::new()) };
    let clauses = split_and(text).into_iter().map(comparison);
    clauses.collect::<Option<Vec<_>>>().ok_or_else(|| {
        ArmError::bad_request(
            "InvalidFilterInQueryString",
            format!("Invalid $filter '{text}' specified in the query string."),
        )
    })
}

fn field_is(record: &Json, field: &str, wanted: &str) -> bool {
    let members = record.as_object().into_iter().flatten();
    let found = members.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(field)).map(|(_, value)| value);
    match found {
        Some(Json::String(text)) => text.eq_ignore_ascii_case(wanted),
        Some(other) => other.to_string().eq_ignore_ascii_case(wanted),
        None => false,
    }
}
