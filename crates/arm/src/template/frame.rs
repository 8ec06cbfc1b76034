//! What an expression sees: the parameters, variables and functions of one template, evaluated on demand and once.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use glidepath_source::{Finding, Node, Place, Text};
use rustc_hash::FxHashMap;

use super::evaluate::{Env, Site};
use super::parameters::{Given, GivenValue, declaration, typed};
use super::scope::{Target, known};
use super::session::{Document, Session, State};
use super::{Context, Parameters};
use crate::expression::{Call, Eval, EvalError, weight};
use crate::{Object, Reason, Value};

/// How many values one parameter, variable or output may hold.
pub(super) const HEAVIEST: usize = 2_000_000;

/// One template's names.
pub(super) struct Frame<'a> {
    pub(super) text: &'a Text,
    pub(super) template: &'a Node,
    pub(super) target: Target,
    pub(super) name: Value,
    /// Of the deployment itself.
    pub(super) location: Value,
    /// Of the link that led here.
    pub(super) uri: Option<Value>,
    pub(super) supplied: Vec<(Arc<str>, Supplied<'a>)>,
    parameters: RefCell<FxHashMap<Arc<str>, State>>,
    variables: RefCell<FxHashMap<Arc<str>, State>>,
}

/// The value of a parameter, as its deployment gives it.
pub(super) enum Supplied<'a> {
    Value(Value),
    /// To be evaluated where the deployment is declared.
    Node(&'a Node, Site<'a>),
    /// To be evaluated there, too: an object whose loop makes its `value`.
    Copied(&'a Node, Site<'a>),
    Secret,
}

impl<'a> Frame<'a> {
    pub(super) fn new(
        text: &'a Text,
        template: &'a Node,
        target: Target,
        (name, location): (Value, Value),
        uri: Option<Value>,
        supplied: Vec<(Arc<str>, Supplied<'a>)>,
    ) -> Self {
        let (parameters, variables) = (RefCell::default(), RefCell::default());
        Self { text, template, target, name, location, uri, supplied, parameters, variables }
    }

    pub(super) fn root(
        document: &'a Document,
        target: Target,
        name: Value,
        context: &Context,
        parameters: &Parameters,
    ) -> Self {
        let supply = |given: &Given| {
            let value = match &given.value {
                GivenValue::Value(value) => Supplied::Value(value.clone()),
                GivenValue::Text(text) => {
                    let declared = declaration(&document.root, &given.name).map(|(node, _)| node);
                    Supplied::Value(typed(text, declared))
                }
                GivenValue::Secret => Supplied::Secret,
            };
            (given.name.clone(), value)
        };
        let supplied = parameters.given.iter().map(supply).collect();
        let uri = context.template_uri.as_deref().map(|uri| known(Some(uri), ""));
        let location = known(context.location.as_deref(), "deployment().location");
        Self::new(&document.text, &document.root, target, (name, location), uri, supplied)
    }

    /// The site of this frame's own defaults and variables.
    fn own_site(&self, site: &Site<'a>, is_default: bool) -> Site<'a> {
        Site { text: self.text, instance: None, loops: Rc::default(), is_default, ..site.clone() }
    }

    /// `parameters('name')`; `site.frame` is this frame.
    pub(super) fn parameter(&self, session: &Session<'a>, name: &str, site: &Site<'a>) -> Result<Value, EvalError> {
        match self.parameters.borrow().get(name) {
            Some(State::Done(value)) => return Ok(value.clone()),
            Some(State::Busy) => {
                return Err(EvalError::new(
                    "template/parameter-cycle",
                    format!("the parameter `{name}` depends on itself"),
                ));
            }
            None => {}
        }
        let Some((declared, span)) = declaration(self.template, name) else {
            return Err(EvalError::new("template/unknown-parameter", format!("there is no parameter `{name}`"))
                .help("declare it under `parameters`; inside an inner-scoped or linked template, pass it on"));
        };
        session.step()?;
        let key: Arc<str> = Arc::from(name);
        self.parameters.borrow_mut().insert(key.clone(), State::Busy);
        let since = session.untold();
        let value = self.bind(session, name, declared, Place::new(self.text, span), site);
        settle(&self.parameters, key, &value, session.remembers(since));
        Ok(value)
    }

    /// The value that is given, or the default: what is evaluated, and where it stands. Apart from [`Frame::bound`], so
    /// that a chain of parameters takes little stack.
    fn bind(&self, session: &Session<'a>, name: &str, declared: &'a Node, place: Place, site: &Site<'a>) -> Value {
        let given = self.supplied.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, supplied)| supplied);
        let (mut value, mut given_at) = match given {
            Some(Supplied::Secret) => (Some(Value::unknown(Reason::Secret(name.into()), expression_of(name))), None),
            Some(Supplied::Value(value)) => (Some(value.clone()), None),
            Some(Supplied::Node(node, given_site)) => {
                (Some(session.value(node, given_site)), Some(Place::new(given_site.text, node.span)))
            }
            Some(Supplied::Copied(node, given_site)) => {
                let value = session.value(node, given_site);
                (Some(value.get("value").cloned().unwrap_or(value)), Some(Place::new(given_site.text, node.span)))
            }
            None => (None, None),
        };
        let mut is_default = false;
        if value.as_ref().is_none_or(Value::is_null)
            && let Some(default) = declared.get("defaultValue")
        {
            value = Some(session.value(default, &self.own_site(site, true)));
            given_at = Some(Place::new(self.text, default.span));
            is_default = true;
        }
        self.bound(session, name, declared, (value, given_at, is_default), place, site)
    }

