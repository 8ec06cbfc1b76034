//! What must be so for a text to be a template: sections and members of the right kind, declared parameters with a type
//! that there is. Told for every template that is expanded, also where nothing looks at the wrong part.
//!
//! Source: Microsoft Learn, "Understand the structure and syntax of ARM templates".

use std::collections::BTreeMap;

use glidepath_source::{Finding, Kind, Member, Node, Span, Text};

use super::nested::Deployment;
use super::session::Session;

/// Sections and the kinds they may have.
const SECTIONS: [(&str, &[&str]); 9] = [
    ("$schema", &["string"]),
    ("contentVersion", &["string"]),
    ("parameters", &["object"]),
    ("variables", &["object"]),
    ("functions", &["array"]),
    ("definitions", &["object"]),
    ("resources", &["array", "object"]),
    ("outputs", &["object"]),
    ("asserts", &["object"]),
];
/// Members of a resource; an expression may stand for any of them but the first three.
const RESOURCE: [(&str, &[&str]); 13] = [
    ("copy", &["object"]),
    ("existing", &["boolean"]),
    ("resources", &["array", "object"]),
    ("apiVersion", &["string"]),
    ("dependsOn", &["array", "string"]),
    ("location", &["string"]),
    ("scope", &["string"]),
    ("tags", &["object"]),
    ("properties", &["object"]),
    ("sku", &["object"]),
    ("identity", &["object"]),
    ("plan", &["object"]),
    ("zones", &["array"]),
];
const TYPES: [&str; 7] = ["string", "secureString", "int", "bool", "object", "secureObject", "array"];
/// Limits of parameters, and the kind of their value.
const LIMITS: [(&str, &str); 5] = [
    ("minValue", "number"),
    ("maxValue", "number"),
    ("minLength", "number"),
    ("maxLength", "number"),
    ("allowedValues", "array"),
];
/// How deep child resources are looked into.
const DEEPEST: usize = 16;

impl<'a> Session<'a> {
    /// Tells where a template is none.
    pub(super) fn tell_shape(&self, deployment: &Deployment<'a>) {
        if deployment.missing.is_some() {
            return;
        }
        let shape = Shape { session: self, text: deployment.text, chain: &deployment.chain };
        shape.template(deployment.template, deployment.chain.is_empty());
    }
}

struct Shape<'a, 's> {
    session: &'s Session<'a>,
    text: &'s Text,
    chain: &'s [String],
}

impl Shape<'_, '_> {
    fn tell(&self, finding: Finding, span: Span) {
        let finding = finding.at(self.text, span);
        self.session.tell(Finding { chain: self.chain.to_vec(), ..finding });
    }

    fn wrong(&self, what: &str, wanted: &str, found: &Node) {
        let message = format!("{what} is {wanted}, this is {}", a_node(found));
        self.tell(Finding::error("template/bad-shape", message).why("Azure refuses the template"), found.span);
    }

    fn template(&self, template: &Node, is_root: bool) {
        if !matches!(template.kind, Kind::Object(_)) {
            let message = format!("this is not an ARM template: a template is an object, this is {}", a_node(template));
            return self.tell(Finding::error("template/no-resources", message), template.span);
        }
        if template.get("resources").is_none() && is_root {
            let message = "this is not an ARM template: it has no `resources`";
            self.tell(Finding::error("template/no-resources", message), template.span);
        }
        for (name, kinds) in SECTIONS {
            if let Some(node) = template.get(name)
                && !kinds.contains(&node.kind_name())
                && node.kind != Kind::Null
            {
                self.wrong(&format!("`{name}`"), &a_kind(kinds), node);
            }
        }
        for section in ["parameters", "variables", "outputs"] {
            self.twice(section, template.get(section).map(Node::members).unwrap_or_default());
        }
        for parameter in template.get("parameters").map(Node::members).unwrap_or_default() {
            self.parameter(parameter);
        }
        for output in template.get("outputs").map(Node::members).unwrap_or_default() {
            if !matches!(output.value.kind, Kind::Object(_)) {
                self.wrong(&format!("the output `{}`", output.key), "an object with `type` and `value`", &output.value);
            }
        }
        self.resources(template.get("resources"), 0);
    }

