//! Taking a document apart with a finding for everything that is not as expected.

use glidepath_source::{Finding, Kind, Node, Text};

/// Reads members of objects of one text; what is wrong is collected.
pub(crate) struct Reader<'a> {
    pub(crate) text: &'a Text,
    pub(crate) findings: Vec<Finding>,
    code: &'static str,
}

impl<'a> Reader<'a> {
    /// Findings about the shape of the document get this code.
    pub(crate) fn new(text: &'a Text, code: &'static str) -> Self {
        Self { text, findings: Vec::new(), code }
    }

    pub(crate) fn wrong(&mut self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::error(self.code, message).at(self.text, node.span).help(help));
    }

    /// Keys that nobody reads are typing errors.
    pub(crate) fn known(&mut self, node: &Node, keys: &[&str]) {
        if !matches!(node.kind, Kind::Object(_)) {
            self.wrong(
                node,
                format!("an object is expected here, not a {}", node.kind_name()),
                format!("use {}", keys.join(", ")),
            );
        }
        for member in node.members() {
            if !keys.contains(&&*member.key) {
                let finding = Finding::error(self.code, format!("`{}` is not known here", member.key));
                self.findings.push(finding.at(self.text, member.key_span).help(format!("use {}", keys.join(", "))));
            }
        }
    }

    pub(crate) fn string(&mut self, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key)?;
        match &value.kind {
            Kind::String(s) => Some(s.to_string()),
            _ => {
                self.wrong(value, format!("`{key}` is a text, not a {}", value.kind_name()), "put it in quotes");
                None
            }
        }
    }

    pub(crate) fn required(&mut self, node: &Node, key: &str) -> Option<String> {
        if node.get(key).is_none() {
            self.wrong(node, format!("`{key}` is missing"), format!("add `{key}:`"));
        }
        self.string(node, key).filter(|s| {
            let given = !s.trim().is_empty();
            if !given {
                self.wrong(node.get(key).unwrap_or(node), format!("`{key}` is empty"), format!("fill in `{key}`"));
            }
            given
        })
    }

    /// A whole number within bounds.
    pub(crate) fn whole(&mut self, node: &Node, key: &str, from: i64, to: i64) -> Option<i64> {
        let value = node.get(key)?;
        match value.kind {
            Kind::Int(i) if (from..=to).contains(&i) => Some(i),
            _ => {
                self.wrong(value, format!("`{key}` is a whole number from {from} to {to}"), "correct the number");
                None
            }
        }
    }

    /// A number from 0 up to a bound.
    pub(crate) fn number(&mut self, node: &Node, key: &str, to: f64) -> Option<f64> {
        let value = node.get(key)?;
        let number = match value.kind {
            Kind::Int(i) => i as f64,
            Kind::Float(f) => f,
            _ => f64::NAN,
        };
        // Also refuses what is not a number at all.
        if (0.0..=to).contains(&number) {
            return Some(number);
        }
        self.wrong(value, format!("`{key}` is a number from 0 to {to}"), "correct the number");
        None
    }

    /// Texts: a list of them, or one alone.
    pub(crate) fn strings(&mut self, node: &Node, key: &str) -> Vec<String> {
        let Some(value) = node.get(key) else { return Vec::new() };
        match &value.kind {
            Kind::String(s) => vec![s.to_string()],
            Kind::Array(items) => {
                let mut texts = Vec::new();
                for item in items {
                    match item.as_str() {
                        Some(text) => texts.push(text.to_owned()),
                        None => self.wrong(item, format!("`{key}` lists texts"), "put each in quotes"),
                    }
                }
                texts
            }
            _ => {
                self.wrong(value, format!("`{key}` is a list of texts"), "write `[a, b]`");
                Vec::new()
            }
        }
    }

    pub(crate) fn list<'n>(&mut self, node: &'n Node, key: &str) -> &'n [Node] {
        match node.get(key) {
            None => &[],
            Some(Node { kind: Kind::Array(items), .. }) => items,
            Some(other) => {
                self.wrong(other, format!("`{key}` is a list, not a {}", other.kind_name()), "begin items with `- `");
                &[]
            }
        }
    }
}
