//! One definition or rule alone, held against one resource: no assignment, no scope, no exemption.

use std::sync::Arc;

use glidepath_arm::expression::EvalError;
use glidepath_arm::{Object, ResourceId, Value};
use glidepath_source::{Finding, Severity};

use crate::author::Author;
use crate::capability::is_evaluated;
use crate::definition::{Definition, NamedEffect, parse_effect, properties};
use crate::details::Existence;
use crate::existence::query;
use crate::field::Fields;
use crate::frame::{Frame, Log, PolicyIds, Surroundings};
use crate::operator::Truth;
use crate::parameter::fill;
use crate::subject::{Given, Subject};
use crate::{Aliases, Effect, EvaluatedExpression, Mode, Semantics};

/// A definition or rule, compiled.
#[derive(Debug, Clone)]
pub struct Policy {
    definition: Definition,
    fields: Fields,
    /// A rule alone has no mode.
    has_mode: bool,
}

/// What the rule is held against.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The whole resource: `id`, `name`, `type`, `location`, `tags`, `kind`, `properties`, … whatever of it there is.
    pub resource: &'a Value,
    /// The api-version of the request.
    pub api_version: &'a str,
    /// The alias catalogue.
    pub aliases: &'a Aliases,
    /// No aliases at all: fields are paths from the root of the resource, whatever their casing.
    pub raw: bool,
    /// Name → value, or name → `{value}`.
    pub parameters: &'a Object,
    /// `subscription()`; null: not known.
    pub subscription: &'a Value,
    /// `resourceGroup()`; null: not known.
    pub resource_group: &'a Value,
    /// `requestContext().identity`; null: not known.
    pub identity: &'a Value,
    /// `policy()`; null: not known.
    pub policy: &'a Value,
    /// The resources that exist, whole like `resource`, for auditIfNotExists and deployIfNotExists.
    pub related: &'a [Value],
    /// Seconds since 1970.
    pub now: i64,
    /// How disputed passages are read.
    pub semantics: Semantics,
}

/// What a policy alone says of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Single {
    /// The effect in the casing of the policy. `None`: the rule is not met, or nobody can tell (a finding says why).
    pub effect: Option<String>,
    /// The `details` of the effect, their expressions evaluated; null where there are none.
    pub details: Value,
    /// The conditions looked at.
    pub trace: Vec<EvaluatedExpression>,
    /// What is wrong, or not known.
    pub findings: Vec<Finding>,
}

impl Policy {
    /// Compiles a definition (`{properties: {policyRule, …}}`, `{policyRule, …}`) or a rule (`{if, then}`). The parameters of
    /// a rule, which declares none, are those that are given.
    pub fn compile(body: &Value, given: &Object) -> (Option<Self>, Vec<Finding>) {
        let inner = properties(body);
        let is_rule = inner.get("policyRule").is_none();
        let declared;
        let body = if is_rule && inner.get("if").is_some() && inner.get("parameters").is_none() {
            let parameters = given.iter().map(|(name, value)| {
                let declaration = Value::object([("type", Value::from(type_of(plain(value, true))))]);
                (name.clone(), declaration)
            });
            declared = Value::object([("policyRule", inner.clone()), ("parameters", Value::object(parameters))]);
            &declared
        } else {
            body
        };
        let id = ResourceId::new("/providers/Microsoft.Authorization/policyDefinitions/policy");
        let mut fields = Fields::default();
        let mut author = Author::new("policy", &mut fields);
        let definition = Definition::compile(&id, body, &mut author);
        let findings = author.finish();
        (definition.map(|definition| Self { definition, fields, has_mode: !is_rule }), findings)
    }

