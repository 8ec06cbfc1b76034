//! `glidepath workload`: on the way to production.

use std::fmt::Write;

use glidepath_estate::Phase;
use glidepath_plan::{Gate, gates};
use glidepath_source::Finding;
use serde::Serialize;

use crate::cli::{PlainFormat, PromoteArgs, WorkloadArgs, WorkloadCommand};
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, GREEN, Terminal, YELLOW, paint};
use crate::up::runtime;
use crate::up::session::Session;

/// Reads at once when looking at what is there.
const CONCURRENCY: usize = 16;

pub(crate) fn run(args: &WorkloadArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        WorkloadCommand::Promote(args) => promote(args, terminal),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Promotion {
    workload: String,
    open: bool,
    missing: Vec<String>,
}

fn promote(args: &PromoteArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let gate = runtime()?.block_on(async {
        let session = Session::open(&args.design, 0, &mut findings).await?;
        let result = ask(&session, args, &mut findings).await;
        session.close().await;
        result
    })?;
    terminal.findings(&findings);
    match args.output {
        PlainFormat::Table => terminal.answer(&table(args, &gate)),
        PlainFormat::Json => {
            let answer = Promotion { workload: args.workload.clone(), open: gate.open, missing: gate.missing.clone() };
            terminal.envelope("promotion", &answer);
        }
    }
    Ok(if gate.open { Answer::Yes } else { Answer::No })
}

async fn ask(session: &Session, args: &PromoteArgs, findings: &mut Vec<Finding>) -> Result<Gate, Failure> {
    let design = &session.compilation.design;
    let Some(workload) = design.workloads.get(&args.workload) else {
        let known: Vec<&str> = design.workloads.keys().map(String::as_str).collect();
        return Err(Finding::error("workload/unknown", format!("the design has no workload `{}`", args.workload))
            .about(&args.workload)
            .help(format!("name one of {}", known.join(", ")))
            .into());
    };
    if let (Some(approval), Some(by)) = (&args.approve, &args.by) {
        if !workload.approvals.contains(approval) {
            return Err(Finding::error(
                "workload/unknown-approval",
                format!("`{}` does not ask for the approval `{approval}`", workload.name),
            )
            .about(&workload.name)
            .help(format!("its `validation.approvals` are {}", workload.approvals.join(", ")))
            .into());
        }
        if by.trim().is_empty() {
            return Err(Finding::error("workload/no-approver", "an approval needs somebody who gives it")
                .about(&workload.name)
                .help("name the approver with --by")
                .into());
        }
        session.approve(&workload.name, approval, by.trim()).await?;
    }
    let plan = session.plan(CONCURRENCY, findings).await?;
    let compliance = session.compliance().await?;
    let evidence = session.evidence(plan.in_place(), &compliance).await?;
    let decided = gates(design, &session.compilation.compiled.estate, &evidence);
    let of_workload = |g: &Gate| g.phase == Phase::Production && g.workload.as_deref() == Some(workload.name.as_str());
    decided.into_iter().find(of_workload).ok_or_else(|| {
        Finding::error("workload/no-production", format!("`{}` has no production environment", workload.name))
            .about(&workload.name)
            .help("add `production` to its `environments`")
            .into()
    })
}

fn table(args: &PromoteArgs, gate: &Gate) -> String {
    let mut text = String::new();
    if let (Some(approval), Some(by)) = (&args.approve, &args.by) {
        let _ = writeln!(text, "approval {approval} of {} recorded, given by {by}", args.workload);
    }
    let name = paint(BOLD, &args.workload);
    if gate.open {
        let _ = writeln!(
            text,
            "{} {name} may go to production\n\nnext\n  glidepath up {}",
            paint(GREEN, "open"),
            args.design.display()
        );
    } else {
        let _ = writeln!(text, "{} {name} waits for", paint(YELLOW, "closed"));
        for missing in &gate.missing {
            let _ = writeln!(text, "  {missing}");
        }
    }
    text
}
