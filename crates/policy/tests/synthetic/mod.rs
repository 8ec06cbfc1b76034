//! Made-up resources in the shape in which Azure returns them: fourteen types, some good, some bad, the same for the same
//! number.

use serde_json::{Value, json};

/// A small generator of numbers (SplitMix64): the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[usize::try_from(self.roll(all.len() as u64)).unwrap_or_default()]
    }

    fn enabled(&mut self, percent: u64) -> &'static str {
        if self.chance(percent) { "Enabled" } else { "Disabled" }
    }
}

/// How many subscriptions the resources lie in.
pub(crate) const SUBSCRIPTIONS: u64 = 20;

/// The id of one of the subscriptions.
pub(crate) fn subscription(number: u64) -> String {
    format!("00000000-0000-4000-8000-{:012}", number % SUBSCRIPTIONS)
}

/// The resource with this number, with `id`, `name` and `type` beside its body.
pub(crate) fn resource(number: u64) -> Value {
    let mut dice = Dice(number);
    let kind = dice.roll(14);
    let (kind, body) = match kind {
        0 => ("Microsoft.Storage/storageAccounts", storage(&mut dice)),
        1 => ("Microsoft.KeyVault/vaults", vault(&mut dice)),
        2 => ("Microsoft.Network/virtualNetworks", network(&mut dice, number)),
        3 => ("Microsoft.Network/networkSecurityGroups", security_group(&mut dice)),
        4 => ("Microsoft.Network/networkInterfaces", interface(&mut dice, number)),
        5 => ("Microsoft.Compute/virtualMachines", machine(&mut dice, number)),
        6 => ("Microsoft.Compute/disks", disk(&mut dice)),
        7 => ("Microsoft.CognitiveServices/accounts", account(&mut dice, number)),
        8 => ("Microsoft.Search/searchServices", search(&mut dice)),
        9 => ("Microsoft.Web/sites", site(&mut dice, number)),
        10 => ("Microsoft.Sql/servers", sql(&mut dice)),
        11 => ("Microsoft.DocumentDB/databaseAccounts", cosmos(&mut dice)),
        12 => ("Microsoft.ContainerRegistry/registries", registry(&mut dice)),
        _ => ("Microsoft.ContainerService/managedClusters", cluster(&mut dice)),
    };
    let name = format!("res{number:07}");
    let group = dice.roll(400);
    let place = format!("/subscriptions/{}/resourceGroups/rg-{group:04}", subscription(group));
    let mut whole = json!({
        "id": format!("{place}/providers/{kind}/{name}"),
        "name": name,
        "type": kind,
        "location": dice.of(&["swedencentral", "westeurope", "eastus", "East US 2", "germanywestcentral"]),
    });
    let tags = json!({
        "costCenter": format!("cc-{}", dice.roll(50)),
        "environment": dice.of(&["dev", "test", "prod"]),
        "owner": format!("team-{}@contoso.example", dice.roll(30)),
        "dataClassification": dice.of(&["public", "internal", "confidential"]),
    });
    if let (Some(whole), Value::Object(body)) = (whole.as_object_mut(), body) {
        if dice.roll(100) < 80 {
            whole.insert("tags".to_owned(), tags);
        }
        whole.extend(body);
        let times = json!({
            "createdBy": "pipeline@contoso.example", "createdByType": "Application", "createdAt": "2025-11-03T09:14:22.1234567Z",
            "lastModifiedBy": "pipeline@contoso.example", "lastModifiedByType": "Application",
            "lastModifiedAt": "2026-02-17T16:40:05.7654321Z"
        });
        whole.insert("systemData".to_owned(), times);
        whole.insert("etag".to_owned(), format!("\"{:016x}\"", dice.roll(u64::MAX)).into());
    }
    whole
}

fn endpoints(dice: &mut Dice) -> Value {
    let count = dice.roll(3);
    let one = |dice: &mut Dice| {
        let name = format!("pe-{}", dice.roll(10_000));
        json!({
            "id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.X/y/z/privateEndpointConnections/{name}"),
            "name": name,
            "properties": {
                "privateEndpoint": {"id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/privateEndpoints/{name}")},
                "privateLinkServiceConnectionState": {
                    "status": dice.of(&["Approved", "Approved", "Pending", "Rejected"]), "description": "", "actionsRequired": "None"},
                "provisioningState": "Succeeded"
            }
        })
    };
    (0..count).map(|_| one(dice)).collect::<Vec<_>>().into()
}

