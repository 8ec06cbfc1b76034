//! A request as the handlers see it: no type of the HTTP library gets this far.

use std::collections::BTreeMap;

use glidepath_arm::{ResourceId, Value};

use crate::answer::ArmError;

/// The methods ARM knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Verb {
    #[default]
    Get,
    Head,
    Put,
    Patch,
    Post,
    Delete,
}

/// A request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    /// The path's segments, decoded; empty ones (from `//` and a trailing slash, which clients send) are dropped.
    pub(crate) segments: Vec<String>,
    /// The query, names in lower case.
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) authorization: Option<String>,
    /// Who calls, once the token is checked; nobody where none was sent (and none is required).
    pub(crate) caller: Option<Caller>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Who makes a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The principal's object id.
    pub(crate) object: String,
    /// The application's id; of a user the client they use.
    pub(crate) client: String,
    /// Are its roles looked at even where the sandbox does not enforce them? So are those of managed identities that
    /// policy acts as.
    pub(crate) bound: bool,
}

impl Call {
    /// Reads the request line. `target` is the path, `query` what stands after `?`.
    pub(crate) fn new(method: &str, target: &str, query: &str) -> Result<Self, ArmError> {
        let verb = match method {
            "GET" => Verb::Get,
            "HEAD" => Verb::Head,
            "PUT" => Verb::Put,
            "PATCH" => Verb::Patch,
            "POST" => Verb::Post,
            "DELETE" => Verb::Delete,
            _ => return Err(ArmError::method_not_allowed()),
        };
        let mut segments = Vec::new();
        for segment in target.split('/').filter(|s| !s.is_empty()) {
            let text = decode(segment, false).filter(|text| is_segment(text)).ok_or_else(|| {
                ArmError::bad_request("InvalidRequestUri", "The request path contains a segment that is not allowed.")
            })?;
            segments.push(text);
        }
        let mut parameters = BTreeMap::new();
        for pair in query.split('&').filter(|p| !p.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            if let (Some(name), Some(value)) = (decode(name, true), decode(value, true)) {
                parameters.insert(name.to_ascii_lowercase(), value);
            }
        }
        Ok(Self { verb, segments, query: parameters, ..Self::default() })
    }

    /// The path's segments in lower case, to match literals with.
    pub(crate) fn lower(&self) -> Vec<String> {
        self.segments.iter().map(|s| s.to_ascii_lowercase()).collect()
    }

    /// The first `count` segments as an id.
    pub(crate) fn id(&self, count: usize) -> ResourceId {
        ResourceId::new(&self.segments.get(..count).unwrap_or(&self.segments).join("/"))
    }

    /// A query parameter, by its name in lower case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The api-version; checked before any handler runs.
    pub(crate) fn api_version(&self) -> &str {
        self.parameter("api-version").unwrap_or_default()
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Result<Value, ArmError> {
        let invalid = |why: String| {
            ArmError::bad_request(
                "InvalidRequestContent",
                format!("The request content was invalid and could not be deserialized: '{why}'."),
            )
        };
        let bytes = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
        if bytes.is_empty() {
            return Err(invalid("the body is empty".to_owned()));
        }
        let json: serde_json::Value = serde_json::from_slice(bytes).map_err(|e| invalid(e.to_string()))?;
        if !json.is_object() {
            return Err(invalid("the body is not a JSON object".to_owned()));
        }
        Ok(Value::from(json))
    }

    /// The body as a JSON object; an empty body reads as an empty one.
    pub(crate) fn object_or_empty(&self) -> Result<Value, ArmError> {
        if self.body.is_empty() { Ok(Value::object::<&str, Value>([])) } else { self.object() }
    }
}

/// May the text stand between two slashes? Resource names allow much, but nothing that could change the path's meaning.
fn is_segment(text: &str) -> bool {
    text.len() <= 512
        && !matches!(text, "." | "..")
        && !text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\' | '?' | '#' | '<' | '>' | '%'))
}

/// Decodes percent escapes; `None` when they are cut off or not UTF-8.
fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_folded_and_decoded() {
        let call =
            Call::new("GET", "//subscriptions/s//resourcegroups/r%20g/", "$filter=a+eq+%27b%27&API-version=1").unwrap();
        assert_eq!(call.segments, ["subscriptions", "s", "resourcegroups", "r g"]);
        assert_eq!(call.parameter("$filter"), Some("a eq 'b'"));
        assert_eq!(call.api_version(), "1");
        assert_eq!(call.id(2).as_str(), "/subscriptions/s");
    }

    #[test]
    fn segments_that_change_the_path_are_refused() {
        for path in ["/a/../b", "/a/%2e%2e/b", "/a%2fb", "/a%00", "/a%", "/a%zz", "/%ff", "/a%5cb"] {
            assert!(Call::new("GET", path, "").is_err(), "{path}");
        }
        assert!(Call::new("TRACE", "/", "").is_err());
    }
}
