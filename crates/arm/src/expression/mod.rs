//! The expression language of templates and policy rules: parsing, printing and evaluation with unknowns.
//!
//! Both languages share the pure functions ([`functions`]); what depends on where an expression stands (`parameters`,
//! `reference`, `field`, …) belongs to a [`Host`]. Source: Microsoft Learn, "Syntax and expressions in ARM templates"
//! and the pages "… functions for ARM templates".

use std::borrow::Cow;

mod evaluate;
pub mod functions;
mod parse;
mod print;

pub use evaluate::{Eval, EvalError, Host, Step, equal, evaluate, weight};
pub(crate) use evaluate::{look_unknown, unknown_call, walk};
pub use parse::{Call, Expr, ExprKind, SyntaxError, parse};
pub use print::literal;

/// What the text of a JSON string is to ARM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// Text as it stands, after the escape `[[` → `[`.
    Literal(Cow<'a, str>),
    /// The expression between the brackets.
    Expression(&'a str),
}

/// Tells expressions from literals: an expression starts with `[` and ends with `]`; `[[…]` is a literal that starts
/// with one bracket; `[test] value` is a literal, too.
pub fn classify(text: &str) -> Content<'_> {
    match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) if inner.starts_with('[') => Content::Literal(Cow::Borrowed(text.get(1..).unwrap_or_default())),
        Some(inner) => Content::Expression(inner),
        None => Content::Literal(Cow::Borrowed(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_make_the_difference() {
        assert_eq!(classify("[a()]"), Content::Expression("a()"));
        assert_eq!(classify("[[a()]"), Content::Literal("[a()]".into()));
        assert_eq!(classify("[test] value"), Content::Literal("[test] value".into()));
        assert_eq!(classify("["), Content::Literal("[".into()));
        assert_eq!(classify("[]"), Content::Expression(""));
        assert_eq!(classify(""), Content::Literal("".into()));
    }
}
