//! One library as its files say it, before it is merged with others.

use std::sync::Arc;

use glidepath_arm::Value;
use glidepath_source::{Finding, Kind, Node, Text};
use indexmap::IndexMap;

use crate::asset::{Architecture, Asset, AssetNames, DefaultTarget, DefaultValue, Group, Metadata, Name, key};
use crate::kind::{Classified, FileKind, classify, known_suffixes};
use crate::read::Reader;
use crate::shape;

/// An archetype or override as written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) name: Name,
    /// `base_archetype`; `None` for a plain archetype.
    pub(crate) base: Option<Name>,
    pub(crate) add: AssetNames,
    pub(crate) remove: AssetNames,
}

/// One library.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub(crate) library: Arc<str>,
    pub(crate) definitions: IndexMap<String, Asset>,
    pub(crate) initiatives: IndexMap<String, Asset>,
    pub(crate) assignments: IndexMap<String, Asset>,
    pub(crate) roles: IndexMap<String, Asset>,
    pub(crate) archetypes: IndexMap<String, Written>,
    pub(crate) architectures: IndexMap<String, Architecture>,
    pub(crate) defaults: IndexMap<String, DefaultValue>,
    pub(crate) metadata: Option<Metadata>,
    /// The one file of default values, once seen.
    defaults_file: Option<Text>,
}

/// Reads the files of one library, in the order of their names: the order of a directory listing must not matter.
pub(crate) fn read(library: &str, mut files: Vec<Text>) -> (Layer, Vec<Finding>) {
    files.sort_by(|a, b| a.name().cmp(b.name()));
    let mut layer = Layer { library: Arc::from(library), ..Layer::default() };
    let mut findings = Vec::new();
    for text in &files {
        match classify(text.name()) {
            Classified::Foreign => {}
            Classified::Unknown => findings.push(
                Finding::warning("library/unknown-kind", format!("`{}` is of no kind a library holds", base(text)))
                    .at(text, glidepath_source::Span::default())
                    .why("the name claims an `alz_` kind, and the name alone decides what a file is")
                    .help(format!("known are {}", known_suffixes())),
            ),
            Classified::Asset(kind, format) => {
                let mut reader = Reader { text, findings: &mut findings };
                if let Some(root) = reader.root(format) {
                    layer.add(kind, &mut reader, root);
                }
            }
        }
    }
    (layer, findings)
}

fn base(text: &Text) -> &str {
    text.name().rsplit(['/', '\\']).next().unwrap_or_default()
}

impl Layer {
    fn add(&mut self, kind: FileKind, reader: &mut Reader<'_>, root: Node) {
        match kind {
            FileKind::Definition | FileKind::Initiative | FileKind::Assignment | FileKind::Role => {
                self.add_asset(kind, reader, root);
            }
            FileKind::Archetype => {
                let Some(name) = reader.name(&root, "name") else { return };
                let written =
                    Written { name, base: None, add: names(reader, &root, ""), remove: AssetNames::default() };
                insert(&mut self.archetypes, written, |w| &w.name, "archetype", reader);
            }
            FileKind::Override => {
                let name = reader.name(&root, "name");
                let base = reader.name(&root, "base_archetype");
                let (Some(name), Some(base)) = (name, base) else { return };
                let (add, remove) = (names(reader, &root, "_to_add"), names(reader, &root, "_to_remove"));
                let written = Written { name, base: Some(base), add, remove };
                insert(&mut self.archetypes, written, |w| &w.name, "archetype", reader);
            }
            FileKind::Architecture => {
                if let Some(architecture) = architecture(reader, &root, &self.library) {
                    insert(&mut self.architectures, architecture, |a| &a.name, "architecture", reader);
                }
            }
            FileKind::DefaultValues => self.add_defaults(reader, &root),
            FileKind::Metadata => self.add_metadata(reader, &root),
        }
    }

    fn add_metadata(&mut self, reader: &mut Reader<'_>, root: &Node) {
        let Some(found) = metadata(reader, root) else { return };
        match &self.metadata {
            Some(first) => {
                let finding = duplicate("metadata", &found.name, first.name.place.text.name());
                reader.tell(finding, found.name.place.span);
            }
            None => self.metadata = Some(found),
        }
    }

    fn add_asset(&mut self, kind: FileKind, reader: &mut Reader<'_>, root: Node) {
        let own_name = reader.name(&root, "name");
        let properties = reader.object(&root, "properties");
        let name = match (kind, properties) {
            (FileKind::Role, Some(properties)) => reader.name(properties, "roleName"),
            _ => own_name.clone(),
        };
        if let (Some(name), Some(properties)) = (&own_name, properties) {
            shape::asset(kind, reader, &root, name, properties);
        }
        let (Some(name), Some(_)) = (name, properties) else { return };
        let asset = Asset { name, library: self.library.clone(), body: Value::from(&root), node: root };
        let (map, word) = match kind {
            FileKind::Definition => (&mut self.definitions, "definition"),
            FileKind::Initiative => (&mut self.initiatives, "initiative"),
            FileKind::Assignment => (&mut self.assignments, "assignment"),
            _ => (&mut self.roles, "role definition"),
        };
        insert(map, asset, |a| &a.name, word, reader);
    }

