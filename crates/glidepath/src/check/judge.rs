//! Verdicts on expanded resources.

use glidepath_arm::template::{Context, Expanded, Expansion};
use glidepath_arm::{Object, ResourceId, Value};
use glidepath_estate::{Estate, Resource};
use glidepath_policy::{EstateRelated, Operation, Related, Request, Verdict};

use super::input::Input;
use crate::policies::Policies;

use super::report::{Checked, Judged, Source, UnknownPart};

/// Judges every resource of an expansion; those of one template are each other's related resources.
pub(crate) fn all(expansion: &Expansion, policies: &Policies, input: &Input, list_compliant: bool) -> Vec<Checked> {
    let estate: Estate = expansion
        .resources
        .iter()
        .filter_map(|r| Some(Resource::new(ResourceId::new(r.id.as_str()?), r.api_version.clone(), r.body.clone())))
        .collect();
    let related = EstateRelated(&estate);
    let now = jiff::Timestamp::now().as_second();
    let judge = |resource: &Expanded| {
        let id = judged_id(resource, input.context());
        let verdict = policies.engine.evaluate(&Request {
            id: &id,
            body: &resource.body,
            api_version: &resource.api_version,
            operation: Operation::Write,
            hierarchy: &policies.hierarchy,
            subscription: subscription(&id, input.context()),
            resource_group: resource_group(&id, input.context(), &estate),
            related: &related,
            now,
            list_compliant,
        });
        Checked {
            id: text(&resource.id),
            name: text(&resource.name),
            resource_type: resource.resource_type.clone(),
            source: Source::new(&resource.source, &resource.deployment),
            verdict: Judged { unknowns: UnknownPart::of(&resource.body), verdict },
        }
    };
    expansion.resources.iter().map(judge).collect()
}

/// Judges exported resources as if each were written again as it is; those of one file are each other's related resources.
pub(crate) fn export(resources: &[Resource], policies: &Policies, input: &Input, list_compliant: bool) -> Vec<Checked> {
    let estate: Estate = resources.iter().cloned().collect();
    let now = jiff::Timestamp::now().as_second();
    let judge = |resource: &Resource| {
        let verdict = written(resource, &estate, policies, input.context(), now, list_compliant);
        let origin = resource.origin.as_ref();
        Some(Checked {
            id: resource.id.as_str().to_owned(),
            name: resource.id.full_name(),
            resource_type: resource.resource_type()?,
            source: Source {
                file: origin.map(|o| o.file.clone()).unwrap_or_default(),
                line: origin.map_or(1, |o| o.line),
                column: 1,
                deployment: None,
            },
            verdict: Judged { unknowns: Vec::new(), verdict },
        })
    };
    resources.iter().filter_map(judge).collect()
}

/// The verdict on a resource of an estate, as if it were written again as it is.
pub(crate) fn written(
    resource: &Resource,
    estate: &Estate,
    policies: &Policies,
    context: &Context,
    now: i64,
    list_compliant: bool,
) -> Verdict {
    let related = EstateRelated(estate);
    let request = request(resource, estate, policies, context, &related, now);
    policies.engine.evaluate(&Request { list_compliant, ..request })
}

/// The question whether a resource of an estate may be written again as it is.
pub(crate) fn request<'a>(
    resource: &'a Resource,
    estate: &Estate,
    policies: &'a Policies,
    context: &Context,
    related: &'a dyn Related,
    now: i64,
) -> Request<'a> {
    Request {
        id: &resource.id,
        body: &resource.body,
        api_version: &resource.api_version,
        operation: Operation::Write,
        hierarchy: &policies.hierarchy,
        subscription: subscription(&resource.id, context),
        resource_group: resource_group(&resource.id, context, estate),
        related,
        now,
        list_compliant: false,
    }
}

/// The id a resource is judged by. Where its name is not known, its type and scope still are: a name stands in, so that
/// policies that do not look at names have their say.
fn judged_id(resource: &Expanded, context: &Context) -> ResourceId {
    if let Value::String(id) = &resource.id {
        return ResourceId::new(id);
    }
    let group = || {
        let subscription = context.subscription_id.clone().unwrap_or_default();
        let group = context.resource_group.as_ref().map(|g| g.name.clone()).unwrap_or_default();
        format!("/subscriptions/{subscription}/resourceGroups/{group}")
    };
    let scope = resource.scope.as_str().map_or_else(group, str::to_owned);
    let (namespace, kinds) = resource.resource_type.as_str().split_once('/').unwrap_or_default();
    let mut id = format!("{}/providers/{namespace}", scope.trim_end_matches('/'));
    let name = resource.name.as_str().unwrap_or_default();
    let mut names = name.split('/').filter(|n| !n.is_empty());
    for kind in kinds.split('/') {
        let name = names.next().unwrap_or("unknown");
        id.push_str(&format!("/{kind}/{name}"));
    }
    ResourceId::new(&id)
}

/// A string as it is, an unknown as `[expression]`.
fn text(value: &Value) -> String {
    match value.to_json() {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// `subscription()` as a policy rule sees it.
fn subscription(id: &ResourceId, context: &Context) -> Value {
    let Some(guid) = id.subscription_id() else { return Value::Null };
    let mut object = Object::new();
    object.insert("id", format!("/subscriptions/{guid}"));
    object.insert("subscriptionId", guid);
    object.insert("tenantId", context.tenant_id.clone().unwrap_or_default());
    if context.subscription_id.as_deref() == Some(guid) {
        object.insert("displayName", context.subscription_name.clone().unwrap_or_default());
        object.insert("tags", Object::new());
    }
    object.into()
}

/// `resourceGroup()` as a policy rule sees it: the template's own group where it creates one, else the deployment's.
fn resource_group(id: &ResourceId, context: &Context, estate: &Estate) -> Value {
    let (Some(guid), Some(name)) = (id.subscription_id(), id.resource_group_name()) else { return Value::Null };
    let group = ResourceId::resource_group(guid, name);
    let mut object = Object::new();
    object.insert("id", group.as_str());
    object.insert("name", name);
    if let Some(resource) = estate.get(&group) {
        for key in ["location", "tags", "managedBy"] {
            object.insert(key, resource.body.get(key).cloned().unwrap_or(Value::Null));
        }
    } else if let Some(given) = context.resource_group.as_ref().filter(|g| g.name.eq_ignore_ascii_case(name)) {
        object.insert("location", given.location.clone().map_or(Value::Null, Value::from));
        object.insert("tags", given.tags.clone());
    }
    object.into()
}
