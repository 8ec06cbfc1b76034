//! The roles that an assignment's identity needs, and no more: a definition whose effect deploys and changes nothing
//! needs none.
//!
//! Source: alzlib `deployment/managementgroup.go`, which grants for disabled effects too. Each role is granted at the
//! management group, and at the resource that a parameter with `metadata.assignPermissions` names.

use glidepath_arm::{Reason, ResourceId, Value};
use glidepath_estate::{Origin, Phase, Resource};
use glidepath_source::{Finding, Place};
use uuid::Uuid;

use super::{Placing, ROLE_API};
use crate::asset::Asset;
use crate::effects::{Constituent, constituents, roles_of, with_defaults};
use crate::resolve::Target;

/// The subscription that published libraries write where the user has to put one.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

impl Placing<'_> {
    pub(super) fn place_roles_of(&mut self, asset: &Asset, id: &ResourceId, properties: &Value, scope: &ResourceId) {
        let Some(principal) = principal(asset, id) else { return };
        if rests_on_trust(self.library, properties) {
            self.roles_not_known.push(asset.name.name.clone());
        }
        let mut grants: Vec<(ResourceId, ResourceId)> = Vec::new();
        let mut grant = |scope: &ResourceId, role: &ResourceId| {
            let pair = (scope.clone(), role.clone());
            if !grants.contains(&pair) {
                grants.push(pair);
            }
        };
        for constituent in constituents(self.library, properties) {
            let elsewhere = permitted_scopes(&constituent);
            for role in roles_of(&constituent) {
                grant(scope, &role);
                elsewhere.iter().for_each(|other| grant(other, &role));
            }
        }
        let place = asset.node.get("identity").map(|node| Place::new(asset.text(), node.span));
        let place = place.unwrap_or_else(|| asset.name.place.clone());
        let origin = Origin { file: place.text.name().to_owned(), line: place.position().line };
        for (at, role) in grants {
            let Some(grant) = grant_id(id, &at, &role, scope) else { continue };
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

    /// One warning for all: with a library of built-ins missing, every other assignment would have it.
    pub(super) fn tell_roles_not_known(&mut self) {
        let Some(first) = self.roles_not_known.first() else { return };
        let message = format!(
            "the roles that the identities of {} assignments need are not known, for example of `{first}`",
            self.roles_not_known.len()
        );
        self.findings.push(
            Finding::warning("library/roles-not-known", message)
                .about(first.to_string())
                .why("they assign built-in definitions, which are not loaded; the identities get no role")
                .help("load the built-in definitions beside the libraries"),
        );
    }
}

/// Does the assignment lead to a built-in that is not known here?
fn rests_on_trust(library: &crate::Library, assignment: &Value) -> bool {
    let trusted = |holder: &Value| {
        let reference = holder.get("policyDefinitionId").and_then(Value::as_str);
        reference.map(|r| library.resolve(r).1)
    };
    match trusted(assignment) {
        Some(Target::Trusted) => true,
        Some(target) => {
            let members =
                target.body().and_then(|b| b.at(&["properties", "policyDefinitions"])).and_then(Value::as_array);
            members.unwrap_or_default().iter().any(|m| matches!(trusted(m), Some(Target::Trusted)))
        }
        None => false,
    }
}

/// The resources that parameters name and that the identity must be able to work on.
fn permitted_scopes(constituent: &Constituent<'_>) -> Vec<ResourceId> {
    let declared = constituent.definition.at(&["properties", "parameters"]).and_then(Value::as_object);
    let values = with_defaults(constituent.definition, &constituent.parameters);
    let mut scopes = Vec::new();
    for (name, declaration) in declared.into_iter().flat_map(glidepath_arm::Object::iter) {
        let wanted = match declaration.at(&["metadata", "assignPermissions"]) {
            Some(Value::Bool(wanted)) => *wanted,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        let Some(value) = values.get(name).and_then(Value::as_str).filter(|v| wanted && v.starts_with('/')) else {
            continue;
        };
        let id = ResourceId::new(value);
        if id.resource_type().is_some() && !value.contains(NOBODY) {
            scopes.push(id);
        }
    }
    scopes
}

/// The id of a role assignment: its name is stable over runs and casing, and differs per assignment, scope and role.
fn grant_id(assignment: &ResourceId, at: &ResourceId, role: &ResourceId, own: &ResourceId) -> Option<ResourceId> {
    let mut seed = format!("{}|{}", assignment.key(), role.key());
    if at != own {
        seed.push('|');
        seed.push_str(&at.key());
    }
    let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes()).to_string();
    at.provider_child("Microsoft.Authorization/roleAssignments", &name)
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
