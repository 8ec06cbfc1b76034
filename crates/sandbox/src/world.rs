//! The estate in memory: resources, the tree they lie in, the policy engine. One function changes it.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::{ResourceId, ResourceType, Value};
use glidepath_estate::{Estate, Hierarchy, Resource};
use glidepath_policy::{Aliases, Engine};
use serde_json::json;

use crate::inline;

/// One change of the estate.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Put(Resource),
    Delete(ResourceId),
    /// A resource provider is registered (or not any more) in a subscription.
    Register {
        subscription: String,
        namespace: String,
        registered: bool,
    },
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) estate: Estate,
    pub(crate) hierarchy: Hierarchy,
    pub(crate) engine: Engine,
    /// An engine without assets, to try one in.
    pub(crate) blank: Engine,
    /// Subscription → namespaces, both in lower case.
    pub(crate) registrations: BTreeMap<String, BTreeSet<String>>,
    /// Counts changes: what was computed at another count is out of date.
    pub(crate) generation: u64,
    /// The tenant's root management group.
    pub(crate) root: ResourceId,
}

impl World {
    /// A tenant with nothing but its root management group.
    pub(crate) fn new(tenant: &str, aliases: Aliases) -> Self {
        let blank = Engine::new().with_aliases(aliases);
        let root = ResourceId::management_group(tenant);
        let body = json!({"properties": {"tenantId": tenant, "displayName": "Tenant Root Group", "details": {
            "version": 1, "updatedTime": "1970-01-01T00:00:00Z", "updatedBy": tenant,
        }}});
        let mut estate = Estate::new();
        estate.insert(Resource::new(root.clone(), "2023-04-01", body.into()));
        Self {
            estate,
            hierarchy: Hierarchy::default(),
            engine: blank.clone(),
            blank,
            registrations: BTreeMap::new(),
            generation: 0,
            root,
        }
    }

    /// Carries out a change that is stored already.
    pub(crate) fn apply(&mut self, change: Change) {
        self.generation += 1;
        match change {
            Change::Put(resource) => self.put(resource),
            Change::Delete(id) => self.delete(&id),
            Change::Register { subscription, namespace, registered } => {
                let namespaces = self.registrations.entry(subscription.to_ascii_lowercase()).or_default();
                if registered {
                    namespaces.insert(namespace.to_ascii_lowercase());
                } else {
                    namespaces.remove(&namespace.to_ascii_lowercase());
                }
            }
        }
    }

    fn put(&mut self, resource: Resource) {
        match kind(&resource.id) {
            Kind::ManagementGroup if resource.id != self.root => {
                let parent = resource.body.at(&["properties", "details", "parent", "id"]).and_then(Value::as_str);
                let parent = parent.map_or_else(|| self.root.clone(), ResourceId::new);
                self.hierarchy.place(resource.id.clone(), parent);
            }
            Kind::Placement => {
                if let Some(group) = resource.id.parent() {
                    self.hierarchy.place(ResourceId::subscription(resource.id.name()), group);
                }
            }
            Kind::Subscription if self.hierarchy.parent(&resource.id).is_none() => {
                self.hierarchy.place(resource.id.clone(), self.root.clone());
            }
            Kind::PolicyAsset => {
                // Judged before it was stored; what the engine says again here is known.
                let _ = self.engine.upsert(&resource.id, &resource.body);
            }
            _ => {}
        }
        self.estate.insert(resource);
    }

    fn delete(&mut self, id: &ResourceId) {
        match kind(id) {
            Kind::ManagementGroup | Kind::Subscription => self.hierarchy.remove(id),
            Kind::Placement => {
                let subscription = ResourceId::subscription(id.name());
                if self.hierarchy.parent(&subscription) == id.parent().as_ref() {
                    self.hierarchy.place(subscription, self.root.clone());
                }
            }
            Kind::PolicyAsset => self.engine.remove(id),
            _ => {}
        }
        self.estate.remove(id);
    }

    /// A resource's content as a GET gives it, without `id`, `name` and `type`.
    pub(crate) fn content(&self, resource: &Resource) -> Value {
        inline::compose(&self.estate, resource)
    }

    /// A resource as a GET gives it.
    pub(crate) fn rendered(&self, resource: &Resource) -> Value {
        let Some(kind) = resource.resource_type() else { return resource.body.clone() };
        let mut members = vec![("id", Value::from(resource.id.as_str()))];
        // A subscription has a shape of its own.
        if !kind.is("Microsoft.Resources/subscriptions") {
            members.push(("name", Value::from(resource.id.name())));
            members.push(("type", Value::from(kind.as_str())));
        }
        let mut all = Value::object(members);
        if let Value::Object(body) = self.content(resource) {
            let object = all.make_object();
            for (key, value) in body.iter() {
                object.insert(key.clone(), value.clone());
            }
        }
        all
    }
}

/// Has the id this type? Looks at the last type segment first: reading the whole type of every id is what makes a search
/// through many resources slow.
pub(crate) fn has_type(id: &ResourceId, kind: &ResourceType) -> bool {
    let last = kind.as_str().rsplit('/').next().unwrap_or_default();
    id.as_str().rsplit('/').nth(1).is_some_and(|segment| segment.eq_ignore_ascii_case(last))
        && id.resource_type().is_some_and(|t| t == *kind)
}

/// What an id is to the tree and the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    ManagementGroup,
    /// A subscription's place under a management group.
    Placement,
    Subscription,
    ResourceGroup,
    /// Policy definition, initiative, assignment or exemption.
    PolicyAsset,
    Other,
}

pub(crate) fn kind(id: &ResourceId) -> Kind {
    const ASSETS: [&str; 8] = [
        "Microsoft.Authorization/policyDefinitions",
        "Microsoft.Authorization/policySetDefinitions",
        "Microsoft.Authorization/policyAssignments",
        "Microsoft.Authorization/policyExemptions",
        "Microsoft.Authorization/policyEnrollments",
        "Microsoft.Authorization/policyDefinitions/versions",
        "Microsoft.Authorization/policySetDefinitions/versions",
        "Microsoft.PolicyInsights/attestations",
    ];
    let Some(t) = id.resource_type() else { return Kind::Other };
    match () {
        () if t.is("Microsoft.Management/managementGroups") => Kind::ManagementGroup,
        () if t.is("Microsoft.Management/managementGroups/subscriptions") => Kind::Placement,
        () if t.is("Microsoft.Resources/subscriptions") => Kind::Subscription,
        () if t.is("Microsoft.Resources/resourceGroups") => Kind::ResourceGroup,
        () if ASSETS.iter().any(|asset| t.is(asset)) => Kind::PolicyAsset,
        () => Kind::Other,
    }
}
