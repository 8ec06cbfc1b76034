//! The whole way against the sandbox: observe, plan, execute, again.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use glidepath_arm::{Reason, ResourceId, Value};
use glidepath_estate::{Estate, Phase, Resource};
use glidepath_plan::{Action, Options, Plan, plan};
use glidepath_rollout::{
    ArmClient, Bindings, ClientOptions, Event, ExecuteOptions, Journal, Patience, Progress, Quiet, Secret, Target,
    TokenSource, compliance, execute, observe,
};
use glidepath_sandbox::Running;
use glidepath_store::Store;
use serde_json::{Value as Json, json};

const TENANT: &str = "11111111-2222-4333-8444-555555555555";
const SYMBOL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const ALIAS: &str = "/providers/Microsoft.Subscription/aliases/fraud-test";

struct Made(Estate);

impl Made {
    fn add(&mut self, phase: Phase, id: &ResourceId, version: &str, body: impl Into<Value>) {
        let mut resource = Resource::new(id.clone(), version, body.into());
        resource.phase = Some(phase);
        self.0.insert(resource);
    }
}

/// Two groups, a policy that denies with an identity and its role, a vended subscription in the inner group, a network
/// with a peering, and an account that is allowed.
fn desired() -> Estate {
    let mut made = Made(Estate::new());
    let (root, corp) = (ResourceId::management_group("contoso"), ResourceId::management_group("contoso-corp"));
    let parent = |id: &str| json!({"properties": {"details": {"parent": {"id": id}}}});
    let tenant = ResourceId::management_group(TENANT);
    made.add(Phase::Hierarchy, &root, "2023-04-01", parent(tenant.as_str()));
    made.add(Phase::Hierarchy, &corp, "2023-04-01", parent(root.as_str()));
    let definition = root.provider_child("Microsoft.Authorization/policyDefinitions", "deny-public").unwrap();
    let rule = json!({
        "if": {"allOf": [
            {"field": "type", "equals": "Microsoft.CognitiveServices/accounts"},
            {"field": "Microsoft.CognitiveServices/accounts/publicNetworkAccess", "equals": "Enabled"}]},
        "then": {"effect": "deny"}});
    made.add(
        Phase::Policy,
        &definition,
        "2023-04-01",
        json!({"properties":
        {"policyType": "Custom", "mode": "All", "displayName": "No public accounts", "policyRule": rule}}),
    );
    let assignment = corp.provider_child("Microsoft.Authorization/policyAssignments", "deny-public").unwrap();
    made.add(
        Phase::Policy,
        &assignment,
        "2023-04-01",
        json!({"location": "swedencentral", "identity": {"type": "SystemAssigned"},
        "properties": {"displayName": "No public accounts", "policyDefinitionId": definition.as_str()}}),
    );
    let role =
        corp.provider_child("Microsoft.Authorization/roleAssignments", "bbbbbbbb-0000-4000-8000-000000000001").unwrap();
    let principal = Value::unknown(
        Reason::Runtime(assignment.to_string()),
        format!("reference('{assignment}').identity.principalId"),
    );
    let reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7";
    let properties = Value::object([("principalId", principal), ("roleDefinitionId", Value::from(reader))]);
    made.add(Phase::Policy, &role, "2022-04-01", Value::object([("properties", properties)]));
    made.add(
        Phase::LandingZones,
        &ResourceId::new(ALIAS),
        "2021-10-01",
        json!({"properties": {"displayName": "fraud-test", "workload": "DevTest", "billingScope": "/b"}}),
    );
    made.add(Phase::LandingZones, &corp.child("subscriptions", SYMBOL), "2023-04-01", json!({}));
    let group = ResourceId::resource_group(SYMBOL, "rg-fraud");
    made.add(
        Phase::LandingZones,
        &group,
        "2024-03-01",
        json!({"location": "swedencentral", "tags": {"owner": "fraud"}}),
    );
    let network = |name: &str| group.provider_child("Microsoft.Network/virtualNetworks", name).unwrap();
    for (name, prefix) in [("hub", "10.0.0.0/16"), ("spoke", "10.1.0.0/16")] {
        made.add(
            Phase::LandingZones,
            &network(name),
            "2024-05-01",
            json!({"location": "swedencentral", "properties": {"addressSpace": {"addressPrefixes": [prefix]}}}),
        );
    }
    for (here, there) in [("hub", "spoke"), ("spoke", "hub")] {
        made.add(Phase::LandingZones, &network(here).child("virtualNetworkPeerings", there), "2024-05-01",
            json!({"properties": {"remoteVirtualNetwork": {"id": network(there).as_str()}, "allowForwardedTraffic": true}}));
    }
    account(&mut made, "ai-good", "Disabled");
    made.0
}

