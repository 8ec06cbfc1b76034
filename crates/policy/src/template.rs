//! Values with expressions in them, compiled.

use std::sync::Arc;

use glidepath_arm::expression::functions;
use glidepath_arm::expression::{self, Content, EvalError, Expr, ExprKind, Host};
use glidepath_arm::{Object, Value};
use glidepath_source::Finding;

use crate::author::Author;
use crate::limits;

/// A JSON value of a policy, in which strings may be expressions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Template {
    /// No expression in it.
    Literal(Value),
    /// `[parameters('x')]` and nothing else, by the parameter's place in its list.
    Parameter(usize),
    /// Any other expression.
    Formula(Arc<Formula>),
    Array(Vec<Template>),
    Object(Vec<(Arc<str>, Template)>),
}

/// An expression and its text.
#[derive(Debug, PartialEq)]
pub(crate) struct Formula {
    /// The text as written, with its brackets.
    pub(crate) text: Arc<str>,
    pub(crate) expr: Expr,
}

/// ARM functions that rules may not use. Source: definition-structure-policy-rule, "Policy functions".
const EXCLUDED: [&str; 28] = [
    "copyIndex",
    "dateTimeAdd",
    "dateTimeFromEpoch",
    "dateTimeToEpoch",
    "deployer",
    "deployment",
    "environment",
    "extensionResourceId",
    "getSecret",
    "lambda",
    "listAccountSas",
    "listKeys",
    "listSecrets",
    "listServiceSas",
    "managementGroup",
    "managementGroupResourceId",
    "newGuid",
    "pickZones",
    "providers",
    "reference",
    "references",
    "resourceId",
    "subscriptionResourceId",
    "tenantResourceId",
    "tenant",
    "toLogicalZone",
    "toPhysicalZone",
    "variables",
];

/// May a rule use this ARM function? `list*` in every form may not.
pub(crate) fn is_allowed(function: &str) -> bool {
    let is_list_call = function.get(..4).is_some_and(|h| h.eq_ignore_ascii_case("list")) && function.len() > 4;
    !is_list_call && !EXCLUDED.iter().any(|name| name.eq_ignore_ascii_case(function))
}

impl Template {
    /// Compiles a value; what is wrong with its expressions becomes a finding, and the value then fails to evaluate.
    pub(crate) fn compile(value: &Value, author: &mut Author<'_>) -> Self {
        match value {
            Value::String(text) => Self::compile_text(text, author),
            Value::Array(items) => {
                let items: Vec<Template> = items.iter().map(|i| Self::compile(i, author)).collect();
                if items.iter().all(|i| matches!(i, Template::Literal(_))) {
                    return Template::Literal(
                        items.into_iter().filter_map(Template::into_literal).collect::<Vec<_>>().into(),
                    );
                }
                Template::Array(items)
            }
            Value::Object(object) => {
                let members: Vec<(Arc<str>, Template)> =
                    object.iter().map(|(key, v)| (key.clone(), author.within(key, |a| Self::compile(v, a)))).collect();
                if members.iter().all(|(_, m)| matches!(m, Template::Literal(_))) {
                    let members = members.into_iter().filter_map(|(key, m)| m.into_literal().map(|v| (key, v)));
                    return Template::Literal(Value::from(members.collect::<Object>()));
                }
                Template::Object(members)
            }
            other => Template::Literal(other.clone()),
        }
    }

    fn compile_text(text: &Arc<str>, author: &mut Author<'_>) -> Self {
        match expression::classify(text) {
            Content::Literal(std::borrow::Cow::Borrowed(same)) if same.len() == text.len() => {
                Template::Literal(Value::String(text.clone()))
            }
            Content::Literal(unescaped) => Template::Literal(unescaped.as_ref().into()),
            Content::Expression(inner) => match expression::parse(inner) {
                Ok(expr) => {
                    if text.len() > limits::EXPRESSION {
                        author.error(
                            "policy/too-large",
                            format!("an expression of {} characters; {} are allowed", text.len(), limits::EXPRESSION),
                        );
                    }
                    check_calls(&expr, author);
                    match own_parameter(&expr, author) {
                        Some(slot) => Template::Parameter(slot),
                        None => Template::Formula(Arc::new(Formula { text: text.clone(), expr })),
                    }
                }
                Err(error) => {
                    author.error("policy/expression-syntax", format!("`{text}` is no expression: {error}"));
                    Template::Literal(Value::String(text.clone()))
                }
            },
        }
    }

