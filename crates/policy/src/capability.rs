//! Which resource types policy mode `indexed` looks at, and which resources policy never looks at.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use glidepath_arm::Value;

const TABLE: &str = include_str!("../../../catalogue/azure/type_capabilities.csv");

/// Type in lower case → does it support tags (and so, nearly always, location)?
fn table() -> &'static FxHashMap<String, bool> {
    static PARSED: OnceLock<FxHashMap<String, bool>> = OnceLock::new();
    PARSED.get_or_init(|| {
        let mut types = FxHashMap::default();
        for line in TABLE.lines().filter(|l| !l.starts_with('#')).skip(1) {
            let mut columns = line.split(',');
            let namespace = columns.next().unwrap_or_default();
            for (column, supports) in [(columns.next(), true), (columns.next(), false)] {
                for kind in column.unwrap_or_default().split_whitespace() {
                    types.insert(format!("{namespace}/{kind}").to_ascii_lowercase(), supports);
                }
            }
        }
        types
    })
}

/// Is the type (lower case) one that mode `indexed` evaluates: does it support tags and location?
///
/// Resource groups and subscriptions are not, although they have tags. A type that is younger than the table is judged by
/// the resource: it is indexed when the body has a `location`, or when it is a top-level type and the body has `tags`.
/// Source: MicrosoftDocs/azure-docs, policy/concepts/definition-structure-basics, "Resource Manager modes".
pub(crate) fn is_indexed(kind: &str, body: &Value) -> bool {
    if is_container(kind) {
        return false;
    }
    is_indexed_by_table(kind)
        .unwrap_or_else(|| is_indexed_by_look(kind, body.get("location").is_some(), body.get("tags").is_some()))
}

/// The same as far as the table of types knows it.
pub(crate) fn is_indexed_by_table(kind: &str) -> Option<bool> {
    table().get(kind).copied()
}

/// The same for a type that is younger than the table.
pub(crate) fn is_indexed_by_look(kind: &str, has_location: bool, has_tags: bool) -> bool {
    has_location || (has_tags && kind.split('/').count() == 2)
}

/// A subscription or resource group (type in lower case).
pub(crate) fn is_container(kind: &str) -> bool {
    matches!(kind, "microsoft.resources/subscriptions" | "microsoft.resources/resourcegroups")
        || kind == "microsoft.resources/subscriptions/resourcegroups"
}

/// Does a resource-provider mode (`Microsoft.KeyVault.Data`) look into resources of this type (lower case)? Kubernetes'
/// looks into clusters of two providers.
pub(crate) fn is_of_provider(kind: &str, mode: &str) -> bool {
    let mode = mode.to_ascii_lowercase();
    let Some(provider) = mode.strip_suffix(".data") else { return false };
    let provider = provider.strip_suffix(".v2").unwrap_or(provider);
    let namespace = kind.split('/').next().unwrap_or_default();
    namespace == provider
        || (provider == "microsoft.kubernetes" && kind == "microsoft.containerservice/managedclusters")
}

/// Does Azure Policy look at resources of this type (lower case) at all?
///
/// Source: Microsoft Learn, "Azure Policy: resources that aren't evaluated" (Azure/azure-policy README, "Known Issues").
pub(crate) fn is_evaluated(kind: &str) -> bool {
    let namespace = kind.split('/').next().unwrap_or_default();
    match namespace {
        "microsoft.resources" => is_container(kind),
        "microsoft.billing" | "microsoft.help" | "microsoft.diagnostics" => false,
        "microsoft.capacity" => !kind.starts_with("microsoft.capacity/reservationorders"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn indexed_means_tags_and_location() {
        let none = Value::Null;
        assert!(is_indexed("microsoft.network/routetables", &none));
        assert!(!is_indexed("microsoft.network/routetables/routes", &none));
        assert!(is_indexed("microsoft.cognitiveservices/accounts/projects", &none));
        assert!(!is_indexed("microsoft.resources/resourcegroups", &none));
        assert!(!is_indexed("contoso.new/things", &none));
        assert!(is_indexed("contoso.new/things", &Value::from(json!({"location": "westeurope"}))));
        assert!(table().len() > 2000);
    }

    #[test]
    fn some_resources_are_never_looked_at() {
        assert!(is_evaluated("microsoft.resources/resourcegroups"));
        assert!(!is_evaluated("microsoft.resources/deployments"));
        assert!(!is_evaluated("microsoft.billing/accounts"));
        assert!(is_evaluated("microsoft.storage/storageaccounts"));
        assert!(is_of_provider("microsoft.keyvault/vaults", "Microsoft.KeyVault.Data"));
        assert!(is_of_provider("microsoft.containerservice/managedclusters", "Microsoft.Kubernetes.Data"));
        assert!(!is_of_provider("microsoft.cognitiveservices/accounts", "Microsoft.MachineLearningServices.v2.Data"));
    }
}
