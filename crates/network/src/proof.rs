//! All pairs at once: addresses cut where rules tell them apart, protocols and ports as a set of fixed width.
//!
//! Only pairs that a route and a firewall leave open are looked at, so the cost grows with what is allowed.

mod filter;
mod invariants;

use crate::model::{Device, FirewallKind, Hop, Mode, Model};
use crate::trace::End;
use crate::{Bits, Classes, Range};

use filter::{Filter, at};
pub use invariants::{Counterexample, Invariant, Proof, Verdict, prove};

/// Traffic that passes from one end to another.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// From.
    pub from: End,
    /// To.
    pub to: End,
    /// Source addresses.
    pub source: Range,
    /// Destination addresses.
    pub destination: Range,
    /// What passes.
    pub bits: Bits,
    /// How many firewalls are on the way.
    pub firewalls: usize,
}

/// The compiled network.
#[derive(Debug)]
pub struct Engine<'m> {
    /// What was compiled.
    pub model: &'m Model,
    /// The classes of traffic.
    pub classes: Classes,
    mode: Mode,
    outward: Vec<Vec<Filter>>,
    inward: Vec<Vec<Filter>>,
    routes: Vec<Vec<(Range, Hop)>>,
    /// Network → its sites by their subnets' first addresses.
    sites: Vec<Vec<usize>>,
}

/// A packet set on its way.
#[derive(Clone, Copy)]
struct Parcel {
    from: End,
    start: usize,
    source: Range,
    destination: Range,
    bits: Bits,
    passed: [Option<usize>; 4],
    away: bool,
}

impl<'m> Engine<'m> {
    /// Compiles a model.
    pub fn new(model: &'m Model, mode: Mode) -> Self {
        let rules = model.groups.iter().flat_map(|g| g.rules.iter().map(|r| &r.traffic));
        let classes = Classes::of(rules.chain(model.firewalls.iter().flat_map(|f| f.rules.iter().map(|r| &r.traffic))));
        let compile = |inbound: bool| {
            let sites = model.sites.iter();
            sites.map(|site| filter::site(model, &classes, site, inbound, mode)).collect()
        };
        let mut sites = vec![Vec::new(); model.networks.len()];
        for (i, site) in model.sites.iter().enumerate() {
            let network = model.subnets.get(site.subnet).map(|s| s.network);
            if let Some(list) = network.and_then(|n| sites.get_mut(n)) {
                list.push(i);
            }
        }
        let routes = (0..model.subnets.len()).map(|s| routes(model, s)).collect();
        Self { outward: compile(false), inward: compile(true), classes, mode, model, routes, sites }
    }

    /// Everything that passes from one end.
    pub fn flows(&self, from: End, visit: &mut dyn FnMut(Flow)) {
        match from {
            End::Site(number) => {
                let Some(site) = self.model.sites.get(number).filter(|s| s.endpoint.is_none()) else { return };
                for filter in self.outward.get(number).into_iter().flatten() {
                    for (destination, bits) in &filter.map {
                        let (source, destination, bits) = (filter.local, *destination, *bits);
                        let parcel = Parcel {
                            from,
                            start: site.subnet,
                            source,
                            destination,
                            bits,
                            passed: [None; 4],
                            away: false,
                        };
                        self.forward(site.subnet, parcel, visit);
                    }
                }
            }
            End::OnPremises(gateway) => {
                let Some(start) = self.model.gateways.get(gateway).and_then(|g| g.subnet) else { return };
                for source in self.model.on_premises.iter() {
                    let bits = self.classes.all();
                    let parcel =
                        Parcel { from, start, source, destination: Range::ALL, bits, passed: [None; 4], away: false };
                    self.forward(start, parcel, visit);
                }
            }
            End::Internet => {
                for site in 0..self.model.sites.len() {
                    for source in self.model.internet.iter() {
                        let parcel = Parcel {
                            from,
                            start: 0,
                            source,
                            destination: Range::ALL,
                            bits: self.classes.all(),
                            passed: [None; 4],
                            away: false,
                        };
                        self.deliver(site, parcel, visit);
                    }
                }
            }
        }
    }

