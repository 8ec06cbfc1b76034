//! Three readings, never one number: a mean for the trend, a floor level, and gates that set the stage.

use glidepath_estate::Phase;
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde::Serialize;

use crate::answers::{Answer, Answers, NotApplicable, Response, Source};
use crate::catalogue::{Catalogue, Gate, Topic};
use crate::evidence::Evidence;

/// Everything that is known after asking.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assessment {
    /// Version of the questions.
    pub questions: String,
    /// What an organisation changed in them.
    pub changes: Vec<String>,
    /// The stage that gates allow.
    pub stage: StageState,
    /// Areas in order.
    pub areas: Vec<AreaScore>,
    /// Topics in order.
    pub topics: Vec<TopicResult>,
    /// Gates in the order of phases.
    pub gates: Vec<GateState>,
    /// What moving weights does.
    pub sensitivity: Sensitivity,
}

/// The stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StageState {
    /// `planning`
    pub name: String,
    /// What it means.
    pub is: String,
    /// The next stage; none above the last.
    pub next: Option<String>,
    /// The topics whose gates keep the next stage away.
    pub blocked_by: Vec<String>,
}

/// A number and what it may be if answers are as doubtful as their sources.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// As answered.
    pub value: f64,
    /// At worst.
    pub low: f64,
    /// At best.
    pub high: f64,
}

/// One area.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AreaScore {
    /// `data`
    pub id: String,
    /// `Data foundations`
    pub title: String,
    /// Weighted mean of levels; none when no topic applies.
    pub mean: Option<Interval>,
    /// The level that all its topics have.
    pub floor: Option<u8>,
    /// Weighted mean of targets.
    pub target: Option<f64>,
    /// Topics that apply.
    pub topics: usize,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicResult {
    /// `IN4`
    pub id: String,
    /// Area.
    pub area: String,
    /// A few words.
    pub topic: String,
    /// 1 to 5; none: not applicable.
    pub level: Option<u8>,
    /// The anchor of that level.
    pub anchor: String,
    /// The level to reach and its anchor.
    pub target: u8,
    /// The anchor of the next level.
    pub next_anchor: Option<String>,
    /// Weight in its area.
    pub weight: f64,
    /// Where the level comes from; none: nobody answered.
    pub source: Option<Source>,
    /// 0 to 1.
    pub confidence: f64,
    /// The answers of people, median and spread.
    pub attested: Option<Attested>,
    /// The record of why it is left out.
    pub not_applicable: Option<NotApplicable>,
    /// What the estate says.
    pub evidence: Option<Evidence>,
    /// What it blocks.
    pub gate: Option<Gate>,
    /// The phase and control that close it.
    pub phase: Phase,
    /// The control.
    pub control: String,
}

/// What people say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attested {
    /// Lower median of the levels.
    pub median: u8,
    /// Highest less lowest.
    pub spread: u8,
    /// All of them.
    pub responses: Vec<Response>,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GateState {
    /// A phase, or `operation`.
    pub before: String,
    /// The topic.
    pub topic: String,
    /// What it needs and has; `None`: not applicable, so it blocks nothing.
    pub needs: u8,
    /// What it has.
    pub has: Option<u8>,
    /// May the phase start, as far as this topic is concerned?
    pub open: bool,
}

/// What moving each weight by a fifth does to the mean of its area. The stage is set by gates and never moves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivity {
    /// By how much weights move, as a part of one.
    pub weights_by: f64,
    /// The largest move of an area's mean.
    pub largest_move: f64,
    /// The topic that causes it.
    pub topic: Option<String>,
    /// Would the stage be another one? Gates do not depend on weights.
    pub stage_changes: bool,
}

