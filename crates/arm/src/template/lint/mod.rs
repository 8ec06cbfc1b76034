//! What is doubtful in a template beside what an expansion meets: names that nothing reads, properties that nothing
//! provides, texts that were meant as expressions, links that lead somewhere else tomorrow.
//!
//! These rules look at the text of the template itself and of the templates written inside it, not at linked ones.

mod links;
mod names;
mod shape;
mod uses;

use std::collections::BTreeMap;

use glidepath_source::{Finding, Text, json};

use super::{Context, Expansion, Links, Parameters, expand, wrapper};
use crate::Value;

/// Everything that is wrong or doubtful in a template: the findings of its expansion, then those of the rules, in the
/// order of the text.
pub fn lint(template: &Text, parameters: &Parameters, context: &Context, links: &dyn Links) -> Vec<Finding> {
    let expansion = expand(template, parameters, context, links);
    // Without values nothing is wrong with a template that wants some.
    let wanted = |f: &Finding| f.code != "template/missing-parameter";
    let mut found = Vec::new();
    if let Ok(root) = json::parse(template) {
        let root = wrapper::unwrap(template, root).template;
        for frame in uses::frames(template, &root) {
            names::check(template, &frame, &mut found);
        }
        shape::check(template, &root, &mut found);
        links::check(template, &root, &mut found);
    }
    repeated(&expansion, &mut found);
    found.sort_by_key(|f| f.place.as_ref().map_or(u32::MAX, |p| p.span.start));
    expansion.findings.into_iter().filter(wanted).chain(found).collect()
}

/// One id from two deployments: the later one overwrites what the earlier one made.
fn repeated(expansion: &Expansion, found: &mut Vec<Finding>) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for (i, resource) in expansion.resources.iter().enumerate() {
        let Value::String(id) = &resource.id else { continue };
        let Some(earlier) = first.get(&id.to_ascii_lowercase()).and_then(|at| expansion.resources.get(*at)) else {
            first.insert(id.to_ascii_lowercase(), i);
            continue;
        };
        if earlier.deployment == resource.deployment {
            continue;
        }
        let finding = Finding::warning("template/repeated-resource", format!("`{id}` is deployed twice"))
            .at_place(Some(resource.source.clone()))
            .about(id.as_ref())
            .why("the later of the two deployments overwrites what the earlier one made")
            .help(format!(
                "the other declaration is at {}, through {}",
                earlier.source,
                earlier.deployment.join(" › ")
            ));
        found.push(Finding { chain: resource.deployment.clone(), ..finding });
    }
}
