//! The report for reading.

use std::fmt::Write;

use super::report::{Changes, PhaseReport, Report, State};
use crate::output::{BOLD, Columns, DIM, GREEN, RED, YELLOW, paint};

/// How many types of a phase are named.
const TYPES_SHOWN: usize = 3;

pub(crate) fn table(report: &Report) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{} on the {}\n", paint(BOLD, &report.organization), report.target);
    phases(report, &mut text);
    policy(report, &mut text);
    failures(report, &mut text);
    gates(report, &mut text);
    waivers(report, &mut text);
    let _ = writeln!(text, "{}", conclusion(report));
    if !report.next.is_empty() {
        text.push_str("\nnext\n");
        for command in &report.next {
            let _ = writeln!(text, "  {command}");
        }
    }
    text
}

fn phases(report: &Report, text: &mut String) {
    let mut columns = Columns::default();
    columns.row(["phase", "state", "resources", "this run", "what exists"].map(str::to_owned));
    for phase in &report.phases {
        let resources = if phase.resources == phase.planned {
            phase.resources.to_string()
        } else {
            format!("{} of {}", phase.resources, phase.planned)
        };
        columns.row([
            phase.name.to_string(),
            phase.state.name().to_owned(),
            resources,
            changes(phase.changes),
            types(phase),
        ]);
    }
    text.push_str(&columns.render(2));
    text.push('\n');
}

fn changes(changes: Changes) -> String {
    let mut parts = Vec::new();
    for (number, sign) in [(changes.create, '+'), (changes.modify, '~'), (changes.delete, '-')] {
        if number > 0 {
            parts.push(format!("{sign}{number}"));
        }
    }
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}

fn types(phase: &PhaseReport) -> String {
    let short = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let mut named: Vec<String> =
        phase.types.iter().take(TYPES_SHOWN).map(|(name, count)| format!("{count} {}", short(name))).collect();
    if phase.types.len() > TYPES_SHOWN {
        named.push(format!("{} more", phase.types.len() - TYPES_SHOWN));
    }
    named.join(", ")
}

fn policy(report: &Report, text: &mut String) {
    let policy = &report.policy;
    if policy.judged == 0 {
        return;
    }
    let verdict = if policy.non_compliant == 0 {
        paint(GREEN, "all compliant")
    } else {
        paint(RED, format!("{} not compliant", policy.non_compliant))
    };
    let _ = writeln!(text, "policy  {} resources judged, {verdict}", policy.judged);
    let mut columns = Columns::default();
    for (effect, count) in &policy.by_effect {
        columns.row([
            effect.clone(),
            format!("{} verdicts", count.compliant + count.non_compliant),
            if count.non_compliant > 0 { format!("{} not compliant", count.non_compliant) } else { String::new() },
        ]);
    }
    text.push_str(&columns.render(2));
    for offender in &policy.offenders {
        let _ = writeln!(text, "  {} {} ({})", offender.effect, offender.resource, offender.assignment);
    }
    text.push('\n');
}

fn failures(report: &Report, text: &mut String) {
    for failure in &report.failures {
        let origin = failure.origin.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "{} {} {}\n  {}: {}\n",
            paint(RED, "failed"),
            failure.resource,
            paint(DIM, origin),
            failure.code,
            failure.message
        );
    }
}

fn gates(report: &Report, text: &mut String) {
    for gate in report.gates.iter().filter(|g| !g.open) {
        let _ = writeln!(text, "the gate of {} is {}", paint(BOLD, gate.phase), paint(YELLOW, "closed"));
        if gate.workloads.is_empty() {
            for missing in &gate.missing {
                let _ = writeln!(text, "  {missing}");
            }
        }
        for workload in &gate.workloads {
            let _ = writeln!(text, "  {} {}", workload.name, if workload.open { "is open" } else { "waits for" });
            for missing in &workload.missing {
                let _ = writeln!(text, "    {missing}");
            }
        }
        text.push('\n');
    }
}

/// What is let through by waivers, whether anything else is missing or not.
fn waivers(report: &Report, text: &mut String) {
    let phases = report.gates.iter().filter_map(|g| Some((g.phase.name(), g.waived.as_ref()?)));
    let workloads =
        report.gates.iter().flat_map(|g| &g.workloads).filter_map(|w| Some((w.name.as_str(), w.waived.as_ref()?)));
    for (of, waived) in phases.chain(workloads) {
        let glidepath_plan::Waived { waiver, missing, reason, approved_by, expires } = waived;
        let let_through = paint(YELLOW, "let through by a waiver");
        let _ = writeln!(
            text,
            "{} is {let_through}: {waiver}, approved by {approved_by}, until {expires}",
            paint(BOLD, of)
        );
        let _ = writeln!(text, "  because {reason}");
        for missing in missing {
            let _ = writeln!(text, "  {missing}");
        }
        text.push('\n');
    }
}

fn conclusion(report: &Report) -> String {
    let total = report.changes.total();
    if report.phases.iter().any(|p| p.state == State::Failed) {
        return paint(RED, "not everything could be written; run it again when the cause is removed");
    }
    if total == 0 {
        return paint(GREEN, "nothing to change");
    }
    let Changes { create, modify, delete } = report.changes;
    let place: usize = report.phases.iter().map(|p| p.resources).sum();
    format!("{create} created, {modify} modified, {delete} deleted; {place} resources in place")
}
