//! What an assignment really does: its definitions with the parameters they get, and their effects.

use std::sync::Arc;

use glidepath_arm::{Object, ResourceId, Value};

use crate::Library;
use crate::expression::value_of;
use crate::resolve::{Referenced, Target};

/// One definition under an assignment.
pub(crate) struct Constituent<'a> {
    /// The member's `policyDefinitionReferenceId`; `None` for a definition assigned directly.
    pub(crate) reference_id: Option<Arc<str>>,
    /// The body, `{properties: …}`.
    pub(crate) definition: &'a Value,
    /// The values its parameters get; parameters not here have their defaults.
    pub(crate) parameters: Object,
    /// An effect that an override of the assignment sets.
    pub(crate) effect_override: Option<Arc<str>>,
}

/// The definitions under an assignment, as far as they are known, with their parameters' values.
pub(crate) fn constituents<'a>(library: &'a Library, assignment: &Value) -> Vec<Constituent<'a>> {
    let Some(reference) = assignment.get("policyDefinitionId").and_then(Value::as_str) else { return Vec::new() };
    let (kind, target) = library.resolve(reference);
    let Some(body) = target.body() else { return Vec::new() };
    let given = values(assignment.get("parameters"));
    if kind == Some(Referenced::Definition) {
        let effect_override = override_of(assignment, None);
        return vec![Constituent { reference_id: None, definition: body, parameters: given, effect_override }];
    }
    let parameters = with_defaults(body, &given);
    let members = body.at(&["properties", "policyDefinitions"]).and_then(Value::as_array).unwrap_or_default();
    let mut found = Vec::new();
    for member in members {
        let Some(reference) = member.get("policyDefinitionId").and_then(Value::as_str) else { continue };
        let (_, target) = library.resolve(reference);
        let Some(definition) = Target::body(target) else { continue };
        let mut own = Object::new();
        for (name, value) in values(member.get("parameters")).iter() {
            own.insert(name.clone(), value_of(value, &parameters));
        }
        let reference_id = match member.get("policyDefinitionReferenceId") {
            Some(Value::String(id)) => Some(id.clone()),
            _ => None,
        };
        let effect_override = override_of(assignment, reference_id.as_deref());
        found.push(Constituent { reference_id, definition, parameters: own, effect_override });
    }
    found
}

/// `{p: {value: v}}` → `{p: v}`.
fn values(parameters: Option<&Value>) -> Object {
    let Some(parameters) = parameters.and_then(Value::as_object) else { return Object::new() };
    parameters.iter().filter_map(|(name, p)| p.get("value").map(|v| (name.clone(), v))).collect()
}

/// Values given, completed by the defaults that the definition or initiative declares.
pub(crate) fn with_defaults(body: &Value, given: &Object) -> Object {
    let mut all = given.clone();
    let declared = body.at(&["properties", "parameters"]).and_then(Value::as_object);
    for (name, declaration) in declared.into_iter().flat_map(Object::iter) {
        if let (None, Some(default)) = (given.get(name), declaration.get("defaultValue")) {
            all.insert(name.clone(), default);
        }
    }
    all
}

/// The effect an override of the assignment sets for a member; the last one that fits counts.
fn override_of(assignment: &Value, reference_id: Option<&str>) -> Option<Arc<str>> {
    let overrides = assignment.get("overrides").and_then(Value::as_array)?;
    let mut effect = None;
    for entry in overrides {
        let is_effect =
            entry.get("kind").and_then(Value::as_str).is_some_and(|k| k.eq_ignore_ascii_case("policyEffect"));
        let selectors = entry.get("selectors").and_then(Value::as_array).unwrap_or_default();
        if is_effect
            && selectors.iter().all(|s| selects(s, reference_id))
            && let Some(Value::String(value)) = entry.get("value")
        {
            effect = Some(value.clone());
        }
    }
    effect
}

fn selects(selector: &Value, reference_id: Option<&str>) -> bool {
    let by_member = selector
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|k| k.eq_ignore_ascii_case("policyDefinitionReferenceId"));
    if !by_member {
        // A selector by location holds for some resources: the effect may be the other one elsewhere.
        return false;
    }
    let lists = |field: &str| -> Option<bool> {
        let list = selector.get(field)?.as_array()?;
        Some(list.iter().any(|v| matches!((v.as_str(), reference_id), (Some(a), Some(b)) if a.eq_ignore_ascii_case(b))))
    };
    lists("in").unwrap_or(true) && !lists("notIn").unwrap_or(false)
}

/// The effect; `None` where it cannot be told.
pub(crate) fn effect_of(constituent: &Constituent<'_>) -> Option<Arc<str>> {
    if let Some(effect) = &constituent.effect_override {
        return Some(effect.clone());
    }
    let written = constituent.definition.at(&["properties", "policyRule", "then", "effect"])?;
    match value_of(written, &with_defaults(constituent.definition, &constituent.parameters)) {
        Value::String(effect) => Some(effect),
        _ => None,
    }
}

/// The role definitions that a constituent's identity needs: none where the effect is known to be one that deploys and
/// changes nothing.
pub(crate) fn roles_of(constituent: &Constituent<'_>) -> Vec<ResourceId> {
    let needs_none =
        |effect: Arc<str>| !["deployIfNotExists", "modify"].iter().any(|needs| effect.eq_ignore_ascii_case(needs));
    if effect_of(constituent).is_some_and(needs_none) {
        return Vec::new();
    }
    let ids = constituent.definition.at(&["properties", "policyRule", "then", "details", "roleDefinitionIds"]);
    let ids = ids.and_then(Value::as_array).unwrap_or_default();
    ids.iter()
        .filter_map(Value::as_str)
        .map(|id| {
            let guid = ResourceId::new(id).name().to_ascii_lowercase();
            ResourceId::new(&format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}"))
        })
        .collect()
}
