//! The connectivity landing zone: a hub in every region.

use glidepath_arm::ResourceId;
use serde_json::{Value as Json, json};

use super::networks::HubNetwork;
use super::parts::{Route, Rule, SubnetNeeds, Transit, subnet_body, zoned};
use super::{Compiler, Context};
use crate::{Exposure, Firewall, FirewallTier};

const FIREWALL: &str = "Microsoft.Network/azureFirewalls";
const FIREWALL_POLICY: &str = "Microsoft.Network/firewallPolicies";
const BASTION: &str = "Microsoft.Network/bastionHosts";
const DDOS: &str = "Microsoft.Network/ddosProtectionPlans";

impl<'d> Compiler<'d> {
    /// All hubs, their peerings with each other, and the private DNS zones.
    pub(super) fn connectivity(&mut self) {
        let hubs = self.hubs.clone();
        for hub in &hubs {
            self.hub(hub);
        }
        for from in &hubs {
            for to in hubs.iter().filter(|to| to.vnet != from.vnet) {
                let path = format!("platform/connectivity/hubs/{}", from.context.region);
                self.add_peering(&from.context, &from.vnet, &to.vnet, Transit::None, &path, Vec::new());
            }
        }
        self.private_dns();
    }

    fn hub(&mut self, hub: &HubNetwork<'_>) {
        let context = &hub.context;
        let path = format!("platform/connectivity/hubs/{}", context.region);
        self.add_group(context, "network", &path);
        let mut depends_on = Vec::new();
        let subnets: Vec<Json> = hub
            .layout
            .subnets
            .iter()
            .filter(|s| match s.name {
                "AzureFirewallSubnet" => hub.firewall.is_some(),
                "AzureFirewallManagementSubnet" => {
                    hub.hub.firewall.as_ref().is_some_and(|f| f.tier == FirewallTier::Basic)
                }
                "AzureBastionSubnet" => hub.hub.bastion.is_some(),
                "GatewaySubnet" => hub.hub.gateway.is_some(),
                "dns-inbound" | "dns-outbound" => hub.resolver.is_some(),
                _ => false,
            })
            .map(|subnet| {
                let needs = self.hub_subnet(hub, subnet.name, &path);
                depends_on.extend(needs.nsg.iter().chain(needs.routes.iter()).cloned());
                subnet_body(subnet, &needs)
            })
            .collect();
        let mut properties = json!({
            "addressSpace": { "addressPrefixes": [hub.layout.prefix.to_string()] },
            "subnets": subnets,
        });
        depends_on.extend(self.protect(hub.hub.ddos_protection, &mut properties));
        let body = json!({ "location": context.region, "tags": context.tags, "properties": properties });
        self.add(context, hub.vnet.clone(), body, &path, depends_on);
        if let Some(firewall) = &hub.hub.firewall {
            self.firewall(hub, firewall, &format!("{path}/firewall"));
        }
        self.bastion(hub, &format!("{path}/bastion"));
        self.gateway(hub, &format!("{path}/gateway"));
        self.resolver(hub, &format!("{path}/privateDnsResolver"));
    }

    /// What Azure lets a hub's subnets have: no security group on firewall and gateway, no routes on Bastion.
    fn hub_subnet(&mut self, hub: &HubNetwork<'_>, name: &str, path: &str) -> SubnetNeeds {
        let context = &hub.context;
        let own = hub.layout.prefix.to_string();
        match name {
            "AzureFirewallSubnet" => SubnetNeeds { nsg: None, routes: self.firewall_routes(hub, path) },
            "GatewaySubnet" => SubnetNeeds { nsg: None, routes: self.gateway_routes(hub, path) },
            "AzureBastionSubnet" => SubnetNeeds {
                nsg: Some(self.add_nsg(context, "network", "bastion", &bastion_rules(), path)),
                routes: None,
            },
            "dns-inbound" => {
                let mut sources = vec![own];
                sources.extend(self.blocks());
                let mut rules = Vec::new();
                let names: Vec<String> = (0..sources.len()).map(|i| format!("AllowDns{i}")).collect();
                for (i, (source, name)) in sources.iter().zip(&names).enumerate() {
                    rules.push(Rule::allow(name, 100 + i as u32, "*", source, &["53"]));
                }
                rules.push(Rule::deny_inbound());
                SubnetNeeds { nsg: Some(self.add_nsg(context, "network", name, &rules, path)), routes: None }
            }
            "dns-outbound" => SubnetNeeds {
                nsg: Some(self.add_nsg(context, "network", name, &[Rule::deny_inbound()], path)),
                routes: None,
            },
            _ => SubnetNeeds::default(),
        }
    }

    /// Every block of the organisation: all pools, and what stands on premises.
    fn blocks(&self) -> Vec<String> {
        let connectivity = &self.design.platform.connectivity;
        let pools = connectivity.address_pools.values().flatten();
        pools.chain(&connectivity.on_premises).map(ToString::to_string).collect()
    }

