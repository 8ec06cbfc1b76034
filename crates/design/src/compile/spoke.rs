//! Spokes: a virtual network with its subnets, each behind its own security group, with the firewall as the only way out.

use serde_json::{Value as Json, json};

use super::Compiler;
use super::networks::SpokeNetwork;
use super::parts::{Route, Rule, SubnetNeeds, Transit, subnet_body};
use crate::{Service, Workload};

/// Does the workload need the subnet now? The others stay reserved.
fn is_needed(workload: &Workload, subnet: &str) -> bool {
    match subnet {
        "private-endpoints" => true,
        "agents" => workload.services.contains(&Service::Foundry),
        "container-apps" => workload.services.contains(&Service::ContainerApps),
        _ => false,
    }
}

impl Compiler<'_> {
    pub(super) fn spoke(&mut self, spoke: &SpokeNetwork<'_>) {
        let context = &spoke.context;
        let path = format!("workloads/{}/network", spoke.workload.name);
        let hub = self.hub_of(context.region);
        let mut depends_on = Vec::new();

        let next = hub.as_ref().and_then(|h| h.firewall.clone());
        let routes = next.map(|firewall| {
            let route = Route { name: "to-firewall".to_owned(), prefix: "0.0.0.0/0".to_owned(), next: Some(firewall) };
            self.add_routes(context, "network", "001", &[route], false, &path)
        });
        depends_on.extend(routes.clone());
        let own = spoke.layout.prefix.to_string();
        let mut subnets: Vec<Json> = Vec::new();
        for subnet in spoke.layout.subnets.iter().filter(|s| is_needed(spoke.workload, s.name)) {
            let within = subnet.prefix.to_string();
            let on_premises: Vec<String> =
                self.design.platform.connectivity.on_premises.iter().map(ToString::to_string).collect();
            let names: Vec<String> = (0..on_premises.len()).map(|i| format!("AllowOnPremises{i}")).collect();
            let mut rules = Vec::new();
            match subnet.name {
                "private-endpoints" => {
                    rules.push(Rule::allow("AllowSpoke", 100, "Tcp", &own, &["443"]));
                    if spoke.workload.exposure == crate::Exposure::Corp {
                        for (i, (source, name)) in on_premises.iter().zip(&names).enumerate() {
                            rules.push(Rule::allow(name, 200 + i as u32, "Tcp", source, &["443"]));
                        }
                    }
                }
                "container-apps" => {
                    rules.push(Rule::allow("AllowSubnet", 100, "*", &within, &["*"]));
                    rules.push(Rule::allow("AllowSpoke", 110, "Tcp", &own, &["443"]));
                    // The environment's load balancer probes its nodes on these ports.
                    rules.push(Rule::allow("AllowLoadBalancer", 120, "Tcp", "AzureLoadBalancer", &["30000-32767"]));
                }
                _ => rules.push(Rule::allow("AllowSubnet", 100, "*", &within, &["*"])),
            }
            rules.push(Rule::deny_inbound());
            let nsg = self.add_nsg(context, "network", subnet.name, &rules, &path);
            depends_on.push(nsg.clone());
            subnets.push(subnet_body(subnet, &SubnetNeeds { nsg: Some(nsg), routes: routes.clone() }));
        }
        let mut properties = json!({ "addressSpace": { "addressPrefixes": [own] }, "subnets": subnets });
        let dns = hub.as_ref().and_then(|h| h.dns_server().cloned());
        if let (Some(server), Some(into)) = (&dns, properties.as_object_mut()) {
            into.insert("dhcpOptions".to_owned(), json!({ "dnsServers": [server] }));
        }
        depends_on.extend(self.protect(hub.as_ref().is_some_and(|h| h.hub.ddos_protection), &mut properties));
        let body = json!({ "location": context.region, "tags": context.tags, "properties": properties });
        self.add(context, spoke.vnet.clone(), body, &path, depends_on);
        if dns.is_none() {
            self.link_all(context, &spoke.vnet);
        }
        let Some(hub) = hub else { return };
        let gateway = self.gateway_id(&hub);
        let (lends, borrows) =
            if gateway.is_some() { (Transit::Lends, Transit::Borrows) } else { (Transit::None, Transit::None) };
        // The hub's side goes first: Azure refuses a spoke that wants to use a gateway nobody lends.
        let lent = self.add_peering(context, &hub.vnet, &spoke.vnet, lends, &path, Vec::new());
        let mut before = vec![lent];
        before.extend(gateway);
        self.add_peering(context, &spoke.vnet, &hub.vnet, borrows, &path, before);
    }
}
