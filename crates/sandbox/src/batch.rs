//! `POST /batch`: many calls in one, as the portal makes them.

use glidepath_arm::Value;
use serde_json::{Map, Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::route;
use crate::sandbox::Sandbox;

/// The most calls of one batch.
const MOST: usize = 500;

impl Sandbox {
    /// `POST /batch`
    pub(crate) async fn batch(&self, call: &Call) -> Reply {
        let body = call.object()?;
        let invalid = |why: String| ArmError::bad_request("InvalidBatchRequest", why);
        let requests = body.get("requests").and_then(Value::as_array).unwrap_or_default();
        if requests.is_empty() || requests.len() > MOST {
            return Err(invalid(format!(
                "A batch must have between 1 and {MOST} requests; this one has {}.",
                requests.len()
            )));
        }
        let mut responses = Vec::with_capacity(requests.len());
        for (number, request) in requests.iter().enumerate() {
            let text = |name: &str| request.get(name).and_then(Value::as_str);
            let answer = match self.one_of_batch(call, request).await {
                Ok(answer) => answer,
                Err(error) => error.into(),
            };
            let content = answer.body.map(|b| b.to_json()).unwrap_or(Json::Null);
            let headers: Map<String, Json> =
                answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            responses.push(json!({
                "name": text("name").map_or_else(|| number.to_string(), str::to_owned),
                "httpStatusCode": answer.status,
                "headers": headers,
                "contentLength": if content.is_null() { 0 } else { content.to_string().len() },
                "content": content,
            }));
        }
        Ok(Answer::ok(json!({"responses": responses})))
    }

    async fn one_of_batch(&self, call: &Call, request: &Value) -> Reply {
        let text = |name: &str| request.get(name).and_then(Value::as_str).unwrap_or_default();
        let url = text("url");
        // Only paths of this endpoint: a batch is no way to make the sandbox call others.
        let target = match url.strip_prefix(self.endpoint.as_str()) {
            Some(path) => path,
            None if url.starts_with('/') => url,
            None => {
                return Err(ArmError::bad_request(
                    "InvalidRequestUri",
                    format!("'{url}' is not a path of this endpoint."),
                ));
            }
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let method = if text("httpMethod").is_empty() { "GET" } else { text("httpMethod") };
        let mut inner = Call::new(&method.to_ascii_uppercase(), path, query)?;
        if inner.segments.first().is_some_and(|s| s.eq_ignore_ascii_case("batch")) {
            return Err(ArmError::bad_request("InvalidBatchRequest", "A batch cannot hold a batch."));
        }
        inner.caller.clone_from(&call.caller);
        if let Some(content) = request.get("content").filter(|c| !c.is_null()) {
            inner.body = serde_json::to_vec(content).unwrap_or_default();
        }
        route::versioned(&inner)?;
        Ok(Box::pin(route::inside(self, &inner)).await)
    }
}
