//! Which virtual networks there are and where they lie, before any of them is written down: hub and spokes refer to each
//! other, in routes, peerings and firewall rules.

use std::collections::BTreeSet;

use glidepath_arm::ResourceId;
use glidepath_network::{AddressPlan, Layout, Pool, Size, SpokeKey, SpokeRequest};
use glidepath_source::Finding;
use ipnet::IpNet;

use super::parts::VNET;
use super::{Compiler, Context};
use crate::{Hub, Topology, Workload};

/// A hub.
#[derive(Debug, Clone)]
pub(super) struct HubNetwork<'d> {
    pub(super) context: Context<'d>,
    pub(super) hub: &'d Hub,
    pub(super) layout: Layout,
    pub(super) vnet: ResourceId,
    /// The firewall's address: always the first of its subnet.
    pub(super) firewall: Option<String>,
    /// The inbound address of the resolver.
    pub(super) resolver: Option<String>,
}

impl HubNetwork<'_> {
    /// Whom spokes ask for names; `None`: Azure, which then needs the private zones linked to the spokes themselves.
    pub(super) fn dns_server(&self) -> Option<&String> {
        let proxy = self.hub.firewall.as_ref().is_some_and(|f| f.dns_proxy);
        self.firewall.as_ref().filter(|_| proxy).or(self.resolver.as_ref())
    }
}

/// A spoke.
#[derive(Debug, Clone)]
pub(super) struct SpokeNetwork<'d> {
    pub(super) context: Context<'d>,
    pub(super) workload: &'d Workload,
    pub(super) layout: Layout,
    pub(super) vnet: ResourceId,
}

impl SpokeNetwork<'_> {
    /// The id of one of its subnets.
    pub(super) fn subnet(&self, name: &str) -> ResourceId {
        self.vnet.child("subnets", name)
    }
}

impl<'d> Compiler<'d> {
    /// Gives every network its block and name.
    pub(super) fn networks(&mut self) {
        let connectivity = &self.design.platform.connectivity;
        if connectivity.topology == Topology::VirtualWan {
            self.findings.push(
                Finding::error("design/not-supported", "`virtual-wan` cannot be compiled yet")
                    .at_place(self.design.places.value("platform/connectivity/topology"))
                    .help("take `hub-and-spoke`"),
            );
        }
        let pools: Vec<Pool> = connectivity
            .address_pools
            .iter()
            .map(|(region, prefixes)| Pool {
                region: region.clone(),
                prefixes: prefixes.clone(),
                hub: connectivity.hubs.contains_key(region),
                place: self.design.places.value(&format!("platform/connectivity/addressPools/{region}")),
            })
            .collect();
        let requests = self.requests();
        let asked: BTreeSet<&SpokeKey> = requests.iter().map(|r| &r.key).collect();
        let standing: Vec<IpNet> =
            self.design.kept.iter().filter(|(k, _)| !asked.contains(k)).map(|(_, b)| *b).collect();
        let (plan, findings) = AddressPlan::allocate_beside(&pools, &requests, &standing);
        self.findings.extend(findings);
        for (region, hub) in &connectivity.hubs {
            let Some(layout) = plan.hubs.get(region).and_then(|p| Layout::hub(*p)) else { continue };
            let context = self.platform("connectivity", "hub", region);
            let address = |subnet: &str| layout.subnet(subnet).map(|s| s.first_usable().to_string());
            self.hubs.push(HubNetwork {
                hub,
                firewall: hub.firewall.as_ref().and_then(|_| address("AzureFirewallSubnet")),
                resolver: address("dns-inbound").filter(|_| hub.private_dns_resolver),
                vnet: self.id(&context, "network", VNET, "", "001"),
                context,
                layout,
            });
        }
        for workload in self.design.workloads.values() {
            for environment in &workload.environments {
                for region in workload.regions_of(environment) {
                    let key = key(workload, environment, region);
                    let Some(layout) = plan.spokes.get(&key).and_then(|a| Layout::spoke(a.prefix)) else { continue };
                    let context = self.workload(workload, environment, region);
                    let vnet = self.id(&context, "network", VNET, "", "001");
                    self.out.networks.insert(key, vnet.clone());
                    self.spokes.push(SpokeNetwork { context, workload, layout, vnet });
                }
            }
        }
        self.out.addresses = plan;
    }

    fn requests(&self) -> Vec<SpokeRequest> {
        let mut requests = Vec::new();
        for workload in self.design.workloads.values() {
            let spokes = workload.environments.iter().flat_map(|e| workload.regions_of(e).iter().map(move |r| (e, r)));
            let spokes: Vec<_> = spokes.collect();
            for (environment, region) in &spokes {
                let key = key(workload, environment, region);
                let within = self.own_block(workload, region);
                let size = workload.network.size.unwrap_or_else(|| match within {
                    Some(block) => {
                        let parts = spokes.iter().filter(|(_, r)| self.own_block(workload, r).is_some()).count();
                        Size::Length((block.prefix_len() + bits(parts)).clamp(16, 24))
                    }
                    None => Size::default(),
                });
                let recorded = self.design.addresses.get(&key).or_else(|| self.design.kept.get(&key)).copied();
                let path =
                    format!("workloads/{}/network/{}", workload.name, if within.is_some() { "prefix" } else { "size" });
                requests.push(SpokeRequest { recorded, key, size, within, place: self.design.places.value(&path) });
            }
        }
        requests
    }

    /// The workload's own block, where it counts: in the region whose pool holds it, or, outside all pools, in the
    /// workload's first region.
    fn own_block(&self, workload: &Workload, region: &str) -> Option<IpNet> {
        let prefix = workload.network.prefix?;
        let pools = &self.design.platform.connectivity.address_pools;
        let holder = pools.iter().find(|(_, pool)| pool.iter().any(|p| p.contains(&prefix))).map(|(region, _)| region);
        (holder.or(workload.regions.first()).is_some_and(|r| r == region)).then_some(prefix)
    }

    /// The hub of a region.
    pub(super) fn hub_of(&self, region: &str) -> Option<HubNetwork<'d>> {
        self.hubs.iter().find(|h| h.context.region == region).cloned()
    }
}

fn key(workload: &Workload, environment: &str, region: &str) -> SpokeKey {
    SpokeKey { workload: workload.name.clone(), environment: environment.to_owned(), region: region.to_owned() }
}

/// How many bits number so many parts.
fn bits(parts: usize) -> u8 {
    let mut bits = 0;
    while (1usize << bits) < parts && bits < 16 {
        bits += 1;
    }
    bits
}
