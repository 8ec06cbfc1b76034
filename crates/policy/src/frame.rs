//! Where a rule is evaluated: the resource, the parameters, the request, and the functions that see them.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use glidepath_arm::expression::functions::{format_time, parse_time};
use glidepath_arm::expression::{Call, Eval, EvalError, Host, Step};
use glidepath_arm::{Object, Reason, ResourceId, Value};
use jiff::{SignedDuration, Timestamp};

use crate::EvaluatedExpression;
use crate::Semantics;
use crate::field::{Field, Fields};
use crate::limits;
use crate::network;
use crate::path::Found;
use crate::subject::Subject;
use crate::template::{Parameters, is_allowed};

/// What `utcNow` and `addDays` write.
const UNIVERSAL: &str = "yyyy-MM-ddTHH:mm:ss.fffffffZ";

/// What is the same for every policy that looks at a request.
pub(crate) struct Surroundings<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) subscription: &'a Value,
    pub(crate) resource_group: &'a Value,
    /// Seconds since 1970.
    pub(crate) now: i64,
    pub(crate) fields: &'a Fields,
    /// `requestContext().identity`; null where nobody knows the caller.
    pub(crate) identity: &'a Value,
    /// `policy()`, where it does not follow from an assignment; null where it is not known.
    pub(crate) policy: Option<&'a Value>,
    pub(crate) semantics: Semantics,
}

/// What `policy()` tells.
#[derive(Clone, Copy)]
pub(crate) struct PolicyIds<'a> {
    pub(crate) assignment: &'a ResourceId,
    pub(crate) definition: &'a ResourceId,
    pub(crate) initiative: Option<&'a ResourceId>,
    pub(crate) reference: Option<&'a str>,
}

/// One policy instance looking at one resource.
pub(crate) struct Frame<'a> {
    /// The resource that `field` conditions test.
    pub(crate) subject: &'a Subject<'a>,
    /// In an existence condition: the resource of the rule, which `field()` means there.
    pub(crate) origin: Option<&'a Subject<'a>>,
    pub(crate) around: &'a Surroundings<'a>,
    pub(crate) names: &'a [Arc<str>],
    pub(crate) values: &'a [Value],
    pub(crate) ids: PolicyIds<'a>,
    counts: RefCell<Vec<Counting>>,
    pub(crate) log: RefCell<Option<Log>>,
    /// Steps that are left.
    budget: Cell<u32>,
}

/// A count that is under way: the member it looks at.
pub(crate) struct Counting {
    pub(crate) name: Option<Arc<str>>,
    /// The array's field and the place of the member in it.
    pub(crate) field: Option<(Arc<Field>, Vec<usize>)>,
    pub(crate) member: Value,
}

impl Counting {
    /// Does the field lie in the array counted over?
    fn holds(&self, field: &Field) -> Option<&[usize]> {
        let (array, at) = self.field.as_ref()?;
        let rest = field.key.strip_prefix(array.key.as_str())?;
        (rest.is_empty() || rest.starts_with(['.', '['])).then_some(at.as_slice())
    }
}

