//! The public libraries, where they lie beside the project: they load, check and place without an error that is not
//! a true defect of theirs, and the counts are those of `landing-zone-library.md`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test reads its cases from files and fails loudly"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Hierarchy, Resource};
use glidepath_library::{Library, Placement, builtins};
use glidepath_policy::Engine;
use glidepath_source::{Finding, Text};

/// `None`, told aloud, where the corpora are not there.
fn corpus(path: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora").join(path);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: ../shared/corpora/{path} is not here");
    None
}

fn read(folder: &Path) -> Vec<Text> {
    fn walk(root: &Path, folder: &Path, files: &mut Vec<Text>) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                files.push(Text::new(name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, folder, &mut files);
    files
}

fn load(names: &[&str]) -> Option<(Library, Vec<Finding>)> {
    let mut library = Library::default();
    let mut findings = Vec::new();
    for name in names {
        findings.extend(library.load(name, read(&corpus(&format!("alz-library/platform/{name}"))?)));
    }
    Some((library, findings))
}

fn counts(library: &Library) -> [usize; 7] {
    [
        library.definitions.len(),
        library.initiatives.len(),
        library.assignments.len(),
        library.roles.len(),
        library.archetypes.len(),
        library.architectures.len(),
        library.defaults.len(),
    ]
}

fn shown(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(ToString::to_string).collect()
}

fn count_by_type(estate: &glidepath_estate::Estate) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for resource in estate.iter() {
        *counts.entry(resource.resource_type().unwrap().as_str().to_owned()).or_default() += 1;
    }
    counts
}

/// What assignments and initiatives name.
fn references<'a>(bodies: impl Iterator<Item = &'a Value>) -> BTreeSet<ResourceId> {
    let mut ids = BTreeSet::new();
    for properties in bodies.filter_map(|body| body.get("properties")) {
        let members = properties.get("policyDefinitions").and_then(Value::as_array).unwrap_or_default();
        for holder in members.iter().chain([properties]) {
            ids.extend(holder.get("policyDefinitionId").and_then(Value::as_str).map(ResourceId::new));
        }
    }
    ids
}

#[test]
fn the_public_libraries_load() {
    let Some((alz, findings)) = load(&["alz"]) else { return };
    assert_eq!(shown(&findings), [""; 0]);
    assert_eq!(counts(&alz), [149, 42, 80, 5, 12, 1, 14]);
    assert_eq!(alz.architectures["alz"].groups.len(), 12);
    assert_eq!(shown(&alz.check()), [""; 0]);

    let Some((amba, findings)) = load(&["amba"]) else { return };
    assert_eq!(shown(&findings), [""; 0]);
    assert_eq!(counts(&amba)[..5], [143, 16, 15, 0, 6]);
    assert_eq!(shown(&amba.check()), [""; 0]);

    let Some((slz, findings)) = load(&["alz", "slz"]) else { return };
    assert_eq!(shown(&findings), [""; 0]);
    assert_eq!(counts(&slz)[..5], [149, 42, 87, 5, 16]);
    assert_eq!(slz.architectures["slz"].groups.len(), 15);
    assert_eq!(shown(&slz.check()), [""; 0]);
}

