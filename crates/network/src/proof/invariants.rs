//! The eight invariants, over all sources and destinations.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use glidepath_arm::ResourceId;
use glidepath_estate::Origin;
use serde::Serialize;

use super::{Engine, Flow};
use crate::model::{Address, Exposure, FirewallKind, Mode, Model};
use crate::trace::{End, Packet, Trace};
use crate::{Bits, Protocol, Traffic};

/// What is proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invariant {
    /// Spokes do not reach each other.
    SpokeIsolation,
    /// Nothing comes in from the internet but by what is made for it.
    InternetIngress,
    /// Management ports only from Bastion.
    ManagementByBastion,
    /// Out only by a firewall, to named destinations.
    EgressByFirewall,
    /// Services only by private endpoints.
    PrivateServices,
    /// Corp and online do not reach each other.
    CorpOnline,
    /// On-premises only by a firewall, to private endpoints.
    OnPremises,
    /// Names of services lead to private endpoints that can be reached.
    PrivateNames,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub enum Verdict {
    /// It holds, on every reading.
    Proved,
    /// It does not; some of the cases, one for each pair of ends.
    Counterexample {
        /// How many pairs of ends, or resources.
        cases: usize,
        /// The first of them.
        examples: Vec<Counterexample>,
    },
    /// It hangs on something that is not known.
    Unknown {
        /// On what.
        assumption: String,
    },
}

/// A case in which an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counterexample {
    /// In words.
    pub what: String,
    /// The packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<Packet>,
    /// Its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Trace>,
    /// The resource whose change closes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<ResourceId>,
    /// Where that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The smallest change that closes it.
    pub change: String,
}

/// The verdicts on all invariants.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// In order.
    pub invariants: BTreeMap<Invariant, Verdict>,
    /// What was taken for granted.
    pub assumptions: Vec<String>,
    /// How many pairs of ends had traffic.
    pub flows: usize,
}

impl Proof {
    /// Did no invariant break?
    pub fn holds(&self) -> bool {
        !self.invariants.values().any(|v| matches!(v, Verdict::Counterexample { .. }))
    }
}

/// How many examples are told of each invariant.
const TOLD: usize = 5;

struct Prover<'m> {
    model: &'m Model,
    engine: Engine<'m>,
    hubs: Vec<bool>,
    management: Bits,
    https: Bits,
    found: BTreeMap<Invariant, BTreeMap<(End, End), Flow>>,
    loose: BTreeMap<Invariant, Vec<Counterexample>>,
    flows: usize,
}

/// Proves all invariants of a model.
pub fn prove(model: &Model) -> Proof {
    let engine = Engine::new(model, Mode::May);
    let bits = |ports: &[u16]| engine.classes.bits(&Traffic::of(Protocol::Tcp, ports), true);
    let (management, https) = (bits(&[22, 3389, 5985, 5986]), bits(&[443]));
    let hubs = (0..model.networks.len()).map(|n| model.is_hub(n)).collect();
    let mut prover =
        Prover { model, engine, hubs, management, https, found: BTreeMap::new(), loose: BTreeMap::new(), flows: 0 };
    prover.sweep();
    prover.egress();
    prover.services();
    prover.names();
    prover.finish()
}

