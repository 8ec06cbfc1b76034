//! Generic resources: any type at any scope, extensions and children too.

use glidepath_arm::{ResourceId, Scope, Value};
use glidepath_estate::Resource;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::complete::complete;
use crate::sandbox::Sandbox;
use crate::world::{Change, Kind, World, kind};
use crate::{etag, inline, known, policy};

impl Sandbox {
    /// Serves a resource by its id.
    pub(crate) async fn resource(&self, call: &Call, id: &ResourceId) -> Reply {
        match call.verb {
            Verb::Get => self.get_tagged(call, id),
            Verb::Head => Ok(Answer::empty(if self.world().estate.get(id).is_some() { 204 } else { 404 })),
            Verb::Put => self.put_resource(call, id, call.object()?).await,
            Verb::Patch => self.put_resource(call, id, call.object()?).await,
            Verb::Delete => self.delete_resource(call, id).await,
            Verb::Post => Err(ArmError::method_not_allowed()),
        }
    }

    /// The resource with its entity tag; 304 where the caller has it already.
    fn get_tagged(&self, call: &Call, id: &ResourceId) -> Reply {
        let body = self.get_resource(id)?;
        let world = self.world();
        let Some(tag) = world.estate.get(id).map(etag::of) else { return Ok(Answer::ok(body)) };
        if call.if_none_match.as_deref().is_some_and(|known| etag::names(known, &tag)) {
            return Ok(Answer::empty(304).with("etag", tag));
        }
        Ok(Answer::ok(body).with("etag", tag))
    }

    fn get_resource(&self, id: &ResourceId) -> Result<Value, ArmError> {
        let world = self.world();
        let found = world.estate.get(id).or_else(|| world.estate.get(&crate::roles::at_tenant(id)?));
        let resource = match found {
            Some(resource) => resource,
            None => {
                exists_around(&world, id)?;
                return Err(missing(id));
            }
        };
        Ok(world.rendered(resource))
    }

    async fn put_resource(&self, call: &Call, id: &ResourceId, body: Value) -> Reply {
        if kind(id) == Kind::PolicyAsset {
            let _alone = self.alone().await;
            self.write_resource(call, id, body).await
        } else {
            let _pass = self.pass(id).await;
            self.write_resource(call, id, body).await
        }
    }

    async fn write_resource(&self, call: &Call, id: &ResourceId, mut body: Value) -> Reply {
        let (id, new, changes, due) = {
            let world = self.world();
            let id = place_of(&world, id)?;
            if self.strict_types {
                known::check_type(&id, call.api_version())?;
            }
            crate::locks::check(&world, &id, false)?;
            let existing = world.estate.get(&id);
            etag::check(call, existing)?;
            let operation = policy::operation(call.verb, &body);
            if call.verb == Verb::Patch {
                let Some(existing) = existing else { return Err(missing(&id)) };
                let mut merged = world.content(existing);
                merge(&mut merged, &body);
                body = merged;
            }
            for own in ["id", "name", "type", "apiVersion"] {
                body.make_object().remove(own);
            }
            if let Some(existing) = existing {
                keeps_location(existing, &body)?;
            }
            if self.strict_types && existing.is_none() {
                known::check_location(&id, &body)?;
            }
            self.check_seen(call, &id, &body)?;
            let registration = self.registered(&world, &id)?;
            let policy::Judged { mut body, due } =
                policy::write(&world, &id, body, call.api_version(), operation, self.now())?;
            crate::models::check(&world, &id, &body, self.timestamp().get(..10).unwrap_or_default(), self.quota)?;
            if kind(&id) == Kind::PolicyAsset {
                if id.parent().is_some_and(|scope| scope.as_str() == "/") {
                    return Err(ArmError::new(
                        403,
                        "AuthorizationFailed",
                        "Built-in policy definitions cannot be written; use a management group or a subscription.",
                    ));
                }
                policy::check_asset(&world, &id, &body)?;
            }
            let split = inline::split(&id, &mut body, existing.map(|r| &r.body));
            let mut changes: Vec<Change> = registration.into_iter().collect();
            for property in &split.given {
                for child in inline::children(&world.estate, &id, property) {
                    if !split.children.iter().any(|(kept, _)| *kept == child.id) {
                        changes.extend(world.estate.within(&child.id).map(|r| Change::Delete(r.id.clone())));
                    }
                }
            }
            complete(&id, &mut body, &self.tenant);
            if existing.is_none() {
                self.note_fresh(&id, &body);
            }
            changes.push(Change::Put(Resource::new(id.clone(), call.api_version(), body)));
            for (child, mut body) in split.children {
                // The casing it was first written in stays.
                let child = world.estate.get(&child).map_or(child, |r| r.id.clone());
                complete(&child, &mut body, &self.tenant);
                changes.push(Change::Put(Resource::new(child, call.api_version(), body)));
            }
            (id, existing.is_none(), changes, due)
        };
        self.commit(changes).await?;
        if let Some(due) = due {
            self.put_off(&id, due);
        }
        let answer = Answer::new(if new { 201 } else { 200 }, self.get_resource(&id)?);
        let tag = self.world().estate.get(&id).map(etag::of);
        Ok(tag.into_iter().fold(answer, |answer, tag| answer.with("etag", tag)))
    }

