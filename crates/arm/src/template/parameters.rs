//! The values a template is given from outside.

use std::sync::Arc;

use glidepath_source::{Finding, Kind, Node, Place, Span, Text, json};

use crate::{Reason, Value};

/// Parameter values, from files and from `name=value` pairs; later ones win. They are literal: a text that looks like an
/// expression stays a text.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    pub(super) given: Vec<Given>,
    findings: Vec<Finding>,
}

/// One given value.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) name: Arc<str>,
    pub(super) value: GivenValue,
    /// In its file.
    pub(super) place: Option<Place>,
}

#[derive(Debug, Clone)]
pub(super) enum GivenValue {
    Value(Value),
    /// Typed by the parameter's declaration.
    Text(String),
    /// A reference to a key vault.
    Secret,
}

impl Parameters {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter file, `{"parameters": {"x": {"value": …}}}`, or a plain object of values. What is wrong with it
    /// becomes a finding of the expansion.
    pub fn add_file(&mut self, text: &Text) {
        let root = match json::parse_telling(text) {
            Ok((root, told)) => {
                self.findings.extend(told);
                root
            }
            Err(finding) => {
                self.findings.push(finding);
                return;
            }
        };
        // `bicep build-params --stdout` wraps the file into a string.
        if let Some(inner) = root.get("parametersJson").and_then(Node::as_str) {
            return self.add_file(&Text::new(text.name(), inner));
        }
        let is_file = root.get("parameters").is_some()
            && (root.get("$schema").is_some() || root.get("contentVersion").is_some())
            || root.members().len() == 1 && root.get("parameters").is_some();
        let body = root.get("properties").and_then(|p| p.get("parameters"));
        match body.filter(|_| !is_file) {
            Some(values) => self.add_values(text, values, true),
            None if is_file => self.add_values(text, root.get("parameters").unwrap_or(&root), true),
            None => self.add_values(text, &root, false),
        }
    }

    /// Adds values by name; of a parameter file each is an object with its `value`.
    pub(super) fn add_values(&mut self, text: &Text, values: &Node, is_file: bool) {
        if !matches!(values.kind, Kind::Object(_)) {
            let message = format!("parameter values are an object, this is {}", values.kind_name());
            self.findings.push(Finding::error("template/bad-parameter-file", message).at(text, values.span));
        }
        for member in values.members() {
            let place = Some(Place::new(text, member.key_span));
            let value = match &member.value {
                file if is_file && file.get("reference").is_some() => GivenValue::Secret,
                // Compiled from Bicep's `externalInput()`: whoever deploys fills it in.
                file if is_file && file.get("value").is_none() && file.get("expression").is_some() => {
                    GivenValue::Value(Value::unknown(
                        Reason::Parameter(member.key.to_string()),
                        format!("parameters('{}')", member.key),
                    ))
                }
                file if is_file => match file.get("value") {
                    Some(value) => GivenValue::Value(Value::from(value)),
                    None => {
                        let message = format!("the parameter `{}` has neither `value` nor `reference`", member.key);
                        self.findings.push(Finding::error("template/bad-parameter-file", message).at(text, file.span));
                        continue;
                    }
                },
                plain => GivenValue::Value(Value::from(plain)),
            };
            self.put(Given { name: member.key.clone(), value, place });
        }
    }

    /// Sets a parameter to a value.
    pub fn set(&mut self, name: &str, value: Value) {
        self.put(Given { name: Arc::from(name), value: GivenValue::Value(value), place: None });
    }

    /// Sets a parameter from a text, as on a command line: the type the template declares decides how it is read.
    pub fn set_text(&mut self, name: &str, text: &str) {
        self.put(Given { name: Arc::from(name), value: GivenValue::Text(text.to_owned()), place: None });
    }

    /// What was wrong with the files.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// These values, overlaid by others.
    pub fn overlaid(mut self, others: &Parameters) -> Parameters {
        for given in &others.given {
            self.put(given.clone());
        }
        self
    }

    fn put(&mut self, given: Given) {
        match self.given.iter_mut().find(|g| g.name.eq_ignore_ascii_case(&given.name)) {
            Some(slot) => *slot = given,
            None => self.given.push(given),
        }
    }
}

/// A text as a value of a declared type.
pub(super) fn typed(text: &str, declaration: Option<&Node>) -> Value {
    let kind = declaration.and_then(|d| d.get("type")).and_then(Node::as_str).unwrap_or("string");
    if kind.eq_ignore_ascii_case("string") || kind.eq_ignore_ascii_case("secureString") {
        return text.into();
    }
    json::parse(&Text::new("parameter", text)).map_or_else(|_| text.into(), |node| Value::from(&node))
}

/// Where a declared parameter stands.
pub(super) fn declaration<'a>(template: &'a Node, name: &str) -> Option<(&'a Node, Span)> {
    let declared = template.get("parameters")?.members();
    declared.iter().find(|m| m.key.eq_ignore_ascii_case(name)).map(|m| (&m.value, m.key_span))
}
