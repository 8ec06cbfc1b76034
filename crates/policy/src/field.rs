//! The names that stand in `field`: special fields, tags and aliases.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::path::{self, Step};

/// A field, as the rule names it. Interned: one for each name, whatever its casing, with a number of its own.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    /// The name as first written.
    pub(crate) name: Arc<str>,
    /// The name in lower case.
    pub(crate) key: String,
    /// Its number among all fields of an engine; fields made while evaluating have none.
    pub(crate) number: Option<u32>,
    pub(crate) kind: FieldKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldKind {
    Name,
    FullName,
    Kind,
    Type,
    Location,
    Id,
    ApiVersion,
    /// One tag.
    Tag(Arc<str>),
    /// A path from the root of the body: `tags`, `identity.type`, and what looks like no field.
    Root(Vec<Step>),
    /// An alias.
    Alias {
        /// The type it belongs to, in lower case; for names without a type (`Microsoft.Compute/imageId`) the namespace.
        owner: String,
        /// What follows the type.
        steps: Vec<Step>,
    },
}

impl Field {
    /// Reads a name. Anything is a field; [`Field::is_known`] tells whether Azure has such.
    pub(crate) fn parse(name: &str, number: Option<u32>) -> Self {
        let name = name.trim();
        let key = name.to_ascii_lowercase();
        let kind = match key.as_str() {
            "name" => FieldKind::Name,
            "fullname" => FieldKind::FullName,
            "kind" => FieldKind::Kind,
            "type" => FieldKind::Type,
            "location" => FieldKind::Location,
            "id" => FieldKind::Id,
            "apiversion" => FieldKind::ApiVersion,
            "tags" => FieldKind::Root(path::parse("tags")),
            _ => match tag(name) {
                Some(tag) => FieldKind::Tag(tag.into()),
                // A bracket may hold slashes, the type stands before it.
                None => match name.split('[').next().and_then(|head| head.rfind('/')) {
                    Some(slash) => FieldKind::Alias {
                        owner: key.get(..slash).unwrap_or_default().to_owned(),
                        steps: path::parse(name.get(slash + 1..).unwrap_or_default()),
                    },
                    None => FieldKind::Root(path::parse(name)),
                },
            },
        };
        Self { name: name.into(), key, number, kind }
    }

    /// Is it a field Azure Policy knows by its form?
    pub(crate) fn is_known(&self) -> bool {
        match &self.kind {
            FieldKind::Root(_) => self.key == "tags" || self.key.starts_with("identity"),
            _ => true,
        }
    }

    /// Can it belong to a resource of this type (lower case)?
    pub(crate) fn belongs_to(&self, kind: &str) -> bool {
        match &self.kind {
            FieldKind::Alias { owner, .. } => {
                owner == kind
                    || (!owner.contains('/') && kind.split('/').next() == Some(owner))
                    || (kind == RESOURCE_GROUPS && owner == "microsoft.resources/resourcegroups")
            }
            _ => true,
        }
    }

    /// Is it one of the fields every resource has, whose name is its own path in Azure's answers?
    pub(crate) fn is_special(&self) -> bool {
        !matches!(self.kind, FieldKind::Alias { .. } | FieldKind::Root(_))
    }

    /// Is it a list by its name, and nothing of its members? Only such fields can be counted.
    pub(crate) fn ends_with_each(&self) -> bool {
        match &self.kind {
            FieldKind::Alias { steps, .. } | FieldKind::Root(steps) => steps.last() == Some(&Step::Each),
            _ => false,
        }
    }

    /// Does a quote open a key in brackets that nothing closes?
    pub(crate) fn has_open_quote(&self) -> bool {
        let opens = |key: &str| ["'", "\""].iter().any(|q| key.starts_with(q) && self.name.contains(&format!("[{q}")));
        match &self.kind {
            FieldKind::Alias { steps, .. } | FieldKind::Root(steps) => {
                steps.iter().any(|step| matches!(step, Step::Key(key) if opens(key)))
            }
            _ => false,
        }
    }

