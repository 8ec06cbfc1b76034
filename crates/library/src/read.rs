//! Reading the fields of a file: what is missing or of the wrong kind is told with its place.

use glidepath_source::{Finding, Kind, Node, Span, Text, json, yaml};

use crate::asset::Name;
use crate::kind::Format;

/// One file while it is read.
pub(crate) struct Reader<'a> {
    pub(crate) text: &'a Text,
    pub(crate) findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    /// Parses the file; its root must be an object.
    pub(crate) fn root(&mut self, format: Format) -> Option<Node> {
        let parsed = match format {
            Format::Json => json::parse(self.text),
            Format::Yaml => yaml::parse(self.text),
        };
        match parsed {
            Ok(node) if matches!(node.kind, Kind::Object(_)) => Some(node),
            Ok(node) => {
                self.wrong_kind("the file", "an object", &node);
                None
            }
            Err(finding) => {
                self.findings.push(finding);
                None
            }
        }
    }

    /// Tells a finding about a part of this file.
    pub(crate) fn tell(&mut self, finding: Finding, span: Span) {
        self.findings.push(finding.at(self.text, span));
    }

    fn wrong_kind(&mut self, what: &str, wanted: &str, node: &Node) {
        let message = format!("{what} must be {wanted}, not {}", article(node.kind_name()));
        self.tell(Finding::error("library/wrong-kind", message), node.span);
    }

    /// A required string that is not empty.
    pub(crate) fn name(&mut self, node: &Node, field: &str) -> Option<Name> {
        match node.get(field) {
            None => {
                let finding = Finding::error("library/missing-field", format!("`{field}` is missing"));
                self.tell(finding.help(format!("add `{field}` with a string")), start_of(node));
                None
            }
            Some(value) => self.string_of(value, &format!("`{field}`")),
        }
    }

    /// An optional string; `null` is absence.
    pub(crate) fn optional_name(&mut self, node: &Node, field: &str) -> Option<Name> {
        let value = node.get(field).filter(|n| n.kind != Kind::Null)?;
        self.string_of(value, &format!("`{field}`"))
    }

    fn string_of(&mut self, value: &Node, what: &str) -> Option<Name> {
        match value.as_str() {
            Some(name) if !name.trim().is_empty() => Some(Name::new(self.text, name, value.span)),
            Some(_) => {
                self.tell(Finding::error("library/missing-field", format!("{what} is empty")), value.span);
                None
            }
            None => {
                self.wrong_kind(what, "a string", value);
                None
            }
        }
    }

    /// The strings of an optional array.
    pub(crate) fn names(&mut self, node: &Node, field: &str) -> Vec<Name> {
        let mut names = Vec::new();
        for item in self.items(node, field) {
            if let Some(name) = self.string_of(item, &format!("an item of `{field}`")) {
                names.push(name);
            }
        }
        names
    }

    /// The items of an optional array; `null` is an empty one.
    pub(crate) fn items<'n>(&mut self, node: &'n Node, field: &str) -> &'n [Node] {
        match node.get(field) {
            None => &[],
            Some(value) => match &value.kind {
                Kind::Array(items) => items,
                Kind::Null => &[],
                _ => {
                    self.wrong_kind(&format!("`{field}`"), "an array", value);
                    &[]
                }
            },
        }
    }

    /// A required object.
    pub(crate) fn object<'n>(&mut self, node: &'n Node, field: &str) -> Option<&'n Node> {
        match node.get(field) {
            Some(value) if matches!(value.kind, Kind::Object(_)) => Some(value),
            Some(value) => {
                self.wrong_kind(&format!("`{field}`"), "an object", value);
                None
            }
            None => {
                let finding = Finding::error("library/missing-field", format!("`{field}` is missing"));
                self.tell(finding.help(format!("add the object `{field}`")), start_of(node));
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, node: &Node, field: &str) -> bool {
        match node.get(field) {
            None => false,
            Some(value) => match value.kind {
                Kind::Bool(flag) => flag,
                Kind::Null => false,
                _ => {
                    self.wrong_kind(&format!("`{field}`"), "a boolean", value);
                    false
                }
            },
        }
    }
}

/// A finding about something missing points at the opening of what should hold it, not at the whole of it.
pub(crate) fn start_of(node: &Node) -> Span {
    Span { start: node.span.start, end: node.span.end.min(node.span.start.saturating_add(1)) }
}

fn article(kind: &str) -> String {
    match kind {
        "null" => "null".to_owned(),
        "array" | "object" => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}
