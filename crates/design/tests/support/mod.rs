//! What the tests of this crate share: files of the repository, and the embedded library.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::disallowed_methods, reason = "tests read the repository")]

use std::path::{Path, PathBuf};

use glidepath_arm::Value;
use glidepath_library::Library;
use glidepath_source::{Text, yaml};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of the files of a folder of the repository with this ending, sorted.
pub(crate) fn files_below(folder: &str, ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|n| n.ends_with(ending));
    names.sort();
    names
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// One file of the suite.
pub(crate) fn suite(name: &str) -> Value {
    let text = Text::new(name, read(&format!("tests/suite/design/{name}")));
    Value::from(&yaml::parse(&text).unwrap_or_else(|f| panic!("{f}")))
}

/// The files of a design in the repository, named from its folder.
pub(crate) fn design(folder: &str) -> Vec<(String, Text)> {
    let mut files = Vec::new();
    for below in ["", "workloads/", "waivers/"] {
        if !root().join(folder).join(below).exists() {
            continue;
        }
        for name in files_below(&format!("{folder}/{below}"), ".yaml") {
            let name = format!("{below}{name}");
            files.push((name.clone(), Text::new(name.clone(), read(&format!("{folder}/{name}")))));
        }
    }
    files
}

pub(crate) fn embedded() -> Library {
    let mut library = Library::default();
    let findings = library.load("embedded:ai", Library::embedded());
    assert!(findings.iter().all(|f| !f.is_error()), "{findings:?}");
    library
}
