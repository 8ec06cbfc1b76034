//! `glidepath policy coverage`: which AI resource types and properties no enforced assignment governs.

use std::fmt::Write as _;

use clap::Args;
use glidepath_policy::Effective;
use serde::Serialize;

use crate::cli::{PlainFormat, PolicySources};
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, Columns, DIM, Terminal, paint};
use crate::policies;

const TABLE: &str = include_str!("../../../../catalogue/azure/governed.csv");

#[derive(Debug, Args)]
pub(crate) struct CoverageArgs {
    /// The management group
    #[arg(value_name = "MANAGEMENT_GROUP", default_value = "corp")]
    group: String,

    #[command(flatten)]
    policies: PolicySources,

    /// Only what nothing governs; the answer is no if there is any
    #[arg(long)]
    ungoverned: bool,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Coverage {
    management_group: String,
    governed: usize,
    properties: usize,
    types: Vec<Type>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Type {
    #[serde(rename = "type")]
    name: &'static str,
    /// Enforced policies that name the type.
    enforced: usize,
    properties: Vec<Property>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    name: &'static str,
    why: &'static str,
    /// Enforced policies whose rule, existence condition or operation names it, strongest first.
    governed_by: Vec<Governor>,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct Governor {
    #[serde(skip)]
    rank: std::cmp::Reverse<glidepath_policy::Effect>,
    effect: &'static str,
    definition: String,
    assignment: String,
}

pub(crate) fn run(args: &CoverageArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let world = policies::load(&args.policies, &args.group, &[], &mut findings)?;
    let in_force = world.engine.effective(&world.group, &world.hierarchy);
    let mut coverage = of(&in_force, world.group.name());
    let nothing_left = coverage.governed == coverage.properties;
    if args.ungoverned {
        for kind in &mut coverage.types {
            kind.properties.retain(|p| p.governed_by.is_empty());
        }
        coverage.types.retain(|kind| !kind.properties.is_empty());
    }
    terminal.findings(&findings);
    match args.output {
        PlainFormat::Json => terminal.envelope("policy-coverage", &coverage),
        PlainFormat::Table => terminal.answer(&table(&coverage)),
    }
    Ok(if args.ungoverned && !nothing_left { Answer::No } else { Answer::Yes })
}

fn of(in_force: &[Effective], group: &str) -> Coverage {
    let enforced: Vec<&Effective> = in_force.iter().filter(|p| p.is_enforced()).collect();
    let mut types: Vec<Type> = Vec::new();
    for line in TABLE.lines().filter(|l| !l.starts_with('#')).skip(1) {
        let mut columns = line.splitn(3, ',');
        let (Some(name), Some(property), Some(why)) = (columns.next(), columns.next(), columns.next()) else {
            continue;
        };
        let lower = name.to_ascii_lowercase();
        if types.last().is_none_or(|t| t.name != name) {
            // A rule for every type says nothing of this one in particular.
            let named = enforced.iter().filter(|p| !p.types.is_empty() && p.looks_at(&lower)).count();
            types.push(Type { name, enforced: named, properties: Vec::new() });
        }
        let field = format!("{name}/{property}").to_ascii_lowercase();
        let special = property.to_ascii_lowercase();
        let names = |policy: &Effective| {
            policy.fields.contains(&field)
                || (special == "location" && policy.looks_at(&lower) && policy.fields.contains("location"))
        };
        let mut governed_by: Vec<Governor> = enforced
            .iter()
            .filter(|p| names(p))
            .filter_map(|p| {
                Some(Governor {
                    rank: std::cmp::Reverse(p.effect?),
                    effect: p.effect?.name(),
                    definition: p.definition.display_name.clone().unwrap_or_else(|| p.definition.name.clone()),
                    assignment: p.assignment.name.clone(),
                })
            })
            .collect();
        governed_by.sort();
        governed_by.dedup();
        if let Some(kind) = types.last_mut() {
            kind.properties.push(Property { name: property, why, governed_by });
        }
    }
    let all = || types.iter().flat_map(|t| &t.properties);
    Coverage {
        management_group: group.to_owned(),
        governed: all().filter(|p| !p.governed_by.is_empty()).count(),
        properties: all().count(),
        types,
    }
}

fn table(coverage: &Coverage) -> String {
    let mut text = format!(
        "{}: enforced assignments govern {} of {} properties of AI resources\n",
        paint(BOLD, &coverage.management_group),
        coverage.governed,
        coverage.properties
    );
    for kind in &coverage.types {
        let _ = writeln!(
            text,
            "\n{} {}",
            paint(BOLD, kind.name),
            paint(DIM, format!("{} policies name it", kind.enforced))
        );
        let mut columns = Columns::default();
        for property in &kind.properties {
            let by = match property.governed_by.as_slice() {
                [] => format!("nothing governs it: {}", property.why),
                [one] => format!("{}: {}", one.effect, one.definition),
                [one, rest @ ..] => format!("{}: {} (and {} more)", one.effect, one.definition, rest.len()),
            };
            let mark = if property.governed_by.is_empty() { "-" } else { "+" };
            columns.row([mark.to_owned(), property.name.to_owned(), by]);
        }
        text.push_str(&columns.render(2));
    }
    text
}
