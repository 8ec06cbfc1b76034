//! Carrying out a plan on a target: one ARM client, an executor, its journal.
//!
//! A target is Azure or the sandbox; nothing here knows which. Credentials live here and nowhere else, go only to the host
//! that was configured, only over TLS, and are never written.

mod availability;
mod binding;
mod client;
mod compliance;
mod credential;
mod error;
mod execute;
mod journal;
mod observe;
mod operation;
mod progress;
mod reference;
mod retry;
mod target;

pub use availability::{Unavailable, unavailable};
pub use binding::Bindings;
pub use client::{ArmClient, ClientOptions, Reply};
pub use compliance::{AssignmentSummary, Compliance, Overview, PolicyState, compliance, overview, trigger_evaluation};
pub use credential::{Secret, TokenSource};
pub use error::{AdditionalInfo, ArmError, ClientError};
pub use execute::{Blocked, Cancel, ExecuteError, ExecuteOptions, Failure, Report, execute};
pub use journal::{Journal, Managed, Record, Stage};
pub use observe::{ObserveError, observe};
pub use progress::{Event, Progress, Quiet};
pub use retry::{Patience, Verb};
pub use target::{Target, Written};
