//! What depends on what, as a graph over the whole expansion.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use glidepath_arm::template::Expansion;

use super::expand::brief;

/// Resources by number, and what each depends on.
///
/// A dependency on a nested deployment is one on everything in it, and what a deployment depends on, everything in it does.
pub(super) struct Graph {
    pub(super) edges: Vec<BTreeSet<usize>>,
    /// How long the longest way down from each is: 0 depends on nothing.
    pub(super) layers: Vec<usize>,
}

impl Graph {
    pub(super) fn of(expansion: &Expansion) -> Self {
        // The resources in each deployment, at any depth.
        let mut inside: BTreeMap<&[String], Vec<usize>> = BTreeMap::new();
        let mut by_id: BTreeMap<(&[String], String), usize> = BTreeMap::new();
        for (i, resource) in expansion.resources.iter().enumerate() {
            for depth in 1..=resource.deployment.len() {
                inside.entry(resource.deployment.get(..depth).unwrap_or_default()).or_default().push(i);
            }
            by_id.insert((&resource.deployment, brief(&resource.id, usize::MAX)), i);
        }
        let mut deployments: BTreeMap<(&[String], String), &[String]> = BTreeMap::new();
        for nested in &expansion.nested {
            let around = nested.deployment.split_last().map_or(&[][..], |(_, around)| around);
            deployments.insert((around, brief(&nested.id, usize::MAX)), &nested.deployment);
        }
        let targets = |around: &[String], on: &[String]| -> Vec<usize> {
            let mut found = Vec::new();
            for id in on {
                found.extend(by_id.get(&(around, id.clone())));
                let within = deployments.get(&(around, id.clone())).and_then(|path| inside.get(path));
                found.extend(within.into_iter().flatten());
            }
            found
        };
        let mut edges = vec![BTreeSet::new(); expansion.resources.len()];
        for (resource, on) in expansion.resources.iter().zip(&mut edges) {
            on.extend(targets(&resource.deployment, &resource.depends_on));
        }
        for nested in &expansion.nested {
            let around = nested.deployment.split_last().map_or(&[][..], |(_, around)| around);
            let on = targets(around, &nested.depends_on);
            for from in inside.get(nested.deployment.as_slice()).into_iter().flatten() {
                if let Some(edges) = edges.get_mut(*from) {
                    edges.extend(on.iter().copied());
                }
            }
        }
        for (i, on) in edges.iter_mut().enumerate() {
            on.remove(&i);
        }
        let layers = layers(&edges);
        Self { edges, layers }
    }
}

/// Longest ways, by repeated passes; a cycle (which is a finding elsewhere) ends them.
fn layers(edges: &[BTreeSet<usize>]) -> Vec<usize> {
    let mut layers = vec![0; edges.len()];
    for _ in 0..edges.len() {
        let mut changed = false;
        for (i, on) in edges.iter().enumerate() {
            let wanted = on.iter().filter_map(|d| layers.get(*d)).max().map_or(0, |deepest| deepest + 1);
            if let Some(layer) = layers.get_mut(i).filter(|l| **l < wanted) {
                *layer = wanted.min(edges.len());
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    layers
}

/// For Graphviz; deployments are boxes around what they deploy.
pub(super) fn dot(expansion: &Expansion) -> String {
    let graph = Graph::of(expansion);
    let mut text = String::from("digraph template {\n  rankdir=LR;\n  node [shape=box];\n");
    let mut open: &[String] = &[];
    let mut clusters = 0;
    for (i, resource) in expansion.resources.iter().enumerate() {
        let common = open.iter().zip(&resource.deployment).take_while(|(a, b)| a == b).count();
        for depth in (common..open.len()).rev() {
            let _ = writeln!(text, "{}}}", "  ".repeat(depth + 1));
        }
        for (depth, name) in resource.deployment.iter().enumerate().skip(common) {
            clusters += 1;
            let pad = "  ".repeat(depth + 1);
            let _ = writeln!(text, "{pad}subgraph cluster_{clusters} {{\n{pad}  label={};", quoted(name));
        }
        open = &resource.deployment;
        let label = format!("{}\n{}", resource.resource_type, brief(&resource.name, 60));
        let _ = writeln!(text, "{}n{i} [label={}];", "  ".repeat(open.len() + 1), quoted(&label));
    }
    for depth in (0..open.len()).rev() {
        let _ = writeln!(text, "{}}}", "  ".repeat(depth + 1));
    }
    for (i, on) in graph.edges.iter().enumerate() {
        for d in on {
            let _ = writeln!(text, "  n{i} -> n{d};");
        }
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
