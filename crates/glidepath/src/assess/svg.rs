//! The roadmap as lanes by phase.

use glidepath_estate::Phase;
use glidepath_readiness::Roadmap;

use super::html::escape;

const LEFT: f64 = 130.0;
const WIDTH: f64 = 1100.0;
const ROW: f64 = 24.0;

pub(crate) fn roadmap(plan: &Roadmap) -> String {
    let scale = (WIDTH - LEFT - 20.0) / plan.effort.max(1.0);
    let (mut y, mut body) = (34.0, String::new());
    for phase in Phase::ALL {
        let steps: Vec<_> = plan.steps.iter().filter(|s| s.phase == phase).collect();
        if steps.is_empty() {
            continue;
        }
        body.push_str(&format!(
            "<line x1=\"0\" x2=\"{WIDTH}\" y1=\"{y}\" y2=\"{y}\" stroke=\"#8886\"/><text x=\"4\" y=\"{}\" font-weight=\"bold\">{phase}</text>\n",
            y + 17.0
        ));
        for step in steps {
            let (x, width) = (LEFT + step.starts * scale, (step.effort * scale).max(4.0));
            let title = escape(&step.title);
            // A label beside its bar on the side that has room.
            let (anchor, at) = if x > WIDTH * 0.5 { ("end", x - 6.0) } else { ("start", x + width + 6.0) };
            let mark = if step.gate { "◆ " } else { "" };
            body.push_str(&format!(
                "<g><title>{title}: days {} to {}</title><rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"16\" rx=\"3\" fill=\"{}\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{mark}{}. {title}</text></g>\n",
                step.starts,
                step.ends,
                y + 4.0,
                if step.gate { "#c2410c" } else { "#2563eb" },
                y + 17.0,
                step.order,
            ));
            y += ROW;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"Roadmap: {} steps, {} person days\" font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"currentColor\">\n<text x=\"{LEFT}\" y=\"18\">person days, 0 to {}; ◆ a gate waits for it</text>\n{body}</svg>\n",
        y + 10.0,
        plan.steps.len(),
        plan.effort,
        plan.effort,
    )
}
