//! Desired × observed → steps, phases, gates.
//!
//! Pure: what is there, what an earlier run made and what was approved are passed in; nothing is asked of a target.

mod evidence;
mod gate;
mod graph;
mod mention;
mod order;
mod removal;
mod replace;

use glidepath_arm::ResourceId;
use glidepath_estate::{Estate, Phase, PropertyChange, Resource, differences};
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde::Serialize;

pub use evidence::{Approval, Evaluation, Evidence, Fingerprints, Rehearsal, Trial};
pub use gate::{Gate, Waived, gates, phase_gates};

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It differs.
    Modify,
    /// It is not wanted any more.
    Delete,
    /// It is as wanted.
    NoChange,
}

/// One change of one resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// The resource as wanted (as observed, for a delete).
    pub resource: Resource,
    /// What differs, for a modification.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PropertyChange>,
    /// It differs in what cannot be changed, so that it is deleted and made again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
    /// Ids of steps of the same list that must be done first.
    pub after: Vec<ResourceId>,
}

/// The steps of one phase, in an order that respects `after`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PhasePlan {
    /// The phase.
    pub phase: Phase,
    /// Its steps, unchanged resources included.
    pub steps: Vec<Step>,
}

/// The ordered plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The phases in order; those without resources are left out.
    pub phases: Vec<PhasePlan>,
    /// Deletes, in reverse order of creation. They run across phases (a workload's spoke goes before the management
    /// group that holds it), so they belong to none and come after the phases that may run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub removals: Vec<Step>,
}

/// How many steps of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// [`Action::Create`]
    pub create: usize,
    /// [`Action::Modify`]
    pub modify: usize,
    /// [`Action::Delete`]
    pub delete: usize,
    /// [`Action::NoChange`]
    pub no_change: usize,
}

impl Counts {
    /// Counts steps.
    pub fn of<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Self {
        let mut counts = Self::default();
        for step in steps {
            match step.action {
                Action::Create => counts.create += 1,
                Action::Modify => counts.modify += 1,
                Action::Delete => counts.delete += 1,
                Action::NoChange => counts.no_change += 1,
            }
        }
        counts
    }

    /// Is nothing to be done?
    pub fn is_unchanged(&self) -> bool {
        self.create + self.modify + self.delete == 0
    }
}

impl Plan {
    /// How many steps of each kind, over all phases and removals.
    pub fn counts(&self) -> Counts {
        Counts::of(self.steps())
    }

    /// Every step: phase by phase, then the removals.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|p| &p.steps).chain(&self.removals)
    }

    /// The steps of a phase; empty if it has none.
    pub fn phase(&self, phase: Phase) -> &[Step] {
        self.phases.iter().find(|p| p.phase == phase).map_or(&[], |p| &p.steps)
    }

    /// The resources that are there as wanted: what [`Evidence::in_place`] takes.
    pub fn in_place(&self) -> Vec<ResourceId> {
        self.steps().filter(|s| s.action == Action::NoChange).map(|s| s.resource.id.clone()).collect()
    }
}

/// What a plan needs to know beside the two estates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Id of an alias → the symbolic id of the subscription it vends (`Compiled::subscriptions` of a design). What lies in
    /// such a subscription waits for the alias and for the placement; a subscription that is not listed exists already.
    pub subscriptions: IndexMap<ResourceId, String>,
    /// What an earlier run of ours created and in which phase, in the order of creation (that is the order of the journal).
    /// Only these may be deleted: what others made is not ours.
    pub managed: IndexMap<ResourceId, Phase>,
}

/// Makes the plan.
///
/// A resource waits for what its id names (group, parent, subscription), for its `depends_on`, and for every desired
/// resource whose id stands in its body. Inside a phase that becomes [`Step::after`]; earlier phases are done anyway.
///
/// Findings: `plan/no-phase` (left out of the plan), `plan/backward-dependency` (needs something of a later phase),
/// `plan/cycle` (the steps stay in the plan, in the order of their ids), `plan/unknown-dependency`, `plan/cannot-move`
/// (stands in another region, and cannot be deleted and made again without losing what it holds).
pub fn plan(desired: &Estate, observed: &Estate, options: &Options) -> (Plan, Vec<Finding>) {
    let mut findings = Vec::new();
    let graph = graph::Graph::of(desired, observed, options, &mut findings);
    let there = beside(desired, observed);
    let replaced = replace::replaced(desired, &there, &mut findings);
    let mut phases = Vec::new();
    for phase in Phase::ALL {
        let order = order::topological(&graph, phase, &mut findings);
        if order.is_empty() {
            continue;
        }
        let steps = order.into_iter().filter_map(|node| {
            let resource = graph.resource(node)?;
            let after = graph.needs(node).iter().filter_map(|n| graph.resource(*n)).map(|r| r.id.clone()).collect();
            let mut step = step(resource, there.get(node).copied().flatten(), after);
            if replaced.contains(&node) {
                (step.action, step.replace) = (Action::Modify, true);
            }
            Some(step)
        });
        phases.push(PhasePlan { phase, steps: steps.collect() });
    }
    (Plan { phases, removals: removal::removals(desired, observed, options) }, findings)
}

/// The observed resource beside each desired one. Both estates are in the order of ids, so one walk over both is enough:
/// looking each up would compare long, alike ids a dozen times.
fn beside<'a>(desired: &Estate, observed: &'a Estate) -> Vec<Option<&'a Resource>> {
    let mut rest = observed.iter().peekable();
    let find = |wanted: &Resource| {
        while let Some(there) = rest.next_if(|r| r.id <= wanted.id) {
            if there.id == wanted.id {
                return Some(there);
            }
        }
        None
    };
    desired.iter().map(find).collect()
}

fn step(resource: &Resource, there: Option<&Resource>, after: Vec<ResourceId>) -> Step {
    let (action, changes) = match there {
        None => (Action::Create, Vec::new()),
        Some(there) => {
            let changes = if is_immutable(resource) { Vec::new() } else { differences(&resource.body, &there.body) };
            (if changes.is_empty() { Action::NoChange } else { Action::Modify }, changes)
        }
    };
    Step { action, resource: resource.clone(), changes, replace: false, after }
}

/// A subscription alias is a receipt: another PUT of it changes nothing, and GET does not return what was ordered under
/// `additionalProperties`. Source: Azure/azure-rest-api-specs, subscription 2021-10-01 (Alias_Create, `SubscriptionAliasResponse`).
fn is_immutable(resource: &Resource) -> bool {
    resource.resource_type().is_some_and(|kind| kind.is("Microsoft.Subscription/aliases"))
}
