//! Bicep, compiled by the `bicep` that is on the PATH: its language is not ours.

use std::path::Path;
use std::process::Command;

use glidepath_arm::template::Parameters;
use glidepath_source::{Finding, Node, Span, Text, json};

use crate::files;

/// Is it a Bicep file?
pub(crate) fn is_bicep(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("bicep"))
}

/// Is it a Bicep parameter file?
pub(crate) fn is_parameters(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("bicepparam"))
}

/// What stands behind the name of a file whose compiled form is meant: lines are those of the JSON.
pub(crate) const COMPILED: &str = " (compiled)";

/// The ARM template of a Bicep file.
pub(crate) fn template(path: &Path) -> Result<Text, Finding> {
    let json = compile("build", path)?;
    Ok(Text::new(format!("{}{COMPILED}", path.display()), json))
}

/// The values of a Bicep parameter file, and the template it is for, where it names one.
pub(crate) fn parameters(path: &Path) -> Result<(Parameters, Option<Text>), Finding> {
    let name = format!("{}{COMPILED}", path.display());
    let output = Text::new(&name, compile("build-params", path)?);
    let root = json::parse(&output)?;
    let part = |key: &str| root.get(key).and_then(Node::as_str).map(|text| Text::new(&name, text));
    let mut parameters = Parameters::default();
    parameters.add_file(&part("parametersJson").unwrap_or_else(|| output.clone()));
    Ok((parameters, part("templateJson")))
}

fn compile(command: &str, path: &Path) -> Result<String, Finding> {
    let name = path.display().to_string();
    // What is not there is told as for every file.
    let source = files::read(path)?;
    let output = match Command::new("bicep").arg(command).arg(path).arg("--stdout").output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let json = if command == "build" { "main.json" } else { "main.parameters.json" };
            return Err(Finding::error("bicep/not-found", format!("`{name}` must be compiled, and there is no `bicep` on the PATH"))
                .about(&name)
                .why("templates are read as ARM JSON; the Bicep compiler makes it")
                .help(format!(
                    "install Bicep (https://aka.ms/bicep-install), or compile it where it is: az bicep {command} --file {name} --outfile {json}"
                )));
        }
        Err(error) => {
            return Err(Finding::error("bicep/failed", format!("`bicep` could not be started: {error}")).about(name));
        }
    };
    if output.status.success() {
        return String::from_utf8(output.stdout)
            .map_err(|_| Finding::error("bicep/failed", "what `bicep` wrote is not UTF-8").about(&name));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let complaint = stderr.lines().find(|l| l.contains("Error")).or_else(|| stderr.lines().next()).unwrap_or_default();
    let (at, message) = complaint_of(complaint, &source);
    let message = if message.is_empty() { format!("exit {}", output.status) } else { message };
    Err(Finding::error("bicep/failed", format!("`{name}` does not compile: {message}"))
        .at(&source, at)
        .help(format!("run `bicep {command} {name}` to see everything it says")))
}

/// `main.bicep(3,7) : Error BCP057: …`: the place and the message.
fn complaint_of(line: &str, source: &Text) -> (Span, String) {
    let position = line.split_once('(').and_then(|(_, rest)| rest.split_once(')'));
    let numbers = position.and_then(|(at, _)| at.split_once(','));
    let numbers = numbers.and_then(|(l, c)| Some((l.trim().parse::<usize>().ok()?, c.trim().parse::<usize>().ok()?)));
    let message = position.map_or(line, |(_, rest)| rest).trim_start_matches([' ', ':']).trim().to_owned();
    let Some((line, column)) = numbers else { return (Span::default(), message) };
    let starts = source.as_str().split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (starts + column.saturating_sub(1)).min(source.as_str().len());
    (Span::new(at, at), message)
}

/// The line of a declaration in the Bicep source that a resource comes from: by its symbolic name, else by its type and
/// version where that stands once. Compiled templates do not say where their parts were written.
pub(crate) fn line_of(source: &str, keyword: &str, symbolic: Option<&str>, declared: &str) -> Option<u32> {
    let declared = format!("'{}'", declared.to_ascii_lowercase());
    let is_declaration = |line: &str| {
        let mut words = line.split_whitespace();
        let name = (words.next() == Some(keyword)).then(|| words.next()).flatten();
        match (name, symbolic) {
            (Some(name), Some(symbolic)) => name == symbolic,
            (Some(_), None) => line.to_ascii_lowercase().contains(&declared),
            _ => false,
        }
    };
    let mut found = source.lines().enumerate().filter(|(_, line)| is_declaration(line));
    let (first, _) = found.next()?;
    found.next().is_none().then(|| u32::try_from(first + 1).unwrap_or(1))
}
