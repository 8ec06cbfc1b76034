//! SARIF 2.1.0, as far as code scanning reads it.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0", sections 3.13 to 3.28.

use serde::Serialize;
use serde_json::{Value, json};

/// One result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct SarifResult {
    pub(crate) rule: String,
    pub(crate) rule_text: String,
    /// `error`, `warning` or `note`.
    pub(crate) level: &'static str,
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// What it is about, so that the same hit on another line counts as the same.
    pub(crate) fingerprint: String,
}

/// A file as code scanning finds it: relative to the working directory (the checkout) where it lies below it, with the
/// letters a URI may hold.
fn uri(file: &str) -> String {
    let here = std::env::current_dir().ok();
    let path = std::path::Path::new(file);
    let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let text = below.to_string_lossy().replace('\\', "/");
    let text = text.strip_prefix("./").unwrap_or(&text);
    let mut uri = if text.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// A log with one run.
pub(crate) fn sarif(results: &[SarifResult]) -> Value {
    let mut rules: Vec<(&str, &str)> = results.iter().map(|r| (r.rule.as_str(), r.rule_text.as_str())).collect();
    rules.sort_unstable();
    rules.dedup_by_key(|(rule, _)| *rule);
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "glidepath",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|(id, text)| json!({
                    "id": id,
                    "shortDescription": { "text": text },
                })).collect::<Vec<_>>(),
            }},
            "results": results.iter().map(|r| json!({
                "ruleId": r.rule,
                "level": r.level,
                "message": { "text": r.message },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": uri(&r.file) },
                    "region": { "startLine": r.line, "startColumn": r.column },
                }}],
                "partialFingerprints": { "policyHit/v1": r.fingerprint },
            })).collect::<Vec<_>>(),
        }],
    })
}
