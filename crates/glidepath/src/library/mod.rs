//! `glidepath library`: libraries in the Azure Landing Zones format.

mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use glidepath_library::Library;
use glidepath_source::Finding;
use serde::Serialize;

use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{Columns, GREEN, RED, Terminal, paint};
use crate::sources;

#[derive(Debug, Args)]
pub(crate) struct LibraryArgs {
    #[command(subcommand)]
    command: LibraryCommand,
}

#[derive(Debug, Subcommand)]
enum LibraryCommand {
    /// What is wrong with libraries: their files, and what does not fit together
    #[command(
        before_long_help = "Examples:\n  glidepath library check ./policy\n  glidepath library check ./Azure-Landing-Zones-Library/platform/alz ./policy -o json\n"
    )]
    Check(SourceArgs),
    /// The assets of libraries
    #[command(
        before_long_help = "Examples:\n  glidepath library list\n  glidepath library list ./policy --kind assignment\n"
    )]
    List(ListArgs),
    /// One asset: what it says and who uses it
    #[command(
        before_long_help = "Examples:\n  glidepath library show Deny-AI-Public\n  glidepath library show ai_corp --in ./policy -o json\n"
    )]
    Show(ShowArgs),
}

#[derive(Debug, Args)]
struct SourceArgs {
    /// Library folders; later ones overlay earlier ones [default: the embedded library]
    #[arg(value_name = "DIR")]
    dirs: Vec<PathBuf>,

    /// Folder of built-in definitions and initiatives, as published: references to them are then checked too
    #[arg(long, value_name = "DIR", env = "GLIDEPATH_BUILTINS")]
    builtins: Option<PathBuf>,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Library folders; later ones overlay earlier ones [default: the embedded library]
    #[arg(value_name = "DIR")]
    dirs: Vec<PathBuf>,

    /// Only assets of this kind
    #[arg(long)]
    kind: Option<AssetWord>,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Its name, as archetypes call it
    name: String,

    /// Library folders; later ones overlay earlier ones [default: the embedded library]
    #[arg(long = "in", value_name = "DIR")]
    dirs: Vec<PathBuf>,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

/// A kind of asset, in the field's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AssetWord {
    /// Management-group trees
    Architecture,
    /// Named sets of assets
    Archetype,
    /// Policy assignments
    Assignment,
    /// Policy set definitions
    Initiative,
    /// Policy definitions
    Definition,
    /// Role definitions
    Role,
    /// Default values
    Default,
}

impl AssetWord {
    pub(crate) fn name(self) -> &'static str {
        match self {
            AssetWord::Architecture => "architecture",
            AssetWord::Archetype => "archetype",
            AssetWord::Assignment => "assignment",
            AssetWord::Initiative => "initiative",
            AssetWord::Definition => "definition",
            AssetWord::Role => "role",
            AssetWord::Default => "default",
        }
    }
}

pub(crate) fn run(args: &LibraryArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    match &args.command {
        LibraryCommand::Check(args) => check(args, terminal),
        LibraryCommand::List(args) => list(args, terminal),
        LibraryCommand::Show(args) => show::run(args, terminal),
    }
}

/// The libraries merged, with everything that is wrong with their files.
fn load(dirs: &[PathBuf]) -> Result<(Library, Vec<Finding>), Failure> {
    if dirs.is_empty() {
        return Ok(Library::embedded_ai());
    }
    let mut library = Library::default();
    let mut findings = Vec::new();
    for dir in dirs {
        let (texts, unreadable) = sources::library_files(dir)?;
        if texts.is_empty() && unreadable.is_empty() {
            return Err(Finding::error("library/empty", format!("`{}` holds no library file", dir.display()))
                .about(dir.display().to_string())
                .help("files of a library end in `.alz_policy_definition.json`, `.alz_architecture_definition.yaml`, …")
                .into());
        }
        findings.extend(unreadable);
        findings.extend(library.load(&dir.display().to_string(), texts));
    }
    Ok((library, findings))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    sound: bool,
    errors: usize,
    warnings: usize,
    assets: Counts,
    findings: Vec<Finding>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    definitions: usize,
    initiatives: usize,
    assignments: usize,
    roles: usize,
    archetypes: usize,
    architectures: usize,
}

