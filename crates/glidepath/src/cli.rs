//! Commands and flags.

use std::path::PathBuf;

use clap::{Args, ColorChoice, Parser, Subcommand, ValueEnum};

/// From AI pilot to production on Azure: design, prove and roll out AI landing zones.
#[derive(Debug, Parser)]
#[command(
    name = "glidepath",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 110
)]
#[command(
    after_help = "Exit codes: 0 done; 1 it ran and the answer is no (denied, gate failed); 2 usage or input; 3 the target failed or refused; 130 interrupted."
)]
pub(crate) struct Cli {
    /// When to use colour (also: NO_COLOR)
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN")]
    pub(crate) color: ColorChoice,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The quick start: everything, on the sandbox, phase by phase, then what to do next
    #[command(
        before_long_help = "Examples:\n  glidepath up examples/contoso\n  glidepath up examples/contoso --output json | jq .gates\n"
    )]
    Up(UpArgs),
    /// What policy will do to templates, plans or resources, before anyone deploys them
    #[command(
        before_long_help = "Examples:\n  glidepath check app.json --parameters app.parameters.json\n  glidepath check main.bicep --at corp --parameters environment=test -o markdown\n  glidepath check infrastructure --at corp --baseline known.sarif -o sarif\n  glidepath check plan.json estate.ndjson --at corp --caller pipeline\n"
    )]
    Check(Box<crate::check::CheckArgs>),
    /// Readiness: what is missing, what to do first, and proof that it was done
    #[command(
        before_long_help = "Examples:\n  glidepath assess examples/contoso\n  glidepath assess --estate resources.json --answers readiness.yaml -o json\n"
    )]
    Assess(Box<crate::assess::AssessArgs>),
    /// Policies alone and together: one verdict, its story, what is in force
    Policy(crate::policy::PolicyArgs),
    /// The local ARM control plane that enforces policy on every write
    #[command(
        before_long_help = "Examples:\n  glidepath sandbox examples/contoso\n  glidepath sandbox --port 8443 --state /tmp/lab\n"
    )]
    Sandbox(SandboxArgs),
    /// Workloads on their way to production
    Workload(crate::workload::WorkloadArgs),
    /// What reaches what: the networks, and the proof of their isolation
    Network(crate::network::NetworkArgs),
    /// What would change, phase by phase, with policy's verdict beside each change
    #[command(
        before_long_help = "Examples:\n  glidepath plan examples/contoso\n  glidepath plan examples/contoso --out contoso.plan --detailed-exitcode -o markdown\n"
    )]
    Plan(crate::plan::PlanArgs),
    /// Carry out a saved plan, or what a plan of the design would say now
    #[command(before_long_help = "Examples:\n  glidepath apply contoso.plan\n  glidepath apply examples/contoso\n")]
    Apply(crate::plan::ApplyArgs),
    /// Where each phase and workload stands, and what it waits for
    #[command(
        before_long_help = "Examples:\n  glidepath status examples/contoso\n  glidepath status -o json | jq .workloads\n"
    )]
    Status(crate::plan::StatusArgs),
    /// A design to start from
    #[command(
        before_long_help = "Examples:\n  glidepath init mycompany --organization mycompany --workload helpdesk\n  glidepath init mycompany --organization mycompany --workload chat --exposure online --regions eastus2,westus3\n"
    )]
    Init(crate::design::InitArgs),
    /// A design looked at
    Design(crate::design::DesignArgs),
    /// Libraries in the Azure Landing Zones format
    Library(crate::library::LibraryArgs),
    /// ARM templates, expanded and examined offline
    Template(crate::template::TemplateArgs),
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For reading
    Table,
    /// One envelope, `{"kind": …, "schemaVersion": …}`
    Json,
    /// For code scanning
    Sarif,
}

/// How the answer is written, where a place in a file means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlainFormat {
    /// For reading
    Table,
    /// One envelope, `{"kind": …, "schemaVersion": …}`
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Folder of the design
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    pub(crate) output: PlainFormat,

    /// Port of the sandbox; 0 takes any free one
    #[arg(long, default_value_t = 0, env = "GLIDEPATH_PORT")]
    pub(crate) port: u16,

    /// Also delete what earlier runs made and the design no longer wants
    #[arg(long)]
    pub(crate) delete: bool,

    /// The organisation's name: lets --delete take what holds data, without being asked
    #[arg(long, value_name = "ORGANIZATION", requires = "delete")]
    pub(crate) confirm: Option<String>,

    /// How many resources to write at once
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
}

/// Where policies come from.
#[derive(Debug, Clone, Args)]
pub(crate) struct PolicySources {
    /// ALZ-format library folders; later ones overlay earlier ones [default: the design's libraries, else the embedded one]
    #[arg(long, value_name = "DIR")]
    pub(crate) library: Vec<PathBuf>,

    /// The architecture of the libraries to place [default: the only one, or the one that has the management group]
    #[arg(long, value_name = "NAME")]
    pub(crate) architecture: Option<String>,

    /// Folder of built-in policy definitions and initiatives, as published
    #[arg(long, value_name = "DIR", env = "GLIDEPATH_BUILTINS")]
    pub(crate) builtins: Option<PathBuf>,

    /// Where built-in definitions are kept packed for the next run, `off` for nowhere [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "GLIDEPATH_CACHE")]
    pub(crate) cache: Option<PathBuf>,

    /// Table of policy aliases: CSV `alias,path`, or the JSON of the providers API; may be gzipped
    #[arg(long, value_name = "FILE", env = "GLIDEPATH_ALIASES")]
    pub(crate) aliases: Option<PathBuf>,

    /// Folder of the design [default: found upwards from the working directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) design: Option<PathBuf>,

    /// Region of deployments and resource groups [default: the design's first region, else swedencentral]
    #[arg(long, value_name = "REGION")]
    pub(crate) location: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SandboxArgs {
    /// Folder of the design whose sandbox to serve; without a design there, an empty tenant
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,

    /// Port on the loopback interface; 0 takes any free one
    #[arg(long, default_value_t = 9443, env = "GLIDEPATH_PORT")]
    pub(crate) port: u16,

    /// Folder of the state [default: .glidepath/sandbox in DIR]
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,

    /// Refuse requests without a token
    #[arg(long)]
    pub(crate) require_token: bool,

    /// Answer writes and deletes of resources as long-running operations
    #[arg(long)]
    pub(crate) lro: bool,

    /// Answer every Nth request with 429
    #[arg(long, value_name = "N")]
    pub(crate) throttle: Option<u64>,

    #[command(flatten)]
    pub(crate) fidelity: crate::sandbox::Fidelity,

    #[command(subcommand)]
    pub(crate) command: Option<crate::sandbox::environment::Command>,
}
