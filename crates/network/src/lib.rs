//! The network: the address plan of hubs and spokes, a model of what decides what reaches what, the linter, and the proof.
//!
//! The plan works on [`ipnet::IpNet`], so that IPv6 blocks pass through the same code; the sizes of the layouts are
//! IPv4 sizes. Model and proof are about IPv4.

pub mod lint;
pub mod model;
pub mod proof;

mod layout;
mod overlap;
mod plan;
mod ranges;
mod space;
mod trace;
mod traffic;

pub use layout::{HUB_LENGTH, Layout, Size, Subnet};
pub use model::{Context, Mode, Model};
pub use overlap::{Block, overlaps};
pub use plan::{AddressPlan, Allocation, Pool, SpokeKey, SpokeRequest};
pub use ranges::{Range, Ranges};
pub use space::Space;
pub use trace::{End, Packet, Step, Trace};
pub use traffic::{Bits, Classes, Ports, Protocol, Traffic};
