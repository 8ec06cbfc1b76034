//! What of an estate decides what reaches what.
//!
//! Everything refers to everything by number into the model's lists, so that the proof touches no text. Where Azure's
//! documents conflict, or an estate leaves something open, a rule's addresses come in two sets: those it *may* match and
//! those it *must* match ([`Match`]).

mod read;
mod resolve;
mod routes;
mod rules;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use glidepath_arm::ResourceId;
use glidepath_estate::Origin;
use serde::Serialize;

pub use routes::{Device, EffectiveRoute, Hop};

use crate::{Range, Ranges, Traffic};

/// Is a question about what may be, or about what must be?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Whatever any reading of the documents lets through. Isolation is proved on it.
    May,
    /// What every reading lets through. Service is proved on it.
    Must,
}

/// The addresses a rule matches.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Match {
    /// Those it may match.
    pub may: Ranges,
    /// Those it certainly matches.
    pub must: Ranges,
}

impl Match {
    /// The same either way.
    pub fn exactly(ranges: Ranges) -> Self {
        Self { may: ranges.clone(), must: ranges }
    }

    /// The set to use for a rule: what lets through counts generously on *may*, what refuses counts on *must*.
    pub fn of(&self, mode: Mode, allows: bool) -> &Ranges {
        if (mode == Mode::May) == allows { &self.may } else { &self.must }
    }
}

/// One side of a rule, as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// `*`.
    Any,
    /// Addresses.
    Ranges(Ranges),
    /// A service tag.
    Tag(String),
    /// An application security group, by id.
    Asg(String),
    /// A name (firewall rules).
    Name(String),
    /// Only Azure can tell.
    Unknown,
}

/// A rule of a security group.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// 100 to 4096 (65000 and up: Azure's own).
    pub priority: i64,
    /// Inbound?
    pub inbound: bool,
    /// Allow?
    pub allows: bool,
    /// Protocols and ports.
    pub traffic: Traffic,
    /// From where.
    pub source: Vec<Address>,
    /// To where.
    pub destination: Vec<Address>,
    /// Description, as written.
    pub description: String,
}

/// A network security group.
#[derive(Debug, Clone)]
pub struct SecurityGroup {
    /// Its id.
    pub id: ResourceId,
    /// Its rules by priority, Azure's own last.
    pub rules: Vec<Rule>,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NextHop {
    /// An appliance at this address.
    Appliance(Ipv4Addr),
    /// The network's gateway.
    Gateway,
    /// Inside the network.
    Local,
    /// Out.
    Internet,
    /// Dropped.
    None,
}

/// A route of a table.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Destination; `None`: a service tag.
    pub prefix: Option<Range>,
    /// The destination as written.
    pub text: String,
    /// Where to.
    pub next: NextHop,
}

/// A route table.
#[derive(Debug, Clone)]
pub struct RouteTable {
    /// Its id.
    pub id: ResourceId,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Does it learn routes from gateways?
    pub propagates: bool,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A peering, one way.
#[derive(Debug, Clone)]
pub struct Peering {
    /// Its id.
    pub id: ResourceId,
    /// The other network; `None`: it is not in the estate.
    pub remote: Option<usize>,
    /// The other network's id.
    pub remote_id: ResourceId,
    /// `allowVirtualNetworkAccess`.
    pub access: bool,
    /// `allowForwardedTraffic`.
    pub forwarded: bool,
    /// `allowGatewayTransit`.
    pub lends_gateway: bool,
    /// `useRemoteGateways`.
    pub borrows_gateway: bool,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A virtual network.
#[derive(Debug, Clone)]
pub struct Network {
    /// Its id.
    pub id: ResourceId,
    /// Its address space (IPv4).
    pub space: Ranges,
    /// Its blocks as written.
    pub prefixes: Vec<String>,
    /// Its subnets.
    pub subnets: Vec<usize>,
    /// Its peerings.
    pub peerings: Vec<Peering>,
    /// Whom it asks for names; empty: Azure.
    pub dns: Vec<String>,
    /// Is a DDoS plan linked?
    pub ddos: bool,
    /// The gateway in it.
    pub gateway: Option<usize>,
    /// Region.
    pub location: String,
    /// Workload and environment, where the design says so.
    pub workload: Option<(String, String)>,
    /// Exposure: the management group `corp` or `online` above it.
    pub exposure: Option<Exposure>,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// Who can reach a workload, by the management group its subscription stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Exposure {
    /// Under `corp`.
    Corp,
    /// Under `online`.
    Online,
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct Subnet {
    /// Its id.
    pub id: ResourceId,
    /// Its network.
    pub network: usize,
    /// Its addresses.
    pub space: Ranges,
    /// Its blocks as written.
    pub prefixes: Vec<String>,
    /// Its security group.
    pub group: Option<usize>,
    /// Its route table.
    pub table: Option<usize>,
    /// Do security groups (first) and routes (second) hold for private endpoints in it?
    pub endpoint_policies: (bool, bool),
    /// The services it is delegated to.
    pub delegations: Vec<String>,
    /// Its service endpoints.
    pub service_endpoints: Vec<String>,
    /// Its NAT gateway.
    pub nat_gateway: Option<ResourceId>,
    /// `defaultOutboundAccess`; `None`: not written.
    pub default_outbound: Option<bool>,
    /// What stands in it that Azure knows by itself: the first application gateway, API Management, …
    pub services: Vec<String>,
    /// Where it was written.
    pub origin: Option<Origin>,
}

impl Subnet {
    /// Its name.
    pub fn name(&self) -> &str {
        self.id.name()
    }

