//! A design on its sandbox: everything that commands on the running estate share.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glidepath_arm::ResourceId;
use glidepath_design::{Waiver, WaiverKind};
use glidepath_estate::{Estate, Phase};
use glidepath_network::SpokeKey;
use glidepath_plan::{Action, Evidence, Gate, Options as PlanOptions, Plan, Trial};
use glidepath_rollout::{
    ArmClient, Bindings, ClientError, ClientOptions, Journal, Managed, Overview, Patience, Secret, Target, TokenSource,
    Unavailable,
};
use glidepath_sandbox::StartError;
use glidepath_source::Finding;
use glidepath_store::{Store, StoreError};
use indexmap::IndexMap;
use ipnet::IpNet;

use super::evidence::Records;
use super::host::Host;
use super::{addresses, trial};
use crate::failure::{Failure, stop_on_errors};
use crate::sources::{self, Compilation};

/// The sandbox's tenant where the design names none; a made-up GUID.
pub(crate) const SANDBOX_TENANT: &str = "11111111-2222-4333-8444-555555555555";
/// Who the rollout says it is; the sandbox takes any principal.
const CLIENT_ID: &str = "a11ce000-0000-4000-8000-000000000001";

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
    pub(crate) records: Records,
    folder: PathBuf,
    /// Alias → symbol of every subscription that this or an earlier design had.
    subscriptions: IndexMap<ResourceId, String>,
    managed: Vec<Managed>,
    store: Store,
    host: Host,
    pub(crate) started: jiff::Timestamp,
}

