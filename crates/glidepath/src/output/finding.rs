//! A finding as text, with the piece of the file it points at.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use glidepath_source::{Finding, Severity};

/// Longer lines (minified templates) are not quoted: the position says enough.
const LONGEST_QUOTED_LINE: usize = 400;

/// The finding with its place, chain, reason and way out.
pub(crate) fn render(finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = level
        .primary_title(finding.message.as_str())
        .id(finding.code)
        .elements([] as [Snippet<'_, annotate_snippets::Annotation<'_>>; 0]);
    let mut unquoted = None;
    if let Some(place) = &finding.place {
        let text = place.text.as_str();
        let range = place.span.range();
        let end = text.len();
        let range = range.start.min(end)..range.end.clamp(range.start.min(end), end);
        let line = text.get(..range.start).map_or(0, |head| head.rfind('\n').map_or(0, |i| i + 1));
        let length = text.get(line..).and_then(|t| t.find('\n')).unwrap_or(end - line);
        if length <= LONGEST_QUOTED_LINE {
            // Only the line itself is given: the renderer would otherwise count lines of the whole file again.
            let quoted = text.get(line..line + length).unwrap_or_default();
            let at = range.start - line..(range.end - line).min(quoted.len()).max(range.start - line);
            group = group.element(
                Snippet::source(quoted)
                    .path(place.text.name())
                    .line_start(place.position().line as usize)
                    .annotation(AnnotationKind::Primary.span(at)),
            );
        } else {
            unquoted = Some(format!("at {place}"));
        }
    } else if let Some(subject) = &finding.subject {
        unquoted = Some(format!("in {subject}"));
    }
    let mut notes: Vec<(Level<'_>, String)> = Vec::new();
    notes.extend(unquoted.map(|text| (Level::NOTE, text)));
    if !finding.chain.is_empty() {
        notes.push((Level::NOTE, format!("through {}", finding.chain.join(" › "))));
    }
    notes.extend(finding.why.iter().map(|why| (Level::NOTE, why.clone())));
    notes.extend(finding.help.iter().map(|help| (Level::HELP, help.clone())));
    for (level, text) in &notes {
        group = group.element(level.clone().message(text.as_str()));
    }
    Renderer::styled().render(&[group])
}
