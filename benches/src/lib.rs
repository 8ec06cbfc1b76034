//! What Glidepath is compared with, and measured against. Feature `peer` builds regorus, which nothing else here needs.

#[cfg(feature = "peer")]
pub mod peer;
