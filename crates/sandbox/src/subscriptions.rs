//! Subscriptions and the aliases that order them.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use serde_json::json;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::complete::guid;
use crate::groups::{by_name_or_id, missing, place};
use crate::resources::{merge, subscription_missing};
use crate::sandbox::Sandbox;
use crate::world::Change;

const ALIASES: &str = "/providers/Microsoft.Subscription/aliases";

/// The id of the subscription that an alias of this name gets in a tenant. (Azure gives a random one.)
pub fn subscription_id(tenant_id: &str, alias: &str) -> String {
    guid(tenant_id, &format!("alias/{alias}"))
}

impl Sandbox {
    /// `GET /subscriptions`
    pub(crate) fn list_subscriptions(&self, call: &Call) -> Reply {
        let world = self.world();
        let all: Vec<&Resource> =
            world.estate.within(&ResourceId::new("/subscriptions")).filter(|r| r.id.segments().count() == 2).collect();
        self.page(call, &all, |r| world.rendered(r))
    }

    /// `GET /subscriptions/{id}`
    pub(crate) fn get_subscription(&self, id: &ResourceId) -> Reply {
        let world = self.world();
        let found = world.estate.get(id).ok_or_else(|| subscription_missing(id.name()))?;
        Ok(Answer::ok(world.rendered(found)))
    }

    /// `POST {subscription}/providers/Microsoft.Subscription/{cancel,enable,rename}`
    pub(crate) async fn subscription_action(&self, call: &Call, id: &ResourceId, action: &str) -> Reply {
        let _alone = self.alone().await;
        let mut changed = {
            let world = self.world();
            world.estate.get(id).cloned().ok_or_else(|| subscription_missing(id.name()))?
        };
        let patch = match action {
            "cancel" => json!({"state": "Disabled"}),
            "enable" => json!({"state": "Enabled"}),
            "rename" => {
                let body = call.object()?;
                let Some(name) = body.get("subscriptionName").and_then(Value::as_str) else {
                    return Err(ArmError::bad_request("BadRequest", "The property 'subscriptionName' is required."));
                };
                json!({"displayName": name})
            }
            _ => return Err(ArmError::method_not_allowed()),
        };
        merge(&mut changed.body, &Value::from(patch));
        self.commit(vec![Change::Put(changed)]).await?;
        Ok(Answer::ok(json!({"subscriptionId": id.name()})))
    }

    /// `GET /providers/Microsoft.Subscription/aliases`
    pub(crate) fn list_aliases(&self, call: &Call) -> Reply {
        let world = self.world();
        let all: Vec<&Resource> = world.estate.within(&ResourceId::new(ALIASES)).collect();
        self.page(call, &all, |r| world.rendered(r))
    }

    /// Serves one alias.
    pub(crate) async fn alias(&self, call: &Call, name: &str) -> Reply {
        let id = ResourceId::new(&format!("{ALIASES}/{name}"));
        match call.verb {
            Verb::Get => {
                let world = self.world();
                world.estate.get(&id).map(|r| Answer::ok(world.rendered(r))).ok_or_else(|| {
                    ArmError::not_found("SubscriptionAliasNotFound", format!("The alias '{name}' could not be found."))
                })
            }
            Verb::Head => Ok(Answer::empty(if self.world().estate.get(&id).is_some() { 204 } else { 404 })),
            Verb::Put => self.order(call, &id, call.object()?).await,
            Verb::Delete => {
                // The subscription stays: an alias is a receipt.
                let _alone = self.alone().await;
                if self.world().estate.get(&id).is_none() {
                    return Ok(Answer::empty(204));
                }
                self.commit(vec![Change::Delete(id)]).await?;
                Ok(Answer::empty(200))
            }
            Verb::Patch | Verb::Post => Err(ArmError::method_not_allowed()),
        }
    }

