//! Who may do what: role assignments from a resource up to the tenant, judged action by action.
//!
//! Source: Microsoft Learn, "Understand Azure role definitions" (wildcards, notActions); azure-clients.md for the text.

use glidepath_arm::{ResourceId, Value};

use crate::answer::ArmError;
use crate::call::{Call, Caller, Verb};
use crate::sandbox::Sandbox;
use crate::world::World;

const ASSIGNMENTS: &str = "Microsoft.Authorization/roleAssignments";

/// Refuses a call that the caller's roles do not allow. Without `--rbac` only callers that are bound to their roles are
/// looked at: the managed identities that policy deploys as.
pub(crate) fn check(sandbox: &Sandbox, call: &Call) -> Result<(), ArmError> {
    let Some(caller) = &call.caller else { return Ok(()) };
    if !sandbox.enforces(caller) {
        return Ok(());
    }
    let Some((action, scope)) = asked(call) else { return Ok(()) };
    allowed(&sandbox.world(), caller, &action, &scope)
}

/// Refuses where the caller's roles do not allow the action at the scope.
pub(crate) fn allowed(world: &World, caller: &Caller, action: &str, scope: &ResourceId) -> Result<(), ArmError> {
    if may(world, &caller.object, action, scope) { Ok(()) } else { Err(refusal(caller, action, scope)) }
}

pub(crate) fn refusal(caller: &Caller, action: &str, scope: &ResourceId) -> ArmError {
    ArmError::new(403, "AuthorizationFailed", sentence(caller, action, scope))
}

fn sentence(caller: &Caller, action: &str, scope: &ResourceId) -> String {
    format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
        caller.client, caller.object
    )
}

/// Do the principal's roles allow the action at the scope?
pub(crate) fn may(world: &World, principal: &str, action: &str, scope: &ResourceId) -> bool {
    let mut scopes = world.hierarchy.scopes_of(scope);
    let mut inner = Some(scope.clone());
    while let Some(id) = inner {
        inner = id.parent().filter(|p| p.as_str() != "/");
        if !scopes.contains(&id) {
            scopes.push(id);
        }
    }
    scopes.iter().any(|holder| {
        let base = ResourceId::new(&format!("{}/providers/{ASSIGNMENTS}", holder.as_str().trim_end_matches('/')));
        world.estate.within(&base).any(|assignment| {
            let text = |name: &str| assignment.body.at(&["properties", name]).and_then(Value::as_str);
            assignment.id.parent().unwrap_or_else(ResourceId::tenant) == *holder
                && text("principalId").is_some_and(|p| p.eq_ignore_ascii_case(principal))
                && text("roleDefinitionId").is_some_and(|role| grants(world, role, action))
        })
    })
}

fn grants(world: &World, role: &str, action: &str) -> bool {
    let id = ResourceId::new(role);
    let found = world.estate.get(&id).or_else(|| world.estate.get(&crate::roles::at_tenant(&id)?));
    let found = found.or_else(|| {
        // A custom role is stored where it was made and named at any scope.
        world.estate.iter().find(|r| {
            r.id.name().eq_ignore_ascii_case(id.name())
                && r.resource_type().is_some_and(|t| t.is("Microsoft.Authorization/roleDefinitions"))
        })
    });
    let Some(permissions) = found.and_then(|r| r.body.at(&["properties", "permissions"])).and_then(Value::as_array)
    else {
        return false;
    };
    permissions.iter().any(|permission| {
        let any = |name: &str| {
            let patterns = permission.get(name).and_then(Value::as_array).unwrap_or_default();
            patterns.iter().filter_map(Value::as_str).any(|pattern| fits(action, pattern))
        };
        any("actions") && !any("notActions")
    })
}

