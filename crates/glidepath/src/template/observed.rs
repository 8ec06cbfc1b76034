//! Resources as Azure shows them, from files: arrays, list answers, Resource Graph exports, NDJSON, what-if and our own
//! expansions.

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_source::{Finding, Kind, Node, Place, Span, Text, json};

/// A resource and where in its file it stands.
pub(crate) struct Observed {
    pub(crate) id: ResourceId,
    pub(crate) api_version: String,
    /// As a PUT would hold it: what follows from the id is left out.
    pub(crate) body: Value,
    pub(crate) place: Place,
}

/// What of an answer is not the body.
const NOT_BODY: [&str; 14] = [
    "id",
    "name",
    "type",
    "apiVersion",
    "tenantId",
    "subscriptionId",
    "resourceGroup",
    "scope",
    "etag",
    "systemData",
    "createdTime",
    "changedTime",
    "provisioningState",
    "aliases",
];

/// Reads all resources of a file.
///
/// # Errors
/// Findings about what cannot be read.
pub(crate) fn read(text: &Text) -> Result<Vec<Observed>, Vec<Finding>> {
    let (nodes, problems) = documents(text);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut found = Vec::new();
    for (node, offset) in &nodes {
        collect(text, node, *offset, &mut found);
    }
    if found.is_empty() && !nodes.is_empty() && !is_empty_list(&nodes) {
        let finding = Finding::error("file/no-resources", format!("`{}` holds no resources", text.name()))
            .at(text, Span::default())
            .help("give an array of resources with their `id`, a list answer, a Resource Graph export, or NDJSON");
        return Err(vec![finding]);
    }
    Ok(found)
}

fn is_empty_list(nodes: &[(Node, u32)]) -> bool {
    nodes.iter().all(|(n, _)| list(n).is_some_and(<[Node]>::is_empty))
}

/// One document, or one a line; beside each the offset of its line.
fn documents(text: &Text) -> (Vec<(Node, u32)>, Vec<Finding>) {
    let whole = match json::parse(text) {
        Ok(node) => return (vec![(node, 0)], Vec::new()),
        Err(finding) => finding,
    };
    let (mut nodes, mut offset) = (Vec::new(), 0_u32);
    for line in text.as_str().split_inclusive('\n') {
        if !line.trim().is_empty() {
            match json::parse(&Text::new(text.name(), line)) {
                Ok(node) => nodes.push((node, offset)),
                // Not a document a line either: the first complaint counts.
                Err(_) => return (Vec::new(), vec![whole]),
            }
        }
        offset = offset.saturating_add(u32::try_from(line.len()).unwrap_or(u32::MAX));
    }
    // An empty file is no list of nothing: that would read as "nothing to object to".
    if nodes.is_empty() { (Vec::new(), vec![whole]) } else { (nodes, Vec::new()) }
}

fn list(node: &Node) -> Option<&[Node]> {
    if let Kind::Array(items) = &node.kind {
        return Some(items);
    }
    let named = ["value", "data", "resources", "predictedResources"].iter().find_map(|key| node.get(key));
    named.filter(|n| matches!(n.kind, Kind::Array(_)) && node.get("id").is_none()).map(Node::items)
}

fn collect(text: &Text, node: &Node, offset: u32, found: &mut Vec<Observed>) {
    if let Some(items) = list(node) {
        items.iter().for_each(|item| collect(text, item, offset, found));
        return;
    }
    let Some(id) = node.get("id").and_then(Node::as_str).filter(|id| id.starts_with('/')) else { return };
    let body = match node.get("body").filter(|b| matches!(b.kind, Kind::Object(_))) {
        Some(body) => Value::from(body),
        None => {
            let kept = node.members().iter().filter(|m| !NOT_BODY.iter().any(|n| m.key.eq_ignore_ascii_case(n)));
            let kept = kept.filter(|m| !matches!(m.value.kind, Kind::Null));
            kept.map(|m| (m.key.clone(), Value::from(&m.value))).collect::<Object>().into()
        }
    };
    let span = Span { start: node.span.start + offset, end: node.span.end + offset };
    found.push(Observed {
        id: ResourceId::new(id),
        api_version: node.get("apiVersion").and_then(Node::as_str).unwrap_or_default().to_owned(),
        body,
        place: Place::new(text, span),
    });
}
