//! The append-only record of a rollout, kept before and after every write.
//!
//! It is for people (what happened, with which request id) and for deletes (what is ours). Resuming needs no more of it: a
//! run that was killed is planned again from what is there.

use std::time::{SystemTime, UNIX_EPOCH};

use glidepath_arm::ResourceId;
use glidepath_estate::Phase;
use glidepath_plan::{Action, Step};
use glidepath_store::{Store, StoreError};
use serde::{Deserialize, Serialize};

use crate::{ArmError, ClientError, Written};

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The write is about to be sent.
    Started,
    /// It is done.
    Done,
    /// It failed.
    Failed,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The run that wrote it.
    pub run: String,
    /// How far the step came.
    pub stage: Stage,
    /// `Create`, `Modify` or `Delete`.
    pub action: String,
    /// The resource, with symbolic subscription id.
    pub id: String,
    /// Its phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The api-version it is written in.
    pub api_version: String,
    /// What to tell Azure support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The HTTP status of ARM's refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Something an earlier run created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Managed {
    /// The resource.
    pub id: ResourceId,
    /// The phase it was created in.
    pub phase: Phase,
    /// The api-version it was written in.
    pub api_version: String,
}

/// The journal of one target: a stream of a store.
#[derive(Debug, Clone)]
pub struct Journal {
    store: Store,
    stream: String,
    run: String,
}

impl Journal {
    /// The journal in `stream`, for a run that calls itself `run`.
    pub fn new(store: Store, stream: impl Into<String>, run: impl Into<String>) -> Self {
        Self { store, stream: stream.into(), run: run.into() }
    }

    /// Every record, oldest first; entries of another shape are passed over.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn records(&self) -> Result<Vec<Record>, StoreError> {
        let entries = self.store.read(&self.stream, 0).await?;
        Ok(entries.iter().filter_map(|e| serde_json::from_str(&e.entry).ok()).collect())
    }

    /// What earlier runs created and did not delete, in the order of creation; and how many entries cannot be read.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn managed(&self) -> Result<(Vec<Managed>, usize), StoreError> {
        let entries = self.store.read(&self.stream, 0).await?;
        let records: Vec<Record> = entries.iter().filter_map(|e| serde_json::from_str(&e.entry).ok()).collect();
        Ok((managed(&records), entries.len() - records.len()))
    }

    pub(crate) async fn started(&self, step: &Step) -> Result<(), StoreError> {
        self.append(self.record(step, Stage::Started)).await
    }

    pub(crate) async fn ended(&self, step: &Step, result: &Result<Written, ClientError>) -> Result<(), StoreError> {
        let record = match result {
            Ok(written) => Record { request_id: written.request_id.clone(), ..self.record(step, Stage::Done) },
            Err(error) => Record {
                request_id: error.arm().and_then(|e: &ArmError| e.request_id.clone()),
                status: error.status(),
                error: Some(error.to_string()),
                ..self.record(step, Stage::Failed)
            },
        };
        self.append(record).await
    }

    fn record(&self, step: &Step, stage: Stage) -> Record {
        Record {
            run: self.run.clone(),
            stage,
            action: format!("{:?}", step.action),
            id: step.resource.id.to_string(),
            phase: step.resource.phase.map(|p| p.name().to_owned()),
            api_version: step.resource.api_version.clone(),
            request_id: None,
            status: None,
            error: None,
        }
    }

    async fn append(&self, record: Record) -> Result<(), StoreError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let entry = serde_json::to_string(&record).unwrap_or_default();
        self.store.append(&self.stream, entry, i64::try_from(now).unwrap_or(i64::MAX)).await.map(drop)
    }
}

/// A create that was begun is ours even when its end was not recorded: the run may have been killed in between. Only a
/// refusal (4xx) says that nothing was created.
fn managed(records: &[Record]) -> Vec<Managed> {
    let mut ours: indexmap::IndexMap<ResourceId, Managed> = indexmap::IndexMap::new();
    let is = |record: &Record, action: Action| record.action == format!("{action:?}");
    for record in records {
        let id = ResourceId::new(&record.id);
        let refused = record.stage == Stage::Failed && record.status.is_some_and(|s| (400..500).contains(&s));
        if is(record, Action::Create) && !refused {
            let phase = Phase::ALL.into_iter().find(|p| Some(p.name()) == record.phase.as_deref());
            ours.entry(id.clone()).or_insert(Managed {
                id,
                phase: phase.unwrap_or(Phase::Production),
                api_version: record.api_version.clone(),
            });
        } else if is(record, Action::Create) || (is(record, Action::Delete) && record.stage == Stage::Done) {
            ours.shift_remove(&id);
        }
    }
    ours.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_what_was_begun_and_not_refused_or_deleted() {
        let record = |id: &str, action: &str, stage, status| Record {
            run: "r".into(),
            stage,
            action: action.into(),
            id: id.into(),
            phase: Some("platform".into()),
            api_version: "v".into(),
            request_id: None,
            status,
            error: None,
        };
        let records = [
            record("/z", "Create", Stage::Started, None),
            record("/a", "Create", Stage::Started, None),
            record("/a", "Create", Stage::Done, None),
            record("/denied", "Create", Stage::Started, None),
            record("/denied", "Create", Stage::Failed, Some(403)),
            record("/unsure", "Create", Stage::Started, None),
            record("/unsure", "Create", Stage::Failed, None),
            record("/theirs", "Modify", Stage::Done, None),
            record("/gone", "Create", Stage::Done, None),
            record("/gone", "Delete", Stage::Done, None),
        ];
        let ids: Vec<String> = managed(&records).into_iter().map(|m| m.id.to_string()).collect();
        assert_eq!(ids, ["/z", "/a", "/unsure"]);
    }
}
