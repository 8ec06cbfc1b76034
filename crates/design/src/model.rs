//! The design as typed values, every key of the files.

use glidepath_network::{Size, SpokeKey};
use indexmap::IndexMap;
use ipnet::IpNet;
use serde::Serialize;

use crate::Places;
use crate::decode::words;

/// A design as read.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Design {
    /// `organization`: prefix of management groups and names.
    pub organization: String,
    /// `tenant`: GUID; only a real target needs it.
    pub tenant: Option<String>,
    /// `regions`, the first one being where tenant-wide things live.
    pub regions: Vec<String>,
    /// `libraries`, in order: `embedded:ai`, `path:policy`.
    pub libraries: Vec<String>,
    /// `architecture`: which architecture definition of the libraries.
    pub architecture: Option<String>,
    /// `naming`.
    pub naming: Naming,
    /// `tags`.
    pub tags: Tags,
    /// `targets`.
    pub targets: Targets,
    /// `platform.yaml`.
    pub platform: Platform,
    /// The workloads, by name, in the order of their names.
    pub workloads: IndexMap<String, Workload>,
    /// The waivers, by the name of their file.
    pub waivers: IndexMap<String, Waiver>,
    /// `addresses.yaml`: the blocks that spokes already have.
    pub addresses: IndexMap<SpokeKey, IpNet>,
    /// `.glidepath/addresses.yaml`: the blocks that earlier rollouts gave, also to spokes that are no longer wanted.
    #[serde(skip)]
    pub kept: IndexMap<SpokeKey, IpNet>,
    /// Where everything was written.
    #[serde(skip)]
    pub places: Places,
}

/// `naming`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Naming {
    /// Placeholders: `{type}` `{organization}` `{workload}` `{environment}` `{region}` `{n}`.
    pub pattern: String,
}

impl Naming {
    /// The pattern when none is given.
    pub const DEFAULT: &'static str = "{type}-{workload}-{environment}-{region}-{n}";
}

impl Default for Naming {
    fn default() -> Self {
        Self { pattern: Self::DEFAULT.to_owned() }
    }
}

/// `tags`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tags {
    /// Tags that every resource group and resource carries. Known: `owner`, `costCenter`, `dataClass`, `environment`,
    /// `workload`, `contact`, `organization`.
    pub required: Vec<String>,
}

/// `targets`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Targets {
    /// The embedded control plane.
    pub sandbox: Option<SandboxTarget>,
    /// Azure.
    pub azure: Option<AzureTarget>,
}

/// `targets: sandbox`; has no settings yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SandboxTarget {}

/// `targets: azure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AzureTarget {
    /// Which cloud.
    pub cloud: Cloud,
    /// How to sign in.
    pub credential: Credential,
    /// Billing scope of the subscriptions that are created: a resource id.
    pub billing_scope: Option<String>,
}

words! {
    /// An Azure cloud, by the name Azure's tools use.
    Cloud, "Azure cloud" {
        /// The public one.
        Public = "AzureCloud",
        /// US government.
        UsGovernment = "AzureUSGovernment",
        /// China.
        China = "AzureChinaCloud",
    }
}

words! {
    /// How rollout signs in.
    Credential, "kind of credential" {
        /// The sign-in of the Azure CLI.
        Cli = "cli",
        /// A federated token.
        WorkloadIdentity = "workload-identity",
        /// The machine's identity.
        ManagedIdentity = "managed-identity",
        /// A client secret in a file.
        ClientSecretFile = "client-secret-file",
        /// A certificate.
        Certificate = "certificate",
    }
}

/// `platform.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Platform {
    /// `management`.
    pub management: Management,
    /// `identity`.
    pub identity: PlatformSubscription,
    /// `security`.
    pub security: PlatformSubscription,
    /// `connectivity`.
    pub connectivity: Connectivity,
    /// `aiGateway`.
    pub ai_gateway: Option<AiGateway>,
    /// `access`: who may do what.
    pub access: IndexMap<String, Access>,
}

/// A platform landing zone that is no more than its subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformSubscription {
    /// `subscription`: its name.
    pub subscription: String,
}

/// `management`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Management {
    /// `subscription`: its name.
    pub subscription: String,
    /// `logRetentionDays`, 30 to 730.
    pub log_retention_days: u32,
    /// `defender`: plans that are on, everywhere.
    pub defender: Vec<DefenderPlan>,
}

