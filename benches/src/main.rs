//! `cargo xtask bench [NAME]`: ours and a peer, in turn, in one process; the table says the ratio.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark reads the corpora, prints, and stops at what is wrong"
)]

/// The product's own allocator, for ours and the peer alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod measure;
#[path = "../../crates/policy/tests/synthetic/mod.rs"]
mod synthetic;
#[path = "../../crates/policy/tests/world/mod.rs"]
mod world;

mod policy_stream;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let Some(corpora) = world::corpora() else { return };
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if is_wanted("policy-stream") {
        policy_stream::run(&corpora);
    }
}