/// What happened while a condition was evaluated.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) expressions: Vec<EvaluatedExpression>,
    /// Why parts are not known.
    pub(crate) unknowns: Vec<String>,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(
        subject: &'a Subject<'a>,
        around: &'a Surroundings<'a>,
        names: &'a [Arc<str>],
        values: &'a [Value],
        ids: PolicyIds<'a>,
    ) -> Self {
        Self {
            subject,
            origin: None,
            around,
            names,
            values,
            ids,
            counts: RefCell::default(),
            log: RefCell::default(),
            budget: Cell::new(limits::STEPS),
        }
    }

    /// The frame for an existence condition on another resource.
    pub(crate) fn looking_at(&self, related: &'a Subject<'a>) -> Frame<'a> {
        Frame { origin: Some(self.subject), ..Frame::new(related, self.around, self.names, self.values, self.ids) }
    }

    /// Takes a step: a condition looked at, a function called.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) fn step(&self) -> Result<(), EvalError> {
        match self.budget.get().checked_sub(1) {
            Some(left) => {
                self.budget.set(left);
                Ok(())
            }
            None => Err(EvalError::new(
                "policy/too-large",
                format!("the rule takes more than {} steps on this resource", limits::STEPS),
            )),
        }
    }

    /// Starts to write down what happens; [`Frame::take_log`] gives it.
    pub(crate) fn start_log(&self) {
        *self.log.borrow_mut() = Some(Log::default());
    }

    pub(crate) fn take_log(&self) -> Log {
        self.log.borrow_mut().take().unwrap_or_default()
    }

    /// Runs with a member as the current one.
    pub(crate) fn with_member<T>(&self, counting: Counting, run: impl FnOnce() -> T) -> T {
        self.counts.borrow_mut().push(counting);
        let result = run();
        self.counts.borrow_mut().pop();
        result
    }

    /// Is a count under way?
    pub(crate) fn is_counting(&self) -> bool {
        !self.counts.borrow().is_empty()
    }

    /// The items the first `[*]`s of a field stand for inside the counts that are under way.
    pub(crate) fn fixed(&self, field: &Field) -> Option<Vec<usize>> {
        let counts = self.counts.borrow();
        let held = counts.iter().rev().filter_map(|c| c.holds(field));
        held.max_by_key(|at| at.len()).map(<[usize]>::to_vec)
    }

    /// What a field condition tests.
    pub(crate) fn find(&self, field: &Field) -> Found {
        match self.fixed(field) {
            Some(fixed) => self.subject.find_fixed(field, &fixed),
            None => self.subject.find(field),
        }
    }

    fn named_field(&self, name: &str) -> Arc<Field> {
        self.around.fields.get(name).unwrap_or_else(|| Arc::new(Field::parse(name, None)))
    }

    /// `field('x')`: a missing value is `""`; a collection has the members that are there: the built-in on customer-managed
    /// keys of disks compares the number of `regions[*].encryption.id` with that of `regions[*]`.
    /// Source: MicrosoftDocs/azure-docs, policy/how-to/author-policies-for-arrays.
    fn field(&self, name: &str) -> Value {
        let field = self.named_field(name);
        // In an existence condition it is the rule's resource, whatever is counted in the related one.
        let found = match (self.origin, self.fixed(&field)) {
            (Some(origin), _) => origin.find(&field),
            (None, Some(fixed)) => self.subject.find_fixed(&field, &fixed),
            (None, None) => self.subject.find(&field),
        };
        match found {
            Found::One(None | Some(Value::Null)) => "".into(),
            Found::One(Some(value)) | Found::Untold(value) => value,
            Found::Many(items) => present(&items),
        }
    }

    fn current(&self, name: Option<&str>) -> Result<Value, EvalError> {
        let counts = self.counts.borrow();
        let Some(name) = name else {
            return counts.last().map(|c| c.member.clone()).ok_or_else(|| {
                EvalError::new("policy/current-without-count", "`current()` means something only inside a count")
            });
        };
        let named = counts.iter().rev().find(|c| c.name.as_ref().is_some_and(|n| n.eq_ignore_ascii_case(name)));
        if let Some(count) = named {
            return Ok(count.member.clone());
        }
        drop(counts);
        let field = self.named_field(name);
        let Some(fixed) = self.fixed(&field) else {
            return Err(EvalError::new(
                "policy/current-without-count",
                format!("no count around this runs over `{name}`"),
            ));
        };
        Ok(match self.subject.find_fixed(&field, &fixed) {
            Found::One(value) => value.unwrap_or_else(|| "".into()),
            Found::Untold(value) => value,
            // One value where every `[*]` stands for the member counted; what runs on below it is a list.
            Found::Many(items) if field.each_count() <= fixed.len() => {
                items.first().cloned().flatten().unwrap_or_else(|| "".into())
            }
            Found::Many(items) => present(&items),
        })
    }

    fn policy(&self) -> Value {
        if let Some(policy) = self.around.policy {
            return given(policy, "policy()");
        }
        let mut object = Object::new();
        object.insert("assignmentId", self.ids.assignment.as_str());
        object.insert("definitionId", self.ids.definition.as_str());
        object.insert("setDefinitionId", self.ids.initiative.map_or("", ResourceId::as_str));
        object.insert("definitionReferenceId", self.ids.reference.unwrap_or_default());
        object.into()
    }

    /// Who calls is known only where it was said: nobody's token is looked at.
    fn request_context(&self) -> Value {
        let caller = match self.around.identity {
            Value::Null => Value::unknown(Reason::Context("caller identity".into()), "requestContext().identity"),
            identity => identity.clone(),
        };
        let mut object = Object::new();
        match self.around.api_version {
            "" => object.insert(
                "apiVersion",
                Value::unknown(Reason::Context("api-version of the request".into()), "requestContext().apiVersion"),
            ),
            version => object.insert("apiVersion", version),
        }
        object.insert("identity", caller);
        object.into()
    }
}

