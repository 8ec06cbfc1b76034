//! Deployments: the root and the nested ones, inline and linked, inner- and outer-scoped.
//!
//! Source: Microsoft Learn, "Using linked and nested templates". Outer-scoped templates see the parameters, variables and
//! scope functions of their parent. That outer pass goes through templates nested deeper, too, even if those are
//! inner-scoped: there `[[…]` loses a bracket and is an expression of the inner template.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use glidepath_source::{Finding, Kind, Member, Node, Span, Text, json};
use rustc_hash::FxHashMap;

use super::copy::Loop;
use super::evaluate::Site;
use super::frame::{Frame, Supplied};
use super::parameters::declaration;
use super::resources::Instance;
use super::scope::Target;
use super::session::{Document, Session, State};
use crate::expression::{Content, EvalError, classify};
use crate::{Reason, Value};

/// How deep deployments may nest.
const DEEPEST: usize = 24;

/// A template and where it goes.
pub(super) struct Deployment<'a> {
    pub(super) text: &'a Text,
    pub(super) template: &'a Node,
    pub(super) frame: Rc<Frame<'a>>,
    pub(super) target: Target,
    /// The names of the nested deployments that led here, its own last; empty for the root.
    pub(super) chain: Vec<String>,
    /// Evaluated in its parent's frame.
    pub(super) is_outer: bool,
    /// The loops around it, of which an outer-scoped template sees the index.
    pub(super) loops: Rc<Vec<Loop>>,
    pub(super) parent: Weak<Deployment<'a>>,
    /// The unknown that stands for everything in a template that is not here.
    pub(super) missing: Option<Value>,
    pub(super) instances: OnceCell<Vec<Rc<Instance<'a>>>>,
    pub(super) listing: Cell<bool>,
    /// One of its loops has no rounds: a name in `dependsOn` may be one of those.
    pub(super) is_hollow: Cell<bool>,
    pub(super) outputs: RefCell<FxHashMap<Arc<str>, State>>,
}

/// A template found for a nested deployment.
struct Found<'a> {
    text: &'a Text,
    template: &'a Node,
    uri: Option<Value>,
    is_outer: bool,
}

static NOTHING: Node = Node { span: Span { start: 0, end: 0 }, kind: Kind::Null };

impl<'a> Deployment<'a> {
    pub(super) fn root(document: &'a Document, frame: Rc<Frame<'a>>, target: Target) -> Self {
        Self::new(&document.text, &document.root, frame, target, Weak::new())
    }

    fn new(
        text: &'a Text,
        template: &'a Node,
        frame: Rc<Frame<'a>>,
        target: Target,
        parent: Weak<Deployment<'a>>,
    ) -> Self {
        Self {
            text,
            template,
            frame,
            target,
            chain: Vec::new(),
            is_outer: false,
            loops: Rc::default(),
            parent,
            missing: None,
            instances: OnceCell::new(),
            listing: Cell::new(false),
            is_hollow: Cell::new(false),
            outputs: RefCell::default(),
        }
    }

    /// Its name, for messages.
    pub(super) fn words(&self) -> &str {
        self.chain.last().map_or("the root deployment", String::as_str)
    }
}

