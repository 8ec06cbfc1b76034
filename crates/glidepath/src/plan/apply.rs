//! `glidepath apply`: carries out a saved plan, if it still says what would be done.

use std::path::{Path, PathBuf};

use glidepath_plan::Plan;
use glidepath_source::Finding;
use serde::{Deserialize, Serialize};

use super::{ApplyArgs, file_finding, make};
use crate::cli::UpArgs;
use crate::failure::{Answer, Failure};
use crate::output::Terminal;

/// A plan in a file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Saved {
    kind: String,
    schema_version: String,
    design: PathBuf,
    plan: serde_json::Value,
}

pub(super) fn save(path: &Path, design: &Path, plan: &Plan) -> Result<(), Failure> {
    let design = std::path::absolute(design).map_err(|e| file_finding(design, &e))?;
    let saved =
        Saved { kind: "savedPlan".to_owned(), schema_version: "1".to_owned(), design, plan: value(plan, path)? };
    let text = serde_json::to_string(&saved).map_err(|e| file_finding(path, &e.into()))?;
    std::fs::write(path, text).map_err(|e| file_finding(path, &e))?;
    Ok(())
}

fn value(plan: &Plan, path: &Path) -> Result<serde_json::Value, Finding> {
    // By way of the text: what is read back from a file then compares equal.
    let text = serde_json::to_string(plan).map_err(|e| file_finding(path, &e.into()))?;
    serde_json::from_str(&text).map_err(|e| file_finding(path, &e.into()))
}

pub(crate) fn run(args: &ApplyArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let dir = if args.from.is_dir() { args.from.clone() } else { fresh(&args.from, terminal)? };
    let up = UpArgs { dir, output: args.output, port: 0, concurrency: 16, delete: false, confirm: None };
    crate::up::run(&up, terminal)
}

/// The design of a saved plan that is not stale.
fn fresh(path: &Path, terminal: &mut Terminal) -> Result<PathBuf, Failure> {
    let text = crate::files::read(path)?;
    let saved: Saved = serde_json::from_str(text.as_str()).map_err(|e| {
        Finding::error("plan/not-a-plan", format!("`{}` is not a saved plan: {e}", path.display()))
            .help("write one with `glidepath plan --out FILE`")
    })?;
    let (plan, _) = make(&saved.design, terminal)?;
    if value(&plan, path)? != saved.plan {
        return Err(Finding::error("plan/stale", format!("`{}` no longer says what would be done", path.display()))
            .why("the design or what is there has changed since the plan was made")
            .help("make and review a new one with `glidepath plan --out FILE`")
            .into());
    }
    Ok(saved.design)
}