    /// From one firewall to the networks of the other regions by the firewall there; the rest goes out.
    fn firewall_routes(&mut self, hub: &HubNetwork<'_>, path: &str) -> Option<ResourceId> {
        let mut routes = Vec::new();
        for other in self.hubs.iter().filter(|other| other.vnet != hub.vnet) {
            let region = other.context.region;
            let pools = self.design.platform.connectivity.address_pools.get(region).into_iter().flatten();
            for (i, pool) in pools.enumerate() {
                routes.push(Route {
                    name: format!("to-{region}-{i}"),
                    prefix: pool.to_string(),
                    next: other.firewall.clone(),
                });
            }
        }
        routes.retain(|r| r.next.is_some());
        if routes.is_empty() {
            return None;
        }
        routes.push(Route { name: "to-internet".to_owned(), prefix: "0.0.0.0/0".to_owned(), next: None });
        Some(self.add_routes(&hub.context, "network", "firewall", &routes, true, path))
    }

    /// From on-premises to every spoke by the firewall. Each spoke has its own route: the peering's route is as long as
    /// the spoke's prefix and would win over any shorter one.
    fn gateway_routes(&mut self, hub: &HubNetwork<'_>, path: &str) -> Option<ResourceId> {
        let next = hub.firewall.clone()?;
        let spokes = self.spokes.iter().filter(|s| s.context.region == hub.context.region);
        let routes: Vec<Route> = spokes
            .map(|spoke| Route {
                name: format!("to-{}-{}", spoke.workload.name, spoke.context.environment),
                prefix: spoke.layout.prefix.to_string(),
                next: Some(next.clone()),
            })
            .collect();
        Some(self.add_routes(&hub.context, "network", "gateway", &routes, true, path))
    }

    /// The tenant's one DDoS plan, which stands with the first hub that wants it.
    pub(super) fn ddos_plan(&self) -> Option<(Context<'d>, ResourceId)> {
        let context = self.hubs.iter().find(|h| h.hub.ddos_protection)?.context.clone();
        let id = self.id(&context, "network", DDOS, "", "001");
        Some((context, id))
    }

    /// Links a network to the tenant's DDoS plan; gives the plan's id.
    pub(super) fn protect(&mut self, wanted: bool, properties: &mut Json) -> Option<ResourceId> {
        if !wanted {
            return None;
        }
        let (first, id) = self.ddos_plan()?;
        if self.out.estate.get(&id).is_none() {
            let path = format!("platform/connectivity/hubs/{}/ddosProtection", first.region);
            let body = json!({ "location": first.region, "tags": first.tags, "properties": {} });
            self.add(&first, id.clone(), body, &path, Vec::new());
        }
        let into = properties.as_object_mut()?;
        into.insert("enableDdosProtection".to_owned(), json!(true));
        into.insert("ddosProtectionPlan".to_owned(), super::reference(&id));
        Some(id)
    }

    fn firewall(&mut self, hub: &HubNetwork<'_>, firewall: &Firewall, path: &str) {
        let context = &hub.context;
        let policy = self.id(context, "network", FIREWALL_POLICY, "", "001");
        let mut properties = json!({ "sku": { "tier": firewall.tier }, "threatIntelMode": "Alert" });
        if let Some(into) = properties.as_object_mut() {
            if firewall.tier != FirewallTier::Basic {
                into.insert("threatIntelMode".to_owned(), json!("Deny"));
                let servers: Vec<&String> = hub.resolver.iter().collect();
                into.insert("dnsSettings".to_owned(), json!({ "enableProxy": firewall.dns_proxy, "servers": servers }));
            }
            if firewall.tier == FirewallTier::Premium {
                into.insert("intrusionDetection".to_owned(), json!({ "mode": "Alert" }));
            }
        }
        let body = json!({ "location": context.region, "tags": context.tags, "properties": properties });
        self.add(context, policy.clone(), body, path, Vec::new());
        let rules = policy.child("ruleCollectionGroups", "glidepath");
        let body = json!({ "properties": { "priority": 1000, "ruleCollections": self.firewall_rules(hub) } });
        let rules = self.add(context, rules, body, "platform/connectivity/egress", vec![policy.clone()]);

        let address = self.add_public_ip(context, "network", "firewall", path);
        let mut properties = json!({
            "sku": { "name": "AZFW_VNet", "tier": firewall.tier },
            "ipConfigurations": [ip_configuration(&hub.vnet, "AzureFirewallSubnet", &address)],
            "firewallPolicy": super::reference(&policy),
        });
        let mut depends_on = vec![hub.vnet.clone(), policy, rules, address];
        if let (FirewallTier::Basic, Some(into)) = (firewall.tier, properties.as_object_mut()) {
            let management = self.add_public_ip(context, "network", "firewall-management", path);
            let configuration = ip_configuration(&hub.vnet, "AzureFirewallManagementSubnet", &management);
            into.insert("managementIpConfiguration".to_owned(), configuration);
            depends_on.push(management);
        }
        let mut body = json!({ "location": context.region, "tags": context.tags, "properties": properties });
        zoned(&mut body, context.region);
        let id = self.id(context, "network", FIREWALL, "", "001");
        let id = self.add(context, id, body, path, depends_on);
        self.add_diagnostics(context, &id, Some("allLogs"), path);
    }

