//! The store's face.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{AnyPool, Row};
use tokio::sync::{mpsc, oneshot};

use crate::batch::{Batch, Expected};
use crate::writer::{Outcome, Request, Writer};
use crate::{StoreError, schema};

/// Requests that may wait for the writer before callers have to wait themselves.
const QUEUE: usize = 1024;

/// Readers beside the writer; they never block it, nor it them (WAL).
const READERS: u32 = 2;

/// An open state file. Clones share it; the last one to go closes it. Needs a tokio runtime that lives as long.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    requests: mpsc::Sender<Request>,
    readers: AnyPool,
}

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its key within the collection.
    pub key: String,
    /// 1 when first written, one more at every put. Starts again at 1 after a delete.
    pub version: i64,
    /// The text; JSON by convention.
    pub body: String,
}

/// An entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the stream, from 1 without gaps.
    pub sequence: i64,
    /// When, in seconds since 1970, as the writer said.
    pub at: i64,
    /// The text; JSON by convention.
    pub entry: String,
}

impl Store {
    /// Opens a state file, creating it and its folder where they are missing, and becomes its owner.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Corrupt`], [`StoreError::NotWritable`], [`StoreError::Full`],
    /// [`StoreError::Newer`]. A damaged file is left as it is.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let lock = schema::own(path).await?;
        let connection = schema::connect(path).await?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS)
            .connect_lazy(&format!("{}?mode=rw", schema::url(path)?))
            .map_err(|e| StoreError::from_sql(path, &e))?;
        let (requests, queue) = mpsc::channel(QUEUE);
        tokio::spawn(Writer { path: path.to_owned(), connection, lock }.run(queue));
        Ok(Self { inner: Arc::new(Inner { path: path.to_owned(), requests, readers }) })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Finishes the writes that are waiting and lets go of the file, whatever clones there are.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        let (reply, done) = oneshot::channel();
        if self.inner.requests.send(Request::Close { reply }).await.is_ok() {
            let _ = done.await;
        }
    }

    /// The document with this key.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn get(&self, collection: &str, key: &str) -> Result<Option<Document>, StoreError> {
        sqlx::query("SELECT key, version, body FROM documents WHERE collection = $1 AND key = $2")
            .bind(collection.to_owned())
            .bind(key.to_owned())
            .fetch_optional(&self.inner.readers)
            .await
            .and_then(|row| row.as_ref().map(document).transpose())
            .map_err(|e| self.error(&e))
    }

    /// Writes a document and returns its new version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the expectation does not hold; see [`StoreError`] for the others.
    pub async fn put(
        &self,
        collection: &str,
        key: &str,
        body: impl Into<String>,
        expected: Expected,
    ) -> Result<i64, StoreError> {
        let mut batch = Batch::new();
        batch.put_expecting(collection, key, body, expected);
        self.write(batch).await.map(first)
    }

    /// Deletes a document; tells whether it was there.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn delete(&self, collection: &str, key: &str) -> Result<bool, StoreError> {
        let mut batch = Batch::new();
        batch.delete(collection, key);
        Ok(self.write(batch).await.map(first)? > 0)
    }

    /// The documents whose keys start with `prefix`, in the order of their keys (by bytes).
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn list(&self, collection: &str, prefix: &str) -> Result<Vec<Document>, StoreError> {
        // A half-open range uses the index where LIKE would not.
        let rows = match after_prefix(prefix) {
            Some(end) => {
                sqlx::query(
                    "SELECT key, version, body FROM documents \
                     WHERE collection = $1 AND key >= $2 AND key < $3 ORDER BY key",
                )
                .bind(collection.to_owned())
                .bind(prefix.to_owned())
                .bind(end)
                .fetch_all(&self.inner.readers)
                .await
            }
            None => {
                sqlx::query("SELECT key, version, body FROM documents WHERE collection = $1 AND key >= $2 ORDER BY key")
                    .bind(collection.to_owned())
                    .bind(prefix.to_owned())
                    .fetch_all(&self.inner.readers)
                    .await
            }
        };
        rows.and_then(|rows| rows.iter().map(document).collect()).map_err(|e| self.error(&e))
    }

    /// Commits the changes of a batch together. The outcomes are in the batch's order: a put's new version, 1 or 0 for a
    /// delete (was it there?), an append's sequence number.
    ///
    /// A caller that stops waiting does not stop the write.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when an expectation does not hold; see [`StoreError`] for the others. Nothing of the
    /// batch is kept then.
    pub async fn write(&self, batch: Batch) -> Outcome {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let closed = || StoreError::Closed { path: self.inner.path.clone() };
        let (reply, outcome) = oneshot::channel();
        self.inner.requests.send(Request::Write { batch, reply }).await.map_err(|_| closed())?;
        outcome.await.map_err(|_| closed())?
    }

    /// Adds an entry to a stream of the journal and returns its sequence number. `at` is in seconds since 1970.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn append(&self, stream: &str, entry: impl Into<String>, at: i64) -> Result<i64, StoreError> {
        let mut batch = Batch::new();
        batch.append(stream, entry, at);
        self.write(batch).await.map(first)
    }

    /// The entries of a stream after a sequence number (0: all), oldest first.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn read(&self, stream: &str, after: i64) -> Result<Vec<Entry>, StoreError> {
        sqlx::query("SELECT sequence, at, entry FROM journal WHERE stream = $1 AND sequence > $2 ORDER BY sequence")
            .bind(stream.to_owned())
            .bind(after)
            .fetch_all(&self.inner.readers)
            .await
            .and_then(|rows| {
                rows.iter()
                    .map(|row| Ok(Entry { sequence: row.try_get(0)?, at: row.try_get(1)?, entry: row.try_get(2)? }))
                    .collect()
            })
            .map_err(|e| self.error(&e))
    }

    fn error(&self, error: &sqlx::Error) -> StoreError {
        StoreError::from_sql(&self.inner.path, error)
    }
}

