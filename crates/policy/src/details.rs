//! The `details` of an effect, compiled by their shape: which effect uses them can depend on a parameter.

use std::sync::Arc;

use glidepath_arm::{Object, Reason, Value};

use crate::Effect;
use crate::author::Author;
use crate::frame::Frame;
use crate::remedy::Remedy;
use crate::rule::{Condition, FieldName, field_name};
use crate::subject::Subject;
use crate::template::Template;

/// What stands in `details`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Details {
    /// `append`: the list of fields.
    pub(crate) append: Vec<(FieldName, Template)>,
    /// `modify`: operations.
    pub(crate) operations: Vec<Operation>,
    /// `modify`: what a conflict does; `None` is `deny`.
    pub(crate) conflict: Option<Template>,
    /// `auditIfNotExists`, `deployIfNotExists`.
    pub(crate) existence: Option<Existence>,
    /// Members that verdicts repeat, evaluated.
    reported: Vec<(Arc<str>, Template)>,
    /// `deployIfNotExists`: what is deployed.
    pub(crate) remedy: Option<Remedy>,
}

/// One operation of `modify`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Operation {
    pub(crate) kind: OperationKind,
    pub(crate) field: FieldName,
    pub(crate) value: Option<Template>,
    pub(crate) condition: Option<Template>,
}

/// What an operation does to its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OperationKind {
    Add,
    AddOrReplace,
    Remove,
}

/// Which resource must exist.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Existence {
    pub(crate) kind: Template,
    pub(crate) name: Option<Template>,
    pub(crate) scope: Option<Template>,
    pub(crate) resource_group: Option<Template>,
    pub(crate) condition: Option<Condition>,
}

const REPORTED: [&str; 12] = [
    "type",
    "name",
    "resourceGroupName",
    "existenceScope",
    "deploymentScope",
    "evaluationDelay",
    "roleDefinitionIds",
    "conflictEffect",
    "defaultState",
    "actionNames",
    "cascadeBehaviors",
    "policyId",
];

impl Details {
    /// Compiles `details`, whatever its effect; null is none.
    pub(crate) fn compile(body: &Value, author: &mut Author<'_>) -> Self {
        let mut details = Details::default();
        if let Value::Array(items) = body {
            details.append = items.iter().filter_map(|item| append(item, author)).collect();
            return details;
        }
        if !matches!(body, Value::Object(_) | Value::Null) {
            let kind = body.kind();
            author.error("policy/wrong-type", format!("`details` should be an object or a list, it is {kind}"));
            return details;
        }
        for (i, item) in author.list(body, "operations").iter().enumerate() {
            let operation = author.within(&format!("operations.{i}"), |author| operation(item, author));
            details.operations.extend(operation);
        }
        let mut part =
            |key: &str| body.get(key).filter(|v| !v.is_null()).map(|v| author.within(key, |a| Template::compile(v, a)));
        details.conflict = part("conflictEffect");
        if let Some(kind) = part("type") {
            let (name, scope, resource_group) = (part("name"), part("existenceScope"), part("resourceGroupName"));
            let condition = body.get("existenceCondition").filter(|v| !v.is_null());
            let condition = condition.map(|c| author.within("existenceCondition", |a| Condition::compile(c, a)));
            details.existence = Some(Existence { kind, name, scope, resource_group, condition });
        }
        for key in REPORTED {
            if let Some(value) = body.get(key) {
                details.reported.push((key.into(), author.within(key, |a| Template::compile(value, a))));
            }
        }
        if let Some(deployment) = body.get("deployment").filter(|d| !d.is_null()) {
            let given = deployment.at(&["properties", "parameters"]).and_then(Value::as_object);
            let mut parameters = Vec::new();
            author.within("deployment.properties.parameters", |author| {
                for (name, parameter) in given.into_iter().flat_map(Object::iter) {
                    if let Some(value) = parameter.get("value") {
                        parameters.push((name.clone(), author.within(name, |a| Template::compile(value, a))));
                    }
                }
            });
            let group = body.get("resourceGroupName").map(|v| Template::compile(v, author));
            let location = deployment.get("location").map(|v| Template::compile(v, author));
            details.remedy = Some(Remedy::new(body, parameters, group, location));
        }
        details
    }

