//! Expressions in the parameters of an initiative's members and in effects.

use glidepath_arm::{Object, Reason, Value};

/// The value of an expression over parameters; anything that is no expression is itself. What cannot be told is unknown.
pub(crate) fn evaluate(value: &Value, parameters: &Object) -> Value {
    let Some(text) = value.as_str().filter(|t| t.starts_with('[') && t.ends_with(']')) else { return value.clone() };
    if let Some(rest) = text.strip_prefix("[[") {
        return Value::from(format!("[{rest}"));
    }
    let inner = text.trim_start_matches('[').trim_end_matches(']').trim();
    let name = inner.strip_prefix("parameters('").and_then(|t| t.strip_suffix("')")).filter(|n| !n.contains('\''));
    match name {
        Some(name) => {
            parameters.get(name).cloned().unwrap_or_else(|| Value::unknown(Reason::Parameter(name.to_owned()), inner))
        }
        None => Value::unknown(Reason::Failed("only plain parameters are evaluated here".to_owned()), inner),
    }
}
