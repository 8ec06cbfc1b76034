//! Azure Policy: definitions, initiatives, assignments and exemptions in; verdicts out.

mod assets;
mod engine;
mod verdict;

pub use assets::{AssetKind, Effect, EnforcementMode, Mode};
pub use engine::{Engine, InForce, Operation, Related, RelatedQuery, Request};
pub use verdict::{Contributor, EvaluatedExpression, Named, Outcome, Verdict};