impl Session {
    /// Compiles the design, then starts the sandbox or joins the one that runs: bad input leaves nothing behind.
    pub(crate) async fn open(design: &Path, port: u16, findings: &mut Vec<Finding>) -> Result<Self, Failure> {
        let compilation = sources::design(design, findings)?;
        let tenant = compilation.design.tenant.clone().unwrap_or_else(|| SANDBOX_TENANT.to_owned());
        let host = Host::open(design, &tenant, port).await?;
        if let Some(endpoint) = host.elsewhere() {
            findings.push(Finding::note("sandbox/joined", format!("the sandbox at {endpoint} serves this design")));
        }
        let store = Store::open(&state_folder(design).join("journal.db")).await.map_err(|e| store_failure(&e))?;
        let started = jiff::Timestamp::now();
        let journal = Journal::new(store.clone(), "sandbox", started.to_string());
        let endpoint = host.endpoint();
        let client = ArmClient::new(ClientOptions {
            base: endpoint.clone(),
            ca_pem: Some(host.ca_pem()),
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
        let (managed, damaged) = journal.managed().await.map_err(|e| store_failure(&e))?;
        if damaged > 0 {
            findings.push(
                Finding::warning("journal/damaged", format!("{damaged} entries of the journal cannot be read"))
                    .why("what they made may be missing from the list of what is ours, and would not be deleted")
                    .help("restore `.glidepath/journal.db` from a copy"),
            );
        }
        let records = Records::new(store.clone());
        let folder = design.to_owned();
        let mut session =
            Self { compilation, target, journal, records, folder, subscriptions, managed, store, host, started };
        session.recover(findings).await?;
        Ok(session)
    }

    /// What was lost of the state is taken from what stands in the target.
    async fn recover(&mut self, findings: &mut Vec<Finding>) -> Result<(), Failure> {
        if addresses::record(&self.folder).exists() {
            return Ok(());
        }
        let Compilation { design, compiled, .. } = &self.compilation;
        let standing = addresses::standing(&self.target, design, compiled).await.map_err(|e| client_failure(&e))?;
        let moved = |(key, block): &(SpokeKey, IpNet)| {
            compiled.addresses.spokes.get(key).is_some_and(|now| !now.recorded && now.prefix != *block)
        };
        if standing.iter().any(moved) {
            self.compilation.design.kept.extend(standing);
            let (compiled, made) = self.compilation.design.compile(&self.compilation.library);
            stop_on_errors(made, findings)?;
            self.compilation.compiled = compiled;
        }
        Ok(())
    }

    /// Records which block every spoke has, before anything is written with it.
    pub(crate) fn keep_addresses(&self) -> Result<(), Failure> {
        let Compilation { design, compiled, .. } = &self.compilation;
        addresses::keep(&self.folder, design, compiled, &self.managed).map_err(|e| {
            Failure::target(
                Finding::error(
                    "store/not-writable",
                    format!("cannot write `{}`: {e}", addresses::record(&self.folder).display()),
                )
                .help("check that the folder exists and that you may write to it"),
            )
        })
    }

    /// Reads what is there and plans the difference.
    pub(crate) async fn plan(&self, concurrency: usize, findings: &mut Vec<Finding>) -> Result<Plan, Failure> {
        let desired = &self.compilation.compiled.estate;
        let mut wanted: IndexMap<ResourceId, String> =
            desired.iter().map(|r| (r.id.clone(), r.api_version.clone())).collect();
        for resource in &self.managed {
            wanted.entry(resource.id.clone()).or_insert_with(|| resource.api_version.clone());
        }
        let observed = glidepath_rollout::observe(&self.target, wanted, concurrency).await.map_err(|e| {
            let mut failure = client_failure(&e.source);
            for finding in &mut failure.findings {
                finding.subject = Some(e.id.to_string());
            }
            failure
        })?;
        self.recognise(&observed, findings);
        let options = PlanOptions {
            subscriptions: self.subscriptions.clone(),
            managed: self.managed.iter().map(|m| (m.id.clone(), m.phase)).collect(),
        };
        let (plan, mut problems) = glidepath_plan::plan(desired, &observed, &options);
        let fresh = plan.steps().filter(|s| s.action == Action::Create).map(|s| &s.resource);
        let missing = glidepath_rollout::unavailable(&self.target, fresh).await.map_err(|e| client_failure(&e))?;
        problems.extend(not_offered(&missing, desired));
        stop_on_errors(problems, findings)?;
        Ok(plan)
    }

    /// A journal that does not know what an earlier run certainly made was lost.
    fn recognise(&self, observed: &Estate, findings: &mut Vec<Finding>) {
        if self.managed.is_empty() && !observed.is_empty() {
            let there = observed.len();
            findings.push(
                Finding::warning(
                    "journal/lost",
                    format!("the journal knows nothing of the {there} resources of the design that are there"),
                )
                .why("they are taken as they are; what the design loses later is known only if it was in the journal")
                .help("restore `.glidepath/journal.db` from a copy; if there never was one, nothing is lost"),
            );
        }
    }

    /// What policy says of everything in the organisation's tree.
    pub(crate) async fn compliance(&self) -> Result<Overview, Failure> {
        let Some(root) = self.compilation.compiled.management_groups.values().next() else {
            return Ok(Overview::default());
        };
        match glidepath_rollout::overview(&self.target, root).await {
            Ok(overview) => Ok(overview),
            // Nothing was rolled out yet.
            Err(error) if error.is_not_found() => Ok(Overview::default()),
            Err(error) => Err(client_failure(&error)),
        }
    }

    /// Shows that policy refuses what it must, where landing zones are.
    pub(crate) async fn trials(&self, in_place: &[ResourceId]) -> Result<Vec<Trial>, Failure> {
        let there: BTreeSet<&ResourceId> = in_place.iter().collect();
        trial::hold(&self.target, &self.compilation, &|id| there.contains(id)).await.map_err(|e| client_failure(&e))
    }

    /// The evidence that gates are decided on.
    pub(crate) async fn evidence(
        &self,
        in_place: Vec<ResourceId>,
        compliance: &Overview,
        trials: Vec<Trial>,
    ) -> Result<Evidence, Failure> {
        let records = async {
            Ok((self.records.approvals().await?, self.records.evaluations().await?, self.records.rehearsals().await?))
        };
        let (approvals, evaluations, rehearsals) = records.await.map_err(|e: StoreError| store_failure(&e))?;
        Ok(Evidence {
            in_place,
            compliance: compliance.non_compliant().into_iter().map(|id| (id, false)).collect(),
            approvals,
            evaluations,
            rehearsals,
            trials,
            today: self.today(),
            facts: Vec::new(),
        })
    }

    /// The day, in UTC.
    pub(crate) fn today(&self) -> String {
        self.started.strftime("%Y-%m-%d").to_string()
    }

    /// The gates on this evidence, dated.
    pub(crate) async fn gates(&self, evidence: &Evidence) -> Result<Vec<Gate>, Failure> {
        let Compilation { design, compiled, .. } = &self.compilation;
        let mut gates = glidepath_plan::gates(design, &compiled.estate, evidence);
        let now = self.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.records.date(&mut gates, &now).await.map_err(|e| store_failure(&e))?;
        Ok(gates)
    }

    /// The design's waivers: those that count, for as long as they do, and those that ended. Waivers of gates that count
    /// are told with their gates.
    pub(crate) fn waivers(&self) -> Vec<Finding> {
        let (design, today) = (&self.compilation.design, self.today());
        let told = |(file, waiver): (&String, &Waiver)| {
            let place = design.places.value(&format!("waivers/{file}"));
            if waiver.expires < today {
                return Some(
                    Finding::warning("waiver/ended", format!("the waiver `{file}` ended on {}", waiver.expires))
                        .at_place(place)
                        .why("it lets nothing through any more")
                        .help("remove the file, or have the waiver approved again with a new date"),
                );
            }
            let assignment = waiver.assignment.as_deref().filter(|_| waiver.kind == WaiverKind::Exemption)?;
            let message = format!("`{}` is exempt from `{assignment}` until {}", waiver.scope, waiver.expires);
            let note = Finding::note("waiver/in-force", message).at_place(place);
            Some(note.why(format!("{}; approved by {}", waiver.reason, waiver.approved_by)))
        };
        design.waivers.iter().filter_map(told).collect()
    }

    /// Ends it in order and keeps what was compiled.
    pub(crate) async fn finish(self) -> Compilation {
        self.host.shutdown().await;
        self.store.close().await;
        self.compilation
    }

    /// Ends it in order; what was acknowledged is on disk already.
    pub(crate) async fn close(self) {
        self.host.shutdown().await;
        self.store.close().await;
    }
}

/// What the target would refuse half-way is told before the first write, once for each type and region.
fn not_offered(missing: &[Unavailable], desired: &Estate) -> Vec<Finding> {
    let mut groups: IndexMap<(String, &str), Vec<&Unavailable>> = IndexMap::new();
    for one in missing {
        let kind = one.id.resource_type().map(|kind| kind.to_string()).unwrap_or_default();
        groups.entry((kind, &one.location)).or_default().push(one);
    }
    let finding = |((kind, location), all): ((String, &str), Vec<&Unavailable>)| {
        let first = all.first()?;
        let (wanted, offered) = (all.len(), &first.offered);
        let finding = match offered.is_empty() {
            true => Finding::warning("plan/unknown-provider", format!("the target lists no provider of `{kind}`"))
                .help("take the service out of the design if the target refuses it"),
            false => Finding::error(
                "plan/not-available",
                format!("the target does not offer `{kind}` in `{location}`; {wanted} of the design would be there"),
            )
            .why("the rollout would stop half-way; nothing was written")
            .help(format!("it is offered in {}", offered.join(", "))),
        };
        let finding = finding.about(first.id.to_string());
        Some(match desired.get(&first.id).and_then(|r| r.origin.as_ref()) {
            Some(origin) => finding.within(origin.to_string()),
            None => finding,
        })
    };
    groups.into_iter().filter_map(finding).collect()
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
