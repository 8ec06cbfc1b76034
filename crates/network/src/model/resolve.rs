//! What the two sides of a rule match, in the place where it holds.

use super::{Address, Match, Model, NextHop};
use crate::{Range, Ranges};

impl Model {
    /// The addresses of one side of a rule. `subnet`: where the rule holds; tags mean something else in every network.
    pub fn matched(&self, side: &[Address], subnet: Option<usize>) -> Match {
        let mut out = Match::default();
        for address in side {
            let found = match address {
                Address::Any => return Match::exactly(Ranges::all()),
                Address::Ranges(ranges) => Match::exactly(ranges.clone()),
                Address::Tag(tag) => self.tag(tag, subnet),
                Address::Asg(id) => match self.asgs.get(id) {
                    Some((ranges, complete)) => {
                        Match { may: ranges.clone(), must: if *complete { ranges.clone() } else { Ranges::NONE } }
                    }
                    None => Match::default(),
                },
                Address::Name(_) => Match { may: self.internet.clone(), must: Ranges::NONE },
                Address::Unknown => Match { may: Ranges::all(), must: Ranges::NONE },
            };
            out.may = out.may.or(&found.may);
            out.must = out.must.or(&found.must);
        }
        out
    }

    /// What a service tag covers. Source: Microsoft Learn, "Virtual network service tags". Tags of Azure services cover
    /// some public addresses that Microsoft publishes and changes: *may* is all of the internet, *must* none of it.
    fn tag(&self, tag: &str, subnet: Option<usize>) -> Match {
        let base = tag.split('.').next().unwrap_or(tag);
        match base.to_ascii_lowercase().as_str() {
            "virtualnetwork" => match subnet {
                Some(subnet) => self.tags.get(subnet).cloned().unwrap_or_default(),
                None => Match::default(),
            },
            "internet" => Match::exactly(self.internet.clone()),
            "azureloadbalancer" | "azureplatformdns" => Match::exactly(Ranges::blocks(["168.63.129.16"])),
            "azureplatformimds" => Match::exactly(Ranges::blocks(["169.254.169.254"])),
            _ => Match { may: self.internet.clone(), must: Ranges::NONE },
        }
    }

    /// What `VirtualNetwork` means in a subnet: its network's space, the networks peered with it, what lies behind their
    /// gateway, the host; perhaps what its routes cover, the default route included.
    /// Source: Microsoft Learn, "Virtual network service tags".
    pub(super) fn virtual_network_tag(&self, subnet: usize) -> Match {
        let Some(network) = self.network_of(subnet) else { return Match::default() };
        let mut must: Vec<Range> = network.space.iter().collect();
        must.extend(Ranges::blocks(["168.63.129.16"]).iter());
        let mut may = Vec::new();
        let mut on_premises = network.gateway.is_some();
        for peering in &network.peerings {
            let Some(remote) = peering.remote.and_then(|r| self.networks.get(r)) else { continue };
            let into = if peering.access && self.is_mutual(network, remote) { &mut must } else { &mut may };
            into.extend(remote.space.iter());
            on_premises |= peering.borrows_gateway && remote.gateway.is_some();
        }
        if on_premises {
            must.extend(self.on_premises.iter());
        }
        let table = self.subnets.get(subnet).and_then(|s| self.tables.get(s.table?));
        for route in table.iter().flat_map(|t| &t.routes) {
            if matches!(route.next, NextHop::Appliance(_) | NextHop::Gateway) {
                may.extend(route.prefix);
            }
        }
        let must = Ranges::new(must);
        Match { may: must.or(&Ranges::new(may)), must }
    }

    /// Is there a peering back?
    pub(super) fn is_mutual(&self, network: &super::Network, remote: &super::Network) -> bool {
        remote.peerings.iter().any(|p| p.remote_id == network.id)
    }
}
