//! The answer to a request that policy refuses.
//!
//! Source: the public samples in MicrosoftDocs/azure-docs, automation/enforce-job-execution-hybrid-worker, and in console
//! logs of Azure CLI (order of members, `reason`, parameters without `value` wrappers).

use glidepath_arm::{ResourceId, Value};
use serde_json::{Map, json};

use crate::{Contributor, Effect, Named, Outcome, Verdict};

/// The body of the 403: `{"error": {"code": "RequestDisallowedByPolicy", …}}`. Where a policy that refuses has a
/// non-compliance message, the messages stand before the identifiers (as in a sample in Azure/azure-dev issue 7177). Other
/// public samples have `See error details for policy resource IDs.` in place of the identifiers; we keep them, since some
/// clients show nothing but the message.
pub fn refusal(verdict: &Verdict, id: &ResourceId) -> serde_json::Value {
    let refusing: Vec<&Contributor> = verdict.contributors.iter().filter(|c| refuses(c)).collect();
    let name = id.name();
    let mut reasons: Vec<&str> = Vec::new();
    for reason in refusing.iter().filter_map(|c| c.message.as_deref()) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let identifiers = serde_json::Value::from(refusing.iter().map(|c| identifiers(c)).collect::<Vec<_>>());
    let reasons: Vec<String> = reasons.iter().map(|r| format!("'{r}'")).collect();
    let because = if reasons.is_empty() { String::new() } else { format!(" Reasons: {}.", reasons.join(", ")) };
    let message = format!("Resource '{name}' was disallowed by policy.{because} Policy identifiers: '{identifiers}'.");
    json!({"error": {
        "code": "RequestDisallowedByPolicy",
        "target": name,
        "message": message,
        "additionalInfo": refusing.iter().map(|c| json!({"type": "PolicyViolation", "info": info(c)})).collect::<Vec<_>>(),
    }})
}

fn refuses(contributor: &Contributor) -> bool {
    contributor.outcome == Outcome::Triggered && matches!(contributor.effect, Effect::Deny | Effect::DenyAction)
}

fn identifiers(contributor: &Contributor) -> serde_json::Value {
    let named = |asset: &Named| {
        let mut object = Map::new();
        object.insert("name".into(), asset.display_name.as_deref().unwrap_or(&asset.name).into());
        object.insert("id".into(), asset.id.as_str().into());
        if let Some(version) = &asset.version {
            object.insert("version".into(), version.as_str().into());
        }
        serde_json::Value::from(object)
    };
    // An assignment's version is the range it asks for, not its own.
    let assignment = Named { version: None, ..contributor.assignment.clone() };
    let mut object = Map::new();
    object.insert("policyAssignment".into(), named(&assignment));
    object.insert("policyDefinition".into(), named(&contributor.definition));
    if let Some(initiative) = &contributor.initiative {
        object.insert("policySetDefinition".into(), named(initiative));
    }
    object.into()
}

fn info(contributor: &Contributor) -> serde_json::Value {
    let mut info = Map::new();
    let mut details = Map::new();
    details.insert("evaluatedExpressions".into(), expressions(contributor));
    put(&mut details, "reason", contributor.message.as_deref());
    info.insert("evaluationDetails".into(), details.into());
    let definition = &contributor.definition;
    put(&mut info, "policyDefinitionId", Some(definition.id.as_str()));
    if let Some(initiative) = &contributor.initiative {
        put(&mut info, "policySetDefinitionId", Some(initiative.id.as_str()));
        put(&mut info, "policyDefinitionReferenceId", contributor.reference_id.as_deref());
        put(&mut info, "policySetDefinitionName", Some(&initiative.name));
        put(&mut info, "policySetDefinitionDisplayName", initiative.display_name.as_deref());
        put(&mut info, "policySetDefinitionVersion", initiative.version.as_deref());
    }
    put(&mut info, "policyDefinitionName", Some(&definition.name));
    put(&mut info, "policyDefinitionDisplayName", definition.display_name.as_deref());
    put(&mut info, "policyDefinitionVersion", definition.version.as_deref());
    put(&mut info, "policyDefinitionEffect", Some(&contributor.written_effect));
    put(&mut info, "policyAssignmentId", Some(contributor.assignment.id.as_str()));
    put(&mut info, "policyAssignmentName", Some(&contributor.assignment.name));
    put(&mut info, "policyAssignmentDisplayName", contributor.assignment.display_name.as_deref());
    put(&mut info, "policyAssignmentScope", Some(contributor.assignment_scope.as_str()));
    info.insert("policyAssignmentParameters".into(), parameters(contributor));
    info.insert("policyExemptionIds".into(), json!([]));
    info.into()
}

/// The conditions of a rule as Azure returns them.
pub(crate) fn expressions(contributor: &Contributor) -> serde_json::Value {
    serde_json::to_value(&contributor.expressions).unwrap_or_else(|_| json!([]))
}

pub(crate) fn parameters(contributor: &Contributor) -> serde_json::Value {
    match &contributor.assignment_parameters {
        Value::Null => json!({}),
        given => given.to_json(),
    }
}

