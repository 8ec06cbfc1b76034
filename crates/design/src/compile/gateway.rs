//! Gateways to on-premises, and the resolver that on-premises asks.

use serde_json::{Value as Json, json};

use super::Compiler;
use super::hub::ip_configuration;
use super::networks::HubNetwork;
use crate::{Gateway, GatewayKind};

const GATEWAY: &str = "Microsoft.Network/virtualNetworkGateways";
const RESOLVER: &str = "Microsoft.Network/dnsResolvers";

/// SKU and the bandwidth it carries, in Mbit/s. Source: Microsoft Learn, "About ExpressRoute virtual network gateways"
/// and "VPN Gateway SKUs" (zone-redundant SKUs, generation 2).
const EXPRESS_ROUTE: [(&str, u32); 3] = [("ErGw1AZ", 1000), ("ErGw2AZ", 2000), ("ErGw3AZ", 10_000)];
const VPN: [(&str, u32); 4] = [("VpnGw2AZ", 1250), ("VpnGw3AZ", 2500), ("VpnGw4AZ", 5000), ("VpnGw5AZ", 10_000)];

/// The smallest SKU that carries the bandwidth, or the largest there is.
fn sku(gateway: &Gateway) -> &'static str {
    let skus: &[(&str, u32)] = match gateway.kind {
        GatewayKind::ExpressRoute => &EXPRESS_ROUTE,
        GatewayKind::Vpn => &VPN,
    };
    let wanted = gateway.bandwidth_mbps.unwrap_or(0);
    skus.iter().find(|(_, carries)| *carries >= wanted).or(skus.last()).map_or("", |(sku, _)| sku)
}

impl Compiler<'_> {
    /// The id of a hub's gateway.
    pub(super) fn gateway_id(&self, hub: &HubNetwork<'_>) -> Option<glidepath_arm::ResourceId> {
        let variant = match hub.hub.gateway.as_ref()?.kind {
            GatewayKind::ExpressRoute => "ExpressRoute",
            GatewayKind::Vpn => "Vpn",
        };
        Some(self.id(&hub.context, "network", GATEWAY, variant, "001"))
    }

    pub(super) fn gateway(&mut self, hub: &HubNetwork<'_>, path: &str) {
        let (Some(gateway), Some(id)) = (&hub.hub.gateway, self.gateway_id(hub)) else { return };
        let context = &hub.context;
        let address = self.add_public_ip(context, "network", "gateway", path);
        let sku = sku(gateway);
        let mut properties = json!({
            "sku": { "name": sku, "tier": sku },
            "ipConfigurations": [ip_configuration(&hub.vnet, "GatewaySubnet", &address)],
        });
        let more = match gateway.kind {
            GatewayKind::ExpressRoute => json!({ "gatewayType": "ExpressRoute" }),
            GatewayKind::Vpn => json!({
                "gatewayType": "Vpn",
                "vpnType": "RouteBased",
                "vpnGatewayGeneration": "Generation2",
                "enableBgp": true,
                "activeActive": false,
            }),
        };
        if let (Some(into), Json::Object(more)) = (properties.as_object_mut(), more) {
            into.extend(more);
        }
        let body = json!({ "location": context.region, "tags": context.tags, "properties": properties });
        let id = self.add(context, id, body, path, vec![hub.vnet.clone(), address]);
        self.add_diagnostics(context, &id, Some("allLogs"), path);
    }

    /// The resolver answers on a fixed address, which firewalls and on-premises servers are pointed at.
    pub(super) fn resolver(&mut self, hub: &HubNetwork<'_>, path: &str) {
        let Some(address) = &hub.resolver else { return };
        let context = &hub.context;
        let id = self.id(context, "network", RESOLVER, "", "001");
        let body = json!({
            "location": context.region,
            "tags": context.tags,
            "properties": { "virtualNetwork": super::reference(&hub.vnet) },
        });
        let id = self.add(context, id, body, path, vec![hub.vnet.clone()]);
        let subnet = |name: &str| super::reference(&hub.vnet.child("subnets", name));
        let inbound = json!({
            "location": context.region,
            "tags": context.tags,
            "properties": { "ipConfigurations": [{
                "privateIpAllocationMethod": "Static",
                "privateIpAddress": address,
                "subnet": subnet("dns-inbound"),
            }] },
        });
        self.add(context, id.child("inboundEndpoints", "inbound"), inbound, path, vec![id.clone()]);
        let outbound = json!({
            "location": context.region,
            "tags": context.tags,
            "properties": { "subnet": subnet("dns-outbound") },
        });
        self.add(context, id.child("outboundEndpoints", "outbound"), outbound, path, vec![id]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidth_chooses_the_sku() {
        let gateway = |kind, bandwidth_mbps| sku(&Gateway { kind, bandwidth_mbps });
        assert_eq!(gateway(GatewayKind::ExpressRoute, Some(2000)), "ErGw2AZ");
        assert_eq!(gateway(GatewayKind::ExpressRoute, Some(2001)), "ErGw3AZ");
        assert_eq!(gateway(GatewayKind::Vpn, None), "VpnGw2AZ");
        assert_eq!(gateway(GatewayKind::Vpn, Some(50_000)), "VpnGw5AZ");
    }
}
