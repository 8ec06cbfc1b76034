//! What can go wrong with a state file, and the way out.

use std::io;
use std::path::{Path, PathBuf};

/// Why a store could not be opened, read or written. Nothing of a failed write is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process, or another [`crate::Store`] of this one, owns the file.
    #[error("the state file `{path}` is in use by another process")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// No space is left.
    #[error("the disk that holds the state file `{path}` is full")]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// The file is no SQLite database, or a damaged one.
    #[error("the state file `{path}` is damaged: {detail}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The file or its folder cannot be created or written.
    #[error("the state file `{path}` cannot be written: {detail}")]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        detail: String,
    },
    /// The file was written by a newer version of the program.
    #[error("the state file `{path}` was written by a newer version of glidepath")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// A document was not as expected.
    #[error("document `{key}` in `{collection}` is at {}", found.map_or("no version: it does not exist".to_owned(), |v| format!("version {v}")))]
    Conflict {
        /// The collection.
        collection: String,
        /// The key.
        key: String,
        /// The version found; `None` when there is no such document.
        found: Option<i64>,
    },
    /// The store was closed.
    #[error("the state file `{path}` is closed")]
    Closed {
        /// The file.
        path: PathBuf,
    },
    /// Anything else.
    #[error("the state file `{path}` failed: {detail}")]
    Failed {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
}

impl StoreError {
    /// The stable code for a finding: `store/locked`, `store/full`, `store/corrupt`, `store/not-writable`, …
    pub fn code(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "store/locked",
            Self::Full { .. } => "store/full",
            Self::Corrupt { .. } => "store/corrupt",
            Self::NotWritable { .. } => "store/not-writable",
            Self::Newer { .. } => "store/newer",
            Self::Conflict { .. } => "store/conflict",
            Self::Closed { .. } => "store/closed",
            Self::Failed { .. } => "store/failed",
        }
    }

    /// What the user can do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Locked { .. } => "wait for the other glidepath process to end, or stop it, and run the command again",
            Self::Full { .. } => "free some space and run the command again; everything acknowledged so far is kept",
            Self::Corrupt { .. } => "restore the file from a copy, or move it away to start with an empty state",
            Self::NotWritable { .. } => {
                "check that the folder exists, that you may write to it and that it is not read-only"
            }
            Self::Newer { .. } => "update glidepath, or use another state folder",
            Self::Conflict { .. } => "read the document again and repeat the change",
            Self::Closed { .. } => "open the store again",
            Self::Failed { .. } => "run the command again; if it fails again, move the file away and report this",
        }
    }

    pub(crate) fn from_io(path: &Path, error: &io::Error) -> Self {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            _ => Self::NotWritable { path, detail: error.to_string() },
        }
    }

    /// Sorts SQLite's result codes (<https://www.sqlite.org/rescode.html>); the low byte is the primary code.
    pub(crate) fn from_sql(path: &Path, error: &sqlx::Error) -> Self {
        let path = path.to_owned();
        let detail = match error {
            sqlx::Error::Database(inner) => inner.message().to_owned(),
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => return Self::Closed { path },
            other => other.to_string(),
        };
        let code = match error {
            sqlx::Error::Database(inner) => inner.code().and_then(|c| c.parse::<i64>().ok()),
            _ => None,
        };
        match code.map(|c| c & 0xff) {
            Some(5 | 6) => Self::Locked { path },
            Some(13) => Self::Full { path },
            Some(11 | 26) => Self::Corrupt { path, detail },
            Some(3 | 8 | 10 | 14 | 23) => Self::NotWritable { path, detail },
            _ => Self::Failed { path, detail },
        }
    }

    pub(crate) fn from_migration(path: &Path, error: &sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError;
        match error {
            MigrateError::Execute(inner) | MigrateError::ExecuteMigration(inner, _) => Self::from_sql(path, inner),
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::Newer { path: path.to_owned() },
            // A table of migrations that is not ours: the file belongs to another program.
            other => Self::Corrupt { path: path.to_owned(), detail: other.to_string() },
        }
    }
}