#[test]
fn alz_is_placed() {
    let Some((mut library, _)) = load(&["alz"]) else { return };
    let Some(folder) = corpus("azure-policy/built-in-policies") else { return };
    let files = read(&folder);
    let (found, findings) = builtins(&files);
    assert_eq!(shown(&findings), [""; 0]);
    assert_eq!(found.len(), files.len());
    library.know_builtins(found.clone());
    assert_eq!(shown(&library.check()), [""; 0]);

    let placement = Placement { location: "swedencentral".into(), ..Placement::default() };
    let (placed, findings) = library.place(&placement);
    assert_eq!(shown(&findings), [""; 0]);
    let by_type = count_by_type(&placed.estate);
    let count = |kind: &str| by_type[kind];
    assert_eq!(count("Microsoft.Management/managementGroups"), 12);
    assert_eq!(count("Microsoft.Authorization/policyDefinitions"), 149);
    assert_eq!(count("Microsoft.Authorization/policySetDefinitions"), 42);
    assert_eq!(count("Microsoft.Authorization/roleDefinitions"), 5);
    assert_eq!(count("Microsoft.Authorization/policyAssignments"), 123);

    // 190 by alzlib's rule; 4 of them are owed only to disabled members, 1 to a member that audits.
    assert_eq!(count("Microsoft.Authorization/roleAssignments"), 185);

    let per_group = |group: &str| {
        let scope = ResourceId::management_group(group);
        let kind = "Microsoft.Authorization/policyAssignments";
        placed.estate.within(&scope).filter(|r: &&Resource| r.resource_type().unwrap().is(kind)).count()
    };
    let expected = [
        ("alz", 17),
        ("platform", 40),
        ("landingzones", 53),
        ("corp", 5),
        ("local", 1),
        ("identity", 4),
        ("connectivity", 1),
        ("sandbox", 1),
        ("decommissioned", 1),
        ("online", 0),
        ("management", 0),
        ("security", 0),
    ];
    for (group, assignments) in expected {
        assert_eq!(per_group(group), assignments, "{group}");
    }
    for resource in placed.estate.iter() {
        let body = resource.body.to_string();
        for left in
            ["managementGroups/placeholder", "managementGroups/contoso", "${default_location}", "${current_scope"]
        {
            assert!(!body.contains(left), "{} holds {left}", resource.id);
        }
        assert!(resource.origin.is_some() && resource.phase.is_some());
        for needed in &resource.depends_on {
            assert!(placed.estate.get(needed).is_some(), "{} needs {needed}", resource.id);
        }
    }
    let monitoring = ResourceId::management_group("platform")
        .provider_child("Microsoft.Authorization/policyAssignments", "Deploy-VM-Monitoring")
        .unwrap();
    let monitoring = placed.estate.get(&monitoring).unwrap();
    assert_eq!(monitoring.body.get("location"), Some(&Value::from("swedencentral")));
    assert_eq!(monitoring.body.at(&["identity", "type"]), Some(&Value::from("SystemAssigned")));

    // What `check` will say is in force at a landing zone (`policy-engine.md`).
    let mut engine = Engine::new();
    let policies = placed.estate.iter().filter(|r| r.id.as_str().contains("Microsoft.Authorization/policy"));
    let policies: Vec<(ResourceId, Value)> = policies.map(|r| (r.id.clone(), r.body.clone())).collect();
    // Only the built-ins that are assigned, in two steps: initiatives, then their members.
    let mut needed = references(policies.iter().map(|(_, body)| body));
    needed.extend(references(found.iter().filter(|(id, _)| needed.contains(id)).map(|(_, body)| body)));
    for (id, body) in policies.iter().chain(found.iter().filter(|(id, _)| needed.contains(id))) {
        engine.upsert(id, body);
    }
    assert_eq!(shown(&engine.dangling()), [""; 0]);
    let in_force = engine.in_force(&ResourceId::management_group("corp"), &Hierarchy::of(&placed.estate));
    assert_eq!((in_force.assignments.len(), in_force.instances, in_force.arm_mode_instances), (75, 1273, 1184));

    // A parameter that names a resource the identity must work on brings a grant there.
    let subscription = "11111111-1111-1111-1111-111111111111";
    let defaults = [
        ("private_dns_zone_subscription_id", subscription),
        ("private_dns_zone_resource_group_name", "dns"),
        ("private_dns_zone_region", "swedencentral"),
    ];
    let defaults = defaults.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let (placed, findings) = library.place(&Placement { defaults, ..placement });
    assert_eq!(shown(&findings), [""; 0]);
    let zones: Vec<&Resource> = placed.estate.within(&ResourceId::subscription(subscription)).collect();
    // 35 members name a zone; 25 pairs of zone and role are distinct.
    assert_eq!(zones.len(), 25);
}
