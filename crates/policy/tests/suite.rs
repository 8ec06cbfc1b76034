//! Runs `tests/suite/policy/*.yaml`. The form of a case is explained in `tests/suite/policy/README.md`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test harness reads files, prints, and stops at what is wrong"
)]

use std::path::Path;

use glidepath_arm::{Object, Reason, ResourceId, Value};
use glidepath_estate::{Estate, Hierarchy, Resource};
use glidepath_policy::{
    Aliases, Contributor, Engine, EstateRelated, NothingKnown, Operation, Related, Request, Verdict, compliance,
};
use glidepath_source::{Finding, Text, yaml};

const SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000001";
const DEFINITION: &str =
    "/providers/Microsoft.Management/managementGroups/top/providers/Microsoft.Authorization/policyDefinitions/d";
/// 2026-01-15T12:00:00Z
const NOW: i64 = 1_768_478_400;

#[test]
fn every_case_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/suite/policy");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    let (mut run, mut failures) = (0, Vec::new());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = Text::new(name.as_str(), std::fs::read_to_string(&file).unwrap());
        let suite = Value::from(&yaml::parse(&text).unwrap_or_else(|f| panic!("{f}")));
        for case in suite.get("cases").and_then(Value::as_array).unwrap_or_else(|| panic!("{name}: no cases")) {
            run += 1;
            let title = case.get("case").and_then(Value::as_str).unwrap_or("without name");
            if let Err(message) = check(case, &suite) {
                failures.push(format!("{name}: {title}\n    {message}"));
            }
        }
    }
    println!("{run} cases");
    assert!(run > 0 && failures.is_empty(), "{} of {run} cases fail:\n{}", failures.len(), failures.join("\n"));
}

fn check(case: &Value, suite: &Value) -> Result<(), String> {
    let part = |key: &str| case.get(key).or_else(|| suite.get(key)).map(with_unknowns);
    let mut engine = Engine::new();
    if let Some(csv) = part("aliases") {
        engine = engine.with_aliases(Aliases::from_csv(csv.as_str().unwrap_or_default()));
    }
    let mut findings: Vec<Finding> = Vec::new();
    // A case of its own assets names them all; any other has one definition and one assignment of it.
    match part("assets") {
        Some(assets) => {
            for (id, body) in assets.as_object().into_iter().flat_map(Object::iter) {
                findings.extend(engine.upsert(&ResourceId::new(id), body));
            }
        }
        None => {
            findings.extend(engine.upsert(&ResourceId::new(DEFINITION), &definition(&part)));
            let mut properties = Object::new();
            properties.insert("policyDefinitionId", DEFINITION);
            let parameters = part("parameters").unwrap_or(Value::Null);
            let given = parameters.as_object().into_iter().flat_map(Object::iter);
            let given = given.map(|(name, value)| (name.clone(), Value::object([("value", value.clone())])));
            properties.insert("parameters", Value::object(given));
            for (key, value) in part("assignment").unwrap_or(Value::Null).as_object().into_iter().flat_map(Object::iter)
            {
                properties.insert(key.clone(), value);
            }
            let assignment = "/providers/Microsoft.Management/managementGroups/top/providers/Microsoft.Authorization/policyAssignments/a";
            findings.extend(
                engine.upsert(&ResourceId::new(assignment), &Value::object([("properties", Value::from(properties))])),
            );
        }
    }
    findings.extend(engine.dangling());
    let resource = resource(&part("resource").unwrap_or(Value::Null));
    let related: Option<Estate> =
        part("related").map(|list| list.as_array().unwrap_or_default().iter().map(self::resource).collect());
    let lookup = related.as_ref().map(EstateRelated);
    let related: &dyn Related = match &lookup {
        Some(estate) => estate,
        None => &NothingKnown,
    };
    let mut hierarchy = Hierarchy::default();
    hierarchy.place(ResourceId::subscription(SUBSCRIPTION), ResourceId::management_group("corp"));
    hierarchy.place(ResourceId::management_group("corp"), ResourceId::management_group("top"));
    let flag = |key: &str| part(key).and_then(|v| v.as_bool()).unwrap_or(false);
    let operation = match part("operation").as_ref().and_then(Value::as_str) {
        Some("delete") => Operation::Delete,
        Some("scan") => Operation::Scan,
        Some("patchTags") => Operation::PatchTags,
        _ => Operation::Write,
    };
    let request = Request {
        id: &resource.id,
        body: &resource.body,
        api_version: &resource.api_version,
        operation,
        hierarchy: &hierarchy,
        subscription: part("subscription").unwrap_or(Value::Null),
        resource_group: part("resourceGroup").unwrap_or(Value::Null),
        related,
        now: NOW,
        list_compliant: flag("listCompliant"),
    };
    let mut verdict = engine.evaluate(&request);
    findings.append(&mut verdict.findings);
    expect(case, &verdict, &findings)
}

