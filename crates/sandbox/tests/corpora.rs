//! The real thing: Enterprise-Scale's template deployed at the tenant by its own parameter file, and the AI Landing Zone's
//! into a subscription that it governs. The corpora lie beside the workspace; where they do not, the tests say so and pass.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests may do what tests may"
)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use glidepath_arm::template::Links;
use glidepath_estate::Resource;
use glidepath_sandbox::{LinkedTemplates, Options, Running, start};
use glidepath_source::Text;
use serde_json::{Value, json};
use support::{TENANT, client, subscription};

const ESLZ: &str = "https://example.org/eslzArm/";
const PORTAL: &str = "https://raw.githubusercontent.com/Azure/AI-Landing-Zones/refs/heads/portalbicepalignment/portal/";
/// The one template that is not here; it deploys alerts.
const ABSENT: &str = "/alzArm.json";
const TEXTS: [&str; 23] = [
    "enterpriseScaleCompanyPrefix",
    "telemetryOptOut",
    "platformManagementGroup",
    "IdentityManagementGroup",
    "managementManagementGroup",
    "connectivityManagementGroup",
    "LandingZoneManagementGroup",
    "enableAMBAConnectivity",
    "enableAMBAIdentity",
    "enableAMBAManagement",
    "enableAMBAServiceHealth",
    "enableAMBAHybridVM",
    "enableAMBAKeyManagement",
    "enableAMBALoadBalancing",
    "enableAMBANetworkChanges",
    "enableAMBARecoveryServices",
    "enableAMBAStorage",
    "enableAMBAVM",
    "enableAMBAWeb",
    "userAssignedManagedIdentityName",
    "ALZMonitorResourceGroupName",
    "ALZMonitorResourceGroupLocation",
    "managementSubscriptionId",
];
const LISTS: [&str; 3] = ["ALZWebhookServiceUri", "ALZArmRoleId", "ALZMonitorActionGroupEmail"];

/// A template that takes what the absent one takes, and deploys nothing.
fn stand_in() -> String {
    let of = |kind: &'static str| move |name: &&str| ((*name).to_owned(), json!({"type": kind}));
    let parameters: serde_json::Map<String, Value> = TEXTS
        .iter()
        .map(of("string"))
        .chain(LISTS.iter().map(of("array")))
        .chain([("deployALZPortalAccelerator".to_owned(), json!({"type": "string"}))])
        .collect();
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-08-01/managementGroupDeploymentTemplate.json#",
        "contentVersion": "1.0.0.0", "parameters": parameters, "resources": [],
    })
    .to_string()
}

struct Folders(PathBuf);

impl Links for Folders {
    fn fetch(&self, uri: &str) -> Option<Text> {
        let uri = uri.split('?').next()?;
        if uri.ends_with(ABSENT) {
            return Some(Text::new(uri, stand_in()));
        }
        let path = match (uri.strip_prefix(ESLZ), uri.strip_prefix(PORTAL)) {
            (Some(rest), _) => self.0.join("enterprise-scale/eslzArm").join(rest),
            (_, Some(rest)) => self.0.join("ai-landing-zone/portal").join(rest),
            _ => return None,
        };
        Some(Text::new(uri, std::fs::read_to_string(path).ok()?))
    }
}

fn corpora() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora");
    if root.join("enterprise-scale").is_dir() {
        return Some(root);
    }
    println!("skipped: {} is not here", root.display());
    None
}