fn acls(dice: &mut Dice) -> Value {
    let rules = dice.roll(4);
    json!({
        "bypass": dice.of(&["AzureServices", "None"]),
        "defaultAction": dice.of(&["Allow", "Deny", "Deny"]),
        "ipRules": (0..rules).map(|i| json!({"value": format!("203.0.113.{i}"), "action": "Allow"})).collect::<Vec<_>>(),
        "virtualNetworkRules": []
    })
}

fn identity(dice: &mut Dice) -> Value {
    json!({"type": dice.of(&["SystemAssigned", "None", "UserAssigned"]), "principalId": format!("{:032x}", dice.roll(u64::MAX)), "tenantId": "t"})
}

fn storage(dice: &mut Dice) -> Value {
    json!({
        "kind": "StorageV2", "sku": {"name": dice.of(&["Standard_LRS", "Standard_ZRS", "Standard_GRS"]), "tier": "Standard"},
        "properties": {
            "publicNetworkAccess": dice.enabled(50), "allowBlobPublicAccess": dice.chance(30), "allowSharedKeyAccess": dice.chance(60),
            "minimumTlsVersion": dice.of(&["TLS1_2", "TLS1_0", "TLS1_2"]), "supportsHttpsTrafficOnly": dice.chance(80),
            "allowCrossTenantReplication": dice.chance(30), "defaultToOAuthAuthentication": dice.chance(40),
            "isHnsEnabled": dice.chance(30), "isSftpEnabled": dice.chance(10), "isLocalUserEnabled": dice.chance(20),
            "networkAcls": acls(dice), "privateEndpointConnections": endpoints(dice),
            "encryption": {
                "services": {
                    "blob": {"enabled": true, "keyType": "Account", "lastEnabledTime": "2025-11-03T09:14:23.0000000Z"},
                    "file": {"enabled": true, "keyType": "Account", "lastEnabledTime": "2025-11-03T09:14:23.0000000Z"}},
                "keySource": dice.of(&["Microsoft.Storage", "Microsoft.Keyvault"]), "requireInfrastructureEncryption": dice.chance(30)},
            "accessTier": "Hot", "primaryLocation": "swedencentral", "statusOfPrimary": "available", "provisioningState": "Succeeded",
            "creationTime": "2025-11-03T09:14:22.9060160Z",
            "primaryEndpoints": {
                "blob": "https://x.blob.core.windows.net/", "queue": "https://x.queue.core.windows.net/", "table": "https://x.table.core.windows.net/",
                "file": "https://x.file.core.windows.net/", "dfs": "https://x.dfs.core.windows.net/", "web": "https://x.z6.web.core.windows.net/"}
        }
    })
}

fn vault(dice: &mut Dice) -> Value {
    let policies = dice.roll(4);
    let mut properties = json!({
        "sku": {"family": "A", "name": dice.of(&["standard", "premium"])}, "tenantId": "t",
        "enableRbacAuthorization": dice.chance(70), "enableSoftDelete": dice.chance(95), "softDeleteRetentionInDays": 7 + dice.roll(84),
        "enabledForDeployment": dice.chance(20), "enabledForDiskEncryption": dice.chance(20), "enabledForTemplateDeployment": dice.chance(20),
        "publicNetworkAccess": dice.enabled(50), "networkAcls": acls(dice), "privateEndpointConnections": endpoints(dice),
        "accessPolicies": (0..policies).map(|i| json!({"tenantId": "t", "objectId": format!("o{i}"),
            "permissions": {"keys": ["get", "list"], "secrets": ["get", "list", "set"], "certificates": []}})).collect::<Vec<_>>(),
        "vaultUri": "https://x.vault.azure.net/", "provisioningState": "Succeeded"
    });
    if dice.chance(60) {
        properties["enablePurgeProtection"] = true.into();
    }
    json!({"properties": properties})
}

