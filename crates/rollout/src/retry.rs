//! When to ask again, and how long to wait.

use std::time::Duration;

use crate::ArmError;

/// How patient the client is. All times may be shortened in tests.
#[derive(Debug, Clone, PartialEq)]
pub struct Patience {
    /// Tries of one request, the first one included.
    pub tries: u32,
    /// The first wait between tries; it doubles, with jitter, up to `longest`.
    pub first: Duration,
    /// The longest wait that backoff chooses by itself. What the target asks for is waited even when longer.
    pub longest: Duration,
    /// What one request may spend waiting between tries. A target that asks for more is given up at once.
    pub budget: Duration,
    /// What one write may spend on errors that pass when Azure's replicas agree.
    pub consistency: Duration,
    /// The wait between polls of an operation when the target names none; it grows up to `longest`.
    pub poll: Duration,
    /// How long an operation may take.
    pub operation: Duration,
    /// How long a connection may take to open.
    pub connect: Duration,
    /// How long an answer may stay silent.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 8,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(15),
            budget: Duration::from_secs(300),
            consistency: Duration::from_secs(60),
            poll: Duration::from_millis(500),
            operation: Duration::from_secs(3600),
            connect: Duration::from_secs(15),
            silence: Duration::from_secs(120),
        }
    }
}

impl Patience {
    /// The wait before try `tried + 1`, between half and all of the doubled base (`luck` from 0 to 1): callers that failed
    /// together do not come back together.
    pub(crate) fn backoff(&self, tried: u32, luck: f64) -> Duration {
        let doubled = self.first.saturating_mul(2u32.saturating_pow(tried.saturating_sub(1).min(20)));
        doubled.min(self.longest).mul_f64(0.5 + 0.5 * luck.clamp(0.0, 1.0))
    }
}

/// The verbs the client uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read.
    Get,
    /// Create or replace.
    Put,
    /// Act; may not be repeated blindly.
    Post,
    /// Ask by POST, as PolicyInsights wants it; changes nothing.
    Query,
    /// Delete.
    Delete,
}

impl Verb {
    /// May the same request be sent again when it is not known whether it was carried out?
    pub(crate) fn is_idempotent(self) -> bool {
        self != Verb::Post
    }

    pub(crate) fn method(self) -> reqwest::Method {
        match self {
            Verb::Get => reqwest::Method::GET,
            Verb::Put => reqwest::Method::PUT,
            Verb::Post | Verb::Query => reqwest::Method::POST,
            Verb::Delete => reqwest::Method::DELETE,
        }
    }
}

/// Does an answer with this status pass by itself? Throttling is refused before anything is done, so that even an action
/// may be repeated after it.
pub(crate) fn is_transient(status: u16, verb: Verb) -> bool {
    match status {
        429 => true,
        408 | 500 | 502 | 503 | 504 => verb.is_idempotent(),
        _ => false,
    }
}

/// The wait the target asks for. `retry-after-ms` and `x-ms-retry-after-ms` are milliseconds; `Retry-After` is seconds or
/// an HTTP date. Source: RFC 9110, 10.2.3; azure-core (Python, Go) read the same three.
pub(crate) fn asked_wait(header: &dyn Fn(&str) -> Option<String>, now: jiff::Timestamp) -> Option<Duration> {
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        if let Some(wait) = header(name).and_then(|text| text.trim().parse().ok()) {
            return Some(Duration::from_millis(wait));
        }
    }
    let text = header("retry-after")?;
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// Is the thing, or what it is a part of, being changed by somebody else, perhaps by a step of ours beside this one?
pub(crate) fn is_busy(error: &ArmError) -> bool {
    ["AnotherOperationInProgress", "RetryableError"].iter().any(|code| error.has_code(code))
}

/// Is this an error that passes when Azure's replicas agree: what was just created is not seen everywhere yet?
///
/// Source: terraform-azurerm-avm-ptn-alz retries the same texts; Azure-Landing-Zones issues on first runs. They are real
/// errors when nothing was created just before, so the caller looks at that first.
pub(crate) fn is_consistency(error: &ArmError) -> bool {
    error.chain().iter().any(|e| {
        let code = e.code.to_ascii_lowercase();
        let message = e.message.to_ascii_lowercase();
        let codes = [
            "authorizationfailed",
            "resourcenotfound",
            "resourcegroupnotfound",
            "parentresourcenotfound",
            "roleassignmentnotfound",
            "principalnotfound",
            "subscriptionnotfound",
            "managementgroupnotfound",
            "policydefinitionnotfound",
            "policysetdefinitionnotfound",
        ];
        codes.contains(&code.as_str())
            || (message.contains("permission to microsoft.management/managementgroups on resources of type")
                && message.contains("is required"))
            || (message.contains("specified in policy assignment") && message.contains("is out of scope"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glidepath_arm::Value;
    use serde_json::json;

    #[test]
    fn waits_are_read_from_all_three_headers_and_both_forms() {
        let now: jiff::Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let ask = |name: &'static str, value: &'static str| {
            asked_wait(&|header| (header == name).then(|| value.to_owned()), now)
        };
        assert_eq!(ask("retry-after", "7"), Some(Duration::from_secs(7)));
        assert_eq!(ask("retry-after-ms", "20"), Some(Duration::from_millis(20)));
        assert_eq!(ask("x-ms-retry-after-ms", "30"), Some(Duration::from_millis(30)));
        assert_eq!(ask("retry-after", "Tue, 24 Nov 2026 10:00:05 GMT"), Some(Duration::from_secs(5)));
        assert_eq!(ask("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(ask("retry-after", "-1"), None);
        assert_eq!(ask("retry-after", "soon"), None);
        assert_eq!(ask("date", "7"), None);
    }

    #[test]
    fn backoff_doubles_to_its_ceiling_and_keeps_apart() {
        let patience =
            Patience { first: Duration::from_secs(1), longest: Duration::from_secs(5), ..Patience::default() };
        let waits: Vec<_> = (1..=4).map(|n| patience.backoff(n, 1.0).as_millis()).collect();
        assert_eq!(waits, [1000, 2000, 4000, 5000]);
        assert_eq!(patience.backoff(2, 0.0).as_millis(), 1000);
        assert_eq!(patience.backoff(u32::MAX, 1.0).as_millis(), 5000);
    }

    #[test]
    fn only_throttling_repeats_an_action() {
        assert!(is_transient(429, Verb::Post) && !is_transient(503, Verb::Post));
        assert!(is_transient(503, Verb::Put) && !is_transient(409, Verb::Put) && !is_transient(404, Verb::Get));
    }

    #[test]
    fn errors_that_pass_are_known_by_code_or_text() {
        let error = |code: &str, message: &str| {
            ArmError::read(403, &Value::from(json!({"error": {"code": code, "message": message}})), "", None)
        };
        assert!(is_consistency(&error("AuthorizationFailed", "")));
        assert!(is_consistency(&error(
            "InvalidCreatePolicyAssignmentRequest",
            "The policy definition specified in policy assignment 'a' is out of scope: …"
        )));
        assert!(is_consistency(&error(
            "X",
            "Permission to Microsoft.Management/managementGroups on resources of type 'Write' is required on …"
        )));
        assert!(!is_consistency(&error("RequestDisallowedByPolicy", "Resource 'a' was disallowed by policy.")));
    }
}
