//! Expressions in the parameters of an initiative's members and in effects: functions of parameters only.

use glidepath_arm::expression::{Call, Content, Eval, EvalError, Host, classify, evaluate, parse};
use glidepath_arm::{Object, Reason, Value};

/// The value of an expression over parameters, also inside arrays and objects; anything that is no expression is
/// itself. What cannot be told is unknown.
pub(crate) fn value_of(value: &Value, parameters: &Object) -> Value {
    match value {
        Value::String(text) => match classify(text) {
            Content::Literal(text) => Value::from(text.as_ref()),
            Content::Expression(inner) => run(inner, &Parameters { values: parameters, declared: None })
                .unwrap_or_else(|error| Value::unknown(Reason::Failed(error.message), inner)),
        },
        Value::Array(items) => Value::array(items.iter().map(|item| value_of(item, parameters))),
        Value::Object(object) => Value::object(object.iter().map(|(k, v)| (k.clone(), value_of(v, parameters)))),
        other => other.clone(),
    }
}

/// The first error in the expressions of a value; a parameter must be declared, whether it has a value or not.
pub(crate) fn first_error(value: &Value, declared: &Object) -> Option<EvalError> {
    match value {
        Value::String(text) => match classify(text) {
            Content::Literal(_) => None,
            Content::Expression(inner) => {
                let defaults = declared.iter().filter_map(|(name, p)| p.get("defaultValue").map(|v| (name.clone(), v)));
                run(inner, &Parameters { values: &defaults.collect(), declared: Some(declared) }).err()
            }
        },
        Value::Array(items) => items.iter().find_map(|item| first_error(item, declared)),
        Value::Object(object) => object.values().find_map(|item| first_error(item, declared)),
        _ => None,
    }
}

fn run(text: &str, host: &Parameters<'_>) -> Result<Value, EvalError> {
    let expr = parse(text).map_err(|error| EvalError::new("expression/syntax", error.message))?;
    evaluate(&expr, host)
}

struct Parameters<'a> {
    values: &'a Object,
    declared: Option<&'a Object>,
}

impl Host for Parameters<'_> {
    fn call(&self, call: &Call, eval: &Eval<'_>) -> Option<Result<Value, EvalError>> {
        if call.namespace.is_some() || !call.name.eq_ignore_ascii_case("parameters") {
            return None;
        }
        let [argument] = call.args.as_slice() else {
            return Some(Err(EvalError::new("expression/arguments", "`parameters` takes one name")));
        };
        Some(eval(argument).and_then(|name| match &name {
            Value::String(name) => self.parameter(name),
            _ => Err(EvalError::new("expression/arguments", "`parameters` takes the name of a parameter")),
        }))
    }
}

impl Parameters<'_> {
    fn parameter(&self, name: &str) -> Result<Value, EvalError> {
        if self.declared.is_some_and(|declared| declared.get(name).is_none()) {
            return Err(EvalError::new("expression/unknown-parameter", format!("there is no parameter `{name}`")));
        }
        let unknown = || Value::unknown(Reason::Parameter(name.to_owned()), format!("parameters('{name}')"));
        Ok(self.values.get(name).cloned().unwrap_or_else(unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_functions_of_parameters() {
        let parameters = Value::from(json!({"effect": "Deny", "zones": {"a": "x-{r}"}, "region": "swedencentral"}));
        let parameters = parameters.as_object().unwrap();
        let value = |text: &str| value_of(&Value::from(text), parameters).to_string();
        assert_eq!(value("[parameters('Effect')]"), r#""Deny""#);
        assert_eq!(value("[[literal]"), r#""[literal]""#);
        assert_eq!(value("[if(equals(parameters('effect'), 'deny'), 'Deny', 'Disabled')]"), r#""Disabled""#);
        assert_eq!(value("[replace(parameters('zones').a, '{r}', parameters('region'))]"), r#""x-swedencentral""#);
        let Value::Unknown(unknown) = value_of(&Value::from("[parameters('none')]"), parameters) else { panic!() };
        assert_eq!(unknown.reason, Reason::Parameter("none".into()));
        let nested = Value::from(json!([{"a": "[parameters('effect')]"}]));
        assert_eq!(value_of(&nested, parameters).to_string(), r#"[{"a":"Deny"}]"#);
    }

    #[test]
    fn errors_need_no_values() {
        let declared = Value::from(json!({"effect": {"type": "String"}}));
        let declared = declared.as_object().unwrap();
        let error = |text: &str| first_error(&Value::from(text), declared).map(|e| e.message);
        assert_eq!(error("[parameters('effect')]"), None);
        assert_eq!(error("[concat(parameters('effect'), 'x')]"), None);
        assert_eq!(error("[parameters('other')]"), Some("there is no parameter `other`".to_owned()));
        assert!(error("[parameters('effect']").is_some());
    }
}
