//! The landing zones of workloads: a subscription for every environment, its groups, its budget, its spokes.

use glidepath_arm::ResourceId;
use glidepath_source::Finding;
use serde_json::{Map, Value as Json, json};

use super::{Compiler, Context, under};
use crate::Workload;

impl<'d> Compiler<'d> {
    pub(super) fn landing_zones(&mut self) {
        for workload in self.design.workloads.values() {
            for environment in &workload.environments {
                let Some(first) = workload.regions_of(environment).first() else { continue };
                let path = format!("workloads/{}", workload.name);
                let context = self.workload(workload, environment, first);
                let name = self.workload_subscription(workload, environment);
                self.subscription(&context, &name, workload.exposure.name(), &format!("{path}/exposure"));
                self.budget(&context, workload, &format!("{path}/budget"));
                self.defender(&context);
                for region in workload.regions_of(environment) {
                    let context = self.workload(workload, environment, region);
                    self.add_group(&context, "network", &format!("{path}/network"));
                    if !workload.services.is_empty() {
                        self.add_group(&context, "services", &format!("{path}/services"));
                    }
                }
            }
        }
        for spoke in self.spokes.clone() {
            self.spoke(&spoke);
        }
    }

    /// Azure wants the month a budget starts in; only the rollout knows the date, and fills in the running month.
    fn budget(&mut self, context: &Context<'d>, workload: &'d Workload, path: &str) {
        let Some(budget) = &workload.budget else { return };
        let Some(contact) = &workload.owner.contact else {
            self.findings.push(
                Finding::warning("design/budget-without-contact", "nobody would hear of the budget's alerts")
                    .at_place(self.design.places.value(path))
                    .help("add `contact` to `owner`; until then no budget is made"),
            );
            return;
        };
        let notifications: Map<String, Json> = budget
            .alert_at
            .iter()
            .map(|percent| {
                let body = json!({
                    "enabled": true,
                    "operator": "GreaterThanOrEqualTo",
                    "threshold": percent,
                    "thresholdType": "Actual",
                    "contactEmails": [contact],
                });
                (format!("actual-{percent}"), body)
            })
            .collect();
        let mut properties = json!({
            "category": "Cost",
            "amount": amount(budget.monthly),
            "timeGrain": "Monthly",
            "notifications": notifications,
        });
        if let (Some(start), Some(into)) = (&budget.start, properties.as_object_mut()) {
            into.insert("timePeriod".to_owned(), json!({ "startDate": format!("{start}T00:00:00Z") }));
        }
        let scope = ResourceId::subscription(&context.subscription);
        let id = under(&scope, "Microsoft.Consumption/budgets", "monthly");
        let placement = self.placement(&context.subscription);
        self.add(context, id, json!({ "properties": properties }), path, placement.into_iter().collect());
    }
}

/// A whole amount as a whole number, as people write it.
fn amount(amount: f64) -> Json {
    if amount.fract() == 0.0 && amount.abs() < 1e15 { json!(amount as i64) } else { json!(amount) }
}
