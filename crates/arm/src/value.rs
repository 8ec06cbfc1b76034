//! JSON values in which a part may be unknown.
//!
//! Three-valued all the way: what only Azure can know stays an [`Unknown`] with its reason, instead of a guess or an
//! error. Values are cheap to clone (strings, arrays and objects are shared).

use std::fmt;
use std::sync::Arc;

use glidepath_source::{Kind, Node};
use indexmap::IndexMap;
use serde::{Serialize, Serializer};

/// A JSON value, or the knowledge that only Azure can tell it.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer; ARM has no other numbers in expressions.
    Int(i64),
    /// A number with fraction or exponent, as JSON text may hold.
    Float(f64),
    /// A string.
    String(Arc<str>),
    /// An array.
    Array(Arc<Vec<Value>>),
    /// An object.
    Object(Arc<Object>),
    /// Not known before deployment.
    Unknown(Arc<Unknown>),
}

/// Why a value is not known, and the expression that would tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Unknown {
    /// Why.
    pub reason: Reason,
    /// The expression as ARM would write it, without the brackets: `reference('…').primaryEndpoints.blob`. Holds no secret.
    pub expression: String,
}

/// Why a value is not known before deployment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "of")]
pub enum Reason {
    /// The running state of a resource, by id or expression (`reference`).
    Runtime(String),
    /// The answer of a `list*` function on a resource.
    List(String),
    /// A secret that was not given, or must not be looked at: the parameter's name.
    Secret(String),
    /// Different at every deployment: `newGuid`, `utcNow` without a clock.
    NonDeterministic(String),
    /// Context that was not given: subscription, group, deployment name, deployer.
    Context(String),
    /// A parameter without value and default.
    Parameter(String),
    /// A template that is not here (a link without a folder, a template spec).
    Template(String),
    /// The evaluation failed; a finding says how.
    Failed(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Runtime(of) => write!(f, "only the running resource knows: {of}"),
            Reason::List(of) => write!(f, "only a call to the resource tells: {of}"),
            Reason::Secret(of) => write!(f, "the secret `{of}` is not looked at"),
            Reason::NonDeterministic(of) => write!(f, "`{of}` differs at every deployment"),
            Reason::Context(of) => write!(f, "`{of}` was not given"),
            Reason::Parameter(of) => write!(f, "parameter `{of}` has no value"),
            Reason::Template(of) => write!(f, "the template `{of}` is not here"),
            Reason::Failed(of) => write!(f, "evaluation failed: {of}"),
        }
    }
}

/// An object: members in order, keys found without ASCII case, as ARM does.
#[derive(Clone, Default, PartialEq)]
pub struct Object {
    members: IndexMap<Arc<str>, Value, rustc_hash::FxBuildHasher>,
}

impl Object {
    /// An empty object.
    pub fn new() -> Self {
        Self::default()
    }

    /// The member with this key; the exact casing is tried first.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.members.get(key).or_else(|| {
            self.members.iter().find(|(k, _)| k.len() == key.len() && k.eq_ignore_ascii_case(key)).map(|(_, v)| v)
        })
    }

    /// The member to change.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.index_of(key)?;
        self.members.get_index_mut(at).map(|(_, v)| v)
    }

    /// Sets a member; one that differs only in case is replaced and keeps its key and place.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: impl Into<Value>) {
        let key = key.into();
        match self.get_mut(&key) {
            Some(slot) => *slot = value.into(),
            None => {
                self.members.insert(key, value.into());
            }
        }
    }

    /// Removes a member, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.index_of(key)?;
        self.members.shift_remove_index(at).map(|(_, v)| v)
    }

    fn index_of(&self, key: &str) -> Option<usize> {
        self.members.get_index_of(key).or_else(|| self.members.keys().position(|k| k.eq_ignore_ascii_case(key)))
    }

    /// The members in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, &Value)> + ExactSizeIterator {
        self.members.iter()
    }

    /// The keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<str>> {
        self.members.keys()
    }

    /// The values in order.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.members.values()
    }

    /// How many members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}

