//! From policy instances to a [`Program`]: parameters and everything known of the type are worked in.

use std::sync::Arc;

use glidepath_arm::expression::{Expr, ExprKind};
use glidepath_arm::{ResourceId, Value};

use super::document::is_beside;
use super::program::{Against, Answer, Check, Column, General, How, Look, Members, Node, Owner, Policy, Program, Test};
use super::scope::InPlace;
use super::text::{Folded, Texts};
use crate::bind::{BoundEffect, Instance};
use crate::capability::{is_container, is_indexed_by_table, is_of_provider};
use crate::condition::{compare, normalised};
use crate::definition::NamedEffect;
use crate::edit::Edit;
use crate::engine::Engine;
use crate::field::{Field, FieldKind};
use crate::frame::{Frame, PolicyIds, Surroundings};
use crate::judge::rank;
use crate::operator::{Operator, Truth};
use crate::path::{Path, Step};
use crate::rule::{self, Condition, Count, FieldName, Left, Over};
use crate::subject::{Subject, alias_paths};
use crate::template::Template;
use crate::{Effect, EnforcementMode, Mode};

/// Functions whose value hangs on the resource.
const DYNAMIC: [&str; 2] = ["field", "current"];

/// The program of a type for the policies in force somewhere.
pub(super) fn program(
    engine: &Engine,
    around: &Surroundings<'_>,
    in_place: &[InPlace],
    kind: &str,
    version: &str,
) -> Program {
    let key = kind.to_ascii_lowercase();
    let indexed = if is_container(&key) {
        Some(false)
    } else {
        engine.aliases.is_indexed(&key).or_else(|| is_indexed_by_table(&key))
    };
    let program = Program { kind: kind.into(), key: key.as_str().into(), indexed, ..Program::default() };
    let mut compiler = Compiler { engine, around, version, program, counts: Vec::new(), modifying: Vec::new() };
    for entry in in_place {
        for at in entry.bound.places_of(&key) {
            let owner = Owner { assignment: Arc::clone(&entry.assignment), bound: Arc::clone(&entry.bound), at };
            compiler.policy(&owner, entry.may_be_exempt);
        }
    }
    compiler.settle_changes();
    compiler.index_columns();
    compiler.program.policies.sort_by_key(|p| rank(p.effect.effect));
    compiler.program
}

pub(super) struct Compiler<'c> {
    pub(super) engine: &'c Engine,
    around: &'c Surroundings<'c>,
    pub(super) version: &'c str,
    pub(super) program: Program,
    /// The counts around the condition at hand, outermost first: the array's name in lower case, and its path.
    counts: Vec<(String, Path)>,
    /// The policies with effect `modify` by their place, with their edits where these are plain.
    modifying: Vec<(usize, Option<Edits>)>,
}

/// What `modify` does to which fields (in lower case).
pub(super) struct Edits {
    pub(super) edits: Vec<(String, Edit)>,
    /// Whether some of its operations happen is not known.
    pub(super) unsure: bool,
}

/// The program has no form for it; the general evaluator takes it.
#[derive(Debug)]
pub(super) struct Unusual;

/// A policy whose condition is compiled.
pub(super) struct Rule<'r> {
    pub(super) owner: &'r Owner,
    pub(super) instance: &'r Instance,
}

