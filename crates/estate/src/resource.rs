//! Resources and the estate that holds them.

use std::collections::BTreeMap;
use std::fmt;

use glidepath_arm::{ResourceId, ResourceType, Value};
use serde::Serialize;

/// The order of a landing zone's life; each phase waits for the gate of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Readiness is known.
    Assess,
    /// Management groups, platform subscriptions and their placement.
    Hierarchy,
    /// Management, identity, security and connectivity landing zones.
    Platform,
    /// Definitions, initiatives, assignments, policy identities' roles.
    Policy,
    /// Workload subscriptions, their placement and their spokes, of all environments.
    LandingZones,
    /// Services of development and test environments.
    Nonproduction,
    /// Services of production environments.
    Production,
}

impl Phase {
    /// All phases in order.
    pub const ALL: [Phase; 7] = [
        Phase::Assess,
        Phase::Hierarchy,
        Phase::Platform,
        Phase::Policy,
        Phase::LandingZones,
        Phase::Nonproduction,
        Phase::Production,
    ];

    /// The name users read: `landing-zones`.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Assess => "assess",
            Phase::Hierarchy => "hierarchy",
            Phase::Platform => "platform",
            Phase::Policy => "policy",
            Phase::LandingZones => "landing-zones",
            Phase::Nonproduction => "nonproduction",
            Phase::Production => "production",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Where in the user's files a resource comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The file as the user knows it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One ARM resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its id; name and type follow from it.
    pub id: ResourceId,
    /// The api-version its body is written in.
    pub api_version: String,
    /// The body of a PUT: `location`, `tags`, `sku`, `kind`, `identity`, `properties`, …; never `id`, `name`, `type` or
    /// `apiVersion`, which the id and the field above hold.
    pub body: Value,
    /// Where the user wrote it, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The phase it belongs to; `None` for observed resources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The workload it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// The workload's environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What must exist first, beside the scope and parent that the id names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<ResourceId>,
}

impl Resource {
    /// A resource without provenance.
    pub fn new(id: ResourceId, api_version: impl Into<String>, body: Value) -> Self {
        Self {
            id,
            api_version: api_version.into(),
            body,
            origin: None,
            phase: None,
            workload: None,
            environment: None,
            depends_on: Vec::new(),
        }
    }

    /// Its type; `None` where the id has none.
    pub fn resource_type(&self) -> Option<ResourceType> {
        self.id.resource_type()
    }
}

/// Resources by id, in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Estate {
    resources: BTreeMap<ResourceId, Resource>,
}

impl Estate {
    /// An empty estate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a resource; returns the one it replaces.
    pub fn insert(&mut self, resource: Resource) -> Option<Resource> {
        self.resources.insert(resource.id.clone(), resource)
    }

    /// The resource with this id.
    pub fn get(&self, id: &ResourceId) -> Option<&Resource> {
        self.resources.get(id)
    }

    /// The resource with this id, to change.
    pub fn get_mut(&mut self, id: &ResourceId) -> Option<&mut Resource> {
        self.resources.get_mut(id)
    }

    /// Takes a resource out.
    pub fn remove(&mut self, id: &ResourceId) -> Option<Resource> {
        self.resources.remove(id)
    }

    /// All resources in the order of their ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Resource> {
        self.resources.values()
    }

    /// The resources at and below an id (by segments), in the order of their ids.
    pub fn within(&self, id: &ResourceId) -> impl Iterator<Item = &Resource> {
        // Ids inside `id` follow it, but not without gaps: `/a` < `/a-b` < `/a/c`.
        let stop = id.clone();
        let outer = id.clone();
        self.resources
            .range(id.clone()..)
            .map(|(_, resource)| resource)
            .take_while(move |r| {
                r.id.as_str().get(..stop.as_str().len()).is_some_and(|h| h.eq_ignore_ascii_case(stop.as_str()))
            })
            .filter(move |r| r.id.is_within(&outer))
    }

    /// How many resources.
    pub fn len(&self) -> usize {
        self.resources.len()
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

impl FromIterator<Resource> for Estate {
    fn from_iter<I: IntoIterator<Item = Resource>>(iter: I) -> Self {
        let mut estate = Estate::new();
        for resource in iter {
            estate.insert(resource);
        }
        estate
    }
}
