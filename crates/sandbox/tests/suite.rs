//! Runs `tests/suite/sandbox/*.yaml`: each file is a story told to a fresh sandbox over HTTPS.
//!
//! ```yaml
//! story: what is shown
//! steps:
//!   - PUT: /subscriptions/{sub:corp}/resourcegroups/rg   # verb and path; `{sub:ALIAS}`, `{tenant}`, `{endpoint}`, saved names
//!     body: {location: westeurope}                       # or `text:` for a body that is sent as it stands
//!     status: 201
//!     code: ResourceNotFound                             # error.code
//!     has: {properties: {provisioningState: Succeeded}}  # a part of the body; arrays item by item
//!     lacks: [properties.x]
//!     count: {value: 2}                                  # lengths of arrays
//!     headers: {x-ms-failure-cause: gateway}
//!     save: {next: nextLink}                             # to use as `{next}` from here on
//! ```
//! `api-version` is added where a step's path has none; `bare: true` leaves it out. `as: GUID` sends a token of that client,
//! `with: {If-Match: …}` headers, and `keep: {tag: etag}` saves a header of the answer.
//!
//! `options:` beside `story:` starts the sandbox otherwise: `rbac`, `owners`, `faults`, `eventual`, `strictRegistration`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helper fails the test")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use glidepath_sandbox::{Options, start};
use glidepath_source::{Node, Text, yaml};
use serde_json::Value;
use support::{API, TENANT, client, subscription};

const VERBS: [&str; 6] = ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"];
const KEYS: [&str; 13] =
    ["body", "text", "status", "code", "has", "lacks", "count", "headers", "save", "bare", "as", "with", "keep"];

fn json(node: &Node) -> Value {
    glidepath_arm::Value::from(node).to_json()
}

fn fill(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in names {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    while let Some(start) = filled.find("{sub:") {
        let end = filled[start..].find('}').unwrap() + start;
        let id = subscription(&filled[start + 5..end]);
        filled.replace_range(start..=end, &id);
    }
    filled
}

fn fill_all(value: &Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => fill(text, names).into(),
        Value::Array(items) => items.iter().map(|i| fill_all(i, names)).collect(),
        Value::Object(members) => members.iter().map(|(k, v)| (fill(k, names), fill_all(v, names))).collect(),
        other => other.clone(),
    }
}

/// Where `found` lacks what `wanted` has.
fn difference(wanted: &Value, found: &Value, path: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(want), Value::Object(have)) => want.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            difference(value, have.get(key).unwrap_or(&Value::Null), &path)
        }),
        (Value::Array(want), Value::Array(have)) if want.len() == have.len() => {
            want.iter().zip(have).enumerate().find_map(|(i, (w, h))| difference(w, h, &format!("{path}[{i}]")))
        }
        (want, have) if want == have => None,
        // `~text`: contains
        (Value::String(want), Value::String(have))
            if want.strip_prefix('~').is_some_and(|part| have.contains(part)) =>
        {
            None
        }
        (want, have) => Some(format!("{path}: wanted {want}, found {have}")),
    }
}

fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| match key.parse::<usize>() {
        Ok(index) => value.get(index),
        Err(_) => value.get(key),
    })
}

async fn token(client: &reqwest::Client, endpoint: &str, who: &str) -> Result<String, String> {
    let form = format!("grant_type=client_credentials&client_secret=any&client_id={who}");
    let answer = client.post(format!("{endpoint}/{TENANT}/oauth2/v2.0/token")).body(form).send().await;
    let bytes = answer.map_err(|e| e.to_string())?.bytes().await.map_err(|e| e.to_string())?;
    let body: Value = serde_json::from_slice(&bytes).map_err(|e| e.to_string())?;
    body.get("access_token").and_then(Value::as_str).map(str::to_owned).ok_or_else(|| body.to_string())
}

/// How the story's sandbox runs.
fn options(folder: &Path, node: Option<&Node>) -> Options {
    let mut options = Options::new(folder, TENANT);
    let is = |name: &str| node.and_then(|n| n.get(name)).is_some_and(|n| json(n) == Value::Bool(true));
    let texts = |name: &str| -> Vec<String> {
        let all = node.and_then(|n| n.get(name)).map(Node::items).unwrap_or_default();
        all.iter().filter_map(|n| n.as_str().map(str::to_owned)).collect()
    };
    (options.rbac, options.eventual, options.strict_registration) =
        (is("rbac"), is("eventual"), is("strictRegistration"));
    options.owners = texts("owners");
    options.faults = texts("faults").iter().map(|f| f.parse().unwrap()).collect();
    options
}

