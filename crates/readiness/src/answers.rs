//! What people answered: `readiness.yaml`.

use glidepath_source::{Finding, Node, Text, yaml};
use indexmap::IndexMap;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::reader::Reader;

const CODE: &str = "readiness/answers";

/// Where an answer comes from; better ones later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Somebody says so.
    Attestation,
    /// It was measured.
    Telemetry,
    /// It is written in the design.
    Configuration,
    /// It is so in the estate.
    Estate,
}

impl Source {
    /// By the name a file uses.
    pub fn named(name: &str) -> Option<Self> {
        [Source::Attestation, Source::Telemetry, Source::Configuration, Source::Estate]
            .into_iter()
            .find(|s| s.name() == name)
    }

    /// The name a file uses.
    pub fn name(self) -> &'static str {
        match self {
            Source::Attestation => "attestation",
            Source::Telemetry => "telemetry",
            Source::Configuration => "configuration",
            Source::Estate => "estate",
        }
    }
}

/// All answers of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// By topic.
    pub topics: IndexMap<String, Answer>,
}

/// What is said about one topic.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// By one or several people.
    Responses(Vec<Response>),
    /// It does not concern this organisation.
    NotApplicable(NotApplicable),
}

/// One person's answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Response {
    /// 1 to 5; `unknown` reads as 1.
    pub level: u8,
    /// Where it comes from; a file can claim anything but `estate`.
    pub source: Source,
    /// Files, pages, tickets; a hash after `#sha256=` pins one.
    pub evidence: Vec<String>,
    /// Who answers.
    pub respondent: Option<String>,
    /// When.
    pub time: Option<String>,
    /// Until when it counts.
    pub expires: Option<String>,
    /// 0 to 1; by source and evidence when left out.
    pub confidence: f64,
    /// Anything else.
    pub comment: Option<String>,
    /// It no longer counts as evidence.
    pub expired: bool,
}

/// Why a topic is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NotApplicable {
    /// Why.
    pub reason: String,
    /// Who agreed.
    pub approver: String,
}

impl Answers {
    /// Reads `readiness.yaml`. `now` decides what has expired.
    pub fn read(text: &Text, catalogue: &Catalogue, now: Timestamp) -> (Self, Vec<Finding>) {
        let node = match yaml::parse(text) {
            Ok(node) => node,
            Err(finding) => return (Self::default(), vec![finding]),
        };
        let mut reader = Reader::new(text, CODE);
        reader.known(&node, &["version", "answers", "adjust"]);
        let mut answers = Self::default();
        if let Some(all) = node.get("answers") {
            if all.members().is_empty() && !all.items().is_empty() {
                reader.wrong(all, "`answers` maps topics to answers", "write `IN1: { level: 3 }` below it");
            }
            for member in all.members() {
                let id = member.key.to_string();
                if !catalogue.topics.contains_key(&id) {
                    let finding = Finding::error(CODE, format!("there is no question `{id}`"));
                    reader
                        .findings
                        .push(finding.at(text, member.key_span).help("run `glidepath assess questions` to see them"));
                    continue;
                }
                if let Some(answer) = read_answer(&member.value, &mut reader, now) {
                    answers.topics.insert(id, answer);
                }
            }
        }
        (answers, reader.findings)
    }
}

fn read_answer(node: &Node, reader: &mut Reader<'_>, now: Timestamp) -> Option<Answer> {
    if let Some(reason) = node.get("not-applicable") {
        reader.known(node, &["not-applicable"]);
        reader.known(reason, &["reason", "approver"]);
        let (reason, approver) = (reader.required(reason, "reason"), reader.required(reason, "approver"));
        return Some(Answer::NotApplicable(NotApplicable { reason: reason?, approver: approver? }));
    }
    if node.get("responses").is_some() {
        reader.known(node, &["responses"]);
        let responses: Vec<Response> =
            reader.list(node, "responses").iter().filter_map(|r| read_response(r, reader, now)).collect();
        if responses.is_empty() {
            reader.wrong(node, "nobody answers here", "add a response or remove the topic");
            return None;
        }
        return Some(Answer::Responses(responses));
    }
    Some(Answer::Responses(vec![read_response(node, reader, now)?]))
}

fn read_response(node: &Node, reader: &mut Reader<'_>, now: Timestamp) -> Option<Response> {
    reader.known(node, &["level", "source", "evidence", "respondent", "time", "expires", "confidence", "comment"]);
    let level = match node.get("level") {
        Some(level) if level.as_str() == Some("unknown") => 1,
        Some(_) => reader.whole(node, "level", 1, 5)? as u8,
        None => {
            reader.wrong(node, "`level` is missing", "write a level from 1 to 5, or `unknown`");
            return None;
        }
    };
    let source = match reader.string(node, "source") {
        None => Source::Attestation,
        Some(name) => match Source::named(&name) {
            Some(Source::Estate) => {
                reader.wrong(
                    node,
                    "an answers file cannot speak for the estate",
                    "leave the topic out; the estate is asked on every run",
                );
                return None;
            }
            Some(source) => source,
            None => {
                reader.wrong(node, format!("`{name}` is no source"), "use attestation, configuration or telemetry");
                return None;
            }
        },
    };
    let evidence = reader.strings(node, "evidence");
    let time = when(node, "time", reader);
    let expires = when(node, "expires", reader);
    if let Some((text, at)) = &time
        && *at > now
    {
        reader.wrong(node, format!("`time` {text} lies in the future"), "correct the time");
    }
    let expired = expires.as_ref().is_some_and(|(_, at)| *at <= now);
    if expired {
        let text = reader.text;
        reader.findings.push(
            Finding::warning("readiness/expired", "this answer has expired and counts as unknown")
                .at(text, node.span)
                .help("answer again"),
        );
    }
    let usual = match (source, evidence.is_empty()) {
        (Source::Configuration | Source::Estate, _) => 0.9,
        (Source::Telemetry, _) => 0.9,
        (Source::Attestation, false) => 0.7,
        (Source::Attestation, true) => 0.4,
    };
    // Nobody makes a bare word worth more by saying so.
    let confidence = reader.number(node, "confidence", 1.0).unwrap_or(usual).min(usual);
    Some(Response {
        level,
        source,
        evidence,
        respondent: reader.string(node, "respondent"),
        time: time.map(|(text, _)| text),
        expires: expires.map(|(text, _)| text),
        confidence,
        comment: reader.string(node, "comment"),
        expired,
    })
}

/// A date or a time with offset.
fn when(node: &Node, key: &str, reader: &mut Reader<'_>) -> Option<(String, Timestamp)> {
    let text = reader.string(node, key)?;
    let stamp = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().and_then(|d| format!("{d}T00:00:00Z").parse().ok()));
    if stamp.is_none() {
        reader.wrong(node, format!("`{text}` is no date"), "write `2026-11-24` or `2026-11-24T12:00:00Z`");
    }
    Some((text, stamp?))
}