    /// Holds the policy against a resource.
    pub fn judge(&self, facts: &Facts<'_>) -> Single {
        let mut single = Single { effect: None, details: Value::Null, trace: Vec::new(), findings: Vec::new() };
        let definition = &self.definition;
        let given = facts.parameters.iter().map(|(name, value)| {
            let declared = definition.parameters.iter().find(|p| p.name.eq_ignore_ascii_case(name));
            (name.clone(), plain(value, declared.is_none_or(|p| !p.is_object())).clone())
        });
        let given: Object = given.collect();
        let values = fill(&definition.parameters, &given, &mut |misfit| {
            let finding = if misfit.mild || misfit.code == "policy/unknown-parameter" {
                Finding::warning(misfit.code, misfit.message)
            } else {
                Finding::error(misfit.code, misfit.message)
            };
            single.findings.push(finding);
        });
        let stands = Standing::of(facts.resource, facts.raw);
        let subject =
            Subject::alone(&stands.id, facts.resource, facts.api_version, facts.aliases, stands.given.clone());
        if !self.looks_at(&subject, facts, &mut single) {
            return single;
        }
        let around = Surroundings {
            api_version: facts.api_version,
            subscription: facts.subscription,
            resource_group: facts.resource_group,
            now: facts.now,
            fields: &self.fields,
            identity: facts.identity,
            policy: Some(facts.policy),
            semantics: facts.semantics,
        };
        let ids =
            PolicyIds { assignment: &stands.id, definition: &definition.named.id, initiative: None, reference: None };
        let frame = Frame::new(&subject, &around, &definition.names, &values, ids);
        if let Err(error) = self.ask(&frame, facts, &mut single) {
            single.details = Value::Null;
            single.effect = facts.semantics.failure_denies.then(|| Effect::Deny.name().to_owned());
            let mut finding =
                Finding::error("policy/evaluation-failed", format!("the rule cannot be evaluated: {}", error.message));
            finding.why =
                Some("Azure refuses requests that a rule fails on, even where its effect is `audit`".to_owned());
            finding.help = error.help;
            single.findings.push(finding);
        }
        single
    }

    fn looks_at(&self, subject: &Subject<'_>, facts: &Facts<'_>, single: &mut Single) -> bool {
        let counts = facts.semantics.mode_counts && self.has_mode && !facts.raw && !subject.key.is_empty();
        match &self.definition.mode {
            Mode::Provider(mode) if counts => {
                single.findings.push(
                    Finding::warning("policy/provider-mode", format!("mode `{mode}` is not evaluated here"))
                        .why("the resource provider evaluates it, not Azure Resource Manager"),
                );
                false
            }
            _ if !counts => true,
            _ if !is_evaluated(&subject.key) => {
                let message = format!("Azure Policy does not look at `{}`", subject.kind);
                single.findings.push(Finding::note("policy/type-not-evaluated", message));
                false
            }
            Mode::Indexed if !subject.is_indexed() => {
                let message =
                    format!("mode `indexed` does not look at `{}`: it has no tags and location", subject.kind);
                single.findings.push(Finding::note("policy/type-not-indexed", message));
                false
            }
            _ => true,
        }
    }

    fn ask(&self, frame: &Frame<'_>, facts: &Facts<'_>, single: &mut Single) -> Result<(), EvalError> {
        let definition = &self.definition;
        // What switches a policy off is looked at before its rule; an effect that fails counts only where the rule is met.
        let effect = definition.effect.evaluate(frame);
        if let Ok(Value::String(name)) = &effect
            && parse_effect(name).is_some_and(|e| e.effect == Effect::Disabled)
        {
            return Ok(());
        }
        frame.start_log();
        let truth = frame.test(&definition.condition);
        let Log { expressions, unknowns } = frame.take_log();
        single.trace = expressions;
        match truth? {
            Truth::False => return Ok(()),
            Truth::Unknown => {
                depends(&unknowns, single);
                return Ok(());
            }
            Truth::True => {}
        }
        let effect = match effect? {
            Value::String(name) => match parse_effect(&name) {
                Some(effect) => effect,
                None if matches!(definition.mode, Mode::Provider(_)) => {
                    NamedEffect { written: name, ..NamedEffect::implied(Effect::Provider) }
                }
                None => return Err(EvalError::new("policy/unknown-effect", format!("there is no effect `{name}`"))),
            },
            unknown @ Value::Unknown(_) => {
                depends(&[format!("effect: {unknown}")], single);
                return Ok(());
            }
            other => return Err(EvalError::new("policy/unknown-effect", format!("there is no effect `{other}`"))),
        };
        if matches!(effect.effect, Effect::AuditIfNotExists | Effect::DeployIfNotExists) {
            let Some(existence) = &definition.details.existence else {
                return Err(EvalError::new("policy/missing-field", "`details` needs `type` for this effect"));
            };
            match exists(existence, frame, facts)? {
                Truth::True => return Ok(()),
                Truth::Unknown => {
                    depends(&["the related resources".to_owned()], single);
                    return Ok(());
                }
                Truth::False => {}
            }
        }
        if effect.effect == Effect::Modify
            && let Some(name) = definition.details.fixed_in_place(frame.subject)
        {
            single.findings.push(
                Finding::error("policy/not-modifiable", format!("`{name}` cannot be modified at any api-version"))
                    .why("Azure refuses definitions whose operations name such an alias")
                    .help("deny what is wrong instead, or modify another property"),
            );
            return Ok(());
        }
        single.details = definition.details.whole(effect.effect, frame);
        single.effect = Some(effect.written.to_string());
        Ok(())
    }
}

