//! What deployIfNotExists and modify do to what exists: remediation tasks, and the deployments that follow a write.
//!
//! Both act as the assignment's managed identity, with the roles it really has: without them the deployment is refused as in
//! Azure. Source: Microsoft Learn, "Remediate non-compliant resources with Azure Policy".

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use glidepath_policy::{ComplianceState, Contributor, Effect, Operation, Outcome, Verdict, state};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Caller, Verb};
use crate::complete::guid;
use crate::policy::judge;
use crate::resources::{exists_around, missing};
use crate::route;
use crate::sandbox::Sandbox;
use crate::world::{Change, World};

/// Resources of one task where it does not say.
const RESOURCES: usize = 500;
const API: &str = "2024-10-01";
/// Where the record of a task's deployments is kept, below it.
const DEPLOYMENTS: &str = "deployments";

fn invalid(message: impl Into<String>) -> ArmError {
    ArmError::bad_request("InvalidCreateRemediationRequest", message)
}

/// What became of one resource.
pub(crate) struct Remedied {
    pub(crate) resource: ResourceId,
    pub(crate) deployment: Option<ResourceId>,
    pub(crate) error: Option<Json>,
}

impl Sandbox {
    /// `{scope}/providers/Microsoft.PolicyInsights/remediations/{name}`
    pub(crate) async fn remediation(&self, call: &Call, id: &ResourceId) -> Reply {
        if call.verb != Verb::Put {
            return self.resource(call, id).await;
        }
        let scope = id.parent().unwrap_or_else(ResourceId::tenant);
        let body = call.object()?;
        let given = |name: &str| body.at(&["properties", name]);
        let text = |name: &str| given(name).and_then(Value::as_str);
        let Some(assignment) = text("policyAssignmentId").map(ResourceId::new) else {
            return Err(invalid("The property 'policyAssignmentId' is required."));
        };
        let reference = text("policyDefinitionReferenceId").map(str::to_owned);
        let locations: Vec<String> = body
            .at(&["properties", "filters", "locations"])
            .and_then(Value::as_array)
            .unwrap_or_default()
            .iter()
            .filter_map(|l| Some(l.as_str()?.replace(' ', "").to_ascii_lowercase()))
            .collect();
        let most =
            given("resourceCount").and_then(Value::as_int).and_then(|n| usize::try_from(n).ok()).unwrap_or(RESOURCES);
        let found = {
            let world = self.world();
            exists_around(&world, id)?;
            if world.estate.get(&assignment).is_none() {
                return Err(missing(&assignment));
            }
            let found = self.fixable(&world, &scope, &assignment, reference.as_deref());
            found
                .into_iter()
                .filter(|(r, _)| {
                    let place = world.estate.get(r).and_then(|r| r.body.get("location")).and_then(Value::as_str);
                    locations.is_empty()
                        || place.is_some_and(|p| locations.contains(&p.replace(' ', "").to_ascii_lowercase()))
                })
                .take(most)
                .collect::<Vec<_>>()
        };
        let is_set = {
            let world = self.world();
            let target = world
                .estate
                .get(&assignment)
                .and_then(|r| r.body.at(&["properties", "policyDefinitionId"]))
                .and_then(Value::as_str);
            target.is_some_and(|t| t.to_ascii_lowercase().contains("/policysetdefinitions/"))
        };
        if is_set && reference.is_none() {
            return Err(invalid(
                "The property 'policyDefinitionReferenceId' is required when the assignment assigns a policy set definition.",
            ));
        }
        let started = self.timestamp();
        let mut all = Vec::with_capacity(found.len());
        for (resource, contributor) in found {
            all.push(self.remedy(&resource, &contributor).await);
        }
        let failed = all.iter().filter(|r| r.error.is_some()).count();
        let status = json!({
            "totalDeployments": all.len(), "successfulDeployments": all.len() - failed, "failedDeployments": failed,
        });
        let listed: Vec<Json> = all
            .iter()
            .map(|r| {
                json!({
                    "remediatedResourceId": r.resource.as_str(),
                    "deploymentId": r.deployment.as_ref().map(ResourceId::as_str),
                    "status": if r.error.is_some() { "Failed" } else { "Succeeded" },
                    "createdOn": started, "lastUpdatedOn": self.timestamp(), "error": r.error,
                })
            })
            .collect();
        let mut record = body.clone();
        let properties = json!({
            "provisioningState": if failed > 0 { "Failed" } else { "Succeeded" },
            "createdOn": started, "lastUpdatedOn": self.timestamp(),
            "deploymentStatus": status, "correlationId": guid(&self.tenant, &format!("{id}{started}")),
            "statusMessage": if failed > 0 { format!("{failed} of {} deployments failed.", all.len()) } else { String::new() },
            "resourceDiscoveryMode": text("resourceDiscoveryMode").unwrap_or("ExistingNonCompliant"),
            "resourceCount": most, "parallelDeployments": given("parallelDeployments").and_then(Value::as_int).unwrap_or(10),
            "filters": given("filters").map(Value::to_json),
            "policyAssignmentId": assignment.as_str(), "policyDefinitionReferenceId": reference,
        });
        for own in ["id", "name", "type"] {
            record.make_object().remove(own);
        }
        record.make_object().insert("properties", Value::from(properties));
        let new = self.world().estate.get(id).is_none();
        let deployments = Value::from(json!({"value": listed}));
        self.commit(vec![
            Change::Put(Resource::new(id.clone(), call.api_version(), record)),
            Change::Put(Resource::new(id.child(DEPLOYMENTS, "all"), call.api_version(), deployments)),
        ])
        .await?;
        let world = self.world();
        let body = world.estate.get(id).map(|r| world.rendered(r)).unwrap_or(Value::Null);
        Ok(Answer::new(if new { 201 } else { 200 }, body))
    }

