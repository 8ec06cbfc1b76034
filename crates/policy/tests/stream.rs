//! The stream says what the general evaluator says, resource by resource.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test harness reads files, prints, and stops at what is wrong"
)]

use std::collections::BTreeSet;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Hierarchy;
use glidepath_policy::{Engine, NothingKnown, Operation, Request, Stream};

mod synthetic;
mod world;

const NOW: i64 = 1_768_478_400;

/// What is told of a resource: assignment, member, definition, effect and outcome.
type Told = BTreeSet<(String, String, String, String)>;

fn by_engine(engine: &Engine, hierarchy: &Hierarchy, resource: &serde_json::Value) -> (Option<String>, Told) {
    let id = ResourceId::new(resource["id"].as_str().unwrap());
    let mut body = resource.clone();
    for key in ["id", "name", "type", "apiVersion"] {
        body.as_object_mut().unwrap().remove(key);
    }
    let body = Value::from(body);
    let request = Request {
        id: &id,
        body: &body,
        api_version: resource["apiVersion"].as_str().unwrap_or_default(),
        operation: Operation::Scan,
        hierarchy,
        subscription: Value::Null,
        resource_group: Value::Null,
        related: &NothingKnown,
        now: NOW,
        list_compliant: false,
    };
    let verdict = engine.evaluate(&request);
    let told = verdict.contributors.iter().map(|c| {
        (
            c.assignment.id.key(),
            c.reference_id.clone().unwrap_or_default(),
            c.definition.id.key(),
            format!("{:?} {:?}", c.effect, c.outcome),
        )
    });
    (verdict.effect.map(|e| format!("{e:?}")), told.collect())
}

fn by_stream(stream: &mut Stream<'_>, text: &str) -> (Option<String>, Told) {
    let judged = stream.judge(text.as_bytes(), &|| "line".to_owned()).unwrap_or_else(|f| panic!("{f}: {text}"));
    let told = judged.told().map(|t| {
        (
            t.assignment.key(),
            t.reference.unwrap_or_default().to_owned(),
            t.definition.key(),
            format!("{:?} {:?}", t.effect, t.outcome),
        )
    });
    (judged.effect.map(|e| format!("{e:?}")), told.collect())
}

/// Compares both on so many resources; gives the number of policies told.
fn agree(engine: &Engine, hierarchy: &Hierarchy, resources: impl Iterator<Item = serde_json::Value>) -> usize {
    let mut stream = Stream::new(engine, hierarchy, NOW);
    let mut told = 0;
    for resource in resources {
        let (expected, found) =
            (by_engine(engine, hierarchy, &resource), by_stream(&mut stream, &resource.to_string()));
        let missing: Vec<_> = expected.1.difference(&found.1).collect();
        let extra: Vec<_> = found.1.difference(&expected.1).collect();
        assert!(missing.is_empty() && extra.is_empty(), "missing {missing:#?}\nextra {extra:#?}\n{resource:#}");
        assert_eq!(expected.0, found.0, "{resource:#}");
        told += found.1.len();
    }
    told
}

#[test]
fn both_say_the_same_of_realistic_resources() {
    let Some(corpora) = world::corpora() else { return };
    let mut engine = Engine::new();
    world::load_builtins(&mut engine, &corpora, &mut Vec::new());
    let (mut hierarchy, _) =
        world::place_library(&mut engine, &corpora.join("alz-library/platform/alz"), &mut Vec::new());
    for number in 0..synthetic::SUBSCRIPTIONS {
        let group = if number % 4 == 3 { "online" } else { "corp" };
        hierarchy
            .place(ResourceId::subscription(&synthetic::subscription(number)), ResourceId::management_group(group));
    }
    let told = agree(&engine, &hierarchy, (0..300).map(synthetic::resource));
    let engine = engine.with_aliases(world::aliases(&corpora));
    let told = told + agree(&engine, &hierarchy, (300..900).map(synthetic::resource));
    println!("900 resources, {told} policies with something to say, no difference");
    assert!(told > 5_000);
}
