//! What policy would say: `checkPolicyRestrictions`, `validateResources`, `acquirePolicyToken`.
//!
//! Source: Azure/azure-rest-api-specs, PolicyInsights 2024-10-01 `checkPolicyRestrictions`; azure-clients.md 3.1 for the two
//! that the azapi provider calls.

use glidepath_arm::{ResourceId, Value};
use glidepath_policy::{Contributor, Effect, Operation, Outcome, Verdict};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::complete::guid;
use crate::policy::{judge, write};
use crate::resources::exists_around;
use crate::sandbox::Sandbox;

fn required(name: &str) -> ArmError {
    ArmError::bad_request("InvalidRequestContent", format!("The required property '{name}' is missing."))
}

impl Sandbox {
    /// `POST {scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions`
    pub(crate) fn check_restrictions(&self, call: &Call, scope: &ResourceId) -> Reply {
        let body = call.object()?;
        let details = body.get("resourceDetails").cloned().unwrap_or(Value::Null);
        let content = details.get("resourceContent").cloned().unwrap_or(Value::Null);
        let pending = body.get("pendingFields").and_then(Value::as_array).unwrap_or_default();
        if content.as_object().is_none() && pending.is_empty() {
            return Err(required("resourceDetails.resourceContent"));
        }
        let audits = body.get("includeAuditEffect").and_then(Value::as_bool).unwrap_or(false);
        // Properties of a parent give the scope of a child.
        let holder = details.get("scope").and_then(Value::as_str).map_or_else(|| scope.clone(), ResourceId::new);
        let version = details.get("apiVersion").and_then(Value::as_str).unwrap_or_else(|| call.api_version());
        {
            let world = self.world();
            if scope.as_str() != "/" {
                exists_around(&world, &scope.child("x", "x"))?;
            }
        }
        let judged = self.judged(&holder, &content, version)?;
        let mut evaluations = Vec::new();
        let mut restrictions: Vec<(String, Vec<Json>)> =
            pending.iter().filter_map(|p| Some((p.get("field")?.as_str()?.to_owned(), Vec::new()))).collect();
        for contributor in judged.contributors.iter().filter(|c| c.outcome == Outcome::Triggered) {
            let counts = match contributor.effect {
                Effect::Deny => true,
                Effect::Audit | Effect::AuditIfNotExists => audits,
                Effect::Append | Effect::Modify => {
                    add_changes(contributor, &mut restrictions);
                    false
                }
                _ => false,
            };
            let open = pending_of(contributor, &restrictions);
            match (counts, open) {
                // What hangs on a field that is not chosen yet restricts that field.
                (true, Some(field)) => {
                    let found = restriction(contributor, &field);
                    if let (Some((_, all)), Some(found)) = (restrictions.iter_mut().find(|(f, _)| *f == field), found) {
                        all.push(found);
                    }
                }
                (true, None) => evaluations.push(evaluation(contributor)),
                (false, _) => {}
            }
        }
        // Values that are offered are tried.
        for offer in pending {
            let (Some(field), Some(values)) =
                (offer.get("field").and_then(Value::as_str), offer.get("values").and_then(Value::as_array))
            else {
                continue;
            };
            self.try_values(&holder, &content, version, (field, values), &judged, &mut restrictions)?;
        }
        let fields: Vec<Json> = restrictions
            .into_iter()
            .filter(|(_, all)| !all.is_empty())
            .map(|(field, all)| json!({"field": field, "restrictions": all}))
            .collect();
        Ok(Answer::ok(
            json!({"fieldRestrictions": fields, "contentEvaluationResult": {"policyEvaluations": evaluations}}),
        ))
    }

    fn try_values(
        &self,
        holder: &ResourceId,
        content: &Value,
        version: &str,
        (field, values): (&str, &[Value]),
        before: &Verdict,
        restrictions: &mut [(String, Vec<Json>)],
    ) -> Result<(), ArmError> {
        let denies = |c: &Contributor| c.outcome == Outcome::Triggered && c.effect == Effect::Deny;
        for value in values {
            let mut tried = content.clone();
            put_field(&mut tried, field, value);
            let verdict = self.judged(holder, &tried, version)?;
            for contributor in verdict.contributors.iter().filter(|c| denies(c)) {
                let anyway = before.contributors.iter().any(|c| {
                    denies(c)
                        && c.assignment.id == contributor.assignment.id
                        && c.definition.id == contributor.definition.id
                        && pending_of(c, &[(field.to_owned(), Vec::new())]).is_none()
                });
                if anyway {
                    continue;
                }
                let Some((_, all)) = restrictions.iter_mut().find(|(f, _)| f == field) else { continue };
                let info = policy_of(contributor);
                let same =
                    all.iter_mut().find(|r| r.get("policy") == Some(&info) && r.get("result") == Some(&json!("Deny")));
                match same.and_then(|r| r.get_mut("values")).and_then(Json::as_array_mut) {
                    Some(listed) => listed.push(value.to_json()),
                    None => all.push(json!({
                        "result": "Deny", "values": [value.to_json()], "policy": info,
                        "policyEffect": contributor.written_effect, "reason": reason(contributor),
                    })),
                }
            }
        }
        Ok(())
    }