impl<K: Into<Arc<str>>, V: Into<Value>> FromIterator<(K, V)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        let mut object = Object::new();
        for (key, value) in iter {
            object.insert(key, value);
        }
        object
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(key, value)| (key.as_ref(), value)))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Value {
    /// An unknown.
    pub fn unknown(reason: Reason, expression: impl Into<String>) -> Self {
        Value::Unknown(Arc::new(Unknown { reason, expression: expression.into() }))
    }

    /// An object from pairs.
    pub fn object<K: Into<Arc<str>>, V: Into<Value>>(members: impl IntoIterator<Item = (K, V)>) -> Self {
        Value::Object(Arc::new(members.into_iter().collect()))
    }

    /// An array.
    pub fn array<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Self {
        Value::Array(Arc::new(items.into_iter().map(Into::into).collect()))
    }

    /// The member of an object; `None` for anything else.
    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(object) => object.get(key),
            _ => None,
        }
    }

    /// The value at a path of object keys.
    pub fn at(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(s) => Some(s),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The object to change (copied if it is shared); anything else is first replaced by an empty one.
    pub fn make_object(&mut self) -> &mut Object {
        if !matches!(self, Value::Object(_)) {
            *self = Value::Object(Arc::default());
        }
        let Value::Object(object) = self else { return self.make_object() };
        Arc::make_mut(object)
    }

    /// Is it `null`?
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// Is it, as a whole, unknown?
    pub fn is_unknown(&self) -> bool {
        matches!(self, Value::Unknown(_))
    }

    /// Calls `visit` with the path (`properties.a[0].b`) of every unknown in it.
    pub fn for_each_unknown<'a>(&'a self, visit: &mut dyn FnMut(&str, &'a Unknown)) {
        fn walk<'a>(value: &'a Value, path: &mut String, visit: &mut dyn FnMut(&str, &'a Unknown)) {
            let length = path.len();
            match value {
                Value::Unknown(unknown) => visit(path, unknown),
                Value::Array(items) => {
                    for (i, item) in items.iter().enumerate() {
                        path.push_str(&format!("[{i}]"));
                        walk(item, path, visit);
                        path.truncate(length);
                    }
                }
                Value::Object(object) => {
                    for (key, item) in object.iter() {
                        if length > 0 {
                            path.push('.');
                        }
                        path.push_str(key);
                        walk(item, path, visit);
                        path.truncate(length);
                    }
                }
                _ => {}
            }
        }
        walk(self, &mut String::new(), visit);
    }

    /// Is anything in it unknown?
    pub fn has_unknown(&self) -> bool {
        match self {
            Value::Unknown(_) => true,
            Value::Array(items) => items.iter().any(Value::has_unknown),
            Value::Object(object) => object.values().any(Value::has_unknown),
            _ => false,
        }
    }

    /// The kind in ARM's words: `Null`, `Boolean`, `Integer`, `Float`, `String`, `Array`, `Object`, `Unknown`.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "Null",
            Value::Bool(_) => "Boolean",
            Value::Int(_) => "Integer",
            Value::Float(_) => "Float",
            Value::String(_) => "String",
            Value::Array(_) => "Array",
            Value::Object(_) => "Object",
            Value::Unknown(_) => "Unknown",
        }
    }

    /// As JSON. An unknown becomes the string `[expression]`, as ARM and `bicep snapshot` write it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(b) => (*b).into(),
            Value::Int(i) => (*i).into(),
            Value::Float(f) => serde_json::Number::from_f64(*f).map_or(serde_json::Value::Null, Into::into),
            Value::String(s) => s.as_ref().into(),
            Value::Array(items) => items.iter().map(Value::to_json).collect::<Vec<_>>().into(),
            Value::Object(object) => {
                object.iter().map(|(k, v)| (k.to_string(), v.to_json())).collect::<serde_json::Map<_, _>>().into()
            }
            Value::Unknown(unknown) => format!("[{}]", unknown.expression).into(),
        }
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => Value::Bool(*b),
            serde_json::Value::Number(n) => {
                n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or(f64::NAN)), Value::Int)
            }
            serde_json::Value::String(s) => s.as_str().into(),
            serde_json::Value::Array(items) => Value::array(items),
            serde_json::Value::Object(members) => Value::object(members.iter().map(|(k, v)| (k.as_str(), v))),
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        Value::from(&json)
    }
}

impl From<&Node> for Value {
    /// The document as it stands: no expression is evaluated.
    fn from(node: &Node) -> Self {
        match &node.kind {
            Kind::Null => Value::Null,
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Int(i) => Value::Int(*i),
            Kind::Float(f) => Value::Float(*f),
            Kind::String(s) => Value::String(s.clone()),
            Kind::Array(items) => Value::array(items),
            Kind::Object(members) => Value::object(members.iter().map(|m| (m.key.clone(), &m.value))),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(Arc::from(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(Arc::from(text))
    }
}

impl From<Arc<str>> for Value {
    fn from(text: Arc<str>) -> Self {
        Value::String(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Value::String(Arc::from(text.as_str()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Value::Int(value)
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Value::Object(Arc::new(object))
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Value::Array(Arc::new(items))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{SerializeMap, SerializeSeq};
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(i) => serializer.serialize_i64(*i),
            Value::Float(f) => serializer.serialize_f64(*f),
            Value::String(s) => serializer.serialize_str(s),
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    seq.serialize_element(item)?;
                }
                seq.end()
            }
            Value::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (key, value) in object.iter() {
                    map.serialize_entry(key.as_ref(), value)?;
                }
                map.end()
            }
            Value::Unknown(unknown) => serializer.collect_str(&format_args!("[{}]", unknown.expression)),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Value {
    /// Compact JSON, unknowns as `"[expression]"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match serde_json::to_string(self) {
            Ok(text) => f.write_str(&text),
            Err(_) => Err(fmt::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_without_case_and_keep_their_casing() {
        let mut value = Value::from(serde_json::json!({"Name": 1, "tags": {"A": "x"}}));
        assert_eq!(value.get("name"), Some(&Value::Int(1)));
        value.make_object().insert("NAME", 2_i64);
        assert_eq!(value.to_string(), r#"{"Name":2,"tags":{"A":"x"}}"#);
        assert_eq!(value.at(&["Tags", "a"]).and_then(Value::as_str), Some("x"));
    }

    #[test]
    fn unknowns_are_found_by_path() {
        let unknown = Value::unknown(Reason::Secret("pw".into()), "parameters('pw')");
        let value = Value::object([("a", Value::array([Value::Null, Value::object([("b", unknown)])]))]);
        let mut seen = Vec::new();
        value.for_each_unknown(&mut |path, unknown| seen.push((path.to_owned(), unknown.expression.clone())));
        assert_eq!(seen, [("a[1].b".to_owned(), "parameters('pw')".to_owned())]);
        assert_eq!(value.to_string(), r#"{"a":[null,{"b":"[parameters('pw')]"}]}"#);
    }
}
