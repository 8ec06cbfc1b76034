//! Template expansion: from an ARM template to the flat list of resources it would deploy, without asking Azure.
//!
//! Source: Microsoft Learn, "Understand the structure and syntax of ARM templates", "Use linked and nested templates",
//! "Resource iteration", "Conditional deployment", "Set scope for extension resources".
//!
//! * Everything is evaluated on demand and once: parameters, variables, outputs, nested deployments.
//! * What only Azure knows is a [`Value::Unknown`] with its reason. A failing expression is a finding, and unknown.
//! * Deployments are not in the result, what they deploy is; every resource knows the deployments around it.

use std::rc::Rc;

use glidepath_source::{Finding, Place, Text, json};
use serde::Serialize;

use crate::{Object, ResourceType, Scope, Value};

mod copy;
mod depend;
mod emit;
mod evaluate;
mod frame;
mod host;
mod limits;
mod lint;
mod nested;
mod outputs;
mod parameters;
mod reference;
mod resources;
mod scope;
mod session;
mod shape;
mod types;
mod wrapper;

pub use lint::lint;
pub use parameters::Parameters;

use frame::Frame;
use nested::Deployment;
use scope::Target;
use session::{Arena, Session};

/// Where and as what a template is deployed. What is `None` is unknown in the result.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The tenant's GUID.
    pub tenant_id: Option<String>,
    /// The subscription's GUID.
    pub subscription_id: Option<String>,
    /// The subscription's name.
    pub subscription_name: Option<String>,
    /// The resource group, for deployments into one.
    pub resource_group: Option<ResourceGroup>,
    /// The management group's name, for deployments into one.
    pub management_group: Option<String>,
    /// The location of the deployment itself (for scopes other than resource groups).
    pub location: Option<String>,
    /// The deployment's name; `uniqueString(deployment().name)` hangs on it.
    pub deployment_name: Option<String>,
    /// What `deployment().properties.templateLink.uri` says of the root template: links are often relative to it.
    pub template_uri: Option<String>,
    /// The scope; `None`: as the template's `$schema` says, filled from the fields above.
    pub scope: Option<Scope>,
    /// The time for `utcNow()`; `None`: unknown.
    pub now: Option<jiff::Timestamp>,
}

/// A resource group as `resourceGroup()` shows it.
#[derive(Debug, Clone, Default)]
pub struct ResourceGroup {
    /// Its name.
    pub name: String,
    /// Its location; `None`: unknown.
    pub location: Option<String>,
    /// Its tags.
    pub tags: Object,
}

/// What lies outside the template: linked templates (the caller maps URI prefixes to folders and does the I/O) and, where
/// a template is carried out, what exists.
pub trait Links {
    /// The text behind a URI, if it is here.
    fn fetch(&self, uri: &str) -> Option<Text>;

    /// A resource as it exists, with `id`, `name`, `type`, `apiVersion`: what `reference()` finds where the template does
    /// not say it.
    fn state(&self, _id: &str) -> Option<Value> {
        None
    }

    /// What an action such as `listKeys` on a resource gives.
    fn list(&self, _function: &str, _id: &str) -> Option<Value> {
        None
    }

    /// The GUID for the `newGuid()` of one place: the same at every expansion of one deployment.
    fn guid(&self, _place: &str) -> Option<String> {
        None
    }

    /// Are the values of secure parameters to be used as they are? Otherwise they are unknown.
    fn reveals(&self) -> bool {
        false
    }
}

/// No linked template is here.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLinks;

impl Links for NoLinks {
    fn fetch(&self, _: &str) -> Option<Text> {
        None
    }
}

/// What a template comes to.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expansion {
    /// The resources, in the order of the template, those of a nested deployment in its place.
    pub resources: Vec<Expanded>,
    /// How many nested deployments run.
    pub deployments: usize,
    /// The nested deployments that run, in the order of the template, each before what it deploys.
    pub nested: Vec<Nested>,
    /// What is left out because its condition is false.
    pub dropped: Vec<Dropped>,
    /// How many `existing` resources are only looked at.
    pub existing: usize,
    /// The root template's outputs, by name.
    pub outputs: Object,
    /// The root template's asserts, by name: a boolean, or unknown.
    #[serde(skip_serializing_if = "Object::is_empty")]
    pub asserts: Object,
    /// Everything worth saying, in the order in which it was met.
    pub findings: Vec<Finding>,
}

