//! Bodies of the services around the models.

use serde_json::{Value as Json, json};

use super::{Site, own_identity, with};

pub(super) fn search(site: &Site<'_, '_>) -> Json {
    // Azure promises an availability for queries from two replicas on.
    let replicas = if site.is_production() { 2 } else { 1 };
    let properties = json!({
        "replicaCount": replicas,
        "partitionCount": 1,
        "hostingMode": "Default",
        "disableLocalAuth": true,
        "publicNetworkAccess": "Disabled",
        "networkRuleSet": { "bypass": "None", "ipRules": [] },
        "semanticSearch": "standard",
    });
    with(with(site.body(properties), own_identity()), json!({ "sku": { "name": "standard" } }))
}

pub(super) fn cosmos(site: &Site<'_, '_>) -> Json {
    let zones = site.is_production() && site.has_zones();
    let location = json!({ "locationName": site.context.region, "failoverPriority": 0, "isZoneRedundant": zones });
    let properties = json!({
        "databaseAccountOfferType": "Standard",
        "locations": [location],
        "consistencyPolicy": { "defaultConsistencyLevel": "Session" },
        "disableLocalAuth": true,
        "disableKeyBasedMetadataWriteAccess": true,
        "publicNetworkAccess": "Disabled",
        "networkAclBypass": "None",
        "minimalTlsVersion": "Tls12",
        "backupPolicy": { "type": "Continuous", "continuousModeProperties": { "tier": "Continuous7Days" } },
    });
    with(with(site.body(properties), own_identity()), json!({ "kind": "GlobalDocumentDB" }))
}

pub(super) fn storage(site: &Site<'_, '_>) -> Json {
    let sku = if site.has_zones() { "Standard_ZRS" } else { "Standard_LRS" };
    let properties = json!({
        "accessTier": "Hot",
        "allowBlobPublicAccess": false,
        "allowCrossTenantReplication": false,
        "allowSharedKeyAccess": false,
        "defaultToOAuthAuthentication": true,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": true,
        "publicNetworkAccess": "Disabled",
        "networkAcls": { "defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": [] },
        "encryption": {
            "keySource": "Microsoft.Storage",
            "requireInfrastructureEncryption": true,
            "services": { "blob": { "enabled": true }, "file": { "enabled": true } },
        },
    });
    with(with(site.body(properties), own_identity()), json!({ "kind": "StorageV2", "sku": { "name": sku } }))
}

/// Without a tenant in the design (the sandbox needs none) the nil GUID stands in its place.
pub(super) fn key_vault(site: &Site<'_, '_>, tenant: Option<&str>) -> Json {
    site.body(json!({
        "tenantId": tenant.unwrap_or("00000000-0000-0000-0000-000000000000"),
        "sku": { "family": "A", "name": "standard" },
        "enableRbacAuthorization": true,
        "enableSoftDelete": true,
        "softDeleteRetentionInDays": 90,
        "enablePurgeProtection": true,
        "publicNetworkAccess": "Disabled",
        "networkAcls": { "defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": [] },
    }))
}

/// The environment lies in the spoke for what goes out; what comes in takes the private endpoint, because the records of
/// an internal environment's domain cannot be known before it exists. Logs go by diagnostic settings, not by the
/// workspace's shared key.
pub(super) fn container_apps(site: &Site<'_, '_>) -> Json {
    let properties = json!({
        "appLogsConfiguration": { "destination": "azure-monitor" },
        "publicNetworkAccess": "Disabled",
        "vnetConfiguration": {
            "infrastructureSubnetId": site.spoke.subnet("container-apps").as_str(),
            "internal": false,
        },
        "workloadProfiles": [{ "name": "Consumption", "workloadProfileType": "Consumption" }],
        "zoneRedundant": site.is_production() && site.has_zones(),
        "peerTrafficConfiguration": { "encryption": { "enabled": true } },
    });
    with(site.body(properties), own_identity())
}

pub(super) fn app_configuration(site: &Site<'_, '_>) -> Json {
    let properties = json!({
        "disableLocalAuth": true,
        "publicNetworkAccess": "Disabled",
        "enablePurgeProtection": site.is_production(),
        "softDeleteRetentionInDays": 7,
        "dataPlaneProxy": { "authenticationMode": "Pass-through", "privateLinkDelegation": "Enabled" },
    });
    with(with(site.body(properties), own_identity()), json!({ "sku": { "name": "standard" } }))
}

/// Only the Premium SKU has private endpoints.
pub(super) fn container_registry(site: &Site<'_, '_>) -> Json {
    let zones = if site.has_zones() { "Enabled" } else { "Disabled" };
    let properties = json!({
        "adminUserEnabled": false,
        "anonymousPullEnabled": false,
        "dataEndpointEnabled": false,
        "publicNetworkAccess": "Disabled",
        "networkRuleBypassOptions": "AzureServices",
        "zoneRedundancy": zones,
    });
    with(with(site.body(properties), own_identity()), json!({ "sku": { "name": "Premium" } }))
}
