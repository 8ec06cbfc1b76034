//! The last walk: from deployments to the flat list.

use std::collections::BTreeMap;
use std::rc::Rc;

use glidepath_source::{Finding, Node, Place};
use indexmap::IndexSet;

use super::depend::Edges;
use super::evaluate::Site;
use super::nested::{Deployment, label};
use super::resources::Instance;
use super::session::Session;
use super::{Dropped, Expanded, Expansion, Nested};
use crate::{ResourceId, ResourceType, Value};

impl<'a> Session<'a> {
    /// Expands everything from the root on.
    pub(super) fn run(&self, root: Rc<Deployment<'a>>) -> Expansion {
        let root = self.root.get_or_init(|| root).clone();
        let mut expansion = Expansion::default();
        self.emit(&root, None, &mut expansion);
        for output in root.template.get("outputs").map(Node::members).unwrap_or_default() {
            let value = match self.output(&root, &output.key) {
                Ok(value) => value,
                Err(error) => self.failed(&error, Place::new(root.text, output.value.span), &[]),
            };
            expansion.outputs.insert(output.key.clone(), value);
        }
        for assert in root.template.get("asserts").map(Node::members).unwrap_or_default() {
            let value = self.value(&assert.value, &Site::of(&root));
            if value == Value::Bool(false) {
                let message = format!("the assert `{}` is false", assert.key);
                self.tell(Finding::error("template/assert-failed", message).at(root.text, assert.value.span));
            }
            expansion.asserts.insert(assert.key.clone(), value);
        }
        expansion.findings = self.take_findings();
        expansion
    }

    /// `around`: the unknown condition of a deployment around this one.
    fn emit(&self, deployment: &Rc<Deployment<'a>>, around: Option<&Value>, expansion: &mut Expansion) {
        self.tell_shape(deployment);
        self.bind_all(deployment);
        self.tell_limits(deployment);
        let instances = self.instances(deployment);
        let mut bodies = Vec::with_capacity(instances.len());
        for instance in instances {
            let runs = !instance.is_existing() && !instance.is_dropped(self) && !instance.is_broken(self);
            let is_resource = runs && !instance.is_deployment(self) && !instance.is_extensible();
            // Bodies come first: what they refer to are dependencies.
            bodies.push(is_resource.then(|| instance.body(self)));
            if runs
                && !is_resource
                && !instance.is_extensible()
                && let Ok(child) = self.child(instance)
            {
                self.bind_all(&child);
            }
        }
        self.tell_duplicates(instances);
        let edges = self.dependencies(deployment);
        for ((instance, body), on) in instances.iter().zip(bodies).zip(&edges) {
            if instance.is_existing() {
                expansion.existing += 1;
            } else if instance.is_dropped(self) {
                expansion.dropped.push(self.dropped(instance));
            } else if instance.is_broken(self) {
                // Told where it failed.
            } else if instance.is_extensible() {
                let message = "a resource of an extension is not a resource of Azure, it is left out";
                self.tell(
                    Finding::note("template/extension-resource", message).at(instance.site.text, instance.node.span),
                );
            } else if let Some(body) = body {
                expansion.resources.push(self.expanded(instance, body, around, self.ids_of(instances, on)));
            } else {
                match self.child(instance) {
                    Ok(child) => {
                        expansion.deployments += 1;
                        let at = expansion.nested.len();
                        let (depends_on, implied) = self.ids_of(instances, on);
                        expansion.nested.push(Nested {
                            id: instance.id(self),
                            deployment: child.chain.clone(),
                            scope: child.target.id(),
                            source: instance.place(),
                            symbolic_name: instance.symbolic.as_deref().map(str::to_owned),
                            copy_index: instance.copy_index,
                            depends_on,
                            implied,
                            outputs: Value::Null,
                        });
                        let own = both(around, instance.condition(self));
                        self.emit(&child, own.as_ref(), expansion);
                        let outputs = self.quietly(|| self.all_outputs(&child)).unwrap_or(Value::Null);
                        if let Some(nested) = expansion.nested.get_mut(at) {
                            nested.outputs = outputs;
                        }
                        for output in child.template.get("outputs").map(Node::members).unwrap_or_default() {
                            if let Err(error) = self.output(&child, &output.key) {
                                self.failed(&error, Place::new(child.text, output.value.span), &child.chain);
                            }
                        }
                    }
                    Err(error) => {
                        self.failed(&error, instance.place(), &instance.site.chain());
                    }
                }
            }
        }
    }

