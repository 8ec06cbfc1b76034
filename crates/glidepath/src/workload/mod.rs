//! `glidepath workload`: a landing zone asked for, its way to production, and its end.

mod add;
mod evidence;
mod promote;
mod retire;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use glidepath_design::Workload;
use glidepath_estate::Phase;
use glidepath_plan::Gate;
use glidepath_source::Finding;
use serde::Serialize;

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, GREEN, Terminal, YELLOW, paint};
use crate::up::session::Session;

/// Reads at once when looking at what is there.
const CONCURRENCY: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct WorkloadArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a new workload's file; show what it means and the addresses it gets
    #[command(
        before_long_help = "Examples:\n  glidepath workload add helpdesk --team it-support --design examples/contoso\n  glidepath workload add chat --exposure online --size S --services foundry,search --dry-run --design examples/contoso\n"
    )]
    Add(add::AddArgs),
    /// Record an approval and explain the production gate
    #[command(
        before_long_help = "Examples:\n  glidepath workload promote fraud-scoring --design examples/contoso\n  glidepath workload promote fraud-scoring --approve risk-owner --by maria@contoso.example\n"
    )]
    Promote(promote::PromoteArgs),
    /// Record what production waits for: results of an evaluation, the outcome of a drill
    #[command(
        before_long_help = "Examples:\n  glidepath workload evidence fraud-scoring --evaluation results.json --by maria@contoso.example\n  glidepath workload evidence fraud-scoring --drill region-loss --outcome passed --by jo@contoso.example --design examples/contoso\n"
    )]
    Evidence(evidence::EvidenceArgs),
    /// Take a workload out of the design and delete what is its own, in reverse order
    #[command(
        before_long_help = "Examples:\n  glidepath workload retire fraud-scoring --design examples/contoso\n  glidepath workload retire fraud-scoring --confirm fraud-scoring --design examples/contoso\n"
    )]
    Retire(retire::RetireArgs),
}

/// Which workload of which design.
#[derive(Debug, Args)]
struct Which {
    /// The workload
    workload: String,

    /// Folder of the design
    #[arg(long, value_name = "DIR", default_value = ".")]
    design: PathBuf,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

pub(crate) fn run(args: &WorkloadArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        Command::Add(args) => add::run(args, terminal),
        Command::Promote(args) => promote::run(args, terminal),
        Command::Evidence(args) => evidence::run(args, terminal),
        Command::Retire(args) => retire::run(args, terminal),
    }
}

/// The workload of this name.
fn find<'d>(design: &'d glidepath_design::Design, name: &str) -> Result<&'d Workload, Finding> {
    design.workloads.get(name).ok_or_else(|| {
        let known: Vec<&str> = design.workloads.keys().map(String::as_str).collect();
        Finding::error("workload/unknown", format!("the design has no workload `{name}`"))
            .about(name)
            .help(format!("name one of {}", known.join(", ")))
    })
}

/// Somebody's name, without blanks around it.
fn principal(by: &str, about: &str) -> Result<String, Finding> {
    match by.trim() {
        "" => Err(Finding::error("workload/no-approver", "a record needs somebody who answers for it")
            .about(about)
            .help("name the person with --by")),
        name => Ok(name.to_owned()),
    }
}

/// The production gate of a workload, as things stand.
async fn gate(session: &Session, workload: &str, findings: &mut Vec<Finding>) -> Result<Gate, Failure> {
    let plan = session.plan(CONCURRENCY, findings).await?;
    findings.extend(session.waivers());
    let compliance = session.compliance().await?;
    let in_place = plan.in_place();
    let trials = session.trials(&in_place).await?;
    let evidence = session.evidence(in_place, &compliance, trials).await?;
    let of_workload = |g: &Gate| g.phase == Phase::Production && g.workload.as_deref() == Some(workload);
    session.gates(&evidence).await?.into_iter().find(of_workload).ok_or_else(|| {
        Finding::error("workload/no-production", format!("`{workload}` has no production environment"))
            .about(workload)
            .help("add `production` to its `environments`")
            .into()
    })
}

/// What `promote` and `evidence` answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Promotion<'g> {
    workload: &'g str,
    #[serde(flatten)]
    gate: &'g Gate,
}

/// The gate, after the line that says what was recorded.
fn answer(which: &Which, recorded: &[String], gate: &Gate, terminal: &mut Terminal) -> Answer {
    match which.output {
        PlainFormat::Table => terminal.answer(&table(&which.workload, &which.design, recorded, gate)),
        PlainFormat::Json => terminal.envelope("promotion", &Promotion { workload: &which.workload, gate }),
    }
    if gate.open { Answer::Yes } else { Answer::No }
}

fn table(workload: &str, design: &Path, recorded: &[String], gate: &Gate) -> String {
    let mut text = String::new();
    for line in recorded {
        let _ = writeln!(text, "{line}");
    }
    let name = paint(BOLD, workload);
    if let Some(waived) = &gate.waived {
        let _ = writeln!(
            text,
            "{name} is let through by the waiver {} of {} until {}: {}",
            waived.waiver, waived.approved_by, waived.expires, waived.reason
        );
        for missing in &waived.missing {
            let _ = writeln!(text, "  {missing}");
        }
    }
    if gate.open {
        let open = paint(GREEN, "open");
        let _ = writeln!(text, "{open} {name} may go to production\n\nnext\n  glidepath up {}", design.display());
    } else {
        let _ = writeln!(text, "{} {name} waits for", paint(YELLOW, "closed"));
        for missing in &gate.missing {
            let _ = writeln!(text, "  {missing}");
        }
    }
    text
}
