//! Our own library has nothing to say against what our own compiler makes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;

use glidepath_arm::template::{Context, NoLinks, Parameters, ResourceGroup, expand};
use glidepath_arm::{ResourceId, Value};
use glidepath_design::{Compiled, Design};
use glidepath_estate::{Hierarchy, Resource};
use glidepath_policy::{Engine, EstateRelated, Operation, Outcome, Request, Verdict};
use glidepath_source::Text;

fn contoso() -> Compiled {
    let (design, findings) = Design::read(&support::design("examples/contoso"));
    assert!(findings.is_empty(), "{findings:?}");
    design.unwrap().compile(&support::embedded()).0
}

/// An engine with the policy assets of the estate.
fn engine(compiled: &Compiled) -> Engine {
    let mut engine = Engine::new();
    let kinds = ["policydefinitions", "policysetdefinitions", "policyassignments"];
    for resource in compiled.estate.iter() {
        let kind = resource.resource_type().map(|t| t.as_str().to_lowercase()).unwrap_or_default();
        if kinds.iter().any(|k| kind.ends_with(k)) {
            let findings = engine.upsert(&resource.id, &resource.body);
            assert!(findings.is_empty(), "{findings:?}");
        }
    }
    assert!(engine.dangling().is_empty(), "{:?}", engine.dangling());
    engine
}

fn judge(engine: &Engine, compiled: &Compiled, hierarchy: &Hierarchy, resource: &Resource) -> Verdict {
    let group = resource.id.subscription_id().zip(resource.id.resource_group_name());
    let group = group.map(|(s, g)| ResourceId::resource_group(s, g));
    let resource_group = match group.as_ref().and_then(|g| compiled.estate.get(g)) {
        Some(group) => {
            let mut body = group.body.clone();
            body.make_object().insert("id", group.id.as_str());
            body.make_object().insert("name", group.id.name());
            body
        }
        None => Value::Null,
    };
    let subscription = match resource.id.subscription_id() {
        Some(id) => Value::object([("id", format!("/subscriptions/{id}")), ("subscriptionId", id.to_owned())]),
        None => Value::Null,
    };
    engine.evaluate(&Request {
        id: &resource.id,
        body: &resource.body,
        api_version: &resource.api_version,
        operation: Operation::Write,
        hierarchy,
        subscription,
        resource_group,
        related: &EstateRelated(&compiled.estate),
        now: 1_764_000_000,
        list_compliant: true,
    })
}

#[test]
fn contoso_complies_with_the_embedded_library() {
    let compiled = contoso();
    let engine = engine(&compiled);
    let hierarchy = Hierarchy::of(&compiled.estate);
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for resource in compiled.estate.iter() {
        let verdict = judge(&engine, &compiled, &hierarchy, resource);
        for finding in &verdict.findings {
            wrong.push(format!("{}: {finding}", resource.id));
        }
        for contributor in &verdict.contributors {
            *said.entry(format!("{:?} {:?}", contributor.effect, contributor.outcome)).or_default() += 1;
            if contributor.outcome != Outcome::Compliant {
                let why: Vec<String> =
                    contributor.expressions.iter().map(|e| format!("{} {}", e.expression, e.result)).collect();
                let name = &contributor.definition.name;
                wrong.push(format!(
                    "{}: {:?} {:?} {name}: {why:?}",
                    resource.id, contributor.effect, contributor.outcome
                ));
            }
        }
    }
    println!("{said:?}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    // Compliant is only worth something where a policy applied at all.
    assert!(said.get("Deny Compliant").is_some_and(|n| *n > 100), "{said:?}");
}

#[test]
fn the_same_library_refuses_what_the_design_would_not_write() {
    let compiled = contoso();
    let engine = engine(&compiled);
    let hierarchy = Hierarchy::of(&compiled.estate);
    let kinds = [
        "Microsoft.CognitiveServices/accounts",
        "Microsoft.Search/searchServices",
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.DocumentDB/databaseAccounts",
        "Microsoft.ContainerRegistry/registries",
        "Microsoft.AppConfiguration/configurationStores",
    ];
    for kind in kinds {
        let is_corp = |r: &&Resource| r.workload.as_deref() == Some("fraud-scoring");
        let of_kind = |r: &&Resource| r.resource_type().is_some_and(|t| t.is(kind));
        let mut resource = compiled.estate.iter().filter(is_corp).find(of_kind).unwrap().clone();
        assert!(!judge(&engine, &compiled, &hierarchy, &resource).is_refused(), "{kind}");
        let properties = resource.body.make_object().get_mut("properties").unwrap().make_object();
        properties.insert("publicNetworkAccess", "Enabled");
        assert!(judge(&engine, &compiled, &hierarchy, &resource).is_refused(), "{kind}");
    }
}

/// What policy says of an example template in a landing zone: (refusals by resource type, how many resources).
fn check(template: &str, parameters: &str) -> (Vec<String>, usize) {
    let compiled = contoso();
    let engine = engine(&compiled);
    let hierarchy = Hierarchy::of(&compiled.estate);
    let read = |file: &str| Text::new(file, support::read(&format!("examples/contoso/templates/{file}")));
    let group =
        compiled.estate.iter().find(|r| r.id.name() == "rg-fraud-scoring-development-swedencentral-services").unwrap();
    let context = Context {
        tenant_id: Some("8b9c0000-1111-2222-3333-444455556666".to_owned()),
        subscription_id: group.id.subscription_id().map(str::to_owned),
        resource_group: Some(ResourceGroup {
            name: group.id.name().to_owned(),
            location: Some("swedencentral".to_owned()),
            tags: group.body.get("tags").and_then(Value::as_object).unwrap().clone(),
        }),
        ..Context::default()
    };
    let mut given = Parameters::new();
    given.add_file(&read(parameters));
    let expansion = expand(&read(template), &given, &context, &NoLinks);
    assert_eq!(expansion.findings, []);
    let mut refused = Vec::new();
    for expanded in &expansion.resources {
        let id = ResourceId::new(expanded.id.as_str().unwrap());
        let resource = Resource::new(id, expanded.api_version.clone(), expanded.body.clone());
        if judge(&engine, &compiled, &hierarchy, &resource).is_refused() {
            refused.push(expanded.resource_type.to_string());
        }
    }
    (refused, expansion.resources.len())
}

#[test]
fn the_draft_template_is_refused_at_corp_and_the_private_one_is_not() {
    let (refused, count) = check("scoring.json", "scoring.parameters.json");
    assert_eq!(count, 7);
    assert_eq!(
        refused,
        [
            "Microsoft.CognitiveServices/accounts",
            "Microsoft.CognitiveServices/accounts/deployments",
            "Microsoft.Search/searchServices",
            "Microsoft.Storage/storageAccounts"
        ]
    );
    let (refused, count) = check("scoring-private.json", "scoring-private.parameters.json");
    assert_eq!((refused, count), (Vec::new(), 11));
}
