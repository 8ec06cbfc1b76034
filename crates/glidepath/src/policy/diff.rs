//! `glidepath policy diff`: which resources change their verdict between two libraries.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use glidepath_arm::ResourceId;
use glidepath_estate::{Estate, Resource};
use glidepath_policy::{Contributor, Effect, Verdict};
use glidepath_source::Finding;
use serde::Serialize;

use crate::check::judge::written;
use crate::cli::{PlainFormat, PolicySources};
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, DIM, GREEN, RED, Terminal, YELLOW, paint};
use crate::policies::{self, Policies};
use crate::resources;

#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The library as it is (a folder in ALZ format)
    #[arg(value_name = "LIB_A")]
    before: PathBuf,

    /// The library as it would be
    #[arg(value_name = "LIB_B")]
    after: PathBuf,

    /// The resources that are judged (NDJSON, or a JSON list)
    #[arg(long, value_name = "FILE")]
    estate: PathBuf,

    /// The management group that subscriptions are placed under
    #[arg(long, value_name = "MANAGEMENT_GROUP", default_value = "corp")]
    at: String,

    /// Libraries below both are given with --library
    #[command(flatten)]
    policies: PolicySources,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Radius {
    resources: usize,
    changed: Vec<Change>,
    /// Resources that are let through today and would be refused.
    newly_refused: usize,
    /// Resources that are refused today and would be let through.
    newly_allowed: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    id: ResourceId,
    before: Option<Effect>,
    after: Option<Effect>,
    /// What has something to say only today.
    gone: Vec<String>,
    /// What would have something to say that has not today.
    new: Vec<String>,
}

pub(crate) fn run(args: &DiffArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings: Vec<Finding> = Vec::new();
    let list = resources::read(&args.estate)?;
    let mut subscriptions: Vec<&str> = list.iter().filter_map(|r| r.id.subscription_id()).collect();
    subscriptions.sort_unstable();
    subscriptions.dedup();
    let mut load = |library: &Path| -> Result<Policies, Failure> {
        let mut sources = args.policies.clone();
        sources.library.push(library.to_path_buf());
        let mut told = Vec::new();
        let world = policies::load(&sources, &args.at, &subscriptions, &mut told)?;
        findings.extend(told.into_iter().map(|f| f.within(library.display().to_string())));
        Ok(world)
    };
    let (before, after) = (load(&args.before)?, load(&args.after)?);
    let estate: Estate = list.iter().cloned().collect();
    let now = jiff::Timestamp::now().as_second();
    let judge = |world: &Policies, resource: &Resource| {
        written(resource, &estate, world, &super::context(world, resource.id.subscription_id()), now, false)
    };
    let mut radius = Radius { resources: list.len(), changed: Vec::new(), newly_refused: 0, newly_allowed: 0 };
    for resource in estate.iter() {
        let (old, new) = (judge(&before, resource), judge(&after, resource));
        let (was, is) = (keys(&old), keys(&new));
        if was == is && old.effect == new.effect {
            continue;
        }
        radius.newly_refused += usize::from(!old.is_refused() && new.is_refused());
        radius.newly_allowed += usize::from(old.is_refused() && !new.is_refused());
        let only = |these: &BTreeMap<String, usize>, those: &BTreeMap<String, usize>| {
            these.keys().filter(|key| !those.contains_key(*key)).cloned().collect()
        };
        radius.changed.push(Change {
            id: resource.id.clone(),
            before: old.effect,
            after: new.effect,
            gone: only(&was, &is),
            new: only(&is, &was),
        });
    }
    terminal.findings(&findings);
    match args.output {
        PlainFormat::Json => terminal.envelope("policy-diff", &radius),
        PlainFormat::Table => terminal.answer(&table(&radius)),
    }
    Ok(if radius.newly_refused > 0 { Answer::No } else { Answer::Yes })
}

/// What a verdict consists of, comparable between libraries.
fn keys(verdict: &Verdict) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for contributor in &verdict.contributors {
        *keys.entry(key(contributor)).or_insert(0) += 1;
    }
    keys
}

fn key(contributor: &Contributor) -> String {
    let outcome = match contributor.outcome {
        glidepath_policy::Outcome::Triggered => "",
        glidepath_policy::Outcome::DependsOn => " (depends)",
        glidepath_policy::Outcome::Exempt => " (exempt)",
        glidepath_policy::Outcome::NotEnforced => " (not enforced)",
        glidepath_policy::Outcome::Compliant => " (compliant)",
    };
    let definition = &contributor.definition;
    format!(
        "{}{outcome}: {} by {}",
        contributor.effect,
        definition.display_name.as_ref().unwrap_or(&definition.name),
        contributor.assignment.name
    )
}

fn table(radius: &Radius) -> String {
    let mut text = String::new();
    let word = |effect: Option<Effect>| effect.map_or("nothing", Effect::name);
    for change in &radius.changed {
        let style = match (change.before, change.after) {
            (_, Some(Effect::Deny)) if change.before != Some(Effect::Deny) => RED,
            (Some(Effect::Deny), _) if change.after != Some(Effect::Deny) => GREEN,
            _ => YELLOW,
        };
        let way = format!("{} -> {}", word(change.before), word(change.after));
        let _ = writeln!(text, "~ {} {}", paint(BOLD, change.id.full_name()), paint(style, way));
        let _ = writeln!(text, "    {}", paint(DIM, &change.id));
        for key in &change.gone {
            let _ = writeln!(text, "    - {key}");
        }
        for key in &change.new {
            let _ = writeln!(text, "    + {key}");
        }
    }
    let _ = writeln!(
        text,
        "{} of {} resources change their verdict; {} would newly be refused, {} newly let through",
        radius.changed.len(),
        radius.resources,
        radius.newly_refused,
        radius.newly_allowed
    );
    text
}
