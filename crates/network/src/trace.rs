//! One packet, rule by rule and hop by hop.
//!
//! It shares no code with the proof but the model: every counterexample of the proof is followed here before it is told,
//! and the tests compare both on random networks.

use std::net::Ipv4Addr;

use glidepath_arm::ResourceId;
use glidepath_estate::Origin;
use serde::Serialize;

use crate::model::{Device, FirewallKind, Hop, Mode, Model, Rule};
use crate::{Protocol, Range};

/// A packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Packet {
    /// From.
    pub source: Ipv4Addr,
    /// To.
    pub destination: Ipv4Addr,
    /// Protocol.
    pub protocol: Protocol,
    /// Destination port; 0 where there is none.
    pub port: u16,
}

/// Where a packet starts or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// A site, by its number in the model.
    Site(usize),
    /// The internet.
    Internet,
    /// On-premises, at this gateway.
    OnPremises(usize),
}

/// One step of a packet's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What happened, in words.
    pub what: String,
    /// The resource that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// The rule or route in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Where it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A packet's way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// Did it arrive where it was meant to?
    pub arrives: bool,
    /// The firewalls it passed.
    pub firewalls: Vec<usize>,
    /// Step by step.
    pub steps: Vec<Step>,
}

impl Trace {
    fn step(&mut self, what: String, resource: Option<&ResourceId>, rule: Option<&str>, origin: Option<&Origin>) {
        self.steps.push(Step {
            what,
            resource: resource.cloned(),
            rule: rule.map(str::to_owned),
            origin: origin.cloned(),
        });
    }
}

impl Model {
    /// Follows a packet from one end to another.
    pub fn trace(&self, from: End, to: End, packet: Packet, mode: Mode) -> Trace {
        let mut trace = Trace::default();
        let start = match from {
            End::Site(site) => {
                let Some(site) = self.sites.get(site) else { return trace };
                // An endpoint never starts anything.
                if site.endpoint.is_some() || !site.space.holds(packet.source.to_bits()) {
                    return trace;
                }
                let subnet = self.subnets.get(site.subnet).and_then(|s| s.group);
                for group in [site.group, subnet].into_iter().flatten() {
                    if !self.passes_group(group, site.subnet, false, &packet, mode, &mut trace) {
                        return trace;
                    }
                }
                site.subnet
            }
            End::OnPremises(gateway) => {
                if !self.on_premises.holds(packet.source.to_bits()) {
                    return trace;
                }
                let Some(gateway) = self.gateways.get(gateway) else { return trace };
                trace.step(
                    format!("comes in by gateway `{}`", gateway.id.name()),
                    Some(&gateway.id),
                    None,
                    gateway.origin.as_ref(),
                );
                let Some(subnet) = gateway.subnet else { return trace };
                subnet
            }
            // What comes from the internet is delivered where it is let in; the way there is not routed by Azure's tables.
            End::Internet => {
                let End::Site(site) = to else { return trace };
                trace.arrives =
                    self.internet.holds(packet.source.to_bits()) && self.delivers(site, &packet, mode, &mut trace);
                return trace;
            }
        };
        let mut at = start;
        let mut packet = packet;
        let mut away = false;
        for _ in 0..8 {
            let endpoint = match to {
                End::Site(site) => self.sites.get(site).filter(|s| s.endpoint.is_some()).map(|s| s.subnet),
                _ => None,
            };
            let bits = packet.destination.to_bits();
            let bypass = endpoint.and_then(|e| self.endpoint_bypass(at, e, bits));
            let Some(hop) = bypass.or_else(|| self.route(at, bits).map(|r| r.hop)) else { return trace };
            self.tell_route(at, bits, bypass.is_some(), &mut trace);
            match hop {
                Hop::Dropped => return trace,
                Hop::Internet => {
                    trace.arrives = to == End::Internet && self.internet.holds(bits);
                    return trace;
                }
                Hop::Gateway(gateway) => {
                    trace.arrives = matches!(to, End::OnPremises(g) if g == gateway) && self.on_premises.holds(bits);
                    return trace;
                }
                Hop::Network { network, peering } => {
                    let End::Site(site) = to else { return trace };
                    if self.sites.get(site).and_then(|s| self.subnets.get(s.subnet)).map(|s| s.network) != Some(network)
                    {
                        return trace;
                    }
                    if !self.crosses(at, network, peering, away, mode) {
                        trace.step("the peering does not let it through".to_owned(), None, None, None);
                        return trace;
                    }
                    trace.arrives = self.delivers(site, &packet, mode, &mut trace);
                    return trace;
                }
                Hop::Appliance(address) => match self.device(at, address) {
                    Device::Firewall(firewall) => {
                        let Some(subnet) = self.firewalls.get(firewall).and_then(|f| f.subnet) else { return trace };
                        if trace.firewalls.contains(&firewall)
                            || !self.passes_firewall(firewall, to, &mut packet, mode, &mut trace)
                        {
                            return trace;
                        }
                        trace.firewalls.push(firewall);
                        // Sent on by the firewall: for the next peering it comes from elsewhere, unless it got a new source.
                        away = self.subnets.get(subnet).map(|s| s.network)
                            != self.subnets.get(start).map(|s| s.network)
                            && !self.subnets.get(subnet).is_some_and(|s| s.space.holds(packet.source.to_bits()));
                        at = subnet;
                    }
                    Device::Appliance(subnet) if mode == Mode::May && subnet != at => {
                        trace.step(format!("appliance {address} may forward it"), None, None, None);
                        away = true;
                        at = subnet;
                    }
                    Device::Appliance(_) | Device::Nobody => {
                        trace.step(format!("nobody forwards at {address}"), None, None, None);
                        return trace;
                    }
                },
            }
        }
        trace
    }

