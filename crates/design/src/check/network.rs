//! Addresses and hubs.

use glidepath_network::{Block, HUB_LENGTH, overlaps};
use glidepath_source::Finding;

use super::{error, unknown_region};
use crate::{Design, catalogue};

pub(super) fn check(design: &Design, findings: &mut Vec<Finding>) {
    let connectivity = &design.platform.connectivity;
    let places = &design.places;
    // A mistyped region of the design is told once, where it stands, and not again for all that fits the right one.
    let known = !design.regions.is_empty() && design.regions.iter().all(|r| catalogue::region(r).is_some());
    for (area, regions) in [
        ("addressPools", connectivity.address_pools.keys().collect::<Vec<_>>()),
        ("hubs", connectivity.hubs.keys().collect()),
    ] {
        for region in regions {
            let path = format!("platform/connectivity/{area}/{region}");
            if catalogue::region(region).is_none() {
                findings.push(unknown_region(places, &path, region));
            } else if known && !design.regions.contains(region) {
                findings.push(
                    error(
                        places,
                        &path,
                        "design/region-not-in-design",
                        format!("`{region}` is not among the design's regions"),
                    )
                    .help("add it to `regions` in `glidepath.yaml`, or remove it here"),
                );
            } else if area == "hubs" && !connectivity.address_pools.contains_key(region) {
                findings.push(
                    error(
                        places,
                        &path,
                        "network/no-address-pool",
                        format!("the hub in `{region}` has no address pool"),
                    )
                    .help(format!("add `{region}` under `addressPools`; the hub takes its first /{HUB_LENGTH}")),
                );
            }
        }
    }
    overlapping(design, findings);
}

/// Every block of the design, and which pairs may share addresses: a workload's own block lies in a pool or outside all.
fn overlapping(design: &Design, findings: &mut Vec<Finding>) {
    let connectivity = &design.platform.connectivity;
    let places = &design.places;
    let mut blocks = Vec::new();
    for (region, pool) in &connectivity.address_pools {
        for (i, prefix) in pool.iter().enumerate() {
            let path = format!("platform/connectivity/addressPools/{region}/{i}");
            blocks.push(Block { prefix: *prefix, what: format!("the pool of `{region}`"), place: places.value(&path) });
        }
    }
    let pools = blocks.len();
    for (i, prefix) in connectivity.on_premises.iter().enumerate() {
        let path = format!("platform/connectivity/onPremises/{i}");
        blocks.push(Block { prefix: *prefix, what: "the on-premises block".to_owned(), place: places.value(&path) });
    }
    for workload in design.workloads.values() {
        if let Some(prefix) = workload.network.prefix {
            let path = format!("workloads/{}/network/prefix", workload.name);
            blocks.push(Block {
                prefix,
                what: format!("the block of `{}`", workload.name),
                place: places.value(&path),
            });
        }
    }
    let is_pool = |b: &Block| blocks.iter().take(pools).any(|p| std::ptr::eq(p, b));
    let is_own = |b: &Block| b.what.starts_with("the block of");
    for block in blocks.iter().filter(|b| !b.what.starts_with("the on-premises") && b.prefix.addr().is_ipv6()) {
        findings.push(
            Finding::error(
                "design/not-supported",
                format!("{} `{}` is IPv6, which cannot be planned yet", block.what, block.prefix),
            )
            .at_place(block.place.clone())
            .help("take an IPv4 block"),
        );
    }
    for (outer, inner) in overlaps(&blocks) {
        if is_pool(outer) && is_own(inner) {
            continue;
        }
        let at = outer.place.as_ref().map(|p| format!(", at {p}")).unwrap_or_default();
        findings.push(
            Finding::error(
                "design/overlapping-prefixes",
                format!("{} `{}` overlaps {} `{}`{at}", inner.what, inner.prefix, outer.what, outer.prefix),
            )
            .at_place(inner.place.clone())
            .why("networks that share addresses cannot be peered or routed to each other")
            .help("take a block that is free in both"),
        );
    }
}
