//! A stable order that respects what waits for what.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use glidepath_estate::Phase;
use glidepath_source::Finding;

use crate::graph::{Graph, Node};

/// The nodes of a phase so that each comes after what it needs; among those that could be next, the smallest id.
///
/// A cycle gives the finding `plan/cycle` and is cut at its smallest id, so that every node comes out, once.
pub(crate) fn topological(graph: &Graph<'_>, phase: Phase, findings: &mut Vec<Finding>) -> Vec<Node> {
    let mut waiting: Vec<Option<usize>> = vec![None; graph.len()];
    let mut dependants: Vec<Vec<Node>> = vec![Vec::new(); graph.len()];
    let mut ready = BinaryHeap::new();
    for (node, slot) in waiting.iter_mut().enumerate() {
        if graph.resource(node).and_then(|r| r.phase) != Some(phase) {
            continue;
        }
        let needs = graph.needs(node);
        *slot = Some(needs.len());
        for needed in needs {
            if let Some(list) = dependants.get_mut(*needed) {
                list.push(node);
            }
        }
        if needs.is_empty() {
            ready.push(Reverse(node));
        }
    }
    let mut left = waiting.iter().flatten().count();
    let mut order = Vec::with_capacity(left);
    // `None` in `waiting`: not of this phase, or out already.
    while left > 0 {
        if ready.is_empty() {
            let Some(cycle) = cycle(graph, &waiting) else { break };
            findings.push(name(graph, &cycle));
            ready.extend(cycle.into_iter().min().map(Reverse));
        }
        while let Some(Reverse(node)) = ready.pop() {
            let Some(slot) = waiting.get_mut(node) else { continue };
            if slot.take().is_none() {
                continue;
            }
            left -= 1;
            order.push(node);
            for dependant in dependants.get(node).map_or(&[][..], Vec::as_slice) {
                if let Some(Some(count)) = waiting.get_mut(*dependant) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        ready.push(Reverse(*dependant));
                    }
                }
            }
        }
    }
    order
}

/// A cycle among the nodes still waiting: each of them needs another one of them, so walking along the needs comes back.
fn cycle(graph: &Graph<'_>, waiting: &[Option<usize>]) -> Option<Vec<Node>> {
    let is_waiting = |node: Node| matches!(waiting.get(node), Some(Some(_)));
    let mut at = (0..waiting.len()).find(|node| is_waiting(*node))?;
    let mut seen = vec![false; waiting.len()];
    let mut walk = Vec::new();
    loop {
        let mark = seen.get_mut(at)?;
        if *mark {
            let start = walk.iter().position(|node| *node == at)?;
            return Some(walk.split_off(start));
        }
        *mark = true;
        walk.push(at);
        at = graph.needs(at).iter().copied().find(|node| is_waiting(*node))?;
    }
}

fn name(graph: &Graph<'_>, cycle: &[Node]) -> Finding {
    // Start at the smallest id, so that the same cycle always reads the same.
    let start = cycle.iter().enumerate().min_by_key(|(_, node)| **node).map_or(0, |(i, _)| i);
    let ids: Vec<&str> = cycle
        .iter()
        .cycle()
        .skip(start)
        .take(cycle.len() + 1)
        .filter_map(|node| graph.resource(*node))
        .map(|r| r.id.as_str())
        .collect();
    Finding::error("plan/cycle", format!("resources wait for each other: `{}`", ids.join("` needs `")))
        .about(ids.first().copied().unwrap_or_default())
        .why("none of them can be the first to be created")
        .help("make one of them a child resource of its own that refers to the others, or take one reference out")
}
