//! From a document's tree to typed values, with every finding instead of the first.

use std::cell::RefCell;

use glidepath_source::{Finding, Kind, Node, Place, Span, Text};
use indexmap::IndexMap;
use ipnet::IpNet;

use crate::suggest::nearest;

/// One file while it is read: its text and what was found wrong.
pub(crate) struct Document<'t> {
    pub(crate) text: &'t Text,
    findings: RefCell<Vec<Finding>>,
}

impl<'t> Document<'t> {
    pub(crate) fn new(text: &'t Text) -> Self {
        Self { text, findings: RefCell::new(Vec::new()) }
    }

    pub(crate) fn tell(&self, finding: Finding) {
        self.findings.borrow_mut().push(finding);
    }

    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings.into_inner()
    }

    /// The place of a span.
    pub(crate) fn place(&self, span: Span) -> Place {
        Place::new(self.text, span)
    }

    fn wrong_type(&self, node: &Node, wanted: &str) {
        self.tell(
            Finding::error("design/wrong-type", format!("this must be {wanted}, not {}", article(node.kind_name())))
                .at(self.text, node.span),
        );
    }

    pub(crate) fn bad_value(&self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.tell(Finding::error("design/bad-value", message).at(self.text, node.span).help(help));
    }
}

fn article(kind: &str) -> String {
    match kind {
        "null" => "empty".to_owned(),
        "array" => "a list".to_owned(),
        "object" => "a mapping".to_owned(),
        other => format!("a {other}"),
    }
}

/// A value that can be read from a node. `None`: a finding says why.
pub(crate) trait Decode: Sized {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self>;
}

impl Decode for String {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::String(s) => Some(s.to_string()),
            Kind::Int(i) => {
                doc.tell(
                    Finding::error("design/wrong-type", format!("this must be text, and `{i}` reads as a number"))
                        .at(doc.text, node.span)
                        .help(format!("put it in quotes: `\"{i}\"`")),
                );
                None
            }
            _ => {
                doc.wrong_type(node, "text");
                None
            }
        }
    }
}

impl Decode for bool {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        match node.kind {
            Kind::Bool(b) => Some(b),
            _ => {
                doc.wrong_type(node, "`true` or `false`");
                None
            }
        }
    }
}

impl Decode for u32 {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let number = match node.kind {
            Kind::Int(i) => u32::try_from(i).ok(),
            _ => None,
        };
        if number.is_none() {
            doc.wrong_type(node, "a whole number of 0 or more");
        }
        number
    }
}

impl Decode for f64 {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        match node.kind {
            Kind::Int(i) => Some(i as f64),
            Kind::Float(f) if f.is_finite() => Some(f),
            _ => {
                doc.wrong_type(node, "a number");
                None
            }
        }
    }
}

impl Decode for IpNet {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let text = String::decode(doc, node)?;
        match text.parse::<IpNet>() {
            Ok(net) if net.trunc() == net => Some(net),
            Ok(net) => {
                doc.bad_value(
                    node,
                    format!("`{text}` has bits set beyond its prefix length"),
                    format!("write `{}`", net.trunc()),
                );
                None
            }
            Err(_) => {
                doc.bad_value(node, format!("`{text}` is not an address block"), "write it as `10.0.0.0/12`");
                None
            }
        }
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::Array(items) => Some(items.iter().filter_map(|i| T::decode(doc, i)).collect()),
            _ => {
                doc.wrong_type(node, "a list");
                None
            }
        }
    }
}

impl<T: Decode> Decode for IndexMap<String, T> {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        match &node.kind {
            Kind::Object(members) => {
                Some(members.iter().filter_map(|m| Some((m.key.to_string(), T::decode(doc, &m.value)?))).collect())
            }
            _ => {
                doc.wrong_type(node, "a mapping");
                None
            }
        }
    }
}

/// One value or a list of them.
pub(crate) struct OneOrMany<T>(pub(crate) Vec<T>);

impl<T: Decode> Decode for OneOrMany<T> {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        match node.kind {
            Kind::Array(_) => Vec::decode(doc, node).map(Self),
            _ => T::decode(doc, node).map(|one| Self(vec![one])),
        }
    }
}

/// A mapping whose keys are known. Every key asked for is a known key; [`Fields::finish`] reports the others.
pub(crate) struct Fields<'d, 't> {
    doc: &'d Document<'t>,
    node: &'d Node,
    what: &'static str,
    known: RefCell<Vec<&'static str>>,
}

impl<'d, 't> Fields<'d, 't> {
    /// `what` is the mapping in the user's words: `a workload`. `None`: it is no mapping.
    pub(crate) fn of(doc: &'d Document<'t>, node: &'d Node, what: &'static str) -> Option<Self> {
        match node.kind {
            Kind::Object(_) => Some(Self { doc, node, what, known: RefCell::new(Vec::new()) }),
            _ => {
                doc.wrong_type(node, "a mapping");
                None
            }
        }
    }

    /// The node of a key; `null` counts as left out.
    pub(crate) fn node(&self, key: &'static str) -> Option<&'d Node> {
        self.known.borrow_mut().push(key);
        let member = self.node.members().iter().find(|m| m.key.as_ref() == key)?;
        (member.value.kind != Kind::Null).then_some(&member.value)
    }

    /// A key that may be left out.
    pub(crate) fn optional<T: Decode>(&self, key: &'static str) -> Option<T> {
        T::decode(self.doc, self.node(key)?)
    }

    /// A key that may be left out, with the value it then has.
    pub(crate) fn or<T: Decode>(&self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// A key that must be there.
    pub(crate) fn required<T: Decode>(&self, key: &'static str) -> Option<T> {
        match self.node(key) {
            Some(node) => T::decode(self.doc, node),
            None => {
                self.doc.tell(
                    Finding::error("design/missing-key", format!("{} needs `{key}`", self.what))
                        .at(self.doc.text, self.node.span)
                        .help(format!("add `{key}: …` here")),
                );
                None
            }
        }
    }

    /// Reports the keys nobody asked for.
    pub(crate) fn finish(self) {
        let mut known = self.known.into_inner();
        known.dedup();
        for member in self.node.members() {
            if known.contains(&member.key.as_ref()) {
                continue;
            }
            let help = match nearest(&member.key, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", list(known.iter().copied())),
            };
            self.doc.tell(
                Finding::error("design/unknown-key", format!("{} has no key `{}`", self.what, member.key))
                    .at(self.doc.text, member.key_span)
                    .help(help),
            );
        }
    }
}

/// `` `a`, `b` `` for messages.
pub(crate) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

/// Reads one of a few words.
pub(crate) fn word<T: Copy>(doc: &Document<'_>, node: &Node, what: &str, words: &[(&'static str, T)]) -> Option<T> {
    let text = String::decode(doc, node)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let help = match nearest(&text, words.iter().map(|(w, _)| *w)) {
        Some(near) => format!("did you mean `{near}`? allowed: {}", list(words.iter().map(|(w, _)| *w))),
        None => format!("allowed: {}", list(words.iter().map(|(w, _)| *w))),
    };
    doc.bad_value(node, format!("`{text}` is no {what}"), help);
    None
}

/// An enum that is written as one of a few words: its words in one table, read, shown and serialised by it.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word users write.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl $crate::decode::Decode for $name {
            fn decode(doc: &$crate::decode::Document<'_>, node: &glidepath_source::Node) -> Option<Self> {
                $crate::decode::word(doc, node, $what, &[$(($word, $name::$variant)),+])
            }
        }
    };
}
pub(crate) use words;
