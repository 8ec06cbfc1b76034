//! Who is above whom: the management-group tree and the subscriptions in it.

use std::collections::BTreeMap;

use glidepath_arm::{ResourceId, Scope, Value};

use crate::Estate;

/// The management-group tree of an estate.
///
/// Read from two kinds of resource: `Microsoft.Management/managementGroups` (their `properties.details.parent.id`) and
/// `Microsoft.Management/managementGroups/subscriptions` (the placement of a subscription). A group without a parent and
/// a subscription without a placement lie directly under the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hierarchy {
    /// Child scope → management group above it.
    parents: BTreeMap<ResourceId, ResourceId>,
}

impl Hierarchy {
    /// Reads the tree out of an estate.
    pub fn of(estate: &Estate) -> Self {
        let mut hierarchy = Self::default();
        for resource in estate.iter() {
            let Some(kind) = resource.resource_type() else { continue };
            if kind.is("Microsoft.Management/managementGroups") {
                let parent = resource.body.at(&["properties", "details", "parent", "id"]).and_then(Value::as_str);
                if let Some(parent) = parent {
                    hierarchy.place(resource.id.clone(), ResourceId::new(parent));
                }
            } else if kind.is("Microsoft.Management/managementGroups/subscriptions")
                && let Some(group) = resource.id.parent()
            {
                hierarchy.place(ResourceId::subscription(resource.id.name()), group);
            }
        }
        hierarchy
    }

    /// Puts a management group or subscription under a management group.
    pub fn place(&mut self, child: ResourceId, parent: ResourceId) {
        self.parents.insert(child, parent);
    }

    /// Takes a management group or subscription out of the tree.
    pub fn remove(&mut self, child: &ResourceId) {
        self.parents.remove(child);
    }

    /// The management group directly above a management group or subscription.
    pub fn parent(&self, child: &ResourceId) -> Option<&ResourceId> {
        self.parents.get(child)
    }

    /// The management groups and subscriptions directly below a management group.
    pub fn children(&self, group: &ResourceId) -> impl Iterator<Item = &ResourceId> {
        self.parents.iter().filter(move |(_, parent)| *parent == group).map(|(child, _)| child)
    }

    /// Every scope that holds the resource, outermost first: tenant, management groups, subscription, resource group.
    /// A scope holds itself. A cycle in the tree is cut.
    pub fn scopes_of(&self, id: &ResourceId) -> Vec<ResourceId> {
        let mut scopes = Vec::new();
        let mut next = match id.scope() {
            Scope::ResourceGroup { subscription, name } => {
                scopes.push(ResourceId::resource_group(&subscription, &name));
                Some(ResourceId::subscription(&subscription))
            }
            Scope::Tenant => None,
            scope => Some(scope.id()),
        };
        while let Some(scope) = next {
            if scopes.contains(&scope) {
                break;
            }
            next = self.parents.get(&scope).cloned();
            scopes.push(scope);
        }
        if !scopes.iter().any(|s| s.as_str() == "/") {
            scopes.push(ResourceId::tenant());
        }
        scopes.reverse();
        scopes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_go_from_the_tenant_inwards() {
        let mut hierarchy = Hierarchy::default();
        let (root, corp) = (ResourceId::management_group("root"), ResourceId::management_group("corp"));
        hierarchy.place(corp.clone(), root.clone());
        hierarchy.place(ResourceId::subscription("s"), corp.clone());
        let vnet = ResourceId::new("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v");
        assert_eq!(
            hierarchy.scopes_of(&vnet),
            [
                ResourceId::tenant(),
                root.clone(),
                corp.clone(),
                ResourceId::subscription("s"),
                ResourceId::resource_group("s", "g")
            ]
        );
        hierarchy.place(root, corp.clone());
        assert_eq!(hierarchy.scopes_of(&corp).len(), 3);
    }
}
