//! Terraform plans (`terraform show -json`) as ARM resources: `azapi` without loss, `azurerm` by the tables of
//! `catalogue/terraform/`. What only the apply tells is unknown; what is not mapped is said.
//!
//! Source: developer.hashicorp.com/terraform/internals/json-format, format version 1.

mod azapi;
mod azurerm;
mod known;
mod references;

use std::collections::BTreeMap;
use std::sync::Arc;

use glidepath_source::{Finding, Kind, Member, Node, Place, Text};

use crate::template::{Context, Expanded, Expansion};
use crate::{Object, ResourceId, Value};

use references::References;

/// Is this the JSON of a plan?
pub fn is_plan(root: &Node) -> bool {
    root.get("format_version").is_some() && root.get("resource_changes").is_some()
        || root.get("terraform_version").is_some()
            && (root.get("planned_values").is_some() || root.get("values").is_some())
}

/// What a plan creates and updates. Never fails: what cannot be read or mapped is a finding.
pub fn resources(text: &Text, root: &Node, context: &Context) -> Expansion {
    let mut expansion = Expansion::default();
    let version = root.get("format_version").and_then(Node::as_str).unwrap_or("1");
    if version.split('.').next() != Some("1") {
        let message = format!("plans of format {version} are not known here");
        expansion
            .findings
            .push(Finding::error("terraform/format-version", message).at(text, root.span).help("format 1 is read"));
        return expansion;
    }
    let mut ids: BTreeMap<String, Value> = BTreeMap::new();
    let made = root.get("resource_changes").is_none().then(|| planned_values(root));
    let changes: &[Node] = match &made {
        Some(made) => made,
        None => root.get("resource_changes").map(Node::items).unwrap_or_default(),
    };
    let addresses: Vec<&str> = changes.iter().filter_map(|c| c.get("address")?.as_str()).collect();
    let references = References::of(root, &addresses);
    let mut left_out: BTreeMap<String, LeftOut> = BTreeMap::new();
    // Parents first: their ids are made before children need them. Plans list by address, so it takes some rounds.
    let mut open: Vec<(usize, &Node)> = changes.iter().enumerate().filter(|(_, c)| is_written(c)).collect();
    let mut done: BTreeMap<usize, Expanded> = BTreeMap::new();
    let mut associations = Vec::new();
    for round in 0..8 {
        let mut later = Vec::new();
        for (at, change) in open {
            let planned = Planned::read(text, change, context, &ids, &references);
            if azurerm::is_association(planned.kind) {
                if !associations.iter().any(|(known, _)| *known == at) {
                    associations.push((at, change));
                }
                continue;
            }
            match planned.convert(&mut left_out) {
                Some(resource) => {
                    // What its body refers to may come later in the plan: a second look finds all ids.
                    let is_known = !resource.id.is_unknown() && (round > 0 || !resource.body.has_unknown());
                    ids.insert(planned.address.to_owned(), resource.id.clone());
                    done.insert(at, resource);
                    if !is_known {
                        later.push((at, change));
                    }
                }
                None => continue,
            }
        }
        if later.is_empty() {
            break;
        }
        open = later;
    }
    for (_, change) in associations {
        let planned = Planned::read(text, change, context, &ids, &references);
        if !azurerm::associate(&planned, done.values_mut()) {
            let what = format!("`{}`: the plan does not hold the resource that it changes", planned.kind);
            planned.leave_out(what, false, &mut left_out);
        }
    }
    for resource in done.values_mut() {
        let Some(address) = resource.symbolic_name.clone() else { continue };
        for (target, written) in references.edges(&address) {
            let Some(id) = ids.get(target).map(label) else { continue };
            if !resource.depends_on.contains(&id) {
                resource.depends_on.push(id.clone());
                if !written {
                    resource.implied.push(id);
                }
            }
        }
    }
    expansion.resources = done.into_values().collect();
    for (what, LeftOut { addresses, place, is_whole }) in left_out {
        let shown: Vec<&str> = addresses.iter().take(5).map(String::as_str).collect();
        let more = addresses.len().saturating_sub(shown.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("not evaluated: {what} ({}{more})", shown.join(", "));
        let code = if is_whole { "terraform/unknown-type" } else { "terraform/not-evaluated" };
        let finding = Finding::warning(code, message).at_place(Some(place));
        expansion
            .findings
            .push(finding.why("the tables of azurerm in `catalogue/terraform` do not say what it is in ARM"));
    }
    expansion
}

/// What is not evaluated, by the addresses it stands at.
struct LeftOut {
    addresses: Vec<String>,
    place: Place,
    /// Not even the type is known: whatever policy would say of the resource is not said.
    is_whole: bool,
}

fn label(id: &Value) -> String {
    match id {
        Value::String(id) => id.to_string(),
        Value::Unknown(unknown) => format!("[{}]", unknown.expression),
        other => other.to_string(),
    }
}

/// The resources of a state or of a plan without changes (`planned_values`), as changes that create them.
fn planned_values(root: &Node) -> Vec<Node> {
    let mut found = Vec::new();
    let values = root.get("planned_values").or_else(|| root.get("values"));
    let mut open: Vec<&Node> = values.and_then(|v| v.get("root_module")).into_iter().collect();
    while let Some(module) = open.pop() {
        for resource in module.get("resources").map(Node::items).unwrap_or_default() {
            let member = |key: &str, value: Node| Member { key: Arc::from(key), key_span: value.span, value };
            let node = |kind: Kind| Node { span: resource.span, kind };
            let actions = node(Kind::Array(vec![node(Kind::String(Arc::from("create")))]));
            let mut change = vec![member("actions", actions)];
            change.extend(resource.get("values").map(|v| member("after", v.clone())));
            change.extend(resource.get("sensitive_values").map(|v| member("after_sensitive", v.clone())));
            let mut members = vec![member("change", node(Kind::Object(change)))];
            for key in ["address", "mode", "type"] {
                members.extend(resource.get(key).map(|v| member(key, v.clone())));
            }
            found.push(node(Kind::Object(members)));
        }
        open.extend(module.get("child_modules").map(Node::items).unwrap_or_default());
    }
    found
}

fn is_written(change: &Node) -> bool {
    let is_managed = change.get("mode").and_then(Node::as_str).is_none_or(|m| m == "managed");
    let actions = change.get("change").and_then(|c| c.get("actions")).map(Node::items).unwrap_or_default();
    is_managed && actions.iter().any(|a| matches!(a.as_str(), Some("create" | "update" | "no-op")))
}

/// One planned resource.
struct Planned<'a> {
    text: &'a Text,
    node: &'a Node,
    address: &'a str,
    kind: &'a str,
    after: Value,
    context: &'a Context,
    ids: &'a BTreeMap<String, Value>,
    references: &'a References,
}

