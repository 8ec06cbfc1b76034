//! The engine: takes assets, judges requests.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Hierarchy, Resource};
use glidepath_source::Finding;
use rustc_hash::FxHashMap;

use crate::assignment::Assignment;
use crate::author::Author;
use crate::bind::{Assets, Bound, dangling_member};
use crate::claim::{Claim, Claims};
use crate::definition::Definition;
use crate::field::Fields;
use crate::initiative::Initiative;
use crate::{Aliases, AssetKind, Mode, Named, Semantics, Verdict, judge};

/// All assets known, and what they mean together.
///
/// Definitions are compiled when they come; an assignment is put together with its definitions when it is first needed,
/// and again after one of them has changed.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    pub(crate) aliases: Aliases,
    pub(crate) semantics: Semantics,
    pub(crate) fields: Fields,
    definitions: FxHashMap<ResourceId, Arc<Definition>>,
    initiatives: BTreeMap<ResourceId, Arc<Initiative>>,
    assignments: BTreeMap<ResourceId, Entry>,
    /// Bodies of other versions, by the id without the version.
    definition_versions: FxHashMap<ResourceId, Vec<Arc<Definition>>>,
    initiative_versions: FxHashMap<ResourceId, Vec<Arc<Initiative>>>,
    exemptions: Claims,
    enrollments: Claims,
    attestations: Claims,
    /// Scope → its assignments, in the order of their ids: the same entries, found without comparing long ids.
    by_scope: FxHashMap<ResourceId, Vec<Entry>>,
}

/// An assignment and what it comes to, once asked for.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) assignment: Arc<Assignment>,
    /// Shared between the two maps, and by clones of the engine until one of them changes.
    bound: Arc<OnceLock<Arc<Bound>>>,
}

/// What is done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// PUT or PATCH (the body is the whole content after the patch).
    Write,
    /// PATCH of nothing but tags (the body is the whole content after it): only rules that look at tags are evaluated.
    PatchTags,
    /// DELETE.
    Delete,
    /// A scan of what exists: effects do not happen, compliance is judged.
    Scan,
}

/// One question to the engine.
pub struct Request<'a> {
    /// The resource.
    pub id: &'a ResourceId,
    /// Its body, as [`Resource::body`].
    pub body: &'a Value,
    /// The api-version of the request.
    pub api_version: &'a str,
    /// What is done.
    pub operation: Operation,
    /// Where the resource's scopes lie in the tree.
    pub hierarchy: &'a Hierarchy,
    /// `subscription()`: id, subscriptionId, displayName, tenantId, tags. `Null` where there is none.
    pub subscription: Value,
    /// `resourceGroup()`: id, name, location, tags, managedBy. `Null` where there is none.
    pub resource_group: Value,
    /// Related resources, for auditIfNotExists and deployIfNotExists.
    pub related: &'a dyn Related,
    /// The time, in seconds since 1970, for `utcNow()` and expiring exemptions.
    pub now: i64,
    /// Also list what is applicable and compliant.
    pub list_compliant: bool,
}

/// What to look for in the estate.
#[derive(Debug, Clone, PartialEq)]
pub struct RelatedQuery {
    /// The resource type.
    pub resource_type: String,
    /// The scope to search: the parent resource, a resource group or a subscription.
    pub scope: ResourceId,
    /// The exact name, or `parent/?` patterns.
    pub name: Option<String>,
}

/// Where related resources are found: an estate, the sandbox's state, an expansion.
pub trait Related {
    /// The resources that fit. `None`: it cannot be known here (verdicts become "depends on").
    fn find(&self, query: &RelatedQuery) -> Option<Vec<Resource>>;
}

/// What is in force at a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InForce {
    /// The assignments, by id, outermost scope first.
    pub assignments: Vec<ResourceId>,
    /// Policy instances: one per assigned definition, one per member of an assigned initiative.
    pub instances: usize,
    /// Those in modes All and Indexed.
    pub arm_mode_instances: usize,
}

impl Engine {
    /// An engine without assets.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same engine with an alias catalogue. Without one, aliases are resolved by looking at the resource.
    pub fn with_aliases(mut self, aliases: Aliases) -> Self {
        self.aliases = aliases;
        self
    }

    /// The same engine under other readings of disputed passages.
    pub fn with_semantics(mut self, semantics: Semantics) -> Self {
        self.semantics = semantics;
        self
    }

