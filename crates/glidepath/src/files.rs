//! Reading the user's files and folders, with a limit on their size.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use glidepath_source::{Finding, Text};

/// Larger than any template ARM takes (4 MB) and any table we read; smaller than what would make a typo expensive.
const LARGEST_FILE: u64 = 32 * 1024 * 1024;

/// Reads one text file.
pub(crate) fn read(path: &Path) -> Result<Text, Finding> {
    let name = path.display().to_string();
    let size = std::fs::metadata(path).map_err(|e| unreadable(&name, &e))?.len();
    if size > LARGEST_FILE {
        return Err(Finding::error("file/too-large", format!("`{name}` has {} MB", size / 1_000_000))
            .about(name)
            .why(format!("files up to {} MB are read; ARM itself takes templates up to 4 MB", LARGEST_FILE / 1_000_000))
            .help("name the template itself, or split it into linked templates"));
    }
    let bytes = std::fs::read(path).map_err(|e| unreadable(&name, &e))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Text::new(name, text)),
        Err(error) => {
            let line =
                error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|b| **b == b'\n').count() + 1;
            Err(Finding::error("file/not-utf8", format!("`{name}` is not UTF-8 text (line {line})"))
                .about(name)
                .help("save it as UTF-8"))
        }
    }
}

/// Texts beside their paths below a folder, with `/` between segments.
pub(crate) type Files = Vec<(String, Text)>;

/// Reads every file below a folder whose name fits, in the order of the paths; hidden folders are passed over.
pub(crate) fn read_folder(folder: &Path, fits: &dyn Fn(&str) -> bool) -> Result<(Files, Vec<Finding>), Finding> {
    if !folder.is_dir() {
        let name = folder.display();
        return Err(Finding::error("file/no-folder", format!("`{name}` is not a folder"))
            .about(name.to_string())
            .help("check the path"));
    }
    let mut paths = Vec::new();
    list(folder, &mut paths).map_err(|e| unreadable(&folder.display().to_string(), &e))?;
    paths.sort();
    let (mut texts, mut findings) = (Vec::new(), Vec::new());
    for path in paths {
        let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if fits(&below) {
            match read(&path) {
                Ok(text) => texts.push((below, text)),
                Err(finding) => findings.push(finding),
            }
        }
    }
    Ok((texts, findings))
}

/// Every file below a folder with its size and the time of its last change, in the order of the paths.
pub(crate) fn list_with_times(folder: &Path) -> io::Result<Vec<(PathBuf, u64, SystemTime)>> {
    let mut paths = Vec::new();
    list(folder, &mut paths)?;
    paths.sort();
    let with_time = |path: PathBuf| {
        let about = std::fs::metadata(&path)?;
        Ok((path, about.len(), about.modified()?))
    };
    paths.into_iter().map(with_time).collect()
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        // Links to folders are not followed: a loop of them would never end.
        let kind = entry.file_type()?;
        // A folder or a broken link with the name of a design file must not be passed over in silence.
        let named_as_file = name.to_string_lossy().ends_with(".yaml");
        if kind.is_dir() && !named_as_file {
            list(&entry.path(), paths)?;
        } else if kind.is_file() || named_as_file || entry.path().is_file() {
            paths.push(entry.path());
        }
    }
    Ok(())
}

fn unreadable(name: &str, error: &io::Error) -> Finding {
    let (code, help) = match error.kind() {
        io::ErrorKind::NotFound => ("file/not-found", "check the path"),
        io::ErrorKind::PermissionDenied => ("file/no-permission", "give this user read access to it"),
        _ => ("file/unreadable", "check that it is a readable file"),
    };
    Finding::error(code, format!("cannot read `{name}`: {error}")).about(name).help(help)
}

/// The nearest folder with a `glidepath.yaml`, from `start` upwards.
pub(crate) fn find_design(start: &Path) -> Option<PathBuf> {
    let start = std::path::absolute(start).ok()?;
    start.ancestors().find(|folder| folder.join("glidepath.yaml").is_file()).map(Path::to_path_buf)
}
