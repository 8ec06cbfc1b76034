//! The report as text for a terminal, and as SARIF.

use std::fmt::Write;

use glidepath_policy::{Contributor, EvaluatedExpression, Outcome};

use super::report::{Checked, HEADINGS, Report, heading};
use crate::output::{BOLD, CYAN, Columns, DIM, GREEN, RED, SarifResult, YELLOW, paint};

/// How many hits of a weak effect are spelled out per policy before the rest is only counted.
const SHOWN_PER_POLICY: usize = 3;

/// The report for reading: what is refused first and in full, then what is not known, then the rest by policy.
pub(crate) fn table(report: &Report, verbose: bool) -> String {
    let mut text = String::new();
    let summary = &report.summary;
    let _ = writeln!(
        text,
        "{} at {}: {}, {} in {}; {} in force, {} ({} evaluated by ARM)\n",
        paint(BOLD, report.templates.join(", ")),
        paint(BOLD, &report.at),
        count(summary.resources, "resource"),
        count(summary.types, "type"),
        count(summary.deployments, "nested deployment"),
        count(summary.assignments, "assignment"),
        count(summary.instances, "policy instance"),
        summary.arm_mode_instances,
    );
    for resource in &report.resources {
        refused(resource, verbose, &mut text);
    }
    for name in HEADINGS.iter().filter(|n| !matches!(**n, "deny" | "denyAction" | "disabled")) {
        by_policy(report, name, verbose, &mut text);
    }
    closing(report, &mut text);
    text
}

fn refused(resource: &Checked, verbose: bool, text: &mut String) {
    let verdict = &resource.verdict.verdict;
    if !verdict.is_refused() {
        return;
    }
    let _ = writeln!(
        text,
        "{} {} {}  {}",
        paint(RED, "deny"),
        paint(BOLD, &resource.name),
        resource.resource_type,
        paint(DIM, place(resource))
    );
    for contributor in verdict.contributors.iter().filter(|c| matches!(heading(c), Some("deny" | "denyAction"))) {
        if let Some(message) = &contributor.message {
            let _ = writeln!(text, "     {message}");
        }
        let _ = writeln!(text, "     {}", chain(contributor));
        conditions(contributor, verbose, text);
    }
    text.push('\n');
}

/// `assignment Deny-AI-Public at corp › initiative … › definition …`
fn chain(contributor: &Contributor) -> String {
    let mut line = format!("assignment {} at {}", contributor.assignment.name, contributor.assignment_scope.name());
    if let Some(initiative) = &contributor.initiative {
        let _ = write!(line, " › initiative {}", initiative.display_name.as_ref().unwrap_or(&initiative.name));
    }
    let definition = &contributor.definition;
    let _ = write!(line, " › definition {}", definition.display_name.as_ref().unwrap_or(&definition.name));
    line
}

/// The conditions that made the difference: the type's own condition says nothing a reader does not see.
fn conditions(contributor: &Contributor, verbose: bool, text: &mut String) {
    let mut columns = Columns::default();
    for e in &contributor.expressions {
        let is_type = e.expression.eq_ignore_ascii_case("type") || e.expression.eq_ignore_ascii_case("kind");
        if verbose || (e.result == "True" && !is_type) {
            let found = e.expression_value.as_ref().map_or_else(|| "nothing".to_owned(), |v| shorten(&v.to_string()));
            columns.row([
                e.path.clone().unwrap_or_else(|| e.expression.clone()),
                format!("found {found}"),
                wanted(e),
                if verbose { e.result.to_lowercase() } else { String::new() },
            ]);
        }
    }
    text.push_str(&columns.render(7));
}

/// A deny names the condition that *is met*; readers ask what the value should be.
fn wanted(e: &EvaluatedExpression) -> String {
    let target = shorten(&e.target_value.to_string());
    match e.operator {
        "NotEquals" => format!("wanted {target}"),
        "NotIn" => format!("wanted one of {target}"),
        "Equals" => format!("wanted anything but {target}"),
        "In" => format!("wanted none of {target}"),
        "Exists" if target.to_lowercase().contains("false") => "wanted a value".to_owned(),
        "Exists" => "wanted no value".to_owned(),
        operator => format!("refused where {operator} {target}"),
    }
}

