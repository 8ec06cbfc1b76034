//! What a merged library is made of; every part knows where it was written.

use std::sync::Arc;

use glidepath_arm::Value;
use glidepath_estate::Origin;
use glidepath_source::{Node, Place, Span, Text};
use indexmap::IndexMap;

/// A name, compared without case, as Azure compares names of assets.
pub(crate) fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// A name written somewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// The name as written.
    pub name: Arc<str>,
    /// Where.
    pub place: Place,
}

impl Name {
    pub(crate) fn new(text: &Text, name: &str, span: Span) -> Self {
        Self { name: Arc::from(name), place: Place::new(text, span) }
    }

    /// The place as provenance of a resource.
    pub(crate) fn origin(&self) -> Origin {
        Origin { file: self.place.text.name().to_owned(), line: self.place.position().line }
    }
}

/// A definition, initiative, assignment or role definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Asset {
    /// Its name; of a role definition `properties.roleName`, by which archetypes call it.
    pub name: Name,
    /// The library it came from.
    pub library: Arc<str>,
    /// The whole file.
    pub node: Node,
    /// The whole file as value: `{name, properties, …}`.
    pub body: Value,
}

impl Asset {
    /// The file.
    pub fn text(&self) -> &Text {
        &self.name.place.text
    }

    /// A member of `properties`.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.body.at(&["properties", name])
    }

    /// Where the value at a path of keys stands; the nearest enclosing value that exists, else the name.
    pub(crate) fn place_of(&self, path: &[&str]) -> Place {
        let mut span = None;
        let mut node = &self.node;
        for key in path {
            let Some(next) = node.get(key) else { break };
            node = next;
            span = Some(node.span);
        }
        match span {
            Some(span) => Place::new(self.text(), span),
            None => self.name.place.clone(),
        }
    }

    pub(crate) fn node_at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.node, |node, key| node.get(key))
    }
}

/// The assets that an archetype places, by folded name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AssetNames {
    /// Definitions.
    pub definitions: IndexMap<String, Name>,
    /// Initiatives.
    pub initiatives: IndexMap<String, Name>,
    /// Assignments.
    pub assignments: IndexMap<String, Name>,
    /// Role definitions, by `roleName`.
    pub roles: IndexMap<String, Name>,
}

/// An archetype, overrides applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Archetype {
    /// Its name.
    pub name: Name,
    /// The library it came from.
    pub library: Arc<str>,
    /// What it places.
    pub assets: AssetNames,
    /// What an override takes away, for checks: names that should exist.
    pub removed: AssetNames,
}

/// A management group of an architecture.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// `id`: the name of the management group.
    pub id: Name,
    /// `display_name`; the id where it is absent.
    pub display_name: Arc<str>,
    /// `archetypes`.
    pub archetypes: Vec<Name>,
    /// `parent_id`; `None` hangs under the caller's group.
    pub parent: Option<Name>,
    /// `exists`: Glidepath does not create it.
    pub exists: bool,
}

/// A management-group tree with archetypes.
#[derive(Debug, Clone, PartialEq)]
pub struct Architecture {
    /// Its name.
    pub name: Name,
    /// The library it came from.
    pub library: Arc<str>,
    /// The groups in the order of the file.
    pub groups: Vec<Group>,
}

/// A default: one value that the caller gives for parameters of several assignments.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultValue {
    /// `default_name`.
    pub name: Name,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// The assignments and their parameters it fills.
    pub targets: Vec<DefaultTarget>,
}

/// Parameters of one assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct DefaultTarget {
    /// `policy_assignment_name`.
    pub assignment: Name,
    /// `parameter_names`.
    pub parameters: Vec<Name>,
}

/// What a library says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// `name`.
    pub name: Name,
    /// `display_name`.
    pub display_name: Option<Arc<str>>,
    /// `description`.
    pub description: Option<Arc<str>>,
    /// `path`, by which others depend on it.
    pub path: Option<Arc<str>>,
    /// `dependencies` by `path`.
    pub dependencies: Vec<Name>,
}
