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

/// What speaks to the sandbox.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clients {
    /// The Python SDKs.
    Python,
    /// The Azure CLI.
    Az,
}

impl Clients {
    fn folder(self) -> &'static str {
        match self {
            Clients::Python => "python",
            Clients::Az => "az",
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Clients::Python => &PACKAGES,
            Clients::Az => &["azure-cli"],
        }
    }
}

/// Builds the binary, starts a sandbox for every way of running it, runs the suite.
fn run_suite(clients: Clients, python: &Path) -> bool {
    if !cargo(&["build", "--quiet", "--package", "glidepath"]) {
        return false;
    }
    // The second time as Azure is on a bad day: operations that take their time, requests that are throttled.
    let ways: [&[&str]; 2] = [&[], &["--lro", "--throttle", "25"]];
    ways.iter().take(if clients == Clients::Python { 2 } else { 1 }).all(|flags| {
        let state = std::env::temp_dir().join(format!("glidepath-conformance-{}", std::process::id()));
        let passed = served(clients, &state, python, flags);
        let _ = std::fs::remove_dir_all(&state);
        passed
    })
}

fn served(clients: Clients, state: &Path, python: &Path, flags: &[&str]) -> bool {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let started = Command::new(target.join("debug/glidepath"))
        .args(["--color", "never", "sandbox", "--port", "0"])
        .args(flags)
        .arg("--state")
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
            .arg(format!("tests/conformance/{}/suite.py", clients.folder()))
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
pub(crate) fn run_conformance(clients: Clients) -> bool {
    let Some(python) = python_of(clients) else {
        say("conformance: set GLIDEPATH_CONFORMANCE to a folder for the clients\n");
        return false;
    };
    if !python.is_file() && !install(clients, &python, None) {
        return false;
    }
    run_suite(clients, &python)
}

/// What CI runs: the Python SDKs, where they can be had in time. Without them it says so and goes on.
pub(crate) fn run_in_ci() -> bool {
    let Some(python) = python_of(Clients::Python) else {
        say("conformance: skipped, there is no folder for the clients (GLIDEPATH_CONFORMANCE)\n");
        return true;
    };
    if !python.is_file() && !install(Clients::Python, &python, Some("240")) {
        say("conformance: skipped, the Python SDKs could not be installed in time\n");
        return true;
    }
    run_suite(Clients::Python, &python)
}

fn python_of(clients: Clients) -> Option<PathBuf> {
    let cache = std::env::var_os("GLIDEPATH_CONFORMANCE")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache/glidepath-conformance")))?;
    Some(cache.join(clients.folder()).join("bin/python"))
}

/// Makes the environment beside its place and moves it there when it is whole: scripts in it are not used, so it may move.
fn install(clients: Clients, python: &Path, most: Option<&str>) -> bool {
    let Some(folder) = python.parent().and_then(Path::parent) else { return false };
    say(&format!("conformance: installing {}, once\n", clients.packages().join(", ")));
    let beside = folder.with_extension("new");
    let _ = std::fs::remove_dir_all(&beside);
    if let Some(cache) = folder.parent() {
        let _ = std::fs::create_dir_all(cache);
    }
    let python = beside.join("bin/python");
    let mut pip = match most {
        Some(seconds) => {
            let mut command = Command::new("timeout");
            command.arg(seconds).arg(&python);
            command
        }
        None => Command::new(&python),
    };
    let made = run(Command::new("python3").args(["-m", "venv"]).arg(&beside))
        && run(pip.args(["-m", "pip", "install", "--quiet", "--retries", "1"]).args(clients.packages()))
        && std::fs::rename(&beside, folder).is_ok();
    if !made {
        let _ = std::fs::remove_dir_all(&beside);
    }
    made
}
