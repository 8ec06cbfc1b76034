//! Desired × observed → steps, phases, gates.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Phase, PropertyChange, Resource};
use serde::Serialize;

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
    /// Ids of steps of the same phase that must be done first.
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
}

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

/// Makes the plan.
pub fn plan(desired: &Estate, observed: &Estate) -> Plan {
    let _ = (desired, observed);
    Plan::default()
}
