//! CPU time of work done in turn: what other programs do meanwhile counts little.

use std::time::Duration;

use cpu_time::ThreadTime;

/// The CPU time of one run on this thread.
pub fn cpu<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = ThreadTime::now();
    let made = work();
    (start.elapsed(), made)
}

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs several pieces of work in turn, so often, and gives each one's times in seconds.
pub fn in_turn<const N: usize>(rounds: usize, mut work: [&mut dyn FnMut(); N]) -> [Vec<f64>; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (work, times) in work.iter_mut().zip(&mut times) {
            times.push(cpu(&mut *work).0.as_secs_f64());
        }
    }
    times
}

/// The median of the ratios of pairs: how many times longer the second took.
pub fn ratio(first: &[f64], second: &[f64]) -> f64 {
    median(first.iter().zip(second).map(|(a, b)| b / a).collect())
}

/// The slope of log time over log size: 1 is linear.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<(f64, f64)> = points.iter().map(|(n, t)| (n.ln(), t.ln())).collect();
    let count = logs.len() as f64;
    let (mx, my) = (logs.iter().map(|p| p.0).sum::<f64>() / count, logs.iter().map(|p| p.1).sum::<f64>() / count);
    let up: f64 = logs.iter().map(|(x, y)| (x - mx) * (y - my)).sum();
    let across: f64 = logs.iter().map(|(x, _)| (x - mx).powi(2)).sum();
    up / across
}
