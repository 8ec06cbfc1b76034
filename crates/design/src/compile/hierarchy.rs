//! Management groups, platform subscriptions and their placement; the library's policy assets.

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Phase;
use glidepath_library::{Library, Placement};
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde_json::json;

use super::{Compiler, Context};
use crate::{DeploymentSku, symbolic_subscription};

impl Compiler<'_> {
    /// Places the architecture on the tenant and the platform's subscriptions in it.
    pub(super) fn hierarchy(&mut self, library: &Library) {
        let placement = Placement {
            architecture: self.design.architecture.clone(),
            prefix: Some(self.design.organization.clone()),
            parent: None,
            location: self.home().to_owned(),
            defaults: self.defaults(library),
        };
        let (placed, findings) = library.place(&placement);
        self.findings.extend(findings);
        self.out.estate = placed.estate;
        self.out.management_groups = placed.management_groups;
        for (area, name) in self.design.platform_subscriptions() {
            let context = Context { phase: Phase::Hierarchy, ..self.platform(area, area, self.home()) };
            self.subscription(&context, name, area, &format!("platform/{area}"));
        }
    }

    /// Values for those default names of the libraries that a design has an answer to: our own library's and the public
    /// ALZ library's.
    fn defaults(&self, library: &Library) -> IndexMap<String, Value> {
        let global = self.design.workloads.values().any(|w| w.models.iter().any(|m| m.sku.is_global()));
        let skus = DeploymentSku::ALL.iter().filter(|s| global || !s.is_global()).map(|s| s.name());
        let regions = self.design.regions.iter().map(String::as_str);
        let dns = self.dns();
        let mut values = vec![
            ("allowed_locations", Value::array(regions)),
            ("allowed_deployment_skus", Value::array(skus)),
            ("log_analytics_workspace_id", Value::from(self.workspace.as_str())),
            ("private_dns_zone_subscription_id", Value::from(dns.subscription.as_str())),
            ("private_dns_zone_resource_group_name", Value::from(self.group_id(&dns, "001").name())),
            ("private_dns_zone_region", Value::from(dns.region)),
        ];
        values.extend(self.ddos_plan().map(|(_, plan)| ("ddos_protection_plan_id", Value::from(plan.as_str()))));
        values.retain(|(name, _)| library.defaults.contains_key(*name));
        values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// A subscription: its alias in the tenant, and its place under a management group of the architecture.
    pub(super) fn subscription(&mut self, context: &Context<'_>, name: &str, group: &str, path: &str) {
        let symbol = symbolic_subscription(&self.design.organization, name);
        let alias = ResourceId::new(&format!("/providers/Microsoft.Subscription/aliases/{name}"));
        let mut body = json!({ "properties": { "displayName": name, "workload": "Production" } });
        let billing = self.design.targets.azure.as_ref().and_then(|t| t.billing_scope.as_deref());
        if let (Some(scope), Some(properties)) = (billing, body.get_mut("properties").and_then(|p| p.as_object_mut())) {
            properties.insert("billingScope".to_owned(), json!(scope));
        }
        self.out.subscriptions.insert(alias.clone(), symbol.clone());
        self.add(context, alias.clone(), body, path, Vec::new());
        let parent = self.management_group(group, path);
        let placement = parent.child("subscriptions", &symbol);
        let placement = self.add(context, placement, json!({}), path, vec![alias]);
        self.placements.insert(symbol, placement);
    }

    /// The management group for a part of the design. An architecture without it is told; its root then stands in, so
    /// that the rest of the design still compiles.
    fn management_group(&mut self, wanted: &str, path: &str) -> ResourceId {
        if let Some(group) = self.out.management_groups.get(wanted) {
            return group.clone();
        }
        let known = self.out.management_groups.keys().map(String::as_str);
        self.findings.push(
            Finding::error(
                "design/no-management-group",
                format!("the architecture has no management group `{wanted}`"),
            )
            .at_place(self.design.places.value(path))
            .help(format!("choose an `architecture` that has it; this one has: {}", crate::decode::list(known))),
        );
        let root = self.out.management_groups.values().next().cloned();
        root.unwrap_or_else(|| ResourceId::management_group(&self.design.organization))
    }
}