    /// Do both sides of a peering let it through?
    pub(crate) fn crosses(&self, at: usize, network: usize, peering: Option<usize>, away: bool, mode: Mode) -> bool {
        let Some(peering) = peering else { return true };
        let Some(here) = self.network_of(at) else { return false };
        let back = self.networks.get(network).and_then(|n| n.peerings.iter().find(|p| p.remote_id == here.id));
        let (Some(out), Some(back)) = (here.peerings.get(peering), back) else { return false };
        // Documents say that these flags stop it; reports say that some traffic passes all the same.
        mode == Mode::May || (out.access && back.access && (!away || back.forwarded))
    }

    fn tell_route(&self, at: usize, bits: u32, bypass: bool, trace: &mut Trace) {
        let Some(subnet) = self.subnets.get(at) else { return };
        let table = subnet.table.and_then(|t| self.tables.get(t));
        let name = subnet.name();
        if bypass {
            trace.step(format!("in `{name}` the private endpoint's own route leads straight to it"), None, None, None);
            return;
        }
        let Some(route) = self.route(at, bits) else { return };
        let to = match route.hop {
            Hop::Network { network, peering } => {
                let network = self.networks.get(network).map_or("", |n| n.id.name());
                if peering.is_some() {
                    format!("over the peering to `{network}`")
                } else {
                    format!("inside `{network}`")
                }
            }
            Hop::Appliance(address) => format!("to {address}"),
            Hop::Gateway(_) => "to the gateway".to_owned(),
            Hop::Internet => "to the internet".to_owned(),
            Hop::Dropped => "nowhere".to_owned(),
        };
        let what = format!("`{name}` routes {} {to}", route.range);
        match (&route.name, table) {
            (Some(rule), Some(table)) => trace.step(what, Some(&table.id), Some(rule), table.origin.as_ref()),
            _ => trace.step(what, None, None, None),
        }
    }

    fn delivers(&self, site: usize, packet: &Packet, mode: Mode, trace: &mut Trace) -> bool {
        let Some(site) = self.sites.get(site).filter(|s| s.space.holds(packet.destination.to_bits())) else {
            return false;
        };
        let Some(subnet) = self.subnets.get(site.subnet) else { return false };
        if site.endpoint.is_some() && !subnet.endpoint_policies.0 {
            trace.step(
                format!("`{}` holds no security group against private endpoints", subnet.name()),
                Some(&subnet.id),
                None,
                subnet.origin.as_ref(),
            );
            return true;
        }
        let groups = [subnet.group, site.group];
        groups.into_iter().flatten().all(|g| self.passes_group(g, site.subnet, true, packet, mode, trace))
    }

