//! Texts that are compared without case, with one side known long before: no copy is made of the other.

use rustc_hash::FxHashSet;

use crate::operator::same_text;

/// Lists longer than this are looked up, shorter ones gone through.
const LONG: usize = 8;

/// A text of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Folded {
    text: Box<str>,
    is_ascii: bool,
}

/// Several.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Texts {
    texts: Box<[Folded]>,
    /// In lower case, when there are many and all are ASCII.
    lower: Option<FxHashSet<Box<str>>>,
}

impl Folded {
    /// The text in its own casing.
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.into(), is_ascii: text.is_ascii() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// As [`same_text`].
    pub(super) fn is(&self, text: &str) -> bool {
        if !self.is_ascii {
            return same_text(text, &self.text);
        }
        if text.len() == self.text.len() && text.eq_ignore_ascii_case(&self.text) {
            return true;
        }
        // A few letters beyond ASCII have an ASCII letter as their other case.
        !text.is_ascii() && same_text(text, &self.text)
    }

    /// Does it fit this text as a pattern, `*` standing for any text? `None`: it takes more than ASCII to tell.
    pub(super) fn fits(&self, text: &str) -> Option<bool> {
        if !self.is_ascii || !text.is_ascii() {
            return None;
        }
        let pattern = self.text.as_bytes();
        let text = text.as_bytes();
        // Behind the last `*` that was passed, and where its text began: one step further when the rest does not fit.
        let (mut p, mut t, mut again) = (0, 0, None);
        while let Some(found) = text.get(t) {
            match pattern.get(p) {
                Some(b'*') => {
                    p += 1;
                    again = Some((p, t));
                }
                Some(wanted) if wanted.eq_ignore_ascii_case(found) => {
                    p += 1;
                    t += 1;
                }
                _ => match again {
                    Some((after, from)) => {
                        p = after;
                        t = from + 1;
                        again = Some((after, t));
                    }
                    None => return Some(false),
                },
            }
        }
        Some(pattern.get(p..).unwrap_or_default().iter().all(|rest| *rest == b'*'))
    }

    /// Is it a part of this text? `None`: it takes more than ASCII to tell.
    pub(super) fn is_in(&self, text: &str) -> Option<bool> {
        if !self.is_ascii || !text.is_ascii() {
            return None;
        }
        let wanted = self.text.as_bytes();
        Some(wanted.is_empty() || text.as_bytes().windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted)))
    }
}

impl Texts {
    pub(super) fn new<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let texts: Box<[Folded]> = texts.map(Folded::new).collect();
        let many = texts.len() > LONG && texts.iter().all(|t| t.is_ascii);
        let lower = many.then(|| texts.iter().map(|t| t.text.to_ascii_lowercase().into()).collect());
        Self { texts, lower }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(Folded::as_str)
    }

    pub(super) fn have(&self, text: &str) -> bool {
        match &self.lower {
            Some(lower) if text.is_ascii() => {
                if text.bytes().any(|b| b.is_ascii_uppercase()) {
                    lower.contains(text.to_ascii_lowercase().as_str())
                } else {
                    lower.contains(text)
                }
            }
            _ => self.texts.iter().any(|own| own.is(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::wildcard;

    #[test]
    fn patterns_fit_as_the_operator_has_it() {
        for pattern in ["a*", "*c", "*b*", "a*b*b", "*", "**", "ab*ba", "", "A*C", "a?c", "*a*a*"] {
            for text in ["", "abc", "ab", "aba", "ABBA", "aab", "xyz", "aXcXc", "aaa"] {
                let expected = wildcard(&text.to_lowercase(), &pattern.to_lowercase());
                assert_eq!(Folded::new(pattern).fits(text), Some(expected), "{text} {pattern}");
            }
        }
    }

    #[test]
    fn equality_knows_letters_beyond_ascii() {
        for (a, b) in [("K", "\u{212a}"), ("straße", "STRASSE"), ("Ä", "ä"), ("a", "A"), ("a", "ab")] {
            assert_eq!(Folded::new(a).is(b), same_text(b, a), "{a} {b}");
            assert_eq!(Folded::new(b).is(a), same_text(a, b), "{b} {a}");
        }
        let many = Texts::new(["a", "b", "c", "d", "e", "f", "g", "h", "K"].into_iter());
        assert!(many.have("H") && many.have("\u{212a}") && !many.have("i"));
    }
}
