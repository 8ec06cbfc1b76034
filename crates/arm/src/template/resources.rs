//! The resources a template declares, loops unrolled and children listed beside their parents.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;

use glidepath_source::{Finding, Kind, Node, Place};

use super::evaluate::Site;
use super::nested::Deployment;
use super::scope::{Target, append, resource_id};
use super::session::Session;
use super::shape::a_node;
use crate::expression::functions::a_kind;
use crate::{Object, Reason, ResourceId, Value};

pub(super) const DEPLOYMENTS: &str = "Microsoft.Resources/deployments";

/// What of a resource is not its body.
const NOT_BODY: [&str; 17] = [
    "id",
    "name",
    "type",
    "apiVersion",
    "dependsOn",
    "condition",
    "copy",
    "comments",
    "resources",
    "scope",
    "existing",
    "metadata",
    "subscriptionId",
    "resourceGroup",
    "import",
    "extension",
    "asserts",
];
/// What a body may hold beside `properties`. Source: Microsoft Learn, "Resources in ARM templates", and the common
/// types of Azure's REST API.
const BODY: [&str; 19] = [
    "location",
    "tags",
    "kind",
    "sku",
    "identity",
    "plan",
    "zones",
    "properties",
    "managedBy",
    "managedByExtended",
    "extendedLocation",
    "eTag",
    "etag",
    "placement",
    "zone",
    "systemData",
    "$schema",
    "@options",
    "identities",
];

/// A value that is computed once.
#[derive(Default)]
pub(super) struct Memo {
    cell: OnceCell<Value>,
    busy: Cell<bool>,
}

impl Memo {
    /// The value; `None`: it is being computed just now.
    pub(super) fn get(&self, session: &Session<'_>, compute: impl FnOnce() -> Value) -> Option<Value> {
        if let Some(value) = self.cell.get() {
            return Some(value.clone());
        }
        if self.busy.replace(true) {
            return None;
        }
        let since = session.untold();
        let value = compute();
        self.busy.set(false);
        Some(if session.remembers(since) { self.cell.get_or_init(|| value).clone() } else { value })
    }
}

/// One resource, or one round of its loop.
pub(super) struct Instance<'a> {
    pub(super) node: &'a Node,
    pub(super) symbolic: Option<Arc<str>>,
    pub(super) site: Site<'a>,
    pub(super) loop_name: Option<Arc<str>>,
    pub(super) copy_index: Option<usize>,
    pub(super) parent: Option<Rc<Instance<'a>>>,
    /// Ids of what its expressions refer to.
    pub(super) implied: RefCell<Vec<Value>>,
    /// Its declaration is being looked into.
    pub(super) looking: Cell<bool>,
    pub(super) child: OnceCell<Rc<Deployment<'a>>>,
    pub(super) child_busy: Cell<bool>,
    kind: Memo,
    name: Memo,
    id: Memo,
    condition: Memo,
}

fn circular(what: &str) -> Value {
    Value::unknown(Reason::Failed(format!("the {what} of a resource depends on itself")), "null()")
}

impl<'a> Instance<'a> {
    pub(super) fn is_existing(&self) -> bool {
        self.node.get("existing").is_some_and(|e| e.kind == Kind::Bool(true))
    }

    /// Is its condition false?
    pub(super) fn is_dropped(&self, session: &Session<'a>) -> bool {
        self.condition(session) == Value::Bool(false)
    }

    /// Did the evaluation of its type, name or scope fail? Then it is not known what it is, only why.
    pub(super) fn is_broken(&self, session: &Session<'a>) -> bool {
        let failed = |v: &Value| matches!(v, Value::Unknown(u) if matches!(u.reason, Reason::Failed(_)));
        failed(&self.kind(session)) || failed(&self.name(session)) || failed(&self.id(session))
    }

    /// `import` or `extension`: not a resource of Azure.
    pub(super) fn is_extensible(&self) -> bool {
        self.node.get("import").is_some() || self.node.get("extension").is_some()
    }

    pub(super) fn is_deployment(&self, session: &Session<'a>) -> bool {
        self.kind(session).as_str().is_some_and(|k| k.eq_ignore_ascii_case(DEPLOYMENTS))
    }

    pub(super) fn place(&self) -> Place {
        Place::new(self.site.text, self.node.span)
    }