fn present(items: &[Option<Value>]) -> Value {
    items.iter().flatten().cloned().collect::<Vec<_>>().into()
}

fn text_of(value: &Value, function: &str) -> Result<Arc<str>, EvalError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        other => Err(EvalError::new("expression/wrong-type", format!("`{function}` takes a string, not `{other}`"))),
    }
}

/// `parameters('x')` among names and values.
pub(crate) fn parameter(
    call: &Call,
    eval: &Eval<'_>,
    names: &[Arc<str>],
    values: &[Value],
) -> Result<Value, EvalError> {
    let [name] = call.args.as_slice() else { return Err(wrong_count(call)) };
    let name = eval(name)?;
    if name.is_unknown() {
        return Ok(name);
    }
    let name = text_of(&name, "parameters")?;
    let slot = names.iter().position(|n| n.eq_ignore_ascii_case(&name));
    slot.and_then(|slot| values.get(slot))
        .cloned()
        .ok_or_else(|| EvalError::new("policy/unknown-parameter", format!("there is no parameter `{name}`")))
}

fn wrong_count(call: &Call) -> EvalError {
    EvalError::new(
        "expression/wrong-argument-count",
        format!("`{}` does not take {} arguments", call.name, call.args.len()),
    )
}

impl Host for Frame<'_> {
    fn call(&self, call: &Call, eval: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        if call.namespace.is_some() {
            return None;
        }
        let mut args = Vec::with_capacity(call.args.len());
        let name = call.name.as_ref();
        match name {
            "parameters" => return Some(parameter(call, eval, self.names, self.values)),
            "contains" | "equals" | "startsWith" | "endsWith" | "indexOf" | "lastIndexOf"
                if self.around.semantics.functions_fold_case => {}
            "field" | "current" | "addDays" | "ipRangeContains" | "utcNow" | "policy" | "requestContext"
            | "subscription" | "resourceGroup" => {}
            _ => return None,
        }
        for arg in &call.args {
            match eval(arg) {
                Ok(unknown @ Value::Unknown(_)) => return Some(Ok(unknown)),
                Ok(value) => args.push(value),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(match (name, args.as_slice()) {
            ("contains" | "equals" | "startsWith" | "endsWith" | "indexOf" | "lastIndexOf", args) => {
                return folded(name, args);
            }
            ("field", [name]) => text_of(name, "field").map(|name| self.field(&name)),
            ("current", []) => self.current(None),
            ("current", [name]) => text_of(name, "current").and_then(|name| self.current(Some(&name))),
            ("policy", []) => Ok(self.policy()),
            ("requestContext", []) => Ok(self.request_context()),
            ("subscription", []) => Ok(given(self.around.subscription, "subscription()")),
            ("resourceGroup", []) => Ok(given(self.around.resource_group, "resourceGroup()")),
            ("utcNow", []) => format(self.around.now, UNIVERSAL),
            ("utcNow", [pattern]) => text_of(pattern, "utcNow").and_then(|pattern| format(self.around.now, &pattern)),
            ("addDays", [time, Value::Int(days)]) => text_of(time, "addDays").and_then(|time| add_days(&time, *days)),
            ("ipRangeContains", [outer, inner]) => text_of(outer, "ipRangeContains").and_then(|outer| {
                let inner = text_of(inner, "ipRangeContains")?;
                network::range_contains(&outer, &inner)
                    .map(Value::Bool)
                    .map_err(|message| EvalError::new("expression/bad-argument", message))
            }),
            _ => Err(wrong_count(call)),
        })
    }

    /// What a subscription or group does not have (a tag, above all) is null, no error: built-ins that inherit tags ask
    /// for `resourceGroup().tags[…]` and then compare with `""`.
    fn call_into(&self, call: &Call, path: &[Step], _: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        let context = match call.name.as_ref() {
            "subscription" => given(self.around.subscription, "subscription()"),
            "resourceGroup" => given(self.around.resource_group, "resourceGroup()"),
            "requestContext" if !self.around.identity.is_null() => self.request_context(),
            _ => return None,
        };
        let mut value = &context;
        for step in path {
            match (value, &step.key) {
                (Value::Object(object), Value::String(key)) => match object.get(key) {
                    Some(found) => value = found,
                    None => return Some(Ok(Value::Null)),
                },
                (Value::Null, _) => return Some(Ok(Value::Null)),
                // Unknowns and what is no property are the evaluator's business.
                _ => return None,
            }
        }
        Some(Ok(value.clone()))
    }

    fn allows(&self, function: &str) -> bool {
        is_allowed(function)
    }

    fn enter(&self) -> Result<(), EvalError> {
        self.step()
    }
}

impl Parameters for Frame<'_> {
    fn parameter(&self, slot: usize) -> Result<Value, EvalError> {
        Ok(self.values.get(slot).cloned().unwrap_or(Value::Null))
    }

    fn as_host(&self) -> &dyn Host {
        self
    }
}

