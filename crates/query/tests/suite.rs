//! Runs `tests/suite/query/*.yaml` (tables, then queries with the rows they must give or the words of their error), and the
//! queries of the review checklists beside the workspace.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test's helper"
)]

use std::path::Path;

use glidepath_query::{Limits, Table, run};
use glidepath_source::{Node, Text, yaml};
use serde_json::Value;

const NOW: i64 = 1_700_000_000;

fn json(node: &Node) -> Value {
    glidepath_arm::Value::from(node).to_json()
}

/// A list of objects as a table, its columns in the order they first come.
fn table(rows: &Value) -> Table {
    let rows = rows.as_array().unwrap();
    let mut made = Table::default();
    for key in rows.iter().flat_map(|r| r.as_object().unwrap().keys()) {
        if !made.columns.contains(key) {
            made.columns.push(key.clone());
        }
    }
    made.rows =
        rows.iter().map(|r| made.columns.iter().map(|c| r.get(c).cloned().unwrap_or_default()).collect()).collect();
    made
}

fn cases(path: &Path, content: String) -> datatest_stable::Result<()> {
    let text = Text::new(path.display().to_string(), content);
    let node = yaml::parse(&text).map_err(|finding| finding.to_string())?;
    let tables = node.get("tables").map(json).unwrap_or_default();
    let source = |name: &str| tables.get(name).map(table);
    let cases = node.get("cases").map(Node::items).unwrap_or_default();
    if cases.is_empty() {
        return Err("no cases".into());
    }
    let mut problems = Vec::new();
    for case in cases {
        let query = case.get("query").and_then(Node::as_str).unwrap();
        let answer = run(query, &source, NOW, Limits { cells: 10_000 });
        let problem = match (answer, case.get("rows"), case.get("error").and_then(Node::as_str)) {
            (Ok(table), Some(rows), None) => {
                let (found, wanted) = (Value::from(table.objects()), json(rows));
                (found != wanted).then(|| format!("wanted {wanted}\n  found  {found}"))
            }
            (Err(error), None, Some(words)) => {
                (!error.message.contains(words)).then(|| format!("wanted `{words}`, found `{error}` at {}", error.at))
            }
            (answer, _, _) => Some(format!("{answer:?}")),
        };
        problems.extend(problem.map(|p| format!("{query}\n  {p}")));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

const COLUMNS: [&str; 14] = [
    "id",
    "name",
    "type",
    "tenantId",
    "kind",
    "location",
    "resourceGroup",
    "subscriptionId",
    "managedBy",
    "sku",
    "plan",
    "properties",
    "tags",
    "identity",
];

/// Every query of the checklists runs, over no rows and over one row whose values are all missing.
fn checklists(path: &Path) -> datatest_stable::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora/checklists");
    if path.file_name().is_none_or(|n| n != "operators.yaml") {
        return Ok(());
    }
    if !folder.is_dir() {
        println!("skipped: {} is not here", folder.display());
        return Ok(());
    }
    let mut ran = 0;
    let mut problems = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let list: Value = serde_json::from_str(std::fs::read_to_string(&path)?.trim_start_matches('\u{feff}'))?;
        for query in list["items"].as_array().unwrap().iter().filter_map(|i| i["graph"].as_str()) {
            ran += 1;
            for rows in 0..2 {
                let source = |_: &str| {
                    let mut made = Table::new(COLUMNS.into_iter().chain(["zones", "extendedLocation"]));
                    made.rows = vec![vec![Value::Null; made.columns.len()]; rows];
                    Some(made)
                };
                if let Err(error) = run(query, &source, NOW, Limits::default()) {
                    problems.push(format!("{query}\n  {error} at {}", error.at));
                }
            }
        }
    }
    println!("{ran} queries of the checklists ran, {} failed", problems.len());
    if problems.is_empty() && ran == 74 { Ok(()) } else { Err(format!("{ran} ran; {}", problems.join("\n")).into()) }
}

datatest_stable::harness! {
    { test = cases, root = "../../tests/suite/query", pattern = r"\.yaml$" },
    { test = checklists, root = "../../tests/suite/query", pattern = r"operators\.yaml$" },
}
