//! `glidepath assess`: readiness, its report, its roadmap, and what changed.

mod csv;
mod html;
mod input;
mod markdown;
mod radar;
mod svg;
mod table;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use glidepath_readiness::{Snapshot, compare, roadmap};
use glidepath_source::Finding;

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::files;
use crate::output::Terminal;

use input::Asked;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AssessArgs {
    #[command(subcommand)]
    command: Option<AssessCommand>,

    #[command(flatten)]
    input: Input,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

/// What is assessed.
#[derive(Debug, Args)]
pub(crate) struct Input {
    /// Folder of the design [default: the working directory, where it has one]
    pub(crate) dir: Option<PathBuf>,

    /// Answers of people [default: readiness.yaml in DIR, where it exists]
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,

    /// The observed estate: JSON rows of Resource Graph or a list of ARM resources [default: the design's own estate]
    #[arg(long, value_name = "FILE")]
    pub(crate) estate: Option<PathBuf>,

    /// Questions of your own, or changed weights and targets, over those that come with Glidepath
    #[arg(long, value_name = "FILE")]
    pub(crate) questions: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum AssessCommand {
    /// The report: one page for executives and engineers
    #[command(
        before_long_help = "Examples:\n  glidepath assess report examples/contoso -o html > readiness.html\n  glidepath assess report --estate resources.json -o csv\n"
    )]
    Report(ReportArgs),
    /// What to do, in order, with what each step raises
    #[command(
        before_long_help = "Examples:\n  glidepath assess roadmap examples/contoso\n  glidepath assess roadmap examples/contoso -o csv > issues.csv\n"
    )]
    Roadmap(RoadmapArgs),
    /// For CI: exit 1 while a gate is closed
    #[command(
        before_long_help = "Examples:\n  glidepath assess check examples/contoso\n  glidepath assess check --before production --estate resources.json\n"
    )]
    Check(CheckArgs),
    /// What changed between two JSON answers of `assess`
    #[command(
        before_long_help = "Examples:\n  glidepath assess diff october.json november.json\n  glidepath assess diff a.json b.json -o json\n"
    )]
    Diff(DiffArgs),
    /// The questions with their levels
    #[command(
        before_long_help = "Examples:\n  glidepath assess questions\n  glidepath assess questions --questions ours.yaml\n"
    )]
    Questions(QuestionsArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// One self-contained page
    Html,
    /// For wikis
    Markdown,
    /// One envelope
    Json,
    /// For spreadsheets
    Csv,
}

#[derive(Debug, Args)]
struct ReportArgs {
    #[command(flatten)]
    input: Input,
    /// How the answer is written
    #[arg(short, long, default_value = "markdown")]
    output: ReportFormat,
    /// An earlier JSON answer, to show what changed
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoadmapFormat {
    /// For reading
    Table,
    /// One envelope
    Json,
    /// For issue trackers
    Csv,
    /// Lanes by phase
    Svg,
}

#[derive(Debug, Args)]
struct RoadmapArgs {
    #[command(flatten)]
    input: Input,
    /// How the answer is written
    #[arg(short, long, default_value = "table")]
    output: RoadmapFormat,
}

#[derive(Debug, Args)]
struct CheckArgs {
    #[command(flatten)]
    input: Input,
    /// Only gates up to this phase: hierarchy, platform, policy, landing-zones, nonproduction, production, operation
    #[arg(long, value_name = "PHASE")]
    before: Option<String>,
    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Debug, Args)]
struct DiffArgs {
    /// The earlier answer
    a: PathBuf,
    /// The later answer
    b: PathBuf,
    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Debug, Args)]
struct QuestionsArgs {
    /// Questions of your own, over those that come with Glidepath
    #[arg(long, value_name = "FILE")]
    questions: Vec<PathBuf>,
}

