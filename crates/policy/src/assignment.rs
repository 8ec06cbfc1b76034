//! Assignments, read.

use std::sync::Arc;

use glidepath_arm::{Object, ResourceId, Value};

use crate::author::Author;
use crate::definition::{NamedEffect, named, parse_effect, properties};
use crate::subject::{Subject, location};
use crate::version::Pin;
use crate::{EnforcementMode, Named};

/// A definition or initiative given to a scope.
#[derive(Debug, Clone)]
pub(crate) struct Assignment {
    pub(crate) named: Named,
    pub(crate) scope: ResourceId,
    /// The definition or initiative.
    pub(crate) target: ResourceId,
    pub(crate) enforcement: EnforcementMode,
    pub(crate) not_scopes: Vec<ResourceId>,
    /// Name → value.
    pub(crate) parameters: Object,
    /// Which resources it looks at; empty for all. One selector that fits is enough.
    pub(crate) selectors: Vec<Vec<Selector>>,
    pub(crate) overrides: Vec<Override>,
    /// The version of the definition or initiative that is asked for.
    pub(crate) pin: Option<Pin>,
    /// The versions of members that are asked for, with the selectors of these members; later ones win.
    pub(crate) pins: Vec<(Pin, Vec<Selector>)>,
    messages: Vec<(Option<Arc<str>>, Arc<str>)>,
}

/// Another effect for some members or places.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    pub(crate) effect: NamedEffect,
    pub(crate) selectors: Vec<Selector>,
}

/// A condition of a resource selector or override.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selector {
    kind: SelectorKind,
    /// In lower case.
    values: Vec<String>,
    /// `in`, else `notIn`.
    inside: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SelectorKind {
    Location,
    Type,
    WithoutLocation,
    Reference,
}

impl Selector {
    fn read(body: &Value, author: &mut Author<'_>) -> Option<Self> {
        let name = author.text(body, "kind").unwrap_or_else(|| "".into());
        let kind = match name.to_ascii_lowercase().as_str() {
            "resourcelocation" => SelectorKind::Location,
            "resourcetype" => SelectorKind::Type,
            "resourcewithoutlocation" => SelectorKind::WithoutLocation,
            "policydefinitionreferenceid" => SelectorKind::Reference,
            _ => {
                author.warning("policy/unknown-selector", format!("the selector `{name}` is not looked at"));
                return None;
            }
        };
        let (inside, key) = if body.get("in").is_some() { (true, "in") } else { (false, "notIn") };
        let mut values: Vec<String> = author.texts(body, key).iter().map(|v| v.to_ascii_lowercase()).collect();
        if kind == SelectorKind::Location {
            values.iter_mut().for_each(|v| v.retain(|c| c != ' '));
        }
        Some(Self { kind, values, inside })
    }

    /// Is it about members of an initiative?
    pub(crate) fn is_reference(&self) -> bool {
        self.kind == SelectorKind::Reference
    }

    /// Does it fit a member?
    pub(crate) fn takes_reference(&self, reference: Option<&str>) -> bool {
        let reference = reference.unwrap_or_default().to_ascii_lowercase();
        self.values.contains(&reference) == self.inside
    }

    /// Does it fit a resource? Selectors of members fit all.
    pub(crate) fn takes(&self, subject: &Subject<'_>) -> bool {
        let at = || subject.body.get("location").map(location).and_then(|l| l.as_str().map(str::to_owned));
        match self.kind {
            SelectorKind::Reference => true,
            SelectorKind::Type => self.values.contains(&subject.key) == self.inside,
            SelectorKind::Location => at().is_some_and(|at| self.values.contains(&at) == self.inside),
            SelectorKind::WithoutLocation => {
                let none = at().is_none();
                if self.inside { none } else { !none }
            }
        }
    }
}

pub(crate) fn selectors(body: &Value, author: &mut Author<'_>) -> Vec<Selector> {
    author.list(body, "selectors").iter().filter_map(|s| Selector::read(s, author)).collect()
}

