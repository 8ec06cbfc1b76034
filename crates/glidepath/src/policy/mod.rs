//! `glidepath policy`: policies alone and together.

mod coverage;
mod diff;
mod effective;
mod eval;
mod explain;
mod scan;
mod test;

use clap::{Args, Subcommand};
use glidepath_arm::template::{Context, ResourceGroup};

use crate::failure::{Answer, Failure};
use crate::output::Terminal;
use crate::policies::Policies;
use crate::up::session::SANDBOX_TENANT;

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
    /// The whole story of one verdict: every policy that has something to say of a resource, and why
    #[command(
        before_long_help = "Examples:\n  glidepath policy explain account.json --at corp\n  glidepath policy explain account.json --estate estate.ndjson --all --output json\n"
    )]
    Explain(explain::ExplainArgs),
    /// What is in force at a management group, by effect, with parameters
    #[command(
        before_long_help = "Examples:\n  glidepath policy effective corp\n  glidepath policy effective corp --library alz --builtins built-in-policies --output html > corp.html\n"
    )]
    Effective(effective::EffectiveArgs),
    /// Which AI resource types and properties no enforced assignment governs
    #[command(
        before_long_help = "Examples:\n  glidepath policy coverage corp\n  glidepath policy coverage online --ungoverned --output json\n"
    )]
    Coverage(coverage::CoverageArgs),
    /// Which resources change their verdict between two libraries: the blast radius of a policy change
    #[command(
        before_long_help = "Examples:\n  glidepath policy diff library-main library-branch --estate estate.ndjson --at corp\n  glidepath policy diff old new --estate estate.ndjson --output json\n"
    )]
    Diff(diff::DiffArgs),
    /// An estate of any size past what is in force: one verdict a line, in the same order, memory flat
    #[command(
        before_long_help = "Examples:\n  glidepath policy scan estate.ndjson --at corp > verdicts.ndjson\n  glidepath policy scan - --denied < estate.ndjson\n"
    )]
    Scan(scan::ScanArgs),
    /// Run the organisation's own cases: definition, resource, expected verdict
    #[command(
        before_long_help = "Examples:\n  glidepath policy test tests/policy\n  glidepath policy test tests/policy --output junit > policy-tests.xml\n"
    )]
    Test(test::TestArgs),
}

pub(crate) fn run(args: &PolicyArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        PolicyCommand::Eval(args) => eval::run(args, terminal),
        PolicyCommand::Explain(args) => explain::run(args, terminal),
        PolicyCommand::Effective(args) => effective::run(args, terminal),
        PolicyCommand::Coverage(args) => coverage::run(args, terminal),
        PolicyCommand::Diff(args) => diff::run(args, terminal),
        PolicyCommand::Scan(args) => scan::run(args, terminal),
        PolicyCommand::Test(args) => test::run(args, terminal),
    }
}

/// What expressions see around resources that stand in no deployment.
fn context(policies: &Policies, subscription: Option<&str>) -> Context {
    Context {
        tenant_id: Some(SANDBOX_TENANT.to_owned()),
        subscription_id: subscription.map(str::to_owned),
        resource_group: Some(ResourceGroup::default()),
        management_group: Some(policies.group.name().to_owned()),
        location: Some(policies.location.clone()),
        ..Context::default()
    }
}
