//! `glidepath sandbox`: serves the local control plane until it is stopped.

pub(crate) mod environment;

use std::fmt::Write;
use std::net::SocketAddr;

use glidepath_source::Finding;

use crate::cli::SandboxArgs;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, DIM, Terminal, paint};
use crate::up::session::{SANDBOX_TENANT, sandbox_folder, start_failure};
use crate::up::{host, runtime};
use crate::{files, sources};

pub(crate) fn run(args: &SandboxArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    if let Some(command) = &args.command {
        return environment::run(command, terminal);
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
