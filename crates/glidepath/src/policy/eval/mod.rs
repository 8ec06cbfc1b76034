//! `glidepath policy eval`: one definition or rule × one resource, and streams of them.

pub(super) mod case;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use glidepath_arm::{Object, Value};
use glidepath_policy::Semantics;
use glidepath_source::{Finding, Text, json};

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, DIM, GREEN, RED, Terminal, paint};
use crate::{files, sources};

use case::{Case, Judged, Setting};

#[derive(Debug, Args)]
pub(crate) struct EvalArgs {
    /// A definition or rule (JSON)
    #[arg(long, value_name = "FILE", required_unless_present = "batch", requires = "resource")]
    definition: Option<PathBuf>,

    /// The resource (JSON, as Azure returns it)
    #[arg(long, value_name = "FILE")]
    resource: Option<PathBuf>,

    /// Parameter values: a JSON file (name → value), or one as name=value; later ones win
    #[arg(short, long, value_name = "FILE|NAME=VALUE")]
    parameters: Vec<String>,

    /// Resources that exist (a JSON list), for auditIfNotExists and deployIfNotExists
    #[arg(long, value_name = "FILE")]
    related: Option<PathBuf>,

    /// What functions see (JSON): requestContext, subscription, resourceGroup, policy, utcNow
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,

    /// The api-version of the request
    #[arg(long, value_name = "VERSION")]
    api_version: Option<String>,

    /// No aliases: fields are paths from the root of the resource
    #[arg(long)]
    raw: bool,

    /// One case a line (NDJSON), `-` for the standard input; one verdict a line comes out, in the same order
    #[arg(long, value_name = "FILE", conflicts_with_all = ["definition", "resource"])]
    batch: Option<PathBuf>,

    /// Table of policy aliases: CSV `alias,path`, or the JSON of the providers API; may be gzipped
    #[arg(long, value_name = "FILE", env = "GLIDEPATH_ALIASES")]
    aliases: Option<PathBuf>,

    /// Read a disputed passage otherwise (see docs/policy-fidelity.md): empty-collection=not-met, function-case=insensitive,
    /// type-mismatch=false, failed-evaluation=ignore, mode=all
    #[arg(long, value_name = "NAME=VALUE")]
    semantics: Vec<String>,

    /// Add the evaluated conditions to every line of a batch
    #[arg(long)]
    trace: bool,

    /// How the answer is written; a batch is always NDJSON
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

pub(crate) fn run(args: &EvalArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut semantics = Semantics::default();
    for switch in &args.semantics {
        semantics
            .set(switch)
            .map_err(|message| Finding::error("policy/unknown-switch", message).about(switch.as_str()))?;
    }
    let aliases = args.aliases.as_deref().map(sources::aliases).transpose()?.unwrap_or_default();
    let setting = Setting { aliases: &aliases, semantics, now: jiff::Timestamp::now().as_second() };
    match &args.batch {
        Some(path) => batch(path, &setting, args.trace, terminal),
        None => one(args, &setting, terminal),
    }
}

/// Line by line: what is wrong with one line is that line's answer.
fn batch(path: &Path, setting: &Setting<'_>, trace: bool, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let input: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let name = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|e| {
            Finding::error("file/unreadable", format!("cannot read `{name}`: {e}")).about(&name).help("check the path")
        })?;
        Box::new(BufReader::with_capacity(1 << 16, file))
    };
    for (number, line) in input.split(b'\n').enumerate() {
        let line = line.map_err(|e| {
            Failure::target(
                Finding::error("file/unreadable", format!("cannot read on: {e}")).about(path.display().to_string()),
            )
        })?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let judged = case::from_line(&line, number + 1, setting);
        terminal.line(&judged.to_line(trace));
    }
    Ok(Answer::Yes)
}

