//! `glidepath policy effective`: what is in force at a management group.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use glidepath_policy::{Effective, EnforcementMode, Mode, parameters_in_words};
use serde::Serialize;

use crate::cli::PolicySources;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, CYAN, Columns, DIM, Terminal, paint};
use crate::policies;

#[derive(Debug, Args)]
pub(crate) struct EffectiveArgs {
    /// The management group
    #[arg(value_name = "MANAGEMENT_GROUP")]
    group: String,

    #[command(flatten)]
    policies: PolicySources,

    /// Only what can look at this resource type
    #[arg(long, value_name = "TYPE")]
    resource_type: Option<String>,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: EffectiveFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EffectiveFormat {
    /// For reading
    Table,
    /// One envelope, `{"kind": …, "schemaVersion": …}`
    Json,
    /// For a wiki or a pull request
    Markdown,
    /// One page that needs nothing else
    Html,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InForce {
    management_group: String,
    assignments: usize,
    policies: Vec<Effective>,
}

/// The effects in the order they are told, strongest first; what is not enforced comes last.
const SECTIONS: [&str; 12] = [
    "deny",
    "denyAction",
    "modify",
    "append",
    "deployIfNotExists",
    "audit",
    "auditIfNotExists",
    "manual",
    "provider",
    "depends on the resource",
    "not enforced",
    "disabled",
];

fn section(policy: &Effective) -> &'static str {
    match policy.effect {
        Some(glidepath_policy::Effect::Disabled) => "disabled",
        _ if policy.enforcement_mode != EnforcementMode::Default => "not enforced",
        Some(effect) => effect.name(),
        None => "depends on the resource",
    }
}

pub(crate) fn run(args: &EffectiveArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let world = policies::load(&args.policies, &args.group, &[], &mut findings)?;
    let mut list = world.engine.effective(&world.group, &world.hierarchy);
    if let Some(kind) = &args.resource_type {
        let kind = kind.to_ascii_lowercase();
        list.retain(|policy| policy.looks_at(&kind));
    }
    let in_force = InForce {
        management_group: world.group.name().to_owned(),
        assignments: world.in_force.assignments.len(),
        policies: list,
    };
    terminal.findings(&findings);
    match args.output {
        EffectiveFormat::Json => terminal.envelope("policy-effective", &in_force),
        EffectiveFormat::Table => terminal.answer(&table(&in_force)),
        EffectiveFormat::Markdown => terminal.answer(&markdown(&in_force)),
        EffectiveFormat::Html => terminal.answer(&html(&in_force)),
    }
    Ok(Answer::Yes)
}

fn sections(in_force: &InForce) -> impl Iterator<Item = (&'static str, Vec<&Effective>)> {
    SECTIONS.iter().filter_map(|name| {
        let of_it: Vec<&Effective> = in_force.policies.iter().filter(|p| section(p) == *name).collect();
        (!of_it.is_empty()).then_some((*name, of_it))
    })
}

fn title(policy: &Effective) -> &str {
    policy.definition.display_name.as_ref().unwrap_or(&policy.definition.name)
}

fn source(policy: &Effective) -> String {
    let mut text = format!("{} at {}", policy.assignment.name, policy.assignment_scope.name());
    if let Some(initiative) = &policy.initiative {
        let _ = write!(text, " › {}", initiative.name);
    }
    text
}

fn looks_at(policy: &Effective) -> String {
    match (&policy.mode, policy.types.as_slice()) {
        (Mode::Provider(mode), _) => mode.clone(),
        (Mode::All, []) => "everything".to_owned(),
        (Mode::Indexed, []) => "everything with tags".to_owned(),
        (_, [one]) => one.clone(),
        (_, [one, rest @ ..]) => format!("{one} and {} more", rest.len()),
    }
}

fn heading(in_force: &InForce) -> String {
    format!("{} policies of {} assignments", in_force.policies.len(), in_force.assignments)
}

fn table(in_force: &InForce) -> String {
    let mut text = format!("{}: {}\n", paint(BOLD, &in_force.management_group), heading(in_force));
    for (name, policies) in sections(in_force) {
        let _ = writeln!(text, "\n{} ({})", paint(CYAN, name), policies.len());
        for policy in policies {
            let _ = writeln!(text, "  {}", title(policy));
            let mut columns = Columns::default();
            columns.row([looks_at(policy), source(policy)]);
            text.push_str(&columns.render(4));
            if !policy.parameters.is_empty() {
                let _ = writeln!(text, "    {}", paint(DIM, short(&parameters_in_words(&policy.parameters))));
            }
        }
    }
    text
}

fn short(text: &str) -> String {
    const LONGEST: usize = 160;
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

fn markdown(in_force: &InForce) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace(['\r', '\n'], " ");
    let mut text = format!("# Policies in force at {}\n\n{}\n", in_force.management_group, heading(in_force));
    for (name, policies) in sections(in_force) {
        let _ = writeln!(text, "\n## {name} ({})\n\n| policy | looks at | assigned by | parameters |", policies.len());
        text.push_str("|---|---|---|---|\n");
        for policy in policies {
            let cells = [title(policy), &looks_at(policy), &source(policy), &parameters_in_words(&policy.parameters)];
            let _ = writeln!(text, "| {} |", cells.map(cell).join(" | "));
        }
    }
    text
}

fn html(in_force: &InForce) -> String {
    let cell = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let group = cell(&in_force.management_group);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Policies in force at {group}</title>\n\
         <style>body{{font:15px/1.45 system-ui,sans-serif;max-width:80rem;margin:2rem auto;padding:0 1rem}}\
         table{{border-collapse:collapse;width:100%}}th,td{{text-align:left;vertical-align:top;padding:.3rem .6rem;\
         border-bottom:1px solid #8884}}td:last-child{{font-family:ui-monospace,monospace;font-size:12px;\
         overflow-wrap:anywhere}}</style>\n<h1>Policies in force at {group}</h1>\n<p>{}</p>\n",
        heading(in_force)
    );
    for (name, policies) in sections(in_force) {
        let _ = writeln!(
            text,
            "<h2>{name} ({})</h2>\n<table>\n<thead><tr><th scope=\"col\">policy<th scope=\"col\">looks at\
             <th scope=\"col\">assigned by<th scope=\"col\">parameters</thead>",
            policies.len()
        );
        for policy in policies {
            let cells = [title(policy), &looks_at(policy), &source(policy), &parameters_in_words(&policy.parameters)];
            let _ = writeln!(text, "<tr><td>{}", cells.map(cell).join("<td>"));
        }
        text.push_str("</table>\n");
    }
    text
}
