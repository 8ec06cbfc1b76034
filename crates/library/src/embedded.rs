//! The library `ai`, which is part of the binary: the folder `library/` at the root of the repository.

use glidepath_source::{Finding, Text};
use include_dir::{Dir, include_dir};

use crate::Library;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../library");

impl Library {
    /// The files of the embedded library `ai`, in the order of their names; each is known as `embedded:ai/<path>`.
    pub fn embedded() -> Vec<Text> {
        files(|name| name.contains("alz_"))
    }

    /// For each definition of the embedded library, resources that violate it and resources that comply with it:
    /// `{cases: [{definition, at, effect, violates: {…}, complies: {…}}]}`.
    pub fn embedded_pairs() -> Vec<Text> {
        files(|name| name.starts_with("embedded:ai/pairs/"))
    }

    /// The embedded library `ai`, loaded alone. It has no findings as long as our own tests hold.
    pub fn embedded_ai() -> (Library, Vec<Finding>) {
        let mut library = Library::default();
        let findings = library.load("ai", Library::embedded());
        (library, findings)
    }
}

fn files(fits: impl Fn(&str) -> bool) -> Vec<Text> {
    let mut files = Vec::new();
    collect(&FILES, &mut files);
    files.retain(|file| fits(file.name()));
    files.sort_by(|a, b| a.name().cmp(b.name()));
    files
}

fn collect(folder: &Dir<'_>, files: &mut Vec<Text>) {
    for file in folder.files() {
        if let Some(text) = file.contents_utf8() {
            let path: Vec<_> = file.path().iter().map(|part| part.to_string_lossy()).collect();
            files.push(Text::new(format!("embedded:ai/{}", path.join("/")), text));
        }
    }
    for inner in folder.dirs() {
        collect(inner, files);
    }
}
