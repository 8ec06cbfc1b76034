//! Text → tokens.

use crate::QueryError;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A name or keyword; `mv-expand` and the like are one.
    Word,
    /// A string without its quotes and escapes.
    Text(String),
    /// A whole number.
    Int(i64),
    /// Another number.
    Real(f64),
    /// A time span in seconds: `7d`, `1h`.
    Span(f64),
    /// Punctuation or an operator.
    Mark,
}

#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// As written.
    pub(crate) text: String,
    pub(crate) at: usize,
}

/// Operators and keywords with a hyphen or an exclamation mark, longest first.
const MARKS: [&str; 22] = [
    "==", "!=", "=~", "!~", "<=", ">=", "<>", "..", "|", "(", ")", "[", "]", "{", "}", ",", "=", "<", ">", "+", "-",
    "*",
];
const HYPHENATED: [&str; 7] =
    ["mv-expand", "mv-apply", "project-away", "project-keep", "project-rename", "project-reorder", "make-series"];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        let (kind, length) = one(rest, first).ok_or_else(|| {
            QueryError::new(
                at,
                if matches!(first, '\'' | '"' | '@') {
                    "the text is not closed".to_owned()
                } else {
                    format!("`{first}` does not belong here")
                },
            )
        })?;
        let shown = rest.get(..length).unwrap_or_default().to_owned();
        found.push(Token { kind, text: shown, at });
        at += length;
    }
    Ok(found)
}

fn one(rest: &str, first: char) -> Option<(Kind, usize)> {
    match first {
        '\'' | '"' => string(rest, first),
        '@' => {
            let quote = rest.get(1..)?.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
            let (text, length) = verbatim(rest.get(2..)?, quote)?;
            Some((Kind::Text(text), length + 2))
        }
        '0'..='9' => Some(number(rest)),
        '!' => negated(rest).map(|length| (Kind::Mark, length)).or_else(|| mark(rest)),
        c if c.is_alphabetic() || matches!(c, '_' | '$') => Some((Kind::Word, word(rest))),
        '/' | '%' | ':' | ';' | '.' => mark(rest).or(Some((Kind::Mark, 1))),
        _ => mark(rest),
    }
}

fn mark(rest: &str) -> Option<(Kind, usize)> {
    MARKS.iter().find(|m| rest.starts_with(**m)).map(|m| (Kind::Mark, m.len()))
}

/// `!in~`, `!contains`, …
fn negated(rest: &str) -> Option<usize> {
    let length = rest.get(1..)?.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - 1);
    (length > 0)
        .then(|| if rest.get(1 + length..).is_some_and(|r| r.starts_with('~')) { length + 2 } else { length + 1 })
}

fn word(rest: &str) -> usize {
    if let Some(known) = HYPHENATED.iter().find(|k| rest.get(..k.len()).is_some_and(|r| r.eq_ignore_ascii_case(k))) {
        return known.len();
    }
    let length = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '$')).unwrap_or(rest.len());
    // `in~`
    let is_in = rest.get(..length).is_some_and(|w| w.eq_ignore_ascii_case("in"));
    if is_in && rest.get(length..).is_some_and(|r| r.starts_with('~')) { length + 1 } else { length }
}

fn number(rest: &str) -> (Kind, usize) {
    let digits = |from: usize| {
        let tail = rest.get(from..).unwrap_or_default();
        from + tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len())
    };
    let mut end = digits(0);
    let mut real = false;
    if rest.get(end..).is_some_and(|r| r.starts_with('.')) && digits(end + 1) > end + 1 {
        end = digits(end + 1);
        real = true;
    }
    let value: f64 = rest.get(..end).and_then(|t| t.parse().ok()).unwrap_or_default();
    let tail = rest.get(end..).unwrap_or_default();
    let unit = tail.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tail.len());
    let seconds = match tail.get(..unit).unwrap_or_default() {
        "d" => Some(86_400.0),
        "h" => Some(3_600.0),
        "m" => Some(60.0),
        "s" => Some(1.0),
        "ms" => Some(0.001),
        _ => None,
    };
    if let Some(seconds) = seconds {
        return (Kind::Span(value * seconds), end + unit);
    }
    match rest.get(..end).and_then(|t| t.parse::<i64>().ok()).filter(|_| !real) {
        Some(whole) => (Kind::Int(whole), end),
        None => (Kind::Real(value), end),
    }
}

fn string(rest: &str, quote: char) -> Option<(Kind, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((Kind::Text(text), at + 1)),
            '\\' => text.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
            c => text.push(c),
        }
    }
    None
}

/// A string after `@`: a backslash is one, a quote is doubled.
fn verbatim(rest: &str, quote: char) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            text.push(quote);
            chars.next();
        } else {
            return Some((text, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_and_texts_are_told_apart() {
        let texts = |q: &str| tokens(q).unwrap().into_iter().map(|t| t.text).collect::<Vec<_>>();
        assert_eq!(
            texts("a !in~ ('b') and c in~(d)"),
            ["a", "!in~", "(", "'b'", ")", "and", "c", "in~", "(", "d", ")"]
        );
        assert_eq!(texts("x !~ 'y' | mv-expand z // end"), ["x", "!~", "'y'", "|", "mv-expand", "z"]);
        assert_eq!(tokens(r"@'^10\\.'").unwrap()[0].kind, Kind::Text(r"^10\\.".into()));
        assert_eq!(tokens("7d").unwrap()[0].kind, Kind::Span(604_800.0));
        assert!(tokens("'open").is_err());
        assert!(tokens("a # b").is_err());
    }
}
