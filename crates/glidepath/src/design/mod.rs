//! `glidepath init`: a design to start from; `glidepath design`: a design looked at.

pub(crate) mod show;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use glidepath_source::Finding;
use serde::Serialize;

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::Terminal;
use crate::sources;

/// Address pools are /12 blocks of 10.0.0.0/8: there are sixteen.
const POOLS: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct DesignArgs {
    #[command(subcommand)]
    pub(crate) command: DesignCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DesignCommand {
    /// Every value of a design, defaults filled in, and where each comes from
    #[command(
        before_long_help = "Examples:\n  glidepath design show examples/contoso --origin\n  glidepath design show -o json | jq '.settings[]'\n"
    )]
    Show(show::ShowArgs),
}

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Folder of the new design
    #[arg(default_value = ".")]
    dir: PathBuf,

    /// Prefix of management groups and names; asked for at a terminal when left out
    #[arg(long, value_name = "NAME")]
    organization: Option<String>,

    /// Regions, the home region first; two or more let production survive the loss of one
    #[arg(long, value_name = "REGION,…", value_delimiter = ',', default_value = "swedencentral,francecentral")]
    regions: Vec<String>,

    /// Name of the first workload; asked for at a terminal when left out
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,

    /// Team that owns the first workload
    #[arg(long, value_name = "TEAM", default_value = "ai-team")]
    team: String,

    /// Who can reach the first workload
    #[arg(long, default_value = "corp")]
    exposure: ExposureWord,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ExposureWord {
    /// No public endpoint at all
    Corp,
    /// Public only through WAF or the AI gateway
    Online,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    files: Vec<String>,
    /// Resources that the design compiles to.
    resources: usize,
}

/// The answers, from flags or from whoever sits at the terminal.
struct Wanted {
    organization: String,
    workload: String,
    team: String,
    regions: Vec<String>,
    exposure: ExposureWord,
}

/// Asks what the flags leave open: five questions at most, each with what Enter takes. Where nobody can be asked, the two
/// flags without a default are needed.
fn wanted(args: &InitArgs, terminal: &mut Terminal) -> Result<Wanted, Failure> {
    let mut wanted = Wanted {
        organization: args.organization.clone().unwrap_or_default(),
        workload: args.workload.clone().unwrap_or_default(),
        team: args.team.clone(),
        regions: args.regions.clone(),
        exposure: args.exposure,
    };
    if args.organization.is_some() && args.workload.is_some() {
        return Ok(wanted);
    }
    let mut ask = |question: &str, default: &str| -> Result<String, Failure> {
        match terminal.ask(&format!("{question} [{default}]: ")) {
            Some(answer) if answer.is_empty() => Ok(default.to_owned()),
            Some(answer) => Ok(answer),
            None => Err(Finding::error("init/not-asked", "nobody is there to be asked")
                .help("give --organization and --workload")
                .into()),
        }
    };
    if args.organization.is_none() {
        wanted.organization = ask("short name of the organisation, prefix of all names", "contoso")?;
    }
    let regions = ask("regions, the home region first", &wanted.regions.join(","))?;
    wanted.regions = regions.split(',').map(|region| region.trim().to_owned()).collect();
    if args.workload.is_none() {
        wanted.workload = ask("name of the first workload", "helpdesk")?;
    }
    wanted.team = ask("team that owns it", &wanted.team)?;
    let word = match wanted.exposure {
        ExposureWord::Corp => "corp",
        ExposureWord::Online => "online",
    };
    wanted.exposure = match ask("who reaches it: corp (no public endpoint) or online", word)?.as_str() {
        "corp" => ExposureWord::Corp,
        "online" => ExposureWord::Online,
        other => {
            return Err(Finding::error("init/bad-exposure", format!("`{other}` is no exposure"))
                .help("answer `corp` or `online`")
                .into());
        }
    };
    Ok(wanted)
}

