//! Policy definitions, compiled.

use std::sync::Arc;

use glidepath_arm::{ResourceId, Value};

use crate::author::Author;
use crate::details::Details;
use crate::limits;
use crate::mention::Mentions;
use crate::parameter::Parameter;
use crate::rule::Condition;
use crate::template::Template;
use crate::{Effect, Mode, Named};

/// A definition, ready to judge.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) named: Named,
    pub(crate) category: Option<Arc<str>>,
    pub(crate) mode: Mode,
    pub(crate) parameters: Vec<Parameter>,
    /// The names of the parameters, in the same order.
    pub(crate) names: Vec<Arc<str>>,
    pub(crate) condition: Condition,
    pub(crate) effect: Template,
    pub(crate) details: Details,
    /// What its rule speaks of.
    pub(crate) mentions: Mentions,
}

/// An effect as a rule names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedEffect {
    pub(crate) effect: Effect,
    /// As written.
    pub(crate) written: Arc<str>,
    /// It answers a DELETE instead of a write (`denyAction`, `auditAction`).
    pub(crate) on_delete: bool,
}

/// Reads the name of an effect, in any casing. `None`: Azure has no such effect.
///
/// Source: MicrosoftDocs/azure-docs, policy/concepts/effect-basics; `auditAction` and the effects of resource-provider
/// modes from the built-in definitions.
pub(crate) fn parse_effect(name: &str) -> Option<NamedEffect> {
    let of = |effect, on_delete| Some(NamedEffect { effect, written: name.into(), on_delete });
    let write = |effect| of(effect, false);
    match name.to_ascii_lowercase().as_str() {
        "disabled" => write(Effect::Disabled),
        "manual" => write(Effect::Manual),
        "auditifnotexists" => write(Effect::AuditIfNotExists),
        "deployifnotexists" => write(Effect::DeployIfNotExists),
        "audit" => write(Effect::Audit),
        "append" => write(Effect::Append),
        "modify" => write(Effect::Modify),
        "deny" => write(Effect::Deny),
        "denyaction" => of(Effect::DenyAction, true),
        "auditaction" => of(Effect::Audit, true),
        "mutate" | "addtonetworkgroup" | "enforceregopolicy" | "enforceopaconstraint" | "enforcesetting" => {
            write(Effect::Provider)
        }
        _ => None,
    }
}

impl NamedEffect {
    /// An effect that no policy wrote down.
    pub(crate) fn implied(effect: Effect) -> Self {
        Self { effect, written: effect.name().into(), on_delete: false }
    }
}

/// Reads a mode; absent or null is `indexed`.
pub(crate) fn parse_mode(name: Option<&str>) -> Mode {
    match name {
        None => Mode::Indexed,
        Some(name) if name.eq_ignore_ascii_case("indexed") || name.is_empty() => Mode::Indexed,
        Some(name) if name.eq_ignore_ascii_case("all") => Mode::All,
        Some(name) => Mode::Provider(name.to_owned()),
    }
}

/// The `properties` of an asset, whether it is wrapped or bare.
pub(crate) fn properties(body: &Value) -> &Value {
    body.get("properties").filter(|p| p.as_object().is_some()).unwrap_or(body)
}

/// The names an asset goes by.
pub(crate) fn named(id: &ResourceId, properties: &Value) -> Named {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Named {
        id: id.clone(),
        name: id.name().to_owned(),
        display_name: text(properties.get("displayName")),
        version: text(properties.get("version")).or_else(|| text(properties.at(&["metadata", "version"]))),
    }
}

impl Definition {
    /// Compiles a body: `{properties: {…}}`, `{policyRule, parameters, mode}` or a rule alone, `{if, then}`. `None` when it
    /// is of no use; the author then holds the reason.
    pub(crate) fn compile(id: &ResourceId, body: &Value, author: &mut Author<'_>) -> Option<Self> {
        let properties = properties(body);
        let rule = match properties.get("policyRule") {
            Some(rule) => rule,
            None if properties.get("if").is_some() => properties,
            None => {
                author.error("policy/missing-field", "a definition needs `policyRule`");
                return None;
            }
        };
        let parameters = Parameter::compile_all(properties, author);
        let names: Vec<Arc<str>> = parameters.iter().map(|p| p.name.clone()).collect();
        author.parameters.clone_from(&names);
        let mode = parse_mode(author.text(properties, "mode").as_deref());
        author
            .within("policyRule", |author| {
                let condition = match rule.get("if") {
                    Some(condition) => author.within("if", |author| Condition::compile(condition, author)),
                    None => {
                        author.error("policy/missing-field", "a rule needs `if`");
                        return None;
                    }
                };
                let Some(then) = rule.get("then") else {
                    author.error("policy/missing-field", "a rule needs `then`");
                    return None;
                };
                author.within("then", |author| {
                    let Some(effect) = then.get("effect") else {
                        author.error("policy/missing-field", "`then` needs `effect`");
                        return None;
                    };
                    let effect = Template::compile(effect, author);
                    check_effect(&effect, &mode, &parameters, author);
                    let details = author.within("details", |author| {
                        Details::compile(then.get("details").unwrap_or(&Value::Null), author)
                    });
                    let existence = details.existence.as_ref().and_then(|e| e.condition.as_ref());
                    limits::check(&condition, existence, author);
                    Some(Definition {
                        named: named(id, properties),
                        category: author.text(properties.get("metadata").unwrap_or(&Value::Null), "category"),
                        mode,
                        parameters,
                        names,
                        mentions: Mentions::of(&condition),
                        condition,
                        effect,
                        details,
                    })
                })
            })
            .filter(|_| !author.has_errors())
    }
}

/// Every effect that the rule can come to must be one.
fn check_effect(effect: &Template, mode: &Mode, parameters: &[Parameter], author: &mut Author<'_>) {
    let mut names: Vec<&Value> = Vec::new();
    match effect {
        Template::Literal(name) => names.push(name),
        Template::Parameter(slot) => {
            if let Some(parameter) = parameters.get(*slot) {
                names.extend(parameter.default.iter());
                names.extend(parameter.allowed.iter().flat_map(|allowed| allowed.iter()));
            }
        }
        _ => {}
    }
    for name in names {
        let known = match name {
            Value::String(text) => parse_effect(text).is_some() || matches!(mode, Mode::Provider(_)),
            other => other.is_unknown(),
        };
        if !known {
            author.error("policy/unknown-effect", format!("there is no effect `{}`", plain(name)));
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
