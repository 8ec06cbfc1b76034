//! What must exist before what.

use glidepath_arm::ResourceId;
use glidepath_estate::{Estate, Phase, Resource};
use glidepath_source::Finding;
use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use crate::{Options, mention};

/// Position of a resource among the resources of a plan.
pub(crate) type Node = usize;

/// Resources by number, found by id.
pub(crate) struct Index<'a> {
    resources: Vec<&'a Resource>,
    by_id: FxHashMap<ResourceId, Node>,
    /// Placements by the subscription they place, in lower case.
    placements: FxHashMap<String, Node>,
    /// Aliases by the symbolic subscription id they vend, in lower case.
    aliases: FxHashMap<String, Node>,
}

impl<'a> Index<'a> {
    pub(crate) fn of(
        resources: impl Iterator<Item = &'a Resource>,
        subscriptions: &IndexMap<ResourceId, String>,
    ) -> Self {
        let resources: Vec<&Resource> = resources.collect();
        let by_id: FxHashMap<ResourceId, Node> =
            resources.iter().enumerate().map(|(node, r)| (r.id.clone(), node)).collect();
        let is_placement = |r: &Resource| {
            r.resource_type().is_some_and(|k| k.is("Microsoft.Management/managementGroups/subscriptions"))
        };
        let placements = resources
            .iter()
            .enumerate()
            .filter(|(_, r)| is_placement(r))
            .map(|(node, r)| (r.id.name().to_ascii_lowercase(), node))
            .collect();
        let aliases = subscriptions
            .iter()
            .filter_map(|(alias, symbol)| Some((symbol.to_ascii_lowercase(), *by_id.get(alias)?)))
            .collect();
        Self { resources, by_id, placements, aliases }
    }

    pub(crate) fn len(&self) -> usize {
        self.resources.len()
    }

    pub(crate) fn resource(&self, node: Node) -> Option<&'a Resource> {
        self.resources.get(node).copied()
    }

    /// Every node that must exist before this one, without itself, ascending.
    pub(crate) fn needs(&self, resource: &Resource) -> Vec<Node> {
        let own = self.by_id.get(&resource.id).copied();
        let mut needs: Vec<Node> = resource.depends_on.iter().filter_map(|id| self.by_id.get(id).copied()).collect();
        self.above(&resource.id, &mut needs);
        mention::for_each(&resource.body, &mut |id| self.mentioned(&id, &mut needs));
        needs.sort_unstable();
        needs.dedup();
        needs.retain(|node| Some(*node) != own);
        needs
    }

    /// The nearest of parent, group and scope that is in the plan, else the placement and alias of the subscription.
    fn above(&self, id: &ResourceId, needs: &mut Vec<Node>) {
        let mut next = id.parent();
        while let Some(above) = next {
            if let Some(node) = self.by_id.get(&above) {
                needs.push(*node);
                // A placement is not in the subscription, though its name is the subscription's.
                self.vended(id.name(), needs);
                return;
            }
            next = above.parent();
        }
        if let Some(subscription) = id.subscription_id() {
            needs.extend(self.placements.get(&subscription.to_ascii_lowercase()));
            self.vended(subscription, needs);
        }
        self.vended(id.name(), needs);
    }

    fn vended(&self, subscription: &str, needs: &mut Vec<Node>) {
        needs.extend(self.aliases.get(&subscription.to_ascii_lowercase()));
    }

    /// A resource spoken of, or the one it is a part of (an inline subnet, a front end of a load balancer); and the alias
    /// of its subscription, for without it the real id is not known.
    fn mentioned(&self, id: &ResourceId, needs: &mut Vec<Node>) {
        if let Some(subscription) = id.subscription_id() {
            self.vended(subscription, needs);
        }
        let mut next = Some(id.clone());
        while let Some(at) = next {
            if let Some(node) = self.by_id.get(&at) {
                needs.push(*node);
                return;
            }
            next = at.parent().filter(|above| above.scope().id() != *above);
        }
    }
}

/// The resources of a plan and what each waits for in its own phase.
pub(crate) struct Graph<'a> {
    index: Index<'a>,
    needs: Vec<Vec<Node>>,
}

impl<'a> Graph<'a> {
    pub(crate) fn of(
        desired: &'a Estate,
        observed: &Estate,
        options: &Options,
        findings: &mut Vec<Finding>,
    ) -> Graph<'a> {
        let index = Index::of(desired.iter(), &options.subscriptions);
        let mut needs = Vec::with_capacity(index.len());
        for resource in &index.resources {
            check_dependencies(resource, &index, observed, findings);
            let Some(phase) = resource.phase else {
                findings.push(no_phase(resource));
                needs.push(Vec::new());
                continue;
            };
            let mut same = index.needs(resource);
            same.retain(|node| {
                let Some(needed) = index.resource(*node) else { return false };
                match needed.phase {
                    Some(of) if of > phase => {
                        findings.push(backward(resource, phase, needed, of));
                        false
                    }
                    of => of == Some(phase),
                }
            });
            needs.push(same);
        }
        Graph { index, needs }
    }

    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    pub(crate) fn resource(&self, node: Node) -> Option<&'a Resource> {
        self.index.resource(node)
    }

    /// What the node waits for in its own phase, ascending.
    pub(crate) fn needs(&self, node: Node) -> &[Node] {
        self.needs.get(node).map_or(&[], Vec::as_slice)
    }
}

fn place(finding: Finding, resource: &Resource) -> Finding {
    let finding = finding.about(resource.id.as_str());
    match &resource.origin {
        Some(origin) => finding.within(origin.to_string()),
        None => finding,
    }
}

fn no_phase(resource: &Resource) -> Finding {
    place(Finding::error("plan/no-phase", format!("`{}` belongs to no phase", resource.id)), resource)
        .why("a step without a phase has no gate")
        .help("give the resource a phase where it is compiled")
}

fn backward(resource: &Resource, phase: Phase, needed: &Resource, of: Phase) -> Finding {
    let message = format!("`{}` of phase {phase} needs `{}` of the later phase {of}", resource.id, needed.id);
    place(Finding::error("plan/backward-dependency", message), resource)
        .why("a phase is carried out before anything of a later one exists")
        .help(format!("move the resource to phase {of}, or what it needs to phase {phase}"))
}

/// An explicit dependency on something that nobody makes and that is not there either.
fn check_dependencies(resource: &Resource, index: &Index<'_>, observed: &Estate, findings: &mut Vec<Finding>) {
    for id in &resource.depends_on {
        if !index.by_id.contains_key(id) && observed.get(id).is_none() {
            let message = format!("`{}` depends on `{id}`, which is neither wanted nor there", resource.id);
            let finding = Finding::warning("plan/unknown-dependency", message);
            findings.push(place(finding, resource).help("correct the id, or leave the dependency out"));
        }
    }
}
