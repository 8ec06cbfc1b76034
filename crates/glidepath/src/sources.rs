//! From folders to values: designs, libraries, built-ins, aliases.

use std::io::Read;
use std::path::Path;

use glidepath_design::{Compiled, Design};
use glidepath_library::Library;
use glidepath_policy::Aliases;
use glidepath_source::{Finding, Text};

use crate::failure::{Failure, stop_on_errors};
use crate::files;

/// A design with its libraries, compiled.
pub(crate) struct Compilation {
    pub(crate) design: Design,
    pub(crate) compiled: Compiled,
    pub(crate) library: Library,
}

/// Reads and compiles the design in a folder; what is not an error is collected in `findings`.
pub(crate) fn design(folder: &Path, findings: &mut Vec<Finding>) -> Result<Compilation, Failure> {
    design_with(folder, None, findings)
}

/// As [`design`], with one more file (path below the folder, text) that is not written yet.
pub(crate) fn design_with(
    folder: &Path,
    more: Option<(String, String)>,
    findings: &mut Vec<Finding>,
) -> Result<Compilation, Failure> {
    let design = read_with(folder, more, findings)?;
    let library = design_libraries(&design, folder, findings)?;
    let (compiled, made) = design.compile(&library);
    stop_on_errors(made, findings)?;
    Ok(Compilation { design, compiled, library })
}

/// Reads the design in a folder without compiling it.
pub(crate) fn read_design(folder: &Path, findings: &mut Vec<Finding>) -> Result<Design, Failure> {
    read_with(folder, None, findings)
}

fn read_with(folder: &Path, more: Option<(String, String)>, findings: &mut Vec<Finding>) -> Result<Design, Failure> {
    let (mut texts, unreadable) = files::read_folder(folder, &|path| {
        let yaml = path.ends_with(".yaml") || path.ends_with(".yml");
        yaml && (!path.contains('/') || path.starts_with("workloads/") || path.starts_with("waivers/"))
    })?;
    stop_on_errors(unreadable, findings)?;
    // The record of earlier rollouts; without it, what stands in the target is asked.
    let record = folder.join(".glidepath/addresses.yaml");
    if let Ok(text) = std::fs::read_to_string(&record) {
        texts.push((".glidepath/addresses.yaml".to_owned(), Text::new(record.display().to_string(), text)));
    }
    texts.extend(more.map(|(path, text)| {
        let name = folder.join(&path).display().to_string();
        (path, Text::new(name, text))
    }));
    let (design, read) = Design::read(&texts);
    stop_on_errors(read, findings)?;
    let Some(design) = design else {
        return Err(Finding::error("design/empty", "the design could not be read")
            .help("see `examples/contoso`")
            .into());
    };
    Ok(design)
}

fn design_libraries(design: &Design, folder: &Path, findings: &mut Vec<Finding>) -> Result<Library, Failure> {
    let mut library = Library::default();
    let mut problems = Vec::new();
    for reference in &design.libraries {
        match reference.split_once(':') {
            Some(("embedded", "ai")) => problems.extend(library.load(reference, Library::embedded())),
            Some(("path", path)) => {
                let (texts, unreadable) = library_files(&folder.join(path))?;
                problems.extend(unreadable);
                problems.extend(library.load(reference, texts));
            }
            _ => problems.push(
                Finding::error("library/unknown-source", format!("`{reference}` names no library that can be loaded"))
                    .about(reference.clone())
                    .help("write `embedded:ai`, or `path:FOLDER` for a folder in ALZ library format"),
            ),
        }
    }
    stop_on_errors(problems, findings)?;
    Ok(library)
}

/// Libraries from folders, merged.
pub(crate) fn libraries<P: AsRef<Path>>(folders: &[P], findings: &mut Vec<Finding>) -> Result<Library, Failure> {
    let mut library = Library::default();
    for folder in folders {
        let (texts, mut problems) = library_files(folder.as_ref())?;
        problems.extend(library.load(&folder.as_ref().display().to_string(), texts));
        stop_on_errors(problems, findings)?;
    }
    Ok(library)
}

/// The embedded library alone.
pub(crate) fn embedded_library(findings: &mut Vec<Finding>) -> Result<Library, Failure> {
    let mut library = Library::default();
    let problems = library.load("embedded:ai", Library::embedded());
    stop_on_errors(problems, findings)?;
    Ok(library)
}

pub(crate) fn library_files(folder: &Path) -> Result<(Vec<Text>, Vec<Finding>), Failure> {
    let (texts, findings) = files::read_folder(folder, &|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.contains("alz_")
    })?;
    Ok((texts.into_iter().map(|(_, text)| text).collect(), findings))
}

/// Built-in definition and initiative files.
pub(crate) fn builtin_files(folder: &Path, findings: &mut Vec<Finding>) -> Result<Vec<Text>, Failure> {
    let (texts, unreadable) = files::read_folder(folder, &|path| path.ends_with(".json"))?;
    stop_on_errors(unreadable, findings)?;
    Ok(texts.into_iter().map(|(_, text)| text).collect())
}

/// The alias table, `alias,path` with a header line, or the JSON of the providers API; plain or gzipped.
pub(crate) fn aliases(path: &Path) -> Result<Aliases, Failure> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| {
        Finding::error("file/unreadable", format!("cannot read `{name}`: {e}")).about(&name).help("check the path")
    })?;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut plain = Vec::new();
        // A table a hundred times the real one's size is no alias table.
        flate2::read::GzDecoder::new(bytes.as_slice()).take(1 << 30).read_to_end(&mut plain).map_err(|e| {
            Finding::error("file/not-gzip", format!("cannot unpack `{name}`: {e}"))
                .about(&name)
                .help("give the CSV or an intact .gz of it")
        })?;
        plain
    } else {
        bytes
    };
    let text = String::from_utf8(bytes).map_err(|_| {
        Finding::error("file/not-utf8", format!("`{name}` is not UTF-8 text")).about(&name).help("save it as UTF-8")
    })?;
    if text.trim_start().starts_with(['{', '[']) {
        let parsed: serde_json::Value = serde_json::from_str(&text).map_err(|e| {
            Finding::error("json/syntax", format!("`{name}` is not valid JSON: {e}"))
                .about(&name)
                .help("export it again")
        })?;
        return Aliases::from_providers(&parsed.into()).ok_or_else(|| {
            Finding::error("file/no-aliases", format!("`{name}` is no answer of the providers API"))
                .about(&name)
                .help("export it with `az provider list --expand resourceTypes/aliases`")
                .into()
        });
    }
    // A table of something else would resolve nothing, and everything would seem to be in order.
    let is_row = |line: &str| line.split_once(',').is_some_and(|(name, _)| name.contains('.') && name.contains('/'));
    if !text.lines().take(20).any(is_row) {
        return Err(Finding::error("file/no-aliases", format!("`{name}` is no table of policy aliases"))
            .about(&name)
            .help("give CSV `alias,path`, such as `Microsoft.Storage/storageAccounts/sku.name,sku.name`, or the JSON of the providers API")
            .into());
    }
    Ok(Aliases::from_csv(text))
}

/// The tenant of the design in a folder, whatever else is wrong with it.
pub(crate) fn design_tenant(folder: &Path) -> Result<Option<String>, Failure> {
    let (texts, _) = files::read_folder(folder, &|path| path == "glidepath.yaml")?;
    Ok(Design::read(&texts).0.and_then(|design| design.tenant))
}