impl<'a> Session<'a> {
    /// The deployment that a deployment resource stands for.
    ///
    /// # Errors
    /// When it is needed to tell what it is.
    pub(super) fn child(&self, instance: &Rc<Instance<'a>>) -> Result<Rc<Deployment<'a>>, EvalError> {
        if let Some(child) = instance.child.get() {
            return Ok(child.clone());
        }
        let name = instance.name(self);
        if instance.child_busy.replace(true) {
            let message = format!("the deployment `{}` depends on itself", label(&name));
            return Err(EvalError::new("template/deployment-cycle", message));
        }
        let since = self.untold();
        let result = self.descend().map(|()| {
            let child = self.make_child(instance, &name);
            self.rise();
            child
        });
        instance.child_busy.set(false);
        let child = Rc::new(result?);
        if !self.remembers(since) {
            return Ok(child);
        }
        Ok(instance.child.get_or_init(|| child).clone())
    }

    fn make_child(&self, instance: &Rc<Instance<'a>>, name: &Value) -> Deployment<'a> {
        let site = &instance.site;
        let parent = site.deployment.clone();
        let mut chain = site.chain();
        chain.push(label(name));
        let target = match parent.upgrade() {
            Some(parent) => self.target_of(instance, &parent),
            None => Target::Tenant,
        };
        let own = self.text_of(instance.node.get("location"), site);
        let names = (name.clone(), own.unwrap_or_else(|| site.frame.location.clone()));
        let found = if chain.len() > DEEPEST {
            let error = EvalError::new("template/too-deep", format!("deployments nest deeper than {DEEPEST}"));
            Err(self.failed(&error, instance.place(), &chain))
        } else {
            self.find_template(instance, &chain)
        };
        match found {
            Ok(found) if found.is_outer => {
                let child = Deployment::new(found.text, found.template, site.frame.clone(), target, parent);
                Deployment { chain, is_outer: true, loops: site.loops.clone(), ..child }
            }
            Ok(found) => {
                let supplied = self.supplied(instance, &found, &chain);
                let frame = Frame::new(found.text, found.template, target.clone(), names, found.uri, supplied);
                Deployment { chain, ..Deployment::new(found.text, found.template, Rc::new(frame), target, parent) }
            }
            Err(unknown) => {
                let frame = Frame::new(site.text, &NOTHING, target.clone(), names, None, Vec::new());
                let child = Deployment::new(site.text, &NOTHING, Rc::new(frame), target, parent);
                Deployment { chain, missing: Some(unknown), ..child }
            }
        }
    }

    /// Inline, linked, or an unknown that says why there is none.
    fn find_template(&self, instance: &Rc<Instance<'a>>, chain: &[String]) -> Result<Found<'a>, Value> {
        let site = &instance.site;
        let properties = instance.node.get("properties");
        if let Some(template) = properties.and_then(|p| p.get("template")).filter(|t| t.kind != Kind::Null) {
            let options = properties.and_then(|p| p.get("expressionEvaluationOptions")).and_then(|o| o.get("scope"));
            let scope = self.text_of(options, site);
            let is_inner = scope.as_ref().and_then(Value::as_str).is_some_and(|s| s.eq_ignore_ascii_case("inner"));
            let in_outer_pass = site.deployment.upgrade().is_some_and(|d| d.is_outer);
            let computed = matches!(template.kind, Kind::String(_));
            if computed || (is_inner && in_outer_pass) {
                let node = if computed {
                    match self.value(template, site) {
                        unknown @ Value::Unknown(_) => return Err(unknown),
                        value => self.as_node(&value, template.span),
                    }
                } else {
                    self.outer_pass(template, site)
                };
                let Some(document) = self.arena.add(site.text.clone(), node) else {
                    return Err(self.too_many(instance));
                };
                let (text, template) = (&document.text, &document.root);
                return Ok(Found { text, template, uri: None, is_outer: !is_inner && !computed });
            }
            return Ok(Found { text: site.text, template, uri: None, is_outer: !is_inner });
        }
        let Some(link) = properties.and_then(|p| p.get("templateLink")) else {
            let message = format!("the deployment `{}` has neither `template` nor `templateLink`", chain_end(chain));
            let finding = Finding::error("template/no-template", message.clone()).at_place(Some(instance.place()));
            self.tell(Finding { chain: chain.to_vec(), ..finding });
            return Err(Value::unknown(Reason::Failed(message), "null()"));
        };
        self.linked(instance, link, chain)
    }

    fn linked(&self, instance: &Rc<Instance<'a>>, link: &'a Node, chain: &[String]) -> Result<Found<'a>, Value> {
        let site = &instance.site;
        if let Some(id) = self.text_of(link.get("id"), site) {
            let id = label(&id);
            let finding = Finding::warning("template/link-not-found", format!("the template spec `{id}` is not here"));
            let finding = finding.at(site.text, link.span).why("what it deploys is unknown");
            self.tell(Finding { chain: chain.to_vec(), ..finding });
            return Err(Value::unknown(Reason::Template(id.clone()), format!("reference('{id}')")));
        }
        let uri = match (self.text_of(link.get("uri"), site), self.text_of(link.get("relativePath"), site)) {
            (Some(uri), _) => uri,
            (None, Some(Value::String(path))) => match site.frame.uri.as_ref().and_then(Value::as_str) {
                Some(base) if base.contains("://") => crate::expression::functions::combine_uris(base, &path).into(),
                // A file beside the root template: `linked/a.json` leads to `linked/b.json`.
                Some(base) => {
                    let whole = crate::expression::functions::combine_uris(&format!("file://x/{base}"), &path);
                    whole.strip_prefix("file://x/").unwrap_or(&path).into()
                }
                None => Value::String(path),
            },
            (None, Some(other)) => other,
            (None, None) => Value::Null,
        };
        let uri_text = match &uri {
            Value::String(uri) => uri.to_string(),
            Value::Unknown(unknown) => {
                let finding = Finding::warning("template/link-not-found", "where this template lies is not known here")
                    .at(site.text, link.span)
                    .why(unknown.reason.to_string())
                    .help("give what the link is made of, for example the root template's own URI");
                self.tell(Finding { chain: chain.to_vec(), ..finding });
                return Err(Value::unknown(Reason::Template(unknown.expression.clone()), unknown.expression.clone()));
            }
            _ => {
                let message = "the link has no `uri`".to_owned();
                self.tell(Finding::error("template/no-template", message.clone()).at(site.text, link.span));
                return Err(Value::unknown(Reason::Failed(message), "null()"));
            }
        };
        let Some(document) = self.fetch(&uri_text) else {
            let finding = Finding::warning("template/link-not-found", format!("the linked template `{uri_text}` is not here"))
                .at(site.text, link.span)
                .why("what it deploys is unknown")
                .help("map the beginning of its URI to a folder, for example `--link https://example.org/templates/=./templates`");
            self.tell(Finding { chain: chain.to_vec(), ..finding });
            return Err(Value::unknown(
                Reason::Template(uri_text.clone()),
                format!("reference('{}')", chain_end(chain)),
            ));
        };
        if let (Some(Value::String(wanted)), Some(found)) =
            (self.text_of(link.get("contentVersion"), site), document.root.get("contentVersion").and_then(Node::as_str))
            && wanted.as_ref() != found
        {
            let message = format!("the link asks for version `{wanted}`, the template `{uri_text}` is `{found}`");
            self.tell(Finding::error("template/content-version", message).at(site.text, link.span));
        }
        Ok(Found { text: &document.text, template: &document.root, uri: Some(uri), is_outer: false })
    }

    /// A linked template, read once.
    fn fetch(&self, uri: &str) -> Option<&'a Document> {
        if let Some(known) = self.linked.borrow().get(uri) {
            return *known;
        }
        let document = self.links.fetch(uri).and_then(|text| match json::parse_telling(&text) {
            Ok((root, told)) => {
                told.into_iter().for_each(|finding| self.tell(finding));
                self.arena.add(text, root)
            }
            Err(finding) => {
                self.tell(finding);
                None
            }
        });
        self.linked.borrow_mut().insert(uri.to_owned(), document);
        document
    }

    fn too_many(&self, instance: &Rc<Instance<'a>>) -> Value {
        let error = EvalError::new("template/too-large", "there are too many nested templates");
        self.failed(&error, instance.place(), &instance.site.chain())
    }

    /// The values a nested deployment gives its template.
    fn supplied(
        &self,
        instance: &Rc<Instance<'a>>,
        found: &Found<'a>,
        chain: &[String],
    ) -> Vec<(Arc<str>, Supplied<'a>)> {
        let site = &instance.site;
        let Some(properties) = instance.node.get("properties") else { return Vec::new() };
        let mut supplied = Vec::new();
        match properties.get("parameters").map(|p| (&p.kind, p)) {
            Some((Kind::Object(members), _)) => {
                for member in members {
                    if declaration(found.template, &member.key).is_none() {
                        let message = format!("the nested template has no parameter `{}`", member.key);
                        let finding =
                            Finding::error("template/unknown-parameter", message).at(site.text, member.key_span);
                        self.tell(Finding { chain: chain.to_vec(), ..finding });
                    }
                    let value = match (&member.value.kind, member.value.get("value"), member.value.get("reference")) {
                        (_, Some(value), _) => Supplied::Node(value, site.clone()),
                        // A loop makes the `value`.
                        _ if member.value.get("copy").is_some() => Supplied::Copied(&member.value, site.clone()),
                        (_, None, Some(_)) => Supplied::Secret,
                        (Kind::String(_), ..) => Supplied::Value(self.unwrapped(&self.value(&member.value, site))),
                        _ => continue,
                    };
                    supplied.push((member.key.clone(), value));
                }
            }
            Some((Kind::String(_), node)) => {
                // The whole set is computed.
                if let Value::Object(object) = self.value(node, site) {
                    for (key, value) in object.iter() {
                        supplied.push((key.clone(), Supplied::Value(self.unwrapped(value))));
                    }
                }
            }
            _ => {}
        }
        let link = properties.get("parametersLink").and_then(|l| self.text_of(l.get("uri"), site));
        if let Some(uri) = link {
            let document = uri.as_str().and_then(|uri| self.fetch(uri));
            match document.map(|d| d.root.get("parameters").unwrap_or(&d.root)) {
                Some(values) => {
                    for member in values.members() {
                        let value =
                            member.value.get("value").map_or(Supplied::Secret, |v| Supplied::Value(Value::from(v)));
                        supplied.push((member.key.clone(), value));
                    }
                }
                None => {
                    let message = format!("the linked parameters `{}` are not here", label(&uri));
                    self.tell(Finding::warning("template/link-not-found", message).at(site.text, properties.span));
                }
            }
        }
        supplied
    }

    fn unwrapped(&self, value: &Value) -> Value {
        value.get("value").cloned().unwrap_or_else(|| value.clone())
    }

    /// The outer pass over an inner template: expressions become values, `[[…]` becomes `[…]`.
    fn outer_pass(&self, node: &'a Node, site: &Site<'a>) -> Node {
        let kind = match &node.kind {
            Kind::String(text) => match classify(text) {
                Content::Literal(literal) => Kind::String(Arc::from(literal.as_ref())),
                Content::Expression(_) => return self.as_node(&self.value(node, site), node.span),
            },
            Kind::Array(items) => Kind::Array(items.iter().map(|item| self.outer_pass(item, site)).collect()),
            Kind::Object(members) => Kind::Object(
                members
                    .iter()
                    .map(|m| Member {
                        key: m.key.clone(),
                        key_span: m.key_span,
                        value: self.outer_pass(&m.value, site),
                    })
                    .collect(),
            ),
            other => other.clone(),
        };
        Node { span: node.span, kind }
    }

    /// A value as a node of a template; unknowns are held back and stand as expressions that fetch them.
    fn as_node(&self, value: &Value, span: Span) -> Node {
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(b) => Kind::Bool(*b),
            Value::Int(i) => Kind::Int(*i),
            Value::Float(f) => Kind::Float(*f),
            Value::String(s) => Kind::String(s.clone()),
            Value::Array(items) => Kind::Array(items.iter().map(|item| self.as_node(item, span)).collect()),
            Value::Object(object) => Kind::Object(
                object
                    .iter()
                    .map(|(key, item)| Member { key: key.clone(), key_span: span, value: self.as_node(item, span) })
                    .collect(),
            ),
            Value::Unknown(_) => {
                let mut held = self.held.borrow_mut();
                held.push(value.clone());
                Kind::String(Arc::from(format!("[__held({})]", held.len() - 1)))
            }
        };
        Node { span, kind }
    }

    /// All nested deployments that run, from this one on, itself first.
    pub(super) fn each_deployment(&self, deployment: &Rc<Deployment<'a>>, visit: &mut dyn FnMut(&Rc<Deployment<'a>>)) {
        visit(deployment);
        for instance in self.instances(deployment) {
            let runs = instance.is_deployment(self) && instance.condition(self) != Value::Bool(false);
            if runs
                && !self.is_spent()
                && let Ok(child) = self.child(instance)
            {
                self.each_deployment(&child, visit);
            }
        }
    }
}

/// A name or id for messages and chains.
pub(super) fn label(name: &Value) -> String {
    match name {
        Value::String(name) => name.to_string(),
        Value::Unknown(unknown) => format!("[{}]", unknown.expression),
        other => other.to_string(),
    }
}

fn chain_end(chain: &[String]) -> &str {
    chain.last().map_or("", String::as_str)
}
