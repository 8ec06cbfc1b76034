//! What the estate itself says: each anchor's queries with their rows.

mod checks;
mod networks;
mod predicate;
mod probe;
mod world;

use glidepath_arm::ResourceId;
use glidepath_estate::Resource;
use serde::Serialize;

use crate::answers::Source;
use crate::catalogue::Topic;
use crate::proof::{CoveredBy, Proof, ProofKind, Relation, WhenNone};
pub use world::World;

/// What the estate says of one topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evidence {
    /// The highest level whose proofs, and those of all levels below it, hold.
    pub level: u8,
    /// The highest level the estate can prove at all.
    pub ceiling: u8,
    /// Estate or configuration.
    pub source: Source,
    /// The queries that were run, up to the first level that fails.
    pub shown: Vec<Shown>,
}

/// One query and its rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The level it is a proof for.
    pub level: u8,
    /// What it shows.
    pub label: String,
    /// The query.
    pub query: String,
    /// Does it hold? `None`: there is nothing to judge.
    pub holds: Option<bool>,
    /// Its rows, failing ones first.
    pub rows: Vec<Row>,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Is it as it should be?
    pub compliant: bool,
    /// The resource.
    pub id: String,
    /// What is so, or not so.
    pub detail: String,
}

impl Row {
    pub(crate) fn new(id: impl Into<String>, compliant: bool, detail: impl Into<String>) -> Self {
        Self { compliant, id: id.into(), detail: detail.into() }
    }
}

/// What came of a query.
pub(crate) struct Outcome {
    pub(crate) holds: Option<bool>,
    pub(crate) rows: Vec<Row>,
}

impl Outcome {
    /// All rows must be compliant; without rows there is nothing to judge.
    pub(crate) fn all(rows: Vec<Row>) -> Self {
        Self { holds: (!rows.is_empty()).then(|| rows.iter().all(|r| r.compliant)), rows }
    }
}

/// Asks the estate about one topic. `None`: it cannot tell.
pub fn decide(topic: &Topic, world: &World<'_>) -> Option<Evidence> {
    let ceiling = topic.ceiling();
    if ceiling < 2 {
        return None;
    }
    let (mut reached, mut shown, mut judged) = (1, Vec::new(), false);
    for (level, anchors) in (1u8..).zip(&topic.levels).skip(1).take(usize::from(ceiling) - 1) {
        let (mut all_hold, mut some_hold) = (true, false);
        for proof in &anchors.proofs {
            let mut outcome = run(proof, world);
            outcome.rows.sort();
            judged |= outcome.holds.is_some();
            let skipped =
                outcome.holds.is_none() && matches!(proof.kind, ProofKind::Every { when_none: WhenNone::Skip, .. });
            all_hold &= outcome.holds == Some(true) || skipped;
            some_hold |= outcome.holds == Some(true);
            shown.push(Shown {
                level,
                label: proof.label.clone(),
                query: proof.query.clone(),
                holds: outcome.holds,
                rows: outcome.rows,
            });
        }
        if !(all_hold && some_hold) {
            break;
        }
        reached = level;
    }
    if !judged {
        return None;
    }
    let source =
        if shown.iter().all(|s| s.query.contains("Glidepath.Design")) { Source::Configuration } else { Source::Estate };
    Some(Evidence { level: reached, ceiling, source, shown })
}

fn run(proof: &Proof, world: &World<'_>) -> Outcome {
    match &proof.kind {
        ProofKind::Some { types, filter, least, distinct } => {
            // An estate without any resources says nothing, not even that something is missing.
            if world.is_silent(types) {
                return Outcome { holds: None, rows: Vec::new() };
            }
            let fitting: Vec<&Resource> =
                world.of_types(types).filter(|r| filter.iter().all(|p| p.any(r, world))).collect();
            let rows: Vec<Row> =
                fitting.iter().take(MOST_ROWS).map(|r| Row::new(r.id.as_str(), true, "fits")).collect();
            let count = match distinct {
                None => fitting.len(),
                Some(path) => {
                    let values: std::collections::BTreeSet<String> =
                        fitting.iter().flat_map(|r| predicate::texts(r, path, world)).collect();
                    values.len()
                }
            };
            Outcome { holds: Some(count >= *least), rows }
        }
        ProofKind::Every { types, filter, holds, covered_by, when_none } => {
            let cover = covered_by.as_ref().map(|by| Cover::new(by, world));
            let rows: Vec<Row> = world
                .of_types(types)
                .filter(|r| filter.iter().all(|p| p.any(r, world)))
                .map(|r| {
                    let missing = holds.iter().find(|p| !p.each(r, world)).map(ToString::to_string);
                    let uncovered = || {
                        let (by, cover) = (covered_by.as_ref()?, cover.as_ref()?);
                        (!cover.covers(&r.id)).then(|| format!("no {} covers it", by.resource_type))
                    };
                    match missing.map(|m| format!("not so: {m}")).or_else(uncovered) {
                        Some(why) => Row::new(r.id.as_str(), false, why),
                        None => Row::new(r.id.as_str(), true, "as it should be"),
                    }
                })
                .collect();
            if rows.is_empty() && *when_none == WhenNone::Holds && !world.is_silent(types) {
                return Outcome { holds: Some(true), rows };
            }
            Outcome::all(rows)
        }
        ProofKind::Probe { resource_type, body, expect } => probe::run(resource_type, body, *expect, world),
        ProofKind::Check(name) => checks::run(name, world),
    }
}

/// Rows that only show what exists are cut; failing rows never are.
const MOST_ROWS: usize = 20;

/// Ids that are covered, collected once.
struct Cover {
    below: Vec<ResourceId>,
    keys: std::collections::BTreeSet<String>,
    by_subscription: bool,
}

impl Cover {
    fn new(by: &CoveredBy, world: &World<'_>) -> Self {
        let mut cover = Self {
            below: Vec::new(),
            keys: std::collections::BTreeSet::new(),
            by_subscription: by.relation == Relation::Subscription,
        };
        let types = [by.resource_type.clone()];
        for resource in world.of_types(&types).filter(|r| by.filter.iter().all(|p| p.any(r, world))) {
            match &by.relation {
                Relation::Below => cover.below.push(resource.id.clone()),
                Relation::Subscription => {
                    cover.keys.extend(resource.id.subscription_id().map(str::to_ascii_lowercase));
                }
                Relation::Names(path) => {
                    for text in predicate::texts(resource, path, world) {
                        cover.keys.insert(ResourceId::new(&text).key());
                    }
                }
            }
        }
        cover.below.sort();
        cover
    }

    fn covers(&self, id: &ResourceId) -> bool {
        if self.by_subscription {
            return id.subscription_id().is_some_and(|s| self.keys.contains(&s.to_ascii_lowercase()));
        }
        if self.keys.contains(&id.key()) {
            return true;
        }
        // Ids within `id` follow it in order, with only ids of the same beginning between.
        let from = self.below.partition_point(|b| b < id);
        self.below
            .iter()
            .skip(from)
            .take_while(|b| b.as_str().get(..id.as_str().len()).is_some_and(|h| h.eq_ignore_ascii_case(id.as_str())))
            .any(|b| b != id && b.is_within(id))
    }
}