    /// `POST …/remediations/{name}/{cancel,listDeployments}`
    pub(crate) fn remediation_action(&self, id: &ResourceId, action: &str) -> Reply {
        let world = self.world();
        if world.estate.get(id).is_none() {
            return Err(ArmError::not_found(
                "RemediationNotFound",
                format!("The remediation '{}' could not be found.", id.name()),
            ));
        }
        match action {
            "listdeployments" => {
                let kept = world.estate.get(&id.child(DEPLOYMENTS, "all"));
                Ok(Answer::ok(kept.map(|r| r.body.clone()).unwrap_or(Value::Null)))
            }
            "cancel" => Err(ArmError::bad_request(
                "InvalidCancelRemediationRequest",
                "A completed remediation cannot be canceled.",
            )),
            _ => Err(ArmError::method_not_allowed()),
        }
    }

    /// The resources that an assignment could change and has not, with what it says of each.
    fn fixable(
        &self,
        world: &World,
        scope: &ResourceId,
        assignment: &ResourceId,
        reference: Option<&str>,
    ) -> Vec<(ResourceId, Contributor)> {
        let mut found = Vec::new();
        for resource in crate::insights::held(world, scope) {
            let content = world.content(resource);
            let verdict = judge(world, &resource.id, &content, &resource.api_version, Operation::Scan, self.now());
            let contributor = verdict.contributors.into_iter().find(|c| {
                c.assignment.id == *assignment
                    && matches!(c.effect, Effect::DeployIfNotExists | Effect::Modify)
                    && reference
                        .is_none_or(|r| c.reference_id.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(r)))
                    && state(c) == ComplianceState::NonCompliant
            });
            found.extend(contributor.map(|c| (resource.id.clone(), c)));
        }
        found
    }

    /// Deploys what the policy asks for, or writes the resource anew so that it is changed.
    pub(crate) async fn remedy(&self, resource: &ResourceId, contributor: &Contributor) -> Remedied {
        let failed = |error: Json| Remedied { resource: resource.clone(), deployment: None, error: Some(error) };
        let caller = {
            let world = self.world();
            match identity(&world, &contributor.assignment.id) {
                Some(object) => Caller { client: object.clone(), object, bound: true },
                None => {
                    return failed(json!({
                        "code": "PolicyAssignmentIdentityMissing",
                        "message": format!("The policy assignment '{}' has no managed identity to deploy with.", contributor.assignment.id),
                    }));
                }
            }
        };
        let answer;
        let mut deployment = None;
        if contributor.effect == Effect::Modify {
            let (content, version) = {
                let world = self.world();
                let Some(found) = world.estate.get(resource) else {
                    return failed(json!({"code": "ResourceNotFound"}));
                };
                (world.content(found), found.api_version.clone())
            };
            answer = self.as_identity(resource, &version, &content, &caller).await;
        } else {
            let Some((id, body)) = self.order_of(resource, contributor) else {
                return failed(json!({
                    "code": "InvalidTemplate",
                    "message": format!("The policy definition '{}' has no deployment.", contributor.definition.id),
                }));
            };
            answer = self.as_identity(&id, "2024-11-01", &body, &caller).await;
            deployment = Some(id);
        }
        let state = |a: &Answer| {
            let state =
                a.body.as_ref().and_then(|b| b.at(&["properties", "provisioningState"])).and_then(Value::as_str);
            state.map(str::to_owned)
        };
        let error = match answer.status {
            400.. => answer.body.as_ref().and_then(|b| b.get("error")).map(Value::to_json).or(Some(json!({}))),
            _ if state(&answer).as_deref() == Some("Failed") => {
                answer.body.as_ref().and_then(|b| b.at(&["properties", "error"])).map(Value::to_json)
            }
            _ => None,
        };
        Remedied { resource: resource.clone(), deployment, error }
    }

    /// The deployment that a deployIfNotExists policy orders for a resource.
    fn order_of(&self, resource: &ResourceId, contributor: &Contributor) -> Option<(ResourceId, Value)> {
        let world = self.world();
        let definition = world.estate.get(&contributor.definition.id)?;
        let details = definition.body.at(&["properties", "policyRule", "then", "details"])?;
        let mut deployment = details.get("deployment")?.clone();
        if let Some(parameters) = contributor.details.get("deploymentParameters").and_then(Value::as_object) {
            let filled = parameters.iter().map(|(name, value)| {
                let value = Value::from(value.to_json());
                (name.clone(), Value::object([("value", value)]))
            });
            let filled = Value::object(filled.collect::<Vec<_>>());
            if let Some(properties) = deployment.make_object().get_mut("properties") {
                properties.make_object().insert("parameters", filled);
            }
        }
        let at_subscription = details
            .get("deploymentScope")
            .and_then(Value::as_str)
            .is_some_and(|s| s.eq_ignore_ascii_case("subscription"));
        let subscription = resource.subscription_id()?;
        let named = contributor.details.get("resourceGroupName").and_then(Value::as_str);
        let group = named.or_else(|| resource.resource_group_name());
        let scope = match group {
            Some(group) if !at_subscription => ResourceId::resource_group(subscription, group),
            _ => ResourceId::subscription(subscription),
        };
        let number =
            guid(&self.tenant, &format!("{resource}{}{}", contributor.assignment.id, contributor.definition.id));
        let name = format!("PolicyDeployment_{}", number.replace('-', "").get(..20).unwrap_or("0"));
        let id = scope.provider_child("Microsoft.Resources/deployments", &name)?;
        Some((id, deployment))
    }

    async fn as_identity(&self, id: &ResourceId, version: &str, body: &Value, caller: &Caller) -> Answer {
        let call = Call {
            verb: Verb::Put,
            segments: id.segments().map(str::to_owned).collect(),
            query: [("api-version".to_owned(), version.to_owned())].into(),
            body: serde_json::to_vec(body).unwrap_or_default(),
            caller: Some(caller.clone()),
            ..Call::default()
        };
        Box::pin(route::inside(self, &call)).await
    }

    /// Does everything that is due by now; tells how many resources were looked at.
    pub(crate) async fn do_what_is_due(&self) -> usize {
        let mut followed = 0;
        while let Some(id) = self.next_due() {
            self.follow_up(&id).await;
            followed += 1;
        }
        followed
    }

    /// Deploys what is due for a resource: what policy still misses of it now.
    pub(crate) async fn follow_up(&self, id: &ResourceId) {
        let contributors: Vec<Contributor> = {
            let world = self.world();
            let Some(resource) = world.estate.get(id) else { return };
            let content = world.content(resource);
            let verdict = judge(&world, id, &content, &resource.api_version, Operation::Write, self.now());
            let wanted = |c: &Contributor| c.effect == Effect::DeployIfNotExists && c.outcome == Outcome::Triggered;
            verdict.contributors.into_iter().filter(wanted).collect()
        };
        for contributor in contributors {
            let done = self.remedy(id, &contributor).await;
            let status = if done.error.is_some() { 409 } else { 200 };
            let call = Call {
                verb: Verb::Put,
                segments: done.deployment.unwrap_or(done.resource).segments().map(str::to_owned).collect(),
                query: [("api-version".to_owned(), API.to_owned())].into(),
                ..Call::default()
            };
            self.note(&call, &Answer::new(status, json!({"error": done.error})));
        }
    }
}

