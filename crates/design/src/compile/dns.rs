//! Private DNS: one zone per name for the whole organisation, linked where names are asked for.

use std::collections::BTreeSet;

use glidepath_arm::ResourceId;
use serde_json::json;

use super::services::private_link;
use super::{Compiler, Context, under};

const ZONE: &str = "Microsoft.Network/privateDnsZones";

impl<'d> Compiler<'d> {
    /// Where the zones live.
    pub(super) fn dns(&self) -> Context<'d> {
        self.platform("connectivity", "dns", self.home())
    }

    /// The id of a zone.
    pub(super) fn zone(&self, name: &str) -> ResourceId {
        under(&self.group_id(&self.dns(), "001"), ZONE, name)
    }

    /// The zones of every service in use, each with the path of the service that first asked for it.
    fn zones(&self) -> Vec<(String, String)> {
        let mut seen = BTreeSet::new();
        let mut zones = Vec::new();
        for spoke in &self.spokes {
            for (i, service) in spoke.workload.services.iter().enumerate() {
                let (resource_type, group) = private_link(*service);
                for zone in crate::catalogue::private_zones(resource_type, group, spoke.context.region) {
                    if seen.insert(zone.clone()) {
                        zones.push((zone, format!("workloads/{}/services/{i}", spoke.workload.name)));
                    }
                }
            }
        }
        zones
    }

    /// The zones, linked to the hubs: spokes ask the hub's firewall or resolver, which asks Azure from inside the hub.
    pub(super) fn private_dns(&mut self) {
        let zones = self.zones();
        if zones.is_empty() {
            return;
        }
        let context = self.dns();
        self.add_group(&context, "001", "platform/connectivity");
        let hubs: Vec<ResourceId> = self.hubs.iter().map(|h| h.vnet.clone()).collect();
        for (zone, path) in &zones {
            let id = self.zone(zone);
            let body = json!({ "location": "global", "tags": context.tags, "properties": {} });
            self.add(&context, id, body, path, Vec::new());
            for hub in &hubs {
                self.link(&context, zone, hub, path);
            }
        }
    }

    /// Links a zone to a network.
    fn link(&mut self, context: &Context<'_>, zone: &str, vnet: &ResourceId, path: &str) {
        let zone = self.zone(zone);
        let id = zone.child("virtualNetworkLinks", vnet.name());
        let body = json!({
            "location": "global",
            "tags": context.tags,
            "properties": { "virtualNetwork": super::reference(vnet), "registrationEnabled": false },
        });
        self.add(context, id, body, path, vec![vnet.clone(), zone]);
    }

    /// Links all zones to a spoke that asks Azure itself, because its hub has neither proxy nor resolver.
    pub(super) fn link_all(&mut self, context: &Context<'_>, vnet: &ResourceId) {
        for (zone, path) in self.zones() {
            self.link(context, &zone, vnet, &path);
        }
    }
}
