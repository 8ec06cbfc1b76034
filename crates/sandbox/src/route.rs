//! Which handler serves what. Literal segments are compared without case; everything that is no fixed route is an ARM id.

use glidepath_arm::{ResourceId, ResourceType};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::grants::Grants;
use crate::identity;
use crate::sandbox::Sandbox;

/// Serves a call.
pub(crate) async fn answer(sandbox: &Sandbox, call: &Call) -> Answer {
    match serve(sandbox, call).await {
        Ok(answer) => answer,
        Err(error) => error.into(),
    }
}

/// Serves a call that the sandbox makes itself, in the name of a client it has let in.
pub(crate) async fn inside(sandbox: &Sandbox, call: &Call) -> Answer {
    let lower = call.lower();
    let path: Vec<&str> = lower.iter().map(String::as_str).collect();
    fixed(sandbox, call, &path).await.unwrap_or_else(Into::into)
}

async fn serve(sandbox: &Sandbox, call: &Call) -> Reply {
    let lower = call.lower();
    let path: Vec<&str> = lower.iter().map(String::as_str).collect();
    if let ["subscriptions", _, "resourcegroups", _, "deployments", ..] = path.as_slice() {
        // The path of old, which `az deployment operation` still uses.
        let mut segments = call.segments.clone();
        segments.splice(4..4, ["providers".to_owned(), "Microsoft.Resources".to_owned()]);
        return Box::pin(serve(sandbox, &Call { segments, ..call.clone() })).await;
    }
    if let Some(reply) = discovery(sandbox, call, &path) {
        return reply;
    }
    sandbox.tokens.check(call, sandbox.auth_required, sandbox.now(), &sandbox.endpoint, &sandbox.tenant)?;
    if let ["graph", "v1.0", rest @ ..] = path.as_slice() {
        return sandbox.graph(call, rest);
    }
    // Polls carry what they were given, which may be nothing.
    if let (Verb::Get, ["providers", "microsoft.resources", "operationstatuses", name]) = (call.verb, path.as_slice()) {
        return sandbox.poll(name);
    }
    match call.parameter("api-version") {
        None => {
            return Err(ArmError::bad_request(
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            ));
        }
        Some(version) if !is_api_version(version) => {
            return Err(ArmError::bad_request(
                "InvalidApiVersionParameter",
                format!("The api-version '{version}' is invalid. It must be of the form 'YYYY-MM-DD[-preview]'."),
            ));
        }
        Some(_) => {}
    }
    fixed(sandbox, call, &path).await
}

