//! What small assets say of an assignment for the resources at and below their scope: exemptions hold it back, enrollments
//! let it bite (enforcement mode Enroll), attestations tell the state of its manual policies.
//!
//! Source: Microsoft Learn, exemption-structure, enrollment-structure (2026-07-30), attestation-structure.

use std::collections::BTreeMap;
use std::sync::Arc;

use glidepath_arm::{ResourceId, Value};
use jiff::Timestamp;
use rustc_hash::FxHashMap;

use crate::ComplianceState;
use crate::assignment::{Selector, selected, selectors};
use crate::author::Author;
use crate::definition::properties;
use crate::operator::instant;
use crate::subject::Subject;

/// An exemption, enrollment or attestation.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) id: ResourceId,
    pub(crate) scope: ResourceId,
    pub(crate) assignment: ResourceId,
    /// In lower case; empty for all members.
    references: Vec<String>,
    expires: Option<Timestamp>,
    selectors: Vec<Vec<Selector>>,
    /// What an attestation says.
    pub(crate) state: Option<ComplianceState>,
}

impl Claim {
    /// Reads an exemption. `None` when it is of no use; the author then holds the reason.
    pub(crate) fn exemption(id: &ResourceId, body: &Value, author: &mut Author<'_>) -> Option<Self> {
        match author.text(properties(body), "exemptionCategory").as_deref() {
            Some(category) if category.eq_ignore_ascii_case("waiver") || category.eq_ignore_ascii_case("mitigated") => {
            }
            Some(other) => {
                author.error(
                    "policy/unknown-category",
                    format!("`exemptionCategory` is Waiver or Mitigated, not `{other}`"),
                );
            }
            None => author.error("policy/missing-field", "an exemption needs `exemptionCategory`"),
        }
        Self::read(id, body, author)
    }

    /// Reads an attestation, as [`Claim::exemption`] does.
    pub(crate) fn attestation(id: &ResourceId, body: &Value, author: &mut Author<'_>) -> Option<Self> {
        let text = author.text(properties(body), "complianceState");
        let state = match text.as_deref().map(str::to_ascii_lowercase).as_deref() {
            Some("compliant") => Some(ComplianceState::Compliant),
            Some("noncompliant" | "non-compliant") => Some(ComplianceState::NonCompliant),
            None | Some("unknown") => Some(ComplianceState::Unknown),
            Some(other) => {
                author.error("policy/unknown-state", format!("there is no compliance state `{other}`"));
                None
            }
        };
        Some(Self { state, ..Self::read(id, body, author)? })
    }

    /// Reads what all three have.
    pub(crate) fn read(id: &ResourceId, body: &Value, author: &mut Author<'_>) -> Option<Self> {
        let properties = properties(body);
        let Some(assignment) = author.text(properties, "policyAssignmentId") else {
            author.error("policy/missing-field", "it needs `policyAssignmentId`");
            return None;
        };
        let expires = author.text(properties, "expiresOn").and_then(|text| {
            let at = instant(&text);
            if at.is_none() {
                author.error("policy/bad-date", format!("`expiresOn` is no date: `{text}`"));
            }
            at
        });
        let mut references = author.texts(properties, "policyDefinitionReferenceIds");
        references.extend(author.text(properties, "policyDefinitionReferenceId"));
        let resource_selectors =
            author.list(properties, "resourceSelectors").iter().map(|s| selectors(s, author)).collect();
        let scope = id.parent()?;
        (!author.has_errors()).then(|| Self {
            id: id.clone(),
            scope,
            assignment: ResourceId::new(&assignment),
            references: references.iter().map(|r: &Arc<str>| r.to_ascii_lowercase()).collect(),
            expires,
            selectors: resource_selectors,
            state: None,
        })
    }

    /// Does it speak of a member of its assignment for this resource, now? The caller has looked at the scope.
    pub(crate) fn covers(&self, reference: Option<&str>, subject: &Subject<'_>, now: i64) -> bool {
        let lasts = self.expires.is_none_or(|end| end.as_second() > now);
        let named =
            self.references.is_empty() || reference.is_some_and(|r| self.references.contains(&r.to_ascii_lowercase()));
        lasts && named && selected(&self.selectors, subject)
    }
}

/// All claims of one kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Claims {
    known: BTreeMap<ResourceId, Claim>,
    /// Assignment → its claims, in the order of their ids.
    of: FxHashMap<ResourceId, Vec<ResourceId>>,
}

impl Claims {
    pub(crate) fn insert(&mut self, claim: Claim) {
        self.remove(&claim.id);
        let list = self.of.entry(claim.assignment.clone()).or_default();
        if let Err(at) = list.binary_search(&claim.id) {
            list.insert(at, claim.id.clone());
        }
        self.known.insert(claim.id.clone(), claim);
    }

    pub(crate) fn remove(&mut self, id: &ResourceId) {
        if let Some(claim) = self.known.remove(id)
            && let Some(list) = self.of.get_mut(&claim.assignment)
        {
            list.retain(|other| other != id);
        }
    }

    pub(crate) fn contains(&self, id: &ResourceId) -> bool {
        self.known.contains_key(id)
    }

    /// Those of an assignment.
    pub(crate) fn of(&self, assignment: &ResourceId) -> impl Iterator<Item = &Claim> {
        self.of.get(assignment).into_iter().flatten().filter_map(|id| self.known.get(id))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Claim> {
        self.known.values()
    }
}
