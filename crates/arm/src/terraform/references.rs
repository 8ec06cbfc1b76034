//! What the configuration in a plan refers to: the edges between its resources, through modules, variables and outputs.
//!
//! Source: developer.hashicorp.com/terraform/internals/json-format, "Configuration representation". Locals are not in it:
//! what goes through one is lost.

use std::collections::BTreeMap;

use glidepath_source::{Kind, Node};

/// How many variables, outputs and modules a reference may lead through.
const DEEPEST: usize = 16;

/// The references of all resources; addresses stand without indices (`module.a.azurerm_subnet.b`).
#[derive(Default)]
pub(super) struct References {
    /// Of an attribute (of a block after a dot) the one resource whose id it takes.
    ids: BTreeMap<(String, String), String>,
    /// Everything a resource refers to, and whether `depends_on` names it.
    edges: BTreeMap<String, Vec<(String, bool)>>,
    /// The addresses of the plan by themselves without indices.
    instances: BTreeMap<String, Vec<String>>,
}

struct Module<'m> {
    node: &'m Node,
    prefix: String,
    /// The module around it, and the call there.
    around: Option<(&'m Module<'m>, &'m Node)>,
}

impl References {
    pub(super) fn of(root: &Node, addresses: &[&str]) -> Self {
        let mut found = Self::default();
        for address in addresses {
            found.instances.entry(plain(address)).or_default().push((*address).to_owned());
        }
        if let Some(node) = root.get("configuration").and_then(|c| c.get("root_module")) {
            found.module(&Module { node, prefix: String::new(), around: None }, DEEPEST);
        }
        found
    }

    /// The resource whose id an attribute takes.
    pub(super) fn id(&self, address: &str, attribute: &str) -> Option<&str> {
        let target = self.ids.get(&(plain(address), attribute.to_owned()))?;
        self.nearest(address, target)
    }

    /// What a resource refers to, and whether that is written.
    pub(super) fn edges(&self, address: &str) -> Vec<(&str, bool)> {
        let mut found = Vec::new();
        for (target, written) in self.edges.get(&plain(address)).into_iter().flatten() {
            match self.nearest(address, target) {
                Some(one) => found.push((one, *written)),
                None => {
                    let all = self.instances.get(target).into_iter().flatten();
                    found.extend(all.map(|a| (a.as_str(), *written)));
                }
            }
        }
        found
    }

    /// The instance that is meant from here: the only one, the one of the same module instance, the one of the same index.
    fn nearest(&self, from: &str, target: &str) -> Option<&str> {
        let all = self.instances.get(target)?;
        if let [one] = all.as_slice() {
            return Some(one);
        }
        let common = |a: &str| a.bytes().zip(from.bytes()).take_while(|(x, y)| x == y).count();
        let best = all.iter().map(|a| common(a)).max()?;
        let near: Vec<&String> = all.iter().filter(|a| common(a) == best).collect();
        if let [one] = near.as_slice() {
            return Some(one);
        }
        let index = |a: &str| a.rfind('[').and_then(|at| a.get(at..)).map(str::to_owned);
        let own = index(from)?;
        let mut same = near.into_iter().filter(|a| index(a).as_deref() == Some(&own));
        let one = same.next()?;
        same.next().is_none().then_some(one)
    }

    fn module(&mut self, module: &Module<'_>, depth: usize) {
        for resource in module.node.get("resources").map(Node::items).unwrap_or_default() {
            let address = resource.get("address").and_then(Node::as_str).unwrap_or_default();
            let address = format!("{}{address}", module.prefix);
            let mut expressions = Vec::new();
            if let Some(node) = resource.get("expressions") {
                attributes(node, "", &mut expressions, DEEPEST);
            }
            for (attribute, referred) in expressions {
                for (target, is_id) in resolve(module, &referred, DEEPEST) {
                    if is_id {
                        self.ids.entry((address.clone(), attribute.clone())).or_insert_with(|| target.clone());
                    }
                    self.edge(&address, target, false);
                }
            }
            let written = texts(resource.get("depends_on"));
            for (target, _) in resolve(module, &written, DEEPEST) {
                self.edge(&address, target, true);
            }
        }
        for call in module.node.get("module_calls").map(Node::members).unwrap_or_default() {
            if let Some(node) = call.value.get("module").filter(|_| depth > 0) {
                let prefix = format!("{}module.{}.", module.prefix, call.key);
                self.module(&Module { node, prefix, around: Some((module, &call.value)) }, depth - 1);
            }
        }
    }

    fn edge(&mut self, from: &str, to: String, written: bool) {
        let edges = self.edges.entry(from.to_owned()).or_default();
        match edges.iter_mut().find(|(target, _)| *target == to) {
            Some(edge) => edge.1 |= written,
            None if from != to => edges.push((to, written)),
            None => {}
        }
    }
}

/// An address without its indices.
pub(super) fn plain(address: &str) -> String {
    let mut text = String::new();
    let (mut depth, mut quoted) = (0_u32, false);
    for c in address.chars() {
        match c {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            other if depth == 0 => text.push(other),
            _ => {}
        }
    }
    text
}

fn texts(node: Option<&Node>) -> Vec<String> {
    node.map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str).map(str::to_owned).collect()
}

/// The attributes of a resource that refer to something, those of blocks as `block.attribute`.
fn attributes(node: &Node, path: &str, found: &mut Vec<(String, Vec<String>)>, depth: usize) {
    for member in node.members() {
        let path = if path.is_empty() { member.key.to_string() } else { format!("{path}.{}", member.key) };
        if member.value.get("references").is_some() {
            found.push((path, texts(member.value.get("references"))));
        } else if let Kind::Array(blocks) = &member.value.kind
            && depth > 0
        {
            blocks.iter().for_each(|block| attributes(block, &path, found, depth - 1));
        }
    }
}

/// The resources behind references, and whether their ids are meant.
fn resolve(module: &Module<'_>, referred: &[String], depth: usize) -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = Vec::new();
    for text in referred {
        let text = plain(text);
        let mut parts = text.split('.');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        let Some(second) = second.filter(|_| depth > 0) else { continue };
        let more = match (first, parts.next()) {
            ("var", _) => {
                let Some((around, call)) = module.around else { continue };
                let given = call.get("expressions").and_then(|e| e.get(second)).and_then(|e| e.get("references"));
                resolve(around, &texts(given), depth - 1)
            }
            ("module", Some(output)) => {
                let Some(call) = module.node.get("module_calls").and_then(|c| c.get(second)) else { continue };
                let Some(node) = call.get("module") else { continue };
                let inner =
                    Module { node, prefix: format!("{}module.{second}.", module.prefix), around: Some((module, call)) };
                let given = node.get("outputs").and_then(|o| o.get(output)).and_then(|o| o.get("expression"));
                resolve(&inner, &texts(given.and_then(|e| e.get("references"))), depth - 1)
            }
            ("module" | "data" | "local" | "each" | "count" | "path" | "terraform" | "self", _) => continue,
            (_, attribute) => vec![(format!("{}{first}.{second}", module.prefix), attribute == Some("id"))],
        };
        for (target, is_id) in more {
            match found.iter_mut().find(|(known, _)| *known == target) {
                Some(known) => known.1 |= is_id,
                None => found.push((target, is_id)),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_their_indices() {
        assert_eq!(plain("module.a[\"x.y[0]\"].azurerm_subnet.b[3]"), "module.a.azurerm_subnet.b");
        assert_eq!(plain("azurerm_subnet.b"), "azurerm_subnet.b");
    }
}
