//! Runs every case under `tests/suite/readiness/`, and holds the scoring rules to their properties.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test harness reads files and stops at the first broken case file"
)]

use std::path::Path;

use glidepath_readiness::{
    Answer, Answers, Catalogue, NotApplicable, Response, Source, World, assess, decide, read_estate, roadmap,
};
use glidepath_source::{Node, Text, yaml};
use indexmap::IndexMap;
use proptest::prelude::*;

fn cases(file: &str) -> Vec<Node> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/suite/readiness").join(file);
    let text = Text::new(file, std::fs::read_to_string(path).unwrap());
    yaml::parse(&text).unwrap_or_else(|f| panic!("{f}")).items().to_vec()
}

fn catalogue() -> Catalogue {
    let (catalogue, findings) = Catalogue::embedded();
    assert!(findings.is_empty(), "{findings:?}");
    catalogue
}

fn string<'a>(case: &'a Node, key: &str) -> &'a str {
    case.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn number(case: &Node, key: &str) -> Option<u8> {
    match case.get(key)?.kind {
        glidepath_source::Kind::Int(i) => u8::try_from(i).ok(),
        _ => None,
    }
}

#[test]
fn the_questions_are_whole() {
    let catalogue = catalogue();
    assert_eq!(catalogue.topics.len(), 45);
    assert_eq!(catalogue.areas.len(), 7);
    let by = |source| catalogue.topics.values().filter(|t| t.decided_by == source).count();
    assert_eq!((by(Source::Estate), by(Source::Configuration), by(Source::Attestation)), (22, 8, 15));
    assert_eq!(catalogue.topics.values().filter(|t| t.gate.is_some()).count(), 15);
    for topic in catalogue.topics.values().filter(|t| t.decided_by == Source::Estate) {
        assert!(topic.ceiling() > 1, "{} has no proof", topic.id);
    }
}

#[test]
fn estates_get_their_level_and_rows() {
    let catalogue = catalogue();
    let mut failures = Vec::new();
    for case in cases("estate.yaml") {
        let (estate, findings) = read_estate(&Text::new("estate.json", string(&case, "estate")));
        assert!(findings.is_empty(), "{findings:?}");
        let world = World::new(&estate, None, [], 0);
        let found = decide(&catalogue.topics[string(&case, "topic")], &world);
        let level = found.as_ref().map(|e| e.level);
        let failing: Vec<String> = found
            .iter()
            .flat_map(|e| &e.shown)
            .flat_map(|s| &s.rows)
            .filter(|r| !r.compliant)
            .map(|r| r.id.rsplit('/').next().unwrap().to_owned())
            .collect();
        let wanted: Vec<&str> =
            case.get("failing").map(|f| f.items().iter().filter_map(Node::as_str).collect()).unwrap_or_default();
        if level != number(&case, "level") || failing != wanted {
            failures.push(format!("{}: got {level:?} {failing:?} from {found:#?}", string(&case, "case")));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn answers_are_read_and_refused() {
    let catalogue = catalogue();
    let now = "2026-11-24T00:00:00Z".parse().unwrap();
    for case in cases("answers.yaml") {
        let (answers, mut findings) =
            Answers::read(&Text::new("readiness.yaml", string(&case, "answers")), &catalogue, now);
        let (assessment, more) = assess(&catalogue, &answers, &IndexMap::new());
        findings.extend(more);
        let codes: Vec<&str> = findings.iter().map(|f| f.code).collect();
        let wanted: Vec<&str> =
            case.get("codes").map(|f| f.items().iter().filter_map(Node::as_str).collect()).unwrap_or_default();
        assert_eq!(codes, wanted, "{}", string(&case, "case"));
        if let Some(level) = number(&case, "level") {
            let topic = assessment.topics.iter().find(|t| t.id == string(&case, "topic")).unwrap();
            assert_eq!(topic.level, Some(level), "{}", string(&case, "case"));
        }
    }
}

fn response(level: u8) -> Answer {
    Answer::Responses(vec![Response {
        level,
        source: Source::Attestation,
        evidence: Vec::new(),
        respondent: None,
        time: None,
        expires: None,
        confidence: 0.4,
        comment: None,
        expired: false,
    }])
}

fn answers(catalogue: &Catalogue, levels: &[u8]) -> Answers {
    Answers { topics: catalogue.topics.keys().cloned().zip(levels.iter().map(|l| response(*l))).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn better_answers_never_lower_anything(levels in prop::collection::vec(1u8..=5, 45), which in 0usize..45) {
        let catalogue = catalogue();
        let rank = |name: &str| catalogue.stages.iter().position(|s| s.name == name);
        let (before, _) = assess(&catalogue, &answers(&catalogue, &levels), &IndexMap::new());
        let mut better = levels.clone();
        better[which] = (better[which] + 1).min(5);
        let (after, _) = assess(&catalogue, &answers(&catalogue, &better), &IndexMap::new());
        prop_assert!(rank(&after.stage.name) >= rank(&before.stage.name));
        for (a, b) in after.areas.iter().zip(&before.areas) {
            prop_assert!(a.mean.unwrap().value >= b.mean.unwrap().value - 1e-9);
            prop_assert!(a.floor >= b.floor);
            prop_assert!(a.mean.unwrap().low <= a.mean.unwrap().value && a.mean.unwrap().value <= a.mean.unwrap().high);
        }
    }

    #[test]
    fn order_of_answers_is_irrelevant(levels in prop::collection::vec(1u8..=5, 45)) {
        let catalogue = catalogue();
        let forward = answers(&catalogue, &levels);
        let backward = Answers { topics: forward.topics.clone().into_iter().rev().collect() };
        prop_assert_eq!(
            assess(&catalogue, &forward, &IndexMap::new()).0,
            assess(&catalogue, &backward, &IndexMap::new()).0
        );
    }

    #[test]
    fn not_applicable_is_neutral(levels in prop::collection::vec(1u8..=5, 45), which in 0usize..45) {
        let catalogue = catalogue();
        let mut left_out = answers(&catalogue, &levels);
        let id = catalogue.topics.get_index(which).unwrap().0.clone();
        let record = NotApplicable { reason: "r".into(), approver: "a".into() };
        left_out.topics.insert(id.clone(), Answer::NotApplicable(record));
        let (with, _) = assess(&catalogue, &left_out, &IndexMap::new());
        let mut without = catalogue.clone();
        without.topics.shift_remove(&id);
        let (plain, _) = assess(&without, &answers(&catalogue, &levels), &IndexMap::new());
        prop_assert_eq!(with.areas, plain.areas);
        prop_assert_eq!(with.stage, plain.stage);
    }

    #[test]
    fn no_step_before_what_it_depends_on(levels in prop::collection::vec(1u8..=5, 45)) {
        let catalogue = catalogue();
        let (assessment, _) = assess(&catalogue, &answers(&catalogue, &levels), &IndexMap::new());
        let plan = roadmap(&catalogue, &assessment);
        for (i, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                prop_assert!(plan.steps[..i].iter().any(|s| s.control == *before), "{} before {}", step.control, before);
            }
            prop_assert!(plan.steps[..i].iter().all(|s| s.phase <= step.phase));
        }
        let gaps = assessment.topics.iter().filter(|t| t.level.unwrap() < t.target).count();
        prop_assert_eq!(plan.steps.iter().map(|s| s.raises.len()).sum::<usize>(), gaps);
    }
}
