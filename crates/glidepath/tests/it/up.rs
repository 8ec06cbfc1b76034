//! `glidepath up` as a user meets it: the quick start, again, killed half-way, on a full disk, beside another one.
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{example, glidepath};

fn up(design: &Path) -> (Output, Value) {
    let output = glidepath().args(["up", "--output", "json"]).arg(design).output().unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    assert!(output.status.code() != Some(101), "panicked: {}", String::from_utf8_lossy(&output.stderr));
    (output, answer)
}

fn phase<'a>(answer: &'a Value, name: &str) -> &'a Value {
    answer["phases"].as_array().unwrap().iter().find(|p| p["name"] == name).unwrap_or(&Value::Null)
}

fn changes(answer: &Value) -> u64 {
    ["create", "modify", "delete"].iter().map(|kind| answer["changes"][kind].as_u64().unwrap()).sum()
}

#[test]
fn quick_start_stops_at_the_production_gate_and_then_has_nothing_to_change() {
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    let (output, first) = up(&design);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(first["kind"], "up");
    assert!(first["changes"]["create"].as_u64().unwrap() > 200, "{}", first["changes"]);
    for name in ["hierarchy", "platform", "policy", "landing-zones", "nonproduction"] {
        assert_eq!(phase(&first, name)["state"], "done", "{name}: {}", first["phases"]);
        assert_eq!(phase(&first, name)["resources"], phase(&first, name)["planned"], "{name}");
    }
    assert_eq!(phase(&first, "production")["state"], "waiting");
    assert_eq!(phase(&first, "production")["resources"], 0);
    let gate = first["gates"].as_array().unwrap().iter().find(|g| g["phase"] == "production").unwrap();
    assert_eq!(gate["open"], false);
    let missing = gate["missing"].to_string();
    assert!(missing.contains("risk-owner") && missing.contains("platform-team"), "{missing}");
    assert_eq!(first["policy"]["nonCompliant"], 0, "{}", first["policy"]);

    let (output, second) = up(&design);
    assert!(output.status.success());
    assert_eq!(changes(&second), 0, "{second:#}");

    // Evidence opens the gate of one workload; its production follows, the other's still waits.
    let results = folder.path().join("results.jsonl");
    std::fs::write(
        &results,
        "{\"groundedness\": 0.9, \"answerRelevance\": 0.8}\n{\"groundedness\": 0.8, \"answerRelevance\": 0.8}\n",
    )
    .unwrap();
    let workload = |arguments: &[&str]| {
        let output = glidepath().arg("workload").args(arguments).arg("--design").arg(&design).output().unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let results = results.to_str().unwrap();
    let evaluation = ["evidence", "fraud-scoring", "--evaluation", results, "--by", "kim"];
    let (code, said) = workload(&evaluation);
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.contains("evaluation on") && said.contains("the drill `region-loss` is not recorded"), "{said}");
    let drill = ["evidence", "fraud-scoring", "--drill", "region-loss", "--outcome", "passed", "--by", "kim"];
    assert_eq!(workload(&drill).0, Some(1));
    let approve = |name, by| workload(&["promote", "fraud-scoring", "--approve", name, "--by", by]);
    assert_eq!(approve("risk-owner", "maria@contoso.example").0, Some(1));
    let (code, said) = approve("platform-team", "Maria@contoso.example");
    assert!(code == Some(2) && said.contains("workload/same-approver"), "{said}");
    let (code, said) = approve("platform-team", "jo@contoso.example");
    assert_eq!(code, Some(0), "{said}");

    // What was approved is what may be made: another size of a model is another production.
    let file = design.join("workloads/fraud-scoring.yaml");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, before.replace("peakTokensPerMinute: 240000", "peakTokensPerMinute: 250000")).unwrap();
    let (code, said) = workload(&["promote", "fraud-scoring"]);
    assert!(code == Some(1) && said.contains("for another state of production"), "{said}");
    std::fs::write(&file, before).unwrap();

    let (output, third) = up(&design);
    assert!(output.status.success());
    assert_eq!(phase(&third, "production")["state"], "partial", "{}", third["phases"]);
    assert!(phase(&third, "production")["resources"].as_u64().unwrap() > 10);
}

#[test]
fn killed_at_any_moment_it_finishes_when_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    let mut delay = Duration::from_millis(60);
    for _ in 0..6 {
        let mut child = glidepath()
            .args(["up", "--output", "json"])
            .arg(&design)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(delay);
        // On Unix this is SIGKILL: no handler runs.
        child.kill().unwrap();
        child.wait().unwrap();
        delay = delay * 3 / 2;
    }
    let (output, finished) = up(&design);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(phase(&finished, "nonproduction")["state"], "done", "{finished:#}");
    let (_, again) = up(&design);
    assert_eq!(changes(&again), 0, "{again:#}");
}

