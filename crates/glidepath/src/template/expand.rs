//! `glidepath template expand`.

use std::fmt::Write;

use glidepath_arm::Value;
use glidepath_source::Finding;

use super::input::Input;
use super::report::{Report, Resource};
use super::{ExpandArgs, ExpandFormat, graph, svg};
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, Columns, DIM, Terminal, paint};

pub(super) fn run(args: &ExpandArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let input = Input::read(&args.deployed)?;
    let expansion = input.expand();
    let report = Report::new(input.template.name(), &expansion);
    match args.output {
        ExpandFormat::Table => terminal.answer(&table(&report, &expansion.resources)),
        ExpandFormat::Json => terminal.envelope("templateExpansion", &report),
        ExpandFormat::Ndjson => {
            let lines: String = expansion.resources.iter().map(|r| line(&Resource::new(r))).collect();
            terminal.answer(&lines);
        }
        ExpandFormat::Dot => terminal.answer(&graph::dot(&expansion)),
        ExpandFormat::Svg => terminal.answer(&svg::picture(&expansion)),
    }
    // The answer is given whatever is wrong: it says how far the template could be read.
    if expansion.findings.iter().any(Finding::is_error) {
        return Err(Failure::input(expansion.findings));
    }
    terminal.findings(&expansion.findings);
    Ok(Answer::Yes)
}

fn line(resource: &Resource<'_>) -> String {
    serde_json::to_string(resource).map_or_else(|e| format!("{{\"error\":\"{e}\"}}\n"), |text| text + "\n")
}

/// A value on one line: strings as they are, unknowns as `[expression]`, long ones cut.
pub(super) fn brief(value: &Value, longest: usize) -> String {
    let text = match value {
        Value::String(text) => text.to_string(),
        Value::Unknown(unknown) => format!("[{}]", unknown.expression),
        other => other.to_string(),
    };
    if text.chars().count() <= longest {
        return text;
    }
    text.chars().take(longest.saturating_sub(1)).chain("…".chars()).collect()
}

fn table(report: &Report<'_>, resources: &[glidepath_arm::template::Expanded]) -> String {
    let summary = &report.summary;
    let mut text = format!(
        "{}: {} resources of {} types in {} nested deployments; {} dropped, {} existing, {} with unknowns\n\n",
        paint(BOLD, report.template),
        summary.resources,
        summary.types,
        summary.deployments,
        summary.dropped,
        summary.existing,
        summary.with_unknowns,
    );
    let mut columns = Columns::default();
    for (resource, shown) in resources.iter().zip(&report.resources) {
        let unknowns = match shown.unknown_count() {
            0 => String::new(),
            count => format!("{count} unknown"),
        };
        columns.row([
            resource.resource_type.to_string(),
            brief(&resource.name, 60),
            resource.body.get("location").map(|l| brief(l, 24)).unwrap_or_default(),
            unknowns,
            resource.source.to_string(),
        ]);
    }
    text.push_str(&columns.render(0));
    if !report.dropped.is_empty() {
        let _ = writeln!(text, "\n{}", paint(BOLD, "dropped, their condition is false"));
        let mut columns = Columns::default();
        for dropped in report.dropped {
            columns.row([
                dropped.resource_type.to_string(),
                brief(&dropped.name.as_str().into(), 60),
                brief(&dropped.why.as_str().into(), 60),
                dropped.source.to_string(),
            ]);
        }
        text.push_str(&columns.render(0));
    }
    if !report.outputs.is_empty() {
        let _ = writeln!(text, "\n{}", paint(BOLD, "outputs"));
        for (name, value) in report.outputs.iter() {
            let _ = writeln!(text, "{name}  {}", paint(DIM, brief(value, 100)));
        }
    }
    text
}
