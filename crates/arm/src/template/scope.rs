//! Deployment scopes, of which parts may be unknown, and the ids in them.

use glidepath_source::Node;

use super::Context;
use crate::{Reason, ResourceId, Scope, Value};

/// A value from the context, or unknown.
pub(super) fn known(value: Option<&str>, what: &str) -> Value {
    match value {
        Some(value) => value.into(),
        None => Value::unknown(Reason::Context(what.to_owned()), what),
    }
}

/// Where a deployment goes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Target {
    Tenant,
    /// By name.
    ManagementGroup(Value),
    /// By GUID.
    Subscription(Value),
    /// Subscription and name.
    ResourceGroup(Value, Value),
}

impl Target {
    /// The scope the caller names, or the one the schema says.
    pub(super) fn of_root(context: &Context, template: &Node) -> Self {
        let subscription = || known(context.subscription_id.as_deref(), "subscription().subscriptionId");
        if let Some(scope) = &context.scope {
            return match scope {
                Scope::Tenant => Target::Tenant,
                Scope::ManagementGroup(name) => Target::ManagementGroup(name.into()),
                Scope::Subscription(id) => Target::Subscription(id.into()),
                Scope::ResourceGroup { subscription, name } => Target::ResourceGroup(subscription.into(), name.into()),
            };
        }
        let schema = template.get("$schema").and_then(Node::as_str).unwrap_or_default().to_ascii_lowercase();
        if schema.contains("subscriptiondeploymenttemplate") {
            Target::Subscription(subscription())
        } else if schema.contains("managementgroupdeploymenttemplate") {
            Target::ManagementGroup(known(context.management_group.as_deref(), "managementGroup().name"))
        } else if schema.contains("tenantdeploymenttemplate") {
            Target::Tenant
        } else {
            let group = context.resource_group.as_ref().map(|g| g.name.as_str());
            Target::ResourceGroup(subscription(), known(group, "resourceGroup().name"))
        }
    }

    /// From a `scope` property: `/`, a full id, or `Microsoft.Management/managementGroups/<name>`.
    pub(super) fn parse(text: &str) -> Self {
        let id = match text.strip_prefix('/') {
            Some(_) => ResourceId::new(text),
            None => ResourceId::new(&format!("/providers/{text}")),
        };
        match id.scope() {
            Scope::Tenant => Target::Tenant,
            Scope::ManagementGroup(name) => Target::ManagementGroup(name.into()),
            Scope::Subscription(id) => Target::Subscription(id.into()),
            Scope::ResourceGroup { subscription, name } => Target::ResourceGroup(subscription.into(), name.into()),
        }
    }

    /// The scope's id, `/` for the tenant.
    pub(super) fn id(&self) -> Value {
        match self {
            Target::Tenant => "/".into(),
            Target::ManagementGroup(name) => append("/providers/Microsoft.Management/managementGroups/".into(), name),
            Target::Subscription(id) => append("/subscriptions/".into(), id),
            Target::ResourceGroup(subscription, name) => {
                let base = append("/subscriptions/".into(), subscription);
                append(append(base, &"/resourceGroups/".into()), name)
            }
        }
    }

    pub(super) fn subscription(&self) -> Option<&Value> {
        match self {
            Target::Subscription(id) | Target::ResourceGroup(id, _) => Some(id),
            _ => None,
        }
    }

    /// The scope in words.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Target::Tenant => "the tenant",
            Target::ManagementGroup(_) => "a management group",
            Target::Subscription(_) => "a subscription",
            Target::ResourceGroup(..) => "a resource group",
        }
    }
}

/// Joins two texts of which either may be unknown.
pub(super) fn append(head: Value, tail: &Value) -> Value {
    match (&head, tail) {
        (Value::String(a), Value::String(b)) => format!("{a}{b}").into(),
        (Value::Unknown(unknown), other) | (other, Value::Unknown(unknown)) => {
            let part = |v: &Value| crate::expression::literal(v, 2_000).unwrap_or_else(|| "'…'".into());
            let text = match &head {
                Value::Unknown(_) => {
                    let inner = unknown.expression.strip_prefix("concat(").and_then(|t| t.strip_suffix(')'));
                    match inner.filter(|_| unknown.expression.matches("concat(").count() == 1) {
                        Some(inner) => format!("concat({inner}, {})", part(tail)),
                        None => format!("concat({}, {})", unknown.expression, part(tail)),
                    }
                }
                _ => format!("concat({}, {})", part(other), unknown.expression),
            };
            Value::unknown(unknown.reason.clone(), text)
        }
        _ => Value::unknown(Reason::Failed("a part of the id is no text".into()), "null()"),
    }
}

/// Types that live at the tenant wherever they are declared.
fn is_tenant_level(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind == "microsoft.subscription/aliases"
        || kind == "microsoft.management/managementgroups"
        || kind.starts_with("microsoft.management/managementgroups/")
}

/// The id of a resource of a type, with its names joined by `/`, in a scope. `None`: the segments do not pair up.
pub(super) fn resource_id(base: &Value, kind: &str, name: &Value) -> Option<Value> {
    let tenant = Value::from("/");
    let base = if is_tenant_level(kind) { &tenant } else { base };
    let (namespace, kinds) = kind.trim_matches('/').split_once('/')?;
    match (base, name) {
        (Value::String(base), Value::String(name)) => {
            let at = base.trim_end_matches('/');
            let is_group = kind.eq_ignore_ascii_case("Microsoft.Resources/resourceGroups");
            if is_group && base.to_ascii_lowercase().starts_with("/subscriptions/") {
                return Some(format!("{at}/resourceGroups/{name}").into());
            }
            let mut id = format!("{at}/providers/{namespace}");
            let (mut kinds, mut names) = (kinds.split('/'), name.split('/'));
            loop {
                match (kinds.next(), names.next()) {
                    (Some(kind), Some(name)) if !name.is_empty() => {
                        id.push('/');
                        id.push_str(kind);
                        id.push('/');
                        id.push_str(name);
                    }
                    (None, None) => return Some(id.into()),
                    _ => return None,
                }
            }
        }
        _ => {
            let prefix = match base {
                Value::String(base) => Value::from(base.trim_end_matches('/')),
                other => other.clone(),
            };
            // The parents' names, where they are known, would stand between the segments of the type.
            Some(append(append(prefix, &format!("/providers/{namespace}/{kinds}/").into()), name))
        }
    }
}
