//! What a reference to a definition or initiative means in a merged library.

use glidepath_arm::{ResourceId, Value};
use glidepath_source::{Finding, Node, Place};

use crate::Library;
use crate::asset::{Asset, Name, key};

/// What a reference may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Referenced {
    Definition,
    Initiative,
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    /// An asset of the library: it is meant wherever its name appears, whatever scope the id claims.
    Own(&'a Asset),
    /// A built-in.
    BuiltIn(&'a Value),
    /// The id of a built-in, while built-ins are not known here.
    Trusted,
    /// Nothing.
    Missing,
    /// The text is no id of a definition or initiative.
    NotAReference,
}

impl<'a> Target<'a> {
    /// The body `{properties: …}` where it is known.
    pub(crate) fn body(self) -> Option<&'a Value> {
        match self {
            Target::Own(asset) => Some(&asset.body),
            Target::BuiltIn(body) => Some(body),
            _ => None,
        }
    }
}

impl Library {
    /// Follows a `policyDefinitionId`.
    pub(crate) fn resolve(&self, reference: &str) -> (Option<Referenced>, Target<'_>) {
        let id = ResourceId::new(reference);
        let Some(kind) = id.resource_type() else { return (None, Target::NotAReference) };
        let (kind, own) = if kind.is("Microsoft.Authorization/policyDefinitions") {
            (Referenced::Definition, self.definitions.get(&key(id.name())))
        } else if kind.is("Microsoft.Authorization/policySetDefinitions") {
            (Referenced::Initiative, self.initiatives.get(&key(id.name())))
        } else {
            return (None, Target::NotAReference);
        };
        let target = match own {
            Some(asset) => Target::Own(asset),
            None if id.parent().is_some_and(|p| p.as_str() != "/") => Target::Missing,
            None => match self.builtins.get(&id) {
                Some(body) => Target::BuiltIn(body),
                None if self.builtins.is_empty() => Target::Trusted,
                None => Target::Missing,
            },
        };
        (Some(kind), target)
    }
}

pub(crate) fn missing_asset(word: &str, name: &Name) -> Finding {
    Finding::error("library/missing-asset", format!("there is no {word} `{}`", name.name))
        .at_place(Some(name.place.clone()))
        .help("load the library that holds it, write the asset, or take the name out of the archetype")
}

/// Where a reference to a definition stands: in the assignment, or in a member of the initiative.
pub(crate) fn reference_place(asset: &Asset, member: Option<usize>) -> Place {
    let Some(number) = member else { return asset.place_of(&["properties", "policyDefinitionId"]) };
    let members = asset.node_at(&["properties", "policyDefinitions"]).map(Node::items).unwrap_or_default();
    match members.get(number).and_then(|m| m.get("policyDefinitionId")) {
        Some(node) => Place::new(asset.text(), node.span),
        None => asset.name.place.clone(),
    }
}

pub(crate) fn missing_reference(asset: &Asset, member: Option<usize>, reference: &str, target: Target<'_>) -> Finding {
    let finding = match target {
        Target::NotAReference => {
            Finding::error("library/bad-reference", format!("`{reference}` is not the id of a definition or initiative"))
                .help("write `/providers/Microsoft.Authorization/policyDefinitions/<name>` or the same with `policySetDefinitions`")
        }
        _ => Finding::error("library/missing-definition", format!("`{}` needs `{reference}`, which is not here", asset.name.name))
            .why("it is neither in the libraries nor a built-in that is known")
            .help("load the library that holds the definition, or correct the id"),
    };
    finding.at_place(Some(reference_place(asset, member)))
}
