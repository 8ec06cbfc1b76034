//! The ALZ library format: load, compose, check, place on a tree; the embedded library.
//!
//! A library is a folder of files whose names say what they hold ([`classify`]). [`Library::load`] reads one and puts it
//! over those loaded before, [`Library::check`] tells what does not fit together, [`Library::place`] turns an
//! architecture into management groups and policy assets ready to PUT.
//!
//! Source of the format: Azure/Azure-Landing-Zones-Library (`schemas/`) and Azure/alzlib (`internal/processor`,
//! `deployment/managementgroup.go`).

mod asset;
mod builtins;
mod check;
mod effects;
mod embedded;
mod expression;
mod kind;
mod layer;
mod merge;
mod place;
mod read;
mod resolve;
mod shape;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Estate;
use glidepath_source::{Finding, Text};
use indexmap::IndexMap;
use rustc_hash::FxHashMap;

pub use asset::{Archetype, Architecture, Asset, AssetNames, DefaultTarget, DefaultValue, Group, Metadata, Name};
pub use builtins::{builtin, builtins, json_value};
pub use kind::{Classified, FileKind, Format, classify};

/// One or several libraries, merged; later ones overlay earlier ones.
///
/// The maps are keyed by the folded (lower-case) name, role definitions by `roleName`; values keep the casing as written.
#[derive(Debug, Clone, Default)]
pub struct Library {
    /// Policy definitions.
    pub definitions: IndexMap<String, Asset>,
    /// Initiatives.
    pub initiatives: IndexMap<String, Asset>,
    /// Assignments.
    pub assignments: IndexMap<String, Asset>,
    /// Role definitions.
    pub roles: IndexMap<String, Asset>,
    /// Archetypes, overrides applied.
    pub archetypes: IndexMap<String, Archetype>,
    /// Architectures.
    pub architectures: IndexMap<String, Architecture>,
    /// Default values.
    pub defaults: IndexMap<String, DefaultValue>,
    /// What the libraries say of themselves, in the order of loading.
    pub metadata: Vec<Metadata>,
    /// Built-in definitions and initiatives, for looking up only.
    builtins: FxHashMap<ResourceId, Value>,
}

/// How to place an architecture.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    /// Architecture name; `None` = the only one.
    pub architecture: Option<String>,
    /// Prefix for management-group ids: the root group becomes the prefix itself, the others `<prefix>-<id>`. `None`: ids
    /// as written. In an architecture with several root groups all are `<prefix>-<id>`.
    pub prefix: Option<String>,
    /// Where management groups without parent hang: `None` = tenant root.
    pub parent: Option<ResourceId>,
    /// Replaces `${default_location}`.
    pub location: String,
    /// Values for the library's default names.
    pub defaults: IndexMap<String, Value>,
}

/// What placing gives.
#[derive(Debug, Clone, Default)]
pub struct Placed {
    /// Management groups (phase hierarchy), definitions, initiatives, role definitions, assignments and the role
    /// assignments of their identities (phase policy), ready to PUT.
    pub estate: Estate,
    /// Architecture's management-group id → the real management group.
    pub management_groups: IndexMap<String, ResourceId>,
}

impl Library {
    /// Loads one library from its files (paths relative to its root) on top of this one. Pure: the caller reads the
    /// files.
    ///
    /// The findings are those of the files themselves; what concerns the whole (references between assets) is told by
    /// [`Library::check`] once all libraries are loaded.
    pub fn load(&mut self, name: &str, files: Vec<Text>) -> Vec<Finding> {
        let (layer, mut findings) = layer::read(name, files);
        findings.extend(self.overlay(layer));
        findings
    }

    /// Makes built-in definitions and initiatives known, as [`builtins()`] gives them. Without them, references to
    /// built-ins are taken on trust and the roles their assignments need are not known.
    pub fn know_builtins(&mut self, builtins: impl IntoIterator<Item = (ResourceId, Value)>) {
        self.builtins.extend(builtins);
    }

    /// Places an architecture: every asset of its archetypes, at its management group, ready to PUT.
    ///
    /// What cannot be placed is told and left out. Findings that concern what is placed are also told by
    /// [`Library::check`]; the same finding twice is equal.
    pub fn place(&self, placement: &Placement) -> (Placed, Vec<Finding>) {
        place::place(self, placement)
    }
}