    /// The type, with those of the parents.
    pub(super) fn kind(&self, session: &Session<'a>) -> Value {
        let compute = || {
            let Some(own) = session.text_of(self.node.get("type"), &self.site) else {
                let finding =
                    Finding::error("template/no-type", "the resource has no type").at_place(Some(self.place()));
                session.tell(Finding { chain: self.site.chain(), ..finding });
                return Value::unknown(Reason::Failed("the resource has no type".into()), "null()");
            };
            if !matches!(own, Value::String(_) | Value::Unknown(_)) {
                let message = format!("the type of a resource is a string, this is {}", a_kind(&own));
                let place = self.node.get("type").map_or_else(|| self.place(), |n| Place::new(self.site.text, n.span));
                let finding = Finding::error("template/bad-shape", message.clone()).at_place(Some(place));
                let finding = finding.help("for example \"Microsoft.Storage/storageAccounts\"");
                session.tell(Finding { chain: self.site.chain(), ..finding });
                return Value::unknown(Reason::Failed(message), "null()");
            }
            match &self.parent {
                Some(parent) => {
                    let outer = parent.kind(session);
                    match (&outer, &own) {
                        (Value::String(outer), Value::String(own)) if is_whole(outer, own) => {
                            Value::String(own.clone())
                        }
                        _ => append(append(outer, &"/".into()), &own),
                    }
                }
                None => own,
            }
        };
        self.kind.get(session, compute).unwrap_or_else(|| circular("type"))
    }

    /// The name, with those of the parents.
    pub(super) fn name(&self, session: &Session<'a>) -> Value {
        let compute = || {
            let Some(own) = session.text_of(self.node.get("name"), &self.site) else {
                let finding =
                    Finding::error("template/no-name", "the resource has no name").at_place(Some(self.place()));
                session.tell(Finding { chain: self.site.chain(), ..finding });
                return Value::unknown(Reason::Failed("the resource has no name".into()), "null()");
            };
            let own = match own {
                Value::String(_) | Value::Unknown(_) => own,
                other => crate::expression::functions::text(&other).into(),
            };
            let full = |own: &Value| {
                let kind = self.node.get("type").and_then(Node::as_str).unwrap_or_default();
                let outer = self.parent.as_ref().map(|p| p.kind(session));
                let segments = own.as_str().map_or(0, |n| n.split('/').count());
                outer
                    .as_ref()
                    .and_then(Value::as_str)
                    .is_some_and(|outer| is_whole(outer, kind) && segments + 1 == kind.split('/').count())
            };
            match &self.parent {
                Some(parent) if !full(&own) => append(append(parent.name(session), &"/".into()), &own),
                _ => own,
            }
        };
        if self.is_dropped(session) {
            // The name of what is not deployed need not make sense.
            return session.quietly(|| self.name.get(session, compute)).unwrap_or_else(|| circular("name"));
        }
        self.name.get(session, compute).unwrap_or_else(|| circular("name"))
    }

    /// The scope it is deployed in, or the resource it extends.
    pub(super) fn scope(&self, session: &Session<'a>) -> Value {
        let Some(deployment) = self.site.deployment.upgrade() else { return "/".into() };
        if self.is_deployment(session) {
            return session.target_of(self, &deployment).id();
        }
        let holder = self.outermost();
        if let Some(scope) = session.text_of(holder.node.get("scope"), &holder.site) {
            return match &scope {
                Value::String(s) if s.starts_with('/') => ResourceId::new(s).as_str().into(),
                Value::String(s) => {
                    let base = match deployment.target.id() {
                        Value::String(base) => base.trim_end_matches('/').into(),
                        other => other,
                    };
                    append(base, &format!("/providers/{s}").into())
                }
                _ => scope,
            };
        }
        if holder.is_existing() {
            return session.target_of(holder, &deployment).id();
        }
        deployment.target.id()
    }

