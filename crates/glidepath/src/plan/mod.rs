//! `glidepath plan`, `apply` and `status`: what would change, and where everything stands.

pub(crate) mod apply;
mod render;
pub(crate) mod status;
pub(crate) mod verdict;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use glidepath_plan::{Action, Counts, Plan, Step};
use glidepath_source::Finding;
use serde::Serialize;

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::Terminal;
use crate::up::runtime;
use crate::up::session::Session;

/// Reads at once when looking at what is there.
const CONCURRENCY: usize = 16;

/// How a plan is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// For reading
    Table,
    /// One envelope, `{"kind": …, "schemaVersion": …}`
    Json,
    /// For a pull request
    Markdown,
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Folder of the design
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// Save the plan for `apply`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Exit 1 when something would change
    #[arg(long)]
    detailed_exitcode: bool,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlanFormat,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A plan saved by `plan --out`, or the folder of a design
    #[arg(default_value = ".")]
    pub(crate) from: PathBuf,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    pub(crate) output: PlainFormat,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Folder of the design
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    pub(crate) output: PlainFormat,
}

/// A step with what policy says of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judged<'a> {
    #[serde(flatten)]
    pub(crate) step: &'a Step,
    /// The strongest effect, `deny` for what would be refused; absent where policy has nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<verdict::Said>,
}

/// The changes of one phase; `None`: the removals, which run after all phases.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhaseChanges<'a> {
    pub(crate) phase: Option<&'static str>,
    pub(crate) counts: Counts,
    pub(crate) steps: Vec<Judged<'a>>,
}

/// The answer of `plan`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    pub(crate) design: String,
    pub(crate) organization: &'a str,
    pub(crate) counts: Counts,
    /// Changes that policy would refuse.
    pub(crate) refused: usize,
    pub(crate) phases: Vec<PhaseChanges<'a>>,
}

/// Compiles the design and reads the target; nothing is written to it.
pub(crate) fn make(dir: &Path, terminal: &mut Terminal) -> Result<(Plan, crate::sources::Compilation), Failure> {
    let mut findings = Vec::new();
    let made = runtime()?.block_on(async {
        let session = Session::open(dir, 0, &mut findings).await?;
        let plan = session.plan(CONCURRENCY, &mut findings).await;
        let compilation = session.finish().await;
        Ok::<_, Failure>((plan?, compilation))
    })?;
    terminal.findings(&findings);
    Ok(made)
}

pub(crate) fn run(args: &PlanArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (plan, compilation) = make(&args.dir, terminal)?;
    let policies = verdict::Policies::of(&compilation.compiled.estate);
    let mut phases = Vec::new();
    let lists = plan.phases.iter().map(|p| (Some(p.phase.name()), &p.steps));
    for (phase, steps) in lists.chain(std::iter::once((None, &plan.removals))) {
        if steps.is_empty() {
            continue;
        }
        let changes = steps.iter().filter(|s| s.action != Action::NoChange);
        let steps_judged = changes.map(|step| Judged { step, policy: policies.judge(step) }).collect();
        phases.push(PhaseChanges { phase, counts: Counts::of(steps), steps: steps_judged });
    }
    let refused = phases.iter().flat_map(|p| &p.steps).filter(|s| s.policy.as_ref().is_some_and(|p| p.refused)).count();
    let report = Report {
        design: args.dir.display().to_string(),
        organization: &compilation.design.organization,
        counts: plan.counts(),
        refused,
        phases,
    };
    if let Some(path) = &args.out {
        apply::save(path, &args.dir, &plan)?;
    }
    match args.output {
        PlanFormat::Table => terminal.answer(&render::table(&report)),
        PlanFormat::Markdown => terminal.answer(&render::markdown(&report)),
        PlanFormat::Json => terminal.envelope("plan", &report),
    }
    let changes = !report.counts.is_unchanged();
    Ok(if refused > 0 || (args.detailed_exitcode && changes) { Answer::No } else { Answer::Yes })
}

/// What the machine said when a plan could not be kept.
pub(crate) fn file_finding(path: &Path, error: &std::io::Error) -> Finding {
    Finding::error("plan/file", format!("cannot use `{}`: {error}", path.display())).help("check the path")
}
