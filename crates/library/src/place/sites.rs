//! The management groups of an architecture, as they will be, with what each one gets.

use glidepath_arm::ResourceId;
use glidepath_source::Finding;
use indexmap::IndexMap;

use crate::asset::{Architecture, AssetNames, Group, Name, key};
use crate::resolve::Referenced;
use crate::{Library, Placement};

/// Azure allows six levels of management groups below the tenant root group.
/// Source: Microsoft Learn, "What are Azure management groups?".
const DEEPEST: usize = 6;

/// One management group.
pub(super) struct Site<'a> {
    pub(super) group: &'a Group,
    pub(super) id: ResourceId,
    /// The site above, in this architecture.
    parent: Option<usize>,
    /// The union over its archetypes.
    pub(super) assets: AssetNames,
}

/// All of them, in the order of the architecture.
pub(super) struct Sites<'a> {
    sites: Vec<Site<'a>>,
    outer: Option<ResourceId>,
}

impl<'a> Sites<'a> {
    pub(super) fn new(
        library: &'a Library,
        architecture: &'a Architecture,
        placement: &Placement,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let parents = parents(architecture);
        let roots = parents.iter().filter(|p| p.is_none()).count();
        let sites = architecture
            .groups
            .iter()
            .zip(parents)
            .map(|(group, parent)| {
                let name = match &placement.prefix {
                    Some(prefix) if parent.is_none() && roots == 1 => prefix.clone(),
                    Some(prefix) => format!("{prefix}-{}", group.id.name),
                    None => group.id.name.to_string(),
                };
                let assets = union(library, group, findings);
                Site { group, id: ResourceId::management_group(&name), parent, assets }
            })
            .collect();
        Self { sites, outer: placement.parent.clone() }
    }

    pub(super) fn len(&self) -> usize {
        self.sites.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Site<'a>> {
        self.sites.get(at)
    }

    pub(super) fn parent_site(&self, at: usize) -> Option<&Site<'a>> {
        self.sites.get(at)?.parent.and_then(|p| self.sites.get(p))
    }

    /// The management group above; `None` is the tenant root group.
    pub(super) fn parent_id(&self, at: usize) -> Option<ResourceId> {
        self.parent_site(at).map(|s| s.id.clone()).or_else(|| self.outer.clone())
    }

    /// The site itself or the nearest above that deploys a definition or initiative.
    pub(super) fn deployed_above(&self, at: usize, kind: Referenced, name: &str) -> Option<&ResourceId> {
        let name = key(name);
        let mut next = self.sites.get(at);
        while let Some(site) = next {
            let deployed = match kind {
                Referenced::Definition => site.assets.definitions.contains_key(&name),
                Referenced::Initiative => site.assets.initiatives.contains_key(&name),
            };
            if deployed {
                return Some(&site.id);
            }
            next = site.parent.and_then(|p| self.sites.get(p));
        }
        None
    }
}

fn union(library: &Library, group: &Group, findings: &mut Vec<Finding>) -> AssetNames {
    let mut union = AssetNames::default();
    for name in &group.archetypes {
        let Some(archetype) = library.archetypes.get(&key(&name.name)) else {
            if !name.name.eq_ignore_ascii_case("empty") {
                findings.push(missing_archetype(name));
            }
            continue;
        };
        let add = |to: &mut IndexMap<String, Name>, from: &IndexMap<String, Name>| {
            for (key, name) in from {
                to.entry(key.clone()).or_insert_with(|| name.clone());
            }
        };
        add(&mut union.definitions, &archetype.assets.definitions);
        add(&mut union.initiatives, &archetype.assets.initiatives);
        add(&mut union.assignments, &archetype.assets.assignments);
        add(&mut union.roles, &archetype.assets.roles);
    }
    union
}

pub(crate) fn missing_archetype(name: &Name) -> Finding {
    Finding::error("library/missing-archetype", format!("there is no archetype `{}`", name.name))
        .at_place(Some(name.place.clone()))
        .help("load the library that holds it, or write the archetype")
}

/// The index of each group's parent. A parent that is not there, or that closes a cycle, counts as none: the findings
/// tell it.
fn parents(architecture: &Architecture) -> Vec<Option<usize>> {
    let index: IndexMap<String, usize> =
        architecture.groups.iter().enumerate().map(|(i, g)| (key(&g.id.name), i)).collect();
    let mut parents: Vec<Option<usize>> =
        architecture.groups.iter().map(|g| g.parent.as_ref().and_then(|p| index.get(&key(&p.name))).copied()).collect();
    for start in 0..parents.len() {
        if on_cycle(&parents, start)
            && let Some(parent) = parents.get_mut(start)
        {
            *parent = None;
        }
    }
    parents
}

fn on_cycle(parents: &[Option<usize>], start: usize) -> bool {
    let mut next = parents.get(start).copied().flatten();
    for _ in 0..parents.len() {
        match next {
            Some(at) if at == start => return true,
            Some(at) => next = parents.get(at).copied().flatten(),
            None => return false,
        }
    }
    false
}

/// What is wrong with the tree of an architecture.
pub(crate) fn architecture_findings(architecture: &Architecture) -> Vec<Finding> {
    let mut findings = Vec::new();
    let parents = parents(architecture);
    for (at, group) in architecture.groups.iter().enumerate() {
        let id = &group.id.name;
        if !is_group_name(id) {
            let finding = Finding::error("library/bad-group-id", format!("`{id}` cannot name a management group"));
            findings.push(
                finding.at_place(Some(group.id.place.clone())).help(
                    "use at most 90 letters, digits, `-`, `_`, `(`, `)` and `.`, beginning with a letter or digit",
                ),
            );
        }
        let parent = parents.get(at).copied().flatten();
        if let (Some(written), None) = (&group.parent, parent) {
            let there = architecture.groups.iter().any(|g| g.id.name.eq_ignore_ascii_case(&written.name));
            let finding = if there {
                Finding::error("library/parent-cycle", format!("`{id}` lies below itself"))
                    .help("give one of the groups on the way a `parent_id` outside, or `null`")
            } else {
                Finding::error(
                    "library/bad-parent",
                    format!("the parent `{}` of `{id}` is not in the architecture", written.name),
                )
                .help("name a group of the same architecture, or `null` for the group it is placed under")
            };
            findings.push(finding.at_place(Some(written.place.clone())));
        }
        if let Some(above) = parent.and_then(|p| architecture.groups.get(p))
            && group.exists
            && !above.exists
        {
            let message = format!("`{id}` is said to exist, but its parent `{}` is still to be created", above.id.name);
            let finding = Finding::error("library/exists-below-new", message).at_place(Some(group.id.place.clone()));
            findings.push(finding.help("set `exists` of the parent too, or let both be created"));
        }
        let mut depth = 1;
        let mut next = parent;
        while let Some(above) = next {
            depth += 1;
            next = parents.get(above).copied().flatten();
        }
        if depth == DEEPEST + 1 {
            let message = format!("`{id}` is on level {depth} of the tree, Azure allows {DEEPEST}");
            let finding = Finding::error("library/too-deep", message).at_place(Some(group.id.place.clone()));
            findings.push(finding.help("move it and what is below it up"));
        }
    }
    findings
}

fn is_group_name(name: &str) -> bool {
    name.len() <= 90
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.ends_with('.')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_().".contains(c))
}
