//! `glidepath template lint`.

use std::collections::BTreeMap;

use glidepath_arm::template::lint;
use glidepath_source::{Finding, Severity};
use serde::Serialize;

use super::LintArgs;
use super::input::Input;
use crate::cli::Format;
use crate::failure::{Answer, Failure};
use crate::output::{GREEN, SarifResult, Terminal, paint, sarif};

/// The whole answer; its JSON form is the contract of `template lint --output json`.
#[derive(Serialize)]
struct Report<'a> {
    template: &'a str,
    summary: Summary,
    findings: &'a [Finding],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    errors: usize,
    warnings: usize,
    notes: usize,
    by_code: BTreeMap<&'static str, usize>,
}

/// Findings of errors end with 2, as everywhere; of warnings with 1: the answer is that something deserves a look.
pub(super) fn run(args: &LintArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let input = Input::read(&args.deployed)?;
    let findings = lint(&input.template, &input.parameters, &input.context, &input.links);
    let count = |severity: Severity| findings.iter().filter(|f| f.severity == severity).count();
    let mut by_code = BTreeMap::new();
    for finding in &findings {
        *by_code.entry(finding.code).or_default() += 1;
    }
    let summary = Summary {
        errors: count(Severity::Error),
        warnings: count(Severity::Warning),
        notes: count(Severity::Note),
        by_code,
    };
    let answer = if summary.warnings == 0 { Answer::Yes } else { Answer::No };
    let name = input.template.name();
    match args.output {
        Format::Table => {
            let text =
                format!("{name}: {} errors, {} warnings, {} notes", summary.errors, summary.warnings, summary.notes);
            let clean = findings.is_empty();
            terminal.answer(&format!("{}\n", if clean { paint(GREEN, &text) } else { text }));
        }
        Format::Sarif => terminal.json(&sarif(&findings.iter().map(|f| result(f, name)).collect::<Vec<_>>())),
        Format::Json => terminal.envelope("templateLint", &Report { template: name, summary, findings: &findings }),
    }
    if findings.iter().any(Finding::is_error) {
        return Err(Failure::input(findings));
    }
    if args.output == Format::Table {
        terminal.findings(&findings);
    }
    Ok(answer)
}

fn result(finding: &Finding, template: &str) -> SarifResult {
    let at = finding.place.as_ref().map(|p| p.position());
    SarifResult {
        rule: finding.code.to_owned(),
        rule_text: finding.code.rsplit('/').next().unwrap_or_default().replace('-', " "),
        level: match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        },
        message: match &finding.why {
            Some(why) => format!("{}: {why}", finding.message),
            None => finding.message.clone(),
        },
        file: finding.place.as_ref().map_or(template, |p| p.text.name()).to_owned(),
        line: at.map_or(1, |a| a.line),
        column: at.map_or(1, |a| a.column),
        fingerprint: format!("{}|{}", finding.code, finding.message),
    }
}
