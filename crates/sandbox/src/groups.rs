//! Management groups: the tree, its rules, and where subscriptions lie in it.
//!
//! Source: Microsoft Learn, "What are Azure management groups?" (six levels below the root, one parent each).

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use serde_json::json;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::resources::subscription_missing;
use crate::sandbox::Sandbox;
use crate::world::{Change, World};

/// Levels of management groups below the root.
const LEVELS: usize = 6;

impl Sandbox {
    /// `GET /providers/Microsoft.Management/managementGroups`
    pub(crate) fn list_groups(&self, call: &Call) -> Reply {
        let world = self.world();
        let groups: Vec<&Resource> = world
            .estate
            .within(&ResourceId::new("/providers/Microsoft.Management/managementGroups"))
            .filter(|r| r.id.segments().count() == 4)
            .collect();
        self.page(call, &groups, |group| {
            json!({
                "id": group.id.as_str(),
                "type": "Microsoft.Management/managementGroups",
                "name": group.id.name(),
                "properties": {"tenantId": self.tenant, "displayName": display_name(&world, &group.id)},
            })
            .into()
        })
    }

    /// `POST /providers/Microsoft.Management/getEntities`: all groups and subscriptions with their parents.
    pub(crate) fn entities(&self) -> Reply {
        let world = self.world();
        let found = world.estate.iter().filter_map(|resource| {
            let name = match crate::world::kind(&resource.id) {
                crate::world::Kind::ManagementGroup => display_name(&world, &resource.id),
                crate::world::Kind::Subscription => {
                    resource.body.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned()
                }
                _ => return None,
            };
            let is_group = resource.id.subscription_id().is_none();
            let parent = world.hierarchy.parent(&resource.id).map(|p| json!({"id": p.as_str()}));
            Some(json!({
                "id": resource.id.as_str(),
                "type": if is_group { "Microsoft.Management/managementGroups" } else { "/subscriptions" },
                "name": resource.id.name(),
                "properties": {
                    "tenantId": self.tenant, "displayName": name, "parent": parent, "permissions": "edit",
                    "inheritedPermissions": "edit",
                },
            }))
        });
        Ok(Answer::ok(json!({"value": found.collect::<Vec<_>>()})))
    }

    /// Serves one group.
    pub(crate) async fn group(&self, call: &Call, id: &ResourceId) -> Reply {
        match call.verb {
            Verb::Get => {
                let world = self.world();
                let group = world.estate.get(id).ok_or_else(|| missing(id.name()))?;
                Ok(Answer::ok(render(&world, group, call)))
            }
            Verb::Head => Ok(Answer::empty(if self.world().estate.get(id).is_some() { 204 } else { 404 })),
            Verb::Put | Verb::Patch => self.write_management_group(call, id, call.object_or_empty()?).await,
            Verb::Delete => self.delete_management_group(id).await,
            Verb::Post => Err(ArmError::method_not_allowed()),
        }
    }