fn files(folder: &Path, found: &mut Vec<Text>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(Text::new(path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

struct Tenant {
    running: Running,
    client: reqwest::Client,
}

impl Tenant {
    async fn send(&self, verb: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}?api-version=2025-04-01", self.running.endpoint());
        let request = self.client.request(verb.parse().unwrap(), url);
        let request = if body.is_null() { request } else { request.json(body) };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
    }

    async fn vend(&self, alias: &str, group: Option<&str>) -> String {
        let body = json!({"properties": {"displayName": alias, "additionalProperties": {"managementGroupId": group}}});
        let path = format!("/providers/Microsoft.Subscription/aliases/{alias}");
        let (status, answer) = self.send("PUT", &path, &body).await;
        assert_eq!(status, 201, "{answer}");
        subscription(alias)
    }

    async fn count(&self, query: &str) -> Value {
        let (status, answer) =
            self.send("POST", "/providers/Microsoft.ResourceGraph/resources", &json!({"query": query})).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"].clone()
    }
}

/// What failed of a deployment, innermost errors first come first.
fn errors(error: &Value, found: &mut Vec<String>) {
    let details = error["details"].as_array().cloned().unwrap_or_default();
    if details.is_empty() {
        found.push(format!("{}: {}", error["code"], error["message"]));
    }
    for detail in &details {
        errors(detail, found);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn enterprise_scale_then_the_ai_landing_zone() {
    let Some(root) = corpora() else { return };
    let mut texts = Vec::new();
    files(&root.join("azure-policy/built-in-policies"), &mut texts);
    let (builtins, _) = glidepath_library::builtins(&texts);
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path(), TENANT);
    options.builtins = builtins.into_iter().map(|(id, body)| Resource::new(id, "2025-03-01", body)).collect();
    options.links = Some(LinkedTemplates(Arc::new(Folders(root.clone()))));
    let running = start(options).await.unwrap();
    let client = client(running.ca_pem());
    let tenant = Tenant { running, client };

    // Enterprise-Scale, by the parameter file that its authors keep in step with Terraform; its subscriptions are zeros.
    let text =
        std::fs::read_to_string(root.join("enterprise-scale/eslzArm/eslzArm.terraform-sync.param.json")).unwrap();
    let mut parameters: Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
    let parameters = parameters["parameters"].as_object_mut().unwrap();
    for role in ["management", "connectivity", "identity", "security"] {
        let id = tenant.vend(role, None).await;
        parameters[&format!("{role}SubscriptionId")] = json!({"value": id});
    }
    let started = Instant::now();
    let body = json!({"location": "swedencentral", "properties": {
        "mode": "Incremental", "templateLink": {"uri": format!("{ESLZ}eslzArm.json")}, "parameters": parameters,
    }});
    let (status, answer) = tenant.send("PUT", "/providers/Microsoft.Resources/deployments/eslz", &body).await;
    let mut failures = Vec::new();
    errors(&answer["properties"]["error"], &mut failures);
    errors(&answer["error"], &mut failures);
    failures.retain(|f| f != "null: null");
    println!("enterprise-scale: {status} in {:?}; {} failures", started.elapsed(), failures.len());
    for failure in failures.iter().take(20) {
        println!("  {}", failure.get(..400).unwrap_or(failure));
    }
    let groups =
        tenant.count("resourcecontainers | where type == 'microsoft.management/managementgroups' | count").await;
    let custom = tenant
        .count("policyresources | where properties.policyType == 'Custom' | summarize n = count() by type | order by type asc")
        .await;
    let assigned = tenant.count("policyresources | where type endswith 'policyassignments' | count").await;
    println!("  groups {groups} custom {custom} assigned {assigned}");
    let told = answer["properties"]["diagnostics"].as_array().cloned().unwrap_or_default();
    println!("  {} values are not known, such as {}", told.len(), told.first().unwrap_or(&Value::Null)["message"]);
    assert_eq!(failures, Vec::<String>::new());
    // The tenant's root is one more.
    assert_eq!(groups[0]["Count"], 13);
    assert_eq!(custom[0], json!({"type": "microsoft.authorization/policydefinitions", "n": 149}));
    assert_eq!(custom[1], json!({"type": "microsoft.authorization/policysetdefinitions", "n": 42}));
    assert_eq!(assigned[0]["Count"], 123);

    // The AI Landing Zone, into a subscription of the corp group that now governs it.
    let corp = tenant.vend("ai-corp", Some("defaults-corp")).await;
    let group = format!("/subscriptions/{corp}/resourceGroups/rg-ai");
    assert_eq!(tenant.send("PUT", &group, &json!({"location": "swedencentral"})).await.0, 201);
    let started = Instant::now();
    let body = json!({"properties": {
        "mode": "Incremental", "templateLink": {"uri": format!("{PORTAL}template.json")},
        "parameters": {"vmPassword": {"value": "not-a-real-one"}},
    }});
    let path = format!("{group}/providers/Microsoft.Resources/deployments/ai");
    let (status, answer) = tenant.send("PUT", &path, &body).await;
    let mut refused = Vec::new();
    errors(&answer["error"], &mut refused);
    println!("ai landing zone in corp: {status} {} in {:?}", answer["error"]["code"], started.elapsed());
    for failure in refused.iter().take(20) {
        println!("  {}", failure.get(..300).unwrap_or(failure));
    }
    assert_eq!((status, answer["error"]["code"].as_str()), (400, Some("InvalidTemplateDeployment")));
    tenant.running.shutdown().await;
}
