//! `reference` and `list*`: from the declaration of the resource as far as it goes, else unknown.
//!
//! A reference to a deployment gives its outputs, expanding it first. A reference to a resource gives what its
//! declaration says of scalars and arrays; what the service adds at run time is unknown.

use std::rc::Rc;

use glidepath_source::{Kind, Node};

use super::evaluate::{Env, Site};
use super::nested::Deployment;
use super::resources::Instance;
use super::session::{Index, Session};
use crate::expression::{Call, Eval, EvalError, Step, look_unknown, unknown_call, walk};
use crate::{Reason, ResourceId, Value};

impl<'a> Env<'a, '_> {
    /// `reference(name or id[, version[, 'Full']])` and a path into it.
    pub(super) fn reference(&self, call: &Call, path: &[Step], eval: &Eval<'_>) -> Result<Value, EvalError> {
        let args = call.args.iter().map(eval).collect::<Result<Vec<_>, _>>()?;
        let wanted = match args.first() {
            Some(Value::String(wanted)) => wanted.clone(),
            Some(Value::Unknown(unknown)) => return Ok(self.unknown_at(call, &args, unknown.reason.clone(), path)),
            Some(_) => return Err(EvalError::new("expression/wrong-type", "`reference` takes a name or an id")),
            None => {
                return Err(EvalError::new("expression/wrong-argument-count", "`reference` takes 1 to 3 arguments"));
            }
        };
        let is_full = args.get(2).and_then(Value::as_str).is_some_and(|f| f.eq_ignore_ascii_case("full"));
        let Some(instance) = self.session.lookup(&wanted, self.site) else {
            if let Some(found) = self.existing(&wanted, is_full, path, call) {
                return Ok(found);
            }
            let reason = Reason::Runtime(wanted.to_string());
            return Ok(self.unknown_at(call, &args, reason, path));
        };
        self.session.imply(self.site, &instance);
        self.looked_up(&instance, is_full, call, &args, path)
    }

    /// What exists says at a path. What it does not say stays unknown: the service may know more than is kept here.
    fn existing(&self, id: &str, is_full: bool, path: &[Step], call: &Call) -> Option<Value> {
        let mut state = self.session.links.state(id)?;
        if !is_full {
            state = state.get("properties").cloned()?;
        }
        walk(state, path, call).ok().filter(|found| !found.is_null())
    }

    /// `references(symbolic name[, 'full'])`: one value a resource of the loop.
    pub(super) fn references(&self, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let args = call.args.iter().map(eval).collect::<Result<Vec<_>, _>>()?;
        let Some(Value::String(wanted)) = args.first() else {
            return Err(EvalError::new("expression/wrong-type", "`references` takes the symbolic name of a loop"));
        };
        let is_full = args.get(1).and_then(Value::as_str).is_some_and(|f| f.eq_ignore_ascii_case("full"));
        let Some(deployment) = self.site.deployment.upgrade() else { return Ok(Value::Null) };
        // Of each resource alone: what is unknown reads `reference('…')`.
        let call = &Call { name: "reference".into(), args: Vec::new(), ..call.clone() };
        let mut values = Vec::new();
        for instance in self.session.instances(&deployment) {
            let is_one = instance.symbolic.as_deref().is_some_and(|s| s.eq_ignore_ascii_case(wanted));
            if is_one && instance.condition(self.session) != Value::Bool(false) {
                self.session.imply(self.site, instance);
                values.push(self.looked_up(instance, is_full, call, &[instance.id(self.session)], &[])?);
            }
        }
        Ok(values.into())
    }

    fn looked_up(
        &self,
        instance: &Rc<Instance<'a>>,
        is_full: bool,
        call: &Call,
        args: &[Value],
        path: &[Step],
    ) -> Result<Value, EvalError> {
        if instance.condition(self.session) == Value::Bool(false) {
            let message = format!("the resource `{}` is not deployed: its condition is false", label(args.first()));
            return Err(EvalError::new("template/reference-to-dropped", message)
                .help("guard the reference with the same condition: `if(condition, reference(…), …)`"));
        }
        if instance.is_deployment(self.session) && !instance.is_existing() {
            return self.of_deployment(instance, is_full, call, args, path);
        }
        if let Some((found, used)) = self.session.declared(instance, path, is_full) {
            let rest = path.get(used..).unwrap_or_default();
            return walk(found, rest, call).map_err(|(_, e)| e);
        }
        let id = instance.id(self.session);
        if let Some(found) = id.as_str().and_then(|id| self.existing(id, is_full, path, call)) {
            return Ok(found);
        }
        let reason = Reason::Runtime(label(Some(&id)));
        let mut named = args.to_vec();
        if let Some(first) = named.first_mut() {
            *first = id;
        }
        Ok(self.unknown_at(call, &named, reason, path))
    }

    fn of_deployment(
        &self,
        instance: &Rc<Instance<'a>>,
        is_full: bool,
        call: &Call,
        args: &[Value],
        path: &[Step],
    ) -> Result<Value, EvalError> {
        let child = self.session.child(instance)?;
        let is = |at: usize, name: &str| {
            path.get(at).and_then(|s| s.key.as_str()).is_some_and(|key| key.eq_ignore_ascii_case(name))
        };
        let mut at = 0;
        if is_full {
            if !is(0, "properties") {
                let reason = Reason::Runtime(label(args.first()));
                return Ok(self.unknown_at(call, args, reason, path));
            }
            at = 1;
        }
        let rest = |used: usize| path.get(used..).unwrap_or_default();
        let finish = |value: Value, used: usize| walk(value, rest(used), call).map_err(|(_, e)| e);
        if path.len() > at && !is(at, "outputs") {
            if is(at, "provisioningState") {
                return finish("Succeeded".into(), at + 1);
            }
            let reason = Reason::Runtime(label(args.first()));
            return Ok(self.unknown_at(call, args, reason, path));
        }
        if let Some(Value::Unknown(unknown)) = &child.missing {
            return Ok(self.unknown_at(call, args, unknown.reason.clone(), path));
        }
        if path.len() <= at {
            let outputs = self.session.all_outputs(&child)?;
            let properties = Value::object([("outputs", outputs), ("provisioningState", "Succeeded".into())]);
            return Ok(properties);
        }
        let Some(step) = path.get(at + 1) else { return self.session.all_outputs(&child) };
        let Some(name) = step.key.as_str() else { return finish(self.session.all_outputs(&child)?, at + 1) };
        let declared = child.template.get("outputs").and_then(|o| o.get(name)).is_some();
        if !declared && step.safe {
            return Ok(Value::Null);
        }
        if is(at + 2, "value") {
            return finish(self.session.output(&child, name)?, at + 3);
        }
        finish(self.session.output_entry(&child, name)?, at + 2)
    }

    fn unknown_at(&self, call: &Call, args: &[Value], reason: Reason, path: &[Step]) -> Value {
        match unknown_call(call, args, &reason) {
            Value::Unknown(unknown) => look_unknown(&unknown, path, call),
            other => other,
        }
    }

    /// `listKeys(id or name, version, …)` and its family.
    pub(super) fn list(&self, call: &Call, eval: &Eval<'_>) -> Result<Value, EvalError> {
        let mut args = call.args.iter().map(eval).collect::<Result<Vec<_>, _>>()?;
        let mut of = label(args.first());
        if let Some(Value::String(wanted)) = args.first().cloned()
            && let Some(instance) = self.session.lookup(&wanted, self.site)
        {
            self.session.imply(self.site, &instance);
            let id = instance.id(self.session);
            of = label(Some(&id));
            if let Some(first) = args.first_mut() {
                *first = id;
            }
        }
        if let Some(found) = self.session.links.list(&call.name, &of) {
            return Ok(found);
        }
        Ok(unknown_call(call, &args, &Reason::List(of)))
    }
}

