//! Putting one library over those loaded before: the later one wins, name by name.

use glidepath_source::Finding;
use indexmap::IndexMap;

use crate::Library;
use crate::asset::{Archetype, AssetNames, Name, key};
use crate::layer::{Layer, Written};

impl Library {
    pub(crate) fn overlay(&mut self, layer: Layer) -> Vec<Finding> {
        let mut findings = Vec::new();
        let composed = compose(&layer, &self.archetypes, &mut findings);
        extend(&mut self.definitions, layer.definitions);
        extend(&mut self.initiatives, layer.initiatives);
        extend(&mut self.assignments, layer.assignments);
        extend(&mut self.roles, layer.roles);
        extend(&mut self.archetypes, composed);
        extend(&mut self.architectures, layer.architectures);
        extend(&mut self.defaults, layer.defaults);
        self.metadata.extend(layer.metadata);
        findings
    }
}

fn extend<T>(map: &mut IndexMap<String, T>, newer: IndexMap<String, T>) {
    // `IndexMap::extend` replaces values in place: an overlaid name keeps its position.
    map.extend(newer);
}

/// Applies the overrides of a library: `(base ∪ add) ∖ remove`. The base is an archetype of the same library, or one
/// loaded before; an override may replace the archetype it is based on by taking its name.
fn compose(
    layer: &Layer,
    earlier: &IndexMap<String, Archetype>,
    findings: &mut Vec<Finding>,
) -> IndexMap<String, Archetype> {
    let mut composed: IndexMap<String, Archetype> = IndexMap::new();
    let mut waiting: Vec<(&String, &Written, &Name)> = Vec::new();
    for (name, written) in &layer.archetypes {
        match &written.base {
            None => {
                composed.insert(name.clone(), archetype(layer, written, &AssetNames::default()));
            }
            Some(base) => waiting.push((name, written, base)),
        }
    }
    // Each round settles the overrides whose base is known; a round that settles none is the end.
    loop {
        let before = waiting.len();
        waiting.retain(|(name, written, base)| {
            let base_key = key(&base.name);
            let own_library = base_key != **name && layer.archetypes.contains_key(&base_key);
            let found = if own_library { composed.get(&base_key) } else { earlier.get(&base_key) };
            let found = found.map(|a| a.assets.clone());
            // The archetype `empty` is part of the format and always exists.
            let found = found.or_else(|| (!own_library && base_key == "empty").then(AssetNames::default));
            let Some(assets) = found else { return true };
            composed.insert((*name).clone(), archetype(layer, written, &assets));
            false
        });
        if waiting.is_empty() || waiting.len() == before {
            break;
        }
    }
    for (_, written, base) in waiting {
        let known = layer.archetypes.contains_key(&key(&base.name));
        let finding = if known {
            Finding::error(
                "library/override-cycle",
                format!("the override `{}` rests on itself through `{}`", written.name.name, base.name),
            )
            .help("base one of them on a plain archetype")
        } else {
            Finding::error("library/missing-base", format!("there is no archetype `{}` to override", base.name))
                .help("the base must be in this library or in one loaded before it")
        };
        findings.push(finding.at_place(Some(base.place.clone())));
    }
    // In the order of the files, as written.
    let mut ordered = IndexMap::new();
    for name in layer.archetypes.keys() {
        if let Some(archetype) = composed.swap_remove(name) {
            ordered.insert(name.clone(), archetype);
        }
    }
    ordered
}

fn archetype(layer: &Layer, written: &Written, base: &AssetNames) -> Archetype {
    let combine = |base: &IndexMap<String, Name>, add: &IndexMap<String, Name>, remove: &IndexMap<String, Name>| {
        let mut names = base.clone();
        for (key, name) in add {
            names.entry(key.clone()).or_insert_with(|| name.clone());
        }
        names.retain(|key, _| !remove.contains_key(key));
        names
    };
    let (add, remove) = (&written.add, &written.remove);
    Archetype {
        name: written.name.clone(),
        library: layer.library.clone(),
        assets: AssetNames {
            definitions: combine(&base.definitions, &add.definitions, &remove.definitions),
            initiatives: combine(&base.initiatives, &add.initiatives, &remove.initiatives),
            assignments: combine(&base.assignments, &add.assignments, &remove.assignments),
            roles: combine(&base.roles, &add.roles, &remove.roles),
        },
        removed: remove.clone(),
    }
}
