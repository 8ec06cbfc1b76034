//! Waivers of policy assignments, as Azure's exemptions: they end by themselves.

use glidepath_arm::ResourceId;
use glidepath_estate::{Hierarchy, Phase};
use glidepath_source::Finding;
use serde_json::json;

use super::{Compiler, Context, under};
use crate::decode::list;
use crate::suggest::nearest;
use crate::{Waiver, WaiverKind};

const EXEMPTION: &str = "Microsoft.Authorization/policyExemptions";
const ASSIGNMENT: &str = "Microsoft.Authorization/policyAssignments";

impl<'d> Compiler<'d> {
    /// One exemption for each scope a waiver covers.
    pub(super) fn exemptions(&mut self) {
        let design = self.design;
        let hierarchy = Hierarchy::of(&self.out.estate);
        for (file, waiver) in design.waivers.iter().filter(|(_, w)| w.kind == WaiverKind::Exemption) {
            for (scope, context) in self.waived_scopes(waiver) {
                self.exemption(file, waiver, &scope, &context, &hierarchy);
            }
        }
    }

    /// `platform`: the platform's management group; a workload: the subscriptions of its environments, or of one.
    fn waived_scopes(&self, waiver: &Waiver) -> Vec<(ResourceId, Context<'d>)> {
        let mut segments = waiver.scope.split('/');
        let (Some("workloads"), Some(name)) = (segments.next(), segments.next()) else {
            let groups = &self.out.management_groups;
            let group = groups.get("platform").or_else(|| groups.values().next()).cloned();
            let context = Context { phase: Phase::Policy, ..self.platform("management", "management", self.home()) };
            return group.map(|group| (group, context)).into_iter().collect();
        };
        let only = segments.next();
        let Some(workload) = self.design.workloads.get(name) else { return Vec::new() };
        let environments = workload.environments.iter().filter(|e| only.is_none_or(|only| *e == only));
        let contexts = environments.filter_map(|e| Some(self.workload(workload, e, workload.regions_of(e).first()?)));
        contexts.map(|context| (ResourceId::subscription(&context.subscription), context)).collect()
    }

    fn exemption(
        &mut self,
        file: &str,
        waiver: &Waiver,
        scope: &ResourceId,
        context: &Context<'_>,
        hierarchy: &Hierarchy,
    ) {
        let wanted = waiver.assignment.as_deref().unwrap_or_default();
        let above = hierarchy.scopes_of(scope);
        let in_force: Vec<ResourceId> = self
            .out
            .estate
            .iter()
            .filter(|r| r.resource_type().is_some_and(|kind| kind.is(ASSIGNMENT)))
            .filter(|r| r.id.parent().is_some_and(|at| above.contains(&at)))
            .map(|r| r.id.clone())
            .collect();
        let path = format!("waivers/{file}");
        let Some(assignment) = in_force.iter().find(|id| id.name().eq_ignore_ascii_case(wanted)).cloned() else {
            let names = || in_force.iter().map(ResourceId::name);
            let help = match nearest(wanted, names()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("assignments in force there: {}", list(names())),
            };
            self.findings.push(
                Finding::error(
                    "design/unknown-assignment",
                    format!("no assignment `{wanted}` is in force at `{}`", waiver.scope),
                )
                .at_place(self.design.places.value(&format!("{path}/assignment")))
                .why("a waiver of nothing would only look like one")
                .help(help),
            );
            return;
        };
        let body = json!({ "properties": {
            "policyAssignmentId": assignment.as_str(),
            "exemptionCategory": waiver.category,
            "displayName": file,
            "description": waiver.reason,
            "expiresOn": format!("{}T23:59:59Z", waiver.expires),
            "metadata": { "approvedBy": waiver.approved_by },
        } });
        let mut before = vec![assignment];
        before.extend(self.placement(&context.subscription).filter(|_| scope.subscription_id().is_some()));
        let id = under(scope, EXEMPTION, file);
        self.add(context, id, body, &path, before);
    }
}
