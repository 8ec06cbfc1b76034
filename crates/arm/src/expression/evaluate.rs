//! Evaluation: three-valued, lazy where ARM is lazy, bounded.
//!
//! A function with an unknown argument is unknown for the reason of the first such argument; its expression keeps what
//! is known already (`concat('st', reference('x').name)`). `if`, `and`, `or` and `coalesce` decide on what is known.

use std::fmt;
use std::sync::Arc;

use glidepath_source::Span;

use super::functions::{self, Args, Run};
use super::{Call, Expr, ExprKind, literal};
use crate::{Reason, Unknown, Value};

/// How long the expression of an unknown may get before the source text stands for it.
const LONGEST_UNKNOWN: usize = 2_000;
/// How deep arrays and objects may nest: a little more than the JSON reader lets in.
const DEEPEST_VALUE: usize = 600;
/// Calls of lambdas inside lambdas.
const DEEPEST_LAMBDA: usize = 24;

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// Stable code, `expression/…`.
    pub code: &'static str,
    /// What is wrong, in the style of a finding.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
    /// The part of the expression that failed; filled in by the evaluator when a function leaves it out.
    pub span: Option<Span>,
}

impl EvalError {
    /// An error without a place.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, span: None }
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn at(mut self, span: Span) -> Self {
        self.span = self.span.or(Some(span));
        self
    }
}

/// Evaluates an argument, in the scope of the call it belongs to.
pub type Eval<'a> = dyn Fn(&Expr) -> Result<Value, EvalError> + 'a;

/// One step into a value: an item or a property.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// An integer or a string (or an unknown).
    pub key: Value,
    /// Null instead of an error where there is nothing.
    pub safe: bool,
}

/// What an expression's surroundings give it: a template, or a policy rule.
pub trait Host {
    /// Calls a function that depends on the surroundings; arguments are evaluated only if it asks for them. `None`: it
    /// is not the host's, the pure library is tried next.
    fn call(&self, call: &Call, eval: &Eval<'_>) -> Option<Result<Value, EvalError>>;

    /// Looks into what a call returns, when the host can tell a part without having the whole (`reference(x).sku`
    /// from the declaration of `x`). `None`: call first, then look.
    fn call_into(&self, call: &Call, path: &[Step], eval: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        let _ = (call, path, eval);
        None
    }

    /// May expressions here use this pure function?
    fn allows(&self, function: &str) -> bool {
        let _ = function;
        true
    }

    /// Hears of every call that begins: the place to count work and depth, across all expressions of a document.
    ///
    /// # Errors
    /// When the host's budget is spent; the call then fails.
    fn enter(&self) -> Result<(), EvalError> {
        Ok(())
    }

    /// Hears that a call which it let begin has ended.
    fn leave(&self) {}

    /// Hears that what is evaluated from now on may not be needed (the branches of an `if` that hangs on an unknown),
    /// and when that ends: what fails meanwhile is no failure of the document.
    fn doubt(&self, begins: bool) {
        let _ = begins;
    }
}

/// Evaluates an expression.
///
/// # Errors
/// The first error, with the span of the part that failed.
pub fn evaluate(expr: &Expr, host: &dyn Host) -> Result<Value, EvalError> {
    Evaluator { host }.eval(expr, None)
}

#[derive(Clone, Copy)]
pub(crate) struct Evaluator<'h> {
    host: &'h dyn Host,
}

/// The variables of the lambdas around an expression, innermost first.
pub(crate) struct Scope<'s> {
    names: &'s [Arc<str>],
    values: &'s [Value],
    outer: Option<&'s Scope<'s>>,
    depth: usize,
}

impl Scope<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let own = self.names.iter().position(|n| n.eq_ignore_ascii_case(name)).and_then(|i| self.values.get(i));
        own.or_else(|| self.outer.and_then(|outer| outer.get(name)))
    }
}

/// A lambda ready to be called.
pub(crate) struct Lambda<'e> {
    names: Vec<Arc<str>>,
    body: &'e Expr,
    evaluator: Evaluator<'e>,
    outer: Option<&'e Scope<'e>>,
}

impl Lambda<'_> {
    /// Calls it with one value a parameter; values too many are left out.
    pub(crate) fn call(&self, values: &[Value]) -> Result<Value, EvalError> {
        let depth = self.outer.map_or(0, |outer| outer.depth) + 1;
        if depth > DEEPEST_LAMBDA {
            return Err(EvalError::new("expression/too-deep", "lambdas nest too deep").at(self.body.span));
        }
        let scope = Scope { names: &self.names, values, outer: self.outer, depth };
        self.evaluator.eval(self.body, Some(&scope))
    }
}

