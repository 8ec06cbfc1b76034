//! The executor, observing and compliance against a scripted server.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use glidepath_arm::{Reason, ResourceId, Value};
use glidepath_estate::{Estate, Phase, Resource};
use glidepath_plan::{Action, Counts, Step};
use glidepath_rollout::{
    Bindings, Cancel, Event, ExecuteOptions, Journal, Progress, Quiet, Report, Stage, Target, compliance, execute,
    observe,
};
use glidepath_store::Store;
use serde_json::json;

use crate::stub::{Answer, Seen, Stub};

const SYMBOL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const REAL: &str = "12345678-9abc-4def-8123-456789abcdef";

fn id(name: &str) -> ResourceId {
    ResourceId::new(&format!("/providers/X.Y/things/{name}"))
}

fn step(name: &str, after: &[&str]) -> Step {
    let mut resource = Resource::new(id(name), "2024-01-01", Value::from(json!({"properties": {"name": name}})));
    resource.phase = Some(Phase::Platform);
    Step {
        action: Action::Create,
        resource,
        changes: Vec::new(),
        replace: false,
        after: after.iter().map(|a| id(a)).collect(),
    }
}

fn target(stub: &Stub, desired: &Estate) -> Target {
    Target::new(stub.client(), Bindings::new([("team", SYMBOL)]), desired)
}

async fn journal(folder: &tempfile::TempDir) -> Journal {
    Journal::new(Store::open(&folder.path().join("j.db")).await.unwrap(), "rollout", "run-1")
}

/// Remembers what it was told, as `verb name`.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn tell(&self, event: &Event<'_>) {
        let verb = match event {
            Event::Started(_) => "started",
            Event::Done(_) => "done",
            Event::Failed(..) => "failed",
            Event::Blocked(_) => "blocked",
            _ => "?",
        };
        self.0.lock().unwrap().push(format!("{verb} {}", event.step().resource.id.name()));
    }
}

fn names(report: &Report) -> (Vec<&str>, Vec<&str>, Vec<&str>) {
    (
        report.failures.iter().map(|f| f.id.name()).collect(),
        report.blocked.iter().map(|b| b.id.name()).collect(),
        report.not_started.iter().map(|n| n.name()).collect(),
    )
}

#[tokio::test]
async fn a_failure_stops_its_dependants_only_and_everything_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(|seen: &Seen| match seen.path.rsplit('/').next() {
        Some("bad") => Answer::json(
            403,
            json!({"error": {"code": "RequestDisallowedByPolicy", "message": "Resource 'bad' was disallowed by policy.",
                "additionalInfo": [{"type": "PolicyViolation", "info": {"policyAssignmentName": "deny-it"}}]}}),
        )
        .with("x-ms-request-id", "r-bad"),
        _ => Answer::json(201, json!({})).with("x-ms-request-id", "r-good"),
    })
    .await;
    let mut kept = step("kept", &[]);
    kept.action = Action::NoChange;
    let steps = [
        kept,
        step("bad", &["kept"]),
        step("good", &["kept"]),
        step("child", &["bad", "good"]),
        step("grandchild", &["child"]),
        step("other", &["good", "not-in-this-list"]),
    ];
    let (journal, told) = (journal(&folder).await, Told::default());
    let target = target(&stub, &Estate::new());
    let report = execute(&steps, &target, &journal, &ExecuteOptions::default(), &told).await.unwrap();
    assert_eq!(report.done, Counts { create: 2, no_change: 1, ..Counts::default() });
    assert_eq!(names(&report), (vec!["bad"], vec!["child", "grandchild"], vec![]));
    assert_eq!(report.blocked[1].by, id("bad"));
    assert_eq!(report.failures[0].error.arm().unwrap().policy_violations().len(), 1);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["failures"][0]["error"]["additionalInfo"][0]["info"]["policyAssignmentName"], "deny-it");

    let told = told.0.into_inner().unwrap();
    assert_eq!(told[0], "done kept");
    for line in ["started bad", "failed bad", "blocked child", "blocked grandchild", "done good", "done other"] {
        assert_eq!(told.iter().filter(|t| *t == line).count(), 1, "{line} in {told:?}");
    }
    let records = journal.records().await.unwrap();
    let of = |name: &str| -> Vec<_> {
        let mine = records.iter().filter(|r| r.id == id(name).as_str());
        mine.map(|r| (r.stage, r.request_id.as_deref(), r.status)).collect()
    };
    assert_eq!(of("bad"), [(Stage::Started, None, None), (Stage::Failed, Some("r-bad"), Some(403))]);
    assert_eq!(of("good"), [(Stage::Started, None, None), (Stage::Done, Some("r-good"), None)]);
    assert_eq!(of("child"), []);
    assert_eq!(
        (records[0].run.as_str(), records[0].action.as_str(), records[0].phase.as_deref()),
        ("run-1", "Create", Some("platform"))
    );
    let managed: Vec<_> = journal.managed().await.unwrap().0.into_iter().map(|m| m.id).collect();
    assert_eq!(managed, [id("good"), id("other")]);
}

