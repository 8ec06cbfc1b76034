//! Bodies that several landing zones share.

use glidepath_arm::ResourceId;
use glidepath_network::Subnet;
use serde_json::{Value as Json, json};

use super::{Compiler, Context, reference, under};

pub(super) const VNET: &str = "Microsoft.Network/virtualNetworks";
pub(super) const NSG: &str = "Microsoft.Network/networkSecurityGroups";
pub(super) const ROUTES: &str = "Microsoft.Network/routeTables";
pub(super) const PUBLIC_IP: &str = "Microsoft.Network/publicIPAddresses";

/// One rule of a network security group. Several sources or ports are separated by commas in the texts given.
pub(super) struct Rule<'a> {
    pub(super) name: &'a str,
    pub(super) priority: u32,
    pub(super) direction: &'a str,
    pub(super) access: &'a str,
    pub(super) protocol: &'a str,
    pub(super) source: &'a str,
    pub(super) destination: &'a str,
    pub(super) ports: &'a [&'a str],
}

impl<'a> Rule<'a> {
    /// Lets something in.
    pub(super) fn allow(
        name: &'a str,
        priority: u32,
        protocol: &'a str,
        source: &'a str,
        ports: &'a [&'a str],
    ) -> Self {
        Self { name, priority, direction: "Inbound", access: "Allow", protocol, source, destination: "*", ports }
    }

    /// Lets something out.
    pub(super) fn out(
        name: &'a str,
        priority: u32,
        protocol: &'a str,
        destination: &'a str,
        ports: &'a [&'a str],
    ) -> Self {
        Self { name, priority, direction: "Outbound", access: "Allow", protocol, source: "*", destination, ports }
    }

    /// The last word: nothing else comes in. The default rules would let in everything that the `VirtualNetwork` tag
    /// covers, and behind a default route to a firewall that is everything.
    pub(super) fn deny_inbound() -> Self {
        let (name, priority) = ("DenyAllInbound", 4096);
        Self {
            name,
            priority,
            direction: "Inbound",
            access: "Deny",
            protocol: "*",
            source: "*",
            destination: "*",
            ports: &["*"],
        }
    }

    fn body(&self) -> Json {
        let mut properties = json!({
            "priority": self.priority,
            "direction": self.direction,
            "access": self.access,
            "protocol": self.protocol,
            "sourceAddressPrefix": self.source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": self.destination,
        });
        if let Some(properties) = properties.as_object_mut() {
            match self.ports {
                [one] => properties.insert("destinationPortRange".to_owned(), json!(one)),
                many => properties.insert("destinationPortRanges".to_owned(), json!(many)),
            };
        }
        json!({ "name": self.name, "properties": properties })
    }
}

/// A route: its name, the prefix, and the firewall or appliance it goes to; `None`: straight to the internet.
pub(super) struct Route {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) next: Option<String>,
}

impl Route {
    fn body(&self) -> Json {
        let mut properties = json!({ "addressPrefix": self.prefix, "nextHopType": "Internet" });
        if let (Some(next), Some(properties)) = (&self.next, properties.as_object_mut()) {
            properties.insert("nextHopType".to_owned(), json!("VirtualAppliance"));
            properties.insert("nextHopIpAddress".to_owned(), json!(next));
        }
        json!({ "name": self.name, "properties": properties })
    }
}

/// What a subnet has beside its addresses.
#[derive(Default)]
pub(super) struct SubnetNeeds {
    pub(super) nsg: Option<ResourceId>,
    pub(super) routes: Option<ResourceId>,
}

/// A subnet as part of a virtual network's body.
pub(super) fn subnet_body(subnet: &Subnet, needs: &SubnetNeeds) -> Json {
    let mut properties = json!({ "addressPrefix": subnet.prefix.to_string() });
    let Some(into) = properties.as_object_mut() else { return properties };
    // Azure manages the reach of its own subnets (`AzureFirewallSubnet`, …); the others go out by the firewall or not at all.
    if !subnet.name.starts_with("Azure") && subnet.name != "GatewaySubnet" {
        into.insert("defaultOutboundAccess".to_owned(), json!(false));
        into.insert("privateEndpointNetworkPolicies".to_owned(), json!("Enabled"));
    }
    if let Some(nsg) = &needs.nsg {
        into.insert("networkSecurityGroup".to_owned(), reference(nsg));
    }
    if let Some(routes) = &needs.routes {
        into.insert("routeTable".to_owned(), reference(routes));
    }
    if let Some(service) = subnet.delegation {
        let delegation = json!({ "name": service.replace('/', "."), "properties": { "serviceName": service } });
        into.insert("delegations".to_owned(), json!([delegation]));
    }
    json!({ "name": subnet.name, "properties": properties })
}

