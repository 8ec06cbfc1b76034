//! Runs `tests/suite/library`: what libraries get wrong, how they are placed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test reads its cases from files and fails loudly"
)]

use std::path::Path;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Estate;
use glidepath_library::{Library, Placement};
use glidepath_source::{Finding, Node, Text, yaml};

datatest_stable::harness! {
    { test = findings, root = "../../tests/suite/library/findings", pattern = r".*\.yaml$" },
    { test = placing, root = "../../tests/suite/library/placing", pattern = r".*\.yaml$" },
}

type Outcome = datatest_stable::Result<()>;

fn cases(path: &Path) -> Vec<Node> {
    let text = Text::new(path.to_string_lossy(), std::fs::read_to_string(path).unwrap());
    let root = yaml::parse(&text).unwrap_or_else(|finding| panic!("{finding}"));
    let cases = root.get("cases").expect("`cases`").items().to_vec();
    assert!(!cases.is_empty());
    cases
}

fn files(node: &Node) -> Vec<Text> {
    node.members().iter().map(|m| Text::new(m.key.as_ref(), m.value.as_str().expect("a file is a text"))).collect()
}

fn strings(node: Option<&Node>) -> Vec<String> {
    node.map(Node::items).unwrap_or_default().iter().map(|n| n.as_str().expect("a string").to_owned()).collect()
}

fn know(library: &mut Library, case: &Node) {
    for builtin in case.get("builtins").map(Node::members).unwrap_or_default() {
        library.know_builtins([(ResourceId::new(&builtin.key), Value::from(&builtin.value))]);
    }
}

/// Compares; the error names the case.
fn same<T: PartialEq + std::fmt::Debug>(case: &Node, what: &str, actual: &T, expected: &T) -> Outcome {
    if actual == expected {
        return Ok(());
    }
    let name = case.get("name").and_then(Node::as_str).unwrap_or("?");
    Err(format!("case `{name}`: {what}\n  is       {actual:#?}\n  expected {expected:#?}").into())
}

fn findings(path: &Path) -> Outcome {
    for case in cases(path) {
        let mut library = Library::default();
        know(&mut library, &case);
        let mut found = library.load("test", files(case.get("files").expect("`files`")));
        found.extend(library.check());
        let without = case.get("without").and_then(Node::as_str).unwrap_or_default();
        found.retain(|f| f.code != without);
        if case.get("codes").is_some() {
            let codes: Vec<String> = found.iter().map(|f| f.code.to_owned()).collect();
            same(&case, "codes", &codes, &strings(case.get("codes")))?;
            continue;
        }
        let shown: Vec<String> = found.iter().map(Finding::to_string).collect();
        same(&case, "findings", &shown, &strings(case.get("findings")))?;
        // Every finding of a file says where.
        assert!(found.iter().all(|f| f.place.is_some()), "{found:?}");
    }
    Ok(())
}

/// `mg/x/auth/…` → the whole id.
fn id(short: &str) -> String {
    match short.strip_prefix("mg/") {
        Some(rest) => format!(
            "/providers/Microsoft.Management/managementGroups/{}",
            rest.replace("/auth/", "/providers/Microsoft.Authorization/")
        ),
        None => short.to_owned(),
    }
}

fn expand(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("mg/") => id(text).into(),
        Value::Array(items) => Value::array(items.iter().map(expand)),
        Value::Object(object) => Value::object(object.iter().map(|(k, v)| (k.clone(), expand(v)))),
        other => other.clone(),
    }
}

fn placement(case: &Node) -> Placement {
    let place = case.get("place").expect("`place`");
    let text = |key: &str| place.get(key).and_then(Node::as_str).map(str::to_owned);
    let defaults = place.get("defaults").map(Node::members).unwrap_or_default();
    Placement {
        architecture: text("architecture"),
        prefix: text("prefix"),
        parent: text("parent").map(|parent| ResourceId::new(&id(&parent))),
        location: text("location").unwrap_or_default(),
        defaults: defaults.iter().map(|m| (m.key.to_string(), Value::from(&m.value))).collect(),
    }
}

fn placing(path: &Path) -> Outcome {
    for case in cases(path) {
        let mut library = Library::default();
        know(&mut library, &case);
        let mut found = Vec::new();
        for (number, files_of) in case.get("libraries").expect("`libraries`").items().iter().enumerate() {
            found.extend(library.load(&format!("library {number}"), files(files_of)));
        }
        let (placed, more) = library.place(&placement(&case));
        found.extend(more);
        let shown: Vec<String> = found.iter().map(Finding::to_string).collect();
        same(&case, "findings", &shown, &strings(case.get("findings")))?;
        let estate = &placed.estate;
        for expected in case.get("placed").map(Node::members).unwrap_or_default() {
            let body = estate.get(&ResourceId::new(&id(&expected.key))).map(|r| order(&r.body));
            same(&case, &expected.key, &body, &Some(order(&expand(&Value::from(&expected.value)))))?;
        }
        for absent in strings(case.get("absent")) {
            same(&case, &absent, &estate.get(&ResourceId::new(&id(&absent))).is_some(), &false)?;
        }
        for count in case.get("count").map(Node::members).unwrap_or_default() {
            let actual = estate.iter().filter(|r| r.resource_type().is_some_and(|t| t.is(&count.key))).count();
            same(&case, &count.key, &Value::Int(actual as i64), &Value::from(&count.value))?;
        }
        let mut expected: Vec<(String, String)> = Vec::new();
        for grant in case.get("grants").map(Node::items).unwrap_or_default() {
            let field = |key: &str| grant.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
            expected.push((id(&field("at")), field("role")));
        }
        if !expected.is_empty() {
            same(&case, "grants", &grants(estate), &expected)?;
        }
        same(&case, "same again", &library.place(&placement(&case)).0.estate, estate)?;
    }
    Ok(())
}

fn grants(estate: &Estate) -> Vec<(String, String)> {
    estate
        .iter()
        .filter(|r| r.resource_type().is_some_and(|t| t.is("Microsoft.Authorization/roleAssignments")))
        .map(|r| {
            let role = r.body.at(&["properties", "roleDefinitionId"]).and_then(Value::as_str).unwrap_or_default();
            (r.id.parent().unwrap().to_string(), ResourceId::new(role).name().to_owned())
        })
        .collect()
}

/// Members in the order of their keys: bodies compare by content.
fn order(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::array(items.iter().map(order)),
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().map(|(k, v)| (k.clone(), order(v))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            Value::object(members)
        }
        other => other.clone(),
    }
}