    async fn delete_resource(&self, call: &Call, id: &ResourceId) -> Reply {
        if kind(id) == Kind::PolicyAsset {
            let _alone = self.alone().await;
            self.remove_resource(call, id).await
        } else {
            let _pass = self.pass(id).await;
            self.remove_resource(call, id).await
        }
    }

    async fn remove_resource(&self, call: &Call, id: &ResourceId) -> Reply {
        let (changes, body) = {
            let world = self.world();
            let Some(resource) = world.estate.get(id) else { return Ok(Answer::empty(204)) };
            etag::check(call, Some(resource))?;
            crate::locks::check(&world, &resource.id, true)?;
            policy::delete(&world, resource, self.now())?;
            let changes: Vec<Change> = world.estate.within(id).map(|r| Change::Delete(r.id.clone())).collect();
            // The providers of policy and roles give back what they deleted.
            let is_authorization =
                resource.resource_type().is_some_and(|t| t.namespace().eq_ignore_ascii_case("Microsoft.Authorization"));
            (changes, is_authorization.then(|| world.rendered(resource)))
        };
        self.commit(changes).await?;
        Ok(body.map_or_else(|| Answer::empty(200), Answer::ok))
    }
}

/// The id under which a resource is (or is to be) stored: of an existing one as first written, of a new one with its
/// parent's casing. Everything around it must exist.
fn place_of(world: &World, id: &ResourceId) -> Result<ResourceId, ArmError> {
    if id.resource_type().is_none() {
        return Err(ArmError::bad_request("InvalidRequestUri", format!("'{id}' is not a resource id.")));
    }
    exists_around(world, id)?;
    enabled(world, id)?;
    if let Some(existing) = world.estate.get(id) {
        return Ok(existing.id.clone());
    }
    let Some(parent) = id.parent().filter(|p| p.as_str() != "/") else { return Ok(id.clone()) };
    let stored = world.estate.get(&parent).map_or_else(|| parent.clone(), |r| r.id.clone());
    let rest = id.as_str().get(parent.as_str().len()..).unwrap_or_default();
    Ok(ResourceId::new(&format!("{stored}{rest}")))
}

/// Do the subscription, group and parent exist?
pub(crate) fn exists_around(world: &World, id: &ResourceId) -> Result<(), ArmError> {
    if let Some(guid) = id.subscription_id()
        && world.estate.get(&ResourceId::subscription(guid)).is_none()
    {
        return Err(subscription_missing(guid));
    }
    match id.scope() {
        Scope::ResourceGroup { subscription, name } => {
            let group = ResourceId::resource_group(&subscription, &name);
            if group != *id && world.estate.get(&group).is_none() {
                return Err(group_missing(&name));
            }
        }
        Scope::ManagementGroup(name) => {
            let group = ResourceId::management_group(&name);
            if group != *id && world.estate.get(&group).is_none() {
                return Err(ArmError::not_found(
                    "NotFound",
                    format!("The management group '{name}' could not be found."),
                ));
            }
        }
        Scope::Subscription(_) | Scope::Tenant => {}
    }
    let Some(parent) = id.parent().filter(|p| p.as_str() != "/") else { return Ok(()) };
    if world.estate.get(&parent).is_some() {
        return Ok(());
    }
    // `blobServices/default` and its like exist with the resource they are part of.
    let implied = parent.name().eq_ignore_ascii_case("default")
        && parent.parent().is_some_and(|outer| world.estate.get(&outer).is_some());
    if implied {
        return Ok(());
    }
    let kind = id.resource_type().map(|t| t.to_string()).unwrap_or_default();
    Err(ArmError::not_found(
        "ParentResourceNotFound",
        format!(
            "Failed to perform 'write' on resource(s) of type '{kind}', because the parent resource '{parent}' could not be found."
        ),
    ))
}