impl<'h> Evaluator<'h> {
    pub(crate) fn eval(&self, expr: &Expr, scope: Option<&Scope<'_>>) -> Result<Value, EvalError> {
        match &expr.kind {
            ExprKind::Literal(value) => Ok(value.clone()),
            ExprKind::Call(call) => {
                if call.function.is_some_and(|f| f.name == "tryGet") {
                    return self.look(expr, scope);
                }
                self.call(call, scope)
            }
            ExprKind::Property { .. } | ExprKind::Index { .. } => self.look(expr, scope),
        }
    }

    fn call(&self, call: &Call, scope: Option<&Scope<'_>>) -> Result<Value, EvalError> {
        self.host.enter().map_err(|e| e.at(call.span))?;
        let result = self.run(call, scope);
        self.host.leave();
        result
    }

    fn run(&self, call: &Call, scope: Option<&Scope<'_>>) -> Result<Value, EvalError> {
        let eval = |expr: &Expr| self.eval(expr, scope);
        if let Some(result) = self.host.call(call, &eval) {
            return result.map_err(|e| e.at(call.span));
        }
        self.library(call, scope).map_err(|e| e.at(call.span))
    }

    fn library(&self, call: &Call, scope: Option<&Scope<'_>>) -> Result<Value, EvalError> {
        let Some(function) = call.function else { return Err(unknown_function(call)) };
        if matches!(function.run, Run::Host) || !self.host.allows(function.name) {
            return Err(EvalError::new(
                "expression/function-not-here",
                format!("the function `{}` cannot be used here", function.name),
            ));
        }
        function.check_count(call.args.len())?;
        match function.run {
            Run::Pure(run) | Run::Deep(run) | Run::Own(run) => {
                let mut values = Vec::with_capacity(call.args.len());
                for arg in &call.args {
                    values.push(self.eval(arg, scope)?);
                }
                let first = match function.run {
                    Run::Pure(_) => values.iter().find_map(as_unknown),
                    Run::Deep(_) => values.iter().find_map(first_unknown),
                    _ => None,
                };
                match first {
                    Some(unknown) => Ok(unknown_call(call, &values, &unknown.reason)),
                    None => run(&Args { name: function.name, values: &values, call: Some(call) }),
                }
            }
            Run::Lambda(run) => {
                let Some((first, rest)) = call.args.split_first() else { return Ok(Value::Null) };
                let input = self.eval(first, scope)?;
                let (lambdas, values): (Vec<&Expr>, Vec<&Expr>) = rest.iter().partition(|e| is_lambda(e));
                let lambdas: Vec<Lambda<'_>> =
                    lambdas.into_iter().map(|e| self.lambda(e, scope)).collect::<Result<_, _>>()?;
                let mut args = vec![input];
                for value in values {
                    args.push(self.eval(value, scope)?);
                }
                if let Some(unknown) = args.first().and_then(as_unknown) {
                    return Ok(Value::unknown(unknown.reason.clone(), call.to_string()));
                }
                run(&Args { name: function.name, values: &args, call: Some(call) }, &lambdas)
            }
            Run::If => self.branch(call, scope),
            Run::And => self.connect(call, scope, false),
            Run::Or => self.connect(call, scope, true),
            Run::Coalesce => self.coalesce(call, scope),
            Run::LambdaVariables => {
                let name = match call.args.first() {
                    Some(arg) => self.eval(arg, scope)?,
                    None => Value::Null,
                };
                let name = name.as_str().unwrap_or_default();
                scope.and_then(|s| s.get(name)).cloned().ok_or_else(|| {
                    EvalError::new(
                        "expression/unknown-variable",
                        format!("no lambda around this has a parameter `{name}`"),
                    )
                })
            }
            Run::Host => Err(unknown_function(call)),
        }
    }

