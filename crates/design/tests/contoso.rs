//! The example design, compiled with the embedded library.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use glidepath_design::{Compiled, Design};
use glidepath_estate::Phase;

fn compiled() -> (Design, Compiled) {
    let (design, findings) = Design::read(&support::design("examples/contoso"));
    assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let design = design.unwrap();
    let (compiled, findings) = design.compile(&support::embedded());
    assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    (design, compiled)
}

#[test]
fn every_phase_has_its_resources() {
    let (_, compiled) = compiled();
    let mut phases: BTreeMap<Phase, usize> = BTreeMap::new();
    for resource in compiled.estate.iter() {
        *phases.entry(resource.phase.unwrap()).or_default() += 1;
        assert!(!resource.api_version.is_empty(), "{}", resource.id);
        assert!(resource.resource_type().is_some(), "{}", resource.id);
    }
    println!("{} resources: {phases:?}", compiled.estate.len());
    for phase in
        [Phase::Hierarchy, Phase::Platform, Phase::Policy, Phase::LandingZones, Phase::Nonproduction, Phase::Production]
    {
        assert!(phases.contains_key(&phase), "{phase}");
    }
}

#[test]
fn the_same_design_gives_the_same_bytes() {
    let bytes = || serde_json::to_string(&compiled().1.estate.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(bytes(), bytes());
}

#[test]
fn dependencies_exist_and_never_point_back() {
    let (_, compiled) = compiled();
    let mut rank: BTreeMap<String, u32> = BTreeMap::new();
    let mut visiting = Vec::new();
    fn depth(
        compiled: &Compiled,
        id: &glidepath_arm::ResourceId,
        rank: &mut BTreeMap<String, u32>,
        visiting: &mut Vec<String>,
    ) -> u32 {
        if let Some(known) = rank.get(&id.key()) {
            return *known;
        }
        assert!(!visiting.contains(&id.key()), "cycle: {visiting:?}");
        visiting.push(id.key());
        let resource = compiled.estate.get(id).unwrap();
        let mut most = 0;
        let parent = id.parent().filter(|p| compiled.estate.get(p).is_some());
        for before in resource.depends_on.iter().chain(parent.iter()) {
            let earlier =
                compiled.estate.get(before).unwrap_or_else(|| panic!("{id} depends on {before}, which is not there"));
            assert!(
                earlier.phase <= resource.phase,
                "{id} ({:?}) depends on {before} ({:?})",
                resource.phase,
                earlier.phase
            );
            most = most.max(depth(compiled, before, rank, visiting) + 1);
        }
        visiting.pop();
        rank.insert(id.key(), most);
        most
    }
    for resource in compiled.estate.iter() {
        depth(&compiled, &resource.id, &mut rank, &mut visiting);
    }
}

#[test]
fn subscriptions_are_bound_by_their_alias() {
    let (_, compiled) = compiled();
    assert_eq!(compiled.subscriptions.len(), 10);
    for resource in compiled.estate.iter() {
        if let Some(subscription) = resource.id.subscription_id() {
            assert!(compiled.subscriptions.values().any(|s| s == subscription), "{}", resource.id);
        }
    }
}

#[test]
fn every_workload_resource_names_its_line() {
    let (_, compiled) = compiled();
    for resource in compiled.estate.iter().filter(|r| r.workload.is_some()) {
        let origin = resource.origin.as_ref().unwrap_or_else(|| panic!("{} has no origin", resource.id));
        assert!(resource.environment.is_some());
        // Defender's plans are the platform's wish for every subscription.
        let platform = resource.resource_type().is_some_and(|t| t.is("Microsoft.Security/pricings"));
        assert_eq!(origin.file.starts_with("workloads/"), !platform, "{} {origin}", resource.id);
    }
}

#[test]
fn templates_name_what_the_design_makes() {
    let (_, compiled) = compiled();
    let mut named = 0;
    for file in support::files_below("examples/contoso/templates", ".json") {
        let text = support::read(&format!("examples/contoso/templates/{file}"));
        let node = glidepath_source::json::parse(&glidepath_source::Text::new(file.clone(), text)).unwrap();
        assert_eq!(node.get("resources").is_some(), !file.contains("parameters"), "{file}");
    }
    for file in support::files_below("examples/contoso/templates", ".parameters.json") {
        let text = support::read(&format!("examples/contoso/templates/{file}"));
        for id in text.split('"').filter(|part| part.starts_with("/subscriptions/")) {
            named += 1;
            let id = glidepath_arm::ResourceId::new(id);
            let subnet = id.resource_type().is_some_and(|t| t.is("Microsoft.Network/virtualNetworks/subnets"));
            let holder = if subnet { id.parent().unwrap() } else { id.clone() };
            assert!(compiled.estate.get(&holder).is_some(), "{file}: {id}");
        }
    }
    assert_eq!(named, 3);
}

#[test]
fn the_record_of_addresses_changes_nothing_and_keeps_everything() {
    let (_, first) = compiled();
    let mut files = support::design("examples/contoso");
    let record = first.addresses_yaml();
    files.push(("addresses.yaml".to_owned(), glidepath_source::Text::new("addresses.yaml", record.clone())));
    // A name that sorts before all others, which would move them if they were not on record.
    let more = "name: aaa\nowner: { team: a }\nenvironments: [test]\n";
    files.push(("workloads/aaa.yaml".to_owned(), glidepath_source::Text::new("workloads/aaa.yaml", more)));
    let (design, findings) = Design::read(&files);
    assert!(findings.is_empty(), "{findings:?}");
    let (second, findings) = design.unwrap().compile(&support::embedded());
    assert!(findings.is_empty(), "{findings:?}");
    let record: Vec<&str> = record.lines().skip(1).collect();
    assert!(record.iter().all(|line| second.addresses_yaml().lines().any(|l| l == *line)));
    assert_eq!(second.addresses.spokes.len(), first.addresses.spokes.len() + 1);
}

#[test]
fn files_cut_off_anywhere_never_panic() {
    // Placing the embedded library again and again would only take time.
    let library = glidepath_library::Library::default();
    let whole = support::design("examples/contoso");
    for (i, (name, text)) in whole.iter().enumerate() {
        for end in (0..text.as_str().len()).step_by(101) {
            let Some(cut) = text.as_str().get(..end) else { continue };
            let mut files = whole.clone();
            files[i].1 = glidepath_source::Text::new(name.clone(), cut);
            let (design, findings) = Design::read(&files);
            assert!(design.is_some() || !findings.is_empty());
            if let Some(design) = design {
                design.compile(&library);
            }
        }
    }
}
