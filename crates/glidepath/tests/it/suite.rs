//! Runs the real binary as `tests/suite/glidepath/*.yaml` say: files, a command line, and what a user then sees.
//!
//! A case is `{ name, files, run, exit, stdout, stderr, absent }`: `stdout` and `stderr` list fragments that must occur
//! in that order, `absent` names files that must not exist afterwards, `golden` is a file that holds the whole of stdout. A file given as `{ repeat, bytes }` is that text
//! repeated up to that size; `{ copy }` is a file or folder of the workspace.
use std::path::{Path, PathBuf};

use glidepath_source::{Kind, Node, Text, yaml};

use crate::support::{copy, glidepath, golden, root};

#[test]
fn cases() {
    let folder = root().join("tests/suite/glidepath");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut run, mut failures) = (0, Vec::new());
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "yaml")) {
        let text = Text::new(file.display().to_string(), std::fs::read_to_string(file).unwrap());
        let cases = yaml::parse(&text).unwrap_or_else(|f| panic!("{f}"));
        for case in cases.items() {
            run += 1;
            if let Err(problem) = play(case) {
                let name = case.get("name").and_then(Node::as_str).unwrap_or("?");
                failures.push(format!("{}: {name}\n{problem}", file.file_name().unwrap().to_string_lossy()));
            }
        }
    }
    assert!(run > 0, "no cases in {}", folder.display());
    assert!(failures.is_empty(), "{} of {run} cases failed\n\n{}", failures.len(), failures.join("\n\n"));
}

fn play(case: &Node) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    for member in case.get("files").map(Node::members).unwrap_or_default() {
        let path = folder.path().join(member.key.as_ref());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write(&path, &member.value);
    }
    let line = case.get("run").and_then(Node::as_str).ok_or("no `run`")?;
    let output = glidepath().args(line.split_whitespace()).current_dir(folder.path()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let seen = format!("$ glidepath {line}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    let wanted = match case.get("exit").map(|n| &n.kind) {
        Some(Kind::Int(code)) => *code,
        _ => return Err("no `exit`".into()),
    };
    if output.status.code() != Some(i32::try_from(wanted).unwrap()) {
        return Err(format!("exit {:?}, wanted {wanted}\n{seen}", output.status.code()));
    }
    for (stream, text) in [("stdout", &stdout), ("stderr", &stderr)] {
        let mut rest: &str = text;
        for fragment in case.get(stream).map(Node::items).unwrap_or_default() {
            let fragment = fragment.as_str().ok_or("fragments are strings")?;
            match rest.find(fragment) {
                Some(at) => rest = &rest[at + fragment.len()..],
                None => return Err(format!("{stream} lacks `{fragment}` (in this order)\n{seen}")),
            }
        }
    }
    if let Some(file) = case.get("golden").and_then(Node::as_str) {
        golden(file, &stdout)?;
    }
    for path in case.get("absent").map(Node::items).unwrap_or_default() {
        let path = path.as_str().ok_or("paths are strings")?;
        if folder.path().join(path).exists() {
            return Err(format!("`{path}` was written\n{seen}"));
        }
    }
    Ok(())
}

fn write(path: &Path, content: &Node) {
    if let Some(text) = content.as_str() {
        std::fs::write(path, text).unwrap();
    } else if let Some(from) = content.get("copy").and_then(Node::as_str) {
        copy(&root().join(from), path);
    } else if let (Some(text), Some(Kind::Int(bytes))) =
        (content.get("repeat").and_then(Node::as_str), content.get("bytes").map(|n| &n.kind))
    {
        let times = usize::try_from(*bytes).unwrap() / text.len();
        std::fs::write(path, text.repeat(times)).unwrap();
    } else {
        panic!("`files` values are text, {{ copy }} or {{ repeat, bytes }}");
    }
}
