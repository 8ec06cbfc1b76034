//! Parameter types: `type`, `allowedValues`, limits, and the user-defined types of languageVersion 2.0.

use glidepath_source::{Finding, Kind, Node, Place};

use super::frame::Frame;
use super::session::Session;
use crate::Value;
use crate::expression::equal;
use crate::expression::functions::a_kind;

/// How deep values are compared with their types.
const DEEPEST: usize = 48;

impl<'a> Session<'a> {
    /// The definition behind `$ref`, or the node itself.
    pub(super) fn resolved(&self, declared: &'a Node, frame: &Frame<'a>) -> &'a Node {
        let mut node = declared;
        for _ in 0..32 {
            let Some(name) = node.get("$ref").and_then(Node::as_str) else { break };
            let name = name.rsplit('/').next().unwrap_or_default();
            let name = name.replace("~1", "/").replace("~0", "~");
            match frame.template.get("definitions").and_then(|d| d.get(&name)) {
                Some(definition) => node = definition,
                None => {
                    let message = format!("there is no definition `{name}`");
                    self.tell(Finding::error("template/unknown-definition", message).at(frame.text, node.span));
                    break;
                }
            }
        }
        node
    }

    /// Tells where a value does not fit its declaration. Unknowns and nulls fit everything.
    pub(super) fn check(
        &self,
        value: &Value,
        declared: &'a Node,
        frame: &Frame<'a>,
        name: &str,
        place: Place,
        chain: &[String],
    ) {
        let mut wrong = Vec::new();
        Check { session: self, frame, wrong: &mut wrong }.value(value, declared, &mut name.to_owned(), 0);
        for (message, help) in wrong {
            let finding = Finding::error("template/bad-parameter-value", message).at_place(Some(place.clone()));
            let finding = Finding { chain: chain.to_vec(), ..finding };
            self.tell(if help.is_empty() { finding } else { finding.help(help) });
        }
    }
}

struct Check<'a, 'e> {
    session: &'e Session<'a>,
    frame: &'e Frame<'a>,
    wrong: &'e mut Vec<(String, String)>,
}