/// The principal of an assignment's identity: its own, or the first user-assigned one's.
fn identity(world: &World, assignment: &ResourceId) -> Option<String> {
    let identity = world.estate.get(assignment)?.body.get("identity")?;
    let own = identity.get("principalId").and_then(Value::as_str).map(str::to_owned);
    own.or_else(|| {
        let users = identity.get("userAssignedIdentities").and_then(Value::as_object)?;
        users.values().find_map(|u| u.get("principalId").and_then(Value::as_str).map(str::to_owned))
    })
}

/// When, in seconds from the write, what deployIfNotExists policies order is due; `None`: they order nothing.
pub(crate) fn ordered_in(verdict: &Verdict) -> Option<i64> {
    let wanted = |c: &&Contributor| c.effect == Effect::DeployIfNotExists && c.outcome == Outcome::Triggered;
    let all = verdict.contributors.iter().filter(wanted);
    all.map(|c| delay(c.details.get("evaluationDelay").and_then(Value::as_str))).min()
}

/// `evaluationDelay` in seconds; ten minutes where it is not said.
fn delay(written: Option<&str>) -> i64 {
    const DEFAULT: i64 = 600;
    match written {
        None => DEFAULT,
        Some(text) if text.to_ascii_lowercase().starts_with("afterprovisioning") => 0,
        Some(text) => duration(text).unwrap_or(DEFAULT),
    }
}

/// Seconds of an ISO 8601 duration such as `PT10M`.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let upper = text.trim().to_ascii_uppercase();
    let mut rest = upper.strip_prefix('P')?;
    let (mut seconds, mut in_time, mut any) = (0_i64, false, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T') {
            in_time = true;
            rest = time;
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest.get(..end)?.parse().ok()?;
        let unit = match (rest.get(end..end + 1)?, in_time) {
            ("D", false) => 86_400,
            ("W", false) => 604_800,
            ("H", true) => 3_600,
            ("M", true) => 60,
            ("S", true) => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        any = true;
        rest = rest.get(end + 1..)?;
    }
    any.then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("PT10M"), Some(600));
        assert_eq!(duration("P1DT1H"), Some(90_000));
        for bad in ["", "P", "10", "PTM", "P1M", "PT1"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }
}
