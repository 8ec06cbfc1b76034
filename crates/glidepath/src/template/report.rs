//! What `template expand` answers, as data.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::template::{Dropped, Expanded, Expansion, Nested};
use glidepath_arm::{Object, ResourceType, Value};
use glidepath_source::{Finding, Place};
use serde::Serialize;

/// The whole answer; its JSON form is the contract of `template expand --output json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    pub(crate) template: &'a str,
    pub(crate) summary: Summary,
    pub(crate) resources: Vec<Resource<'a>>,
    pub(crate) deployments: &'a [Nested],
    pub(crate) dropped: &'a [Dropped],
    pub(crate) outputs: &'a Object,
    /// What is unknown in the outputs.
    pub(crate) output_unknowns: BTreeMap<String, UnknownPart>,
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub(crate) asserts: &'a Object,
    pub(crate) findings: &'a [Finding],
}

/// Counts.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    pub(crate) resources: usize,
    /// Distinct types.
    pub(crate) types: usize,
    /// Nested and linked deployments run.
    pub(crate) deployments: usize,
    /// Left out because their condition is false.
    pub(crate) dropped: usize,
    /// `existing` resources, only looked at.
    pub(crate) existing: usize,
    /// Resources that hold something unknown.
    pub(crate) with_unknowns: usize,
    /// By type, in alphabetical order.
    pub(crate) by_type: BTreeMap<String, usize>,
}

/// One resource.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Resource<'a> {
    /// What is unknown in it stands as `[expression]`, here and below.
    id: &'a Value,
    #[serde(rename = "type")]
    resource_type: &'a ResourceType,
    name: &'a Value,
    api_version: &'a str,
    scope: &'a Value,
    location: Option<&'a Value>,
    body: &'a Value,
    /// The names of the nested deployments around it, outermost first.
    deployment: &'a [String],
    source: &'a Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbolic_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copy_index: Option<usize>,
    /// Its condition, where whether it is deployed at all is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a Value>,
    depends_on: &'a [String],
    /// Those of `dependsOn` that the template does not write: from expressions, parents and serial loops.
    implicit_depends_on: &'a [String],
    /// By path: `id`, `name`, `scope`, `condition`, or a path in the body.
    unknowns: BTreeMap<String, UnknownPart>,
}

/// Why something is unknown.
#[derive(Debug, Serialize)]
pub(crate) struct UnknownPart {
    /// `runtime`, `list`, `secret`, `nonDeterministic`, `context`, `parameter`, `template` or `failed`.
    kind: serde_json::Value,
    reason: String,
    expression: String,
}

fn unknowns<'a>(parts: impl IntoIterator<Item = (&'a str, &'a Value)>) -> BTreeMap<String, UnknownPart> {
    let mut found = BTreeMap::new();
    for (prefix, value) in parts {
        value.for_each_unknown(&mut |path, unknown| {
            let path = match (prefix, path) {
                ("", path) => path.to_owned(),
                (prefix, "") => prefix.to_owned(),
                (prefix, path) if path.starts_with('[') => format!("{prefix}{path}"),
                (prefix, path) => format!("{prefix}.{path}"),
            };
            let kind = serde_json::to_value(&unknown.reason).ok();
            let kind = kind.and_then(|mut k| k.get_mut("kind").map(serde_json::Value::take)).unwrap_or_default();
            let part = UnknownPart { kind, reason: unknown.reason.to_string(), expression: unknown.expression.clone() };
            found.insert(path, part);
        });
    }
    found
}

impl<'a> Resource<'a> {
    pub(crate) fn new(resource: &'a Expanded) -> Self {
        let mut parts = vec![("id", &resource.id), ("name", &resource.name), ("scope", &resource.scope)];
        parts.extend(resource.condition.as_ref().map(|c| ("condition", c)));
        parts.push(("", &resource.body));
        Self {
            id: &resource.id,
            resource_type: &resource.resource_type,
            name: &resource.name,
            api_version: &resource.api_version,
            scope: &resource.scope,
            location: resource.body.get("location"),
            body: &resource.body,
            deployment: &resource.deployment,
            source: &resource.source,
            symbolic_name: resource.symbolic_name.as_deref(),
            copy_index: resource.copy_index,
            condition: resource.condition.as_ref(),
            depends_on: &resource.depends_on,
            implicit_depends_on: &resource.implied,
            unknowns: unknowns(parts),
        }
    }

    pub(crate) fn unknown_count(&self) -> usize {
        self.unknowns.len()
    }
}

impl<'a> Report<'a> {
    pub(crate) fn new(template: &'a str, expansion: &'a Expansion) -> Self {
        let resources: Vec<Resource<'a>> = expansion.resources.iter().map(Resource::new).collect();
        let mut by_type: BTreeMap<String, usize> = BTreeMap::new();
        for resource in &expansion.resources {
            *by_type.entry(resource.resource_type.as_str().to_owned()).or_default() += 1;
        }
        let types: BTreeSet<String> = by_type.keys().map(|t| t.to_ascii_lowercase()).collect();
        Self {
            template,
            summary: Summary {
                resources: resources.len(),
                types: types.len(),
                deployments: expansion.deployments,
                dropped: expansion.dropped.len(),
                existing: expansion.existing,
                with_unknowns: resources.iter().filter(|r| r.unknown_count() > 0).count(),
                by_type,
            },
            resources,
            deployments: &expansion.nested,
            dropped: &expansion.dropped,
            outputs: &expansion.outputs,
            output_unknowns: unknowns(expansion.outputs.iter().map(|(k, v)| (k.as_ref(), v))),
            asserts: &expansion.asserts,
            findings: &expansion.findings,
        }
    }
}
