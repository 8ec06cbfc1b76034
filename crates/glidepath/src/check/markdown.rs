//! The report as a comment on a pull request.

use std::fmt::Write;

use glidepath_policy::Contributor;

use super::render::{chain, closing_line, count, hits, place, reasons, words};
use super::report::{Checked, HEADINGS, Report};

/// How many rows a table has before the rest is only counted: a comment on GitHub takes 65,536 characters.
const MOST_ROWS: usize = 40;

/// The verdict first, then what is refused, what is undecided, and the rest folded away.
pub(crate) fn markdown(report: &Report) -> String {
    let summary = &report.summary;
    let mut text = format!("### Policy check: {}\n\n", closing_line(report));
    let files: Vec<String> = report.templates.iter().map(|t| format!("`{t}`")).collect();
    let _ = writeln!(
        text,
        "{} at management group `{}`: {} in {}, against {} ({}).{}\n",
        files.join(", "),
        report.at,
        count(summary.resources, "resource"),
        count(summary.types, "type"),
        count(summary.assignments, "assignment"),
        count(summary.instances, "policy instance"),
        if summary.hidden == 0 {
            String::new()
        } else {
            format!(" {} passed over by the baseline.", count(summary.hidden, "known finding"))
        },
    );
    refused(report, &mut text);
    undecided(report, &mut text);
    for name in HEADINGS.iter().filter(|n| !matches!(**n, "deny" | "denyAction" | "disabled")) {
        let found: Vec<(&Checked, &Contributor)> = hits(report, name).collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(text, "<details><summary>{} ({})</summary>\n", words(name), count(found.len(), "hit"));
        let rows: Vec<[String; 3]> = found
            .iter()
            .map(|(r, c)| {
                let what = if c.unknowns.is_empty() { chain(c) } else { format!("{}: {}", chain(c), reasons(c)) };
                [r.name.clone(), place(r), what]
            })
            .collect();
        table(["Resource", "Where", "Policy"], &rows, &mut text);
        text.push_str("</details>\n\n");
    }
    if !report.findings.is_empty() {
        let _ =
            writeln!(text, "<details><summary>{} about the input</summary>\n", count(report.findings.len(), "finding"));
        for finding in report.findings.iter().take(MOST_ROWS) {
            let _ = writeln!(text, "* {}", cell(&finding.to_string()));
        }
        text.push_str("\n</details>\n");
    }
    text
}

fn refused(report: &Report, text: &mut String) {
    let mut rows = Vec::new();
    for (resource, contributor) in hits(report, "deny").chain(hits(report, "denyAction")) {
        let message = contributor.message.clone().unwrap_or_default();
        let conditions = contributor.expressions.iter().filter(|e| e.result == "True" && e.expression != "type");
        let found: Vec<String> = conditions
            .take(3)
            .map(|e| {
                let found = e.expression_value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
                format!("`{}` is {found}", e.path.as_ref().unwrap_or(&e.expression))
            })
            .collect();
        let why = if message.is_empty() { found.join("; ") } else { format!("{message} {}", found.join("; ")) };
        rows.push([
            format!("{} ({})", resource.name, resource.resource_type),
            place(resource),
            chain(contributor),
            why,
        ]);
    }
    if !rows.is_empty() {
        text.push_str("#### Refused\n\n");
        table(["Resource", "Where", "Policy", "Why"], &rows, text);
    }
}

fn undecided(report: &Report, text: &mut String) {
    let rows: Vec<[String; 4]> = report
        .undecided
        .iter()
        .map(|u| {
            let policies = if u.policies.is_empty() { "any".to_owned() } else { u.policies.join(", ") };
            [u.what.clone(), u.source.to_string(), policies, u.why.join("; ")]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str("#### Might be refused\n\n");
        table(["What", "Where", "Policy", "Hangs on"], &rows, text);
    }
}

fn table<const N: usize>(head: [&str; N], rows: &[[String; N]], text: &mut String) {
    let _ = writeln!(text, "| {} |\n|{}", head.join(" | "), " --- |".repeat(N));
    for row in rows.iter().take(MOST_ROWS) {
        let cells: Vec<String> = row.iter().map(|c| cell(c)).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    if rows.len() > MOST_ROWS {
        let _ = writeln!(text, "\n… and {} more", rows.len() - MOST_ROWS);
    }
    text.push('\n');
}

/// A text that stays in its cell, and is no markup.
fn cell(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut safe = String::new();
    for c in text.chars().take(LONGEST) {
        match c {
            '|' => safe.push_str("\\|"),
            '\n' | '\r' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '@' => safe.push_str("@\u{200b}"),
            other => safe.push(other),
        }
    }
    if text.chars().count() > LONGEST {
        safe.push('…');
    }
    safe
}