    /// A new alias creates its subscription and puts it under a management group; one that exists changes nothing.
    async fn order(&self, call: &Call, id: &ResourceId, body: Value) -> Reply {
        let _alone = self.alone().await;
        let changes = {
            let world = self.world();
            if let Some(existing) = world.estate.get(id) {
                return Ok(Answer::ok(world.rendered(existing)));
            }
            let properties = body.get("properties").cloned().unwrap_or(Value::Null);
            let text = |key: &str| properties.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
            let display_name = text("displayName").unwrap_or(id.name());
            let additional = properties.get("additionalProperties");
            let of_additional = |key: &str| additional.and_then(|a| a.get(key));
            let mut changes = Vec::new();
            let subscription = match text("subscriptionId") {
                // An alias for a subscription that exists.
                Some(given) => {
                    let given = ResourceId::subscription(given);
                    let stored = world.estate.get(&given).ok_or_else(|| subscription_missing(given.name()))?;
                    stored.id.clone()
                }
                None => {
                    let guid = subscription_id(&self.tenant, id.name());
                    let subscription = ResourceId::subscription(&guid);
                    // An alias that was deleted and comes back finds its subscription.
                    if world.estate.get(&subscription).is_none() {
                        let tags = of_additional("tags").cloned().unwrap_or_else(|| Value::object::<&str, Value>([]));
                        let mut content = Value::from(json!({
                            "subscriptionId": guid,
                            "tenantId": self.tenant,
                            "displayName": display_name,
                            "state": "Enabled",
                            "subscriptionPolicies": {
                                "locationPlacementId": "Internal_2014-09-01",
                                "quotaId": "Internal_2014-09-01",
                                "spendingLimit": "Off",
                            },
                            "authorizationSource": "RoleBased",
                            "managedByTenants": [],
                        }));
                        content.make_object().insert("tags", tags);
                        changes.push(Change::Put(Resource::new(subscription.clone(), "2022-12-01", content)));
                    }
                    subscription
                }
            };
            let group = of_additional("managementGroupId").and_then(Value::as_str).filter(|g| !g.is_empty());
            if let Some(group) = group.map(by_name_or_id) {
                if world.estate.get(&group).is_none() {
                    return Err(missing(group.name()));
                }
                if changes.is_empty() {
                    changes.extend(place(&world, &group, subscription.name(), call.api_version())?);
                } else {
                    let group = world.estate.get(&group).map_or(group, |g| g.id.clone());
                    let placement = group.child("subscriptions", subscription.name());
                    let body = Value::object::<&str, Value>([]);
                    changes.push(Change::Put(Resource::new(placement, call.api_version(), body)));
                }
            }
            let mut content = Value::from(json!({"properties": {
                "subscriptionId": subscription.name(),
                "displayName": display_name,
                "provisioningState": "Succeeded",
                "acceptOwnershipState": "Completed",
                "createdTime": self.timestamp(),
            }}));
            if let Some(kept) = content.make_object().get_mut("properties") {
                for key in ["workload", "billingScope"] {
                    if let Some(value) = text(key) {
                        kept.make_object().insert(key, value);
                    }
                }
            }
            changes.push(Change::Put(Resource::new(id.clone(), call.api_version(), content)));
            changes
        };
        self.commit(changes).await?;
        let world = self.world();
        Ok(Answer::new(201, world.estate.get(id).map(|r| world.rendered(r)).unwrap_or(Value::Null)))
    }
}

#[cfg(test)]
mod tests {
    use super::subscription_id;

    #[test]
    fn an_alias_always_gets_the_same_subscription() {
        let tenant = "11111111-1111-1111-1111-111111111111";
        assert_eq!(subscription_id(tenant, "Corp"), subscription_id(tenant, "corp"));
        assert_ne!(subscription_id(tenant, "corp"), subscription_id(tenant, "online"));
        assert_ne!(subscription_id(tenant, "a"), subscription_id("11111111-1111-1111-1111-111111111112", "a"));
    }
}
