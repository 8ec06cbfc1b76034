//! The report as one page that needs nothing else: no script, no fetch, no font.

use glidepath_readiness::{Comparison, Roadmap, Shown, TopicResult};

use super::input::Asked;
use super::radar::radar;
use super::svg;

const STYLE: &str = "
:root{color-scheme:light dark;--fg:#1b1f24;--bg:#fff;--soft:#f3f5f7;--line:#c9d1d9;--no:#a4340a;--yes:#116329}
@media(prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--soft:#161b22;--line:#3d444d;--no:#ff9b6b;--yes:#56d364}}
*{box-sizing:border-box}body{margin:0 auto;max-width:70rem;padding:1.5rem;font:16px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
h1{font-size:1.9rem;margin:0}h2{margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line)}nav a{margin-right:1rem}a{color:inherit}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr));gap:1.5rem;align-items:center}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
.no{color:var(--no);font-weight:600}.yes{color:var(--yes);font-weight:600}
details{background:var(--soft);border-radius:6px;padding:.4rem .8rem;margin:.4rem 0}summary{cursor:pointer}
code{font-size:.85em;overflow-wrap:anywhere}svg{width:100%;height:auto}:focus-visible{outline:3px solid #2563eb;outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem}
@media print{:root{color-scheme:light;--fg:#000;--bg:#fff;--soft:#fff;--line:#999;--no:#a4340a;--yes:#116329}body{max-width:none;padding:0;font-size:10pt}nav,.skip{display:none}details{break-inside:avoid}h2{break-after:avoid}tr{break-inside:avoid}}
";

/// Text inside markup.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

fn level(level: Option<u8>) -> String {
    level.map_or_else(|| "n/a".to_owned(), |l| l.to_string())
}

pub(crate) fn page(asked: &Asked, plan: &Roadmap, changed: Option<&Comparison>) -> String {
    let a = &asked.assessment;
    let mut body = format!(
        "<a class=\"skip\" href=\"#main\">To the content</a><header><h1>Readiness: {}</h1><p>{}. Looked at: {}. Questions {}.</p>\
         <nav aria-label=\"Sections\"><a href=\"#areas\">Areas</a><a href=\"#gates\">Gates</a><a href=\"#gaps\">Top gaps</a><a href=\"#roadmap\">Roadmap</a><a href=\"#answers\">Answers</a></nav></header><main id=\"main\">",
        escape(&a.stage.name),
        escape(&a.stage.is),
        escape(&asked.subject),
        escape(&a.questions)
    );
    if let Some(next) = &a.stage.next {
        let blocked: Vec<String> =
            a.stage.blocked_by.iter().map(|id| format!("<a href=\"#{0}\">{0}</a>", escape(id))).collect();
        body.push_str(&format!(
            "<p class=\"no\">The next stage, {}, is blocked by {}.</p>",
            escape(next),
            blocked.join(", ")
        ));
    }
    for change in &a.changes {
        body.push_str(&format!("<p>Questions changed: {}</p>", escape(change)));
    }
    if let Some(changed) = changed {
        body.push_str("<h2>Since last time</h2><ul>");
        for c in &changed.changes {
            body.push_str(&format!("<li>{}: {} → {}</li>", escape(&c.topic), level(c.before), level(c.after)));
        }
        body.push_str("</ul>");
    }
    areas(asked, &mut body);
    gates(asked, &mut body);
    gaps(asked, &mut body);
    body.push_str(&format!("<h2 id=\"roadmap\">Roadmap</h2><div class=\"scroll\">{}</div><ol>", svg::roadmap(plan)));
    for step in &plan.steps {
        body.push_str(&format!("<li>{} ({}, {} days)<ul>", escape(&step.title), step.phase, step.effort));
        for raise in &step.raises {
            body.push_str(&format!(
                "<li><a href=\"#{0}\">{0}</a> from {1} to {2}; verified by: {3}</li>",
                escape(&raise.topic),
                raise.from,
                raise.to,
                escape(&raise.verified_by.join("; "))
            ));
        }
        body.push_str("</ul></li>");
    }
    body.push_str("</ol><h2 id=\"answers\">Every answer and its proof</h2>");
    for topic in &a.topics {
        answer(asked, topic, &mut body);
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>Readiness: {}</title><style>{STYLE}</style></head><body>{body}</main></body></html>\n",
        escape(&a.stage.name)
    )
}

fn areas(asked: &Asked, body: &mut String) {
    body.push_str("<h2 id=\"areas\">Areas</h2><div class=\"two\"><figure>");
    body.push_str(&radar(&asked.assessment));
    body.push_str("<figcaption>Filled: current mean; dashed: target</figcaption></figure><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Area<th scope=\"col\">Mean<th scope=\"col\">Between<th scope=\"col\">Floor<th scope=\"col\">Target</tr></thead><tbody>");
    for area in &asked.assessment.areas {
        let (mean, range) = area
            .mean
            .map_or_else(Default::default, |m| (format!("{:.1}", m.value), format!("{:.1}–{:.1}", m.low, m.high)));
        body.push_str(&format!(
            "<tr><th scope=\"row\">{}<td>{mean}<td>{range}<td>{}<td>{}</tr>",
            escape(&area.title),
            level(area.floor),
            area.target.map_or_else(String::new, |t| format!("{t:.1}"))
        ));
    }
    body.push_str("</tbody></table></div></div>");
    let s = &asked.assessment.sensitivity;
    if let Some(topic) = &s.topic {
        body.push_str(&format!(
            "<p>Weights moved by 20 % change the mean of an area by at most {:.2} ({}); the stage is set by gates and does not change.</p>",
            s.largest_move,
            escape(topic)
        ));
    }
}

fn gates(asked: &Asked, body: &mut String) {
    body.push_str("<h2 id=\"gates\">Gates</h2><div class=\"scroll\"><table><thead><tr><th scope=\"col\">Before<th scope=\"col\">Topic<th scope=\"col\">Needs<th scope=\"col\">Has<th scope=\"col\">State</tr></thead><tbody>");
    for gate in &asked.assessment.gates {
        let (class, word) = if gate.open { ("yes", "✓ open") } else { ("no", "✗ closed") };
        let topic = asked.assessment.topics.iter().find(|t| t.id == gate.topic);
        body.push_str(&format!(
            "<tr><td>{}<td><a href=\"#{1}\">{1}</a> {2}<td>{3}<td>{4}<td class=\"{class}\">{word}</tr>",
            gate.before,
            escape(&gate.topic),
            escape(topic.map_or("", |t| t.topic.as_str())),
            gate.needs,
            level(gate.has)
        ));
    }
    body.push_str("</tbody></table></div>");
}

fn gaps(asked: &Asked, body: &mut String) {
    let missing = |t: &TopicResult| t.weight * f64::from(t.target.saturating_sub(t.level.unwrap_or(t.target)));
    let mut gaps: Vec<&TopicResult> = asked.assessment.topics.iter().filter(|t| missing(t) > 0.0).collect();
    gaps.sort_by(|a, b| missing(b).total_cmp(&missing(a)).then_with(|| a.id.cmp(&b.id)));
    body.push_str("<h2 id=\"gaps\">Top gaps</h2><ol>");
    for t in gaps.iter().take(10) {
        body.push_str(&format!(
            "<li><a href=\"#{0}\">{0}</a> {1}: level {2}, target {3}. {4}</li>",
            escape(&t.id),
            escape(&t.topic),
            level(t.level),
            t.target,
            escape(&t.anchor)
        ));
    }
    body.push_str("</ol>");
}

fn answer(asked: &Asked, t: &TopicResult, body: &mut String) {
    let question = asked.catalogue.topics.get(&t.id);
    body.push_str(&format!(
        "<details id=\"{0}\"><summary><strong>{0}</strong> {1}: level {2} of 5, target {3}, by {4}</summary><p>{5} <em>{6}</em></p><p>{7}</p>",
        escape(&t.id),
        escape(&t.topic),
        level(t.level),
        t.target,
        t.source.map_or("nobody", |s| s.name()),
        escape(question.map_or("", |q| q.question.as_str())),
        escape(question.map_or("", |q| q.why.as_str())),
        escape(&t.anchor)
    ));
    if let Some(next) = &t.next_anchor {
        body.push_str(&format!("<p>Next: {}</p>", escape(next)));
    }
    if let Some(record) = &t.not_applicable {
        body.push_str(&format!(
            "<p>Not applicable: {}; approved by {}</p>",
            escape(&record.reason),
            escape(&record.approver)
        ));
    }
    for response in t.attested.iter().flat_map(|a| &a.responses) {
        body.push_str(&format!(
            "<p>{} answered {}{}: {} {}</p>",
            escape(response.respondent.as_deref().unwrap_or("somebody")),
            response.level,
            if response.expired { " (expired)" } else { "" },
            escape(&response.evidence.join(", ")),
            escape(response.comment.as_deref().unwrap_or_default())
        ));
    }
    for shown in t.evidence.iter().flat_map(|e| &e.shown) {
        query(shown, body);
    }
    body.push_str("</details>");
}

/// Rows beyond this are counted, not shown; the JSON answer has all.
const ROWS: usize = 50;

fn query(shown: &Shown, body: &mut String) {
    let (class, word) = match shown.holds {
        Some(true) => ("yes", "✓ holds"),
        Some(false) => ("no", "✗ does not hold"),
        None => ("", "– nothing to judge"),
    };
    body.push_str(&format!(
        "<p><span class=\"{class}\">{word}</span> (level {}): {}<br><code>{}</code></p><ul>",
        shown.level,
        escape(&shown.label),
        escape(&shown.query)
    ));
    for row in shown.rows.iter().take(ROWS) {
        let sign = if row.compliant { "✓" } else { "✗" };
        body.push_str(&format!("<li>{sign} <code>{}</code> {}</li>", escape(&row.id), escape(&row.detail)));
    }
    if shown.rows.len() > ROWS {
        body.push_str(&format!("<li>and {} more</li>", shown.rows.len() - ROWS));
    }
    body.push_str("</ul>");
}
