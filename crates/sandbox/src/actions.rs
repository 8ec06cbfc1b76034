//! POST actions on resources. The `list…` family gives values that follow from the id; others are accepted and change
//! nothing.

use glidepath_arm::{ResourceId, Value};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::complete::guid;
use crate::resources::missing;
use crate::sandbox::Sandbox;

/// Actions that give secrets, by resource type in lower case (its beginning) and action.
pub(crate) fn listed(tenant: &str, id: &ResourceId, action: &str) -> Option<Value> {
    let kind = id.resource_type()?.to_string().to_ascii_lowercase();
    let action = action.to_ascii_lowercase();
    if !action.starts_with("list") {
        return None;
    }
    let key = |n: u8| guid(tenant, &format!("{id}#key{n}")).replace('-', "");
    let answer = match kind.as_str() {
        "microsoft.storage/storageaccounts" if action == "listkeys" => json!({"keys": [
            {"keyName": "key1", "value": key(1), "permissions": "FULL"},
            {"keyName": "key2", "value": key(2), "permissions": "FULL"},
        ]}),
        "microsoft.cognitiveservices/accounts" => json!({"key1": key(1), "key2": key(2)}),
        "microsoft.search/searchservices" if action == "listadminkeys" => {
            json!({"primaryKey": key(1), "secondaryKey": key(2)})
        }
        "microsoft.search/searchservices" => json!({"value": [{"name": null, "key": key(3)}]}),
        "microsoft.documentdb/databaseaccounts" if action == "listconnectionstrings" => json!({"connectionStrings": [
            {"connectionString": format!("AccountEndpoint=https://{}.documents.azure.com:443/;AccountKey={};", id.name(), key(1)), "description": "Primary SQL Connection String"},
        ]}),
        "microsoft.documentdb/databaseaccounts" => json!({
            "primaryMasterKey": key(1), "secondaryMasterKey": key(2),
            "primaryReadonlyMasterKey": key(3), "secondaryReadonlyMasterKey": key(4),
        }),
        "microsoft.operationalinsights/workspaces" => {
            json!({"primarySharedKey": key(1), "secondarySharedKey": key(2)})
        }
        "microsoft.containerregistry/registries" => json!({"username": id.name(), "passwords": [
            {"name": "password", "value": key(1)}, {"name": "password2", "value": key(2)},
        ]}),
        _ if action == "listkeys" || action == "listconnectionstrings" => {
            let connection =
                |n: u8| format!("Endpoint=sb://{}.servicebus.windows.net/;SharedAccessKey={}", id.name(), key(n));
            json!({
                "primaryKey": key(1), "secondaryKey": key(2), "key1": key(1), "key2": key(2),
                "primaryConnectionString": connection(1), "secondaryConnectionString": connection(2),
            })
        }
        _ => json!({"value": []}),
    };
    Some(Json::into(answer))
}

impl Sandbox {
    /// `POST {resource}/{action}`
    pub(crate) fn action(&self, _call: &Call, id: &ResourceId, action: &str) -> Reply {
        let world = self.world();
        if world.estate.get(id).is_none() {
            return Err(missing(id));
        }
        match listed(&self.tenant, id, action) {
            Some(answer) => Ok(Answer::ok(answer)),
            None => Err(ArmError::new(
                501,
                "NotImplemented",
                format!("The sandbox does not implement the action '{action}'."),
            )),
        }
    }
}
