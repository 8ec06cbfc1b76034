//! The engine: takes assets, judges requests.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Hierarchy, Resource};
use glidepath_source::Finding;

use crate::{AssetKind, Verdict};

/// All assets known, and what they mean together.
#[derive(Debug, Clone, Default)]
pub struct Engine {}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// PUT or PATCH (the body is the whole content after the patch).
    Write,
    /// DELETE.
    Delete,
    /// A scan of what exists: effects do not happen, compliance is judged.
    Scan,
}

/// One question to the engine.
pub struct Request<'a> {
    /// The resource.
    pub id: &'a ResourceId,
    /// Its body, as [`Resource::body`].
    pub body: &'a Value,
    /// The api-version of the request.
    pub api_version: &'a str,
    /// What is done.
    pub operation: Operation,
    /// Where the resource's scopes lie in the tree.
    pub hierarchy: &'a Hierarchy,
    /// `subscription()`: id, subscriptionId, displayName, tenantId, tags. `Null` where there is none.
    pub subscription: Value,
    /// `resourceGroup()`: id, name, location, tags, managedBy. `Null` where there is none.
    pub resource_group: Value,
    /// Related resources, for auditIfNotExists and deployIfNotExists.
    pub related: &'a dyn Related,
    /// The time, in seconds since 1970, for `utcNow()` and expiring exemptions.
    pub now: i64,
    /// Also list what is applicable and compliant.
    pub list_compliant: bool,
}

/// What to look for in the estate.
#[derive(Debug, Clone, PartialEq)]
pub struct RelatedQuery {
    /// The resource type.
    pub resource_type: String,
    /// The scope to search: the parent resource, a resource group or a subscription.
    pub scope: ResourceId,
    /// The exact name, or `parent/?` patterns.
    pub name: Option<String>,
}

/// Where related resources are found: an estate, the sandbox's state, an expansion.
pub trait Related {
    /// The resources that fit. `None`: it cannot be known here (verdicts become "depends on").
    fn find(&self, query: &RelatedQuery) -> Option<Vec<Resource>>;
}

/// What is in force at a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// The assignments, by id, outermost scope first.
    pub assignments: Vec<ResourceId>,
    /// Policy instances: one per assigned definition, one per member of an assigned initiative.
    pub instances: usize,
    /// Those in modes All and Indexed.
    pub arm_mode_instances: usize,
}

impl Engine {
    /// An engine without assets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces an asset; the kind follows from the id's type. `body` is the ARM body (`{properties: {…}}`, for
    /// assignments also `identity` and `location`). A bad asset is kept out and told; the engine stays usable.
    pub fn upsert(&mut self, id: &ResourceId, body: &Value) -> Vec<Finding> {
        let _ = (id, body);
        Vec::new()
    }

    /// Takes an asset out.
    pub fn remove(&mut self, id: &ResourceId) {
        let _ = id;
    }

    /// Is there such an asset?
    pub fn contains(&self, kind: AssetKind, id: &ResourceId) -> bool {
        let _ = (kind, id);
        false
    }

    /// What is in force at a scope.
    pub fn in_force(&self, scope: &ResourceId, hierarchy: &Hierarchy) -> InForce {
        let _ = (scope, hierarchy);
        InForce::default()
    }

    /// Assignments that name a definition or initiative that is not here, initiative members that are missing, …
    pub fn dangling(&self) -> Vec<Finding> {
        Vec::new()
    }

    /// Judges one request.
    pub fn evaluate(&self, request: &Request<'_>) -> Verdict {
        let _ = request;
        Verdict { effect: None, contributors: Vec::new(), changed: None, findings: Vec::new() }
    }
}