fn label(value: Option<&Value>) -> String {
    value.map(super::nested::label).unwrap_or_default()
}

impl<'a> Session<'a> {
    /// The resource that a name, a symbolic name or an id means at a site.
    pub(super) fn lookup(&self, wanted: &str, site: &Site<'a>) -> Option<Rc<Instance<'a>>> {
        let mut deployment = site.deployment.upgrade()?;
        loop {
            if let Some(found) = self.lookup_in(wanted, &deployment) {
                return Some(found);
            }
            // An outer-scoped template sees what its parent sees.
            if !deployment.is_outer {
                break;
            }
            deployment = deployment.parent.upgrade()?;
        }
        if wanted.starts_with('/') { self.lookup_everywhere(wanted) } else { None }
    }

    fn lookup_in(&self, wanted: &str, deployment: &Rc<Deployment<'a>>) -> Option<Rc<Instance<'a>>> {
        let instances = self.instances(deployment);
        if wanted.starts_with('/') {
            return self.by_id(wanted, instances);
        }
        let (symbol, at) = match wanted.strip_suffix(']').and_then(|w| w.rsplit_once('[')) {
            Some((symbol, at)) => (symbol, at.parse::<usize>().ok()),
            None => (wanted, None),
        };
        let symbolic = instances.iter().find(|i| {
            i.symbolic.as_deref().is_some_and(|s| s.eq_ignore_ascii_case(symbol))
                && (at.is_none() || i.copy_index == at || i.copy_index.is_none())
        });
        if symbolic.is_some() {
            return symbolic.cloned();
        }
        let named = |i: &&Rc<Instance<'a>>| i.name(self).as_str().is_some_and(|n| n.eq_ignore_ascii_case(wanted));
        // Of several resources with one name, the one that is deployed is meant.
        let mut hits = instances.iter().filter(named);
        let first = hits.next()?;
        if first.condition(self) != Value::Bool(false) {
            return Some(first.clone());
        }
        Some(hits.find(|i| i.condition(self) != Value::Bool(false)).unwrap_or(first).clone())
    }

    fn by_id(&self, wanted: &str, instances: &[Rc<Instance<'a>>]) -> Option<Rc<Instance<'a>>> {
        let id = ResourceId::new(wanted);
        let kind = id.resource_type()?;
        let fits = |i: &&Rc<Instance<'a>>| {
            i.kind(self).as_str().is_some_and(|k| same_kind(k, kind.as_str()))
                && i.id(self).as_str().is_some_and(|own| own.eq_ignore_ascii_case(id.as_str()))
        };
        let mut hits = instances.iter().filter(fits);
        let first = hits.next()?;
        let is_meant = |i: &Rc<Instance<'a>>| !i.is_existing() && i.condition(self) != Value::Bool(false);
        if is_meant(first) {
            return Some(first.clone());
        }
        Some(hits.find(|i| is_meant(i)).unwrap_or(first).clone())
    }

    /// Looks in all deployments. They are listed for it once; what is needed while that happens is not found.
    pub(super) fn lookup_everywhere(&self, wanted: &str) -> Option<Rc<Instance<'a>>> {
        let index = self.index.borrow().clone();
        let index = match index {
            Some(index) => index,
            None => {
                if self.indexing.replace(true) {
                    return None;
                }
                let mut index: Index<'a> = Index::default();
                let root = self.root.get()?.clone();
                // What is being evaluated now seems circular from here: that is no failure of the template.
                self.quietly(|| {
                    self.each_deployment(&root, &mut |deployment| {
                        for instance in self.instances(deployment) {
                            if let Value::String(kind) = instance.kind(self)
                                && !instance.is_existing()
                            {
                                index.entry(kind.to_ascii_lowercase()).or_default().push(instance.clone());
                            }
                        }
                    });
                });
                self.indexing.set(false);
                let index = Rc::new(index);
                *self.index.borrow_mut() = Some(index.clone());
                index
            }
        };
        let kind = ResourceId::new(wanted).resource_type()?;
        let instances = index.get(&kind.as_str().to_ascii_lowercase())?;
        // One whose condition hangs on what is being evaluated is deployed after it.
        self.attempt(|| self.by_id(wanted, instances).filter(|found| found.condition(self) != Value::Bool(false)))
    }

    /// Notes that the resource of a site depends on another of the same template.
    pub(super) fn imply(&self, site: &Site<'a>, on: &Rc<Instance<'a>>) {
        let Some(from) = site.instance.as_ref().and_then(std::rc::Weak::upgrade) else { return };
        if !Rc::ptr_eq(&from, on) && std::rc::Weak::ptr_eq(&from.site.deployment, &on.site.deployment) {
            let id = on.id(self);
            let mut implied = from.implied.borrow_mut();
            if !implied.contains(&id) {
                implied.push(id);
            }
        }
    }

    /// What a declaration says at a path, and how many steps of it were used. `None`: nothing, or not all of it.
    fn declared(&self, instance: &Rc<Instance<'a>>, path: &[Step], is_full: bool) -> Option<(Value, usize)> {
        let key = |at: usize| path.get(at).and_then(|s: &Step| s.key.as_str()).map(str::to_ascii_lowercase);
        if is_full {
            match key(0)?.as_str() {
                "id" | "resourceid" => return Some((instance.id(self), 1)),
                _ if instance.is_existing() => return None,
                "name" | "apiversion" | "type" => return None,
                _ => {}
            }
        } else if instance.is_existing() {
            return None;
        }
        if instance.looking.replace(true) {
            return None;
        }
        // A deployment may read what a later one changes: then the declaration leads back here, and says nothing.
        let found = self.attempt(|| self.declared_at(instance, path, is_full));
        instance.looking.set(false);
        let (value, used) = found?;
        let whole = used == path.len();
        let plain = is_full && matches!(key(0).as_deref(), Some("tags" | "sku" | "zones" | "plan"));
        match &value {
            Value::Null => None,
            // The service may add to an object.
            Value::Object(_) if !plain || !whole => None,
            _ => Some((value, used)),
        }
    }

    fn declared_at(&self, instance: &Rc<Instance<'a>>, path: &[Step], is_full: bool) -> Option<(Value, usize)> {
        let mut node: &'a Node = if is_full { instance.node } else { instance.node.get("properties")? };
        for (used, step) in path.iter().enumerate() {
            match (&node.kind, &step.key) {
                (Kind::Object(_), Value::String(name)) => match node.get(name) {
                    Some(inner) => node = inner,
                    // It may come from a loop or from a computed key.
                    None if node.get("copy").is_some() => {
                        let value = self.value(node, &instance.site);
                        return Some((value.get(name)?.clone(), used + 1)).and_then(|found| deeper(found, path));
                    }
                    None => return None,
                },
                (Kind::Array(items), Value::Int(at)) => node = items.get(usize::try_from(*at).ok()?)?,
                (Kind::String(_), _) => return deeper((self.value(node, &instance.site), used), path),
                _ => return None,
            }
        }
        Some((self.value(node, &instance.site), path.len()))
    }
}

/// Follows a path into a value as far as it is declared.
fn deeper((mut value, mut used): (Value, usize), path: &[Step]) -> Option<(Value, usize)> {
    while let Some(step) = path.get(used) {
        let next = match (&value, &step.key) {
            (Value::Object(object), Value::String(name)) => object.get(name).cloned(),
            (Value::Array(items), Value::Int(at)) => usize::try_from(*at).ok().and_then(|at| items.get(at).cloned()),
            (Value::Unknown(_), _) => return Some((value, used)),
            _ => None,
        };
        value = next?;
        used += 1;
    }
    Some((value, used))
}

/// Types are compared as ids show them: the legacy extension form `X/providers/locks` reads as `…/locks`.
fn same_kind(declared: &str, of_id: &str) -> bool {
    declared.eq_ignore_ascii_case(of_id) || declared.to_ascii_lowercase().contains("/providers/")
}
