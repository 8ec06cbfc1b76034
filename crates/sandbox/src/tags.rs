//! The tags of a scope as a resource of their own: `{scope}/providers/Microsoft.Resources/tags/default`.

use glidepath_arm::{ResourceId, Value};
use glidepath_policy::Operation;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::policy;
use crate::resources::{exists_around, missing};
use crate::sandbox::Sandbox;
use crate::world::Change;

impl Sandbox {
    /// Serves the tags of a scope. Every answer is 200: az takes a 201 for a failure.
    pub(crate) async fn tags(&self, call: &Call, scope: &ResourceId) -> Reply {
        let given = match call.verb {
            Verb::Get => return Ok(Answer::ok(self.tags_of(scope)?)),
            Verb::Put | Verb::Patch => {
                let body = call.object()?;
                let tags = body.at(&["properties", "tags"]).cloned();
                let operation = body.get("operation").and_then(Value::as_str).unwrap_or("Replace").to_ascii_lowercase();
                Some((tags.unwrap_or_else(|| Value::object::<&str, Value>([])), operation))
            }
            Verb::Delete => None,
            Verb::Head | Verb::Post => return Err(ArmError::method_not_allowed()),
        };
        let _pass = self.pass(scope).await;
        let changed = {
            let world = self.world();
            let mut resource = world.estate.get(scope).cloned().ok_or_else(|| missing(scope))?;
            let mut tags = resource.body.get("tags").cloned().unwrap_or(Value::Null);
            match &given {
                Some((given, operation)) if matches!(operation.as_str(), "merge" | "delete") => {
                    for (name, value) in given.as_object().into_iter().flat_map(|o| o.iter()) {
                        if operation == "merge" {
                            tags.make_object().insert(name.clone(), value.clone());
                        } else {
                            tags.make_object().remove(name);
                        }
                    }
                }
                Some((given, _)) => tags = given.clone(),
                None => tags = Value::object::<&str, Value>([]),
            }
            let mut body = world.content(&resource);
            body.make_object().insert("tags", tags);
            // Policy may refuse the change or add to it.
            let judged = policy::write(&world, scope, body, &resource.api_version, Operation::PatchTags, self.now())?;
            let tags = judged.get("tags").cloned().unwrap_or(Value::Null);
            resource.body.make_object().insert("tags", tags);
            resource
        };
        self.commit(vec![Change::Put(changed)]).await?;
        if given.is_none() { Ok(Answer::empty(200)) } else { Ok(Answer::ok(self.tags_of(scope)?)) }
    }

    fn tags_of(&self, scope: &ResourceId) -> Result<Value, ArmError> {
        let world = self.world();
        exists_around(&world, scope)?;
        let resource = world.estate.get(scope).ok_or_else(|| missing(scope))?;
        let tags = resource.body.get("tags").filter(|t| !t.is_null()).cloned();
        let tags = tags.unwrap_or_else(|| Value::object::<&str, Value>([]));
        Ok(Value::object([
            ("id", Value::from(format!("{}/providers/Microsoft.Resources/tags/default", resource.id))),
            ("name", "default".into()),
            ("type", "Microsoft.Resources/tags".into()),
            ("properties", Value::object([("tags", tags)])),
        ]))
    }
}