fn network(dice: &mut Dice, number: u64) -> Value {
    let subnets = 1 + dice.roll(5);
    let one = |dice: &mut Dice, i: u64| {
        let mut properties = json!({
            "addressPrefix": format!("10.{}.{}.0/26", number % 256, i), "provisioningState": "Succeeded",
            "privateEndpointNetworkPolicies": dice.enabled(50), "privateLinkServiceNetworkPolicies": "Enabled",
            "serviceEndpoints": [], "delegations": [], "defaultOutboundAccess": dice.chance(50)
        });
        if dice.chance(75) {
            properties["networkSecurityGroup"] = json!({"id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n{i}")});
        }
        if dice.chance(60) {
            properties["routeTable"] = json!({"id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/routeTables/r{i}")});
        }
        let name = if dice.chance(10) { "GatewaySubnet".to_owned() } else { format!("snet-{i}") };
        json!({"name": name, "id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/{name}"),
            "type": "Microsoft.Network/virtualNetworks/subnets", "properties": properties})
    };
    let subnets: Vec<Value> = (0..subnets).map(|i| one(dice, i)).collect();
    json!({"properties": {
        "addressSpace": {"addressPrefixes": [format!("10.{}.0.0/16", number % 256)]}, "enableDdosProtection": dice.chance(40),
        "subnets": subnets, "provisioningState": "Succeeded", "resourceGuid": format!("{:032x}", dice.roll(u64::MAX)),
        "virtualNetworkPeerings": [{"name": "to-hub", "properties": {"allowForwardedTraffic": true, "allowGatewayTransit": false,
            "useRemoteGateways": false, "peeringState": "Connected",
            "remoteVirtualNetwork": {"id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/{}", dice.of(&["hub", "other"]))}}}]
    }})
}

fn security_group(dice: &mut Dice) -> Value {
    let rules = 1 + dice.roll(5);
    let one = |dice: &mut Dice, i: u64| {
        json!({"name": format!("rule-{i}"), "type": "Microsoft.Network/networkSecurityGroups/securityRules", "properties": {
            "access": dice.of(&["Allow", "Deny"]), "direction": dice.of(&["Inbound", "Outbound"]), "priority": 100 + i * 10,
            "protocol": dice.of(&["Tcp", "*", "Udp"]), "sourceAddressPrefix": dice.of(&["*", "Internet", "10.0.0.0/8", "VirtualNetwork"]),
            "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": dice.of(&["22", "3389", "443", "*", "20-30", "8000-9000"]),
            "sourceAddressPrefixes": [], "destinationAddressPrefixes": [], "sourcePortRanges": [],
            "destinationPortRanges": if dice.chance(20) { json!(["80", "3389"]) } else { json!([]) }, "provisioningState": "Succeeded"}})
    };
    let rules: Vec<Value> = (0..rules).map(|i| one(dice, i)).collect();
    json!({"properties": {"securityRules": rules, "provisioningState": "Succeeded",
        "subnets": [{"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s"}]}})
}

