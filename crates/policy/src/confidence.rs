//! How far a verdict can be trusted: what it rests on that Azure may see otherwise.

use serde::Serialize;

use crate::bind::Instance;
use crate::field::{Field, FieldKind};
use crate::frame::Surroundings;
use crate::subject::Subject;
use crate::{EvaluatedExpression, Operation};

/// One thing a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Limit {
    /// No catalogue names the alias: it was found by looking at the resource.
    StructuralAlias {
        /// The alias.
        alias: String,
    },
    /// The request does not say it. Policy sees what is sent; the resource provider may fill in a default, which only a
    /// scan sees (Azure/azure-policy, "Known Issues").
    ProviderDefault {
        /// The alias.
        alias: String,
    },
    /// The rule asks who calls.
    CallerIdentity,
    /// A version of the definition is asked for that is not here; this one was judged.
    OtherVersion {
        /// The pin.
        asked: String,
        /// The version of the body at hand, where it tells.
        used: Option<String>,
    },
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Limit::StructuralAlias { alias } => {
                write!(f, "`{alias}` was found by its name, no catalogue says where it lies")
            }
            Limit::ProviderDefault { alias } => {
                write!(f, "`{alias}` is not in the request; the provider may fill in a value that only scans see")
            }
            Limit::CallerIdentity => f.write_str("the rule asks who calls"),
            Limit::OtherVersion { asked, used } => {
                write!(
                    f,
                    "version {asked} is asked for, {} is here",
                    used.as_deref().unwrap_or("one without a version")
                )
            }
        }
    }
}

/// What the conditions that were evaluated, and the definition they are of, leave uncertain.
pub(crate) fn limits(
    expressions: &[EvaluatedExpression],
    instance: &Instance,
    subject: &Subject<'_>,
    around: &Surroundings<'_>,
    operation: Operation,
) -> Vec<Limit> {
    let mut limits = Vec::new();
    for expression in expressions.iter().filter(|e| e.expression_kind != "Value") {
        let Some(field) = around.fields.get(&expression.expression) else { continue };
        if !matches!(field.kind, FieldKind::Alias { .. }) || !field.belongs_to(&subject.key) {
            continue;
        }
        let alias = || field_name(&field);
        if subject.path(&field).is_some_and(|path| path.structural) {
            limits.push(Limit::StructuralAlias { alias: alias() });
        }
        let sent = matches!(operation, Operation::Write | Operation::PatchTags);
        if sent && expression.expression_kind == "Field" && expression.expression_value.is_none() {
            limits.push(Limit::ProviderDefault { alias: alias() });
        }
    }
    let definition = &instance.definition;
    if definition.mentions.caller {
        limits.push(Limit::CallerIdentity);
    }
    if let Some(asked) = &instance.asked {
        limits.push(Limit::OtherVersion { asked: asked.to_string(), used: definition.named.version.clone() });
    }
    limits.sort();
    limits.dedup();
    limits
}

fn field_name(field: &Field) -> String {
    field.name.to_string()
}
