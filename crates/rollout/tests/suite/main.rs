//! The client and the executor against a scripted server over real TLS, and against the sandbox.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helper fails the test"
)]

mod client;
mod execute;
mod sandbox;
mod stub;
