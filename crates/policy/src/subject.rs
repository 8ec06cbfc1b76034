//! The resource that is judged, as fields see it.

use std::cell::RefCell;

use glidepath_arm::{Reason, ResourceId, Value};
use rustc_hash::FxHashMap;

use crate::Aliases;
use crate::capability::{is_container, is_indexed};
use crate::field::{Field, FieldKind, RESOURCE_GROUPS};
use crate::path::{self, Found, Path, Step};

/// A resource and the values its fields turned out to have.
pub(crate) struct Subject<'a> {
    pub(crate) id: &'a ResourceId,
    /// The type as policies write it.
    pub(crate) kind: String,
    /// The type in lower case.
    pub(crate) key: String,
    pub(crate) body: &'a Value,
    api_version: &'a str,
    aliases: &'a Aliases,
    given: Option<Given>,
    memo: RefCell<FxHashMap<u32, Found>>,
}

/// What a resource that stands alone says of itself: its id need not be there, and then nothing follows from it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) name: Option<Value>,
    pub(crate) full_name: Option<Value>,
    pub(crate) id: Option<Value>,
    pub(crate) kind: Option<Value>,
    /// No alias table: fields are paths from the root.
    pub(crate) raw: bool,
}

impl<'a> Subject<'a> {
    /// `None` where the id has no type.
    pub(crate) fn new(id: &'a ResourceId, body: &'a Value, api_version: &'a str, aliases: &'a Aliases) -> Option<Self> {
        let kind = id.resource_type()?;
        // Rules write the type of a group with its parent.
        let kind = if kind.is("Microsoft.Resources/resourceGroups") {
            "Microsoft.Resources/subscriptions/resourceGroups".to_owned()
        } else {
            kind.as_str().to_owned()
        };
        let key = kind.to_ascii_lowercase();
        debug_assert!(!key.ends_with("resourcegroups") || key == RESOURCE_GROUPS);
        Some(Self { id, kind, key, body, api_version, aliases, given: None, memo: RefCell::default() })
    }

    /// A resource that stands alone.
    pub(crate) fn alone(
        id: &'a ResourceId,
        body: &'a Value,
        api_version: &'a str,
        aliases: &'a Aliases,
        given: Given,
    ) -> Self {
        let kind = given.kind.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = kind.to_ascii_lowercase();
        Self { id, kind, key, body, api_version, aliases, given: Some(given), memo: RefCell::default() }
    }

    /// The value of a field.
    pub(crate) fn find(&self, field: &Field) -> Found {
        let Some(number) = field.number else { return self.look(field, &[]) };
        if let Some(found) = self.memo.borrow().get(&number) {
            return found.clone();
        }
        let found = self.look(field, &[]);
        self.memo.borrow_mut().insert(number, found.clone());
        found
    }

    /// The value of a field where its first `[*]`s stand for the given items.
    pub(crate) fn find_fixed(&self, field: &Field, fixed: &[usize]) -> Found {
        self.look(field, fixed)
    }

    fn look(&self, field: &Field, fixed: &[usize]) -> Found {
        let one = |value| Found::One(Some(value));
        if let Some(given) = &self.given {
            match &field.kind {
                FieldKind::Name => return Found::One(given.name.clone()),
                FieldKind::FullName => return Found::One(given.full_name.clone()),
                FieldKind::Id => return Found::One(given.id.clone()),
                FieldKind::Type => return Found::One(given.kind.clone()),
                _ => {}
            }
        }
        match &field.kind {
            FieldKind::Name => one(told(self.id.name())),
            FieldKind::FullName => one(told(&self.id.full_name())),
            FieldKind::Id => one(told(self.id.as_str())),
            FieldKind::Type => one(self.kind.as_str().into()),
            FieldKind::ApiVersion if self.api_version.is_empty() => {
                one(Value::unknown(Reason::Context("api-version of the request".into()), "requestContext().apiVersion"))
            }
            FieldKind::ApiVersion => one(self.api_version.into()),
            FieldKind::Kind => Found::One(self.body.get("kind").cloned()),
            FieldKind::Location => Found::One(self.body.get("location").map(location)),
            FieldKind::Tag(tag) => Found::One(match self.body.get("tags") {
                Some(tags) if tags.is_unknown() => Some(tags.clone()),
                tags => tags.and_then(|t| t.get(tag)).cloned(),
            }),
            FieldKind::Root(_) | FieldKind::Alias { .. } => match self.path(field) {
                Some(path) => path.find(self.body, fixed),
                None if field.has_each() => Found::Many([].into()),
                None => Found::One(None),
            },
        }
    }

