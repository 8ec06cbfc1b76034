//! What a rule's conditions speak of, read off their text: for the few decisions that hang on it before anything is evaluated.

use crate::rule::{Condition, FieldName, Left, Over};
use crate::template::Template;

/// What a rule mentions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Mentions {
    /// Tags: a PATCH of nothing but tags evaluates only such rules (policy/concepts/effect-basics).
    pub(crate) tags: bool,
    /// `requestContext().identity`: nobody calls in a scan, which finds such rules not applicable
    /// (policy/how-to/using-request-context-identity).
    pub(crate) caller: bool,
}

impl Mentions {
    pub(crate) fn of(condition: &Condition) -> Self {
        let mut mentions = Self::default();
        mentions.condition(condition);
        mentions
    }

    fn condition(&mut self, condition: &Condition) {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| self.condition(part)),
            Condition::Not(part) => self.condition(part),
            Condition::Test(test) => {
                match &test.left {
                    Left::Field(name) => self.name(name),
                    Left::Value(template) => self.template(template),
                    Left::Count(count) => {
                        match &count.over {
                            Over::Field(name) => self.name(name),
                            Over::Value(template) => self.template(template),
                        }
                        if let Some(filter) = &count.filter {
                            self.condition(filter);
                        }
                    }
                }
                self.template(&test.right);
            }
        }
    }

    fn name(&mut self, name: &FieldName) {
        match name {
            FieldName::Fixed(field) => self.tags |= field.key.starts_with("tags"),
            FieldName::Computed(template) => self.template(template),
        }
    }

    fn template(&mut self, template: &Template) {
        template.each_formula(&mut |text| {
            let text = text.to_ascii_lowercase();
            self.tags |= text.contains("'tags");
            self.caller |= text.contains("requestcontext()") && text.contains("identity");
        });
    }
}