    /// What passes the firewall: the names that spokes may reach, Azure's own services, and on-premises users to the
    /// private endpoints of corp workloads. Everything else ends here.
    fn firewall_rules(&self, hub: &HubNetwork<'_>) -> Vec<Json> {
        let connectivity = &self.design.platform.connectivity;
        let here = || self.spokes.iter().filter(|s| s.context.region == hub.context.region);
        let pools = || connectivity.address_pools.get(hub.context.region).into_iter().flatten();
        // A spoke in a block of its workload's own may lie outside the pools.
        let outside = here().map(|s| &s.layout.prefix).filter(|prefix| !pools().any(|pool| pool.contains(*prefix)));
        let spokes: Vec<String> = pools().chain(outside).map(ToString::to_string).collect();
        let on_premises: Vec<String> = connectivity.on_premises.iter().map(ToString::to_string).collect();
        let endpoints: Vec<String> = here()
            .filter(|s| s.workload.exposure == Exposure::Corp)
            .filter_map(|s| s.layout.subnet("private-endpoints").map(|e| e.prefix.to_string()))
            .collect();
        let network = |name: &str, sources: &[String], destinations: &[String], port: &str| {
            json!({
                "ruleType": "NetworkRule",
                "name": name,
                "ipProtocols": ["TCP"],
                "sourceAddresses": sources,
                "destinationAddresses": destinations,
                "destinationPorts": [port],
            })
        };
        let azure = ["AzureActiveDirectory", "AzureMonitor", "AzureResourceManager"].map(str::to_owned);
        let mut network_rules = vec![network("azure-services", &spokes, &azure, "443")];
        if !on_premises.is_empty() && !endpoints.is_empty() && hub.hub.gateway.is_some() {
            network_rules.push(network("on-premises-to-corp", &on_premises, &endpoints, "443"));
        }
        let mut collections = vec![collection("network", 200, network_rules)];
        if !connectivity.egress.allow_fqdns.is_empty() {
            let rule = json!({
                "ruleType": "ApplicationRule",
                "name": "allowed-names",
                "protocols": [{ "protocolType": "Https", "port": 443 }],
                "sourceAddresses": spokes,
                "targetFqdns": connectivity.egress.allow_fqdns,
            });
            collections.push(collection("application", 300, vec![rule]));
        }
        collections
    }

    fn bastion(&mut self, hub: &HubNetwork<'_>, path: &str) {
        let Some(sku) = hub.hub.bastion else { return };
        let context = &hub.context;
        let address = self.add_public_ip(context, "network", "bastion", path);
        let body = json!({
            "location": context.region,
            "tags": context.tags,
            "sku": { "name": sku },
            "properties": { "ipConfigurations": [ip_configuration(&hub.vnet, "AzureBastionSubnet", &address)] },
        });
        let id = self.id(context, "network", BASTION, "", "001");
        let id = self.add(context, id, body, path, vec![hub.vnet.clone(), address]);
        self.add_diagnostics(context, &id, Some("allLogs"), path);
    }
}

fn collection(name: &str, priority: u32, rules: Vec<Json>) -> Json {
    json!({
        "ruleCollectionType": "FirewallPolicyFilterRuleCollection",
        "name": name,
        "priority": priority,
        "action": { "type": "Allow" },
        "rules": rules,
    })
}

/// One front end: a subnet of the hub and a public address.
pub(super) fn ip_configuration(vnet: &ResourceId, subnet: &str, address: &ResourceId) -> Json {
    let subnet = vnet.child("subnets", subnet);
    json!({
        "name": "default",
        "properties": {
            "privateIPAllocationMethod": "Dynamic",
            "subnet": super::reference(&subnet),
            "publicIPAddress": super::reference(address),
        },
    })
}

/// The rules without which Azure refuses a security group on Bastion's subnet.
fn bastion_rules() -> [Rule<'static>; 9] {
    [
        Rule::allow("AllowHttpsInbound", 100, "Tcp", "Internet", &["443"]),
        Rule::allow("AllowGatewayManagerInbound", 110, "Tcp", "GatewayManager", &["443"]),
        Rule::allow("AllowLoadBalancerInbound", 120, "Tcp", "AzureLoadBalancer", &["443"]),
        Rule::allow("AllowHostCommunicationInbound", 130, "*", "VirtualNetwork", &["8080", "5701"]),
        Rule::deny_inbound(),
        Rule::out("AllowSshRdpOutbound", 100, "*", "VirtualNetwork", &["22", "3389"]),
        Rule::out("AllowAzureCloudOutbound", 110, "Tcp", "AzureCloud", &["443"]),
        Rule::out("AllowHostCommunicationOutbound", 120, "*", "VirtualNetwork", &["8080", "5701"]),
        Rule::out("AllowSessionInformationOutbound", 130, "*", "Internet", &["80"]),
    ]
}
