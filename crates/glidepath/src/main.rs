//! `glidepath`: from AI pilot to production on Azure.
//!
//! The binary owns flags, settings, files and rendering; everything it decides, the crates above the line decide for it.

mod assess;
mod builtins;
mod check;
mod cli;
mod design;
mod failure;
mod files;
mod library;
mod network;
mod output;
mod plan;
mod policies;
mod policy;
mod resources;
mod sandbox;
mod sources;
mod template;
mod up;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::output::Terminal;

/// Trees of small values are made and dropped all day: a third of the time with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // One TLS provider for server and client alike; a second call in one process is the only way this fails.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // A closed pipe while printing help is no failure of ours.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let mut terminal = Terminal::new(cli.color);
    let result = match cli.command {
        Command::Up(args) => up::run(&args, &mut terminal),
        Command::Assess(args) => assess::run(&args, &mut terminal),
        Command::Check(args) => check::run(&args, &mut terminal),
        Command::Policy(args) => policy::run(&args, &mut terminal),
        Command::Sandbox(args) => sandbox::run(&args, &mut terminal),
        Command::Workload(args) => workload::run(&args, &mut terminal),
        Command::Network(args) => network::run(&args, &mut terminal),
        Command::Plan(args) => plan::run(&args, &mut terminal),
        Command::Apply(args) => plan::apply::run(&args, &mut terminal),
        Command::Status(args) => plan::status::run(&args, &mut terminal),
        Command::Init(args) => design::run(&args, &mut terminal),
        Command::Design(args) => match &args.command {
            design::DesignCommand::Show(args) => design::show::run(args, &mut terminal),
        },
        Command::Library(args) => library::run(&args, &mut terminal),
        Command::Template(args) => template::run(&args, &mut terminal),
    };
    match result {
        Ok(answer) => answer.exit_code(),
        Err(failure) => {
            terminal.failure(&failure);
            failure.kind.exit_code()
        }
    }
}
