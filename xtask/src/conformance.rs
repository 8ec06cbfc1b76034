//! Unmodified clients against a sandbox.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{cargo, root, run, say};

/// What the suite imports.
const PACKAGES: [&str; 10] = [
    "azure-identity",
    "azure-mgmt-authorization",
    "azure-mgmt-cognitiveservices",
    "azure-mgmt-managementgroups",
    "azure-mgmt-network",
    "azure-mgmt-policyinsights",
    "azure-mgmt-resource",
    "azure-mgmt-resource-deployments",
    "azure-mgmt-resource-policy",
    "azure-mgmt-subscription",
];

/// Builds the binary, starts a sandbox, runs the suite.
fn run_suite(python: &Path) -> bool {
    if !cargo(&["build", "--quiet", "--package", "glidepath"]) {
        return false;
    }
    let state = std::env::temp_dir().join(format!("glidepath-conformance-{}", std::process::id()));
    let passed = served(&state, python);
    let _ = std::fs::remove_dir_all(&state);
    passed
}

fn served(state: &Path, python: &Path) -> bool {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let started = Command::new(target.join("debug/glidepath"))
        .args(["--color", "never", "sandbox", "--port", "0", "--state"])
        .arg(state)
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut sandbox) = started else {
        say("conformance: the sandbox could not be started\n");
        return false;
    };
    let passed = endpoint(&mut sandbox).is_some_and(|endpoint| {
        let tenant = tenant(&endpoint, state, python);
        run(Command::new(python)
            .arg("tests/conformance/python/suite.py")
            .env("GLIDEPATH_ENDPOINT", &endpoint)
            .env("GLIDEPATH_CA", state.join("ca.pem"))
            .env("GLIDEPATH_TENANT", tenant))
    });
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    passed
}

/// What the sandbox says in its first line.
fn endpoint(sandbox: &mut Child) -> Option<String> {
    let output = sandbox.stdout.take()?;
    let line = BufReader::new(output).lines().map_while(Result::ok).find(|l| l.contains("https://"))?;
    line.split_whitespace().find(|w| w.starts_with("https://")).map(str::to_owned)
}

/// The sandbox's tenant, as it says itself.
fn tenant(endpoint: &str, state: &Path, python: &Path) -> String {
    let ask = "import json,ssl,sys,urllib.request as u;print(json.load(u.urlopen(sys.argv[1]+'/tenants?api-version=2022-12-01',context=ssl.create_default_context(cafile=sys.argv[2])))['value'][0]['tenantId'])";
    let output = Command::new(python).args(["-c", ask, endpoint]).arg(state.join("ca.pem")).output();
    output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
}

/// Installs what is missing and runs the suite.
pub(crate) fn run_conformance() -> bool {
    let cache = std::env::var_os("GLIDEPATH_CONFORMANCE")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/glidepath-conformance")));
    let Some(cache) = cache else {
        say("conformance: set GLIDEPATH_CONFORMANCE to a folder for the clients\n");
        return false;
    };
    let folder = cache.join("python");
    let python = folder.join("bin/python");
    if !python.is_file() {
        say("conformance: installing the Python SDKs, once\n");
        let made = run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && run(Command::new(folder.join("bin/pip")).args(["install", "--quiet"]).args(PACKAGES));
        if !made {
            return false;
        }
    }
    run_suite(&python)
}
