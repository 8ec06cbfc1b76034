//! An assignment with everything it names: the policy instances it puts in force.

use std::sync::Arc;

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_source::Finding;
use rustc_hash::FxHashMap;

use crate::assignment::{Assignment, Override};
use crate::definition::{Definition, NamedEffect, parse_effect};
use crate::frame::ParametersOnly;
use crate::initiative::{Initiative, Member};
use crate::parameter::{Misfit, fill};
use crate::reach::{Reach, TypePattern};
use crate::version::{Pin, Version, choose};
use crate::{Effect, Mode, Named};

/// What an assignment comes to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bound {
    pub(crate) initiative: Option<Arc<Initiative>>,
    pub(crate) instances: Vec<Instance>,
    /// Type in lower case → instances that name it, in order.
    by_type: FxHashMap<String, Vec<u32>>,
    /// Instances that name no types, or patterns.
    open: Vec<u32>,
    /// The definitions and the initiative it is made of.
    pub(crate) made_of: Vec<ResourceId>,
    /// Parameters that do not fit.
    pub(crate) findings: Vec<Finding>,
    /// Names of assets that are not here.
    pub(crate) missing: Vec<Finding>,
}

/// One policy: a definition with its parameters.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) definition: Arc<Definition>,
    pub(crate) reference: Option<Arc<str>>,
    pub(crate) groups: Vec<Arc<str>>,
    /// Parameter values by place.
    pub(crate) values: Arc<[Value]>,
    pub(crate) effect: BoundEffect,
    /// Overrides that depend on the resource, last first.
    pub(crate) overrides: Vec<Override>,
    pub(crate) message: Option<Arc<str>>,
    /// The version that is asked for, where no body here has it.
    pub(crate) asked: Option<Arc<str>>,
    patterns: Option<Vec<TypePattern>>,
}

/// The effect once parameters are known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum BoundEffect {
    Known(NamedEffect),
    /// Depends on the resource.
    Computed,
    /// Not an effect: the text.
    Bad(String),
    /// The parameter is not known.
    Unknown(Value),
}

/// The assets an assignment may name.
pub(crate) struct Assets<'a> {
    pub(crate) definitions: &'a FxHashMap<ResourceId, Arc<Definition>>,
    pub(crate) initiatives: &'a std::collections::BTreeMap<ResourceId, Arc<Initiative>>,
    pub(crate) definition_versions: &'a FxHashMap<ResourceId, Vec<Arc<Definition>>>,
    pub(crate) initiative_versions: &'a FxHashMap<ResourceId, Vec<Arc<Initiative>>>,
}

/// A body, and the pin that it does not fit.
type Pinned<T> = (Arc<T>, Option<Arc<str>>);

impl Assets<'_> {
    fn definition(&self, id: &ResourceId, pin: Option<&Pin>) -> Option<Pinned<Definition>> {
        pinned(self.definitions.get(id), self.definition_versions.get(id), pin, |d| &d.named)
    }

    fn initiative(&self, id: &ResourceId, pin: Option<&Pin>) -> Option<Pinned<Initiative>> {
        pinned(self.initiatives.get(id), self.initiative_versions.get(id), pin, |i| &i.named)
    }
}

/// The body that a pin asks for; where none fits, the newest one at hand with the pin.
fn pinned<T>(
    current: Option<&Arc<T>>,
    others: Option<&Vec<Arc<T>>>,
    pin: Option<&Pin>,
    named: impl Fn(&T) -> &Named,
) -> Option<Pinned<T>> {
    let version_of = |body: &T| Version::parse(named(body).version.as_deref()?);
    let bodies = || current.into_iter().chain(others.into_iter().flatten());
    let newest = || bodies().max_by_key(|body| version_of(body));
    if let Some(body) = pin.and_then(|pin| choose(bodies(), pin, version_of)) {
        return Some((Arc::clone(body), None));
    }
    // The body without a version in its id is the newest.
    Some((Arc::clone(current.or_else(newest)?), pin.map(|pin| Arc::clone(&pin.text))))
}

