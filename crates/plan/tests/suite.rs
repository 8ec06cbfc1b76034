//! Runs every case under `tests/suite/plan/`: a YAML list of cases, each with its expectation beside it.
//!
//! `plan`: one line a step, `phase sign id [after id, id]` with what-if's signs (`+` create, `~` modify with its paths in
//! braces, `-` delete, `±` delete and make again, `=` unchanged); removals have the phase `removal`. `findings`: `code subject`. `gates`: `phase
//! [workload] open|closed`, missing reasons as items below.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test harness reads files and stops at the first broken case file"
)]

use std::path::{Path, PathBuf};

use glidepath_arm::{Reason, ResourceId, Value};
use glidepath_design::{Design, Drill, Evaluation as Evaluated, Waiver, WaiverCategory, WaiverKind, Workload};
use glidepath_estate::{Estate, Phase, Resource};
use glidepath_plan::{
    Action, Approval, Evaluation, Evidence, Fingerprints, Options, Plan, Rehearsal, Step, Trial, gates, plan,
};
use glidepath_source::{Kind, Node, Text, yaml};

fn suite() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/suite/plan")
}

#[test]
fn every_case_holds() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(suite()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut run, mut failures) = (0, Vec::new());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = Text::new(&name, std::fs::read_to_string(&file).unwrap());
        let cases = yaml::parse(&text).unwrap_or_else(|finding| panic!("{finding}"));
        for case in cases.items() {
            run += 1;
            let (want, got) = check(case);
            if want != got {
                let title = string(case, "case");
                failures.push(format!(
                    "{name}: {title}\n  wanted:\n    {}\n  got:\n    {}",
                    want.join("\n    "),
                    got.join("\n    ")
                ));
            }
        }
    }
    assert!(run > 0, "no cases found");
    assert!(failures.is_empty(), "{} of {run} cases failed\n\n{}", failures.len(), failures.join("\n\n"));
}

fn check(case: &Node) -> (Vec<String>, Vec<String>) {
    let (desired, observed) = (estate(case.get("desired")), estate(case.get("observed")));
    let expect = case.get("expect").expect("`expect`");
    let (mut want, mut got) = (Vec::new(), Vec::new());
    if let Some(lines) = expect.get("gates") {
        want.extend(strings(Some(lines)));
        got.extend(gate_lines(case, &desired));
    }
    if expect.get("plan").is_some() || expect.get("findings").is_some() {
        let mut options = Options::default();
        for member in case.get("subscriptions").map_or(&[][..], Node::members) {
            let alias = ResourceId::new(&member.key);
            options.subscriptions.insert(alias, member.value.as_str().unwrap().to_owned());
        }
        for member in case.get("managed").map_or(&[][..], Node::members) {
            options.managed.insert(ResourceId::new(&member.key), phase(member.value.as_str().unwrap()));
        }
        let (plan, findings) = plan(&desired, &observed, &options);
        want.extend(strings(expect.get("plan")));
        got.extend(plan_lines(&plan));
        want.extend(strings(expect.get("findings")));
        got.extend(findings.iter().map(|f| format!("{} {}", f.code, f.subject.as_deref().unwrap_or_default())));
    }
    (want, got)
}

fn plan_lines(plan: &Plan) -> Vec<String> {
    let phases = plan.phases.iter().flat_map(|p| p.steps.iter().map(|s| line(p.phase.name(), s)));
    phases.chain(plan.removals.iter().map(|s| line("removal", s))).collect()
}

fn line(phase: &str, step: &Step) -> String {
    let sign = match step.action {
        _ if step.replace => '±',
        Action::Create => '+',
        Action::Modify => '~',
        Action::Delete => '-',
        Action::NoChange => '=',
    };
    let mut line = format!("{phase} {sign} {}", step.resource.id);
    if !step.changes.is_empty() {
        let paths: Vec<&str> = step.changes.iter().map(|c| c.path.as_str()).collect();
        line.push_str(&format!(" {{{}}}", paths.join(", ")));
    }
    if !step.after.is_empty() {
        let ids: Vec<&str> = step.after.iter().map(ResourceId::as_str).collect();
        line.push_str(&format!(" after {}", ids.join(", ")));
    }
    line
}

