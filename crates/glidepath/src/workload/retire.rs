//! `glidepath workload retire`: out of the design, and what is its own deleted in reverse order.

use std::fmt::Write;

use clap::Args;
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde::Serialize;

use super::{Which, find};
use crate::cli::{PlainFormat, UpArgs};
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, RED, Terminal, paint};
use crate::sources;
use crate::up::stateful::is_stateful;

#[derive(Debug, Args)]
pub(super) struct RetireArgs {
    #[command(flatten)]
    which: Which,

    /// The workload's name again: without it nothing is done and only shown what would be
    #[arg(long, value_name = "WORKLOAD")]
    confirm: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Retirement<'a> {
    workload: &'a str,
    /// How many resources go, by phase, in the order in which they go.
    delete: IndexMap<&'static str, usize>,
    /// Those that hold data.
    stateful: Vec<String>,
}

pub(super) fn run(args: &RetireArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (name, folder) = (&args.which.workload, &args.which.design);
    let mut findings = Vec::new();
    let compilation = sources::design(folder, &mut findings)?;
    terminal.findings(&findings);
    let workload = find(&compilation.design, name)?;
    if let Some(typed) = &args.confirm {
        if typed != name {
            return Err(Finding::error("workload/not-confirmed", format!("`{typed}` is not `{name}`"))
                .about(name)
                .help("type the name of the workload that is to go")
                .into());
        }
        let place = compilation.design.places.value(&format!("workloads/{}/name", workload.name));
        let file = place.map(|p| p.text.name().to_owned()).unwrap_or_default();
        retire_file(folder, &file, name)?;
        let up = UpArgs {
            dir: folder.clone(),
            output: args.which.output,
            port: 0,
            delete: true,
            confirm: Some(compilation.design.organization.clone()),
            concurrency: 16,
        };
        return crate::up::run(&up, terminal);
    }
    let own = || compilation.compiled.estate.iter().filter(|r| r.workload.as_deref() == Some(name));
    let mut delete: IndexMap<&'static str, usize> = IndexMap::new();
    let mut phases: Vec<_> = own().filter_map(|r| r.phase).collect();
    phases.sort();
    for phase in phases.into_iter().rev() {
        *delete.entry(phase.name()).or_default() += 1;
    }
    let stateful = own().filter(|r| is_stateful(&r.id)).map(|r| r.id.to_string()).collect();
    let retirement = Retirement { workload: name, delete, stateful };
    match args.which.output {
        PlainFormat::Json => terminal.envelope("workloadRetirement", &retirement),
        PlainFormat::Table => terminal.answer(&table(&retirement, &folder.display().to_string())),
    }
    Ok(Answer::No)
}

/// The file goes to `retired/`, which is no part of a design: it can be looked up, and put back.
fn retire_file(folder: &std::path::Path, file: &str, name: &str) -> Result<(), Failure> {
    let from = std::path::Path::new(file);
    let to = folder.join("retired").join(format!("{name}.yaml"));
    std::fs::create_dir_all(folder.join("retired")).and_then(|()| std::fs::rename(from, &to)).map_err(|e| {
        Failure::target(
            Finding::error("workload/unwritable", format!("cannot move `{file}` to `{}`: {e}", to.display()))
                .help("check the folder and its permissions"),
        )
    })
}

fn table(retirement: &Retirement<'_>, folder: &str) -> String {
    let name = retirement.workload;
    let mut text = format!("{} would go, as far as it exists\n\n", paint(BOLD, name));
    for (phase, count) in &retirement.delete {
        let _ = writeln!(text, "  {} {phase}  {count}", paint(RED, '-'));
    }
    if !retirement.stateful.is_empty() {
        let _ = writeln!(text, "\n{} of them hold data, which goes with them", retirement.stateful.len());
        for id in &retirement.stateful {
            let _ = writeln!(text, "  {id}");
        }
    }
    let _ = writeln!(
        text,
        "\nand everything else of earlier rollouts that the design no longer wants\n\nnext\n  glidepath workload retire {name} --confirm {name} --design {folder}"
    );
    text
}
