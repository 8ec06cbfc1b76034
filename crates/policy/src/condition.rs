//! Conditions, evaluated: three-valued, in the order they are written, no further than needed.

use std::borrow::Cow;
use std::sync::Arc;

use glidepath_arm::expression::EvalError;
use glidepath_arm::{Unknown, Value};

use crate::EvaluatedExpression;
use crate::Semantics;
use crate::field::{Field, FieldKind};
use crate::frame::{Counting, Frame};
use crate::limits;
use crate::operator::{Operator, Truth};
use crate::path::Found;
use crate::rule::{Condition, Count, FieldName, Left, Over, Test};
use crate::subject::location;
use crate::template::Template;

/// More members than this are not looked at one by one when a count's result is uncertain.
const WIDEST_RANGE: usize = 10_000;

impl Frame<'_> {
    /// Is the condition met?
    ///
    /// # Errors
    /// When an expression or a comparison fails; not when that part is only reached if something unknown turns out so.
    pub(crate) fn test(&self, condition: &Condition) -> Result<Truth, EvalError> {
        match condition {
            Condition::All(parts) => self.combine(parts, Truth::False),
            Condition::Any(parts) => self.combine(parts, Truth::True),
            Condition::Not(part) => self.test(part).map(Truth::not),
            Condition::Test(test) => self.test_one(test),
        }
    }

    /// `decisive` decides alone.
    fn combine(&self, parts: &[Condition], decisive: Truth) -> Result<Truth, EvalError> {
        let mark = self.unknowns_so_far();
        let mut sum = decisive.not();
        for part in parts {
            match self.test(part) {
                Ok(truth) if truth == decisive => {
                    self.forget_unknowns(mark);
                    return Ok(truth);
                }
                Ok(Truth::Unknown) => sum = Truth::Unknown,
                Ok(_) => {}
                // Azure may never come this far.
                Err(_) if sum == Truth::Unknown => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sum)
    }

    pub(crate) fn test_one(&self, test: &Test) -> Result<Truth, EvalError> {
        self.step()?;
        let right = self.right(&test.right)?;
        match &test.left {
            Left::Field(name) => {
                let Some(field) = self.field_named(name)? else {
                    self.note_unknown("field", &right);
                    return Ok(Truth::Unknown);
                };
                let found = self.find(&field);
                let truth = self.test_found(test.operator, &found, &normalised(&field, &right))?;
                self.record_field(test.operator, &field, &found, &right, truth);
                Ok(truth)
            }
            Left::Value(template) => {
                let left = template.evaluate(self)?;
                let truth = compare(test.operator, Some(&left), &right, self.around.semantics)?;
                self.record("Value", template.text(self.names), None, Some(&left), test.operator, &right, truth);
                Ok(truth)
            }
            Left::Count(count) => self.test_count(count, test.operator, &right),
        }
    }

    /// Does the rule look at resources of this type, name and kind? Other conditions are taken as true.
    /// Source: MicrosoftDocs/azure-docs, policy/concepts/policy-applicability.
    pub(crate) fn is_applicable(&self, condition: &Condition) -> bool {
        let mut leaves = Leaves::default();
        leaves.add(condition);
        if leaves.location && self.subject.key == "microsoft.resources/subscriptions" {
            return false;
        }
        // A rule of nothing but names and kinds is applicable to all, with types beside them to these types.
        let by_type_only = !leaves.others;
        self.applies(condition, true, by_type_only)
    }

    fn applies(&self, condition: &Condition, otherwise: bool, by_type_only: bool) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|p| self.applies(p, otherwise, by_type_only)),
            Condition::Any(parts) => parts.iter().any(|p| self.applies(p, otherwise, by_type_only)),
            Condition::Not(part) => !self.applies(part, !otherwise, by_type_only),
            Condition::Test(test) => match &test.left {
                Left::Field(FieldName::Fixed(field))
                    if field.kind == FieldKind::Type
                        || (!by_type_only
                            && matches!(field.kind, FieldKind::Name | FieldKind::FullName | FieldKind::Kind)) =>
                {
                    match self.test_one(test) {
                        Ok(Truth::True) => true,
                        Ok(Truth::False) => false,
                        _ => otherwise,
                    }
                }
                _ => otherwise,
            },
        }
    }

    fn right<'t>(&'t self, template: &'t Template) -> Result<Cow<'t, Value>, EvalError> {
        match template {
            Template::Literal(value) => Ok(Cow::Borrowed(value)),
            Template::Parameter(slot) => Ok(self.values.get(*slot).map_or(Cow::Owned(Value::Null), Cow::Borrowed)),
            other => other.evaluate(self).map(Cow::Owned),
        }
    }

    /// `None`: the name is not known.
    pub(crate) fn field_named(&self, name: &FieldName) -> Result<Option<Arc<Field>>, EvalError> {
        let template = match name {
            FieldName::Fixed(field) => return Ok(Some(Arc::clone(field))),
            FieldName::Computed(template) => template,
        };
        match template.evaluate(self)? {
            Value::String(name) => {
                Ok(Some(self.around.fields.get(&name).unwrap_or_else(|| Arc::new(Field::parse(&name, None)))))
            }
            Value::Unknown(_) => Ok(None),
            other => {
                Err(EvalError::new("policy/wrong-type", format!("a field's name should be a string, it is `{other}`")))
            }
        }
    }

    /// A condition on `[*]` asks it of every member: with none it is met.
    /// Source: MicrosoftDocs/azure-docs, policy/how-to/author-policies-for-arrays.
    fn test_found(&self, operator: Operator, found: &Found, right: &Value) -> Result<Truth, EvalError> {
        match found {
            Found::One(value) => compare(operator, value.as_ref(), right, self.around.semantics),
            Found::Untold(_) => Ok(Truth::Unknown),
            Found::Many(items) => {
                let mut sum = Truth::True;
                if items.is_empty() && !operator.is_negative() && !self.around.semantics.empty_collection_met {
                    return Ok(Truth::False);
                }
                for item in items.iter() {
                    match compare(operator, item.as_ref(), right, self.around.semantics)? {
                        Truth::False => return Ok(Truth::False),
                        Truth::Unknown => sum = Truth::Unknown,
                        Truth::True => {}
                    }
                }
                Ok(sum)
            }
        }
    }

    fn test_count(&self, count: &Count, operator: Operator, right: &Value) -> Result<Truth, EvalError> {
        let (text, path, members) = match &count.over {
            Over::Field(name) => {
                let Some(field) = self.field_named(name)? else { return Ok(Truth::Unknown) };
                let path = self.subject.path(&field);
                let fixed = self.fixed(&field).unwrap_or_default();
                let members = match &path {
                    Some(path) if path.has_each() => path.members(self.subject.body, &fixed),
                    Some(_) => {
                        let message = format!("`count` runs over a field with `[*]`, not `{}`", field.name);
                        return Err(EvalError::new("policy/bad-count", message));
                    }
                    None => Ok(Vec::new()),
                };
                let members = members.map(|members| {
                    let with_place =
                        |(at, member)| Counting { name: None, field: Some((Arc::clone(&field), at)), member };
                    members.into_iter().map(with_place).collect::<Vec<_>>()
                });
                (field.name.to_string(), path.map(|p| p.display(self.subject.body)), members)
            }
            Over::Value(template) => {
                let members = match template.evaluate(self)? {
                    Value::Array(items) if items.len() > limits::ITERATIONS => {
                        let message =
                            format!("`count` runs over {} values; {} are allowed", items.len(), limits::ITERATIONS);
                        return Err(EvalError::new("policy/too-large", message));
                    }
                    Value::Array(items) => Ok(items
                        .iter()
                        .map(|member| Counting { name: count.name.clone(), field: None, member: member.clone() })
                        .collect()),
                    Value::Null => Ok(Vec::new()),
                    Value::String(text) if text.is_empty() => Ok(Vec::new()),
                    unknown @ Value::Unknown(_) => Err(unknown),
                    other => {
                        let message = format!("`count` runs over a list, not `{other}`");
                        return Err(EvalError::new("policy/bad-count", message));
                    }
                };
                (template.text(self.names), None, members)
            }
        };
        let members = match members {
            Ok(members) => members,
            Err(unknown) => {
                self.note_unknown(path.as_deref().unwrap_or(&text), &unknown);
                self.record("Count", text, path, None, operator, right, Truth::Unknown);
                return Ok(Truth::Unknown);
            }
        };
        let (mut sure, mut maybe) = (0_usize, 0_usize);
        let mark = self.unknowns_so_far();
        for member in members {
            let fits = match &count.filter {
                None => Truth::True,
                Some(filter) => self.with_member(member, || self.test(filter))?,
            };
            match fits {
                Truth::True => sure += 1,
                Truth::Unknown => maybe += 1,
                Truth::False => {}
            }
        }
        let truth = over_range(operator, (sure, maybe), right, self.around.semantics)?;
        if truth != Truth::Unknown {
            self.forget_unknowns(mark);
        }
        self.record("Count", text, path, Some(&number(sure)), operator, right, truth);
        Ok(truth)
    }

    fn record_field(&self, operator: Operator, field: &Field, found: &Found, right: &Value, truth: Truth) {
        if self.log.borrow().is_none() {
            return;
        }
        let path = if field.is_special() {
            Some(field.name.to_string())
        } else {
            self.subject.path(field).map(|p| p.display(self.subject.body))
        };
        if truth == Truth::Unknown {
            let place = path.as_deref().unwrap_or(&field.name);
            match found {
                Found::One(Some(value)) | Found::Untold(value) => self.note_unknown(place, value),
                Found::Many(items) => items.iter().flatten().for_each(|item| self.note_unknown(place, item)),
                Found::One(None) => {}
            }
            self.note_unknown(&format!("what `{}` is compared with", field.name), right);
        }
        let value = match found {
            Found::One(value) => value.clone(),
            Found::Untold(value) => Some(value.clone()),
            Found::Many(items) => Some(items.iter().flatten().cloned().collect::<Vec<_>>().into()),
        };
        self.record("Field", field.name.to_string(), path, value.as_ref(), operator, right, truth);
    }

    #[expect(clippy::too_many_arguments, reason = "the members of Azure's record")]
    fn record(
        &self,
        kind: &'static str,
        expression: String,
        path: Option<String>,
        value: Option<&Value>,
        operator: Operator,
        right: &Value,
        truth: Truth,
    ) {
        if kind == "Value" && truth == Truth::Unknown {
            if let Some(value) = value {
                self.note_unknown(&expression, value);
            }
            self.note_unknown(&expression, right);
        }
        // Azure tells the count, not what happened inside it.
        if self.is_counting() {
            return;
        }
        if let Some(log) = self.log.borrow_mut().as_mut() {
            log.expressions.push(EvaluatedExpression {
                result: truth.name(),
                expression_kind: kind,
                expression,
                path,
                expression_value: value.filter(|v| !v.is_null()).cloned(),
                target_value: right.clone(),
                operator: operator.name(),
            });
        }
    }

    /// Writes down why a value is not known, `path: reason`.
    pub(crate) fn note_unknown(&self, place: &str, value: &Value) {
        if let Some(log) = self.log.borrow_mut().as_mut() {
            let mut note = |inner: &str, unknown: &Unknown| {
                let dot = if inner.is_empty() || inner.starts_with('[') { "" } else { "." };
                let reason = format!("{place}{dot}{inner}: {}", unknown.reason);
                if !log.unknowns.contains(&reason) {
                    log.unknowns.push(reason);
                }
            };
            value.for_each_unknown(&mut note);
        }
    }

    fn unknowns_so_far(&self) -> usize {
        self.log.borrow().as_ref().map_or(0, |log| log.unknowns.len())
    }

    fn forget_unknowns(&self, mark: usize) {
        if let Some(log) = self.log.borrow_mut().as_mut() {
            log.unknowns.truncate(mark);
        }
    }
}

