//! Which resource types a rule can reach at all: read off its conditions, so that a request touches only those policies
//! that may have something to say.

use glidepath_arm::Value;

use crate::field::{FieldKind, RESOURCE_GROUPS};
use crate::frame::ParametersOnly;
use crate::operator::{Operator, wildcard};
use crate::rule::{Condition, FieldName, Left};
use crate::template::Template;

/// The types for which a condition may be met: more than needed, never less.
///
/// A rule whose type condition stands behind a failing expression would be refused by Azure for other types, too; such
/// rules are taken to apply to their types only.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reach {
    Everything,
    Types(Vec<TypePattern>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TypePattern {
    /// In lower case.
    Exactly(String),
    /// In lower case, `*` stands for any text.
    Like(String),
}

impl TypePattern {
    pub(crate) fn fits(&self, kind: &str) -> bool {
        match self {
            TypePattern::Exactly(own) => own == kind,
            TypePattern::Like(pattern) => wildcard(kind, pattern),
        }
    }
}

impl Reach {
    pub(crate) fn of(condition: &Condition, parameters: &ParametersOnly<'_>) -> Self {
        match condition {
            Condition::All(parts) => {
                let mut narrowest = Reach::Everything;
                for part in parts {
                    let reach = Self::of(part, parameters);
                    if reach.width() < narrowest.width() {
                        narrowest = reach;
                    }
                }
                narrowest
            }
            Condition::Any(parts) => {
                let mut sum = Vec::new();
                for part in parts {
                    match Self::of(part, parameters) {
                        Reach::Everything => return Reach::Everything,
                        Reach::Types(types) => types.into_iter().for_each(|t| {
                            if !sum.contains(&t) {
                                sum.push(t);
                            }
                        }),
                    }
                }
                Reach::Types(sum)
            }
            Condition::Not(_) => Reach::Everything,
            Condition::Test(test) => {
                let Left::Field(FieldName::Fixed(field)) = &test.left else { return Reach::Everything };
                if field.kind != FieldKind::Type {
                    return Reach::Everything;
                }
                let right = match &test.right {
                    Template::Literal(value) => value.clone(),
                    other => match other.evaluate(parameters) {
                        Ok(value) => value,
                        Err(_) => return Reach::Everything,
                    },
                };
                from_test(test.operator, &right).map_or(Reach::Everything, Reach::Types)
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Reach::Everything => usize::MAX,
            // A pattern may stand for many types.
            Reach::Types(types) => {
                types.iter().map(|t| if matches!(t, TypePattern::Like(_)) { 1_000 } else { 1 }).sum()
            }
        }
    }
}

fn from_test(operator: Operator, right: &Value) -> Option<Vec<TypePattern>> {
    let text = |value: &Value| value.as_str().map(str::to_lowercase);
    match operator {
        Operator::Equals => Some(vec![exactly(text(right)?)]),
        Operator::In => right.as_array()?.iter().map(|item| text(item).map(exactly)).collect(),
        Operator::Like => Some(vec![match text(right)? {
            pattern if pattern.contains('*') => TypePattern::Like(pattern),
            plain => exactly(plain),
        }]),
        Operator::Contains => Some(vec![TypePattern::Like(format!("*{}*", text(right)?))]),
        _ => None,
    }
}

fn exactly(kind: String) -> TypePattern {
    TypePattern::Exactly(if kind == "microsoft.resources/resourcegroups" { RESOURCE_GROUPS.to_owned() } else { kind })
}
