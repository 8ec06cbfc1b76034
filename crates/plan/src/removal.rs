//! Deletes: what we made and nobody wants any more.

use glidepath_estate::{Estate, Resource};

use crate::graph::Index;
use crate::{Action, Options, Step};

/// The reverse of the order of creation. A resource goes after everything created later that refers to it. References the
/// other way are what the provider filled in (a security group lists its subnets) and bind nobody.
pub(crate) fn removals(desired: &Estate, observed: &Estate, options: &Options) -> Vec<Step> {
    let going: Vec<&Resource> =
        options.managed.keys().filter(|id| desired.get(id).is_none()).filter_map(|id| observed.get(id)).collect();
    let index = Index::of(going.iter().copied(), &options.subscriptions);
    let mut after = vec![Vec::new(); going.len()];
    for (node, resource) in going.iter().enumerate() {
        for needed in index.needs(resource).into_iter().filter(|needed| *needed < node) {
            if let Some(list) = after.get_mut(needed) {
                list.push(resource.id.clone());
            }
        }
    }
    let mut steps: Vec<Step> = going
        .iter()
        .zip(after)
        .map(|(there, after)| {
            let mut resource = (*there).clone();
            resource.phase = options.managed.get(&there.id).copied();
            Step { action: Action::Delete, resource, changes: Vec::new(), replace: false, after }
        })
        .collect();
    steps.reverse();
    steps
}
