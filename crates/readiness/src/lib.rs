//! Readiness: 45 questions in seven areas, answered by the estate where it can tell, else by people with evidence; scores,
//! gates and a roadmap that is checked by asking again.
//!
//! Questions are data ([`Catalogue`]), answers are a file ([`Answers`]), evidence is read from an estate ([`decide`]).
//! [`assess`] puts the three together, [`roadmap()`] turns gaps into an order of work, [`compare()`] tells two assessments
//! apart.

mod answers;
mod catalogue;
mod compare;
mod evidence;
mod import;
mod proof;
mod reader;
mod roadmap;
mod score;

pub use answers::{Answer, Answers, NotApplicable, Response, Source};
pub use catalogue::{Area, Catalogue, Control, Gate, Level, Stage, Topic};
pub use compare::{Change, Comparison, Snapshot, compare};
pub use evidence::{Evidence, Row, Shown, World, decide};
pub use import::read_estate;
pub use proof::{CoveredBy, Expectation, Predicate, Proof, ProofKind, WhenNone};
pub use roadmap::{Roadmap, RoadmapStep, roadmap};
pub use score::{AreaScore, Assessment, GateState, Interval, Sensitivity, StageState, TopicResult, assess};
