//! What Glidepath says when something is wrong with the user's input or estate.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Position, Span, Text};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// The answer stands, but something deserves a look.
    Warning,
    /// The input cannot be used as it is, or the answer is no.
    Error,
}

/// Where in a text a finding points.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The text.
    pub text: Text,
    /// The part of it.
    pub span: Span,
}

impl Place {
    /// A part of a text.
    pub fn new(text: &Text, span: Span) -> Self {
        Self { text: text.clone(), span }
    }

    /// Line and column of its start.
    pub fn position(&self) -> Position {
        self.text.position(self.span.start)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.text.name(), self.position())
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let at = self.position();
        let mut place = serializer.serialize_struct("Place", 3)?;
        place.serialize_field("file", self.text.name())?;
        place.serialize_field("line", &at.line)?;
        place.serialize_field("column", &at.column)?;
        place.end()
    }
}

/// A diagnostic about the user's input or estate.
///
/// The message is lower case without a full stop, with the user's own input in backticks; the way out stands apart in
/// [`Finding::help`]. The code is stable: `area/what-is-wrong`, all lower case with hyphens.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Stable code, for example `template/unknown-function`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where in a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The resource id or other name of what it is about, where no text holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What led there, outermost first (assignment, initiative, definition; or the nested deployments).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
}

impl Finding {
    /// A finding of the given severity.
    pub fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            place: None,
            subject: None,
            why: None,
            help: None,
            chain: Vec::new(),
        }
    }

    /// An error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A note.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// Points at a part of a text.
    pub fn at(mut self, text: &Text, span: Span) -> Self {
        self.place = Some(Place::new(text, span));
        self
    }

    /// Points at a place, if there is one.
    pub fn at_place(mut self, place: Option<Place>) -> Self {
        self.place = place.or(self.place);
        self
    }

    /// Names the resource or asset it is about.
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Says why it matters.
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Says what to do.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds one outer step of what led there.
    pub fn within(mut self, outer: impl Into<String>) -> Self {
        self.chain.insert(0, outer.into());
        self
    }

    /// Is it an error?
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        write!(f, "{severity}[{}]: {}", self.code, self.message)?;
        if let Some(place) = &self.place {
            write!(f, " ({place})")?;
        } else if let Some(subject) = &self.subject {
            write!(f, " ({subject})")?;
        }
        Ok(())
    }
}
