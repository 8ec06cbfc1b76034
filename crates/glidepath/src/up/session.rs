//! A design on its sandbox: everything that commands on the running estate share.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use glidepath_arm::ResourceId;
use glidepath_estate::Phase;
use glidepath_plan::{Evidence, Options as PlanOptions, Plan};
use glidepath_rollout::{
    ArmClient, Bindings, ClientError, ClientOptions, Compliance, Journal, Patience, Secret, Target, TokenSource,
};
use glidepath_sandbox::{Running, StartError};
use glidepath_source::Finding;
use glidepath_store::{Store, StoreError};
use indexmap::IndexMap;

use crate::failure::{Failure, stop_on_errors};
use crate::sources::{self, Compilation};

/// The sandbox's tenant where the design names none; a made-up GUID.
pub(crate) const SANDBOX_TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// Who the rollout says it is; the sandbox takes any principal.
const CLIENT_ID: &str = "a11ce000-0000-4000-8000-000000000001";
/// Collection of the approvals in the journal's store: `<workload>/<approval>` → by whom.
const APPROVALS: &str = "approvals";

/// Where a design keeps its state.
pub(crate) fn state_folder(design: &Path) -> PathBuf {
    design.join(".glidepath")
}

/// The sandbox's part of it.
pub(crate) fn sandbox_folder(design: &Path) -> PathBuf {
    state_folder(design).join("sandbox")
}

/// A compiled design, its running sandbox, and the journal.
pub(crate) struct Session {
    pub(crate) compilation: Compilation,
    pub(crate) target: Target,
    pub(crate) journal: Journal,
    /// Alias → symbol of every subscription that this or an earlier design had.
    subscriptions: IndexMap<ResourceId, String>,
    store: Store,
    running: Running,
    started: String,
}

impl Session {
    /// Compiles the design, then starts the sandbox: bad input leaves nothing behind.
    pub(crate) async fn open(design: &Path, port: u16, findings: &mut Vec<Finding>) -> Result<Self, Failure> {
        let compilation = sources::design(design, findings)?;
        let tenant = compilation.design.tenant.clone().unwrap_or_else(|| SANDBOX_TENANT.to_owned());
        let mut options = glidepath_sandbox::Options::new(sandbox_folder(design), tenant.clone());
        options.address = SocketAddr::from(([127, 0, 0, 1], port));
        let running = glidepath_sandbox::start(options).await.map_err(|e| start_failure(&e))?;
        let store = Store::open(&state_folder(design).join("journal.db")).await.map_err(|e| store_failure(&e))?;
        let started = jiff::Timestamp::now().to_string();
        let journal = Journal::new(store.clone(), "sandbox", started.clone());
        let endpoint = running.endpoint();
        let client = ArmClient::new(ClientOptions {
            base: endpoint.clone(),
            ca_pem: Some(running.ca_pem().as_bytes().to_vec()),
            tokens: TokenSource::ClientSecret {
                authority: endpoint.clone(),
                tenant,
                client_id: CLIENT_ID.to_owned(),
                client_secret: Secret::new("sandbox"),
                scope: format!("{endpoint}/.default"),
            },
            patience: Patience::default(),
        })
        .map_err(|e| client_failure(&e))?;
        let compiled = &compilation.compiled;
        let subscriptions =
            known_subscriptions(&store, &compiled.subscriptions).await.map_err(|e| store_failure(&e))?;
        let symbols = subscriptions.iter().map(|(alias, symbol)| (alias.name().to_owned(), symbol.clone()));
        let target = Target::new(client, Bindings::new(symbols), &compiled.estate);
        Ok(Self { compilation, target, journal, subscriptions, store, running, started })
    }

    /// Reads what is there and plans the difference.
    pub(crate) async fn plan(&self, concurrency: usize, findings: &mut Vec<Finding>) -> Result<Plan, Failure> {
        let managed = self.journal.managed().await.map_err(|e| store_failure(&e))?;
        let desired = &self.compilation.compiled.estate;
        let mut wanted: IndexMap<ResourceId, String> =
            desired.iter().map(|r| (r.id.clone(), r.api_version.clone())).collect();
        for resource in &managed {
            wanted.entry(resource.id.clone()).or_insert_with(|| resource.api_version.clone());
        }
        let observed = glidepath_rollout::observe(&self.target, wanted, concurrency).await.map_err(|e| {
            let mut failure = client_failure(&e.source);
            for finding in &mut failure.findings {
                finding.subject = Some(e.id.to_string());
            }
            failure
        })?;
        let options = PlanOptions {
            subscriptions: self.subscriptions.clone(),
            managed: managed.into_iter().map(|m| (m.id, m.phase)).collect(),
        };
        let (plan, problems) = glidepath_plan::plan(desired, &observed, &options);
        stop_on_errors(problems, findings)?;
        Ok(plan)
    }