/// Puts questions, answers and evidence together. Conflicts are findings.
pub fn assess(
    catalogue: &Catalogue,
    answers: &Answers,
    evidence: &IndexMap<String, Evidence>,
) -> (Assessment, Vec<Finding>) {
    let mut findings = Vec::new();
    let topics: Vec<TopicResult> = catalogue
        .topics
        .values()
        .map(|topic| result(topic, answers.topics.get(&topic.id), evidence.get(&topic.id), &mut findings))
        .collect();
    let areas = catalogue
        .areas
        .values()
        .map(|area| {
            let of: Vec<&TopicResult> = topics.iter().filter(|t| t.area == area.id && t.level.is_some()).collect();
            AreaScore {
                id: area.id.clone(),
                title: area.title.clone(),
                mean: interval(&of),
                floor: of.iter().filter_map(|t| t.level).min(),
                target: mean(of.iter().map(|t| (t.weight, f64::from(t.target)))),
                topics: of.len(),
            }
        })
        .collect();
    let gates = gates(catalogue, &topics);
    let assessment = Assessment {
        questions: catalogue.version.clone(),
        changes: catalogue.changes.clone(),
        stage: stage(catalogue, &gates),
        areas,
        sensitivity: sensitivity(&topics),
        topics,
        gates,
    };
    (assessment, findings)
}

fn result(
    topic: &Topic,
    answer: Option<&Answer>,
    evidence: Option<&Evidence>,
    findings: &mut Vec<Finding>,
) -> TopicResult {
    let mut result = TopicResult {
        id: topic.id.clone(),
        area: topic.area.clone(),
        topic: topic.topic.clone(),
        level: Some(1),
        anchor: String::new(),
        target: topic.target,
        next_anchor: None,
        weight: topic.weight,
        source: None,
        confidence: 0.0,
        attested: None,
        not_applicable: None,
        evidence: evidence.cloned(),
        gate: topic.gate.clone(),
        phase: topic.phase,
        control: topic.control.clone(),
    };
    match answer {
        Some(Answer::NotApplicable(record)) => {
            result.not_applicable = Some(record.clone());
            result.level = None;
            if let Some(evidence) =
                evidence.filter(|e| e.level < topic.target && e.shown.iter().any(|s| !s.rows.is_empty()))
            {
                findings.push(
                    Finding::warning(
                        "readiness/not-applicable-but-there",
                        format!("`{}` is left out, but the estate has resources that it is about", topic.id),
                    )
                    .about(topic.id.clone())
                    .why(format!("the estate shows level {}", evidence.level))
                    .help("ask the question, or say in the reason why these resources do not count"),
                );
            }
            return result;
        }
        Some(Answer::Responses(responses)) => {
            let attested = attested(responses);
            if attested.spread > 1 {
                findings.push(
                    Finding::warning(
                        "readiness/disagreement",
                        format!("answers to `{}` differ by {} levels", topic.id, attested.spread),
                    )
                    .about(topic.id.clone())
                    .why("the median counts until they agree")
                    .help("bring the respondents together and answer once more"),
                );
            }
            result.level = Some(attested.median);
            let counted: Vec<&Response> = responses.iter().filter(|r| !r.expired).collect();
            result.source = counted.iter().map(|r| r.source).min();
            result.confidence = counted.iter().map(|r| r.confidence).fold(0.0, f64::max);
            result.attested = Some(attested);
        }
        None => {}
    }
    if let Some(evidence) = evidence {
        let said = result.level.filter(|_| result.source.is_some());
        // At its ceiling the estate can say no more; above it, people may vouch.
        let beyond = said.is_some_and(|s| s > evidence.ceiling) && evidence.level == evidence.ceiling;
        if !beyond {
            if let Some(said) = said.filter(|s| *s > evidence.level) {
                findings.push(
                    Finding::warning(
                        "readiness/conflict",
                        format!("`{}`: answered {said}, the estate shows {}", topic.id, evidence.level),
                    )
                    .about(topic.id.clone())
                    .why(failing(evidence))
                    .help("the estate counts; correct it or the answer"),
                );
            }
            result.level = Some(evidence.level);
            result.source = Some(evidence.source);
            result.confidence = if evidence.source == Source::Estate { 1.0 } else { 0.9 };
        }
    }
    let level = usize::from(result.level.unwrap_or(1));
    if result.source.is_none() {
        // The lowest anchor would claim something that nobody said.
        result.anchor = "not answered; counts as level 1".to_owned();
        result.next_anchor = topic.levels.get(level).map(|l| l.anchor.clone());
        return result;
    }
    result.anchor = topic.levels.get(level - 1).map(|l| l.anchor.clone()).unwrap_or_default();
    result.next_anchor = topic.levels.get(level).map(|l| l.anchor.clone());
    result
}

