//! `glidepath template`: ARM templates, expanded and examined offline.

mod expand;
mod graph;
pub(crate) mod input;
mod lint;
pub(crate) mod observed;
mod report;
mod svg;
mod whatif;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::failure::{Answer, Failure};
use crate::output::Terminal;

#[derive(Debug, Args)]
pub(crate) struct TemplateArgs {
    #[command(subcommand)]
    command: TemplateCommand,
}

#[derive(Debug, Subcommand)]
enum TemplateCommand {
    /// The flat list of resources a template deploys, with what is unknown and what depends on what
    #[command(
        before_long_help = "Examples:\n  glidepath template expand main.json --parameters main.parameters.json --resource-group rg-app --location swedencentral\n  glidepath template expand main.json --link https://templates.example/=./templates -o json | jq '.resources[].id'\n"
    )]
    Expand(Box<ExpandArgs>),
    /// What is wrong or doubtful in a template, each with file, line and column
    #[command(
        before_long_help = "Examples:\n  glidepath template lint main.json\n  glidepath template lint main.json --parameters main.parameters.json --resource-group rg-app -o sarif\n"
    )]
    Lint(Box<LintArgs>),
    /// What a template would change in an estate, in the words of ARM's what-if
    #[command(
        before_long_help = "Examples:\n  glidepath template whatif main.json --against resources.json --subscription $SUB --resource-group rg-app --location swedencentral\n  glidepath template whatif main.json --against export.ndjson -o json | jq '.changes[] | select(.changeType == \"Modify\")'\n"
    )]
    Whatif(Box<WhatifArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    #[command(flatten)]
    deployed: Deployed,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: crate::cli::Format,
}

#[derive(Debug, Args)]
pub(crate) struct WhatifArgs {
    #[command(flatten)]
    deployed: Deployed,

    /// The resources that are there: a JSON array, a list answer, a Resource Graph export, NDJSON, or `template expand -o json`
    #[arg(long, value_name = "FILE")]
    against: PathBuf,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: crate::cli::PlainFormat,
}

/// A template and the deployment it is part of; what is not given is unknown in the result.
#[derive(Debug, Args)]
pub(crate) struct Deployed {
    /// The ARM template (JSON), or the body of a deployment that holds one
    pub(crate) template: PathBuf,

    /// A parameter file, or one value as name=value; later ones win
    #[arg(short, long, value_name = "FILE|NAME=VALUE")]
    pub(crate) parameters: Vec<String>,

    /// Where linked templates lie: what their URI starts with, and the folder that stands for it
    #[arg(long, value_name = "URI_PREFIX=DIR")]
    pub(crate) link: Vec<String>,

    /// URI of the template itself, for links relative to it [default: from --link, where it lies in such a folder]
    #[arg(long, value_name = "URI")]
    pub(crate) uri: Option<String>,

    /// Scope of the deployment: tenant, managementGroup, subscription, resourceGroup, or an id [default: as `$schema` says]
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,

    /// Tenant of the deployment
    #[arg(long, value_name = "GUID")]
    pub(crate) tenant: Option<String>,

    /// Management group of the deployment
    #[arg(long, value_name = "NAME")]
    pub(crate) management_group: Option<String>,

    /// Subscription of the deployment
    #[arg(long, value_name = "GUID")]
    pub(crate) subscription: Option<String>,

    /// Display name of the subscription
    #[arg(long, value_name = "NAME")]
    pub(crate) subscription_name: Option<String>,

    /// Resource group of the deployment
    #[arg(long, value_name = "NAME")]
    pub(crate) resource_group: Option<String>,

    /// Region of the deployment and of its resource group
    #[arg(long, value_name = "REGION")]
    pub(crate) location: Option<String>,

    /// Name of the deployment: names made from it with uniqueString() depend on it [default: the template's file name]
    #[arg(long, value_name = "NAME")]
    pub(crate) deployment_name: Option<String>,

    /// The time that utcNow() tells, as RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(crate) now: Option<jiff::Timestamp>,
}

#[derive(Debug, Args)]
pub(crate) struct ExpandArgs {
    #[command(flatten)]
    deployed: Deployed,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: ExpandFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExpandFormat {
    /// For reading
    Table,
    /// One envelope, `{"kind": …, "schemaVersion": …}`
    Json,
    /// One resource a line, as JSON
    Ndjson,
    /// The dependency graph, for Graphviz
    Dot,
    /// The dependency graph, as a picture
    Svg,
}

pub(crate) fn run(args: &TemplateArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        TemplateCommand::Expand(args) => expand::run(args, terminal),
        TemplateCommand::Lint(args) => lint::run(args, terminal),
        TemplateCommand::Whatif(args) => whatif::run(args, terminal),
    }
}