    fn add_defaults(&mut self, reader: &mut Reader<'_>, root: &Node) {
        if let Some(first) = &self.defaults_file {
            let finding = Finding::error("library/duplicate", "a library has one file of default values")
                .why(format!("`{}` is another", first.name()))
                .help("put all defaults into one file");
            reader.tell(finding, crate::read::start_of(root));
        } else {
            self.defaults_file = Some(reader.text.clone());
        }
        for item in reader.items(root, "defaults") {
            let Some(name) = reader.name(item, "default_name") else { continue };
            let description = reader.optional_name(item, "description").map(|n| n.name);
            let mut targets = Vec::new();
            for target in reader.items(item, "policy_assignments") {
                if let Some(assignment) = reader.name(target, "policy_assignment_name") {
                    targets.push(DefaultTarget { assignment, parameters: reader.names(target, "parameter_names") });
                }
            }
            insert(&mut self.defaults, DefaultValue { name, description, targets }, |d| &d.name, "default", reader);
        }
    }
}

/// Keeps the first of a name and tells the others.
fn insert<T>(map: &mut IndexMap<String, T>, item: T, name: impl Fn(&T) -> &Name, word: &str, reader: &mut Reader<'_>) {
    let (folded, span) = (key(&name(&item).name), name(&item).place.span);
    match map.get(&folded) {
        Some(first) => {
            let finding = duplicate(word, name(&item), &name(first).place.to_string());
            reader.tell(finding, span);
        }
        None => {
            map.insert(folded, item);
        }
    }
}

fn duplicate(word: &str, name: &Name, first: &str) -> Finding {
    Finding::error("library/duplicate", format!("the library has another {word} `{}`", name.name))
        .why(format!("the first stands in `{first}`; this one is left out"))
        .help("rename one, or put the change into a library of its own: a later library overlays an earlier one")
}

fn names(reader: &mut Reader<'_>, root: &Node, suffix: &str) -> AssetNames {
    let mut list = |kind: &str| {
        let mut names = IndexMap::new();
        for name in reader.names(root, &format!("{kind}{suffix}")) {
            if names.contains_key(&key(&name.name)) {
                let finding = Finding::warning("library/listed-twice", format!("`{}` is listed twice", name.name));
                reader.tell(finding.help("remove one of them"), name.place.span);
            } else {
                names.insert(key(&name.name), name);
            }
        }
        names
    };
    AssetNames {
        definitions: list("policy_definitions"),
        initiatives: list("policy_set_definitions"),
        assignments: list("policy_assignments"),
        roles: list("role_definitions"),
    }
}

fn architecture(reader: &mut Reader<'_>, root: &Node, library: &Arc<str>) -> Option<Architecture> {
    let name = reader.name(root, "name")?;
    let mut groups: Vec<Group> = Vec::new();
    for item in reader.items(root, "management_groups") {
        let Some(id) = reader.name(item, "id") else { continue };
        let display_name = reader.optional_name(item, "display_name").map_or_else(|| id.name.clone(), |n| n.name);
        let archetypes = reader.names(item, "archetypes");
        let parent = reader.optional_name(item, "parent_id");
        let exists = reader.flag(item, "exists");
        if groups.iter().any(|g| g.id.name.eq_ignore_ascii_case(&id.name)) {
            let message = format!("the architecture has another management group `{}`", id.name);
            reader.tell(
                Finding::error("library/duplicate", message).help("give each group an id of its own"),
                id.place.span,
            );
            continue;
        }
        groups.push(Group { id, display_name, archetypes, parent, exists });
    }
    if groups.is_empty() {
        let message = format!("the architecture `{}` has no management group", name.name);
        reader.tell(Finding::error("library/no-management-group", message), name.place.span);
    }
    Some(Architecture { name, library: library.clone(), groups })
}

fn metadata(reader: &mut Reader<'_>, root: &Node) -> Option<Metadata> {
    let name = reader.name(root, "name")?;
    let mut dependencies = Vec::new();
    for item in reader.items(root, "dependencies") {
        let given = |field: &str| item.get(field).is_some_and(|n| n.kind != Kind::Null);
        let (path, custom) = (reader.optional_name(item, "path"), reader.optional_name(item, "custom_url"));
        if given("custom_url") == given("path") || given("path") != given("ref") {
            let finding =
                Finding::error("library/bad-dependency", "a dependency has `path` and `ref`, or `custom_url` alone");
            reader.tell(finding.help("keep one of the two forms"), crate::read::start_of(item));
        } else if let Some(path) = path.or(custom) {
            dependencies.push(path);
        }
    }
    let mut text = |field: &str| reader.optional_name(root, field).map(|n| n.name);
    Some(Metadata {
        display_name: text("display_name"),
        description: text("description"),
        path: text("path"),
        name,
        dependencies,
    })
}
