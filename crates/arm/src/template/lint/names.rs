//! Parameters and variables that nothing reads, and properties that nothing provides.

use std::collections::BTreeSet;

use glidepath_source::{Finding, Kind, Node, Text};

use super::uses::{Frame, Use};

pub(super) fn check(text: &Text, frame: &Frame<'_>, found: &mut Vec<Finding>) {
    for parameter in frame.template.get("parameters").map(Node::members).unwrap_or_default() {
        let uses = of(&parameter.key, &frame.parameters);
        if uses.is_empty() && !frame.any_parameter {
            let message = format!("nothing reads the parameter `{}`", parameter.key);
            found.push(
                Finding::warning("template/unused-parameter", message)
                    .at(text, parameter.key_span)
                    .why("whoever gives it a value expects it to do something")
                    .help("use it, or take it out"),
            );
            continue;
        }
        if let Some(default) = parameter.value.get("defaultValue").filter(|_| parameter.value.get("$ref").is_none()) {
            unprovided(text, &parameter.key, default, &parameter.value, &uses, found);
            unread(text, &parameter.key, default, &uses, found);
        }
    }
    let variables = frame.template.get("variables");
    for variable in variables.map(Node::members).unwrap_or_default() {
        let is_copy = variable.key.eq_ignore_ascii_case("copy") && matches!(variable.value.kind, Kind::Array(_));
        // Bicep keeps loaded files in variables of such names.
        if !is_copy && of(&variable.key, &frame.variables).is_empty() && !frame.any_variable {
            let message = format!("nothing reads the variable `{}`", variable.key);
            found.push(
                Finding::warning("template/unused-variable", message)
                    .at(text, variable.key_span)
                    .help("use it, or take it out"),
            );
        }
    }
}

fn of<'u>(name: &str, uses: &'u [Use]) -> Vec<&'u Use> {
    uses.iter().filter(|u| u.name.eq_ignore_ascii_case(name)).collect()
}

/// Properties that are read, and that neither the default nor the declared type has.
fn unprovided(text: &Text, name: &str, default: &Node, declared: &Node, uses: &[&Use], found: &mut Vec<Finding>) {
    for reading in uses {
        let mut node = default;
        let mut path = name.to_owned();
        for part in &reading.path {
            // What is computed or not an object may hold anything.
            if !matches!(node.kind, Kind::Object(_)) || part.safe {
                break;
            }
            let asked =
                uses.iter().any(|u| u.path.first().is_some_and(|p| p.safe && p.name.eq_ignore_ascii_case(&part.name)));
            let computed = node.members().iter().any(|m| m.key.starts_with('[') || m.key.eq_ignore_ascii_case("copy"));
            let is_declared = declared.get("properties").is_some_and(|p| p.get(&part.name).is_some());
            match node.get(&part.name) {
                Some(inner) => {
                    node = inner;
                    path = format!("{path}.{}", part.name);
                }
                None if asked || computed || is_declared => break,
                None => {
                    let message = format!("nothing provides `{}` of the parameter `{path}`", part.name);
                    let keys: Vec<String> = node.members().iter().take(20).map(|m| format!("`{}`", m.key)).collect();
                    let finding = Finding::warning("template/unprovided-property", message).at(text, reading.span);
                    let why = "with the default value this expression fails: the property does not exist";
                    found.push(finding.why(why).help(format!("the default value has {}", keys.join(", "))));
                    break;
                }
            }
        }
    }
}

/// Properties of a default that nothing reads, where the parameter is never used as a whole.
fn unread(text: &Text, name: &str, default: &Node, uses: &[&Use], found: &mut Vec<Finding>) {
    if uses.iter().any(|u| u.path.is_empty()) {
        return;
    }
    let read: BTreeSet<String> =
        uses.iter().filter_map(|u| u.path.first()).map(|p| p.name.to_ascii_lowercase()).collect();
    for member in default.members() {
        if !member.key.starts_with('[') && !read.contains(&member.key.to_ascii_lowercase()) {
            let message = format!("nothing reads `{}` of the parameter `{name}`", member.key);
            found.push(
                Finding::warning("template/unread-property", message)
                    .at(text, member.key_span)
                    .why("whoever gives it a value expects it to do something"),
            );
        }
    }
}
