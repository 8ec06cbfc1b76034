//! What is in force at a scope, policy by policy.

use std::collections::BTreeSet;

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_estate::Hierarchy;
use serde::Serialize;

use crate::bind::{BoundEffect, Instance};
use crate::definition::parse_effect;
use crate::details::Details;
use crate::rule::{Condition, FieldName, Left, Over};
use crate::{Effect, EnforcementMode, Engine, Mode, Named};

/// One policy in force: an assigned definition, or a member of an assigned initiative.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effective {
    /// The assignment.
    pub assignment: Named,
    /// Where it is assigned.
    pub assignment_scope: ResourceId,
    /// Does it bite?
    pub enforcement_mode: EnforcementMode,
    /// The initiative, if it assigns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiative: Option<Named>,
    /// The member's reference id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// The definition.
    pub definition: Named,
    /// Its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Which resources it looks at.
    pub mode: Mode,
    /// Its effect. `None`: it depends on the resource, or is none.
    pub effect: Option<Effect>,
    /// Overrides give some resources another effect.
    pub has_overrides: bool,
    /// The values of its parameters.
    pub parameters: Object,
    /// The types it can look at, lower case, `*` for any text; empty for all.
    pub types: Vec<String>,
    /// The fields its rule, existence condition and operations name, in lower case.
    pub fields: BTreeSet<String>,
}

impl Effective {
    /// Can it make a difference to resources of this type (lower case)?
    pub fn looks_at(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|own| crate::operator::wildcard(kind, own))
    }

    /// Is it enforced, and does it do anything?
    pub fn is_enforced(&self) -> bool {
        self.enforcement_mode == EnforcementMode::Default
            && !matches!(self.effect, Some(Effect::Disabled | Effect::Manual) | None)
    }
}

impl Engine {
    /// Every policy in force at a scope, outermost assignment first, members in the order of their initiative.
    pub fn effective(&self, scope: &ResourceId, hierarchy: &Hierarchy) -> Vec<Effective> {
        let mut all = Vec::new();
        for entry in self.entries_at(scope, &hierarchy.scopes_of(scope)) {
            let bound = self.bound(entry);
            for instance in &bound.instances {
                let definition = &instance.definition;
                all.push(Effective {
                    assignment: entry.assignment.named.clone(),
                    assignment_scope: entry.assignment.scope.clone(),
                    enforcement_mode: entry.assignment.enforcement,
                    initiative: bound.initiative.as_ref().map(|i| i.named.clone()),
                    reference_id: instance.reference.as_deref().map(str::to_owned),
                    definition: definition.named.clone(),
                    category: definition.category.as_deref().map(str::to_owned),
                    mode: definition.mode.clone(),
                    effect: effect(instance),
                    has_overrides: !instance.overrides.is_empty(),
                    parameters: parameters(instance),
                    types: instance.types(),
                    fields: fields(instance),
                });
            }
        }
        all
    }
}

fn effect(instance: &Instance) -> Option<Effect> {
    match &instance.effect {
        BoundEffect::Known(named) => Some(named.effect),
        BoundEffect::Bad(name) => parse_effect(name).map(|e| e.effect),
        BoundEffect::Computed | BoundEffect::Unknown(_) => None,
    }
}

fn parameters(instance: &Instance) -> Object {
    let names = instance.definition.names.iter().cloned();
    names.zip(instance.values.iter().cloned()).collect()
}

fn fields(instance: &Instance) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    let definition = &instance.definition;
    of_condition(&definition.condition, &mut fields);
    of_details(&definition.details, &mut fields);
    fields
}

fn of_condition(condition: &Condition, fields: &mut BTreeSet<String>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| of_condition(part, fields)),
        Condition::Not(part) => of_condition(part, fields),
        Condition::Test(test) => match &test.left {
            Left::Field(name) => of_name(name, fields),
            Left::Count(count) => {
                if let Over::Field(name) = &count.over {
                    of_name(name, fields);
                }
                if let Some(filter) = &count.filter {
                    of_condition(filter, fields);
                }
            }
            Left::Value(template) => {
                // `field('x')` in an expression: the names that stand in it.
                let text = template.text(&[]);
                let calls = text.split("field('").skip(1).filter_map(|rest| rest.split('\'').next());
                fields.extend(calls.map(str::to_ascii_lowercase));
            }
        },
    }
}

fn of_details(details: &Details, fields: &mut BTreeSet<String>) {
    details.append.iter().for_each(|(name, _)| of_name(name, fields));
    details.operations.iter().for_each(|operation| of_name(&operation.field, fields));
    if let Some(condition) = details.existence.as_ref().and_then(|e| e.condition.as_ref()) {
        of_condition(condition, fields);
    }
}

fn of_name(name: &FieldName, fields: &mut BTreeSet<String>) {
    if let FieldName::Fixed(field) = name {
        fields.insert(field.key.clone());
    }
}

/// Values as one line, `effect=Deny, listOfAllowedLocations=["westeurope"]`.
pub fn parameters_in_words(parameters: &Object) -> String {
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let each = parameters.iter().map(|(name, value)| format!("{name}={}", word(value)));
    each.collect::<Vec<_>>().join(", ")
}
