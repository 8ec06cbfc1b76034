//! Compliance of many resources together: per assignment, per group of an initiative, per management group.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/compliance-states: the strongest state of a resource counts; the
//! percentage is (compliant + exempt + unknown) of all resources that policies are applicable to.

use std::collections::BTreeMap;

use glidepath_arm::ResourceId;
use glidepath_estate::Hierarchy;
use serde::Serialize;

use crate::compliance::state;
use crate::{ComplianceState, Verdict};

/// How many resources are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// A policy is violated.
    pub non_compliant: usize,
    /// All applicable policies are met.
    pub compliant: usize,
    /// Policies contradict each other.
    pub conflict: usize,
    /// An exemption holds.
    pub exempt: usize,
    /// Nobody can tell.
    pub unknown: usize,
}

impl Tally {
    fn add(&mut self, state: ComplianceState) {
        *match state {
            ComplianceState::NonCompliant => &mut self.non_compliant,
            ComplianceState::Compliant => &mut self.compliant,
            ComplianceState::Conflict => &mut self.conflict,
            ComplianceState::Exempt => &mut self.exempt,
            ComplianceState::Unknown => &mut self.unknown,
        } += 1;
    }

    /// All resources.
    pub fn total(&self) -> usize {
        self.non_compliant + self.compliant + self.conflict + self.exempt + self.unknown
    }

    /// Percent of them that count as compliant, rounded down; 100 where there are none.
    pub fn percentage(&self) -> usize {
        let good = self.compliant + self.exempt + self.unknown;
        (100 * good).checked_div(self.total()).unwrap_or(100)
    }
}

/// The compliance of an estate.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// All resources.
    pub all: Tally,
    /// By assignment.
    pub assignments: BTreeMap<ResourceId, Tally>,
    /// By initiative, and by the groups of its members (regulatory controls).
    pub groups: BTreeMap<ResourceId, BTreeMap<String, Tally>>,
    /// By management group; a resource counts in all that it is below.
    pub management_groups: BTreeMap<ResourceId, Tally>,
}

impl Summary {
    /// Adds the verdict on a resource: of a scan, with what is compliant listed (see [`crate::compliance()`]).
    pub fn add(&mut self, id: &ResourceId, verdict: &Verdict, hierarchy: &Hierarchy) {
        let (mut whole, mut assignments, mut groups) = (None, BTreeMap::new(), BTreeMap::new());
        for contributor in &verdict.contributors {
            let own = state(contributor);
            let stronger = |known: Option<ComplianceState>| known.map_or(own, |known: ComplianceState| known.min(own));
            whole = Some(stronger(whole));
            let at = assignments.entry(contributor.assignment.id.clone()).or_insert(own);
            *at = stronger(Some(*at));
            for group in contributor.initiative.iter().flat_map(|i| contributor.groups.iter().map(|g| (&i.id, g))) {
                let at = groups.entry((group.0.clone(), group.1.clone())).or_insert(own);
                *at = stronger(Some(*at));
            }
        }
        let Some(whole) = whole else { return };
        self.all.add(whole);
        for (assignment, state) in assignments {
            self.assignments.entry(assignment).or_default().add(state);
        }
        for ((initiative, group), state) in groups {
            self.groups.entry(initiative).or_default().entry(group).or_default().add(state);
        }
        for scope in hierarchy.scopes_of(id) {
            if scope.resource_type().is_some_and(|t| t.is("Microsoft.Management/managementGroups")) {
                self.management_groups.entry(scope).or_default().add(whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, NothingKnown, Operation, Request};
    use glidepath_arm::Value;
    use serde_json::json;

    #[test]
    fn percentages_count_what_is_not_violated() {
        let mut engine = Engine::new();
        let of = "/providers/Microsoft.Authorization";
        let rule = |kind: &str| {
            json!({"properties": {"mode": "All", "policyRule":
                {"if": {"field": "kind", "equals": kind}, "then": {"effect": "audit"}}}})
        };
        let member = |name: &str| {
            json!({"policyDefinitionId": format!("{of}/policyDefinitions/{name}"), "policyDefinitionReferenceId": name,
                "groupNames": [name]})
        };
        let assigned = json!({"properties": {"policyDefinitionId": format!("{of}/policySetDefinitions/s")}});
        for (id, body) in [
            (format!("{of}/policyDefinitions/bad"), rule("Bad")),
            (format!("{of}/policyDefinitions/worse"), rule("Worse")),
            (
                format!("{of}/policySetDefinitions/s"),
                json!({"properties": {"policyDefinitions": [member("bad"), member("worse")]}}),
            ),
            (format!("/providers/Microsoft.Management/managementGroups/top{of}/policyAssignments/a"), assigned),
        ] {
            assert_eq!(engine.upsert(&ResourceId::new(&id), &Value::from(body)), []);
        }
        let mut hierarchy = Hierarchy::default();
        hierarchy.place(ResourceId::subscription("s"), ResourceId::management_group("top"));
        let mut summary = Summary::default();
        for (name, kind) in [("a", "Bad"), ("b", "Good"), ("c", "Good"), ("d", "Worse")] {
            let id = ResourceId::new(&format!("/subscriptions/s/resourceGroups/rg/providers/M.A/b/{name}"));
            let body = Value::from(json!({"kind": kind}));
            let verdict = engine.evaluate(&Request {
                id: &id,
                body: &body,
                api_version: "2025-01-01",
                operation: Operation::Scan,
                hierarchy: &hierarchy,
                subscription: Value::Null,
                resource_group: Value::Null,
                related: &NothingKnown,
                now: 0,
                list_compliant: true,
            });
            summary.add(&id, &verdict, &hierarchy);
        }
        assert_eq!((summary.all.total(), summary.all.percentage()), (4, 50));
        let group = |name: &str| summary.groups.values().next().and_then(|g| g.get(name)).unwrap().percentage();
        assert_eq!((group("bad"), group("worse")), (75, 75));
        assert_eq!(summary.assignments.len(), 1);
        assert_eq!(summary.management_groups.get(&ResourceId::management_group("top")).unwrap().non_compliant, 2);
        assert_eq!(Tally::default().percentage(), 100);
    }
}