    /// The alias of an operation that a catalogue says can never be modified.
    pub(crate) fn fixed_in_place(&self, subject: &Subject<'_>) -> Option<&str> {
        let named = self.operations.iter().filter_map(|operation| match &operation.field {
            FieldName::Fixed(field) => Some(field),
            FieldName::Computed(_) => None,
        });
        named.filter(|field| subject.is_ever_modifiable(field) == Some(false)).map(|f| f.name.as_ref()).next()
    }

    /// What verdicts tell: the reported members, and `deploymentParameters`. What fails to evaluate is an unknown.
    pub(crate) fn report(&self, frame: &Frame<'_>) -> Value {
        let mut object = Object::new();
        for (key, template) in &self.reported {
            object.insert(key.clone(), value_or_unknown(template, frame));
        }
        if let Some(remedy) = self.remedy.as_ref().filter(|remedy| !remedy.parameters.is_empty()) {
            let parameters = remedy.parameters.iter().map(|(name, t)| (name.clone(), value_or_unknown(t, frame)));
            object.insert("deploymentParameters", Value::object(parameters));
        }
        if object.is_empty() { Value::Null } else { object.into() }
    }
}

impl Details {
    /// Everything a reader may ask of the details of an effect, evaluated.
    pub(crate) fn whole(&self, effect: Effect, frame: &Frame<'_>) -> Value {
        let name_of = |field: &FieldName| match field {
            FieldName::Fixed(field) => Value::from(field.name.as_ref()),
            FieldName::Computed(template) => value_or_unknown(template, frame),
        };
        if effect == Effect::Append {
            let items = self.append.iter().map(|(field, value)| {
                Value::object([("field", name_of(field)), ("value", value_or_unknown(value, frame))])
            });
            return items.collect::<Vec<_>>().into();
        }
        let mut report = self.report(frame);
        if effect == Effect::DeployIfNotExists
            && let Some(deployment) = self.remedy.as_ref().map(|r| r.expanded(frame)).filter(|d| !d.is_null())
        {
            report.make_object().insert("deployment", deployment);
        }
        if effect == Effect::Modify {
            let operations = self.operations.iter().map(|operation| {
                let mut object = Object::new();
                object.insert("operation", operation.kind.name());
                object.insert("field", name_of(&operation.field));
                for (key, part) in [("value", &operation.value), ("condition", &operation.condition)] {
                    if let Some(part) = part {
                        object.insert(key, value_or_unknown(part, frame));
                    }
                }
                Value::from(object)
            });
            let operations: Vec<Value> = operations.collect();
            report.make_object().insert("operations", operations);
        }
        report
    }
}

impl OperationKind {
    fn name(self) -> &'static str {
        match self {
            OperationKind::Add => "add",
            OperationKind::AddOrReplace => "addOrReplace",
            OperationKind::Remove => "remove",
        }
    }
}

pub(crate) fn value_or_unknown(template: &Template, frame: &Frame<'_>) -> Value {
    template.evaluate(frame).unwrap_or_else(|error| {
        let text = template.text(frame.names);
        Value::unknown(Reason::Failed(error.message), text.trim_matches(['[', ']']))
    })
}

fn append(item: &Value, author: &mut Author<'_>) -> Option<(FieldName, Template)> {
    let (Some(field), Some(value)) = (item.get("field"), item.get("value")) else {
        author.error("policy/missing-field", "a field to append needs `field` and `value`");
        return None;
    };
    Some((field_name(field, author), author.within("value", |author| Template::compile(value, author))))
}

fn operation(item: &Value, author: &mut Author<'_>) -> Option<Operation> {
    let kind = author.text(item, "operation");
    let kind = match kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("add") => OperationKind::Add,
        Some("addorreplace") => OperationKind::AddOrReplace,
        Some("remove") => OperationKind::Remove,
        Some(other) => {
            author.error("policy/unknown-operation", format!("there is no operation `{other}`"));
            return None;
        }
        None => {
            author.error("policy/missing-field", "an operation needs `operation`");
            return None;
        }
    };
    let Some(field) = item.get("field") else {
        author.error("policy/missing-field", "an operation needs `field`");
        return None;
    };
    let field = field_name(field, author);
    let value = item.get("value").map(|v| author.within("value", |author| Template::compile(v, author)));
    if value.is_none() && kind != OperationKind::Remove {
        author.error("policy/missing-field", "an operation that adds needs `value`");
    }
    let condition = item.get("condition").map(|v| author.within("condition", |author| Template::compile(v, author)));
    Some(Operation { kind, field, value, condition })
}
