//! Rules as ARM writes them.

use glidepath_arm::{ResourceId, Value};

use super::{Address, FirewallKind, FirewallRule, NextHop, Route, Rule};
use crate::{Ports, Protocol, Range, Ranges, Traffic};

/// A member of `properties`, or of the value itself (flattened exports).
pub(super) fn property<'a>(body: &'a Value, name: &str) -> Option<&'a Value> {
    body.at(&["properties", name]).or_else(|| body.get(name)).filter(|v| !v.is_null())
}

pub(super) fn text(body: &Value, name: &str) -> String {
    property(body, name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(super) fn items<'a>(body: &'a Value, name: &str) -> &'a [Value] {
    property(body, name).and_then(Value::as_array).unwrap_or_default()
}

pub(super) fn flag(body: &Value, name: &str) -> Option<bool> {
    property(body, name).and_then(Value::as_bool)
}

/// The id in `{ "id": … }`.
pub(super) fn reference(body: &Value, name: &str) -> Option<ResourceId> {
    property(body, name)?.get("id")?.as_str().map(ResourceId::new)
}

/// A value or a list of values: both `xPrefix` and `xPrefixes` of Azure's bodies.
pub(super) fn both(body: &Value, one: &str, many: &str) -> Vec<Value> {
    let mut values: Vec<Value> = items(body, many).to_vec();
    match property(body, many) {
        Some(value) if value.is_unknown() => values.push(value.clone()),
        _ => {}
    }
    match property(body, one) {
        Some(value) if value.as_str().is_none_or(|t| !t.is_empty()) => values.push(value.clone()),
        _ => {}
    }
    values
}

/// Addresses of one side.
pub(super) fn addresses(values: &[Value]) -> Vec<Address> {
    let mut out = Vec::new();
    let mut ranges = Vec::new();
    for value in values {
        let Some(text) = value.as_str() else {
            out.push(Address::Unknown);
            continue;
        };
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            if part == "*" || part.eq_ignore_ascii_case("any") || part == "0.0.0.0/0" {
                out.push(Address::Any);
            } else if let Some(range) = Range::block(part) {
                ranges.push(range);
            } else if part.contains(':') && part.parse::<ipnet::Ipv6Net>().is_ok() {
                continue;
            } else if part.contains('.')
                && !part.contains('/')
                && part.contains(|c: char| c.is_ascii_lowercase())
                && !part.starts_with(|c: char| c.is_ascii_uppercase())
            {
                out.push(Address::Name(part.to_owned()));
            } else {
                out.push(Address::Tag(part.to_owned()));
            }
        }
    }
    if !ranges.is_empty() {
        out.push(Address::Ranges(Ranges::new(ranges)));
    }
    out
}

fn protocols(text: &str) -> Vec<Protocol> {
    match text.to_ascii_lowercase().as_str() {
        "tcp" => vec![Protocol::Tcp],
        "udp" => vec![Protocol::Udp],
        "icmp" => vec![Protocol::Icmp],
        "esp" => vec![Protocol::Esp],
        "ah" => vec![Protocol::Ah],
        _ => Protocol::ALL.to_vec(),
    }
}

fn ports(values: &[Value]) -> Vec<Ports> {
    let texts = values.iter().filter_map(Value::as_str);
    let mut ports: Vec<Ports> = texts.flat_map(|t| t.split(',')).filter_map(Ports::read).collect();
    // A port that only Azure can tell may be any.
    if values.iter().any(Value::is_unknown) || values.is_empty() {
        ports.push(Ports::ALL);
    }
    ports
}

/// A security rule.
pub(super) fn security_rule(name: &str, body: &Value) -> Rule {
    let mut source = addresses(&both(body, "sourceAddressPrefix", "sourceAddressPrefixes"));
    let mut destination = addresses(&both(body, "destinationAddressPrefix", "destinationAddressPrefixes"));
    for (side, member) in
        [(&mut source, "sourceApplicationSecurityGroups"), (&mut destination, "destinationApplicationSecurityGroups")]
    {
        let groups = items(body, member).iter().filter_map(|g| g.get("id")?.as_str());
        side.extend(groups.map(|id| Address::Asg(id.to_ascii_lowercase())));
    }
    Rule {
        name: name.to_owned(),
        priority: property(body, "priority").and_then(Value::as_int).unwrap_or(4096),
        inbound: text(body, "direction").eq_ignore_ascii_case("Inbound"),
        allows: text(body, "access").eq_ignore_ascii_case("Allow"),
        traffic: Traffic {
            protocols: protocols(&text(body, "protocol")),
            ports: ports(&both(body, "destinationPortRange", "destinationPortRanges")),
            source_ports: ports(&both(body, "sourcePortRange", "sourcePortRanges")),
        },
        source,
        destination,
        description: text(body, "description"),
    }
}

