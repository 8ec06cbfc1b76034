//! Built-in role definitions: the same ids as in Azure, so that what names them finds them.
//!
//! Source of the ids: Microsoft Learn, "Azure built-in roles".

use glidepath_arm::ResourceId;
use glidepath_estate::Resource;
use serde_json::json;

const ROLES: &str = "/providers/Microsoft.Authorization/roleDefinitions";

/// GUID, name, actions, actions that are taken out.
const BUILT_IN: [(&str, &str, &[&str], &[&str]); 12] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", &["*"], &[]),
    (
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        &["*"],
        &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    ),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", &["*/read"], &[]),
    (
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        "User Access Administrator",
        &["*/read", "Microsoft.Authorization/*"],
        &[],
    ),
    (
        "36243c78-bf99-498c-9df9-86d9f8d28608",
        "Resource Policy Contributor",
        &[
            "*/read",
            "Microsoft.Authorization/policyassignments/*",
            "Microsoft.Authorization/policydefinitions/*",
            "Microsoft.Authorization/policyexemptions/*",
            "Microsoft.Authorization/policysetdefinitions/*",
            "Microsoft.PolicyInsights/*",
        ],
        &[],
    ),
    (
        "4d97b98b-1d4f-4787-a291-c67834d212e7",
        "Network Contributor",
        &["Microsoft.Network/*", "Microsoft.Resources/deployments/*"],
        &[],
    ),
    (
        "749f88d5-cbae-40b8-bcfc-e573ddc772fa",
        "Monitoring Contributor",
        &["*/read", "Microsoft.Insights/*", "Microsoft.OperationalInsights/workspaces/*"],
        &[],
    ),
    (
        "92aaf0da-9dab-42b6-94a3-d43ce8d16293",
        "Log Analytics Contributor",
        &[
            "*/read",
            "Microsoft.Insights/diagnosticSettings/*",
            "Microsoft.OperationalInsights/*",
            "Microsoft.Resources/deployments/*",
        ],
        &[],
    ),
    (
        "f1a07417-d97a-45cb-824c-7a7467783830",
        "Managed Identity Operator",
        &[
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
        ],
        &[],
    ),
    (
        "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
        "Cognitive Services OpenAI User",
        &["Microsoft.CognitiveServices/*/read"],
        &[],
    ),
    (
        "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68",
        "Cognitive Services Contributor",
        &["Microsoft.CognitiveServices/*", "Microsoft.Resources/deployments/*"],
        &[],
    ),
    (
        "fb1c8493-542b-48eb-b624-b4c8fea62acd",
        "Security Admin",
        &["Microsoft.Authorization/*/read", "Microsoft.Authorization/policyAssignments/*", "Microsoft.Security/*"],
        &[],
    ),
];

/// The definitions every tenant has.
pub(crate) fn built_in() -> impl Iterator<Item = Resource> {
    BUILT_IN.iter().map(|(guid, name, actions, not_actions)| {
        let body = json!({"properties": {
            "roleName": name, "type": "BuiltInRole", "description": name, "assignableScopes": ["/"],
            "permissions": [{"actions": actions, "notActions": not_actions, "dataActions": [], "notDataActions": []}],
        }});
        Resource::new(ResourceId::new(&format!("{ROLES}/{guid}")), "2022-04-01", body.into())
    })
}

/// A role definition is the same whatever scope it is looked up at: its id at the tenant.
pub(crate) fn at_tenant(id: &ResourceId) -> Option<ResourceId> {
    let is_role = id.resource_type().is_some_and(|t| t.is("Microsoft.Authorization/roleDefinitions"));
    is_role.then(|| ResourceId::new(&format!("{ROLES}/{}", id.name())))
}
