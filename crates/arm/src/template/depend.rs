//! Dependencies among the resources of one template, written (`dependsOn`) and implied (`reference`, `list*`).

use std::rc::Rc;

use glidepath_source::{Finding, Node, Place};
use rustc_hash::FxHashMap;

use super::nested::{Deployment, label};
use super::resources::Instance;
use super::session::Session;
use crate::{ResourceId, Value};

/// A deployment's resources by what `dependsOn` may call them, in lower case.
struct Names {
    by_name: FxHashMap<String, Vec<usize>>,
    /// There may be more names than these.
    is_hollow: bool,
}

/// What one resource depends on, by number.
pub(super) struct Edges {
    /// Named by `dependsOn`.
    pub(super) written: Vec<usize>,
    /// Named only by its expressions, by being a child, or by a serial loop.
    pub(super) implied: Vec<usize>,
}

impl<'a> Session<'a> {
    /// For every resource of a deployment the numbers of those it depends on. Tells dangling names and cycles.
    pub(super) fn dependencies(&self, deployment: &Rc<Deployment<'a>>) -> Vec<Edges> {
        let instances = self.instances(deployment);
        let mut by_name: FxHashMap<String, Vec<usize>> = FxHashMap::default();
        for (i, instance) in instances.iter().enumerate() {
            let id = label(&instance.id(self)).to_ascii_lowercase();
            // Azure looks at type and name, whatever the scope.
            let tail = id.rfind("/providers/").map(|at| at + "/providers/".len());
            let tail = tail.and_then(|at| id.get(at..)).unwrap_or(&id).to_owned();
            let mut names = vec![id, tail, label(&instance.name(self)).to_ascii_lowercase()];
            names.extend(instance.symbolic.as_deref().map(str::to_ascii_lowercase));
            names.extend(instance.loop_name.as_deref().map(str::to_ascii_lowercase));
            if let (Some(symbolic), Some(at)) = (instance.symbolic.as_deref(), instance.copy_index) {
                names.push(format!("{symbolic}[{at}]").to_ascii_lowercase());
            }
            names.dedup();
            for name in names {
                by_name.entry(name).or_default().push(i);
            }
        }
        let names = Names { by_name, is_hollow: deployment.is_hollow.get() };
        let edges: Vec<Edges> = instances
            .iter()
            .enumerate()
            .map(|(i, instance)| {
                let mut written = self.written(instance, &names);
                let mut implied: Vec<usize> = Vec::new();
                if !instance.is_dropped(self) {
                    for id in instance.implied.borrow().iter() {
                        implied.extend(names.by_name.get(&label(id).to_ascii_lowercase()).into_iter().flatten());
                    }
                    implied.extend(self.batch_before(instances, i));
                }
                implied.extend(instance.parent.iter().filter_map(|p| instances.iter().position(|i| Rc::ptr_eq(i, p))));
                written.sort_unstable();
                written.dedup();
                written.retain(|d| *d != i);
                implied.sort_unstable();
                implied.dedup();
                implied.retain(|d| *d != i && !written.contains(d));
                Edges { written, implied }
            })
            .collect();
        let all: Vec<Vec<usize>> =
            edges.iter().map(|e| e.written.iter().chain(&e.implied).copied().collect()).collect();
        self.tell_cycle(instances, &all);
        edges
    }

