//! What a plan knows: `after`, with `after_unknown` and `after_sensitive` laid over it.

use glidepath_source::{Kind, Node};

use crate::{Object, Reason, Value};

/// How deep attributes are looked into.
const DEEPEST: usize = 64;

/// The values after the apply.
pub(super) fn after(change: &Node, address: &str) -> Value {
    let Some(change) = change.get("change") else { return Value::Null };
    let (unknown, secret) = (change.get("after_unknown"), change.get("after_sensitive"));
    merged(change.get("after"), unknown, secret, address, DEEPEST)
}

fn merged(value: Option<&Node>, unknown: Option<&Node>, secret: Option<&Node>, path: &str, depth: usize) -> Value {
    let says = |node: Option<&Node>| node.is_some_and(|n| n.kind == Kind::Bool(true));
    if says(unknown) || depth == 0 {
        return Value::unknown(Reason::Runtime(path.to_owned()), path);
    }
    let is_given = value.is_some_and(|v| v.kind != Kind::Null);
    if says(secret) && is_given {
        return Value::unknown(Reason::Secret(path.to_owned()), path);
    }
    let object = |node: Option<&Node>| node.is_some_and(|n| matches!(&n.kind, Kind::Object(m) if !m.is_empty()));
    match value.map(|v| &v.kind) {
        Some(Kind::Object(_)) | None | Some(Kind::Null) if is_given || object(unknown) => {
            let mut members = Object::new();
            let mut keys: Vec<&str> = Vec::new();
            for node in [value, unknown].into_iter().flatten() {
                for member in node.members().iter().filter(|m| !keys.contains(&m.key.as_ref())).collect::<Vec<_>>() {
                    keys.push(&member.key);
                }
            }
            for key in keys {
                let of = |node: Option<&'_ Node>| -> Option<Node> { node.and_then(|n| n.get(key)).cloned() };
                let (v, u, s) = (of(value), of(unknown), of(secret));
                let part = merged(v.as_ref(), u.as_ref(), s.as_ref(), &format!("{path}.{key}"), depth - 1);
                members.insert(key, part);
            }
            members.into()
        }
        Some(Kind::Array(items)) => {
            let at = |node: Option<&Node>, i: usize| node.and_then(|n| n.items().get(i)).cloned();
            let item = |(i, item): (usize, &Node)| {
                let (u, s) = (at(unknown, i), at(secret, i));
                merged(Some(item), u.as_ref(), s.as_ref(), &format!("{path}[{i}]"), depth - 1)
            };
            items.iter().enumerate().map(item).collect::<Vec<_>>().into()
        }
        _ => value.map_or(Value::Null, Value::from),
    }
}
