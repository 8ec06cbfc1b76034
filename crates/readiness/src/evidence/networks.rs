//! Queries over networks.

use std::collections::BTreeSet;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use ipnet::IpNet;

use super::{Outcome, Row, World, predicate};

const VNET: &str = "Microsoft.Network/virtualNetworks";
const PEERING: &str = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings";

/// Peered pairs, `(network, remote)`, from inline peerings and from child resources.
fn peerings(world: &World<'_>) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for vnet in world.of_type(VNET) {
        for remote in
            predicate::texts(vnet, "properties.virtualNetworkPeerings[*].properties.remoteVirtualNetwork.id", world)
        {
            pairs.insert((vnet.id.key(), ResourceId::new(&remote).key()));
        }
    }
    for peering in world.of_type(PEERING) {
        let Some(vnet) = peering.id.parent() else { continue };
        for remote in predicate::texts(peering, "properties.remoteVirtualNetwork.id", world) {
            pairs.insert((vnet.key(), ResourceId::new(&remote).key()));
        }
    }
    pairs
}

/// Networks with a firewall in them.
fn hubs(world: &World<'_>) -> BTreeSet<String> {
    world
        .of_type("Microsoft.Network/azureFirewalls")
        .flat_map(|f| predicate::texts(f, "properties.ipConfigurations[*].properties.subnet.id", world))
        .filter_map(|subnet| ResourceId::new(&subnet).parent())
        .map(|vnet| vnet.key())
        .collect()
}

pub(super) fn some_peering(world: &World<'_>) -> Outcome {
    let pairs = peerings(world);
    let rows: Vec<Row> =
        pairs.iter().take(20).map(|(a, b)| Row::new(a.clone(), true, format!("peered with {b}"))).collect();
    Outcome { holds: world.of_type(VNET).next().map(|_| !rows.is_empty()), rows }
}

pub(super) fn spokes_peered(world: &World<'_>) -> Outcome {
    let (pairs, hubs) = (peerings(world), hubs(world));
    let rows = world
        .of_type(VNET)
        .filter(|v| !hubs.contains(&v.id.key()))
        .map(|v| {
            let peered = hubs.iter().any(|hub| pairs.contains(&(v.id.key(), hub.clone())));
            Row::new(v.id.as_str(), peered, if peered { "peered with a hub" } else { "peered with no hub" })
        })
        .collect();
    Outcome::all(rows)
}

/// Subnets, inline and as children, as (id, properties).
fn subnets<'w>(world: &'w World<'_>, vnet: &'w Resource) -> Vec<(String, &'w Value)> {
    let inline = vnet.body.at(&["properties", "subnets"]).and_then(Value::as_array).unwrap_or_default();
    let mut found: Vec<(String, &Value)> = inline
        .iter()
        .filter_map(|s| {
            let name = s.get("name").and_then(Value::as_str)?;
            Some((vnet.id.child("subnets", name).as_str().to_owned(), s.get("properties")?))
        })
        .collect();
    for child in world.estate.within(&vnet.id) {
        let is_subnet = child.resource_type().is_some_and(|t| t.is("Microsoft.Network/virtualNetworks/subnets"));
        if is_subnet
            && !found.iter().any(|(id, _)| id.eq_ignore_ascii_case(child.id.as_str()))
            && let Some(properties) = child.body.get("properties")
        {
            found.push((child.id.as_str().to_owned(), properties));
        }
    }
    found
}

pub(super) fn subnets_routed(world: &World<'_>) -> Outcome {
    let hubs = hubs(world);
    let mut rows = Vec::new();
    for vnet in world.of_type(VNET).filter(|v| !hubs.contains(&v.id.key())) {
        for (id, properties) in subnets(world, vnet) {
            // Endpoints receive; they do not send.
            if ResourceId::new(&id).name().to_ascii_lowercase().contains("endpoint") {
                continue;
            }
            let routed = properties.at(&["routeTable", "id"]).is_some_and(|v| !v.is_null());
            rows.push(Row::new(id, routed, if routed { "routed" } else { "has no route table" }));
        }
    }
    Outcome::all(rows)
}

fn ranges(vnet: &Resource, world: &World<'_>) -> Vec<IpNet> {
    predicate::texts(vnet, "properties.addressSpace.addressPrefixes[*]", world)
        .iter()
        .filter_map(|p| p.parse().ok())
        .collect()
}

pub(super) fn no_overlap(world: &World<'_>) -> Outcome {
    let mut all: Vec<(IpNet, &Resource)> = Vec::new();
    for vnet in world.of_type(VNET) {
        all.extend(ranges(vnet, world).into_iter().map(|r| (r, vnet)));
    }
    // In order of the first address, a range overlaps some earlier one exactly if it begins before the furthest end.
    all.sort_by_key(|(range, _)| (range.network(), range.prefix_len()));
    let mut rows = Vec::new();
    let mut furthest: Option<(IpNet, &Resource)> = None;
    for (range, vnet) in all {
        let hit = furthest.filter(|(other, holder)| holder.id != vnet.id && other.contains(&range.network()));
        rows.push(match hit {
            Some((other, holder)) => {
                Row::new(vnet.id.as_str(), false, format!("{range} overlaps {other} of {}", holder.id.as_str()))
            }
            None => Row::new(vnet.id.as_str(), true, format!("{range} is its own")),
        });
        if furthest.is_none_or(|(other, _)| !other.contains(&range.broadcast())) {
            furthest = Some((range, vnet));
        }
    }
    Outcome::all(rows)
}

fn size(range: IpNet) -> f64 {
    2f64.powi(i32::from(range.max_prefix_len()) - i32::from(range.prefix_len()))
}

pub(super) fn head_room(world: &World<'_>) -> Outcome {
    let hubs = hubs(world);
    let rows = world
        .of_type(VNET)
        .filter(|v| !hubs.contains(&v.id.key()))
        .filter_map(|vnet| {
            let space: f64 = ranges(vnet, world).into_iter().map(size).sum();
            if space == 0.0 {
                return None;
            }
            let used: f64 = subnets(world, vnet)
                .iter()
                .filter_map(|(_, p)| p.get("addressPrefix").and_then(Value::as_str)?.parse::<IpNet>().ok())
                .map(size)
                .sum();
            let percent = (used / space * 100.0).round();
            Some(Row::new(
                vnet.id.as_str(),
                used <= space * 0.8,
                format!("{percent} % of its addresses are in subnets"),
            ))
        })
        .collect();
    Outcome::all(rows)
}
