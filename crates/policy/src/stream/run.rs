//! One resource through a program.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use glidepath_arm::{ResourceId, Value};
use sonic_rs::{JsonContainerTrait as _, JsonValueTrait as _};

use super::document::{self, Json, body_member, to_body, to_value};
use super::program::{Against, Answer, Below, Check, Column, General, Look, Members, Node, Program};
use crate::condition::{compare, over_range};
use crate::engine::Engine;
use crate::frame::{Frame, PolicyIds, Surroundings};
use crate::operator::{Operator, Truth};
use crate::path::Step;
use crate::subject::{Subject, location};

/// What the general evaluator needs: the resource, owned.
pub(super) struct Whole {
    pub(super) id: ResourceId,
    pub(super) body: Value,
}

/// A resource that is being judged.
pub(super) struct Run<'r, 'd> {
    pub(super) program: &'r Program,
    pub(super) engine: &'r Engine,
    pub(super) around: &'r Surroundings<'r>,
    pub(super) root: &'d Json,
    pub(super) id: &'d str,
    /// What the tests came to: 0 not asked yet, else the answer's number plus one.
    answers: &'r mut Vec<u8>,
    /// What lies at each column, once the object it is in was gone through.
    cells: Vec<Option<&'d Json>>,
    /// Which objects were: the root, and behind it the columns.
    seen: Vec<bool>,
    /// The members of the counts under way, outermost first.
    members: Vec<&'d Json>,
    whole: OnceCell<Whole>,
}