    fn forward(&self, subnet: usize, parcel: Parcel, visit: &mut dyn FnMut(Flow)) {
        let Some(routes) = self.routes.get(subnet) else { return };
        let first = routes.partition_point(|(r, _)| r.last < parcel.destination.first);
        for (range, hop) in routes.get(first..).unwrap_or_default() {
            let Some(destination) = range.and(parcel.destination) else { break };
            self.hop(subnet, *hop, Parcel { destination, ..parcel }, visit);
        }
        self.bypasses(subnet, parcel, visit);
    }

    /// Private endpoints that have a route of their own in this subnet.
    fn bypasses(&self, subnet: usize, parcel: Parcel, visit: &mut dyn FnMut(Flow)) {
        let Some(here) = self.model.network_of(subnet) else { return };
        let mine = self.model.subnets.get(subnet).map(|s| s.network);
        for network in mine.into_iter().chain(here.peerings.iter().filter_map(|p| p.remote)) {
            for number in self.sites.get(network).into_iter().flatten() {
                let Some(site) = self.model.sites.get(*number).filter(|s| s.endpoint.is_some()) else { continue };
                for range in site.space.iter().filter_map(|r| r.and(parcel.destination)) {
                    let Some(Hop::Network { network, peering }) =
                        self.model.endpoint_bypass(subnet, site.subnet, range.first)
                    else {
                        continue;
                    };
                    if self.model.crosses(subnet, network, peering, parcel.away, self.mode) {
                        self.deliver(*number, Parcel { destination: range, ..parcel }, visit);
                    }
                }
            }
        }
    }

    fn hop(&self, subnet: usize, hop: Hop, parcel: Parcel, visit: &mut dyn FnMut(Flow)) {
        match hop {
            Hop::Dropped => {}
            Hop::Internet => {
                for range in self.model.internet.iter().filter_map(|r| r.and(parcel.destination)) {
                    self.arrive(End::Internet, Parcel { destination: range, ..parcel }, visit);
                }
            }
            Hop::Gateway(gateway) => {
                for range in self.model.on_premises.iter().filter_map(|r| r.and(parcel.destination)) {
                    self.arrive(End::OnPremises(gateway), Parcel { destination: range, ..parcel }, visit);
                }
            }
            Hop::Network { network, peering } => {
                if !self.model.crosses(subnet, network, peering, parcel.away, self.mode) {
                    return;
                }
                for site in self.sites.get(network).into_iter().flatten() {
                    // An endpoint's own route decides about it, not the network's.
                    let endpoint = self.model.sites.get(*site).filter(|s| s.endpoint.is_some());
                    let own = endpoint.is_some_and(|s| {
                        self.model.endpoint_bypass(subnet, s.subnet, s.space.first().unwrap_or(0)).is_some()
                    });
                    if !own {
                        self.deliver(*site, parcel, visit);
                    }
                }
            }
            Hop::Appliance(address) => match self.model.device(subnet, address) {
                Device::Firewall(firewall) => self.firewall(firewall, parcel, visit),
                Device::Appliance(next)
                    if self.mode == Mode::May && next != subnet && parcel.passed.contains(&None) =>
                {
                    // Counted as a hop, so that two appliances cannot play ball for ever.
                    let passed = pushed(parcel.passed, usize::MAX);
                    self.forward(next, Parcel { away: true, passed, ..parcel }, visit);
                }
                Device::Appliance(_) | Device::Nobody => {}
            },
        }
    }

    fn firewall(&self, number: usize, parcel: Parcel, visit: &mut dyn FnMut(Flow)) {
        let Some(firewall) = self.model.firewalls.get(number) else { return };
        let Some(subnet) = firewall.subnet else { return };
        if parcel.passed.contains(&Some(number)) || !parcel.passed.contains(&None) {
            return;
        }
        let passed = pushed(parcel.passed, number);
        let network = |s: usize| self.model.subnets.get(s).map(|s| s.network);
        let away = network(subnet) != network(parcel.start);
        for (source, map) in
            filter::firewall(self.model, &self.classes, number, parcel.source, parcel.destination, self.mode)
        {
            for (destination, bits) in map {
                let bits = bits.and(parcel.bits);
                if !bits.is_empty() {
                    self.forward(subnet, Parcel { source, destination, bits, passed, away, ..parcel }, visit);
                }
            }
        }
        if self.mode == Mode::May {
            self.by_name(number, Parcel { passed, ..parcel }, visit);
        }
    }

