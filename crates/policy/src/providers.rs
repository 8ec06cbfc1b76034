//! The alias catalogue as Azure's providers API gives it.
//!
//! Source: Azure/azure-rest-api-specs, Microsoft.Resources, `Provider`, `ProviderResourceType`, `Alias`, `AliasPath`.

use glidepath_arm::Value;
use rustc_hash::FxHashMap;

/// Everything a providers answer says of aliases and types.
#[derive(Debug, Default)]
pub(crate) struct Providers {
    /// Alias in lower case → what it means on each type that has it.
    aliases: FxHashMap<String, Vec<Meaning>>,
    /// Type in lower case → does it support tags and location?
    types: FxHashMap<String, bool>,
}

#[derive(Debug)]
struct Meaning {
    kind: String,
    path: String,
    modifiable: Option<bool>,
    /// Other paths, with the api-versions that have them.
    others: Vec<Other>,
}

#[derive(Debug)]
struct Other {
    path: String,
    versions: Vec<String>,
    modifiable: Option<bool>,
}

impl Providers {
    pub(crate) fn read(body: &Value) -> Option<Self> {
        let namespaces = body.as_array().or_else(|| body.get("value")?.as_array())?;
        let mut providers = Self::default();
        for namespace in namespaces {
            let name = namespace.get("namespace").and_then(Value::as_str).unwrap_or_default();
            for kind in namespace.get("resourceTypes").and_then(Value::as_array).unwrap_or_default() {
                providers.read_type(name, kind);
            }
        }
        Some(providers)
    }

    fn read_type(&mut self, namespace: &str, body: &Value) {
        let Some(name) = body.get("resourceType").and_then(Value::as_str) else { return };
        let kind = format!("{namespace}/{name}").to_ascii_lowercase();
        if let Some(capabilities) = body.get("capabilities").and_then(Value::as_str) {
            let has = |wanted: &str| capabilities.split(',').any(|own| own.trim().eq_ignore_ascii_case(wanted));
            self.types.insert(kind.clone(), has("SupportsTags") && has("SupportsLocation"));
        }
        for alias in body.get("aliases").and_then(Value::as_array).unwrap_or_default() {
            let Some(name) = alias.get("name").and_then(Value::as_str) else { continue };
            let listed = alias.get("paths").and_then(Value::as_array).unwrap_or_default();
            let others: Vec<Other> = listed.iter().filter_map(Other::read).collect();
            let path = alias.get("defaultPath").and_then(Value::as_str).map(str::to_owned);
            let Some(path) = path.or_else(|| others.last().map(|o| o.path.clone())) else { continue };
            let modifiable = alias.get("defaultMetadata").and_then(modifiable);
            let meaning = Meaning { kind: kind.clone(), path, modifiable, others };
            self.aliases.entry(name.to_ascii_lowercase()).or_default().push(meaning);
        }
    }

    /// A name may mean something on several types: the one of this type, else the first.
    fn meaning(&self, alias: &str, kind: &str) -> Option<&Meaning> {
        let all = self.aliases.get(&alias.to_ascii_lowercase())?;
        all.iter().find(|m| m.kind == kind).or_else(|| all.first())
    }

    /// The path at an api-version; the default one where that is not listed.
    pub(crate) fn path(&self, alias: &str, kind: &str, api_version: &str) -> Option<&str> {
        let meaning = self.meaning(alias, kind)?;
        Some(meaning.at(api_version).map_or(&meaning.path, |other| &other.path))
    }

    pub(crate) fn is_modifiable(&self, alias: &str, kind: &str, api_version: &str) -> Option<bool> {
        let meaning = self.meaning(alias, kind)?;
        meaning.at(api_version).and_then(|other| other.modifiable).or(meaning.modifiable)
    }

    /// May `modify` change it at some api-version? `None`: the catalogue does not say.
    pub(crate) fn is_ever_modifiable(&self, alias: &str, kind: &str) -> Option<bool> {
        let meaning = self.meaning(alias, kind)?;
        let told = meaning.others.iter().filter_map(|other| other.modifiable).chain(meaning.modifiable);
        told.reduce(|one, other| one || other)
    }

    pub(crate) fn is_indexed(&self, kind: &str) -> Option<bool> {
        self.types.get(kind).copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.aliases.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.aliases.len()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.aliases.keys().map(String::as_str)
    }
}

impl Meaning {
    fn at(&self, api_version: &str) -> Option<&Other> {
        self.others.iter().find(|other| other.versions.iter().any(|own| own.eq_ignore_ascii_case(api_version)))
    }
}

impl Other {
    fn read(body: &Value) -> Option<Self> {
        let versions = body.get("apiVersions").and_then(Value::as_array).unwrap_or_default();
        Some(Self {
            path: body.get("path").and_then(Value::as_str)?.to_owned(),
            versions: versions.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            modifiable: body.get("metadata").and_then(modifiable),
        })
    }
}

fn modifiable(metadata: &Value) -> Option<bool> {
    let attributes = metadata.get("attributes").and_then(Value::as_str)?;
    Some(attributes.split(',').any(|own| own.trim().eq_ignore_ascii_case("Modifiable")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_by_api_version_and_what_may_be_modified() {
        let list = json!([{"namespace": "M.A", "resourceTypes": [
            {"resourceType": "b", "capabilities": "SupportsTags, SupportsLocation", "aliases": [
                {"name": "M.A/b/c", "defaultPath": "properties.new", "defaultMetadata": {"attributes": "Modifiable"},
                 "paths": [{"path": "properties.old", "apiVersions": ["2020-01-01"], "metadata": {"attributes": "None"}}]}]},
            {"resourceType": "b/d", "capabilities": "None", "aliases": null}]}]);
        let providers = Providers::read(&Value::from(list)).unwrap();
        assert_eq!(providers.path("m.a/B/c", "m.a/b", "2025-01-01"), Some("properties.new"));
        assert_eq!(providers.path("M.A/b/c", "m.a/b", "2020-01-01"), Some("properties.old"));
        assert_eq!(providers.is_modifiable("M.A/b/c", "m.a/b", ""), Some(true));
        assert_eq!(providers.is_modifiable("M.A/b/c", "m.a/b", "2020-01-01"), Some(false));
        assert_eq!(providers.path("M.A/b/x", "m.a/b", ""), None);
        assert_eq!((providers.is_indexed("m.a/b"), providers.is_indexed("m.a/b/d")), (Some(true), Some(false)));
        assert!(Providers::read(&Value::from(json!({"x": 1}))).is_none());
    }
}
