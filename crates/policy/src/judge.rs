//! Judging one request: which policies look at it, in which order, and what comes of each.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/effect-basics, "Order of evaluation" and "Layering policy definitions".

use glidepath_arm::expression::EvalError;
use glidepath_arm::{ResourceId, Value};
use glidepath_source::Finding;

use crate::assignment::{Assignment, selected};
use crate::bind::{Bound, BoundEffect, Instance};
use crate::capability::{is_evaluated, is_of_provider};
use crate::claim::Claim;
use crate::confidence::limits;
use crate::definition::{NamedEffect, parse_effect};
use crate::engine::{Engine, Operation, Request};
use crate::existence::{Exists, exists};
use crate::frame::{Frame, Log, PolicyIds, Surroundings};
use crate::mutation::{Change, Mutation};
use crate::operator::Truth;
use crate::subject::Subject;
use crate::template::Template;
use crate::{Contributor, Effect, EnforcementMode, Mode, Outcome, Verdict};

/// Types whose deletion `denyAction` never refuses. Source: policy/concepts/effect-deny-action.
const DELETABLE: [&str; 6] = [
    "microsoft.authorization/policyassignments",
    "microsoft.authorization/denyassignments",
    "microsoft.blueprint/blueprintassignments",
    "microsoft.resources/deploymentstacks",
    "microsoft.resources/subscriptions",
    "microsoft.authorization/locks",
];

/// One policy instance that may have something to say.
pub(crate) struct Candidate<'e> {
    pub(crate) assignment: &'e Assignment,
    pub(crate) bound: &'e Bound,
    pub(crate) instance: &'e Instance,
    pub(crate) effect: NamedEffect,
    /// What a met rule comes to: triggered, or held back.
    gate: Outcome,
    exemption: Option<&'e ResourceId>,
    /// The effect itself is not known.
    unsure: Vec<String>,
}

/// What a rule says of a resource.
enum Answer {
    Met(Log),
    NotMet,
    Perhaps(Log),
    Failed(EvalError),
}

pub(crate) struct Judge<'a> {
    engine: &'a Engine,
    request: &'a Request<'a>,
    around: &'a Surroundings<'a>,
    pick: Option<&'a dyn Fn(&Instance) -> bool>,
    findings: Vec<Finding>,
    contributors: Vec<(u8, Contributor)>,
}

/// The verdict on a request.
pub(crate) fn judge(engine: &Engine, request: &Request<'_>) -> Verdict {
    judge_some(engine, request, None)
}

/// The verdict of some instances only; `None` for all.
pub(crate) fn judge_some(engine: &Engine, request: &Request<'_>, pick: Option<&dyn Fn(&Instance) -> bool>) -> Verdict {
    let around = Surroundings {
        api_version: request.api_version,
        subscription: &request.subscription,
        resource_group: &request.resource_group,
        now: request.now,
        fields: &engine.fields,
        identity: &Value::Null,
        policy: None,
        semantics: engine.semantics,
    };
    let mut judge = Judge { engine, request, around: &around, pick, findings: Vec::new(), contributors: Vec::new() };
    let changed = judge.run();
    judge.contributors.sort_by_key(|(rank, _)| *rank);
    let contributors: Vec<Contributor> = judge.contributors.into_iter().map(|(_, c)| c).collect();
    let happening = contributors.iter().filter(|c| c.outcome == Outcome::Triggered && c.effect != Effect::Provider);
    Verdict { effect: happening.map(|c| c.effect).max(), contributors, changed, findings: judge.findings }
}

