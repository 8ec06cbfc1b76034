//! Which handler serves what. Literal segments are compared without case; everything that is no fixed route is an ARM id.

use glidepath_arm::{ResourceId, ResourceType};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::grants::Grants;
use crate::identity;
use crate::operations::Outcome;
use crate::sandbox::Sandbox;

/// Serves a call.
pub(crate) async fn answer(sandbox: &Sandbox, call: Call) -> Answer {
    match serve(sandbox, call).await {
        Ok(answer) => answer,
        Err(error) => error.into(),
    }
}

/// Serves a call that the sandbox makes itself, in the name of a client it has let in.
pub(crate) async fn inside(sandbox: &Sandbox, call: &Call) -> Answer {
    let lower = call.lower();
    let path: Vec<&str> = lower.iter().map(String::as_str).collect();
    let answer = allowed(sandbox, call, &path).await.unwrap_or_else(Into::into);
    sandbox.note(call, &answer);
    answer
}

async fn serve(sandbox: &Sandbox, mut call: Call) -> Reply {
    let mut lower = call.lower();
    if let [subscriptions, _, groups, _, deployments, ..] = lower.as_slice()
        && (subscriptions.as_str(), groups.as_str(), deployments.as_str())
            == ("subscriptions", "resourcegroups", "deployments")
    {
        // The path of old, which `az deployment operation` still uses.
        call.segments.splice(4..4, ["providers".to_owned(), "Microsoft.Resources".to_owned()]);
        lower = call.lower();
    }
    let path: Vec<&str> = lower.iter().map(String::as_str).collect();
    if let Some(reply) = discovery(sandbox, &call, &path) {
        return reply;
    }
    call.caller =
        sandbox.tokens.check(&call, sandbox.auth_required, sandbox.token_time(), &sandbox.endpoint, &sandbox.tenant)?;
    let call = &call;
    if let Some(error) = sandbox.fault(call) {
        return Err(error);
    }
    sandbox.do_what_is_due().await;
    if let ["providers", "glidepath.sandbox", rest @ ..] = path.as_slice() {
        return sandbox.control(call, rest).await;
    }
    if let ["graph", "v1.0", rest @ ..] = path.as_slice() {
        return sandbox.graph(call, rest);
    }
    // Polls carry what they were given, which may be nothing.
    if let (Verb::Get, ["providers", "microsoft.resources", "operationstatuses", name]) = (call.verb, path.as_slice()) {
        return sandbox.poll(name);
    }
    versioned(call)?;
    if sandbox.throttles() {
        let error = ArmError::new(429, "TooManyRequests", "The request was throttled, as this sandbox was told to.");
        return Err(error.with("retry-after", "1"));
    }
    let answer = inside(sandbox, call).await;
    Ok(if sandbox.lro && answer.status < 400 && is_slow(call, &path) { later(sandbox, call, answer) } else { answer })
}

/// Has the call an api-version, of the form it must have?
pub(crate) fn versioned(call: &Call) -> Result<(), ArmError> {
    match call.parameter("api-version") {
        None => Err(ArmError::bad_request(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )),
        Some(version) if !is_api_version(version) => Err(ArmError::bad_request(
            "InvalidApiVersionParameter",
            format!("The api-version '{version}' is invalid. It must be of the form 'YYYY-MM-DD[-preview]'."),
        )),
        Some(_) => Ok(()),
    }
}

/// What the caller's roles let through.
async fn allowed(sandbox: &Sandbox, call: &Call, path: &[&str]) -> Reply {
    crate::rbac::check(sandbox, call)?;
    fixed(sandbox, call, path).await
}

/// Is it a write of a resource or group, of the kind that takes time in Azure?
fn is_slow(call: &Call, path: &[&str]) -> bool {
    let quick =
        ["microsoft.authorization", "microsoft.management", "microsoft.policyinsights", "microsoft.subscription"];
    let at = path.iter().rposition(|s| *s == "providers");
    let is_quick = at.and_then(|at| path.get(at + 1)).is_some_and(|namespace| quick.contains(namespace))
        || path.ends_with(&["tags", "default"]);
    let is_group = at.is_none() && path.len() == 4;
    match call.verb {
        Verb::Put => at.is_some() && !is_quick,
        Verb::Delete => (at.is_some() && !is_quick) || is_group,
        _ => false,
    }
}