#[test]
fn a_port_in_use_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for command in ["up", "sandbox"] {
        let output = glidepath().args([command, "--port", &port]).arg(&design).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{stderr}");
        assert!(stderr.contains("sandbox/port-in-use") && stderr.contains(&port), "{stderr}");
    }
}

#[test]
fn a_sandbox_that_is_served_is_joined_and_one_that_is_held_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    let mut first = glidepath().args(["sandbox", "--port", "0"]).arg(&design).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(lines.next().is_some(), "the sandbox said nothing");
    let (joined, answer) = up(&design);
    // Without the file that says where it listens, it can only be told that somebody holds the folder.
    std::fs::remove_file(design.join(".glidepath/sandbox/endpoint")).unwrap();
    let held = glidepath().arg("up").arg(&design).output().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(joined.status.success(), "{}", String::from_utf8_lossy(&joined.stderr));
    assert_eq!(phase(&answer, "nonproduction")["state"], "done");
    let stderr = String::from_utf8_lossy(&held.stderr);
    assert_eq!(held.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("store/locked"), "{stderr}");
}

/// The changes that a plan says, by action, and the ids of those that are not to be created.
fn planned(design: &Path) -> (Value, Vec<String>) {
    let output = glidepath().args(["plan", "-o", "json"]).arg(design).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
    let steps = plan["phases"].as_array().unwrap().iter().flat_map(|p| p["steps"].as_array().unwrap());
    let other = steps.filter(|s| s["action"] != "Create").map(|s| s["resource"]["id"].as_str().unwrap().to_owned());
    (plan["counts"].clone(), other.collect())
}

#[test]
fn a_design_that_grows_or_moves_home_disturbs_nothing_that_stands() {
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    assert!(up(&design).0.status.success());
    let new = "name: aa-first\nexposure: corp\nowner: { team: a }\nservices: [storage]\n";
    std::fs::write(design.join("workloads/aa-first.yaml"), new).unwrap();
    let (counts, changed) = planned(&design);
    assert!(counts["create"].as_u64().unwrap() > 20, "{counts}");
    // Only the hub learns of it: its routes and its rules.
    let hub = |id: &String| id.contains("/routeTables/rt-hub-") || id.contains("/firewallPolicies/");
    assert!(!changed.is_empty() && changed.iter().all(hub), "{changed:?}");
    // A record that was lost is taken from what stands.
    std::fs::remove_file(design.join(".glidepath/addresses.yaml")).unwrap();
    assert_eq!(planned(&design), (counts, changed));
    std::fs::remove_file(design.join("workloads/aa-first.yaml")).unwrap();

    // Assignments are bound to the home region: they are made again, and nothing fails half-way.
    let file = design.join("glidepath.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let swapped = text.replace("[swedencentral, francecentral]", "[francecentral, swedencentral]");
    assert_ne!(swapped, text);
    std::fs::write(&file, swapped).unwrap();
    let (output, answer) = up(&design);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(phase(&answer, "policy")["state"], "done", "{answer:#}");
    assert_eq!(phase(&answer, "nonproduction")["state"], "done", "{answer:#}");
    // What the old home held goes only when its name is typed.
    let output = glidepath().args(["up", "--delete"]).arg(&design).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("up/not-confirmed"), "{stderr}");
    let output =
        glidepath().args(["up", "--delete", "--confirm", "contoso", "-o", "json"]).arg(&design).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(answer["changes"]["delete"].as_u64().unwrap() > 50, "{}", answer["changes"]);
    let (_, again) = up(&design);
    assert_eq!(changes(&again), 0, "{again:#}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_finding_and_the_next_run_finishes() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = |size: &str, how: &str| {
        let options = format!("{how}size={size}");
        Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&disk).stderr(Stdio::null()).status()
    };
    if !mount("700k", "").is_ok_and(|s| s.success()) {
        eprintln!("skipped: mounting a small disk needs privileges that are not here");
        return;
    }
    let design = example(&disk);
    let started = Instant::now();
    let output = glidepath().arg("up").arg(&design).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(mount("64m", "remount,").unwrap().success());
    let (again, finished) = up(&design);
    Command::new("umount").arg(&disk).status().unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("full"), "{stderr}");
    assert!(started.elapsed() < Duration::from_secs(60), "a full disk is no reason to wait");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(phase(&finished, "nonproduction")["state"], "done");
}