impl Compiler<'_> {
    fn policy(&mut self, owner: &Owner, may_be_exempt: bool) {
        let Some(instance) = owner.instance() else { return };
        let (effect, plain) = match &instance.effect {
            BoundEffect::Known(effect) => (effect.clone(), instance.overrides.is_empty()),
            BoundEffect::Bad(_) | BoundEffect::Unknown(_) | BoundEffect::Computed => {
                (NamedEffect::implied(Effect::Audit), false)
            }
        };
        if plain && (effect.effect == Effect::Disabled || effect.on_delete) {
            return;
        }
        let mut only_indexed = false;
        let mut of_provider = false;
        match &instance.definition.mode {
            Mode::All => {}
            Mode::Indexed => match self.program.indexed {
                Some(true) => {}
                Some(false) => return,
                None => only_indexed = true,
            },
            Mode::Provider(mode) if is_of_provider(&self.program.key, mode) => of_provider = true,
            Mode::Provider(_) => return,
        }
        // In a stream, which scans, a rule that asks who calls is not applicable.
        if instance.definition.mentions.caller {
            return;
        }
        let enrolls = owner.assignment.enforcement == EnforcementMode::Enroll;
        let general = !plain || enrolls || !owner.assignment.selectors.is_empty();
        let (how, condition) = if general {
            (How::General, Node::Known(Answer::True))
        } else if of_provider {
            (How::Elsewhere, Node::Known(Answer::True))
        } else {
            let how = match effect.effect {
                Effect::Append | Effect::Modify => How::Changes { plain: false },
                Effect::AuditIfNotExists | Effect::DeployIfNotExists => How::Elsewhere,
                _ => How::Effect,
            };
            (how, self.condition(&instance.definition.condition, &Rule { owner, instance }))
        };
        if condition != Node::Known(Answer::False) {
            if effect.effect == Effect::Modify || (general && !instance.definition.details.operations.is_empty()) {
                let edits = self.plain_edits(&Rule { owner, instance });
                self.modifying.push((self.program.policies.len(), edits.filter(|_| !general)));
            }
            let owner = owner.clone();
            self.program.policies.push(Policy { owner, effect, condition, only_indexed, how, may_be_exempt });
        }
    }

    /// Which changes are plain: none of the others would make something else of the same field.
    fn settle_changes(&mut self) {
        let plain = |at: usize, own: &Edits| {
            self.modifying.iter().filter(|(other, _)| *other != at).all(|(_, others)| {
                others.as_ref().is_some_and(|others| {
                    let same = |(field, edit): &(String, Edit)| own.edits.iter().all(|(f, e)| f != field || e == edit);
                    others.edits.iter().all(same)
                })
            })
        };
        for (at, edits) in &self.modifying {
            if let Some(policy) = self.program.policies.get_mut(*at)
                && policy.how != How::General
            {
                policy.how = match edits.as_ref().filter(|edits| plain(*at, edits)) {
                    Some(edits) if edits.unsure => How::Elsewhere,
                    plain => How::Changes { plain: plain.is_some() },
                };
            }
        }
    }

    fn condition(&mut self, condition: &Condition, rule: &Rule<'_>) -> Node {
        match condition {
            Condition::All(parts) => self.several(parts, Answer::False, rule),
            Condition::Any(parts) => self.several(parts, Answer::True, rule),
            Condition::Not(part) => match self.condition(part, rule) {
                Node::Known(answer) => Node::Known(answer.not()),
                node => Node::Not(Box::new(node)),
            },
            Condition::Test(test) => match self.test(test, rule) {
                Ok(node) => node,
                Err(Unusual) => self.general(test, rule),
            },
        }
    }

    /// `decisive` decides alone, unless a part before it fails.
    fn several(&mut self, parts: &[Condition], decisive: Answer, rule: &Rule<'_>) -> Node {
        let mut nodes = Vec::new();
        for part in parts {
            match self.condition(part, rule) {
                Node::Known(answer) if answer == decisive => {
                    if nodes.iter().all(|node| self.is_safe(node)) {
                        return Node::Known(decisive);
                    }
                    nodes.push(Node::Known(answer));
                    break;
                }
                Node::Known(answer) if answer == decisive.not() => {}
                node => nodes.push(node),
            }
        }
        match nodes.len() {
            0 => Node::Known(decisive.not()),
            1 => nodes.remove(0),
            _ if decisive == Answer::False => Node::All(nodes.into()),
            _ => Node::Any(nodes.into()),
        }
    }

    /// Can it never fail?
    fn is_safe(&self, node: &Node) -> bool {
        match node {
            Node::Known(answer) => *answer != Answer::Failed,
            Node::Not(inner) => self.is_safe(inner),
            Node::All(parts) | Node::Any(parts) => parts.iter().all(|part| self.is_safe(part)),
            Node::Test(at) => self.program.tests.get(*at as usize).is_some_and(|test| match &test.look {
                Look::General(_) => false,
                Look::Count(_, filter) => filter.as_ref().is_none_or(|f| self.is_safe(f)) && test.check.is_safe(),
                _ => test.check.is_safe(),
            }),
        }
    }

    fn test(&mut self, test: &rule::Test, rule: &Rule<'_>) -> Result<Node, Unusual> {
        let right = self.fixed(&test.right, rule)?;
        match &test.left {
            Left::Value(template) => {
                if let Some(field) = only_field(template) {
                    let field = self.named(&field);
                    return self.field(&field, test.operator, &right, true);
                }
                let left = self.fixed(template, rule)?;
                Ok(Node::Known(answer(compare(test.operator, Some(&left), &right, self.around.semantics))))
            }
            Left::Field(name) => {
                let field = self.field_named(name, rule)?;
                let right = normalised(&field, &right).into_owned();
                self.field(&field, test.operator, &right, false)
            }
            Left::Count(count) => self.count(count, test.operator, &right, rule),
        }
    }

    fn field(&mut self, field: &Field, operator: Operator, right: &Value, as_value: bool) -> Result<Node, Unusual> {
        if as_value && (field.has_each() || field.kind == FieldKind::Location) {
            return Err(Unusual);
        }
        if right.is_unknown() && !field.has_each() {
            return Ok(Node::Known(Answer::Unknown));
        }
        let look = match &field.kind {
            FieldKind::Type => {
                let own = Value::from(self.program.kind.as_ref());
                return Ok(Node::Known(answer(compare(operator, Some(&own), right, self.around.semantics))));
            }
            FieldKind::Name => Look::Name,
            FieldKind::FullName => Look::FullName,
            FieldKind::Id => Look::Id,
            // An export may not say it.
            FieldKind::ApiVersion if self.version.is_empty() => return Ok(Node::Known(Answer::Unknown)),
            FieldKind::ApiVersion => {
                let own = Value::from(self.version);
                return Ok(Node::Known(answer(compare(operator, Some(&own), right, self.around.semantics))));
            }
            FieldKind::Kind | FieldKind::Location => Look::Column(self.column(&[&field.key])),
            FieldKind::Tag(tag) => Look::Column(self.column(&["tags", tag])),
            FieldKind::Root(steps) => self.path(Path { steps: steps.clone(), structural: false }),
            FieldKind::Alias { .. } => {
                let Some(paths) = alias_paths(field, &self.program.key, self.version, &self.engine.aliases) else {
                    // Not of this type: nothing is there.
                    let none: &[&Value] = &[];
                    return match (field.has_each(), as_value) {
                        (true, _) => Ok(Node::Known(self.of_none(operator, none.len()))),
                        (false, true) => {
                            let empty = Value::from("");
                            Ok(Node::Known(answer(compare(operator, Some(&empty), right, self.around.semantics))))
                        }
                        (false, false) => {
                            Ok(Node::Known(answer(compare(operator, None, right, self.around.semantics))))
                        }
                    };
                };
                match &*paths {
                    [path] => match self.in_count(field, path)? {
                        Some(look) => look,
                        None => self.path(path.clone()),
                    },
                    several if self.counts.is_empty() => Look::Column(self.either(several)?),
                    _ => return Err(Unusual),
                }
            }
        };
        let within_count = matches!(look, Look::Member(..));
        let location = field.kind == FieldKind::Location;
        let check = Check { against: against(operator, right), location, empty_if_missing: as_value };
        Ok(self.add(Test { look, check, within_count }))
    }

    fn of_none(&self, operator: Operator, _members: usize) -> Answer {
        Answer::from(operator.is_negative() || self.around.semantics.empty_collection_met)
    }

    /// A field that lies in an array which is being counted.
    fn in_count(&self, field: &Field, path: &Path) -> Result<Option<Look>, Unusual> {
        let holds =
            |key: &str| field.key.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        let Some((level, (_, array))) = self.counts.iter().enumerate().rev().find(|(_, (key, _))| holds(key)) else {
            return Ok(None);
        };
        let rest = path.steps.strip_prefix(&*array.steps).ok_or(Unusual)?;
        if path.structural != array.structural {
            return Err(Unusual);
        }
        Ok(Some(Look::Member(level, rest.into(), path.structural)))
    }

    fn count(&mut self, count: &Count, operator: Operator, right: &Value, rule: &Rule<'_>) -> Result<Node, Unusual> {
        let Over::Field(name) = &count.over else { return Err(Unusual) };
        let field = self.field_named(name, rule)?;
        let path = match &field.kind {
            FieldKind::Root(steps) => Path { steps: steps.clone(), structural: false },
            FieldKind::Alias { .. } => {
                match alias_paths(&field, &self.program.key, self.version, &self.engine.aliases) {
                    Some(paths) if paths.len() == 1 => paths.first().cloned().ok_or(Unusual)?,
                    _ => return Err(Unusual),
                }
            }
            _ => return Err(Unusual),
        };
        let before = self.counts.last().map_or(0, |(_, outer)| outer.steps.len());
        let within = self.in_count(&field, &path)?;
        let own = match &within {
            Some(Look::Member(level, rest, _)) if level + 1 == self.counts.len() => rest.len(),
            Some(_) => return Err(Unusual),
            None => path.steps.len(),
        };
        debug_assert!(within.is_none() || before + own == path.steps.len());
        // One array, and its members: what lies deeper is the general evaluator's.
        let arrays = path.steps.iter().rev().take(own).filter(|step| **step == Step::Each).count();
        if arrays != 1 || path.steps.last() != Some(&Step::Each) {
            return Err(Unusual);
        }
        let members = match within {
            Some(Look::Member(level, rest, structural)) => Members::Member(level, rest, structural),
            _ if path.structural => Members::Loose(path.clone()),
            _ => {
                let (base, rest) = self.ahead(&path);
                Members::Each(base, rest)
            }
        };
        let within_count = matches!(members, Members::Member(..));
        let filter = match &count.filter {
            None => None,
            Some(filter) => {
                self.counts.push((field.key.clone(), path));
                let node = self.condition(filter, rule);
                self.counts.pop();
                if self.has_general_in_count(&node) {
                    return Err(Unusual);
                }
                Some(node)
            }
        };
        let check =
            Check { against: Against::Other(operator, right.clone()), location: false, empty_if_missing: false };
        Ok(self.add(Test { look: Look::Count(members, filter), check, within_count }))
    }

    /// A general test inside a count would not know the member: the count as a whole is then the general evaluator's.
    fn has_general_in_count(&self, node: &Node) -> bool {
        match node {
            Node::Known(_) => false,
            Node::Not(inner) => self.has_general_in_count(inner),
            Node::All(parts) | Node::Any(parts) => parts.iter().any(|part| self.has_general_in_count(part)),
            Node::Test(at) => match self.program.tests.get(*at as usize).map(|t| &t.look) {
                Some(Look::General(_)) => true,
                Some(Look::Count(_, Some(filter))) => self.has_general_in_count(filter),
                _ => false,
            },
        }
    }

    fn general(&mut self, test: &rule::Test, rule: &Rule<'_>) -> Node {
        let parts = self.parts(test, rule);
        let look = Look::General(Box::new(General { test: test.clone(), owner: rule.owner.clone(), parts }));
        let check = Check { against: Against::Exists(true), location: false, empty_if_missing: false };
        self.add(Test { look, check, within_count: false })
    }

    fn add(&mut self, test: Test) -> Node {
        let at = self.program.tests.iter().position(|own| *own == test).unwrap_or_else(|| {
            self.program.tests.push(test);
            self.program.tests.len() - 1
        });
        Node::Test(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn path(&mut self, path: Path) -> Look {
        if path.structural || path.steps.is_empty() {
            return Look::Loose(path);
        }
        match self.ahead(&path) {
            (Some(column), rest) if rest.is_empty() => Look::Column(column),
            (base, rest) => Look::Each(base, rest),
        }
    }

    /// The column up to the first `[*]`, and the steps from there on.
    fn ahead(&mut self, path: &Path) -> (Option<u32>, Arc<[Step]>) {
        let keys: Vec<&str> = keys(&path.steps).collect();
        let rest = path.steps.get(keys.len()..).unwrap_or_default().into();
        let base = if keys.is_empty() { None } else { Some(self.column(&keys)) };
        (base, rest)
    }

    /// A column for a name with a path for each of several types: the one whose first two keys are in the body.
    fn either(&mut self, paths: &[Path]) -> Result<u32, Unusual> {
        let mut all = Vec::new();
        for path in paths {
            let keys: Vec<&str> = keys(&path.steps).collect();
            if path.structural || keys.is_empty() || keys.len() != path.steps.len() {
                return Err(Unusual);
            }
            let beginning = self.column(keys.get(..keys.len().min(2)).unwrap_or_default());
            all.push((beginning, self.column(&keys)));
        }
        let column = Column::Either(all.into());
        let at = self.program.columns.iter().position(|own| *own == column).unwrap_or_else(|| {
            self.program.columns.push(column);
            self.program.columns.len() - 1
        });
        u32::try_from(at).map_err(|_| Unusual)
    }

    pub(super) fn column(&mut self, keys: &[&str]) -> u32 {
        let mut parent = None;
        let columns = &mut self.program.columns;
        for key in keys {
            let same = |column: &Column| match column {
                Column::Member { parent: own, key: name } => *own == parent && name.eq_ignore_ascii_case(key),
                Column::Either(_) => false,
            };
            let at = columns.iter().position(same).unwrap_or_else(|| {
                columns.push(Column::Member { parent, key: (*key).into() });
                columns.len() - 1
            });
            parent = u32::try_from(at).ok();
        }
        parent.unwrap_or_default()
    }

    /// Lists what is right below each column. What stands beside the body is below none.
    fn index_columns(&mut self) {
        let program = &mut self.program;
        program.below.resize_with(program.columns.len() + 1, Default::default);
        for (at, column) in program.columns.iter().enumerate() {
            if let Column::Member { parent, key } = column
                && (parent.is_some() || !is_beside(key))
                && let Some(below) = program.below.get_mut(parent.map_or(0, |p| p as usize + 1))
            {
                below.add(key, u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
    }

    pub(super) fn field_named(&self, name: &FieldName, rule: &Rule<'_>) -> Result<Arc<Field>, Unusual> {
        match name {
            FieldName::Fixed(field) => Ok(Arc::clone(field)),
            FieldName::Computed(template) => match self.fixed(template, rule)? {
                Value::String(name) => Ok(self.named(&name)),
                _ => Err(Unusual),
            },
        }
    }

    pub(super) fn named(&self, name: &str) -> Arc<Field> {
        self.around.fields.get(name).unwrap_or_else(|| Arc::new(Field::parse(name, None)))
    }

    /// The value of a template that does not hang on the resource.
    pub(super) fn fixed(&self, template: &Template, rule: &Rule<'_>) -> Result<Value, Unusual> {
        if is_dynamic(template) {
            return Err(Unusual);
        }
        let id = ResourceId::new("/subscriptions/s/resourceGroups/g");
        let subject = Subject::new(&id, &Value::Null, self.version, &self.engine.aliases).ok_or(Unusual)?;
        let instance = rule.instance;
        let ids = PolicyIds {
            assignment: &rule.owner.assignment.named.id,
            definition: &instance.definition.named.id,
            initiative: rule.owner.bound.initiative.as_ref().map(|i| &i.named.id),
            reference: instance.reference.as_deref(),
        };
        let frame = Frame::new(&subject, self.around, &instance.definition.names, &instance.values, ids);
        template.evaluate(&frame).map_err(|_| Unusual)
    }
}

impl Check {
    /// Can the comparison never fail?
    fn is_safe(&self) -> bool {
        match &self.against {
            Against::Other(operator, right) => match operator {
                Operator::In | Operator::NotIn => right.as_array().is_some(),
                Operator::Exists => false,
                other => !other.is_order(),
            },
            _ => true,
        }
    }
}

fn against(operator: Operator, right: &Value) -> Against {
    match (operator, right) {
        (Operator::Exists, Value::Bool(wanted)) => Against::Exists(*wanted),
        (Operator::Exists, Value::String(word)) if word.trim().eq_ignore_ascii_case("true") => Against::Exists(true),
        (Operator::Exists, Value::String(word)) if word.trim().eq_ignore_ascii_case("false") => Against::Exists(false),
        (Operator::Equals | Operator::NotEquals, Value::String(wanted)) => {
            Against::Text { text: Folded::new(wanted), negative: operator == Operator::NotEquals }
        }
        (Operator::In | Operator::NotIn, Value::Array(items)) if items.iter().all(|i| i.as_str().is_some()) => {
            let texts = Texts::new(items.iter().filter_map(Value::as_str));
            Against::Texts { texts, negative: operator == Operator::NotIn }
        }
        (Operator::Like | Operator::NotLike, Value::String(pattern)) => {
            Against::Like { pattern: Folded::new(pattern), negative: operator == Operator::NotLike }
        }
        (Operator::Contains | Operator::NotContains, Value::String(part)) => {
            Against::Contains { text: Folded::new(part), negative: operator == Operator::NotContains }
        }
        (operator, right) => Against::Other(operator, right.clone()),
    }
}

/// The keys up to the first bracket.
fn keys(steps: &[Step]) -> impl Iterator<Item = &str> {
    steps.iter().map_while(|step| match step {
        Step::Key(key) => Some(key.as_ref()),
        Step::Each | Step::Index(_) => None,
    })
}

fn answer(truth: Result<Truth, glidepath_arm::expression::EvalError>) -> Answer {
    match truth {
        Ok(Truth::True) => Answer::True,
        Ok(Truth::False) => Answer::False,
        Ok(Truth::Unknown) => Answer::Unknown,
        Err(_) => Answer::Failed,
    }
}

/// `[field('x')]` and nothing else.
fn only_field(template: &Template) -> Option<Arc<str>> {
    let Template::Formula(formula) = template else { return None };
    let ExprKind::Call(call) = &formula.expr.kind else { return None };
    match call.args.as_slice() {
        [Expr { kind: ExprKind::Literal(Value::String(name)), .. }]
            if call.namespace.is_none() && call.name.as_ref() == "field" =>
        {
            Some(name.clone())
        }
        _ => None,
    }
}

fn is_dynamic(template: &Template) -> bool {
    fn expression(expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Literal(_) => false,
            ExprKind::Property { target, .. } => expression(target),
            ExprKind::Index { target, index, .. } => expression(target) || expression(index),
            ExprKind::Call(call) => DYNAMIC.contains(&call.name.as_ref()) || call.args.iter().any(expression),
        }
    }
    match template {
        Template::Literal(_) | Template::Parameter(_) => false,
        Template::Formula(formula) => expression(&formula.expr),
        Template::Array(items) => items.iter().any(is_dynamic),
        Template::Object(members) => members.iter().any(|(_, member)| is_dynamic(member)),
    }
}
