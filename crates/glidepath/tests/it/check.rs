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

const OPEN: &str = r#"{ "languageVersion": "2.0", "resources": { "ai": { "type": "Microsoft.CognitiveServices/accounts",
  "apiVersion": "2025-06-01", "name": "ai", "location": "swedencentral", "kind": "AIServices", "sku": { "name": "S0" },
  "properties": { "publicNetworkAccess": "Enabled", "disableLocalAuth": true } } } }"#;

/// What an earlier run found is passed over; what is new is not.
#[test]
fn a_baseline_hides_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("app.json"), OPEN).unwrap();
    let check =
        |args: &[&str]| glidepath().current_dir(folder.path()).args(["check", "app.json"]).args(args).output().unwrap();
    for (format, file) in [("sarif", "known.sarif"), ("json", "known.json")] {
        let first = check(&["-o", format]);
        assert_eq!(first.status.code(), Some(1));
        std::fs::write(folder.path().join(file), &first.stdout).unwrap();
        let again = check(&["--baseline", file]);
        let text = String::from_utf8_lossy(&again.stdout);
        assert_eq!(again.status.code(), Some(0), "{text}");
        assert!(text.contains("nothing would be refused") && text.contains("passed over by the baseline"), "{text}");
    }
    std::fs::write(folder.path().join("app.json"), OPEN.replace("true", "false")).unwrap();
    let worse = check(&["--baseline", "known.sarif"]);
    let text = String::from_utf8_lossy(&worse.stdout);
    assert_eq!(worse.status.code(), Some(1), "{text}");
    assert!(text.contains("properties.disableLocalAuth") && !text.contains("properties.publicNetworkAccess"), "{text}");
}

/// With a compiler on the PATH Bicep is checked, and pointed into; without one the way to it is told.
#[test]
#[cfg(unix)]
fn bicep_is_compiled_by_the_compiler_on_the_path() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "main.bicep",
        "param x string = ''\n\nresource ai 'Microsoft.CognitiveServices/accounts@2025-06-01' = {\n}\n",
    );
    write("main.bicepparam", "using './main.bicep'\n");
    write("broken.bicep", "param x\nnonsense\n");
    write("main.out", OPEN);
    let check = |path: &str, args: &[&str]| {
        glidepath().current_dir(folder.path()).env("PATH", path).arg("check").args(args).output().unwrap()
    };
    let without = check("", &["main.bicep"]);
    let told = String::from_utf8_lossy(&without.stderr);
    assert_eq!(without.status.code(), Some(2));
    assert!(told.contains("bicep/not-found") && told.contains("az bicep build --file main.bicep"), "{told}");

    let quoted = serde_json::to_string(OPEN).unwrap();
    write(
        "params.out",
        &format!("{{\"parametersJson\": \"{{\\\"parameters\\\": {{}}}}\", \"templateJson\": {quoted}}}"),
    );
    let script = "#!/bin/sh\ncase \"$1 $2\" in\n  'build broken.bicep') echo 'broken.bicep(2,1) : Error BCP007: This declaration type is not recognized.' >&2; exit 1;;\n  build-params*) exec /bin/cat params.out;;\n  *) exec /bin/cat main.out;;\nesac\n";
    write("bicep", script);
    std::fs::set_permissions(folder.path().join("bicep"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().display().to_string();
    for file in ["main.bicep", "main.bicepparam"] {
        let output = check(&path, &[file]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{text} {}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("main.bicep:3:1"), "{text}");
    }
    let broken = check(&path, &["broken.bicep"]);
    let told = String::from_utf8_lossy(&broken.stderr);
    assert!(told.contains("bicep/failed") && told.contains("BCP007") && told.contains("broken.bicep:2:1"), "{told}");
    // A folder: what is no module, and is not compiled already, is compiled.
    std::fs::remove_file(folder.path().join("broken.bicep")).unwrap();
    let output = check(&path, &["."]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("main.bicep:3:1"), "{output:?}");
}

/// The built-in policy that asks for a second factor is told once, and is decided where the caller is known.
#[test]
fn who_deploys_decides_policies_that_ask() {
    let Some(corpora) = corpora() else { return };
    let table = official(&corpora, &[]);
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains("depends on who deploys (1 policy on ") && table.contains("--caller pipeline"), "{table}");
    let known = official(&corpora, &["--caller", "pipeline", "-o", "json"]);
    let known: Value = serde_json::from_slice(&known.stdout).unwrap();
    assert!(known["summary"]["byEffect"]["dependsOnCaller"].is_null(), "{}", known["summary"]);
}
