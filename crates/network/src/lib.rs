//! The address plan of hubs and spokes: which block every virtual network gets and how it is cut into subnets.
//!
//! All of it works on [`ipnet::IpNet`], so that IPv6 blocks pass through the same code; the sizes of the layouts are
//! IPv4 sizes.

mod layout;
mod overlap;
mod plan;
mod space;

pub use layout::{HUB_LENGTH, Layout, Size, Subnet};
pub use overlap::{Block, overlaps};
pub use plan::{AddressPlan, Allocation, Pool, SpokeKey, SpokeRequest};
pub use space::Space;