impl<'a> Judge<'a> {
    /// Gives the changed body, if append and modify changed it.
    fn run(&mut self) -> Option<Value> {
        let (engine, request) = (self.engine, self.request);
        let subject = Subject::new(request.id, request.body, request.api_version, &engine.aliases)?;
        if request.id.subscription_id().is_none() || !is_evaluated(&subject.key) {
            return None;
        }
        let deleting = request.operation == Operation::Delete;
        if deleting && DELETABLE.contains(&subject.key.as_str()) {
            return None;
        }
        let scopes = request.hierarchy.scopes_of(request.id);
        let entries = engine.entries_at(request.id, &scopes);
        let bound: Vec<_> = entries.iter().map(|entry| engine.bound(entry)).collect();
        let mut candidates = Vec::new();
        for (entry, bound) in entries.iter().zip(&bound) {
            self.collect(&entry.assignment, bound, &subject, &scopes, &mut candidates);
        }
        candidates.retain(|c| c.effect.on_delete == deleting);

        let (changing, judging): (Vec<_>, Vec<_>) =
            candidates.into_iter().partition(|c| matches!(c.effect.effect, Effect::Append | Effect::Modify));
        let changed = self.change(&changing, &subject);
        let altered =
            changed.as_ref().and_then(|body| Subject::new(request.id, body, request.api_version, &engine.aliases));
        let subject = altered.as_ref().unwrap_or(&subject);
        for candidate in &judging {
            self.judge_one(candidate, subject);
        }
        changed.clone()
    }

