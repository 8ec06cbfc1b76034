//! `glidepath template whatif`: the expansion held against an observed estate, in ARM's what-if format.
//!
//! Source: Microsoft Learn, "ARM template deployment what-if operation"; Azure/azure-rest-api-specs, resources
//! 2021-04-01, `WhatIfOperationResult`. Deployments are incremental: what the template does not name is left alone.

mod delta;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use glidepath_arm::template::Expanded;
use glidepath_arm::{ResourceId, Value};
use glidepath_source::Finding;
use serde::Serialize;

use super::WhatifArgs;
use super::expand::brief;
use super::input::Input;
use super::observed::{self, Observed};
use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::files;
use crate::output::{BOLD, CYAN, DIM, GREEN, RED, Terminal, YELLOW, paint};
use delta::{Delta, Kind, delta};

/// The whole answer; its JSON form is the contract of `template whatif --output json`.
#[derive(Serialize)]
struct Report {
    status: &'static str,
    /// How many changes of each type.
    summary: BTreeMap<&'static str, usize>,
    changes: Vec<Change>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    resource_id: String,
    change_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    delta: Vec<Delta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsupported_reason: Option<String>,
}

pub(super) fn run(args: &WhatifArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let input = Input::read(&args.deployed)?;
    let there = observed::read(&files::read(&args.against)?).map_err(Failure::input)?;
    let expansion = input.expand();
    if expansion.findings.iter().any(Finding::is_error) {
        return Err(Failure::input(expansion.findings));
    }
    let changes = changes(&expansion.resources, &there);
    let mut summary = BTreeMap::new();
    for change in &changes {
        *summary.entry(change.change_type).or_default() += 1;
    }
    let report = Report { status: "Succeeded", summary, changes, findings: expansion.findings };
    match args.output {
        PlainFormat::Json => terminal.envelope("whatIf", &report),
        PlainFormat::Table => {
            terminal.findings(&report.findings);
            terminal.answer(&table(&report));
        }
    }
    Ok(Answer::Yes)
}

fn changes(wanted: &[Expanded], there: &[Observed]) -> Vec<Change> {
    let by_id: BTreeMap<&ResourceId, &Observed> = there.iter().map(|o| (&o.id, o)).collect();
    let (mut seen, mut scopes) = (BTreeSet::new(), BTreeSet::new());
    let mut changes = Vec::new();
    for resource in wanted {
        let change = |change_type: &'static str| Change {
            resource_id: brief(&resource.id, usize::MAX),
            change_type,
            before: None,
            after: Some(resource.body.clone()),
            delta: Vec::new(),
            unsupported_reason: None,
        };
        let Value::String(id) = &resource.id else {
            let reason = "the id is not known before the deployment".to_owned();
            changes.push(Change { unsupported_reason: Some(reason), ..change("Unsupported") });
            continue;
        };
        let id = ResourceId::new(id);
        if let (Some(subscription), Some(group)) = (id.subscription_id(), id.resource_group_name()) {
            scopes.insert(ResourceId::resource_group(subscription, group));
        }
        let before = by_id.get(&id);
        seen.insert(id);
        if resource.condition.is_some() {
            let reason = "whether it is deployed at all is not known before the deployment".to_owned();
            let before = before.map(|b| b.body.clone());
            changes.push(Change { unsupported_reason: Some(reason), before, ..change("Unsupported") });
            continue;
        }
        changes.push(match before {
            None => change("Create"),
            Some(before) => {
                let delta = delta(&resource.body, &before.body);
                let kind = if delta.is_empty() { "NoChange" } else { "Modify" };
                Change { before: Some(before.body.clone()), delta, ..change(kind) }
            }
        });
    }
    for other in there {
        // Azure lists what else lies in the groups it deploys to.
        let touched = scopes.iter().any(|scope| other.id.is_within(scope) && other.id != *scope);
        if touched && seen.insert(other.id.clone()) {
            changes.push(Change {
                resource_id: other.id.as_str().to_owned(),
                change_type: "Ignore",
                before: Some(other.body.clone()),
                after: None,
                delta: Vec::new(),
                unsupported_reason: None,
            });
        }
    }
    changes
}

/// Azure CLI's signs and order.
const SIGNS: [(&str, &str); 5] =
    [("Create", "+"), ("Modify", "~"), ("Unsupported", "x"), ("NoChange", "="), ("Ignore", "*")];

fn table(report: &Report) -> String {
    let mut text = String::new();
    for (kind, sign) in SIGNS {
        for change in report.changes.iter().filter(|c| c.change_type == kind) {
            let style = match kind {
                "Create" => GREEN,
                "Modify" => YELLOW,
                "Unsupported" => CYAN,
                _ => DIM,
            };
            let _ = writeln!(text, "{} {}", paint(style, sign), change.resource_id);
            if let Some(reason) = &change.unsupported_reason {
                let _ = writeln!(text, "    {}", paint(DIM, reason));
            }
            lines(&change.delta, 4, &mut text);
        }
    }
    let parts: Vec<String> =
        SIGNS.iter().filter_map(|(kind, _)| report.summary.get(kind).map(|n| format!("{n} {}", words(kind)))).collect();
    let _ = writeln!(text, "\n{}", paint(BOLD, format!("resource changes: {}", parts.join(", "))));
    text
}

fn words(kind: &str) -> &str {
    match kind {
        "Create" => "to create",
        "Modify" => "to modify",
        "NoChange" => "no change",
        "Ignore" => "to ignore",
        _ => "unsupported",
    }
}

fn lines(deltas: &[Delta], indent: usize, text: &mut String) {
    for delta in deltas {
        let pad = " ".repeat(indent);
        let part = |value: &Option<Value>| value.as_ref().map(|v| brief(v, 80)).unwrap_or_default();
        let _ = match delta.property_change_type {
            Kind::Create => writeln!(text, "{pad}{} {}: {}", paint(GREEN, "+"), delta.path, part(&delta.after)),
            Kind::Delete => writeln!(text, "{pad}{} {}: {}", paint(RED, "-"), delta.path, part(&delta.before)),
            Kind::Modify => {
                let (before, after) = (part(&delta.before), part(&delta.after));
                writeln!(text, "{pad}{} {}: {before} => {after}", paint(YELLOW, "~"), delta.path)
            }
            Kind::Array => writeln!(text, "{pad}{} {}:", paint(YELLOW, "~"), delta.path),
        };
        lines(&delta.children, indent + 2, text);
    }
}
