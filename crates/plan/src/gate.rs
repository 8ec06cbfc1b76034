//! Gates: which phase may start, decided on evidence.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::ResourceId;
use glidepath_design::{Design, Waiver, WaiverKind, Workload};
use glidepath_estate::{Estate, Phase, Resource};
use rustc_hash::FxHashSet;
use serde::Serialize;

use crate::{Approval, Evidence, Fingerprints};

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
    /// What is missing too, and let through by a waiver until that ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
    /// Since when it has been waiting for just this; whoever keeps the record fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// What a waiver lets through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waived {
    /// The waiver: its file in `waivers/`.
    pub waiver: String,
    /// What would be missing without it.
    pub missing: Vec<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub approved_by: String,
    /// The last day on which it counts.
    pub expires: String,
}

impl Gate {
    fn new(design: &Design, evidence: &Evidence, phase: Phase, workload: Option<&str>, missing: Vec<String>) -> Self {
        let mut gate =
            Self { phase, workload: workload.map(str::to_owned), open: true, missing, waived: None, since: None };
        if !gate.missing.is_empty()
            && let Some((file, waiver)) = waiver(design, evidence, phase, workload)
        {
            gate.waived = Some(Waived {
                waiver: file.to_owned(),
                missing: std::mem::take(&mut gate.missing),
                reason: waiver.reason.clone(),
                approved_by: waiver.approved_by.clone(),
                expires: waiver.expires.clone(),
            });
        }
        gate.open = gate.missing.is_empty();
        gate
    }
}

/// The waiver that lets this gate through today.
fn waiver<'d>(
    design: &'d Design,
    evidence: &Evidence,
    phase: Phase,
    workload: Option<&str>,
) -> Option<(&'d str, &'d Waiver)> {
    let scope_fits = |scope: &str| match workload {
        Some(name) => scope == format!("workloads/{name}") || scope == format!("workloads/{name}/production"),
        None => scope == "platform",
    };
    let fits = |w: &Waiver| {
        w.kind == WaiverKind::Gate
            && w.gate.as_deref() == Some(phase.name())
            && scope_fits(&w.scope)
            && !evidence.today.is_empty()
            // Days written as YYYY-MM-DD order as texts.
            && evidence.today.as_str() <= w.expires.as_str()
    };
    design.waivers.iter().find(|(_, w)| fits(w)).map(|(file, w)| (file.as_str(), w))
}

/// The gate of every phase from hierarchy to non-production, then one gate of production for each workload that has a
/// production environment, in the order of the design.
///
/// A phase may start when everything of the earlier phases is in place; non-production also waits until the target has
/// refused what policy must refuse ([`Evidence::trials`]). Production of a workload may start when everything of the earlier
/// phases that is its own or nobody's is in place, nothing non-production of it is non-compliant, its evaluation meets the
/// design's minima, its drills passed, and every approval it asks for was given to what production now is to be. Other
/// workloads do not hold it up. A waiver that has not ended lets a gate through, and is named in it.
pub fn gates(design: &Design, desired: &Estate, evidence: &Evidence) -> Vec<Gate> {
    let facts = Facts::of(desired, evidence);
    let mut gates = before_production(design, evidence, &facts);
    for workload in design.workloads.values() {
        if workload.environments.iter().any(|e| Workload::is_production(e)) {
            let missing = facts.of_production(workload);
            gates.push(Gate::new(design, evidence, Phase::Production, Some(&workload.name), missing));
        }
    }
    gates
}

/// The gates of the phases before production alone.
pub fn phase_gates(design: &Design, desired: &Estate, evidence: &Evidence) -> Vec<Gate> {
    before_production(design, evidence, &Facts::of(desired, evidence))
}

fn before_production(design: &Design, evidence: &Evidence, facts: &Facts<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    for phase in [Phase::Hierarchy, Phase::Platform, Phase::Policy, Phase::LandingZones, Phase::Nonproduction] {
        let mut missing = facts.not_in_place(phase, &|_| true);
        if phase == Phase::Nonproduction {
            missing.extend(untaught(evidence));
        }
        gates.push(Gate::new(design, evidence, phase, None, missing));
    }
    gates
}

/// Policies that let their violating resource pass.
fn untaught(evidence: &Evidence) -> Vec<String> {
    let passed = evidence.trials.iter().filter(|t| !t.refused);
    passed
        .map(|t| format!("policy `{}` does not refuse what violates it at `{}`: {}", t.definition, t.at, t.answer))
        .collect()
}

/// Ids listed in a message; the reports list all.
const NAMED: usize = 3;

struct Facts<'a> {
    desired: &'a Estate,
    evidence: &'a Evidence,
    /// Made when they are needed: they read every body.
    prints: OnceCell<Fingerprints>,
    /// How many resources are not in place, by workload (none: the platform's) and phase.
    missing: BTreeMap<(Option<&'a str>, Phase), usize>,
    non_compliant: BTreeSet<&'a ResourceId>,
}

