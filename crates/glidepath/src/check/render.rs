//! The report as text for a terminal.

use std::fmt::Write;

use glidepath_policy::{Contributor, EvaluatedExpression, Outcome};

use super::report::{Checked, HEADINGS, Report, heading};
use crate::output::{BOLD, CYAN, Columns, DIM, GREEN, RED, YELLOW, paint};

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
        if *name == "dependsOnCaller" && !verbose {
            by_caller(report, &mut text);
        } else {
            by_policy(report, name, verbose, &mut text);
        }
    }
    undecided(report, &mut text);
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
pub(super) fn chain(contributor: &Contributor) -> String {
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
pub(super) fn reasons(contributor: &Contributor) -> String {
    let why = |unknown: &str| unknown.split_once(": ").map_or(unknown, |(_, reason)| reason).to_owned();
    let mut reasons: Vec<&str> = Vec::new();
    for unknown in &contributor.unknowns {
        if !reasons.iter().any(|known| why(known) == why(unknown)) {
            reasons.push(unknown);
        }
    }
    reasons.join("; ")
}

pub(super) fn hits<'a>(report: &'a Report, name: &str) -> impl Iterator<Item = (&'a Checked, &'a Contributor)> {
    report.resources.iter().flat_map(move |resource| {
        let contributors = resource.verdict.verdict.contributors.iter();
        contributors.filter(move |c| heading(c) == Some(name)).map(move |c| (resource, c))
    })
}

/// Policies that ask who deploys say the same of everything.
fn by_caller(report: &Report, text: &mut String) {
    let found: Vec<(&Checked, &Contributor)> = hits(report, "dependsOnCaller").collect();
    let Some((_, first)) = found.first() else { return };
    let resources = found.iter().map(|(r, _)| r.id.as_str()).collect::<std::collections::BTreeSet<_>>().len();
    let policies = found.iter().map(|(_, c)| chain(c)).collect::<std::collections::BTreeSet<_>>().len();
    let _ = writeln!(
        text,
        "{} ({} on {})\n  {}\n     say who does with --caller pipeline, user or user-mfa\n",
        paint(YELLOW, words("dependsOnCaller")),
        count(policies, "policy"),
        count(resources, "resource"),
        chain(first),
    );
}

/// What might be refused although no resource shows it: templates and types that are not known.
fn undecided(report: &Report, text: &mut String) {
    let unseen: Vec<_> = report.undecided.iter().filter(|u| u.policies.is_empty()).collect();
    if unseen.is_empty() {
        return;
    }
    let _ = writeln!(text, "{}", paint(YELLOW, "not looked at"));
    for part in unseen {
        let _ = writeln!(text, "  {}  {}", part.what, paint(DIM, &part.source));
    }
    text.push('\n');
}

fn closing(report: &Report, text: &mut String) {
    let parts: Vec<String> =
        report.summary.by_effect.iter().map(|(name, number)| format!("{} {number}", words(name))).collect();
    let style = match (report.is_refused(), report.undecided.is_empty()) {
        (true, _) => RED,
        (false, true) => GREEN,
        (false, false) => YELLOW,
    };
    let _ = writeln!(text, "{}", paint(style, closing_line(report)));
    if !report.is_refused() && !report.undecided.is_empty() {
        text.push_str("  --allow-undecided takes that for an answer\n");
    }
    if report.summary.hidden > 0 {
        let _ = writeln!(text, "{} passed over by the baseline", count(report.summary.hidden, "known finding"));
    }
    if !parts.is_empty() {
        let _ = writeln!(text, "resources by effect: {}", parts.join(", "));
    }
}

/// The answer in one line: what would be refused, what might be.
pub(super) fn closing_line(report: &Report) -> String {
    let refused = report.resources.iter().filter(|r| r.verdict.verdict.is_refused()).count();
    let (unseen, open): (Vec<_>, Vec<_>) = report.undecided.iter().partition(|u| u.policies.is_empty());
    let mut open_parts = Vec::new();
    if !open.is_empty() {
        open_parts.push(format!("{} might be", count(open.len(), "resource")));
    }
    if !unseen.is_empty() {
        open_parts.push(format!("{} of the input could not be looked at", count(unseen.len(), "part")));
    }
    let open = open_parts.join(", and ");
    match (refused, open.is_empty()) {
        (0, true) => "nothing would be refused".to_owned(),
        (0, false) => format!("nothing is sure to be refused, but {open}"),
        (_, true) => format!("{} would be refused", count(refused, "resource")),
        (_, false) => format!("{} would be refused, {open}", count(refused, "resource")),
    }
}

pub(super) fn words(name: &str) -> &str {
    match name {
        "dependsOn" => "depends on what only the deployment knows",
        "dependsOnCaller" => "depends on who deploys",
        "notEnforced" => "not enforced",
        other => other,
    }
}

pub(super) fn place(resource: &Checked) -> String {
    resource.source.to_string()
}

pub(super) fn count(number: usize, noun: &str) -> String {
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
