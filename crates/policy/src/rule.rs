//! Conditions, compiled: no JSON is walked when they are evaluated.

use std::sync::Arc;

use glidepath_arm::Value;

use crate::author::Author;
use crate::field::{Field, FieldKind};
use crate::limits;
use crate::operator::Operator;
use crate::template::Template;

/// `if`, `where`, `existenceCondition`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test(Box<Test>),
}

/// A condition on one value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    pub(crate) left: Left,
    pub(crate) operator: Operator,
    pub(crate) right: Template,
}

/// What is tested.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Left {
    Field(FieldName),
    Value(Template),
    Count(Count),
}

/// A field by its name, or by an expression that gives its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldName {
    Fixed(Arc<Field>),
    Computed(Template),
}

/// How many members fit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Count {
    pub(crate) over: Over,
    /// The name `current()` may use, for counts over values.
    pub(crate) name: Option<Arc<str>>,
    pub(crate) filter: Option<Condition>,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Over {
    Field(FieldName),
    Value(Template),
}

impl Condition {
    /// Compiles a condition; parts that are wrong become findings and never fit.
    pub(crate) fn compile(value: &Value, author: &mut Author<'_>) -> Self {
        compile(value, author)
    }

    /// Never true.
    fn never() -> Self {
        Condition::Any(Vec::new())
    }
}

fn compile(value: &Value, author: &mut Author<'_>) -> Condition {
    let Some(object) = value.as_object() else {
        let kind = value.kind();
        author.error("policy/bad-condition", format!("a condition should be an object, it is {kind}"));
        return Condition::never();
    };
    if author.depth() > 2 * limits::DEPTH {
        author.error("policy/too-deep", format!("conditions nest deeper than {} levels", limits::DEPTH));
        return Condition::never();
    }
    let mut left = None;
    let mut operator = None;
    for (key, part) in object.iter() {
        let lower = key.to_ascii_lowercase();
        match lower.as_str() {
            "allof" | "anyof" => {
                if object.len() > 1 {
                    author.error("policy/ambiguous-condition", format!("`{key}` stands beside other keys"));
                }
                let parts = author.within(key, |author| list_of_conditions(part, author));
                return if lower == "allof" { Condition::All(parts) } else { Condition::Any(parts) };
            }
            "not" => {
                if object.len() > 1 {
                    author.error("policy/ambiguous-condition", format!("`{key}` stands beside other keys"));
                }
                return Condition::Not(Box::new(author.within(key, |author| compile(part, author))));
            }
            "field" => set(&mut left, Left::Field(field_name(part, author)), key, author),
            "value" => {
                let part = author.within(key, |author| Template::compile(part, author));
                set(&mut left, Left::Value(part), key, author);
            }
            "count" => {
                if let Some(count) = author.within(key, |author| count(part, author)) {
                    set(&mut left, Left::Count(count), key, author);
                } else {
                    return Condition::never();
                }
            }
            _ => match Operator::parse(&lower) {
                Some(found) => {
                    let right = author.within(key, |author| Template::compile(part, author));
                    set(&mut operator, (found, right), key, author);
                }
                None => author.error("policy/unknown-operator", format!("there is no operator `{key}`")),
            },
        }
    }
    match (left, operator) {
        (Some(left), Some((operator, right))) => Condition::Test(Box::new(Test { left, operator, right })),
        (None, _) => {
            author.error(
                "policy/bad-condition",
                "a condition needs `field`, `value`, `count`, `allOf`, `anyOf` or `not`",
            );
            Condition::never()
        }
        (_, None) => {
            if !author.has_errors() {
                author.error("policy/bad-condition", "a condition needs an operator, such as `equals`");
            }
            Condition::never()
        }
    }
}

fn set<T>(slot: &mut Option<T>, value: T, key: &str, author: &mut Author<'_>) {
    if slot.is_some() {
        author
            .error("policy/ambiguous-condition", format!("`{key}` is one too many: a condition tests one thing once"));
    }
    *slot = Some(value);
}

fn list_of_conditions(value: &Value, author: &mut Author<'_>) -> Vec<Condition> {
    let Some(items) = value.as_array() else {
        let kind = value.kind();
        author.error("policy/bad-condition", format!("a list of conditions should stand here, it is {kind}"));
        return Vec::new();
    };
    if items.is_empty() {
        author.warning("policy/bad-condition", "the list of conditions is empty: `allOf` is met, `anyOf` is not");
    }
    items.iter().enumerate().map(|(i, item)| author.within(&i.to_string(), |author| compile(item, author))).collect()
}

/// Compiles the name of a field.
pub(crate) fn field_name(value: &Value, author: &mut Author<'_>) -> FieldName {
    match author.within("field", |author| Template::compile(value, author)) {
        Template::Literal(Value::String(name)) => {
            let field = author.field(&name);
            if matches!(&field.kind, FieldKind::Tag(tag) if tag.is_empty()) {
                author.error("policy/empty-tag", format!("`{name}` names no tag"));
            }
            if !field.is_known() {
                author.warning(
                    "policy/unknown-field",
                    format!("`{name}` is no field of Azure Policy: it is looked up as a path of the resource"),
                );
            }
            FieldName::Fixed(field)
        }
        Template::Literal(other) => {
            let kind = other.kind();
            author.error("policy/wrong-type", format!("`field` should be a string, it is {kind}"));
            FieldName::Fixed(author.field(""))
        }
        computed => FieldName::Computed(computed),
    }
}

fn count(value: &Value, author: &mut Author<'_>) -> Option<Count> {
    let mut over = None;
    let mut name = None;
    let mut filter = None;
    let Some(object) = value.as_object() else {
        author.error("policy/bad-count", "`count` should be an object with `field` or `value`");
        return None;
    };
    for (key, part) in object.iter() {
        match key.to_ascii_lowercase().as_str() {
            "field" => {
                let field = field_name(part, author);
                if matches!(&field, FieldName::Fixed(field) if !field.ends_with_each()) {
                    author.error("policy/bad-count", "`count` runs over a field whose name ends with `[*]`");
                }
                if matches!(&field, FieldName::Fixed(field) if field.has_open_quote()) {
                    author.error("policy/bad-count", "a quote in the name of the field is not closed");
                }
                set(&mut over, Over::Field(field), key, author);
            }
            "value" => {
                let part = author.within(key, |author| Template::compile(part, author));
                set(&mut over, Over::Value(part), key, author);
            }
            "name" => match part {
                Value::String(text) => name = Some(text.clone()),
                _ => author.error("policy/wrong-type", "`name` of a count should be a string"),
            },
            "where" => filter = Some(author.within(key, |author| compile(part, author))),
            _ => author.error("policy/bad-count", format!("`count` has no `{key}`")),
        }
    }
    if name.is_some() && matches!(over, Some(Over::Field(_))) {
        author.error("policy/bad-count", "only a count over `value` has a `name`");
    }
    match over {
        Some(over) => Some(Count { over, name, filter }),
        None => {
            author.error("policy/bad-count", "`count` needs `field` or `value`");
            None
        }
    }
}