words! {
    /// A Defender for Cloud plan, by the name of its `Microsoft.Security/pricings` resource.
    DefenderPlan, "Defender plan" {
        /// Defender for AI services.
        Ai = "AI",
        /// Key vaults.
        KeyVaults = "KeyVaults",
        /// Storage accounts.
        StorageAccounts = "StorageAccounts",
        /// Servers.
        Servers = "Servers",
        /// Containers.
        Containers = "Containers",
        /// Cosmos DB.
        CosmosDbs = "CosmosDbs",
        /// Resource manager.
        Arm = "Arm",
        /// App Service.
        AppServices = "AppServices",
        /// Posture management.
        CloudPosture = "CloudPosture",
        /// API management.
        Api = "Api",
    }
}

impl DefenderPlan {
    /// The name of the pricing resource: Servers is called `VirtualMachines` there.
    pub fn pricing(self) -> &'static str {
        match self {
            DefenderPlan::Servers => "VirtualMachines",
            other => other.name(),
        }
    }
}

/// `connectivity`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connectivity {
    /// `subscription`: its name.
    pub subscription: String,
    /// `topology`.
    pub topology: Topology,
    /// `addressPools`: region → blocks; the hub takes the first /22 of the first.
    pub address_pools: IndexMap<String, Vec<IpNet>>,
    /// `onPremises`: blocks that are taken elsewhere.
    pub on_premises: Vec<IpNet>,
    /// `hubs`: region → hub, `like` resolved.
    pub hubs: IndexMap<String, Hub>,
    /// `egress`.
    pub egress: Egress,
}

words! {
    /// How the networks hang together.
    #[derive(Default)]
    Topology, "topology" {
        /// Hub virtual networks with spokes peered to them.
        #[default]
        HubAndSpoke = "hub-and-spoke",
        /// Virtual WAN hubs.
        VirtualWan = "virtual-wan",
    }
}

/// A hub.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hub {
    /// `firewall`; `None`: no firewall.
    pub firewall: Option<Firewall>,
    /// `bastion`; `None`: no Bastion.
    pub bastion: Option<BastionSku>,
    /// `ddosProtection`: the hub and its spokes are linked to the tenant's plan.
    pub ddos_protection: bool,
    /// `gateway`; `None`: no connection to on-premises.
    pub gateway: Option<Gateway>,
    /// `privateDnsResolver`.
    pub private_dns_resolver: bool,
}

/// `firewall`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Firewall {
    /// `tier`.
    pub tier: FirewallTier,
    /// `dnsProxy`: spokes ask the firewall for names.
    pub dns_proxy: bool,
}

words! {
    /// Tier of Azure Firewall.
    FirewallTier, "firewall tier" {
        /// Small sites; no DNS proxy.
        Basic = "Basic",
        /// The usual one.
        Standard = "Standard",
        /// With TLS inspection and IDPS.
        Premium = "Premium",
    }
}

words! {
    /// SKU of Bastion.
    BastionSku, "Bastion SKU" {
        /// Basic.
        Basic = "Basic",
        /// Standard.
        Standard = "Standard",
        /// Premium.
        Premium = "Premium",
    }
}

/// `gateway`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// `kind`.
    pub kind: GatewayKind,
    /// `bandwidthMbps`.
    pub bandwidth_mbps: Option<u32>,
}

words! {
    /// How on-premises is reached.
    GatewayKind, "kind of gateway" {
        /// A private circuit.
        ExpressRoute = "expressRoute",
        /// Over the internet.
        Vpn = "vpn",
    }
}

/// `egress`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Egress {
    /// `allowFqdns`: names that spokes may reach through the firewall.
    pub allow_fqdns: Vec<String>,
}

/// `aiGateway`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AiGateway {
    /// `product`.
    pub product: GatewayProduct,
    /// `tier`.
    pub tier: String,
    /// `tokenLimits`.
    pub token_limits: TokenLimits,
}

words! {
    /// What the AI gateway is made of.
    GatewayProduct, "AI gateway product" {
        /// Azure API Management.
        ApiManagement = "api-management",
    }
}

words! {
    /// Who shares a token limit.
    TokenLimits, "token limit" {
        /// Every workload has its own.
        PerWorkload = "per-workload",
        /// Every model of a workload has its own.
        PerModel = "per-model",
        /// No limits.
        None = "none",
    }
}