impl Compiler<'_> {
    /// Adds a network security group named after the subnet it guards.
    pub(super) fn add_nsg(
        &mut self,
        context: &Context<'_>,
        group: &str,
        n: &str,
        rules: &[Rule<'_>],
        path: &str,
    ) -> ResourceId {
        let id = self.id(context, group, NSG, "", n);
        let rules: Vec<Json> = rules.iter().map(Rule::body).collect();
        let body =
            json!({ "location": context.region, "tags": context.tags, "properties": { "securityRules": rules } });
        self.add(context, id, body, path, Vec::new())
    }

    /// Adds a route table. `on_premises`: does it learn what the gateway learns?
    pub(super) fn add_routes(
        &mut self,
        context: &Context<'_>,
        group: &str,
        n: &str,
        routes: &[Route],
        on_premises: bool,
        path: &str,
    ) -> ResourceId {
        let id = self.id(context, group, ROUTES, "", n);
        let routes: Vec<Json> = routes.iter().map(Route::body).collect();
        let body = json!({
            "location": context.region,
            "tags": context.tags,
            "properties": { "disableBgpRoutePropagation": !on_premises, "routes": routes },
        });
        self.add(context, id, body, path, Vec::new())
    }

    /// Adds a public address of the platform.
    pub(super) fn add_public_ip(&mut self, context: &Context<'_>, group: &str, n: &str, path: &str) -> ResourceId {
        let id = self.id(context, group, PUBLIC_IP, "", n);
        let mut body = json!({
            "location": context.region,
            "tags": context.tags,
            "sku": { "name": "Standard", "tier": "Regional" },
            "properties": { "publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4" },
        });
        zoned(&mut body, context.region);
        self.add(context, id, body, path, Vec::new())
    }

    /// Sends a resource's logs and metrics to the workspace. `logs`: a category group, where the type has logs.
    pub(super) fn add_diagnostics(&mut self, context: &Context<'_>, of: &ResourceId, logs: Option<&str>, path: &str) {
        let workspace = self.workspace.clone();
        let id = under(of, "Microsoft.Insights/diagnosticSettings", "to-workspace");
        let mut properties = json!({ "workspaceId": workspace.as_str() });
        if let Some(into) = properties.as_object_mut() {
            if let Some(group) = logs {
                into.insert("logs".to_owned(), json!([{ "categoryGroup": group, "enabled": true }]));
            }
            into.insert("metrics".to_owned(), json!([{ "category": "AllMetrics", "enabled": true }]));
        }
        self.add(context, id, json!({ "properties": properties }), path, vec![workspace]);
    }

    /// Peers one virtual network with another, one way.
    pub(super) fn add_peering(
        &mut self,
        context: &Context<'_>,
        from: &ResourceId,
        to: &ResourceId,
        gateway: Transit,
        path: &str,
        mut depends_on: Vec<ResourceId>,
    ) -> ResourceId {
        let id = from.child("virtualNetworkPeerings", &format!("peer-{}", to.name()));
        let body = json!({
            "properties": {
                "remoteVirtualNetwork": reference(to),
                "allowVirtualNetworkAccess": true,
                "allowForwardedTraffic": true,
                "allowGatewayTransit": gateway == Transit::Lends,
                "useRemoteGateways": gateway == Transit::Borrows,
            },
        });
        depends_on.push(from.clone());
        depends_on.push(to.clone());
        self.add(context, id, body, path, depends_on)
    }
}

/// What a peering does with a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transit {
    None,
    /// The peer may use the gateway on this side.
    Lends,
    /// This side uses the peer's gateway.
    Borrows,
}

/// Spreads a resource over the region's availability zones, where it has any.
pub(super) fn zoned(body: &mut Json, region: &str) {
    let zones = crate::catalogue::region(region).map_or(0, |r| r.zones);
    if let Some(body) = body.as_object_mut().filter(|_| zones > 0) {
        body.insert("zones".to_owned(), (1..=zones.min(3)).map(|z| z.to_string()).collect());
    }
}
