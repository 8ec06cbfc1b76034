//! `glidepath network`: what reaches what, proved before it exists.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource};
use glidepath_network::proof::{Proof, Verdict, prove};
use glidepath_network::{Context, Model};
use glidepath_source::{Finding, json};
use serde::Serialize;

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{Columns, GREEN, RED, Terminal, YELLOW, paint};
use crate::{files, sources};

#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    #[command(subcommand)]
    pub(crate) command: NetworkCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Prove the eight invariants of a design or an exported estate, or show what breaks them
    #[command(
        before_long_help = "Examples:\n  glidepath network prove examples/contoso\n  glidepath network prove estate.json --on-premises 192.168.0.0/16 -o json\n"
    )]
    Prove(ProveArgs),
    /// The networks, their subnets, and their addresses
    #[command(
        before_long_help = "Examples:\n  glidepath network show examples/contoso\n  glidepath network show examples/contoso -o json | jq .networks\n"
    )]
    Show(ProveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ProveArgs {
    /// Folder of the design, or a JSON file with the ARM resources of an estate (an array, or `value` with one)
    #[arg(default_value = ".", value_name = "DIR|ESTATE.json")]
    pub(crate) estate: PathBuf,

    /// What stands on premises [default: as the design says]
    #[arg(long, value_name = "CIDR")]
    pub(crate) on_premises: Vec<String>,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    pub(crate) output: PlainFormat,
}

pub(crate) fn run(args: &NetworkArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        NetworkCommand::Prove(args) => {
            let proof = prove(&model(args, terminal)?);
            match args.output {
                PlainFormat::Table => terminal.answer(&table(&proof)),
                PlainFormat::Json => terminal.envelope("networkProof", &proof),
            }
            Ok(if proof.holds() { Answer::Yes } else { Answer::No })
        }
        NetworkCommand::Show(args) => {
            let shown = shown(&model(args, terminal)?);
            match args.output {
                PlainFormat::Table => terminal.answer(&networks(&shown)),
                PlainFormat::Json => terminal.envelope("network", &shown),
            }
            Ok(Answer::Yes)
        }
    }
}

fn model(args: &ProveArgs, terminal: &mut Terminal) -> Result<Model, Failure> {
    let mut context = Context { on_premises: args.on_premises.clone() };
    if args.estate.is_file() {
        return Ok(Model::of(&exported(&args.estate)?, &context));
    }
    let mut findings = Vec::new();
    let compilation = sources::design(&args.estate, &mut findings)?;
    terminal.findings(&findings);
    if context.on_premises.is_empty() {
        let blocks = &compilation.design.platform.connectivity.on_premises;
        context.on_premises = blocks.iter().map(ToString::to_string).collect();
    }
    Ok(Model::of(&compilation.compiled.estate, &context))
}

/// Resources as ARM lists them.
fn exported(path: &Path) -> Result<Estate, Failure> {
    let text = files::read(path)?;
    let document = Value::from(&json::parse(&text)?);
    let list = ["value", "resources"].iter().find_map(|m| document.get(m)?.as_array()).or(document.as_array());
    let Some(list) = list else {
        return Err(Finding::error("network/no-resources", format!("`{}` holds no list of resources", path.display()))
            .help("give an array of resources with their `id`, or an object whose `value` is one")
            .into());
    };
    let resources = list.iter().filter_map(|item| {
        let id = item.get("id")?.as_str()?;
        Some(Resource::new(ResourceId::new(id), "", item.clone()))
    });
    Ok(resources.collect())
}

fn table(proof: &Proof) -> String {
    let mut text = String::new();
    for (invariant, verdict) in &proof.invariants {
        let name = serde_json::to_value(invariant).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let verdict_word = match verdict {
            Verdict::Proved => paint(GREEN, "PROVED"),
            Verdict::Counterexample { cases, .. } => paint(RED, format!("COUNTEREXAMPLE ({cases})")),
            Verdict::Unknown { assumption } => paint(YELLOW, format!("UNKNOWN: {assumption}")),
        };
        let _ = writeln!(text, "{name:<24}{verdict_word}");
        let Verdict::Counterexample { examples, .. } = verdict else { continue };
        for example in examples {
            let _ = writeln!(text, "  {}", example.what);
            if let Some(packet) = &example.packet {
                let (from, to, protocol) = (packet.source, packet.destination, packet.protocol.name());
                let _ = writeln!(text, "    packet {from} -> {to} {protocol} {}", packet.port);
            }
            for step in example.path.iter().flat_map(|p| &p.steps) {
                let at = step.origin.as_ref().map(|o| format!("  {o}")).unwrap_or_default();
                let _ = writeln!(text, "    {}{at}", step.what);
            }
            let at = example.origin.as_ref().map(|o| format!("  {o}")).unwrap_or_default();
            let _ = writeln!(text, "    change: {}{at}", example.change);
        }
    }
    for assumption in &proof.assumptions {
        let _ = writeln!(text, "assumed: {assumption}");
    }
    text
}

/// A network as it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownNetwork {
    name: String,
    hub: bool,
    prefixes: Vec<String>,
    peers: Vec<String>,
    subnets: Vec<ShownSubnet>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownSubnet {
    name: String,
    prefixes: Vec<String>,
    security_group: Option<String>,
    route_table: Option<String>,
}

#[derive(Debug, Serialize)]
struct Shown {
    networks: Vec<ShownNetwork>,
}

fn shown(model: &Model) -> Shown {
    let subnet = |s: &usize| {
        let s = model.subnets.get(*s)?;
        Some(ShownSubnet {
            name: s.name().to_owned(),
            prefixes: s.prefixes.clone(),
            security_group: s.group.and_then(|g| model.groups.get(g)).map(|g| g.id.name().to_owned()),
            route_table: s.table.and_then(|t| model.tables.get(t)).map(|t| t.id.name().to_owned()),
        })
    };
    let networks = model.networks.iter().enumerate().map(|(i, n)| ShownNetwork {
        name: n.id.name().to_owned(),
        hub: model.is_hub(i),
        prefixes: n.prefixes.clone(),
        peers: n.peerings.iter().map(|p| p.remote_id.name().to_owned()).collect(),
        subnets: n.subnets.iter().filter_map(subnet).collect(),
    });
    Shown { networks: networks.collect() }
}

fn networks(shown: &Shown) -> String {
    let mut columns = Columns::default();
    for network in &shown.networks {
        let kind = if network.hub { "hub" } else { "spoke" };
        columns.row([network.name.clone(), network.prefixes.join(" "), kind.to_owned(), network.peers.join(" ")]);
        for subnet in &network.subnets {
            let group = subnet.security_group.clone().unwrap_or_else(|| "-".to_owned());
            let table = subnet.route_table.clone().unwrap_or_else(|| "-".to_owned());
            columns.row([format!("  {}", subnet.name), subnet.prefixes.join(" "), group, table]);
        }
    }
    columns.render(0)
}
