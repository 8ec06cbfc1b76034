//! The little of Microsoft Graph that `az role` asks for. Every object id is a service principal, except the user's.

use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::{Call, Verb};
use crate::grants::{USER, user_id};
use crate::list::comparison;
use crate::sandbox::Sandbox;

impl Sandbox {
    /// `/graph/v1.0/…`; `path` is what follows, in lower case.
    pub(crate) fn graph(&self, call: &Call, path: &[&str]) -> Reply {
        let named = call.segments.get(3).map(String::as_str).unwrap_or_default();
        match (call.verb, path) {
            (Verb::Get, ["me"]) => Ok(Answer::ok(self.user())),
            (Verb::Get, ["serviceprincipals" | "applications"]) => {
                let found: Vec<Json> = quoted(call).iter().map(|id| principal(id)).collect();
                Ok(Answer::ok(json!({"value": found})))
            }
            (Verb::Get, ["serviceprincipals", _]) => Ok(Answer::ok(principal(named))),
            (Verb::Get, ["users"]) => {
                let wanted = call.parameter("$filter").and_then(comparison).map(|(_, value)| value);
                let is_user = wanted.is_none_or(|w| w.eq_ignore_ascii_case(USER));
                let found = if is_user { vec![self.user()] } else { Vec::new() };
                Ok(Answer::ok(json!({"value": found})))
            }
            (Verb::Get, ["users", _]) if named.eq_ignore_ascii_case(USER) || named == user_id(&self.tenant) => {
                Ok(Answer::ok(self.user()))
            }
            (Verb::Get, ["groups"]) => Ok(Answer::ok(json!({"value": []}))),
            (Verb::Post, ["directoryobjects", "getbyids"]) => {
                let body = call.object()?;
                let ids = body.get("ids").and_then(glidepath_arm::Value::as_array).unwrap_or_default();
                let found: Vec<Json> = ids
                    .iter()
                    .filter_map(glidepath_arm::Value::as_str)
                    .map(|id| if id == user_id(&self.tenant) { self.user() } else { principal(id) })
                    .collect();
                Ok(Answer::ok(json!({"value": found})))
            }
            _ => Err(ArmError::not_found("Request_ResourceNotFound", "The sandbox's directory does not have this.")),
        }
    }

    fn user(&self) -> Json {
        json!({
            "@odata.type": "#microsoft.graph.user",
            "id": user_id(&self.tenant),
            "displayName": "Sandbox User",
            "userPrincipalName": USER,
        })
    }
}

fn principal(id: &str) -> Json {
    json!({
        "@odata.type": "#microsoft.graph.servicePrincipal",
        "id": id,
        "appId": id,
        "displayName": id,
        "servicePrincipalNames": [id],
        "servicePrincipalType": "Application",
    })
}

/// The texts in quotes of a filter such as `servicePrincipalNames/any(c:c eq 'x')`.
fn quoted(call: &Call) -> Vec<String> {
    let filter = call.parameter("$filter").unwrap_or_default();
    filter.split('\'').skip(1).step_by(2).filter(|t| !t.is_empty()).map(str::to_owned).collect()
}
