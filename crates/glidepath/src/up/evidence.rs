//! What was recorded about workloads: approvals, evaluations, drills, and since when a gate waits.

use glidepath_plan::{Approval, Evaluation, Gate, Rehearsal};
use glidepath_store::{Batch, Store, StoreError};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

/// `<workload>/<approval>` → who, when, of what.
const APPROVALS: &str = "approvals";
/// `<workload>` → the last evaluation.
const EVALUATIONS: &str = "evaluations";
/// `<workload>/<drill>` → the last one held.
const DRILLS: &str = "drills";
/// `<phase>` or `<phase>/<workload>` → what a gate waits for, and since when.
const WAITING: &str = "waiting";

/// The records of one design.
#[derive(Debug, Clone)]
pub(crate) struct Records {
    store: Store,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    by: String,
    #[serde(default)]
    at: String,
    /// Absent in records of before approvals were bound to what they approve: such a record fits nothing.
    #[serde(default)]
    of: String,
}

#[derive(Deserialize)]
struct Measured {
    dataset: String,
    metrics: std::collections::BTreeMap<String, f64>,
    #[serde(flatten)]
    given: Given,
}

#[derive(Deserialize)]
struct Held {
    passed: bool,
    #[serde(flatten)]
    given: Given,
}

#[derive(Deserialize)]
struct Waiting {
    missing: Vec<String>,
    since: String,
}

impl Records {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Everything that can be read in a collection, by key.
    async fn all<T: DeserializeOwned>(&self, collection: &str) -> Result<Vec<(String, T)>, StoreError> {
        let documents = self.store.list(collection, "").await?;
        Ok(documents.into_iter().filter_map(|d| Some((d.key, serde_json::from_str(&d.body).ok()?))).collect())
    }

    pub(crate) async fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        let all = self.all::<Given>(APPROVALS).await?;
        let approval = |(key, Given { by, at, of }): (String, Given)| {
            let (workload, name) = key.split_once('/')?;
            Some(Approval { workload: workload.to_owned(), name: name.to_owned(), by, at, of })
        };
        Ok(all.into_iter().filter_map(approval).collect())
    }

    pub(crate) async fn evaluations(&self) -> Result<Vec<Evaluation>, StoreError> {
        let all = self.all::<Measured>(EVALUATIONS).await?;
        let evaluation = |(workload, m): (String, Measured)| {
            let Given { by, at, of } = m.given;
            Evaluation { workload, dataset: m.dataset, metrics: m.metrics, by, at, of }
        };
        Ok(all.into_iter().map(evaluation).collect())
    }

    pub(crate) async fn rehearsals(&self) -> Result<Vec<Rehearsal>, StoreError> {
        let all = self.all::<Held>(DRILLS).await?;
        let rehearsal = |(key, held): (String, Held)| {
            let (workload, drill) = key.split_once('/')?;
            let Given { by, at, of } = held.given;
            Some(Rehearsal { workload: workload.to_owned(), drill: drill.to_owned(), passed: held.passed, by, at, of })
        };
        Ok(all.into_iter().filter_map(rehearsal).collect())
    }

    pub(crate) async fn approve(&self, approval: &Approval) -> Result<(), StoreError> {
        let key = format!("{}/{}", approval.workload, approval.name);
        let body = json!({ "by": approval.by, "at": approval.at, "of": approval.of });
        self.record(APPROVALS, &key, &body, serde_json::to_value(approval).unwrap_or_default()).await
    }

    pub(crate) async fn evaluate(&self, evaluation: &Evaluation) -> Result<(), StoreError> {
        let body = serde_json::to_value(evaluation).unwrap_or_default();
        self.record(EVALUATIONS, &evaluation.workload, &body, body.clone()).await
    }

    pub(crate) async fn rehearse(&self, rehearsal: &Rehearsal) -> Result<(), StoreError> {
        let body = serde_json::to_value(rehearsal).unwrap_or_default();
        let key = format!("{}/{}", rehearsal.workload, rehearsal.drill);
        self.record(DRILLS, &key, &body, body.clone()).await
    }

    /// The document that counts, and the journal's entry that stays when another one takes its place.
    async fn record(&self, collection: &str, key: &str, body: &Json, entry: Json) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(collection, key, body.to_string());
        batch.append(collection, entry.to_string(), jiff::Timestamp::now().as_second());
        self.store.write(batch).await.map(drop)
    }

    /// Fills in since when each gate waits for what it waits for now, and remembers it for the next time.
    pub(crate) async fn date(&self, gates: &mut [Gate], now: &str) -> Result<(), StoreError> {
        let known: std::collections::BTreeMap<String, Waiting> = self.all(WAITING).await?.into_iter().collect();
        let mut batch = Batch::new();
        for gate in gates {
            let key = match &gate.workload {
                Some(workload) => format!("{}/{workload}", gate.phase),
                None => gate.phase.to_string(),
            };
            if gate.open {
                if known.contains_key(&key) {
                    batch.delete(WAITING, &key);
                }
                continue;
            }
            let since = match known.get(&key) {
                Some(before) if before.missing == gate.missing => before.since.clone(),
                _ => {
                    batch.put(WAITING, &key, json!({ "missing": gate.missing, "since": now }).to_string());
                    now.to_owned()
                }
            };
            gate.since = Some(since);
        }
        self.store.write(batch).await.map(drop)
    }
}
