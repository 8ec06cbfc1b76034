//! The routes in force in a subnet, and who stands at an address.
//!
//! Source: Microsoft Learn, "Virtual network traffic routing": longest prefix first; of equal ones the user's before the
//! gateway's before the system's; the system's routes of networks and peerings before the gateway's, even longer, ones.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::{Model, NextHop};
use crate::{Range, Ranges};

/// Where a packet goes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Hop {
    /// To a host of a network. `peering`: over this peering of the subnet's network.
    Network {
        /// The network.
        network: usize,
        /// The peering, if any: its number in the network of the subnet.
        peering: Option<usize>,
    },
    /// To the appliance at this address.
    Appliance(Ipv4Addr),
    /// To on-premises, by this gateway.
    Gateway(usize),
    /// Out.
    Internet,
    /// Nowhere.
    Dropped,
}

/// A route in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveRoute {
    /// Destination.
    pub range: Range,
    /// Prefix length.
    pub length: u8,
    /// 0 the user's, 1 the gateway's, 2 the system's.
    pub rank: u8,
    /// Is it a system route of the network or a peering, which beats any of the gateway's?
    pub preferred: bool,
    /// Where to.
    pub hop: Hop,
    /// Name of the user's route.
    pub name: Option<String>,
}

/// Who stands at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// A firewall.
    Firewall(usize),
    /// Something else that may forward anything: the subnet it stands in.
    Appliance(usize),
    /// Nobody that the subnet can reach.
    Nobody,
}