    /// The value as the template sees it: secrets hidden, what does not fit its declaration told.
    fn bound(
        &self,
        session: &Session<'a>,
        name: &str,
        declared: &'a Node,
        (value, given_at, is_default): (Option<Value>, Option<Place>, bool),
        place: Place,
        site: &Site<'a>,
    ) -> Value {
        let expression = expression_of(name);
        let definition = session.resolved(declared, self);
        let nullable = |node: &Node| node.get("nullable").is_some_and(|n| n.kind == glidepath_source::Kind::Bool(true));
        let mut value = match value {
            Some(value) => value,
            None if nullable(declared) || nullable(definition) => Value::Null,
            None => {
                let finding =
                    Finding::error("template/missing-parameter", format!("the parameter `{name}` has no value"))
                        .at_place(Some(place))
                        .why("the template declares it without a default, so Azure refuses to deploy without it")
                        .help(format!("give one, for example `--parameters {name}=…`"));
                session.tell(Finding { chain: site.chain(), ..finding });
                return Value::unknown(Reason::Parameter(name.into()), expression);
            }
        };
        if weight(&value, HEAVIEST).is_none() {
            return session.too_large(&format!("the parameter `{name}`"), place, site);
        }
        let kind = definition.get("type").and_then(Node::as_str).unwrap_or_default();
        if kind.to_ascii_lowercase().starts_with("secure") {
            // Templates decide on the shape of their own defaults (`{"enabled": false}`): only the texts are hidden.
            if session.links.reveals() {
                // Carried out, not shown.
            } else if is_default && kind.eq_ignore_ascii_case("secureObject") {
                value = without_texts(value, name, &expression);
            } else if !is_blank(&value) {
                value = Value::unknown(Reason::Secret(name.into()), expression);
            }
        } else {
            session.check(&value, declared, self, name, given_at.unwrap_or(place), &site.chain());
        }
        value
    }

    /// `variables('name')`; `site.frame` is this frame.
    pub(super) fn variable(&self, session: &Session<'a>, name: &str, site: &Site<'a>) -> Result<Value, EvalError> {
        match self.variables.borrow().get(name) {
            Some(State::Done(value)) => return Ok(value.clone()),
            Some(State::Busy) => {
                return Err(EvalError::new(
                    "template/variable-cycle",
                    format!("the variable `{name}` depends on itself"),
                ));
            }
            None => {}
        }
        let variables = self.template.get("variables");
        let plain = variables.and_then(|v| v.get(name)).filter(|_| !name.eq_ignore_ascii_case("copy"));
        let copied = || {
            let copies = variables?.get("copy")?.items();
            copies.iter().find(|c| c.get("name").and_then(Node::as_str).is_some_and(|n| n.eq_ignore_ascii_case(name)))
        };
        let Some((node, is_copy)) = plain.map(|n| (n, false)).or_else(|| copied().map(|n| (n, true))) else {
            return Err(EvalError::new("template/unknown-variable", format!("there is no variable `{name}`"))
                .help("declare it under `variables`; an inner-scoped or linked template has its own"));
        };
        session.step()?;
        let key: Arc<str> = Arc::from(name);
        self.variables.borrow_mut().insert(key.clone(), State::Busy);
        let own = self.own_site(site, false);
        let since = session.untold();
        let mut value = if is_copy { session.copied(node, &own).1 } else { session.value(node, &own) };
        if weight(&value, HEAVIEST).is_none() {
            value = session.too_large(&format!("the variable `{name}`"), Place::new(self.text, node.span), site);
        }
        settle(&self.variables, key, &value, session.remembers(since));
        Ok(value)
    }

