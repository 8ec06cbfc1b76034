//! The report as SARIF, for code scanning.

use std::collections::BTreeSet;

use glidepath_policy::Outcome;
use glidepath_source::Severity;

use super::bicep::COMPILED;
use super::render::{chain, words};
use super::report::{Report, fingerprint, heading};
use crate::output::SarifResult;

/// Every hit of an effect that happens or may, where its resource is written; then what is said of the input itself.
pub(crate) fn results(report: &Report) -> Vec<SarifResult> {
    let mut results = Vec::new();
    let mut callers: BTreeSet<String> = BTreeSet::new();
    for resource in &report.resources {
        for contributor in &resource.verdict.verdict.contributors {
            let (Some(name), Some(print)) = (heading(contributor), fingerprint(&resource.id, contributor)) else {
                continue;
            };
            // A policy that asks who deploys says so of everything: once is enough.
            if name == "dependsOnCaller" && !callers.insert(chain(contributor)) {
                continue;
            }
            let level = match (contributor.outcome, name) {
                (Outcome::Triggered, "deny" | "denyAction") => "error",
                (Outcome::Triggered, "audit" | "auditIfNotExists" | "append" | "modify" | "deployIfNotExists")
                | (Outcome::DependsOn, _) => "warning",
                _ => "note",
            };
            let definition = &contributor.definition;
            let title = definition.display_name.as_ref().unwrap_or(&definition.name);
            let message = contributor.message.as_ref().unwrap_or(title);
            results.push(SarifResult {
                rule: definition.name.clone(),
                rule_text: title.clone(),
                level,
                message: format!("{} ({}): {message} [{}]", resource.name, words(name), chain(contributor)),
                file: resource.source.file.clone(),
                line: resource.source.line,
                column: resource.source.column,
                fingerprint: print,
            });
        }
    }
    for finding in &report.findings {
        let Some(place) = &finding.place else { continue };
        let at = place.position();
        // The compiler does not say where in the Bicep file a part of the template was written.
        let bicep = place.text.name().strip_suffix(COMPILED);
        results.push(SarifResult {
            rule: finding.code.to_owned(),
            rule_text: finding.code.rsplit('/').next().unwrap_or_default().replace('-', " "),
            level: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            message: finding.message.clone(),
            file: bicep.unwrap_or(place.text.name()).to_owned(),
            line: if bicep.is_some() { 1 } else { at.line },
            column: if bicep.is_some() { 1 } else { at.column },
            fingerprint: format!("{}|{}", finding.code, finding.message),
        });
    }
    results
}