/// One resource.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Expanded {
    /// Its id: a string, or unknown.
    pub id: Value,
    /// Its type.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// Its name with those of its parents, `parent/child`: a string, or unknown.
    pub name: Value,
    /// The api-version; empty where it is unknown.
    pub api_version: String,
    /// The id of the scope it is deployed in, or of the resource it extends: a string, or unknown.
    pub scope: Value,
    /// The body as it would be sent: no `id`, `name`, `type`, `apiVersion`, `dependsOn`, `condition`, `copy`.
    pub body: Value,
    /// Its condition, where that is unknown: whether it is deployed hangs on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Value>,
    /// Where it is written.
    pub source: Place,
    /// The names of the nested deployments around it, outermost first.
    pub deployment: Vec<String>,
    /// Its symbolic name (languageVersion 2.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbolic_name: Option<String>,
    /// Its number in its copy loop, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_index: Option<usize>,
    /// What must exist first: ids of resources and deployments of the same template, written or implied.
    pub depends_on: Vec<String>,
    /// Those of them that `dependsOn` does not name: they follow from expressions, from being a child, from a serial loop.
    pub implied: Vec<String>,
}

/// A nested deployment that runs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nested {
    /// Its id: a string, or unknown.
    pub id: Value,
    /// The names of the deployments around it, its own last.
    pub deployment: Vec<String>,
    /// The id of the scope it deploys to: a string, or unknown.
    pub scope: Value,
    /// Where it is written.
    pub source: Place,
    /// Its symbolic name (languageVersion 2.0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbolic_name: Option<String>,
    /// Its number in its copy loop, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_index: Option<usize>,
    /// What must exist first, as for resources.
    pub depends_on: Vec<String>,
    /// Those of them that `dependsOn` does not name.
    pub implied: Vec<String>,
    /// Its outputs, `{name: {type, value}}`.
    #[serde(skip)]
    pub outputs: Value,
}

/// A resource whose condition is false.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dropped {
    /// Its type.
    #[serde(rename = "type")]
    pub resource_type: ResourceType,
    /// Its name as written (not evaluated: it need not make sense).
    pub name: String,
    /// The condition as written.
    pub why: String,
    /// Where it is written.
    pub source: Place,
    /// The names of the nested deployments around it, outermost first.
    pub deployment: Vec<String>,
}

/// Expands a template.
///
/// Never fails: what cannot be read or evaluated is told in [`Expansion::findings`], with its place, and unknown in the
/// result.
pub fn expand(template: &Text, parameters: &Parameters, context: &Context, links: &dyn Links) -> Expansion {
    let mut findings = parameters.findings().to_vec();
    let root = match json::parse_telling(template) {
        Ok((root, told)) => {
            findings.extend(told);
            root
        }
        Err(finding) => {
            findings.push(finding);
            return Expansion { findings, ..Expansion::default() };
        }
    };
    let wrapped = wrapper::unwrap(template, root);
    let context = &wrapped.context(context);
    findings.extend(wrapped.parameters.findings().iter().cloned());
    let (root, parameters) = (wrapped.template, &wrapped.parameters.overlaid(parameters));
    let arena = Arena::new();
    let session = Session::new(&arena, context, links, findings);
    let Some(document) = arena.add(template.clone(), root) else { return Expansion::default() };
    for given in &parameters.given {
        if parameters::declaration(&document.root, &given.name).is_none() {
            let message = format!("the template has no parameter `{}`", given.name);
            let finding = Finding::error("template/unknown-parameter", message).about(given.name.as_ref());
            let place = given.place.clone().or_else(|| Some(Place::new(template, document.root.span)));
            session.tell(finding.at_place(place).why("Azure refuses values for parameters that are not declared"));
        }
    }
    let target = Target::of_root(context, &document.root);
    let name = scope::known(context.deployment_name.as_deref(), "deployment().name");
    let frame = Rc::new(Frame::root(document, target.clone(), name, context, parameters));
    let deployment = Rc::new(Deployment::root(document, frame, target));
    session.run(deployment)
}

/// The id of a resource of a type, with its names joined by `/`, in a scope; null where names and type do not pair up.
pub(crate) fn id_of(base: &Value, kind: &str, names: &str) -> Value {
    scope::resource_id(base, kind, &names.into()).unwrap_or(Value::Null)
}
