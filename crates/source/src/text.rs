//! A named text and its lines.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A half-open range of byte offsets in a [`Text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The span from `start` to `end`, in bytes.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    /// The span as a range of `usize`.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A place a person can go to: line and column, both counted from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A text with the name a user knows it by (a path, or `<inline>`). Cheap to clone.
#[derive(Clone)]
pub struct Text {
    inner: Arc<Inner>,
}

struct Inner {
    name: String,
    text: String,
    lines: Vec<u32>,
}

impl Text {
    /// Names a text. A byte order mark at the start is dropped: every reader would have to skip it otherwise.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let mut lines = vec![0];
        lines.extend(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| (i + 1) as u32));
        Self { inner: Arc::new(Inner { name: name.into(), text, lines }) }
    }

    /// The name the user knows the text by.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.inner.text
    }

    /// The text of a span; empty where the span does not fit.
    pub fn slice(&self, span: Span) -> &str {
        self.inner.text.get(span.range()).unwrap_or_default()
    }

    /// Line and column of a byte offset.
    pub fn position(&self, offset: u32) -> Position {
        let line = self.inner.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.inner.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.inner.text.get(start as usize..offset as usize).unwrap_or_default();
        Position { line: line as u32, column: before.chars().count() as u32 + 1 }
    }

    /// The byte offset of a line and column, both from 1; the end of the text where there is no such place.
    pub fn offset(&self, line: u32, column: u32) -> u32 {
        let end = self.inner.text.len() as u32;
        let Some(start) = self.inner.lines.get((line.max(1) - 1) as usize).copied() else { return end };
        let rest = self.inner.text.get(start as usize..).unwrap_or_default();
        rest.char_indices().nth((column.max(1) - 1) as usize).map_or(end, |(i, _)| start.saturating_add(i as u32))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({}, {} bytes)", self.inner.name, self.inner.text.len())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
            || (self.inner.name == other.inner.name && self.inner.text == other.inner.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let text = Text::new("t", "\u{feff}aé\nb");
        assert_eq!(text.position(0), Position { line: 1, column: 1 });
        assert_eq!(text.position(3), Position { line: 1, column: 3 });
        assert_eq!(text.position(4), Position { line: 2, column: 1 });
        assert_eq!(text.offset(2, 1), 4);
        assert_eq!(text.offset(9, 1), 5);
    }
}
