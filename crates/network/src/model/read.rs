//! From an estate to the model.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Hierarchy, Resource};

use super::rules::{
    addresses, both, collection_group, default_rules, flag, items, property, reference, route, security_rule, text,
};
use super::{
    Address, Context, Endpoint, Exposure, Firewall, FirewallRule, Frontend, Gateway, Interface, Match, Model, Network,
    NextHop, Peering, RouteTable, SecurityGroup, Service, Site, Subnet, Zone,
};
use crate::{Range, Ranges};

type Index = BTreeMap<ResourceId, usize>;

/// The resources of one type.
fn of_type<'a>(estate: &'a Estate, kind: &'a str) -> impl Iterator<Item = &'a Resource> {
    let full = format!("Microsoft.Network/{kind}");
    estate.iter().filter(move |r| r.resource_type().is_some_and(|t| t.is(&full)))
}

/// Parts written inside a resource, and those written as resources of their own below it; the latter win.
fn parts<'a>(
    estate: &'a Estate,
    owner: &'a Resource,
    member: &str,
    kind: &str,
) -> Vec<(ResourceId, &'a Value, &'a Resource)> {
    let mut out: Vec<(ResourceId, &Value, &Resource)> = Vec::new();
    for item in items(&owner.body, member) {
        let Some(name) = item.get("name").and_then(Value::as_str) else { continue };
        out.push((owner.id.child(kind, name), item, owner));
    }
    for resource in estate.within(&owner.id) {
        if resource.id.parent().as_ref() == Some(&owner.id) && is_kind(resource, kind) {
            out.retain(|(id, ..)| *id != resource.id);
            out.push((resource.id.clone(), &resource.body, resource));
        }
    }
    out
}

fn is_kind(resource: &Resource, kind: &str) -> bool {
    resource
        .resource_type()
        .is_some_and(|t| t.as_str().rsplit('/').next().is_some_and(|k| k.eq_ignore_ascii_case(kind)))
}

fn address(body: &Value, name: &str) -> Option<Ipv4Addr> {
    property(body, name)?.as_str()?.parse().ok()
}