    async fn write_management_group(&self, call: &Call, id: &ResourceId, body: Value) -> Reply {
        let _alone = self.alone().await;
        let change = {
            let world = self.world();
            let existing = world.estate.get(id);
            if call.verb == Verb::Patch && existing.is_none() {
                return Err(missing(id.name()));
            }
            let is_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '(' | ')' | '.');
            if id.name().len() > 90 || !id.name().chars().all(is_name) || id.name().ends_with('.') {
                return Err(ArmError::bad_request(
                    "InvalidResourceName",
                    format!(
                        "The management group name '{}' is not valid: up to 90 letters, digits, '-', '_', '(', ')' and '.', not ending in '.'.",
                        id.name()
                    ),
                ));
            }
            let wanted = body
                .at(&["properties", "details", "parent", "id"])
                .or_else(|| body.at(&["properties", "parentGroupId"]))
                .or_else(|| body.get("parentGroupId"))
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty());
            let id = existing.map_or_else(|| ResourceId::management_group(id.name()), |g| g.id.clone());
            let parent = match wanted {
                Some(text) => Some(by_name_or_id(text)),
                None if id == world.root => None,
                None => Some(world.hierarchy.parent(&id).cloned().unwrap_or_else(|| world.root.clone())),
            };
            let parent = parent.map(|parent| may_lie_under(&world, &id, &parent)).transpose()?;
            let name =
                body.at(&["properties", "displayName"]).or_else(|| body.get("displayName")).and_then(Value::as_str);
            let old = existing.and_then(|g| g.body.at(&["properties", "displayName"])).and_then(Value::as_str);
            let version =
                existing.and_then(|g| g.body.at(&["properties", "details", "version"])).and_then(Value::as_int);
            let mut details = json!({
                "version": version.unwrap_or(0) + 1,
                "updatedTime": self.timestamp(),
                "updatedBy": self.tenant,
            });
            if let (Some(parent), Some(details)) = (parent, details.as_object_mut()) {
                details.insert("parent".to_owned(), json!({"id": parent.as_str()}));
            }
            let body = json!({"properties": {
                "tenantId": self.tenant,
                "displayName": name.or(old).unwrap_or(id.name()),
                "details": details,
            }});
            Resource::new(id, call.api_version(), body.into())
        };
        let id = change.id.clone();
        self.commit(vec![Change::Put(change)]).await?;
        let world = self.world();
        let body = world.estate.get(&id).map(|group| render(&world, group, call));
        Ok(Answer::ok(body.unwrap_or(Value::Null)))
    }

    async fn delete_management_group(&self, id: &ResourceId) -> Reply {
        let _alone = self.alone().await;
        let changes: Vec<Change> = {
            let world = self.world();
            if world.estate.get(id).is_none() {
                return Ok(Answer::empty(204));
            }
            if *id == world.root {
                return Err(ArmError::bad_request("BadRequest", "The root management group cannot be deleted."));
            }
            if world.hierarchy.children(id).next().is_some() {
                return Err(ArmError::bad_request(
                    "BadRequest",
                    format!(
                        "The management group '{}' cannot be deleted: it still has management groups or subscriptions under it.",
                        id.name()
                    ),
                ));
            }
            world.estate.within(id).map(|r| Change::Delete(r.id.clone())).collect()
        };
        self.commit(changes).await?;
        Ok(Answer::empty(200))
    }

    /// `GET …/{group}/descendants`: everything below, groups first level by level.
    pub(crate) fn descendants(&self, id: &ResourceId) -> Reply {
        let world = self.world();
        if world.estate.get(id).is_none() {
            return Err(missing(id.name()));
        }
        let mut found = Vec::new();
        let mut level = vec![id.clone()];
        while !level.is_empty() {
            let below: Vec<ResourceId> =
                level.iter().flat_map(|group| world.hierarchy.children(group)).cloned().collect();
            found.extend(below.iter().map(|child| {
                let parent = world.hierarchy.parent(child).map(|p| json!({"id": p.as_str()}));
                Value::from(json!({
                    "id": child.as_str(),
                    "type": child_type(child),
                    "name": child.name(),
                    "properties": {"displayName": display_name(&world, child), "parent": parent},
                }))
            }));
            level = below;
        }
        Ok(Answer::ok(Value::object([("value", Value::from(found))])))
    }

    /// `…/{group}/subscriptions/{subscription}`: puts a subscription under the group, or takes it away (to the root).
    pub(crate) async fn placement(&self, call: &Call, group: &ResourceId, subscription: &str) -> Reply {
        let id = group.child("subscriptions", subscription);
        match call.verb {
            Verb::Get => {
                let world = self.world();
                if world.hierarchy.parent(&ResourceId::subscription(subscription)) != Some(group) {
                    return Err(ArmError::not_found(
                        "NotFound",
                        format!(
                            "The subscription '{subscription}' is not under the management group '{}'.",
                            group.name()
                        ),
                    ));
                }
                Ok(Answer::ok(render_placement(&world, group, subscription)))
            }
            Verb::Put => {
                let _alone = self.alone().await;
                let changes = {
                    let world = self.world();
                    place(&world, group, subscription, call.api_version())?
                };
                self.commit(changes).await?;
                Ok(Answer::ok(render_placement(&self.world(), group, subscription)))
            }
            Verb::Delete => {
                let _alone = self.alone().await;
                if self.world().estate.get(&id).is_none() {
                    return Ok(Answer::empty(204));
                }
                self.commit(vec![Change::Delete(id)]).await?;
                Ok(Answer::empty(200))
            }
            Verb::Head | Verb::Patch | Verb::Post => Err(ArmError::method_not_allowed()),
        }
    }

    /// `GET …/{group}/subscriptions`
    pub(crate) fn placements(&self, group: &ResourceId) -> Reply {
        let world = self.world();
        if world.estate.get(group).is_none() {
            return Err(missing(group.name()));
        }
        let below = world.hierarchy.children(group).filter(|child| child.subscription_id().is_some());
        let found = Value::array(below.map(|child| render_placement(&world, group, child.name())));
        Ok(Answer::ok(Value::object([("value", found)])))
    }
}

/// The changes that put a subscription under a group.
pub(crate) fn place(world: &World, group: &ResourceId, subscription: &str, api: &str) -> Result<Vec<Change>, ArmError> {
    let target = ResourceId::subscription(subscription);
    if world.estate.get(&target).is_none() {
        return Err(subscription_missing(subscription));
    }
    let group = world.estate.get(group).map(|g| g.id.clone()).ok_or_else(|| missing(group.name()))?;
    let mut changes = Vec::new();
    if let Some(old) = world.hierarchy.parent(&target).filter(|old| **old != group) {
        let old = old.child("subscriptions", subscription);
        if world.estate.get(&old).is_some() {
            changes.push(Change::Delete(old));
        }
    }
    let body = Value::object::<&str, Value>([]);
    changes.push(Change::Put(Resource::new(group.child("subscriptions", subscription), api, body)));
    Ok(changes)
}

/// A group given by id or by name alone.
pub(crate) fn by_name_or_id(text: &str) -> ResourceId {
    if text.contains('/') { ResourceId::new(text) } else { ResourceId::management_group(text) }
}

pub(crate) fn missing(name: &str) -> ArmError {
    ArmError::not_found("NotFound", format!("The management group '{name}' could not be found."))
}

