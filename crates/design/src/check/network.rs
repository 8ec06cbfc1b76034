//! Addresses and hubs.

use glidepath_network::{Block, HUB_LENGTH, overlaps};
use glidepath_source::Finding;
use ipnet::IpNet;

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
    no_hub(design, findings);
    names(design, findings);
    private(design, findings);
    overlapping(design, findings);
}

/// Where some regions have hubs, a spoke in a region without one would be connected to nothing.
fn no_hub(design: &Design, findings: &mut Vec<Finding>) {
    let connectivity = &design.platform.connectivity;
    if connectivity.hubs.is_empty() {
        return;
    }
    let mut told: Vec<&str> = Vec::new();
    for workload in design.workloads.values() {
        let regions = workload.environments.iter().flat_map(|e| workload.regions_of(e));
        for region in
            regions.filter(|r| !connectivity.hubs.contains_key(*r) && connectivity.address_pools.contains_key(*r))
        {
            if told.contains(&region.as_str()) {
                continue;
            }
            told.push(region);
            findings.push(
                error(
                    &design.places,
                    "platform/connectivity/hubs",
                    "design/no-hub",
                    format!("there is no hub in `{region}`, and `{}` has a network there", workload.name),
                )
                .why("the network would be peered to nothing: no way out, no names, no way in")
                .help(format!("add `{region}` under `hubs`, or keep the workload out of `{region}` with `regions`")),
            );
        }
    }
}

/// Names that the firewall may let through.
fn names(design: &Design, findings: &mut Vec<Finding>) {
    for (i, name) in design.platform.connectivity.egress.allow_fqdns.iter().enumerate() {
        if !is_fqdn(name) {
            findings.push(
                error(
                    &design.places,
                    &format!("platform/connectivity/egress/allowFqdns/{i}"),
                    "design/bad-value",
                    format!("`{name}` is not a name that a firewall rule can have"),
                )
                .help("write a domain name such as `mcr.microsoft.com`, or `*.openai.azure.com` for all below it"),
            );
        }
    }
}

/// A domain name of at least two labels, with `*` for the first at most.
fn is_fqdn(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

/// Addresses that belong to somebody on the internet would hide that somebody.
fn private(design: &Design, findings: &mut Vec<Finding>) {
    let pools = design.platform.connectivity.address_pools.iter().flat_map(|(region, pool)| {
        let place = move |i| format!("platform/connectivity/addressPools/{region}/{i}");
        pool.iter().enumerate().map(move |(i, block)| (*block, place(i)))
    });
    let own = design
        .workloads
        .values()
        .filter_map(|w| Some((w.network.prefix?, format!("workloads/{}/network/prefix", w.name))));
    for (block, path) in pools.chain(own) {
        if !is_private(&block) {
            findings.push(
                error(
                    &design.places,
                    &path,
                    "design/public-addresses",
                    format!("`{block}` is not private address space"),
                )
                .why("routes to it would hide the public hosts that have these addresses")
                .help("take a block of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"),
            );
        }
    }
}

/// RFC 1918 and RFC 6598; IPv6 is told elsewhere.
fn is_private(block: &IpNet) -> bool {
    let private = [(0x0a00_0000, 8), (0xac10_0000, 12), (0xc0a8_0000, 16), (0x6440_0000, 10)];
    match block {
        IpNet::V6(_) => true,
        IpNet::V4(block) => private.iter().any(|(network, length): &(u32, u8)| {
            block.prefix_len() >= *length && (block.network().to_bits() ^ network) >> (32 - length) == 0
        }),
    }
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
