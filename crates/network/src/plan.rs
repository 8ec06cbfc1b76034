//! Which block every virtual network gets.
//!
//! The rule, in this order, per region:
//! 1. the hub gets the first [`HUB_LENGTH`] block of the region's first pool;
//! 2. blocks that workloads bring along are theirs: nobody else is put there;
//! 3. spokes that have an address on record keep it;
//! 4. the others follow in the order of their keys (workload, environment in the design's order), each by best fit in
//!    the workload's own block or else the region's pools.
//!
//! With the record (`addresses.yaml` of a design) a new workload never moves another one. Without it, names decide: the
//! same design always gives the same plan, and a workload whose name sorts last moves nobody.

use std::fmt;

use glidepath_source::{Finding, Place};
use indexmap::IndexMap;
use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::{HUB_LENGTH, Size, Space};

/// Names one spoke: `fraud-scoring/production/swedencentral`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpokeKey {
    /// Workload.
    pub workload: String,
    /// Environment.
    pub environment: String,
    /// Region.
    pub region: String,
}

impl fmt::Display for SpokeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.workload, self.environment, self.region)
    }
}

impl Serialize for SpokeKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The address space of one region.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// The region.
    pub region: String,
    /// Its blocks; the hub takes the first of the first one.
    pub prefixes: Vec<IpNet>,
    /// Does a hub stand in this region?
    pub hub: bool,
    /// Where it was written.
    pub place: Option<Place>,
}

/// One spoke that needs a block.
#[derive(Debug, Clone, PartialEq)]
pub struct SpokeRequest {
    /// Which spoke.
    pub key: SpokeKey,
    /// How large.
    pub size: Size,
    /// Blocks of the workload's own to cut it from, instead of the region's pools.
    pub within: Option<IpNet>,
    /// The address it has on record.
    pub recorded: Option<IpNet>,
    /// Where the size was written.
    pub place: Option<Place>,
}

/// The block of one spoke.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// Its block.
    pub prefix: IpNet,
    /// Was it on record before?
    pub recorded: bool,
}

/// Which block every virtual network gets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressPlan {
    /// Region → hub.
    pub hubs: IndexMap<String, IpNet>,
    /// Spoke → block, in the order of the requests.
    pub spokes: IndexMap<SpokeKey, Allocation>,
    /// Region → what is still free.
    #[serde(skip)]
    pub free: IndexMap<String, Space>,
}

impl AddressPlan {
    /// Plans hubs and spokes. A spoke that finds no room is left out and told: `network/pool-exhausted`,
    /// `network/no-address-pool`, `network/recorded-address-taken`.
    pub fn allocate(pools: &[Pool], requests: &[SpokeRequest]) -> (Self, Vec<Finding>) {
        Self::allocate_beside(pools, requests, &[])
    }