    /// Adds or replaces an asset; the kind follows from the id's type. `body` is the ARM body (`{properties: {…}}`, for
    /// assignments also `identity` and `location`). A bad asset is kept out and told; the engine stays usable.
    ///
    /// Assets may come in any order: what an asset names need not be here yet (see [`Engine::dangling`]). The parameters of
    /// an assignment are checked as far as its definitions are here (see [`Engine::check`]).
    pub fn upsert(&mut self, id: &ResourceId, body: &Value) -> Vec<Finding> {
        let Some(kind) = kind_of(id) else {
            return vec![
                Finding::error("policy/unknown-asset", format!("`{id}` is no policy asset"))
                    .about(id.as_str())
                    .help("ids of assets end in policyDefinitions, policySetDefinitions (with or without versions), policyAssignments, policyExemptions, policyEnrollments or attestations and a name"),
            ];
        };
        let asset = id;
        let version_of = base_of_version(id);
        let id = version_of.as_ref().unwrap_or(id);
        let mut fields = std::mem::take(&mut self.fields);
        let mut author = Author::new(asset.as_str(), &mut fields);
        let read = match kind {
            AssetKind::Definition => Definition::compile(id, body, &mut author).map(|mut d| {
                if version_of.is_none() {
                    self.definitions.insert(id.clone(), Arc::new(d));
                } else {
                    d.named.version = Some(asset.name().to_owned());
                    let list = self.definition_versions.entry(id.clone()).or_default();
                    list.retain(|other| other.named.version != d.named.version);
                    list.push(Arc::new(d));
                }
            }),
            AssetKind::Initiative => Initiative::compile(id, body, &mut author).map(|mut i| {
                if version_of.is_none() {
                    self.initiatives.insert(id.clone(), Arc::new(i));
                } else {
                    i.named.version = Some(asset.name().to_owned());
                    let list = self.initiative_versions.entry(id.clone()).or_default();
                    list.retain(|other| other.named.version != i.named.version);
                    list.push(Arc::new(i));
                }
            }),
            AssetKind::Assignment => Assignment::read(id, body, &mut author).map(|a| {
                let entry = Entry { assignment: Arc::new(a), bound: Arc::default() };
                let list = self.by_scope.entry(entry.assignment.scope.clone()).or_default();
                match list.binary_search_by(|other| other.assignment.named.id.cmp(id)) {
                    Ok(at) => {
                        if let Some(old) = list.get_mut(at) {
                            *old = entry.clone();
                        }
                    }
                    Err(at) => list.insert(at, entry.clone()),
                }
                self.assignments.insert(id.clone(), entry);
            }),
            AssetKind::Exemption => Claim::exemption(id, body, &mut author).map(|c| self.exemptions.insert(c)),
            AssetKind::Enrollment => Claim::read(id, body, &mut author).map(|c| self.enrollments.insert(c)),
            AssetKind::Attestation => Claim::attestation(id, body, &mut author).map(|c| self.attestations.insert(c)),
        };
        let mut findings = author.finish();
        self.fields = fields;
        if read.is_some() {
            match kind {
                AssetKind::Definition | AssetKind::Initiative => self.unbind(id),
                AssetKind::Assignment => {
                    let bound = self.assignments.get(id).map(|entry| self.bound(entry));
                    findings.extend(bound.iter().flat_map(|b| b.findings.iter().cloned()));
                }
                AssetKind::Exemption | AssetKind::Enrollment | AssetKind::Attestation => {}
            }
        }
        findings
    }

    /// Takes an asset out.
    pub fn remove(&mut self, id: &ResourceId) {
        if let Some(base) = base_of_version(id) {
            let is_it = |named: &Named| named.version.as_deref() == Some(id.name());
            if let Some(list) = self.definition_versions.get_mut(&base) {
                list.retain(|d| !is_it(&d.named));
            }
            if let Some(list) = self.initiative_versions.get_mut(&base) {
                list.retain(|i| !is_it(&i.named));
            }
            self.unbind(&base);
            return;
        }
        match kind_of(id) {
            Some(AssetKind::Definition) => {
                self.definitions.remove(id);
                self.unbind(id);
            }
            Some(AssetKind::Initiative) => {
                self.initiatives.remove(id);
                self.unbind(id);
            }
            Some(AssetKind::Assignment) => {
                if let Some(entry) = self.assignments.remove(id)
                    && let Some(list) = self.by_scope.get_mut(&entry.assignment.scope)
                {
                    list.retain(|other| other.assignment.named.id != *id);
                }
            }
            Some(AssetKind::Exemption) => self.exemptions.remove(id),
            Some(AssetKind::Enrollment) => self.enrollments.remove(id),
            Some(AssetKind::Attestation) => self.attestations.remove(id),
            None => {}
        }
    }

