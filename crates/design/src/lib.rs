//! The design files: schema, validation, and compilation to the desired estate.

use glidepath_arm::ResourceId;
use glidepath_estate::Estate;
use glidepath_library::Library;
use glidepath_source::{Finding, Text};
use indexmap::IndexMap;

/// A design as read.
#[derive(Debug, Clone, Default)]
pub struct Design {
    /// `organization`.
    pub organization: String,
    /// `libraries`, in order: `embedded:ai`, `path:policy`.
    pub libraries: Vec<String>,
    /// The workloads, by name.
    pub workloads: IndexMap<String, Workload>,
}

/// One workload.
#[derive(Debug, Clone, Default)]
pub struct Workload {
    /// `name`.
    pub name: String,
    /// `validation.approvals`: who must approve production.
    pub approvals: Vec<String>,
    /// `environments`.
    pub environments: Vec<String>,
}

/// What a design compiles to.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// The desired estate: every resource with phase, origin, workload, environment, dependencies.
    pub estate: Estate,
    /// Architecture's management-group id → the real management group.
    pub management_groups: IndexMap<String, ResourceId>,
}

impl Design {
    /// Reads a design from its files (names as the user knows them; the paths below the design's folder decide what is
    /// what: `glidepath.yaml`, `platform.yaml`, `workloads/*.yaml`, `waivers/*.yaml`). All findings are collected.
    pub fn read(files: &[(String, Text)]) -> (Option<Design>, Vec<Finding>) {
        let _ = files;
        (None, Vec::new())
    }

    /// Compiles the design with its libraries.
    pub fn compile(&self, library: &Library) -> (Compiled, Vec<Finding>) {
        let _ = library;
        (Compiled::default(), Vec::new())
    }
}