async fn step(
    client: &reqwest::Client,
    endpoint: &str,
    step: &Node,
    names: &mut BTreeMap<String, String>,
) -> Result<(), String> {
    for member in step.members() {
        let known = KEYS.contains(&member.key.as_ref()) || VERBS.contains(&member.key.as_ref());
        if !known {
            return Err(format!("`{}` is no key of a step", member.key));
        }
    }
    let (verb, path) = VERBS
        .iter()
        .find_map(|verb| Some((*verb, step.get(verb)?.as_str()?)))
        .ok_or("the step has no verb with a path")?;
    let mut url = fill(path, names);
    if !url.starts_with("https://") {
        url = format!("{endpoint}{url}");
    }
    if !url.contains("api-version=") && step.get("bare").is_none() {
        url.push_str(if url.contains('?') { "&" } else { "?" });
        url.push_str(API);
    }
    let mut request = client.request(verb.parse().unwrap(), &url);
    if let Some(who) = step.get("as").and_then(Node::as_str) {
        request = request.bearer_auth(token(client, endpoint, who).await?);
    }
    for member in step.get("with").map(Node::members).unwrap_or_default() {
        request = request.header(member.key.as_ref(), fill(member.value.as_str().unwrap_or_default(), names));
    }
    if let Some(body) = step.get("body") {
        request = request.json(&fill_all(&json(body), names));
    } else if let Some(text) = step.get("text").and_then(Node::as_str) {
        request = request.body(fill(text, names));
    }
    let response = request.send().await.map_err(|e| e.to_string())?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.map_err(|e| e.to_string())?;
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let fail = |what: String| Err(format!("{verb} {url}\n  {what}\n  answer: {status} {body}"));
    if let Some(wanted) = step.get("status").map(json)
        && wanted.as_u64() != Some(status.into())
    {
        return fail(format!("wanted status {wanted}"));
    }
    if let Some(code) = step.get("code").and_then(Node::as_str)
        && at(&body, "error.code").and_then(Value::as_str) != Some(code)
    {
        return fail(format!("wanted error code `{code}`"));
    }
    if let Some(wanted) = step.get("has")
        && let Some(difference) = difference(&fill_all(&json(wanted), names), &body, "")
    {
        return fail(difference);
    }
    for path in step.get("lacks").map(Node::items).unwrap_or_default().iter().filter_map(Node::as_str) {
        if let Some(found) = at(&body, path).filter(|v| !v.is_null()) {
            return fail(format!("wanted no `{path}`, found {found}"));
        }
    }
    for member in step.get("count").map(Node::members).unwrap_or_default() {
        let found = at(&body, &member.key).and_then(Value::as_array).map(Vec::len);
        if Value::from(found) != json(&member.value) {
            return fail(format!("wanted {} items in `{}`, found {found:?}", json(&member.value), member.key));
        }
    }
    for member in step.get("headers").map(Node::members).unwrap_or_default() {
        let found = headers.get(member.key.as_ref()).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if let Some(difference) = difference(&fill_all(&json(&member.value), names), &found.into(), &member.key) {
            return fail(difference);
        }
    }
    for member in step.get("keep").map(Node::members).unwrap_or_default() {
        let found = member.value.as_str().and_then(|name| headers.get(name)).and_then(|v| v.to_str().ok());
        match found {
            Some(text) => names.insert(member.key.to_string(), text.to_owned()),
            None => return fail(format!("there is no header to keep as `{}`", member.key)),
        };
    }
    for member in step.get("save").map(Node::members).unwrap_or_default() {
        let found = member.value.as_str().and_then(|path| at(&body, path)).and_then(Value::as_str);
        match found {
            Some(text) => names.insert(member.key.to_string(), text.to_owned()),
            None => return fail(format!("there is no text to save as `{}`", member.key)),
        };
    }
    Ok(())
}

fn story(path: &Path, content: String) -> datatest_stable::Result<()> {
    let text = Text::new(path.display().to_string(), content);
    let node = yaml::parse(&text).map_err(|finding| finding.to_string())?;
    let steps = node.get("steps").map(Node::items).unwrap_or_default();
    if steps.is_empty() {
        return Err("the story has no steps".into());
    }
    tokio::runtime::Runtime::new()?.block_on(async {
        let folder = tempfile::tempdir()?;
        let running = start(options(folder.path(), node.get("options"))).await?;
        let client = client(running.ca_pem());
        let mut names =
            BTreeMap::from([("tenant".to_owned(), TENANT.to_owned()), ("endpoint".to_owned(), running.endpoint())]);
        for node in steps {
            if let Err(problem) = step(&client, &running.endpoint(), node, &mut names).await {
                panic!("{}: {problem}", glidepath_source::Place::new(&text, node.span));
            }
        }
        running.shutdown().await;
        Ok(())
    })
}

datatest_stable::harness! {
    { test = story, root = "../../tests/suite/sandbox", pattern = r"\.yaml$" },
}
