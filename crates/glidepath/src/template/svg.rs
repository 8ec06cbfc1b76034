//! The dependency graph as a picture: a column per layer, what is deployed first at the left.

use std::collections::BTreeMap;
use std::fmt::Write;

use glidepath_arm::template::Expansion;

use super::expand::brief;
use super::graph::Graph;

const WIDTH: usize = 260;
const HEIGHT: usize = 40;
const GAP_X: usize = 80;
const GAP_Y: usize = 14;
const MARGIN: usize = 20;

pub(super) fn picture(expansion: &Expansion) -> String {
    let graph = Graph::of(expansion);
    let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
    let mut places = Vec::with_capacity(expansion.resources.len());
    for layer in &graph.layers {
        let row = rows.entry(*layer).or_default();
        places.push((MARGIN + layer * (WIDTH + GAP_X), MARGIN + *row * (HEIGHT + GAP_Y)));
        *row += 1;
    }
    let width = 2 * MARGIN + rows.len() * (WIDTH + GAP_X);
    let height = 2 * MARGIN + rows.values().max().copied().unwrap_or(0) * (HEIGHT + GAP_Y);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n<style>rect{{fill:#f3f6fa;stroke:#3b6ea5}}path{{fill:none;stroke:#9aa7b4}}.type{{fill:#5b6672}}</style>\n"
    );
    for (i, on) in graph.edges.iter().enumerate() {
        for d in on {
            let (Some((x1, y1)), Some((x2, y2))) = (places.get(i), places.get(*d)) else { continue };
            let (from, to, middle) = (x2 + WIDTH, *x1, (x2 + WIDTH + x1) / 2);
            let (y1, y2) = (y1 + HEIGHT / 2, y2 + HEIGHT / 2);
            let _ = writeln!(text, "<path d=\"M{from} {y2}C{middle} {y2} {middle} {y1} {to} {y1}\"/>");
        }
    }
    for (resource, (x, y)) in expansion.resources.iter().zip(&places) {
        let kind = resource.resource_type.as_str();
        let short: String = kind.chars().rev().take(42).collect::<Vec<_>>().into_iter().rev().collect();
        let full = brief(&resource.id, 400);
        let _ = writeln!(
            text,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"4\"/><text x=\"{tx}\" y=\"{ty}\">{}</text><text class=\"type\" x=\"{tx}\" y=\"{tz}\">{}</text></g>",
            escaped(&full),
            escaped(&brief(&resource.name, 42)),
            escaped(&short),
            tx = x + 8,
            ty = y + 17,
            tz = y + 32,
        );
    }
    text.push_str("</svg>\n");
    text
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