    fn into_literal(self) -> Option<Value> {
        match self {
            Template::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Its value.
    ///
    /// # Errors
    /// The first error of an expression in it.
    pub(crate) fn evaluate(&self, host: &dyn Parameters) -> Result<Value, EvalError> {
        match self {
            Template::Literal(value) => Ok(value.clone()),
            Template::Parameter(slot) => host.parameter(*slot),
            Template::Formula(formula) => limits::within(expression::evaluate(&formula.expr, host.as_host())?),
            Template::Array(items) => Ok(items.iter().map(|i| i.evaluate(host)).collect::<Result<Vec<_>, _>>()?.into()),
            Template::Object(members) => {
                let mut object = Object::new();
                for (key, member) in members {
                    object.insert(key.clone(), member.evaluate(host)?);
                }
                Ok(object.into())
            }
        }
    }

    /// Gives the text of every expression in it.
    pub(crate) fn each_formula(&self, tell: &mut dyn FnMut(&str)) {
        match self {
            Template::Formula(formula) => tell(&formula.text),
            Template::Array(items) => items.iter().for_each(|item| item.each_formula(tell)),
            Template::Object(members) => members.iter().for_each(|(_, member)| member.each_formula(tell)),
            Template::Literal(_) | Template::Parameter(_) => {}
        }
    }

    /// The text of an expression as written, if it is one.
    pub(crate) fn text(&self, names: &[Arc<str>]) -> String {
        match self {
            Template::Formula(formula) => formula.text.to_string(),
            Template::Parameter(slot) => {
                format!("[parameters('{}')]", names.get(*slot).map_or("", |name| name.as_ref()))
            }
            Template::Literal(Value::String(text)) => text.to_string(),
            Template::Literal(value) => value.to_string(),
            Template::Array(_) | Template::Object(_) => "[…]".to_owned(),
        }
    }
}

/// What an expression's surroundings are to a template: a host, with parameters by place.
pub(crate) trait Parameters: Host {
    /// The value of a parameter by its place.
    fn parameter(&self, slot: usize) -> Result<Value, EvalError>;
    /// Itself, for the evaluator.
    fn as_host(&self) -> &dyn Host;
}

/// `parameters('x')` with `x` among the definition's own.
fn own_parameter(expr: &Expr, author: &Author<'_>) -> Option<usize> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    let [Expr { kind: ExprKind::Literal(Value::String(name)), .. }] = call.args.as_slice() else { return None };
    if call.namespace.is_some() || call.name.as_ref() != "parameters" {
        return None;
    }
    author.slot(name)
}

fn check_calls(expr: &Expr, author: &mut Author<'_>) {
    match &expr.kind {
        ExprKind::Literal(_) => {}
        ExprKind::Property { target, .. } => check_calls(target, author),
        ExprKind::Index { target, index, .. } => {
            check_calls(target, author);
            check_calls(index, author);
        }
        ExprKind::Call(call) => {
            author.functions += 1;
            if call.namespace.is_some() || (!functions::is_function(&call.name) && is_allowed(&call.name)) {
                let namespace = call.namespace.as_ref().map(|n| format!("{n}.")).unwrap_or_default();
                let mut finding = Finding::error(
                    "policy/unknown-function",
                    format!("there is no function `{namespace}{}`", call.name),
                );
                finding.help = functions::closest(&call.name).map(|closest| format!("did you mean `{closest}`?"));
                author.add(finding);
            }
            if call.args.len() > limits::ARGUMENTS {
                author.error(
                    "policy/too-large",
                    format!("`{}` has {} arguments; {} are allowed", call.name, call.args.len(), limits::ARGUMENTS),
                );
            }
            if !is_allowed(&call.name) {
                author.error(
                    "policy/function-not-allowed",
                    format!("a policy rule cannot use the function `{}`", call.name),
                );
            }
            if call.name.as_ref() == "parameters"
                && let [Expr { kind: ExprKind::Literal(Value::String(name)), .. }] = call.args.as_slice()
                && author.slot(name).is_none()
            {
                author.error("policy/unknown-parameter", format!("there is no parameter `{name}`"));
            }
            call.args.iter().for_each(|arg| check_calls(arg, author));
        }
    }
}