fn one(args: &EvalArgs, setting: &Setting<'_>, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (Some(definition), Some(resource)) = (&args.definition, &args.resource) else {
        return Err(Finding::error("policy/nothing-to-judge", "a definition and a resource are needed")
            .help("name them with --definition and --resource, or a stream of both with --batch")
            .into());
    };
    let read = |path: &Path| -> Result<Value, Failure> { Ok(Value::from(&json::parse(&files::read(path)?)?)) };
    let read_some = |path: &Option<PathBuf>| path.as_deref().map(read).transpose();
    let mut parameters = Object::new();
    for argument in &args.parameters {
        match argument.split_once('=').filter(|_| !Path::new(argument).is_file()) {
            Some((name, text)) => parameters.insert(name, value_of(text)),
            None => {
                let file = read(Path::new(argument))?;
                let values = file.get("parameters").unwrap_or(&file).as_object().cloned().unwrap_or_default();
                values.iter().for_each(|(name, value)| parameters.insert(name.clone(), value));
            }
        }
    }
    let case = Case {
        policy: read(definition)?,
        resource: read(resource)?,
        parameters,
        api_version: args.api_version.clone(),
        context: read_some(&args.context)?.unwrap_or(Value::Null),
        raw: args.raw,
        related: read_some(&args.related)?.and_then(|v| v.as_array().map(<[Value]>::to_vec)).unwrap_or_default(),
    };
    let judged = case.judge(Value::Null, setting);
    match args.output {
        PlainFormat::Json => terminal.envelope("policy-eval", &judged.to_line(true)),
        PlainFormat::Table => {
            terminal.findings(&judged.single.findings);
            terminal.answer(&table(&judged));
        }
    }
    if judged.unusable {
        return Err(Failure::input(Vec::new()));
    }
    let refused = judged.single.effect.as_deref().is_some_and(|e| e.eq_ignore_ascii_case("deny"));
    Ok(if refused { Answer::No } else { Answer::Yes })
}

/// JSON where it is some, else text.
fn value_of(text: &str) -> Value {
    let looks_like_json = text.starts_with(['[', '{', '"']) || matches!(text, "true" | "false");
    let parsed = || json::parse(&Text::new("parameter", text)).ok();
    match text.parse::<i64>() {
        Ok(number) => Value::Int(number),
        Err(_) if looks_like_json => parsed().map_or_else(|| text.into(), |node| Value::from(&node)),
        Err(_) => text.into(),
    }
}

fn table(judged: &Judged) -> String {
    let mut text = String::new();
    let single = &judged.single;
    match &single.effect {
        Some(effect) => {
            let colour = if effect.eq_ignore_ascii_case("deny") { RED } else { BOLD };
            let _ = writeln!(text, "the rule is met: {}", paint(colour, effect));
        }
        None if single.findings.iter().any(|f| f.code == "policy/depends-on") => {
            let _ = writeln!(text, "{}", paint(BOLD, "nobody can tell"));
        }
        None if judged.unusable => {}
        None => {
            let _ = writeln!(text, "{}", paint(GREEN, "the rule is not met, or does not look at this resource"));
        }
    }
    for step in &single.trace {
        let found = step.expression_value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        let _ = writeln!(
            text,
            "  {:<7} {} {} {}  {}",
            step.result,
            step.expression,
            step.operator,
            step.target_value,
            paint(DIM, format!("found {found}"))
        );
    }
    if !single.details.is_null() {
        let details = serde_json::to_string_pretty(&single.details.to_json()).unwrap_or_default();
        let _ = writeln!(text, "details:\n{details}");
    }
    for operation in &single.operations {
        let _ = writeln!(text, "  ~ {operation}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_may_be_json() {
        assert_eq!(value_of("3"), Value::Int(3));
        assert_eq!(value_of("Deny"), "Deny".into());
        assert_eq!(value_of("[\"a\"]"), Value::array(["a"]));
        assert_eq!(value_of("[concat('a')]"), "[concat('a')]".into());
    }
}