/// What a test looks at.
#[derive(Clone, Copy)]
enum Seen<'s> {
    Json(&'s Json),
    Text(&'s str),
    Nothing,
}

const ANSWERS: [Answer; 4] = [Answer::False, Answer::True, Answer::Unknown, Answer::Failed];

impl<'r, 'd> Run<'r, 'd> {
    pub(super) fn new(
        program: &'r Program,
        engine: &'r Engine,
        around: &'r Surroundings<'r>,
        (root, id): (&'d Json, &'d str),
        answers: &'r mut Vec<u8>,
    ) -> Self {
        answers.clear();
        answers.resize(program.tests.len(), 0);
        let cells = vec![None; program.columns.len()];
        let seen = vec![false; program.columns.len() + 1];
        Self { program, engine, around, root, id, answers, cells, seen, members: Vec::new(), whole: OnceCell::new() }
    }

    /// The resource as the general evaluator takes it; made once.
    pub(super) fn whole(&self) -> &Whole {
        self.whole.get_or_init(|| Whole { id: ResourceId::new(self.id), body: to_body(self.root) })
    }

    /// Does mode `indexed` look at it?
    pub(super) fn is_indexed(&self) -> bool {
        self.program.indexed.unwrap_or_else(|| {
            let has = |key| body_member(self.root, key).is_some();
            crate::capability::is_indexed_by_look(&self.program.key, has("location"), has("tags"))
        })
    }

    /// Evaluates a condition, in the order it is written and no further than needed, as [`Frame::test`] does.
    pub(super) fn ask(&mut self, node: &'r Node) -> Answer {
        match node {
            Node::Known(answer) => *answer,
            Node::Test(at) => self.test(*at as usize),
            Node::Not(inner) => self.ask(inner).not(),
            Node::All(parts) => self.several(parts, Answer::False),
            Node::Any(parts) => self.several(parts, Answer::True),
        }
    }

    fn several(&mut self, parts: &'r [Node], decisive: Answer) -> Answer {
        let mut sum = decisive.not();
        for part in parts {
            match self.ask(part) {
                answer if answer == decisive => return answer,
                Answer::Unknown => sum = Answer::Unknown,
                // Azure may never come this far.
                Answer::Failed if sum == Answer::Unknown => {}
                Answer::Failed => return Answer::Failed,
                _ => {}
            }
        }
        sum
    }

    fn test(&mut self, at: usize) -> Answer {
        let known = self.answers.get(at).copied().unwrap_or_default();
        if let Some(answer) = usize::from(known).checked_sub(1).and_then(|at| ANSWERS.get(at)) {
            return *answer;
        }
        let program = self.program;
        let Some(test) = program.tests.get(at) else { return Answer::Failed };
        let answer = self.look(&test.look, &test.check);
        if !test.within_count
            && let Some(slot) = self.answers.get_mut(at)
        {
            *slot = answer as u8 + 1;
        }
        answer
    }

    fn look(&mut self, look: &'r Look, check: &'r Check) -> Answer {
        match look {
            Look::Column(at) => {
                let found = self.column(*at);
                self.check(check, found.map_or(Seen::Nothing, Seen::Json))
            }
            Look::Name => self.check(check, Seen::Text(name(self.id))),
            Look::FullName => self.check(check, Seen::Text(&full_name(self.id))),
            Look::Id => self.check(check, Seen::Text(self.id)),
            Look::Each(base, steps) => {
                let start = base.map_or(Some(self.root), |at| self.column(at));
                // Nothing below what is missing.
                let none = start.is_none();
                let many = steps.contains(&Step::Each);
                self.every(check, many, |each| (none && many) || document::visit_steps(start, steps, false, each))
            }
            Look::Loose(path) => self.every(check, path.has_each(), |each| document::visit(self.root, path, each)),
            Look::Member(level, steps, structural) => {
                let Some(member) = self.members.get(*level).copied() else { return Answer::Failed };
                let many = steps.contains(&Step::Each);
                self.every(check, many, |each| document::visit_steps(Some(member), steps, *structural, each))
            }
            Look::Count(over, filter) => self.count(over, filter.as_ref(), check),
            Look::General(general) => self.general(general),
        }
    }

    fn column(&mut self, at: u32) -> Option<&'d Json> {
        let program = self.program;
        match program.columns.get(at as usize)? {
            Column::Member { parent, .. } => {
                let place = parent.map_or(0, |p| p as usize + 1);
                if self.is_new(place) {
                    let object = parent.map_or(Some(self.root), |p| self.column(p));
                    self.go_through(object, program.below.get(place)?);
                }
            }
            Column::Either(all) => {
                if self.is_new(at as usize + 1) {
                    let begins = |run: &mut Self, beginning: u32| run.column(beginning).is_some();
                    let first = all.iter().find(|(beginning, _)| begins(self, *beginning)).or(all.first());
                    let found = first.and_then(|(_, property)| self.column(*property));
                    if let Some(cell) = self.cells.get_mut(at as usize) {
                        *cell = found;
                    }
                }
            }
        }
        self.cells.get(at as usize).copied().flatten()
    }

    /// Is it asked for the first time?
    fn is_new(&mut self, place: usize) -> bool {
        self.seen.get_mut(place).is_some_and(|seen| !std::mem::replace(seen, true))
    }

    /// Notes the members of an object that are columns; of several with the same name the last.
    fn go_through(&mut self, object: Option<&'d Json>, below: &Below) {
        for (key, value) in object.and_then(|o| o.as_object()).into_iter().flat_map(|o| o.iter()) {
            if let Some(cell) = below.find(key).and_then(|at| self.cells.get_mut(at as usize)) {
                *cell = Some(value);
            }
        }
    }

    /// A body with some columns only.
    fn part(&mut self, columns: &[u32]) -> Value {
        let mut body = Value::Object(Arc::default());
        for at in columns {
            let Some(found) = self.column(*at) else { continue };
            let mut keys = Vec::new();
            let mut next = Some(*at);
            while let Some(Column::Member { parent, key }) = next.and_then(|at| self.program.columns.get(at as usize)) {
                keys.push(Arc::clone(key));
                next = *parent;
            }
            let mut place = &mut body;
            while let Some(key) = keys.pop() {
                let object = place.make_object();
                if keys.is_empty() {
                    object.insert(key, to_value(found));
                    break;
                }
                if object.get(&key).is_none() {
                    object.insert(key.clone(), Value::Object(Arc::default()));
                }
                let Some(inner) = object.get_mut(&key) else { break };
                place = inner;
            }
        }
        body
    }

    /// A condition on `[*]` asks it of every member: with none it is met.
    fn every(
        &self,
        check: &Check,
        many: bool,
        values: impl FnOnce(&mut dyn FnMut(Option<&'d Json>) -> bool) -> bool,
    ) -> Answer {
        let mut sum = Answer::True;
        let mut none = true;
        values(&mut |value| {
            none = false;
            sum = self.check(check, value.map_or(Seen::Nothing, Seen::Json));
            sum == Answer::True
        });
        match (none, many) {
            (true, true) => match &check.against {
                Against::Other(operator, _) => self.of_none(operator.is_negative()),
                Against::Text { negative, .. }
                | Against::Texts { negative, .. }
                | Against::Like { negative, .. }
                | Against::Contains { negative, .. } => self.of_none(*negative),
                Against::Exists(_) => self.of_none(false),
            },
            (true, false) => self.check(check, Seen::Nothing),
            (false, _) => sum,
        }
    }

    fn of_none(&self, negative: bool) -> Answer {
        Answer::from(negative || self.around.semantics.empty_collection_met)
    }

    fn count(&mut self, over: &'r Members, filter: Option<&'r Node>, check: &'r Check) -> Answer {
        let mut members: Vec<&'d Json> = Vec::new();
        let mut keep = |value: Option<&'d Json>| {
            members.extend(value);
            true
        };
        match over {
            Members::Each(base, steps) => {
                let start = base.map_or(Some(self.root), |at| self.column(at));
                start.is_none() || document::visit_steps(start, steps, false, &mut keep)
            }
            Members::Loose(path) => document::visit(self.root, path, &mut keep),
            Members::Member(level, steps, structural) => {
                let Some(member) = self.members.get(*level).copied() else { return Answer::Failed };
                document::visit_steps(Some(member), steps, *structural, &mut keep)
            }
        };
        let (mut sure, mut maybe) = (0, 0);
        match filter {
            None => sure = members.len(),
            Some(filter) => {
                for member in members {
                    self.members.push(member);
                    let fits = self.ask(filter);
                    self.members.pop();
                    match fits {
                        Answer::True => sure += 1,
                        Answer::Unknown => maybe += 1,
                        Answer::False => {}
                        Answer::Failed => return Answer::Failed,
                    }
                }
            }
        }
        let Against::Other(operator, right) = &check.against else { return Answer::Failed };
        of_truth(over_range(*operator, (sure, maybe), right, self.around.semantics))
    }

    /// Holds one value against what is wanted.
    fn check(&self, check: &Check, seen: Seen<'_>) -> Answer {
        let seen = match seen {
            Seen::Json(json) if json.is_null() => Seen::Nothing,
            other => other,
        };
        let seen = match seen {
            Seen::Nothing if check.empty_if_missing => Seen::Text(""),
            other => other,
        };
        let text = match seen {
            Seen::Text(text) => Some(text),
            Seen::Json(json) => json.as_str(),
            Seen::Nothing => None,
        };
        let at;
        let text = match text {
            Some(text) if check.location && text.contains(' ') => {
                at = text.replace(' ', "");
                Some(at.as_str())
            }
            other => other,
        };
        match (&check.against, seen, text) {
            (Against::Exists(wanted), seen, _) => Answer::from(matches!(seen, Seen::Nothing) != *wanted),
            (Against::Text { text: wanted, negative }, Seen::Nothing, _) => {
                Answer::from(wanted.as_str().is_empty() != *negative)
            }
            (Against::Text { text: wanted, negative }, _, Some(text)) => Answer::from(wanted.is(text) != *negative),
            (Against::Text { text: wanted, negative }, ..) => {
                let operator = if *negative { Operator::NotEquals } else { Operator::Equals };
                self.compare(operator, seen, &Value::from(wanted.as_str()), check.location)
            }
            (Against::Texts { negative, .. }, Seen::Nothing, _) => Answer::from(*negative),
            (Against::Texts { texts, negative }, _, Some(text)) => Answer::from(texts.have(text) != *negative),
            (Against::Texts { texts, negative }, ..) => {
                let operator = if *negative { Operator::NotIn } else { Operator::In };
                let list: Vec<Value> = texts.iter().map(Value::from).collect();
                self.compare(operator, seen, &list.into(), check.location)
            }
            (Against::Like { negative, .. } | Against::Contains { negative, .. }, Seen::Nothing, _) => {
                Answer::from(*negative)
            }
            (Against::Like { pattern, negative }, seen, text) => {
                let operator = if *negative { Operator::NotLike } else { Operator::Like };
                match text.and_then(|text| pattern.fits(text)) {
                    Some(fits) => Answer::from(fits != *negative),
                    None => self.compare(operator, seen, &Value::from(pattern.as_str()), check.location),
                }
            }
            (Against::Contains { text: part, negative }, seen, text) => {
                let operator = if *negative { Operator::NotContains } else { Operator::Contains };
                match text.and_then(|text| part.is_in(text)) {
                    Some(fits) => Answer::from(fits != *negative),
                    None => self.compare(operator, seen, &Value::from(part.as_str()), check.location),
                }
            }
            (Against::Other(operator, right), Seen::Text(_), Some(text)) if check.location => {
                self.compare(*operator, Seen::Text(text), right, true)
            }
            (Against::Other(operator, right), ..) => self.compare(*operator, seen, right, check.location),
        }
    }

    fn compare(&self, operator: Operator, seen: Seen<'_>, right: &Value, is_location: bool) -> Answer {
        let left = match seen {
            Seen::Json(json) if is_location => Some(location(&to_value(json))),
            Seen::Json(json) => Some(to_value(json)),
            Seen::Text(text) => Some(text.into()),
            Seen::Nothing => None,
        };
        of_truth(compare(operator, left.as_ref(), right, self.around.semantics))
    }

    fn general(&mut self, general: &General) -> Answer {
        let part;
        let whole = match &general.parts {
            Some(parts) if self.whole.get().is_none() => {
                part = Whole { id: ResourceId::new(self.id), body: self.part(parts) };
                &part
            }
            _ => self.whole(),
        };
        let Some(instance) = general.owner.instance() else { return Answer::Failed };
        let version = self.around.api_version;
        let Some(subject) = Subject::new(&whole.id, &whole.body, version, &self.engine.aliases) else {
            return Answer::Failed;
        };
        let ids = PolicyIds {
            assignment: &general.owner.assignment.named.id,
            definition: &instance.definition.named.id,
            initiative: general.owner.bound.initiative.as_ref().map(|i| &i.named.id),
            reference: instance.reference.as_deref(),
        };
        let frame = Frame::new(&subject, self.around, &instance.definition.names, &instance.values, ids);
        of_truth(frame.test_one(&general.test))
    }
}

fn of_truth(truth: Result<Truth, glidepath_arm::expression::EvalError>) -> Answer {
    match truth {
        Ok(Truth::True) => Answer::True,
        Ok(Truth::False) => Answer::False,
        Ok(Truth::Unknown) => Answer::Unknown,
        Err(_) => Answer::Failed,
    }
}

/// The last segment of an id.
fn name(id: &str) -> &str {
    id.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or_default()
}

/// The names of an id that belong to its type, `parent/child`.
fn full_name(id: &str) -> Cow<'_, str> {
    ResourceId::new(id).full_name().into()
}
