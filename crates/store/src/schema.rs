//! Opening a file: connection settings and the tables.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Connection, Row, SqlSafeStr};

use crate::StoreError;

/// How long an opener waits for the owner's lock: a program that was just killed or is closing its store needs a moment.
const LOCK_PATIENCE: Duration = Duration::from_millis(1500);

/// Files up to this size are checked as a whole when they are opened (about 100 MB a second).
const CHECKED_SIZE: u64 = 64 << 20;

const FIRST: &str = include_str!("migrations/0001_documents_and_journal.sql");

/// Takes the owner's lock, a file beside the state file (SQLite's own locks must not be disturbed by ours).
pub(crate) async fn own(path: &Path) -> Result<File, StoreError> {
    let to_error = |e: std::io::Error| StoreError::from_io(path, &e);
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(to_error)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = private(&PathBuf::from(name)).map_err(to_error)?;
    let started = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(e)) => return Err(to_error(e)),
        }
    }
    private(path).map_err(to_error)?;
    Ok(lock)
}

/// Opens or creates a file that only its owner may read: a state file may hold what others must not see.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The connection URL of a file; everything that could be taken for URL syntax is escaped.
pub(crate) fn url(path: &Path) -> Result<String, StoreError> {
    let absolute = std::path::absolute(path).map_err(|e| StoreError::from_io(path, &e))?;
    let Some(text) = absolute.to_str() else {
        return Err(StoreError::NotWritable {
            path: path.to_owned(),
            detail: "its path is not valid UTF-8".to_owned(),
        });
    };
    let mut url = String::from("sqlite://");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(url)
}

/// Connects for writing, checks the file and brings its tables up to date.
pub(crate) async fn connect(path: &Path) -> Result<AnyConnection, StoreError> {
    let to_error = |e: sqlx::Error| StoreError::from_sql(path, &e);
    let mut connection = AnyConnection::connect(&format!("{}?mode=rwc", url(path)?)).await.map_err(to_error)?;
    for setting in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"] {
        sqlx::query(setting).execute(&mut connection).await.map_err(to_error)?;
    }
    if fs::metadata(path).is_ok_and(|m| m.len() <= CHECKED_SIZE) {
        let row = sqlx::query("PRAGMA quick_check(1)").fetch_one(&mut connection).await.map_err(to_error)?;
        let verdict: String = row.try_get(0).map_err(to_error)?;
        if verdict != "ok" {
            return Err(StoreError::Corrupt { path: path.to_owned(), detail: verdict });
        }
    }
    let migrations =
        vec![Migration::new(1, "documents and journal".into(), MigrationType::Simple, FIRST.into_sql_str(), false)];
    Migrator::with_migrations(migrations)
        .run(&mut connection)
        .await
        .map_err(|e| StoreError::from_migration(path, &e))?;
    Ok(connection)
}
