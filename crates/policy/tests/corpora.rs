//! The public policy libraries: everything loads, compiles and evaluates; the ALZ library comes to the known figures.
//!
//! They lie at `../shared/corpora` beside the workspace; without them these tests say that they skip.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test harness reads files, prints, and stops at what is wrong"
)]

use std::collections::BTreeMap;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Hierarchy;
use glidepath_policy::{AssetKind, Engine, NothingKnown, Operation, Request};
use world::{aliases, corpora, load_builtins, place_library, read};

mod world;

fn account() -> (ResourceId, Value) {
    let id = ResourceId::resource_group("00000000-0000-0000-0000-000000000001", "rg")
        .provider_child("Microsoft.CognitiveServices/accounts", "acc")
        .unwrap();
    let body = serde_json::json!({
        "kind": "OpenAI", "location": "westeurope", "sku": {"name": "S0"}, "identity": {"type": "SystemAssigned"},
        "properties": {"publicNetworkAccess": "Enabled", "disableLocalAuth": false, "customSubDomainName": "acc"}
    });
    (id, Value::from(body))
}

#[test]
fn the_alz_library_comes_to_its_figures() {
    let Some(corpora) = corpora() else { return };
    let (mut engine, mut problems) = (Engine::new(), Vec::new());
    load_builtins(&mut engine, &corpora, &mut problems);
    let (mut hierarchy, _) = place_library(&mut engine, &corpora.join("alz-library/platform/alz"), &mut problems);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(engine.dangling(), []);
    assert_eq!(engine.check().iter().filter(|f| f.is_error()).count(), 0);
    let corp = engine.in_force(&ResourceId::management_group("corp"), &hierarchy);
    assert_eq!((corp.assignments.len(), corp.instances, corp.arm_mode_instances), (75, 1273, 1184));
    let connectivity = engine.in_force(&ResourceId::management_group("connectivity"), &hierarchy);
    assert_eq!((connectivity.assignments.len(), connectivity.instances), (58, 1118));
    let sandbox = engine.in_force(&ResourceId::management_group("sandbox"), &hierarchy);
    assert_eq!((sandbox.assignments.len(), sandbox.instances), (18, 791));

    hierarchy
        .place(ResourceId::subscription("00000000-0000-0000-0000-000000000001"), ResourceId::management_group("corp"));
    let (id, body) = account();
    let verdict = engine.evaluate(&request(&id, &body, &hierarchy));
    assert!(verdict.is_refused(), "a public account at corp is refused");
    assert_eq!(verdict.findings, [], "nothing fails");
}

fn request<'a>(id: &'a ResourceId, body: &'a Value, hierarchy: &'a Hierarchy) -> Request<'a> {
    let subscription = serde_json::json!({"id": "/subscriptions/00000000-0000-0000-0000-000000000001",
        "subscriptionId": "00000000-0000-0000-0000-000000000001", "tenantId": "t", "displayName": "corp", "tags": {}});
    let group = serde_json::json!({"id": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg", "name": "rg",
        "location": "westeurope", "tags": {}, "managedBy": ""});
    Request {
        id,
        body,
        api_version: "2025-06-01",
        operation: Operation::Write,
        hierarchy,
        subscription: Value::from(subscription),
        resource_group: Value::from(group),
        related: &NothingKnown,
        now: 1_768_478_400,
        list_compliant: false,
    }
}

/// Every definition is assigned alone and looks at a resource of each type it names.
#[test]
fn everything_loads_compiles_and_evaluates() {
    let Some(corpora) = corpora() else { return };
    let (mut engine, mut problems) = (Engine::new(), Vec::new());
    let (definitions, sets) = load_builtins(&mut engine, &corpora, &mut problems);
    let mut bodies = read(&corpora.join("azure-policy/built-in-policies/policyDefinitions"));
    let mut library_assets = 0;
    for library in ["alz", "amba", "slz"] {
        let folder = corpora.join("alz-library/platform").join(library);
        let (_, count) = place_library(&mut engine, &folder, &mut problems);
        library_assets += count;
        bodies.extend(read(&folder.join("policy_definitions")));
    }
    println!("{definitions} built-in definitions, {sets} built-in initiatives, {library_assets} library assets");
    // The corpora leave out definitions that exist in Azure Government only; parameters of assignments are the library's.
    let unexplained: Vec<_> = problems.iter().filter(|p| !p.contains("policyAssignments")).collect();
    assert_eq!(unexplained, Vec::<&String>::new());

    let (mut evaluations, mut met, mut failed) = (0, 0, BTreeMap::new());
    let (mut silent, hierarchy) = (0, Hierarchy::default());
    for (file, body) in &bodies {
        let properties = body.get("properties").unwrap_or(body);
        let name = body.get("name").and_then(Value::as_str).unwrap_or(file);
        let definition = ResourceId::new(&format!("/providers/Microsoft.Authorization/policyDefinitions/{name}"));
        let mut alone = Engine::new();
        assert!(alone.upsert(&definition, body).iter().all(|f| !f.is_error()), "{file}");
        assert!(alone.contains(AssetKind::Definition, &definition));
        let scope = ResourceId::subscription("00000000-0000-0000-0000-000000000001");
        let assignment = scope.provider_child("Microsoft.Authorization/policyAssignments", "a").unwrap();
        let parameters = invented_parameters(properties.get("parameters").unwrap_or(&Value::Null));
        let assigned =
            serde_json::json!({"properties": {"policyDefinitionId": definition.as_str(), "parameters": parameters}});
        alone.upsert(&assignment, &Value::from(assigned));
        let mut types = Vec::new();
        types_in(properties.get("policyRule").and_then(|r| r.get("if")).unwrap_or(&Value::Null), &mut types);
        if types.is_empty() {
            types.push("Microsoft.CognitiveServices/accounts".to_owned());
        }
        for kind in types {
            let group = ResourceId::resource_group("00000000-0000-0000-0000-000000000001", "rg");
            let names = vec!["n"; kind.split('/').count() - 1].join("/");
            let Some(id) = group.provider_child(&kind, &names) else {
                silent += 1;
                continue;
            };
            let body =
                Value::from(serde_json::json!({"location": "westeurope", "kind": "x", "tags": {}, "properties": {}}));
            let verdict = alone.evaluate(&request(&id, &body, &hierarchy));
            evaluations += 1;
            met += usize::from(!verdict.contributors.is_empty());
            for finding in verdict.findings {
                failed
                    .entry(finding.message)
                    .or_insert_with(Vec::new)
                    .push(file.rsplit('/').next().unwrap().to_owned());
            }
        }
    }
    println!("{evaluations} evaluations, {met} with something to say, {silent} types without an id");
    for (message, files) in &failed {
        println!("{} times: {message} ({})", files.len(), files.first().unwrap());
    }
    assert!(evaluations > 3_500);
}

