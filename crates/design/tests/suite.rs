//! Runs the cases of `tests/suite/design`: the files of a design, the findings they give, the resources they mean.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fmt::Write;

use glidepath_arm::Value;
use glidepath_design::Design;
use glidepath_estate::Resource;
use glidepath_source::{Finding, Text};

use support::{embedded, files_below, suite};

#[test]
fn every_case_holds() {
    let base = suite("base.yaml");
    let library = embedded();
    let (mut failures, mut cases) = (String::new(), 0);
    for path in files_below("tests/suite/design", "yaml") {
        if path == "base.yaml" {
            continue;
        }
        for case in suite(&path).as_array().unwrap_or_default() {
            cases += 1;
            let name = case.get("name").and_then(Value::as_str).unwrap();
            let mut wrong = Vec::new();
            let (design, findings) = Design::read(&files(&base, case));
            expect(case.get("findings"), &findings, &mut wrong);
            if case.get("compile").is_some() || case.get("compileFindings").is_some() {
                let (compiled, findings) = design.unwrap().compile(&library);
                expect(case.get("compileFindings"), &findings, &mut wrong);
                for wanted in case.get("compile").and_then(Value::as_array).unwrap_or_default() {
                    let all: Vec<&Resource> = compiled.estate.iter().collect();
                    resources(wanted, &all, &mut wrong);
                }
            }
            for line in wrong {
                writeln!(failures, "{path}: {name}: {line}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(cases > 20, "only {cases} cases were found");
}

fn files(base: &Value, case: &Value) -> Vec<(String, Text)> {
    let mut files = base.as_object().unwrap().clone();
    for name in case.get("without").and_then(Value::as_array).unwrap_or_default() {
        files.remove(name.as_str().unwrap());
    }
    for (name, text) in case.get("files").and_then(Value::as_object).into_iter().flat_map(|f| f.iter()) {
        files.insert(name.clone(), text.clone());
    }
    let text = |(name, text): (&std::sync::Arc<str>, &Value)| {
        (name.to_string(), Text::new(name.to_string(), text.as_str().unwrap()))
    };
    files.iter().map(text).collect()
}

/// `code`, `code file`, `code file:line:column`, each followed by the message and the help in quotes where they matter.
fn expect(wanted: Option<&Value>, findings: &[Finding], wrong: &mut Vec<String>) {
    let wanted = wanted.and_then(Value::as_array).unwrap_or_default();
    let found = |f: &Finding| {
        let place = f.place.as_ref().map(|p| format!(" {p}")).unwrap_or_default();
        format!("{}{place} \"{}\" \"{}\"", f.code, f.message, f.help.clone().unwrap_or_default())
    };
    let found: Vec<String> = findings.iter().map(found).collect();
    let holds = |(wanted, found): (&Value, &String)| {
        let wanted = wanted.as_str().unwrap();
        found.starts_with(wanted) && found[wanted.len()..].chars().next().is_none_or(|c| c == ' ' || c == ':')
    };
    if wanted.len() != found.len() || !wanted.iter().zip(&found).all(holds) {
        wrong.push(format!("findings are\n    {}", found.join("\n    ")));
    }
    for finding in findings {
        if finding.help.is_none() && finding.code != "design/wrong-type" && finding.is_error() {
            wrong.push(format!("no way out: {finding}"));
        }
    }
}

fn resources(wanted: &Value, all: &[&Resource], wrong: &mut Vec<String>) {
    let text = |key: &str| wanted.get(key).and_then(Value::as_str);
    let kind = text("type").unwrap();
    let found: Vec<&&Resource> = all
        .iter()
        .filter(|r| r.resource_type().is_some_and(|t| t.is(kind)) && text("name").is_none_or(|n| r.id.name() == n))
        .collect();
    let names = || found.iter().map(|r| r.id.name()).collect::<Vec<_>>().join(", ");
    match wanted.get("count").and_then(Value::as_int) {
        Some(count) if count != found.len() as i64 => wrong.push(format!("{} of {kind}: {}", found.len(), names())),
        None if found.is_empty() => {
            let others = all.iter().filter(|r| r.resource_type().is_some_and(|t| t.is(kind))).map(|r| r.id.name());
            wrong.push(format!("no {kind} {:?} among {}", text("name"), others.collect::<Vec<_>>().join(", ")));
        }
        _ => {}
    }
    for (path, value) in wanted.get("has").and_then(Value::as_object).into_iter().flat_map(|h| h.iter()) {
        for resource in &found {
            let actual = match path.as_ref() {
                "phase" => resource.phase.map(|p| Value::from(p.name())),
                _ => dotted(&resource.body, path).cloned(),
            };
            if actual.as_ref() != Some(value) {
                wrong.push(format!("{}: `{path}` is {actual:?}, not {value:?}", resource.id));
            }
        }
    }
}

fn dotted<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    path.split('.').try_fold(value, |value, step| match step.parse::<usize>() {
        Ok(at) => value.as_array()?.get(at),
        Err(_) => value.get(step),
    })
}
