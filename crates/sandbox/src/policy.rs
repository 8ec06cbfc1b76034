//! Policy on writes: the question to the engine, and what a refusal looks like.

use glidepath_arm::{ResourceId, ResourceType, Value};
use glidepath_estate::Resource;
use glidepath_policy::{
    AssetKind, Contributor, Effect, Operation, Outcome, Related, RelatedQuery, Request, Verdict, refusal,
};

use crate::answer::ArmError;
use crate::call::Verb;
use crate::world::{World, has_type};

/// Asks the engine about one resource.
pub(crate) fn judge(
    world: &World,
    id: &ResourceId,
    body: &Value,
    api_version: &str,
    operation: Operation,
    now: i64,
) -> Verdict {
    world.engine.evaluate(&Request {
        id,
        body,
        api_version,
        operation,
        hierarchy: &world.hierarchy,
        subscription: subscription(world, id),
        resource_group: resource_group(world, id),
        related: &Existing(world),
        now,
        list_compliant: operation == Operation::Scan,
    })
}

/// Asks about a write ([`Operation::Write`] or [`Operation::PatchTags`]) and gives the content to store, or Azure's refusal.
pub(crate) fn write(
    world: &World,
    id: &ResourceId,
    body: Value,
    api_version: &str,
    operation: Operation,
    now: i64,
) -> Result<Value, ArmError> {
    let verdict = judge(world, id, &body, api_version, operation, now);
    if verdict.is_refused() {
        return Err(refused(&verdict, id));
    }
    Ok(verdict.changed.unwrap_or(body))
}

/// What a request is to policy: a PATCH of nothing but tags is looked at by rules on tags only.
pub(crate) fn operation(verb: Verb, body: &Value) -> Operation {
    let mut keys = body.as_object().into_iter().flat_map(|object| object.keys()).peekable();
    let only_tags = keys.peek().is_some() && keys.all(|key| key.eq_ignore_ascii_case("tags"));
    if verb == Verb::Patch && only_tags { Operation::PatchTags } else { Operation::Write }
}

/// Asks about the delete of an existing resource.
pub(crate) fn delete(world: &World, resource: &Resource, now: i64) -> Result<(), ArmError> {
    let content = world.content(resource);
    let verdict = judge(world, &resource.id, &content, &resource.api_version, Operation::Delete, now);
    if verdict.is_refused() { Err(refused(&verdict, &resource.id)) } else { Ok(()) }
}

/// Asks about what goes with a deleted resource group: a denyAction policy holds the group when one of its resources, of a
/// kind with a location, is protected and the policy does not let it go (`cascadeBehaviors.resourceGroup: allow`).
///
/// Source: Microsoft Learn, "Azure Policy definitions denyAction effect", on resource group deletion.
pub(crate) fn cascade(world: &World, resource: &Resource, now: i64) -> Result<(), ArmError> {
    if resource.body.get("location").is_none() {
        return Ok(());
    }
    let content = world.content(resource);
    let verdict = judge(world, &resource.id, &content, &resource.api_version, Operation::Delete, now);
    let holds = |c: &Contributor| {
        let behavior = c.details.at(&["cascadeBehaviors", "resourceGroup"]).and_then(Value::as_str);
        c.effect == Effect::DenyAction
            && c.outcome == Outcome::Triggered
            && !behavior.is_some_and(|b| b.eq_ignore_ascii_case("allow"))
    };
    if verdict.contributors.iter().any(holds) { Err(refused(&verdict, &resource.id)) } else { Ok(()) }
}

fn refused(verdict: &Verdict, id: &ResourceId) -> ArmError {
    ArmError::whole(403, refusal(verdict, id).into())
}

/// `subscription()` in a policy rule.
fn subscription(world: &World, id: &ResourceId) -> Value {
    let Some(guid) = id.subscription_id() else { return Value::Null };
    let Some(resource) = world.estate.get(&ResourceId::subscription(guid)) else { return Value::Null };
    let mut members = vec![("id", Value::from(resource.id.as_str()))];
    for key in ["subscriptionId", "displayName", "tenantId"] {
        members.push((key, resource.body.get(key).cloned().unwrap_or(Value::Null)));
    }
    members.push(("tags", tags(resource)));
    Value::object(members)
}