    fn judged(&self, holder: &ResourceId, content: &Value, version: &str) -> Result<Verdict, ArmError> {
        let text = |name: &str| content.get(name).and_then(Value::as_str);
        let id = match (text("id"), text("type")) {
            (Some(id), _) => ResourceId::new(id),
            (None, Some(kind)) => {
                let names = text("name").unwrap_or("pending");
                let mut id = format!("{}/providers", holder.as_str().trim_end_matches('/'));
                let (namespace, types) = kind.split_once('/').ok_or_else(|| required("resourceContent.type"))?;
                id.push_str(&format!("/{namespace}"));
                let mut names = names.split('/');
                for part in types.split('/') {
                    id.push_str(&format!("/{part}/{}", names.next().unwrap_or("pending")));
                }
                ResourceId::new(&id)
            }
            (None, None) => {
                holder.provider_child("Microsoft.Resources/pending", "pending").unwrap_or_else(|| holder.clone())
            }
        };
        let mut body = content.clone();
        for own in ["id", "type", "name", "apiVersion"] {
            body.make_object().remove(own);
        }
        let world = self.world();
        Ok(judge(&world, &id, &body, version, Operation::Write, self.now()))
    }

    /// `POST /providers/Microsoft.Resources/validateResources`: policy and the rules of names, without a write.
    pub(crate) fn validate_resources(&self, call: &Call) -> Reply {
        let body = call.object()?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let (provider, kind, scope) = (text("provider"), text("type"), ResourceId::new(text("scope")));
        if provider.is_empty() || kind.is_empty() {
            return Err(required(if provider.is_empty() { "provider" } else { "type" }));
        }
        let resources = body.get("resources").and_then(Value::as_array).unwrap_or_default();
        for resource in resources {
            let own = |name: &str| resource.get(name).and_then(Value::as_str);
            let name = own("name").unwrap_or("pending");
            let scope = own("scope").map_or_else(|| scope.clone(), ResourceId::new);
            let whole = if kind.contains("Microsoft.") { kind.to_owned() } else { format!("{provider}/{kind}") };
            let mut content = resource.clone();
            let location = content.get("location").cloned().or_else(|| body.get("location").cloned());
            let object = content.make_object();
            object.insert("type", whole.as_str());
            object.insert("name", name);
            if let Some(location) = location {
                object.insert("location", location);
            }
            let version = own("apiVersion").unwrap_or_else(|| call.api_version()).to_owned();
            let id = scope.provider_child(&whole, name).unwrap_or_else(|| scope.clone());
            crate::known::check_type(&id, &version)?;
            crate::known::check_location(&id, &content)?;
            for own in ["id", "type", "name", "apiVersion", "scope"] {
                content.make_object().remove(own);
            }
            let world = self.world();
            write(&world, &id, content, &version, Operation::Write, self.now())?;
        }
        Ok(Answer::ok(json!({"id": scope.as_str(), "name": "validate", "status": "Succeeded"})))
    }

    /// `POST {subscription}/providers/Microsoft.Authorization/acquirePolicyToken`: the token for a change, or why not.
    pub(crate) fn acquire_policy_token(&self, call: &Call, subscription: &ResourceId) -> Reply {
        self.get_subscription(subscription)?;
        let body = call.object()?;
        let operation = body.get("operation").cloned().ok_or_else(|| required("operation"))?;
        let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("uri").is_empty() || text("httpMethod").is_empty() {
            return Err(required(if text("uri").is_empty() { "operation.uri" } else { "operation.httpMethod" }));
        }
        let path = text("uri").split('?').next().unwrap_or_default();
        let path = path.strip_prefix(self.endpoint.as_str()).unwrap_or(path);
        let id = ResourceId::new(path);
        let now = self.now();
        let content = operation.get("content").cloned().unwrap_or_else(|| Value::object::<&str, Value>([]));
        let verdict = {
            let world = self.world();
            judge(&world, &id, &content, call.api_version(), Operation::Write, now)
        };
        let results: Vec<Json> = verdict.contributors.iter().map(|c| json!({"policyInfo": policy_of(c), "result": if c.outcome == Outcome::Triggered && c.effect == Effect::Deny { "Deny" } else { "Succeeded" }})).collect();
        let changed = guid(&self.tenant, &format!("{id}#{now}"));
        let token =
            self.tokens.issue(&json!({"use": "policy", "uri": path, "change": changed, "iat": now, "exp": now + 3600}));
        Ok(Answer::ok(json!({
            "result": if verdict.is_refused() { "Failed" } else { "Succeeded" },
            "message": if verdict.is_refused() { "Policy denies the operation." } else { "" },
            "retryAfter": null, "results": results, "changeReference": changed, "tokenId": changed,
            "token": token, "expiration": jiff::Timestamp::from_second(now + 3600).map(|t| t.to_string()).unwrap_or_default(),
        })))
    }
}

