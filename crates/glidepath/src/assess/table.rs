//! Answers for the terminal.

use glidepath_readiness::{Assessment, Comparison, GateState, Roadmap, TopicResult};

use crate::output::{BOLD, Columns, DIM, GREEN, RED, paint};

fn level(level: Option<u8>) -> String {
    level.map_or_else(|| "n/a".to_owned(), |l| l.to_string())
}

pub(crate) fn assessment(a: &Assessment) -> String {
    let mut text = format!("{}  {}\n", paint(BOLD, format!("Stage: {}", a.stage.name)), a.stage.is);
    if let Some(next) = &a.stage.next {
        text.push_str(&format!("  {next} is blocked by {}\n", a.stage.blocked_by.join(", ")));
    }
    for change in &a.changes {
        text.push_str(&format!("  questions changed: {change}\n"));
    }
    let mut areas = Columns::default();
    areas.row(["area", "mean", "between", "floor", "target"].map(str::to_owned));
    for area in &a.areas {
        let mean = area.mean.map_or_else(|| "n/a".to_owned(), |m| format!("{:.1}", m.value));
        let range = area.mean.map_or_else(String::new, |m| format!("{:.1}–{:.1}", m.low, m.high));
        let target = area.target.map_or_else(String::new, |t| format!("{t:.1}"));
        areas.row([area.title.clone(), mean, range, level(area.floor), target]);
    }
    text.push('\n');
    text.push_str(&areas.render(0));
    text.push('\n');
    let mut topics = Columns::default();
    topics.row(["", "level", "target", "by", "what is so"].map(str::to_owned));
    for topic in &a.topics {
        let by = topic.source.map_or("nobody", |s| s.name()).to_owned();
        topics.row([topic.id.clone(), level(topic.level), topic.target.to_string(), by, anchor(topic)]);
    }
    text.push_str(&topics.render(0));
    let asked = a.topics.iter().filter(|t| t.source.is_none() && t.level.is_some()).count();
    let proven = a.topics.iter().filter(|t| t.evidence.is_some()).count();
    text.push_str(&format!(
        "\n{}\n",
        paint(
            DIM,
            format!(
                "{proven} of {} decided on evidence, {asked} not answered; -o json has queries and rows",
                a.topics.len()
            )
        )
    ));
    text
}

fn anchor(topic: &TopicResult) -> String {
    match &topic.not_applicable {
        Some(record) => format!("not applicable: {} ({})", record.reason, record.approver),
        None => topic.anchor.clone(),
    }
}

pub(crate) fn gates(gates: &[GateState], a: &Assessment) -> String {
    let mut text = String::new();
    for gate in gates {
        let sign = if gate.open { paint(GREEN, "open  ") } else { paint(RED, "closed") };
        text.push_str(&format!(
            "{sign}  before {:<14} {:<4} needs {}, has {}\n",
            gate.before,
            gate.topic,
            gate.needs,
            level(gate.has)
        ));
        let topic = a.topics.iter().find(|t| t.id == gate.topic).filter(|_| !gate.open);
        let Some(evidence) = topic.and_then(|t| t.evidence.as_ref()) else { continue };
        for shown in evidence.shown.iter().filter(|s| s.holds != Some(true)) {
            text.push_str(&format!("        not so: {}\n", shown.label));
            for row in shown.rows.iter().filter(|r| !r.compliant).take(3) {
                text.push_str(&format!("          {}: {}\n", row.id, row.detail));
            }
        }
    }
    text
}

pub(crate) fn roadmap(plan: &Roadmap) -> String {
    let mut rows = Columns::default();
    rows.row(["", "phase", "days", "raises", "what"].map(str::to_owned));
    for step in &plan.steps {
        let raises: Vec<String> = step.raises.iter().map(|r| format!("{} {}→{}", r.topic, r.from, r.to)).collect();
        let title = if step.gate { format!("{} (a gate waits)", step.title) } else { step.title.clone() };
        rows.row([
            step.order.to_string(),
            step.phase.to_string(),
            format!("{}–{}", step.starts, step.ends),
            raises.join(", "),
            title,
        ]);
    }
    format!("{}\n{} person days, an estimate\n", rows.render(0), plan.effort)
}

pub(crate) fn comparison(c: &Comparison) -> String {
    let mut text = match c.stage.0 == c.stage.1 {
        true => format!("stage: still {}\n", c.stage.1),
        false => format!("stage: {} → {}\n", c.stage.0, c.stage.1),
    };
    for change in &c.changes {
        text.push_str(&format!("  {}  {} → {}\n", change.topic, level(change.before), level(change.after)));
    }
    for (word, topics) in [("opened", &c.opened), ("closed", &c.closed)] {
        if !topics.is_empty() {
            text.push_str(&format!("gates {word}: {}\n", topics.join(", ")));
        }
    }
    if c.changes.is_empty() {
        text.push_str("nothing changed\n");
    }
    text
}