    fn lambda<'e>(&self, expr: &'e Expr, outer: Option<&'e Scope<'e>>) -> Result<Lambda<'e>, EvalError>
    where
        'h: 'e,
    {
        let ExprKind::Call(call) = &expr.kind else {
            return Err(EvalError::new("expression/wrong-type", "a lambda should stand here").at(expr.span));
        };
        let Some((body, parameters)) = call.args.split_last() else {
            return Err(EvalError::new("expression/wrong-argument-count", "a lambda needs a body").at(expr.span));
        };
        let mut names = Vec::new();
        for parameter in parameters {
            match &parameter.kind {
                ExprKind::Literal(Value::String(name)) => names.push(name.clone()),
                _ => {
                    let error =
                        EvalError::new("expression/wrong-type", "the parameters of a lambda are literal strings");
                    return Err(error.at(parameter.span));
                }
            }
        }
        Ok(Lambda { names, body, evaluator: *self, outer })
    }

    fn branch(&self, call: &Call, scope: Option<&Scope<'_>>) -> Result<Value, EvalError> {
        let [condition, then, otherwise] = call.args.as_slice() else { return Ok(Value::Null) };
        match self.eval(condition, scope)? {
            Value::Bool(true) => self.eval(then, scope),
            Value::Bool(false) => self.eval(otherwise, scope),
            Value::Unknown(unknown) => {
                // A branch that fails now may be the one that is not taken: no error of ours.
                self.host.doubt(true);
                let (a, b) = (self.eval(then, scope), self.eval(otherwise, scope));
                self.host.doubt(false);
                match (a, b) {
                    (Ok(a), Ok(b)) if a == b => Ok(a),
                    (Ok(a), Ok(b)) => Ok(unknown_call(call, &[Value::Unknown(unknown.clone()), a, b], &unknown.reason)),
                    _ => Ok(Value::unknown(unknown.reason.clone(), call.to_string())),
                }
            }
            other => Err(functions::wrong_type("if", 0, "a boolean", &other)),
        }
    }

    /// `and` and `or`: `decisive` decides alone; an unknown decides nothing.
    fn connect(&self, call: &Call, scope: Option<&Scope<'_>>, decisive: bool) -> Result<Value, EvalError> {
        let mut open: Option<Arc<Unknown>> = None;
        let mut values = Vec::new();
        for (i, arg) in call.args.iter().enumerate() {
            match self.eval(arg, scope)? {
                Value::Bool(b) if b == decisive => return Ok(Value::Bool(b)),
                Value::Bool(_) => {}
                Value::Unknown(unknown) => {
                    values.push(Value::Unknown(unknown.clone()));
                    open = open.or(Some(unknown));
                }
                other => return Err(functions::wrong_type(&call.name, i, "a boolean", &other)),
            }
        }
        Ok(match open {
            None => Value::Bool(!decisive),
            Some(unknown) if values.len() == 1 => Value::Unknown(unknown),
            Some(unknown) => unknown_call(call, &values, &unknown.reason),
        })
    }

    fn coalesce(&self, call: &Call, scope: Option<&Scope<'_>>) -> Result<Value, EvalError> {
        let mut values = Vec::new();
        for arg in &call.args {
            let value = self.eval(arg, scope)?;
            match value {
                Value::Null => {}
                Value::Unknown(_) => values.push(value),
                known if values.is_empty() => return Ok(known),
                known => {
                    values.push(known);
                    break;
                }
            }
        }
        let reason = values.iter().find_map(as_unknown).map(|u| u.reason.clone());
        Ok(match reason {
            Some(reason) => unknown_call(call, &values, &reason),
            None => Value::Null,
        })
    }

    /// Properties, items and `tryGet`, as one walk into what stands innermost.
    fn look(&self, expr: &Expr, scope: Option<&Scope<'_>>) -> Result<Value, EvalError> {
        let mut steps: Vec<(Step, Span)> = Vec::new();
        let mut base = expr;
        loop {
            match &base.kind {
                ExprKind::Property { target, name, safe } => {
                    steps.push((Step { key: Value::String(name.clone()), safe: *safe }, base.span));
                    base = target;
                }
                ExprKind::Index { target, index, safe } => {
                    steps.push((Step { key: self.eval(index, scope)?, safe: *safe }, index.span));
                    base = target;
                }
                ExprKind::Call(call) if call.function.is_some_and(|f| f.name == "tryGet") => {
                    let Some((target, keys)) = call.args.split_first().filter(|(_, keys)| !keys.is_empty()) else {
                        return Err(EvalError::new(
                            "expression/wrong-argument-count",
                            "`tryGet` takes at least 2 arguments",
                        )
                        .at(call.span));
                    };
                    for key in keys.iter().rev() {
                        steps.push((Step { key: self.eval(key, scope)?, safe: true }, key.span));
                    }
                    base = target;
                }
                _ => break,
            }
        }
        steps.reverse();
        if let ExprKind::Call(call) = &base.kind {
            let eval = |expr: &Expr| self.eval(expr, scope);
            let path: Vec<Step> = steps.iter().map(|(step, _)| step.clone()).collect();
            if let Some(result) = self.host.call_into(call, &path, &eval) {
                return result.map_err(|e| e.at(call.span));
            }
        }
        let value = self.eval(base, scope)?;
        let (path, spans): (Vec<Step>, Vec<Span>) = steps.into_iter().unzip();
        walk(value, &path, expr).map_err(|(at, error)| error.at(spans.get(at).copied().unwrap_or(expr.span)))
    }
}

