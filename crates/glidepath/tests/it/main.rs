//! The binary as its users meet it. One test binary, so that it is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests fail by panicking and say when they skip"
)]

mod check;
mod plan;
mod reference;
mod refusal;
mod suite;
mod support;
mod up;
