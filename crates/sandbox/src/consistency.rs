//! `--consistency eventual`: what was just made is not seen everywhere yet. The races are those that deployments of landing
//! zones are known to retry; see landing-zone-library.md 1.7 and 3.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use glidepath_arm::{ResourceId, Value};

use crate::answer::ArmError;
use crate::call::{Call, Caller};
use crate::sandbox::Sandbox;
use crate::world::{Kind, kind};

/// How long things take to be seen, in seconds.
pub(crate) const LAG: i64 = 5;

/// When what was made, by its key; principals as `principal:GUID`.
#[derive(Debug, Default)]
pub(crate) struct Fresh(Mutex<BTreeMap<String, i64>>);

impl Sandbox {
    /// Notes that something is new.
    pub(crate) fn note_fresh(&self, id: &ResourceId, body: &Value) {
        if !self.eventual {
            return;
        }
        let now = self.now();
        let mut fresh = self.fresh.0.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.retain(|_, made| now - *made < LAG);
        fresh.insert(id.key(), now);
        let own = body.at(&["identity", "principalId"]).or_else(|| body.at(&["properties", "principalId"]));
        if let Some(principal) = own.and_then(Value::as_str) {
            let is_assignment = id.resource_type().is_some_and(|t| t.is("Microsoft.Authorization/roleAssignments"));
            if !is_assignment {
                fresh.insert(format!("principal:{}", principal.to_ascii_lowercase()), now);
            }
        }
    }

    fn is_fresh(&self, key: &str) -> bool {
        let fresh = self.fresh.0.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.get(key).is_some_and(|made| self.now() - made < LAG)
    }

    /// Refuses a write that builds on what is not seen yet.
    pub(crate) fn check_seen(&self, call: &Call, id: &ResourceId, body: &Value) -> Result<(), ArmError> {
        if !self.eventual {
            return Ok(());
        }
        let text = |name: &str| body.at(&["properties", name]).and_then(Value::as_str);
        let scope = id.parent().unwrap_or_else(ResourceId::tenant);
        let own = id.resource_type().map(|t| t.to_string()).unwrap_or_default();
        if kind(&scope) == Kind::ManagementGroup && self.is_fresh(&scope.key()) {
            let nobody = Caller { object: self.tenant.clone(), client: self.tenant.clone(), bound: false };
            let caller = call.caller.as_ref().unwrap_or(&nobody);
            return Err(crate::rbac::refusal(caller, &format!("{own}/write"), id));
        }
        if own.eq_ignore_ascii_case("Microsoft.Authorization/policyAssignments")
            && text("policyDefinitionId").is_some_and(|d| self.is_fresh(&ResourceId::new(d).key()))
        {
            return Err(out_of_scope(id));
        }
        if own.eq_ignore_ascii_case("Microsoft.Authorization/roleAssignments")
            && text("principalType").is_none()
            && let Some(principal) = text("principalId")
            && self.is_fresh(&format!("principal:{}", principal.to_ascii_lowercase()))
        {
            return Err(ArmError::bad_request(
                "PrincipalNotFound",
                format!(
                    "Principal {} does not exist in the directory {}. Check that you have the correct principal ID. If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype",
                    principal.replace('-', ""),
                    self.tenant
                ),
            ));
        }
        Ok(())
    }
}

/// The refusal of an assignment whose definition is not at or above its scope.
pub(crate) fn out_of_scope(id: &ResourceId) -> ArmError {
    ArmError::bad_request(
        "InvalidCreatePolicyAssignmentRequest",
        format!(
            "The policy definition specified in policy assignment '{}' is out of scope. Policy definitions should be specified only at or above the policy assignment scope. If the management groups hierarchy changed recently or if assigning a management group policy to new subscription, please allow up to 30 minutes for the hierarchy changes to apply and try again.",
            id.name()
        ),
    )
}