fn check(args: &SourceArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (mut library, mut findings) = load(&args.dirs)?;
    if let Some(folder) = &args.builtins {
        let texts = sources::builtin_files(folder, &mut findings)?;
        let (assets, problems) = glidepath_library::builtins(&texts);
        findings.extend(problems);
        library.know_builtins(assets);
    }
    for finding in library.check() {
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    let errors = findings.iter().filter(|f| f.is_error()).count();
    let answer = Checked {
        sound: errors == 0,
        errors,
        warnings: findings.len() - errors,
        assets: Counts {
            definitions: library.definitions.len(),
            initiatives: library.initiatives.len(),
            assignments: library.assignments.len(),
            roles: library.roles.len(),
            archetypes: library.archetypes.len(),
            architectures: library.architectures.len(),
        },
        findings,
    };
    match args.output {
        PlainFormat::Json => terminal.envelope("libraryCheck", &answer),
        PlainFormat::Table => {
            terminal.findings(&answer.findings);
            let Counts { definitions, initiatives, assignments, roles, archetypes, architectures } = answer.assets;
            let verdict = if answer.sound {
                paint(GREEN, "the library is sound")
            } else {
                paint(RED, format!("{errors} errors"))
            };
            terminal.answer(&format!(
                "{verdict}: {definitions} definitions, {initiatives} initiatives, {assignments} assignments, {roles} role definitions, {archetypes} archetypes, {architectures} architectures; {} other findings\n",
                answer.warnings
            ));
        }
    }
    Ok(if answer.sound { Answer::Yes } else { Answer::No })
}

/// One line of a list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    kind: AssetWord,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    library: String,
    file: String,
}

#[derive(Serialize)]
struct Listed {
    assets: Vec<Entry>,
}

fn list(args: &ListArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let (library, findings) = load(&args.dirs)?;
    terminal.findings(&findings);
    let mut assets = entries(&library);
    assets.retain(|e| args.kind.is_none_or(|k| k == e.kind));
    match args.output {
        PlainFormat::Json => terminal.envelope("libraryList", &Listed { assets }),
        PlainFormat::Table => {
            let mut columns = Columns::default();
            columns.row(["kind", "name", "version", "category", "what it is"].map(str::to_owned));
            for entry in assets {
                columns.row([
                    entry.kind.name().to_owned(),
                    entry.name,
                    entry.version.unwrap_or_default(),
                    entry.category.unwrap_or_default(),
                    entry.display_name.unwrap_or_default(),
                ]);
            }
            terminal.answer(&columns.render(0));
        }
    }
    Ok(if findings.iter().any(Finding::is_error) { Answer::No } else { Answer::Yes })
}

fn entries(library: &Library) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut plain = |kind, name: &glidepath_library::Name, library: &str, display_name: Option<String>| {
        entries.push(Entry {
            kind,
            name: name.name.to_string(),
            version: None,
            category: None,
            display_name,
            library: library.to_owned(),
            file: name.place.text.name().to_owned(),
        });
    };
    for item in library.architectures.values() {
        let groups = format!("{} management groups", item.groups.len());
        plain(AssetWord::Architecture, &item.name, &item.library, Some(groups));
    }
    for item in library.archetypes.values() {
        let assets = &item.assets;
        let held = format!("{} assignments, {} definitions", assets.assignments.len(), assets.definitions.len());
        plain(AssetWord::Archetype, &item.name, &item.library, Some(held));
    }
    for item in library.defaults.values() {
        let text = item.description.as_ref().map(ToString::to_string);
        plain(AssetWord::Default, &item.name, "", text);
    }
    let kinds = [
        (AssetWord::Assignment, &library.assignments),
        (AssetWord::Initiative, &library.initiatives),
        (AssetWord::Definition, &library.definitions),
        (AssetWord::Role, &library.roles),
    ];
    for (kind, assets) in kinds {
        for asset in assets.values() {
            let text = |path: &[&str]| asset.body.at(path).and_then(|v| v.as_str()).map(str::to_owned);
            let display = text(&["properties", "displayName"]).or_else(|| text(&["properties", "description"]));
            entries.push(Entry {
                kind,
                name: asset.name.name.to_string(),
                version: text(&["properties", "metadata", "version"]),
                category: text(&["properties", "metadata", "category"]),
                display_name: display,
                library: asset.library.to_string(),
                file: asset.text().name().to_owned(),
            });
        }
    }
    entries
}