fn interface(dice: &mut Dice, number: u64) -> Value {
    let mut address = json!({"name": "ipconfig1", "properties": {"privateIPAddress": format!("10.0.{}.{}", number % 256, dice.roll(200)),
        "privateIPAllocationMethod": "Dynamic", "primary": true, "privateIPAddressVersion": "IPv4",
        "subnet": {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s"}}});
    if dice.chance(30) {
        address["properties"]["publicIPAddress"] =
            json!({"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/p"});
    }
    json!({"properties": {"ipConfigurations": [address], "enableIPForwarding": dice.chance(20), "enableAcceleratedNetworking": dice.chance(50),
        "dnsSettings": {"dnsServers": [], "appliedDnsServers": [], "internalDomainNameSuffix": "x.internal.cloudapp.net"},
        "macAddress": "00-0D-3A-00-00-01", "nicType": "Standard", "provisioningState": "Succeeded", "tapConfigurations": [], "hostedWorkloads": []}})
}

fn machine(dice: &mut Dice, number: u64) -> Value {
    let windows = dice.chance(50);
    let image = if windows {
        json!({"publisher": "MicrosoftWindowsServer", "offer": "WindowsServer", "sku": dice.of(&["2019-Datacenter", "2022-datacenter-g2"]), "version": "latest"})
    } else {
        json!({"publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2", "version": "latest"})
    };
    let system = if windows {
        json!({"computerName": "vm", "adminUsername": "ops", "windowsConfiguration": {"provisionVMAgent": true, "enableAutomaticUpdates": dice.chance(50),
            "patchSettings": {"patchMode": dice.of(&["AutomaticByOS", "AutomaticByPlatform"]), "assessmentMode": dice.of(&["ImageDefault", "AutomaticByPlatform"])}}})
    } else {
        json!({"computerName": "vm", "adminUsername": "ops", "linuxConfiguration": {"disablePasswordAuthentication": dice.chance(70), "provisionVMAgent": true,
            "patchSettings": {"patchMode": dice.of(&["ImageDefault", "AutomaticByPlatform"]), "assessmentMode": dice.of(&["ImageDefault", "AutomaticByPlatform"])}}})
    };
    json!({"identity": identity(dice), "zones": ["1"], "properties": {
        "hardwareProfile": {"vmSize": dice.of(&["Standard_D4s_v5", "Standard_NC24ads_A100_v4", "Standard_B2ms"])},
        "storageProfile": {"imageReference": image, "osDisk": {"osType": if windows { "Windows" } else { "Linux" }, "name": format!("os-{number}"),
            "createOption": "FromImage", "caching": "ReadWrite", "deleteOption": "Detach", "managedDisk": {"storageAccountType": "Premium_LRS"}}, "dataDisks": []},
        "osProfile": system, "networkProfile": {"networkInterfaces": [{"id": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkInterfaces/nic-{number}")}]},
        "securityProfile": {"securityType": dice.of(&["TrustedLaunch", "Standard"]), "encryptionAtHost": dice.chance(40),
            "uefiSettings": {"secureBootEnabled": dice.chance(60), "vTpmEnabled": dice.chance(60)}},
        "diagnosticsProfile": {"bootDiagnostics": {"enabled": true}}, "provisioningState": "Succeeded", "vmId": format!("{:032x}", dice.roll(u64::MAX))}})
}

fn disk(dice: &mut Dice) -> Value {
    json!({"sku": {"name": "Premium_LRS", "tier": "Premium"}, "properties": {
        "osType": dice.of(&["Windows", "Linux"]), "hyperVGeneration": "V2", "creationData": {"createOption": "FromImage",
            "imageReference": {"id": "/Subscriptions/s/Providers/Microsoft.Compute/Locations/swedencentral/Publishers/x/ArtifactTypes/VMImage/Offers/y/Skus/z/Versions/1"}},
        "diskSizeGB": 32 + dice.roll(512), "diskIOPSReadWrite": 500, "diskMBpsReadWrite": 100, "diskState": dice.of(&["Attached", "Unattached"]),
        "encryption": {"type": dice.of(&["EncryptionAtRestWithPlatformKey", "EncryptionAtRestWithCustomerKey"])},
        "networkAccessPolicy": dice.of(&["AllowAll", "DenyAll", "AllowPrivate"]), "publicNetworkAccess": dice.enabled(50), "tier": "P10",
        "dataAccessAuthMode": "None", "timeCreated": "2025-11-03T09:14:22.1234567+00:00", "provisioningState": "Succeeded"}})
}

fn account(dice: &mut Dice, number: u64) -> Value {
    json!({"kind": dice.of(&["OpenAI", "AIServices", "SpeechServices"]), "sku": {"name": "S0"}, "identity": identity(dice), "properties": {
        "customSubDomainName": format!("acc-{number}"), "publicNetworkAccess": dice.enabled(50), "disableLocalAuth": dice.chance(50), "networkAcls": acls(dice),
        "privateEndpointConnections": endpoints(dice), "restrictOutboundNetworkAccess": dice.chance(30), "allowProjectManagement": dice.chance(50),
        "endpoint": format!("https://acc-{number}.openai.azure.com/"), "provisioningState": "Succeeded", "internalId": format!("{:032x}", dice.roll(u64::MAX)),
        "capabilities": [{"name": "CustomerManagedKey"}, {"name": "VirtualNetworks"}, {"name": "MaxFineTuneCount", "value": "500"}, {"name": "Container"}],
        "callRateLimit": {"rules": [{"key": "openai.dalle.post", "renewalPeriod": 1, "count": 30, "matchPatterns": [{"path": "dalle/*", "method": "POST"}]},
            {"key": "openai.assistants.list", "renewalPeriod": 60, "count": 60, "matchPatterns": [{"path": "openai/assistants", "method": "GET"}]}]},
        "dateCreated": "2025-11-03T09:14:22.1234567Z", "isMigrated": false}})
}

fn search(dice: &mut Dice) -> Value {
    json!({"sku": {"name": dice.of(&["basic", "standard", "free"])}, "identity": identity(dice), "properties": {
        "replicaCount": 1 + dice.roll(3), "partitionCount": 1, "hostingMode": "default", "publicNetworkAccess": dice.enabled(50),
        "networkRuleSet": {"ipRules": [], "bypass": "None"}, "disableLocalAuth": dice.chance(50), "semanticSearch": "standard",
        "encryptionWithCmk": {"enforcement": dice.of(&["Unspecified", "Enabled"]), "encryptionComplianceStatus": "Compliant"},
        "privateEndpointConnections": endpoints(dice), "sharedPrivateLinkResources": [], "status": "running", "provisioningState": "succeeded"}})
}

fn site(dice: &mut Dice, number: u64) -> Value {
    json!({"kind": dice.of(&["app", "functionapp", "app,linux", "functionapp,linux"]), "identity": identity(dice), "properties": {
        "httpsOnly": dice.chance(60), "clientCertEnabled": dice.chance(20), "clientCertMode": "Required", "publicNetworkAccess": dice.enabled(50),
        "virtualNetworkSubnetId": if dice.chance(50) { json!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/s") } else { Value::Null },
        "vnetRouteAllEnabled": dice.chance(40), "state": "Running", "enabled": true, "hostNames": [format!("app-{number}.azurewebsites.net")],
        "siteConfig": {"numberOfWorkers": 1, "minTlsVersion": dice.of(&["1.2", "1.0"]), "ftpsState": dice.of(&["FtpsOnly", "Disabled", "AllAllowed"]),
            "http20Enabled": dice.chance(40), "remoteDebuggingEnabled": dice.chance(10), "alwaysOn": true, "linuxFxVersion": "PYTHON|3.12",
            "cors": {"allowedOrigins": if dice.chance(20) { json!(["*"]) } else { json!([]) }}},
        "serverFarmId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/serverfarms/p", "outboundIpAddresses": "20.0.0.1,20.0.0.2,20.0.0.3",
        "possibleOutboundIpAddresses": "20.0.0.1,20.0.0.2,20.0.0.3,20.0.0.4,20.0.0.5", "defaultHostName": format!("app-{number}.azurewebsites.net"),
        "repositorySiteName": "x", "usageState": "Normal", "availabilityState": "Normal", "redundancyMode": "None"}})
}

fn sql(dice: &mut Dice) -> Value {
    json!({"kind": "v12.0", "identity": identity(dice), "properties": {
        "administratorLogin": "ops", "version": "12.0", "state": "Ready", "fullyQualifiedDomainName": "x.database.windows.net",
        "minimalTlsVersion": dice.of(&["1.2", "1.0", "None"]), "publicNetworkAccess": dice.enabled(50), "restrictOutboundNetworkAccess": dice.enabled(30),
        "administrators": {"administratorType": "ActiveDirectory", "principalType": "Group", "login": "dba", "sid": "s", "tenantId": "t",
            "azureADOnlyAuthentication": dice.chance(50)}, "privateEndpointConnections": endpoints(dice), "externalGovernanceStatus": "Disabled"}})
}

fn cosmos(dice: &mut Dice) -> Value {
    json!({"kind": "GlobalDocumentDB", "identity": identity(dice), "properties": {
        "publicNetworkAccess": dice.enabled(50), "disableLocalAuth": dice.chance(50), "disableKeyBasedMetadataWriteAccess": dice.chance(50),
        "isVirtualNetworkFilterEnabled": dice.chance(50), "virtualNetworkRules": [], "ipRules": if dice.chance(30) { json!([{"ipAddressOrRange": "0.0.0.0"}]) } else { json!([]) },
        "minimalTlsVersion": dice.of(&["Tls12", "Tls"]), "databaseAccountOfferType": "Standard", "enableAutomaticFailover": dice.chance(50), "enableMultipleWriteLocations": false,
        "consistencyPolicy": {"defaultConsistencyLevel": "Session", "maxIntervalInSeconds": 5, "maxStalenessPrefix": 100}, "capabilities": [],
        "locations": [{"id": "x-swedencentral", "locationName": dice.of(&["Sweden Central", "East US"]), "failoverPriority": 0, "isZoneRedundant": false, "provisioningState": "Succeeded"}],
        "privateEndpointConnections": endpoints(dice), "documentEndpoint": "https://x.documents.azure.com:443/", "provisioningState": "Succeeded",
        "backupPolicy": {"type": "Periodic", "periodicModeProperties": {"backupIntervalInMinutes": 240, "backupRetentionIntervalInHours": 8, "backupStorageRedundancy": "Geo"}}}})
}

fn registry(dice: &mut Dice) -> Value {
    json!({"sku": {"name": dice.of(&["Basic", "Premium"]), "tier": "Premium"}, "properties": {
        "loginServer": "x.azurecr.io", "adminUserEnabled": dice.chance(30), "anonymousPullEnabled": dice.chance(10), "publicNetworkAccess": dice.enabled(50),
        "networkRuleSet": {"defaultAction": dice.of(&["Allow", "Deny"]), "ipRules": []}, "networkRuleBypassOptions": "AzureServices", "dataEndpointEnabled": false,
        "policies": {"quarantinePolicy": {"status": "disabled"}, "trustPolicy": {"type": "Notary", "status": "disabled"},
            "retentionPolicy": {"days": 7, "status": "disabled"}, "exportPolicy": {"status": dice.of(&["enabled", "disabled"])},
            "azureADAuthenticationAsArmPolicy": {"status": "enabled"}},
        "encryption": {"status": dice.of(&["disabled", "enabled"])}, "zoneRedundancy": "Disabled", "privateEndpointConnections": endpoints(dice), "provisioningState": "Succeeded"}})
}

fn cluster(dice: &mut Dice) -> Value {
    let pools = 1 + dice.roll(3);
    json!({"identity": {"type": "SystemAssigned"}, "sku": {"name": "Base", "tier": "Standard"}, "properties": {
        "kubernetesVersion": dice.of(&["1.29.7", "1.31.2"]), "dnsPrefix": "aks", "enableRBAC": dice.chance(90), "disableLocalAccounts": dice.chance(50),
        "publicNetworkAccess": dice.enabled(50), "apiServerAccessProfile": {"enablePrivateCluster": dice.chance(50), "authorizedIPRanges": []},
        "agentPoolProfiles": (0..pools).map(|i| json!({"name": format!("pool{i}"), "count": 3, "vmSize": "Standard_D4s_v5", "osType": "Linux", "mode": "System",
            "enableEncryptionAtHost": dice.chance(50), "enableNodePublicIP": dice.chance(10), "type": "VirtualMachineScaleSets", "maxPods": 110})).collect::<Vec<_>>(),
        "networkProfile": {"networkPlugin": "azure", "networkPolicy": dice.of(&["azure", "calico"]), "loadBalancerSku": "standard", "outboundType": "userDefinedRouting",
            "serviceCidr": "172.16.0.0/16", "dnsServiceIP": "172.16.0.10"},
        "addonProfiles": {"azurepolicy": {"enabled": dice.chance(60)}, "omsagent": {"enabled": dice.chance(50)}},
        "aadProfile": {"managed": true, "enableAzureRBAC": dice.chance(50)}, "securityProfile": {"defender": {"securityMonitoring": {"enabled": dice.chance(50)}}},
        "provisioningState": "Succeeded", "fqdn": "x.hcp.swedencentral.azmk8s.io", "nodeResourceGroup": "MC_x"}})
}
