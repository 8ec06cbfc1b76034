//! `glidepath design show`: a design with every default filled in, and where each value comes from.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use glidepath_design::Design;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{Columns, DIM, Terminal, paint};
use crate::sources;

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Folder of the design
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// Name beside each value the file and line it was written in, or that it is a default
    #[arg(long)]
    origin: bool,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

/// One value of the design.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Setting {
    path: String,
    value: Json,
    /// `platform.yaml:3`, or `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    settings: Vec<Setting>,
}

pub(crate) fn run(args: &ShowArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let design = sources::read_design(&args.dir, &mut findings)?;
    terminal.findings(&findings);
    let mut settings = Vec::new();
    if let Ok(Json::Object(members)) = serde_json::to_value(&design) {
        walk_object(&design, "", &members, &mut settings);
    }
    if !args.origin {
        settings.iter_mut().for_each(|s| s.origin = None);
    }
    let shown = Shown { settings };
    match args.output {
        PlainFormat::Json => terminal.envelope("design", &shown),
        PlainFormat::Table => terminal.answer(&table(&shown)),
    }
    Ok(Answer::Yes)
}

fn walk(design: &Design, path: &str, value: &Json, settings: &mut Vec<Setting>) {
    match value {
        Json::Object(members) if !members.is_empty() => walk_object(design, path, members, settings),
        Json::Array(items) if items.iter().any(Json::is_object) => {
            for (i, item) in items.iter().enumerate() {
                walk(design, &format!("{path}/{i}"), item, settings);
            }
        }
        Json::Null => {}
        value => {
            settings.push(Setting { path: path.to_owned(), value: value.clone(), origin: Some(origin(design, path)) })
        }
    }
}

fn walk_object(design: &Design, path: &str, members: &Map<String, Json>, settings: &mut Vec<Setting>) {
    for (key, value) in members {
        let below = match (path, key.as_str()) {
            ("", key) => key.to_owned(),
            // The files have it under `validation`.
            (path, "approvals") => format!("{path}/validation/approvals"),
            (path, key) => format!("{path}/{key}"),
        };
        walk(design, &below, value, settings);
    }
}

fn origin(design: &Design, path: &str) -> String {
    match design.places.is_written(path) {
        true => design.places.origin(path).map_or_else(|| "default".to_owned(), |origin| origin.to_string()),
        false => "default".to_owned(),
    }
}

fn table(shown: &Shown) -> String {
    let mut columns = Columns::default();
    for Setting { path, value, origin } in &shown.settings {
        let value = match value {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        let origin = origin.as_ref().map(|o| paint(DIM, o)).unwrap_or_default();
        columns.row([path.clone(), value, origin]);
    }
    let mut text = columns.render(0);
    if shown.settings.is_empty() {
        let _ = writeln!(text, "the design is empty");
    }
    text
}
