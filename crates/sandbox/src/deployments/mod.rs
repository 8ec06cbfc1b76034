//! Template deployments at the four scopes: validate, what-if, create, operations, cancel, export.
//!
//! A deployment is carried out by the very calls a client could make: every resource of the template is a PUT through the
//! same door, policy and all. What only exists at run time (`reference()`, `listKeys()`) is read from the estate once
//! what it hangs on is there: the template is expanded again whenever nothing else can go on.

mod lenient;
mod order;
mod preflight;
mod record;
mod run;
mod state;
mod what_if;

use std::time::Instant;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use serde_json::json;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::operations::Outcome;
use crate::sandbox::Sandbox;
use crate::world::Change;

/// Where the ordered template is kept, below its deployment.
const TEMPLATE: &str = "templates";

impl Sandbox {
    /// `…/Microsoft.Resources/deployments/{name}`
    pub(crate) async fn deployment(&self, call: &Call, id: &ResourceId) -> Reply {
        match call.verb {
            Verb::Put => self.deploy(call, id).await,
            Verb::Delete => {
                let answer = self.resource(call, id).await?;
                Ok(if answer.status == 200 { Answer::empty(204) } else { answer })
            }
            Verb::Get | Verb::Head => self.resource(call, id).await,
            Verb::Patch | Verb::Post => Err(ArmError::method_not_allowed()),
        }
    }

    /// `POST …/deployments/{name}/{action}`
    pub(crate) async fn deployment_action(&self, call: &Call, id: &ResourceId, action: &str) -> Reply {
        match action {
            "validate" => self.validate(call, id),
            // az cannot read a refusal at this point: it is told by the operation.
            "whatif" => {
                let outcome = match self.what_if(call, id) {
                    Ok(body) => Outcome::body(body),
                    Err(error) => Outcome::body(json!({"status": "Failed", "error": error.error()}).into()),
                };
                Ok(self.accepted(call, outcome))
            }
            "cancel" => {
                let state = self.state_of(id)?;
                Err(ArmError::new(
                    409,
                    "DeploymentCannotBeCancelled",
                    format!(
                        "The deployment '{}' cannot be cancelled because its provisioning state is '{state}'.",
                        id.name()
                    ),
                ))
            }
            "exporttemplate" => {
                self.state_of(id)?;
                let world = self.world();
                let kept = world.estate.get(&id.child(TEMPLATE, "default"));
                let template = kept.and_then(|r| r.body.get("template")).cloned().unwrap_or(Value::Null);
                Ok(Answer::ok(Value::object([("template", template)])))
            }
            _ => Err(ArmError::method_not_allowed()),
        }
    }

    fn state_of(&self, id: &ResourceId) -> Result<String, ArmError> {
        let world = self.world();
        let found = world.estate.get(id).ok_or_else(|| record::missing(id))?;
        let state = found.body.at(&["properties", "provisioningState"]).and_then(Value::as_str);
        Ok(state.unwrap_or_default().to_owned())
    }

    fn validate(&self, call: &Call, id: &ResourceId) -> Reply {
        let order = self.ordered(call, id)?;
        let expansion = self.expansion(&order, id.as_str(), false)?;
        self.preflight(&order, &expansion)?;
        let mut properties = self.properties(&order, &expansion, "Succeeded", id.as_str(), Instant::now());
        let all = expansion.resources.iter().filter(|r| r.id.as_str().is_some());
        let validated: Vec<Value> = all.map(|r| Value::object([("id", r.id.clone())])).collect();
        properties.make_object().insert("validatedResources", validated);
        let mut body = Value::object([
            ("id", Value::from(id.as_str())),
            ("name", id.name().into()),
            ("type", "Microsoft.Resources/deployments".into()),
        ]);
        if let Some(location) = &order.context.location {
            body.make_object().insert("location", location.as_str());
        }
        body.make_object().insert("properties", properties);
        Ok(Answer::ok(body))
    }

    async fn deploy(&self, call: &Call, id: &ResourceId) -> Reply {
        let started = Instant::now();
        if id.name().chars().count() > 64 {
            return Err(ArmError::bad_request(
                "InvalidDeploymentName",
                format!("The length of the deployment name '{}' exceeds 64.", id.name()),
            ));
        }
        let order = self.ordered(call, id)?;
        let seed = format!("{id}#{}", self.next_request_id());
        let expansion = self.expansion(&order, &seed, true)?;
        self.preflight(&order, &expansion)?;
        let new = self.world().estate.get(id).is_none();
        let record = |properties: Value| {
            let mut body = Value::object::<&str, Value>([]);
            if let Some(location) = &order.context.location {
                body.make_object().insert("location", location.as_str());
            }
            if !order.tags.is_null() {
                body.make_object().insert("tags", order.tags.clone());
            }
            body.make_object().insert("properties", properties);
            Change::Put(Resource::new(id.clone(), call.api_version(), body))
        };
        let template = Value::object([("template", Value::from(&order.root))]);
        // What an earlier deployment of this name left is gone.
        let mut changes: Vec<Change> = {
            let world = self.world();
            world.estate.within(id).filter(|r| r.id != *id).map(|r| Change::Delete(r.id.clone())).collect()
        };
        changes.push(record(self.properties(&order, &expansion, "Running", &seed, started)));
        changes.push(Change::Put(Resource::new(id.child(TEMPLATE, "default"), call.api_version(), template)));
        self.commit(changes).await?;
        let run = self.carry_out(&order, expansion, &seed).await?;
        let failed = !run.failures.is_empty();
        let state = if failed { "Failed" } else { "Succeeded" };
        let mut properties = self.properties(&order, &run.expansion, state, &seed, started);
        record::finish(&mut properties, &run, id);
        let mut changes = self.records(&order, &run, call.api_version(), &seed);
        changes.push(record(properties));
        self.commit(changes).await?;
        let body = {
            let world = self.world();
            world.estate.get(id).map(|r| world.rendered(r)).unwrap_or(Value::Null)
        };
        let answer = Answer::new(if new || failed { 201 } else { 200 }, body);
        if !failed {
            return Ok(answer);
        }
        // A client learns of a failure by polling.
        Ok(self.polled(call, answer, Outcome::failed(record::error(&run, id))))
    }
}