fn policy_of(c: &Contributor) -> Json {
    json!({
        "policyDefinitionId": c.definition.id.as_str(),
        "policySetDefinitionId": c.initiative.as_ref().map(|i| i.id.as_str()),
        "policyDefinitionReferenceId": c.reference_id,
        "policyAssignmentId": c.assignment.id.as_str(),
    })
}

fn reason(c: &Contributor) -> String {
    c.message.clone().unwrap_or_default()
}

fn evaluation(c: &Contributor) -> Json {
    json!({
        "policyInfo": policy_of(c),
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"evaluatedExpressions": c.expressions, "reason": reason(c)},
        "effectDetails": {"policyEffect": c.written_effect},
    })
}

/// The pending field that a refusal hangs on.
fn pending_of(c: &Contributor, pending: &[(String, Vec<Json>)]) -> Option<String> {
    let asks = |field: &str| {
        c.expressions.iter().any(|e| {
            e.expression.eq_ignore_ascii_case(field)
                || e.expression.to_ascii_lowercase().starts_with(&format!("{}[", field.to_ascii_lowercase()))
        })
    };
    pending.iter().map(|(field, _)| field).find(|field| asks(field)).cloned()
}

/// What a refusal says of a field: the values it wants, or those it does not.
fn restriction(c: &Contributor, field: &str) -> Option<Json> {
    let expression = c.expressions.iter().find(|e| e.expression.eq_ignore_ascii_case(field)).or_else(|| {
        let start = format!("{}[", field.to_ascii_lowercase());
        c.expressions.iter().find(|e| e.expression.to_ascii_lowercase().starts_with(&start))
    })?;
    let target = expression.target_value.to_json();
    let listed = match &target {
        Json::Array(items) => items.clone(),
        Json::Null => Vec::new(),
        other => vec![other.clone()],
    };
    let (result, values) = match expression.operator {
        "NotEquals" | "NotIn" | "NotLike" | "NotMatch" => ("Required", listed),
        // Refused because it is not there.
        "Exists" if target == json!(false) || target == json!("false") => ("Required", Vec::new()),
        "Exists" => ("Removed", Vec::new()),
        _ => ("Deny", listed),
    };
    Some(json!({
        "result": result, "values": values, "policy": policy_of(c), "policyEffect": c.written_effect, "reason": reason(c),
    }))
}

/// What modify and append would put into pending fields.
fn add_changes(c: &Contributor, restrictions: &mut [(String, Vec<Json>)]) {
    for operation in &c.operations {
        // `tags['x']: null -> "y"`
        let Some((field, change)) = operation.split_once(": ") else { continue };
        let value = change.rsplit_once(" -> ").map(|(_, v)| v.trim());
        let removes = value.is_none_or(|v| v == "null");
        for (pending, all) in restrictions.iter_mut() {
            let own = pending.rsplit('/').next().unwrap_or(pending);
            if !field.eq_ignore_ascii_case(pending) && !field.to_ascii_lowercase().ends_with(&own.to_ascii_lowercase())
            {
                continue;
            }
            let default = value.map(|v| serde_json::from_str::<Json>(v).unwrap_or_else(|_| v.into()));
            all.push(json!({
                "result": if removes { "Removed" } else { "Required" },
                "defaultValue": default.as_ref().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)),
                "values": default.filter(|_| !removes).into_iter().collect::<Vec<_>>(),
                "policy": policy_of(c), "policyEffect": c.written_effect, "reason": reason(c),
            }));
        }
    }
}

/// Puts a value at a field: a top-level one, a tag, or a property by its alias.
fn put_field(content: &mut Value, field: &str, value: &Value) {
    let lower = field.to_ascii_lowercase();
    let tag = lower
        .strip_prefix("tags[")
        .map(|_| field.get(5..).unwrap_or_default().trim_end_matches(']').trim_matches('\'').to_owned())
        .or_else(|| lower.strip_prefix("tags.").map(|_| field.get(5..).unwrap_or_default().to_owned()));
    let path: Vec<String> = match tag {
        Some(tag) => vec!["tags".to_owned(), tag],
        None if field.contains('/') => {
            let own = field.rsplit('/').next().unwrap_or(field);
            let top = own.to_ascii_lowercase().starts_with("sku.") || own.eq_ignore_ascii_case("kind");
            let parts = own.split('.').map(str::to_owned);
            if top { parts.collect() } else { std::iter::once("properties".to_owned()).chain(parts).collect() }
        }
        None => field.split('.').map(str::to_owned).collect(),
    };
    let mut place = content;
    for part in &path {
        let object = place.make_object();
        if object.get(part).is_none() {
            object.insert(part.as_str(), Value::object::<&str, Value>([]));
        }
        let Some(next) = object.get_mut(part) else { return };
        place = next;
    }
    *place = value.clone();
}
