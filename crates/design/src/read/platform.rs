//! `platform.yaml`.

use glidepath_source::{Finding, Node};
use indexmap::IndexMap;
use ipnet::IpNet;

use crate::Design;
use crate::decode::{Decode, Document, Fields, OneOrMany, list, word};
use crate::model::{
    Access, AiGateway, Connectivity, Egress, Firewall, FirewallTier, Gateway, GatewayProduct, Hub, Management,
    Platform, PlatformSubscription, TokenLimits,
};
use crate::suggest::nearest;

/// The subscriptions every platform has, before `platform.yaml` says otherwise.
pub(super) fn defaults(design: &mut Design) {
    let name = |area: &str| format!("{}-{area}", design.organization);
    design.platform = Platform {
        management: Management { subscription: name("management"), log_retention_days: 90, defender: Vec::new() },
        identity: PlatformSubscription { subscription: name("identity") },
        security: PlatformSubscription { subscription: name("security") },
        connectivity: Connectivity { subscription: name("connectivity"), ..Connectivity::default() },
        ..Platform::default()
    };
}

pub(super) fn read(doc: &Document<'_>, node: &Node, design: &mut Design) {
    let Some(fields) = Fields::of(doc, node, "`platform.yaml`") else { return };
    let platform = &mut design.platform;
    if let Some(node) = fields.node("management") {
        management(doc, node, &mut platform.management);
    }
    if let Some(node) = fields.node("identity") {
        subscription(doc, node, "`identity`", &mut platform.identity);
    }
    if let Some(node) = fields.node("security") {
        subscription(doc, node, "`security`", &mut platform.security);
    }
    if let Some(node) = fields.node("connectivity") {
        connectivity(doc, node, &mut platform.connectivity);
    }
    platform.ai_gateway = fields.optional("aiGateway");
    platform.access = fields.or("access", IndexMap::new());
    fields.finish();
}

fn subscription(doc: &Document<'_>, node: &Node, what: &'static str, into: &mut PlatformSubscription) {
    let Some(fields) = Fields::of(doc, node, what) else { return };
    if let Some(name) = fields.optional("subscription") {
        into.subscription = name;
    }
    fields.finish();
}

fn management(doc: &Document<'_>, node: &Node, into: &mut Management) {
    let Some(fields) = Fields::of(doc, node, "`management`") else { return };
    if let Some(name) = fields.optional("subscription") {
        into.subscription = name;
    }
    into.log_retention_days = fields.or("logRetentionDays", into.log_retention_days);
    into.defender = fields.or("defender", Vec::new());
    fields.finish();
}

fn connectivity(doc: &Document<'_>, node: &Node, into: &mut Connectivity) {
    let Some(fields) = Fields::of(doc, node, "`connectivity`") else { return };
    if let Some(name) = fields.optional("subscription") {
        into.subscription = name;
    }
    into.topology = fields.or("topology", into.topology);
    let pools: IndexMap<String, OneOrMany<IpNet>> = fields.or("addressPools", IndexMap::new());
    into.address_pools = pools.into_iter().map(|(region, OneOrMany(blocks))| (region, blocks)).collect();
    into.on_premises = fields.or("onPremises", Vec::new());
    if let Some(node) = fields.node("hubs") {
        into.hubs = hubs(doc, node);
    }
    into.egress = fields.or("egress", Egress::default());
    fields.finish();
}