/// The parent as it is stored, if the group may lie under it: it exists, is not the group itself or below it, and the
/// tree does not get too deep.
fn may_lie_under(world: &World, id: &ResourceId, parent: &ResourceId) -> Result<ResourceId, ArmError> {
    let Some(stored) =
        world.estate.get(parent).filter(|p| crate::world::kind(&p.id) == crate::world::Kind::ManagementGroup)
    else {
        return Err(ArmError::not_found(
            "ParentManagementGroupNotFound",
            format!("The parent management group '{}' could not be found.", parent.name()),
        ));
    };
    if *id == world.root {
        return Err(ArmError::bad_request("BadRequest", "The root management group has no parent."));
    }
    let above = world.hierarchy.scopes_of(parent);
    if above.contains(id) {
        return Err(ArmError::bad_request(
            "BadRequest",
            format!("The management group '{}' cannot lie under itself.", id.name()),
        ));
    }
    // Above the parent stand the tenant and the root, which are no levels.
    let depth = above.iter().filter(|s| **s != world.root && s.as_str() != "/").count() + height(world, id);
    if depth > LEVELS {
        return Err(ArmError::bad_request(
            "BadRequest",
            format!(
                "The management group '{}' would lie at level {depth}; at most {LEVELS} levels are allowed.",
                id.name()
            ),
        ));
    }
    Ok(stored.id.clone())
}

/// How many levels of management groups a group has, itself included.
fn height(world: &World, id: &ResourceId) -> usize {
    let below = world.hierarchy.children(id).filter(|child| child.subscription_id().is_none());
    1 + below.map(|child| height(world, child)).max().unwrap_or(0)
}

fn child_type(id: &ResourceId) -> &'static str {
    if id.subscription_id().is_some() { "/subscriptions" } else { "Microsoft.Management/managementGroups" }
}

fn display_name(world: &World, id: &ResourceId) -> String {
    let body = world.estate.get(id).map(|r| &r.body);
    let name = body.and_then(|b| b.at(&["properties", "displayName"]).or_else(|| b.get("displayName")));
    name.and_then(Value::as_str).unwrap_or(id.name()).to_owned()
}

fn render(world: &World, group: &Resource, call: &Call) -> Value {
    let expand = call.parameter("$expand").unwrap_or_default().to_ascii_lowercase();
    let recurse = call.parameter("$recurse").is_some_and(|r| r.eq_ignore_ascii_case("true"));
    let mut whole = world.rendered(group);
    let reference =
        |id: &ResourceId| json!({"id": id.as_str(), "name": id.name(), "displayName": display_name(world, id)});
    let chain = world.hierarchy.scopes_of(&group.id);
    let ancestors: Vec<&ResourceId> = chain.iter().filter(|s| s.as_str() != "/" && **s != group.id).collect();
    let Some(properties) = whole.make_object().get_mut("properties") else { return whole };
    if let Some(details) = properties.make_object().get_mut("details") {
        if let Some(parent) = world.hierarchy.parent(&group.id) {
            details.make_object().insert("parent", Value::from(reference(parent)));
        }
        if expand.contains("path") {
            let path = ancestors
                .iter()
                .map(|id| Value::from(json!({"name": id.name(), "displayName": display_name(world, id)})));
            details.make_object().insert("path", Value::array(path));
        }
        if expand.contains("ancestors") {
            let names = Value::array(ancestors.iter().rev().map(|id| id.name()));
            let references = ancestors.iter().rev();
            let references =
                references.map(|id| Value::from(json!({"name": id.name(), "displayName": display_name(world, id)})));
            details.make_object().insert("managementGroupAncestors", names);
            details.make_object().insert("managementGroupAncestorsChain", Value::array(references));
        }
    }
    if expand.contains("children") {
        properties.make_object().insert("children", children(world, &group.id, recurse));
    }
    whole
}

fn children(world: &World, id: &ResourceId, recurse: bool) -> Value {
    Value::array(world.hierarchy.children(id).map(|child| {
        let mut item = Value::from(json!({
            "type": child_type(child),
            "id": child.as_str(),
            "name": child.name(),
            "displayName": display_name(world, child),
        }));
        if recurse && child.subscription_id().is_none() {
            let below = children(world, child, true);
            if below.as_array().is_some_and(|b| !b.is_empty()) {
                item.make_object().insert("children", below);
            }
        }
        item
    }))
}

fn render_placement(world: &World, group: &ResourceId, subscription: &str) -> Value {
    let body = world.estate.get(&ResourceId::subscription(subscription)).map(|s| &s.body);
    let of = |key: &str| body.and_then(|b| b.get(key)).and_then(Value::as_str);
    let group = world.estate.get(group).map_or(group, |g| &g.id);
    json!({
        "id": group.child("subscriptions", subscription).as_str(),
        "type": "Microsoft.Management/managementGroups/subscriptions",
        "name": subscription,
        "properties": {
            "tenant": of("tenantId"),
            "displayName": of("displayName"),
            "parent": {"id": group.as_str()},
            "state": of("state"),
        },
    })
    .into()
}