    /// What a round of a serial loop waits for: the batch before its own. Source: Microsoft Learn, "Resource iteration".
    fn batch_before(&self, instances: &[Rc<Instance<'a>>], at: usize) -> Vec<usize> {
        let Some((instance, index)) = instances.get(at).and_then(|i| Some((i, i.copy_index?))) else {
            return Vec::new();
        };
        let Some(copy) = instance.node.get("copy") else { return Vec::new() };
        if !copy.get("mode").and_then(Node::as_str).is_some_and(|m| m.eq_ignore_ascii_case("serial")) {
            return Vec::new();
        }
        let size = copy.get("batchSize").map(|n| self.value(n, &instance.site)).and_then(|v| v.as_int());
        let size = size.and_then(|s| usize::try_from(s).ok()).unwrap_or(1).max(1);
        let Some(batch) = (index / size).checked_sub(1) else { return Vec::new() };
        let same = instances.iter().enumerate().take(at).filter(|(_, other)| std::ptr::eq(other.node, instance.node));
        same.filter(|(_, other)| other.copy_index.is_some_and(|i| i / size == batch)).map(|(i, _)| i).collect()
    }

    fn written(&self, instance: &Rc<Instance<'a>>, names: &Names) -> Vec<usize> {
        let mut on = Vec::new();
        if instance.is_dropped(self) {
            return on;
        }
        let Some(written) = instance.node.get("dependsOn") else { return on };
        let single = std::slice::from_ref(written);
        let entries: &'a [Node] =
            if written.items().is_empty() && written.as_str().is_some() { single } else { written.items() };
        for entry in entries {
            let wanted = match self.value(entry, &instance.site) {
                Value::String(wanted) => vec![wanted],
                // The whole list may be computed.
                Value::Array(items) => items.iter().filter_map(|i| i.as_str().map(Into::into)).collect(),
                _ => continue,
            };
            for wanted in wanted {
                match find(&wanted, names) {
                    Some(found) => on.extend(found),
                    None if wanted.is_empty() || names.is_hollow => {}
                    None => {
                        let message = format!("`dependsOn` names `{wanted}`, which this template does not declare");
                        let finding = Finding::warning("template/dangling-dependency", message)
                            .at(instance.site.text, entry.span)
                            .help("Azure accepts only resources of the same template here");
                        self.tell(Finding { chain: instance.site.chain(), ..finding });
                    }
                }
            }
        }
        on
    }

    /// Tells the first cycle, with its members.
    fn tell_cycle(&self, instances: &[Rc<Instance<'a>>], edges: &[Vec<usize>]) {
        // 0 new, 1 open, 2 done
        let mut state = vec![0_u8; edges.len()];
        for start in 0..edges.len() {
            let mut path: Vec<(usize, usize)> = vec![(start, 0)];
            if state.get(start) != Some(&0) {
                continue;
            }
            while let Some((node, next)) = path.last().copied() {
                if let Some(slot) = state.get_mut(node) {
                    *slot = 1;
                }
                let Some(on) = edges.get(node).and_then(|e| e.get(next)).copied() else {
                    if let Some(slot) = state.get_mut(node) {
                        *slot = 2;
                    }
                    path.pop();
                    continue;
                };
                if let Some(last) = path.last_mut() {
                    last.1 += 1;
                }
                match state.get(on) {
                    Some(0) => path.push((on, 0)),
                    Some(1) => {
                        let from = path.iter().position(|(n, _)| *n == on).unwrap_or(0);
                        let members: Vec<String> = path
                            .iter()
                            .skip(from)
                            .filter_map(|(n, _)| instances.get(*n))
                            .map(|i| format!("`{}`", label(&i.name(self))))
                            .collect();
                        let message =
                            format!("these resources depend on one another in a circle: {}", members.join(" → "));
                        let place = instances.get(on).map(|i| Place::new(i.site.text, i.node.span));
                        let chain = instances.get(on).map(|i| i.site.chain()).unwrap_or_default();
                        let finding = Finding::error("template/dependency-cycle", message).at_place(place);
                        let finding = finding.help("take one of the references or `dependsOn` entries out");
                        self.tell(Finding { chain, ..finding });
                        return;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// By id, symbolic name, loop, name, or `Type/name`.
fn find(wanted: &str, names: &Names) -> Option<Vec<usize>> {
    let key = wanted.to_ascii_lowercase();
    if let Some(found) = names.by_name.get(&key) {
        return Some(found.clone());
    }
    let id = ResourceId::new(&key).key();
    let tail = id.rfind("/providers/").map_or(0, |at| at + "/providers/".len());
    names.by_name.get(id.get(tail..)?.trim_start_matches('/')).cloned()
}
