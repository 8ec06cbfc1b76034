//! Copy loops, of resources, properties, variables and outputs.

use std::rc::Rc;
use std::sync::Arc;

use glidepath_source::{Finding, Node};

use super::evaluate::Site;
use super::session::Session;
use crate::{Reason, Value};

/// ARM's limit on the length of a loop.
const MOST_COPIES: i64 = 800;

/// A loop an expression stands in.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    pub(super) name: Arc<str>,
    /// An integer; unknown where one resource stands for a loop of unknown length.
    pub(super) index: Value,
}

/// A loop's name and length, evaluated.
pub(super) struct Copies {
    pub(super) name: Arc<str>,
    /// `Err`: the length is unknown, or wrong (which has been told).
    pub(super) count: Result<i64, Value>,
}

impl<'a> Session<'a> {
    /// Reads `{name, count}`.
    pub(super) fn copies(&self, node: &'a Node, site: &Site<'a>) -> Copies {
        let name = node.get("name").map(|n| self.value(n, site));
        let name: Arc<str> = name.as_ref().and_then(Value::as_str).map_or_else(|| Arc::from(""), Arc::from);
        let Some(count_node) = node.get("count") else {
            let message = format!("the copy loop `{name}` has no count");
            let finding = Finding::error("template/bad-copy", message.clone()).at(site.text, node.span);
            self.tell(finding.help("add `count`: a number between 0 and 800, or an expression for it"));
            return Copies { name, count: Err(Value::unknown(Reason::Failed(message), "null()")) };
        };
        let count = match self.value(count_node, site) {
            Value::Int(count) if (0..=MOST_COPIES).contains(&count) => Ok(count),
            unknown @ Value::Unknown(_) => Err(unknown),
            other => {
                let message = format!("the copy loop `{name}` has the count `{other}`");
                let finding = Finding::error("template/bad-copy", message.clone()).at(site.text, count_node.span);
                self.tell(finding.help(format!("a count is a number between 0 and {MOST_COPIES}")));
                Err(Value::unknown(Reason::Failed(message), "null()"))
            }
        };
        Copies { name, count }
    }

    /// Evaluates `{name, count, input}` to an array; unknown where the length is.
    pub(super) fn copied(&self, node: &'a Node, site: &Site<'a>) -> (Arc<str>, Value) {
        let Copies { name, count } = self.copies(node, site);
        let count = match count {
            Ok(count) => count,
            Err(unknown) => return (name, unknown),
        };
        let mut items = Vec::new();
        if let Some(input) = node.get("input") {
            for index in 0..count {
                if self.is_spent() {
                    break;
                }
                items.push(self.value(input, &site.within(name.clone(), Value::Int(index))));
            }
        }
        (name, items.into())
    }
}

impl<'a> Site<'a> {
    /// The same place, inside one more loop.
    pub(super) fn within(&self, name: Arc<str>, index: Value) -> Self {
        let mut loops = self.loops.as_ref().clone();
        loops.push(Loop { name, index });
        Site { loops: Rc::new(loops), ..self.clone() }
    }
}