    /// One of the names that Azure keeps for its own.
    pub fn is_reserved(&self) -> bool {
        RESERVED.iter().any(|(name, _)| self.name().eq_ignore_ascii_case(name))
    }

    /// Does it have this name, without case?
    pub fn is(&self, name: &str) -> bool {
        self.name().eq_ignore_ascii_case(name)
    }

    /// Is it one of Azure's own subnets, or the resolver's?
    pub fn is_platform(&self) -> bool {
        self.is_reserved() || self.delegations.iter().any(|d| d.eq_ignore_ascii_case("Microsoft.Network/dnsResolvers"))
    }
}

/// Names that Azure keeps, and the longest prefix each may have. Source: Microsoft Learn pages of the services.
pub const RESERVED: [(&str, u8); 6] = [
    ("AzureFirewallSubnet", 26),
    ("AzureFirewallManagementSubnet", 26),
    ("AzureBastionSubnet", 26),
    ("GatewaySubnet", 27),
    ("RouteServerSubnet", 27),
    ("ApplicationGatewaySubnet", 29),
];

/// What a firewall rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FirewallKind {
    /// Translates the destination.
    Dnat,
    /// By address.
    Network,
    /// By name.
    Application,
}

/// A rule of a firewall policy.
#[derive(Debug, Clone)]
pub struct FirewallRule {
    /// Policy, group, collection, rule.
    pub name: String,
    /// What it does.
    pub kind: FirewallKind,
    /// Allow?
    pub allows: bool,
    /// From where.
    pub source: Vec<Address>,
    /// To where: addresses, tags, names; for application rules the names and FQDN tags.
    pub destination: Vec<Address>,
    /// Protocols and ports.
    pub traffic: Traffic,
    /// Where to, for translations: address (`None`: a name or unknown) and port.
    pub translated: Option<(Option<Ipv4Addr>, u16)>,
    /// Is it inherited from the parent policy?
    pub inherited: bool,
    /// Where it was written.
    pub origin: Option<Origin>,
    /// The resource that holds it.
    pub holder: ResourceId,
}

/// An Azure Firewall.
#[derive(Debug, Clone)]
pub struct Firewall {
    /// Its id.
    pub id: ResourceId,
    /// The subnet it stands in.
    pub subnet: Option<usize>,
    /// Its private address.
    pub address: Option<Ipv4Addr>,
    /// Its rules in the order in which they are asked.
    pub rules: Vec<FirewallRule>,
    /// Does it answer DNS questions?
    pub dns_proxy: bool,
    /// Whom it asks itself; empty: Azure.
    pub dns_servers: Vec<String>,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A gateway to on-premises.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its id.
    pub id: ResourceId,
    /// Its network.
    pub network: Option<usize>,
    /// The gateway subnet.
    pub subnet: Option<usize>,
    /// Is it a VPN gateway?
    pub vpn: bool,
    /// SKU.
    pub sku: String,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A private endpoint.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its id.
    pub id: ResourceId,
    /// Its subnet.
    pub subnet: usize,
    /// Its address, where it is written.
    pub address: Option<Ipv4Addr>,
    /// What it leads to.
    pub service: Option<ResourceId>,
    /// The part of the service.
    pub groups: Vec<String>,
    /// The zones its records go to.
    pub zones: Vec<ResourceId>,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A network interface.
#[derive(Debug, Clone)]
pub struct Interface {
    /// Its id.
    pub id: ResourceId,
    /// Its subnet.
    pub subnet: usize,
    /// Its address, where it is written.
    pub address: Option<Ipv4Addr>,
    /// Its security group.
    pub group: Option<usize>,
    /// Its public address.
    pub public: Option<ResourceId>,
    /// Does it forward?
    pub forwards: bool,
    /// Its application security groups.
    pub asgs: Vec<String>,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A load balancer's front.
#[derive(Debug, Clone)]
pub struct Frontend {
    /// The load balancer.
    pub id: ResourceId,
    /// A private front: its subnet.
    pub subnet: Option<usize>,
    /// A private front: its address.
    pub address: Option<Ipv4Addr>,
    /// Is it public?
    pub public: bool,
    /// Subnets behind it, as far as they are written.
    pub behind: Vec<usize>,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// A service with a public side.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its id.
    pub id: ResourceId,
    /// Is its public side open? `None`: only Azure can tell.
    pub open: Option<bool>,
    /// Why it counts as open or closed.
    pub why: String,
    /// Where it was written.
    pub origin: Option<Origin>,
}

/// Someone who sends or receives.
#[derive(Debug, Clone)]
pub struct Site {
    /// What it is, in the user's words.
    pub name: String,
    /// Its subnet.
    pub subnet: usize,
    /// Its addresses.
    pub space: Ranges,
    /// The security group of its interface.
    pub group: Option<usize>,
    /// Which private endpoint it is.
    pub endpoint: Option<usize>,
}

/// A zone of private DNS.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its id.
    pub id: ResourceId,
    /// The networks it is linked to.
    pub links: Vec<ResourceId>,
}

/// What the estate does not say, but whoever asks knows.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// What stands on premises.
    pub on_premises: Vec<String>,
}

/// The model.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// Virtual networks by id.
    pub networks: Vec<Network>,
    /// Subnets.
    pub subnets: Vec<Subnet>,
    /// Security groups.
    pub groups: Vec<SecurityGroup>,
    /// Route tables.
    pub tables: Vec<RouteTable>,
    /// Firewalls.
    pub firewalls: Vec<Firewall>,
    /// Gateways.
    pub gateways: Vec<Gateway>,
    /// Private endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Fronts of load balancers.
    pub frontends: Vec<Frontend>,
    /// Services with a public side.
    pub services: Vec<Service>,
    /// Private DNS zones.
    pub zones: Vec<Zone>,
    /// Inbound addresses of resolvers and their networks.
    pub resolvers: Vec<(Ipv4Addr, usize)>,
    /// Who sends and receives: every subnet's ordinary hosts, interfaces with a group of their own, private endpoints.
    pub sites: Vec<Site>,
    /// What stands on premises.
    pub on_premises: Ranges,
    /// The internet: everything that is not private and belongs to no network.
    pub internet: Ranges,
    /// What had to be assumed.
    pub assumptions: Vec<String>,
    /// Application security group, lower case → the addresses of its members; the flag: are all of them written?
    pub asgs: BTreeMap<String, (Ranges, bool)>,
    /// Per subnet: what the tag `VirtualNetwork` means there.
    pub tags: Vec<Match>,
    /// Per subnet: the routes in force.
    pub routes: Vec<Vec<EffectiveRoute>>,
}

impl Model {
    /// The subnet's network.
    pub fn network_of(&self, subnet: usize) -> Option<&Network> {
        self.networks.get(self.subnets.get(subnet)?.network)
    }

    /// Does the network hold firewall, gateway or Bastion for others?
    pub fn is_hub(&self, network: usize) -> bool {
        let firewall = self
            .firewalls
            .iter()
            .any(|f| f.subnet.and_then(|s| self.subnets.get(s)).is_some_and(|s| s.network == network));
        let peers = self.networks.get(network).map_or(0, |n| n.peerings.len());
        let shared = self.networks.get(network).is_some_and(|n| {
            n.gateway.is_some() || n.subnets.iter().filter_map(|s| self.subnets.get(*s)).any(Subnet::is_reserved)
        });
        peers > 0 && (firewall || shared)
    }
}
