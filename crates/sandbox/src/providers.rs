//! Resource providers: what exists, and which subscription has registered what.
//!
//! Any type can be written, listed here or not; the manifest is for clients that look up api-versions and locations.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use glidepath_arm::ResourceId;
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::resources::subscription_missing;
use crate::sandbox::Sandbox;
use crate::world::{Change, World};

/// Regions by name and display name: those of the catalogue.
pub(crate) static LOCATIONS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let rows = include_str!("../../../catalogue/azure/regions.csv").lines().skip(1);
    let region =
        |row: &'static str| row.split_once(',').map(|(name, rest)| (name, rest.split(',').next().unwrap_or(name)));
    rows.filter_map(region).collect()
});

/// Namespace, an api-version that its types have, types.
pub(crate) const MANIFEST: [(&str, &str, &[&str]); 25] = [
    ("Microsoft.ApiManagement", "2024-05-01", &["service", "service/apis", "service/backends"]),
    ("Microsoft.AppConfiguration", "2024-05-01", &["configurationStores"]),
    ("Microsoft.App", "2025-01-01", &["containerApps", "managedEnvironments", "jobs"]),
    (
        "Microsoft.Authorization",
        "2022-04-01",
        &[
            "locks",
            "policyAssignments",
            "policyDefinitions",
            "policyEnrollments",
            "policyExemptions",
            "policySetDefinitions",
            "roleAssignments",
            "roleDefinitions",
        ],
    ),
    ("Microsoft.CognitiveServices", "2025-06-01", &["accounts", "accounts/deployments", "accounts/projects"]),
    ("Microsoft.Compute", "2024-07-01", &["virtualMachines", "disks", "virtualMachineScaleSets"]),
    ("Microsoft.Consumption", "2023-11-01", &["budgets"]),
    ("Microsoft.ContainerRegistry", "2023-07-01", &["registries"]),
    ("Microsoft.ContainerService", "2025-01-01", &["managedClusters"]),
    ("Microsoft.DocumentDB", "2024-11-15", &["databaseAccounts", "databaseAccounts/sqlDatabases"]),
    ("Microsoft.Insights", "2020-02-02", &["actionGroups", "components", "diagnosticSettings", "dataCollectionRules"]),
    ("Microsoft.KeyVault", "2023-07-01", &["vaults", "vaults/secrets"]),
    ("Microsoft.MachineLearningServices", "2024-10-01", &["workspaces", "workspaces/onlineEndpoints"]),
    ("Microsoft.ManagedIdentity", "2023-01-31", &["userAssignedIdentities"]),
    ("Microsoft.Management", "2023-04-01", &["managementGroups", "managementGroups/subscriptions"]),
    (
        "Microsoft.Network",
        "2024-05-01",
        &[
            "applicationGateways",
            "azureFirewalls",
            "bastionHosts",
            "firewallPolicies",
            "natGateways",
            "networkSecurityGroups",
            "networkSecurityGroups/securityRules",
            "privateDnsZones",
            "privateDnsZones/virtualNetworkLinks",
            "privateEndpoints",
            "privateEndpoints/privateDnsZoneGroups",
            "publicIPAddresses",
            "routeTables",
            "routeTables/routes",
            "virtualNetworks",
            "virtualNetworks/subnets",
            "virtualNetworks/virtualNetworkPeerings",
            "virtualNetworkGateways",
        ],
    ),
    ("Microsoft.OperationalInsights", "2023-09-01", &["workspaces"]),
    ("Microsoft.PolicyInsights", "2024-10-01", &["policyStates", "remediations"]),
    ("Microsoft.Resources", "2024-11-01", &["deployments", "resourceGroups", "subscriptions", "tags"]),
    ("Microsoft.Search", "2025-05-01", &["searchServices"]),
    ("Microsoft.Security", "2024-01-01", &["pricings"]),
    ("Microsoft.Sql", "2023-08-01", &["servers", "servers/databases"]),
    ("Microsoft.Storage", "2024-01-01", &["storageAccounts", "storageAccounts/blobServices"]),
    ("Microsoft.Subscription", "2021-10-01", &["aliases"]),
    ("Microsoft.Web", "2024-04-01", &["serverfarms", "sites"]),
];

/// Registered in every subscription from the start, as in Azure.
const ALWAYS: [&str; 5] = [
    "Microsoft.Authorization",
    "Microsoft.Consumption",
    "Microsoft.Management",
    "Microsoft.Resources",
    "Microsoft.Subscription",
];

impl Sandbox {
    /// `GET {scope}/providers`: the manifest, with what has been written beside it.
    pub(crate) fn list_providers(&self, subscription: Option<&ResourceId>) -> Reply {
        if let Some(id) = subscription {
            self.get_subscription(id)?;
        }
        let manifest = self.manifest();
        let value: Vec<Json> =
            manifest.keys().filter_map(|namespace| self.describe(&manifest, subscription, namespace)).collect();
        Ok(Answer::ok(json!({"value": value})))
    }

