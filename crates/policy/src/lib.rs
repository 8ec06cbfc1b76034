//! Azure Policy: definitions, initiatives, assignments and exemptions in; verdicts out.

mod alias;
mod assets;
mod assignment;
mod author;
mod bind;
mod capability;
mod compliance;
mod condition;
mod definition;
mod details;
mod edit;
mod engine;
mod existence;
mod field;
mod frame;
mod initiative;
mod judge;
mod mutation;
mod network;
mod operator;
mod parameter;
mod path;
mod reach;
mod refusal;
mod rule;
mod subject;
mod template;
mod verdict;

pub use alias::Aliases;
pub use assets::{AssetKind, Effect, EnforcementMode, Mode};
pub use compliance::{ComplianceState, compliance, policy_state, state};
pub use engine::{Engine, InForce, Operation, Related, RelatedQuery, Request};
pub use existence::{EstateRelated, NothingKnown, is_extension};
pub use refusal::refusal;
pub use verdict::{Contributor, EvaluatedExpression, Named, Outcome, Verdict};