/// Does an action fit a pattern in which `*` stands for anything? Without regard to case.
pub(crate) fn fits(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.to_ascii_lowercase(), pattern.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// The action of a call, and the scope it is done at; `None` where everybody may ask.
fn asked(call: &Call) -> Option<(String, ResourceId)> {
    let segments = &call.segments;
    let text = |at: usize| segments.get(at).map(String::as_str).unwrap_or_default();
    let verb = match call.verb {
        Verb::Get | Verb::Head => "read",
        Verb::Put | Verb::Patch => "write",
        Verb::Delete => "delete",
        Verb::Post => "action",
    };
    let Some(at) = segments.iter().rposition(|s| s.eq_ignore_ascii_case("providers")) else {
        return match segments.len() {
            2 => Some((format!("Microsoft.Resources/subscriptions/{verb}"), call.id(2))),
            3 => Some((format!("Microsoft.Resources/subscriptions/{}/{verb}", text(2)), call.id(2))),
            4 => Some((
                format!("Microsoft.Resources/subscriptions/resourceGroups/{verb}"),
                ResourceId::resource_group(text(1), text(3)),
            )),
            n if n > 4 => {
                Some((format!("Microsoft.Resources/subscriptions/resourceGroups/{}/{verb}", text(4)), call.id(4)))
            }
            _ => None,
        };
    };
    let namespace = text(at + 1);
    let tail = segments.get(at + 2..).unwrap_or_default();
    match (tail, call.verb) {
        // Manifests, the list of management groups, vending: whoever has signed in may ask.
        ([], _) => return None,
        ([one], Verb::Post) if at == 2 && matches!(one.to_ascii_lowercase().as_str(), "register" | "unregister") => {
            return Some((format!("{namespace}/{one}/action"), call.id(2)));
        }
        _ if at == 0
            && ["Microsoft.ResourceGraph", "Microsoft.Subscription", "Microsoft.PolicyInsights"]
                .iter()
                .any(|n| n.eq_ignore_ascii_case(namespace)) =>
        {
            return None;
        }
        ([_], Verb::Get) if at == 0 => return None,
        _ => {}
    }
    if namespace.eq_ignore_ascii_case("Microsoft.PolicyInsights") && call.verb == Verb::Post {
        let kind = tail.first().map(String::as_str).unwrap_or_default();
        let what = tail.last().filter(|_| tail.len() > 1).map(String::as_str).unwrap_or("read");
        return Some((format!("{namespace}/{kind}/{what}/action"), call.id(at)));
    }
    let types: Vec<&str> = tail.iter().step_by(2).map(String::as_str).collect();
    let whole = format!("{namespace}/{}", types.join("/"));
    // …/type/name is a resource; one more is a list below it, or an action on it.
    let scope = if tail.len() % 2 == 0 { call.id(segments.len()) } else { call.id(at + 1 + tail.len()) };
    let scope = match (tail.len(), tail.len() % 2) {
        (1, _) => call.id(at),
        (_, 1) => call.id(segments.len() - 1),
        _ => scope,
    };
    Some((format!("{whole}/{verb}"), if scope.as_str().is_empty() { ResourceId::tenant() } else { scope }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(method: &str, path: &str) -> (String, String) {
        let (action, scope) = asked(&Call::new(method, path, "").unwrap()).unwrap();
        (action, scope.to_string())
    }

    #[test]
    fn actions_are_named_as_azure_names_them() {
        let group = "/subscriptions/s/resourceGroups/g";
        let vnet = format!("{group}/providers/Microsoft.Network/virtualNetworks/v");
        assert_eq!(action("PUT", &vnet), ("Microsoft.Network/virtualNetworks/write".into(), vnet.clone()));
        let subnet = format!("{vnet}/subnets/a");
        assert_eq!(action("DELETE", &subnet).0, "Microsoft.Network/virtualNetworks/subnets/delete");
        assert_eq!(action("GET", &format!("{vnet}/subnets")).0, "Microsoft.Network/virtualNetworks/subnets/read");
        assert_eq!(
            action("POST", &format!("{group}/providers/Microsoft.Resources/deployments/d/validate")),
            (
                "Microsoft.Resources/deployments/validate/action".into(),
                format!("{group}/providers/Microsoft.Resources/deployments/d")
            )
        );
        assert_eq!(action("PUT", group).0, "Microsoft.Resources/subscriptions/resourceGroups/write");
    }

    #[test]
    fn patterns_fit() {
        assert!(fits("Microsoft.Network/virtualNetworks/read", "*/read"));
        assert!(fits("a/b/c", "*"));
        assert!(fits("Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/*/Write"));
        assert!(!fits("Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/*/Write"));
        assert!(!fits("ab", "a"));
    }
}
