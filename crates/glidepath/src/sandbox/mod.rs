//! `glidepath sandbox`: serves the local control plane until it is stopped.

pub(crate) mod environment;

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, ValueEnum};
use glidepath_estate::Resource;
use glidepath_sandbox::{Clock, Fault};
use glidepath_source::Finding;

use crate::cli::SandboxArgs;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, DIM, Terminal, paint};
use crate::up::session::{SANDBOX_TENANT, sandbox_folder, start_failure};
use crate::up::{host, runtime};
use crate::{files, sources};

/// How much of Azure's ways the sandbox shows.
#[derive(Debug, Args)]
pub(crate) struct Fidelity {
    /// Enforce role assignments on everybody but the owners; every request then needs a token
    #[arg(long)]
    rbac: bool,

    /// Object or client id that roles do not bind; may be given again
    #[arg(long = "owner", value_name = "ID", default_value = "00000000-0000-0000-0000-0000000000aa")]
    owners: Vec<String>,

    /// When what was just made is seen by others
    #[arg(long, value_name = "KIND", default_value = "strong")]
    consistency: Consistency,

    /// Answer requests that fit with an error, such as `PUT */subnets/*=503` or `*/policyStates/*=429x2` (twice)
    #[arg(long = "fault", value_name = "PATTERN=STATUS")]
    faults: Vec<Fault>,

    /// `system`, `x60` (sixty times as fast) or a time to stand still at, such as 2026-11-24T12:00:00Z
    #[arg(long, value_name = "CLOCK", default_value = "system", value_parser = clock)]
    clock: Clock,

    /// Refuse writes in namespaces that the subscription never registered
    #[arg(long)]
    strict_registration: bool,

    /// Take any resource type and region, also those that the catalogue does not have
    #[arg(long)]
    any_type: bool,

    /// Folder of built-in definitions and initiatives, as published, for the tenant to have
    #[arg(long, value_name = "DIR", env = "GLIDEPATH_BUILTINS")]
    builtins: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Consistency {
    /// At once
    Strong,
    /// After some seconds, with the errors that deployments then meet
    Eventual,
}

/// Reads `--clock`.
fn clock(text: &str) -> Result<Clock, String> {
    let system = || {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
    };
    if text.eq_ignore_ascii_case("system") {
        return Ok(Clock::system());
    }
    if let Some(factor) = text.strip_prefix('x') {
        let factor: u32 = factor.parse().map_err(|_| format!("`{factor}` is no whole number"))?;
        let start = system();
        return Ok(Clock::new(move || start.saturating_add((system() - start).saturating_mul(factor.into()))));
    }
    let time: jiff::Timestamp =
        text.parse().map_err(|_| "give `system`, `x60` or a time such as 2026-11-24T12:00:00Z".to_owned())?;
    let seconds = time.as_second();
    Ok(Clock::new(move || seconds))
}

pub(crate) fn run(args: &SandboxArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    if let Some(command) = &args.command {
        return environment::run(command, terminal);
    }
    if !args.dir.is_dir() {
        let dir = args.dir.display();
        return Err(Failure::input(vec![
            Finding::error("sandbox/no-folder", format!("there is no folder `{dir}`")).help(
                "give the folder of a design, or make the folder first; `--state DIR` alone serves an empty tenant",
            ),
        ]));
    }
    let design = files::find_design(&args.dir);
    let tenant = match (&design, &args.state) {
        // The tenant must be the design's; its other findings are for `up`.
        (Some(folder), None) => sources::design_tenant(folder)?,
        _ => None,
    };
    let state = args.state.clone().unwrap_or_else(|| sandbox_folder(design.as_deref().unwrap_or(&args.dir)));
    let folder = state.clone();
    let mut options = glidepath_sandbox::Options::new(state, tenant.unwrap_or_else(|| SANDBOX_TENANT.to_owned()));
    options.address = SocketAddr::from(([127, 0, 0, 1], args.port));
    options.auth_required = args.require_token;
    options.lro = args.lro;
    options.throttle = args.throttle;
    let fidelity = &args.fidelity;
    options.rbac = fidelity.rbac;
    options.owners.clone_from(&fidelity.owners);
    options.eventual = fidelity.consistency == Consistency::Eventual;
    options.faults.clone_from(&fidelity.faults);
    options.clock = fidelity.clock.clone();
    options.strict_registration = fidelity.strict_registration;
    options.any_type = fidelity.any_type;
    if let Some(folder) = &fidelity.builtins {
        let mut findings = Vec::new();
        let texts = sources::builtin_files(folder, &mut findings)?;
        let (assets, problems) = glidepath_library::builtins(&texts);
        // One that cannot be read concerns only those who assign it.
        findings.extend(problems.into_iter().filter(|f| !f.is_error()));
        terminal.findings(&findings);
        options.builtins = assets.into_iter().map(|(id, body)| Resource::new(id, "2025-03-01", body)).collect();
    }
    runtime()?.block_on(async {
        let running = glidepath_sandbox::start(options).await.map_err(|e| start_failure(&e))?;
        host::announce(&folder, &running.endpoint());
        terminal.answer(&greeting(&running));
        if let Err(error) = stopped().await {
            terminal.findings(&[Finding::warning("sandbox/no-signals", format!("cannot wait for Ctrl-C: {error}"))]);
        }
        host::withdraw(&folder);
        running.shutdown().await;
        Ok(Answer::Yes)
    })
}

/// Waits for Ctrl-C or, on Unix, for the wish of a service manager.
async fn stopped() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn greeting(running: &glidepath_sandbox::Running) -> String {
    let mut text = String::new();
    let endpoint = running.endpoint();
    let _ = writeln!(text, "{} {}", paint(BOLD, "sandbox at"), paint(BOLD, &endpoint));
    let _ = writeln!(text, "  trust       {}", running.ca_path().display());
    let subscriptions = running.subscriptions();
    if subscriptions.is_empty() {
        let _ = writeln!(text, "  the tenant is empty; `glidepath up DIR` fills it with a design");
    }
    for subscription in &subscriptions {
        let _ = writeln!(
            text,
            "  {}  {}  {}",
            subscription.id,
            subscription.display_name,
            paint(DIM, subscription.management_group.as_deref().unwrap_or("no management group"))
        );
    }
    let _ = writeln!(
        text,
        "  try         curl --cacert {} '{endpoint}/subscriptions?api-version=2022-12-01'\nCtrl-C stops it; what it acknowledged is kept",
        running.ca_path().display()
    );
    text
}
