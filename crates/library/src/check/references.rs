//! References between assets, archetypes, architectures and libraries.

use glidepath_arm::Value;
use glidepath_source::Finding;
use indexmap::IndexMap;

use crate::Library;
use crate::asset::{Architecture, Asset, AssetNames, Name, key};
use crate::place::missing_archetype;
use crate::resolve::{Referenced, Target, missing_asset, missing_reference};

impl Library {
    pub(super) fn check_dependencies(&self, findings: &mut Vec<Finding>) {
        for metadata in &self.metadata {
            for dependency in &metadata.dependencies {
                let loaded =
                    |m: &crate::Metadata| m.path.as_deref().is_some_and(|p| p.eq_ignore_ascii_case(&dependency.name));
                if !self.metadata.iter().any(loaded) {
                    let message = format!(
                        "library `{}` depends on `{}`, which is not loaded",
                        metadata.name.name, dependency.name
                    );
                    let finding = Finding::warning("library/dependency-not-loaded", message);
                    findings.push(
                        finding
                            .at_place(Some(dependency.place.clone()))
                            .help("load the library it depends on before it"),
                    );
                }
            }
        }
    }

    pub(super) fn check_archetypes(&self, findings: &mut Vec<Finding>) {
        for archetype in self.archetypes.values() {
            let (placed, removed) = (&archetype.assets, &archetype.removed);
            self.check_names(placed, findings);
            self.check_names(removed, findings);
        }
    }

    fn check_names(&self, names: &AssetNames, findings: &mut Vec<Finding>) {
        let mut check = |names: &IndexMap<String, Name>, assets: &IndexMap<String, Asset>, word: &str| {
            for (key, name) in names {
                let finding = missing_asset(word, name);
                // An override lists what its base lists: the same entry is told once.
                if !assets.contains_key(key) && !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        };
        check(&names.definitions, &self.definitions, "definition");
        check(&names.initiatives, &self.initiatives, "initiative");
        check(&names.assignments, &self.assignments, "assignment");
        check(&names.roles, &self.roles, "role definition");
    }

    pub(super) fn check_archetypes_of(&self, architecture: &Architecture, findings: &mut Vec<Finding>) {
        for name in architecture.groups.iter().flat_map(|g| &g.archetypes) {
            if !self.archetypes.contains_key(&key(&name.name)) && !name.name.eq_ignore_ascii_case("empty") {
                findings.push(missing_archetype(name));
            }
        }
    }

    pub(super) fn check_references(&self, findings: &mut Vec<Finding>) {
        for asset in self.initiatives.values() {
            let members = asset.property("policyDefinitions").and_then(Value::as_array).unwrap_or_default();
            for (number, member) in members.iter().enumerate() {
                let Some(reference) = member.get("policyDefinitionId").and_then(Value::as_str) else { continue };
                match self.resolve(reference) {
                    (Some(Referenced::Initiative), _) => {
                        findings.push(missing_reference(asset, Some(number), reference, Target::NotAReference));
                    }
                    (_, target @ (Target::Missing | Target::NotAReference)) => {
                        findings.push(missing_reference(asset, Some(number), reference, target));
                    }
                    _ => {}
                }
            }
        }
        for asset in self.assignments.values() {
            let Some(reference) = asset.property("policyDefinitionId").and_then(Value::as_str) else { continue };
            if let (_, target @ (Target::Missing | Target::NotAReference)) = self.resolve(reference) {
                findings.push(missing_reference(asset, None, reference, target));
            }
        }
    }
}
