//! Texts that were meant as expressions, and deployments whose properties do not fit where they go.

use glidepath_source::{Finding, Kind, Node, Text};

use crate::expression::{ExprKind, parse};
use crate::template::resources::DEPLOYMENTS;

pub(super) fn check(text: &Text, template: &Node, found: &mut Vec<Finding>) {
    for section in ["parameters", "variables", "resources", "outputs"] {
        if let Some(node) = template.get(section) {
            literals(text, node, found);
        }
    }
    let schema = schema(template);
    let at_group = schema.ends_with("/deploymenttemplate.json") || schema.contains("/deploymenttemplate.json#");
    resources(text, template.get("resources"), at_group, found);
}

fn schema(template: &Node) -> String {
    template.get("$schema").and_then(Node::as_str).unwrap_or_default().to_ascii_lowercase()
}

/// `variables('x')` without its brackets is a text.
fn literals(text: &Text, node: &Node, found: &mut Vec<Finding>) {
    match &node.kind {
        Kind::String(value) if looks_like_a_call(value) => {
            let finding =
                Finding::warning("template/literal-expression", format!("`{value}` is a text, not an expression"))
                    .at(text, node.span)
                    .why("only what stands in brackets is evaluated")
                    .help(format!("write \"[{value}]\""));
            found.push(finding);
        }
        Kind::Array(items) => items.iter().for_each(|item| literals(text, item, found)),
        Kind::Object(members) => {
            for member in members.iter().filter(|m| !m.key.eq_ignore_ascii_case("metadata")) {
                literals(text, &member.value, found);
            }
        }
        _ => {}
    }
}

fn looks_like_a_call(value: &str) -> bool {
    const LONGEST: usize = 2_000;
    if value.len() > LONGEST || !value.ends_with([')', ']', '\'']) && !value.contains("').") || !value.contains('(') {
        return false;
    }
    let Ok(expr) = parse(value) else { return false };
    let mut base = &expr;
    while let ExprKind::Property { target, .. } | ExprKind::Index { target, .. } = &base.kind {
        base = target;
    }
    matches!(&base.kind, ExprKind::Call(call) if call.namespace.is_none() && call.function.is_some())
}

fn resources(text: &Text, node: Option<&Node>, at_group: bool, found: &mut Vec<Finding>) {
    let Some(node) = node else { return };
    let listed = node.items().iter().chain(node.members().iter().map(|m| &m.value));
    for resource in listed {
        let kind = resource.get("type").and_then(Node::as_str).unwrap_or_default();
        let is_azure = resource.get("import").is_none() && resource.get("extension").is_none();
        if !kind.is_empty() && is_azure && resource.get("apiVersion").is_none() && resource.get("apiProfile").is_none()
        {
            let finding = Finding::warning(
                "template/no-api-version",
                format!("the resource of type `{kind}` has no `apiVersion`"),
            );
            found.push(finding.at(text, resource.span).why("Azure refuses resources without one"));
        }
        resources(text, resource.get("resources"), at_group, found);
        if !kind.eq_ignore_ascii_case(DEPLOYMENTS) {
            continue;
        }
        let template = resource.get("properties").and_then(|p| p.get("template"));
        let elsewhere = ["subscriptionId", "scope"].iter().any(|key| resource.get(key).is_some());
        if at_group && !elsewhere {
            goes_to_group(text, resource, template, found);
        }
        if let Some(template) = template {
            let inner = schema(template);
            let stays = at_group && !elsewhere;
            resources(text, template.get("resources"), stays || inner.contains("/deploymenttemplate.json"), found);
        }
    }
}

/// A deployment that goes to a resource group, whatever its template says.
fn goes_to_group(text: &Text, resource: &Node, template: Option<&Node>, found: &mut Vec<Finding>) {
    let inner = template.map(schema).unwrap_or_default();
    let other = [
        ("subscriptiondeploymenttemplate", "a subscription"),
        ("managementgroupdeploymenttemplate", "a management group"),
        ("tenantdeploymenttemplate", "the tenant"),
    ];
    let meant = other.iter().find(|(name, _)| inner.contains(name)).map(|(_, words)| *words);
    let own = resource.members().iter().find(|m| m.key.eq_ignore_ascii_case("location"));
    if let Some(location) = own {
        let message = "`location` is not allowed on a deployment at resource group scope".to_owned();
        let finding = Finding::error("template/location-not-allowed", message).at(text, location.key_span);
        found.push(match meant {
            Some(words) => finding
                .why(format!("its template is meant for {words}, but without `subscriptionId` or `scope` it goes to the resource group"))
                .help("say where it goes, for example \"subscriptionId\": \"[subscription().subscriptionId]\""),
            None => finding.why("Azure refuses it").help("take `location` out"),
        });
    } else if let (Some(words), Some(template)) = (meant, template) {
        let message = format!("this template is meant for {words}, but its deployment goes to the resource group");
        let span = template.get("$schema").map_or(template.span, |s| s.span);
        let finding = Finding::warning("template/wrong-scope", message).at(text, span);
        found.push(finding.help("say where it goes: `subscriptionId` or `scope`"));
    }
}
