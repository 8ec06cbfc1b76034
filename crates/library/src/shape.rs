//! The shape of the four kinds of asset, as far as one file alone can tell: required fields, lengths, identities.
//!
//! Lengths are those of the service, in characters: names of definitions and initiatives 64, of assignments at a
//! management group 24, display names 128, descriptions 512 (Azure/alzlib `assets/`; Microsoft Learn, "Azure Policy
//! assignment structure").

use glidepath_source::{Finding, Kind, Node, Span};

use crate::asset::Name;
use crate::kind::FileKind;
use crate::read::{Reader, start_of};

const DISPLAY_NAME: usize = 128;
const DESCRIPTION: usize = 512;

/// Tells what is wrong with one asset.
pub(crate) fn asset(kind: FileKind, reader: &mut Reader<'_>, root: &Node, name: &Name, properties: &Node) {
    match kind {
        FileKind::Definition => {
            length(reader, "the name", &name.name, name.place.span, 64);
            texts(reader, properties);
            definition(reader, properties);
        }
        FileKind::Initiative => {
            length(reader, "the name", &name.name, name.place.span, 64);
            texts(reader, properties);
            initiative(reader, properties);
        }
        FileKind::Assignment => {
            length(reader, "the name", &name.name, name.place.span, 24);
            texts(reader, properties);
            assignment(reader, root, properties);
        }
        FileKind::Role => {
            if let Some(permissions) = properties.get("permissions") {
                if permissions.items().is_empty() {
                    let finding =
                        Finding::error("library/missing-field", "`permissions` must list at least one permission");
                    reader.tell(finding, permissions.span);
                }
            } else {
                reader.tell(Finding::error("library/missing-field", "`permissions` is missing"), start_of(properties));
            }
        }
        _ => {}
    }
}

fn length(reader: &mut Reader<'_>, what: &str, value: &str, span: Span, limit: usize) {
    let count = value.chars().count();
    if count > limit {
        let finding = Finding::error("library/too-long", format!("{what} has {count} characters, {limit} are allowed"))
            .why("Azure refuses the asset")
            .help("shorten it");
        reader.tell(finding, span);
    }
}

fn texts(reader: &mut Reader<'_>, properties: &Node) {
    for (field, limit) in [("displayName", DISPLAY_NAME), ("description", DESCRIPTION)] {
        match properties.get(field) {
            Some(node) => match node.as_str() {
                Some(text) if !text.trim().is_empty() => length(reader, &format!("`{field}`"), text, node.span, limit),
                _ => missing_text(reader, field, node.span),
            },
            None => missing_text(reader, field, start_of(properties)),
        }
    }
}

fn missing_text(reader: &mut Reader<'_>, field: &str, span: Span) {
    let finding = Finding::warning("library/missing-text", format!("`{field}` is missing"))
        .why("Azure takes the asset, other readers of the format refuse it, and people see only its name");
    reader.tell(finding.help(format!("say in `{field}` what the asset is for")), span);
}

fn definition(reader: &mut Reader<'_>, properties: &Node) {
    let Some(rule) = reader.object(properties, "policyRule") else { return };
    reader.object(rule, "if");
    if let Some(then) = reader.object(rule, "then") {
        reader.name(then, "effect");
    }
}

fn initiative(reader: &mut Reader<'_>, properties: &Node) {
    let groups: Vec<String> = reader
        .items(properties, "policyDefinitionGroups")
        .iter()
        .filter_map(|g| g.get("name").and_then(Node::as_str).map(str::to_ascii_lowercase))
        .collect();
    let members = reader.items(properties, "policyDefinitions");
    if members.is_empty() {
        let finding =
            Finding::error("library/missing-field", "an initiative needs at least one member in `policyDefinitions`");
        reader.tell(finding, start_of(properties));
    }
    let mut seen: Vec<String> = Vec::new();
    for member in members {
        reader.name(member, "policyDefinitionId");
        match member.get("policyDefinitionReferenceId").filter(|n| n.kind != Kind::Null) {
            None => {
                let finding =
                    Finding::warning("library/missing-reference-id", "`policyDefinitionReferenceId` is missing")
                        .why("Azure makes one up; overrides, exemptions and messages cannot name the member")
                        .help("give each member an id that is unique in the initiative");
                reader.tell(finding, start_of(member));
            }
            Some(node) => {
                let id = node.as_str().unwrap_or_default().to_ascii_lowercase();
                if seen.contains(&id) {
                    let message = format!("the initiative has another member `{}`", node.as_str().unwrap_or_default());
                    reader.tell(
                        Finding::error("library/duplicate", message).help("give each member an id of its own"),
                        node.span,
                    );
                }
                seen.push(id);
            }
        }
        for group in reader.names(member, "groupNames") {
            if !groups.contains(&group.name.to_ascii_lowercase()) {
                let message = format!("the group `{}` is not in `policyDefinitionGroups`", group.name);
                reader.tell(
                    Finding::error("library/unknown-group", message).why("Azure refuses the initiative"),
                    group.place.span,
                );
            }
        }
    }
}

fn assignment(reader: &mut Reader<'_>, root: &Node, properties: &Node) {
    reader.name(properties, "policyDefinitionId");
    if let Some(mode) = properties.get("enforcementMode") {
        let known = ["Default", "DoNotEnforce", "Enroll"];
        if !mode.as_str().is_some_and(|m| known.iter().any(|k| k.eq_ignore_ascii_case(m))) {
            let finding =
                Finding::error("library/unknown-enforcement-mode", "the enforcement mode is not one Azure knows");
            reader.tell(finding.help("use `Default`, `DoNotEnforce` or `Enroll`"), mode.span);
        }
    }
    let mut general = 0;
    for message in reader.items(properties, "nonComplianceMessages") {
        reader.name(message, "message");
        if message.get("policyDefinitionReferenceId").is_none_or(|n| n.kind == Kind::Null) {
            general += 1;
            if general == 2 {
                let finding =
                    Finding::error("library/several-messages", "an assignment has one message for all members at most");
                reader.tell(
                    finding.help("name the member of each other one in `policyDefinitionReferenceId`"),
                    start_of(message),
                );
            }
        }
    }
    if has_identity(root) && root.get("location").and_then(Node::as_str).is_none_or(str::is_empty) {
        let finding = Finding::error("library/missing-field", "an assignment with an identity needs a `location`")
            .why("the identity lives in a region");
        reader.tell(finding.help("write `\"location\": \"${default_location}\"`"), start_of(root));
    }
}

/// Has the assignment a managed identity?
pub(crate) fn has_identity(root: &Node) -> bool {
    root.get("identity")
        .and_then(|i| i.get("type"))
        .and_then(Node::as_str)
        .is_some_and(|kind| !kind.is_empty() && !kind.eq_ignore_ascii_case("None"))
}
