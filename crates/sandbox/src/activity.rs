//! The activity log and policy's events: what was done, newest first. Kept in memory, the newest of it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use glidepath_arm::{ResourceId, Value};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::list::split_and;
use crate::sandbox::Sandbox;

/// How many entries are remembered.
const MOST: usize = 20_000;

/// One write, delete or action.
#[derive(Debug, Clone)]
struct Entry {
    number: u64,
    time: String,
    resource: ResourceId,
    operation: String,
    status: u16,
    caller: String,
    /// The error's code and message.
    error: Option<(String, String)>,
    /// Policy violations, as `additionalInfo` gives them.
    violations: Vec<Json>,
}

#[derive(Debug, Default)]
pub(crate) struct Activity(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    entries: VecDeque<Entry>,
    count: u64,
}

impl Sandbox {
    /// Notes what became of a call that was to change something.
    pub(crate) fn note(&self, call: &Call, answer: &Answer) {
        let what = match call.verb {
            Verb::Put | Verb::Patch => "write",
            Verb::Delete => "delete",
            _ => return,
        };
        let resource = call.id(call.segments.len());
        let kind =
            resource.resource_type().map_or_else(|| "Microsoft.Resources/subscriptions".to_owned(), |t| t.to_string());
        let error =
            answer.body.as_ref().and_then(|b| b.get("error")).map(Value::to_json).filter(|_| answer.status >= 400);
        let text =
            |name: &str| error.as_ref().and_then(|e| e.get(name)).and_then(Json::as_str).unwrap_or_default().to_owned();
        let mut violations = Vec::new();
        if let Some(error) = &error {
            collect(error, &mut violations);
        }
        let entry = Entry {
            number: 0,
            time: self.timestamp(),
            resource,
            operation: format!("{kind}/{what}"),
            status: answer.status,
            caller: call.caller.as_ref().map(|c| c.object.clone()).unwrap_or_default(),
            error: error.as_ref().map(|_| (text("code"), text("message"))),
            violations,
        };
        let mut kept = self.activity.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        let number = kept.count;
        kept.entries.push_back(Entry { number, ..entry });
        if kept.entries.len() > MOST {
            kept.entries.pop_front();
        }
    }

    fn entries(&self, scope: &ResourceId) -> Vec<Entry> {
        let world = self.world();
        let kept = self.activity.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |id: &ResourceId| {
            scope.as_str() == "/" || id.is_within(scope) || world.hierarchy.scopes_of(id).contains(scope)
        };
        kept.entries.iter().rev().filter(|e| holds(&e.resource)).cloned().collect()
    }

    /// `GET {scope}/providers/Microsoft.Insights/eventtypes/management/values`
    pub(crate) fn activity_log(&self, call: &Call, scope: &ResourceId) -> Reply {
        let filter = call.parameter("$filter").unwrap_or_default();
        let mut wanted: Vec<(String, String)> = Vec::new();
        for clause in split_and(filter).into_iter().filter(|c| !c.trim().is_empty()) {
            let mut words = clause.trim().splitn(3, char::is_whitespace);
            let (Some(field), Some(operator), Some(value)) = (words.next(), words.next(), words.next()) else {
                return Err(ArmError::bad_request("BadRequest", format!("The filter '{filter}' is invalid.")));
            };
            let value = value.trim().trim_matches('\'').to_owned();
            wanted.push((format!("{} {}", field.to_ascii_lowercase(), operator.to_ascii_lowercase()), value));
        }
        let entries = self.entries(scope).into_iter().filter(|e| {
            wanted.iter().all(|(what, value)| match what.as_str() {
                "eventtimestamp ge" => e.time.as_str() >= value.get(..10).unwrap_or_default(),
                "eventtimestamp le" => e.time.get(..10).unwrap_or_default() <= value.get(..10).unwrap_or("~"),
                "resourcegroupname eq" => {
                    e.resource.resource_group_name().is_some_and(|g| g.eq_ignore_ascii_case(value))
                }
                "resourceuri eq" | "resourceid eq" => e.resource.is_within(&ResourceId::new(value)),
                "resourceprovider eq" => e.operation.get(..value.len()).is_some_and(|n| n.eq_ignore_ascii_case(value)),
                "status eq" => status(e.status).eq_ignore_ascii_case(value),
                "caller eq" => e.caller.eq_ignore_ascii_case(value),
                _ => true,
            })
        });
        let tenant = &self.tenant;
        let value: Vec<Json> = entries
            .take(1000)
            .map(|e| {
                let named = |text: &str| json!({"value": text, "localizedValue": text});
                json!({
                    "id": format!("{}/events/{}/ticks/0", e.resource, e.number),
                    "eventDataId": crate::complete::guid(tenant, &format!("event{}", e.number)),
                    "correlationId": crate::complete::guid(tenant, &format!("correlation{}", e.number)),
                    "operationId": crate::complete::guid(tenant, &format!("correlation{}", e.number)),
                    "eventName": named("EndRequest"),
                    "category": named(if e.violations.is_empty() { "Administrative" } else { "Policy" }),
                    "operationName": named(&e.operation),
                    "status": named(status(e.status)),
                    "subStatus": named(&e.status.to_string()),
                    "level": if e.status < 400 { "Informational" } else { "Error" },
                    "eventTimestamp": e.time, "submissionTimestamp": e.time,
                    "caller": e.caller, "tenantId": tenant,
                    "subscriptionId": e.resource.subscription_id(),
                    "resourceGroupName": e.resource.resource_group_name(),
                    "resourceId": e.resource.as_str(),
                    "resourceType": named(e.operation.rsplit_once('/').map_or("", |(kind, _)| kind)),
                    "resourceProviderName": named(e.operation.split('/').next().unwrap_or_default()),
                    "properties": e.error.as_ref().map(|(code, message)| json!({
                        "statusCode": code, "statusMessage": message, "policies": Json::from(e.violations.clone()).to_string(),
                    })),
                })
            })
            .collect();
        Ok(Answer::ok(json!({"value": value})))
    }

