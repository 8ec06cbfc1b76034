//! Bars on a terminal, lines elsewhere.

use std::sync::atomic::{AtomicUsize, Ordering};

use glidepath_rollout::{Event, Progress};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

/// Progress of one phase.
pub(crate) struct PhaseProgress {
    phase: &'static str,
    bar: Option<ProgressBar>,
    failed: AtomicUsize,
}

impl PhaseProgress {
    /// A bar when somebody watches; otherwise nothing until the end.
    pub(crate) fn new(phase: &'static str, steps: usize, watched: bool) -> Self {
        let bar = watched.then(|| {
            let bar = ProgressBar::new(steps as u64);
            // A template that does not parse would only cost the looks of the bar.
            if let Ok(style) =
                ProgressStyle::with_template("{prefix:<15} {bar:30} {pos}/{len}  {rate}  {eta} left  {msg}")
            {
                bar.set_style(style.with_key("rate", rate).progress_chars("━╸ "));
            }
            bar.set_prefix(phase);
            bar
        });
        Self { phase, bar, failed: AtomicUsize::new(0) }
    }

    /// Ends the phase; gives the line for those who saw no bar.
    pub(crate) fn finish(&self, changed: usize, in_place: usize, seconds: f64) -> Option<String> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let failed = match self.failed.load(Ordering::Relaxed) {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        (changed > 0 || !failed.is_empty())
            .then(|| format!("{:<15} {changed} written, {in_place} in place{failed}, {seconds:.1} s", self.phase))
    }
}

fn rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // A bar that cannot be drawn is no reason to stop.
    let _ = write!(text, "{:>5.0}/s", state.per_sec());
}

impl Progress for PhaseProgress {
    fn tell(&self, event: &Event<'_>) {
        if let Event::Failed(..) = event {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        let Some(bar) = &self.bar else { return };
        match event {
            Event::Started(step) => bar.set_message(step.resource.id.name().to_owned()),
            Event::Done(_) | Event::Failed(..) | Event::Blocked(_) => bar.inc(1),
            _ => {}
        }
    }
}