fn strings(values: &[Value]) -> Vec<String> {
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn number(len: usize) -> usize {
    len.saturating_sub(1)
}

impl Model {
    /// Reads the model out of an estate.
    pub fn of(estate: &Estate, context: &Context) -> Self {
        let mut model =
            Self { on_premises: Ranges::blocks(context.on_premises.iter().map(String::as_str)), ..Self::default() };
        let groups = model.read_groups(estate);
        let tables = model.read_tables(estate);
        let (networks, subnets) = model.read_networks(estate, &groups, &tables);
        model.read_gateways(estate, &subnets);
        model.read_firewalls(estate, &subnets);
        model.read_hosts(estate, &subnets, &groups);
        model.read_endpoints(estate, &subnets);
        model.read_frontends(estate, &subnets);
        model.read_dns(estate, &networks, &subnets);
        model.read_services(estate);
        model.read_occupants(estate, &subnets);
        model.close();
        model
    }

    /// What follows from the lists: sites, the internet, tags, routes.
    pub fn close(&mut self) {
        if !self.gateways.is_empty() && self.on_premises.is_empty() {
            self.assumptions.push(
                "what stands on premises is not written anywhere: on-premises sends and receives nothing".to_owned(),
            );
        }
        self.internet = self.outside();
        self.tags = (0..self.subnets.len()).map(|s| self.virtual_network_tag(s)).collect();
        self.routes = (0..self.subnets.len()).map(|s| self.effective_routes(s)).collect();
        self.sites.clear();
        for (i, subnet) in self.subnets.iter().enumerate() {
            let network = self.networks.get(subnet.network).map_or("", |n| n.id.name());
            let name = format!("{network}/{}", subnet.name());
            self.sites.push(Site { name, subnet: i, space: subnet.space.clone(), group: None, endpoint: None });
        }
        for interface in &self.interfaces {
            let Some(subnet) = self.subnets.get(interface.subnet) else { continue };
            let space = interface.address.map_or(subnet.space.clone(), |a| Ranges::new([Range::one(a)]));
            let name = interface.id.name().to_owned();
            if interface.group.is_some() {
                self.sites.push(Site { name, subnet: interface.subnet, space, group: interface.group, endpoint: None });
            }
        }
        for (i, endpoint) in self.endpoints.iter().enumerate() {
            let Some(subnet) = self.subnets.get(endpoint.subnet) else { continue };
            let space = endpoint.address.map_or(subnet.space.clone(), |a| Ranges::new([Range::one(a)]));
            let name = format!("private endpoint {}", endpoint.id.name());
            self.sites.push(Site { name, subnet: endpoint.subnet, space, group: None, endpoint: Some(i) });
        }
    }

    fn read_groups(&mut self, estate: &Estate) -> Index {
        let mut index = Index::new();
        for resource in of_type(estate, "networkSecurityGroups") {
            let mut rules: Vec<_> = parts(estate, resource, "securityRules", "securityRules")
                .into_iter()
                .map(|(id, body, _)| security_rule(id.name(), body))
                .collect();
            rules.extend(default_rules());
            rules.sort_by_key(|r| r.priority);
            self.groups.push(SecurityGroup { id: resource.id.clone(), rules, origin: resource.origin.clone() });
            index.insert(resource.id.clone(), number(self.groups.len()));
        }
        index
    }

    fn read_tables(&mut self, estate: &Estate) -> Index {
        let mut index = Index::new();
        for resource in of_type(estate, "routeTables") {
            let routes = parts(estate, resource, "routes", "routes");
            self.tables.push(RouteTable {
                id: resource.id.clone(),
                routes: routes.into_iter().map(|(id, body, _)| route(id.name(), body)).collect(),
                propagates: flag(&resource.body, "disableBgpRoutePropagation") != Some(true),
                origin: resource.origin.clone(),
            });
            index.insert(resource.id.clone(), number(self.tables.len()));
        }
        index
    }

    fn read_networks(&mut self, estate: &Estate, groups: &Index, tables: &Index) -> (Index, Index) {
        let hierarchy = Hierarchy::of(estate);
        let (mut networks, mut subnets) = (Index::new(), Index::new());
        let mut unknown = 0usize;
        for resource in of_type(estate, "virtualNetworks") {
            let at = self.networks.len();
            let space = property(&resource.body, "addressSpace").map(|s| strings(items(s, "addressPrefixes")));
            let prefixes: Vec<String> = space.unwrap_or_default();
            let scopes = hierarchy.scopes_of(&resource.id);
            let exposure = scopes.iter().rev().find_map(|s| match s.name() {
                n if n.ends_with("corp") => Some(Exposure::Corp),
                n if n.ends_with("online") => Some(Exposure::Online),
                _ => None,
            });
            let dns = property(&resource.body, "dhcpOptions").map(|d| strings(items(d, "dnsServers")));
            let mut network = Network {
                id: resource.id.clone(),
                space: Ranges::blocks(prefixes.iter().map(String::as_str)),
                prefixes,
                subnets: Vec::new(),
                peerings: Vec::new(),
                dns: dns.unwrap_or_default(),
                ddos: flag(&resource.body, "enableDdosProtection") == Some(true),
                gateway: None,
                location: resource.body.get("location").and_then(Value::as_str).unwrap_or_default().to_owned(),
                workload: resource.workload.clone().zip(resource.environment.clone()),
                exposure,
                origin: resource.origin.clone(),
            };
            for (id, body, from) in parts(estate, resource, "subnets", "subnets") {
                let blocks = both(body, "addressPrefix", "addressPrefixes");
                unknown += blocks.iter().filter(|b| b.is_unknown()).count();
                let prefixes = strings(&blocks);
                let policies = text(body, "privateEndpointNetworkPolicies").to_ascii_lowercase();
                let delegations = items(body, "delegations").iter().map(|d| text(d, "serviceName"));
                network.subnets.push(self.subnets.len());
                subnets.insert(id.clone(), self.subnets.len());
                self.subnets.push(Subnet {
                    network: at,
                    space: Ranges::blocks(prefixes.iter().map(String::as_str)),
                    prefixes,
                    group: reference(body, "networkSecurityGroup").and_then(|g| groups.get(&g).copied()),
                    table: reference(body, "routeTable").and_then(|t| tables.get(&t).copied()),
                    endpoint_policies: (
                        policies == "enabled" || policies == "networksecuritygroupenabled",
                        policies == "enabled" || policies == "routetableenabled",
                    ),
                    delegations: delegations.filter(|d| !d.is_empty()).collect(),
                    service_endpoints: items(body, "serviceEndpoints").iter().map(|s| text(s, "service")).collect(),
                    nat_gateway: reference(body, "natGateway"),
                    default_outbound: flag(body, "defaultOutboundAccess"),
                    services: Vec::new(),
                    origin: from.origin.clone(),
                    id,
                });
            }
            for (id, body, from) in parts(estate, resource, "virtualNetworkPeerings", "virtualNetworkPeerings") {
                let Some(remote_id) = reference(body, "remoteVirtualNetwork") else { continue };
                let flag = |name| flag(body, name);
                network.peerings.push(Peering {
                    id,
                    remote: None,
                    remote_id,
                    access: flag("allowVirtualNetworkAccess") != Some(false),
                    forwarded: flag("allowForwardedTraffic") == Some(true),
                    lends_gateway: flag("allowGatewayTransit") == Some(true),
                    borrows_gateway: flag("useRemoteGateways") == Some(true),
                    origin: from.origin.clone(),
                });
            }
            networks.insert(resource.id.clone(), at);
            self.networks.push(network);
        }
        for peering in self.networks.iter_mut().flat_map(|n| &mut n.peerings) {
            peering.remote = networks.get(&peering.remote_id).copied();
        }
        if unknown > 0 {
            self.assumptions
                .push(format!("{unknown} subnets have a prefix that only Azure can tell: they are left out"));
        }
        (networks, subnets)
    }

    fn read_gateways(&mut self, estate: &Estate, subnets: &Index) {
        let mut on_premises = Vec::new();
        for resource in of_type(estate, "localNetworkGateways") {
            let space = property(&resource.body, "localNetworkAddressSpace");
            on_premises.extend(strings(space.map(|s| items(s, "addressPrefixes")).unwrap_or_default()));
        }
        self.on_premises = self.on_premises.or(&Ranges::blocks(on_premises.iter().map(String::as_str)));
        for resource in of_type(estate, "virtualNetworkGateways") {
            let subnet = items(&resource.body, "ipConfigurations").iter().find_map(|c| reference(c, "subnet"));
            let subnet = subnet.and_then(|s| subnets.get(&s).copied());
            let network = subnet.and_then(|s| self.subnets.get(s)).map(|s| s.network);
            let at = self.gateways.len();
            if let Some(network) = network.and_then(|n| self.networks.get_mut(n)) {
                network.gateway = Some(at);
            }
            self.gateways.push(Gateway {
                id: resource.id.clone(),
                network,
                subnet,
                vpn: text(&resource.body, "gatewayType").eq_ignore_ascii_case("Vpn"),
                sku: property(&resource.body, "sku")
                    .and_then(|s| s.get("name")?.as_str())
                    .unwrap_or_default()
                    .to_owned(),
                origin: resource.origin.clone(),
            });
        }
    }

    fn read_firewalls(&mut self, estate: &Estate, subnets: &Index) {
        let mut groups: BTreeMap<String, Vec<Address>> = BTreeMap::new();
        for resource in of_type(estate, "ipGroups") {
            groups.insert(resource.id.key(), addresses(items(&resource.body, "ipAddresses")));
        }
        // A group that is not in the estate may hold anything.
        let lookup = |id: &str| groups.get(&ResourceId::new(id).key()).cloned().unwrap_or(vec![Address::Unknown]);
        for resource in of_type(estate, "azureFirewalls") {
            let configurations = items(&resource.body, "ipConfigurations");
            let subnet =
                configurations.iter().find_map(|c| reference(c, "subnet")).and_then(|s| subnets.get(&s).copied());
            let written = configurations.iter().find_map(|c| address(c, "privateIPAddress"));
            // Azure gives a firewall the first address of its subnet that is free: the fifth.
            let first = subnet
                .and_then(|s| self.subnets.get(s)?.space.first())
                .map(|a| Ipv4Addr::from_bits(a.saturating_add(4)));
            let policy = reference(&resource.body, "firewallPolicy").and_then(|p| estate.get(&p));
            let mut rules = Vec::new();
            let mut dns = (false, Vec::new());
            if let Some(policy) = policy {
                let parent = reference(&policy.body, "basePolicy").and_then(|p| estate.get(&p));
                for (policy, inherited) in parent.map(|p| (p, true)).into_iter().chain([(policy, false)]) {
                    rules.extend(policy_rules(estate, policy, inherited, &lookup));
                }
                let settings = property(&policy.body, "dnsSettings");
                let servers = settings.map(|s| strings(items(s, "servers"))).unwrap_or_default();
                dns = (settings.and_then(|s| flag(s, "enableProxy")) == Some(true), servers);
            }
            // All translations, then all network rules, then all application rules; the rest of the order stands.
            rules.sort_by_key(|r: &FirewallRule| r.kind);
            self.firewalls.push(Firewall {
                id: resource.id.clone(),
                subnet,
                address: written.or(first),
                rules,
                dns_proxy: dns.0,
                dns_servers: dns.1,
                origin: resource.origin.clone(),
            });
        }
    }

    fn read_hosts(&mut self, estate: &Estate, subnets: &Index, groups: &Index) {
        for resource in of_type(estate, "networkInterfaces") {
            for configuration in items(&resource.body, "ipConfigurations") {
                let subnet = reference(configuration, "subnet").and_then(|s| subnets.get(&s).copied());
                let Some(subnet) = subnet else { continue };
                let asgs = items(configuration, "applicationSecurityGroups").iter();
                let asgs: Vec<String> =
                    asgs.filter_map(|a| a.get("id")?.as_str().map(str::to_ascii_lowercase)).collect();
                let address = address(configuration, "privateIPAddress");
                for asg in &asgs {
                    let space = self.subnets.get(subnet).map(|s| s.space.clone()).unwrap_or_default();
                    let more = address.map_or(space, |a| Ranges::new([Range::one(a)]));
                    let entry = self.asgs.entry(asg.clone()).or_insert((Ranges::NONE, true));
                    *entry = (entry.0.or(&more), entry.1 && address.is_some());
                }
                self.interfaces.push(Interface {
                    id: resource.id.clone(),
                    subnet,
                    address,
                    group: reference(&resource.body, "networkSecurityGroup").and_then(|g| groups.get(&g).copied()),
                    public: reference(configuration, "publicIPAddress"),
                    forwards: flag(&resource.body, "enableIPForwarding") == Some(true),
                    asgs,
                    origin: resource.origin.clone(),
                });
            }
        }
    }

    fn read_endpoints(&mut self, estate: &Estate, subnets: &Index) {
        for resource in of_type(estate, "privateEndpoints") {
            let Some(subnet) = reference(&resource.body, "subnet").and_then(|s| subnets.get(&s).copied()) else {
                continue;
            };
            let connections = items(&resource.body, "privateLinkServiceConnections").iter();
            let connections: Vec<&Value> =
                connections.chain(items(&resource.body, "manualPrivateLinkServiceConnections")).collect();
            let service =
                connections.iter().find_map(|c| property(c, "privateLinkServiceId")?.as_str().map(ResourceId::new));
            let mut zones = Vec::new();
            for group in estate.within(&resource.id).filter(|r| is_kind(r, "privateDnsZoneGroups")) {
                let configurations = items(&group.body, "privateDnsZoneConfigs").iter();
                zones.extend(
                    configurations.filter_map(|c| property(c, "privateDnsZoneId")?.as_str().map(ResourceId::new)),
                );
            }
            self.endpoints.push(Endpoint {
                id: resource.id.clone(),
                subnet,
                address: items(&resource.body, "ipConfigurations").iter().find_map(|c| address(c, "privateIPAddress")),
                service,
                groups: connections.iter().flat_map(|c| strings(items(c, "groupIds"))).collect(),
                zones,
                origin: resource.origin.clone(),
            });
        }
    }

    fn read_frontends(&mut self, estate: &Estate, subnets: &Index) {
        for resource in of_type(estate, "loadBalancers") {
            let pools = items(&resource.body, "backendAddressPools").iter();
            let behind =
                pools.flat_map(|p| items(p, "loadBalancerBackendAddresses")).filter_map(|a| reference(a, "subnet"));
            let behind: Vec<usize> = behind.filter_map(|s| subnets.get(&s).copied()).collect();
            for front in items(&resource.body, "frontendIPConfigurations") {
                self.frontends.push(Frontend {
                    id: resource.id.clone(),
                    subnet: reference(front, "subnet").and_then(|s| subnets.get(&s).copied()),
                    address: address(front, "privateIPAddress"),
                    public: reference(front, "publicIPAddress").is_some(),
                    behind: behind.clone(),
                    origin: resource.origin.clone(),
                });
            }
        }
    }

    fn read_dns(&mut self, estate: &Estate, networks: &Index, subnets: &Index) {
        for resource in of_type(estate, "privateDnsZones") {
            let links = estate.within(&resource.id).filter(|r| is_kind(r, "virtualNetworkLinks"));
            let links = links.filter_map(|l| reference(&l.body, "virtualNetwork")).collect();
            self.zones.push(Zone { id: resource.id.clone(), links });
        }
        for resource in of_type(estate, "dnsResolvers/inboundEndpoints") {
            for configuration in items(&resource.body, "ipConfigurations") {
                let at = property(configuration, "privateIpAddress").and_then(|a| a.as_str()?.parse().ok());
                let subnet = reference(configuration, "subnet").and_then(|s| subnets.get(&s).copied());
                let network = subnet.and_then(|s| self.subnets.get(s)).map(|s| s.network);
                self.resolvers.extend(at.zip(network));
            }
        }
        let _ = networks;
    }

    fn read_services(&mut self, estate: &Estate) {
        const WITH_ENDPOINTS: [&str; 9] = [
            "Microsoft.CognitiveServices/accounts",
            "Microsoft.Search/searchServices",
            "Microsoft.DocumentDB/databaseAccounts",
            "Microsoft.Storage/storageAccounts",
            "Microsoft.KeyVault/vaults",
            "Microsoft.AppConfiguration/configurationStores",
            "Microsoft.ContainerRegistry/registries",
            "Microsoft.MachineLearningServices/workspaces",
            "Microsoft.App/managedEnvironments",
        ];
        for resource in estate.iter() {
            let known = resource.resource_type().is_some_and(|t| WITH_ENDPOINTS.iter().any(|k| t.is(k)));
            if !known {
                continue;
            }
            let access = property(&resource.body, "publicNetworkAccess");
            let rules = ["networkAcls", "networkRuleSet"].iter().find_map(|m| property(&resource.body, m));
            let refuses =
                rules.and_then(|r| r.get("defaultAction")?.as_str()).is_some_and(|a| a.eq_ignore_ascii_case("Deny"));
            let holes = rules.map_or(0, |r| items(r, "ipRules").len() + items(r, "virtualNetworkRules").len());
            let internal =
                property(&resource.body, "vnetConfiguration").and_then(|v| flag(v, "internal")) == Some(true);
            let (open, why) = match access {
                Some(v) if v.is_unknown() => (None, "`publicNetworkAccess` is known to Azure only".to_owned()),
                Some(v) if v.as_str().is_some_and(|t| !t.eq_ignore_ascii_case("Enabled")) => {
                    (Some(false), "`publicNetworkAccess` is disabled".to_owned())
                }
                _ if internal => (Some(false), "it is internal to its network".to_owned()),
                _ if refuses && holes == 0 => (Some(false), "its firewall refuses everybody".to_owned()),
                _ if refuses => (Some(true), format!("its firewall lets {holes} ranges in")),
                Some(_) => (Some(true), "`publicNetworkAccess` is enabled".to_owned()),
                None => (Some(true), "`publicNetworkAccess` is not written, which means enabled".to_owned()),
            };
            self.services.push(Service { id: resource.id.clone(), open, why, origin: resource.origin.clone() });
        }
    }

    /// Gateways and API Management, by the subnet they stand in.
    fn read_occupants(&mut self, estate: &Estate, subnets: &Index) {
        for resource in estate.iter() {
            let Some(kind) = resource.resource_type() else { continue };
            let subnet = match kind.as_str() {
                k if k.eq_ignore_ascii_case("Microsoft.Network/applicationGateways") => {
                    items(&resource.body, "gatewayIPConfigurations").iter().find_map(|c| reference(c, "subnet"))
                }
                k if k.eq_ignore_ascii_case("Microsoft.ApiManagement/service") => {
                    property(&resource.body, "virtualNetworkConfiguration")
                        .and_then(|v| v.get("subnetResourceId")?.as_str().map(ResourceId::new))
                }
                _ => None,
            };
            if let Some(subnet) = subnet.and_then(|s| subnets.get(&s).copied()).and_then(|s| self.subnets.get_mut(s)) {
                subnet.services.push(kind.as_str().to_owned());
            }
        }
        // A table that names an appliance only Azure can tell stays as it is; the device is looked up by reach.
        let open =
            self.tables.iter().flat_map(|t| &t.routes).filter(|r| r.next == NextHop::Appliance(Ipv4Addr::UNSPECIFIED));
        let open = open.count();
        if open > 0 {
            self.assumptions.push(format!(
                "{open} routes name an appliance that only Azure can tell: taken for the firewall in reach"
            ));
        }
        self.tags = vec![Match::default(); self.subnets.len()];
    }
}

fn policy_rules(
    estate: &Estate,
    policy: &Resource,
    inherited: bool,
    groups: &dyn Fn(&str) -> Vec<Address>,
) -> Vec<FirewallRule> {
    let mut found: Vec<&Resource> = estate.within(&policy.id).filter(|r| is_kind(r, "ruleCollectionGroups")).collect();
    found.sort_by_key(|g| property(&g.body, "priority").and_then(Value::as_int).unwrap_or(i64::MAX));
    let mut out = Vec::new();
    for group in found {
        let rules = collection_group(policy.id.name(), &group.id, items(&group.body, "ruleCollections"), groups);
        out.extend(rules.into_iter().map(|r| FirewallRule { inherited, origin: group.origin.clone(), ..r }));
    }
    out
}
