//! Flags of `glidepath check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use glidepath_arm::Value;

use crate::cli::PolicySources;

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// ARM templates (JSON or .bicep), .bicepparam, Terraform plans (JSON), exported resources (.json, .ndjson), or folders of them
    #[arg(required = true, value_name = "TEMPLATE")]
    pub(crate) templates: Vec<PathBuf>,

    /// A parameter file (.json or .bicepparam), or one value as name=value; later ones win
    #[arg(short, long, value_name = "FILE|NAME=VALUE")]
    pub(crate) parameters: Vec<String>,

    /// Where linked templates lie: what their URI starts with, and the folder that stands for it
    #[arg(long, value_name = "URI_PREFIX=DIR")]
    pub(crate) link: Vec<String>,

    #[command(flatten)]
    pub(crate) policies: PolicySources,

    /// The management group that the deployment's subscription is placed under
    #[arg(long, value_name = "MANAGEMENT_GROUP", default_value = "corp")]
    pub(crate) at: String,

    /// Subscription of the deployment
    #[arg(long, value_name = "GUID", default_value = "00000000-0000-0000-0000-000000000000", value_parser = guid)]
    pub(crate) subscription: String,

    /// Resource group of the deployment
    #[arg(long, value_name = "NAME", default_value = "rg-check", value_parser = group)]
    pub(crate) resource_group: String,

    /// Name of the deployment: names made from it with uniqueString() depend on it [default: the template's file name]
    #[arg(long, value_name = "NAME", value_parser = deployment)]
    pub(crate) deployment_name: Option<String>,

    /// Who deploys, for policies that ask: a pipeline (service principal, managed identity), a user with or without MFA
    #[arg(long, value_name = "WHO")]
    pub(crate) caller: Option<Caller>,

    /// Findings to pass over: what an earlier run wrote with -o sarif or -o json
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Exit with 0 also where it is not known whether something would be refused
    #[arg(long)]
    pub(crate) allow_undecided: bool,

    /// Show every evaluated condition, and what is compliant too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    pub(crate) output: CheckFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For reading
    Table,
    /// One envelope, `{"kind": …, "schemaVersion": …}`
    Json,
    /// For code scanning
    Sarif,
    /// For a comment on a pull request
    Markdown,
}

/// Who deploys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Caller {
    /// A service principal or managed identity
    Pipeline,
    /// A user who signed in without a second factor
    User,
    /// A user who signed in with a second factor
    UserMfa,
}

impl Caller {
    /// What `requestContext().identity` says of the caller: the claims of its token that policies ask for.
    /// Source: Microsoft Learn, "Use request context identity in policy".
    pub(crate) fn identity(self) -> Value {
        let claim = |kind: &str, methods: &str, contexts: &str| {
            Value::object([
                ("idtyp", Value::from(kind)),
                ("acrs", Value::from(contexts)),
                ("http://schemas.microsoft.com/claims/authnmethodsreferences", Value::from(methods)),
            ])
        };
        match self {
            Caller::Pipeline => claim("app", "", ""),
            Caller::User => claim("user", "pwd", ""),
            Caller::UserMfa => claim("user", "pwd,mfa", "p1"),
        }
    }
}

/// A GUID in its usual form.
fn guid(text: &str) -> Result<String, String> {
    let groups: Vec<&str> = text.split('-').collect();
    let fits = groups.iter().map(|g| g.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|g| g.bytes().all(|b| b.is_ascii_hexdigit()));
    if fits {
        Ok(text.to_owned())
    } else {
        Err("a subscription is a GUID, for example 00000000-0000-0000-0000-000000000000".into())
    }
}

/// Source: Microsoft Learn, "Naming rules and restrictions for Azure resources", Microsoft.Resources.
fn group(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '(' | ')');
    if (1..=90).contains(&text.chars().count()) && text.chars().all(fits) && !text.ends_with('.') {
        return Ok(text.to_owned());
    }
    Err("a resource group has 1 to 90 letters, digits, `_`, `-`, `.`, `(`, `)` and does not end with `.`".into())
}

fn deployment(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '(' | ')');
    if (1..=64).contains(&text.len()) && text.chars().all(fits) {
        return Ok(text.to_owned());
    }
    Err("a deployment has 1 to 64 letters, digits, `_`, `-`, `.`, `(`, `)`".into())
}