    /// As [`AddressPlan::allocate`], with blocks that nobody new may be put into: networks that still stand though no
    /// spoke of the design asks for them.
    pub fn allocate_beside(pools: &[Pool], requests: &[SpokeRequest], standing: &[IpNet]) -> (Self, Vec<Finding>) {
        let mut plan = Self::default();
        let mut findings = Vec::new();
        let mut own: IndexMap<IpNet, Space> = IndexMap::new();
        for pool in pools {
            let mut space = Space::new(pool.prefixes.iter().copied());
            if pool.hub {
                let first = pool.prefixes.first().and_then(|p| p.subnets(HUB_LENGTH).ok()?.next());
                match first.filter(|block| space.take_exact(*block)) {
                    Some(block) => {
                        plan.hubs.insert(pool.region.clone(), block);
                    }
                    None => findings.push(
                        Finding::error(
                            "network/pool-exhausted",
                            format!("the pool of `{}` has no room for a hub", pool.region),
                        )
                        .at_place(pool.place.clone())
                        .help(format!("start the pool with a block of /{HUB_LENGTH} or larger")),
                    ),
                }
            }
            plan.free.insert(pool.region.clone(), space);
        }
        for block in requests.iter().filter_map(|r| r.within) {
            own.entry(block).or_insert_with(|| Space::new([block]));
            for space in plan.free.values_mut() {
                space.take_exact(block);
            }
        }
        let mut placed: Vec<Option<Allocation>> = vec![None; requests.len()];
        let standing = standing.iter().filter(|block| !requests.iter().any(|r| r.recorded == Some(**block)));
        for block in standing {
            for space in plan.free.values_mut().chain(own.values_mut()) {
                space.take_exact(*block);
            }
        }
        for (request, slot) in requests.iter().zip(placed.iter_mut()) {
            let Some(prefix) = request.recorded else { continue };
            let taken = match plan.space_of(&mut own, request) {
                Some(space) => space.take_exact(prefix),
                None => false,
            };
            if taken {
                if prefix.prefix_len() != request.size.length() {
                    findings.push(
                        Finding::warning(
                            "network/size-not-changed",
                            format!(
                                "`{}` keeps `{prefix}`, which is on record; its size asks for /{}",
                                request.key,
                                request.size.length()
                            ),
                        )
                        .at_place(request.place.clone())
                        .why("a network that stands cannot change its addresses without being rebuilt")
                        .help("remove the spoke from the record to give it a new block, which rebuilds the network"),
                    );
                }
                *slot = Some(Allocation { prefix, recorded: true });
            } else {
                findings.push(
                    Finding::error(
                        "network/recorded-address-taken",
                        format!("`{prefix}`, on record for `{}`, is outside its pool or taken by another", request.key),
                    )
                    .at_place(request.place.clone())
                    .why("a spoke that exists cannot change its addresses without being rebuilt")
                    .help("widen the pool so that it holds the address, or remove the spoke from the record (`addresses.yaml`)"),
                );
            }
        }
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by(|a, b| {
            let name = |i: &usize| requests.get(*i).map(|r| (&r.key.workload, *i));
            name(a).cmp(&name(b))
        });
        for at in order {
            let (Some(request), Some(slot)) = (requests.get(at), placed.get_mut(at)) else { continue };
            if slot.is_some() || request.recorded.is_some() {
                continue;
            }
            let length = request.size.length();
            let Some(space) = plan.space_of(&mut own, request) else {
                findings.push(
                    Finding::error(
                        "network/no-address-pool",
                        format!("`{}` needs addresses, but `{}` has no pool", request.key, request.key.region),
                    )
                    .at_place(request.place.clone())
                    .help("add the region under `connectivity: addressPools` in `platform.yaml`"),
                );
                continue;
            };
            match space.take(length) {
                Some(prefix) => *slot = Some(Allocation { prefix, recorded: false }),
                None => {
                    let left = space.largest().map_or("nothing".to_owned(), |l| format!("/{l}"));
                    let of = match request.within {
                        Some(block) => format!("`{block}`"),
                        None => format!("the pool of `{}`", request.key.region),
                    };
                    findings.push(
                        Finding::error(
                            "network/pool-exhausted",
                            format!(
                                "{of} has no room for `{}`: it needs /{length}, the largest free block is {left}",
                                request.key
                            ),
                        )
                        .at_place(request.place.clone())
                        .help("widen the pool, add a second one, or take a smaller size"),
                    );
                }
            }
        }
        for (request, slot) in requests.iter().zip(placed) {
            if let Some(allocation) = slot {
                plan.spokes.insert(request.key.clone(), allocation);
            }
        }
        (plan, findings)
    }

    fn space_of<'a>(
        &'a mut self,
        own: &'a mut IndexMap<IpNet, Space>,
        request: &SpokeRequest,
    ) -> Option<&'a mut Space> {
        match request.within {
            Some(block) => own.get_mut(&block),
            None => self.free.get_mut(&request.key.region),
        }
    }
}