    /// The first rule that matches decides. Of a rule that lets through in part, the part counts on *may*.
    fn passes_group(
        &self,
        group: usize,
        subnet: usize,
        inbound: bool,
        packet: &Packet,
        mode: Mode,
        trace: &mut Trace,
    ) -> bool {
        let Some(group) = self.groups.get(group) else { return true };
        for rule in group.rules.iter().filter(|r| r.inbound == inbound) {
            if !self.rule_matches(rule, subnet, packet, mode) {
                continue;
            }
            let way = if inbound { "in" } else { "out" };
            let verb = if rule.allows { "lets it" } else { "stops it on the way" };
            let what = format!("`{}` {verb} {way} ({})", group.id.name(), rule.name);
            trace.step(what, Some(&group.id), Some(&rule.name), group.origin.as_ref());
            return rule.allows;
        }
        false
    }

    fn rule_matches(&self, rule: &Rule, subnet: usize, packet: &Packet, mode: Mode) -> bool {
        let generous = (mode == Mode::May) == rule.allows;
        let source = self.matched(&rule.source, Some(subnet));
        let destination = self.matched(&rule.destination, Some(subnet));
        rule.traffic.holds(packet.protocol, packet.port)
            && (generous || rule.traffic.any_source_port())
            && source.of(mode, rule.allows).holds(packet.source.to_bits())
            && destination.of(mode, rule.allows).holds(packet.destination.to_bits())
    }

    fn passes_firewall(&self, firewall: usize, to: End, packet: &mut Packet, mode: Mode, trace: &mut Trace) -> bool {
        let Some(it) = self.firewalls.get(firewall) else { return false };
        for rule in &it.rules {
            let subnet = it.subnet;
            let source = self.matched(&rule.source, subnet);
            if rule.kind == FirewallKind::Dnat
                || !rule.traffic.holds(packet.protocol, packet.port)
                || !source.of(mode, rule.allows).holds(packet.source.to_bits())
            {
                continue;
            }
            let matches = match rule.kind {
                FirewallKind::Application => self.names_may_lead(rule, to, mode),
                _ => self.matched(&rule.destination, subnet).of(mode, rule.allows).holds(packet.destination.to_bits()),
            };
            if !matches {
                continue;
            }
            let verb = if rule.allows { "lets it through" } else { "stops it" };
            trace.step(
                format!("firewall `{}` {verb} ({})", it.id.name(), rule.name),
                Some(&rule.holder),
                Some(&rule.name),
                rule.origin.as_ref(),
            );
            if rule.allows && rule.kind == FirewallKind::Application {
                // Application rules always get the firewall's address as their source.
                packet.source = it.address.unwrap_or(packet.source);
            }
            return rule.allows;
        }
        trace.step(format!("firewall `{}` has no rule for it", it.id.name()), Some(&it.id), None, it.origin.as_ref());
        false
    }

    /// May the names of an application rule lead to this end? The client chooses the name, the firewall resolves it: a
    /// name of a service may lead to a private endpoint of that service, `*` anywhere.
    pub(crate) fn names_may_lead(&self, rule: &crate::model::FirewallRule, to: End, mode: Mode) -> bool {
        use crate::model::Address;
        let names = rule.destination.iter().filter_map(|a| match a {
            Address::Name(name) => Some(name.as_str()),
            Address::Any => Some("*"),
            _ => None,
        });
        match to {
            End::Internet => (mode == Mode::May) == rule.allows || names.clone().any(|n| n == "*"),
            End::OnPremises(_) => mode == Mode::May && rule.allows && names.clone().any(|n| n == "*"),
            End::Site(site) => {
                if mode != Mode::May || !rule.allows {
                    return false;
                }
                let endpoint = self.sites.get(site).and_then(|s| self.endpoints.get(s.endpoint?));
                let zones = endpoint.map(|e| e.zones.as_slice()).unwrap_or_default();
                names.clone().any(|name| {
                    let name = name.trim_start_matches("*").trim_start_matches('.');
                    name.is_empty()
                        || zones.iter().any(|z| {
                            let zone = z.name().trim_start_matches("privatelink.");
                            name == zone || name.ends_with(&format!(".{zone}")) || zone.ends_with(&format!(".{name}"))
                        })
                })
            }
        }
    }

    /// One address of a site, for examples: the first a host can have.
    pub fn host(&self, site: usize, within: Range) -> Option<Ipv4Addr> {
        let range = self.sites.get(site)?.space.iter().find_map(|r| r.and(within))?;
        Some(Ipv4Addr::from_bits(range.first.saturating_add(4).min(range.last)))
    }
}
