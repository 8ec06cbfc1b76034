//! YAML with the span of every value, read to the same tree as JSON.
//!
//! One document per file; anchors and merges work, tags and non-string keys do not. The budget of the YAML reader bounds
//! what hostile input (alias bombs, deep nesting) may cost.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use crate::{Finding, Kind, Member, Node, Span, Text};

/// Reads one YAML document. An empty file reads as an empty object: a design file with everything commented out is legal.
///
/// # Errors
/// The one finding `yaml/syntax` with the position of the first error.
pub fn parse(text: &Text) -> Result<Node, Finding> {
    let blank = text.as_str().lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#'));
    if blank {
        return Ok(Node { span: Span::default(), kind: Kind::Object(Vec::new()) });
    }
    // YAML 1.2: only `true` and `false` are booleans, so that a workload may be called `y`.
    let options = serde_saphyr::options! { strict_booleans: true };
    match serde_saphyr::from_str_with_options::<Spanned<Tree>>(text.as_str(), options) {
        Ok(tree) => Ok(node(text, tree)),
        Err(error) => {
            let place = error.location().map(|l| span(text, &l, 1)).unwrap_or_default();
            let said = error.without_snippet().to_string();
            let said = said.split(" at line ").next().unwrap_or_default().trim_start_matches("error: ");
            let (message, help) = in_our_words(said);
            Err(Finding::error("yaml/syntax", message).at(text, place).help(help))
        }
    }
}

/// What the reader says in terms of its own settings, said in terms of the file.
fn in_our_words(said: &str) -> (String, &'static str) {
    const SYNTAX: &str = "fix the syntax here; the rest of the file was not read";
    let lower = said.to_ascii_lowercase();
    if lower.contains("duplicate") && lower.contains("key") {
        let key = said.split(['`', '\'', '"']).nth(1).filter(|key| !key.is_empty());
        let what =
            key.map_or_else(|| "a key is a duplicate".to_owned(), |key| format!("the key `{key}` is a duplicate"));
        return (format!("{what}: it stands in this mapping already"), "remove one of the two");
    }
    if lower.contains("budget") {
        let help = "take out the repeated aliases or the deep nesting; a design needs neither";
        return ("this file is too large, too deep or too full of aliases to be read".to_owned(), help);
    }
    let plain = said.split_once(" (").filter(|(_, rest)| rest.contains("Policy") || rest.contains("::"));
    (format!("this is not valid YAML: {}", plain.map_or(said, |(before, _)| before)), SYNTAX)
}

enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    Seq(Vec<Spanned<Tree>>),
    Map(Vec<(Spanned<String>, Spanned<Tree>)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(i64::try_from(value).map_or(Tree::Float(value as f64), Tree::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Tree::Map(members))
    }
}

fn node(text: &Text, tree: Spanned<Tree>) -> Node {
    let at = tree.referenced;
    let kind = match tree.value {
        Tree::Null => Kind::Null,
        Tree::Bool(b) => Kind::Bool(b),
        Tree::Int(i) => Kind::Int(i),
        Tree::Float(f) => Kind::Float(f),
        Tree::String(s) => {
            let span = span(text, &at, s.len());
            return Node { span, kind: Kind::String(Arc::from(s)) };
        }
        Tree::Seq(items) => Kind::Array(items.into_iter().map(|i| node(text, i)).collect()),
        Tree::Map(members) => Kind::Object(
            members
                .into_iter()
                .map(|(key, value)| Member {
                    key_span: span(text, &key.referenced, key.value.len()),
                    key: Arc::from(key.value),
                    value: node(text, value),
                })
                .collect(),
        ),
    };
    Node { span: span(text, &at, 1), kind }
}

/// The reader gives line and column of the start; the length is that of the value as far as it is known.
fn span(text: &Text, at: &Location, length: usize) -> Span {
    let (line, column) = (u32::try_from(at.line()).unwrap_or(1), u32::try_from(at.column()).unwrap_or(1));
    let start = text.offset(line, column) as usize;
    let end = (start + length.max(1)).min(text.as_str().len());
    Span::new(start, end.max(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_places() {
        let text = Text::new("d.yaml", "a: 1\nlist:\n  - x\n  - {b: true, c: ~}\ns: \"2025-04-14\"\nv: 2025-04-14\n");
        let node = parse(&text).unwrap();
        let list = node.get("list").unwrap();
        assert_eq!(list.items().len(), 2);
        assert_eq!(text.position(list.items()[0].span.start).line, 3);
        assert_eq!(text.position(list.items()[0].span.start).column, 5);
        assert_eq!(text.slice(list.items()[0].span), "x");
        assert_eq!(node.get("s").unwrap().as_str(), Some("2025-04-14"));
        assert_eq!(node.get("v").unwrap().as_str(), Some("2025-04-14"));
        assert_eq!(list.items()[1].get("b").unwrap().kind, Kind::Bool(true));
        assert_eq!(list.items()[1].get("c").unwrap().kind, Kind::Null);
        assert_eq!(node.get("a").unwrap().kind, Kind::Int(1));
        let node = parse(&Text::new("d.yaml", "name: y\nother: no\nyes: true\n")).unwrap();
        assert_eq!(node.get("name").unwrap().as_str(), Some("y"));
        assert_eq!(node.get("other").unwrap().as_str(), Some("no"));
        assert_eq!(node.get("yes").unwrap().kind, Kind::Bool(true));
    }

    #[test]
    fn bad_yaml_is_a_finding() {
        let finding = parse(&Text::new("d.yaml", "a: 1\nb: [1,\nc: 2\n")).unwrap_err();
        assert_eq!(finding.code, "yaml/syntax");
        assert!(finding.place.is_some());
        let finding = parse(&Text::new("d.yaml", "a: 1\na: 2\n")).unwrap_err();
        assert!(finding.message.contains("duplicate"), "{}", finding.message);
        assert!(parse(&Text::new("d.yaml", "# nothing\n\n")).is_ok());
    }
}
