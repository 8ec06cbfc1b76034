//! What the sandbox serves, in a table. `docs/sandbox.md` shows it; a test compares the two.

/// Area, paths, and what of it there is.
const SURFACE: [(&str, &str, &str); 22] = [
    (
        "discovery",
        "`/metadata/endpoints`, `/{tenant}/v2.0/.well-known/openid-configuration`, `/adfs/…`",
        "both shapes of the metadata",
    ),
    (
        "tokens",
        "`/{tenant}/oauth2/v2.0/token`, `/devicecode`, `/msi/token`",
        "client credentials, device code, refresh, managed identity",
    ),
    (
        "Graph",
        "`/graph/v1.0/servicePrincipals`, `/users`, `/me`, `/directoryObjects/getByIds`",
        "what `az role` asks for",
    ),
    ("tenants, subscriptions", "`/tenants`, `/subscriptions`, `…/locations`, `…/cancel`, `enable`, `rename`", "all"),
    ("vending", "`/providers/Microsoft.Subscription/aliases`", "synchronous; the id follows from the alias"),
    ("providers", "`{scope}/providers`, `register`, `unregister`", "state is kept; nothing is refused for it"),
    (
        "management groups",
        "`/providers/Microsoft.Management/managementGroups`, `descendants`, `subscriptions`, `getEntities`",
        "hierarchy rules, six levels",
    ),
    ("resource groups", "`{subscription}/resourceGroups`", "all but move and export"),
    (
        "resources",
        "`{scope}/providers/{namespace}/{type}/{name}`",
        "any type: PUT, PATCH, GET, HEAD, DELETE, lists with `$filter` and pages",
    ),
    ("run-time values", "`POST …/listKeys` and its family, endpoints, principals", "values that follow from the id"),
    ("tags", "`{scope}/providers/Microsoft.Resources/tags/default`", "replace, merge, delete"),
    ("locks", "`{scope}/providers/Microsoft.Authorization/locks`", "409 ScopeLocked, also from the scopes above"),
    (
        "deployments",
        "`{scope}/providers/Microsoft.Resources/deployments`",
        "four scopes: validate, what-if, create, operations, export; cancel refuses (nothing is under way)",
    ),
    (
        "policy",
        "`policyDefinitions`, `policySetDefinitions`, `policyAssignments`, `policyExemptions`",
        "enforced on every write and delete; append and modify applied",
    ),
    ("compliance", "`policyStates/latest/queryResults`, `summarize`, `triggerEvaluation`", "computed when asked for"),
    ("roles", "`roleDefinitions`, `roleAssignments`", "12 built-in roles; not enforced"),
    (
        "long-running operations",
        "`/providers/Microsoft.Resources/operationStatuses`",
        "with `--lro` for writes and deletes of resources",
    ),
    ("throttling", "429 with `Retry-After`", "with `--throttle`"),
    ("remediations, attestations, events, checkPolicyRestrictions", "`Microsoft.PolicyInsights`", "not yet"),
    ("RBAC, provider registration", "403, 409", "not yet enforced"),
    ("models, usages, quota", "`Microsoft.CognitiveServices/locations`", "not yet"),
    ("`/batch`, `validateResources`, Resource Graph, activity log", "", "not yet"),
];

/// The table in Markdown.
pub fn coverage() -> String {
    let mut table = String::from("| area | paths | what there is |\n|---|---|---|\n");
    for (area, paths, what) in SURFACE {
        table.push_str(&format!("| {area} | {paths} | {what} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_shows_the_table() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/sandbox.md");
        let text = std::fs::read_to_string(page).unwrap();
        assert!(text.contains(&super::coverage()), "docs/sandbox.md should hold:\n{}", super::coverage());
    }
}
