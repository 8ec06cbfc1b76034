//! What might be refused for all that is known here.

use std::collections::BTreeMap;

use glidepath_arm::template::Expansion;
use glidepath_policy::{Contributor, Effect, EnforcementMode, Outcome};
use serde::Serialize;

use super::report::{Checked, Source};

/// Something of which it is not known whether it would be refused.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Undecided {
    /// The resource's id, or what could not be looked at.
    pub(crate) what: String,
    pub(crate) source: Source,
    /// The policies that might refuse it, by their assignments; empty: any might.
    pub(crate) policies: Vec<String>,
    /// What it hangs on, each reason once.
    pub(crate) why: Vec<String>,
}

/// Would the contributor refuse the resource, if what it hangs on were so?
pub(crate) fn may_refuse(contributor: &Contributor) -> bool {
    contributor.outcome == Outcome::DependsOn
        && matches!(contributor.effect, Effect::Deny | Effect::DenyAction)
        && contributor.enforcement_mode != EnforcementMode::DoNotEnforce
        // What a resource provider judges inside its own resources does not refuse this write.
        && !contributor.unknowns.iter().any(|u| u.starts_with("mode `"))
}

/// Does the outcome hang on nothing but who deploys?
pub(crate) fn hangs_on_caller(contributor: &Contributor) -> bool {
    contributor.outcome == Outcome::DependsOn
        && !contributor.unknowns.is_empty()
        && contributor.unknowns.iter().all(|u| u.contains("`caller identity`"))
}

/// The resources whose refusal is not decided.
pub(crate) fn among(resources: &[Checked]) -> Vec<Undecided> {
    let mut undecided = Vec::new();
    for resource in resources.iter().filter(|r| !r.verdict.verdict.is_refused()) {
        let mut why: BTreeMap<String, ()> = BTreeMap::new();
        let mut policies = Vec::new();
        for contributor in resource.verdict.verdict.contributors.iter().filter(|c| may_refuse(c)) {
            let policy = format!("{} at {}", contributor.assignment.name, contributor.assignment_scope.name());
            if !policies.contains(&policy) {
                policies.push(policy);
            }
            why.extend(contributor.unknowns.iter().map(|u| (u.clone(), ())));
        }
        if !policies.is_empty() {
            let (what, source) = (resource.id.clone(), resource.source.clone());
            undecided.push(Undecided { what, source, policies, why: why.into_keys().collect() });
        }
    }
    undecided
}

/// What an expansion could not look at: templates that are not here, resources of which not even the type is known.
pub(crate) fn unseen(expansion: &Expansion) -> Vec<Undecided> {
    let codes = ["template/link-not-found", "terraform/unknown-type"];
    let findings = expansion.findings.iter().filter(|f| codes.contains(&f.code));
    let of = |finding: &glidepath_source::Finding| {
        let source = finding.place.as_ref().map(|place| Source::new(place, &finding.chain));
        Undecided {
            what: finding.message.clone(),
            source: source.unwrap_or_default(),
            policies: Vec::new(),
            why: finding.why.iter().cloned().collect(),
        }
    };
    findings.map(of).collect()
}
