//! Azure Resource Manager's language: resource ids, scopes and types, values (with unknowns), the expression language
//! and template expansion.

pub mod expression;
pub mod id;
pub mod template;
pub mod terraform;
pub mod value;

pub use id::{ResourceId, ResourceType, Scope};
pub use value::{Object, Reason, Unknown, Value};