    /// The instances of an assignment that may have something to say.
    fn collect<'e>(
        &mut self,
        assignment: &'e Assignment,
        bound: &'e Bound,
        subject: &Subject<'_>,
        scopes: &[ResourceId],
        candidates: &mut Vec<Candidate<'e>>,
    ) where
        'a: 'e,
    {
        if !selected(&assignment.selectors, subject) {
            return;
        }
        let exemptions: Vec<_> = self
            .engine
            .exemptions_of(&assignment.named.id)
            .filter(|e| scopes.contains(&e.scope) || self.request.id.is_within(&e.scope))
            .collect();
        let near = |claim: &&Claim| scopes.contains(&claim.scope) || self.request.id.is_within(&claim.scope);
        let enrollments: Vec<_> = match assignment.enforcement {
            EnforcementMode::Enroll => self.engine.enrollments_of(&assignment.named.id).filter(near).collect(),
            _ => Vec::new(),
        };
        for instance in bound.candidates(&subject.key) {
            let mentions = instance.definition.mentions;
            let passed_by = match self.request.operation {
                Operation::PatchTags => !mentions.tags,
                Operation::Scan => mentions.caller,
                Operation::Write | Operation::Delete => false,
            };
            if passed_by {
                continue;
            }
            if self.pick.is_some_and(|pick| !pick(instance)) {
                continue;
            }
            let looks = match &instance.definition.mode {
                Mode::All => true,
                Mode::Indexed => subject.is_indexed(),
                Mode::Provider(mode) => is_of_provider(&subject.key, mode),
            };
            if !looks {
                continue;
            }
            let reference = instance.reference.as_deref();
            let exemption = exemptions.iter().find(|e| e.covers(reference, subject, self.request.now)).map(|e| &e.id);
            let gate = if exemption.is_some() {
                Outcome::Exempt
            } else if assignment.enforcement == EnforcementMode::Default
                || enrollments.iter().any(|e| e.covers(reference, subject, self.request.now))
            {
                Outcome::Triggered
            } else {
                Outcome::NotEnforced
            };
            let nothing = NamedEffect::implied(Effect::Disabled);
            let mut candidate =
                Candidate { assignment, bound, instance, effect: nothing, gate, exemption, unsure: Vec::new() };
            if let Some(effect) = self.effect(&mut candidate, subject)
                && effect.effect != Effect::Disabled
            {
                candidate.effect = effect;
                candidates.push(candidate);
            }
        }
    }

    /// The effect of an instance on this resource. `None`: it has none; a finding says why.
    fn effect(&mut self, candidate: &mut Candidate<'_>, subject: &Subject<'_>) -> Option<NamedEffect> {
        let instance = candidate.instance;
        if let Some(own) = instance.overrides.iter().find(|o| o.selectors.iter().all(|s| s.takes(subject))) {
            return Some(own.effect.clone());
        }
        let named = match &instance.effect {
            BoundEffect::Known(effect) => return Some(effect.clone()),
            BoundEffect::Bad(name) => Ok(name.clone().into()),
            BoundEffect::Unknown(unknown) => Ok(unknown.clone()),
            BoundEffect::Computed => instance.definition.effect.evaluate(&self.frame(candidate, subject)),
        };
        match named {
            Ok(Value::Unknown(unknown)) => {
                candidate.unsure.push(format!("effect: {}", unknown.reason));
                Some(strongest(instance))
            }
            Ok(name) => {
                let effect = name.as_str().and_then(parse_effect);
                if effect.is_none() {
                    let finding = Finding::error("policy/unknown-effect", format!("there is no effect `{name}`"));
                    self.tell(finding, candidate);
                }
                effect
            }
            // The rule may not be met; if it is, this is what Azure makes of the failure.
            Err(_) => Some(NamedEffect::implied(Effect::Deny)),
        }
    }

    fn frame<'f>(&self, candidate: &'f Candidate<'_>, subject: &'f Subject<'f>) -> Frame<'f>
    where
        'a: 'f,
    {
        let definition = &candidate.instance.definition;
        let ids = PolicyIds {
            assignment: &candidate.assignment.named.id,
            definition: &definition.named.id,
            initiative: candidate.bound.initiative.as_ref().map(|i| &i.named.id),
            reference: candidate.instance.reference.as_deref(),
        };
        Frame::new(subject, self.around, &definition.names, &candidate.instance.values, ids)
    }

    /// Evaluates the rule: first without writing anything down, again with it where there is something to tell.
    fn ask(&self, frame: &Frame<'_>, candidate: &Candidate<'_>) -> Answer {
        let condition = &candidate.instance.definition.condition;
        match frame.test(condition) {
            Ok(Truth::False) => Answer::NotMet,
            Err(error) => Answer::Failed(error),
            Ok(truth) => {
                frame.start_log();
                // The second run cannot end differently: nothing it reads has changed.
                let _ = frame.test(condition);
                let log = frame.take_log();
                if truth == Truth::True { Answer::Met(log) } else { Answer::Perhaps(log) }
            }
        }
    }

    /// Append and modify: what they make of the request.
    fn change(&mut self, candidates: &[Candidate<'_>], subject: &Subject<'_>) -> Option<Value> {
        let mut mutation = Mutation::default();
        let mut met = Vec::new();
        for candidate in candidates {
            let frame = self.frame(candidate, subject);
            match self.ask(&frame, candidate) {
                Answer::Met(log) if candidate.unsure.is_empty() => match mutation.plan(met.len(), candidate, &frame) {
                    Ok(()) => {
                        let details = candidate.instance.definition.details.report(&frame);
                        met.push((candidate, log, details));
                    }
                    Err(error) => {
                        self.fail(candidate, error);
                    }
                },
                Answer::Met(log) | Answer::Perhaps(log) => {
                    let details = candidate.instance.definition.details.report(&frame);
                    self.add(candidate, Outcome::DependsOn, log, details);
                }
                Answer::NotMet => self.compliant(candidate, subject),
                Answer::Failed(error) => {
                    self.fail(candidate, error);
                }
            }
        }
        let applies = |at: usize| met.get(at).is_some_and(|(c, ..)| c.gate == Outcome::Triggered);
        let (body, results) = mutation.apply(subject, met.len(), &applies);
        for ((candidate, mut log, details), change) in met.into_iter().zip(results) {
            let Change { operations, refused, conflict, unknowns } = change;
            let outcome = if unknowns.is_empty() { candidate.gate } else { Outcome::DependsOn };
            log.unknowns = unknowns;
            let effect = if refused { Effect::Deny } else { candidate.effect.effect };
            let mut contributor = self.contributor(candidate, outcome, log, details, Some(subject));
            contributor.conflict = conflict;
            if refused {
                contributor.effect = effect;
                contributor.written_effect = effect.name().to_owned();
            }
            contributor.operations = operations;
            self.contributors.push((rank(effect), contributor));
        }
        let writes = matches!(self.request.operation, Operation::Write | Operation::PatchTags);
        (writes && body != *subject.body).then_some(body)
    }

    fn judge_one(&mut self, candidate: &Candidate<'_>, subject: &Subject<'_>) {
        let definition = &candidate.instance.definition;
        if let Mode::Provider(mode) = &definition.mode {
            let why = format!("mode `{mode}`: the resource provider evaluates it, not Azure Resource Manager");
            let log = Log { unknowns: vec![why], ..Log::default() };
            self.add(candidate, Outcome::DependsOn, log, Value::Null);
            return;
        }
        let frame = self.frame(candidate, subject);
        let answer = self.ask(&frame, candidate);
        let (mut log, sure) = match answer {
            Answer::NotMet => {
                self.compliant(candidate, subject);
                return;
            }
            Answer::Failed(error) => {
                self.fail(candidate, error);
                return;
            }
            Answer::Met(log) => (log, candidate.unsure.is_empty()),
            Answer::Perhaps(log) => (log, false),
        };
        let mut outcome = if sure { candidate.gate } else { Outcome::DependsOn };
        log.unknowns.extend(candidate.unsure.iter().cloned());
        if matches!(candidate.effect.effect, Effect::AuditIfNotExists | Effect::DeployIfNotExists) {
            let Some(existence) = &definition.details.existence else {
                let error = EvalError::new("policy/missing-field", "`details` needs `type` for this effect");
                self.fail(candidate, error);
                return;
            };
            match exists(existence, &frame, self.request.related, &self.engine.aliases) {
                // There is what the rule asks for, whether it is met or not.
                Ok(Exists::Yes) => {
                    if sure && self.request.list_compliant {
                        let details = definition.details.report(&frame);
                        self.add(candidate, Outcome::Compliant, log, details);
                    }
                    return;
                }
                Ok(Exists::No(_)) => {}
                Ok(Exists::Perhaps(reasons)) => {
                    outcome = Outcome::DependsOn;
                    log.unknowns.extend(reasons);
                }
                Err(error) => {
                    self.fail(candidate, error);
                    return;
                }
            }
        }
        let mut details = definition.details.report(&frame);
        if candidate.effect.effect == Effect::Manual {
            self.attest(candidate, subject, &mut details);
        }
        self.add_seen(candidate, outcome, log, details, Some(subject));
    }

    /// What was attested of a manual policy for this resource: the last word of those near it.
    fn attest(&self, candidate: &Candidate<'_>, subject: &Subject<'_>, details: &mut Value) {
        let reference = candidate.instance.reference.as_deref();
        let attested = self
            .engine
            .attestations_of(&candidate.assignment.named.id)
            .filter(|a| self.request.id.is_within(&a.scope) && a.covers(reference, subject, self.request.now));
        // The nearest scope has the longest id.
        if let Some(claim) = attested.max_by_key(|a| a.scope.as_str().len())
            && let Some(state) = claim.state
        {
            let attestation = Value::object([("id", claim.id.as_str()), ("complianceState", state.name())]);
            details.make_object().insert("attestation", attestation);
        }
    }

    /// Lists an instance that is applicable and not met, when that was asked for.
    fn compliant(&mut self, candidate: &Candidate<'_>, subject: &Subject<'_>) {
        let by_existence = matches!(candidate.effect.effect, Effect::AuditIfNotExists | Effect::DeployIfNotExists);
        if !self.request.list_compliant
            || by_existence
            || matches!(candidate.instance.definition.mode, Mode::Provider(_))
        {
            return;
        }
        let applicable = {
            let frame = self.frame(candidate, subject);
            frame.is_applicable(&candidate.instance.definition.condition)
        };
        if applicable {
            self.add(candidate, Outcome::Compliant, Log::default(), Value::Null);
        }
    }

    /// A rule that cannot be evaluated refuses the request, whatever its effect; after the fact it is only told.
    /// Source: definition-structure-policy-rule, "Avoiding template failures".
    fn fail(&mut self, candidate: &Candidate<'_>, error: EvalError) {
        let after = matches!(candidate.effect.effect, Effect::AuditIfNotExists | Effect::DeployIfNotExists)
            || self.request.operation == Operation::Scan;
        let mut finding =
            Finding::error("policy/evaluation-failed", format!("the rule cannot be evaluated: {}", error.message));
        finding.why = Some("Azure refuses requests that a rule fails on, even where its effect is `audit`".to_owned());
        finding.help = error.help;
        self.tell(finding, candidate);
        let log = Log {
            unknowns: if after { vec![format!("evaluation failed: {}", error.message)] } else { Vec::new() },
            ..Log::default()
        };
        let outcome = if after { Outcome::DependsOn } else { candidate.gate };
        let mut contributor = self.contributor(candidate, outcome, log, Value::Null, None);
        if !after {
            contributor.effect = Effect::Deny;
            contributor.written_effect = Effect::Deny.name().to_owned();
        }
        self.contributors.push((rank(contributor.effect), contributor));
    }

    fn tell(&mut self, finding: Finding, candidate: &Candidate<'_>) {
        let mut finding =
            finding.about(self.request.id.as_str()).within(candidate.instance.definition.named.id.as_str());
        if let Some(initiative) = &candidate.bound.initiative {
            finding = finding.within(initiative.named.id.as_str());
        }
        self.findings.push(finding.within(candidate.assignment.named.id.as_str()));
    }

    fn add(&mut self, candidate: &Candidate<'_>, outcome: Outcome, log: Log, details: Value) {
        self.add_seen(candidate, outcome, log, details, None);
    }

    fn add_seen(
        &mut self,
        candidate: &Candidate<'_>,
        outcome: Outcome,
        log: Log,
        details: Value,
        seen: Option<&Subject<'_>>,
    ) {
        let contributor = self.contributor(candidate, outcome, log, details, seen);
        self.contributors.push((rank(contributor.effect), contributor));
    }

    /// `seen`: the resource whose conditions are in the log.
    fn contributor(
        &self,
        candidate: &Candidate<'_>,
        outcome: Outcome,
        log: Log,
        details: Value,
        seen: Option<&Subject<'_>>,
    ) -> Contributor {
        let assignment = candidate.assignment;
        let limits = seen.map_or_else(Vec::new, |subject| {
            limits(&log.expressions, candidate.instance, subject, self.around, self.request.operation)
        });
        Contributor {
            conflict: false,
            limits,
            assignment: assignment.named.clone(),
            assignment_scope: assignment.scope.clone(),
            initiative: candidate.bound.initiative.as_ref().map(|i| i.named.clone()),
            reference_id: candidate.instance.reference.as_deref().map(str::to_owned),
            definition: candidate.instance.definition.named.clone(),
            effect: candidate.effect.effect,
            written_effect: candidate.effect.written.to_string(),
            outcome,
            enforcement_mode: assignment.enforcement,
            assignment_parameters: if assignment.parameters.is_empty() {
                Value::Null
            } else {
                assignment.parameters.clone().into()
            },
            groups: candidate.instance.groups.iter().map(|g| g.to_string()).collect(),
            category: candidate.instance.definition.category.as_deref().map(str::to_owned),
            exemption: candidate.exemption.filter(|_| outcome == Outcome::Exempt).cloned(),
            expressions: log.expressions,
            unknowns: if outcome == Outcome::DependsOn { log.unknowns } else { Vec::new() },
            message: candidate.instance.message.as_deref().map(str::to_owned),
            operations: Vec::new(),
            details,
        }
    }
}

/// The documented order of effects; those of resource providers last.
pub(crate) fn rank(effect: Effect) -> u8 {
    match effect {
        Effect::Disabled => 0,
        Effect::Append | Effect::Modify => 1,
        Effect::Deny => 2,
        Effect::Audit => 3,
        Effect::Manual => 4,
        Effect::AuditIfNotExists => 5,
        Effect::DeployIfNotExists => 6,
        Effect::DenyAction => 7,
        Effect::Provider => 8,
    }
}

/// The strongest effect an unknown effect parameter may stand for.
fn strongest(instance: &Instance) -> NamedEffect {
    let allowed = match &instance.definition.effect {
        Template::Parameter(slot) => instance.definition.parameters.get(*slot).and_then(|p| p.allowed.as_ref()),
        _ => None,
    };
    let effects = allowed.into_iter().flat_map(|a| a.iter()).filter_map(|v| v.as_str().and_then(parse_effect));
    effects.max_by_key(|e| e.effect).unwrap_or_else(|| NamedEffect::implied(Effect::Audit))
}