/// The answer of a provider that takes its time: the work is done, the client has to ask.
fn later(sandbox: &Sandbox, call: &Call, answer: Answer) -> Answer {
    let polls = answer.headers.iter().any(|(name, _)| *name == "azure-asyncoperation");
    match (call.verb, answer.status) {
        (Verb::Put, 200 | 201) if !polls => sandbox.polled(call, answer, Outcome::succeeded().after(1)),
        (Verb::Delete, 200) => sandbox.accepted(call, Outcome::nothing().after(1)),
        _ => answer,
    }
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
    let grants = Grants { tokens: &sandbox.tokens, tenant: named, endpoint, now: sandbox.token_time() };
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
        (Verb::Post, ["batch"]) => sandbox.batch(call).await,
        (Verb::Post, ["providers", "microsoft.resourcegraph", "resources"]) => sandbox.query_graph(call),
        (Verb::Post, ["providers", "microsoft.resources", "validateresources"]) => sandbox.validate_resources(call),
        (Verb::Get, ["providers", "microsoft.policyinsights", "policymetadata"]) => sandbox.policy_metadata(call, None),
        (Verb::Get, ["providers", "microsoft.policyinsights", "policymetadata", _]) => {
            sandbox.policy_metadata(call, Some(segment(3)))
        }
        (Verb::Post, ["subscriptions", _, "providers", "microsoft.authorization", "acquirepolicytoken"]) => {
            sandbox.acquire_policy_token(call, &call.id(2))
        }
        (
            Verb::Get,
            [
                "subscriptions",
                _,
                "providers",
                "microsoft.cognitiveservices",
                "locations",
                _,
                what @ ("models" | "usages" | "modelcapacities"),
            ],
        ) => sandbox.cognitive(call, &call.id(2), Some(segment(5)), what),
        (
            Verb::Get,
            ["subscriptions", _, "providers", "microsoft.cognitiveservices", what @ ("models" | "modelcapacities")],
        ) => sandbox.cognitive(call, &call.id(2), None, what),
        (Verb::Post, ["subscriptions", _, "resourcegroups", _, "exporttemplate"]) => {
            sandbox.export_group(call, &ResourceId::resource_group(segment(1), segment(3)))
        }
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
        (Verb::Post, ["providers", "microsoft.management", "getentities"]) => sandbox.entities(),
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
        ["microsoft.policyinsights", "policyevents", "default", "queryresults"] if call.verb == Verb::Post => {
            sandbox.policy_events(call, &scope)
        }
        ["microsoft.policyinsights", "checkpolicyrestrictions"] if call.verb == Verb::Post => {
            sandbox.check_restrictions(call, &scope)
        }
        ["microsoft.policyinsights", "remediations", _] => {
            sandbox.remediation(call, &canonical(call, call.segments.len())).await
        }
        ["microsoft.policyinsights", "remediations", _, action] if call.verb == Verb::Post => {
            sandbox.remediation_action(&canonical(call, call.segments.len() - 1), action)
        }
        ["microsoft.policyinsights", "attestations", _] => {
            sandbox.attestation(call, &canonical(call, call.segments.len())).await
        }
        ["microsoft.authorization", "policydefinitions" | "policysetdefinitions", _, "versions"]
            if call.verb == Verb::Get =>
        {
            sandbox.versions(call, &canonical(call, call.segments.len() - 1), None).await
        }
        ["microsoft.authorization", "policydefinitions" | "policysetdefinitions", _, "versions", _] => {
            let version = call.segments.last().map(String::as_str);
            sandbox.versions(call, &canonical(call, call.segments.len() - 2), version).await
        }
        ["microsoft.insights", "eventtypes", "management", "values"] if call.verb == Verb::Get => {
            sandbox.activity_log(call, &scope)
        }
        ["microsoft.resources", "tags", "default"] => sandbox.tags(call, &scope).await,
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
