//! Long-running operations, in the three forms ARM has for them.
//!
//! Precedence: `Azure-AsyncOperation`, then `Location`, then the body's `provisioningState`; terminal are Succeeded, Failed
//! and Canceled, without case. After success a PUT is read again from where it was sent, an action's result from `Location`.
//! Source: Azure/azure-resource-manager-rpc, async-api-reference; azure-core for Python and azcore for Go agree.

use std::time::{Duration, Instant};

use glidepath_arm::Value;
use reqwest::Url;

use crate::{ArmClient, ClientError, Reply, Verb};

enum State {
    Running,
    Succeeded,
    Failed,
}

fn state(word: &str) -> State {
    match word.to_ascii_lowercase().as_str() {
        "succeeded" => State::Succeeded,
        "failed" | "canceled" | "cancelled" => State::Failed,
        _ => State::Running,
    }
}

/// What the body says of itself; a body that says nothing is done.
fn provisioning(body: &Value) -> State {
    body.at(&["properties", "provisioningState"]).and_then(Value::as_str).map_or(State::Succeeded, state)
}

impl ArmClient {
    /// Waits until what `reply` began is done and returns the last answer of interest.
    pub(crate) async fn finish(&self, verb: Verb, url: &Url, reply: Reply) -> Result<Reply, ClientError> {
        let location = reply.header("location");
        if let Some(link) = reply.header("azure-asyncoperation") {
            let last = self.poll(&self.follow(&link)?, url, reply, &status).await?;
            return match (verb, location) {
                (Verb::Put, _) => self.send(Verb::Get, url, None).await,
                (Verb::Post, Some(link)) => self.send(Verb::Get, &self.follow(&link)?, None).await,
                _ => Ok(last),
            };
        }
        if let (202, Some(link)) = (reply.status, location) {
            let last = self.poll(&self.follow(&link)?, url, reply, &location_state).await?;
            return if verb == Verb::Put { self.send(Verb::Get, url, None).await } else { Ok(last) };
        }
        if verb == Verb::Put {
            return match (reply.status, provisioning(&reply.body)) {
                (202, _) | (_, State::Running) => self.poll(url, url, reply, &|r| provisioning(&r.body)).await,
                (_, State::Failed) => Err(failure(&reply)),
                (_, State::Succeeded) => Ok(reply),
            };
        }
        Ok(reply)
    }

    async fn poll(
        &self,
        link: &Url,
        origin: &Url,
        first: Reply,
        read: &(dyn Fn(&Reply) -> State + Sync),
    ) -> Result<Reply, ClientError> {
        let patience = self.patience();
        let started = Instant::now();
        let mut asked = first.asked_wait();
        let mut wait = patience.poll;
        while started.elapsed() <= patience.operation {
            // A target that asks for no wait at all still gets one.
            tokio::time::sleep(asked.filter(|w| *w > Duration::ZERO).unwrap_or(wait)).await;
            wait = (wait * 3 / 2).min(patience.longest);
            let reply = match self.send(Verb::Get, link, None).await {
                Ok(reply) => reply,
                // Just accepted, not visible everywhere yet.
                Err(error) if error.is_not_found() && started.elapsed() < patience.consistency => continue,
                Err(error) => return Err(error),
            };
            match read(&reply) {
                State::Running => asked = reply.asked_wait(),
                State::Succeeded => return Ok(reply),
                State::Failed => return Err(failure(&reply)),
            }
        }
        Err(ClientError::TimedOut { what: origin.path().to_owned(), seconds: patience.operation.as_secs() })
    }
}

/// Of an operation's own resource: `{"status": …}`.
fn status(reply: &Reply) -> State {
    match reply.body.get("status").and_then(Value::as_str) {
        Some(word) => state(word),
        None if reply.status == 202 => State::Running,
        None => provisioning(&reply.body),
    }
}

fn location_state(reply: &Reply) -> State {
    if reply.status == 202 { State::Running } else { status(reply) }
}

fn failure(reply: &Reply) -> ClientError {
    let mut error = reply.error();
    // `{"status": "Canceled"}` and a resource in state Failed carry no error of their own.
    if error.message.is_empty() {
        let word = |path: &[&str]| reply.body.at(path).and_then(Value::as_str).map(str::to_owned);
        let state = word(&["status"]).or_else(|| word(&["properties", "provisioningState"])).unwrap_or_default();
        error.code = format!("Operation{state}");
        error.message = format!("the operation ended as `{state}`, and the target says no more");
    }
    ClientError::Arm(Box::new(error))
}
