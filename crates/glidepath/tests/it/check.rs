//! `glidepath check` on real input that nobody here wrote; skips, aloud, where the corpora are not beside the project.
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::{glidepath, root};

fn corpora() -> Option<PathBuf> {
    let folder = root().join("../shared/corpora");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: ../shared/corpora is not there");
    None
}

const PORTAL: &str = "https://raw.githubusercontent.com/Azure/AI-Landing-Zones/refs/heads/portalbicepalignment/portal/";

/// The official AI Landing Zone template against the ALZ library with the built-ins, at `corp`.
fn official(corpora: &Path, more: &[&str]) -> Output {
    let portal = corpora.join("ai-landing-zone/portal");
    glidepath()
        .current_dir(std::env::temp_dir())
        .arg("check")
        .arg(portal.join("template.json"))
        .args(["--parameters", "vmPassword=Not-A-Real-1-Password"])
        .arg("--link")
        .arg(format!("{PORTAL}={}", portal.display()))
        .arg("--library")
        .arg(corpora.join("alz-library/platform/alz"))
        .arg("--builtins")
        .arg(corpora.join("azure-policy/built-in-policies"))
        .arg("--aliases")
        .arg(corpora.join("aliases/policy-aliases.csv.gz"))
        .args(["--at", "corp"])
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn the_official_ai_landing_zone_meets_the_alz_library() {
    let Some(corpora) = corpora() else { return };
    let output = official(&corpora, &["--output", "json"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "ALZ refuses parts of it\n{stderr}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["kind"], "check");
    let summary = &answer["summary"];
    // Expansion: reference arm-templates.md 2.4; policy: policy-engine.md 1.9.
    for (key, wanted) in [
        ("resources", 224),
        ("types", 44),
        ("deployments", 235),
        ("assignments", 75),
        ("instances", 1273),
        ("armModeInstances", 1184),
    ] {
        assert_eq!(summary[key], wanted, "{key} in {summary}");
    }
    assert!(summary["byEffect"]["deny"].as_u64().unwrap() > 0, "{summary}");
    let resources = answer["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 224);
    for resource in resources {
        assert!(resource["source"]["line"].as_u64().unwrap() > 0, "{resource}");
        assert!(!resource["id"].as_str().unwrap().is_empty());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Not-A-Real-1-Password"), "a secret is printed");
}

#[test]
fn the_same_input_gives_the_same_bytes_and_every_format_works() {
    let Some(corpora) = corpora() else { return };
    let (first, second) = (official(&corpora, &[]), official(&corpora, &[]));
    assert_eq!(first.stdout, second.stdout);
    let table = String::from_utf8_lossy(&first.stdout);
    assert!(table.contains("224 resources") && table.contains("would be refused"), "{table}");
    let sarif: Value = serde_json::from_slice(&official(&corpora, &["-o", "sarif"]).stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().any(|r| r["level"] == "error"));
    assert!(results.iter().all(|r| r["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64().unwrap() > 0));
}
