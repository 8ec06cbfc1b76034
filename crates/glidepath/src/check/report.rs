//! What `check` answers, as data.

use glidepath_arm::{ResourceType, Value};
use glidepath_policy::{Contributor, Effect, Outcome, Verdict};
use glidepath_source::{Finding, Place};
use indexmap::IndexMap;
use serde::Serialize;

use super::undecided::{Undecided, hangs_on_caller};

/// The whole answer; its JSON form is the contract of `check --output json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// The management group the subscription is placed under.
    pub(crate) at: String,
    /// The templates, as named.
    pub(crate) templates: Vec<String>,
    pub(crate) summary: Summary,
    pub(crate) resources: Vec<Checked>,
    /// What might be refused for all that is known here.
    pub(crate) undecided: Vec<Undecided>,
    /// The fingerprints of all that is said, for `--baseline`.
    pub(crate) hits: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<Finding>,
}

/// Counts.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// Resources the templates expand to.
    pub(crate) resources: usize,
    /// Their distinct types.
    pub(crate) types: usize,
    /// Nested and linked deployments run.
    pub(crate) deployments: usize,
    /// Assignments in force at the management group.
    pub(crate) assignments: usize,
    /// Policy instances: one per assigned definition and per member of an assigned initiative.
    pub(crate) instances: usize,
    /// Those that ARM evaluates itself (modes All and Indexed).
    pub(crate) arm_mode_instances: usize,
    /// For each effect that happens, how many resources it happens to; `dependsOn` counts resources whose verdict
    /// hangs on something unknown, `dependsOnCaller` those where that is only who deploys, `notEnforced` those that only an unenforced assignment hits.
    pub(crate) by_effect: IndexMap<&'static str, usize>,
    /// What might be refused: resources, and what could not be looked at.
    pub(crate) undecided: usize,
    /// Findings that the baseline knows.
    pub(crate) hidden: usize,
}

/// One resource and its verdict.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Checked {
    /// The id; what is unknown in it stands as `[expression]`.
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) resource_type: ResourceType,
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) verdict: Judged,
}

/// Where the resource is written.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
    /// Names of the nested deployments that lead there, outermost first, joined with `/`; `null` at the top.
    pub(crate) deployment: Option<String>,
}

impl Source {
    pub(crate) fn new(place: &Place, deployment: &[String]) -> Self {
        let at = place.position();
        Self {
            file: place.text.name().to_owned(),
            line: at.line,
            column: at.column,
            deployment: (!deployment.is_empty()).then(|| deployment.join("/")),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)?;
        match &self.deployment {
            Some(deployment) => write!(f, " in {deployment}"),
            None => Ok(()),
        }
    }
}

/// The verdict, with what it could not know.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judged {
    #[serde(flatten)]
    pub(crate) verdict: Verdict,
    /// What is unknown in the resource.
    pub(crate) unknowns: Vec<UnknownPart>,
}

/// One unknown part of a resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnknownPart {
    pub(crate) path: String,
    pub(crate) reason: String,
    pub(crate) expression: String,
}

impl UnknownPart {
    /// Everything unknown in a body.
    pub(crate) fn of(body: &Value) -> Vec<Self> {
        let mut parts = Vec::new();
        body.for_each_unknown(&mut |path, unknown| {
            parts.push(Self {
                path: path.to_owned(),
                reason: unknown.reason.to_string(),
                expression: unknown.expression.clone(),
            });
        });
        parts
    }
}

/// How a contributor counts in the summary; `None` when it does not.
pub(crate) fn heading(contributor: &Contributor) -> Option<&'static str> {
    match (contributor.outcome, contributor.effect) {
        (_, Effect::Disabled) => None,
        (Outcome::Triggered, effect) => Some(effect.name()),
        (Outcome::DependsOn, _) if hangs_on_caller(contributor) => Some("dependsOnCaller"),
        (Outcome::DependsOn, _) => Some("dependsOn"),
        (Outcome::NotEnforced, _) => Some("notEnforced"),
        (Outcome::Exempt, _) => Some("exempt"),
        (Outcome::Compliant, _) => None,
    }
}

/// What one hit is told by from run to run: the resource, the policy, and what it does.
pub(crate) fn fingerprint(id: &str, contributor: &Contributor) -> Option<String> {
    let member = contributor.reference_id.as_deref().unwrap_or(&contributor.definition.name);
    heading(contributor).map(|does| format!("{id}|{}|{member}|{does}", contributor.assignment.id))
}

/// The order in which headings are shown.
pub(crate) const HEADINGS: [&str; 14] = [
    "deny",
    "denyAction",
    "dependsOn",
    "dependsOnCaller",
    "modify",
    "append",
    "deployIfNotExists",
    "audit",
    "auditIfNotExists",
    "manual",
    "provider",
    "notEnforced",
    "exempt",
    "disabled",
];

impl Report {
    /// Counts resources under each heading.
    pub(crate) fn count_effects(&mut self) {
        self.summary.by_effect = HEADINGS
            .iter()
            .filter_map(|name| {
                let hit = |c: &Checked| c.verdict.verdict.contributors.iter().any(|c| heading(c) == Some(name));
                let count = self.resources.iter().filter(|r| hit(r)).count();
                (count > 0).then_some((*name, count))
            })
            .collect();
    }

    /// Would anything be refused?
    pub(crate) fn is_refused(&self) -> bool {
        self.resources.iter().any(|r| r.verdict.verdict.is_refused())
    }
}
