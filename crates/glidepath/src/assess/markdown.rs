//! The report and the questions as Markdown.

use glidepath_readiness::{Catalogue, Comparison, Roadmap};

use super::input::Asked;

/// Text of the user's inside a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

fn level(level: Option<u8>) -> String {
    level.map_or_else(|| "n/a".to_owned(), |l| l.to_string())
}

pub(crate) fn report(asked: &Asked, plan: &Roadmap, changed: Option<&Comparison>) -> String {
    let a = &asked.assessment;
    let mut text = format!(
        "# Readiness: {}\n\n{}. Looked at: {}. Questions {}.\n",
        a.stage.name, a.stage.is, asked.subject, a.questions
    );
    if let Some(next) = &a.stage.next {
        text.push_str(&format!("\nThe next stage, {next}, is blocked by {}.\n", a.stage.blocked_by.join(", ")));
    }
    if let Some(changed) = changed {
        text.push_str("\n## Since last time\n\n");
        for c in &changed.changes {
            text.push_str(&format!("- {}: {} → {}\n", c.topic, level(c.before), level(c.after)));
        }
    }
    text.push_str("\n## Areas\n\n| area | mean | between | floor | target |\n|---|---|---|---|---|\n");
    for area in &a.areas {
        let (mean, range) = area
            .mean
            .map_or_else(Default::default, |m| (format!("{:.1}", m.value), format!("{:.1}–{:.1}", m.low, m.high)));
        let target = area.target.map_or_else(String::new, |t| format!("{t:.1}"));
        text.push_str(&format!("| {} | {mean} | {range} | {} | {target} |\n", cell(&area.title), level(area.floor)));
    }
    text.push_str("\n## Gates\n\n| before | topic | needs | has | |\n|---|---|---|---|---|\n");
    for gate in &a.gates {
        let state = if gate.open { "open" } else { "**closed**" };
        text.push_str(&format!(
            "| {} | {} | {} | {} | {state} |\n",
            gate.before,
            gate.topic,
            gate.needs,
            level(gate.has)
        ));
    }
    text.push_str("\n## Roadmap\n\n");
    for step in &plan.steps {
        let raises: Vec<String> = step.raises.iter().map(|r| format!("{} {}→{}", r.topic, r.from, r.to)).collect();
        text.push_str(&format!(
            "{}. {} ({}, {} days): {}\n",
            step.order,
            step.title,
            step.phase,
            step.effort,
            raises.join(", ")
        ));
    }
    text.push_str(
        "\n## Answers and proof\n\n| | topic | level | target | by | what is so |\n|---|---|---|---|---|---|\n",
    );
    for t in &a.topics {
        let by = t.source.map_or("nobody", |s| s.name());
        text.push_str(&format!(
            "| {} | {} | {} | {} | {by} | {} |\n",
            t.id,
            cell(&t.topic),
            level(t.level),
            t.target,
            cell(&t.anchor)
        ));
    }
    for t in &a.topics {
        let failing: Vec<_> = t.evidence.iter().flat_map(|e| &e.shown).filter(|s| s.holds != Some(true)).collect();
        for shown in failing {
            text.push_str(&format!("\n### {} is not so: {}\n\n    {}\n\n", t.id, shown.label, shown.query));
            for row in shown.rows.iter().filter(|r| !r.compliant) {
                text.push_str(&format!("- `{}`: {}\n", row.id.replace('`', "'"), cell(&row.detail)));
            }
        }
    }
    text
}

pub(crate) fn questions(catalogue: &Catalogue) -> String {
    let mut text = format!("# Questions {}\n", catalogue.version);
    for area in catalogue.areas.values() {
        text.push_str(&format!("\n## {}\n", area.title));
        for t in catalogue.topics.values().filter(|t| t.area == area.id) {
            text.push_str(&format!("\n### {} {}\n\n{} {}\n\n", t.id, t.topic, t.question, t.why));
            for (i, level) in t.levels.iter().enumerate() {
                text.push_str(&format!("{}. {}\n", i + 1, level.anchor));
                for proof in &level.proofs {
                    text.push_str(&format!("   - proof: `{}`\n", proof.query));
                }
            }
            let gate = t.gate.as_ref().map_or_else(String::new, |g| format!("; level {} before {}", g.level, g.before));
            text.push_str(&format!(
                "\nDecided by {}; weight {}; target {}{gate}; closed in {} by {}. Show: {}. See {}.\n",
                t.decided_by.name(),
                t.weight,
                t.target,
                t.phase,
                t.control,
                t.evidence,
                t.references.join(", ")
            ));
        }
    }
    text
}
