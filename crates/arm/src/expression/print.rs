//! Expressions and values as ARM would write them.

use std::fmt;

use super::{Call, Expr, ExprKind};
use crate::Value;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Literal(Value::String(text)) => quoted(f, text),
            ExprKind::Literal(value) => write!(f, "{value}"),
            ExprKind::Call(call) => write!(f, "{call}"),
            ExprKind::Property { target, name, safe } => write!(f, "{target}.{}{name}", if *safe { "?" } else { "" }),
            ExprKind::Index { target, index, safe } => write!(f, "{target}[{}{index}]", if *safe { "?" } else { "" }),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}.")?;
        }
        write!(f, "{}(", self.name)?;
        for (i, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str(")")
    }
}

fn quoted(f: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    f.write_char('\'')?;
    for (i, part) in text.split('\'').enumerate() {
        if i > 0 {
            f.write_str("''")?;
        }
        f.write_str(part)?;
    }
    f.write_char('\'')
}

/// A value as the expression that makes it, or `None` when that has more than `longest` bytes.
///
/// Unknowns stand as their own expressions: what comes out can be read, and evaluated again when more is known.
pub fn literal(value: &Value, longest: usize) -> Option<String> {
    let mut out = Bounded { text: String::new(), longest };
    write_value(&mut out, value).ok()?;
    Some(out.text)
}

struct Bounded {
    text: String,
    longest: usize,
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        if self.text.len() + s.len() > self.longest {
            return Err(fmt::Error);
        }
        self.text.push_str(s);
        Ok(())
    }
}

fn write_value(out: &mut dyn fmt::Write, value: &Value) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null()"),
        Value::Bool(true) => out.write_str("true()"),
        Value::Bool(false) => out.write_str("false()"),
        Value::Int(i) => write!(out, "{i}"),
        Value::Float(f) => write!(out, "json('{f}')"),
        Value::String(s) => quoted(out, s),
        Value::Unknown(unknown) => out.write_str(&unknown.expression),
        Value::Array(items) => {
            out.write_str("createArray(")?;
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.write_str(", ")?;
                }
                write_value(out, item)?;
            }
            out.write_str(")")
        }
        Value::Object(object) => {
            out.write_str("createObject(")?;
            for (i, (key, item)) in object.iter().enumerate() {
                if i > 0 {
                    out.write_str(", ")?;
                }
                quoted(out, key)?;
                out.write_str(", ")?;
                write_value(out, item)?;
            }
            out.write_str(")")
        }
    }
}
