//! Workloads: regions, residency, models, addresses.

use glidepath_source::Finding;

use super::{error, is_name, unknown_region};
use crate::decode::list;
use crate::model::{Residency, Service, Workload};
use crate::suggest::nearest;
use crate::{Design, catalogue};

pub(super) fn check(design: &Design, findings: &mut Vec<Finding>) {
    for workload in design.workloads.values() {
        let root = format!("workloads/{}", workload.name);
        identity(design, workload, &root, findings);
        regions(design, workload, &root, findings);
        models(design, workload, &root, findings);
    }
    for key in design.addresses.keys() {
        let known = design.workloads.get(&key.workload).is_some_and(|w| {
            w.regions_of(&key.environment).contains(&key.region) && w.environments.contains(&key.environment)
        });
        if !known {
            findings.push(
                Finding::warning("design/stale-address", format!("`{key}` has an address on record, but no spoke"))
                    .at_place(design.places.value("addresses"))
                    .help("remove the line once the network is gone"),
            );
        }
    }
}

fn identity(design: &Design, workload: &Workload, root: &str, findings: &mut Vec<Finding>) {
    let places = &design.places;
    if !is_name(&workload.name, 32) {
        findings.push(
            error(
                places,
                &format!("{root}/name"),
                "design/bad-name",
                format!("`{}` cannot name a workload", workload.name),
            )
            .help("take 2 to 32 lower-case letters, digits and single hyphens, a letter first"),
        );
    }
    if workload.environments.is_empty() {
        findings.push(
            error(places, &format!("{root}/environments"), "design/bad-value", "a workload needs an environment")
                .help(format!("name some of {}", list(crate::read::ENVIRONMENTS))),
        );
    }
    let lists: [(&str, Vec<&str>); 5] = [
        ("validation/approvals", workload.approvals.iter().map(String::as_str).collect()),
        ("environments", workload.environments.iter().map(String::as_str).collect()),
        ("regions", workload.regions.iter().map(String::as_str).collect()),
        ("services", workload.services.iter().map(|s| s.name()).collect()),
        ("models", workload.models.iter().map(|m| m.name.as_str()).collect()),
    ];
    for (key, items) in lists {
        for (i, item) in items.iter().enumerate() {
            if items.iter().take(i).any(|other| other == item) && places.is_written(&format!("{root}/{key}")) {
                findings.push(
                    error(
                        places,
                        &format!("{root}/{key}/{i}"),
                        "design/duplicate",
                        format!("`{item}` is listed twice"),
                    )
                    .help("remove one"),
                );
            }
        }
    }
    if let Some(availability) = workload.availability.filter(|a| !(*a > 0.0 && *a < 100.0)) {
        findings.push(
            error(
                places,
                &format!("{root}/availability"),
                "design/bad-value",
                format!("`{availability}` is no availability"),
            )
            .help("write percent, such as `99.9`"),
        );
    }
    if let Some(budget) = &workload.budget {
        if budget.currency.len() != 3 || !budget.currency.bytes().all(|b| b.is_ascii_uppercase()) {
            findings.push(
                error(
                    places,
                    &format!("{root}/budget/currency"),
                    "design/bad-value",
                    format!("`{}` is no currency", budget.currency),
                )
                .help("write its three letters, such as `EUR`"),
            );
        }
        if budget.monthly <= 0.0 {
            findings.push(
                error(
                    places,
                    &format!("{root}/budget/monthly"),
                    "design/bad-value",
                    "a budget must be more than nothing",
                )
                .help("write the amount for one environment and month"),
            );
        }
        if budget.alert_at.len() > 5 || budget.alert_at.iter().any(|p| !(1..=1000).contains(p)) {
            findings.push(
                error(places, &format!("{root}/budget/alertAt"), "design/bad-value", "these alerts are not possible")
                    .help("take up to five percents from 1 to 1000"),
            );
        }
    }
}

