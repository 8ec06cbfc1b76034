//! Carrying a deployment out, in the order of its dependencies.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::template::{Expanded, Expansion};
use glidepath_arm::{ResourceId, Value};

use super::order::Order;
use crate::answer::{Answer, ArmError};
use crate::call::{Call, Verb};
use crate::route;
use crate::sandbox::Sandbox;

/// What became of one resource.
pub(super) struct Done {
    pub(super) id: ResourceId,
    /// The deployments around it, outermost first.
    pub(super) deployment: Vec<String>,
    pub(super) status: u16,
    /// The error of a resource that failed, `{code, message, …}`.
    pub(super) error: Option<Value>,
}

/// What became of a deployment.
pub(super) struct Run {
    pub(super) expansion: Expansion,
    pub(super) done: Vec<Done>,
    pub(super) failures: Vec<Value>,
    /// Expressions that the estate could not answer and that went out as text.
    pub(super) unresolved: Vec<String>,
}

/// What has to be there before something else can be written.
struct Board {
    /// Ids in lower case of what is written.
    written: BTreeSet<String>,
    /// Ids in lower case of what cannot be written any more.
    failed: BTreeSet<String>,
}

impl Sandbox {
    /// Writes every resource of the template. What does not depend on a failure goes on.
    pub(super) async fn carry_out(&self, order: &Order, first: Expansion, seed: &str) -> Result<Run, ArmError> {
        let mut run = Run { expansion: first, done: Vec::new(), failures: Vec::new(), unresolved: Vec::new() };
        let mut board = Board { written: BTreeSet::new(), failed: BTreeSet::new() };
        // Has anything been written since the template was expanded?
        let mut changed = false;
        loop {
            let mut progress = false;
            let ready = board.ready(&run.expansion);
            for at in &ready {
                let Some(resource) = run.expansion.resources.get(*at) else { continue };
                if !is_settled(resource) {
                    continue;
                }
                let done = self.write_one(order, resource).await;
                progress = true;
                changed |= done.error.is_none();
                board.note(&done);
                run.failures.extend(done.error.clone());
                run.done.push(done);
            }
            if progress {
                continue;
            }
            if ready.is_empty() {
                break;
            }
            if changed {
                run.expansion = self.expansion(order, seed, true)?;
                changed = false;
                continue;
            }
            // The estate does not know more: the expressions themselves go out, and the deployment says so. All of them at
            // once: none waits for another, so that what one of them writes tells nothing of the rest.
            let stuck: Vec<Expanded> =
                ready.iter().filter_map(|at| run.expansion.resources.get(*at)).cloned().collect();
            for resource in &stuck {
                let done = self.write_stuck(order, resource, &mut run.unresolved).await;
                changed |= done.error.is_none();
                board.note(&done);
                run.failures.extend(done.error.clone());
                run.done.push(done);
            }
        }
        if changed && (has_unknown_outputs(&run.expansion) || !run.unresolved.is_empty()) {
            run.expansion = self.expansion(order, seed, true)?;
        }
        if order.complete && run.failures.is_empty() {
            self.delete_others(order, &run).await;
        }
        Ok(run)
    }

    async fn write_one(&self, order: &Order, resource: &Expanded) -> Done {
        let id = ResourceId::new(resource.id.as_str().unwrap_or_default());
        let answer = self.put_as_client(order, &id, &resource.api_version, &resource.body).await;
        let error = (answer.status >= 400).then(|| {
            let error = answer.body.as_ref().and_then(|b| b.get("error")).cloned();
            error.unwrap_or_else(|| Value::object([("code", "InternalServerError")]))
        });
        Done { id, deployment: resource.deployment.clone(), status: answer.status, error }
    }

