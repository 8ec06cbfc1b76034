//! For spreadsheets and issue trackers.

use glidepath_readiness::{Assessment, Roadmap};

/// One field. A field that a spreadsheet would take for a formula is made a text.
fn field(text: &str) -> String {
    let text = match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

fn line(fields: &[&str]) -> String {
    let fields: Vec<String> = fields.iter().map(|f| field(f)).collect();
    format!("{}\r\n", fields.join(","))
}

pub(crate) fn assessment(a: &Assessment) -> String {
    let mut text =
        line(&["Id", "Area", "Topic", "Level", "Target", "Source", "Confidence", "Gate before", "Anchor", "Failing"]);
    for t in &a.topics {
        let level = t.level.map_or_else(|| "n/a".to_owned(), |l| l.to_string());
        let gate = t.gate.as_ref().map_or("", |g| g.before.as_str());
        let failing: Vec<&str> = t
            .evidence
            .iter()
            .flat_map(|e| &e.shown)
            .flat_map(|s| &s.rows)
            .filter(|r| !r.compliant)
            .map(|r| r.id.as_str())
            .collect();
        text.push_str(&line(&[
            &t.id,
            &t.area,
            &t.topic,
            &level,
            &t.target.to_string(),
            t.source.map_or("", |s| s.name()),
            &format!("{:.1}", t.confidence),
            gate,
            &t.anchor,
            &failing.join(" "),
        ]));
    }
    text
}

pub(crate) fn roadmap(plan: &Roadmap) -> String {
    let mut text = line(&["Order", "Title", "Description", "Labels", "Effort (person days)", "After"]);
    for step in &plan.steps {
        let mut description = String::new();
        for raise in &step.raises {
            description.push_str(&format!("{} from {} to {}: {}\n", raise.topic, raise.from, raise.to, raise.anchor));
            for proof in &raise.verified_by {
                description.push_str(&format!("- [ ] {proof}\n"));
            }
        }
        let labels = if step.gate { format!("{} gate", step.phase.name()) } else { step.phase.name().to_owned() };
        text.push_str(&line(&[
            &step.order.to_string(),
            &step.title,
            &description,
            &labels,
            &step.effort.to_string(),
            &step.after.join(" "),
        ]));
    }
    text
}