pub(crate) fn run(args: &AssessArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        None => {
            let asked = Asked::ask(&args.input)?;
            terminal.findings(&asked.findings);
            match args.output {
                PlainFormat::Table => terminal.answer(&table::assessment(&asked.assessment)),
                PlainFormat::Json => terminal.envelope("assessment", &asked.assessment),
            }
            Ok(Answer::Yes)
        }
        Some(AssessCommand::Report(args)) => report(args, terminal),
        Some(AssessCommand::Roadmap(args)) => {
            let asked = Asked::ask(&args.input)?;
            let plan = roadmap(&asked.catalogue, &asked.assessment);
            match args.output {
                RoadmapFormat::Table => terminal.answer(&table::roadmap(&plan)),
                RoadmapFormat::Json => terminal.envelope("roadmap", &plan),
                RoadmapFormat::Csv => terminal.answer(&csv::roadmap(&plan)),
                RoadmapFormat::Svg => terminal.answer(&svg::roadmap(&plan)),
            }
            Ok(Answer::Yes)
        }
        Some(AssessCommand::Check(args)) => check(args, terminal),
        Some(AssessCommand::Diff(args)) => {
            let changed = compare(&snapshot(&args.a)?, &snapshot(&args.b)?);
            match args.output {
                PlainFormat::Table => terminal.answer(&table::comparison(&changed)),
                PlainFormat::Json => terminal.envelope("comparison", &changed),
            }
            Ok(Answer::Yes)
        }
        Some(AssessCommand::Questions(args)) => {
            let mut findings = Vec::new();
            let catalogue = input::catalogue(&args.questions, &mut findings)?;
            terminal.findings(&findings);
            terminal.answer(&markdown::questions(&catalogue));
            Ok(Answer::Yes)
        }
    }
}

fn report(args: &ReportArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let before = args.before.as_deref().map(snapshot).transpose()?;
    let asked = Asked::ask(&args.input)?;
    let plan = roadmap(&asked.catalogue, &asked.assessment);
    let changed = before.map(|b| compare(&b, &Snapshot::from(&asked.assessment)));
    match args.output {
        ReportFormat::Html => terminal.answer(&html::page(&asked, &plan, changed.as_ref())),
        ReportFormat::Markdown => terminal.answer(&markdown::report(&asked, &plan, changed.as_ref())),
        ReportFormat::Json => terminal.envelope("assessment", &asked.assessment),
        ReportFormat::Csv => terminal.answer(&csv::assessment(&asked.assessment)),
    }
    Ok(Answer::Yes)
}

fn check(args: &CheckArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let asked = Asked::ask(&args.input)?;
    let gates = &asked.assessment.gates;
    let until = match &args.before {
        None => gates.len(),
        Some(phase) => match gates.iter().rposition(|g| g.before == *phase) {
            Some(last) => last + 1,
            None => {
                return Err(Finding::error("readiness/unknown-phase", format!("no gate stands before `{phase}`"))
                    .help("see `glidepath assess check --help` for the phases")
                    .into());
            }
        },
    };
    let gates = gates.get(..until).unwrap_or(gates);
    match args.output {
        PlainFormat::Table => {
            terminal.findings(&asked.findings);
            terminal.answer(&table::gates(gates, &asked.assessment));
        }
        PlainFormat::Json => {
            #[derive(serde::Serialize)]
            struct Gates<'a> {
                gates: &'a [glidepath_readiness::GateState],
                findings: &'a [Finding],
            }
            terminal.envelope("gates", &Gates { gates, findings: &asked.findings });
        }
    }
    Ok(if gates.iter().all(|g| g.open) { Answer::Yes } else { Answer::No })
}

fn snapshot(path: &std::path::Path) -> Result<Snapshot, Failure> {
    let text = files::read(path)?;
    serde_json::from_str(text.as_str()).map_err(|e| {
        Finding::error("readiness/no-assessment", format!("`{}` holds no assessment: {e}", text.name()))
            .about(text.name().to_owned())
            .help("give a file written by `glidepath assess -o json`")
            .into()
    })
}