impl<'a> Check<'a, '_> {
    fn value(&mut self, value: &Value, declared: &'a Node, path: &mut String, depth: usize) {
        if depth > DEEPEST || value.is_null() || value.is_unknown() {
            return;
        }
        let outer = declared;
        let declared = self.session.resolved(declared, self.frame);
        let kind = declared.get("type").and_then(Node::as_str).unwrap_or_default().to_ascii_lowercase();
        let wanted = match (kind.as_str(), value) {
            ("string", Value::String(_))
            | ("int", Value::Int(_))
            | ("bool", Value::Bool(_))
            | ("array", Value::Array(_))
            | ("object", Value::Object(_)) => None,
            ("int", Value::Float(f)) if f.fract() == 0.0 => None,
            ("string", _) => Some("a string"),
            ("int", _) => Some("an integer"),
            ("bool", _) => Some("a boolean"),
            ("array", _) => Some("an array"),
            ("object", _) => Some("an object"),
            _ => None,
        };
        if let Some(wanted) = wanted {
            let message = format!("`{path}` should be {wanted}, but it is {}", a_kind(value));
            self.wrong.push((message, format!("the template declares the type `{kind}`")));
            return;
        }
        self.limits(value, declared, path);
        if !std::ptr::eq(outer, declared) {
            self.limits(value, outer, path);
        }
        match value {
            Value::Object(_) => self.object(value, declared, path, depth),
            Value::Array(items) => {
                let prefix = declared.get("prefixItems").map(Node::items).unwrap_or_default();
                for (i, item) in items.iter().enumerate() {
                    let Some(kind) = prefix.get(i).or_else(|| declared.get("items")) else { continue };
                    let length = path.len();
                    path.push_str(&format!("[{i}]"));
                    self.value(item, kind, path, depth + 1);
                    path.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn object(&mut self, value: &Value, declared: &'a Node, path: &mut String, depth: usize) {
        let Some(object) = value.as_object() else { return };
        if let Some(discriminator) = declared.get("discriminator") {
            let property = discriminator.get("propertyName").and_then(Node::as_str).unwrap_or_default();
            match object.get(property) {
                Some(Value::String(tag)) => match discriminator.get("mapping").and_then(|m| m.get(tag)) {
                    Some(variant) => self.value(value, variant, path, depth + 1),
                    None => {
                        let tags = discriminator.get("mapping").map(Node::members).unwrap_or_default();
                        let tags: Vec<String> = tags.iter().map(|m| format!("`{}`", m.key)).collect();
                        let message = format!("`{path}.{property}` is `{tag}`, which the template does not know");
                        self.wrong.push((message, format!("it knows {}", tags.join(", "))));
                    }
                },
                Some(_) => {}
                None => self.wrong.push((format!("`{path}` has no `{property}`, which tells its kind"), String::new())),
            }
            return;
        }
        let properties = declared.get("properties").map(Node::members).unwrap_or_default();
        for property in properties {
            let length = path.len();
            path.push('.');
            path.push_str(&property.key);
            match object.get(&property.key) {
                Some(item) if !item.is_null() => self.value(item, &property.value, path, depth + 1),
                _ => {
                    let kind = self.session.resolved(&property.value, self.frame);
                    let optional = |n: &Node| n.get("nullable").is_some_and(|n| n.kind == Kind::Bool(true));
                    if !optional(&property.value) && !optional(kind) && property.value.get("defaultValue").is_none() {
                        self.wrong.push((format!("`{path}` is missing"), String::new()));
                    }
                }
            }
            path.truncate(length);
        }
        if let Some(rest) = declared.get("additionalProperties") {
            for (key, item) in object.iter() {
                if properties.iter().any(|p| p.key.eq_ignore_ascii_case(key)) {
                    continue;
                }
                if rest.kind == Kind::Bool(false) {
                    self.wrong.push((
                        format!("`{path}` has no property `{key}`"),
                        "the template declares a closed type".into(),
                    ));
                } else if matches!(rest.kind, Kind::Object(_)) {
                    let length = path.len();
                    path.push('.');
                    path.push_str(key);
                    self.value(item, rest, path, depth + 1);
                    path.truncate(length);
                }
            }
        }
    }

    fn limits(&mut self, value: &Value, declared: &Node, path: &str) {
        if let Some(allowed) = declared.get("allowedValues") {
            let options: Vec<Value> = allowed.items().iter().map(Value::from).collect();
            let is_one = |value: &Value| options.iter().any(|option| same(option, value));
            // An array may be one of the allowed values, or hold only allowed values.
            let fits = is_one(value)
                || value.as_array().is_some_and(|items| items.iter().all(|i| i.is_unknown() || is_one(i)));
            if !fits {
                let options: Vec<String> = options.iter().take(20).map(|o| format!("`{o}`")).collect();
                self.wrong.push((
                    format!("`{path}` is `{value}`, which is not allowed"),
                    format!("allowed is {}", options.join(", ").replace('"', "")),
                ));
            }
        }
        let limit = |name: &str| declared.get(name).map(Value::from).and_then(|v| v.as_int());
        if let Value::Int(i) = value
            && (limit("minValue").is_some_and(|least| *i < least) || limit("maxValue").is_some_and(|most| *i > most))
        {
            let range = format!("{}..{}", words(limit("minValue")), words(limit("maxValue")));
            self.wrong.push((format!("`{path}` is {i}, which is not in {range}"), String::new()));
        }
        let length = match value {
            Value::String(s) => s.encode_utf16().count(),
            Value::Array(items) => items.len(),
            _ => return,
        };
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if limit("minLength").is_some_and(|least| length < least)
            || limit("maxLength").is_some_and(|most| length > most)
        {
            let range = format!("{}..{}", words(limit("minLength")), words(limit("maxLength")));
            self.wrong.push((format!("`{path}` has the length {length}, which is not in {range}"), String::new()));
        }
    }
}

fn words(limit: Option<i64>) -> String {
    limit.map(|l| l.to_string()).unwrap_or_default()
}

/// Allowed strings are compared without case.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        _ => equal(a, b) != Some(false),
    }
}
