//! The grammar: `'text'`, integers, `namespace.function(args)`, and the postfixes `.name`, `.?name`, `[index]`,
//! `[?index]`. There are no operators, no floats and no bare names.

use std::sync::Arc;

use glidepath_source::Span;

use super::functions::{self, Function};
use crate::Value;

/// ARM's limit on the length of an expression, in characters.
const LONGEST: usize = 24_576;
/// How deep calls and postfixes may nest. Compiled Bicep stays below 40; the rest protects the stack.
const DEEPEST: usize = 100;

/// An expression and where it stands in its text (byte offsets, counted without the outer bracket).
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// The expression.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// A string or an integer.
    Literal(Value),
    /// A function call.
    Call(Call),
    /// `target.name`; safe: `target.?name`.
    Property {
        /// What is looked into.
        target: Box<Expr>,
        /// The property.
        name: Arc<str>,
        /// Null instead of an error where there is none.
        safe: bool,
    },
    /// `target[index]`; safe: `target[?index]`.
    Index {
        /// What is looked into.
        target: Box<Expr>,
        /// The number of an item or the name of a property.
        index: Box<Expr>,
        /// Null instead of an error where there is none.
        safe: bool,
    },
}

/// A function call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The namespace of a user-defined function.
    pub namespace: Option<Arc<str>>,
    /// The name: in ARM's own casing for functions that ARM or Azure Policy know (`resourceId`), else as written.
    pub name: Arc<str>,
    /// The arguments.
    pub args: Vec<Expr>,
    /// Where the call stands.
    pub span: Span,
    pub(crate) function: Option<&'static Function>,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The byte offset in the text at which reading stopped.
    pub offset: u32,
    /// What is wrong.
    pub message: String,
}

