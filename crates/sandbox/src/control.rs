//! What only a sandbox has, under `/providers/Glidepath.Sandbox`: its clock, and its state as a whole.

use std::path::PathBuf;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::remediation::duration;
use crate::sandbox::Sandbox;
use crate::world::Change;

fn failed(what: &str, error: &dyn std::fmt::Display) -> ArmError {
    ArmError::new(500, "InternalServerError", format!("{what}: {error}"))
}

impl Sandbox {
    /// Serves `/providers/Glidepath.Sandbox/…`; `path` is what follows, in lower case.
    pub(crate) async fn control(&self, call: &Call, path: &[&str]) -> Reply {
        self.owners_only(call)?;
        match (call.verb, path) {
            (Verb::Get, ["clock"]) => Ok(self.clock_face(0)),
            (Verb::Post, ["clock", "advance"]) => self.advance(call).await,
            (Verb::Get, ["estate"]) => Ok(Answer::ok(self.export())),
            (Verb::Put, ["estate"]) => {
                let body = call.object()?;
                let count = self.replace(&body).await?;
                Ok(Answer::ok(json!({"resources": count})))
            }
            (Verb::Delete, ["estate"]) => {
                self.replace(&Value::from(json!({"resources": []}))).await?;
                Ok(Answer::empty(200))
            }
            (Verb::Get, ["snapshots"]) => {
                let mut names: Vec<String> = std::fs::read_dir(self.snapshots())
                    .map(|all| {
                        all.flatten()
                            .filter_map(|e| e.file_name().to_str()?.strip_suffix(".json").map(str::to_owned))
                            .collect()
                    })
                    .unwrap_or_default();
                names.sort();
                let value: Vec<Json> = names.into_iter().map(|name| json!({"name": name})).collect();
                Ok(Answer::ok(json!({"value": value})))
            }
            (verb, ["snapshots", name, rest @ ..]) => self.snapshot(verb, name, rest).await,
            _ => Err(ArmError::not_found("NotFound", "The sandbox has no such switch.")),
        }
    }

    fn clock_face(&self, followed: usize) -> Answer {
        Answer::ok(json!({"now": self.timestamp(), "followUps": followed}))
    }

    /// `{"by": "PT15M"}`: moves the clock on and does what is due by then.
    async fn advance(&self, call: &Call) -> Reply {
        let body = call.object()?;
        let by = body.get("by").and_then(Value::as_str).and_then(duration).ok_or_else(|| {
            ArmError::bad_request("InvalidRequestContent", "Give 'by' as an ISO 8601 duration, such as 'PT15M'.")
        })?;
        self.move_clock(by).await?;
        let followed = self.do_what_is_due().await;
        Ok(self.clock_face(followed))
    }

    async fn snapshot(&self, verb: Verb, name: &str, rest: &[&str]) -> Reply {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            return Err(ArmError::bad_request(
                "InvalidName",
                "A snapshot's name has letters, digits, '-' and '_' only.",
            ));
        }
        let path = self.snapshots().join(format!("{name}.json"));
        let missing = || ArmError::not_found("NotFound", format!("There is no snapshot '{name}'."));
        match (verb, rest) {
            (Verb::Put, []) => {
                std::fs::create_dir_all(self.snapshots()).map_err(|e| failed("the snapshot cannot be kept", &e))?;
                let content = self.export();
                let count = content.get("resources").and_then(Json::as_array).map_or(0, Vec::len);
                // First beside it: a snapshot that is there is whole.
                let beside = path.with_extension("new");
                std::fs::write(&beside, content.to_string())
                    .and_then(|()| std::fs::rename(&beside, &path))
                    .map_err(|e| failed("the snapshot cannot be kept", &e))?;
                Ok(Answer::new(201, json!({"name": name, "resources": count})))
            }
            (Verb::Post, ["restore"]) => {
                let text = std::fs::read_to_string(&path).map_err(|_| missing())?;
                let content: Json =
                    serde_json::from_str(&text).map_err(|e| failed("the snapshot cannot be read", &e))?;
                let count = self.replace(&Value::from(content)).await?;
                Ok(Answer::ok(json!({"name": name, "resources": count})))
            }
            (Verb::Delete, []) => {
                std::fs::remove_file(&path).map_err(|_| missing())?;
                Ok(Answer::empty(200))
            }
            _ => Err(ArmError::method_not_allowed()),
        }
    }

    fn snapshots(&self) -> PathBuf {
        self.folder.join("snapshots")
    }

    /// Everything but what every tenant has.
    pub(crate) fn export(&self) -> Json {
        let world = self.world();
        let resources: Vec<Json> = world
            .estate
            .iter()
            .filter(|r| !world.is_given(&r.id))
            .map(|r| json!({"id": r.id.as_str(), "apiVersion": r.api_version, "body": r.body.to_json()}))
            .collect();
        let registrations: Vec<Json> = world
            .registrations
            .iter()
            .flat_map(|(subscription, all)| {
                all.iter().map(move |n| json!({"subscription": subscription, "namespace": n}))
            })
            .collect();
        json!({"kind": "SandboxEstate", "schemaVersion": 1, "tenantId": self.tenant, "resources": resources, "registrations": registrations})
    }

    /// Puts another estate in the place of this one, in one commit.
    pub(crate) async fn replace(&self, content: &Value) -> Result<usize, ArmError> {
        let _alone = self.alone().await;
        let mut changes = Vec::new();
        let mut count = 0;
        let invalid = |why: String| ArmError::bad_request("InvalidRequestContent", why);
        let resources = content
            .get("resources")
            .and_then(Value::as_array)
            .ok_or_else(|| invalid("The content must be an object with an array 'resources'.".to_owned()))?;
        {
            let world = self.world();
            let policies_last = |id: &ResourceId| crate::world::kind(id) == crate::world::Kind::PolicyAsset;
            // Assets first, so that no assignment ever names a definition that is gone.
            let mut gone: Vec<ResourceId> =
                world.estate.iter().filter(|r| !world.is_given(&r.id)).map(|r| r.id.clone()).collect();
            gone.sort_by_key(|id| !policies_last(id));
            changes.extend(gone.into_iter().map(Change::Delete));
            for (subscription, all) in &world.registrations {
                changes.extend(all.iter().map(|namespace| Change::Register {
                    subscription: subscription.clone(),
                    namespace: namespace.clone(),
                    registered: false,
                }));
            }
        }
        for (number, resource) in resources.iter().enumerate() {
            let text = |name: &str| resource.get(name).and_then(Value::as_str);
            let (Some(id), Some(body)) = (text("id"), resource.get("body").filter(|b| b.as_object().is_some())) else {
                return Err(invalid(format!("'resources[{number}]' must have 'id' and 'body'.")));
            };
            let id = ResourceId::new(id);
            if id.resource_type().is_none() {
                return Err(invalid(format!("'{id}' is not a resource id.")));
            }
            count += 1;
            changes.push(Change::Put(Resource::new(id, text("apiVersion").unwrap_or("2024-11-01"), body.clone())));
        }
        for entry in content.get("registrations").and_then(Value::as_array).unwrap_or_default() {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
            if let (Some(subscription), Some(namespace)) = (text("subscription"), text("namespace")) {
                changes.push(Change::Register { subscription, namespace, registered: true });
            }
        }
        self.commit(changes).await?;
        Ok(count)
    }
}
