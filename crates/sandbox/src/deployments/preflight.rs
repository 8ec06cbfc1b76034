//! Policy on a whole template, before anything of it is written.

use glidepath_arm::ResourceId;
use glidepath_arm::template::Expansion;
use glidepath_policy::{Operation, refusal};
use serde_json::json;

use super::order::Order;
use crate::answer::ArmError;
use crate::policy::judge;
use crate::rbac;
use crate::sandbox::Sandbox;

impl Sandbox {
    /// Refuses a template of which policy denies a resource, with the refusal of every one. What hangs on values that
    /// are known only later is judged when it is written.
    pub(super) fn preflight(&self, order: &Order, expansion: &Expansion) -> Result<(), ArmError> {
        self.may_write(order, expansion)?;
        let world = self.world();
        let mut details = Vec::new();
        for resource in &expansion.resources {
            let Some(id) = resource.id.as_str().map(ResourceId::new) else { continue };
            if resource.condition.is_some() {
                continue;
            }
            let verdict = judge(&world, &id, &resource.body, &resource.api_version, Operation::Write, self.now());
            if verdict.is_refused()
                && let Some(error) = refusal(&verdict, &id).get_mut("error")
            {
                details.push(error.take());
            }
        }
        if details.is_empty() {
            return Ok(());
        }
        Err(ArmError::whole(
            400,
            json!({"error": {
                "code": "InvalidTemplateDeployment",
                "message": "The template deployment failed because of policy violation. Please see details for more information.",
                "details": details,
            }})
            .into(),
        ))
    }

    /// Refuses a template of which the caller may not write a resource.
    fn may_write(&self, order: &Order, expansion: &Expansion) -> Result<(), ArmError> {
        let Some(caller) = order.caller.as_ref().filter(|c| self.enforces(c)) else { return Ok(()) };
        let world = self.world();
        let mut refused = Vec::new();
        for resource in &expansion.resources {
            let Some(id) = resource.id.as_str().map(ResourceId::new) else { continue };
            let kind = resource.resource_type.as_str();
            let action = format!("{kind}/write");
            if !rbac::may(&world, &caller.object, &action, &id) {
                refused.push(format!(
                    "'Authorization failed for template resource '{}' of type '{kind}'. The client '{}' with object id '{}' does not have permission to perform action '{action}' at scope '{id}'.'",
                    id.name(), caller.client, caller.object
                ));
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        Err(ArmError::new(
            403,
            "InvalidTemplateDeployment",
            format!("Deployment failed with multiple errors: {}", refused.join("; ")),
        ))
    }
}
