//! `glidepath workload add`: the file of a new workload, what it means, and the addresses it gets.

use std::fmt::Write;

use clap::{Args, ValueEnum};
use glidepath_estate::{Estate, differences};
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde::Serialize;

use super::Which;
use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, GREEN, Terminal, YELLOW, paint};
use crate::sources;

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    which: Which,

    /// Who can reach it
    #[arg(long, default_value = "corp")]
    exposure: Exposure,

    /// The team that owns it
    #[arg(long, value_name = "TEAM", default_value = "ai-team")]
    team: String,

    /// Size of each network: S (/24), M (/22), L (/21)
    #[arg(long, value_name = "SIZE", default_value = "S")]
    size: String,

    /// Its environments
    #[arg(long, value_name = "ENVIRONMENT,…", value_delimiter = ',', default_value = "development,test,production")]
    environments: Vec<String>,

    /// Its services
    #[arg(long, value_name = "SERVICE,…", value_delimiter = ',', default_value = "foundry,search,storage,key-vault")]
    services: Vec<String>,

    /// Only show what it would mean
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Exposure {
    /// No public endpoint at all
    Corp,
    /// Public only through WAF or the AI gateway
    Online,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    workload: String,
    file: String,
    written: bool,
    /// `environment/region` → the block its network gets.
    addresses: IndexMap<String, String>,
    /// How many resources come, by phase.
    create: IndexMap<&'static str, usize>,
    /// What of others changes, with the properties that do: the hub's routes and rules.
    modify: IndexMap<String, Vec<String>>,
}

pub(super) fn run(args: &AddArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (name, folder) = (&args.which.workload, &args.which.design);
    // A file name is made from it: what is no name must not leave the folder.
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(Finding::error("workload/bad-name", format!("`{name}` cannot be the name of a workload"))
            .help("take lower-case letters, digits and hyphens")
            .into());
    }
    let mut findings = Vec::new();
    let before = sources::design(folder, &mut findings)?;
    let path = folder.join("workloads").join(format!("{name}.yaml"));
    if path.exists() || before.design.workloads.contains_key(name) {
        return Err(Finding::error("workload/exists", format!("the design has a workload `{name}` already"))
            .about(name)
            .help("take another name, or edit its file")
            .into());
    }
    let text = text(args);
    findings.clear();
    let after = sources::design_with(folder, Some((format!("workloads/{name}.yaml"), text.clone())), &mut findings)?;
    terminal.findings(&findings);
    let added = added(args, &path.display().to_string(), &before.compiled.estate, &after);
    if !args.dry_run {
        let unwritten = |e: std::io::Error| {
            Failure::target(
                Finding::error("workload/unwritable", format!("cannot write `{}`: {e}", path.display()))
                    .help("check the folder and its permissions"),
            )
        };
        std::fs::create_dir_all(folder.join("workloads")).map_err(unwritten)?;
        std::fs::write(&path, text).map_err(unwritten)?;
    }
    match args.which.output {
        PlainFormat::Json => terminal.envelope("workloadAdded", &added),
        PlainFormat::Table => terminal.answer(&table(&added, &folder.display().to_string())),
    }
    Ok(Answer::Yes)
}

fn text(args: &AddArgs) -> String {
    let exposure = match args.exposure {
        Exposure::Corp => "corp",
        Exposure::Online => "online",
    };
    let (name, team, size) = (&args.which.workload, &args.team, &args.size);
    let (environments, services) = (args.environments.join(", "), args.services.join(", "));
    format!(
        "name: {name}\nexposure: {exposure}\nowner: {{ team: {team} }}\ndataClass: internal\nenvironments: [{environments}]\nnetwork: {{ size: {size} }}\nservices: [{services}]\nvalidation:\n  approvals: [{team}]\n"
    )
}

fn added(args: &AddArgs, file: &str, before: &Estate, after: &sources::Compilation) -> Added {
    let name = &args.which.workload;
    let compiled = &after.compiled;
    let own = compiled.addresses.spokes.iter().filter(|(key, _)| key.workload == *name);
    let mut create: IndexMap<&'static str, usize> = IndexMap::new();
    let mut modify = IndexMap::new();
    for resource in compiled.estate.iter() {
        match before.get(&resource.id) {
            None => *create.entry(resource.phase.map_or("", |p| p.name())).or_default() += 1,
            Some(old) => {
                let changes = differences(&resource.body, &old.body);
                if !changes.is_empty() {
                    modify.insert(resource.id.to_string(), changes.into_iter().map(|c| c.path).collect());
                }
            }
        }
    }
    create.sort_keys();
    Added {
        workload: name.clone(),
        file: file.to_owned(),
        written: !args.dry_run,
        addresses: own.map(|(key, a)| (format!("{}/{}", key.environment, key.region), a.prefix.to_string())).collect(),
        create,
        modify,
    }
}

fn table(added: &Added, folder: &str) -> String {
    let verb = if added.written { "wrote" } else { "would write" };
    let mut text = format!("{verb} {}\n\n{}\n", added.file, paint(BOLD, "addresses"));
    for (spoke, block) in &added.addresses {
        let _ = writeln!(text, "  {spoke}  {block}");
    }
    let total: usize = added.create.values().sum();
    let _ = writeln!(text, "\n{}", paint(BOLD, format!("{total} resources to create")));
    for (phase, count) in &added.create {
        let _ = writeln!(text, "  {} {phase}  {count}", paint(GREEN, '+'));
    }
    if !added.modify.is_empty() {
        let _ = writeln!(text, "\n{}", paint(BOLD, format!("{} resources of others to modify", added.modify.len())));
    }
    for (id, paths) in &added.modify {
        let _ = writeln!(text, "  {} {id}  {}", paint(YELLOW, '~'), paths.join(", "));
    }
    let _ = writeln!(text, "\nnext\n  glidepath plan {folder}\n  glidepath up {folder}");
    text
}
