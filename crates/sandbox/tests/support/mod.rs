//! A sandbox in a temporary folder and a plain HTTPS client that trusts its authority.

use std::path::Path;

use glidepath_sandbox::{Options, Running, start};

pub(crate) const TENANT: &str = "11111111-2222-3333-4444-555555555555";
#[allow(dead_code, reason = "each test crate uses its own part of this")]
pub(crate) const API: &str = "api-version=2024-05-01";

/// A client that trusts only the authority with this certificate.
pub(crate) fn client(ca_pem: &str) -> reqwest::Client {
    // A second call finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = reqwest::Certificate::from_pem(ca_pem.as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap()
}

#[allow(dead_code, reason = "each test crate uses its own part of this")]
pub(crate) async fn sandbox(folder: &Path) -> Running {
    start(Options::new(folder, TENANT)).await.unwrap()
}

/// The id of the subscription behind an alias.
pub(crate) fn subscription(alias: &str) -> String {
    glidepath_sandbox::subscription_id(TENANT, alias)
}
