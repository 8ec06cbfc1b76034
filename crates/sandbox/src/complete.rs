//! What a provider adds to the content of a request before it is stored.
//!
//! Everything is a function of the id, the content and the tenant, so that two runs give the same estate.

use glidepath_arm::{ResourceId, Value};
use uuid::Uuid;

/// Namespaces whose resources have no `provisioningState`.
const STATELESS: [&str; 3] = ["Microsoft.Authorization", "Microsoft.Management", "Microsoft.PolicyInsights"];

/// A GUID that follows from the tenant and a text.
pub(crate) fn guid(tenant: &str, text: &str) -> String {
    // A tenant is a GUID: the sandbox does not start with another. Nil keeps this total.
    let namespace = Uuid::try_parse(tenant).unwrap_or(Uuid::nil());
    Uuid::new_v5(&namespace, text.to_ascii_lowercase().as_bytes()).to_string()
}

/// Completes a request's content to what is stored.
pub(crate) fn complete(id: &ResourceId, body: &mut Value, tenant: &str) {
    let Some(kind) = id.resource_type() else { return };
    for own in ["id", "name", "type", "apiVersion", "systemData"] {
        body.make_object().remove(own);
    }
    identity(id, body, tenant);
    let authorization = kind.namespace().eq_ignore_ascii_case("Microsoft.Authorization");
    if !STATELESS.iter().any(|namespace| kind.namespace().eq_ignore_ascii_case(namespace)) {
        set(body, "provisioningState", "Succeeded");
    }
    let scope = scope_of(id);
    match () {
        () if authorization && kind.is("Microsoft.Authorization/policyAssignments") => {
            set(body, "scope", scope.as_str());
            default(body, "enforcementMode", "Default");
        }
        () if authorization && kind.is("Microsoft.Authorization/policyDefinitions") => {
            default(body, "policyType", "Custom");
            default(body, "mode", "Indexed");
        }
        () if kind.is("Microsoft.Authorization/policySetDefinitions") => default(body, "policyType", "Custom"),
        () if kind.is("Microsoft.Authorization/roleAssignments") => set(body, "scope", scope.as_str()),
        () if kind.is("Microsoft.ManagedIdentity/userAssignedIdentities") => {
            set(body, "tenantId", tenant);
            set(body, "principalId", guid(tenant, &format!("{id}#principal")));
            set(body, "clientId", guid(tenant, &format!("{id}#client")));
        }
        () if kind.is("Microsoft.Storage/storageAccounts") => {
            let name = id.name().to_ascii_lowercase();
            let hosts = ["blob", "dfs", "file", "queue", "table", "web"];
            let endpoints = hosts.map(|host| (host, format!("https://{name}.{host}.core.windows.net/")));
            set(body, "primaryEndpoints", Value::object(endpoints));
        }
        () if kind.is("Microsoft.KeyVault/vaults") => {
            set(body, "vaultUri", format!("https://{}.vault.azure.net/", id.name().to_ascii_lowercase()));
            default(body, "tenantId", tenant);
        }
        () if kind.is("Microsoft.OperationalInsights/workspaces") => {
            set(body, "customerId", guid(tenant, &format!("{id}#workspace")));
        }
        () if kind.is("Microsoft.Insights/components") => {
            let key = guid(tenant, &format!("{id}#instrumentation"));
            set(body, "ConnectionString", format!("InstrumentationKey={key}"));
            set(body, "InstrumentationKey", key);
        }
        () if kind.is("Microsoft.ContainerRegistry/registries") => {
            set(body, "loginServer", format!("{}.azurecr.io", id.name().to_ascii_lowercase()));
        }
        () if kind.is("Microsoft.DocumentDB/databaseAccounts") => {
            set(
                body,
                "documentEndpoint",
                format!("https://{}.documents.azure.com:443/", id.name().to_ascii_lowercase()),
            );
        }
        () if kind.is("Microsoft.AppConfiguration/configurationStores") => {
            set(body, "endpoint", format!("https://{}.azconfig.io", id.name().to_ascii_lowercase()));
        }
        () if kind.is("Microsoft.CognitiveServices/accounts") => {
            let name = body.at(&["properties", "customSubDomainName"]).and_then(Value::as_str).unwrap_or(id.name());
            let endpoint = format!("https://{}.cognitiveservices.azure.com/", name.to_ascii_lowercase());
            set(body, "endpoint", endpoint);
        }
        () => {}
    }
    if kind.namespace().eq_ignore_ascii_case("Microsoft.Network") {
        body.make_object().remove("etag");
        let etag = guid(tenant, &format!("{id}{body}"));
        body.make_object().insert("etag", format!("W/\"{etag}\""));
    }
}

/// The scope an extension or scope-level resource stands on.
fn scope_of(id: &ResourceId) -> ResourceId {
    id.parent().unwrap_or_else(ResourceId::tenant)
}

fn identity(id: &ResourceId, body: &mut Value, tenant: &str) {
    let Some(kind) = body.at(&["identity", "type"]).and_then(Value::as_str).map(str::to_owned) else { return };
    let assigned: Vec<String> = body
        .at(&["identity", "userAssignedIdentities"])
        .and_then(Value::as_object)
        .map(|all| all.keys().map(|k| k.to_string()).collect())
        .unwrap_or_default();
    let Some(identity) = body.make_object().get_mut("identity") else { return };
    let identity = identity.make_object();
    identity.remove("principalId");
    identity.remove("tenantId");
    if kind.to_ascii_lowercase().contains("systemassigned") {
        identity.insert("principalId", guid(tenant, &format!("{id}#principal")));
        identity.insert("tenantId", tenant);
    }
    let Some(users) = identity.get_mut("userAssignedIdentities") else { return };
    for user in assigned {
        let user_id = ResourceId::new(&user);
        let members = [
            ("principalId", guid(tenant, &format!("{user_id}#principal"))),
            ("clientId", guid(tenant, &format!("{user_id}#client"))),
        ];
        users.make_object().insert(user, Value::object(members));
    }
}

fn set(body: &mut Value, key: &str, value: impl Into<Value>) {
    let object = body.make_object();
    if !matches!(object.get("properties"), Some(Value::Object(_))) {
        object.insert("properties", Value::object::<&str, Value>([]));
    }
    if let Some(properties) = object.get_mut("properties") {
        properties.make_object().insert(key, value.into());
    }
}

fn default(body: &mut Value, key: &str, value: &str) {
    if body.at(&["properties", key]).is_none_or(Value::is_null) {
        set(body, key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TENANT: &str = "11111111-1111-1111-1111-111111111111";

    #[test]
    fn the_same_request_gives_the_same_content() {
        let id = ResourceId::new("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v");
        let request = json!({"name": "v", "location": "x", "identity": {"type": "SystemAssigned"}, "etag": "mine"});
        let (mut first, mut second) = (Value::from(&request), Value::from(&request));
        complete(&id, &mut first, TENANT);
        complete(&ResourceId::new(&id.as_str().to_uppercase()), &mut second, TENANT);
        assert_eq!(first.at(&["identity", "principalId"]), second.at(&["identity", "principalId"]));
        assert_eq!(first.at(&["properties", "provisioningState"]).and_then(Value::as_str), Some("Succeeded"));
        assert_eq!(first.get("name"), None);
        let once = first.clone();
        complete(&id, &mut first, TENANT);
        assert_eq!(first, once);
    }
}
