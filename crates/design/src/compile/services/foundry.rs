//! The Foundry account, its project, its content filters and model deployments.

use glidepath_arm::ResourceId;
use serde_json::{Value as Json, json};

use super::{Site, own_identity, with};
use crate::compile::Compiler;
use crate::{ContentFilter, Model};

/// The account. Online workloads may be reached through the AI gateway's allowed addresses, corp ones not at all.
pub(super) fn account(site: &Site<'_, '_>, subdomain: &str) -> Json {
    let properties = json!({
        "allowProjectManagement": true,
        "customSubDomainName": subdomain,
        "disableLocalAuth": true,
        "publicNetworkAccess": if site.is_online() { "Enabled" } else { "Disabled" },
        "networkAcls": { "defaultAction": "Deny", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": [] },
        "restrictOutboundNetworkAccess": false,
        "networkInjections": [{
            "scenario": "agent",
            "subnetArmId": site.spoke.subnet("agents").as_str(),
            "useMicrosoftManagedNetwork": false,
        }],
    });
    with(with(site.body(properties), own_identity()), json!({ "kind": "AIServices", "sku": { "name": "S0" } }))
}

impl Compiler<'_> {
    /// What lives in the account. Azure changes one thing of an account at a time, so each waits for the one before.
    pub(super) fn foundry(&mut self, site: &Site<'_, '_>) {
        let project = site.id.child("projects", &site.workload.name);
        let body = with(site.body(json!({ "displayName": site.workload.name, "description": "" })), own_identity());
        let mut before = self.add(site.context, project, body, site.path, Vec::new());

        let models = &site.workload.models;
        if models.iter().any(|m| m.content_filter == ContentFilter::Strict) {
            let filter = site.id.child("raiPolicies", ContentFilter::Strict.name());
            before = self.add(site.context, filter, strict_filter(), site.path, vec![before]);
        }
        for (i, model) in models.iter().enumerate() {
            let path = format!("workloads/{}/models/{i}", site.workload.name);
            let id = site.id.child("deployments", &model.name);
            before = self.add(site.context, id, deployment(model), &path, depends(&before));
        }
    }
}

fn depends(before: &ResourceId) -> Vec<ResourceId> {
    vec![before.clone()]
}

/// A deployment. Capacity counts thousands of tokens a minute for pay-as-you-go SKUs.
fn deployment(model: &Model) -> Json {
    let filter = match model.content_filter {
        ContentFilter::Default => "Microsoft.DefaultV2",
        ContentFilter::Strict => ContentFilter::Strict.name(),
    };
    json!({
        "sku": { "name": model.sku, "capacity": model.peak_tokens_per_minute.div_ceil(1000) },
        "properties": {
            "model": { "format": model.format, "name": model.name, "version": model.version },
            "versionUpgradeOption": model.upgrade.option(),
            "raiPolicyName": filter,
        },
    })
}

/// Blocks the four kinds of harm from low severity on, both ways, and attacks on the prompt.
fn strict_filter() -> Json {
    let mut filters = Vec::new();
    for name in ["Hate", "Sexual", "Violence", "Selfharm"] {
        for source in ["Prompt", "Completion"] {
            filters.push(json!({
                "name": name, "source": source, "severityThreshold": "Low", "blocking": true, "enabled": true,
            }));
        }
    }
    for (name, source) in [
        ("Jailbreak", "Prompt"),
        ("Indirect Attack", "Prompt"),
        ("Protected Material Text", "Completion"),
        ("Protected Material Code", "Completion"),
    ] {
        filters.push(json!({ "name": name, "source": source, "blocking": true, "enabled": true }));
    }
    json!({ "properties": { "basePolicyName": "Microsoft.DefaultV2", "mode": "Blocking", "contentFilters": filters } })
}
