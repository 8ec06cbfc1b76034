//! What holds data, which a delete takes with it.

use glidepath_arm::ResourceId;

/// Types whose instances hold what people put in: accounts, stores, vaults, registries, workspaces.
const STATEFUL: [&str; 11] = [
    "Microsoft.AppConfiguration/configurationStores",
    "Microsoft.CognitiveServices/accounts",
    "Microsoft.CognitiveServices/accounts/projects",
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.KeyVault/vaults",
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Search/searchServices",
    "Microsoft.Sql/servers/databases",
    "Microsoft.Storage/storageAccounts",
];

/// Does it hold data?
pub(crate) fn is_stateful(id: &ResourceId) -> bool {
    id.resource_type().is_some_and(|kind| STATEFUL.iter().any(|stateful| kind.is(stateful)))
}
