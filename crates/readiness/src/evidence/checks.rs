//! Queries over pairs of resources, by the name questions give them.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Resource, differences};

use super::world::{WORKLOADS, is_production};
use super::{Outcome, Row, World, networks, predicate};

const ACCOUNT: &str = "Microsoft.CognitiveServices/accounts";
const DEPLOYMENT: &str = "Microsoft.CognitiveServices/accounts/deployments";
const FIREWALL: &str = "Microsoft.Network/azureFirewalls";

pub(super) fn run(name: &str, world: &World<'_>) -> Outcome {
    match name {
        "subscriptions-placed" => subscriptions_placed(world),
        "platform-apart" => platform_apart(world),
        "environments-apart" => environments_apart(world),
        "some-peering" => networks::some_peering(world),
        "spokes-peered" => networks::spokes_peered(world),
        "subnets-routed" => networks::subnets_routed(world),
        "no-overlap" => networks::no_overlap(world),
        "head-room" => networks::head_room(world),
        "workloads-two-regions" => workloads_two_regions(world),
        "capacity-covers-peak" => capacity(world, false),
        "capacity-without-a-region" => capacity(world, true),
        "half-in-code" => in_code(world, 0.5),
        "all-in-code" => in_code(world, 1.0),
        "no-drift" => no_drift(world),
        "deployments-declared" => deployments_declared(world),
        "ai-alerts" => ai_alerts(world),
        _ => Outcome { holds: None, rows: Vec::new() },
    }
}

fn subscriptions_placed(world: &World<'_>) -> Outcome {
    let subscriptions: BTreeSet<ResourceId> =
        world.estate.iter().filter_map(|r| r.id.subscription_id()).map(ResourceId::subscription).collect();
    let row = |id: &ResourceId| match world.hierarchy.parent(id) {
        Some(group) => Row::new(id.as_str(), true, format!("below {}", group.name())),
        None => Row::new(id.as_str(), false, "below no management group"),
    };
    Outcome::all(subscriptions.iter().map(row).collect())
}

/// The management group directly above holds either hubs or workload services.
fn platform_apart(world: &World<'_>) -> Outcome {
    let groups = |types: &[&str]| -> BTreeSet<ResourceId> {
        types
            .iter()
            .flat_map(|t| world.of_type(t))
            .filter_map(|r| world.hierarchy.parent(&ResourceId::subscription(r.id.subscription_id()?)).cloned())
            .collect()
    };
    let platform = groups(&[FIREWALL, "Microsoft.Network/virtualNetworkGateways", "Microsoft.Network/bastionHosts"]);
    let workloads =
        groups(&[ACCOUNT, "Microsoft.Search/searchServices", "Microsoft.MachineLearningServices/workspaces"]);
    let row = |id: &ResourceId| match workloads.contains(id) {
        true => Row::new(id.as_str(), false, "holds hub networks and workload services"),
        false => Row::new(id.as_str(), true, "holds the platform only"),
    };
    Outcome::all(platform.iter().map(row).collect())
}

fn environments_apart(world: &World<'_>) -> Outcome {
    let mut by_subscription: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for resource in world.estate.iter() {
        if let (Some(subscription), Some(environment)) = (resource.id.subscription_id(), world.environment(resource)) {
            by_subscription.entry(subscription).or_default().insert(environment);
        }
    }
    let row = |(id, environments): (&&str, &BTreeSet<&str>)| {
        let mixed = environments.len() > 1 && environments.iter().any(|e| is_production(e));
        let names: Vec<&str> = environments.iter().copied().collect();
        Row::new(ResourceId::subscription(id).as_str(), !mixed, names.join(", "))
    };
    Outcome::all(by_subscription.iter().map(row).collect())
}

fn location(resource: &Resource) -> String {
    let text = resource.body.get("location").and_then(Value::as_str).unwrap_or_default();
    text.to_ascii_lowercase().replace(' ', "")
}

fn workload(resource: &Resource) -> Option<String> {
    let tag = || resource.body.at(&["tags", "workload"]).and_then(Value::as_str);
    resource.workload.as_deref().or_else(tag).map(str::to_owned)
}

fn workloads_two_regions(world: &World<'_>) -> Outcome {
    let mut regions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for account in world.of_type(ACCOUNT).filter(|r| world.production(r)) {
        let name = workload(account).unwrap_or_else(|| account.id.as_str().to_owned());
        regions.entry(name).or_default().insert(location(account));
    }
    let row = |(name, regions): (String, BTreeSet<String>)| {
        let list: Vec<String> = regions.into_iter().collect();
        Row::new(name, list.len() > 1, format!("AI accounts in {}", list.join(", ")))
    };
    Outcome::all(regions.into_iter().map(row).collect())
}

