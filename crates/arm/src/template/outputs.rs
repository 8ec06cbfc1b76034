//! Outputs of deployments.

use std::rc::Rc;
use std::sync::Arc;

use glidepath_source::{Node, Place};

use super::evaluate::Site;
use super::frame::{HEAVIEST, settle};
use super::nested::Deployment;
use super::session::{Session, State};
use crate::expression::{EvalError, weight};
use crate::{Object, Reason, Value};

impl<'a> Session<'a> {
    /// The value of an output.
    pub(super) fn output(&self, deployment: &Rc<Deployment<'a>>, name: &str) -> Result<Value, EvalError> {
        if let Some(unknown) = &deployment.missing {
            return Ok(unknown.clone());
        }
        match deployment.outputs.borrow().get(name) {
            Some(State::Done(value)) => return Ok(value.clone()),
            Some(State::Busy) => {
                let message = format!("the output `{name}` of `{}` depends on itself", deployment.words());
                return Err(EvalError::new("template/output-cycle", message)
                    .help("two deployments wait for each other's outputs; break the circle"));
            }
            None => {}
        }
        let declared = deployment.template.get("outputs").map(Node::members).unwrap_or_default();
        let found = declared.iter().find(|m| m.key.eq_ignore_ascii_case(name)).map(|m| &m.value);
        let Some(node) = found else {
            let names: Vec<String> = declared.iter().map(|m| format!("`{}`", m.key)).collect();
            let error = EvalError::new(
                "expression/no-such-property",
                format!("the deployment `{}` has no output `{name}`", deployment.words()),
            );
            return Err(if names.is_empty() {
                error.help("it has no outputs at all")
            } else {
                error.help(format!("it has {}", names.join(", ")))
            });
        };
        self.descend()?;
        let key: Arc<str> = Arc::from(name);
        deployment.outputs.borrow_mut().insert(key.clone(), State::Busy);
        let site = Site::of(deployment);
        let since = self.untold();
        let value = self.output_value(node, name, &site, deployment);
        settle(&deployment.outputs, key, &value, self.remembers(since));
        self.rise();
        Ok(value)
    }

    fn output_value(&self, node: &'a Node, name: &str, site: &Site<'a>, deployment: &Rc<Deployment<'a>>) -> Value {
        let kind = node.get("type").and_then(Node::as_str).unwrap_or_default().to_ascii_lowercase();
        if let Some(condition) = node.get("condition") {
            match self.value(condition, site) {
                Value::Bool(false) => return Value::Null,
                unknown @ Value::Unknown(_) => return unknown,
                _ => {}
            }
        }
        if kind.starts_with("secure") {
            return Value::unknown(
                Reason::Secret(name.into()),
                format!("reference('{}').outputs.{name}.value", deployment.words()),
            );
        }
        let value = match node.get("copy") {
            Some(copy) => self.copied(copy, site).1,
            None => node.get("value").map_or(Value::Null, |value| self.value(value, site)),
        };
        if weight(&value, HEAVIEST).is_none() {
            return self.too_large(&format!("the output `{name}`"), Place::new(site.text, node.span), site);
        }
        value
    }

    /// All outputs, as `reference(…).outputs` shows them: `{name: {type, value}}`.
    pub(super) fn all_outputs(&self, deployment: &Rc<Deployment<'a>>) -> Result<Value, EvalError> {
        if let Some(unknown) = &deployment.missing {
            return Ok(unknown.clone());
        }
        let mut outputs = Object::new();
        for member in deployment.template.get("outputs").map(Node::members).unwrap_or_default() {
            outputs.insert(member.key.clone(), self.output_entry(deployment, &member.key)?);
        }
        Ok(outputs.into())
    }

    /// One output as `{type, value}`.
    pub(super) fn output_entry(&self, deployment: &Rc<Deployment<'a>>, name: &str) -> Result<Value, EvalError> {
        let value = self.output(deployment, name)?;
        let node = deployment.template.get("outputs").and_then(|o| o.get(name));
        let kind = node.and_then(|n| n.get("type")).and_then(Node::as_str).unwrap_or("object");
        Ok(Value::object([("type", Value::from(kind)), ("value", value)]))
    }
}
