//! Long-running operations: what is polled for.
//!
//! The work is done when the first answer is sent; an operation only lets a client learn of it later. Kept in memory: a
//! client that polls across a restart is told that the operation is not known, as after Azure's own retention.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use glidepath_arm::Value;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::sandbox::Sandbox;

/// How many operations are remembered.
const MOST: usize = 10_000;
/// What clients are told to wait between polls, in milliseconds. Not `Retry-After`: 0 would mean thirty seconds to some.
const WAIT: &str = "20";

/// How an operation ends.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// `Succeeded` or `Failed`; `None` where the result is not an operation's status but a body of its own.
    status: Option<&'static str>,
    error: Option<Value>,
    body: Option<Value>,
    /// Polls that are still answered with "running".
    polls: u32,
}

impl Outcome {
    /// A body that a poll of `Location` gives.
    pub(crate) fn body(body: Value) -> Self {
        Self { status: None, error: None, body: Some(body), polls: 0 }
    }

    /// Nothing to be told but that it is done.
    pub(crate) fn nothing() -> Self {
        Self { status: None, error: None, body: None, polls: 0 }
    }

    pub(crate) fn succeeded() -> Self {
        Self { status: Some("Succeeded"), error: None, body: None, polls: 0 }
    }

    pub(crate) fn failed(error: Value) -> Self {
        Self { status: Some("Failed"), error: Some(error), body: None, polls: 0 }
    }

    /// After so many polls that say "running".
    pub(crate) fn after(self, polls: u32) -> Self {
        Self { polls, ..self }
    }
}

/// The operations that can be polled.
#[derive(Debug, Default)]
pub(crate) struct Operations(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    all: BTreeMap<String, Outcome>,
    order: VecDeque<String>,
}

impl Sandbox {
    /// 202 with a `Location` to poll.
    pub(crate) fn accepted(&self, call: &Call, outcome: Outcome) -> Answer {
        let url = self.operation_url(call, outcome);
        Answer::empty(202).with("location", url).with("x-ms-retry-after-ms", WAIT)
    }

    /// The answer with an `Azure-AsyncOperation` to poll.
    pub(crate) fn polled(&self, call: &Call, answer: Answer, outcome: Outcome) -> Answer {
        let url = self.operation_url(call, outcome);
        answer.with("azure-asyncoperation", url).with("x-ms-retry-after-ms", WAIT)
    }

    fn operation_url(&self, call: &Call, outcome: Outcome) -> String {
        let name = self.next_request_id();
        let mut kept = self.operations.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.all.insert(name.clone(), outcome);
        kept.order.push_back(name.clone());
        if kept.order.len() > MOST
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.all.remove(&oldest);
        }
        let endpoint = &self.endpoint;
        let version = call.api_version();
        format!("{endpoint}/providers/Microsoft.Resources/operationStatuses/{name}?api-version={version}")
    }

    /// `GET /providers/Microsoft.Resources/operationStatuses/{name}`
    pub(crate) fn poll(&self, name: &str) -> Reply {
        let mut kept = self.operations.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(outcome) = kept.all.get_mut(name) else {
            return Err(ArmError::not_found(
                "OperationNotFound",
                format!("The operation '{name}' could not be found."),
            ));
        };
        let running = outcome.polls > 0;
        outcome.polls = outcome.polls.saturating_sub(1);
        let outcome = outcome.clone();
        drop(kept);
        let Some(status) = outcome.status else {
            if running {
                let endpoint = &self.endpoint;
                let again = format!("{endpoint}/providers/Microsoft.Resources/operationStatuses/{name}");
                return Ok(Answer::empty(202).with("location", again).with("x-ms-retry-after-ms", WAIT));
            }
            return Ok(outcome.body.map_or_else(|| Answer::empty(200), Answer::ok));
        };
        let id = format!("/providers/Microsoft.Resources/operationStatuses/{name}");
        let mut body = Value::object([("id", Value::from(id)), ("name", name.into())]);
        let object = body.make_object();
        object.insert("status", if running { "Running" } else { status });
        object.insert("startTime", self.timestamp());
        if !running {
            object.insert("endTime", self.timestamp());
            if let Some(error) = outcome.error {
                object.insert("error", error);
            }
        }
        Ok(Answer::ok(body).with("x-ms-retry-after-ms", WAIT))
    }
}
