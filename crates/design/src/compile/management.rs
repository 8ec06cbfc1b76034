//! The management landing zone: where logs go, and Defender's plans.

use glidepath_arm::ResourceId;
use serde_json::json;

use super::{Compiler, Context, under};

const WORKSPACE: &str = "Microsoft.OperationalInsights/workspaces";

impl Compiler<'_> {
    /// The id of the workspace that all logs go to.
    pub(super) fn workspace_id(&self) -> ResourceId {
        let context = self.platform("management", "management", self.home());
        self.id(&context, "001", WORKSPACE, "", "001")
    }

    pub(super) fn management(&mut self) {
        let path = "platform/management";
        let context = self.platform("management", "management", self.home());
        self.add_group(&context, "001", path);
        let workspace = self.workspace.clone();
        // Without an Azure Monitor private link scope, agents reach the workspace by its public endpoint only.
        let body = json!({
            "location": context.region,
            "tags": context.tags,
            "properties": {
                "sku": { "name": "PerGB2018" },
                "retentionInDays": self.design.platform.management.log_retention_days,
                "features": { "disableLocalAuth": true, "enableLogAccessUsingOnlyResourcePermissions": true },
                "publicNetworkAccessForIngestion": "Enabled",
                "publicNetworkAccessForQuery": "Enabled",
            },
        });
        self.add(&context, workspace, body, "platform/management/logRetentionDays", Vec::new());
        for (area, _) in self.design.platform_subscriptions() {
            let context = self.platform(area, area, self.home());
            self.defender(&context);
        }
    }

    /// Defender's plans of one subscription.
    pub(super) fn defender(&mut self, context: &Context<'_>) {
        let scope = ResourceId::subscription(&context.subscription);
        let placement = self.placement(&context.subscription);
        let mut before: Vec<ResourceId> = placement.into_iter().collect();
        for (i, plan) in self.design.platform.management.defender.iter().enumerate() {
            let id = under(&scope, "Microsoft.Security/pricings", plan.pricing());
            let body = json!({ "properties": { "pricingTier": "Standard" } });
            let id = self.add(context, id, body, &format!("platform/management/defender/{i}"), before);
            // Defender refuses two plans of a subscription at a time.
            before = vec![id];
        }
    }
}
