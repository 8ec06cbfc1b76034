//! Where links lead: several states of one repository at once, or one that moves.

use std::collections::BTreeMap;

use glidepath_source::{Finding, Kind, Node, Span, Text};

/// A place in a GitHub repository that a URI names.
struct Link {
    repository: String,
    reference: String,
    span: Span,
}

pub(super) fn check(text: &Text, template: &Node, found: &mut Vec<Finding>) {
    let mut links = Vec::new();
    walk(template, &mut links);
    let mut by_repository: BTreeMap<String, Vec<&Link>> = BTreeMap::new();
    for link in &links {
        by_repository.entry(link.repository.to_ascii_lowercase()).or_default().push(link);
    }
    for links in by_repository.values() {
        let Some(first) = links.first() else { continue };
        let mut told = vec![first.reference.as_str()];
        for link in links {
            if !told.contains(&link.reference.as_str()) {
                let message = format!(
                    "`{}` is linked at `{}` here and at `{}` elsewhere",
                    link.repository, link.reference, first.reference
                );
                let finding = Finding::warning("template/mixed-refs", message).at(text, link.span);
                found.push(finding.why("templates of different states need not fit together").help(format!(
                    "the other link is at {}:{}",
                    text.name(),
                    text.position(first.span.start)
                )));
                told.push(&link.reference);
            }
        }
        let mut moving: Vec<&str> = Vec::new();
        for link in links.iter().filter(|l| !is_fixed(&l.reference)) {
            if moving.contains(&link.reference.as_str()) {
                continue;
            }
            moving.push(&link.reference);
            let message = format!("the link leads to the branch `{}` of `{}`", link.reference, link.repository);
            let finding = if matches!(link.reference.as_str(), "main" | "master") {
                Finding::note("template/moving-link", message)
            } else {
                Finding::warning("template/moving-link", message)
            };
            let finding = finding.at(text, link.span).why("what it deploys changes, or is gone, when the branch is");
            found.push(finding.help("link a tag or a commit"));
        }
    }
}

/// Links lead to templates; addresses in descriptions do not matter.
fn walk(node: &Node, links: &mut Vec<Link>) {
    match &node.kind {
        Kind::String(value) => links.extend(link(value, node.span)),
        Kind::Array(items) => items.iter().for_each(|item| walk(item, links)),
        Kind::Object(members) => {
            for member in members.iter().filter(|m| !m.key.eq_ignore_ascii_case("metadata")) {
                walk(&member.value, links);
            }
        }
        _ => {}
    }
}

/// `https://raw.githubusercontent.com/<owner>/<name>/[refs/heads/]<ref>/…`, also inside an expression.
fn link(value: &str, span: Span) -> Option<Link> {
    let (_, rest) = value.split_once("raw.githubusercontent.com/")?;
    let rest = rest.split(['\'', '"', ' ', '?']).next()?;
    let (owner, rest) = rest.split_once('/')?;
    let (name, rest) = rest.split_once('/')?;
    let rest = rest.strip_prefix("refs/heads/").or_else(|| rest.strip_prefix("refs/tags/")).unwrap_or(rest);
    let (reference, _) = rest.split_once('/')?;
    let named = |s: &str| !s.is_empty() && !s.contains(['{', '[', '(']);
    let fits = named(owner) && named(name) && named(reference);
    fits.then(|| Link { repository: format!("{owner}/{name}"), reference: reference.to_owned(), span })
}

/// A commit, or a tag that looks like a version or a date.
fn is_fixed(reference: &str) -> bool {
    let is_commit = reference.len() == 40 && reference.bytes().all(|b| b.is_ascii_hexdigit());
    let version = reference.strip_prefix('v').unwrap_or(reference);
    is_commit || version.starts_with(|c: char| c.is_ascii_digit())
}
