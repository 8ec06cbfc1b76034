//! Findings that are known and passed over.

use std::collections::BTreeSet;
use std::path::Path;

use glidepath_policy::{Effect, Outcome};
use glidepath_source::{Finding, Node, json};

use super::report::{Checked, Report, fingerprint};
use crate::files;

/// Fingerprints of known findings.
pub(crate) struct Baseline {
    known: BTreeSet<String>,
}

impl Baseline {
    /// Reads what an earlier run wrote as SARIF or JSON.
    pub(crate) fn read(path: &Path) -> Result<Self, Finding> {
        let text = files::read(path)?;
        let root = json::parse(&text)?;
        let runs = root.get("runs").filter(|r| matches!(r.kind, glidepath_source::Kind::Array(_)));
        let hits = root.get("hits").filter(|_| root.get("kind").and_then(Node::as_str) == Some("check"));
        let known: BTreeSet<String> = match (runs, hits) {
            (Some(runs), _) => {
                let results = runs.items().iter().filter_map(|run| run.get("results")).flat_map(Node::items);
                let prints = results.filter_map(|r| r.get("partialFingerprints")?.get("policyHit/v1")?.as_str());
                prints.map(str::to_owned).collect()
            }
            (None, Some(hits)) => hits.items().iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            (None, None) => {
                return Err(Finding::error("check/bad-baseline", "this is no answer of `glidepath check`")
                    .at(&text, root.span)
                    .help("write one with `glidepath check … -o sarif > known.sarif`"));
            }
        };
        Ok(Self { known })
    }

    /// Takes what is known out of a report.
    pub(crate) fn hide(&self, report: &mut Report) {
        let mut hidden = 0;
        for resource in &mut report.resources {
            let id = resource.id.clone();
            let verdict = &mut resource.verdict.verdict;
            let before = verdict.contributors.len();
            verdict.contributors.retain(|c| !fingerprint(&id, c).is_some_and(|print| self.known.contains(&print)));
            if verdict.contributors.len() < before {
                hidden += before - verdict.contributors.len();
                let happening = verdict.contributors.iter().filter(|c| c.outcome == Outcome::Triggered);
                verdict.effect = happening.map(|c| c.effect).filter(|e| *e != Effect::Provider).max();
            }
        }
        report.summary.hidden = hidden;
    }
}

/// The fingerprints of everything a report says, in order.
pub(crate) fn hits(resources: &[Checked]) -> Vec<String> {
    let of = |r: &Checked| -> Vec<String> {
        r.verdict.verdict.contributors.iter().filter_map(|c| fingerprint(&r.id, c)).collect()
    };
    resources.iter().flat_map(of).collect()
}
