//! A sandbox in a temporary folder and a plain HTTPS client that trusts its authority.

use std::path::Path;

use glidepath_sandbox::{Options, Running, start};
use serde_json::Value;

pub const TENANT: &str = "11111111-2222-3333-4444-555555555555";
pub const API: &str = "api-version=2024-05-01";

/// A client that trusts only the authority with this certificate.
pub fn client(ca_pem: &str) -> reqwest::Client {
    // A second call finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = reqwest::Certificate::from_pem(ca_pem.as_bytes()).unwrap();
    reqwest::Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap()
}

pub async fn sandbox(folder: &Path) -> Running {
    start(Options::new(folder, TENANT)).await.unwrap()
}

/// Sends a request and gives status and body (`Null` where there is none).
pub async fn send(client: &reqwest::Client, method: &str, url: &str, body: Option<&Value>) -> (u16, Value) {
    let mut request = client.request(method.parse().unwrap(), url);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// The id of the subscription behind an alias.
pub fn subscription(alias: &str) -> String {
    glidepath_sandbox::subscription_id(TENANT, alias)
}
