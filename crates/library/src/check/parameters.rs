//! Parameters: does every value have a place, and every place a value?

use glidepath_arm::{Object, Value};
use glidepath_source::{Finding, Place};

use crate::Library;
use crate::asset::{Asset, Name, key};
use crate::effects::{constituents, effect_of, roles_of};
use crate::expression::first_error;
use crate::resolve::Target;
use crate::shape::has_identity;

impl Library {
    /// The values that initiatives give to their members.
    pub(super) fn check_initiatives(&self, findings: &mut Vec<Finding>) {
        for asset in self.initiatives.values() {
            let members = asset.property("policyDefinitions").and_then(Value::as_array).unwrap_or_default();
            for (number, member) in members.iter().enumerate() {
                let Some(reference) = member.get("policyDefinitionId").and_then(Value::as_str) else { continue };
                let place = |parameter: Option<&str>| member_place(asset, number, parameter);
                let values = member.get("parameters").and_then(Value::as_object);
                check_expressions(asset, values, &place, findings);
                let Some(definition) = self.resolve(reference).1.body() else { continue };
                check_values(definition, values, reference, &place, &|_| false, findings);
            }
        }
    }

    /// The values that assignments give, and what the members' effects need of the assignment.
    pub(super) fn check_assignments(&self, findings: &mut Vec<Finding>) {
        for asset in self.assignments.values() {
            let Some(reference) = asset.property("policyDefinitionId").and_then(Value::as_str) else { continue };
            let Some(body) = self.resolve(reference).1.body() else { continue };
            let place = |parameter: Option<&str>| match parameter {
                Some(name) => asset.place_of(&["properties", "parameters", name]),
                None => asset.place_of(&["properties", "policyDefinitionId"]),
            };
            let values = asset.property("parameters").and_then(Value::as_object);
            let filled = |parameter: &str| self.is_filled_by_default(asset, parameter);
            check_values(body, values, reference, &place, &filled, findings);
            self.check_identity(asset, findings);
            check_messages(asset, body, findings);
        }
    }

    fn is_filled_by_default(&self, assignment: &Asset, parameter: &str) -> bool {
        let targets = self.defaults.values().flat_map(|d| &d.targets);
        targets
            .filter(|t| t.assignment.name.eq_ignore_ascii_case(&assignment.name.name))
            .any(|t| t.parameters.iter().any(|p| p.name.eq_ignore_ascii_case(parameter)))
    }

    fn check_identity(&self, asset: &Asset, findings: &mut Vec<Finding>) {
        let properties = asset.body.get("properties").cloned().unwrap_or(Value::Null);
        if has_identity(&asset.node) {
            return;
        }
        let needs =
            constituents(self, &properties).into_iter().find(|c| effect_of(c).is_some() && !roles_of(c).is_empty());
        if let Some(constituent) = needs {
            let member = constituent.reference_id.map(|id| format!("its member `{id}`"));
            let who = member.unwrap_or_else(|| "its definition".to_owned());
            let message = format!("`{}` has no identity, and {who} changes or deploys resources", asset.name.name);
            findings.push(
                Finding::error("library/missing-identity", message)
                    .at_place(Some(asset.name.place.clone()))
                    .why("Azure refuses an assignment of modify or deployIfNotExists without an identity")
                    .help("add `\"identity\": {\"type\": \"SystemAssigned\"}` and a `location`"),
            );
        }
    }

    /// Do the defaults fill parameters that exist, each of them once?
    pub(super) fn check_defaults(&self, findings: &mut Vec<Finding>) {
        let mut seen: Vec<(String, String, &Name)> = Vec::new();
        for default in self.defaults.values() {
            for target in &default.targets {
                let assignment = self.assignments.get(&key(&target.assignment.name));
                if assignment.is_none() {
                    let message = format!(
                        "default `{}` fills `{}`, which is no assignment here",
                        default.name.name, target.assignment.name
                    );
                    let finding = Finding::error("library/missing-assignment", message);
                    findings.push(
                        finding
                            .at_place(Some(target.assignment.place.clone()))
                            .help("correct the name, or remove the entry"),
                    );
                }
                let reference = assignment.and_then(|a| a.property("policyDefinitionId")).and_then(Value::as_str);
                let body = reference.and_then(|r| Target::body(self.resolve(r).1));
                for parameter in &target.parameters {
                    if body.is_some_and(|b| declared(b).and_then(|d| d.get(&parameter.name)).is_none()) {
                        let message = format!("`{}` has no parameter `{}`", target.assignment.name, parameter.name);
                        let finding = Finding::error("library/unknown-parameter", message);
                        findings.push(
                            finding
                                .at_place(Some(parameter.place.clone()))
                                .help("correct the name, or remove the entry"),
                        );
                    }
                    let pair = (key(&target.assignment.name), key(&parameter.name));
                    if let Some((_, _, first)) = seen.iter().find(|(a, p, _)| (a, p) == (&pair.0, &pair.1)) {
                        let message =
                            format!("`{}` of `{}` is filled by two defaults", parameter.name, target.assignment.name);
                        let finding = Finding::error("library/filled-twice", message)
                            .why(format!("the other stands at {}", first.place));
                        findings.push(finding.at_place(Some(parameter.place.clone())).help("keep one of them"));
                    } else {
                        seen.push((pair.0, pair.1, parameter));
                    }
                }
            }
        }
    }
}

fn declared(body: &Value) -> Option<&Object> {
    body.at(&["properties", "parameters"]).and_then(Value::as_object)
}