/// `2024-05-01`, `2024-05-01-preview`
fn is_api_version(text: &str) -> bool {
    let date = text.get(..10).unwrap_or_default();
    let digits = date.bytes().enumerate().all(|(i, b)| if matches!(i, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    let rest = text.get(10..).unwrap_or_default();
    date.len() == 10 && digits && (rest.is_empty() || rest.starts_with('-')) && rest.len() <= 20
}

/// What clients ask before they have a token.
fn discovery(sandbox: &Sandbox, call: &Call, path: &[&str]) -> Option<Reply> {
    let endpoint = &sandbox.endpoint;
    // The segment as written: a tenant, or `common`, `organizations`.
    let tenant = call.segments.first().map(String::as_str).unwrap_or_default();
    let placeholder =
        matches!(path.first(), Some(&"common" | &"organizations" | &"consumers" | &"adfs" | &"msi" | &"metadata"));
    let named = if placeholder { sandbox.tenant.as_str() } else { tenant };
    let grants = Grants { tokens: &sandbox.tokens, tenant: named, endpoint, now: sandbox.now() };
    match (call.verb, path) {
        (Verb::Get, ["metadata", "endpoints"]) => Some(identity::metadata(call, endpoint)),
        (
            Verb::Get,
            [_, "v2.0", ".well-known", "openid-configuration"] | [_, ".well-known", "openid-configuration"],
        ) => Some(identity::openid(tenant, endpoint)),
        (Verb::Post, [_, "oauth2", "v2.0", "token"] | [_, "oauth2", "token"]) => Some(grants.token(call)),
        (Verb::Post, [_, "oauth2", "v2.0", "devicecode"] | [_, "oauth2", "devicecode"]) => {
            Some(grants.device_code(call))
        }
        (Verb::Get, ["msi", "token"] | ["metadata", "identity", "oauth2", "token"]) => {
            Some(grants.managed_identity(call))
        }
        (Verb::Get, [_, "discovery", "v2.0", "keys"]) => Some(Ok(Answer::ok(serde_json::json!({"keys": []})))),
        _ => None,
    }
}

async fn fixed(sandbox: &Sandbox, call: &Call, path: &[&str]) -> Reply {
    let segment = |at: usize| call.segments.get(at).map(String::as_str).unwrap_or_default();
    match (call.verb, path) {
        (Verb::Get, ["tenants"]) => sandbox.list_tenants(),
        (Verb::Get, ["subscriptions"]) => sandbox.list_subscriptions(call),
        (Verb::Get, ["subscriptions", _]) => sandbox.get_subscription(&call.id(2)),
        (Verb::Get, ["subscriptions", _, "locations"]) => sandbox.list_locations(&call.id(2)),
        (Verb::Get, ["subscriptions", _, "resources"]) => sandbox.tracked(call, &call.id(2)),
        (Verb::Get, ["subscriptions", _, "resourcegroups"]) => sandbox.list_groups_of(call, &call.id(2)),
        (_, ["subscriptions", _, "resourcegroups", _]) => {
            sandbox.resource_group(call, &ResourceId::resource_group(segment(1), segment(3))).await
        }
        (Verb::Get, ["subscriptions", _, "resourcegroups", _, "resources"]) => {
            sandbox.tracked(call, &ResourceId::resource_group(segment(1), segment(3)))
        }
        (Verb::Get, ["providers"]) => sandbox.list_providers(None),
        (Verb::Get, ["providers", _]) => sandbox.get_provider(None, segment(1)),
        (Verb::Get, ["subscriptions", _, "providers"]) => sandbox.list_providers(Some(&call.id(2))),
        (Verb::Get, ["subscriptions", _, "providers", _]) => sandbox.get_provider(Some(&call.id(2)), segment(3)),
        (Verb::Post, ["subscriptions", _, "providers", "microsoft.subscription", action]) => {
            sandbox.subscription_action(call, &call.id(2), action).await
        }
        (Verb::Post, ["subscriptions", _, "providers", _, action @ ("register" | "unregister")]) => {
            sandbox.register(&call.id(2), segment(3), *action == "register").await
        }
        (Verb::Get, ["providers", "microsoft.subscription", "aliases"]) => sandbox.list_aliases(call),
        (_, ["providers", "microsoft.subscription", "aliases", _]) => sandbox.alias(call, segment(3)).await,
        (_, ["providers", "microsoft.management", "managementgroups", ..]) if path.get(4) != Some(&"providers") => {
            groups(sandbox, call, path).await
        }
        _ => generic(sandbox, call, path).await,
    }
}

async fn groups(sandbox: &Sandbox, call: &Call, path: &[&str]) -> Reply {
    let rest = path.get(3..).unwrap_or_default();
    let name = call.segments.get(3).map(String::as_str).unwrap_or_default();
    let id = ResourceId::management_group(name);
    match (call.verb, rest) {
        (Verb::Get, []) => sandbox.list_groups(call),
        (_, [_]) => sandbox.group(call, &id).await,
        (Verb::Get, [_, "descendants"]) => sandbox.descendants(&id),
        (Verb::Get, [_, "subscriptions"]) => sandbox.placements(&id),
        (_, [_, "subscriptions", _]) => {
            let subscription = call.segments.get(5).map(String::as_str).unwrap_or_default();
            sandbox.placement(call, &id, subscription).await
        }
        _ => Err(no_route(call)),
    }
}

/// Everything else is `{scope}/providers/{namespace}/{type}/{name}…`: a resource, a collection, or an action on either.
async fn generic(sandbox: &Sandbox, call: &Call, path: &[&str]) -> Reply {
    let Some(at) = path.iter().rposition(|s| *s == "providers") else { return Err(no_route(call)) };
    let scope = canonical(call, at);
    let tail = path.get(at + 1..).unwrap_or_default();
    match tail {
        ["microsoft.policyinsights", "policystates", view, action] if call.verb == Verb::Post => {
            sandbox.policy_states(call, &scope, view, action)
        }
        ["microsoft.resources", "deployments", _] => {
            sandbox.deployment(call, &canonical(call, call.segments.len())).await
        }
        ["microsoft.resources", "deployments", _, action] if call.verb == Verb::Post => {
            sandbox.deployment_action(call, &canonical(call, call.segments.len() - 1), action).await
        }
        [_, rest @ ..] if rest.len() % 2 == 0 && !rest.is_empty() => {
            sandbox.resource(call, &canonical(call, call.segments.len())).await
        }
        [_, rest @ ..] if !rest.is_empty() && call.verb == Verb::Get => {
            // …/ns/type is a list at the scope, …/ns/type/name/child a list below a resource.
            let holder = if rest.len() == 1 { scope } else { canonical(call, call.segments.len() - 1) };
            let Some(kind) = collection_type(call, at) else { return Err(no_route(call)) };
            sandbox.collection(call, &holder, &kind)
        }
        [_, rest @ ..] if !rest.is_empty() && call.verb == Verb::Post => {
            sandbox.action(call, &canonical(call, call.segments.len() - 1), rest.last().unwrap_or(&""))
        }
        _ => Err(no_route(call)),
    }
}

/// The first segments as an id, literals in ARM's spelling.
fn canonical(call: &Call, count: usize) -> ResourceId {
    let mut segments: Vec<&str> = call.segments.iter().take(count).map(String::as_str).collect();
    let mut spell = |at: usize, literal: &'static str| {
        if let Some(segment) = segments.get_mut(at).filter(|s| s.eq_ignore_ascii_case(literal)) {
            *segment = literal;
        }
    };
    spell(0, "subscriptions");
    spell(2, "resourceGroups");
    let providers: Vec<usize> = call
        .segments
        .iter()
        .take(count)
        .enumerate()
        .filter(|(_, s)| s.eq_ignore_ascii_case("providers"))
        .map(|(i, _)| i)
        .collect();
    for at in providers {
        spell(at, "providers");
    }
    ResourceId::new(&segments.join("/"))
}

/// The type of a collection: namespace and every other segment after it.
fn collection_type(call: &Call, at: usize) -> Option<ResourceType> {
    let mut tail = call.segments.iter().skip(at + 1);
    let mut text = tail.next()?.clone();
    for kind in tail.step_by(2) {
        text.push('/');
        text.push_str(kind);
    }
    Some(ResourceType::new(&text))
}

fn no_route(call: &Call) -> ArmError {
    if call.segments.first().is_some_and(|s| s.eq_ignore_ascii_case("subscriptions")) && call.segments.len() > 2 {
        return ArmError::bad_request(
            "InvalidResourceType",
            format!("The resource type could not be found for the path '/{}'.", call.segments.join("/")),
        );
    }
    ArmError::not_found("NotFound", format!("The path '/{}' does not exist here.", call.segments.join("/")))
}