/// One entry of `access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// `group`: object id or name.
    pub group: String,
    /// `roles`: architecture's management-group id (or `root`) → role, with `-by-PIM` for eligible instead of active.
    pub roles: IndexMap<String, String>,
}

/// One workload.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// `name`.
    pub name: String,
    /// `exposure`.
    pub exposure: Exposure,
    /// `owner`.
    pub owner: Owner,
    /// `dataClass`.
    pub data_class: DataClass,
    /// `residency`; `None`: anywhere.
    pub residency: Option<Residency>,
    /// `availability` in percent.
    pub availability: Option<f64>,
    /// `environments`.
    pub environments: Vec<String>,
    /// `regions`; the design's when left out.
    pub regions: Vec<String>,
    /// `network`.
    pub network: NetworkNeed,
    /// `services`.
    pub services: Vec<Service>,
    /// `models`.
    pub models: Vec<Model>,
    /// `budget`.
    pub budget: Option<Budget>,
    /// `validation`.
    pub validation: Validation,
    /// `validation.approvals`: who must approve production.
    pub approvals: Vec<String>,
}

impl Workload {
    /// Does an environment of this name hold production?
    pub fn is_production(environment: &str) -> bool {
        environment == "production"
    }

    /// The regions of one environment: production with an availability of 99.9 or more stands in all regions of the
    /// workload, so that it survives the loss of one; everything else in the first.
    pub fn regions_of(&self, environment: &str) -> &[String] {
        let everywhere = Self::is_production(environment) && self.availability.is_some_and(|a| a >= 99.9);
        if everywhere { &self.regions } else { self.regions.get(..1).unwrap_or_default() }
    }
}

words! {
    /// Who can reach a workload.
    #[derive(Default)]
    Exposure, "exposure" {
        /// No public endpoint at all.
        #[default]
        Corp = "corp",
        /// Public only through WAF or the AI gateway.
        Online = "online",
    }
}

words! {
    /// How sensitive the data is.
    #[derive(Default)]
    DataClass, "data class" {
        /// Anyone may read it.
        Public = "public",
        /// Inside the organisation.
        #[default]
        Internal = "internal",
        /// Need to know.
        Confidential = "confidential",
        /// Regulated or secret.
        Restricted = "restricted",
    }
}

words! {
    /// Where prompts and data may be processed.
    Residency, "residency" {
        /// The European Union's data zone.
        Eu = "EU",
        /// The United States' data zone.
        Us = "US",
        /// Only the region itself.
        Region = "region",
    }
}

/// `owner`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// `team`.
    pub team: String,
    /// `group`: object id or name of the directory group.
    pub group: Option<String>,
    /// `contact`: address that alerts go to.
    pub contact: Option<String>,
    /// `costCenter`; the team when left out.
    pub cost_center: String,
}

/// `network`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkNeed {
    /// `size`; `None` with a prefix: the prefix is split evenly.
    pub size: Option<Size>,
    /// `prefix`: a block of the workload's own, from which its spokes are cut.
    pub prefix: Option<IpNet>,
}