impl Instance {
    /// The types it can look at, in lower case, `*` for any text; empty for all.
    pub(crate) fn types(&self) -> Vec<String> {
        let name = |pattern: &TypePattern| match pattern {
            TypePattern::Exactly(name) | TypePattern::Like(name) => name.clone(),
        };
        self.patterns.iter().flatten().map(name).collect()
    }
}

impl Bound {
    /// Puts an assignment together.
    pub(crate) fn new(assignment: &Assignment, assets: &Assets<'_>) -> Self {
        let mut bound = Bound { made_of: vec![assignment.target.clone()], ..Bound::default() };
        let pin = assignment.pin.as_ref();
        if let Some((definition, asked)) = assets.definition(&assignment.target, pin) {
            let chain = vec![assignment.named.id.to_string()];
            let values = {
                let mut report = |misfit| bound.findings.push(finding(misfit, &definition.named.id, &chain));
                fill(&definition.parameters, &assignment.parameters, &mut report)
            };
            bound.push(assignment, definition, None, values, asked);
        } else if let Some((initiative, _)) = assets.initiative(&assignment.target, pin) {
            bound.push_members(assignment, &initiative, assets);
            bound.initiative = Some(initiative);
        } else {
            bound.missing.push(
                Finding::error(
                    "policy/dangling-assignment",
                    format!("the assignment names `{}`, which is not here", assignment.target),
                )
                .about(assignment.named.id.as_str())
                .why("what it should enforce is not enforced")
                .help("load the definition or initiative, or correct `policyDefinitionId`"),
            );
        }
        bound.index();
        bound
    }

    fn push_members(&mut self, assignment: &Assignment, initiative: &Arc<Initiative>, assets: &Assets<'_>) {
        let chain = vec![assignment.named.id.to_string()];
        let own = {
            let mut report = |misfit| self.findings.push(finding(misfit, &initiative.named.id, &chain));
            fill(&initiative.parameters, &assignment.parameters, &mut report)
        };
        let host = ParametersOnly { names: &initiative.names, values: &own };
        for member in &initiative.members {
            self.made_of.push(member.definition.clone());
            // The assignment's word for some members stands above the initiative's.
            let reference = member.reference.as_deref();
            let over = assignment.pins.iter().rev().find(|(_, of)| of.iter().all(|s| s.takes_reference(reference)));
            let pin = over.map(|(pin, _)| pin).or(member.pin.as_ref());
            let Some((definition, asked)) = assets.definition(&member.definition, pin) else {
                self.missing.push(dangling_member(&initiative.named, member).chain_from(&chain));
                continue;
            };
            let mut chain = chain.clone();
            chain.push(initiative.named.id.to_string());
            let mut given = Object::new();
            for (name, template) in &member.parameters {
                match template.evaluate(&host) {
                    Ok(value) => given.insert(name.clone(), value),
                    Err(error) => self.findings.push(
                        Finding::error("policy/parameter-fails", format!("parameter `{name}` has no value: {error}"))
                            .about(definition.named.id.as_str())
                            .chain_from(&chain),
                    ),
                }
            }
            let values = {
                let mut report = |misfit: Misfit| {
                    // Only the newest body of a definition is here: what an older version took is no mistake of the user's.
                    let mild = misfit.mild || (pin.is_some() && misfit.code == "policy/unknown-parameter");
                    self.findings.push(finding(Misfit { mild, ..misfit }, &definition.named.id, &chain));
                };
                fill(&definition.parameters, &given, &mut report)
            };
            self.push(assignment, definition, Some(member), values, asked);
        }
    }