    /// Names that differ in case only are one name to Azure.
    fn twice(&self, section: &str, members: &[Member]) {
        let mut known: BTreeMap<String, &Member> = BTreeMap::new();
        for member in members {
            if let Some(first) = known.insert(member.key.to_ascii_lowercase(), member) {
                let noun = section.trim_end_matches('s');
                let message = format!("the {noun} `{}` is declared twice: names differ in case only", member.key);
                let at = self.text.position(first.key_span.start);
                let finding = Finding::error("template/duplicate-name", message);
                self.tell(finding.help(format!("the other one is at {}:{at}", self.text.name())), member.key_span);
            }
        }
    }

    fn parameter(&self, parameter: &Member) {
        let (name, node) = (&parameter.key, &parameter.value);
        if !matches!(node.kind, Kind::Object(_)) {
            return self.wrong(&format!("the declaration of the parameter `{name}`"), "an object with a `type`", node);
        }
        match node.get("type") {
            Some(kind) => match kind.as_str() {
                Some(text) if TYPES.iter().any(|t| t.eq_ignore_ascii_case(text)) => {}
                Some(text) => {
                    let message = format!("there is no parameter type `{text}`");
                    let finding = Finding::error("template/unknown-type", message);
                    self.tell(finding.help(format!("the types are {}", TYPES.join(", "))), kind.span);
                }
                None => self.wrong(&format!("the type of the parameter `{name}`"), "a string", kind),
            },
            None if node.get("$ref").is_some() => {}
            None => {
                let message = format!("the parameter `{name}` has no `type`");
                let finding = Finding::error("template/no-parameter-type", message).why("Azure refuses the template");
                self.tell(finding.help(format!("the types are {}", TYPES.join(", "))), parameter.key_span);
            }
        }
        for (limit, kind) in LIMITS {
            if let Some(value) = node.get(limit).filter(|v| v.kind_name() != kind && v.kind != Kind::Null) {
                self.wrong(&format!("`{limit}` of the parameter `{name}`"), &a_kind(&[kind]), value);
            }
        }
        for (least, most) in [("minValue", "maxValue"), ("minLength", "maxLength")] {
            if let (Some(Kind::Int(low)), Some(Kind::Int(high))) =
                (node.get(least).map(|n| &n.kind), node.get(most).map(|n| &n.kind))
                && low > high
            {
                let message = format!("`{least}` of the parameter `{name}` is above its `{most}`: no value fits");
                self.tell(Finding::error("template/impossible-parameter", message), parameter.key_span);
            }
        }
    }

    fn resources(&self, resources: Option<&Node>, depth: usize) {
        let Some(resources) = resources.filter(|_| depth < DEEPEST) else { return };
        let listed = resources.items().iter().chain(resources.members().iter().map(|m| &m.value));
        for resource in listed {
            for member in resource.members() {
                let known = RESOURCE.iter().enumerate().find(|(_, (name, _))| member.key.eq_ignore_ascii_case(name));
                let Some((at, (name, kinds))) = known else { continue };
                let computed = at > 2 && member.value.as_str().is_some_and(|text| text.starts_with('['));
                let fits = kinds.contains(&member.value.kind_name()) || member.value.kind == Kind::Null;
                if !computed && !fits {
                    self.wrong(&format!("`{name}` of a resource"), &a_kind(kinds), &member.value);
                }
            }
            self.resources(resource.get("resources"), depth + 1);
        }
    }
}

/// `an array or an object`
fn a_kind(kinds: &[&str]) -> String {
    let named = |kind: &&str| match *kind {
        kind @ ("array" | "object") => format!("an {kind}"),
        kind => format!("a {kind}"),
    };
    kinds.iter().map(named).collect::<Vec<_>>().join(" or ")
}

/// What a node is, with its article.
pub(super) fn a_node(node: &Node) -> String {
    match node.kind_name() {
        "null" => "null".into(),
        kind => a_kind(&[kind]),
    }
}
