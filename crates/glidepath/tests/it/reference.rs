//! What the documentation shows is what a user sees.

use std::fmt::Write;

use crate::support::{copy, glidepath, golden, root};

/// Every command of the tool, outermost first.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut next = 0;
    while let Some(command) = found.get(next).cloned() {
        let help = help(&command, "-h");
        let mut listed = help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1);
        while let Some(line) = listed.next().filter(|line| line.starts_with("  ")) {
            // Further lines of a description are indented more.
            if let Some(name) =
                line.strip_prefix("  ").filter(|l| !l.starts_with(' ')).and_then(|l| l.split(' ').next())
            {
                let mut inner = command.clone();
                inner.push(name.to_owned());
                found.push(inner);
            }
        }
        next += 1;
    }
    found
}

fn help(command: &[String], flag: &str) -> String {
    let output = glidepath().args(command).arg(flag).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_command_line_reference_is_what_help_says() {
    let mut text = String::from(
        "# Command line\n\nWhat `--help` says, command by command. Generated: `GLIDEPATH_GOLDEN=write cargo test -p glidepath reference`.\n",
    );
    let commands = commands();
    assert!(commands.len() > 4, "{commands:?}");
    for command in commands {
        let name = std::iter::once("glidepath").chain(command.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        let _ = write!(text, "\n## {name}\n\n```text\n{}\n```\n", help(&command, "--help").trim_end());
    }
    golden("docs/cli.md", &text).unwrap_or_else(|problem| panic!("{problem}"));
}

#[test]
fn every_command_shows_two_examples_first() {
    for command in commands().into_iter().filter(|c| !c.is_empty()) {
        let text = help(&command, "--help");
        let is_group = help(&command, "-h").contains("Commands:");
        let examples = text
            .lines()
            .take_while(|line| !line.starts_with("Usage:"))
            .filter(|l| l.starts_with("  glidepath "))
            .count();
        assert!(is_group || examples >= 2, "{command:?} shows {examples} examples before its usage\n{text}");
    }
}

/// Console blocks whose commands are ours run in a copy of the workspace's examples; `…` stands for any lines.
#[test]
fn the_consoles_of_the_readme_are_true() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("examples"), &folder.path().join("examples"));
    let mut run = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let mut lines = block.lines().peekable();
        while let Some(line) = lines.next() {
            let Some(command) = line.strip_prefix("$ ") else { continue };
            let mut wanted = Vec::new();
            while let Some(line) = lines.next_if(|l| !l.starts_with("$ ")) {
                wanted.push(line.trim_end());
            }
            let Some(arguments) =
                command.strip_prefix("glidepath ").or_else(|| command.strip_prefix("cargo run --release -- "))
            else {
                continue;
            };
            let output = glidepath().args(arguments.split_whitespace()).current_dir(folder.path()).output().unwrap();
            let seen = String::from_utf8(output.stdout).unwrap();
            let seen: Vec<&str> = seen.lines().map(str::trim_end).collect();
            assert!(
                fits(&wanted, &seen),
                "$ {command}\n--- README\n{}\n--- seen\n{}",
                wanted.join("\n"),
                seen.join("\n")
            );
            run += 1;
        }
    }
    assert!(run >= 3, "README shows only {run} commands");
}

fn fits(wanted: &[&str], seen: &[&str]) -> bool {
    let wanted: Vec<&str> = trim_blank(wanted);
    let seen: Vec<&str> = trim_blank(seen);
    let Some(gap) = wanted.iter().position(|line| *line == "…") else { return wanted == seen };
    let (head, tail) = (&wanted[..gap], &wanted[gap + 1..]);
    seen.starts_with(head) && (head.len()..=seen.len()).any(|from| fits(tail, &seen[from..]))
}

fn trim_blank<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let start = lines.iter().position(|l| !l.is_empty()).unwrap_or(lines.len());
    let end = lines.iter().rposition(|l| !l.is_empty()).map_or(start, |at| at + 1);
    lines[start..end].to_vec()
}