fn depends(reasons: &[String], single: &mut Single) {
    single.findings.push(
        Finding::warning("policy/depends-on", format!("whether the rule is met depends on: {}", reasons.join("; ")))
            .help("give what is missing as `parameters` or `context`"),
    );
}

/// Is there a related resource that satisfies? Those without id, type or name are taken at their word.
fn exists(existence: &Existence, frame: &Frame<'_>, facts: &Facts<'_>) -> Result<Truth, EvalError> {
    let Ok(query) = query(existence, frame)? else { return Ok(Truth::Unknown) };
    let text = |resource: &Value, key: &str| resource.get(key).and_then(Value::as_str).map(str::to_owned);
    let placed = text(facts.resource, "id").is_some();
    let mut sum = Truth::False;
    for resource in facts.related {
        let stands = Standing::of(resource, facts.raw);
        let kind = stands.given.kind.as_ref().and_then(Value::as_str).unwrap_or(&query.resource_type);
        if !kind.eq_ignore_ascii_case(&query.resource_type) {
            continue;
        }
        let elsewhere = placed && text(resource, "id").is_some() && !stands.id.is_within(&query.scope);
        let named = query.name.as_deref().is_none_or(|wanted| match text(resource, "name") {
            Some(own) => fits(&own, wanted),
            None => text(resource, "id").is_none() || crate::existence::is_named(&stands.id, wanted),
        });
        if elsewhere || !named {
            continue;
        }
        let Some(condition) = &existence.condition else { return Ok(Truth::True) };
        let subject = Subject::alone(&stands.id, resource, facts.api_version, facts.aliases, stands.given.clone());
        match frame.looking_at(&subject).test(condition)? {
            Truth::True => return Ok(Truth::True),
            Truth::Unknown => sum = Truth::Unknown,
            Truth::False => {}
        }
    }
    Ok(sum)
}

/// `a/b` and `b` name the same child; `?` stands for any part.
fn fits(own: &str, wanted: &str) -> bool {
    own.rsplit('/').zip(wanted.rsplit('/')).all(|(own, wanted)| wanted == "?" || own.eq_ignore_ascii_case(wanted))
}

/// A resource's names, as far as it has them.
struct Standing {
    id: ResourceId,
    given: Given,
}

impl Standing {
    fn of(resource: &Value, raw: bool) -> Self {
        let part = |key: &str| resource.get(key).filter(|v| !v.is_null()).cloned();
        let (id, name, kind) = (part("id"), part("name"), part("type"));
        let mut given = Given { id: id.clone(), raw, ..Given::default() };
        let place = match id.as_ref().and_then(Value::as_str) {
            Some(id) => ResourceId::new(id),
            None => place(kind.as_ref().and_then(Value::as_str), name.as_ref().and_then(Value::as_str)),
        };
        let told = id.is_some() && place.resource_type().is_some();
        given.kind = kind.or_else(|| place.resource_type().filter(|_| told).map(|t| t.as_str().into()));
        if given
            .kind
            .as_ref()
            .and_then(Value::as_str)
            .is_some_and(|k| k.eq_ignore_ascii_case("Microsoft.Resources/resourceGroups"))
        {
            given.kind = Some("Microsoft.Resources/subscriptions/resourceGroups".into());
        }
        given.full_name = part("fullName").or_else(|| told.then(|| place.full_name().into())).or_else(|| name.clone());
        given.name = name.or_else(|| told.then(|| place.name().into()));
        Self { id: place, given }
    }
}

/// A place for a resource that tells none: related resources are looked for around it.
fn place(kind: Option<&str>, name: Option<&str>) -> ResourceId {
    let group = ResourceId::resource_group("00000000-0000-0000-0000-000000000000", "rg");
    let placed = kind.zip(name).and_then(|(kind, name)| group.provider_child(kind, name));
    placed.unwrap_or(group)
}

/// `{value: x}` is `x`, where it can be nothing else.
fn plain(value: &Value, may_be_wrapped: bool) -> &Value {
    match value.as_object() {
        Some(object) if may_be_wrapped && object.len() == 1 => object.get("value").unwrap_or(value),
        _ => value,
    }
}

fn type_of(value: &Value) -> Arc<str> {
    match value {
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
        Value::Bool(_) => "Boolean",
        Value::Int(_) => "Integer",
        Value::Float(_) => "Float",
        _ => "String",
    }
    .into()
}

impl Single {
    /// Is something wrong with the policy or its evaluation?
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }
}