    fn outermost(&self) -> &Instance<'a> {
        let mut holder = self;
        while let Some(parent) = &holder.parent {
            holder = parent;
        }
        holder
    }

    /// The id.
    pub(super) fn id(&self, session: &Session<'a>) -> Value {
        let compute = || {
            let (kind, name) = (self.kind(session), self.name(session));
            let Value::String(kind) = &kind else { return kind };
            resource_id(&self.scope(session), kind, &name).unwrap_or_else(|| {
                let name = name.as_str().unwrap_or_default();
                let message = format!(
                    "the name `{name}` has {} segments, but the type `{kind}` wants {}",
                    name.split('/').count(),
                    kind.split('/').count().saturating_sub(1)
                );
                let place = self.node.get("name").map_or_else(|| self.place(), |n| Place::new(self.site.text, n.span));
                let finding = Finding::error("template/segment-count", message.clone()).at_place(Some(place));
                let finding = finding.help("a child resource is named with its parents: `parent/child`");
                session.tell(Finding { chain: self.site.chain(), ..finding });
                Value::unknown(Reason::Failed(message), "null()")
            })
        };
        if self.is_dropped(session) {
            return session.quietly(|| self.id.get(session, compute)).unwrap_or_else(|| circular("id"));
        }
        self.id.get(session, compute).unwrap_or_else(|| circular("id"))
    }

    /// The condition: a boolean, or unknown.
    pub(super) fn condition(&self, session: &Session<'a>) -> Value {
        let compute = || {
            let Some(node) = self.node.get("condition") else { return Value::Bool(true) };
            match session.value(node, &self.site) {
                known @ (Value::Bool(_) | Value::Unknown(_)) => known,
                Value::String(s) if s.eq_ignore_ascii_case("true") => Value::Bool(true),
                Value::String(s) if s.eq_ignore_ascii_case("false") => Value::Bool(false),
                other => {
                    let message = format!("the condition is `{other}`, not a boolean");
                    let finding =
                        Finding::error("template/bad-condition", message.clone()).at(self.site.text, node.span);
                    session.tell(Finding { chain: self.site.chain(), ..finding });
                    Value::unknown(Reason::Failed(message), "null()")
                }
            }
        };
        self.condition.get(session, compute).unwrap_or_else(|| circular("condition"))
    }

    /// The body as it would be sent. Null means absent.
    pub(super) fn body(&self, session: &Session<'a>) -> Value {
        let mut body = Object::new();
        for member in self.node.members() {
            if NOT_BODY.iter().any(|n| member.key.eq_ignore_ascii_case(n)) {
                continue;
            }
            if !BODY.iter().any(|n| member.key.eq_ignore_ascii_case(n)) {
                let message = format!("resources have no property `{}`", member.key);
                let finding =
                    Finding::warning("template/unknown-property", message).at(self.site.text, member.key_span);
                session.tell(finding.help("what belongs to the service stands under `properties`"));
            }
            let value = without_nulls(session.value(&member.value, &self.site));
            if !value.is_null() {
                body.insert(member.key.clone(), value);
            }
        }
        body.into()
    }
}

/// Does a child's type already hold its parent's?
fn is_whole(outer: &str, own: &str) -> bool {
    own.get(..outer.len()).is_some_and(|head| head.eq_ignore_ascii_case(outer))
        && own.as_bytes().get(outer.len()) == Some(&b'/')
}

fn without_nulls(value: Value) -> Value {
    fn has_null(value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(has_null),
            Value::Object(object) => object.values().any(|v| v.is_null() || has_null(v)),
            _ => false,
        }
    }
    if !has_null(&value) {
        return value;
    }
    match &value {
        Value::Array(items) => items.iter().cloned().map(without_nulls).collect::<Vec<_>>().into(),
        Value::Object(object) => {
            let kept = object.iter().filter(|(_, v)| !v.is_null());
            kept.map(|(k, v)| (k.clone(), without_nulls(v.clone()))).collect::<Object>().into()
        }
        _ => value,
    }
}

impl<'a> Session<'a> {
    /// The resources a deployment declares; empty while they are being listed.
    pub(super) fn instances<'d>(&self, deployment: &'d Rc<Deployment<'a>>) -> &'d [Rc<Instance<'a>>] {
        if let Some(instances) = deployment.instances.get() {
            return instances;
        }
        if deployment.listing.replace(true) {
            return &[];
        }
        let mut listed = Vec::new();
        let since = self.untold();
        let site = Site::of(deployment);
        let resources = if deployment.missing.is_some() { None } else { deployment.template.get("resources") };
        self.list(resources, &site, None, &mut listed);
        deployment.listing.set(false);
        if !self.remembers(since) {
            return &[];
        }
        deployment.instances.get_or_init(|| listed)
    }

