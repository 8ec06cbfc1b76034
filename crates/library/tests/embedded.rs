//! The embedded library: no finding, and what it places.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test reads its cases from files and fails loudly"
)]

use glidepath_arm::{ResourceId, Value};
use glidepath_library::{Library, Placement};

fn placed() -> glidepath_library::Placed {
    let (library, findings) = Library::embedded_ai();
    assert_eq!(findings, []);
    assert_eq!(library.check(), []);
    let placement = Placement {
        prefix: Some("contoso".into()),
        location: "swedencentral".into(),
        defaults: [
            ("allowed_locations".to_owned(), Value::array(["swedencentral", "francecentral"])),
            ("log_analytics_workspace_id".to_owned(), Value::from("/subscriptions/s/x")),
        ]
        .into_iter()
        .collect(),
        ..Placement::default()
    };
    let (placed, findings) = library.place(&placement);
    assert_eq!(findings, []);
    placed
}

#[test]
fn the_tree_carries_the_prefix() {
    let placed = placed();
    let groups: Vec<(&str, &str)> =
        placed.management_groups.iter().map(|(id, group)| (id.as_str(), group.name())).collect();
    assert_eq!(groups.len(), 11);
    assert_eq!(groups[0], ("ai", "contoso"));
    assert!(groups.contains(&("corp", "contoso-corp")), "{groups:?}");
    let corp = placed.estate.get(&ResourceId::management_group("contoso-corp")).unwrap();
    assert_eq!(
        corp.body.to_string(),
        r#"{"properties":{"displayName":"Corp","details":{"parent":{"id":"/providers/Microsoft.Management/managementGroups/contoso-landingzones"}}}}"#
    );
    assert_eq!(corp.depends_on, [ResourceId::management_group("contoso-landingzones")]);
    let root = placed.estate.get(&ResourceId::management_group("contoso")).unwrap();
    assert_eq!(root.body.to_string(), r#"{"properties":{"displayName":"AI landing zone"}}"#);
}

#[test]
fn assignments_point_at_the_root_and_carry_the_defaults() {
    let placed = placed();
    let scope = ResourceId::management_group("contoso");
    let id = scope.provider_child("Microsoft.Authorization/policyAssignments", "Allowed-AI-Locations").unwrap();
    let assignment = placed.estate.get(&id).unwrap();
    assert_eq!(
        assignment.body.at(&["properties", "parameters", "listOfAllowedLocations", "value"]).unwrap().to_string(),
        r#"["swedencentral","francecentral"]"#
    );
    let corp = ResourceId::management_group("contoso-corp");
    let public = corp.provider_child("Microsoft.Authorization/policyAssignments", "Deny-AI-Public").unwrap();
    let public = placed.estate.get(&public).unwrap();
    let initiative = "/providers/Microsoft.Management/managementGroups/contoso/providers/Microsoft.Authorization/policySetDefinitions/AI-Public-Access";
    assert_eq!(public.body.at(&["properties", "policyDefinitionId"]), Some(&initiative.into()));
    assert_eq!(public.body.at(&["properties", "scope"]), Some(&corp.as_str().into()));
    assert_eq!(public.depends_on, [ResourceId::new(initiative)]);
    assert!(public.body.get("name").is_none() && public.body.get("type").is_none());
    let initiative = placed.estate.get(&ResourceId::new(initiative)).unwrap();
    assert_eq!(initiative.depends_on.len(), 8);
    assert_eq!(
        public.origin.as_ref().unwrap().file,
        "embedded:ai/policy_assignments/Deny-AI-Public.alz_policy_assignment.json"
    );
    assert_eq!(public.origin.as_ref().unwrap().line, 4);
}

#[test]
fn only_the_identity_that_changes_resources_gets_a_role() {
    let placed = placed();
    let is_grant =
        |r: &&glidepath_estate::Resource| r.resource_type().unwrap().is("Microsoft.Authorization/roleAssignments");
    let grants: Vec<_> = placed.estate.iter().filter(is_grant).collect();
    assert_eq!(grants.len(), 1);
    let assignment = ResourceId::management_group("contoso-landingzones")
        .provider_child("Microsoft.Authorization/policyAssignments", "Inherit-AI-Tags")
        .unwrap();
    assert_eq!(grants[0].depends_on, std::slice::from_ref(&assignment));
    let Some(Value::Unknown(principal)) = grants[0].body.at(&["properties", "principalId"]) else {
        panic!("{:?}", grants[0])
    };
    assert_eq!(principal.expression, format!("reference('{assignment}').identity.principalId"));
}

#[test]
fn every_definition_has_a_pair() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../library/pairs");
    let mut tested = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = glidepath_source::Text::new(path.to_string_lossy(), std::fs::read_to_string(&path).unwrap());
        for case in glidepath_source::yaml::parse(&text).unwrap().get("cases").unwrap().items() {
            assert!(
                !case.get("violates").unwrap().members().is_empty()
                    && !case.get("complies").unwrap().members().is_empty()
            );
            tested.insert(case.get("definition").unwrap().as_str().unwrap().to_owned());
        }
    }
    let (library, _) = Library::embedded_ai();
    let mut definitions: Vec<String> = library.definitions.values().map(|d| d.name.name.to_string()).collect();
    definitions.sort();
    assert_eq!(tested.into_iter().collect::<Vec<_>>(), definitions);
}

#[test]
fn every_asset_says_what_it_is() {
    let (library, _) = Library::embedded_ai();
    for asset in library.definitions.values().chain(library.initiatives.values()) {
        let metadata = asset.property("metadata").unwrap();
        assert!(metadata.get("category").is_some() && metadata.get("version").is_some(), "{}", asset.name.name);
    }
    for definition in library.definitions.values() {
        let effect = definition.body.at(&["properties", "parameters", "effect"]).unwrap();
        assert!(
            effect.get("allowedValues").is_some() && effect.get("defaultValue").is_some(),
            "{}",
            definition.name.name
        );
    }
    for assignment in library.assignments.values() {
        let messages = assignment.property("nonComplianceMessages").and_then(Value::as_array).unwrap();
        let message = messages[0].get("message").and_then(Value::as_str).unwrap();
        assert!(message.contains("{enforcementMode}"), "{}", assignment.name.name);
    }
}