    /// How many arrays it runs over.
    pub(crate) fn each_count(&self) -> usize {
        match &self.kind {
            FieldKind::Alias { steps, .. } | FieldKind::Root(steps) => {
                steps.iter().filter(|step| **step == Step::Each).count()
            }
            _ => 0,
        }
    }

    /// Does it run over an array?
    pub(crate) fn has_each(&self) -> bool {
        match &self.kind {
            FieldKind::Alias { steps, .. } | FieldKind::Root(steps) => steps.contains(&Step::Each),
            _ => false,
        }
    }
}

/// The type of resource groups as policies write it, in lower case.
pub(crate) const RESOURCE_GROUPS: &str = "microsoft.resources/subscriptions/resourcegroups";

/// `tags.x`, `tags[x]`, `tags['x']`, `tags["x"]` and `tags['''x''']` (an apostrophe in single quotes is doubled); blanks
/// around the name or its quotes do not count. What goes on after the bracket is a path.
fn tag(name: &str) -> Option<String> {
    let head = name.get(..4).filter(|h| h.eq_ignore_ascii_case("tags"))?;
    let rest = name.get(head.len()..)?;
    if let Some(plain) = rest.strip_prefix('.') {
        return Some(plain.to_owned());
    }
    if rest == "[*]" {
        return None;
    }
    match path::bracket(rest)? {
        (tag, "") => Some(tag),
        // A bracket in a name without quotes: `tags[a[1]]`.
        (_, after) if after.starts_with(['[', '.']) => None,
        _ => Some(rest.strip_prefix('[')?.strip_suffix(']')?.trim().to_owned()),
    }
}

/// All fields of an engine, numbered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields {
    known: FxHashMap<String, Arc<Field>>,
}

impl Fields {
    /// A field that a rule names, whatever the casing.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Field>> {
        self.known.get(&name.to_ascii_lowercase()).cloned()
    }

    pub(crate) fn intern(&mut self, name: &str) -> Arc<Field> {
        let key = name.to_ascii_lowercase();
        if let Some(field) = self.known.get(&key) {
            return Arc::clone(field);
        }
        let field = Arc::new(Field::parse(name, u32::try_from(self.known.len()).ok()));
        self.known.insert(key, Arc::clone(&field));
        field
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_tag() {
        for name in ["tags.cost.center", "Tags[cost.center]", "tags['cost.center']", "tags[ \"cost.center\" ]"] {
            assert_eq!(Field::parse(name, None).kind, FieldKind::Tag("cost.center".into()), "{name}");
        }
        assert_eq!(Field::parse("tags['''a.b''']", None).kind, FieldKind::Tag("'a.b'".into()));
        assert_eq!(Field::parse("tags['it''s']", None).kind, FieldKind::Tag("it's".into()));
        assert_eq!(Field::parse("tags[ * ]", None).kind, FieldKind::Tag("*".into()));
        assert_eq!(Field::parse("tags[ ' a ' ]", None).kind, FieldKind::Tag(" a ".into()));
        assert_eq!(Field::parse("tags[a[1]]", None).kind, FieldKind::Tag("a[1]".into()));
        for path in ["tags", "tags[*]", "tags['x'][*]"] {
            assert!(matches!(Field::parse(path, None).kind, FieldKind::Root(_)), "{path}");
        }
    }

    #[test]
    fn an_alias_belongs_to_its_type() {
        let alias = Field::parse("Microsoft.Network/virtualNetworks/subnets[*].id", None);
        assert!(alias.belongs_to("microsoft.network/virtualnetworks"));
        assert!(!alias.belongs_to("microsoft.network/virtualnetworks/subnets"));
        assert!(alias.has_each());
        let image = Field::parse("Microsoft.Compute/imageId", None);
        assert!(image.belongs_to("microsoft.compute/disks"));
        assert!(!image.belongs_to("microsoft.network/disks"));
    }
}
