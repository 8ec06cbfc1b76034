//! The only place that prints: stdout is the answer, stderr the rest.

mod finding;
mod sarif;
mod table;

use std::io::{IsTerminal, Write};

use anstream::{AutoStream, ColorChoice as StreamChoice};
use anstyle::{AnsiColor, Style};
use clap::ColorChoice;
use glidepath_source::Finding;
use serde::Serialize;

pub(crate) use sarif::{SarifResult, sarif};
pub(crate) use table::Columns;

use crate::failure::Failure;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const RED: Style = AnsiColor::Red.on_default().bold();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
pub(crate) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Text in a style; colour is stripped where the stream has none.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Where output goes.
pub(crate) struct Terminal {
    out: AutoStream<std::io::Stdout>,
    err: AutoStream<std::io::Stderr>,
}

impl Terminal {
    pub(crate) fn new(color: ColorChoice) -> Self {
        let choice = match color {
            ColorChoice::Auto => StreamChoice::Auto,
            ColorChoice::Always => StreamChoice::Always,
            ColorChoice::Never => StreamChoice::Never,
        };
        Self { out: AutoStream::new(std::io::stdout(), choice), err: AutoStream::new(std::io::stderr(), choice) }
    }

    /// Writes the answer. A closed pipe ends the program quietly: the reader has seen enough.
    pub(crate) fn answer(&mut self, text: &str) {
        let Err(error) = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()) else { return };
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        self.findings(&[Finding::error("output/not-written", format!("the answer could not be written: {error}"))
            .help("give stdout a place with room")]);
        std::process::exit(3);
    }

    /// Writes the answer as JSON in its envelope.
    pub(crate) fn envelope<T: Serialize>(&mut self, kind: &str, answer: &T) {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Envelope<'a, T> {
            kind: &'a str,
            schema_version: &'a str,
            #[serde(flatten)]
            answer: &'a T,
        }
        self.json(&Envelope { kind, schema_version: "1", answer });
    }

    /// Writes the answer as JSON.
    pub(crate) fn json<T: Serialize>(&mut self, answer: &T) {
        let mut text = serde_json::to_string_pretty(answer).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"));
        text.push('\n');
        self.answer(&text);
    }

    /// Writes one line of a stream of JSON.
    pub(crate) fn line<T: Serialize>(&mut self, answer: &T) {
        let mut text = serde_json::to_string(answer).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"));
        text.push('\n');
        self.answer(&text);
    }

    /// Says something beside the answer.
    pub(crate) fn note(&mut self, text: &str) {
        // Nothing is left to be done when stderr is gone.
        let _ = writeln!(self.err, "{text}");
    }

    /// Is someone watching?
    pub(crate) fn is_watched(&self) -> bool {
        std::io::stderr().is_terminal()
    }

    /// Asks who sits at the terminal; `None` when nobody does.
    pub(crate) fn ask(&mut self, question: &str) -> Option<String> {
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return None;
        }
        write!(self.err, "{question}").and_then(|()| self.err.flush()).ok()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }

    /// Shows findings on stderr, worst last (nearest to the prompt).
    pub(crate) fn findings(&mut self, findings: &[Finding]) {
        let mut sorted: Vec<&Finding> = findings.iter().collect();
        sorted.sort_by_key(|f| f.severity);
        for finding in sorted {
            let text = finding::render(finding);
            self.note(&text);
        }
    }

    /// Shows why a command failed.
    pub(crate) fn failure(&mut self, failure: &Failure) {
        self.findings(&failure.findings);
        let errors = failure.findings.iter().filter(|f| f.is_error()).count();
        if errors > 1 {
            self.note(&paint(BOLD, format!("{errors} errors")));
        }
    }
}