/// Goes into a value; an error tells which step failed. `source` is what the walk is called when it gets long.
pub(crate) fn walk(mut value: Value, path: &[Step], source: &dyn fmt::Display) -> Result<Value, (usize, EvalError)> {
    for (i, step) in path.iter().enumerate() {
        if let Value::Unknown(unknown) = &value {
            return Ok(look_unknown(unknown, path.get(i..).unwrap_or_default(), source));
        }
        match functions::step(&value, &step.key) {
            Ok(found) => value = found,
            // The rest of the chain is skipped with it.
            Err(_) if step.safe => return Ok(Value::Null),
            Err(error) => return Err((i, error)),
        }
        if step.safe && value.is_null() {
            return Ok(Value::Null);
        }
    }
    Ok(value)
}

fn is_lambda(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call(call) if call.function.is_some_and(|f| f.name == "lambda"))
}

fn as_unknown(value: &Value) -> Option<&Arc<Unknown>> {
    match value {
        Value::Unknown(unknown) => Some(unknown),
        _ => None,
    }
}

/// The first unknown in a value, however deep.
fn first_unknown(value: &Value) -> Option<&Arc<Unknown>> {
    match value {
        Value::Unknown(unknown) => Some(unknown),
        Value::Array(items) => items.iter().find_map(first_unknown),
        Value::Object(object) => object.values().find_map(first_unknown),
        _ => None,
    }
}

/// The unknown a call gives: with what is known of its arguments where that is short, else as it stands in the source.
pub(crate) fn unknown_call(call: &Call, values: &[Value], reason: &Reason) -> Value {
    let mut text = String::new();
    if let Some(namespace) = &call.namespace {
        text.push_str(namespace);
        text.push('.');
    }
    text.push_str(&call.name);
    text.push('(');
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        match literal(value, LONGEST_UNKNOWN.saturating_sub(text.len())) {
            Some(part) => text.push_str(&part),
            None => return Value::unknown(reason.clone(), call.to_string()),
        }
    }
    text.push(')');
    Value::unknown(reason.clone(), text)
}

/// A part of an unknown is unknown for the same reason.
pub(crate) fn look_unknown(unknown: &Unknown, path: &[Step], source: &dyn fmt::Display) -> Value {
    let mut text = unknown.expression.clone();
    for step in path {
        let mark = if step.safe { "?" } else { "" };
        match &step.key {
            Value::String(name) if is_name(name) => text.push_str(&format!(".{mark}{name}")),
            key => match literal(key, LONGEST_UNKNOWN) {
                Some(key) => text.push_str(&format!("[{mark}{key}]")),
                None => return Value::unknown(unknown.reason.clone(), source.to_string()),
            },
        }
    }
    if text.len() > LONGEST_UNKNOWN {
        text = source.to_string();
    }
    Value::unknown(unknown.reason.clone(), text)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn unknown_function(call: &Call) -> EvalError {
    let name = match &call.namespace {
        Some(namespace) => format!("{namespace}.{}", call.name),
        None => call.name.to_string(),
    };
    let error = EvalError::new("expression/unknown-function", format!("there is no function `{name}`"));
    match call.namespace.is_none().then(|| functions::closest(&name)).flatten() {
        Some(closest) => error.help(format!("did you mean `{closest}`?")),
        None => error.help("a user-defined function is called with its namespace: `namespace.name(…)`"),
    }
}

/// Are two values equal? Types count, the order of members does not; `None` where that hangs on an unknown.
pub fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (a, b) {
        (Value::Unknown(_), _) | (_, Value::Unknown(_)) => None,
        (Value::Int(i), Value::Float(f)) | (Value::Float(f), Value::Int(i)) => Some(*i as f64 == *f),
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            all(a.iter().zip(b.iter()).map(|(a, b)| equal(a, b)))
        }
        (Value::Object(a), Value::Object(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            all(a.iter().map(|(key, a)| b.get(key).map_or(Some(false), |b| equal(a, b))))
        }
        _ => Some(a == b),
    }
}

/// No beats unknown beats yes.
fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut sum = Some(true);
    for answer in answers {
        match answer {
            Some(false) => return Some(false),
            None => sum = None,
            Some(true) => {}
        }
    }
    sum
}

/// How many values there are in a value, itself included, counting shared parts every time they are met; `None` above
/// the limit, and where values nest too deep to be walked. Sharing makes values cheap to build that no one could ever
/// write out: this tells before anyone tries.
pub fn weight(value: &Value, limit: usize) -> Option<usize> {
    let mut sum = 0;
    add_weight(value, limit, DEEPEST_VALUE, &mut sum).then_some(sum)
}

fn add_weight(value: &Value, limit: usize, depth: usize, sum: &mut usize) -> bool {
    *sum += 1;
    if *sum > limit || depth == 0 {
        return false;
    }
    match value {
        Value::Array(items) => items.iter().all(|item| add_weight(item, limit, depth - 1, sum)),
        Value::Object(object) => object.values().all(|item| add_weight(item, limit, depth - 1, sum)),
        _ => true,
    }
}