fn document(row: &AnyRow) -> Result<Document, sqlx::Error> {
    Ok(Document { key: row.try_get(0)?, version: row.try_get(1)?, body: row.try_get(2)? })
}

fn first(outcomes: Vec<i64>) -> i64 {
    outcomes.first().copied().unwrap_or_default()
}

/// The smallest text greater than every text with this prefix; `None` where there is none.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // Skips the gap of the surrogates, which `char` cannot hold.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_text() {
        assert_eq!(after_prefix("a/"), Some("a0".to_owned()));
        assert_eq!(after_prefix("a\u{10ffff}"), Some("b".to_owned()));
        assert_eq!(after_prefix("\u{d7ff}"), Some("\u{e000}".to_owned()));
        assert_eq!(after_prefix(""), None);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_and_keeps_what_was_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let lock = {
            sqlx::any::install_default_drivers();
            schema::own(&path).await.unwrap()
        };
        let mut connection = schema::connect(&path).await.unwrap();
        // The file may not grow any more: what SQLite then says is what it says when the disk is full.
        sqlx::query("PRAGMA max_page_count = 16").execute(&mut connection).await.unwrap();
        let (requests, queue) = mpsc::channel(4);
        tokio::spawn(Writer { path: path.clone(), connection, lock }.run(queue));
        let readers = AnyPoolOptions::new().connect_lazy(&format!("{}?mode=rw", schema::url(&path).unwrap())).unwrap();
        let store = Store { inner: Arc::new(Inner { path, requests, readers }) };
        let mut written = 0;
        let error = loop {
            match store.append("s", "x".repeat(2000), 0).await {
                Ok(sequence) => written = sequence,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
        assert_eq!(error.code(), "store/full");
        assert!(written > 0);
        assert_eq!(store.read("s", 0).await.unwrap().len() as i64, written);
    }
}
