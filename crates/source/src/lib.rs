//! Text with positions: JSON and YAML readers that keep spans, and [`Finding`], the one shape in which Glidepath tells
//! its user that something is wrong.
//!
//! Reading never fails as a whole: a reader returns what it could read together with its findings.

mod finding;
pub mod json;
mod node;
mod text;
pub mod yaml;

pub use finding::{Finding, Place, Severity};
pub use node::{Kind, Member, Node};
pub use text::{Position, Span, Text};