impl<'a> Facts<'a> {
    fn of(desired: &'a Estate, evidence: &'a Evidence) -> Self {
        let in_place: FxHashSet<&ResourceId> = evidence.in_place.iter().collect();
        let mut missing: BTreeMap<_, usize> = BTreeMap::new();
        for resource in desired.iter() {
            if let Some(phase) = resource.phase
                && !in_place.contains(&resource.id)
            {
                *missing.entry((resource.workload.as_deref(), phase)).or_default() += 1;
            }
        }
        Self {
            desired,
            evidence,
            prints: OnceCell::new(),
            missing,
            non_compliant: evidence.compliance.iter().filter(|(_, compliant)| !compliant).map(|(id, _)| id).collect(),
        }
    }

    fn prints(&self) -> &Fingerprints {
        self.prints.get_or_init(|| Fingerprints::of(self.desired))
    }

    /// `3 platform resources are not in place`, one line for each phase before `phase`.
    fn not_in_place(&self, phase: Phase, counts: &dyn Fn(Option<&str>) -> bool) -> Vec<String> {
        let mut missing: BTreeMap<Phase, usize> = BTreeMap::new();
        for ((workload, of), count) in &self.missing {
            if *of < phase && counts(*workload) {
                *missing.entry(*of).or_default() += count;
            }
        }
        missing.into_iter().map(|(of, count)| format!("{} not in place", resources_are(count, words(of)))).collect()
    }

    fn of_production(&self, workload: &Workload) -> Vec<String> {
        let name = workload.name.as_str();
        let mut missing = self.not_in_place(Phase::Production, &|of| of.is_none_or(|of| of == name));
        let bad: Vec<&str> = self
            .non_compliant
            .iter()
            .filter(|id| {
                self.desired_at(id).is_some_and(|r| r.workload.as_deref() == Some(name) && is_nonproduction(r))
            })
            .map(|id| id.as_str())
            .collect();
        if !bad.is_empty() {
            let mut named = bad.iter().take(NAMED).map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
            if bad.len() > NAMED {
                named.push_str(&format!(" and {} more", bad.len() - NAMED));
            }
            missing.push(format!("{} not compliant: {named}", resources_are(bad.len(), words(Phase::Nonproduction))));
        }
        self.evaluated(workload, &mut missing);
        self.rehearsed(workload, &mut missing);
        self.approved(workload, &mut missing);
        missing
    }

    fn evaluated(&self, workload: &Workload, missing: &mut Vec<String>) {
        let Some(wanted) = &workload.validation.evaluation else { return };
        let Some(found) = self.evidence.evaluations.iter().rev().find(|e| e.workload == workload.name) else {
            missing.push(format!("the evaluation on `{}` is not recorded", wanted.dataset));
            return;
        };
        if found.dataset != wanted.dataset {
            missing.push(format!("the evaluation recorded is on `{}`, not on `{}`", found.dataset, wanted.dataset));
        }
        if found.of != self.prints().validated(&workload.name) {
            missing
                .push(format!("non-production has changed since it was evaluated ({}): evaluate it again", found.at));
        }
        for (metric, minimum) in &wanted.minimum {
            match found.metrics.get(metric) {
                None => missing.push(format!("the evaluation has no `{metric}`; production needs {minimum}")),
                Some(score) if score < minimum => {
                    missing.push(format!("`{metric}` is {score}; production needs {minimum}"));
                }
                Some(_) => {}
            }
        }
    }

    fn rehearsed(&self, workload: &Workload, missing: &mut Vec<String>) {
        for drill in &workload.validation.drill {
            let held = |r: &&crate::Rehearsal| r.workload == workload.name && r.drill == drill.name();
            match self.evidence.rehearsals.iter().rev().find(held) {
                None => missing.push(format!("the drill `{drill}` is not recorded")),
                Some(held) if !held.passed => missing.push(format!("the drill `{drill}` failed ({})", held.at)),
                Some(held) if held.of != self.prints().validated(&workload.name) => {
                    missing
                        .push(format!("non-production has changed since the drill `{drill}` ({}): repeat it", held.at));
                }
                Some(_) => {}
            }
        }
    }

    /// Every approval by its own principal, for what production is to be now.
    fn approved(&self, workload: &Workload, missing: &mut Vec<String>) {
        let mut counted: Vec<&Approval> = Vec::new();
        for name in &workload.approvals {
            let given = |a: &&Approval| a.workload == workload.name && a.name == *name && !a.by.is_empty();
            let Some(approval) = self.evidence.approvals.iter().rev().find(given) else {
                missing.push(format!("approval `{name}` is not recorded"));
                continue;
            };
            if approval.of != self.prints().production(&workload.name) {
                missing.push(format!(
                    "approval `{name}`, given by `{}`, is for another state of production ({}): it must be given again",
                    approval.by, approval.at
                ));
                continue;
            }
            let other = counted.iter().find(|a| a.by.eq_ignore_ascii_case(&approval.by));
            if let Some(other) = other.filter(|_| workload.validation.distinct_approvers) {
                missing.push(format!(
                    "approval `{name}` was given by `{}`, who gave `{}` too: somebody else must give it",
                    approval.by, other.name
                ));
                continue;
            }
            counted.push(approval);
        }
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
