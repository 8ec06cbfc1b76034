//! What append and modify make of a request, together.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/effect-append and effect-modify ("Modify conflict").

use std::sync::Arc;

use glidepath_arm::Value;
use glidepath_arm::expression::EvalError;

use crate::Effect;
use crate::details::OperationKind;
use crate::edit::{Edit, Edited, edit};
use crate::field::Field;
use crate::frame::Frame;
use crate::judge::Candidate;
use crate::subject::Subject;

/// The edits of all instances whose rule is met.
#[derive(Debug, Default)]
pub(crate) struct Mutation {
    edits: Vec<Planned>,
    /// Why an instance's operations are not known.
    unknowns: Vec<(usize, String)>,
}

#[derive(Debug)]
struct Planned {
    /// Which instance.
    by: usize,
    field: Arc<Field>,
    edit: Edit,
    on_conflict: OnConflict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnConflict {
    /// The request is refused.
    Deny,
    /// The operation is left out.
    Skip,
}

/// What came of one instance.
#[derive(Debug, Default)]
pub(crate) struct Change {
    /// In words: `properties.x: null -> "y"`.
    pub(crate) operations: Vec<String>,
    /// The request is refused for it.
    pub(crate) refused: bool,
    /// It is refused because another policy insists on something else.
    pub(crate) conflict: bool,
    pub(crate) unknowns: Vec<String>,
}

impl Mutation {
    /// Adds the operations of an instance.
    ///
    /// # Errors
    /// When an expression in them fails.
    pub(crate) fn plan(&mut self, by: usize, candidate: &Candidate<'_>, frame: &Frame<'_>) -> Result<(), EvalError> {
        let details = &candidate.instance.definition.details;
        let mut planned = Vec::new();
        if candidate.effect.effect == Effect::Append {
            for (field, value) in &details.append {
                match frame.field_named(field)? {
                    Some(field) => {
                        let edit = Edit::Append(value.evaluate(frame)?);
                        planned.push(Planned { by, field, edit, on_conflict: OnConflict::Deny });
                    }
                    None => self.unknowns.push((by, "which field is appended".to_owned())),
                }
            }
        }
        let on_conflict = match details.conflict.as_ref().map(|c| c.evaluate(frame)).transpose()? {
            Some(Value::String(text))
                if text.eq_ignore_ascii_case("audit") || text.eq_ignore_ascii_case("disabled") =>
            {
                OnConflict::Skip
            }
            _ => OnConflict::Deny,
        };
        if candidate.effect.effect == Effect::Modify {
            for operation in &details.operations {
                match operation.condition.as_ref().map(|c| c.evaluate(frame)).transpose()? {
                    None => {}
                    Some(Value::Bool(true)) => {}
                    Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => {}
                    Some(Value::Unknown(unknown)) => {
                        self.unknowns.push((by, format!("condition of an operation: {}", unknown.reason)));
                        continue;
                    }
                    Some(_) => continue,
                }
                let Some(field) = frame.field_named(&operation.field)? else {
                    self.unknowns.push((by, "which field is modified".to_owned()));
                    continue;
                };
                let value = operation.value.as_ref().map(|v| v.evaluate(frame)).transpose()?.unwrap_or(Value::Null);
                let edit = match operation.kind {
                    OperationKind::Add => Edit::Add(value),
                    OperationKind::AddOrReplace => Edit::Replace(value),
                    OperationKind::Remove => Edit::Remove,
                };
                planned.push(Planned { by, field, edit, on_conflict });
            }
        }
        self.edits.extend(planned);
        Ok(())
    }

    /// Carries the edits out, one after the other, on a copy of the subject's body. Edits of instances that do not
    /// apply (not enforced, exempt) are only told.
    pub(crate) fn apply(
        self,
        subject: &Subject<'_>,
        instances: usize,
        applies: &dyn Fn(usize) -> bool,
    ) -> (Value, Vec<Change>) {
        let mut body = subject.body.clone();
        let mut changes: Vec<Change> = (0..instances).map(|_| Change::default()).collect();
        for (by, reason) in &self.unknowns {
            if let Some(change) = changes.get_mut(*by) {
                change.unknowns.push(reason.clone());
            }
        }
        for planned in &self.edits {
            let Some(change) = changes.get_mut(planned.by) else { continue };
            let Some(path) = subject.path(&planned.field) else {
                change.operations.push(format!("{}: left out, it is no field of this resource", planned.field.name));
                continue;
            };
            let place = path.display(&body);
            if !matches!(planned.edit, Edit::Append(_)) && subject.is_modifiable(&planned.field) == Some(false) {
                let word = match planned.on_conflict {
                    OnConflict::Deny => {
                        change.refused = true;
                        "cannot be modified at this api-version"
                    }
                    OnConflict::Skip => "left out, it cannot be modified at this api-version",
                };
                change.operations.push(format!("{place}: {word}"));
                continue;
            }
            match self.conflict(planned, applies) {
                Some(Conflict::Denied) => {
                    change.refused = true;
                    change.conflict = true;
                    change.operations.push(format!("{place}: in conflict with another policy"));
                    continue;
                }
                Some(Conflict::Yields) => {
                    change.operations.push(format!("{place}: left out, in conflict with another policy"));
                    continue;
                }
                None => {}
            }
            let mut copy;
            let target = if applies(planned.by) {
                &mut body
            } else {
                copy = body.clone();
                &mut copy
            };
            for edited in edit(target, &path, &planned.edit) {
                match edited {
                    Edited::Changed(before, after) => change.operations.push(format!("{place}: {before} -> {after}")),
                    Edited::Same => {}
                    Edited::NoParent => {
                        change.operations.push(format!("{place}: left out, the request does not have what holds it"))
                    }
                    Edited::Refused(before) => {
                        change.refused = true;
                        let wanted = match &planned.edit {
                            Edit::Append(value) | Edit::Add(value) | Edit::Replace(value) => value.to_string(),
                            Edit::Remove => "null".to_owned(),
                        };
                        change.operations.push(format!("{place}: {before} cannot become {wanted}"));
                    }
                    Edited::Untold(value) => value.for_each_unknown(&mut |inner, unknown| {
                        change.unknowns.push(format!("{place}{inner}: {}", unknown.reason));
                    }),
                }
            }
        }
        (body, changes)
    }

    /// Does another policy want something else of the same property?
    fn conflict(&self, planned: &Planned, applies: &dyn Fn(usize) -> bool) -> Option<Conflict> {
        // Every policy may add members of its own to a list, and append has its own way to refuse.
        let adds_member = matches!(planned.edit, Edit::Add(_)) && planned.field.key.ends_with("[*]");
        if matches!(planned.edit, Edit::Append(_)) || adds_member || !applies(planned.by) {
            return None;
        }
        let others = self.edits.iter().filter(|other| {
            other.by != planned.by
                && other.field.key == planned.field.key
                && other.edit != planned.edit
                && !matches!(other.edit, Edit::Append(_))
                && applies(other.by)
        });
        let (mut any, mut denying) = (false, false);
        for other in others {
            any = true;
            denying |= other.on_conflict == OnConflict::Deny;
        }
        match (any, planned.on_conflict, denying) {
            (false, ..) => None,
            (true, OnConflict::Deny, true) => Some(Conflict::Denied),
            (true, OnConflict::Deny, false) => None,
            (true, OnConflict::Skip, _) => Some(Conflict::Yields),
        }
    }
}

enum Conflict {
    /// Two policies insist.
    Denied,
    /// This one gives way.
    Yields,
}
