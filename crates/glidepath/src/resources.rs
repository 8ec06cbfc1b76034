//! Exported resources: one a line (NDJSON), a JSON list, a page `{value: […]}`, or one alone.

use std::io::BufRead;
use std::path::Path;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Origin, Resource};
use glidepath_source::{Finding, Text, json};

use crate::failure::Failure;
use crate::files;

/// Is it a file of one resource a line?
pub(crate) fn is_export(path: &Path) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    matches!(extension.as_deref(), Some("ndjson" | "jsonl"))
}

/// Reads the resources of a file; all lines that cannot be read are told at once.
pub(crate) fn read(path: &Path) -> Result<Vec<Resource>, Failure> {
    if is_export(path) {
        return read_lines(path);
    }
    let text = files::read(path)?;
    let body = Value::from(&json::parse(&text)?);
    let all = match &body {
        Value::Array(items) => items.to_vec(),
        other => match other.get("value") {
            Some(Value::Array(items)) => items.to_vec(),
            _ => vec![body],
        },
    };
    let name = text.name().to_owned();
    let read = |value: &Value| resource(value, &name, 1);
    Ok(all.iter().map(read).collect::<Result<Vec<_>, _>>()?)
}

fn read_lines(path: &Path) -> Result<Vec<Resource>, Failure> {
    let name = path.display().to_string();
    let unreadable = |e: std::io::Error| {
        Finding::error("file/unreadable", format!("cannot read `{name}`: {e}")).about(&name).help("check the path")
    };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let (mut resources, mut problems) = (Vec::new(), Vec::new());
    for (number, line) in std::io::BufReader::new(file).lines().enumerate() {
        let line = line.map_err(unreadable)?;
        if line.trim().is_empty() {
            continue;
        }
        let number = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let body = json::parse(&Text::new(format!("{name}:{number}"), line)).map(|node| Value::from(&node));
        match body.and_then(|body| resource(&body, &name, number)) {
            Ok(resource) => resources.push(resource),
            Err(finding) => problems.push(finding),
        }
    }
    if problems.is_empty() { Ok(resources) } else { Err(Failure::input(problems)) }
}

/// A resource as Azure returns it: `id`, `name`, `type` and `apiVersion` stand beside its body.
fn resource(value: &Value, file: &str, line: u32) -> Result<Resource, Finding> {
    let id = value.get("id").and_then(Value::as_str).map(ResourceId::new).filter(|id| id.resource_type().is_some());
    let Some(id) = id else {
        return Err(Finding::error("resource/no-id", "a resource needs the `id` Azure gave it")
            .about(format!("{file}:{line}"))
            .help("export whole resources, for example with `az resource show` or Resource Graph"));
    };
    let mut body = value.clone();
    let object = body.make_object();
    let api_version = object.remove("apiVersion").and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
    for key in ["id", "name", "type"] {
        object.remove(key);
    }
    let mut resource = Resource::new(id, api_version, body);
    resource.origin = Some(Origin { file: file.to_owned(), line });
    Ok(resource)
}