    /// Is there such an asset?
    pub fn contains(&self, kind: AssetKind, id: &ResourceId) -> bool {
        match kind {
            AssetKind::Definition => self.definitions.contains_key(id),
            AssetKind::Initiative => self.initiatives.contains_key(id),
            AssetKind::Assignment => self.assignments.contains_key(id),
            AssetKind::Exemption => self.exemptions.contains(id),
            AssetKind::Enrollment => self.enrollments.contains(id),
            AssetKind::Attestation => self.attestations.contains(id),
        }
    }

    /// What is in force at a scope.
    pub fn in_force(&self, scope: &ResourceId, hierarchy: &Hierarchy) -> InForce {
        let mut in_force = InForce::default();
        for entry in self.entries_at(scope, &hierarchy.scopes_of(scope)) {
            in_force.assignments.push(entry.assignment.named.id.clone());
            let bound = self.bound(entry);
            in_force.instances += bound.instances.len();
            in_force.arm_mode_instances +=
                bound.instances.iter().filter(|i| !matches!(i.definition.mode, Mode::Provider(_))).count();
        }
        in_force
    }

    /// Assignments that name a definition or initiative that is not here, initiative members that are missing, and
    /// exemptions without their assignment.
    pub fn dangling(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for initiative in self.initiatives.values() {
            for member in initiative.members.iter().filter(|m| !self.has_definition(&m.definition)) {
                findings.push(dangling_member(&initiative.named, member));
            }
        }
        for entry in self.assignments.values() {
            let target = &entry.assignment.target;
            if !self.has_definition(target) && !self.has_initiative(target) {
                findings.extend(self.bound(entry).missing.iter().cloned());
            }
        }
        for exemption in self.exemptions.iter().filter(|e| !self.assignments.contains_key(&e.assignment)) {
            findings.push(
                Finding::warning(
                    "policy/dangling-exemption",
                    format!("the exemption names `{}`, which is not here", exemption.assignment),
                )
                .about(exemption.id.as_str())
                .help("remove the exemption, or correct `policyAssignmentId`"),
            );
        }
        findings
    }

    /// What is wrong with the parameters of all assignments, now that everything is here.
    pub fn check(&self) -> Vec<Finding> {
        self.assignments.values().flat_map(|entry| self.bound(entry).findings.clone()).collect()
    }

    /// Judges one request.
    pub fn evaluate(&self, request: &Request<'_>) -> Verdict {
        judge::judge(self, request)
    }

    /// The assignments that apply to a scope or resource, outermost scope first; `scopes` are those around it.
    pub(crate) fn entries_at<'e>(&'e self, id: &ResourceId, scopes: &[ResourceId]) -> Vec<&'e Entry> {
        let mut found = Vec::new();
        let mut at = |scope: &ResourceId| {
            for entry in self.by_scope.get(scope).into_iter().flatten() {
                let left_out = |not: &ResourceId| scopes.contains(not) || id.is_within(not);
                if !entry.assignment.not_scopes.iter().any(left_out) {
                    found.push(entry);
                }
            }
        };
        scopes.iter().for_each(&mut at);
        // A resource can be a scope, too: parents first.
        let mut inner = Vec::new();
        let mut next = Some(id.clone());
        while let Some(resource) = next.filter(|r| !scopes.contains(r)) {
            next = resource.parent();
            inner.push(resource);
        }
        inner.iter().rev().for_each(&mut at);
        found
    }

    /// Scopes inside this one that have assignments, or are left out of some: what holds for them does not hold for all.
    pub(crate) fn scopes_inside(&self, scope: &ResourceId) -> Vec<ResourceId> {
        let left_out = self.assignments.values().flat_map(|entry| &entry.assignment.not_scopes);
        let inside = self.by_scope.keys().chain(left_out).filter(|s| **s != *scope && s.is_within(scope));
        let mut inside: Vec<ResourceId> = inside.cloned().collect();
        inside.sort();
        inside.dedup();
        inside
    }

    pub(crate) fn bound(&self, entry: &Entry) -> Arc<Bound> {
        let assets = Assets {
            definitions: &self.definitions,
            initiatives: &self.initiatives,
            definition_versions: &self.definition_versions,
            initiative_versions: &self.initiative_versions,
        };
        Arc::clone(entry.bound.get_or_init(|| Arc::new(Bound::new(&entry.assignment, &assets))))
    }

    /// The exemptions of an assignment.
    pub(crate) fn exemptions_of(&self, assignment: &ResourceId) -> impl Iterator<Item = &Claim> {
        self.exemptions.of(assignment)
    }

    /// The enrollments in an assignment of enforcement mode Enroll.
    pub(crate) fn enrollments_of(&self, assignment: &ResourceId) -> impl Iterator<Item = &Claim> {
        self.enrollments.of(assignment)
    }

    /// What was attested of the manual policies of an assignment.
    pub(crate) fn attestations_of(&self, assignment: &ResourceId) -> impl Iterator<Item = &Claim> {
        self.attestations.of(assignment)
    }

    fn has_definition(&self, id: &ResourceId) -> bool {
        self.definitions.contains_key(id) || self.definition_versions.get(id).is_some_and(|list| !list.is_empty())
    }

    fn has_initiative(&self, id: &ResourceId) -> bool {
        self.initiatives.contains_key(id) || self.initiative_versions.get(id).is_some_and(|list| !list.is_empty())
    }

    /// Forgets what assignments made of an asset that has changed.
    fn unbind(&mut self, asset: &ResourceId) {
        for entry in self.assignments.values_mut() {
            // One not yet put together may be shared with a clone of the engine, which keeps the old asset.
            if entry.bound.get().is_some_and(|bound| !bound.made_of.contains(asset)) {
                continue;
            }
            entry.bound = Arc::default();
            let list = self.by_scope.get_mut(&entry.assignment.scope);
            let same = |other: &&mut Entry| Arc::ptr_eq(&other.assignment, &entry.assignment);
            if let Some(other) = list.and_then(|l| l.iter_mut().find(same)) {
                other.bound = Arc::clone(&entry.bound);
            }
        }
    }
}

