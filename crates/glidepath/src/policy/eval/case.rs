//! One case: a policy, a resource, and what stands around them.

use glidepath_arm::{Object, Value};
use glidepath_policy::{Aliases, EvaluatedExpression, Facts, Policy, Semantics, Single};
use glidepath_source::{Finding, Text, json};
use serde::Serialize;

/// What is the same for every case.
pub(crate) struct Setting<'a> {
    pub(crate) aliases: &'a Aliases,
    pub(crate) semantics: Semantics,
    pub(crate) now: i64,
}

/// A case, read.
pub(crate) struct Case {
    pub(crate) policy: Value,
    pub(crate) resource: Value,
    pub(crate) parameters: Object,
    pub(crate) api_version: Option<String>,
    pub(crate) context: Value,
    pub(crate) raw: bool,
    pub(crate) related: Vec<Value>,
}

/// The answer to a case.
pub(crate) struct Judged {
    id: Value,
    pub(crate) single: Single,
    /// The case or its policy cannot be read.
    pub(crate) unusable: bool,
}

/// The answer as a line of NDJSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line<'a> {
    id: &'a Value,
    effect: Option<&'a str>,
    #[serde(skip_serializing_if = "Value::is_null")]
    details: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    operations: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a [EvaluatedExpression]>,
    findings: &'a [Finding],
}

impl Judged {
    pub(crate) fn to_line(&self, trace: bool) -> Line<'_> {
        Line {
            id: &self.id,
            effect: self.single.effect.as_deref(),
            details: &self.single.details,
            changed: self.single.changed.as_ref(),
            operations: &self.single.operations,
            trace: trace.then_some(self.single.trace.as_slice()),
            findings: &self.single.findings,
        }
    }

    fn unusable(id: Value, findings: Vec<Finding>) -> Self {
        let single = Single { findings, ..Single::default() };
        Self { id, single, unusable: true }
    }
}

/// Judges a line of a batch.
pub(crate) fn from_line(line: &[u8], number: usize, setting: &Setting<'_>) -> Judged {
    let name = format!("line {number}");
    let Ok(text) = std::str::from_utf8(line) else {
        let finding = Finding::error("file/not-utf8", "the line is not UTF-8 text").about(name);
        return Judged::unusable(Value::Null, vec![finding]);
    };
    let body = match json::parse(&Text::new(name.as_str(), text)) {
        Ok(node) => Value::from(&node),
        Err(finding) => return Judged::unusable(Value::Null, vec![finding.about(name)]),
    };
    let id = body.get("id").cloned().unwrap_or(Value::Null);
    match Case::read(&body) {
        Ok(case) => case.judge(id, setting),
        Err(finding) => Judged::unusable(id, vec![finding]),
    }
}

impl Case {
    pub(crate) fn read(body: &Value) -> Result<Self, Finding> {
        let part = |key: &str| body.get(key).filter(|v| !v.is_null());
        let text = |key: &str| part(key).and_then(Value::as_str);
        let policy =
            match (part("definition").or_else(|| part("rule")), text("definitionText").or_else(|| text("ruleText"))) {
                (Some(policy), _) => policy.clone(),
                (None, Some(text)) => Value::from(&json::parse(&Text::new("policy", text))?),
                (None, None) => {
                    return Err(Finding::error(
                        "policy/missing-field",
                        "a case needs `definition`, `rule`, `definitionText` or `ruleText`",
                    ));
                }
            };
        let Some(resource) = part("resource") else {
            return Err(Finding::error("policy/missing-field", "a case needs `resource`"));
        };
        let raw = match text("aliases") {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("catalogue") => false,
            Some(text) if text.eq_ignore_ascii_case("raw") => true,
            Some(other) => {
                return Err(Finding::error(
                    "policy/unknown-aliases",
                    format!("`aliases` is `catalogue` or `raw`, not `{other}`"),
                ));
            }
        };
        let related = match part("related") {
            Some(Value::Array(items)) => items.iter().filter(|r| !r.is_null()).cloned().collect(),
            Some(one @ Value::Object(_)) => vec![one.clone()],
            _ => Vec::new(),
        };
        Ok(Self {
            policy,
            resource: resource.clone(),
            parameters: part("parameters").and_then(Value::as_object).cloned().unwrap_or_default(),
            api_version: text("apiVersion").map(str::to_owned),
            context: part("context").cloned().unwrap_or(Value::Null),
            raw,
            related,
        })
    }

    pub(crate) fn judge(&self, id: Value, setting: &Setting<'_>) -> Judged {
        let (policy, mut findings) = Policy::compile(&self.policy, &self.parameters);
        if self.raw {
            // What looks like a path is one, here.
            findings.retain(|f| f.code != "policy/unknown-field");
        }
        let Some(policy) = policy else { return Judged::unusable(id, findings) };
        let context = |path: &[&str]| self.context.at(path).unwrap_or(&Value::Null);
        let api_version = self
            .api_version
            .as_deref()
            .or_else(|| context(&["requestContext", "apiVersion"]).as_str())
            .or_else(|| self.resource.get("apiVersion").and_then(Value::as_str))
            .unwrap_or_default();
        let now = match context(&["utcNow"]).as_str() {
            None => setting.now,
            Some(text) => match text.parse::<jiff::Timestamp>() {
                Ok(at) => at.as_second(),
                Err(_) => {
                    findings.push(Finding::warning("policy/bad-date", format!("`utcNow` is no date: `{text}`")));
                    setting.now
                }
            },
        };
        let mut single = policy.judge(&Facts {
            resource: &self.resource,
            api_version,
            aliases: setting.aliases,
            raw: self.raw,
            parameters: &self.parameters,
            subscription: context(&["subscription"]),
            resource_group: context(&["resourceGroup"]),
            identity: context(&["requestContext", "identity"]),
            policy: context(&["policy"]),
            related: &self.related,
            now,
            semantics: setting.semantics,
        });
        findings.append(&mut single.findings);
        single.findings = findings;
        Judged { id, single, unusable: false }
    }
}