pub(crate) fn run(args: &InitArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let wanted = wanted(args, terminal)?;
    if wanted.regions.len() > POOLS {
        return Err(Finding::error("init/too-many-regions", format!("{} regions are too many", wanted.regions.len()))
            .help(format!("name up to {POOLS}; more pools can be written into `platform.yaml` later"))
            .into());
    }
    // A file name is made from it: what is no name must not leave the folder.
    if !wanted.workload.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(Finding::error("init/bad-name", format!("`{}` cannot be the name of a workload", wanted.workload))
            .help("take lower-case letters, digits and hyphens")
            .into());
    }
    let files = files(&wanted);
    if let Some((taken, _)) = files.iter().find(|(name, _)| args.dir.join(name).exists()) {
        return Err(Finding::error("init/exists", format!("`{}` is there already", args.dir.join(taken).display()))
            .why("a design is never overwritten")
            .help("name another folder")
            .into());
    }
    for (name, text) in &files {
        let path = args.dir.join(name);
        let folder = path.parent().unwrap_or(&args.dir);
        std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text)).map_err(|e| unwritten(&path, &e))?;
    }
    let mut findings = Vec::new();
    let compiled = match sources::design(&args.dir, &mut findings) {
        Ok(compilation) => compilation.compiled,
        Err(failure) => {
            // What the flags said does not make a design: leave nothing behind.
            for (name, _) in &files {
                let _ = std::fs::remove_file(args.dir.join(name));
            }
            return Err(failure);
        }
    };
    terminal.findings(&findings);
    let made = Made { files: files.into_iter().map(|(name, _)| name).collect(), resources: compiled.estate.len() };
    match args.output {
        PlainFormat::Json => terminal.envelope("init", &made),
        PlainFormat::Table => {
            let dir = args.dir.display();
            terminal.answer(&format!(
                "wrote {}\nit means {} resources\n\nnext\n  glidepath plan {dir}\n  glidepath up {dir}\n",
                made.files.join(", "),
                made.resources
            ));
        }
    }
    Ok(Answer::Yes)
}

fn unwritten(path: &Path, error: &std::io::Error) -> Failure {
    Failure::target(
        Finding::error("init/unwritable", format!("cannot write `{}`: {error}", path.display()))
            .help("check the folder and its permissions"),
    )
}

fn files(wanted: &Wanted) -> Vec<(String, String)> {
    let Wanted { organization, workload, team, .. } = wanted;
    let regions = wanted.regions.join(", ");
    let glidepath = format!(
        "organization: {organization}\nregions: [{regions}]\nlibraries: [embedded:ai]\narchitecture: ai\ntags: {{ required: [owner, costCenter, dataClass, environment] }}\ntargets: {{ sandbox: {{}} }}\n"
    );
    let mut platform = format!(
        "management: {{ subscription: {organization}-management, logRetentionDays: 90, defender: [AI, StorageAccounts, KeyVaults] }}\nidentity: {{ subscription: {organization}-identity }}\nsecurity: {{ subscription: {organization}-security }}\nconnectivity:\n  subscription: {organization}-connectivity\n  topology: hub-and-spoke\n  # Change these before the first rollout if they overlap with networks you have.\n  addressPools:\n"
    );
    for (i, region) in wanted.regions.iter().enumerate() {
        platform.push_str(&format!("    {region}: 10.{}.0.0/12\n", i * 256 / POOLS));
    }
    platform.push_str("  hubs:\n");
    for region in &wanted.regions {
        platform.push_str(&format!("    {region}: {{ firewall: {{ tier: Standard, dnsProxy: true }} }}\n"));
    }
    let exposure = match wanted.exposure {
        ExposureWord::Corp => "corp",
        ExposureWord::Online => "online",
    };
    let first = format!(
        "name: {workload}\nexposure: {exposure}\nowner: {{ team: {team} }}\ndataClass: internal\nenvironments: [development, test, production]\nnetwork: {{ size: S }}\nservices: [foundry, search, storage, key-vault]\nvalidation:\n  approvals: [{team}]\n"
    );
    vec![
        ("glidepath.yaml".to_owned(), glidepath),
        ("platform.yaml".to_owned(), platform),
        (format!("workloads/{workload}.yaml"), first),
    ]
}