    fn push(
        &mut self,
        assignment: &Assignment,
        definition: Arc<Definition>,
        member: Option<&Member>,
        values: Vec<Value>,
        asked: Option<Arc<str>>,
    ) {
        let reference = member.and_then(|m| m.reference.clone());
        let host = ParametersOnly { names: &definition.names, values: &values };
        let mut effect = match definition.effect.evaluate(&host) {
            Ok(Value::String(text)) => match parse_effect(&text) {
                Some(effect) => BoundEffect::Known(effect),
                None if matches!(definition.mode, Mode::Provider(_)) => {
                    BoundEffect::Known(NamedEffect { written: text, ..NamedEffect::implied(Effect::Provider) })
                }
                None => BoundEffect::Bad(text.to_string()),
            },
            Ok(unknown @ Value::Unknown(_)) => BoundEffect::Unknown(unknown),
            Ok(other) => BoundEffect::Bad(other.to_string()),
            Err(_) => BoundEffect::Computed,
        };
        let mut overrides = Vec::new();
        for item in &assignment.overrides {
            if !item.selectors.iter().filter(|s| s.is_reference()).all(|s| s.takes_reference(reference.as_deref())) {
                continue;
            }
            if item.selectors.iter().all(|s| s.is_reference()) {
                effect = BoundEffect::Known(item.effect.clone());
                overrides.clear();
            } else {
                overrides.insert(0, item.clone());
            }
        }
        let patterns = match Reach::of(&definition.condition, &host) {
            Reach::Everything => None,
            Reach::Types(patterns) => Some(patterns),
        };
        self.instances.push(Instance {
            message: assignment.message(reference.as_deref()),
            definition,
            reference,
            groups: member.map(|m| m.groups.clone()).unwrap_or_default(),
            values: values.into(),
            effect,
            overrides,
            asked,
            patterns,
        });
    }

    fn index(&mut self) {
        for (i, instance) in self.instances.iter().enumerate() {
            let Ok(at) = u32::try_from(i) else { break };
            let disabled = matches!(&instance.effect, BoundEffect::Known(e) if e.effect == Effect::Disabled);
            if disabled && instance.overrides.is_empty() {
                continue;
            }
            let exact: Option<Vec<&String>> = instance.patterns.as_ref().and_then(|patterns| {
                let names = patterns.iter().map(|p| match p {
                    TypePattern::Exactly(name) => Some(name),
                    TypePattern::Like(_) => None,
                });
                names.collect()
            });
            match exact {
                None => self.open.push(at),
                Some(names) => {
                    for name in names {
                        let list = self.by_type.entry(name.clone()).or_default();
                        if list.last() != Some(&at) {
                            list.push(at);
                        }
                    }
                }
            }
        }
    }

    /// The instances that may have something to say of a type (lower case), in order.
    pub(crate) fn candidates(&self, kind: &str) -> Vec<&Instance> {
        self.places_of(kind).into_iter().filter_map(|at| self.instances.get(at)).collect()
    }

    /// Their places in `instances`.
    pub(crate) fn places_of(&self, kind: &str) -> Vec<usize> {
        let named = self.by_type.get(kind).map_or(&[] as &[u32], Vec::as_slice);
        let mut all: Vec<u32> = named.to_vec();
        all.extend(self.open.iter().filter(|at| {
            let instance = self.instances.get(**at as usize);
            instance.is_some_and(|i| i.patterns.as_ref().is_none_or(|p| p.iter().any(|p| p.fits(kind))))
        }));
        all.sort_unstable();
        all.into_iter().map(|at| at as usize).collect()
    }
}

/// The finding for a member that names a definition that is not here.
pub(crate) fn dangling_member(initiative: &Named, member: &Member) -> Finding {
    let name = member.reference.as_deref().unwrap_or("without reference id");
    Finding::error(
        "policy/dangling-member",
        format!("the member `{name}` names `{}`, which is not here", member.definition),
    )
    .about(initiative.id.as_str())
    .why("what it should enforce is not enforced")
    .help("load the definition, or take the member out of the initiative")
}

fn finding(misfit: Misfit, subject: &ResourceId, chain: &[String]) -> Finding {
    let finding = if misfit.mild {
        Finding::warning(misfit.code, misfit.message)
    } else {
        Finding::error(misfit.code, misfit.message)
    };
    finding.about(subject.as_str()).chain_from(chain)
}

/// Adds what led to a finding.
pub(crate) trait ChainFrom {
    fn chain_from(self, chain: &[String]) -> Self;
}

impl ChainFrom for Finding {
    fn chain_from(mut self, chain: &[String]) -> Self {
        self.chain.extend(chain.iter().cloned());
        self
    }
}
