//! Many resources past the same policies: verdicts in a few microseconds each.
//!
//! [`Engine::evaluate`] tells the whole story of one verdict. This tells only what it comes to, for resources as they
//! lie in an export, one after the other. Both say the same; what has no short form here is put to the general evaluator.

mod compile;
mod document;
mod needs;
mod program;
mod run;
mod scope;
mod text;

use std::sync::Arc;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Hierarchy;
use glidepath_source::{Finding, Text, json};
use rustc_hash::FxHashMap;
use sonic_rs::JsonValueTrait as _;

use crate::bind::Instance;
use crate::engine::{Engine, Operation, Request};
use crate::existence::NothingKnown;
use crate::frame::Surroundings;
use crate::judge::{self, rank};
use crate::subject::Subject;
use crate::{Contributor, Effect, EnforcementMode, Outcome};

use document::Json;
use program::{Answer, How, Owner, Policy, Program};
use run::Run;
use scope::{Address, InPlace, Place, Together};

/// More places than this are not remembered at once: memory stays flat however many resource groups pass by.
const PLACES: usize = 50_000;

/// A stream of resources, as they are: what [`Operation::Scan`] says of each, related resources not looked at.
pub struct Stream<'e> {
    engine: &'e Engine,
    hierarchy: &'e Hierarchy,
    now: i64,
    /// Scopes as the text writes them.
    places: FxHashMap<Box<str>, Place>,
    together: Vec<Together>,
    scratch: Scratch,
    /// Of the resource at hand.
    program: Arc<Program>,
    kind: String,
}

/// What policy says of one resource.
pub struct Judged<'s> {
    /// The strongest effect that really happens. `None`: nothing to say.
    pub effect: Option<Effect>,
    program: &'s Program,
    hits: &'s [Hit],
}

/// A policy that has something to say of a resource.
#[derive(Debug, Clone, Copy)]
pub struct Told<'s> {
    /// The assignment.
    pub assignment: &'s ResourceId,
    /// The definition.
    pub definition: &'s ResourceId,
    /// The member's reference id, in initiatives.
    pub reference: Option<&'s str>,
    /// The effect.
    pub effect: Effect,
    /// Triggered, held back, or depending on something.
    pub outcome: Outcome,
}

/// The same, by the policy's place in its program.
#[derive(Debug, Clone, Copy)]
struct Hit {
    policy: u32,
    effect: Effect,
    outcome: Outcome,
}

impl<'s> Judged<'s> {
    /// Has no policy anything to say?
    pub fn is_clean(&self) -> bool {
        self.hits.is_empty()
    }

    /// The policies that have something to say, in the documented order of effects.
    pub fn told(&self) -> impl Iterator<Item = Told<'s>> {
        self.hits.iter().filter_map(|hit| {
            let owner = &self.program.policies.get(hit.policy as usize)?.owner;
            let instance = owner.instance()?;
            Some(Told {
                assignment: &owner.assignment.named.id,
                definition: &instance.definition.named.id,
                reference: instance.reference.as_deref(),
                effect: hit.effect,
                outcome: hit.outcome,
            })
        })
    }
}

impl<'e> Stream<'e> {
    /// A stream past what `engine` has in force in `hierarchy`; `now` in seconds since 1970.
    pub fn new(engine: &'e Engine, hierarchy: &'e Hierarchy, now: i64) -> Self {
        Self {
            engine,
            hierarchy,
            now,
            places: FxHashMap::default(),
            together: Vec::new(),
            scratch: Scratch::default(),
            program: Arc::default(),
            kind: String::new(),
        }
    }

