//! What cannot be changed where it stands.
//!
//! A policy assignment's location and definition are fixed when it is made (Azure/terraform-azurerm-avm-ptn-alz replaces it on
//! either); so is the principal of a role assignment. Neither holds anything, so both are deleted and made again. For
//! everything else another region means another resource, and that is not for a plan to decide.

use std::collections::BTreeSet;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource};
use glidepath_source::Finding;

use crate::mention;

const ASSIGNMENT: &str = "Microsoft.Authorization/policyAssignments";
const ROLE: &str = "Microsoft.Authorization/roleAssignments";

/// Positions, in the order of the desired estate, of what is deleted and made again.
pub(crate) fn replaced(desired: &Estate, there: &[Option<&Resource>], findings: &mut Vec<Finding>) -> BTreeSet<usize> {
    let is = |resource: &Resource, kind: &str| resource.resource_type().is_some_and(|k| k.is(kind));
    let pairs =
        || desired.iter().zip(there).enumerate().filter_map(|(at, (wanted, there))| Some((at, wanted, (*there)?)));
    let (mut replaced, mut anew): (BTreeSet<usize>, BTreeSet<&ResourceId>) = (BTreeSet::new(), BTreeSet::new());
    for (at, wanted, there) in pairs() {
        let moves = match (location(&wanted.body), location(&there.body)) {
            (Some(new), Some(old)) => new != old,
            _ => false,
        };
        if is(wanted, ASSIGNMENT) {
            let definition = |r: &Resource| text(&r.body, &["properties", "policyDefinitionId"]);
            if moves || definition(wanted) != definition(there) {
                replaced.insert(at);
                anew.insert(&wanted.id);
            }
        } else if moves {
            findings.push(cannot_move(wanted, there));
        }
    }
    if anew.is_empty() {
        return replaced;
    }
    // An assignment made again has another identity; what its old one was granted is granted to nobody.
    for (at, wanted, _) in pairs().filter(|(_, wanted, _)| is(wanted, ROLE)) {
        mention::for_each(&wanted.body, &mut |id| {
            if anew.contains(&id) {
                replaced.insert(at);
            }
        });
    }
    replaced
}

fn text(body: &Value, path: &[&str]) -> Option<String> {
    body.at(path).and_then(Value::as_str).map(str::to_ascii_lowercase)
}

/// `Sweden Central` and `swedencentral` are one region.
fn location(body: &Value) -> Option<String> {
    text(body, &["location"]).map(|name| name.replace(' ', ""))
}

fn cannot_move(wanted: &Resource, there: &Resource) -> Finding {
    let at = |r: &Resource| location(&r.body).unwrap_or_default();
    let message = format!("`{}` stands in `{}` and cannot be moved to `{}`", wanted.id.name(), at(there), at(wanted));
    let finding = Finding::error("plan/cannot-move", message).about(wanted.id.as_str());
    let finding = match &wanted.origin {
        Some(origin) => finding.within(origin.to_string()),
        None => finding,
    };
    finding
        .why("a resource lives and dies in its region; nothing was written")
        .help("let its name hold the region (`{region}` in `naming.pattern`), or delete it first")
}
