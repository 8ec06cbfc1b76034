//! The roles that an assignment's identity needs, and no more: a definition whose effect is disabled needs none.

use glidepath_arm::{Reason, ResourceId, Value};
use glidepath_estate::{Phase, Resource};
use uuid::Uuid;

use super::{Placing, ROLE_API};
use crate::asset::Asset;
use crate::effects::{constituents, roles_of};

impl Placing<'_> {
    pub(super) fn place_roles_of(&mut self, asset: &Asset, id: &ResourceId, properties: &Value, scope: &ResourceId) {
        let Some(principal) = principal(asset, id) else { return };
        let mut roles: Vec<ResourceId> = Vec::new();
        for constituent in constituents(self.library, properties) {
            for role in roles_of(&constituent) {
                if !roles.contains(&role) {
                    roles.push(role);
                }
            }
        }
        let at = asset
            .node
            .get("identity")
            .map_or_else(|| asset.name.place.clone(), |n| glidepath_source::Place::new(asset.text(), n.span));
        let origin = glidepath_estate::Origin { file: at.text.name().to_owned(), line: at.position().line };
        for role in roles {
            // Stable over runs and casing, different per assignment and role.
            let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}|{}", id.key(), role.key()).as_bytes());
            let kind = "Microsoft.Authorization/roleAssignments";
            let Some(grant) = scope.provider_child(kind, &name.to_string()) else { continue };
            let properties = Value::object([
                ("roleDefinitionId", Value::from(role.as_str())),
                ("principalId", principal.clone()),
                ("principalType", Value::from("ServicePrincipal")),
            ]);
            let mut resource = Resource::new(grant, ROLE_API, Value::object([("properties", properties)]));
            resource.origin = Some(origin.clone());
            resource.phase = Some(Phase::Policy);
            resource.depends_on = vec![id.clone()];
            self.placed.estate.insert(resource);
        }
    }
}

/// The principal of the assignment's identity, which Azure makes; `None` without identity.
fn principal(asset: &Asset, assignment: &ResourceId) -> Option<Value> {
    let identity = asset.body.get("identity")?;
    let kind = identity.get("type").and_then(Value::as_str)?;
    if kind.eq_ignore_ascii_case("SystemAssigned") {
        let expression = format!("reference('{assignment}').identity.principalId");
        return Some(Value::unknown(Reason::Runtime(assignment.to_string()), expression));
    }
    if kind.eq_ignore_ascii_case("UserAssigned") {
        let (user, _) = identity.get("userAssignedIdentities")?.as_object()?.iter().next()?;
        let expression = format!("reference('{user}').principalId");
        return Some(Value::unknown(Reason::Runtime(user.to_string()), expression));
    }
    None
}
