//! `glidepath policy test`: the organisation's own cases.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use glidepath_arm::Value;
use glidepath_policy::Semantics;
use glidepath_source::{Finding, Text, json, yaml};
use serde::Serialize;

use super::eval::case::{Case, Judged, Setting};
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, GREEN, RED, Terminal, paint};
use crate::{files, sources};

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Folder of case files (`*.yaml`, `*.json` with `cases`)
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Table of policy aliases: CSV `alias,path`, or the JSON of the providers API; may be gzipped
    #[arg(long, value_name = "FILE", env = "GLIDEPATH_ALIASES")]
    aliases: Option<PathBuf>,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: TestFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TestFormat {
    /// For reading
    Table,
    /// One envelope, `{"kind": …, "schemaVersion": …}`
    Json,
    /// JUnit XML, for build servers
    Junit,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    passed: usize,
    failed: usize,
    cases: Vec<CaseResult>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CaseResult {
    file: String,
    name: String,
    passed: bool,
    /// What was wrong; empty when nothing was.
    #[serde(skip_serializing_if = "String::is_empty")]
    problem: String,
}

pub(crate) fn run(args: &TestArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let aliases = args.aliases.as_deref().map(sources::aliases).transpose()?.unwrap_or_default();
    let setting =
        Setting { aliases: &aliases, semantics: Semantics::default(), now: jiff::Timestamp::now().as_second() };
    let fits = |path: &str| [".yaml", ".yml", ".json"].iter().any(|end| path.to_ascii_lowercase().ends_with(end));
    let (texts, mut problems) = files::read_folder(&args.dir, &fits)?;
    let mut cases = Vec::new();
    for (path, text) in &texts {
        let body = match parse(path, text) {
            Ok(body) => body,
            Err(finding) => {
                problems.push(finding);
                continue;
            }
        };
        // Definitions and resources that cases name lie in the same folders.
        let folder = args.dir.join(path);
        let folder = folder.parent().unwrap_or(&args.dir);
        for (number, case) in body.get("cases").and_then(Value::as_array).unwrap_or_default().iter().enumerate() {
            let name = case.get("case").or_else(|| case.get("name")).and_then(Value::as_str);
            let name = name.map_or_else(|| format!("case {}", number + 1), str::to_owned);
            let problem = hold(case, &body, folder, &setting).err().unwrap_or_default();
            cases.push(CaseResult { file: path.clone(), name, passed: problem.is_empty(), problem });
        }
    }
    if !problems.is_empty() {
        return Err(Failure::input(problems));
    }
    if cases.is_empty() {
        return Err(Finding::error("policy/no-cases", format!("there are no cases in `{}`", args.dir.display()))
            .help("a case file is `cases: [{case: name, definition: FILE, resource: {…}, expect: Deny}]`")
            .into());
    }
    let passed = cases.iter().filter(|c| c.passed).count();
    let results = Results { passed, failed: cases.len() - passed, cases };
    match args.output {
        TestFormat::Json => terminal.envelope("policy-test", &results),
        TestFormat::Table => terminal.answer(&table(&results)),
        TestFormat::Junit => terminal.answer(&junit(&results)),
    }
    Ok(if results.failed > 0 { Answer::No } else { Answer::Yes })
}

fn parse(path: &str, text: &Text) -> Result<Value, Finding> {
    let node = if path.to_ascii_lowercase().ends_with(".json") { json::parse(text)? } else { yaml::parse(text)? };
    Ok(Value::from(&node))
}

/// Does a case hold? What stands beside `cases` is the default of every case.
fn hold(case: &Value, file: &Value, folder: &Path, setting: &Setting<'_>) -> Result<(), String> {
    let mut whole = case.clone();
    let object = whole.make_object();
    for key in ["definition", "rule", "resource", "parameters", "context", "related", "apiVersion", "aliases", "expect"]
    {
        if case.get(key).is_none()
            && let Some(value) = file.get(key)
        {
            object.insert(key, value);
        }
    }
    for key in ["definition", "rule", "resource"] {
        if let Some(Value::String(path)) = object.get(key).cloned() {
            let text = files::read(&folder.join(path.as_ref())).map_err(|f| f.message)?;
            object.insert(key, parse(&path, &text).map_err(|f| f.to_string())?);
        }
    }
    let expected = object.get("expect").cloned();
    let judged = Case::read(&whole).map_err(|f| f.to_string())?.judge(Value::Null, setting);
    compare(expected.as_ref(), &judged)
}

fn compare(expected: Option<&Value>, judged: &Judged) -> Result<(), String> {
    let Some(expected) = expected else { return Err("the case has no `expect`".to_owned()) };
    let wanted = match expected {
        Value::Object(_) => expected.get("effect").unwrap_or(&Value::Null),
        plain => plain,
    };
    let wanted = match wanted {
        Value::Null => None,
        Value::String(text) if text.eq_ignore_ascii_case("none") || text.eq_ignore_ascii_case("compliant") => None,
        Value::String(text) => Some(text.as_ref()),
        other => return Err(format!("`expect` is an effect or `none`, not `{other}`")),
    };
    let found = judged.single.effect.as_deref();
    let same = match (wanted, found) {
        (None, None) => true,
        (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
        _ => false,
    };
    let told = || {
        let findings: Vec<String> = judged.single.findings.iter().map(|f| f.to_string()).collect();
        if findings.is_empty() { String::new() } else { format!("; {}", findings.join("; ")) }
    };
    if !same {
        let word = |effect: Option<&str>| effect.map_or("none".to_owned(), str::to_owned);
        return Err(format!("expected {}, found {}{}", word(wanted), word(found), told()));
    }
    if let Some(details) = expected.get("details") {
        let is = judged.single.details.to_string();
        if is != details.to_string() {
            return Err(format!("expected the details {details}, found {is}"));
        }
    }
    match expected.get("findings").and_then(Value::as_array) {
        Some(codes) => {
            let is: Vec<&str> = judged.single.findings.iter().map(|f| f.code).collect();
            let wanted: Vec<&str> = codes.iter().filter_map(Value::as_str).collect();
            if is == wanted { Ok(()) } else { Err(format!("expected the findings {wanted:?}, found {is:?}")) }
        }
        // "None", because the policy cannot be read, is no result.
        None if judged.unusable
            || (wanted.is_none()
                && !judged.single.findings.iter().all(|f| f.severity == glidepath_source::Severity::Note)) =>
        {
            Err(format!("there is no verdict{}", told()))
        }
        None => Ok(()),
    }
}

fn table(results: &Results) -> String {
    let mut text = String::new();
    let mut file = "";
    for case in &results.cases {
        if case.file != file {
            file = &case.file;
            let _ = writeln!(text, "{}", paint(BOLD, file));
        }
        let mark = if case.passed { paint(GREEN, "ok  ") } else { paint(RED, "FAIL") };
        let _ = writeln!(text, "  {mark} {}", case.name);
        if !case.passed {
            let _ = writeln!(text, "       {}", case.problem.replace('\n', "\n       "));
        }
    }
    let _ = writeln!(text, "{} passed, {} failed", results.passed, results.failed);
    text
}

fn junit(results: &Results) -> String {
    let attribute = |text: &str| {
        let plain: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
        plain
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\n', "&#10;")
    };
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\">\n",
        results.cases.len(),
        results.failed
    );
    let mut suites: indexmap::IndexMap<&str, Vec<&CaseResult>> = indexmap::IndexMap::new();
    for case in &results.cases {
        suites.entry(&case.file).or_default().push(case);
    }
    for (file, cases) in suites {
        let failed = cases.iter().filter(|c| !c.passed).count();
        let file = attribute(file);
        let _ = writeln!(text, "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{failed}\">", cases.len());
        for case in cases {
            let name = attribute(&case.name);
            if case.passed {
                let _ = writeln!(text, "    <testcase classname=\"{file}\" name=\"{name}\"/>");
            } else {
                let problem = attribute(&case.problem);
                let _ = writeln!(
                    text,
                    "    <testcase classname=\"{file}\" name=\"{name}\"><failure message=\"{problem}\"/></testcase>"
                );
            }
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}
