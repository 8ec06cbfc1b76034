//! The example design, compiled with the embedded library.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glidepath_design::{Compiled, Design};
use glidepath_estate::Phase;
use glidepath_library::Library;
use glidepath_source::Text;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[allow(clippy::disallowed_methods, reason = "tests read the example from the repository")]
fn contoso() -> Vec<(String, Text)> {
    let folder = root().join("examples/contoso");
    let mut files = Vec::new();
    for below in ["", "workloads"] {
        let mut names: Vec<PathBuf> =
            std::fs::read_dir(folder.join(below)).unwrap().map(|e| e.unwrap().path()).collect();
        names.sort();
        for path in names.iter().filter(|p| p.extension().is_some_and(|e| e == "yaml")) {
            let name = path.strip_prefix(&folder).unwrap().display().to_string();
            files.push((name.clone(), Text::new(name, std::fs::read_to_string(path).unwrap())));
        }
    }
    files
}

fn library() -> Library {
    let mut library = Library::default();
    let findings = library.load("embedded:ai", Library::embedded());
    assert!(findings.iter().all(|f| !f.is_error()), "{findings:?}");
    library
}

fn compiled() -> (Design, Compiled) {
    let (design, findings) = Design::read(&contoso());
    assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::<String>::new());
    let design = design.unwrap();
    let (compiled, findings) = design.compile(&library());
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
        assert!(origin.file.starts_with("workloads/"), "{} {origin}", resource.id);
    }
}
