//! `glidepath workload evidence`: evaluations and drills, bound to what was evaluated and rehearsed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use glidepath_design::{Drill, Workload};
use glidepath_plan::{Evaluation, Fingerprints, Gate, Rehearsal};
use glidepath_source::{Finding, Kind, Node, Text, json};

use super::{Which, answer, find, gate, principal};
use crate::failure::{Answer, Failure};
use crate::files;
use crate::output::Terminal;
use crate::up::runtime;
use crate::up::session::{Session, store_failure};

#[derive(Debug, Args)]
pub(super) struct EvidenceArgs {
    #[command(flatten)]
    which: Which,

    /// Results of the evaluation: JSON with `metrics`, name to mean; or one result a line (.jsonl), whose means are taken
    #[arg(long, value_name = "FILE", required_unless_present = "drill")]
    evaluation: Option<PathBuf>,

    /// The drill that was held
    #[arg(long, value_name = "DRILL", requires = "outcome")]
    drill: Option<String>,

    /// How it went
    #[arg(long, requires = "drill")]
    outcome: Option<Outcome>,

    /// Who answers for the record
    #[arg(long, value_name = "PRINCIPAL")]
    by: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Outcome {
    /// The workload kept, or got back, what it promises
    Passed,
    /// It did not
    Failed,
}

pub(super) fn run(args: &EvidenceArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let metrics = args.evaluation.as_deref().map(metrics).transpose()?;
    let mut findings = Vec::new();
    let (recorded, gate) = runtime()?.block_on(async {
        let session = Session::open(&args.which.design, 0, &mut findings).await?;
        let result = record(&session, args, metrics, &mut findings).await;
        session.close().await;
        result
    })?;
    terminal.findings(&findings);
    Ok(answer(&args.which, &recorded, &gate, terminal))
}

async fn record(
    session: &Session,
    args: &EvidenceArgs,
    metrics: Option<BTreeMap<String, f64>>,
    findings: &mut Vec<Finding>,
) -> Result<(Vec<String>, Gate), Failure> {
    let workload = find(&session.compilation.design, &args.which.workload)?;
    let by = principal(&args.by, &workload.name)?;
    let drill = args.drill.as_deref().map(|word| drill(workload, word)).transpose()?;
    let of = Fingerprints::of(&session.compilation.compiled.estate).validated(&workload.name).to_owned();
    let (name, at) = (workload.name.clone(), session.today());
    let mut recorded = Vec::new();
    if let Some(metrics) = metrics {
        let Some(wanted) = &workload.validation.evaluation else {
            return Err(not_asked(workload, "an evaluation"));
        };
        let said: Vec<String> = metrics.iter().map(|(metric, mean)| format!("{metric} {mean}")).collect();
        recorded.push(format!("evaluation of {name} recorded: {}", said.join(", ")));
        let dataset = wanted.dataset.clone();
        let evaluation =
            Evaluation { workload: name.clone(), dataset, metrics, by: by.clone(), at: at.clone(), of: of.clone() };
        session.records.evaluate(&evaluation).await.map_err(|e| store_failure(&e))?;
    }
    if let Some(drill) = drill {
        let passed = args.outcome == Some(Outcome::Passed);
        recorded.push(format!("drill {drill} of {name} recorded: {}", if passed { "passed" } else { "failed" }));
        let rehearsal = Rehearsal { workload: name.clone(), drill: drill.name().to_owned(), passed, by, at, of };
        session.records.rehearse(&rehearsal).await.map_err(|e| store_failure(&e))?;
    }
    let gate = gate(session, &name, findings).await?;
    Ok((recorded, gate))
}

fn drill(workload: &Workload, word: &str) -> Result<Drill, Failure> {
    let known = workload.validation.drill.iter().find(|d| d.name() == word);
    known.copied().ok_or_else(|| not_asked(workload, &format!("the drill `{word}`")))
}

fn not_asked(workload: &Workload, what: &str) -> Failure {
    let drills: Vec<&str> = workload.validation.drill.iter().map(|d| d.name()).collect();
    let evaluation = workload.validation.evaluation.as_ref().map(|e| format!("an evaluation on `{}`", e.dataset));
    let asked: Vec<String> = evaluation.into_iter().chain(drills.iter().map(|d| format!("`{d}`"))).collect();
    let help = if asked.is_empty() {
        "name evaluation and drill under `validation` in its file".to_owned()
    } else {
        format!("its `validation` asks for {}", asked.join(", "))
    };
    Finding::error("workload/not-asked", format!("`{}` does not ask for {what}", workload.name))
        .about(&workload.name)
        .help(help)
        .into()
}

/// Metric → mean.
fn metrics(path: &Path) -> Result<BTreeMap<String, f64>, Failure> {
    let text = files::read(path)?;
    let rows: Vec<Node> = if path.extension().is_some_and(|e| e == "jsonl" || e == "ndjson") {
        let name = path.display();
        let lines = text.as_str().lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let parse = |(i, line): (usize, &str)| json::parse(&Text::new(format!("{name}:{}", i + 1), line));
        lines.map(parse).collect::<Result<_, _>>()?
    } else {
        let root = json::parse(&text)?;
        vec![root.get("metrics").cloned().unwrap_or(root)]
    };
    let mut sums: BTreeMap<String, (f64, usize)> = BTreeMap::new();
    for row in &rows {
        for member in row.members() {
            let number = match member.value.kind {
                Kind::Int(i) => i as f64,
                Kind::Float(f) if f.is_finite() => f,
                _ => continue,
            };
            let (sum, count) = sums.entry(member.key.to_string()).or_default();
            *sum += number;
            *count += 1;
        }
    }
    // A row without a metric was not measured: its mean would be one of the rows that happened to go well.
    if let Some((metric, (_, count))) = sums.iter().find(|(_, (_, count))| *count != rows.len()) {
        return Err(Finding::error(
            "evaluation/incomplete",
            format!("`{metric}` stands in {count} of {} results of `{}`", rows.len(), path.display()),
        )
        .help("evaluate every row, or take the metric out")
        .into());
    }
    if sums.is_empty() {
        return Err(Finding::error("evaluation/no-metrics", format!("`{}` holds no numbers", path.display()))
            .about(path.display().to_string())
            .help("write `{\"metrics\": {\"groundedness\": 0.91}}`, or one result a line in a .jsonl file")
            .into());
    }
    let mean = |(metric, (sum, count)): (String, (f64, usize))| (metric, (sum / count as f64 * 1e6).round() / 1e6);
    Ok(sums.into_iter().map(mean).collect())
}
