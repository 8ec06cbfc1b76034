//! The alias catalogue: which property an alias means.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher;
use std::sync::{Arc, OnceLock, RwLock};

use glidepath_arm::Value;
use rustc_hash::{FxHashMap, FxHasher};

use crate::path::{self, Path};
use crate::providers::Providers;

/// A table `alias,path` as text, indexed when it is first asked.
///
/// An alias belongs to a type: the part of its name before the last `/`. The few names without a type of their own
/// (`Microsoft.Compute/imagePublisher`) have a row for each type that has them.
#[derive(Clone, Default)]
pub struct Aliases {
    text: Arc<str>,
    index: Arc<OnceLock<FxHashMap<u64, Rows>>>,
    /// Paths taken apart, of a table: it has one meaning of a name for all types and versions.
    parsed: Arc<RwLock<Parsed>>,
    /// What the providers API tells, where that is the source.
    providers: Option<Arc<Providers>>,
}

/// Alias in lower case → its paths.
type Parsed = FxHashMap<Box<str>, Arc<[Path]>>;

/// Where the rows of an alias start; nearly always one.
#[derive(Debug, Clone)]
enum Rows {
    One(u32),
    More(Vec<u32>),
}

impl Aliases {
    /// A catalogue from CSV text, one `alias,path` a line, with or without a heading; lines without a comma are passed over.
    pub fn from_csv(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A catalogue from `GET /providers?$expand=resourceTypes/aliases` (`{value: […]}`) or `az provider list --expand`
    /// (a list): paths by api-version, what may be modified, which types support tags and location. `None`: it is neither.
    pub fn from_providers(body: &Value) -> Option<Self> {
        Some(Self { providers: Some(Arc::new(Providers::read(body)?)), ..Self::default() })
    }

    /// Is nothing in it?
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.providers.as_ref().is_none_or(|p| p.is_empty())
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.index().len() + self.providers.as_ref().map_or(0, |p| p.len())
    }

    /// The paths an alias stands for, in the order of the table; names compare without case. Nearly always none or one.
    pub fn paths(&self, alias: &str) -> Vec<&str> {
        if self.text.is_empty() {
            return Vec::new();
        }
        let starts: &[u32] = match self.index().get(&folded_hash(alias)) {
            None => &[],
            Some(Rows::One(start)) => std::slice::from_ref(start),
            Some(Rows::More(starts)) => starts,
        };
        starts
            .iter()
            .filter_map(|start| row(self.text.get(*start as usize..)?))
            .filter(|(name, _)| name.eq_ignore_ascii_case(alias))
            .map(|(_, path)| path)
            .collect()
    }

    /// The paths an alias stands for on a type (lower case), at an api-version.
    pub(crate) fn paths_of(&self, alias: &str, kind: &str, api_version: &str) -> Vec<&str> {
        match &self.providers {
            Some(providers) => providers.path(alias, kind, api_version).into_iter().collect(),
            None => self.paths(alias),
        }
    }

    /// The paths an alias (lower case) stands for, taken apart; where the catalogue has none, what its name suggests.
    pub(crate) fn parsed(
        &self,
        alias: &str,
        kind: &str,
        api_version: &str,
        suggested: impl FnOnce() -> Path,
    ) -> Arc<[Path]> {
        let parse = || {
            let known = self.paths_of(alias, kind, api_version).into_iter();
            let mut paths: Vec<Path> = known.map(|p| Path { steps: path::parse(p), structural: false }).collect();
            if paths.is_empty() {
                paths.push(suggested());
            }
            Arc::from(paths)
        };
        if self.providers.is_some() {
            return parse();
        }
        // A lock that broke is read as an empty memory.
        if let Some(known) = self.parsed.read().ok().and_then(|parsed| parsed.get(alias).cloned()) {
            return known;
        }
        let paths: Arc<[Path]> = parse();
        if let Ok(mut parsed) = self.parsed.write() {
            parsed.insert(alias.into(), Arc::clone(&paths));
        }
        paths
    }

    /// May `modify` change it? `None`: this catalogue does not say.
    pub(crate) fn is_modifiable(&self, alias: &str, kind: &str, api_version: &str) -> Option<bool> {
        self.providers.as_ref()?.is_modifiable(alias, kind, api_version)
    }

    /// May `modify` change it at some api-version? `None`: this catalogue does not say.
    pub(crate) fn is_ever_modifiable(&self, alias: &str, kind: &str) -> Option<bool> {
        self.providers.as_ref()?.is_ever_modifiable(alias, kind)
    }

    /// Does the type (lower case) support tags and location? `None`: this catalogue does not say.
    pub(crate) fn is_indexed(&self, kind: &str) -> Option<bool> {
        self.providers.as_ref()?.is_indexed(kind)
    }

    /// How many names each type has, types in lower case: what a catalogue covers.
    pub fn types(&self) -> BTreeMap<String, usize> {
        let mut types = BTreeMap::new();
        let told = self.providers.iter().flat_map(|p| p.names());
        for name in self.text.lines().filter_map(row).map(|(name, _)| name).chain(told) {
            if let Some((kind, _)) = name.rsplit_once('/') {
                *types.entry(kind.to_ascii_lowercase()).or_insert(0) += 1;
            }
        }
        types
    }

    fn index(&self) -> &FxHashMap<u64, Rows> {
        self.index.get_or_init(|| {
            let mut index: FxHashMap<u64, Rows> = FxHashMap::default();
            index.reserve(self.text.len() / 100);
            let mut start = 0;
            for line in self.text.split_inclusive('\n') {
                if let (Some((name, _)), Ok(at)) = (row(line), u32::try_from(start)) {
                    index
                        .entry(folded_hash(name))
                        .and_modify(|rows| match rows {
                            Rows::One(first) => *rows = Rows::More(vec![*first, at]),
                            Rows::More(starts) => starts.push(at),
                        })
                        .or_insert(Rows::One(at));
                }
                start += line.len();
            }
            index
        })
    }
}

impl fmt::Debug for Aliases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aliases({} names)", self.len())
    }
}

fn row(text: &str) -> Option<(&str, &str)> {
    let line = text.split(['\r', '\n']).next()?;
    let (name, path) = line.split_once(',')?;
    name.contains('/').then_some((name.trim(), path.trim()))
}

fn folded_hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    for chunk in text.as_bytes().chunks(8) {
        let mut word = [0_u8; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = from.to_ascii_lowercase();
        }
        hasher.write_u64(u64::from_le_bytes(word));
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_found_without_case() {
        let aliases = Aliases::from_csv(
            "alias,path\r\nM.A/b/c.d,properties.c.d\r\nM.A/image,properties.x.image\r\n\r\nM.A/IMAGE,properties.y.image\r\n",
        );
        assert_eq!(aliases.paths("m.a/B/C.D"), ["properties.c.d"]);
        assert_eq!(aliases.paths("M.A/image"), ["properties.x.image", "properties.y.image"]);
        assert_eq!(aliases.paths("M.A/b/c"), Vec::<&str>::new());
        assert_eq!(aliases.len(), 2);
        assert_eq!(aliases.types().get("m.a"), Some(&2));
        assert!(Aliases::default().paths("M.A/image").is_empty());
    }
}
