//! Templates inside what carries them: the body of a deployment (`{"properties": {"template": …, "parameters": …}}`, as
//! `az deployment … create --debug` shows it and the REST API takes it) and a version of a template spec (`mainTemplate`).

use glidepath_source::{Kind, Member, Node, Text};

use super::{Context, Parameters};

/// A template taken out of what carried it.
pub(super) struct Wrapped {
    pub(super) template: Node,
    pub(super) parameters: Parameters,
    location: Option<String>,
}

impl Wrapped {
    /// The context, completed by what the body says.
    pub(super) fn context(&self, given: &Context) -> Context {
        Context { location: given.location.clone().or_else(|| self.location.clone()), ..given.clone() }
    }
}

/// Takes the template out of a body; anything else stays as it is.
pub(super) fn unwrap(text: &Text, root: Node) -> Wrapped {
    let location = root.get("location").and_then(Node::as_str).map(str::to_owned);
    let mut parameters = Parameters::new();
    if root.get("resources").is_some() || root.get("properties").is_none() {
        return Wrapped { template: root, parameters, location: None };
    }
    let whole = root.clone();
    let Some(properties) = taken(root, "properties") else {
        return Wrapped { template: whole, parameters, location: None };
    };
    if let Some(values) = properties.get("parameters") {
        parameters.add_values(text, values, true);
    }
    match taken(properties.clone(), "template").or_else(|| taken(properties, "mainTemplate")) {
        Some(template) if matches!(template.kind, Kind::Object(_)) => Wrapped { template, parameters, location },
        _ => Wrapped { template: whole, parameters: Parameters::new(), location: None },
    }
}

fn taken(node: Node, key: &str) -> Option<Node> {
    let Kind::Object(members) = node.kind else { return None };
    members.into_iter().find(|m: &Member| m.key.eq_ignore_ascii_case(key)).map(|m| m.value)
}
