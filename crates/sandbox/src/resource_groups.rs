//! Resource groups.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::complete::complete;
use crate::policy;
use crate::resources::{enabled, group_missing, merge, subscription_missing};
use crate::sandbox::Sandbox;
use crate::world::Change;

impl Sandbox {
    /// `GET {subscription}/resourcegroups`
    pub(crate) fn list_groups_of(&self, call: &Call, subscription: &ResourceId) -> Reply {
        let world = self.world();
        known(&world, subscription)?;
        let groups: Vec<&Resource> = world
            .estate
            .within(&subscription.child("resourceGroups", ""))
            .filter(|r| r.id.segments().count() == 4)
            .collect();
        self.page(call, &groups, |r| world.rendered(r))
    }

    /// Serves a resource group.
    pub(crate) async fn resource_group(&self, call: &Call, id: &ResourceId) -> Reply {
        match call.verb {
            Verb::Get => {
                let world = self.world();
                known(&world, id)?;
                world.estate.get(id).map(|r| Answer::ok(world.rendered(r))).ok_or_else(|| group_missing(id.name()))
            }
            Verb::Head => Ok(Answer::empty(if self.world().estate.get(id).is_some() { 204 } else { 404 })),
            Verb::Put | Verb::Patch => self.write_group(call, id, call.object()?).await,
            Verb::Delete => self.delete_group(id).await,
            Verb::Post => Err(ArmError::method_not_allowed()),
        }
    }

    async fn write_group(&self, call: &Call, id: &ResourceId, mut body: Value) -> Reply {
        let _pass = self.pass(id).await;
        let (id, new, changes) = {
            let world = self.world();
            let subscription = known(&world, id)?;
            enabled(&world, id)?;
            let existing = world.estate.get(id);
            let id = existing.map_or_else(
                || ResourceId::resource_group(subscription.name(), id.name()),
                |existing| existing.id.clone(),
            );
            let operation = policy::operation(call.verb, &body);
            if call.verb == Verb::Patch {
                let Some(existing) = existing else { return Err(group_missing(id.name())) };
                let mut merged = existing.body.clone();
                merge(&mut merged, &body);
                body = merged;
            }
            let location = body.get("location").and_then(Value::as_str).map(str::to_owned);
            let Some(location) = location.filter(|l| !l.trim().is_empty()) else {
                return Err(ArmError::bad_request(
                    "LocationRequired",
                    "The location property is required for this definition.",
                ));
            };
            let fold = |text: &str| text.replace(' ', "").to_ascii_lowercase();
            if let Some(old) = existing.and_then(|r| r.body.get("location")).and_then(Value::as_str)
                && fold(old) != fold(&location)
            {
                return Err(ArmError::new(
                    409,
                    "InvalidResourceGroupLocation",
                    format!(
                        "Invalid resource group location '{location}'. The Resource group already exists in location '{old}'."
                    ),
                ));
            }
            for own in ["id", "name", "type"] {
                body.make_object().remove(own);
            }
            let mut body = policy::write(&world, &id, body, call.api_version(), operation, self.now())?;
            complete(&id, &mut body, &self.tenant);
            (id.clone(), existing.is_none(), vec![Change::Put(Resource::new(id, call.api_version(), body))])
        };
        self.commit(changes).await?;
        let world = self.world();
        let body = world.estate.get(&id).map(|r| world.rendered(r)).unwrap_or(Value::Null);
        Ok(Answer::new(if new { 201 } else { 200 }, body))
    }

    /// Deletes the group with everything in it.
    async fn delete_group(&self, id: &ResourceId) -> Reply {
        let _alone = self.alone().await;
        let changes: Vec<Change> = {
            let world = self.world();
            known(&world, id)?;
            let Some(group) = world.estate.get(id) else { return Err(group_missing(id.name())) };
            crate::locks::check(&world, &group.id, true)?;
            policy::delete(&world, group, self.now())?;
            for resource in world.estate.within(id).filter(|r| r.id != *id) {
                policy::cascade(&world, resource, self.now())?;
            }
            world.estate.within(id).map(|r| Change::Delete(r.id.clone())).collect()
        };
        self.commit(changes).await?;
        Ok(Answer::empty(200))
    }
}

/// The group's subscription, as it is stored.
fn known(world: &crate::world::World, id: &ResourceId) -> Result<ResourceId, ArmError> {
    let guid = id.subscription_id().unwrap_or_default();
    world.estate.get(&ResourceId::subscription(guid)).map(|s| s.id.clone()).ok_or_else(|| subscription_missing(guid))
}