    /// Calls a user-defined function: it sees its own parameters only.
    pub(super) fn function(&self, env: &Env<'a, '_>, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let namespace = call.namespace.as_deref().unwrap_or_default();
        let spaces = self.template.get("functions").map(Node::items).unwrap_or_default();
        let is_named =
            |n: &&Node| n.get("namespace").and_then(Node::as_str).is_some_and(|n| n.eq_ignore_ascii_case(namespace));
        let found = spaces.iter().filter(is_named).find_map(|n| n.get("members")?.get(&call.name));
        let Some(function) = found else {
            let message = format!("there is no function `{namespace}.{}`", call.name);
            return Err(EvalError::new("expression/unknown-function", message).help("declare it under `functions`"));
        };
        let declared = function.get("parameters").map(Node::items).unwrap_or_default();
        if declared.len() != call.args.len() {
            let message =
                format!("`{namespace}.{}` takes {} arguments, here are {}", call.name, declared.len(), call.args.len());
            return Err(EvalError::new("expression/wrong-argument-count", message));
        }
        let mut locals = Object::new();
        for (parameter, arg) in declared.iter().zip(&call.args) {
            let name = parameter.get("name").and_then(Node::as_str).unwrap_or_default();
            locals.insert(name, eval(arg)?);
        }
        let Some(body) = function.get("output").and_then(|o| o.get("value")) else { return Ok(Value::Null) };
        env.session.descend()?;
        let site = Site { text: self.text, loops: Rc::default(), ..env.site.clone() };
        let value = Env { session: env.session, site: &site, locals: Some(&locals) }.value(body);
        env.session.rise();
        if weight(&value, HEAVIEST).is_none() {
            let what = format!("the result of `{namespace}.{}`", call.name);
            return Ok(env.session.too_large(&what, Place::new(self.text, body.span), &site));
        }
        Ok(value)
    }
}

impl<'a> Session<'a> {
    pub(super) fn too_large(&self, what: &str, place: Place, site: &Site<'a>) -> Value {
        let message = format!("{what} holds more than {HEAVIEST} values, or nests too deep");
        let error = EvalError::new("template/too-large", message);
        self.failed(&error, place, &site.chain())
    }
}

/// Ends the evaluation of a name: with its value, or as if it had not been.
pub(super) fn settle(memo: &RefCell<FxHashMap<Arc<str>, State>>, key: Arc<str>, value: &Value, remember: bool) {
    let mut memo = memo.borrow_mut();
    if remember {
        memo.insert(key, State::Done(value.clone()));
    } else {
        memo.remove(&key);
    }
}

fn expression_of(parameter: &str) -> String {
    format!("parameters('{}')", parameter.replace('\'', "''"))
}

/// A secure value with its texts taken out.
fn without_texts(value: Value, name: &str, expression: &str) -> Value {
    match &value {
        Value::String(text) if !text.is_empty() => Value::unknown(Reason::Secret(name.into()), expression),
        Value::Array(items) => {
            let item = |(i, item): (usize, &Value)| without_texts(item.clone(), name, &format!("{expression}[{i}]"));
            items.iter().enumerate().map(item).collect::<Vec<_>>().into()
        }
        Value::Object(object) => object
            .iter()
            .map(|(key, item)| (key.clone(), without_texts(item.clone(), name, &format!("{expression}.{key}"))))
            .collect::<Object>()
            .into(),
        _ => value,
    }
}

/// An empty secret is none; templates ask for that.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Unknown(_) => true,
        Value::String(s) => s.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}
