//! The ALZ library format: load, compose, check, place on a tree; the embedded library.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Estate;
use glidepath_source::{Finding, Text};
use indexmap::IndexMap;

/// One or several libraries, merged; later ones overlay earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Library {}

/// How to place an architecture.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    /// Architecture name; `None` = the only one.
    pub architecture: Option<String>,
    /// Prefix for management-group ids: the root group becomes the prefix itself, the others `<prefix>-<id>`. `None`: ids as written.
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
    /// Loads one library from its files (paths relative to its root) on top of this one. Pure: the caller reads the files.
    pub fn load(&mut self, name: &str, files: Vec<Text>) -> Vec<Finding> {
        let _ = (name, files);
        Vec::new()
    }

    /// The files of the embedded library `ai`.
    pub fn embedded() -> Vec<Text> {
        Vec::new()
    }

    /// Places an architecture.
    pub fn place(&self, placement: &Placement) -> (Placed, Vec<Finding>) {
        let _ = placement;
        (Placed::default(), Vec::new())
    }
}

/// Built-in definitions and initiatives, loaded from a folder of published policy files (`{name, type?, properties}`) —
/// `(id, body)` pairs with ids `/providers/Microsoft.Authorization/policyDefinitions/<name>` or `policySetDefinitions`.
pub fn builtins(files: &[Text]) -> (Vec<(ResourceId, Value)>, Vec<Finding>) {
    let _ = files;
    (Vec::new(), Vec::new())
}