/// Everything under one heading, policy by policy.
fn by_policy(report: &Report, name: &str, verbose: bool, text: &mut String) {
    let mut policies: indexmap::IndexMap<String, Vec<(&Checked, &Contributor)>> = indexmap::IndexMap::new();
    for (resource, contributor) in hits(report, name) {
        policies.entry(chain(contributor)).or_default().push((resource, contributor));
    }
    if policies.is_empty() {
        return;
    }
    let style = if name == "dependsOn" { YELLOW } else { CYAN };
    let _ = writeln!(text, "{} ({})", paint(style, words(name)), count(policies.len(), "policy"));
    for (chain, hits) in policies {
        let _ = writeln!(text, "  {chain}");
        if let Some((_, first)) = hits.first().filter(|(_, c)| c.outcome == Outcome::DependsOn) {
            let _ = writeln!(text, "     {} depends on {}", first.effect, reasons(first));
        }
        let shown = if verbose { hits.len() } else { SHOWN_PER_POLICY };
        for (resource, contributor) in hits.iter().take(shown) {
            let _ =
                writeln!(text, "     {} {}  {}", resource.name, resource.resource_type, paint(DIM, place(resource)));
            for operation in &contributor.operations {
                let _ = writeln!(text, "       {operation}");
            }
            if verbose {
                conditions(contributor, verbose, text);
            }
        }
        if hits.len() > shown {
            let _ = writeln!(text, "     and {} more (--verbose shows all)", hits.len() - shown);
        }
    }
    text.push('\n');
}

/// What the outcome hangs on and why that is not known, each reason once.
fn reasons(contributor: &Contributor) -> String {
    let why = |unknown: &str| unknown.split_once(": ").map_or(unknown, |(_, reason)| reason).to_owned();
    let mut reasons: Vec<&str> = Vec::new();
    for unknown in &contributor.unknowns {
        if !reasons.iter().any(|known| why(known) == why(unknown)) {
            reasons.push(unknown);
        }
    }
    reasons.join("; ")
}

fn hits<'a>(report: &'a Report, name: &str) -> impl Iterator<Item = (&'a Checked, &'a Contributor)> {
    report.resources.iter().flat_map(move |resource| {
        let contributors = resource.verdict.verdict.contributors.iter();
        contributors.filter(move |c| heading(c) == Some(name)).map(move |c| (resource, c))
    })
}

fn closing(report: &Report, text: &mut String) {
    let parts: Vec<String> =
        report.summary.by_effect.iter().map(|(name, number)| format!("{} {number}", words(name))).collect();
    if report.is_refused() {
        let refused = report.resources.iter().filter(|r| r.verdict.verdict.is_refused()).count();
        let _ = writeln!(text, "{}", paint(RED, format!("{} would be refused", count(refused, "resource"))));
    } else {
        let _ = writeln!(text, "{}", paint(GREEN, "nothing would be refused"));
    }
    if !parts.is_empty() {
        let _ = writeln!(text, "resources by effect: {}", parts.join(", "));
    }
}

fn words(name: &str) -> &str {
    match name {
        "dependsOn" => "depends on what only the deployment knows",
        "notEnforced" => "not enforced",
        other => other,
    }
}

fn place(resource: &Checked) -> String {
    let source = &resource.source;
    match &source.deployment {
        Some(deployment) => format!("{}:{}:{} in {deployment}", source.file, source.line, source.column),
        None => format!("{}:{}:{}", source.file, source.line, source.column),
    }
}

fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain("…".chars()).collect()
}

/// Every hit of an effect that happens, where its resource is written.
pub(crate) fn sarif_results(report: &Report) -> Vec<SarifResult> {
    let mut results = Vec::new();
    for resource in &report.resources {
        for contributor in &resource.verdict.verdict.contributors {
            let Some(name) = heading(contributor) else { continue };
            let level = match (contributor.outcome, name) {
                (Outcome::Triggered, "deny" | "denyAction") => "error",
                (Outcome::Triggered, "audit" | "auditIfNotExists" | "append" | "modify" | "deployIfNotExists")
                | (Outcome::DependsOn, _) => "warning",
                _ => "note",
            };
            let definition = &contributor.definition;
            let title = definition.display_name.as_ref().unwrap_or(&definition.name);
            let message = contributor.message.as_ref().unwrap_or(title);
            results.push(SarifResult {
                rule: definition.name.clone(),
                rule_text: title.clone(),
                level,
                message: format!("{} ({}): {message} [{}]", resource.name, words(name), chain(contributor)),
                file: resource.source.file.clone(),
                line: resource.source.line,
                column: resource.source.column,
                fingerprint: format!("{}|{}|{}", resource.id, contributor.assignment.id, definition.name),
            });
        }
    }
    results
}
