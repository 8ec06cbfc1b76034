//! Seven areas on a radar: current and target.

use glidepath_readiness::Assessment;

use super::html::escape;

const CENTRE: (f64, f64) = (300.0, 190.0);
const RADIUS: f64 = 130.0;

fn at(i: usize, of: usize, level: f64) -> (f64, f64) {
    let angle = std::f64::consts::TAU * i as f64 / of.max(1) as f64 - std::f64::consts::FRAC_PI_2;
    (CENTRE.0 + RADIUS * level / 5.0 * angle.cos(), CENTRE.1 + RADIUS * level / 5.0 * angle.sin())
}

fn polygon(values: impl Iterator<Item = f64>, of: usize, style: &str) -> String {
    let points: Vec<String> = values
        .enumerate()
        .map(|(i, v)| {
            let (x, y) = at(i, of, v);
            format!("{x:.1},{y:.1}")
        })
        .collect();
    format!("<polygon points=\"{}\" {style}/>\n", points.join(" "))
}

pub(crate) fn radar(a: &Assessment) -> String {
    let n = a.areas.len();
    let mut body = String::new();
    for ring in 1..=5 {
        body.push_str(&polygon((0..n).map(|_| f64::from(ring)), n, "fill=\"none\" stroke=\"#8885\""));
    }
    body.push_str(&polygon(
        a.areas.iter().map(|x| x.target.unwrap_or(0.0)),
        n,
        "fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" stroke-dasharray=\"5 4\"",
    ));
    let style = "fill=\"#2563eb44\" stroke=\"#2563eb\" stroke-width=\"2\"";
    body.push_str(&polygon(a.areas.iter().map(|x| x.mean.map_or(0.0, |m| m.value)), n, style));
    for (i, area) in a.areas.iter().enumerate() {
        let (x, y) = at(i, n, 5.7);
        let anchor = match x - CENTRE.0 {
            d if d > 20.0 => "start",
            d if d < -20.0 => "end",
            _ => "middle",
        };
        let mean = area.mean.map_or_else(|| "n/a".to_owned(), |m| format!("{:.1}", m.value));
        body.push_str(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{} {mean}</text>\n",
            escape(&area.title)
        ));
    }
    format!(
        "<svg viewBox=\"0 0 600 380\" role=\"img\" aria-label=\"Radar of {n} areas; the table beside it has the numbers\" font-size=\"12\" fill=\"currentColor\">\n{body}</svg>\n"
    )
}