/// Reads an expression, given without its outer brackets.
///
/// # Errors
/// The first error, with its offset; also where the text is longer than 24,576 characters or nests too deep.
pub fn parse(text: &str) -> Result<Expr, SyntaxError> {
    let mut parser = Parser { text, at: 0 };
    if text.len() > LONGEST && text.chars().count() > LONGEST {
        return Err(parser.error(format!("an expression has at most {LONGEST} characters")));
    }
    parser.blanks();
    if parser.peek().is_none() {
        return Err(parser.error("the expression is empty"));
    }
    let expr = parser.expression(0)?;
    parser.blanks();
    match parser.peek() {
        None => Ok(expr),
        Some(_) => Err(parser.unexpected("the end of the expression")),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn expression(&mut self, depth: usize) -> Result<Expr, SyntaxError> {
        if depth >= DEEPEST {
            return Err(self.error(format!("the expression nests deeper than {DEEPEST} levels")));
        }
        let mut expr = self.primary(depth)?;
        let start = expr.span.start as usize;
        let mut links = depth;
        loop {
            self.blanks();
            let kind = match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    let safe = self.take(b'?');
                    self.blanks();
                    let name = Arc::from(self.identifier("a property name")?);
                    ExprKind::Property { target: Box::new(expr), name, safe }
                }
                Some(b'[') => {
                    self.at += 1;
                    let safe = self.take(b'?');
                    self.blanks();
                    let index = Box::new(self.expression(links + 1)?);
                    self.expect(b']')?;
                    ExprKind::Index { target: Box::new(expr), index, safe }
                }
                _ => return Ok(expr),
            };
            links += 1;
            if links > DEEPEST {
                return Err(self.error(format!("the expression nests deeper than {DEEPEST} levels")));
            }
            expr = Expr { kind, span: Span::new(start, self.at) };
        }
    }

    fn primary(&mut self, depth: usize) -> Result<Expr, SyntaxError> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'\'') => ExprKind::Literal(Value::from(self.string()?)),
            Some(b'0'..=b'9' | b'-' | b'+') => ExprKind::Literal(Value::Int(self.integer()?)),
            Some(b) if b.is_ascii_alphabetic() || b == b'_' => ExprKind::Call(self.call(depth)?),
            _ => return Err(self.unexpected("a function call, a string or an integer")),
        };
        Ok(Expr { kind, span: Span::new(start, self.at) })
    }

    fn call(&mut self, depth: usize) -> Result<Call, SyntaxError> {
        let start = self.at;
        let mut name = self.identifier("a function name")?.to_owned();
        let mut namespace: Option<String> = None;
        self.blanks();
        while self.take(b'.') {
            self.blanks();
            let next = self.identifier("a function name")?.to_owned();
            let outer = std::mem::replace(&mut name, next);
            namespace = Some(match namespace {
                Some(namespace) => format!("{namespace}.{outer}"),
                None => outer,
            });
            self.blanks();
        }
        if self.peek() != Some(b'(') {
            return Err(self.unexpected(&format!("`(` after `{name}`")));
        }
        self.at += 1;
        let mut args = Vec::new();
        self.blanks();
        if !self.take(b')') {
            loop {
                args.push(self.expression(depth + 1)?);
                self.blanks();
                if self.take(b')') {
                    break;
                }
                self.expect(b',')?;
                self.blanks();
            }
        }
        let function = if namespace.is_none() { functions::find(&name) } else { None };
        let name = function.map_or_else(|| Arc::from(name), |f| Arc::from(f.name));
        let span = Span::new(start, self.at);
        Ok(Call { namespace: namespace.map(Arc::from), name, args, span, function })
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(end) = rest.find('\'') else {
                self.at = start;
                return Err(self.error("the string that starts here has no closing quote"));
            };
            value.push_str(rest.get(..end).unwrap_or_default());
            self.at += end + 1;
            if !self.take(b'\'') {
                return Ok(value);
            }
            value.push('\'');
        }
    }

    fn integer(&mut self) -> Result<i64, SyntaxError> {
        let start = self.at;
        self.at += 1;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if matches!((self.peek(), self.peek_at(1)), (Some(b'.'), Some(b'0'..=b'9'))) {
            return Err(self.error("expressions have no numbers with a fraction; write `json('1.5')`"));
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        text.parse().map_err(|_| SyntaxError {
            offset: u32::try_from(start).unwrap_or(u32::MAX),
            message: format!("`{text}` is not an integer of 64 bits"),
        })
    }

    fn identifier(&mut self, wanted: &str) -> Result<&str, SyntaxError> {
        let start = self.at;
        while matches!(self.peek(), Some(b) if b.is_ascii_alphanumeric() || b == b'_' || b == b'$') {
            self.at += 1;
        }
        if start == self.at {
            return Err(self.unexpected(wanted));
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Also the blanks beyond ASCII that come with pasted text: built-in policies hold a narrow no-break space.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) if !byte.is_ascii() => {
                    match self.text.get(self.at..).and_then(|rest| rest.chars().next()).filter(|c| c.is_whitespace()) {
                        Some(blank) => self.at += blank.len_utf8(),
                        None => return,
                    }
                }
                _ => return,
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), SyntaxError> {
        self.blanks();
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(&format!("`{}`", char::from(byte)))) }
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(found) => self.error(format!("`{found}` stands where {wanted} should be")),
            None => self.error(format!("the expression ends where {wanted} should be")),
        }
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError { offset: u32::try_from(self.at).unwrap_or(u32::MAX), message: message.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_prints_the_same() {
        for text in [
            "concat('it''s', 1, parameters('a').b[0].?c[?'d'])",
            "contoso.f(-1)",
            "__bicep.shared.f()[variables('x')]",
            "if(true(), json('null'), null())",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse(" RESOURCEID (\n'a' , 'b' ) . x").unwrap().to_string(), "resourceId('a', 'b').x");
    }

    #[test]
    fn errors_say_where_and_what() {
        for (text, offset, message) in [
            ("", 0, "the expression is empty"),
            ("concat('a'", 10, "the expression ends where `,` should be"),
            ("concat('a)", 7, "the string that starts here has no closing quote"),
            ("a", 1, "the expression ends where `(` after `a` should be"),
            ("a() b", 4, "`b` stands where the end of the expression should be"),
            ("add(1.5, 2)", 5, "expressions have no numbers with a fraction; write `json('1.5')`"),
            ("99999999999999999999", 0, "`99999999999999999999` is not an integer of 64 bits"),
            ("a(,)", 2, "`,` stands where a function call, a string or an integer should be"),
            ("a().é", 4, "`é` stands where a property name should be"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}1{}", "not(".repeat(4_000), ")".repeat(4_000));
        assert!(parse(&deep).unwrap_err().message.contains("deeper"));
        assert!(parse(&format!("a(){}", ".b".repeat(5_000))).unwrap_err().message.contains("deeper"));
        assert!(parse(&format!("a('{}')", "x".repeat(30_000))).unwrap_err().message.contains("24576"));
    }
}