/// From `definition`, `rule` or `if`.
fn definition(part: &dyn Fn(&str) -> Option<Value>) -> Value {
    if let Some(definition) = part("definition") {
        return definition;
    }
    let rule = part("rule").unwrap_or_else(|| {
        let then = part("then").unwrap_or_else(|| Value::object([("effect", "audit")]));
        Value::object([("if", part("if").unwrap_or(Value::Null)), ("then", then)])
    });
    let kind = |value: &Value| match value {
        Value::String(_) | Value::Unknown(_) | Value::Null => "String",
        Value::Array(_) => "Array",
        Value::Object(_) => "Object",
        Value::Bool(_) => "Boolean",
        Value::Int(_) => "Integer",
        Value::Float(_) => "Float",
    };
    let parameters = part("parameters").unwrap_or(Value::Null);
    let given = parameters.as_object().into_iter().flat_map(Object::iter);
    let declared = given.map(|(name, value)| (name.clone(), Value::object([("type", kind(value))])));
    Value::object([("policyRule", rule), ("parameters", Value::object(declared)), ("mode", "All".into())])
}

/// `{type, name, …body}`; the id follows from these.
fn resource(body: &Value) -> Resource {
    let mut body = with_unknowns(body);
    let object = body.make_object();
    let mut take = |key: &str| object.remove(key).and_then(|v| v.as_str().map(str::to_owned));
    let group = ResourceId::resource_group(SUBSCRIPTION, "rg");
    let kind = take("type").unwrap_or_else(|| "Microsoft.CognitiveServices/accounts".into());
    let name = take("name").unwrap_or_else(|| "acc".into());
    let api_version = take("apiVersion").unwrap_or_else(|| "2025-06-01".into());
    let id = match take("id") {
        Some(id) => ResourceId::new(&id),
        None => match take("attachedTo") {
            Some(to) => group
                .provider_child("Microsoft.CognitiveServices/accounts", &to)
                .unwrap()
                .provider_child(&kind, &name)
                .unwrap(),
            None => group.provider_child(&kind, &name).unwrap_or_else(|| panic!("{kind} {name}")),
        },
    };
    Resource::new(id, api_version, body)
}

/// `{unknown: why}` stands for an unknown value.
fn with_unknowns(value: &Value) -> Value {
    match value {
        Value::Object(object) => match object.get("unknown").and_then(Value::as_str) {
            Some(why) if object.len() == 1 => {
                Value::unknown(Reason::Runtime(why.to_owned()), format!("reference('{why}')"))
            }
            _ => Value::object(object.iter().map(|(k, v)| (k.clone(), with_unknowns(v)))),
        },
        Value::Array(items) => items.iter().map(with_unknowns).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

fn expect(case: &Value, verdict: &Verdict, findings: &[Finding]) -> Result<(), String> {
    let expected = case.get("expect").ok_or("a case needs `expect`")?;
    let first = verdict.contributors.first();
    let found = json(verdict)?;
    if let Some(word) = expected.as_str() {
        let is = match first.map(|c| c.outcome) {
            None => "not met".to_owned(),
            Some(glidepath_policy::Outcome::Triggered)
                if findings.iter().any(|f| f.code == "policy/evaluation-failed") =>
            {
                "fails".into()
            }
            Some(glidepath_policy::Outcome::Triggered) => "met".into(),
            Some(other) => format!("{other:?}").to_lowercase(),
        };
        let is = if is == "dependson" { "depends".to_owned() } else { is };
        let unexplained = findings.iter().find(|f| f.is_error() && f.code != "policy/evaluation-failed");
        return match unexplained {
            Some(finding) => Err(finding.to_string()),
            None if is == word => Ok(()),
            None => Err(format!("expected `{word}`, it is `{is}`; verdict {found}; findings {}", codes(findings))),
        };
    }
    for (key, wanted) in expected.as_object().ok_or("`expect` is a word or an object")?.iter() {
        let is = match key.as_ref() {
            "state" => compliance(verdict).map_or(Value::Null, |s| s.name().into()),
            "effect" => verdict.effect.map_or(Value::Null, |e| e.name().into()),
            "changed" => verdict.changed.clone().unwrap_or(Value::Null),
            "findings" => codes(findings),
            "contributors" => {
                let summary = |c: &Contributor| Value::from(format!("{} {}", c.effect, outcome(c)));
                verdict.contributors.iter().map(summary).collect::<Vec<_>>().into()
            }
            key => {
                let first = first.map(json).transpose()?.unwrap_or(Value::Null);
                first.get(key).cloned().unwrap_or(Value::Null)
            }
        };
        if is.to_string() != wanted.to_string() {
            return Err(format!("{key}: expected {wanted}\n    found    {is}\n    in {found}"));
        }
    }
    if expected.get("findings").is_none()
        && let Some(finding) = findings.iter().find(|f| f.is_error())
    {
        return Err(finding.to_string());
    }
    Ok(())
}

fn outcome(contributor: &Contributor) -> String {
    serde_json::to_value(contributor.outcome).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn codes(findings: &[Finding]) -> Value {
    Value::array(findings.iter().map(|f| f.code))
}

fn json(value: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map(Value::from).map_err(|e| e.to_string())
}
