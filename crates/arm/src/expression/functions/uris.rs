//! `uri`, `parseUri` and `buildUri`.

use super::super::EvalError;
use super::{Args, strings};
use crate::{Object, Value};

/// Combines as .NET's `Uri` does (RFC 3986, 5.2): the last segment of the base path is replaced.
pub(super) fn uri(args: &Args<'_>) -> Result<Value, EvalError> {
    let (base, relative) = (args.str(0)?, args.str(1)?);
    if base.split_once("://").is_none() {
        return Err(args.bad(format_args!("`{base}` is not an absolute URI")));
    }
    Ok(combine(base, relative).into())
}

/// `relative` seen from `base`, as `uri()` combines them.
pub fn combine(base: &str, relative: &str) -> String {
    let has_scheme = relative.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    });
    if has_scheme {
        return escaped(relative);
    }
    let Some((scheme, rest)) = base.split_once("://") else { return escaped(relative) };
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (rest, query) = rest.split_at(end);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if let Some(other) = relative.strip_prefix("//") {
        return escaped(&format!("{scheme}://{other}"));
    }
    let full = if relative.is_empty() {
        format!("{}{query}", if path.is_empty() { "/" } else { path })
    } else if relative.starts_with('/') {
        relative.to_owned()
    } else if relative.starts_with(['?', '#']) {
        format!("{}{relative}", if path.is_empty() { "/" } else { path })
    } else {
        let folder = path.rfind('/').map_or("", |at| path.get(..at).unwrap_or_default());
        format!("{folder}/{relative}")
    };
    let end = full.find(['?', '#']).unwrap_or(full.len());
    let (path, tail) = full.split_at(end);
    escaped(&format!("{scheme}://{authority}{}{tail}", without_dots(path)))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (i, segment) in segments.iter().enumerate() {
        let is_last = i + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if is_last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}", kept.join("/"))
}

/// What may not stand in a URI is percent-encoded, what is encoded stays.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}') {
            out.push(c);
        } else {
            let mut buffer = [0; 4];
            for byte in c.encode_utf8(&mut buffer).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}

pub(super) fn parse_uri(args: &Args<'_>) -> Result<Value, EvalError> {
    let text = args.str(0)?;
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(args.bad(format_args!("`{text}` is not an absolute URI")));
    };
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':').map(|(host, port)| (host, port.parse::<i64>())) {
        Some((host, Ok(port))) => (host, port),
        _ => (authority, if scheme.eq_ignore_ascii_case("http") { 80 } else { 443 }),
    };
    let tail = tail.split('#').next().unwrap_or_default();
    let (path, query) = tail.split_at(tail.find('?').unwrap_or(tail.len()));
    Ok(Value::object([
        ("scheme", Value::from(scheme)),
        ("host", host.into()),
        ("port", port.into()),
        ("path", if path.is_empty() { "/" } else { path }.into()),
        ("query", query.into()),
    ]))
}

pub(super) fn build_uri(args: &Args<'_>) -> Result<Value, EvalError> {
    let parts = args.object(0)?;
    let part = |name: &str| parts.get(name).map(strings::text).unwrap_or_default();
    let (scheme, host) = (part("scheme"), part("host"));
    if scheme.is_empty() || host.is_empty() {
        return Err(args.bad("the object needs `scheme` and `host`"));
    }
    let port = if part("port").is_empty() { String::new() } else { format!(":{}", part("port")) };
    let (path, query) = (rooted(parts, "path", '/'), rooted(parts, "query", '?'));
    Ok(escaped(&format!("{scheme}://{host}{port}{path}{query}")).into())
}

fn rooted(parts: &Object, name: &str, root: char) -> String {
    match parts.get(name).map(strings::text) {
        Some(text) if !text.is_empty() && !text.starts_with(root) => format!("{root}{text}"),
        Some(text) => text,
        None => String::new(),
    }
}
