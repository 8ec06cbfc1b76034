//! What can go wrong between us and a target.

use std::fmt;

use glidepath_arm::Value;
use serde::Serialize;

/// An error as Azure Resource Manager answers it, whole: policy denials keep their evaluation details.
///
/// Source: Microsoft Learn, "Common error response for Azure Resource Manager" (`ErrorResponse`, `ErrorDetail`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmError {
    /// HTTP status; that of the poll for a failed long-running operation.
    pub status: u16,
    /// `error.code`; `Http<status>` when the answer has none.
    pub code: String,
    /// `error.message`, or the beginning of the answer's text.
    pub message: String,
    /// `error.target`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `error.details`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<ArmError>,
    /// `error.additionalInfo`
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_info: Vec<AdditionalInfo>,
    /// `x-ms-request-id`, what Azure support asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One entry of `error.additionalInfo`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdditionalInfo {
    /// `PolicyViolation`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// What it says.
    pub info: Value,
}

/// Characters of an answer that is not JSON that go into a message.
const EXCERPT: usize = 200;

impl ArmError {
    /// Reads the body of a failed answer. Both forms are read: `{"error": {…}}` and the bare inner object.
    pub fn read(status: u16, body: &Value, text: &str, request_id: Option<String>) -> Self {
        let inner = body.get("error").filter(|e| e.as_object().is_some()).unwrap_or(body);
        let mut error = Self::detail(status, inner);
        if error.message.is_empty() {
            error.message = text.trim().chars().take(EXCERPT).collect();
        }
        error.request_id = request_id;
        error
    }

    fn detail(status: u16, inner: &Value) -> Self {
        let text = |key: &str| inner.get(key).and_then(Value::as_str).filter(|s| !s.is_empty()).map(str::to_owned);
        let items = |key: &str| inner.get(key).and_then(Value::as_array).unwrap_or_default();
        Self {
            status,
            code: text("code").unwrap_or_else(|| format!("Http{status}")),
            message: text("message").unwrap_or_default(),
            target: text("target"),
            details: items("details").iter().map(|d| Self::detail(status, d)).collect(),
            additional_info: items("additionalInfo")
                .iter()
                .map(|i| AdditionalInfo {
                    kind: i.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
                    info: i.get("info").cloned().unwrap_or(Value::Null),
                })
                .collect(),
            request_id: None,
        }
    }

    /// The error and everything in its details, outermost first.
    pub fn chain(&self) -> Vec<&ArmError> {
        let mut all = vec![self];
        let mut next = 0;
        while let Some(error) = all.get(next).copied() {
            all.extend(error.details.iter());
            next += 1;
        }
        all
    }

    /// Is this code here or in the details?
    pub fn has_code(&self, code: &str) -> bool {
        self.chain().iter().any(|e| e.code.eq_ignore_ascii_case(code))
    }

    /// The `info` of every policy violation, here and in the details.
    pub fn policy_violations(&self) -> Vec<&Value> {
        let all = self.chain().into_iter().flat_map(|e| &e.additional_info);
        all.filter(|i| i.kind.eq_ignore_ascii_case("PolicyViolation")).map(|i| &i.info).collect()
    }
}

impl fmt::Display for ArmError {
    /// One line for the error and one, indented, for each detail and each policy that refused.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        for violation in self.policy_violations() {
            let text = |key: &str| violation.get(key).and_then(Value::as_str).filter(|s| !s.is_empty());
            let assignment = text("policyAssignmentDisplayName").or(text("policyAssignmentName")).unwrap_or("?");
            let definition = text("policyDefinitionDisplayName").or(text("policyDefinitionName")).unwrap_or("?");
            write!(f, "\n  refused by assignment `{assignment}`, definition `{definition}`")?;
        }
        for detail in self.chain().into_iter().skip(1) {
            write!(f, "\n  {}: {}", detail.code, detail.message)?;
        }
        Ok(())
    }
}

/// Why the target did not do what was asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The target answered with an error.
    #[error("{0}")]
    Arm(Box<ArmError>),
    /// Nobody answered, after all retries.
    #[error("no answer from `{url}`: {detail}")]
    NoAnswer {
        /// Where the request went, without its query.
        url: String,
        /// What the network said.
        detail: String,
    },
    /// The sign-in failed.
    #[error("sign-in failed: {0}")]
    SignIn(String),
    /// Credentials are only sent over TLS.
    #[error("`{0}` is not https: credentials are only sent over TLS")]
    Insecure(String),
    /// The target sent us to another host; credentials do not go there.
    #[error("the target points to `{0}`, which is not the target: not followed")]
    ForeignHost(String),
    /// The client could not be set up.
    #[error("the client cannot be set up: {0}")]
    Setup(String),
    /// The answer is not what ARM would say.
    #[error("`{url}` answered with something that cannot be read: {detail}")]
    Unreadable {
        /// Where the request went, without its query.
        url: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A long-running operation or a registration did not end in time.
    #[error("`{what}` did not end within {seconds} s")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        seconds: u64,
    },
    /// The real id of a subscription is not known yet.
    #[error("the subscription behind `{0}` does not exist yet")]
    Unbound(String),
    /// A value that only the running resource knows could not be had.
    #[error("`{expression}` could not be resolved: {detail}")]
    Unresolved {
        /// The expression.
        expression: String,
        /// Why.
        detail: String,
    },
}

impl ClientError {
    /// The error of ARM, if it is one.
    pub fn arm(&self) -> Option<&ArmError> {
        match self {
            ClientError::Arm(error) => Some(error),
            _ => None,
        }
    }

    /// The HTTP status of an ARM error.
    pub fn status(&self) -> Option<u16> {
        self.arm().map(|e| e.status)
    }

    /// Is it ARM's answer that the thing does not exist?
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_denial_is_kept_whole_and_reads_well() {
        let body = Value::from(json!({"error": {
            "code": "InvalidTemplateDeployment", "message": "The template deployment failed.", "details": [{
                "code": "RequestDisallowedByPolicy", "target": "acc", "message": "Resource 'acc' was disallowed by policy.",
                "additionalInfo": [{"type": "PolicyViolation", "info": {
                    "policyAssignmentName": "deny-public", "policyDefinitionDisplayName": "No public access",
                    "evaluationDetails": {"evaluatedExpressions": [{"result": "True"}]}}}]}]}}));
        let error = ArmError::read(403, &body, "", Some("r".into()));
        assert!(error.has_code("requestdisallowedbypolicy"));
        assert_eq!(error.policy_violations().len(), 1);
        assert_eq!(
            error.to_string(),
            "InvalidTemplateDeployment: The template deployment failed.\n  \
             refused by assignment `deny-public`, definition `No public access`\n  \
             RequestDisallowedByPolicy: Resource 'acc' was disallowed by policy."
        );
        let json = serde_json::to_value(&error).unwrap();
        assert_eq!(
            json["details"][0]["additionalInfo"][0]["info"]["evaluationDetails"]["evaluatedExpressions"][0]["result"],
            "True"
        );
    }

    #[test]
    fn an_answer_without_json_still_says_something() {
        let error = ArmError::read(502, &Value::Null, " <html>Bad gateway</html> ", None);
        assert_eq!(error.to_string(), "Http502: <html>Bad gateway</html>");
    }
}