    /// `POST {scope}/providers/Microsoft.PolicyInsights/policyEvents/default/queryResults`
    pub(crate) fn policy_events(&self, call: &Call, scope: &ResourceId) -> Reply {
        let context = format!(
            "{}{}/providers/Microsoft.PolicyInsights/policyEvents/$metadata#default",
            self.endpoint,
            scope.as_str().trim_end_matches('/')
        );
        let top = call.parameter("$top").and_then(|t| t.parse().ok()).unwrap_or(1000);
        let mut value = Vec::new();
        for entry in self.entries(scope) {
            for info in &entry.violations {
                let text = |name: &str| info.get(name).cloned().unwrap_or(Json::Null);
                value.push(json!({
                    "@odata.id": null, "@odata.context": format!("{context}/$entity"),
                    "timestamp": entry.time, "resourceId": entry.resource.as_str(),
                    "policyAssignmentId": text("policyAssignmentId"), "policyDefinitionId": text("policyDefinitionId"),
                    "policyAssignmentName": text("policyAssignmentName"), "policyDefinitionName": text("policyDefinitionName"),
                    "policyAssignmentScope": text("policyAssignmentScope"),
                    "policyDefinitionAction": text("policyDefinitionEffect").as_str().unwrap_or_default().to_lowercase(),
                    "policySetDefinitionId": text("policySetDefinitionId"),
                    "policyDefinitionReferenceId": text("policyDefinitionReferenceId"),
                    "isCompliant": false, "complianceState": "NonCompliant",
                    "subscriptionId": entry.resource.subscription_id(),
                    "resourceType": entry.operation.rsplit_once('/').map(|(kind, _)| kind),
                    "resourceGroup": entry.resource.resource_group_name(),
                    "resourceTags": "tbd", "principalOid": entry.caller, "tenantId": self.tenant,
                }));
            }
        }
        value.truncate(top);
        Ok(Answer::ok(json!({"@odata.context": context, "@odata.count": value.len(), "value": value})))
    }
}

fn status(status: u16) -> &'static str {
    if status < 400 { "Succeeded" } else { "Failed" }
}

/// The violations in an error and in the details of a deployment's.
fn collect(error: &Json, violations: &mut Vec<Json>) {
    for info in error.get("additionalInfo").and_then(Json::as_array).into_iter().flatten() {
        if info.get("type").and_then(Json::as_str) == Some("PolicyViolation") {
            violations.extend(info.get("info").cloned());
        }
    }
    for detail in error.get("details").and_then(Json::as_array).into_iter().flatten() {
        collect(detail, violations);
    }
}
