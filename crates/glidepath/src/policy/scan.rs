//! `glidepath policy scan`: an estate of any size past what is in force, as a stream.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use glidepath_policy::{Effect, Judged, Outcome, Stream};
use glidepath_source::Finding;
use serde_json::json;

use crate::cli::PolicySources;
use crate::failure::{Answer, Failure};
use crate::output::Terminal;
use crate::policies;

/// Lines that are judged before the next are read: memory stays flat.
const BATCH: usize = 4_096;

#[derive(Debug, Args)]
pub(crate) struct ScanArgs {
    /// Resources as Azure returns them, one a line (NDJSON); `-` for the standard input
    #[arg(value_name = "EXPORT")]
    export: PathBuf,

    /// The management group that subscriptions are under which no design places
    #[arg(long, value_name = "MANAGEMENT_GROUP", default_value = "corp")]
    at: String,

    #[command(flatten)]
    policies: PolicySources,

    /// Lines only for resources that would be refused
    #[arg(long)]
    denied: bool,

    /// How many threads judge
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    threads: usize,
}

/// What came of all resources.
#[derive(Debug, Default)]
struct Sum {
    resources: usize,
    refused: usize,
    clean: usize,
    unreadable: usize,
}

/// What came of a part of a batch.
#[derive(Default)]
struct Part {
    text: String,
    sum: Sum,
    findings: Vec<Finding>,
}

pub(crate) fn run(args: &ScanArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let policies = policies::load(&args.policies, &args.at, &[], &mut findings)?;
    terminal.findings(&findings);
    let now = jiff::Timestamp::now().as_second();
    let threads = match args.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        some => some,
    };
    let stream = || Stream::new(&policies.engine, policies.hierarchy.clone(), now).placing(policies.group.clone());
    let mut streams: Vec<Stream<'_>> = (0..threads).map(|_| stream()).collect();
    let name = args.export.display().to_string();
    let mut lines = open(&args.export)?.split(b'\n');
    let (mut sum, mut first) = (Sum::default(), 1);
    loop {
        let batch = lines.by_ref().take(BATCH * threads).collect::<Result<Vec<_>, _>>().map_err(|e| {
            Failure::target(Finding::error("file/unreadable", format!("cannot read on: {e}")).about(&name))
        })?;
        if batch.is_empty() {
            break;
        }
        let size = batch.len().div_ceil(threads);
        let judge = |stream: &mut Stream<'_>, from: usize, lines: &[Vec<u8>]| {
            let mut part = Part::default();
            for (at, line) in lines.iter().enumerate() {
                part.judge(stream, line, &|| format!("{name}:{}", from + at), args.denied);
            }
            part
        };
        let parts: Vec<Part> = std::thread::scope(|scope| {
            let work = streams.iter_mut().zip(batch.chunks(size)).enumerate();
            let running: Vec<_> = work
                .map(|(at, (stream, lines))| scope.spawn(move || judge(stream, first + at * size, lines)))
                .collect();
            running.into_iter().filter_map(|part| part.join().ok()).collect()
        });
        first += batch.len();
        for part in parts {
            terminal.answer(&part.text);
            terminal.findings(&part.findings);
            sum.add(&part.sum);
        }
    }
    terminal.note(&format!(
        "{} resources, {} that policy refuses, {} with nothing to say{}",
        sum.resources,
        sum.refused,
        sum.clean,
        if sum.unreadable == 0 { String::new() } else { format!(", {} lines that cannot be read", sum.unreadable) }
    ));
    if sum.unreadable > 0 {
        return Err(Failure::input(Vec::new()));
    }
    Ok(if sum.refused > 0 { Answer::No } else { Answer::Yes })
}

impl Part {
    fn judge(&mut self, stream: &mut Stream<'_>, line: &[u8], name: &dyn Fn() -> String, only_denied: bool) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        match stream.judge(line, name) {
            Ok(judged) => {
                let refused = matches!(judged.effect, Some(Effect::Deny | Effect::DenyAction));
                self.sum.resources += 1;
                self.sum.refused += usize::from(refused);
                self.sum.clean += usize::from(judged.is_clean());
                if refused || !only_denied {
                    // A string takes all that is written to it.
                    let _ = writeln!(self.text, "{}", verdict(&judged));
                }
            }
            Err(finding) => {
                self.sum.unreadable += 1;
                self.findings.push(finding);
            }
        }
    }
}

impl Sum {
    fn add(&mut self, other: &Sum) {
        self.resources += other.resources;
        self.refused += other.refused;
        self.clean += other.clean;
        self.unreadable += other.unreadable;
    }
}

fn verdict(judged: &Judged<'_>) -> serde_json::Value {
    let policies = judged.told().map(|told| {
        let mut policy = json!({
            "assignment": told.assignment.as_str(),
            "definition": told.definition.as_str(),
            "effect": told.effect.name(),
            "outcome": outcome(told.outcome),
        });
        if let (Some(reference), Some(members)) = (told.reference, policy.as_object_mut()) {
            members.insert("reference".to_owned(), reference.into());
        }
        policy
    });
    json!({
        "id": judged.id,
        "effect": judged.effect.map(Effect::name),
        "policies": policies.collect::<Vec<_>>(),
    })
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Triggered => "triggered",
        Outcome::DependsOn => "dependsOn",
        Outcome::Exempt => "exempt",
        Outcome::NotEnforced => "notEnforced",
        Outcome::Compliant => "compliant",
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(|e| {
        Finding::error("file/unreadable", format!("cannot read `{name}`: {e}")).about(&name).help("check the path")
    })?;
    Ok(Box::new(BufReader::with_capacity(1 << 20, file)))
}