/// The rules that every security group ends with.
/// Source: Microsoft Learn, "Azure network security groups overview", default security rules.
pub(super) fn default_rules() -> Vec<Rule> {
    let tag = |name: &str| vec![Address::Tag(name.to_owned())];
    let any = || vec![Address::Any];
    let rule = |name: &str, priority, inbound, allows, source, destination| Rule {
        name: name.to_owned(),
        priority,
        inbound,
        allows,
        traffic: Traffic::any(),
        source,
        destination,
        description: String::new(),
    };
    vec![
        rule("AllowVnetInBound", 65000, true, true, tag("VirtualNetwork"), tag("VirtualNetwork")),
        rule("AllowAzureLoadBalancerInBound", 65001, true, true, tag("AzureLoadBalancer"), any()),
        rule("DenyAllInBound", 65500, true, false, any(), any()),
        rule("AllowVnetOutBound", 65000, false, true, tag("VirtualNetwork"), tag("VirtualNetwork")),
        rule("AllowInternetOutBound", 65001, false, true, any(), tag("Internet")),
        rule("DenyAllOutBound", 65500, false, false, any(), any()),
    ]
}

/// A route.
pub(super) fn route(name: &str, body: &Value) -> Route {
    let prefix = text(body, "addressPrefix");
    let address = property(body, "nextHopIpAddress").and_then(Value::as_str).and_then(|a| a.parse().ok());
    let next = match text(body, "nextHopType").to_ascii_lowercase().as_str() {
        // An address that only Azure can tell: the caller replaces it where it can.
        "virtualappliance" => NextHop::Appliance(address.unwrap_or(std::net::Ipv4Addr::UNSPECIFIED)),
        "virtualnetworkgateway" => NextHop::Gateway,
        "vnetlocal" => NextHop::Local,
        "internet" => NextHop::Internet,
        _ => NextHop::None,
    };
    Route { name: name.to_owned(), prefix: Range::block(&prefix), text: prefix, next }
}

/// What one rule-collection group of a policy holds, in the order of its collections.
pub(super) fn collection_group(
    policy: &str,
    holder: &ResourceId,
    collections: &[Value],
    groups: &dyn Fn(&str) -> Vec<Address>,
) -> Vec<FirewallRule> {
    let mut sorted: Vec<&Value> = collections.iter().collect();
    sorted.sort_by_key(|c| property(c, "priority").and_then(Value::as_int).unwrap_or(i64::MAX));
    let mut out = Vec::new();
    for collection in sorted {
        let action = property(collection, "action").and_then(|a| a.get("type")).and_then(Value::as_str);
        let allows = !action.is_some_and(|a| a.eq_ignore_ascii_case("Deny"));
        let name = text(collection, "name");
        for rule in items(collection, "rules") {
            let path = format!("{policy}/{}/{name}/{}", holder.name(), text(rule, "name"));
            out.extend(firewall_rule(path, holder, rule, allows, groups));
        }
    }
    out
}

fn firewall_rule(
    name: String,
    holder: &ResourceId,
    rule: &Value,
    allows: bool,
    groups: &dyn Fn(&str) -> Vec<Address>,
) -> Option<FirewallRule> {
    let kind = match text(rule, "ruleType").to_ascii_lowercase().as_str() {
        "natrule" => FirewallKind::Dnat,
        "networkrule" => FirewallKind::Network,
        "applicationrule" => FirewallKind::Application,
        _ => return None,
    };
    let grouped =
        |member: &str| items(rule, member).iter().filter_map(Value::as_str).flat_map(groups).collect::<Vec<_>>();
    let mut source = addresses(items(rule, "sourceAddresses"));
    source.extend(grouped("sourceIpGroups"));
    let mut destination = addresses(items(rule, "destinationAddresses"));
    destination.extend(grouped("destinationIpGroups"));
    for member in ["destinationFqdns", "targetFqdns", "fqdnTags", "targetUrls", "webCategories"] {
        let names = items(rule, member).iter();
        destination.extend(names.map(|n| n.as_str().map_or(Address::Unknown, |n| Address::Name(n.to_owned()))));
    }
    let traffic = match kind {
        FirewallKind::Application => {
            let listed = items(rule, "protocols").iter();
            let ports = listed.map(|p| p.get("port").and_then(Value::as_int).and_then(|p| u16::try_from(p).ok()));
            Traffic {
                protocols: vec![Protocol::Tcp],
                ports: ports.map(|p| p.map_or(Ports::ALL, |p| Ports { first: p, last: p })).collect(),
                source_ports: vec![Ports::ALL],
            }
        }
        _ => {
            let listed = items(rule, "ipProtocols").iter().filter_map(Value::as_str);
            let mut all: Vec<Protocol> = listed.flat_map(protocols).collect();
            all.sort();
            all.dedup();
            Traffic { protocols: all, ports: ports(items(rule, "destinationPorts")), source_ports: vec![Ports::ALL] }
        }
    };
    let translated = (kind == FirewallKind::Dnat).then(|| {
        let address = text(rule, "translatedAddress").parse().ok();
        (address, text(rule, "translatedPort").parse().unwrap_or(0))
    });
    Some(FirewallRule {
        name,
        kind,
        allows,
        source,
        destination,
        traffic,
        translated,
        inherited: false,
        origin: None,
        holder: holder.clone(),
    })
}
