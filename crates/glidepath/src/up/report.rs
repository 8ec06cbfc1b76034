//! What `up` answers, as data.

use glidepath_estate::Phase;
use glidepath_plan::Waived;
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde::Serialize;

/// The whole answer; its JSON form is the contract of `up --output json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub(crate) design: String,
    pub(crate) organization: String,
    pub(crate) target: &'static str,
    pub(crate) changes: Changes,
    pub(crate) phases: Vec<PhaseReport>,
    pub(crate) gates: Vec<GateReport>,
    pub(crate) policy: PolicyReport,
    /// Resources that could not be written, and what the target said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) failures: Vec<FailureReport>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<Finding>,
    /// Commands to run next.
    pub(crate) next: Vec<String>,
}

/// What was done in this run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Changes {
    pub(crate) create: usize,
    pub(crate) modify: usize,
    pub(crate) delete: usize,
}

impl Changes {
    pub(crate) fn total(self) -> usize {
        self.create + self.modify + self.delete
    }
}

impl std::ops::AddAssign for Changes {
    fn add_assign(&mut self, other: Self) {
        self.create += other.create;
        self.modify += other.modify;
        self.delete += other.delete;
    }
}

/// How far a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Everything is in place.
    Done,
    /// Its gate is closed.
    Waiting,
    /// Some of its workloads are through their gate, others wait.
    Partial,
    /// Something could not be written.
    Failed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Done => "done",
            State::Waiting => "waiting",
            State::Partial => "partial",
            State::Failed => "failed",
        }
    }
}

/// One phase.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhaseReport {
    pub(crate) name: Phase,
    pub(crate) state: State,
    /// Resources in place.
    pub(crate) resources: usize,
    /// Resources wanted.
    pub(crate) planned: usize,
    /// What was done in this run.
    pub(crate) changes: Changes,
    /// What is in place, by type, most frequent first.
    pub(crate) types: IndexMap<String, usize>,
}

/// One gate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GateReport {
    pub(crate) phase: Phase,
    pub(crate) open: bool,
    pub(crate) missing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waived: Option<Waived>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
    /// For production: the gate of each workload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) workloads: Vec<WorkloadGate>,
}

/// A workload's own gate.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WorkloadGate {
    pub(crate) name: String,
    pub(crate) open: bool,
    pub(crate) missing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waived: Option<Waived>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<String>,
}

/// What policy says of what exists.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyReport {
    /// Resources that some policy applies to.
    pub(crate) judged: usize,
    pub(crate) compliant: usize,
    pub(crate) non_compliant: usize,
    /// Policy states by effect and compliance: `deny` → how many compliant, how many not.
    pub(crate) by_effect: IndexMap<String, EffectCount>,
    /// The non-compliant ones, worst first, cut at a readable number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) offenders: Vec<Offender>,
}

/// Policy states under one effect.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EffectCount {
    pub(crate) compliant: usize,
    pub(crate) non_compliant: usize,
}

/// One non-compliant resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offender {
    pub(crate) resource: String,
    pub(crate) assignment: String,
    pub(crate) effect: String,
}

/// One resource that could not be written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureReport {
    /// The phase, or `removals`.
    pub(crate) phase: &'static str,
    pub(crate) resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<String>,
    pub(crate) code: String,
    pub(crate) message: String,
}