impl Model {
    /// The routes in force in a subnet, in no order.
    pub(super) fn effective_routes(&self, subnet: usize) -> Vec<EffectiveRoute> {
        let Some(network) = self.network_of(subnet) else { return Vec::new() };
        let number = self.subnets.get(subnet).map_or(0, |s| s.network);
        let mut routes = Vec::new();
        let mut push = |range: Range, rank, preferred, hop, name: Option<String>| {
            let length = range.length().unwrap_or_else(|| (range.last - range.first).leading_zeros() as u8);
            routes.push(EffectiveRoute { range, length, rank, preferred, hop, name });
        };
        for prefix in network.prefixes.iter().filter_map(|p| Range::block(p)) {
            push(prefix, 2, true, Hop::Network { network: number, peering: None }, None);
        }
        let table = self.subnets.get(subnet).and_then(|s| self.tables.get(s.table?));
        let propagates = table.is_none_or(|t| t.propagates);
        let mut gateways: Vec<usize> = network.gateway.into_iter().collect();
        for (i, peering) in network.peerings.iter().enumerate() {
            let Some((at, remote)) = peering.remote.and_then(|r| Some((r, self.networks.get(r)?))) else { continue };
            if !self.is_mutual(network, remote) {
                continue;
            }
            for prefix in remote.prefixes.iter().filter_map(|p| Range::block(p)) {
                push(prefix, 2, true, Hop::Network { network: at, peering: Some(i) }, None);
            }
            let lends = remote.peerings.iter().any(|p| p.remote_id == network.id && p.lends_gateway);
            if peering.borrows_gateway && lends {
                gateways.extend(remote.gateway);
            }
        }
        if propagates {
            for gateway in &gateways {
                for range in self.on_premises.iter() {
                    push(range, 1, false, Hop::Gateway(*gateway), None);
                }
            }
        }
        push(Range::ALL, 2, false, Hop::Internet, None);
        for private in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"] {
            if let Some(range) = Range::block(private) {
                push(range, 2, false, Hop::Dropped, None);
            }
        }
        for route in table.iter().flat_map(|t| &t.routes) {
            let Some(range) = route.prefix else { continue };
            let hop = match route.next {
                NextHop::Appliance(address) => Hop::Appliance(address),
                NextHop::Gateway => gateways.first().map_or(Hop::Dropped, |g| Hop::Gateway(*g)),
                NextHop::Local => Hop::Network { network: number, peering: None },
                NextHop::Internet => Hop::Internet,
                NextHop::None => Hop::Dropped,
            };
            push(range, 0, false, hop, Some(route.name.clone()));
        }
        routes
    }

    /// The route a packet takes: the best of those that hold its destination.
    pub fn route(&self, subnet: usize, destination: u32) -> Option<&EffectiveRoute> {
        best(self.routes.get(subnet)?.iter().filter(|r| r.range.holds(destination)))
    }

    /// Does a private endpoint's own route, as long as an address, beat the table of the subnet that asks?
    /// It does, unless the endpoint's subnet enables routes for endpoints and the user's route is as long as the prefix of
    /// the endpoint's network. Source: Microsoft Learn, "Manage network policies for private endpoints".
    pub fn endpoint_bypass(&self, subnet: usize, endpoint_subnet: usize, destination: u32) -> Option<Hop> {
        let mine = self.subnets.get(subnet)?.network;
        let theirs = self.subnets.get(endpoint_subnet)?;
        let peering = match mine == theirs.network {
            true => None,
            false => {
                let (a, b) = (self.networks.get(mine)?, self.networks.get(theirs.network)?);
                if !self.is_mutual(a, b) {
                    return None;
                }
                Some(a.peerings.iter().position(|p| p.remote == Some(theirs.network))?)
            }
        };
        if theirs.endpoint_policies.1 {
            let space = self.networks.get(theirs.network)?.prefixes.iter();
            let space = space.filter_map(|p| Range::block(p)).find(|r| r.holds(destination))?;
            let route = self.route(subnet, destination)?;
            if route.rank == 0 && route.length >= space.length().unwrap_or(0) {
                return None;
            }
        }
        Some(Hop::Network { network: theirs.network, peering })
    }

    /// Who stands at the address a route of the subnet leads to.
    pub fn device(&self, subnet: usize, address: Ipv4Addr) -> Device {
        if address.is_unspecified() {
            // Written as something only Azure can tell: the firewall of a network in reach, if there is just one.
            let mut near =
                self.firewalls.iter().enumerate().filter(|(_, f)| f.subnet.is_some_and(|s| self.is_near(subnet, s)));
            return match (near.next(), near.next()) {
                (Some((at, _)), None) => Device::Firewall(at),
                _ => Device::Nobody,
            };
        }
        if let Some(at) = self.firewalls.iter().position(|f| f.address == Some(address)) {
            let near = self.firewalls.get(at).and_then(|f| f.subnet).is_some_and(|s| self.is_near(subnet, s));
            return if near { Device::Firewall(at) } else { Device::Nobody };
        }
        let bits = address.to_bits();
        let host = self.subnets.iter().enumerate().find(|(i, s)| s.space.holds(bits) && self.is_near(subnet, *i));
        host.map_or(Device::Nobody, |(i, _)| Device::Appliance(i))
    }

    /// Are both subnets in one network, or in two that are peered?
    fn is_near(&self, a: usize, b: usize) -> bool {
        let (Some(a), Some(b)) = (self.subnets.get(a), self.subnets.get(b)) else { return false };
        let peered = || {
            let peerings = self.networks.get(a.network).map(|n| n.peerings.as_slice()).unwrap_or_default();
            peerings.iter().any(|p| p.remote == Some(b.network))
        };
        a.network == b.network || peered()
    }

    /// The subnet of a network that holds the address.
    pub fn subnet_at(&self, network: usize, address: u32) -> Option<usize> {
        let subnets = &self.networks.get(network)?.subnets;
        subnets.iter().copied().find(|s| self.subnets.get(*s).is_some_and(|s| s.space.holds(address)))
    }

    /// What of an address space no network has: the internet, as far as it is not private.
    pub(super) fn outside(&self) -> Ranges {
        let networks = Ranges::new(self.networks.iter().flat_map(|n| n.space.iter()));
        crate::ranges::special().or(&networks).or(&self.on_premises).not()
    }
}

/// The best of some routes that hold the same address.
pub(crate) fn best<'a>(routes: impl Iterator<Item = &'a EffectiveRoute> + Clone) -> Option<&'a EffectiveRoute> {
    let preferred = routes.clone().any(|r| r.preferred);
    routes
        .filter(|r| !(preferred && r.rank == 1))
        .min_by(|a, b| b.length.cmp(&a.length).then(a.rank.cmp(&b.rank)).then(b.preferred.cmp(&a.preferred)))
}
