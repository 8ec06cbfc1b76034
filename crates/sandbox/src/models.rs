//! Cognitive Services' facts of regions: models, usages, free capacity; and the quota that deployments must fit.
//!
//! Quota is pooled as the service does: Standard by region, GlobalStandard and DataZoneStandard by subscription, provisioned
//! throughput by SKU whatever the model. Source of the shapes and the texts: capacity-and-gateway.md, section 1.

use std::sync::OnceLock;

use glidepath_arm::{ResourceId, Value};
use serde_json::{Value as Json, json};

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::known::is_region;
use crate::resources::subscription_missing;
use crate::sandbox::Sandbox;
use crate::world::World;

const TABLE: &str = include_str!("../../../catalogue/azure/models.csv");

/// The limit where none is published: ours, no source says it.
const UNPUBLISHED: i64 = 1_000;

/// One model version under one SKU.
#[derive(Debug)]
struct Offer {
    format: &'static str,
    model: &'static str,
    version: &'static str,
    is_default: bool,
    sku: &'static str,
    regions: &'static str,
    limit: i64,
    retires: &'static str,
}

fn offers() -> &'static [Offer] {
    static READ: OnceLock<Vec<Offer>> = OnceLock::new();
    READ.get_or_init(|| {
        let lines = TABLE.lines().filter(|l| !l.starts_with('#')).skip(1);
        let offer = |line: &'static str| {
            let cells: Vec<&'static str> = line.split(',').collect();
            match cells.as_slice() {
                [format, model, version, default, sku, regions, limit, retires] => Some(Offer {
                    format,
                    model,
                    version,
                    is_default: *default == "true",
                    sku,
                    regions,
                    limit: if limit.is_empty() { UNPUBLISHED } else { limit.parse().ok()? },
                    retires,
                }),
                _ => None,
            }
        };
        lines.filter_map(offer).collect()
    })
}

impl Offer {
    fn is_in(&self, location: &str) -> bool {
        self.regions == "*" || self.regions.split(' ').any(|r| r == location)
    }

    fn is_provisioned(&self) -> bool {
        self.sku.to_ascii_lowercase().contains("provisioned")
    }

    /// The pool its capacity is taken from.
    fn usage_name(&self) -> String {
        if self.is_provisioned() {
            format!("{}.{}", self.format, self.sku)
        } else {
            format!("{}.{}.{}", self.format, self.sku, self.model)
        }
    }

    fn pool_name(&self) -> String {
        if self.is_provisioned() {
            format!("Provisioned Throughput Unit - {}", self.sku)
        } else {
            format!("Tokens Per Minute (thousands) - {} - {}", self.model, self.sku)
        }
    }

    fn scope_type(&self) -> &'static str {
        match self.sku {
            sku if sku.starts_with("Global") => "Global",
            sku if sku.starts_with("DataZone") => "DataZone",
            _ => "Regional",
        }
    }

    fn draws_on(&self, other: &Offer) -> bool {
        self.usage_name() == other.usage_name()
    }
}

fn fold(location: &str) -> String {
    location.replace(' ', "").to_ascii_lowercase()
}

/// The capacity in use of an offer's pool, without one deployment's own.
fn used(world: &World, offer: &Offer, subscription: &str, location: &str, without: Option<&ResourceId>) -> i64 {
    let holder = ResourceId::subscription(subscription);
    let deployments = world.estate.within(&holder).filter(|r| {
        Some(&r.id) != without
            && r.resource_type().is_some_and(|t| t.is("Microsoft.CognitiveServices/accounts/deployments"))
    });
    deployments
        .filter(|r| {
            let text = |path: &[&str]| r.body.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
            let sku = text(&["sku", "name"]);
            let model = text(&["properties", "model", "name"]);
            let same = sku.eq_ignore_ascii_case(offer.sku)
                && (offer.is_provisioned() || model.eq_ignore_ascii_case(offer.model));
            let account = r.id.parent().and_then(|a| world.estate.get(&a)?.body.get("location")?.as_str().map(fold));
            same && (offer.scope_type() != "Regional" || account.as_deref() == Some(location))
        })
        .map(|r| capacity(&r.body))
        .sum()
}