/// Compares values given with parameters declared; `filled` tells which others get a value elsewhere.
fn check_values(
    body: &Value,
    values: Option<&Object>,
    reference: &str,
    place: &dyn Fn(Option<&str>) -> Place,
    filled: &dyn Fn(&str) -> bool,
    findings: &mut Vec<Finding>,
) {
    let name = reference.rsplit('/').next().unwrap_or_default();
    let empty = Object::new();
    let (declared, values) = (declared(body).unwrap_or(&empty), values.unwrap_or(&empty));
    for (parameter, given) in values.iter() {
        let Some(declaration) = declared.get(parameter) else {
            let known: Vec<String> = declared.keys().map(|k| format!("`{k}`")).collect();
            let help = if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
            let finding =
                Finding::error("library/unknown-parameter", format!("`{name}` has no parameter `{parameter}`"));
            findings.push(finding.at_place(Some(place(Some(parameter)))).why("Azure refuses it").help(help));
            continue;
        };
        if let Some(value) = given.get("value") {
            check_value(parameter, value, declaration, || place(Some(parameter)), findings);
        }
    }
    for (parameter, declaration) in declared.iter() {
        if values.get(parameter).is_none() && declaration.get("defaultValue").is_none() && !filled(parameter) {
            let message = format!("`{name}` needs a value for its parameter `{parameter}`");
            let finding = Finding::error("library/missing-parameter", message).why("it has no default value");
            findings.push(
                finding
                    .at_place(Some(place(None)))
                    .help(format!("give `{parameter}` a value, or let a default value fill it")),
            );
        }
    }
}

/// Expressions must read, and use only parameters of the initiative.
fn check_expressions(
    asset: &Asset,
    values: Option<&Object>,
    place: &dyn Fn(Option<&str>) -> Place,
    findings: &mut Vec<Finding>,
) {
    let empty = Object::new();
    let declared = declared(&asset.body).unwrap_or(&empty);
    for (parameter, given) in values.into_iter().flat_map(Object::iter) {
        if let Some(error) = given.get("value").and_then(|value| first_error(value, declared)) {
            let message = format!("the value of `{parameter}` cannot be evaluated: {}", error.message);
            let finding = Finding::error("library/bad-expression", message).at_place(Some(place(Some(parameter))));
            findings.push(Finding { help: error.help, ..finding }.why("Azure refuses the initiative"));
        }
    }
}

/// Type and allowed values, where the value is no expression.
fn check_value(
    parameter: &str,
    value: &Value,
    declaration: &Value,
    place: impl Fn() -> Place,
    findings: &mut Vec<Finding>,
) {
    if value.as_str().is_some_and(|text| text.starts_with('[') || text.contains("${")) {
        return;
    }
    let kind = declaration.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let fits = match (kind.as_str(), value) {
        ("string" | "datetime", Value::String(_)) => true,
        ("boolean", Value::Bool(_)) => true,
        ("boolean", Value::String(text)) => text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false"),
        ("integer", Value::Int(_)) => true,
        ("float", Value::Int(_) | Value::Float(_)) => true,
        ("array", Value::Array(_)) | ("object", Value::Object(_)) => true,
        ("string" | "datetime" | "boolean" | "integer" | "float" | "array" | "object", _) => false,
        _ => true,
    };
    if !fits {
        let message = format!("`{parameter}` takes {kind}, not {}", value.kind());
        findings.push(
            Finding::error("library/wrong-parameter-type", message)
                .at_place(Some(place()))
                .help("write a value of that type"),
        );
        return;
    }
    let Some(allowed) = declaration.get("allowedValues").and_then(Value::as_array) else { return };
    let same = |a: &Value, b: &Value| match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    };
    let is_allowed = |value: &Value| allowed.iter().any(|a| same(a, value));
    let refused = match value {
        Value::Array(items) if kind == "array" => items.iter().find(|item| !is_allowed(item)),
        _ => (!is_allowed(value)).then_some(value),
    };
    if let Some(refused) = refused {
        let listed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let finding = Finding::error("library/value-not-allowed", format!("`{parameter}` does not allow {refused}"));
        findings.push(finding.at_place(Some(place())).help(format!("allowed are {}", listed.join(", "))));
    }
}

fn member_place(asset: &Asset, number: usize, parameter: Option<&str>) -> Place {
    let members =
        asset.node_at(&["properties", "policyDefinitions"]).map(glidepath_source::Node::items).unwrap_or_default();
    let member = members.get(number);
    let node = match parameter {
        Some(name) => member.and_then(|m| m.get("parameters")).and_then(|p| p.get(name)),
        None => member.and_then(|m| m.get("policyDefinitionId")),
    };
    node.map_or_else(|| asset.name.place.clone(), |n| Place::new(asset.text(), n.span))
}

/// Messages and overrides that name a member must name one that is there.
fn check_messages(asset: &Asset, body: &Value, findings: &mut Vec<Finding>) {
    let Some(members) = body.at(&["properties", "policyDefinitions"]).and_then(Value::as_array) else { return };
    let messages =
        asset.node_at(&["properties", "nonComplianceMessages"]).map(glidepath_source::Node::items).unwrap_or_default();
    for node in messages.iter().filter_map(|m| m.get("policyDefinitionReferenceId")) {
        let Some(id) = node.as_str() else { continue };
        let is = |m: &Value| {
            m.get("policyDefinitionReferenceId").and_then(Value::as_str).is_some_and(|r| r.eq_ignore_ascii_case(id))
        };
        if !members.iter().any(is) {
            let finding = Finding::error("library/unknown-member", format!("the initiative has no member `{id}`"));
            findings.push(
                finding.at(asset.text(), node.span).help("name a `policyDefinitionReferenceId` of the initiative"),
            );
        }
    }
}
