//! The words of the policy language that the outside sees.

use std::fmt;

use serde::Serialize;

/// The kinds of asset an [`crate::Engine`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum AssetKind {
    /// `Microsoft.Authorization/policyDefinitions`
    Definition,
    /// `Microsoft.Authorization/policySetDefinitions`
    Initiative,
    /// `Microsoft.Authorization/policyAssignments`
    Assignment,
    /// `Microsoft.Authorization/policyExemptions`
    Exemption,
    /// `Microsoft.Authorization/policyEnrollments`
    Enrollment,
    /// `Microsoft.PolicyInsights/attestations`
    Attestation,
}

/// What a policy does when its rule is met. Ordered from weakest to strongest: a resource's net effect is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// Never evaluated.
    Disabled,
    /// State set by attestations.
    Manual,
    /// Missing related resource is reported.
    AuditIfNotExists,
    /// Missing related resource is deployed.
    DeployIfNotExists,
    /// Reported.
    Audit,
    /// Fields are added to the request.
    Append,
    /// The request's tags or properties are changed.
    Modify,
    /// Deletes are refused.
    DenyAction,
    /// Writes are refused.
    Deny,
    /// An effect of a resource-provider mode (`mutate`, `addToNetworkGroup`, `enforceSetting`, …): recognised, not evaluated.
    Provider,
}

impl Effect {
    /// All effects, weakest first.
    pub const ALL: [Effect; 10] = [
        Effect::Disabled,
        Effect::Manual,
        Effect::AuditIfNotExists,
        Effect::DeployIfNotExists,
        Effect::Audit,
        Effect::Append,
        Effect::Modify,
        Effect::DenyAction,
        Effect::Deny,
        Effect::Provider,
    ];

    /// Azure's spelling: `auditIfNotExists`.
    pub fn name(self) -> &'static str {
        match self {
            Effect::Disabled => "disabled",
            Effect::Manual => "manual",
            Effect::AuditIfNotExists => "auditIfNotExists",
            Effect::DeployIfNotExists => "deployIfNotExists",
            Effect::Audit => "audit",
            Effect::Append => "append",
            Effect::Modify => "modify",
            Effect::DenyAction => "denyAction",
            Effect::Deny => "deny",
            Effect::Provider => "provider",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which resources a definition looks at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Resource groups, subscriptions and every type.
    All,
    /// Only types that support tags and location. Also the meaning of an absent mode.
    Indexed,
    /// A resource-provider mode, `Microsoft.KeyVault.Data`: recognised, not evaluated here.
    Provider(String),
}

/// Does an assignment bite?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EnforcementMode {
    /// Effects happen.
    Default,
    /// Compliance only.
    DoNotEnforce,
    /// Effects only for resources that are enrolled.
    Enroll,
}