/// The capacity a deployment asks for; clients send it as a number or a text.
fn capacity(body: &Value) -> i64 {
    let written = body.at(&["sku", "capacity"]);
    written.and_then(|c| c.as_int().or_else(|| c.as_str()?.parse().ok())).unwrap_or(1)
}

/// Refuses a model deployment that the region, the calendar or the quota does not allow. A model that the catalogue does not
/// have is let through: the catalogue is not the world.
pub(crate) fn check(
    world: &World,
    id: &ResourceId,
    body: &Value,
    today: &str,
    with_quota: bool,
) -> Result<(), ArmError> {
    if !id.resource_type().is_some_and(|t| t.is("Microsoft.CognitiveServices/accounts/deployments")) {
        return Ok(());
    }
    let text = |path: &[&str]| body.at(path).and_then(Value::as_str).unwrap_or_default();
    let (format, model) = (text(&["properties", "model", "format"]), text(&["properties", "model", "name"]));
    let (version, sku) = (text(&["properties", "model", "version"]), text(&["sku", "name"]));
    let known: Vec<&Offer> = offers().iter().filter(|o| o.model.eq_ignore_ascii_case(model)).collect();
    if known.is_empty() || (!format.is_empty() && !format.eq_ignore_ascii_case("OpenAI")) {
        return Ok(());
    }
    let account = id.parent().and_then(|a| world.estate.get(&a)?.body.get("location")?.as_str().map(fold));
    let location = account.unwrap_or_default();
    let named = format!("Format:OpenAI,Name:{model},Version:{version}");
    let fitting = |o: &&&Offer| {
        (version.is_empty() || o.version.eq_ignore_ascii_case(version))
            && (sku.is_empty() || o.sku.eq_ignore_ascii_case(sku))
    };
    let Some(offer) = known.iter().find(fitting) else {
        // A SKU that the catalogue has of no model is none of its business.
        if version.is_empty() || known.iter().any(|o| o.version.eq_ignore_ascii_case(version)) {
            return Ok(());
        }
        return Err(ArmError::bad_request(
            "DeploymentModelNotSupported",
            format!("The model '{named}' of account deployment is not supported."),
        ));
    };
    if !offer.retires.is_empty() && offer.retires <= today {
        let (year, rest) = offer.retires.split_once('-').unwrap_or((offer.retires, ""));
        let date = format!("{}/{year}", rest.replace('-', "/"));
        return Err(ArmError::bad_request(
            "ServiceModelDeprecated",
            format!("The model '{named}' has been deprecated since {date} 00:00:00."),
        ));
    }
    if !offer.is_in(&location) {
        return Err(ArmError::bad_request(
            "InvalidResourceProperties",
            format!(
                "The specified SKU '{}' for model '{model} {}' is not supported in this region '{location}'.",
                offer.sku, offer.version
            ),
        ));
    }
    if !with_quota {
        return Ok(());
    }
    let (subscription, wanted) = (id.subscription_id().unwrap_or_default(), capacity(body));
    let own = world.estate.get(id).map_or(0, |r| capacity(&r.body));
    let others = used(world, offer, subscription, &location, Some(id));
    if others + wanted > offer.limit {
        let pool = offer.pool_name();
        return Err(ArmError::bad_request(
            "InsufficientQuota",
            format!(
                "This operation require {} new capacity in quota {pool}, which is bigger than the current available capacity {}. The current quota usage is {} and the quota limit is {} for quota {pool}.",
                wanted - own,
                (offer.limit - others - own).max(0),
                others + own,
                offer.limit
            ),
        ));
    }
    Ok(())
}