fn account(made: &mut Made, name: &str, access: &str) {
    let id =
        ResourceId::resource_group(SYMBOL, "rg-fraud").provider_child("Microsoft.CognitiveServices/accounts", name);
    let body: Json = json!({"location": "swedencentral", "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {"publicNetworkAccess": access}});
    made.add(Phase::Nonproduction, &id.unwrap(), "2024-10-01", body);
}

async fn sandbox(folder: &Path) -> Running {
    glidepath_sandbox::start(glidepath_sandbox::Options::new(folder, TENANT)).await.unwrap()
}

/// As a new process would do it: nothing is remembered but the journal.
struct Session {
    target: Target,
    journal: Journal,
    desired: Estate,
}

impl Session {
    fn new(running: &Running, store: &Store, desired: Estate) -> Self {
        let tokens = TokenSource::ClientSecret {
            authority: running.endpoint(),
            tenant: TENANT.into(),
            client_id: "app".into(),
            client_secret: Secret::new("any"),
            scope: format!("{}/.default", running.endpoint()),
        };
        let client = ArmClient::new(ClientOptions {
            base: running.endpoint(),
            ca_pem: Some(running.ca_pem().as_bytes().to_vec()),
            tokens,
            patience: Patience::default(),
        });
        let target = Target::new(client.unwrap(), Bindings::new([("fraud-test", SYMBOL)]), &desired);
        Self { target, journal: Journal::new(store.clone(), "rollout", "run"), desired }
    }

    async fn plan(&self) -> Plan {
        let managed = self.journal.managed().await.unwrap().0;
        let mut wanted: Vec<(ResourceId, String)> =
            self.desired.iter().map(|r| (r.id.clone(), r.api_version.clone())).collect();
        wanted.extend(managed.iter().map(|m| (m.id.clone(), m.api_version.clone())));
        let observed = observe(&self.target, wanted, 16).await.unwrap();
        let options = Options {
            subscriptions: [(ResourceId::new(ALIAS), SYMBOL.to_owned())].into_iter().collect(),
            managed: managed.into_iter().map(|m| (m.id, m.phase)).collect(),
        };
        let (plan, findings) = plan(&self.desired, &observed, &options);
        assert_eq!(findings, []);
        plan
    }

    async fn carry_out(&self, plan: &Plan, progress: &dyn Progress) -> Vec<glidepath_rollout::Report> {
        let mut reports = Vec::new();
        let lists = plan.phases.iter().map(|p| &p.steps).chain([&plan.removals]);
        for steps in lists {
            let options = ExecuteOptions::default();
            reports.push(execute(steps, &self.target, &self.journal, &options, progress).await.unwrap());
        }
        reports
    }
}

fn changes(plan: &Plan) -> Vec<String> {
    let changed = plan.steps().filter(|s| s.action != Action::NoChange);
    changed.map(|s| format!("{:?} {} {:?}", s.action, s.resource.id, s.changes)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_out_once_there_is_nothing_left_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let running = sandbox(folder.path()).await;
    let store = Store::open(&folder.path().join("journal.db")).await.unwrap();
    let first = Session::new(&running, &store, desired());
    let plan = first.plan().await;
    assert_eq!(plan.counts().create, first.desired.len());
    for report in first.carry_out(&plan, &Quiet).await {
        assert!(report.is_complete(), "{report:#?}");
    }
    let again = Session::new(&running, &store, desired());
    assert_eq!(changes(&again.plan().await), Vec::<String>::new());
    let (symbol, real) = again.target.bindings().bound().remove(0);
    assert_eq!((symbol.as_str(), real), (SYMBOL, glidepath_sandbox::subscription_id(TENANT, "fraud-test")));

    // What policy denies fails alone, with the denial whole; the rest of the plan is carried out.
    let mut made = Made(desired());
    account(&mut made, "ai-bad", "Enabled");
    account(&mut made, "ai-more", "Disabled");
    let third = Session::new(&running, &store, made.0);
    let reports = third.carry_out(&third.plan().await, &Quiet).await;
    let failures: Vec<_> = reports.iter().flat_map(|r| &r.failures).collect();
    assert_eq!(failures.len(), 1, "{failures:#?}");
    assert_eq!(failures[0].id.name(), "ai-bad");
    assert!(failures[0].error.arm().unwrap().has_code("RequestDisallowedByPolicy"));
    assert_eq!(reports.iter().map(|r| r.done.create).sum::<usize>(), 1);
    let subscription = ResourceId::subscription(SYMBOL);
    let states = compliance(&third.target, &[subscription]).await.unwrap();
    let good = states.resources().into_iter().find(|(id, _)| id.name() == "ai-good");
    assert_eq!(good.map(|(_, compliant)| compliant), Some(true), "{states:#?}");

    // What is no longer wanted goes, and only that.
    let fourth = Session::new(&running, &store, desired());
    let plan = fourth.plan().await;
    assert_eq!(plan.counts().delete, 1, "{:?}", changes(&plan));
    fourth.carry_out(&plan, &Quiet).await;
    assert_eq!(changes(&fourth.plan().await), Vec::<String>::new());
    running.shutdown().await;
}

/// Drops the rollout's future when so many steps have ended.
struct Fuse {
    left: AtomicUsize,
    blown: tokio::sync::Notify,
}

impl Progress for Fuse {
    fn tell(&self, event: &Event<'_>) {
        if matches!(event, Event::Done(_)) && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.blown.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_anywhere_it_converges() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("journal.db")).await.unwrap();
    let running = sandbox(&folder.path().join("sandbox")).await;
    let mut cuts = 0;
    // A few steps a life: every life begins with what the one before left behind.
    loop {
        let session = Session::new(&running, &store, desired());
        let plan = session.plan().await;
        if plan.counts().is_unchanged() {
            break;
        }
        let unchanged = plan.counts().no_change;
        let fuse = Fuse { left: AtomicUsize::new(unchanged + 2), blown: tokio::sync::Notify::new() };
        tokio::select! {
            biased;
            () = fuse.blown.notified() => cuts += 1,
            reports = session.carry_out(&plan, &fuse) => {
                for report in reports {
                    assert!(report.is_complete(), "{report:#?}");
                }
            }
        }
        assert!(cuts < 30, "it does not converge");
    }
    assert!(cuts >= 2, "it was cut {cuts} times");
    let managed = Session::new(&running, &store, desired()).journal.managed().await.unwrap().0;
    assert_eq!(managed.len(), desired().len());
    running.shutdown().await;
}
