//! Reading an asset's body: what is wrong with it is collected with the place in the body.

use std::sync::Arc;

use glidepath_arm::Value;
use glidepath_source::{Finding, Severity};

use crate::field::{Field, Fields};

/// The reader of one asset.
pub(crate) struct Author<'a> {
    /// The asset's id.
    subject: &'a str,
    /// The names of its parameters.
    pub(crate) parameters: Vec<Arc<str>>,
    fields: &'a mut Fields,
    /// How many functions its expressions call.
    pub(crate) functions: usize,
    trail: Vec<String>,
    findings: Vec<Finding>,
}

impl<'a> Author<'a> {
    pub(crate) fn new(subject: &'a str, fields: &'a mut Fields) -> Self {
        Self { subject, parameters: Vec::new(), fields, functions: 0, trail: Vec::new(), findings: Vec::new() }
    }

    /// What was found.
    pub(crate) fn finish(self) -> Vec<Finding> {
        self.findings
    }

    /// Has anything been found that makes the asset useless?
    pub(crate) fn has_errors(&self) -> bool {
        self.findings.iter().any(|f| f.severity == Severity::Error)
    }

    /// Reads a part of the body; findings in it name the way there.
    pub(crate) fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.trail.push(key.to_owned());
        let result = read(self);
        self.trail.pop();
        result
    }

    /// How deep the reader is.
    pub(crate) fn depth(&self) -> usize {
        self.trail.len()
    }

    pub(crate) fn error(&mut self, code: &'static str, message: impl Into<String>) {
        self.add(Finding::error(code, message));
    }

    pub(crate) fn warning(&mut self, code: &'static str, message: impl Into<String>) {
        self.add(Finding::warning(code, message));
    }

    pub(crate) fn add(&mut self, mut finding: Finding) {
        let trail = self.trail.join(".");
        if !trail.is_empty() {
            finding.message = format!("{}: at `{trail}`", finding.message);
        }
        self.findings.push(finding.about(self.subject));
    }

    pub(crate) fn field(&mut self, name: &str) -> Arc<Field> {
        self.fields.intern(name)
    }

    /// The place of a parameter; names compare without case.
    pub(crate) fn slot(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|p| p.eq_ignore_ascii_case(name))
    }

    /// The string at a key; something else there is a finding.
    pub(crate) fn text(&mut self, body: &Value, key: &str) -> Option<Arc<str>> {
        match body.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => {
                let kind = other.kind();
                self.error("policy/wrong-type", format!("`{key}` should be a string, it is {kind}"));
                None
            }
        }
    }

    /// The array at a key; empty where there is none.
    pub(crate) fn list<'v>(&mut self, body: &'v Value, key: &str) -> &'v [Value] {
        match body.get(key) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                let kind = other.kind();
                self.error("policy/wrong-type", format!("`{key}` should be a list, it is {kind}"));
                &[]
            }
        }
    }

    /// The strings of an array; anything else in it is a finding.
    pub(crate) fn texts(&mut self, body: &Value, key: &str) -> Vec<Arc<str>> {
        let mut texts = Vec::new();
        for item in self.list(body, key) {
            match item {
                Value::String(text) => texts.push(text.clone()),
                other => {
                    let kind = other.kind();
                    self.error("policy/wrong-type", format!("`{key}` should hold strings, here is {kind}"));
                }
            }
        }
        texts
    }
}
