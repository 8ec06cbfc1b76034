//! The parameters of definitions and initiatives.

use std::sync::Arc;

use glidepath_arm::{Object, Reason, Value};

use crate::author::Author;
use crate::operator::instant;

/// A declared parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: Arc<str>,
    pub(crate) kind: ParameterKind,
    pub(crate) default: Option<Value>,
    pub(crate) allowed: Option<Arc<Vec<Value>>>,
}

/// The types a parameter may have. Source: definition-structure-parameters, "Parameter properties".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParameterKind {
    String,
    Array,
    Object,
    Boolean,
    Integer,
    Float,
    DateTime,
}

impl ParameterKind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "string" => Self::String,
            "array" => Self::Array,
            "object" => Self::Object,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "float" => Self::Float,
            "datetime" => Self::DateTime,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::Boolean => "a boolean",
            Self::Integer => "an integer",
            Self::Float => "a number",
            Self::DateTime => "a date",
        }
    }

    fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (_, Value::Unknown(_)) => true,
            (Self::String, Value::String(_))
            | (Self::Array, Value::Array(_))
            | (Self::Object, Value::Object(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Integer, Value::Int(_))
            | (Self::Float, Value::Int(_) | Value::Float(_)) => true,
            // The service converts what is spelled right.
            (Self::Boolean, Value::String(text)) => {
                text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
            }
            (Self::Integer, Value::String(text)) => text.parse::<i64>().is_ok(),
            (Self::Float, Value::String(text)) => text.parse::<f64>().is_ok(),
            (Self::DateTime, Value::String(text)) => text.is_empty() || instant(text).is_some(),
            _ => false,
        }
    }
}

/// Why a value cannot be given to a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Misfit {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    /// Only the casing is wrong.
    pub(crate) mild: bool,
}

impl Parameter {
    /// Does it take objects?
    pub(crate) fn is_object(&self) -> bool {
        self.kind == ParameterKind::Object
    }

    /// The parameters declared in an asset's properties.
    pub(crate) fn compile_all(properties: &Value, author: &mut Author<'_>) -> Vec<Self> {
        let declared = match properties.get("parameters") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(object)) => object,
            Some(other) => {
                let kind = other.kind();
                author.error("policy/wrong-type", format!("`parameters` should be an object, it is {kind}"));
                return Vec::new();
            }
        };
        author.within("parameters", |author| {
            declared
                .iter()
                .filter_map(|(name, body)| author.within(name, |author| Self::compile(name, body, author)))
                .collect()
        })
    }

    fn compile(name: &Arc<str>, body: &Value, author: &mut Author<'_>) -> Option<Self> {
        let Some(kind) = author.text(body, "type") else {
            author.error("policy/missing-field", format!("parameter `{name}` needs `type`"));
            return None;
        };
        let Some(kind) = ParameterKind::parse(&kind) else {
            author.error("policy/unknown-type", format!("parameter `{name}` has the unknown type `{kind}`"));
            return None;
        };
        let default = body.get("defaultValue").filter(|v| !v.is_null()).cloned();
        let allowed = match body.get("allowedValues") {
            Some(Value::Array(items)) => Some(items.clone()),
            _ => None,
        };
        let parameter = Self { name: name.clone(), kind, default, allowed };
        if let Some(misfit) = parameter.default.as_ref().and_then(|default| parameter.misfit(default)) {
            author.warning(misfit.code, format!("the default of {}", misfit.message));
        }
        Some(parameter)
    }

    /// Why this value does not fit, if it does not. A list fits when each of its items is allowed.
    pub(crate) fn misfit(&self, value: &Value) -> Option<Misfit> {
        let name = &self.name;
        if !self.kind.takes(value) {
            let message = format!("parameter `{name}` should be {}, it is `{value}`", self.kind.name());
            return Some(Misfit { code: "policy/parameter-type", message, mild: false });
        }
        let allowed = self.allowed.as_ref()?;
        let items = match (self.kind, value) {
            (ParameterKind::Array, Value::Array(items)) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        let odd = items.iter().find(|item| !item.has_unknown() && !allowed.contains(item))?;
        let mild = matches!(odd, Value::String(text)
            if allowed.iter().any(|a| a.as_str().is_some_and(|a| a.eq_ignore_ascii_case(text))));
        // Azure has refused a casing that is not in the list (Azure/Azure-Landing-Zones#442).
        let message = if mild {
            format!("parameter `{name}` is `{odd}`, which is allowed in another casing only")
        } else {
            format!("parameter `{name}` is `{odd}`, which is not among the allowed values")
        };
        Some(Misfit { code: "policy/parameter-not-allowed", message, mild })
    }
}

/// Values by the place of their parameter: what is given, else the default, else unknown.
pub(crate) fn fill(parameters: &[Parameter], given: &Object, report: &mut dyn FnMut(Misfit)) -> Vec<Value> {
    for name in given.keys() {
        if !parameters.iter().any(|p| p.name.eq_ignore_ascii_case(name)) {
            let message = format!("there is no parameter `{name}`");
            report(Misfit { code: "policy/unknown-parameter", message, mild: false });
        }
    }
    let value_of = |parameter: &Parameter| {
        if let Some(value) = given.get(&parameter.name) {
            if let Some(misfit) = parameter.misfit(value) {
                report(misfit);
            }
            return value.clone();
        }
        parameter.default.clone().unwrap_or_else(|| {
            let message = format!("parameter `{}` has no value and no default", parameter.name);
            report(Misfit { code: "policy/missing-parameter", message, mild: false });
            let name = parameter.name.to_string();
            let expression = format!("parameters('{name}')");
            Value::unknown(Reason::Parameter(name), expression)
        })
    };
    parameters.iter().map(value_of).collect()
}
