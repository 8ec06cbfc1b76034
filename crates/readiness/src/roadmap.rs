//! Gaps → controls in the one order that does not create rework, dear and cheap ones weighed.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_estate::Phase;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::score::{Assessment, TopicResult};

/// What to do, first things first.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Roadmap {
    /// Steps in order.
    pub steps: Vec<RoadmapStep>,
    /// Person days of all steps.
    pub effort: f64,
}

/// One control to carry out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoadmapStep {
    /// Place in the order, from 1.
    pub order: usize,
    /// The control.
    pub control: String,
    /// What is done.
    pub title: String,
    /// When.
    pub phase: Phase,
    /// Steps that come first; controls without a gap are passed over.
    pub after: Vec<String>,
    /// Person days.
    pub effort: f64,
    /// Day on which it starts and ends when one person day follows the other, from 0.
    pub starts: f64,
    /// The end.
    pub ends: f64,
    /// What it is worth: weight × missing levels, doubled where a gate waits for it.
    pub worth: f64,
    /// The topics it raises: now, target, and how that is verified.
    pub raises: Vec<Raise>,
    /// A gate waits for it.
    pub gate: bool,
}

/// One topic raised.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Raise {
    /// The topic.
    pub topic: String,
    /// The level now.
    pub from: u8,
    /// The level it aims at.
    pub to: u8,
    /// The anchor to meet.
    pub anchor: String,
    /// The queries that will be run again, or the evidence people will be asked for.
    pub verified_by: Vec<String>,
}

/// Orders the controls that close gaps.
///
/// Among the controls whose predecessors are done, the one goes next whose own worth, or the worth of a chain it opens,
/// is greatest per person day (Sidney's rule on chains of one successor); phases come before anything else.
pub fn roadmap(catalogue: &Catalogue, assessment: &Assessment) -> Roadmap {
    let mut gaps: BTreeMap<&str, Vec<&TopicResult>> = BTreeMap::new();
    for topic in assessment.topics.iter().filter(|t| t.level.is_some_and(|l| l < t.target)) {
        gaps.entry(&topic.control).or_default().push(topic);
    }
    let mut steps: BTreeMap<&str, RoadmapStep> = BTreeMap::new();
    for (id, topics) in &gaps {
        let Some(control) = catalogue.controls.get(*id) else { continue };
        let missing = |t: &TopicResult| f64::from(t.target - t.level.unwrap_or(t.target));
        let waits = |t: &TopicResult| t.gate.as_ref().is_some_and(|g| t.level.is_some_and(|l| l < g.level));
        let worth = topics.iter().map(|t| t.weight * missing(t) * if waits(t) { 2.0 } else { 1.0 }).sum();
        let step = RoadmapStep {
            order: 0,
            control: control.id.clone(),
            title: control.title.clone(),
            phase: control.phase,
            after: predecessors(catalogue, id, &gaps),
            effort: control.effort,
            starts: 0.0,
            ends: 0.0,
            worth,
            raises: topics.iter().map(|t| raise(catalogue, t)).collect(),
            gate: topics.iter().any(|t| waits(t)),
        };
        steps.insert(id, step);
    }
    schedule(steps)
}

/// The nearest controls before this one that have gaps themselves.
fn predecessors(catalogue: &Catalogue, id: &str, gaps: &BTreeMap<&str, Vec<&TopicResult>>) -> Vec<String> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut open: Vec<&str> =
        catalogue.controls.get(id).map(|c| c.after.iter().map(String::as_str).collect()).unwrap_or_default();
    while let Some(before) = open.pop() {
        if !seen.insert(before) {
            continue;
        }
        if gaps.contains_key(before) && before != id {
            found.insert(before.to_owned());
        } else if let Some(control) = catalogue.controls.get(before) {
            open.extend(control.after.iter().map(String::as_str));
        }
    }
    found.into_iter().collect()
}

fn raise(catalogue: &Catalogue, result: &TopicResult) -> Raise {
    let from = result.level.unwrap_or(1);
    let topic = catalogue.topics.get(&result.id);
    let levels = topic.map(|t| t.levels.as_slice()).unwrap_or_default();
    let wanted = levels.iter().take(usize::from(result.target)).skip(usize::from(from));
    let mut verified_by: Vec<String> = wanted.flat_map(|l| &l.proofs).map(|p| p.label.clone()).collect();
    if verified_by.is_empty() {
        verified_by.extend(topic.map(|t| format!("evidence: {}", t.evidence)));
    }
    let anchor = levels.get(usize::from(result.target) - 1).map(|l| l.anchor.clone()).unwrap_or_default();
    Raise { topic: result.id.clone(), from, to: result.target, anchor, verified_by }
}

fn schedule(mut waiting: BTreeMap<&str, RoadmapStep>) -> Roadmap {
    let mut roadmap = Roadmap::default();
    while !waiting.is_empty() {
        let ready = |step: &RoadmapStep| !step.after.iter().any(|b| waiting.contains_key(b.as_str()));
        let ratio = |worth: f64, effort: f64| worth / effort.max(0.1);
        let value = |step: &RoadmapStep| {
            let opened = waiting
                .values()
                .filter(|s| s.after.len() == 1 && s.after.first() == Some(&step.control))
                .map(|s| ratio(step.worth + s.worth, step.effort + s.effort));
            opened.fold(ratio(step.worth, step.effort), f64::max)
        };
        let best = waiting
            .values()
            .filter(|s| ready(s))
            .min_by(|a, b| {
                a.phase.cmp(&b.phase).then(value(b).total_cmp(&value(a))).then_with(|| a.control.cmp(&b.control))
            })
            // A circle of predecessors: the catalogue is wrong, but the work is still listed.
            .or_else(|| waiting.values().next())
            .map(|s| s.control.clone());
        let Some(mut step) = best.and_then(|id| waiting.remove(id.as_str())) else { break };
        step.order = roadmap.steps.len() + 1;
        step.starts = roadmap.effort;
        roadmap.effort += step.effort;
        step.ends = roadmap.effort;
        roadmap.steps.push(step);
    }
    roadmap
}