/// The first query that does not hold, with the first rows that fail.
fn failing(evidence: &Evidence) -> String {
    let Some(shown) = evidence.shown.iter().find(|s| s.holds == Some(false)) else {
        return "no query shows more".to_owned();
    };
    let ids: Vec<&str> = shown.rows.iter().filter(|r| !r.compliant).map(|r| r.id.as_str()).take(3).collect();
    match ids.is_empty() {
        true => format!("not so: {}", shown.label),
        false => format!("not so: {}; see {}", shown.label, ids.join(", ")),
    }
}

fn attested(responses: &[Response]) -> Attested {
    let mut levels: Vec<u8> = responses.iter().map(|r| if r.expired { 1 } else { r.level }).collect();
    levels.sort_unstable();
    // The lower of two middle answers: nobody is better than half of those who know.
    let median = levels.get(levels.len().saturating_sub(1) / 2).copied().unwrap_or(1);
    let spread = levels.last().copied().unwrap_or(1) - levels.first().copied().unwrap_or(1);
    Attested { median, spread, responses: responses.to_vec() }
}

fn mean(items: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (weight, sum) = items.fold((0.0, 0.0), |(w, s), (weight, value)| (w + weight, s + weight * value));
    (weight > 0.0).then(|| sum / weight)
}

/// A doubtful level may be lower down to 1 and higher up to 5, by the part that confidence leaves open.
fn interval(topics: &[&TopicResult]) -> Option<Interval> {
    let level = |t: &TopicResult| f64::from(t.level.unwrap_or(1));
    let doubt = |t: &TopicResult| 1.0 - t.confidence;
    Some(Interval {
        value: mean(topics.iter().map(|t| (t.weight, level(t))))?,
        low: mean(topics.iter().map(|t| (t.weight, level(t) - doubt(t) * (level(t) - 1.0))))?,
        high: mean(topics.iter().map(|t| (t.weight, level(t) + doubt(t) * (5.0 - level(t)))))?,
    })
}

fn gates(catalogue: &Catalogue, topics: &[TopicResult]) -> Vec<GateState> {
    let order = |before: &str| Phase::ALL.iter().position(|p| p.name() == before).unwrap_or(Phase::ALL.len());
    let mut gates: Vec<GateState> = topics
        .iter()
        .filter(|t| catalogue.topics.contains_key(&t.id))
        .filter_map(|t| {
            let gate = t.gate.as_ref()?;
            Some(GateState {
                before: gate.before.clone(),
                topic: t.id.clone(),
                needs: gate.level,
                has: t.level,
                open: t.level.is_none_or(|l| l >= gate.level),
            })
        })
        .collect();
    gates.sort_by_key(|g| order(&g.before));
    gates
}

fn stage(catalogue: &Catalogue, gates: &[GateState]) -> StageState {
    let mut state = StageState { name: String::new(), is: String::new(), next: None, blocked_by: Vec::new() };
    for stage in &catalogue.stages {
        let blocked: Vec<String> =
            gates.iter().filter(|g| !g.open && stage.opens.contains(&g.before)).map(|g| g.topic.clone()).collect();
        if !blocked.is_empty() {
            state.next = Some(stage.name.clone());
            state.blocked_by = blocked;
            break;
        }
        state.name.clone_from(&stage.name);
        state.is.clone_from(&stage.is);
    }
    state
}

fn sensitivity(topics: &[TopicResult]) -> Sensitivity {
    const BY: f64 = 0.2;
    let mut found = Sensitivity { weights_by: BY, largest_move: 0.0, topic: None, stage_changes: false };
    for moved in topics.iter().filter(|t| t.level.is_some()) {
        let of = |factor: f64| {
            mean(topics.iter().filter(|t| t.area == moved.area).filter_map(|t| {
                let weight = if t.id == moved.id { t.weight * factor } else { t.weight };
                Some((weight, f64::from(t.level?)))
            }))
        };
        let Some(now) = of(1.0) else { continue };
        for factor in [1.0 - BY, 1.0 + BY] {
            let by = of(factor).map_or(0.0, |then| (then - now).abs());
            if by > found.largest_move {
                found.largest_move = by;
                found.topic = Some(moved.id.clone());
            }
        }
    }
    found
}