/// Hubs in the order of the file; `like: <region>` starts from another hub's settings, which may itself be `like` a third.
fn hubs(doc: &Document<'_>, node: &Node) -> IndexMap<String, Hub> {
    let mut hubs: IndexMap<String, Hub> = IndexMap::new();
    if node.kind_name() != "object" {
        let _ = IndexMap::<String, Egress>::decode(doc, node);
        return hubs;
    }
    let mut waiting: Vec<_> = node.members().iter().collect();
    loop {
        let before = waiting.len();
        waiting.retain(|member| {
            let base = match member.value.get("like").and_then(Node::as_str) {
                None => Hub::default(),
                Some(like) => match hubs.get(like) {
                    Some(hub) => hub.clone(),
                    None => return true,
                },
            };
            if let Some(hub) = hub(doc, &member.value, base) {
                hubs.insert(member.key.to_string(), hub);
            }
            false
        });
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    for member in waiting {
        let Some(like) = member.value.get("like") else { continue };
        let name = like.as_str().unwrap_or_default();
        let others: Vec<&str> =
            node.members().iter().map(|m| m.key.as_ref()).filter(|k| *k != member.key.as_ref()).collect();
        let (message, help) = if others.contains(&name) || name == member.key.as_ref() {
            (
                format!("the hubs are `like` each other in a circle: `{name}`"),
                "give one of them its own settings".to_owned(),
            )
        } else {
            let help = match nearest(name, others.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("hubs: {}", list(others)),
            };
            (format!("there is no hub `{name}` to be `like`"), help)
        };
        doc.tell(Finding::error("design/unknown-hub", message).at(doc.text, like.span).help(help));
        // Read it on its own all the same, for what else may be wrong in it.
        if let Some(hub) = hub(doc, &member.value, Hub::default()) {
            hubs.insert(member.key.to_string(), hub);
        }
    }
    let order: Vec<&str> = node.members().iter().map(|m| m.key.as_ref()).collect();
    hubs.sort_by_cached_key(|region, _| order.iter().position(|o| o == region));
    hubs
}

fn hub(doc: &Document<'_>, node: &Node, base: Hub) -> Option<Hub> {
    let fields = Fields::of(doc, node, "a hub")?;
    let _: Option<String> = fields.optional("like");
    let hub = Hub {
        firewall: fields.optional("firewall").or(base.firewall),
        bastion: fields.optional("bastion").or(base.bastion),
        ddos_protection: fields.or("ddosProtection", base.ddos_protection),
        gateway: fields.optional("gateway").or(base.gateway),
        private_dns_resolver: fields.or("privateDnsResolver", base.private_dns_resolver),
    };
    fields.finish();
    Some(hub)
}

impl Decode for Firewall {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`firewall`")?;
        let tier = fields.or("tier", FirewallTier::Standard);
        let dns_proxy = fields.or("dnsProxy", tier != FirewallTier::Basic);
        fields.finish();
        if dns_proxy && tier == FirewallTier::Basic {
            doc.bad_value(
                node,
                "a `Basic` firewall has no DNS proxy",
                "take `tier: Standard`, or leave `dnsProxy` out",
            );
        }
        Some(Firewall { tier, dns_proxy })
    }
}

impl Decode for Gateway {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`gateway`")?;
        let kind = fields.required("kind");
        let bandwidth_mbps = fields.optional("bandwidthMbps");
        fields.finish();
        Some(Gateway { kind: kind?, bandwidth_mbps })
    }
}

impl Decode for Egress {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`egress`")?;
        let egress = Egress { allow_fqdns: fields.or("allowFqdns", Vec::new()) };
        fields.finish();
        Some(egress)
    }
}

impl Decode for AiGateway {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "`aiGateway`")?;
        let tiers = [
            ("Developer", "Developer"),
            ("Standard", "Standard"),
            ("StandardV2", "StandardV2"),
            ("Premium", "Premium"),
            ("PremiumV2", "PremiumV2"),
        ];
        let tier = match fields.node("tier") {
            Some(node) => word(doc, node, "tier of API Management", &tiers).unwrap_or("Premium"),
            None => "Premium",
        };
        let gateway = AiGateway {
            product: fields.or("product", GatewayProduct::ApiManagement),
            tier: tier.to_owned(),
            token_limits: fields.or("tokenLimits", TokenLimits::PerWorkload),
        };
        fields.finish();
        Some(gateway)
    }
}

impl Decode for Access {
    fn decode(doc: &Document<'_>, node: &Node) -> Option<Self> {
        let fields = Fields::of(doc, node, "an entry of `access`")?;
        let group = fields.required("group");
        let roles = fields.or("roles", IndexMap::new());
        fields.finish();
        Some(Access { group: group?, roles })
    }
}
