//! Evaluating the nodes of a template.

use std::rc::{Rc, Weak};
use std::sync::Arc;

use glidepath_source::{Kind, Node, Place, Text};

use super::copy::Loop;
use super::frame::Frame;
use super::nested::Deployment;
use super::resources::Instance;
use super::session::Session;
use crate::expression::{Content, EvalError, classify, evaluate};
use crate::{Object, Reason, Value};

/// Where an expression stands: what its functions see.
#[derive(Clone)]
pub(super) struct Site<'a> {
    /// The text it is written in.
    pub(super) text: &'a Text,
    /// Parameters, variables, functions and scope functions. Of an outer-scoped nested deployment: those of its parent.
    pub(super) frame: Rc<Frame<'a>>,
    /// The resources that `reference` finds by name.
    pub(super) deployment: Weak<Deployment<'a>>,
    /// The resource it belongs to: what depends on what it refers to.
    pub(super) instance: Option<Weak<Instance<'a>>>,
    /// The loops around it, outermost first.
    pub(super) loops: Rc<Vec<Loop>>,
    /// `newGuid` and `utcNow` are for defaults of parameters only.
    pub(super) is_default: bool,
}

impl<'a> Site<'a> {
    pub(super) fn of(deployment: &Rc<Deployment<'a>>) -> Self {
        Self {
            text: deployment.text,
            frame: deployment.frame.clone(),
            deployment: Rc::downgrade(deployment),
            instance: None,
            loops: deployment.loops.clone(),
            is_default: false,
        }
    }

    pub(super) fn chain(&self) -> Vec<String> {
        self.deployment.upgrade().map(|d| d.chain.clone()).unwrap_or_default()
    }
}

/// An expression's host: its site, and the parameters of the user-defined function it is in.
pub(super) struct Env<'a, 'e> {
    pub(super) session: &'e Session<'a>,
    pub(super) site: &'e Site<'a>,
    pub(super) locals: Option<&'e Object>,
}

impl<'a> Session<'a> {
    /// Evaluates a node. What fails is told, and unknown.
    pub(super) fn value(&self, node: &'a Node, site: &Site<'a>) -> Value {
        let env = Env { session: self, site, locals: None };
        env.value(node)
    }

    /// A string that an expression may give; `None` where there is none, or an empty one, or null.
    pub(super) fn text_of(&self, node: Option<&'a Node>, site: &Site<'a>) -> Option<Value> {
        match self.value(node?, site) {
            Value::Null => None,
            Value::String(s) if s.is_empty() => None,
            other => Some(other),
        }
    }
}

impl<'a> Env<'a, '_> {
    pub(super) fn value(&self, node: &'a Node) -> Value {
        if let Err(error) = self.session.step() {
            return self.failed(&error, node);
        }
        match &node.kind {
            Kind::String(text) => self.string(text, node),
            Kind::Array(items) => items.iter().map(|item| self.value(item)).collect::<Vec<_>>().into(),
            Kind::Object(members) => {
                let mut object = Object::new();
                for member in members {
                    let is_copy =
                        member.key.eq_ignore_ascii_case("copy") && matches!(member.value.kind, Kind::Array(_));
                    if is_copy {
                        for copy in member.value.items() {
                            let (name, value) = self.session.copied(copy, self.site);
                            object.insert(name, value);
                        }
                        continue;
                    }
                    match self.key(&member.key, node) {
                        Ok(key) => object.insert(key, self.value(&member.value)),
                        Err(unknown) => return unknown,
                    }
                }
                object.into()
            }
            _ => Value::from(node),
        }
    }

    /// A key, which may be an expression, too.
    fn key(&self, key: &Arc<str>, node: &'a Node) -> Result<Arc<str>, Value> {
        if !key.starts_with('[') {
            return Ok(key.clone());
        }
        match self.string(key, node) {
            Value::String(key) => Ok(key),
            unknown @ Value::Unknown(_) => Err(unknown),
            other => Ok(Arc::from(crate::expression::functions::text(&other))),
        }
    }

    fn string(&self, text: &Arc<str>, node: &'a Node) -> Value {
        if !text.starts_with('[') {
            return Value::String(text.clone());
        }
        match classify(text) {
            Content::Literal(literal) => literal.as_ref().into(),
            Content::Expression(inner) => match self.session.expression(text, inner).as_ref() {
                Ok(expr) => match evaluate(expr, self) {
                    Ok(value) => value,
                    Err(error) => self.failed(&error, node),
                },
                Err(error) => {
                    let error = EvalError {
                        span: Some(glidepath_source::Span { start: error.offset, end: error.offset }),
                        ..EvalError::new("expression/syntax", format!("this is not an expression: {error}"))
                    };
                    self.failed(&error.help("a text that only looks like an expression starts with `[[`"), node)
                }
            },
        }
    }

    fn failed(&self, error: &EvalError, node: &Node) -> Value {
        if error.code == "template/too-large" {
            // Told once, not at every node that is left.
            let place = Place::new(self.site.text, glidepath_source::Span::default());
            self.session.failed(&EvalError { span: None, ..error.clone() }, place, &[]);
            return Value::unknown(Reason::Failed(error.message.clone()), "null()");
        }
        self.session.failed(error, Place::new(self.site.text, node.span), &self.site.chain())
    }
}