    /// A resource of which something stays unknown.
    async fn write_stuck(&self, order: &Order, resource: &Expanded, unresolved: &mut Vec<String>) -> Done {
        let open = [Some(&resource.id), resource.condition.as_ref()].into_iter().flatten().find(|v| v.is_unknown());
        if let Some(open) = open {
            let expression = open.to_json().as_str().unwrap_or_default().to_owned();
            let message = format!("Unable to evaluate template language function: '{expression}' is not known here.");
            let error = Value::object([("code", Value::from("InvalidTemplate")), ("message", message.into())]);
            let name = resource.id.to_json().as_str().unwrap_or_default().to_owned();
            return Done {
                id: ResourceId::new(&name),
                deployment: resource.deployment.clone(),
                status: 400,
                error: Some(error),
            };
        }
        resource.body.for_each_unknown(&mut |path, unknown| {
            let id = resource.id.as_str().unwrap_or_default();
            unresolved.push(format!("{path} of {id} is [{}]", unknown.expression));
        });
        let body = Value::from(resource.body.to_json());
        self.write_one(order, &Expanded { body, ..resource.clone() }).await
    }

    /// Makes the PUT a client would make.
    async fn put_as_client(&self, order: &Order, id: &ResourceId, api_version: &str, body: &Value) -> Answer {
        let call = Call {
            verb: Verb::Put,
            segments: id.segments().map(str::to_owned).collect(),
            query: BTreeMap::from([("api-version".to_owned(), api_version.to_owned())]),
            body: serde_json::to_vec(body).unwrap_or_default(),
            caller: order.caller.clone(),
            ..Call::default()
        };
        // In a box: a resource may itself be something that leads back here.
        Box::pin(route::inside(self, &call)).await
    }

    /// What a complete deployment takes away: tracked resources of the group that the template does not have.
    async fn delete_others(&self, order: &Order, run: &Run) {
        let kept: BTreeSet<String> = run.done.iter().map(|d| d.id.key()).collect();
        let others: Vec<ResourceId> = {
            let world = self.world();
            let tracked = world.estate.within(&order.scope).filter(|r| crate::list::is_tracked(r));
            tracked.filter(|r| !kept.contains(&r.id.key())).map(|r| r.id.clone()).collect()
        };
        for id in others {
            let call = Call {
                verb: Verb::Delete,
                segments: id.segments().map(str::to_owned).collect(),
                query: BTreeMap::from([("api-version".to_owned(), "2024-11-01".to_owned())]),
                caller: order.caller.clone(),
                ..Call::default()
            };
            let _ = Box::pin(route::inside(self, &call)).await;
        }
    }
}

impl Board {
    fn note(&mut self, done: &Done) {
        let all = if done.error.is_some() { &mut self.failed } else { &mut self.written };
        all.insert(done.id.key());
    }

    /// The numbers of the resources that are not written and wait for nothing any more.
    fn ready(&self, expansion: &Expansion) -> Vec<usize> {
        // A deployment is there when all that it deploys is.
        let mut open: BTreeSet<String> = BTreeSet::new();
        let mut holders: BTreeMap<&[String], &[String]> = BTreeMap::new();
        for nested in &expansion.nested {
            holders.insert(&nested.deployment, &nested.depends_on);
        }
        for resource in &expansion.resources {
            let key = key(&resource.id);
            if self.written.contains(&key) {
                continue;
            }
            open.insert(key);
            for nested in &expansion.nested {
                if resource.deployment.starts_with(&nested.deployment) {
                    open.insert(self::key(&nested.id));
                }
            }
        }
        let free = |on: &[String]| on.iter().all(|id| !open.contains(&ResourceId::new(id).key()));
        let mut ready = Vec::new();
        for (at, resource) in expansion.resources.iter().enumerate() {
            let own = key(&resource.id);
            if self.written.contains(&own) || self.failed.contains(&own) {
                continue;
            }
            let chain = &resource.deployment;
            let around = (1..=chain.len()).filter_map(|n| chain.get(..n)).filter_map(|part| holders.get(part));
            if free(&resource.depends_on) && around.into_iter().all(|on| free(on)) {
                ready.push(at);
            }
        }
        ready
    }
}

fn key(id: &Value) -> String {
    match id.as_str() {
        Some(id) => ResourceId::new(id).key(),
        None => id.to_json().to_string(),
    }
}

/// Is everything about it known?
fn is_settled(resource: &Expanded) -> bool {
    resource.condition.is_none() && resource.id.as_str().is_some() && !resource.body.has_unknown()
}

fn has_unknown_outputs(expansion: &Expansion) -> bool {
    expansion.outputs.values().any(Value::has_unknown) || expansion.nested.iter().any(|n| n.outputs.has_unknown())
}