/// A disabled subscription is read-only.
pub(crate) fn enabled(world: &World, id: &ResourceId) -> Result<(), ArmError> {
    let Some(guid) = id.subscription_id() else { return Ok(()) };
    let state = world.estate.get(&ResourceId::subscription(guid)).and_then(|s| s.body.get("state"));
    if state.and_then(Value::as_str).is_some_and(|s| s.eq_ignore_ascii_case("Disabled")) {
        return Err(ArmError::new(
            409,
            "ReadOnlyDisabledSubscription",
            format!(
                "The subscription '{guid}' is disabled and therefore marked as read only. You cannot perform any write actions on this subscription until it is re-enabled."
            ),
        ));
    }
    Ok(())
}

pub(crate) fn subscription_missing(guid: &str) -> ArmError {
    ArmError::not_found("SubscriptionNotFound", format!("The subscription '{guid}' could not be found."))
}

pub(crate) fn group_missing(name: &str) -> ArmError {
    ArmError::not_found("ResourceGroupNotFound", format!("Resource group '{name}' could not be found."))
}

/// The 404 of a resource that is not there, in the words of its provider.
pub(crate) fn missing(id: &ResourceId) -> ArmError {
    let name = id.name();
    let kind = id.resource_type().map(|t| t.to_string()).unwrap_or_default();
    let of_policy =
        |code: &str, what: &str| ArmError::not_found(code, format!("The {what} '{name}' could not be found."));
    match kind.to_ascii_lowercase().as_str() {
        "microsoft.authorization/policydefinitions" => of_policy("PolicyDefinitionNotFound", "policy definition"),
        "microsoft.authorization/policysetdefinitions" => {
            of_policy("PolicySetDefinitionNotFound", "policy set definition")
        }
        "microsoft.authorization/policyassignments" => of_policy("PolicyAssignmentNotFound", "policy assignment"),
        "microsoft.resources/deployments" => {
            ArmError::not_found("DeploymentNotFound", format!("Deployment '{name}' could not be found."))
        }
        "microsoft.authorization/policyexemptions" => of_policy("PolicyExemptionNotFound", "policy exemption"),
        "microsoft.authorization/roleassignments" => {
            ArmError::not_found("RoleAssignmentNotFound", format!("The role assignment '{name}' is not found."))
        }
        "microsoft.authorization/roledefinitions" => ArmError::not_found(
            "RoleDefinitionDoesNotExist",
            format!("The specified role definition with ID '{name}' does not exist."),
        ),
        _ => {
            let group = id.resource_group_name().map(|g| format!(" under resource group '{g}'")).unwrap_or_default();
            let full = id.full_name();
            ArmError::not_found(
                "ResourceNotFound",
                format!(
                    "The Resource '{kind}/{full}'{group} was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
                ),
            )
        }
    }
}

/// A resource cannot move to another region by a PUT.
fn keeps_location(existing: &Resource, body: &Value) -> Result<(), ArmError> {
    let fold = |text: &str| text.replace(' ', "").to_ascii_lowercase();
    let old = existing.body.get("location").and_then(Value::as_str);
    let new = body.get("location").and_then(Value::as_str);
    match (old, new) {
        (Some(old), Some(new)) if fold(old) != fold(new) => {
            let (name, group) = (existing.id.name(), existing.id.resource_group_name().unwrap_or_default());
            Err(ArmError::new(
                409,
                "InvalidResourceLocation",
                format!(
                    "The resource '{name}' already exists in location '{old}' in resource group '{group}'. A resource with the same name cannot be created in location '{new}'. Please select a new resource name."
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// JSON merge patch (RFC 7396), except that `tags` are replaced as a whole, as ARM does.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    merge_at(target, patch, true);
}

fn merge_at(target: &mut Value, patch: &Value, outermost: bool) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    let object = target.make_object();
    for (key, value) in patch.iter() {
        if value.is_null() {
            object.remove(key);
        } else if outermost && key.eq_ignore_ascii_case("tags") {
            object.insert(key.clone(), value.clone());
        } else if let Some(existing) = object.get_mut(key) {
            merge_at(existing, value, false);
        } else {
            let mut fresh = Value::Null;
            merge_at(&mut fresh, value, false);
            object.insert(key.clone(), fresh);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patches_merge_and_replace_tags() {
        let mut value = Value::from(json!({"tags": {"a": "1"}, "properties": {"x": {"p": 1, "q": 2}, "l": [1, 2]}}));
        let patch = json!({"tags": {"b": "2"}, "properties": {"X": {"q": null, "r": {"s": null}}, "l": [3]}});
        merge(&mut value, &Value::from(patch));
        assert_eq!(value.to_string(), r#"{"tags":{"b":"2"},"properties":{"x":{"p":1,"r":{}},"l":[3]}}"#);
    }
}