/// A value of the right type for each parameter without default.
fn invented_parameters(declared: &Value) -> serde_json::Value {
    let mut given = serde_json::Map::new();
    for (name, parameter) in declared.as_object().into_iter().flat_map(|o| o.iter()) {
        if parameter.get("defaultValue").is_some() {
            continue;
        }
        let kind = parameter.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let first =
            parameter.get("allowedValues").and_then(Value::as_array).and_then(|a| a.first()).map(Value::to_json);
        let value = match (kind.as_str(), first) {
            ("array", Some(first)) => serde_json::json!([first]),
            (_, Some(first)) => first,
            ("array", None) => serde_json::json!(["x"]),
            ("object", None) => serde_json::json!({}),
            ("boolean", None) => true.into(),
            ("integer" | "float", None) => 1.into(),
            ("datetime", None) => "2026-01-01T00:00:00Z".into(),
            _ => "x".into(),
        };
        given.insert(name.to_string(), serde_json::json!({"value": value}));
    }
    given.into()
}

fn types_in(condition: &Value, types: &mut Vec<String>) {
    match condition {
        Value::Object(object) => {
            if object.get("field").and_then(Value::as_str).is_some_and(|f| f.eq_ignore_ascii_case("type")) {
                let named = object
                    .get("equals")
                    .into_iter()
                    .chain(object.get("in").and_then(Value::as_array).unwrap_or_default());
                let plain = named.filter_map(Value::as_str).filter(|t| t.contains('/') && !t.contains(['[', '*']));
                types.extend(plain.map(str::to_owned));
            }
            object.values().for_each(|v| types_in(v, types));
        }
        Value::Array(items) => items.iter().for_each(|i| types_in(i, types)),
        _ => {}
    }
}

/// `cargo test --release -p glidepath-policy --test corpora -- --ignored --nocapture`: how fast is it?
#[test]
#[ignore = "measures; run it in release"]
fn speed() {
    let Some(corpora) = corpora() else { return };
    let built_ins: Vec<(ResourceId, Value)> = ["policyDefinitions", "policySetDefinitions"]
        .into_iter()
        .flat_map(|kind| {
            let id = move |body: &Value| {
                let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                ResourceId::new(&format!("/providers/Microsoft.Authorization/{kind}/{name}"))
            };
            read(&corpora.join("azure-policy/built-in-policies").join(kind))
                .into_iter()
                .map(move |(_, body)| (id(&body), body))
        })
        .collect();
    let mut engine = Engine::new();
    let start = std::time::Instant::now();
    for (id, body) in &built_ins {
        engine.upsert(id, body);
    }
    println!("{} built-ins compiled in {:?}", built_ins.len(), start.elapsed());
    let start = std::time::Instant::now();
    let (mut hierarchy, _) = place_library(&mut engine, &corpora.join("alz-library/platform/alz"), &mut Vec::new());
    println!("ALZ read from disk, compiled and bound in {:?}", start.elapsed());
    hierarchy
        .place(ResourceId::subscription("00000000-0000-0000-0000-000000000001"), ResourceId::management_group("corp"));
    let (id, body) = account();
    let request = request(&id, &body, &hierarchy);
    let start = std::time::Instant::now();
    engine.evaluate(&request);
    println!("first verdict after {:?}", start.elapsed());
    let rounds = 20_000;
    let start = std::time::Instant::now();
    let mut told = 0;
    for _ in 0..rounds {
        told += engine.evaluate(&request).contributors.len();
    }
    println!(
        "one account at corp: {:?} a verdict, {} contributors each",
        start.elapsed() / rounds,
        told / rounds as usize
    );
    let aliases = aliases(&corpora);
    let start = std::time::Instant::now();
    let found = aliases.paths("Microsoft.CognitiveServices/accounts/publicNetworkAccess");
    println!("{} aliases, the first ({found:?}) found after {:?}", aliases.len(), start.elapsed());
    let engine = engine.with_aliases(aliases);
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        engine.evaluate(&request);
    }
    println!("with the alias catalogue: {:?} a verdict", start.elapsed() / rounds);
}