/// What the tests of a rule look at, as far as applicability goes.
#[derive(Default)]
struct Leaves {
    location: bool,
    /// Something besides type, name and kind.
    others: bool,
}

impl Leaves {
    fn add(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| self.add(part)),
            Condition::Not(part) => self.add(part),
            Condition::Test(test) => match &test.left {
                Left::Field(FieldName::Fixed(field)) => match field.kind {
                    FieldKind::Type | FieldKind::Name | FieldKind::FullName | FieldKind::Kind => {}
                    FieldKind::Location => (self.location, self.others) = (true, true),
                    _ => self.others = true,
                },
                _ => self.others = true,
            },
        }
    }
}

pub(crate) fn compare(
    operator: Operator,
    left: Option<&Value>,
    right: &Value,
    semantics: Semantics,
) -> Result<Truth, EvalError> {
    let tested = operator.test(left, right);
    if tested.is_err() && operator.is_order() && !semantics.mismatch_fails {
        return Ok(Truth::False);
    }
    tested.map_err(|message| EvalError::new("policy/not-comparable", message))
}

fn number(count: usize) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The count lies somewhere from `sure` to `sure + maybe`: do all of these give the same answer?
pub(crate) fn over_range(
    operator: Operator,
    (sure, maybe): (usize, usize),
    right: &Value,
    semantics: Semantics,
) -> Result<Truth, EvalError> {
    let first = compare(operator, Some(&number(sure)), right, semantics)?;
    if maybe > WIDEST_RANGE {
        return Ok(Truth::Unknown);
    }
    for more in 1..=maybe {
        if compare(operator, Some(&number(sure + more)), right, semantics)? != first {
            return Ok(Truth::Unknown);
        }
    }
    Ok(first)
}

/// Locations and the two spellings of a resource group's type compare as one.
pub(crate) fn normalised<'v>(field: &Field, right: &'v Value) -> Cow<'v, Value> {
    match (&field.kind, right) {
        (FieldKind::Location, Value::Array(items)) => Cow::Owned(items.iter().map(location).collect::<Vec<_>>().into()),
        (FieldKind::Location, right) => Cow::Owned(location(right)),
        (FieldKind::Type, Value::String(kind)) if kind.eq_ignore_ascii_case("Microsoft.Resources/resourceGroups") => {
            Cow::Owned("Microsoft.Resources/subscriptions/resourceGroups".into())
        }
        _ => Cow::Borrowed(right),
    }
}