    /// Judges one resource: JSON text with `id` beside the body, as Azure returns it and exports hold it.
    ///
    /// # Errors
    /// A finding, where the text is no JSON or has no id of a resource; `name` is what it calls the text.
    pub fn judge(&mut self, text: &[u8], name: &dyn Fn() -> String) -> Result<Judged<'_>, Finding> {
        self.scratch.hits.clear();
        match sonic_rs::from_slice::<Json>(text) {
            Ok(root) => {
                let id = document::member(&root, "id").and_then(|id| id.as_str());
                let Some(id) = id else { return Err(no_id(name())) };
                let version = document::member(&root, "apiVersion").and_then(|v| v.as_str()).unwrap_or_default();
                if self.find_program(id, version) {
                    let scan = Scan { engine: self.engine, hierarchy: self.hierarchy, now: self.now };
                    scan.run(&self.program, &root, (id, version), &mut self.scratch);
                } else {
                    self.judge_whole(&ResourceId::new(id), &document::to_body(&root), version, name)?;
                }
            }
            // ARM's reader takes more than JSON, and knows where it stops.
            Err(_) => {
                let text = Text::new(name(), String::from_utf8_lossy(text).into_owned());
                let value = Value::from(&json::parse(&text)?);
                let id = value.get("id").and_then(Value::as_str).map(ResourceId::new);
                let Some(id) = id else { return Err(no_id(name())) };
                let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.judge_whole(&id, &document::without_beside(value), &version, name)?;
            }
        }
        let hits = &self.scratch.hits;
        let happening = hits.iter().filter(|h| h.outcome == Outcome::Triggered && h.effect != Effect::Provider);
        Ok(Judged { effect: happening.map(|h| h.effect).max(), program: &self.program, hits })
    }

    /// Makes the program of a resource the one at hand. `false`: it has none, the general evaluator judges it.
    fn find_program(&mut self, id: &str, version: &str) -> bool {
        let Some(address) = Address::of(id) else { return false };
        address.write_type(&mut self.kind);
        if !self.places.contains_key(address.scope) {
            self.learn(address.scope);
        }
        let Some(place) = self.places.get(address.scope) else { return false };
        if !place.own.is_empty() && place.own.iter().any(|own| ResourceId::new(id).is_within(own)) {
            return false;
        }
        let Some(together) = self.together.get_mut(place.together) else { return false };
        // Rules may ask for the version, and a catalogue may have other paths for it.
        if !version.is_empty() {
            self.kind.push('@');
            self.kind.push_str(version);
        }
        match together.programs.get(self.kind.as_str()) {
            Some(program) => {
                if !Arc::ptr_eq(program, &self.program) {
                    self.program = Arc::clone(program);
                }
            }
            None => {
                let kind = self.kind.split('@').next().unwrap_or_default();
                let around = surroundings(self.engine, self.now, version);
                let program = Arc::new(compile::program(self.engine, &around, &together.in_place, kind, version));
                self.program = Arc::clone(&program);
                together.programs.insert(self.kind.as_str().into(), program);
            }
        }
        true
    }

    /// Finds out what is in force at a scope.
    fn learn(&mut self, scope: &str) {
        if self.places.len() >= PLACES {
            self.places.clear();
        }
        let id = ResourceId::new(scope);
        let in_place = in_place(self.engine, self.hierarchy, &id);
        let together = self.together.iter().position(|t| t.is(&in_place)).unwrap_or_else(|| {
            self.together.push(Together { in_place, ..Together::default() });
            self.together.len() - 1
        });
        let own = self.engine.scopes_inside(&id).into();
        self.places.insert(scope.into(), Place { together, own });
    }

    fn judge_whole(
        &mut self,
        id: &ResourceId,
        body: &Value,
        version: &str,
        name: &dyn Fn() -> String,
    ) -> Result<(), Finding> {
        if id.resource_type().is_none() {
            return Err(no_id(name()));
        }
        let scan = Scan { engine: self.engine, hierarchy: self.hierarchy, now: self.now };
        let contributors = scan.whole(id, body, version, None);
        let mut program = Program::default();
        let scopes = self.hierarchy.scopes_of(id);
        for entry in self.engine.entries_at(id, &scopes) {
            let bound = self.engine.bound(entry);
            for at in 0..bound.instances.len() {
                let owner = Owner { assignment: Arc::clone(&entry.assignment), bound: Arc::clone(&bound), at };
                program.policies.extend(contributors.iter().find(|c| owner.is_behind(c)).map(|_| Policy::bare(owner)));
            }
        }
        for contributor in &contributors {
            self.scratch.hits.extend(program.hit(contributor));
        }
        self.program = Arc::new(program);
        Ok(())
    }
}

/// What is in force at a scope, outermost first.
fn in_place(engine: &Engine, hierarchy: &Hierarchy, scope: &ResourceId) -> Vec<InPlace> {
    let scopes = hierarchy.scopes_of(scope);
    let entries = engine.entries_at(scope, &scopes).into_iter();
    entries
        .map(|entry| InPlace {
            assignment: Arc::clone(&entry.assignment),
            bound: engine.bound(entry),
            may_be_exempt: engine
                .exemptions_of(&entry.assignment.named.id)
                .any(|e| scopes.contains(&e.scope) || e.scope.is_within(scope)),
        })
        .collect()
}

