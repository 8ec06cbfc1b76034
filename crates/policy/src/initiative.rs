//! Initiatives (policy set definitions), compiled.

use std::sync::Arc;

use glidepath_arm::{ResourceId, Value};

use crate::Named;
use crate::assignment::read_pin;
use crate::author::Author;
use crate::definition::{named, properties};
use crate::parameter::Parameter;
use crate::template::Template;
use crate::version::Pin;

/// An initiative.
#[derive(Debug, Clone)]
pub(crate) struct Initiative {
    pub(crate) named: Named,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) members: Vec<Member>,
}

/// A definition in an initiative.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) definition: ResourceId,
    pub(crate) reference: Option<Arc<str>>,
    /// The values for the definition's parameters; their expressions see the initiative's parameters.
    pub(crate) parameters: Vec<(Arc<str>, Template)>,
    pub(crate) groups: Vec<Arc<str>>,
    /// The version of the definition it asks for.
    pub(crate) pin: Option<Pin>,
}

impl Initiative {
    /// Compiles a body. `None` when it is of no use; the author then holds the reason.
    pub(crate) fn compile(id: &ResourceId, body: &Value, author: &mut Author<'_>) -> Option<Self> {
        let properties = properties(body);
        let parameters = Parameter::compile_all(properties, author);
        let names: Vec<Arc<str>> = parameters.iter().map(|p| p.name.clone()).collect();
        author.parameters.clone_from(&names);
        if properties.get("policyDefinitions").is_none() {
            author.error("policy/missing-field", "an initiative needs `policyDefinitions`");
            return None;
        }
        let mut members: Vec<Member> = Vec::new();
        for (i, item) in author.list(properties, "policyDefinitions").iter().enumerate() {
            let Some(member) = author.within(&format!("policyDefinitions.{i}"), |author| member(item, author)) else {
                continue;
            };
            let twice = member.reference.as_ref().filter(|own| {
                members.iter().any(|m| m.reference.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(own)))
            });
            if let Some(reference) = twice {
                author.error(
                    "policy/duplicate-reference",
                    format!("the reference id `{reference}` stands for two members"),
                );
            }
            members.push(member);
        }
        (!author.has_errors()).then(|| Initiative { named: named(id, properties), parameters, names, members })
    }
}

fn member(item: &Value, author: &mut Author<'_>) -> Option<Member> {
    let Some(definition) = author.text(item, "policyDefinitionId") else {
        author.error("policy/missing-field", "a member needs `policyDefinitionId`");
        return None;
    };
    let reference = author.text(item, "policyDefinitionReferenceId");
    if reference.is_none() {
        // Azure makes one up; assignments, exemptions and messages then cannot name the member reliably.
        author.warning(
            "policy/missing-reference",
            format!("the member `{definition}` has no `policyDefinitionReferenceId`"),
        );
    }
    let mut parameters = Vec::new();
    for (name, given) in item.get("parameters").and_then(Value::as_object).into_iter().flat_map(|o| o.iter()) {
        let Some(value) = given.get("value") else {
            author.error("policy/missing-field", format!("parameter `{name}` needs `value`"));
            continue;
        };
        parameters.push((name.clone(), author.within(name, |author| Template::compile(value, author))));
    }
    Some(Member {
        definition: ResourceId::new(&definition),
        reference,
        parameters,
        groups: author.texts(item, "groupNames"),
        pin: author.text(item, "definitionVersion").and_then(|text| read_pin(&text, author)),
    })
}