impl Prover<'_> {
    fn sweep(&mut self) {
        let mut ends: Vec<End> = (0..self.model.sites.len()).map(End::Site).collect();
        ends.extend((0..self.model.gateways.len()).map(End::OnPremises));
        let mut broken: Vec<(Invariant, Flow)> = Vec::new();
        let mut flows = 0;
        for from in ends.into_iter().chain([End::Internet]) {
            self.engine.flows(from, &mut |flow| {
                flows += 1;
                self.judge(flow, &mut |invariant, flow| broken.push((invariant, flow)));
            });
        }
        self.flows = flows;
        for (invariant, flow) in broken {
            self.found.entry(invariant).or_default().entry((flow.from, flow.to)).or_insert(flow);
        }
    }

    /// Which invariants a flow breaks.
    fn judge(&self, flow: Flow, broken: &mut dyn FnMut(Invariant, Flow)) {
        let model = self.model;
        let site = |end: End| match end {
            End::Site(s) => model.sites.get(s),
            _ => None,
        };
        let subnet = |end: End| site(end).and_then(|s| model.subnets.get(s.subnet));
        let (from, to) = (subnet(flow.from), subnet(flow.to));
        let hub = |n: usize| self.hubs.get(n).copied().unwrap_or(false);
        if let (Some(a), Some(b)) = (from, to)
            && a.network != b.network
        {
            if !hub(a.network) && !hub(b.network) {
                broken(Invariant::SpokeIsolation, flow);
            }
            let exposure = |n: usize| model.networks.get(n).and_then(|n| n.exposure);
            match (exposure(a.network), exposure(b.network)) {
                (Some(Exposure::Corp), Some(Exposure::Online)) | (Some(Exposure::Online), Some(Exposure::Corp)) => {
                    broken(Invariant::CorpOnline, flow);
                }
                _ => {}
            }
        }
        let endpoint = site(flow.to).is_some_and(|s| s.endpoint.is_some());
        if let Some(b) = to.filter(|b| !b.is_platform()) {
            let bits = flow.bits.and(self.management);
            let bastion = from.is_some_and(|a| a.is("AzureBastionSubnet"));
            // The nodes of a delegated subnet are the platform's: nobody signs in from one to the other.
            let platform = from.is_some_and(|a| a.id == b.id) && !b.delegations.is_empty();
            if !bits.is_empty() && !bastion && !platform && !endpoint && flow.from != End::Internet {
                broken(Invariant::ManagementByBastion, Flow { bits, ..flow });
            }
        }
        match (flow.from, flow.to) {
            (End::OnPremises(_), End::Site(_)) if to.is_some_and(|b| !b.is_platform()) => {
                let bits = if endpoint { flow.bits.without(self.https) } else { flow.bits };
                // The hosts of an endpoints' subnet are its endpoints.
                let hosts = site(flow.to)
                    .is_some_and(|s| s.endpoint.is_none() && model.endpoints.iter().any(|e| e.subnet == s.subnet));
                let bits = if hosts { bits.without(self.https) } else { bits };
                if flow.firewalls == 0 {
                    broken(Invariant::OnPremises, flow);
                } else if !bits.is_empty() {
                    broken(Invariant::OnPremises, Flow { bits, ..flow });
                }
            }
            (End::Site(_), End::OnPremises(_)) if from.is_some_and(|a| !a.is_platform()) && flow.firewalls == 0 => {
                broken(Invariant::OnPremises, flow);
            }
            (End::Site(_), End::Internet) if flow.firewalls == 0 => {
                // Without a way out of its own, a private subnet reaches nothing.
                let out = from.is_some_and(|a| {
                    !a.is_platform()
                        && (a.default_outbound != Some(false) || a.nat_gateway.is_some() || self.is_public(flow.from))
                });
                if out {
                    broken(Invariant::EgressByFirewall, flow);
                }
            }
            (End::Internet, End::Site(_)) if to.is_some_and(|b| !b.is_platform()) && self.is_public(flow.to) => {
                broken(Invariant::InternetIngress, flow);
            }
            _ => {}
        }
    }

    /// Has something there a public address of its own?
    fn is_public(&self, end: End) -> bool {
        let End::Site(site) = end else { return false };
        let Some(site) = self.model.sites.get(site).filter(|s| s.endpoint.is_none()) else { return false };
        let interface =
            |i: &crate::model::Interface| i.public.is_some() && i.subnet == site.subnet && (i.group == site.group);
        let front = |f: &crate::model::Frontend| f.public && f.behind.contains(&site.subnet);
        self.model.interfaces.iter().any(interface) || self.model.frontends.iter().any(front)
    }

    fn tell(
        &mut self,
        invariant: Invariant,
        what: String,
        resource: &ResourceId,
        origin: Option<&Origin>,
        change: &str,
    ) {
        self.loose.entry(invariant).or_default().push(Counterexample {
            what,
            packet: None,
            path: None,
            resource: Some(resource.clone()),
            origin: origin.cloned(),
            change: change.to_owned(),
        });
    }

    /// What a firewall lets out must be named; NAT gateways and service endpoints go past it.
    fn egress(&mut self) {
        let model = self.model;
        for firewall in &model.firewalls {
            for rule in firewall.rules.iter().filter(|r| r.allows) {
                let loose = rule.destination.iter().any(|a| match (a, rule.kind) {
                    (Address::Any, FirewallKind::Network | FirewallKind::Application) => true,
                    (Address::Ranges(ranges), FirewallKind::Network) => {
                        ranges.iter().any(|r| r.length().is_none_or(|l| l < 8) && model.internet.meets(r))
                    }
                    (Address::Name(name), FirewallKind::Application) => name == "*",
                    (Address::Tag(tag), FirewallKind::Network) => tag.eq_ignore_ascii_case("Internet"),
                    _ => false,
                });
                if loose {
                    let what = format!("firewall rule `{}` lets out to any destination", rule.name);
                    let change = "name the destinations: FQDNs, service tags or addresses";
                    self.tell(Invariant::EgressByFirewall, what, &rule.holder, rule.origin.as_ref(), change);
                }
                if rule.kind == FirewallKind::Dnat && model.matched(&rule.source, None).may.covers(crate::Range::ALL) {
                    let what = format!("firewall rule `{}` lets everybody on the internet in", rule.name);
                    self.tell(Invariant::InternetIngress, what, &rule.holder, rule.origin.as_ref(), "name the sources");
                }
            }
        }
        for subnet in model.subnets.iter().filter(|s| !s.is_platform()) {
            for service in &subnet.service_endpoints {
                let what = format!("`{}` goes to {service} past the firewall, by a service endpoint", subnet.name());
                self.tell(
                    Invariant::EgressByFirewall,
                    what,
                    &subnet.id,
                    subnet.origin.as_ref(),
                    "use a private endpoint",
                );
            }
        }
    }

    fn services(&mut self) {
        for service in &self.model.services {
            if service.open != Some(false) {
                let what = format!("`{}` is reached from the internet: {}", service.id.name(), service.why);
                let change = "set `publicNetworkAccess` to `Disabled`";
                self.tell(Invariant::PrivateServices, what, &service.id, service.origin.as_ref(), change);
            }
        }
    }

    /// Whom a network asks: the network whose linked zones answer.
    fn answering(&self, network: usize) -> Option<usize> {
        let servers = &self.model.networks.get(network)?.dns;
        let Some(server) = servers.first() else { return Some(network) };
        let server: Ipv4Addr = server.parse().ok()?;
        if let Some((_, network)) = self.model.resolvers.iter().find(|(a, _)| *a == server) {
            return Some(*network);
        }
        let firewall = self.model.firewalls.iter().find(|f| f.address == Some(server) && f.dns_proxy)?;
        match firewall.dns_servers.first() {
            Some(next) => {
                let next: Ipv4Addr = next.parse().ok()?;
                self.model.resolvers.iter().find(|(a, _)| *a == next).map(|(_, n)| *n)
            }
            None => self.model.subnets.get(firewall.subnet?).map(|s| s.network),
        }
    }

    fn names(&mut self) {
        let model = self.model;
        let must = Engine::new(model, Mode::Must);
        let mut reached: std::collections::BTreeSet<usize> = std::collections::BTreeSet::new();
        let https = must.classes.bits(&Traffic::of(Protocol::Tcp, &[443]), false);
        for from in (0..model.sites.len()).map(End::Site) {
            must.flows(from, &mut |flow| {
                if let End::Site(to) = flow.to
                    && flow.bits.meets(https)
                    && model.sites.get(to).is_some_and(|s| s.endpoint.is_some())
                {
                    reached.insert(to);
                }
            });
        }
        for (number, site) in model.sites.iter().enumerate() {
            let Some(endpoint) = site.endpoint.and_then(|e| model.endpoints.get(e)) else { continue };
            let Some(network) = model.subnets.get(site.subnet).map(|s| s.network) else { continue };
            let name = endpoint.id.name();
            let mut problem = None;
            if endpoint.zones.is_empty() {
                problem =
                    Some((format!("`{name}` has no records in a private zone"), "add a `privateDnsZoneGroups` to it"));
            } else if let Some(asked) = self.answering(network) {
                let id = model.networks.get(asked).map(|n| &n.id);
                let unlinked = endpoint
                    .zones
                    .iter()
                    .find(|zone| !model.zones.iter().any(|z| z.id == **zone && z.links.iter().any(|l| Some(l) == id)));
                if let Some(zone) = unlinked {
                    let network = id.map_or("", |i| i.name());
                    let what = format!(
                        "`{}` is not linked to `{network}`, which answers for `{name}`: its name leads to a public address",
                        zone.name()
                    );
                    problem = Some((what, "link the zone to that network"));
                }
            } else {
                problem = Some((
                    format!("nobody in the estate answers the questions of `{name}`'s network"),
                    "point its DNS servers at the resolver or the firewall's proxy",
                ));
            }
            if problem.is_none() && !reached.contains(&number) {
                problem =
                    Some((format!("no subnet certainly reaches `{name}` on 443"), "let its own network in on TCP 443"));
            }
            if let Some((what, change)) = problem {
                self.tell(Invariant::PrivateNames, what, &endpoint.id, endpoint.origin.as_ref(), change);
            }
        }
    }

    /// A flow as a packet that the tracer confirms.
    fn example(&self, flow: Flow) -> Option<Counterexample> {
        let (protocol, port) = self.engine.classes.example(flow.bits)?;
        let pick = |end: End, range: crate::Range| match end {
            End::Site(site) => self.model.host(site, range),
            _ => Some(Ipv4Addr::from_bits(range.first.saturating_add(4).min(range.last))),
        };
        let source = pick(flow.from, flow.source)?;
        let packet = Packet { source, destination: pick(flow.to, flow.destination)?, protocol, port };
        let path = self.model.trace(flow.from, flow.to, packet, Mode::May);
        if !path.arrives {
            return None;
        }
        let name = |end| match end {
            End::Site(s) => self.model.sites.get(s).map_or(String::new(), |s| format!("`{}`", s.name)),
            End::Internet => "the internet".to_owned(),
            End::OnPremises(_) => "on-premises".to_owned(),
        };
        let what = format!("{} reaches {} on {} {}", name(flow.from), name(flow.to), protocol.name(), port);
        // The last rule that somebody wrote is the nearest to what must be kept.
        let last = path.steps.iter().rev().find(|s| s.rule.is_some()).cloned();
        let (resource, origin, change) = match last {
            Some(step) => {
                let change = format!(
                    "in `{}`, refuse or narrow `{}` for {} {} from {} to {}",
                    step.resource.as_ref().map_or("", |r| r.name()),
                    step.rule.as_deref().unwrap_or(""),
                    protocol.name(),
                    port,
                    flow.source,
                    flow.destination
                );
                (step.resource, step.origin, change)
            }
            None => (
                None,
                None,
                "put a security group with an explicit inbound deny on the destination's subnet".to_owned(),
            ),
        };
        Some(Counterexample { what, packet: Some(packet), path: Some(path), resource, origin, change })
    }

    fn finish(self) -> Proof {
        use Invariant as I;
        let all = [
            I::SpokeIsolation,
            I::InternetIngress,
            I::ManagementByBastion,
            I::EgressByFirewall,
            I::PrivateServices,
            I::CorpOnline,
            I::OnPremises,
            I::PrivateNames,
        ];
        let mut invariants = BTreeMap::new();
        for invariant in all {
            let flows = self.found.get(&invariant);
            let loose = self.loose.get(&invariant);
            let cases = flows.map_or(0, BTreeMap::len) + loose.map_or(0, Vec::len);
            let confirmed = flows.into_iter().flat_map(|f| f.values()).filter_map(|f| self.example(*f));
            let examples: Vec<Counterexample> =
                confirmed.chain(loose.into_iter().flatten().cloned()).take(TOLD).collect();
            let verdict = match (cases, examples.is_empty()) {
                (0, _) => Verdict::Proved,
                (_, false) => Verdict::Counterexample { cases, examples },
                (_, true) => Verdict::Unknown {
                    assumption: "traffic may pass, but no single packet could be followed all the way".to_owned(),
                },
            };
            invariants.insert(invariant, verdict);
        }
        let mut assumptions = self.model.assumptions.clone();
        if self.engine.classes.coarse {
            assumptions.push("there are more port ranges than classes: ports were rounded to the safe side".to_owned());
        }
        Proof { invariants, assumptions, flows: self.flows }
    }
}