words! {
    /// A service a workload can have.
    Service, "service" {
        /// Foundry account with a project and the model deployments.
        Foundry = "foundry",
        /// Azure AI Search.
        Search = "search",
        /// Cosmos DB for NoSQL.
        Cosmos = "cosmos",
        /// Storage account.
        Storage = "storage",
        /// Key vault.
        KeyVault = "key-vault",
        /// Container Apps environment.
        ContainerApps = "container-apps",
        /// App Configuration store.
        AppConfiguration = "app-configuration",
        /// Container registry.
        ContainerRegistry = "container-registry",
    }
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Model {
    /// `name`.
    pub name: String,
    /// `version`.
    pub version: String,
    /// `sku`.
    pub sku: DeploymentSku,
    /// `peakTokensPerMinute`.
    pub peak_tokens_per_minute: u32,
    /// `upgrade`.
    pub upgrade: Upgrade,
    /// `contentFilter`.
    pub content_filter: ContentFilter,
    /// `format`: the publisher, `OpenAI` when left out.
    pub format: String,
}

words! {
    /// SKU of a model deployment.
    DeploymentSku, "deployment SKU" {
        /// Regional, pay as you go.
        Standard = "Standard",
        /// Data zone, pay as you go.
        DataZoneStandard = "DataZoneStandard",
        /// Anywhere, pay as you go.
        GlobalStandard = "GlobalStandard",
        /// Regional, provisioned.
        ProvisionedManaged = "ProvisionedManaged",
        /// Data zone, provisioned.
        DataZoneProvisionedManaged = "DataZoneProvisionedManaged",
        /// Anywhere, provisioned.
        GlobalProvisionedManaged = "GlobalProvisionedManaged",
        /// Data zone, batch.
        DataZoneBatch = "DataZoneBatch",
        /// Anywhere, batch.
        GlobalBatch = "GlobalBatch",
    }
}

impl DeploymentSku {
    /// Is it processed anywhere in the world?
    pub fn is_global(self) -> bool {
        self.name().starts_with("Global")
    }

    /// Is it processed anywhere in a data zone?
    pub fn is_data_zone(self) -> bool {
        self.name().starts_with("DataZone")
    }
}

words! {
    /// When Azure may replace the model's version.
    #[derive(Default)]
    Upgrade, "kind of upgrade" {
        /// Never: the deployment stops working when the version is retired.
        #[default]
        Pinned = "pinned",
        /// When the version expires.
        OnExpiry = "on-expiry",
        /// As soon as there is a new default.
        Automatic = "automatic",
    }
}

impl Upgrade {
    /// The value of `versionUpgradeOption`.
    pub fn option(self) -> &'static str {
        match self {
            Upgrade::Pinned => "NoAutoUpgrade",
            Upgrade::OnExpiry => "OnceCurrentVersionExpired",
            Upgrade::Automatic => "OnceNewDefaultVersionAvailable",
        }
    }
}

words! {
    /// How much the content filter blocks.
    #[derive(Default)]
    ContentFilter, "content filter" {
        /// Microsoft's default, version 2.
        #[default]
        Default = "default",
        /// Blocks from low severity on.
        Strict = "strict",
    }
}

/// `budget`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// `monthly`, per environment.
    pub monthly: f64,
    /// `currency`: ISO 4217.
    pub currency: String,
    /// `alertAt`: percents.
    pub alert_at: Vec<u32>,
    /// `start`: first day of the first month, `2026-12-01`; `None`: the month of the rollout.
    pub start: Option<String>,
}

/// `validation` without the approvals.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Validation {
    /// `evaluation`.
    pub evaluation: Option<Evaluation>,
    /// `drill`: one or several.
    pub drill: Vec<Drill>,
    /// `distinctApprovers`: nobody gives two of the approvals. On unless it is switched off.
    pub distinct_approvers: bool,
}

impl Default for Validation {
    fn default() -> Self {
        Self { evaluation: None, drill: Vec::new(), distinct_approvers: true }
    }
}

/// `validation: evaluation`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluation {
    /// `dataset`: path.
    pub dataset: String,
    /// `minimum`: metric → lowest acceptable mean.
    pub minimum: IndexMap<String, f64>,
}

words! {
    /// What must have been rehearsed.
    Drill, "drill" {
        /// One region is lost.
        RegionLoss = "region-loss",
        /// A model version is rolled back.
        Rollback = "rollback",
    }
}

/// A record that something is let through, until when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiver {
    /// `kind`.
    pub kind: WaiverKind,
    /// `scope`: `platform`, `workloads/<name>` or `workloads/<name>/<environment>`.
    pub scope: String,
    /// `assignment`: name of the policy assignment; exemptions only.
    pub assignment: Option<String>,
    /// `gate`: phase whose gate is passed; gate waivers only.
    pub gate: Option<String>,
    /// `reason`.
    pub reason: String,
    /// `category`.
    pub category: WaiverCategory,
    /// `approvedBy`.
    pub approved_by: String,
    /// `expires`: `2027-03-01`.
    pub expires: String,
}

words! {
    /// What a waiver lets through.
    WaiverKind, "kind of waiver" {
        /// A policy assignment.
        Exemption = "exemption",
        /// A gate.
        Gate = "gate",
    }
}

words! {
    /// Azure's categories of exemption.
    #[derive(Default)]
    WaiverCategory, "waiver category" {
        /// The risk is accepted for a time.
        #[default]
        Waiver = "Waiver",
        /// The intent is met by other means.
        Mitigated = "Mitigated",
    }
}
