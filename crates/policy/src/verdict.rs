//! What policy says of one resource, and why.

use glidepath_arm::{ResourceId, Value};
use glidepath_source::Finding;
use serde::Serialize;

use crate::{Effect, EnforcementMode, Limit};

/// What policy says of one request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The strongest effect that really happens (enforced, not exempt, known). `None`: nothing to say.
    pub effect: Option<Effect>,
    /// Everything that was triggered, might be, or was held back, in the documented order of effects.
    pub contributors: Vec<Contributor>,
    /// The request body after append and modify, when they changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<Value>,
    /// Problems met while evaluating (bad rule, missing definition, unresolved alias).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
}

impl Verdict {
    /// Is the request refused?
    pub fn is_refused(&self) -> bool {
        matches!(self.effect, Some(Effect::Deny | Effect::DenyAction))
    }
}

/// One policy instance (assignment, initiative member) that has something to say.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contributor {
    /// The assignment.
    pub assignment: Named,
    /// The scope it is assigned at.
    pub assignment_scope: ResourceId,
    /// The initiative, if the assignment assigns one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiative: Option<Named>,
    /// The member's `policyDefinitionReferenceId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_id: Option<String>,
    /// The definition.
    pub definition: Named,
    /// The effect after parameters and overrides.
    pub effect: Effect,
    /// The effect in the casing in which the policy or its parameter wrote it (`Deny`).
    pub written_effect: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Does the assignment bite?
    pub enforcement_mode: EnforcementMode,
    /// The assignment's own parameter values, `{name: value}`; null where it gives none.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub assignment_parameters: Value,
    /// The initiative's groups the member is in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The definition's category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The exemption that holds it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemption: Option<ResourceId>,
    /// Another policy wants something else of the same property, and both insist.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub conflict: bool,
    /// What the verdict rests on that Azure may see otherwise; empty: it is exact.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
    /// The conditions that were evaluated, as Azure returns them.
    pub expressions: Vec<EvaluatedExpression>,
    /// Why the outcome is not known, in words; empty unless [`Outcome::DependsOn`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknowns: Vec<String>,
    /// The assignment's non-compliance message for this member, placeholders filled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// For append and modify: what would be done to which field, in words (`properties.x: null -> "y"`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// The `details` of the effect, evaluated where they can be (`type`, `name`, `roleDefinitionIds`, …).
    #[serde(skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

/// An asset as users know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Named {
    /// Full id.
    pub id: ResourceId,
    /// Last segment.
    pub name: String,
    /// Display name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Version, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What came of one policy instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The rule is met: the effect happens (or would, if the assignment were enforced).
    Triggered,
    /// The rule may be met: it depends on something unknown.
    DependsOn,
    /// An exemption holds it back.
    Exempt,
    /// The assignment's mode holds the effect back; compliance is still reported.
    NotEnforced,
    /// The rule is applicable and not met: compliant. Only listed when asked for.
    Compliant,
}

/// One condition as Azure reports it in `evaluationDetails.evaluatedExpressions`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EvaluatedExpression {
    /// `True`, `False` or `Unknown`.
    pub result: &'static str,
    /// `Field`, `Value` or `Count`.
    pub expression_kind: &'static str,
    /// The alias or expression.
    pub expression: String,
    /// The path in the resource, for fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The value found; absent when the field is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression_value: Option<Value>,
    /// The value wanted.
    pub target_value: Value,
    /// Azure's casing: `Equals`, `NotIn`, `Exists`.
    pub operator: &'static str,
}
