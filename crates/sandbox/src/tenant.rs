//! The tenant itself.

use serde_json::json;

use crate::answer::{Answer, Reply};
use crate::sandbox::Sandbox;

impl Sandbox {
    /// `GET /tenants`
    pub(crate) fn list_tenants(&self) -> Reply {
        Ok(Answer::ok(json!({"value": [{
            "id": format!("/tenants/{}", self.tenant),
            "tenantId": self.tenant,
            "displayName": "Sandbox",
            "defaultDomain": "sandbox.onmicrosoft.com",
            "domains": ["sandbox.onmicrosoft.com"],
            "tenantCategory": "Home",
            "tenantType": "AAD",
            "countryCode": "",
        }]})))
    }

    /// `GET {subscription}/locations`
    pub(crate) fn list_locations(&self, subscription: &glidepath_arm::ResourceId) -> Reply {
        self.get_subscription(subscription)?;
        let locations: Vec<serde_json::Value> = crate::providers::LOCATIONS
            .iter()
            .map(|(name, display)| {
                json!({
                    "id": format!("{subscription}/locations/{name}"),
                    "name": name,
                    "type": "Region",
                    "displayName": display,
                    "regionalDisplayName": display,
                    "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
                })
            })
            .collect();
        Ok(Answer::ok(json!({"value": locations})))
    }
}
