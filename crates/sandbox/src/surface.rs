//! What the sandbox serves, in a table. `docs/sandbox.md` shows it; a test compares the two.

/// Area, paths, and what of it there is.
const SURFACE: [(&str, &str, &str); 26] = [
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
    (
        "tenants, subscriptions",
        "`/tenants`, `/subscriptions`, `…/locations`, `…/cancel`, `enable`, `rename`",
        "all; one tenant a sandbox",
    ),
    ("vending", "`/providers/Microsoft.Subscription/aliases`", "synchronous; the id follows from the alias"),
    (
        "providers",
        "`{scope}/providers`, `register`, `unregister`",
        "409 MissingSubscriptionRegistration after `unregister`, and with `--strict-registration` before `register`",
    ),
    (
        "management groups",
        "`/providers/Microsoft.Management/managementGroups`, `descendants`, `subscriptions`, `getEntities`",
        "hierarchy rules, six levels; no settings",
    ),
    ("resource groups", "`{subscription}/resourceGroups`, `exportTemplate`", "all but move"),
    (
        "resources",
        "`{scope}/providers/{namespace}/{type}/{name}`",
        "PUT, PATCH, GET, HEAD, DELETE, lists with `$filter` and pages, `If-Match` and `If-None-Match`; namespaces, top-level types and regions of the catalogue (`--any-type`: any)",
    ),
    ("run-time values", "`POST …/listKeys` and its family, endpoints, principals", "values that follow from the id"),
    ("tags", "`{scope}/providers/Microsoft.Resources/tags/default`", "replace, merge, delete"),
    ("locks", "`{scope}/providers/Microsoft.Authorization/locks`", "409 ScopeLocked, also from the scopes above"),
    (
        "deployments",
        "`{scope}/providers/Microsoft.Resources/deployments`, `validateResources`",
        "four scopes: validate, what-if, create, operations, export; cancel refuses (nothing is under way)",
    ),
    (
        "policy",
        "`policyDefinitions`, `policySetDefinitions`, `policyAssignments`, `policyExemptions`, `policyEnrollments`, `versions`, `acquirePolicyToken`",
        "enforced on every write and delete; append and modify applied; deployIfNotExists deploys when it is due; a token is issued, not asked for",
    ),
    (
        "compliance",
        "`policyStates/latest/queryResults`, `summarize`, `triggerEvaluation`, `policyEvents`",
        "computed when asked for; events are the denials",
    ),
    (
        "remediations",
        "`remediations`, `cancel`, `listDeployments`",
        "deployIfNotExists and modify, as the assignment's identity with the roles it has; done when answered",
    ),
    (
        "restrictions, attestations, metadata",
        "`checkPolicyRestrictions`, `attestations`, `policyMetadata`",
        "all; metadata is that of the groups of the initiatives here",
    ),
    (
        "roles",
        "`roleDefinitions`, `roleAssignments`",
        "12 built-in roles; enforced with `--rbac`, without conditions and deny assignments; lists of subscriptions and groups are not cut",
    ),
    (
        "models, quota",
        "`Microsoft.CognitiveServices/[locations/{l}/]models`, `usages`, `modelCapacities`",
        "of `catalogue/azure/models.csv`; InsufficientQuota, ServiceModelDeprecated, DeploymentModelNotSupported",
    ),
    (
        "Resource Graph",
        "`POST /providers/Microsoft.ResourceGraph/resources`",
        "`resources`, `resourcecontainers`, `authorizationresources`, `policyresources`; the KQL of review checklists",
    ),
    (
        "activity log",
        "`{scope}/providers/Microsoft.Insights/eventtypes/management/values`",
        "writes and deletes since the start, the newest 20,000",
    ),
    ("batch", "`POST /batch`", "up to 500 requests, answered at once"),
    (
        "long-running operations",
        "`/providers/Microsoft.Resources/operationStatuses`",
        "with `--lro` for writes and deletes of resources",
    ),
    (
        "throttling, faults, races",
        "429, any status, AuthorizationFailed and its like",
        "with `--throttle`, `--fault`, `--consistency eventual`",
    ),
    (
        "the sandbox itself",
        "`/providers/Glidepath.Sandbox/clock`, `estate`, `snapshots`",
        "advance; export, import, reset; keep and restore",
    ),
    (
        "not yet",
        "effective routes, component states, moves, management-group settings, several tenants in one sandbox",
        "",
    ),
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
