//! One file a subject; `cases:` maps an expression (without brackets) to its value, or to `{error: code}` or
//! `{unknown: expression}`. Expressions see `parameters('…')` from `parameters:`; one written `{unknown: reason text}`
//! is unknown.

use std::path::Path;

use glidepath_arm::expression::{Call, Eval, EvalError, Host, equal, evaluate, parse};
use glidepath_arm::{Object, Reason, Value};
use glidepath_source::{Text, yaml};

struct Parameters(Object);

impl Host for Parameters {
    fn call(&self, call: &Call, eval: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        if &*call.name != "parameters" {
            return None;
        }
        Some(eval(&call.args[0]).and_then(|name| {
            let name = name.as_str().unwrap_or_default().to_owned();
            self.0.get(&name).cloned().ok_or_else(|| EvalError::new("expression/unknown-parameter", name))
        }))
    }
}

fn mark_unknown(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(object) if object.get("unknown").is_some() => {
            Value::unknown(Reason::Parameter(name.to_owned()), format!("parameters('{name}')"))
        }
        Value::Object(object) => Value::object(object.iter().map(|(k, v)| (k.clone(), mark_unknown(name, v)))),
        Value::Array(items) => Value::array(items.iter().map(|v| mark_unknown(name, v))),
        other => other.clone(),
    }
}

pub(crate) fn run(path: &Path, content: String) -> datatest_stable::Result<()> {
    let text = Text::new(path.display().to_string(), content);
    let root = yaml::parse(&text).map_err(|f| f.to_string())?;
    let given = root.get("parameters").map(Value::from).unwrap_or(Value::Null);
    let given = given.as_object().cloned().unwrap_or_default();
    let host = Parameters(given.iter().map(|(k, v)| (k.clone(), mark_unknown(k, v))).collect());
    let mut failures = Vec::new();
    let mut count = 0;
    for case in root.get("cases").ok_or("no `cases`")?.members() {
        count += 1;
        let wanted = Value::from(&case.value);
        let found = match parse(&case.key) {
            Err(error) => Err(("expression/syntax", error.to_string())),
            Ok(expr) => evaluate(&expr, &host).map_err(|e| (e.code, e.to_string())),
        };
        let wanted_error = wanted.as_object().filter(|o| o.len() == 1).and_then(|o| o.get("error"));
        let wanted_unknown = wanted.as_object().filter(|o| o.len() == 1).and_then(|o| o.get("unknown"));
        let good = match (&found, wanted_error, wanted_unknown) {
            (Err((code, _)), Some(wanted), _) => wanted.as_str() == Some(code),
            (Ok(Value::Unknown(found)), _, Some(wanted)) => wanted.as_str() == Some(&found.expression),
            (Ok(found), None, None) => equal(found, &wanted) == Some(true) || found.to_string() == wanted.to_string(),
            _ => false,
        };
        if !good {
            let place = text.position(case.key_span.start);
            failures.push(format!("{}:{place}\n  {}\n  wanted {wanted}\n  found  {found:?}", text.name(), case.key));
        }
    }
    if count == 0 {
        return Err("no cases".into());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}