fn regions(design: &Design, workload: &Workload, root: &str, findings: &mut Vec<Finding>) {
    let places = &design.places;
    for (i, region) in workload.regions.iter().enumerate() {
        let path = format!("{root}/regions/{i}");
        if !places.is_written(&path) {
            break;
        }
        if catalogue::region(region).is_none() {
            findings.push(unknown_region(places, &path, region));
        } else if !design.regions.contains(region) {
            let help = match nearest(region, design.regions.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the design's regions: {}", list(design.regions.iter().map(String::as_str))),
            };
            findings.push(
                error(
                    places,
                    &path,
                    "design/region-not-in-design",
                    format!("`{region}` is not among the design's regions"),
                )
                .help(help),
            );
        }
    }
    let in_production = workload.environments.iter().any(|e| Workload::is_production(e));
    if let Some(target) = workload.availability.filter(|_| in_production && workload.regions.len() < 2) {
        findings.push(
            error(
                places,
                &format!("{root}/availability"),
                "design/too-few-regions",
                format!("production at {target} % needs two regions, and there is only one"),
            )
            .why("one region cannot promise more than itself")
            .help("add a second region to `regions`, or leave `availability` out"),
        );
    }
    let zone = match workload.residency {
        Some(Residency::Eu) => "EU",
        Some(Residency::Us) => "US",
        Some(Residency::Region) | None => return,
    };
    for region in &workload.regions {
        if catalogue::region(region).is_some_and(|r| r.data_zone != Some(zone)) {
            findings.push(
                error(
                    places,
                    &format!("{root}/residency"),
                    "design/residency-region",
                    format!("residency `{zone}` does not hold in `{region}`"),
                )
                .help(format!("set `regions` to regions of the {zone} data zone")),
            );
        }
    }
}

fn models(design: &Design, workload: &Workload, root: &str, findings: &mut Vec<Finding>) {
    let places = &design.places;
    if !workload.models.is_empty() && !workload.services.contains(&Service::Foundry) {
        findings.push(
            error(
                places,
                &format!("{root}/models"),
                "design/models-without-foundry",
                "models need a Foundry account to be deployed in",
            )
            .help("add `foundry` to `services`"),
        );
    }
    for (i, model) in workload.models.iter().enumerate() {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(2..=64).contains(&model.name.len()) || !model.name.chars().all(fits) {
            findings.push(
                error(
                    places,
                    &format!("{root}/models/{i}/name"),
                    "design/bad-name",
                    format!("`{}` names no model", model.name),
                )
                .help("write the name as the model catalogue has it: letters, digits, `.`, `_` and `-`"),
            );
        }
        let known = model.format != "OpenAI"
            || !model.name.chars().all(fits)
            || catalogue::models().any(|known| known == model.name);
        if !known {
            let help = match nearest(&model.name, catalogue::models()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    "look it up with `az cognitiveservices model list`; write `format` for other publishers".to_owned()
                }
            };
            findings.push(
                Finding::warning("design/unknown-model", format!("no model `{}` of OpenAI is known here", model.name))
                    .at_place(places.value(&format!("{root}/models/{i}/name")))
                    .why("the target refuses a deployment of a model it does not have")
                    .help(help),
            );
        }
        if model.peak_tokens_per_minute == 0 {
            findings.push(
                error(
                    places,
                    &format!("{root}/models/{i}/peakTokensPerMinute"),
                    "design/bad-value",
                    format!("`{}` would get no capacity", model.name),
                )
                .help("write the tokens a minute at the busiest time"),
            );
        }
        let path = format!("{root}/models/{i}/sku");
        let Some(residency) = workload.residency else { continue };
        if model.sku.is_global() {
            findings.push(
                error(
                    places,
                    &path,
                    "design/global-sku",
                    format!("`{}` may be processed anywhere, and the workload's residency is `{residency}`", model.sku),
                )
                .help("take a `DataZone…` or a regional SKU"),
            );
        } else if residency == Residency::Region && model.sku.is_data_zone() {
            findings.push(
                error(
                    places,
                    &path,
                    "design/data-zone-sku",
                    format!(
                        "`{}` may be processed in other regions, and the workload's residency is `region`",
                        model.sku
                    ),
                )
                .help("take a regional SKU: `Standard` or `ProvisionedManaged`"),
            );
        }
    }
    if let Some(prefix) = workload.network.prefix.filter(|p| p.prefix_len() > 24) {
        findings.push(
            error(
                places,
                &format!("{root}/network/prefix"),
                "design/bad-value",
                format!("`{prefix}` is too small for a spoke"),
            )
            .help("take /24 or larger for each spoke"),
        );
    }
}
