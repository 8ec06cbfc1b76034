//! The one task that writes. Requests that wait while a commit is under way share the next one (group commit).

use std::fs::File;
use std::path::PathBuf;

use sqlx::{AnyConnection, Connection, Row};
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::batch::{Batch, Change, Expected};

/// Requests that one commit takes at most: bounds what is repeated when one of them fails.
const GROUP: usize = 256;

/// Per change: the version (put), 1 or 0 (delete: was there or not), or the sequence number (append).
pub(crate) type Outcome = Result<Vec<i64>, StoreError>;

pub(crate) enum Request {
    Write { batch: Batch, reply: oneshot::Sender<Outcome> },
    Close { reply: oneshot::Sender<()> },
}

pub(crate) struct Writer {
    pub(crate) path: PathBuf,
    pub(crate) connection: AnyConnection,
    /// Held for as long as the writer lives.
    pub(crate) lock: File,
}

impl Writer {
    /// Serves requests until the last store handle is gone or one asks to close.
    pub(crate) async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut closing = None;
        while closing.is_none() {
            let Some(first) = requests.recv().await else { break };
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(request) = next {
                match request {
                    Request::Write { batch, reply } => group.push((batch, reply)),
                    Request::Close { reply } => {
                        closing = Some(reply);
                        requests.close();
                    }
                }
                next = if group.len() < GROUP { requests.try_recv().ok() } else { None };
            }
            self.serve(group).await;
        }
        // A failure to close leaves the WAL for the next opener, which replays it.
        let _ = self.connection.close().await;
        drop(self.lock);
        if let Some(reply) = closing {
            let _ = reply.send(());
        }
    }

    async fn serve(&mut self, group: Vec<(Batch, oneshot::Sender<Outcome>)>) {
        if group.is_empty() {
            return;
        }
        let (batches, replies): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let outcomes = match self.commit(&batches).await {
            Ok(outcomes) => outcomes,
            Err(error) if batches.len() == 1 => vec![Err(error)],
            // One of them may be to blame: each gets a commit of its own, so that the others are not lost with it.
            Err(_) => {
                let mut outcomes = Vec::with_capacity(batches.len());
                for batch in batches {
                    outcomes.push(self.commit(&[batch]).await.and_then(|mut o| o.pop().unwrap_or(Ok(Vec::new()))));
                }
                outcomes
            }
        };
        for (reply, outcome) in replies.into_iter().zip(outcomes) {
            // The caller may have gone; what it asked for is done all the same.
            let _ = reply.send(outcome);
        }
    }

    /// Runs the batches in one transaction. A batch whose expectations fail is left out of it.
    async fn commit(&mut self, batches: &[Batch]) -> Result<Vec<Outcome>, StoreError> {
        let result = self.transaction(batches).await;
        if result.is_err() {
            let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        }
        result.map_err(|e| StoreError::from_sql(&self.path, &e))
    }

    async fn transaction(&mut self, batches: &[Batch]) -> Result<Vec<Outcome>, sqlx::Error> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        let mut outcomes = Vec::with_capacity(batches.len());
        for batch in batches {
            outcomes.push(match self.conflict(batch).await? {
                Some(conflict) => Err(conflict),
                None => {
                    let mut done = Vec::with_capacity(batch.changes.len());
                    for change in &batch.changes {
                        done.push(self.apply(change).await?);
                    }
                    Ok(done)
                }
            });
        }
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        Ok(outcomes)
    }

    async fn conflict(&mut self, batch: &Batch) -> Result<Option<StoreError>, sqlx::Error> {
        for (collection, key, expected) in batch.changes.iter().filter_map(Change::expectation) {
            let row = sqlx::query("SELECT version FROM documents WHERE collection = $1 AND key = $2")
                .bind(collection.to_owned())
                .bind(key.to_owned())
                .fetch_optional(&mut self.connection)
                .await?;
            let found = row.map(|r| r.try_get::<i64, _>(0)).transpose()?;
            let holds = match expected {
                Expected::Anything => true,
                Expected::Absent => found.is_none(),
                Expected::Version(version) => found == Some(version),
            };
            if !holds {
                return Ok(Some(StoreError::Conflict {
                    collection: collection.to_owned(),
                    key: key.to_owned(),
                    found,
                }));
            }
        }
        Ok(None)
    }

    async fn apply(&mut self, change: &Change) -> Result<i64, sqlx::Error> {
        match change {
            Change::Put { collection, key, body, .. } => sqlx::query(
                "INSERT INTO documents (collection, key, version, body) VALUES ($1, $2, 1, $3) \
                 ON CONFLICT (collection, key) DO UPDATE SET version = documents.version + 1, body = excluded.body \
                 RETURNING version",
            )
            .bind(collection.clone())
            .bind(key.clone())
            .bind(body.clone())
            .fetch_one(&mut self.connection)
            .await?
            .try_get(0),
            Change::Delete { collection, key, .. } => {
                let result = sqlx::query("DELETE FROM documents WHERE collection = $1 AND key = $2")
                    .bind(collection.clone())
                    .bind(key.clone())
                    .execute(&mut self.connection)
                    .await?;
                Ok(i64::from(result.rows_affected() > 0))
            }
            Change::Append { stream, entry, at } => sqlx::query(
                "INSERT INTO journal (stream, sequence, at, entry) \
                 SELECT $1, COALESCE(MAX(sequence), 0) + 1, $2, $3 FROM journal WHERE stream = $1 RETURNING sequence",
            )
            .bind(stream.clone())
            .bind(*at)
            .bind(entry.clone())
            .fetch_one(&mut self.connection)
            .await?
            .try_get(0),
        }
    }
}