    /// Where a field lies in the body; `None` for an alias of another type and for fields outside the body.
    pub(crate) fn path(&self, field: &Field) -> Option<Path> {
        match &field.kind {
            FieldKind::Tag(tag) => {
                Some(Path { steps: vec![Step::Key("tags".into()), Step::Key(tag.clone())], structural: false })
            }
            FieldKind::Kind | FieldKind::Location => {
                Some(Path { steps: vec![Step::Key(field.key.as_str().into())], structural: false })
            }
            FieldKind::Root(steps) => Some(Path { steps: steps.clone(), structural: false }),
            FieldKind::Alias { steps, .. } => {
                if let Some(given) = &self.given
                    && (given.raw || self.key.is_empty())
                {
                    let literal = Path { steps: path::parse(&field.name), structural: false };
                    let as_it_stands = given.raw && self.begins(&literal);
                    return Some(if as_it_stands { literal } else { Path { steps: steps.clone(), structural: true } });
                }
                let mut paths = alias_paths(field, &self.key, self.api_version, self.aliases)?.into_iter();
                match (paths.next(), paths.next()) {
                    // Names without a type have a path for each type: the one whose start is in the body.
                    (Some(first), Some(second)) => {
                        let mut all = [first.clone(), second].into_iter().chain(paths);
                        Some(all.find(|p| self.begins(p)).unwrap_or(first))
                    }
                    (first, _) => first,
                }
            }
            _ => None,
        }
    }

    /// May `modify` change the field? `None`: no catalogue says.
    pub(crate) fn is_modifiable(&self, field: &Field) -> Option<bool> {
        match &field.kind {
            FieldKind::Alias { .. } => self.aliases.is_modifiable(&field.name, &self.key, self.api_version),
            _ => None,
        }
    }

    /// May `modify` change the field at some api-version? `None`: no catalogue says.
    pub(crate) fn is_ever_modifiable(&self, field: &Field) -> Option<bool> {
        match &field.kind {
            FieldKind::Alias { .. } => self.aliases.is_ever_modifiable(&field.name, &self.key),
            _ => None,
        }
    }

    /// Does mode `indexed` look at it?
    pub(crate) fn is_indexed(&self) -> bool {
        let known = self.aliases.is_indexed(&self.key).filter(|_| !is_container(&self.key));
        known.unwrap_or_else(|| is_indexed(&self.key, self.body))
    }

    fn begins(&self, path: &Path) -> bool {
        let keys = path.steps.iter().take(2).map_while(|step| match step {
            Step::Key(key) => Some(key.as_ref()),
            Step::Each | Step::Index(_) => None,
        });
        self.body.at(&keys.collect::<Vec<_>>()).is_some()
    }
}

/// The paths an alias stands for on a type (lower case): nearly always one. `None` for an alias of another type.
pub(crate) fn alias_paths(field: &Field, kind: &str, api_version: &str, aliases: &Aliases) -> Option<Vec<Path>> {
    let FieldKind::Alias { steps, .. } = &field.kind else { return None };
    if !field.belongs_to(kind) {
        return None;
    }
    let known = aliases.paths_of(&field.name, kind, api_version).into_iter();
    let mut paths: Vec<Path> = known.map(|p| Path { steps: path::parse(p), structural: false }).collect();
    if paths.is_empty() {
        paths.push(Path { steps: steps.clone(), structural: true });
    }
    Some(paths)
}

/// A name or id; an expression in it (`[…]`, as an expansion leaves it) makes it unknown.
fn told(text: &str) -> Value {
    match text.split_once('[') {
        Some((_, rest)) => {
            let expression = rest.rsplit_once(']').map_or(rest, |(inner, _)| inner);
            Value::unknown(Reason::Context("resource name".into()), expression)
        }
        None => text.into(),
    }
}

/// A location as Azure compares it: `East US 2` is `eastus2`.
pub(crate) fn location(value: &Value) -> Value {
    match value {
        Value::String(text) if text.contains(|c: char| c == ' ' || c.is_ascii_uppercase()) => {
            text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_lowercase()).collect::<String>().into()
        }
        other => other.clone(),
    }
}