fn no_id(name: String) -> Finding {
    Finding::error("resource/no-id", "a resource needs the `id` Azure gave it")
        .about(name)
        .help("export whole resources, for example with `az resource show` or Resource Graph")
}

fn surroundings<'s>(engine: &'s Engine, now: i64, api_version: &'s str) -> Surroundings<'s> {
    Surroundings {
        api_version,
        subscription: &Value::Null,
        resource_group: &Value::Null,
        now,
        fields: &engine.fields,
        identity: &Value::Null,
        policy: None,
        semantics: engine.semantics,
    }
}

/// Memory that is used again for each resource.
#[derive(Debug, Default)]
struct Scratch {
    answers: Vec<u8>,
    hits: Vec<Hit>,
}

/// What stays the same from one resource to the next.
#[derive(Clone, Copy)]
struct Scan<'e> {
    engine: &'e Engine,
    hierarchy: &'e Hierarchy,
    now: i64,
}

impl Scan<'_> {
    fn run(&self, program: &Program, root: &Json, (id, version): (&str, &str), scratch: &mut Scratch) {
        let around = surroundings(self.engine, self.now, version);
        let mut run = Run::new(program, self.engine, &around, (root, id), &mut scratch.answers);
        let mut others = false;
        for (at, policy) in program.policies.iter().enumerate() {
            if policy.only_indexed && !run.is_indexed() {
                continue;
            }
            if policy.how == How::General {
                others = true;
                continue;
            }
            let outcome = match (run.ask(&policy.condition), policy.how) {
                (Answer::False, _) => continue,
                (Answer::True, How::Changes { plain: false }) => {
                    others = true;
                    continue;
                }
                (Answer::Unknown | Answer::Failed, _) | (_, How::Elsewhere) => Outcome::DependsOn,
                _ => self.gate(policy, &run),
            };
            let policy_at = u32::try_from(at).unwrap_or(u32::MAX);
            scratch.hits.push(Hit { policy: policy_at, effect: policy.effect.effect, outcome });
        }
        if others {
            let whole = run.whole();
            let pick = |instance: &Instance| {
                let own = |p: &&Policy| p.owner.instance().is_some_and(|own| std::ptr::eq(own, instance));
                let policy = program.policies.iter().find(own);
                policy.is_some_and(|p| matches!(p.how, How::General | How::Changes { .. }))
            };
            // What failed, is not known or is plain has been told above.
            let told = |hit: &Hit, hits: &[Hit]| hits.iter().any(|other| other.policy == hit.policy);
            for contributor in self.whole(&whole.id, &whole.body, version, Some(&pick)) {
                if let Some(hit) = program.hit(&contributor)
                    && !told(&hit, &scratch.hits)
                {
                    scratch.hits.push(hit);
                }
            }
            scratch.hits.sort_by_key(|hit| (rank(hit.effect), hit.policy));
        }
    }

    /// What a met condition comes to.
    fn gate(&self, policy: &Policy, run: &Run<'_, '_>) -> Outcome {
        let assignment = &policy.owner.assignment;
        if policy.may_be_exempt
            && let Some(instance) = policy.owner.instance()
        {
            let whole = run.whole();
            let scopes = self.hierarchy.scopes_of(&whole.id);
            let subject = Subject::new(&whole.id, &whole.body, run.around.api_version, &self.engine.aliases);
            let mut exemptions = self.engine.exemptions_of(&assignment.named.id);
            let is_exempt = subject.is_some_and(|subject| {
                exemptions.any(|e| {
                    (scopes.contains(&e.scope) || whole.id.is_within(&e.scope))
                        && e.covers(instance.reference.as_deref(), &subject, self.now)
                })
            });
            if is_exempt {
                return Outcome::Exempt;
            }
        }
        if assignment.enforcement == EnforcementMode::Default { Outcome::Triggered } else { Outcome::NotEnforced }
    }

    /// The general evaluator's answer, for all instances or some.
    fn whole(
        &self,
        id: &ResourceId,
        body: &Value,
        version: &str,
        pick: Option<&dyn Fn(&Instance) -> bool>,
    ) -> Vec<Contributor> {
        let request = Request {
            id,
            body,
            api_version: version,
            operation: Operation::Scan,
            hierarchy: self.hierarchy,
            subscription: Value::Null,
            resource_group: Value::Null,
            related: &NothingKnown,
            now: self.now,
            list_compliant: false,
        };
        judge::judge_some(self.engine, &request, pick).contributors
    }
}