    /// `GET {scope}/providers/{namespace}`
    pub(crate) fn get_provider(&self, subscription: Option<&ResourceId>, namespace: &str) -> Reply {
        if let Some(id) = subscription {
            self.get_subscription(id)?;
        }
        let manifest = self.manifest();
        self.describe(&manifest, subscription, &namespace.to_ascii_lowercase())
            .map(Answer::ok)
            .ok_or_else(|| unknown(namespace))
    }

    /// `POST {subscription}/providers/{namespace}/{register,unregister}`
    pub(crate) async fn register(&self, subscription: &ResourceId, namespace: &str, registered: bool) -> Reply {
        let manifest = self.manifest();
        let key = namespace.to_ascii_lowercase();
        if !manifest.contains_key(&key) {
            return Err(unknown(namespace));
        }
        let _pass = self.pass(subscription).await;
        if self.world().estate.get(subscription).is_none() {
            return Err(subscription_missing(subscription.name()));
        }
        let change =
            Change::Register { subscription: subscription.name().to_owned(), namespace: key.clone(), registered };
        self.commit(vec![change]).await?;
        self.describe(&manifest, Some(subscription), &key).map(Answer::ok).ok_or_else(|| unknown(namespace))
    }

    /// Refuses a write in a namespace that the subscription is not registered for, or registers it: a namespace that was
    /// never spoken of is registered by its first write, unless the sandbox is told to be strict.
    pub(crate) fn registered(&self, world: &World, id: &ResourceId) -> Result<Option<Change>, ArmError> {
        let (Some(subscription), Some(kind)) = (id.subscription_id(), id.resource_type()) else { return Ok(None) };
        let namespace = kind.namespace().to_ascii_lowercase();
        if ALWAYS.iter().any(|always| always.eq_ignore_ascii_case(&namespace)) {
            return Ok(None);
        }
        let subscription = subscription.to_ascii_lowercase();
        let among = |all: &BTreeMap<String, std::collections::BTreeSet<String>>| {
            all.get(&subscription).is_some_and(|n| n.contains(&namespace))
        };
        if among(&world.registrations) {
            return Ok(None);
        }
        if self.strict_registration || among(&world.unregistered) {
            let namespace = kind.namespace();
            let message = format!(
                "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how to register subscriptions."
            );
            return Err(ArmError::whole(
                409,
                json!({"error": {
                    "code": "MissingSubscriptionRegistration", "message": message,
                    "details": [{"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}],
                }})
                .into(),
            ));
        }
        Ok(Some(Change::Register { subscription, namespace, registered: true }))
    }

    /// Namespace in lower case → its name, api-version and types: the table and what the estate holds besides.
    fn manifest(&self) -> BTreeMap<String, (String, String, Vec<String>)> {
        let mut manifest: BTreeMap<String, (String, String, Vec<String>)> = MANIFEST
            .iter()
            .map(|(namespace, api, types)| {
                let types = types.iter().map(|t| (*t).to_owned()).collect();
                (namespace.to_ascii_lowercase(), ((*namespace).to_owned(), (*api).to_owned(), types))
            })
            .collect();
        let world = self.world();
        for resource in world.estate.iter() {
            let Some(kind) = resource.resource_type() else { continue };
            let Some((namespace, own)) = kind.as_str().split_once('/') else { continue };
            let entry = manifest
                .entry(namespace.to_ascii_lowercase())
                .or_insert_with(|| (namespace.to_owned(), resource.api_version.clone(), Vec::new()));
            if !entry.2.iter().any(|t| t.eq_ignore_ascii_case(own)) {
                entry.2.push(own.to_owned());
            }
        }
        manifest
    }

    fn describe(
        &self,
        manifest: &BTreeMap<String, (String, String, Vec<String>)>,
        subscription: Option<&ResourceId>,
        key: &str,
    ) -> Option<Json> {
        let (namespace, api, types) = manifest.get(key)?;
        let places: Vec<&str> = LOCATIONS.iter().map(|(_, display)| *display).collect();
        let types: Vec<Json> = types
            .iter()
            .map(|t| {
                json!({
                    "resourceType": t,
                    "locations": places,
                    "apiVersions": [api],
                    "capabilities": "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove, SupportsTags, SupportsLocation",
                })
            })
            .collect();
        let mut described = json!({"namespace": namespace, "resourceTypes": types});
        if let (Some(subscription), Some(object)) = (subscription, described.as_object_mut()) {
            let world = self.world();
            let registered = ALWAYS.iter().any(|always| always.eq_ignore_ascii_case(namespace))
                || world.registrations.get(&subscription.name().to_ascii_lowercase()).is_some_and(|r| r.contains(key));
            let state = if registered { "Registered" } else { "NotRegistered" };
            object.insert("id".to_owned(), json!(format!("{subscription}/providers/{namespace}")));
            object.insert("registrationPolicy".to_owned(), json!("RegistrationRequired"));
            object.insert("registrationState".to_owned(), json!(state));
        }
        Some(described)
    }
}

fn unknown(namespace: &str) -> ArmError {
    ArmError::not_found("InvalidResourceNamespace", format!("The resource namespace '{namespace}' is invalid."))
}
