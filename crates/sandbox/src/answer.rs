//! Answers and ARM errors.

use glidepath_arm::Value;
use serde_json::json;

/// What is sent back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Value>) -> Self {
        Self { status, body: Some(body.into()), headers: Vec::new() }
    }

    pub(crate) fn ok(body: impl Into<Value>) -> Self {
        Self::new(200, body)
    }

    /// A status without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }
}

/// A refusal in ARM's shape, `{"error": {"code", "message", …}}`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ArmError {
    status: u16,
    /// The whole body.
    body: Value,
    headers: Vec<(&'static str, String)>,
}

/// What a handler gives.
pub(crate) type Reply = Result<Answer, ArmError>;

impl ArmError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        let body = json!({"error": {"code": code, "message": message.into()}});
        Self { status, body: body.into(), headers: Vec::new() }
    }

    /// A body that is already in Azure's shape.
    pub(crate) fn whole(status: u16, body: Value) -> Self {
        Self { status, body, headers: Vec::new() }
    }

    pub(crate) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((header, value.into()));
        self
    }

    /// What stands under `error`.
    pub(crate) fn error(&self) -> serde_json::Value {
        self.body.get("error").map(Value::to_json).unwrap_or_default()
    }

    pub(crate) fn bad_request(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn not_found(code: &str, message: impl Into<String>) -> Self {
        Self::new(404, code, message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(405, "MethodNotAllowed", "The requested resource does not support this http method.")
    }
}

impl From<ArmError> for Answer {
    fn from(error: ArmError) -> Self {
        // ARM marks the errors it decides itself, as opposed to those of a provider.
        let answer = Answer::new(error.status, error.body).with("x-ms-failure-cause", "gateway");
        error.headers.into_iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }
}
