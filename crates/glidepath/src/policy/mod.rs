//! `glidepath policy`: policies alone and together.

mod eval;

use clap::{Args, Subcommand};

use crate::failure::{Answer, Failure};
use crate::output::Terminal;

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Hold one definition or rule against a resource, or a stream of such pairs
    #[command(
        before_long_help = "Examples:\n  glidepath policy eval --definition deny-public.json --resource account.json --parameters effect=Deny\n  glidepath policy eval --batch cases.ndjson --aliases aliases.csv > verdicts.ndjson\n"
    )]
    Eval(Box<eval::EvalArgs>),
}

pub(crate) fn run(args: &PolicyArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        PolicyCommand::Eval(args) => eval::run(args, terminal),
    }
}