fn kind_of(id: &ResourceId) -> Option<AssetKind> {
    let kind = id.resource_type()?;
    [
        ("Microsoft.Authorization/policyDefinitions", AssetKind::Definition),
        ("Microsoft.Authorization/policySetDefinitions", AssetKind::Initiative),
        ("Microsoft.Authorization/policyAssignments", AssetKind::Assignment),
        ("Microsoft.Authorization/policyExemptions", AssetKind::Exemption),
        ("Microsoft.Authorization/policyDefinitions/versions", AssetKind::Definition),
        ("Microsoft.Authorization/policySetDefinitions/versions", AssetKind::Initiative),
        ("Microsoft.Authorization/policyEnrollments", AssetKind::Enrollment),
        ("Microsoft.PolicyInsights/attestations", AssetKind::Attestation),
    ]
    .into_iter()
    .find(|(name, _)| kind.is(name))
    .map(|(_, kind)| kind)
}

/// `…/policyDefinitions/d` for `…/policyDefinitions/d/versions/1.2.0`.
fn base_of_version(id: &ResourceId) -> Option<ResourceId> {
    let kind = id.resource_type()?;
    let is_version = kind.is("Microsoft.Authorization/policyDefinitions/versions")
        || kind.is("Microsoft.Authorization/policySetDefinitions/versions");
    id.parent().filter(|_| is_version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// An assignment follows its definition when that changes; a clone of the engine keeps what it had.
    #[test]
    fn changed_definitions_reach_their_assignments() {
        let definition = ResourceId::new("/providers/Microsoft.Authorization/policyDefinitions/d");
        let scope = ResourceId::subscription("s");
        let assignment = ResourceId::new("/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a");
        let body = |mode: &str| {
            let rule = json!({"if": {"field": "kind", "equals": "x"}, "then": {"effect": "deny"}});
            Value::from(json!({"properties": {"mode": mode, "policyRule": rule}}))
        };
        let assigned = Value::from(json!({"properties": {"policyDefinitionId": definition.as_str()}}));
        let arm_modes = |engine: &Engine| engine.in_force(&scope, &Hierarchy::default()).arm_mode_instances;
        let mut engine = Engine::new();
        assert_eq!(engine.upsert(&assignment, &assigned), []);
        assert_eq!((arm_modes(&engine), engine.dangling().len()), (0, 1));
        assert_eq!(engine.upsert(&definition, &body("All")), []);
        let before = engine.clone();
        assert_eq!((arm_modes(&engine), engine.dangling().len()), (1, 0));
        assert_eq!(engine.upsert(&definition, &body("Microsoft.KeyVault.Data")), []);
        assert_eq!((arm_modes(&engine), arm_modes(&before)), (0, 1));
        engine.remove(&assignment);
        assert_eq!(engine.in_force(&scope, &Hierarchy::default()).assignments, []);
    }
}