    fn list(
        &self,
        resources: Option<&'a Node>,
        site: &Site<'a>,
        parent: Option<&Rc<Instance<'a>>>,
        listed: &mut Vec<Rc<Instance<'a>>>,
    ) {
        let Some(resources) = resources else { return };
        for node in resources.items() {
            self.add(node, None, site, parent, listed);
        }
        for member in resources.members() {
            self.add(&member.value, Some(member.key.clone()), site, parent, listed);
        }
    }

    fn add(
        &self,
        node: &'a Node,
        symbolic: Option<Arc<str>>,
        site: &Site<'a>,
        parent: Option<&Rc<Instance<'a>>>,
        listed: &mut Vec<Rc<Instance<'a>>>,
    ) {
        if !matches!(node.kind, Kind::Object(_)) {
            let message = format!("a resource is an object, this is {}", a_node(node));
            self.tell(Finding::error("template/bad-resource", message).at(site.text, node.span));
            return;
        }
        let Some(copy) = node.get("copy").filter(|c| matches!(c.kind, Kind::Object(_))) else {
            self.push(node, symbolic, site.clone(), None, None, parent, listed);
            return;
        };
        let copies = self.copies(copy, site);
        let count = match copies.count {
            Ok(count) => count,
            Err(unknown) => {
                let message = format!("how many copies the loop `{}` makes is not known here", copies.name);
                let finding = Finding::warning("template/unknown-count", message).at(site.text, copy.span);
                self.tell(finding.help("one resource stands for all of them in the result"));
                let site = site.within(copies.name.clone(), unknown);
                self.push(node, symbolic, site, Some(copies.name), None, parent, listed);
                return;
            }
        };
        if count == 0
            && let Some(deployment) = site.deployment.upgrade()
        {
            deployment.is_hollow.set(true);
        }
        for index in 0..count {
            if self.is_spent() {
                return;
            }
            let site = site.within(copies.name.clone(), Value::Int(index));
            let at = usize::try_from(index).ok();
            self.push(node, symbolic.clone(), site, Some(copies.name.clone()), at, parent, listed);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of an instance, each of them used once")]
    fn push(
        &self,
        node: &'a Node,
        symbolic: Option<Arc<str>>,
        site: Site<'a>,
        loop_name: Option<Arc<str>>,
        copy_index: Option<usize>,
        parent: Option<&Rc<Instance<'a>>>,
        listed: &mut Vec<Rc<Instance<'a>>>,
    ) {
        let outer = site.clone();
        let instance = Rc::new_cyclic(|own: &Weak<Instance<'a>>| Instance {
            node,
            symbolic,
            site: Site { instance: Some(own.clone()), ..site },
            loop_name,
            copy_index,
            parent: parent.cloned(),
            implied: RefCell::default(),
            looking: Cell::new(false),
            child: OnceCell::new(),
            child_busy: Cell::new(false),
            kind: Memo::default(),
            name: Memo::default(),
            id: Memo::default(),
            condition: Memo::default(),
        });
        listed.push(instance.clone());
        if instance.node.get("resources").is_some() {
            self.list(instance.node.get("resources"), &outer, Some(&instance), listed);
        }
    }

    /// The scope a nested deployment (or an existing resource) names, else that of the deployment it stands in.
    pub(super) fn target_of(&self, instance: &Instance<'a>, deployment: &Rc<Deployment<'a>>) -> Target {
        let (node, site) = (instance.node, &instance.site);
        match self.text_of(node.get("scope"), site) {
            Some(Value::String(scope)) => return Target::parse(&scope),
            Some(unknown @ Value::Unknown(_)) => return Target::Subscription(unknown),
            _ => {}
        }
        let own = &deployment.target;
        let subscription = self.text_of(node.get("subscriptionId"), site);
        let group = self.text_of(node.get("resourceGroup"), site);
        match (subscription, group) {
            (Some(subscription), Some(group)) => Target::ResourceGroup(subscription, group),
            (Some(subscription), None) => Target::Subscription(subscription),
            (None, Some(group)) => match own.subscription() {
                Some(subscription) => Target::ResourceGroup(subscription.clone(), group),
                None => {
                    let subscription = self.context.subscription_id.as_deref();
                    Target::ResourceGroup(super::scope::known(subscription, "subscription().subscriptionId"), group)
                }
            },
            (None, None) => own.clone(),
        }
    }
}