impl Assignment {
    /// Reads a body. `None` when it is of no use; the author then holds the reason.
    pub(crate) fn read(id: &ResourceId, body: &Value, author: &mut Author<'_>) -> Option<Self> {
        let properties = properties(body);
        let Some(scope) = id.parent() else {
            author.error("policy/bad-id", "an assignment's id begins with its scope");
            return None;
        };
        let Some(target) = author.text(properties, "policyDefinitionId") else {
            author.error("policy/missing-field", "an assignment needs `policyDefinitionId`");
            return None;
        };
        let mode = author.text(properties, "enforcementMode");
        let enforcement = match mode.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "default") => EnforcementMode::Default,
            Some("donotenforce") => EnforcementMode::DoNotEnforce,
            Some("enroll") => EnforcementMode::Enroll,
            Some(other) => {
                author.error("policy/unknown-enforcement-mode", format!("there is no enforcement mode `{other}`"));
                EnforcementMode::Default
            }
        };
        let mut parameters = Object::new();
        for (name, given) in properties.get("parameters").and_then(Value::as_object).into_iter().flat_map(|o| o.iter())
        {
            match given.get("value") {
                Some(value) => parameters.insert(name.clone(), value),
                None if given.is_unknown() => parameters.insert(name.clone(), given),
                None => author.error("policy/missing-field", format!("parameter `{name}` needs `value`")),
            }
        }
        let mut messages = Vec::new();
        for item in author.list(properties, "nonComplianceMessages") {
            match author.text(item, "message") {
                Some(message) => messages.push((author.text(item, "policyDefinitionReferenceId"), message)),
                None => author.error("policy/missing-field", "a non-compliance message needs `message`"),
            }
        }
        let not_scopes = author.texts(properties, "notScopes").iter().map(|s| ResourceId::new(s)).collect();
        let resource_selectors =
            author.list(properties, "resourceSelectors").iter().map(|s| selectors(s, author)).collect();
        let (mut overrides, mut pins) = (Vec::new(), Vec::new());
        for item in author.list(properties, "overrides") {
            match read_override(item, author) {
                Some(Overriding::Effect(own)) => overrides.push(own),
                Some(Overriding::Version(pin, selectors)) => pins.push((pin, selectors)),
                None => {}
            }
        }
        let mut named = named(id, properties);
        named.version = author.text(properties, "definitionVersion").map(|v| v.to_string());
        let pin = named.version.as_deref().and_then(|text| read_pin(text, author));
        (!author.has_errors()).then(|| Assignment {
            named,
            scope,
            target: ResourceId::new(&target),
            enforcement,
            not_scopes,
            parameters,
            selectors: resource_selectors,
            overrides,
            pin,
            pins,
            messages,
        })
    }

    /// The non-compliance message for a member: its own, else the one for all. Its placeholder is filled as the ALZ tools
    /// do: `must` where the assignment bites, else `should`.
    pub(crate) fn message(&self, reference: Option<&str>) -> Option<Arc<str>> {
        let own = self.messages.iter().find(|(of, _)| match (of, reference) {
            (Some(of), Some(reference)) => of.eq_ignore_ascii_case(reference),
            _ => false,
        });
        let (_, message) = own.or_else(|| self.messages.iter().find(|(of, _)| of.is_none()))?;
        let word = if self.enforcement == EnforcementMode::Default { "must" } else { "should" };
        Some(if message.contains("{enforcementMode}") {
            message.replace("{enforcementMode}", word).into()
        } else {
            message.clone()
        })
    }
}

enum Overriding {
    Effect(Override),
    Version(Pin, Vec<Selector>),
}

fn read_override(body: &Value, author: &mut Author<'_>) -> Option<Overriding> {
    let kind = author.text(body, "kind").unwrap_or_else(|| "".into());
    let value = author.text(body, "value").unwrap_or_else(|| "".into());
    match kind.to_ascii_lowercase().as_str() {
        "policyeffect" => match parse_effect(&value) {
            Some(effect) => Some(Overriding::Effect(Override { effect, selectors: selectors(body, author) })),
            None => {
                author.error("policy/unknown-effect", format!("there is no effect `{value}`"));
                None
            }
        },
        // The page says `policyVersion`, the types `definitionVersion`.
        "definitionversion" | "policyversion" => {
            let selectors = selectors(body, author);
            if !selectors.iter().all(Selector::is_reference) {
                author.warning(
                    "policy/override-not-evaluated",
                    "a version for some locations or types only is not evaluated: the override is left out",
                );
                return None;
            }
            Some(Overriding::Version(read_pin(&value, author)?, selectors))
        }
        _ => {
            author.warning("policy/unknown-override", format!("the override of `{kind}` is not looked at"));
            None
        }
    }
}

/// A version that is asked for; what is none is told.
pub(crate) fn read_pin(text: &str, author: &mut Author<'_>) -> Option<Pin> {
    let pin = Pin::parse(text);
    if pin.is_none() {
        author.warning("policy/bad-version", format!("`{text}` is no version such as `1.*.*`: the newest is taken"));
    }
    pin
}

/// Does one of the selectors fit in all its parts? None at all fit everything.
pub(crate) fn selected(selectors: &[Vec<Selector>], subject: &Subject<'_>) -> bool {
    selectors.is_empty() || selectors.iter().any(|parts| parts.iter().all(|part| part.takes(subject)))
}