    /// The ids behind edges, all of them and the implied ones; what is not deployed is no dependency.
    fn ids_of(&self, instances: &[Rc<Instance<'a>>], edges: &Edges) -> (Vec<String>, Vec<String>) {
        let ids = |numbers: &[usize]| -> Vec<String> {
            let on = numbers.iter().filter_map(|d| instances.get(*d));
            let on = on.filter(|d| !d.is_existing() && !d.is_dropped(self)).map(|d| label(&d.id(self)));
            on.collect::<IndexSet<_>>().into_iter().collect()
        };
        let mut all: Vec<usize> = edges.written.iter().chain(&edges.implied).copied().collect();
        all.sort_unstable();
        (ids(&all), ids(&edges.implied))
    }

    /// Binds every parameter, as Azure does: what is wrong with its value is told even if nothing asks for it.
    fn bind_all(&self, deployment: &Rc<Deployment<'a>>) {
        if deployment.is_outer {
            return;
        }
        let site = Site::of(deployment);
        for member in deployment.template.get("parameters").map(Node::members).unwrap_or_default() {
            if let Err(error) = deployment.frame.parameter(self, &member.key, &site) {
                self.failed(&error, Place::new(deployment.text, member.value.span), &deployment.chain);
            }
        }
    }

    fn tell_duplicates(&self, instances: &[Rc<Instance<'a>>]) {
        let mut first: BTreeMap<String, &Rc<Instance<'a>>> = BTreeMap::new();
        for instance in instances {
            if instance.is_existing() || instance.is_extensible() || instance.is_dropped(self) {
                continue;
            }
            let Value::String(id) = instance.id(self) else { continue };
            let Some(earlier) = first.get(&id.to_ascii_lowercase()) else {
                first.insert(id.to_ascii_lowercase(), instance);
                continue;
            };
            // Which of two with conditions is deployed, Azure decides; templates write both branches of a choice so.
            if instance.condition(self).is_unknown() || earlier.condition(self).is_unknown() {
                continue;
            }
            let at = earlier.site.text.position(earlier.node.span.start);
            let finding = Finding::error("template/duplicate-resource", format!("`{id}` is declared twice"))
                .at_place(Some(instance.place()))
                .about(id.as_ref())
                .help(format!("the other declaration is at {}:{at}", earlier.site.text.name()));
            self.tell(Finding { chain: instance.site.chain(), ..finding });
        }
    }

    fn dropped(&self, instance: &Rc<Instance<'a>>) -> Dropped {
        let raw = |name: &str| match instance.node.get(name).map(|n| (&n.kind, n)) {
            Some((_, node)) => node.as_str().map_or_else(|| Value::from(node).to_string(), str::to_owned),
            None => String::new(),
        };
        Dropped {
            resource_type: ResourceType::new(&label(&instance.kind(self))),
            name: raw("name"),
            why: raw("condition"),
            source: instance.place(),
            deployment: instance.site.chain(),
        }
    }

    fn expanded(
        &self,
        instance: &Rc<Instance<'a>>,
        body: Value,
        around: Option<&Value>,
        edges: (Vec<String>, Vec<String>),
    ) -> Expanded {
        let id = instance.id(self);
        let declared = label(&instance.kind(self));
        // The legacy form of extensions, `X/providers/locks`, is told by its id.
        let of_id = id.as_str().and_then(|id| ResourceId::new(id).resource_type());
        let resource_type = match of_id {
            Some(of_id) if declared.to_ascii_lowercase().contains("/providers/") => of_id,
            _ => ResourceType::new(&declared),
        };
        let api_version = self.text_of(instance.node.get("apiVersion"), &instance.site);
        Expanded {
            id,
            resource_type,
            name: instance.name(self),
            api_version: api_version.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned(),
            scope: instance.scope(self),
            body,
            condition: both(around, instance.condition(self)),
            source: instance.place(),
            deployment: instance.site.chain(),
            symbolic_name: instance.symbolic.as_deref().map(str::to_owned),
            copy_index: instance.copy_index,
            depends_on: edges.0,
            implied: edges.1,
        }
    }
}

/// The unknown conditions that something hangs on, its deployment's and its own.
fn both(around: Option<&Value>, own: Value) -> Option<Value> {
    match (around, &own) {
        (Some(Value::Unknown(outer)), Value::Unknown(inner)) => {
            let expression = format!("and({}, {})", outer.expression, inner.expression);
            Some(Value::unknown(outer.reason.clone(), expression))
        }
        (None, Value::Unknown(_)) => Some(own),
        (around, _) => around.cloned(),
    }
}