    /// Application rules: the firewall goes on in its own name.
    fn by_name(&self, number: usize, parcel: Parcel, visit: &mut dyn FnMut(Flow)) {
        let Some(firewall) = self.model.firewalls.get(number) else { return };
        let (Some(subnet), Some(address)) = (firewall.subnet, firewall.address) else { return };
        for rule in firewall.rules.iter().filter(|r| r.kind == FirewallKind::Application && r.allows) {
            let bits = self.classes.bits(&rule.traffic, true).and(parcel.bits);
            if bits.is_empty() || !self.model.matched(&rule.source, Some(subnet)).may.meets(parcel.source) {
                continue;
            }
            let mut inner = |flow: Flow| {
                if self.model.names_may_lead(rule, flow.to, self.mode) {
                    visit(Flow { source: parcel.source, ..flow });
                }
            };
            let sent = Parcel { source: Range::one(address), bits, away: false, ..parcel };
            self.forward(subnet, sent, &mut inner);
        }
    }

    fn deliver(&self, site: usize, parcel: Parcel, visit: &mut dyn FnMut(Flow)) {
        for filter in self.inward.get(site).into_iter().flatten() {
            let Some(destination) = filter.local.and(parcel.destination) else { continue };
            for (source, bits) in at(&filter.map, parcel.source) {
                let bits = bits.and(parcel.bits);
                if !bits.is_empty() {
                    self.arrive(End::Site(site), Parcel { source, destination, bits, ..parcel }, visit);
                }
            }
        }
    }

    fn arrive(&self, to: End, parcel: Parcel, visit: &mut dyn FnMut(Flow)) {
        let Parcel { from, source, destination, bits, .. } = parcel;
        let firewalls = parcel.passed.iter().flatten().filter(|f| **f != usize::MAX).count();
        visit(Flow { from, to, source, destination, bits, firewalls });
    }

    /// Does a source reach a destination with a class of traffic? For tests and single questions.
    pub fn passes(&self, from: End, to: End, source: u32, destination: u32, bits: Bits) -> bool {
        let mut found = false;
        self.flows(from, &mut |f| {
            found |= f.to == to && f.source.holds(source) && f.destination.holds(destination) && f.bits.meets(bits);
        });
        found
    }
}

fn pushed(mut passed: [Option<usize>; 4], number: usize) -> [Option<usize>; 4] {
    if let Some(slot) = passed.iter_mut().find(|s| s.is_none()) {
        *slot = Some(number);
    }
    passed
}

/// The routes of a subnet, cut where they change.
fn routes(model: &Model, subnet: usize) -> Vec<(Range, Hop)> {
    let routes = model.routes.get(subnet).map(Vec::as_slice).unwrap_or_default();
    let mut out: Vec<(Range, Hop)> = Vec::new();
    let mut sorted: Vec<_> = routes.iter().collect();
    sorted.sort_by_key(|r| (r.range.first, r.length));
    let mut next = 0;
    let mut open: Vec<&crate::model::EffectiveRoute> = Vec::new();
    for piece in filter::pieces(routes.iter().map(|r| r.range), Range::ALL) {
        open.retain(|r| r.range.last >= piece.first);
        while let Some(route) = sorted.get(next).filter(|r| r.range.first <= piece.first) {
            open.push(route);
            next += 1;
        }
        let hop = crate::model::best(open.iter().copied()).map_or(Hop::Dropped, |r| r.hop);
        match out.last_mut() {
            Some((last, same)) if *same == hop => last.last = piece.last,
            _ => out.push((piece, hop)),
        }
    }
    out
}