impl Sandbox {
    /// `GET {subscription}/providers/Microsoft.CognitiveServices/[locations/{l}/]{models,usages,modelCapacities}`
    pub(crate) fn cognitive(
        &self,
        call: &Call,
        subscription: &ResourceId,
        location: Option<&str>,
        what: &str,
    ) -> Reply {
        let world = self.world();
        if world.estate.get(subscription).is_none() {
            return Err(subscription_missing(subscription.name()));
        }
        let place = location.map(fold);
        if let Some(place) = place.as_deref().filter(|p| !is_region(p)) {
            return Err(ArmError::bad_request(
                "LocationNotAvailableForResourceType",
                format!("The provided location '{place}' is not available for resource type 'locations/{what}'."),
            ));
        }
        let here: Vec<&Offer> = offers().iter().filter(|o| place.as_deref().is_none_or(|p| o.is_in(p))).collect();
        let name = subscription.name();
        let value: Vec<Json> = match what {
            "models" => models(&here),
            "usages" => {
                let mut pools: Vec<&Offer> = Vec::new();
                for offer in here {
                    if !pools.iter().any(|p| p.draws_on(offer)) {
                        pools.push(offer);
                    }
                }
                let location = place.clone().unwrap_or_default();
                pools
                    .iter()
                    .map(|offer| {
                        json!({
                            "name": {"value": offer.usage_name(), "localizedValue": offer.pool_name()},
                            "currentValue": used(&world, offer, name, &location, None), "limit": offer.limit, "unit": "Count",
                            "scopeType": offer.scope_type(),
                        })
                    })
                    .collect()
            }
            _ => {
                let wanted = |name: &str, own: &str| call.parameter(name).is_none_or(|w| w.eq_ignore_ascii_case(own));
                let regions: Vec<&str> = match place.as_deref() {
                    Some(place) => vec![place],
                    None => crate::providers::LOCATIONS.iter().map(|(name, _)| *name).collect(),
                };
                let fits = |o: &&&Offer| {
                    wanted("modelformat", o.format) && wanted("modelname", o.model) && wanted("modelversion", o.version)
                };
                let mut all = Vec::new();
                for region in regions {
                    for offer in here.iter().filter(fits).filter(|o| o.is_in(region)) {
                        let free = offer.limit - used(&world, offer, name, region, None);
                        let id = format!(
                            "{subscription}/providers/Microsoft.CognitiveServices/locations/{region}/models/{}.{}.{}/skus/{}",
                            offer.format, offer.model, offer.version, offer.sku
                        );
                        all.push(json!({
                            "id": id, "name": offer.sku, "location": region,
                            "type": "Microsoft.CognitiveServices/locations/models/skus",
                            "properties": {
                                "model": {"format": offer.format, "name": offer.model, "version": offer.version},
                                "skuName": offer.sku, "availableCapacity": free.max(0), "availableFinetuneCapacity": 0,
                                "scopeType": offer.scope_type(),
                            },
                        }));
                    }
                }
                all
            }
        };
        Ok(Answer::ok(json!({"value": value})))
    }
}

fn models(here: &[&Offer]) -> Vec<Json> {
    let mut all: Vec<Json> = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for offer in here {
        if seen.contains(&(offer.model, offer.version)) {
            continue;
        }
        seen.push((offer.model, offer.version));
        let same = here.iter().filter(|o| o.model == offer.model && o.version == offer.version);
        let skus: Vec<Json> = same
            .map(|o| {
                json!({
                    "name": o.sku, "usageName": o.usage_name(),
                    "deprecationDate": (!o.retires.is_empty()).then(|| format!("{}T00:00:00Z", o.retires)),
                    "capacity": {"minimum": if o.is_provisioned() { 15 } else { 1 }, "maximum": o.limit, "step": if o.is_provisioned() { 5 } else { 1 }, "default": if o.is_provisioned() { 15 } else { 10 }},
                    "rateLimits": [{"key": "token", "count": 1000, "renewalPeriod": 60}],
                })
            })
            .collect();
        all.push(json!({
            "kind": "AIServices", "skuName": "S0",
            "model": {
                "format": offer.format, "name": offer.model, "version": offer.version,
                "isDefaultVersion": offer.is_default,
                "lifecycleStatus": if offer.retires.is_empty() { "GenerallyAvailable" } else { "Deprecated" },
                "maxCapacity": offer.limit, "capabilities": {"chatCompletion": "true"}, "skus": skus,
                "deprecation": {"inference": (!offer.retires.is_empty()).then(|| format!("{}T00:00:00Z", offer.retires))},
            },
        }));
    }
    all
}
