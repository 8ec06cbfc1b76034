//! What is written together.

/// What a put or delete expects to find; anything else is a [`crate::StoreError::Conflict`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expected {
    /// Whatever is there, or nothing.
    #[default]
    Anything,
    /// Nothing.
    Absent,
    /// The document at this version.
    Version(i64),
}

/// Changes that are committed together or not at all, in the order in which they were added.
///
/// Expectations are checked against what was there before the batch.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put { collection: String, key: String, body: String, expected: Expected },
    Delete { collection: String, key: String, expected: Expected },
    Append { stream: String, entry: String, at: i64 },
}

impl Change {
    /// The document and what is expected of it, if anything is.
    pub(crate) fn expectation(&self) -> Option<(&str, &str, Expected)> {
        match self {
            Change::Put { collection, key, expected, .. } | Change::Delete { collection, key, expected } => {
                (*expected != Expected::Anything).then_some((collection, key, *expected))
            }
            Change::Append { .. } => None,
        }
    }
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a document, whatever is there.
    pub fn put(&mut self, collection: &str, key: &str, body: impl Into<String>) -> &mut Self {
        self.put_expecting(collection, key, body, Expected::Anything)
    }

    /// Writes a document if the expectation holds.
    pub fn put_expecting(
        &mut self,
        collection: &str,
        key: &str,
        body: impl Into<String>,
        expected: Expected,
    ) -> &mut Self {
        self.changes.push(Change::Put {
            collection: collection.to_owned(),
            key: key.to_owned(),
            body: body.into(),
            expected,
        });
        self
    }

    /// Deletes a document; one that is not there is no error.
    pub fn delete(&mut self, collection: &str, key: &str) -> &mut Self {
        self.delete_expecting(collection, key, Expected::Anything)
    }

    /// Deletes a document if the expectation holds.
    pub fn delete_expecting(&mut self, collection: &str, key: &str, expected: Expected) -> &mut Self {
        self.changes.push(Change::Delete { collection: collection.to_owned(), key: key.to_owned(), expected });
        self
    }

    /// Adds an entry to a stream of the journal. `at` is in seconds since 1970.
    pub fn append(&mut self, stream: &str, entry: impl Into<String>, at: i64) -> &mut Self {
        self.changes.push(Change::Append { stream: stream.to_owned(), entry: entry.into(), at });
        self
    }

    /// How many changes.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}