/// Thousands of tokens a minute of production deployments, by workload, model and region, against stated peaks.
fn capacity(world: &World<'_>, lose_a_region: bool) -> Outcome {
    let mut by_model: BTreeMap<(String, String), BTreeMap<String, i64>> = BTreeMap::new();
    for deployment in world.of_type(DEPLOYMENT).filter(|r| world.production(r)) {
        let Some(account) = deployment.id.parent().and_then(|id| world.get(&id)) else { continue };
        let Some(name) = workload(deployment).or_else(|| workload(account)) else { continue };
        let model = deployment.body.at(&["properties", "model", "name"]).and_then(Value::as_str).unwrap_or_default();
        let capacity = deployment.body.at(&["sku", "capacity"]).and_then(Value::as_int).unwrap_or(0);
        let here = by_model.entry((name, model.to_owned())).or_default().entry(location(account)).or_default();
        *here = here.saturating_add(capacity);
    }
    let mut rows = Vec::new();
    for facts in world.of_type(WORKLOADS) {
        let environments = predicate::texts(facts, "environments[*]", world);
        if !environments.iter().any(|e| is_production(e)) {
            continue;
        }
        for model in facts.body.get("models").and_then(Value::as_array).unwrap_or_default() {
            let Some(name) = model.get("name").and_then(Value::as_str) else { continue };
            let Some(peak) = model.get("peakTokensPerMinute").and_then(Value::as_int).filter(|p| *p > 0) else {
                continue;
            };
            let regions = by_model.get(&(facts.id.name().to_owned(), name.to_owned()));
            let total: i64 = regions.map_or(0, |r| r.values().fold(0, |a, b| a.saturating_add(*b)));
            let largest = regions.and_then(|r| r.values().max().copied()).unwrap_or(0);
            let left = (if lose_a_region { total - largest } else { total }).saturating_mul(1000);
            let what = if lose_a_region { "without the largest region" } else { "in all" };
            let detail = format!("{name}: {left} tokens a minute {what}, peak {peak}");
            rows.push(Row::new(facts.id.as_str(), left >= peak, detail));
        }
    }
    Outcome::all(rows)
}

fn in_code(world: &World<'_>, share: f64) -> Outcome {
    let Some(desired) = world.desired else { return Outcome { holds: None, rows: Vec::new() } };
    let rows: Vec<Row> = world
        .estate
        .iter()
        .map(|r| match desired.get(&r.id) {
            Some(_) => Row::new(r.id.as_str(), true, "in the design"),
            None => Row::new(r.id.as_str(), false, "not in the design"),
        })
        .collect();
    let good = rows.iter().filter(|r| r.compliant).count();
    let holds = (!rows.is_empty()).then_some(good as f64 >= share * rows.len() as f64);
    Outcome { holds, rows }
}

fn no_drift(world: &World<'_>) -> Outcome {
    let Some(desired) = world.desired else { return Outcome { holds: None, rows: Vec::new() } };
    let rows = desired
        .iter()
        .filter_map(|want| Some((want, world.estate.get(&want.id)?)))
        .map(|(want, have)| {
            let changes = differences(&want.body, &have.body);
            let paths: Vec<String> = changes.into_iter().map(|c| c.path).take(5).collect();
            match paths.is_empty() {
                true => Row::new(want.id.as_str(), true, "as designed"),
                false => Row::new(want.id.as_str(), false, format!("differs in {}", paths.join(", "))),
            }
        })
        .collect();
    Outcome::all(rows)
}

fn deployments_declared(world: &World<'_>) -> Outcome {
    let mut declared = BTreeSet::new();
    for facts in world.of_type(WORKLOADS) {
        for model in predicate::texts(facts, "models[*].name", world) {
            declared.insert((facts.id.name().to_ascii_lowercase(), model));
        }
    }
    if declared.is_empty() {
        return Outcome { holds: None, rows: Vec::new() };
    }
    let rows = world
        .of_type(DEPLOYMENT)
        .map(|deployment| {
            let owner = workload(deployment)
                .or_else(|| deployment.id.parent().and_then(|id| world.get(&id)).and_then(workload))
                .unwrap_or_default()
                .to_ascii_lowercase();
            let model =
                deployment.body.at(&["properties", "model", "name"]).and_then(Value::as_str).unwrap_or_default();
            let known = declared.contains(&(owner.clone(), model.to_ascii_lowercase()));
            let detail = if known { "declared" } else { "no workload declares this model" };
            Row::new(deployment.id.as_str(), known, detail)
        })
        .collect();
    Outcome::all(rows)
}

/// An alert's scopes hold the account, its group or its subscription.
fn ai_alerts(world: &World<'_>) -> Outcome {
    let scopes: BTreeSet<String> = ["Microsoft.Insights/metricAlerts", "Microsoft.Insights/scheduledQueryRules"]
        .iter()
        .flat_map(|t| world.of_type(t))
        .flat_map(|alert| predicate::texts(alert, "properties.scopes[*]", world))
        .map(|id| ResourceId::new(&id).key())
        .collect();
    let rows = world
        .of_type(ACCOUNT)
        .filter(|account| world.production(account))
        .map(|account| {
            let holders = world.hierarchy.scopes_of(&account.id);
            let watched = scopes.contains(&account.id.key()) || holders.iter().any(|h| scopes.contains(&h.key()));
            Row::new(account.id.as_str(), watched, if watched { "watched" } else { "no alert watches it" })
        })
        .collect();
    Outcome::all(rows)
}