/// `resourceGroup()` in a policy rule.
fn resource_group(world: &World, id: &ResourceId) -> Value {
    let (Some(guid), Some(name)) = (id.subscription_id(), id.resource_group_name()) else { return Value::Null };
    let Some(resource) = world.estate.get(&ResourceId::resource_group(guid, name)) else { return Value::Null };
    let mut members = vec![
        ("id", Value::from(resource.id.as_str())),
        ("name", Value::from(resource.id.name())),
        ("type", Value::from("Microsoft.Resources/resourceGroups")),
    ];
    for key in ["location", "managedBy", "properties"] {
        members.push((key, resource.body.get(key).cloned().unwrap_or(Value::Null)));
    }
    members.push(("tags", tags(resource)));
    Value::object(members)
}

fn tags(resource: &Resource) -> Value {
    resource.body.get("tags").filter(|t| !t.is_null()).cloned().unwrap_or_else(|| Value::object::<&str, Value>([]))
}

/// What exists, for auditIfNotExists and deployIfNotExists.
struct Existing<'a>(&'a World);

impl Related for Existing<'_> {
    fn find(&self, query: &RelatedQuery) -> Option<Vec<Resource>> {
        let world = self.0;
        let kind = ResourceType::new(&query.resource_type);
        let found = world.estate.within(&query.scope).filter(|resource| {
            has_type(&resource.id, &kind)
                && query.name.as_deref().is_none_or(|name| fits(&resource.id.full_name(), name))
        });
        Some(found.map(|r| Resource::new(r.id.clone(), r.api_version.clone(), world.content(r))).collect())
    }
}

/// Does a name fit a pattern, segment by segment, where `?` or `*` stands for any?
fn fits(name: &str, pattern: &str) -> bool {
    // A pattern without a slash means the resource's own name.
    if !pattern.contains('/') {
        let own = name.rsplit('/').next().unwrap_or(name);
        return matches!(pattern, "?" | "*") || own.eq_ignore_ascii_case(pattern);
    }
    let (mut names, mut patterns) = (name.split('/'), pattern.split('/'));
    loop {
        match (names.next(), patterns.next()) {
            (None, None) => return true,
            (Some(n), Some(p)) if matches!(p, "?" | "*") || n.eq_ignore_ascii_case(p) => {}
            _ => return false,
        }
    }
}

/// Checks a policy asset before it is stored: its own content, and that what it names exists.
pub(crate) fn check_asset(world: &World, id: &ResourceId, body: &Value) -> Result<(), ArmError> {
    let properties = body.get("properties").cloned().unwrap_or(Value::Null);
    let named = |value: &Value| value.get("policyDefinitionId").and_then(Value::as_str).map(ResourceId::new);
    let mut wanted: Vec<ResourceId> = named(&properties).into_iter().collect();
    if let Some(members) = properties.get("policyDefinitions").and_then(Value::as_array) {
        wanted.extend(members.iter().filter_map(named));
    }
    for target in wanted {
        let is_set = target.resource_type().is_some_and(|t| t.is("Microsoft.Authorization/policySetDefinitions"));
        let kind = if is_set { AssetKind::Initiative } else { AssetKind::Definition };
        if world.estate.get(&target).is_none() && !world.engine.contains(kind, &target) {
            let (code, what) = if is_set {
                ("PolicySetDefinitionNotFound", "policy set definition")
            } else {
                ("PolicyDefinitionNotFound", "policy definition")
            };
            return Err(ArmError::not_found(code, format!("The {what} '{target}' could not be found.")));
        }
    }
    // In an engine aside: nothing of the real one changes before the asset is stored. The parameters of an assignment can
    // only be checked where its definitions are.
    let is_assignment = id.resource_type().is_some_and(|t| t.is("Microsoft.Authorization/policyAssignments"));
    let mut aside = if is_assignment { world.engine.clone() } else { world.blank.clone() };
    let findings = aside.upsert(id, body);
    if let Some(finding) = findings.iter().find(|f| f.is_error()) {
        let code = match id.resource_type() {
            Some(t) if t.is("Microsoft.Authorization/policyDefinitions") => "InvalidPolicyRule",
            Some(t) if t.is("Microsoft.Authorization/policySetDefinitions") => "InvalidPolicySetDefinition",
            Some(t) if t.is("Microsoft.Authorization/policyAssignments") => "InvalidPolicyAssignment",
            _ => "InvalidPolicyExemption",
        };
        let mut message = format!("{} [{}]", finding.message, finding.code);
        if let Some(help) = &finding.help {
            message.push_str(&format!("; {help}"));
        }
        return Err(ArmError::bad_request(code, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn names_fit_patterns_by_segment() {
        assert!(fits("a/b", "A/?"));
        assert!(fits("a/b", "b"));
        assert!(fits("a/b", "?"));
        assert!(!fits("a/b", "a"));
        assert!(!fits("a/b/c", "a/?"));
    }
}
