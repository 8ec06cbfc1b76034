//! Where every value of a design was written.

use std::collections::BTreeMap;

use glidepath_estate::Origin;
use glidepath_source::{Kind, Node, Place, Span, Text};

/// Path of a value (`workloads/fraud-scoring/models/0/sku`) → where it stands.
///
/// Paths start at the file's own root: `` for `glidepath.yaml` (`regions/0`), `platform`, `workloads/<name>`,
/// `waivers/<file name>`, `addresses`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Places {
    places: BTreeMap<String, Spot>,
}

#[derive(Debug, Clone, PartialEq)]
struct Spot {
    key: Place,
    value: Place,
}

impl Places {
    pub(crate) fn record(&mut self, root: &str, text: &Text, node: &Node) {
        self.visit(root, text, node.span, node);
    }

    fn visit(&mut self, path: &str, text: &Text, key: Span, node: &Node) {
        let spot = Spot { key: Place::new(text, key), value: Place::new(text, node.span) };
        self.places.insert(path.to_owned(), spot);
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        match &node.kind {
            Kind::Object(members) => {
                for member in members {
                    self.visit(&below(&member.key), text, member.key_span, &member.value);
                }
            }
            Kind::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.visit(&below(&i.to_string()), text, item.span, item);
                }
            }
            _ => {}
        }
    }

    fn nearest(&self, path: &str) -> Option<&Spot> {
        let mut path = path;
        loop {
            if let Some(spot) = self.places.get(path) {
                return Some(spot);
            }
            path = path.rsplit_once('/')?.0;
        }
    }

    /// Where the value stands, or the nearest value around it that was written: a default has no place of its own.
    pub fn value(&self, path: &str) -> Option<Place> {
        self.nearest(path).map(|s| s.value.clone())
    }

    /// Was it written at all, or is it a default?
    pub fn is_written(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// The line of the key, as the origin of a resource.
    pub fn origin(&self, path: &str) -> Option<Origin> {
        let spot = self.nearest(path)?;
        Some(Origin { file: spot.key.text.name().to_owned(), line: spot.key.position().line })
    }
}