    /// What policy says of everything in the organisation's tree.
    pub(crate) async fn compliance(&self) -> Result<Compliance, Failure> {
        let Some(root) = self.compilation.compiled.management_groups.values().next() else {
            return Ok(Compliance::default());
        };
        match glidepath_rollout::compliance(&self.target, std::slice::from_ref(root)).await {
            Ok(compliance) => Ok(compliance),
            // Nothing was rolled out yet.
            Err(error) if error.is_not_found() => Ok(Compliance::default()),
            Err(error) => Err(client_failure(&error)),
        }
    }

    /// The evidence that gates are decided on.
    pub(crate) async fn evidence(
        &self,
        in_place: Vec<ResourceId>,
        compliance: &Compliance,
    ) -> Result<Evidence, Failure> {
        Ok(Evidence {
            in_place,
            compliance: compliance.resources(),
            approvals: self.approvals().await?,
            facts: Vec::new(),
        })
    }

    /// The approvals recorded: workload, approval, by whom.
    async fn approvals(&self) -> Result<Vec<(String, String, String)>, Failure> {
        let documents = self.store.list(APPROVALS, "").await.map_err(|e| store_failure(&e))?;
        Ok(documents
            .into_iter()
            .filter_map(|d| {
                let (workload, approval) = d.key.split_once('/')?;
                let body: serde_json::Value = serde_json::from_str(&d.body).ok()?;
                let by = body.get("by")?.as_str()?.to_owned();
                Some((workload.to_owned(), approval.to_owned(), by))
            })
            .collect())
    }

    /// Records an approval, in the journal too.
    pub(crate) async fn approve(&self, workload: &str, approval: &str, by: &str) -> Result<(), Failure> {
        let body = serde_json::json!({ "by": by, "at": self.started });
        let entry = serde_json::json!({ "workload": workload, "approval": approval, "by": by, "at": self.started });
        let mut batch = glidepath_store::Batch::new();
        batch.put(APPROVALS, &format!("{workload}/{approval}"), body.to_string());
        batch.append(APPROVALS, entry.to_string(), jiff::Timestamp::now().as_second());
        self.store.write(batch).await.map(drop).map_err(|e| store_failure(&e))
    }

    /// Ends it in order and keeps what was compiled.
    pub(crate) async fn finish(self) -> Compilation {
        self.running.shutdown().await;
        self.store.close().await;
        self.compilation
    }

    /// Ends it in order; what was acknowledged is on disk already.
    pub(crate) async fn close(self) {
        self.running.shutdown().await;
        self.store.close().await;
    }
}

/// The subscriptions of the design and those of earlier ones: what the design lost must still be found to be deleted.
async fn known_subscriptions(
    store: &Store,
    current: &IndexMap<ResourceId, String>,
) -> Result<IndexMap<ResourceId, String>, StoreError> {
    const SUBSCRIPTIONS: &str = "subscriptions";
    let mut known = current.clone();
    for document in store.list(SUBSCRIPTIONS, "").await? {
        known.entry(ResourceId::new(&document.key)).or_insert(document.body);
    }
    let mut batch = glidepath_store::Batch::new();
    for (alias, symbol) in current {
        batch.put(SUBSCRIPTIONS, alias.as_str(), symbol.clone());
    }
    store.write(batch).await?;
    Ok(known)
}

/// The phases that a design's workloads go through one by one.
pub(crate) fn is_gated_by_workload(phase: Phase) -> bool {
    phase == Phase::Production
}

/// Why the sandbox did not start.
pub(crate) fn start_failure(error: &StartError) -> Failure {
    Failure::target(Finding::error(error.code(), error.to_string()).help(error.help()))
}

/// Why the state could not be read or written.
pub(crate) fn store_failure(error: &StoreError) -> Failure {
    Failure::target(Finding::error(error.code(), error.to_string()).help(error.help()))
}

/// Why the target did not answer.
pub(crate) fn client_failure(error: &ClientError) -> Failure {
    let code = if error.arm().is_some() { "target/refused" } else { "target/no-answer" };
    Failure::target(
        Finding::error(code, error.to_string()).help("run the command again: it goes on from what is there"),
    )
}
