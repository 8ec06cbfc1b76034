//! An observed estate from a file: rows of Resource Graph, a list of ARM resources, or either inside `data` or `value`.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource};
use glidepath_source::{Finding, Kind, Node, Text, json};

use crate::proof::value;

const CODE: &str = "readiness/estate";
/// Not part of a body: they follow from the id, or belong to the query's row.
const NOT_BODY: [&str; 8] =
    ["id", "name", "type", "apiVersion", "tenantId", "subscriptionId", "resourceGroup", "managedByTenants"];

/// Reads an estate; entries that are no resources are findings and left out.
pub fn read_estate(text: &Text) -> (Estate, Vec<Finding>) {
    let node = match json::parse(text) {
        Ok(node) => node,
        Err(finding) => return (Estate::new(), vec![finding]),
    };
    let list = node.get("data").or_else(|| node.get("value")).or_else(|| node.get("resources")).unwrap_or(&node);
    let (mut estate, mut findings) = (Estate::new(), Vec::new());
    if !matches!(list.kind, Kind::Array(_)) {
        findings.push(
            Finding::error(CODE, format!("a list of resources is expected, not a {}", list.kind_name()))
                .at(text, list.span)
                .help("export `resources | union resourcecontainers` from Resource Graph as JSON"),
        );
    }
    for item in list.items() {
        match resource(item) {
            Ok(resource) => {
                if let Some(other) = estate.insert(resource) {
                    findings.push(
                        Finding::warning(CODE, "this resource is listed twice; the last one counts")
                            .at(text, item.span)
                            .about(other.id.as_str().to_owned()),
                    );
                }
            }
            Err(why) => findings.push(
                Finding::warning(CODE, why).at(text, item.span).help("each resource has an `id` that begins with `/`"),
            ),
        }
    }
    (estate, findings)
}

fn resource(node: &Node) -> Result<Resource, String> {
    let id = node.get("id").and_then(Node::as_str).filter(|id| id.starts_with('/'));
    let id = id.ok_or_else(|| "this is no resource: it has no `id`".to_owned())?;
    let members = node.members().iter().filter(|m| !NOT_BODY.iter().any(|n| n.eq_ignore_ascii_case(&m.key)));
    let body = Value::object(members.map(|m| (m.key.to_string(), value(&m.value))));
    let api_version = node.get("apiVersion").and_then(Node::as_str).unwrap_or_default();
    let mut resource = Resource::new(ResourceId::new(id), api_version, body);
    let tag = resource.body.at(&["tags", "workload"]).and_then(Value::as_str).map(str::to_owned);
    resource.workload = tag;
    Ok(resource)
}
