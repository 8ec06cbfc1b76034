//! Developer chores. `cargo xtask check` is what CI runs.

mod conformance;
mod sample;

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const HELP: &str = "\
cargo xtask check     formatting, lints, dependencies, documentation, tests: what CI runs
cargo xtask test      the tests alone, with their totals
cargo xtask bench [NAME]  ours and its peer in turn: CPU times and their ratios (policy-stream)
cargo xtask conformance  clients nobody here wrote (the Python SDKs; with --az the Azure CLI), against a sandbox; installs them once, outside of the repository
cargo xtask sample [N] [DIR]  a design of N workloads; without arguments the hundred of examples/hundred-workloads
";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "check" => check(),
        "test" => test(),
        "bench" => {
            let names: Vec<String> = std::env::args().skip(2).collect();
            let mut args = vec!["run", "--release", "--quiet", "-p", "glidepath-bench", "--"];
            args.extend(names.iter().map(String::as_str));
            cargo(&args)
        }
        "conformance" => conformance::run_conformance(match std::env::args().nth(2).as_deref() {
            Some("--az") => conformance::Clients::Az,
            _ => conformance::Clients::Python,
        }),
        "sample" => sample(),
        _ => {
            say(HELP);
            return ExitCode::from(if command.is_empty() || command == "help" { 0 } else { 2 });
        }
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn sample() -> bool {
    let mut arguments = std::env::args().skip(2);
    let count = arguments.next().map_or(Ok(100), |n| n.parse::<usize>());
    let folder = arguments.next().unwrap_or_else(|| "examples/hundred-workloads".to_owned());
    let Ok(count) = count else {
        say(HELP);
        return false;
    };
    match sample::write(count, Path::new(&folder)) {
        Ok(()) => true,
        Err(error) => {
            say(&format!("cannot write `{folder}`: {error}\n"));
            false
        }
    }
}

fn check() -> bool {
    // Every part runs, whatever the others say: one round of CI names all that is wrong.
    let parts = [
        ("format", cargo(&["fmt", "--all", "--check"])),
        ("lints", cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
        ("dependencies", deny()),
        ("documentation", documentation()),
        ("conformance", conformance::run_in_ci()),
        // Last, so that the totals close the output.
        ("tests", test()),
    ];
    let mut all = true;
    for (name, passed) in parts {
        say(&format!("{name}: {}\n", if passed { "ok" } else { "FAILED" }));
        all &= passed;
    }
    all
}

fn documentation() -> bool {
    run(Command::new("cargo")
        .args(["doc", "--workspace", "--no-deps", "--document-private-items", "--quiet"])
        .env("RUSTDOCFLAGS", "-D warnings"))
}

/// cargo-deny needs no build of ours, but is a tool of its own: where it is missing, this says so and goes on.
fn deny() -> bool {
    let installed =
        Command::new("cargo").args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|s| s.success()) {
        say("dependencies: cargo-deny is not installed; deny.toml was not checked\n");
        return true;
    }
    // Advisories need a database from the network; licences, bans and sources do not.
    cargo(&["deny", "--offline", "check", "licenses", "bans", "sources"])
}

/// Runs all tests and adds up their closing lines.
fn test() -> bool {
    if !root().join("../shared/corpora").is_dir() {
        say("tests: ../shared/corpora is not there; tests on real input skip\n");
    }
    let mut command = Command::new("cargo");
    command.args(["test", "--workspace", "--no-fail-fast"]).current_dir(root()).stdout(Stdio::piped());
    let started = Instant::now();
    let Ok(mut child) = command.spawn() else {
        say("tests: cargo could not be started\n");
        return false;
    };
    let (mut passed, mut failed, mut ignored) = (0, 0, 0);
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some(counts) = line.strip_prefix("test result: ") {
                passed += number_before(counts, " passed");
                failed += number_before(counts, " failed");
                ignored += number_before(counts, " ignored");
            }
            say(&line);
            say("\n");
        }
    }
    let succeeded = child.wait().is_ok_and(|status| status.success());
    say(&format!(
        "all tests took {} s\n{passed} passed, {failed} failed, {ignored} skipped\n",
        started.elapsed().as_secs()
    ));
    succeeded && failed == 0 && passed > 0
}

fn number_before(text: &str, word: &str) -> u32 {
    let Some(at) = text.find(word) else { return 0 };
    let digits = text.get(..at).unwrap_or_default().rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

fn cargo(arguments: &[&str]) -> bool {
    run(Command::new("cargo").args(arguments))
}

fn run(command: &mut Command) -> bool {
    command.current_dir(root()).status().is_ok_and(|status| status.success())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn say(text: &str) {
    // Nothing is left to be done when stdout is gone.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
