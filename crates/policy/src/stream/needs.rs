//! What the general evaluator needs of a resource for one test: often a property or two, not the whole body.

use std::sync::Arc;

use glidepath_arm::Value;
use glidepath_arm::expression::{Expr, ExprKind};

use super::compile::{Compiler, Edits, Rule};
use crate::details::OperationKind;
use crate::edit::Edit;
use crate::field::{Field, FieldKind};
use crate::path::Step;
use crate::rule::{Condition, FieldName, Left, Over, Test};
use crate::subject::alias_paths;
use crate::template::Template;

/// Collects fields; false where one cannot be named before the resource is seen.
struct Fields<'c, 'r> {
    compiler: &'c Compiler<'c>,
    rule: &'r Rule<'r>,
    found: Vec<Arc<Field>>,
}

impl Compiler<'_> {
    /// The columns a test looks into. `None`: perhaps any part of the body.
    pub(super) fn parts(&mut self, test: &Test, rule: &Rule<'_>) -> Option<Box<[u32]>> {
        let mut fields = Fields { compiler: self, rule, found: Vec::new() };
        if !fields.test(test) {
            return None;
        }
        let mut keys: Vec<Vec<Arc<str>>> = Vec::new();
        for field in &fields.found {
            let path: Arc<[Step]> = match &field.kind {
                FieldKind::Kind | FieldKind::Location => [Step::Key(field.key.as_str().into())].into(),
                FieldKind::Tag(tag) => [Step::Key("tags".into()), Step::Key(tag.clone())].into(),
                FieldKind::Root(steps) => steps.clone(),
                FieldKind::Alias { .. } => {
                    match alias_paths(field, &self.program.key, self.version, &self.engine.aliases).as_deref() {
                        None => continue,
                        Some([path]) if !path.structural => path.steps.clone(),
                        Some(_) => return None,
                    }
                }
                _ => continue,
            };
            let ahead = path.iter().map_while(|step| match step {
                Step::Key(key) => Some(key.clone()),
                Step::Each | Step::Index(_) => None,
            });
            keys.push(ahead.collect());
        }
        if keys.iter().any(Vec::is_empty) {
            return None;
        }
        // What lies within another part comes with it.
        keys.sort();
        keys.dedup_by(|later, earlier| later.starts_with(earlier));
        let columns = keys.iter().map(|keys| self.column(&keys.iter().map(AsRef::as_ref).collect::<Vec<_>>()));
        Some(columns.collect())
    }

    /// What `modify` does to which fields. `None`: something of it hangs on the resource, or may be refused.
    pub(super) fn plain_edits(&self, rule: &Rule<'_>) -> Option<Edits> {
        let mut unsure = false;
        let details = &rule.instance.definition.details;
        if let Some(conflict) = &details.conflict {
            self.fixed(conflict, rule).ok()?;
        }
        let mut edits = Vec::new();
        for operation in &details.operations {
            let condition = operation.condition.as_ref().map(|c| self.fixed(c, rule)).transpose().ok()?;
            // Whether it happens nobody can tell here: an export does not say its api-version.
            if condition.is_some_and(|c| c.has_unknown()) {
                unsure = true;
                continue;
            }
            let field = self.field_named(&operation.field, rule).ok()?;
            let value = operation.value.as_ref().map(|v| self.fixed(v, rule)).transpose().ok()?;
            let value = value.unwrap_or(Value::Null);
            let kind = self.program.key.as_ref();
            let modifiable = match &field.kind {
                FieldKind::Alias { .. } => self.engine.aliases.is_modifiable(&field.name, kind, self.version),
                _ => None,
            };
            if value.has_unknown() || modifiable == Some(false) {
                return None;
            }
            edits.push((
                field.key.clone(),
                match operation.kind {
                    OperationKind::Add => Edit::Add(value),
                    OperationKind::AddOrReplace => Edit::Replace(value),
                    OperationKind::Remove => Edit::Remove,
                },
            ));
        }
        Some(Edits { edits, unsure })
    }
}

impl Fields<'_, '_> {
    fn test(&mut self, test: &Test) -> bool {
        let left = match &test.left {
            Left::Field(name) => self.name(name),
            Left::Value(template) => self.template(template),
            Left::Count(count) => {
                let over = match &count.over {
                    Over::Field(name) => self.name(name),
                    Over::Value(template) => self.template(template),
                };
                over && count.filter.as_ref().is_none_or(|filter| self.condition(filter))
            }
        };
        left && self.template(&test.right)
    }

    fn condition(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().all(|part| self.condition(part)),
            Condition::Not(part) => self.condition(part),
            Condition::Test(test) => self.test(test),
        }
    }

    fn name(&mut self, name: &FieldName) -> bool {
        match self.compiler.field_named(name, self.rule) {
            Ok(field) => {
                self.found.push(field);
                true
            }
            Err(_) => false,
        }
    }

    fn template(&mut self, template: &Template) -> bool {
        match template {
            Template::Literal(_) | Template::Parameter(_) => true,
            Template::Formula(formula) => self.expression(&formula.expr),
            Template::Array(items) => items.iter().all(|item| self.template(item)),
            Template::Object(members) => members.iter().all(|(_, member)| self.template(member)),
        }
    }

    fn expression(&mut self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Literal(_) => true,
            ExprKind::Property { target, .. } => self.expression(target),
            ExprKind::Index { target, index, .. } => self.expression(target) && self.expression(index),
            ExprKind::Call(call) if matches!(call.name.as_ref(), "field" | "current") => match call.args.as_slice() {
                [Expr { kind: ExprKind::Literal(Value::String(name)), .. }] => {
                    self.found.push(self.compiler.named(name));
                    true
                }
                // `current()` is a member of what is counted, and that is named.
                [] => true,
                _ => false,
            },
            ExprKind::Call(call) => call.args.iter().all(|arg| self.expression(arg)),
        }
    }
}
