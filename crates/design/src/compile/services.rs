//! The services of workloads: closed to the public, without keys, with a private endpoint, their logs in the workspace.

mod bodies;
mod foundry;

use glidepath_arm::ResourceId;
use glidepath_estate::Phase;
use serde_json::{Value as Json, json};

use super::networks::SpokeNetwork;
use super::{Compiler, Context, reference};
use crate::{Exposure, Service, Workload, catalogue};

const ENDPOINT: &str = "Microsoft.Network/privateEndpoints";
const IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

/// Type and private-link group of a service.
pub(super) fn private_link(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::Foundry => ("Microsoft.CognitiveServices/accounts", "account"),
        Service::Search => ("Microsoft.Search/searchServices", "searchService"),
        Service::Cosmos => ("Microsoft.DocumentDB/databaseAccounts", "Sql"),
        Service::Storage => ("Microsoft.Storage/storageAccounts", "blob"),
        Service::KeyVault => ("Microsoft.KeyVault/vaults", "vault"),
        Service::ContainerApps => ("Microsoft.App/managedEnvironments", "managedEnvironments"),
        Service::AppConfiguration => ("Microsoft.AppConfiguration/configurationStores", "configurationStores"),
        Service::ContainerRegistry => ("Microsoft.ContainerRegistry/registries", "registry"),
    }
}

/// The row of the naming table, for types with several kinds.
fn variant(service: Service) -> &'static str {
    match service {
        Service::Foundry => "AIServices",
        Service::Cosmos => "NoSQL",
        _ => "",
    }
}

/// One service of one spoke while it is compiled.
struct Site<'a, 'd> {
    context: &'a Context<'d>,
    spoke: &'a SpokeNetwork<'d>,
    workload: &'d Workload,
    id: &'a ResourceId,
    path: &'a str,
}

impl Site<'_, '_> {
    /// `location`, `tags` and what else every body begins with, around the properties.
    fn body(&self, properties: Json) -> Json {
        json!({ "location": self.context.region, "tags": self.context.tags, "properties": properties })
    }

    fn is_production(&self) -> bool {
        Workload::is_production(self.context.environment)
    }

    fn is_online(&self) -> bool {
        self.workload.exposure == Exposure::Online
    }

    /// Has the region availability zones?
    fn has_zones(&self) -> bool {
        catalogue::region(self.context.region).is_some_and(|r| r.zones > 0)
    }
}

impl<'d> Compiler<'d> {
    pub(super) fn services(&mut self) {
        for spoke in self.spokes.clone() {
            let phase = match Workload::is_production(spoke.context.environment) {
                true => Phase::Production,
                false => Phase::Nonproduction,
            };
            let context = Context { phase, ..spoke.context.clone() };
            let workload = spoke.workload;
            if workload.services.is_empty() {
                continue;
            }
            let path = format!("workloads/{}/services", workload.name);
            let identity = self.id(&context, "services", IDENTITY, "", "001");
            let body = json!({ "location": context.region, "tags": context.tags });
            self.add(&context, identity, body, &path, Vec::new());
            for (i, service) in workload.services.iter().enumerate() {
                let path = format!("{path}/{i}");
                let (resource_type, group) = private_link(*service);
                let id = self.id(&context, "services", resource_type, variant(*service), "001");
                let site = Site { context: &context, spoke: &spoke, workload, id: &id, path: &path };
                self.service(*service, &site);
                self.private_endpoint(*service, group, &site);
            }
        }
    }

    fn service(&mut self, service: Service, site: &Site<'_, '_>) {
        let mut depends_on = Vec::new();
        let body = match service {
            Service::Foundry => {
                depends_on.push(site.spoke.vnet.clone());
                foundry::account(site, &self.names.unique(site.id.name(), 64))
            }
            Service::Search => bodies::search(site),
            Service::Cosmos => bodies::cosmos(site),
            Service::Storage => bodies::storage(site),
            Service::KeyVault => bodies::key_vault(site, self.design.tenant.as_deref()),
            Service::ContainerApps => {
                depends_on.push(site.spoke.vnet.clone());
                bodies::container_apps(site)
            }
            Service::AppConfiguration => bodies::app_configuration(site),
            Service::ContainerRegistry => bodies::container_registry(site),
        };
        self.add(site.context, site.id.clone(), body, site.path, depends_on);
        match service {
            Service::Foundry => {
                self.add_diagnostics(site.context, site.id, Some("allLogs"), site.path);
                self.foundry(site);
            }
            Service::Storage => self.storage_logs(site),
            _ => self.add_diagnostics(site.context, site.id, Some("allLogs"), site.path),
        }
    }

    /// A storage account itself has metrics only; the logs are the blob service's.
    fn storage_logs(&mut self, site: &Site<'_, '_>) {
        self.add_diagnostics(site.context, site.id, None, site.path);
        let blobs = site.id.child("blobServices", "default");
        let body = json!({ "properties": {
            "deleteRetentionPolicy": { "enabled": true, "days": 14 },
            "containerDeleteRetentionPolicy": { "enabled": true, "days": 14 },
        } });
        let blobs = self.add(site.context, blobs, body, site.path, Vec::new());
        self.add_diagnostics(site.context, &blobs, Some("allLogs"), site.path);
    }

    /// The private endpoint of a service, with its records in the organisation's zones.
    fn private_endpoint(&mut self, service: Service, group: &str, site: &Site<'_, '_>) {
        let context = site.context;
        let id = self.id(context, "services", ENDPOINT, "", service.name());
        let body = site.body(json!({
            "subnet": reference(&site.spoke.subnet("private-endpoints")),
            "privateLinkServiceConnections": [{
                "name": service.name(),
                "properties": { "privateLinkServiceId": site.id.as_str(), "groupIds": [group] },
            }],
        }));
        let endpoint = self.add(context, id, body, site.path, vec![site.id.clone(), site.spoke.vnet.clone()]);
        let names = catalogue::private_zones(private_link(service).0, group, context.region);
        let zones: Vec<ResourceId> = names.iter().map(|name| self.zone(name)).collect();
        let configurations: Vec<Json> = names
            .iter()
            .zip(&zones)
            .map(|(name, zone)| json!({ "name": name.replace('.', "-"), "properties": { "privateDnsZoneId": zone.as_str() } }))
            .collect();
        let body = json!({ "properties": { "privateDnsZoneConfigs": configurations } });
        self.add(context, endpoint.child("privateDnsZoneGroups", "default"), body, site.path, zones);
    }
}

/// Adds members to the top of a body.
fn with(mut body: Json, members: Json) -> Json {
    if let (Some(body), Json::Object(members)) = (body.as_object_mut(), members) {
        body.extend(members);
    }
    body
}

/// The identity a service has of its own.
fn own_identity() -> Json {
    json!({ "identity": { "type": "SystemAssigned" } })
}