fn put(object: &mut Map<String, serde_json::Value>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, NothingKnown, Operation, Request};
    use glidepath_estate::Hierarchy;

    const SCOPE: &str = "/subscriptions/00000000-0000-0000-0000-000000000001";

    /// An initiative with one member, with or without a message, that refuses a public account.
    fn refused(messages: serde_json::Value) -> String {
        let mut engine = Engine::new();
        let assets = [
            (
                "/providers/Microsoft.Authorization/policyDefinitions/d1".to_owned(),
                json!({"properties": {"displayName": "No public accounts", "mode": "All", "version": "1.2.0",
                "parameters": {"effect": {"type": "String"}},
                "policyRule": {"if": {"allOf": [
                    {"field": "type", "equals": "Microsoft.CognitiveServices/accounts"},
                    {"field": "Microsoft.CognitiveServices/accounts/publicNetworkAccess", "notEquals": "Disabled"},
                    {"field": "tags['owner']", "exists": "false"},
                ]}, "then": {"effect": "[parameters('effect')]"}}}}),
            ),
            (
                "/providers/Microsoft.Authorization/policySetDefinitions/s1".to_owned(),
                json!({"properties": {"displayName": "Guardrails", "parameters": {"effect": {"type": "String"}},
                "policyDefinitions": [{"policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/d1",
                    "policyDefinitionReferenceId": "public", "parameters": {"effect": {"value": "[parameters('effect')]"}}}]}}),
            ),
            (
                format!("{SCOPE}/providers/Microsoft.Authorization/policyAssignments/a1"),
                json!({"properties": {"displayName": "AI guardrails", "nonComplianceMessages": messages,
                "policyDefinitionId": "/providers/Microsoft.Authorization/policySetDefinitions/s1",
                "parameters": {"effect": {"value": "Deny"}}}}),
            ),
        ];
        for (id, body) in assets {
            assert_eq!(engine.upsert(&ResourceId::new(&id), &Value::from(body)), []);
        }
        let id =
            ResourceId::new(&format!("{SCOPE}/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/acc"));
        let body = Value::from(json!({"location": "westeurope", "properties": {"publicNetworkAccess": "Enabled"}}));
        let verdict = engine.evaluate(&Request {
            id: &id,
            body: &body,
            api_version: "2025-06-01",
            operation: Operation::Write,
            hierarchy: &Hierarchy::default(),
            subscription: Value::Null,
            resource_group: Value::Null,
            related: &NothingKnown,
            now: 0,
            list_compliant: false,
        });
        serde_json::to_string_pretty(&refusal(&verdict, &id)).unwrap()
    }

    #[test]
    fn the_body_is_azures() {
        assert_eq!(
            refused(json!([{"message": "Accounts {enforcementMode} be private."}])),
            r#"{
  "error": {
    "code": "RequestDisallowedByPolicy",
    "target": "acc",
    "message": "Resource 'acc' was disallowed by policy. Reasons: 'Accounts must be private.'. Policy identifiers: '[{\"policyAssignment\":{\"name\":\"AI guardrails\",\"id\":\"/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/policyAssignments/a1\"},\"policyDefinition\":{\"name\":\"No public accounts\",\"id\":\"/providers/Microsoft.Authorization/policyDefinitions/d1\",\"version\":\"1.2.0\"},\"policySetDefinition\":{\"name\":\"Guardrails\",\"id\":\"/providers/Microsoft.Authorization/policySetDefinitions/s1\"}}]'.",
    "additionalInfo": [
      {
        "type": "PolicyViolation",
        "info": {
          "evaluationDetails": {
            "evaluatedExpressions": [
              {
                "result": "True",
                "expressionKind": "Field",
                "expression": "type",
                "path": "type",
                "expressionValue": "Microsoft.CognitiveServices/accounts",
                "targetValue": "Microsoft.CognitiveServices/accounts",
                "operator": "Equals"
              },
              {
                "result": "True",
                "expressionKind": "Field",
                "expression": "Microsoft.CognitiveServices/accounts/publicNetworkAccess",
                "path": "properties.publicNetworkAccess",
                "expressionValue": "Enabled",
                "targetValue": "Disabled",
                "operator": "NotEquals"
              },
              {
                "result": "True",
                "expressionKind": "Field",
                "expression": "tags['owner']",
                "path": "tags['owner']",
                "targetValue": "false",
                "operator": "Exists"
              }
            ],
            "reason": "Accounts must be private."
          },
          "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/d1",
          "policySetDefinitionId": "/providers/Microsoft.Authorization/policySetDefinitions/s1",
          "policyDefinitionReferenceId": "public",
          "policySetDefinitionName": "s1",
          "policySetDefinitionDisplayName": "Guardrails",
          "policyDefinitionName": "d1",
          "policyDefinitionDisplayName": "No public accounts",
          "policyDefinitionVersion": "1.2.0",
          "policyDefinitionEffect": "Deny",
          "policyAssignmentId": "/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/policyAssignments/a1",
          "policyAssignmentName": "a1",
          "policyAssignmentDisplayName": "AI guardrails",
          "policyAssignmentScope": "/subscriptions/00000000-0000-0000-0000-000000000001",
          "policyAssignmentParameters": {
            "effect": "Deny"
          },
          "policyExemptionIds": []
        }
      }
    ]
  }
}"#
        );
    }

    #[test]
    fn without_messages_the_identifiers_stand_in_the_message() {
        let body: serde_json::Value = serde_json::from_str(&refused(json!([]))).unwrap();
        assert_eq!(
            body["error"]["message"],
            r#"Resource 'acc' was disallowed by policy. Policy identifiers: '[{"policyAssignment":{"name":"AI guardrails","id":"/subscriptions/00000000-0000-0000-0000-000000000001/providers/Microsoft.Authorization/policyAssignments/a1"},"policyDefinition":{"name":"No public accounts","id":"/providers/Microsoft.Authorization/policyDefinitions/d1","version":"1.2.0"},"policySetDefinition":{"name":"Guardrails","id":"/providers/Microsoft.Authorization/policySetDefinitions/s1"}}]'."#
        );
    }
}
