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

    // Approvals open the gate of one workload; its production follows, the other's still waits.
    for approval in ["risk-owner", "platform-team"] {
        let status = glidepath()
            .args([
                "workload",
                "promote",
                "fraud-scoring",
                "--approve",
                approval,
                "--by",
                "maria@contoso.example",
                "--design",
            ])
            .arg(&design)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(matches!(status.code(), Some(0 | 1)), "{status}");
    }
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
fn two_at_once_on_one_design_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    let mut first = glidepath().args(["sandbox", "--port", "0"]).arg(&design).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    assert!(lines.next().is_some(), "the sandbox said nothing");
    let output = glidepath().arg("up").arg(&design).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("store/locked"), "{stderr}");
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
