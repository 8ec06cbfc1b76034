//! Runs the cases of `tests/suite/network`: pools and spokes, and the plan they give.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the repository")]

use std::fmt::Write;
use std::path::Path;

use glidepath_network::{AddressPlan, Pool, SpokeKey, SpokeRequest};
use glidepath_source::{Node, Text, yaml};

fn strings(node: Option<&Node>) -> Vec<String> {
    node.map(Node::items).unwrap_or_default().iter().map(|i| i.as_str().unwrap().to_owned()).collect()
}

fn request(key: &str, need: &str) -> SpokeRequest {
    let mut names = key.split('/').map(str::to_owned);
    let key =
        SpokeKey { workload: names.next().unwrap(), environment: names.next().unwrap(), region: names.next().unwrap() };
    let words: Vec<&str> = need.split(' ').collect();
    let block = |word| (words.get(1) == Some(&word)).then(|| words[2].parse().unwrap());
    SpokeRequest { key, size: words[0].parse().unwrap(), within: block("in"), recorded: block("at"), place: None }
}

#[test]
fn every_case_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/suite/network/plan.yaml");
    let text = Text::new("plan.yaml", std::fs::read_to_string(path).unwrap());
    let cases = yaml::parse(&text).unwrap();
    let mut failures = String::new();
    for case in cases.items() {
        let hubs = strings(case.get("hubs"));
        let pools = case.get("pools").unwrap().members().iter().map(|m| Pool {
            region: m.key.to_string(),
            prefixes: strings(Some(&m.value)).iter().map(|p| p.parse().unwrap()).collect(),
            hub: hubs.contains(&m.key.to_string()),
            place: None,
        });
        let spokes = case.get("spokes").unwrap().members().iter().map(|m| request(&m.key, m.value.as_str().unwrap()));
        let (plan, findings) = AddressPlan::allocate(&pools.collect::<Vec<_>>(), &spokes.collect::<Vec<_>>());
        let mut got: Vec<String> = plan.hubs.iter().map(|(region, prefix)| format!("{region} {prefix}")).collect();
        got.extend(plan.spokes.iter().map(|(key, a)| format!("{key} {}", a.prefix)));
        let members = case.get("plan").unwrap().members();
        let mut wanted: Vec<String> =
            members.iter().map(|m| format!("{} {}", m.key, m.value.as_str().unwrap())).collect();
        got.sort();
        wanted.sort();
        let codes: Vec<String> = findings.iter().map(|f| f.code.to_owned()).collect();
        if got != wanted || codes != strings(case.get("findings")) {
            writeln!(failures, "{}: {got:?} {findings:#?}", case.get("name").and_then(Node::as_str).unwrap()).unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(cases.items().len() >= 7);
}
