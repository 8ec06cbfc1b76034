//! The public policy libraries, loaded: the world that tests and benchmarks judge in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Hierarchy;
use glidepath_policy::{Aliases, Engine};
use glidepath_source::{Text, json};

pub(crate) fn corpora() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = here.ancestors().take(4).map(|above| above.join("shared/corpora"));
    if let Some(folder) = beside.into_iter().find(|folder| folder.is_dir()) {
        return Some(folder);
    }
    println!("skipped: there are no corpora beside the project");
    None
}

pub(crate) fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
}

pub(crate) fn read(folder: &Path) -> Vec<(String, Value)> {
    let mut paths = Vec::new();
    if folder.is_dir() {
        files(folder, &mut paths);
    }
    let read = |path: &PathBuf| {
        let text = Text::new(path.to_string_lossy().as_ref(), std::fs::read_to_string(path).unwrap());
        let node = json::parse(&text).unwrap_or_else(|f| panic!("{f}"));
        (path.to_string_lossy().into_owned(), Value::from(&node))
    };
    paths.iter().map(read).collect()
}

/// Adds every built-in, and tells how many.
pub(crate) fn load_builtins(engine: &mut Engine, corpora: &Path, problems: &mut Vec<String>) -> (usize, usize) {
    let mut counts = (0, 0);
    for (folder, kind) in [("policyDefinitions", "policyDefinitions"), ("policySetDefinitions", "policySetDefinitions")]
    {
        for (file, body) in read(&corpora.join("azure-policy/built-in-policies").join(folder)) {
            let name = body.get("name").and_then(Value::as_str).unwrap_or_else(|| panic!("{file}: no name"));
            let id = ResourceId::new(&format!("/providers/Microsoft.Authorization/{kind}/{name}"));
            problems
                .extend(engine.upsert(&id, &body).into_iter().filter(|f| f.is_error()).map(|f| format!("{file}: {f}")));
            if kind == "policyDefinitions" { counts.0 += 1 } else { counts.1 += 1 }
        }
    }
    counts
}

/// Names of custom assets stand under a management group of the library's authors; here they live at the root group.
pub(crate) fn rebase(value: &Value, root: &str) -> Value {
    match value {
        Value::String(text) => {
            let marker = "/providers/Microsoft.Management/managementGroups/";
            match text.strip_prefix(marker).and_then(|rest| rest.split_once('/')) {
                Some((_, rest)) => format!("{marker}{root}/{rest}").into(),
                None => value.clone(),
            }
        }
        Value::Array(items) => items.iter().map(|i| rebase(i, root)).collect::<Vec<_>>().into(),
        Value::Object(object) => Value::object(object.iter().map(|(k, v)| (k.clone(), rebase(v, root)))),
        other => other.clone(),
    }
}

/// The smallest loader that places a library of the ALZ format: just enough for these figures.
pub(crate) fn place_library(engine: &mut Engine, library: &Path, problems: &mut Vec<String>) -> (Hierarchy, usize) {
    let mut hierarchy = Hierarchy::default();
    let mut count = 0;
    let root = ResourceId::management_group("alz");
    let named = |body: &Value| body.get("name").and_then(Value::as_str).unwrap().to_owned();
    for (folder, kind) in
        [("policy_definitions", "policyDefinitions"), ("policy_set_definitions", "policySetDefinitions")]
    {
        for (file, body) in read(&library.join(folder)) {
            let id = root.provider_child(&format!("Microsoft.Authorization/{kind}"), &named(&body)).unwrap();
            count += 1;
            let findings = engine.upsert(&id, &rebase(&body, "alz"));
            problems.extend(findings.into_iter().filter(|f| f.is_error()).map(|f| format!("{file}: {f}")));
        }
    }
    let assignments: BTreeMap<String, Value> =
        read(&library.join("policy_assignments")).into_iter().map(|(_, b)| (named(&b), rebase(&b, "alz"))).collect();
    let archetypes: BTreeMap<String, Value> =
        read(&library.join("archetype_definitions")).into_iter().map(|(_, b)| (named(&b), b)).collect();
    for (_, architecture) in read(&library.join("architecture_definitions")) {
        if named(&architecture) != "alz" {
            continue;
        }
        for group in architecture.get("management_groups").and_then(Value::as_array).unwrap() {
            let name = group.get("id").and_then(Value::as_str).unwrap();
            let id = ResourceId::management_group(name);
            if let Some(parent) = group.get("parent_id").and_then(Value::as_str) {
                hierarchy.place(id.clone(), ResourceId::management_group(parent));
            }
            for archetype in group.get("archetypes").and_then(Value::as_array).unwrap() {
                let archetype = &archetypes[archetype.as_str().unwrap()];
                for assignment in archetype.get("policy_assignments").and_then(Value::as_array).unwrap() {
                    let assignment = assignment.as_str().unwrap();
                    let at = id.provider_child("Microsoft.Authorization/policyAssignments", assignment).unwrap();
                    let findings = engine.upsert(&at, &assignments[assignment]);
                    problems.extend(findings.into_iter().filter(|f| f.is_error()).map(|f| format!("{at}: {f}")));
                }
            }
        }
    }
    (hierarchy, count)
}

/// The alias table.
pub(crate) fn aliases(corpora: &Path) -> Aliases {
    let compressed = corpora.join("aliases/policy-aliases.csv.gz");
    let csv = std::process::Command::new("gzip").arg("-dc").arg(compressed).output().unwrap().stdout;
    Aliases::from_csv(String::from_utf8(csv).unwrap())
}
