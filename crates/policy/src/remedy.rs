//! What a deployIfNotExists policy would deploy: its template expanded with the parameters that the policy evaluates.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/effect-deploy-if-not-exists. A remediation task (or, for new
//! resources, the policy itself once `evaluationDelay` is over) deploys it; the functions inside the template belong to ARM.

use std::sync::Arc;

use glidepath_arm::template::{Context, NoLinks, Parameters, ResourceGroup, expand};
use glidepath_arm::{Object, Scope, Value};
use glidepath_source::Text;

use crate::details::value_or_unknown;
use crate::engine::{Engine, Request};
use crate::frame::{Frame, PolicyIds, Surroundings};
use crate::subject::Subject;
use crate::template::Template;
use crate::{Contributor, Effect};

/// The `deployment` of an effect's details.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remedy {
    /// The ARM template.
    template: Value,
    /// `properties.parameters`: the only part whose expressions are policy's.
    pub(crate) parameters: Vec<(Arc<str>, Template)>,
    /// `deploymentScope`: into the subscription, else into a resource group.
    by_subscription: bool,
    /// The group, where it is not the resource's own.
    group: Option<Template>,
    location: Option<Template>,
}

impl Remedy {
    pub(crate) fn new(
        details: &Value,
        parameters: Vec<(Arc<str>, Template)>,
        group: Option<Template>,
        location: Option<Template>,
    ) -> Self {
        let scope = details.get("deploymentScope").and_then(Value::as_str);
        Self {
            template: details.at(&["deployment", "properties", "template"]).cloned().unwrap_or(Value::Null),
            parameters,
            by_subscription: scope.is_some_and(|s| s.eq_ignore_ascii_case("subscription")),
            group,
            location,
        }
    }

    /// `{scope, resources, problems?}`; the resources as ARM would send them, unknowns as their expressions. Null where
    /// there is no template.
    pub(crate) fn expanded(&self, frame: &Frame<'_>) -> Value {
        if self.template.is_null() {
            return Value::Null;
        }
        let text_of = |template: &Option<Template>| {
            let value = template.as_ref()?.evaluate(frame).ok()?;
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let mut parameters = Parameters::new();
        for (name, template) in &self.parameters {
            parameters.set(name, value_or_unknown(template, frame));
        }
        let (subscription, own_group) = match frame.subject.id.scope() {
            Scope::ResourceGroup { subscription, name } => (Some(subscription), Some(name)),
            Scope::Subscription(subscription) => (Some(subscription), None),
            Scope::Tenant | Scope::ManagementGroup(_) => (None, None),
        };
        let group = text_of(&self.group).or(own_group).filter(|_| !self.by_subscription);
        let around = frame.around.resource_group;
        let location = around.get("location").and_then(Value::as_str).map(str::to_owned);
        let context = Context {
            subscription_id: subscription.clone(),
            resource_group: group.clone().map(|name| ResourceGroup { name, location, ..ResourceGroup::default() }),
            location: text_of(&self.location),
            ..Context::default()
        };
        let text = Text::new("deployment", self.template.to_json().to_string());
        let expansion = expand(&text, &parameters, &context, &NoLinks);
        let mut deployment = Object::new();
        let mut scope = subscription.map_or_else(String::new, |subscription| format!("/subscriptions/{subscription}"));
        if let Some(group) = group {
            scope.push_str(&format!("/resourceGroups/{group}"));
        }
        deployment.insert("scope", scope);
        let resources = expansion.resources.iter().map(|resource| {
            let mut object = Object::new();
            object.insert("id", resource.id.clone());
            object.insert("type", resource.resource_type.as_str());
            object.insert("name", resource.name.clone());
            object.insert("apiVersion", resource.api_version.as_str());
            for (key, value) in resource.body.as_object().into_iter().flat_map(Object::iter) {
                object.insert(key.clone(), value);
            }
            if let Some(condition) = &resource.condition {
                object.insert("condition", condition.clone());
            }
            Value::from(object)
        });
        deployment.insert("resources", resources.collect::<Vec<_>>());
        let problems: Vec<Value> =
            expansion.findings.iter().filter(|f| f.is_error()).map(|f| f.message.as_str().into()).collect();
        if !problems.is_empty() {
            deployment.insert("problems", problems);
        }
        deployment.into()
    }
}

impl Engine {
    /// What a contributor with the effect deployIfNotExists, of a verdict on this request, would deploy: `{scope, resources,
    /// problems?}`. `None`: nothing, or its assets are gone.
    pub fn would_deploy(&self, request: &Request<'_>, contributor: &Contributor) -> Option<Value> {
        if contributor.effect != Effect::DeployIfNotExists {
            return None;
        }
        let subject = Subject::new(request.id, request.body, request.api_version, &self.aliases)?;
        let around = Surroundings {
            api_version: request.api_version,
            subscription: &request.subscription,
            resource_group: &request.resource_group,
            now: request.now,
            fields: &self.fields,
            identity: &Value::Null,
            policy: None,
            semantics: self.semantics,
        };
        let entries = self.entries_at(request.id, &request.hierarchy.scopes_of(request.id));
        let entry = entries.into_iter().find(|e| e.assignment.named.id == contributor.assignment.id)?;
        let bound = self.bound(entry);
        let is_it = |reference: Option<&str>| reference == contributor.reference_id.as_deref();
        let instance = bound
            .instances
            .iter()
            .find(|i| i.definition.named.id == contributor.definition.id && is_it(i.reference.as_deref()))?;
        let definition = &instance.definition;
        let ids = PolicyIds {
            assignment: &entry.assignment.named.id,
            definition: &definition.named.id,
            initiative: bound.initiative.as_ref().map(|i| &i.named.id),
            reference: instance.reference.as_deref(),
        };
        let frame = Frame::new(&subject, &around, &definition.names, &instance.values, ids);
        let expanded = definition.details.remedy.as_ref()?.expanded(&frame);
        (!expanded.is_null()).then_some(expanded)
    }
}
