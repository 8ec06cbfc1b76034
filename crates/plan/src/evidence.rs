//! What gates are decided on. Everything here was seen or recorded by somebody; nothing is taken on trust.

use std::collections::BTreeMap;

use glidepath_arm::{ResourceId, Value};
use glidepath_design::Workload;
use glidepath_estate::{Estate, Phase, Resource};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What gates are decided on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// Resources that exist in the target as wanted.
    pub in_place: Vec<ResourceId>,
    /// Compliance of resources: id → compliant? Those that are not must be complete.
    pub compliance: Vec<(ResourceId, bool)>,
    /// Approvals recorded.
    pub approvals: Vec<Approval>,
    /// Evaluations recorded; of one workload the last counts.
    pub evaluations: Vec<Evaluation>,
    /// Drills recorded; of one workload and drill the last counts.
    pub rehearsals: Vec<Rehearsal>,
    /// What the target said to resources that policy must refuse.
    pub trials: Vec<Trial>,
    /// The day on which the gates are asked, `2026-11-24`: waivers end. Empty: no waiver counts.
    pub today: String,
    /// Free-form extra, by name, for later gates.
    pub facts: Vec<(String, Value)>,
}

/// Somebody let a workload into production, in the state it had then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The workload.
    pub workload: String,
    /// Which approval of the design's `validation.approvals`.
    pub name: String,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: String,
    /// The fingerprint of what was approved, see [`Fingerprints::production`].
    pub of: String,
}

/// How a workload did on its evaluation dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// The workload.
    pub workload: String,
    /// The dataset it was evaluated on.
    pub dataset: String,
    /// Metric → mean.
    pub metrics: BTreeMap<String, f64>,
    /// Who recorded it.
    pub by: String,
    /// When.
    pub at: String,
    /// The fingerprint of what was evaluated, see [`Fingerprints::validated`].
    pub of: String,
}

/// A drill that was held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// The workload.
    pub workload: String,
    /// `region-loss` or `rollback`.
    pub drill: String,
    /// Did it go well?
    pub passed: bool,
    /// Who recorded it.
    pub by: String,
    /// When.
    pub at: String,
    /// The fingerprint of what was rehearsed, see [`Fingerprints::validated`].
    pub of: String,
}

/// A resource that violates a policy was offered to the target, to be validated and not to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The policy definition.
    pub definition: String,
    /// Where it was offered.
    pub at: ResourceId,
    /// Was it refused by policy?
    pub refused: bool,
    /// What the target said, when it was not.
    pub answer: String,
}

/// What of a workload is wanted, as a hash: another one means that something of it has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fingerprints {
    production: BTreeMap<String, String>,
    validated: BTreeMap<String, String>,
}

impl Fingerprints {
    /// Of all workloads.
    pub fn of(desired: &Estate) -> Self {
        let mut hashes: BTreeMap<(&str, bool), Sha256> = BTreeMap::new();
        for resource in desired.iter() {
            let Some(workload) = resource.workload.as_deref() else { continue };
            let production = resource.environment.as_deref().is_some_and(Workload::is_production);
            if production || resource.phase == Some(Phase::Nonproduction) {
                add(hashes.entry((workload, production)).or_default(), resource);
            }
        }
        let mut prints = Self::default();
        for ((workload, production), hash) in hashes {
            let print = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
            let into = if production { &mut prints.production } else { &mut prints.validated };
            into.insert(workload.to_owned(), print);
        }
        prints
    }

    /// All of a workload's production: what an approval approves. Empty: it has none.
    pub fn production(&self, workload: &str) -> &str {
        self.production.get(workload).map_or("", String::as_str)
    }

    /// The services of a workload outside production: what evaluations and drills are held on.
    pub fn validated(&self, workload: &str) -> &str {
        self.validated.get(workload).map_or("", String::as_str)
    }
}

fn add(hash: &mut Sha256, resource: &Resource) {
    hash.update(resource.id.key());
    hash.update([0]);
    hash.update(&resource.api_version);
    hash.update([0]);
    body(hash, &resource.body);
}

/// Members in the order of their keys, so that only what is wanted counts and not how it is written.
fn body(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            hash.update([b'{']);
            for (key, value) in members {
                hash.update(key.as_bytes());
                hash.update([0]);
                body(hash, value);
            }
        }
        Value::Array(items) => {
            hash.update([b'[']);
            items.iter().for_each(|item| body(hash, item));
            hash.update([b']']);
        }
        Value::String(text) => {
            hash.update([b'"']);
            hash.update(text.as_bytes());
            hash.update([0]);
        }
        other => hash.update(other.to_json().to_string()),
    }
}