/// String functions under [`Semantics::functions_fold_case`]; `None` for what is no string.
fn folded(name: &str, args: &[Value]) -> Option<Result<Value, EvalError>> {
    let lower = |value: &Value| value.as_str().map(str::to_lowercase);
    let [left, right] = args else { return None };
    if let (Value::Array(items), "contains") = (left, name) {
        return Some(Ok(items.iter().any(|item| crate::operator::same(item, right)).into()));
    }
    let (left, right) = (lower(left)?, lower(right)?);
    let at = |found: Option<usize>| found.map_or(-1, |byte| left.get(..byte).map_or(-1, |h| h.chars().count() as i64));
    Some(Ok(match name {
        "contains" => left.contains(&right).into(),
        "equals" => (left == right).into(),
        "startsWith" => left.starts_with(&right).into(),
        "endsWith" => left.ends_with(&right).into(),
        "indexOf" => at(left.find(&right)).into(),
        _ => at(left.rfind(&right)).into(),
    }))
}

/// Context the caller did not give is not known.
fn given(value: &Value, expression: &str) -> Value {
    match value {
        Value::Null => Value::unknown(Reason::Context(expression.into()), expression),
        value => value.clone(),
    }
}

fn format(now: i64, pattern: &str) -> Result<Value, EvalError> {
    Timestamp::from_second(now)
        .ok()
        .and_then(|time| format_time(time, pattern))
        .map(Value::from)
        .ok_or_else(|| EvalError::new("expression/bad-argument", format!("`{pattern}` is no date format")))
}

fn add_days(time: &str, days: i64) -> Result<Value, EvalError> {
    let moved = parse_time(time).and_then(|at| at.checked_add(SignedDuration::from_hours(days.checked_mul(24)?)).ok());
    moved.and_then(|at| format_time(at, UNIVERSAL)).map(Value::from).ok_or_else(|| {
        EvalError::new("expression/bad-argument", format!("`addDays`: `{time}` is no date that can be moved"))
    })
}

/// Parameters alone: what the expressions of an initiative's members see.
pub(crate) struct ParametersOnly<'a> {
    pub(crate) names: &'a [Arc<str>],
    pub(crate) values: &'a [Value],
}

impl Host for ParametersOnly<'_> {
    fn call(&self, call: &Call, eval: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        (call.namespace.is_none() && call.name.as_ref() == "parameters")
            .then(|| parameter(call, eval, self.names, self.values))
    }

    fn allows(&self, function: &str) -> bool {
        is_allowed(function)
    }
}

impl Parameters for ParametersOnly<'_> {
    fn parameter(&self, slot: usize) -> Result<Value, EvalError> {
        Ok(self.values.get(slot).cloned().unwrap_or(Value::Null))
    }

    fn as_host(&self) -> &dyn Host {
        self
    }
}