fn gate_lines(case: &Node, desired: &Estate) -> Vec<String> {
    let mut design = Design::default();
    for workload in case.get("workloads").map_or(&[][..], Node::items) {
        let name = string(workload, "name");
        let mut read = Workload {
            name: name.clone(),
            approvals: strings(workload.get("approvals")),
            environments: strings(workload.get("environments")),
            ..Workload::default()
        };
        if let Some(minimum) = workload.get("minimum") {
            let minimum = numbers(minimum).into_iter().collect();
            read.validation.evaluation = Some(Evaluated { dataset: "golden.jsonl".to_owned(), minimum });
        }
        let drills = strings(workload.get("drill"));
        read.validation.drill = Drill::ALL.iter().copied().filter(|d| drills.iter().any(|w| w == d.name())).collect();
        design.workloads.insert(name, read);
    }
    for waiver in case.get("waivers").map_or(&[][..], Node::items) {
        let waiver = Waiver {
            kind: WaiverKind::Gate,
            scope: string(waiver, "scope"),
            assignment: None,
            gate: Some(string(waiver, "gate")),
            reason: "because".to_owned(),
            category: WaiverCategory::Waiver,
            approved_by: "ciso".to_owned(),
            expires: string(waiver, "expires"),
        };
        design.waivers.insert(format!("w{}", design.waivers.len()), waiver);
    }
    let evidence = case.get("evidence");
    let get = |key: &str| evidence.and_then(|e| e.get(key));
    let items = |key: &str| get(key).map_or(&[][..], Node::items);
    let prints = Fingerprints::of(desired);
    // `before: true` is a record of another state than the one wanted now.
    let print =
        |node: &Node, now: &str| if node.get("before").is_some() { "before".to_owned() } else { now.to_owned() };
    let at = || "2026-11-01".to_owned();
    let evidence = Evidence {
        in_place: strings(get("inPlace")).iter().map(|id| ResourceId::new(id)).collect(),
        compliance: strings(get("nonCompliant")).iter().map(|id| (ResourceId::new(id), false)).collect(),
        approvals: items("approvals")
            .iter()
            .map(|a| {
                let workload = string(a, "workload");
                let of = print(a, prints.production(&workload));
                Approval { name: string(a, "name"), by: string(a, "by"), at: at(), of, workload }
            })
            .collect(),
        evaluations: items("evaluations")
            .iter()
            .map(|e| {
                let workload = string(e, "workload");
                let of = print(e, prints.validated(&workload));
                let metrics = numbers(e.get("metrics").unwrap()).into_iter().collect();
                Evaluation { dataset: "golden.jsonl".to_owned(), metrics, by: "kim".to_owned(), at: at(), of, workload }
            })
            .collect(),
        rehearsals: items("drills")
            .iter()
            .map(|d| {
                let workload = string(d, "workload");
                let of = print(d, prints.validated(&workload));
                let passed = d.get("failed").is_none();
                Rehearsal { drill: string(d, "drill"), passed, by: "kim".to_owned(), at: at(), of, workload }
            })
            .collect(),
        trials: strings(get("passed"))
            .into_iter()
            .map(|definition| Trial {
                definition,
                at: ResourceId::new("/g"),
                refused: false,
                answer: "made".to_owned(),
            })
            .collect(),
        today: "2026-11-24".to_owned(),
        facts: Vec::new(),
    };
    let mut lines = Vec::new();
    for gate in gates(&design, desired, &evidence) {
        let workload = gate.workload.map(|w| format!(" {w}")).unwrap_or_default();
        lines.push(format!("{}{workload} {}", gate.phase, if gate.open { "open" } else { "closed" }));
        lines.extend(gate.missing);
        if let Some(waived) = gate.waived {
            lines.extend(waived.missing.iter().map(|m| format!("waived until {}: {m}", waived.expires)));
        }
    }
    lines
}

fn numbers(node: &Node) -> Vec<(String, f64)> {
    let number = |m: &glidepath_source::Member| match m.value.kind {
        Kind::Float(f) => (m.key.to_string(), f),
        Kind::Int(i) => (m.key.to_string(), i as f64),
        _ => panic!("`{}` is no number", m.key),
    };
    node.members().iter().map(number).collect()
}

fn estate(node: Option<&Node>) -> Estate {
    node.map_or(&[][..], Node::items)
        .iter()
        .map(|item| {
            let body =
                item.get("body").map_or_else(|| Value::object::<&str, Value>([]), |b| with_unknowns(&Value::from(b)));
            let mut resource = Resource::new(ResourceId::new(&string(item, "id")), "2024-01-01", body);
            let text = |key: &str| item.get(key).and_then(Node::as_str).map(str::to_owned);
            resource.phase = text("phase").as_deref().map(phase);
            resource.workload = text("workload");
            resource.environment = text("environment");
            resource.depends_on = strings(item.get("dependsOn")).iter().map(|id| ResourceId::new(id)).collect();
            resource
        })
        .collect()
}

/// `[expression]` in a case stands for an unknown.
fn with_unknowns(value: &Value) -> Value {
    match value {
        Value::String(s) if s.starts_with('[') => {
            Value::unknown(Reason::Runtime(String::new()), s.trim_matches(['[', ']']).to_owned())
        }
        Value::Array(items) => Value::array(items.iter().map(with_unknowns)),
        Value::Object(object) => Value::object(object.iter().map(|(k, v)| (k.clone(), with_unknowns(v)))),
        other => other.clone(),
    }
}

fn phase(name: &str) -> Phase {
    Phase::ALL.into_iter().find(|p| p.name() == name).unwrap_or_else(|| panic!("no phase `{name}`"))
}

fn string(node: &Node, key: &str) -> String {
    node.get(key).and_then(Node::as_str).unwrap_or_else(|| panic!("`{key}` is missing")).to_owned()
}

fn strings(node: Option<&Node>) -> Vec<String> {
    node.map_or(&[][..], Node::items).iter().map(|n| n.as_str().expect("a string").to_owned()).collect()
}
