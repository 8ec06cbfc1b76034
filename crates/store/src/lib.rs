//! Where Glidepath keeps what it must not forget: documents and a journal, in one SQLite file. The only crate with SQL.
//!
//! **Durability.** A write is acknowledged (its future resolves to `Ok`) only after its transaction is committed. The file
//! is in WAL mode with `synchronous=NORMAL`: a commit has left this process and is in the hands of the operating system, so
//! everything acknowledged survives `kill -9` and a crash of the program. After a power cut or a crash of the operating
//! system the newest commits may be missing, but the file is whole and holds everything up to some commit.
//!
//! **One owner.** An open [`Store`] owns its file: a second one, in this process or another, gets
//! [`StoreError::Locked`]. The owner's lock dies with its process.
//!
//! **Cheap single writes.** Writes that arrive while another commit is under way share the next one, so hundreds of
//! callers that write one document each cost a few commits.
//!
//! Columns are TEXT and BIGINT only, JSON is TEXT and times are epoch numbers, so that the same statements run on
//! PostgreSQL.

mod batch;
mod error;
mod schema;
mod store;
mod writer;

pub use batch::{Batch, Expected};
pub use error::StoreError;
pub use store::{Document, Entry, Store};