impl<'a> Planned<'a> {
    fn read(
        text: &'a Text,
        node: &'a Node,
        context: &'a Context,
        ids: &'a BTreeMap<String, Value>,
        references: &'a References,
    ) -> Self {
        let word = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
        let after = known::after(node, word("address"));
        Self { text, node, address: word("address"), kind: word("type"), after, context, ids, references }
    }

    fn place(&self) -> Place {
        Place::new(self.text, self.node.span)
    }

    fn leave_out(&self, what: String, is_whole: bool, left_out: &mut BTreeMap<String, LeftOut>) {
        let new = || LeftOut { addresses: Vec::new(), place: self.place(), is_whole };
        let entry = left_out.entry(what).or_insert_with(new);
        if !entry.addresses.iter().any(|a| a == self.address) {
            entry.addresses.push(self.address.to_owned());
        }
    }

    fn convert(&self, left_out: &mut BTreeMap<String, LeftOut>) -> Option<Expanded> {
        match self.kind {
            "azapi_resource" => Some(azapi::resource(self)),
            // These call actions of a resource, they are none.
            "azapi_resource_action" | "azapi_data_plane_resource" => None,
            kind if kind.starts_with("azurerm_") || kind.starts_with("azapi_") => {
                let (resource, unmapped) = azurerm::resource(self);
                for what in unmapped {
                    self.leave_out(what, resource.is_none(), left_out);
                }
                resource
            }
            // random_string, time_sleep and their like are no resources of Azure.
            _ => None,
        }
    }

    /// An attribute that is known or unknown; `None`: null or absent.
    fn get(&self, name: &str) -> Option<&Value> {
        self.after.get(name).filter(|v| !v.is_null())
    }

    /// An attribute that holds an id: where only the apply tells it, the id that the referred resource will have.
    fn id_in(&self, name: &str) -> Option<Value> {
        match self.get(name) {
            Some(Value::Unknown(unknown)) => {
                Some(self.referred(name).unwrap_or_else(|| Value::Unknown(unknown.clone())))
            }
            other => other.cloned(),
        }
    }

    /// The id of the planned resource that an attribute (of a block after a dot) refers to.
    fn referred(&self, attribute: &str) -> Option<Value> {
        self.references.id(self.address, attribute).and_then(|target| self.ids.get(target)).cloned()
    }

    fn expanded(&self, id: Value, api_version: &str, body: Object) -> Expanded {
        let parsed = id.as_str().map(ResourceId::new);
        let resource_type = parsed.as_ref().and_then(ResourceId::resource_type);
        let name = self.get("name").cloned().unwrap_or_else(|| match &parsed {
            Some(id) => id.name().into(),
            None => id.clone(),
        });
        let scope = match &parsed {
            Some(id) => id.scope().id().as_str().into(),
            None => id.clone(),
        };
        Expanded {
            resource_type: resource_type.unwrap_or_else(|| crate::ResourceType::new(self.declared_type())),
            id,
            name,
            api_version: api_version.to_owned(),
            scope,
            body: body.into(),
            condition: None,
            source: self.place(),
            deployment: Vec::new(),
            symbolic_name: Some(self.address.to_owned()),
            copy_index: None,
            depends_on: Vec::new(),
            implied: Vec::new(),
        }
    }

    /// The ARM type as the plan says it.
    fn declared_type(&self) -> &str {
        match self.get("type").and_then(Value::as_str) {
            Some(declared) if self.kind.starts_with("azapi_") => declared.split('@').next().unwrap_or_default(),
            _ => azurerm::arm_type(self.kind).unwrap_or(self.kind),
        }
    }
}

/// A member that holds something.
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(object) => !object.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => true,
    }
}

/// Blocks are lists of objects.
fn is_block(node: &Node) -> bool {
    matches!(&node.kind, Kind::Array(items) if items.iter().all(|i| matches!(i.kind, Kind::Object(_))))
}
