//! The estate: a tree of management groups and subscriptions with the ARM resources in them, *desired* (compiled from a
//! design) or *observed* (read from a target), and the difference of two in what-if's terms.

mod diff;
mod hierarchy;
mod resource;

pub use diff::{ChangeKind, PropertyChange, differences};
pub use hierarchy::Hierarchy;
pub use resource::{Estate, Origin, Phase, Resource};
