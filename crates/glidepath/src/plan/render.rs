//! A plan for reading, in what-if's signs.

use std::fmt::Write;

use glidepath_estate::{ChangeKind, PropertyChange};
use glidepath_plan::{Action, Counts};

use super::{Judged, Report};
use crate::output::{BOLD, DIM, GREEN, RED, YELLOW, paint};

/// Said of a change that no PUT can make.
const REPLACED: &str = "deleted and made again: it differs in what cannot be changed";

/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 60;

fn sign(action: Action) -> char {
    match action {
        Action::Create => '+',
        Action::Modify => '~',
        Action::Delete => '-',
        Action::NoChange => '=',
    }
}

fn counts(counts: Counts) -> String {
    let Counts { create, modify, delete, no_change } = counts;
    format!("{create} to create, {modify} to modify, {delete} to delete, {no_change} unchanged")
}

fn policy(step: &Judged<'_>) -> Option<String> {
    let said = step.policy.as_ref()?;
    Some(format!("{} by {}", said.effect, said.assignments.join(", ")))
}

fn change(change: &PropertyChange) -> String {
    let sign = match change.property_change_type {
        ChangeKind::Create => '+',
        ChangeKind::Modify => '~',
        ChangeKind::Delete => '-',
    };
    let value = |v: &glidepath_arm::Value| {
        let text = v.to_json().to_string();
        let short: String = text.chars().take(VALUE_SHOWN).collect();
        if short.len() < text.len() { format!("{short}…") } else { short }
    };
    let before = change.before.as_ref().map(value);
    let after = change.after.as_ref().map(value);
    let values = match (before, after) {
        (Some(before), Some(after)) => format!("{before} => {after}"),
        (one, other) => one.or(other).unwrap_or_default(),
    };
    format!("{sign} {}: {values}", change.path)
}

pub(crate) fn table(report: &Report<'_>) -> String {
    let mut text = format!("plan of {} on the sandbox\n\n", paint(BOLD, report.organization));
    for phase in &report.phases {
        let _ = writeln!(text, "{}  {}", paint(BOLD, phase.phase.unwrap_or("removals")), counts(phase.counts));
        for judged in &phase.steps {
            let step = judged.step;
            let style = match step.action {
                Action::Create => GREEN,
                Action::Delete => RED,
                _ => YELLOW,
            };
            let origin = step.resource.origin.as_ref().map(|o| format!("  {}", paint(DIM, o))).unwrap_or_default();
            let _ = writeln!(text, "  {} {}{origin}", paint(style, sign(step.action)), step.resource.id);
            if step.replace {
                let _ = writeln!(text, "      {}", paint(YELLOW, REPLACED));
            }
            for property in &step.changes {
                let _ = writeln!(text, "      {}", change(property));
            }
            if let Some(said) = policy(judged) {
                let refused = judged.policy.as_ref().is_some_and(|p| p.refused);
                let _ = writeln!(text, "      policy: {}", paint(if refused { RED } else { DIM }, said));
            }
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{}; {} would be refused by policy", counts(report.counts), report.refused);
    text
}

pub(crate) fn markdown(report: &Report<'_>) -> String {
    let mut text = format!("## Plan of {}\n\n{}\n", report.organization, counts(report.counts));
    for phase in report.phases.iter().filter(|p| !p.steps.is_empty()) {
        let _ = writeln!(text, "\n### {}\n\n```diff", phase.phase.unwrap_or("removals"));
        for judged in &phase.steps {
            // `!` is what a diff block paints as a change.
            let mark = if judged.step.action == Action::Modify { '!' } else { sign(judged.step.action) };
            let _ = writeln!(text, "{mark} {}", judged.step.resource.id);
            if judged.step.replace {
                let _ = writeln!(text, "#     {REPLACED}");
            }
            for property in &judged.step.changes {
                let _ = writeln!(text, "!     {}", change(property));
            }
            if let Some(said) = policy(judged) {
                let _ = writeln!(text, "#     policy: {said}");
            }
        }
        text.push_str("```\n");
    }
    text
}
