//! Gates: which phase may start, decided on evidence.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::{ResourceId, Value};
use glidepath_design::{Design, Workload};
use glidepath_estate::{Estate, Phase, Resource};
use serde::Serialize;

/// What gates are decided on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// Resources that exist in the target as wanted.
    pub in_place: Vec<ResourceId>,
    /// Compliance of resources: id → compliant?
    pub compliance: Vec<(ResourceId, bool)>,
    /// Approvals recorded: (workload, approval name, by whom).
    pub approvals: Vec<(String, String, String)>,
    /// Free-form extra, by name, for later gates.
    pub facts: Vec<(String, Value)>,
}

/// A gate and what it still waits for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gate {
    /// The phase it guards.
    pub phase: Phase,
    /// The workload, for the gates of production.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// May the phase start?
    pub open: bool,
    /// What is missing, in words a user can act on.
    pub missing: Vec<String>,
}

impl Gate {
    fn new(phase: Phase, workload: Option<&str>, missing: Vec<String>) -> Self {
        Self { phase, workload: workload.map(str::to_owned), open: missing.is_empty(), missing }
    }
}

/// The gate of every phase from hierarchy to non-production, then one gate of production for each workload that has a
/// production environment, in the order of the design.
///
/// A phase may start when everything of the earlier phases is in place. Production of a workload may start when everything
/// of the earlier phases that is its own or nobody's is in place, nothing non-production of it is non-compliant, and every
/// approval it asks for is recorded. Other workloads do not hold it up.
pub fn gates(design: &Design, desired: &Estate, evidence: &Evidence) -> Vec<Gate> {
    let facts = Facts::of(desired, evidence);
    let mut gates = Vec::new();
    for phase in [Phase::Hierarchy, Phase::Platform, Phase::Policy, Phase::LandingZones, Phase::Nonproduction] {
        gates.push(Gate::new(phase, None, facts.not_in_place(phase, &|_| true)));
    }
    for workload in design.workloads.values() {
        if workload.environments.iter().any(|e| Workload::is_production(e)) {
            gates.push(Gate::new(Phase::Production, Some(&workload.name), facts.of_production(workload)));
        }
    }
    gates
}

/// Ids listed in a message; the reports list all.
const NAMED: usize = 3;

struct Facts<'a> {
    desired: &'a Estate,
    in_place: BTreeSet<&'a ResourceId>,
    non_compliant: BTreeSet<&'a ResourceId>,
    approvals: &'a [(String, String, String)],
}

impl<'a> Facts<'a> {
    fn of(desired: &'a Estate, evidence: &'a Evidence) -> Self {
        Self {
            desired,
            in_place: evidence.in_place.iter().collect(),
            non_compliant: evidence.compliance.iter().filter(|(_, compliant)| !compliant).map(|(id, _)| id).collect(),
            approvals: &evidence.approvals,
        }
    }

    /// `3 platform resources are not in place`, one line for each phase before `phase`.
    fn not_in_place(&self, phase: Phase, counts: &dyn Fn(&Resource) -> bool) -> Vec<String> {
        let mut missing: BTreeMap<Phase, usize> = BTreeMap::new();
        for resource in self.desired.iter() {
            if let Some(of) = resource.phase
                && of < phase
                && counts(resource)
                && !self.in_place.contains(&resource.id)
            {
                *missing.entry(of).or_default() += 1;
            }
        }
        missing.into_iter().map(|(of, count)| format!("{} not in place", resources_are(count, words(of)))).collect()
    }

    fn of_production(&self, workload: &Workload) -> Vec<String> {
        let own = |r: &Resource| r.workload.as_deref() == Some(workload.name.as_str());
        let mut missing = self.not_in_place(Phase::Production, &|r| r.workload.is_none() || own(r));
        let bad: Vec<&str> = self
            .non_compliant
            .iter()
            .filter(|id| self.desired_at(id).is_some_and(|r| own(r) && is_nonproduction(r)))
            .map(|id| id.as_str())
            .collect();
        if !bad.is_empty() {
            let mut named = bad.iter().take(NAMED).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
            if bad.len() > NAMED {
                named.push_str(&format!(" and {} more", bad.len() - NAMED));
            }
            missing.push(format!("{} not compliant: {named}", resources_are(bad.len(), words(Phase::Nonproduction))));
        }
        for approval in &workload.approvals {
            let recorded =
                self.approvals.iter().any(|(of, name, by)| *of == workload.name && name == approval && !by.is_empty());
            if !recorded {
                missing.push(format!("approval `{approval}` is not recorded"));
            }
        }
        missing
    }

    /// The desired resource with this id, or the one that holds it: policy also judges what a provider made inside ours.
    fn desired_at(&self, id: &ResourceId) -> Option<&Resource> {
        let mut next = Some(id.clone());
        while let Some(at) = next {
            if let Some(resource) = self.desired.get(&at) {
                return Some(resource);
            }
            next = at.parent();
        }
        None
    }
}

fn is_nonproduction(resource: &Resource) -> bool {
    resource.phase == Some(Phase::Nonproduction)
        || resource.environment.as_deref().is_some_and(|e| !Workload::is_production(e))
}

fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::LandingZones => "landing-zone",
        Phase::Nonproduction => "non-production",
        other => other.name(),
    }
}

fn resources_are(count: usize, kind: &str) -> String {
    if count == 1 { format!("1 {kind} resource is") } else { format!("{count} {kind} resources are") }
}
