//! `glidepath library show`: one asset.

use std::fmt::Write;

use glidepath_library::{AssetNames, Library};
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde::Serialize;

use super::{AssetWord, ShowArgs, load};
use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, DIM, Terminal, paint};

/// One asset, whatever its kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    asset: AssetWord,
    name: String,
    file: String,
    line: u32,
    /// Who names it: archetypes of an assignment, management groups of an archetype, …
    used_by: Vec<String>,
    body: serde_json::Value,
}

pub(super) fn run(args: &ShowArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (library, findings) = load(&args.dirs)?;
    terminal.findings(&findings);
    let found = find(&library, &args.name);
    if found.is_empty() {
        return Err(Finding::error("library/unknown-asset", format!("the libraries hold no asset `{}`", args.name))
            .about(&args.name)
            .help("`glidepath library list` names them all")
            .into());
    }
    match args.output {
        PlainFormat::Json => {
            #[derive(Serialize)]
            struct Found {
                found: Vec<Shown>,
            }
            terminal.envelope("libraryAsset", &Found { found });
        }
        PlainFormat::Table => {
            let mut text = String::new();
            for shown in &found {
                let place = paint(DIM, format!("{}:{}", shown.file, shown.line));
                let _ = writeln!(text, "{} {}  {place}", shown.asset.name(), paint(BOLD, &shown.name));
                for user in &shown.used_by {
                    let _ = writeln!(text, "  used by {user}");
                }
                let body = serde_json::to_string_pretty(&shown.body).unwrap_or_default();
                let _ = writeln!(text, "{body}");
            }
            terminal.answer(&text);
        }
    }
    Ok(Answer::Yes)
}

fn find(library: &Library, name: &str) -> Vec<Shown> {
    let key = name.to_ascii_lowercase();
    let mut found = Vec::new();
    let kinds = [
        (AssetWord::Assignment, &library.assignments),
        (AssetWord::Initiative, &library.initiatives),
        (AssetWord::Definition, &library.definitions),
        (AssetWord::Role, &library.roles),
    ];
    for (kind, assets) in kinds {
        if let Some(asset) = assets.get(&key) {
            found.push(shown(kind, &asset.name, users(library, kind, &key), asset.body.to_json()));
        }
    }
    if let Some(archetype) = library.archetypes.get(&key) {
        let groups = library.architectures.values().flat_map(|a| {
            let of = a.groups.iter().filter(|g| g.archetypes.iter().any(|n| n.name.eq_ignore_ascii_case(name)));
            of.map(|g| format!("management group {} of architecture {}", g.id.name, a.name.name))
        });
        found.push(shown(AssetWord::Archetype, &archetype.name, groups.collect(), names(&archetype.assets)));
    }
    if let Some(architecture) = library.architectures.get(&key) {
        let groups: Vec<serde_json::Value> = architecture
            .groups
            .iter()
            .map(|g| {
                let archetypes: Vec<&str> = g.archetypes.iter().map(|a| a.name.as_ref()).collect();
                let parent = g.parent.as_ref().map(|p| p.name.to_string());
                serde_json::json!({ "id": &*g.id.name, "parent": parent, "archetypes": archetypes })
            })
            .collect();
        let body = serde_json::json!({ "managementGroups": groups });
        found.push(shown(AssetWord::Architecture, &architecture.name, Vec::new(), body));
    }
    if let Some(default) = library.defaults.get(&key) {
        let users = default.targets.iter().map(|t| format!("assignment {}", t.assignment.name)).collect();
        let body = serde_json::json!({ "description": default.description.as_deref() });
        found.push(shown(AssetWord::Default, &default.name, users, body));
    }
    found
}

fn shown(asset: AssetWord, name: &glidepath_library::Name, used_by: Vec<String>, body: serde_json::Value) -> Shown {
    Shown {
        asset,
        name: name.name.to_string(),
        file: name.place.text.name().to_owned(),
        line: name.place.position().line,
        used_by,
        body,
    }
}

fn users(library: &Library, kind: AssetWord, key: &str) -> Vec<String> {
    let mut users = Vec::new();
    for archetype in library.archetypes.values() {
        let assets = &archetype.assets;
        let list: &IndexMap<String, _> = match kind {
            AssetWord::Assignment => &assets.assignments,
            AssetWord::Initiative => &assets.initiatives,
            AssetWord::Definition => &assets.definitions,
            _ => &assets.roles,
        };
        if list.contains_key(key) {
            users.push(format!("archetype {}", archetype.name.name));
        }
    }
    let ends = |text: &str| text.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(key));
    if matches!(kind, AssetWord::Definition | AssetWord::Initiative) {
        for assignment in library.assignments.values() {
            let named = assignment.property("policyDefinitionId").and_then(|v| v.as_str());
            if named.is_some_and(ends) {
                users.push(format!("assignment {}", assignment.name.name));
            }
        }
    }
    if kind == AssetWord::Definition {
        for initiative in library.initiatives.values() {
            let members = initiative.property("policyDefinitions").and_then(|v| v.as_array()).unwrap_or_default();
            if members.iter().filter_map(|m| m.get("policyDefinitionId")?.as_str()).any(ends) {
                users.push(format!("initiative {}", initiative.name.name));
            }
        }
    }
    users
}

fn names(assets: &AssetNames) -> serde_json::Value {
    let list = |of: &IndexMap<String, glidepath_library::Name>| -> Vec<String> {
        of.values().map(|n| n.name.to_string()).collect()
    };
    serde_json::json!({
        "policyAssignments": list(&assets.assignments),
        "policyDefinitions": list(&assets.definitions),
        "policySetDefinitions": list(&assets.initiatives),
        "roleDefinitions": list(&assets.roles),
    })
}