#[tokio::test]
async fn as_many_writes_as_allowed_and_never_before_what_they_need() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(|_| Answer::json(201, json!({})).after(Duration::from_millis(30))).await;
    let mut steps: Vec<Step> = (0..12).map(|n| step(&format!("a{n}"), &[])).collect();
    steps.push(step("last", &["a0", "a11"]));
    let options = ExecuteOptions { concurrency: 4, ..ExecuteOptions::default() };
    let journal = journal(&folder).await;
    let report = execute(&steps, &target(&stub, &Estate::new()), &journal, &options, &Quiet).await.unwrap();
    assert_eq!((report.done.create, report.is_complete()), (13, true));
    assert_eq!(stub.most_under_way(), 4);
    assert_eq!(stub.lines().last().unwrap(), "PUT /providers/X.Y/things/last");
}

#[tokio::test]
async fn asked_to_stop_it_finishes_what_runs_and_begins_nothing() {
    struct StopAtFirst(Cancel);
    impl Progress for StopAtFirst {
        fn tell(&self, event: &Event<'_>) {
            if matches!(event, Event::Done(_)) {
                self.0.cancel();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(|seen: &Seen| {
        let slow = if seen.path.ends_with('b') { 60 } else { 5 };
        Answer::json(201, json!({})).after(Duration::from_millis(slow))
    })
    .await;
    let options = ExecuteOptions { concurrency: 2, ..ExecuteOptions::default() };
    let steps = [step("a", &[]), step("b", &[]), step("c", &[]), step("d", &["a"])];
    let journal = journal(&folder).await;
    let progress = StopAtFirst(options.cancel.clone());
    let report = execute(&steps, &target(&stub, &Estate::new()), &journal, &options, &progress).await.unwrap();
    assert_eq!(report.done.create, 2);
    assert_eq!(names(&report), (vec![], vec![], vec!["c", "d"]));
    assert_eq!(journal.records().await.unwrap().len(), 4);
}

#[tokio::test]
async fn without_a_journal_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(|_| Answer::json(201, json!({}))).await;
    let store = Store::open(&folder.path().join("j.db")).await.unwrap();
    store.close().await;
    let journal = Journal::new(store, "rollout", "run-1");
    let steps = [step("a", &[]), step("b", &["a"])];
    let options = ExecuteOptions::default();
    let error = execute(&steps, &target(&stub, &Estate::new()), &journal, &options, &Quiet).await.unwrap_err();
    assert_eq!(names(&error.report).2, ["a", "b"]);
    assert_eq!(stub.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_vended_subscription_is_known_by_its_symbol_here_and_by_its_id_there() {
    let folder = tempfile::tempdir().unwrap();
    let stub = Stub::start(|seen: &Seen| {
        if seen.path.ends_with("aliases/team") {
            Answer::json(200, json!({"properties": {"subscriptionId": REAL, "provisioningState": "Succeeded"}}))
        } else if seen.path.ends_with("policyAssignments/p") {
            Answer::json(
                200,
                json!({"identity": {"principalId": "p-1"}, "properties": {"provisioningState": "Succeeded"}}),
            )
        } else {
            Answer::json(201, json!({}))
        }
    })
    .await;
    let alias = ResourceId::new("/providers/Microsoft.Subscription/aliases/team");
    let group = ResourceId::resource_group(SYMBOL, "g");
    let assignment = group.provider_child("Microsoft.Authorization/policyAssignments", "p").unwrap();
    let role = group.provider_child("Microsoft.Authorization/roleAssignments", "r").unwrap();
    let principal = Value::unknown(
        Reason::Runtime(assignment.to_string()),
        format!("reference('{assignment}').identity.principalId"),
    );
    let properties = Value::object([("principalId", principal), ("scope", group.as_str().into())]);
    let step = |id: &ResourceId, body: Value, after: &ResourceId| Step {
        action: Action::Create,
        resource: Resource::new(id.clone(), "2024-01-01", body),
        changes: Vec::new(),
        replace: false,
        after: vec![after.clone()],
    };
    let nothing = Value::from(json!({}));
    let steps = [
        step(&role, Value::object([("properties", properties)]), &assignment),
        step(&assignment, nothing.clone(), &group),
        step(&group, nothing.clone(), &alias),
        step(&alias, nothing, &id("none")),
    ];
    let desired: Estate = steps.iter().map(|s| s.resource.clone()).collect();
    let journal = journal(&folder).await;
    let target = target(&stub, &desired);
    let report = execute(&steps, &target, &journal, &ExecuteOptions::default(), &Quiet).await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let last = stub.seen().pop().unwrap();
    assert_eq!(
        last.path,
        format!("/subscriptions/{REAL}/resourceGroups/g/providers/Microsoft.Authorization/roleAssignments/r")
    );
    assert_eq!(
        last.json(),
        json!({"properties": {"principalId": "p-1", "scope": format!("/subscriptions/{REAL}/resourceGroups/g")}})
    );
    assert_eq!(target.bindings().bound(), [(SYMBOL.to_owned(), REAL.to_owned())]);
    // The journal speaks the design's language.
    assert!(journal.records().await.unwrap().iter().any(|r| r.id == group.as_str()));
}

#[tokio::test]
async fn observing_asks_only_where_something_can_be() {
    let there = |seen: &Seen| match seen.path.as_str() {
        "/providers/Microsoft.Subscription/aliases/team" => {
            Answer::json(200, json!({"properties": {"subscriptionId": REAL}}))
        }
        path if path == format!("/subscriptions/{REAL}/resourceGroups/g") => Answer::json(
            200,
            json!({"id": path, "name": "g", "type": "x", "location": "westeurope", "tags": {"sub": REAL},
                "properties": {"provisioningState": "Succeeded", "a": 1}}),
        ),
        _ => Answer::error(404, "ResourceNotFound", "no"),
    };
    let stub = Stub::start(there).await;
    let wanted = [
        format!("/subscriptions/{SYMBOL}/resourceGroups/absent"),
        format!("/subscriptions/{SYMBOL}/resourceGroups/absent/providers/X.Y/things/in-it"),
        format!("/subscriptions/{SYMBOL}/resourceGroups/g"),
        "/providers/Microsoft.Subscription/aliases/team".to_owned(),
    ];
    let wanted: BTreeMap<ResourceId, String> =
        wanted.iter().map(|id| (ResourceId::new(id), "2024-01-01".to_owned())).collect();
    let estate = observe(&target(&stub, &Estate::new()), wanted.clone(), 8).await.unwrap();
    let ids: Vec<String> = estate.iter().map(|r| r.id.to_string()).collect();
    assert_eq!(
        ids,
        [
            "/providers/Microsoft.Subscription/aliases/team".to_owned(),
            format!("/subscriptions/{SYMBOL}/resourceGroups/g")
        ]
    );
    let group = estate.get(&ResourceId::resource_group(SYMBOL, "g")).unwrap();
    assert_eq!(
        group.body,
        Value::from(json!({"location": "westeurope", "tags": {"sub": SYMBOL}, "properties": {"a": 1}}))
    );
    assert_eq!(stub.seen().len(), 3);

    // A new target: one question about the alias, none about what would lie in it.
    let stub = Stub::start(|_| Answer::error(404, "NotFound", "no")).await;
    let estate = observe(&target(&stub, &Estate::new()), wanted.clone(), 8).await.unwrap();
    assert_eq!((estate.len(), stub.seen().len()), (0, 1));

    let stub = Stub::start(|_| Answer::error(403, "AuthorizationFailed", "not yours")).await;
    let error = observe(&target(&stub, &Estate::new()), wanted, 8).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "`/providers/Microsoft.Subscription/aliases/team` could not be read: AuthorizationFailed: not yours"
    );
}

#[tokio::test]
async fn compliance_is_told_by_resource_and_by_assignment() {
    let stub = Stub::start(|seen: &Seen| {
        let state = |name: &str, state: &str, effect: &str| {
            json!({"resourceId": format!("/subscriptions/{REAL}/resourceGroups/{name}"), "complianceState": state,
                "policyAssignmentId": "/assignments/a", "policyDefinitionId": "/definitions/d", "policyDefinitionAction": effect})
        };
        match seen.path.as_str() {
            "/more" => Answer::json(200, json!({"value": [state("one", "NonCompliant", "Audit"), state("two", "Compliant", "deny")]})),
            _ => Answer::json(200, json!({"value": [state("one", "Compliant", "Deny")], "@odata.nextLink": "/more"})),
        }
    })
    .await;
    let target = target(&stub, &Estate::new());
    let scopes = [ResourceId::management_group("corp"), ResourceId::subscription(SYMBOL)];
    target.bindings().bind("other", REAL);
    assert_eq!(target.bindings().bound(), []);
    compliance(&target, &scopes).await.unwrap();
    assert_eq!(stub.seen().len(), 2, "nothing is asked of a subscription that does not exist");
    target.bindings().bind("TEAM", REAL);
    let compliance = compliance(&target, &scopes).await.unwrap();
    assert_eq!(compliance.states.len(), 3);
    let group = |name: &str| ResourceId::resource_group(SYMBOL, name);
    assert_eq!(compliance.resources(), [(group("one"), false), (group("two"), true)]);
    let summary: Vec<_> = compliance.summary().into_iter().map(|s| (s.effect, s.compliant, s.non_compliant)).collect();
    assert_eq!(summary, [("audit".to_owned(), 0, 1), ("deny".to_owned(), 2, 0)]);
    assert_eq!(
        stub.lines()[0],
        "POST /providers/Microsoft.Management/managementGroups/corp/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
    );
}
