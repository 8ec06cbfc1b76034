//! `glidepath sandbox trust` and `glidepath sandbox env`: what clients need to be told of the sandbox.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use glidepath_source::Finding;
use serde::Serialize;

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::Terminal;
use crate::up::session::{SANDBOX_TENANT, sandbox_folder};
use crate::{files, sources};

/// What the sandbox tells of itself without running.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// How each client is made to trust the sandbox's authority
    #[command(
        before_long_help = "Examples:\n  glidepath sandbox trust examples/contoso\n  glidepath sandbox trust --state /tmp/lab --output json\n"
    )]
    Trust(EnvironmentArgs),
    /// The environment for az, Python, Node, Go and curl, for the shell to read
    #[command(
        before_long_help = "Examples:\n  glidepath sandbox env examples/contoso > .env && . ./.env\n  glidepath sandbox env --port 8443 --shell powershell\n"
    )]
    Env(EnvironmentArgs),
}

/// The language of the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// sh, bash, zsh
    Sh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

#[derive(Debug, Args)]
pub(crate) struct EnvironmentArgs {
    /// Folder of the design whose sandbox is meant
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// Port the sandbox listens on
    #[arg(long, default_value_t = 9443, env = "GLIDEPATH_PORT")]
    port: u16,

    /// Folder of the state [default: .glidepath/sandbox in DIR]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// The shell that reads it
    #[arg(long, default_value = "sh")]
    shell: Shell,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Environment {
    endpoint: String,
    tenant_id: String,
    authority: String,
    variables: Vec<Variable>,
}

#[derive(Serialize)]
struct Variable {
    name: &'static str,
    value: String,
}

pub(crate) fn run(command: &Command, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (Command::Trust(args) | Command::Env(args)) = command;
    let design = files::find_design(&args.dir);
    let tenant = match (&design, &args.state) {
        (Some(folder), None) => sources::design_tenant(folder)?,
        _ => None,
    };
    let state = args.state.clone().unwrap_or_else(|| sandbox_folder(design.as_deref().unwrap_or(&args.dir)));
    let authority = state.join("ca.pem");
    if !authority.is_file() {
        return Err(Failure::input(vec![
            Finding::error("sandbox/no-authority", format!("there is no sandbox in `{}` yet", state.display()))
                .help("start it once with `glidepath sandbox`; its authority is made then and kept"),
        ]));
    }
    // Clients are run from other folders.
    let authority = std::path::absolute(&authority).unwrap_or(authority);
    let environment = environment(&authority, &state, args.port, tenant.as_deref().unwrap_or(SANDBOX_TENANT));
    match (args.output, command) {
        (PlainFormat::Json, _) => terminal.envelope("SandboxEnvironment", &environment),
        (PlainFormat::Table, Command::Env(_)) => terminal.answer(&script(&environment, args.shell)),
        (PlainFormat::Table, Command::Trust(_)) => terminal.answer(&recipe(&environment)),
    }
    Ok(Answer::Yes)
}

fn environment(authority: &Path, state: &Path, port: u16, tenant: &str) -> Environment {
    let (endpoint, ca) = (format!("https://localhost:{port}"), authority.display().to_string());
    let config = std::path::absolute(state.join("azure")).unwrap_or_else(|_| state.join("azure"));
    let of = |name: &'static str, value: &str| Variable { name, value: value.to_owned() };
    let variables = vec![
        // Python (az too), curl and libraries that use it, Go, Node.
        of("REQUESTS_CA_BUNDLE", &ca),
        of("CURL_CA_BUNDLE", &ca),
        of("SSL_CERT_FILE", &ca),
        of("NODE_EXTRA_CA_CERTS", &ca),
        of("AZURE_CONFIG_DIR", &config.display().to_string()),
        of("AZURE_CORE_INSTANCE_DISCOVERY", "false"),
        of("AZURE_CORE_COLLECT_TELEMETRY", "no"),
        of("AZURE_CORE_LOGIN_EXPERIENCE_V2", "off"),
        of("AZURE_AUTHORITY_HOST", &endpoint),
        of("AZURE_TENANT_ID", tenant),
        of("AZURE_CLIENT_ID", "00000000-0000-0000-0000-0000000000aa"),
        of("AZURE_CLIENT_SECRET", "any"),
        of("ARM_ENVIRONMENT", "custom"),
        of("ARM_RESOURCE_MANAGER_ENDPOINT", &endpoint),
        of("ARM_RESOURCE_MANAGER_AUDIENCE", &endpoint),
        of("ARM_ACTIVE_DIRECTORY_AUTHORITY_HOST", &endpoint),
        of("ARM_METADATA_HOSTNAME", endpoint.trim_start_matches("https://")),
        of("ARM_DISABLE_INSTANCE_DISCOVERY", "true"),
        of("ARM_TENANT_ID", tenant),
    ];
    Environment { endpoint, tenant_id: tenant.to_owned(), authority: ca, variables }
}

fn script(environment: &Environment, shell: Shell) -> String {
    let mut text = String::new();
    for Variable { name, value } in &environment.variables {
        let _ = match shell {
            Shell::Sh => writeln!(text, "export {name}='{}'", value.replace('\'', "'\\''")),
            Shell::Fish => {
                writeln!(text, "set -gx {name} '{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
            }
            Shell::Powershell => writeln!(text, "$env:{name} = '{}'", value.replace('\'', "''")),
        };
    }
    text
}

fn recipe(environment: &Environment) -> String {
    let Environment { endpoint, tenant_id, authority, .. } = environment;
    format!(
        "authority  {authority}\n\
         az         eval \"$(glidepath sandbox env)\"\n           \
         az cloud register -n Glidepath --endpoint-resource-manager {endpoint}\n           \
         az cloud set -n Glidepath\n           \
         az login --service-principal -u 00000000-0000-0000-0000-0000000000aa -p any --tenant {tenant_id}\n\
         Python     REQUESTS_CA_BUNDLE={authority}; base_url={endpoint}, credential_scopes=[{endpoint}/.default]\n\
         Node       NODE_EXTRA_CA_CERTS={authority}\n\
         Go         SSL_CERT_FILE={authority} (Terraform and its providers too)\n\
         curl       curl --cacert {authority} '{endpoint}/subscriptions?api-version=2022-12-01'\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_for_each_shell() {
        let environment = environment(Path::new("/it's/ca.pem"), Path::new("/s"), 9443, "t");
        assert!(script(&environment, Shell::Sh).contains("export SSL_CERT_FILE='/it'\\''s/ca.pem'\n"));
        assert!(script(&environment, Shell::Fish).contains("set -gx SSL_CERT_FILE '/it\\'s/ca.pem'\n"));
        assert!(script(&environment, Shell::Powershell).contains("$env:SSL_CERT_FILE = '/it''s/ca.pem'\n"));
    }
}
