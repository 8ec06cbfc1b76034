//! What the tests share.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The binary, without the settings of whoever runs the tests.
pub(crate) fn glidepath() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glidepath"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GLIDEPATH_")) {
        command.env_remove(name);
    }
    command.env_remove("RUST_BACKTRACE").env("NO_COLOR", "1");
    command
}

/// A copy of the example in a folder of its own.
pub(crate) fn example(folder: &Path) -> PathBuf {
    let to = folder.join("contoso");
    copy(&root().join("examples/contoso"), &to);
    to
}

/// Copies a file or a folder, without what is hidden in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            if !entry.file_name().to_string_lossy().starts_with('.') {
                copy(&entry.path(), &to.join(entry.file_name()));
            }
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

/// Compares a text with a file of the workspace; with `GLIDEPATH_GOLDEN=write` writes it instead.
pub(crate) fn golden(file: &str, seen: &str) -> Result<(), String> {
    let path = root().join(file);
    if std::env::var("GLIDEPATH_GOLDEN").is_ok_and(|v| v == "write") {
        std::fs::write(&path, seen).unwrap();
        return Ok(());
    }
    let wanted = std::fs::read_to_string(&path).map_err(|e| format!("{file}: {e}"))?;
    if wanted == seen {
        return Ok(());
    }
    let line = wanted.lines().zip(seen.lines()).position(|(a, b)| a != b).unwrap_or(wanted.lines().count());
    Err(format!(
        "{file} differs from line {} on; GLIDEPATH_GOLDEN=write accepts what is seen\n--- wanted\n{wanted}\n--- seen\n{seen}",
        line + 1
    ))
}
