//! Which resource types and regions there are, by the catalogue: a write of anything else is refused as Azure refuses it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use glidepath_arm::{ResourceId, Value};

use crate::answer::ArmError;
use crate::providers::MANIFEST;

const TYPES: &str = include_str!("../../../catalogue/azure/type_capabilities.csv");
const REGIONS: &str = include_str!("../../../catalogue/azure/regions.csv");

/// Namespaces and types that the table of types lacks; the second part is empty where any type will do.
const BESIDES: [(&str, &str); 20] = [
    ("microsoft.alertsmanagement", "prometheusrulegroups"),
    ("microsoft.alertsmanagement", "tenantactivitylogalerts"),
    ("microsoft.authorization", ""),
    ("microsoft.azurestackhci", ""),
    ("microsoft.consumption", ""),
    ("microsoft.desktopvirtualization", "appattachpackages"),
    ("microsoft.elasticsan", ""),
    ("microsoft.extendedlocation", ""),
    ("microsoft.hybridcompute", "licenses"),
    ("microsoft.insights", ""),
    ("microsoft.management", ""),
    ("microsoft.network", "ipallocations"),
    ("microsoft.operationsmanagement", ""),
    ("microsoft.policyinsights", ""),
    ("microsoft.resources", ""),
    ("microsoft.security", ""),
    ("microsoft.securityinsights", ""),
    ("microsoft.servicelinker", ""),
    ("microsoft.sql", "locations"),
    ("microsoft.subscription", ""),
];

/// Namespace → its top-level types, all in lower case; no types: any.
fn namespaces() -> &'static BTreeMap<String, BTreeSet<String>> {
    static READ: OnceLock<BTreeMap<String, BTreeSet<String>>> = OnceLock::new();
    READ.get_or_init(|| {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in TYPES.lines().filter(|l| !l.starts_with('#')).skip(1) {
            let mut columns = line.split(',');
            let types = all.entry(columns.next().unwrap_or_default().to_ascii_lowercase()).or_default();
            for name in columns.flat_map(str::split_whitespace) {
                types.insert(name.split('/').next().unwrap_or_default().to_ascii_lowercase());
            }
        }
        for (namespace, _, types) in MANIFEST {
            let known = all.entry(namespace.to_ascii_lowercase()).or_default();
            known.extend(types.iter().map(|t| t.split('/').next().unwrap_or_default().to_ascii_lowercase()));
        }
        for (namespace, kind) in BESIDES {
            let types = all.entry(namespace.to_owned()).or_default();
            if kind.is_empty() {
                types.clear();
            } else {
                types.insert(kind.to_owned());
            }
        }
        all
    })
}

/// Regions as `(name, display name)`, in order of the name.
pub(crate) fn regions() -> &'static [(&'static str, &'static str)] {
    static READ: OnceLock<Vec<(&'static str, &'static str)>> = OnceLock::new();
    READ.get_or_init(|| {
        let lines = REGIONS.lines().filter(|l| !l.starts_with('#')).skip(1);
        lines
            .filter_map(|line| line.split_once(',').map(|(name, rest)| (name, rest.split(',').next().unwrap_or(name))))
            .collect()
    })
}

/// Is it a region, or one of the words that stand for none?
pub(crate) fn is_region(location: &str) -> bool {
    let folded = location.replace(' ', "").to_ascii_lowercase();
    matches!(
        folded.as_str(),
        "global"
            | "unitedstates"
            | "europe"
            | "asiapacific"
            | "australia"
            | "canada"
            | "japan"
            | "uk"
            | "brazil"
            | "france"
            | "germany"
            | "india"
            | "switzerland"
            | "norway"
    ) || regions().iter().any(|(name, _)| *name == folded)
}

/// Refuses a type that no provider has. Only the namespace and the first part of the type are looked at: the catalogue
/// has not all children.
pub(crate) fn check_type(id: &ResourceId, api_version: &str) -> Result<(), ArmError> {
    let Some(kind) = id.resource_type() else { return Ok(()) };
    let whole = kind.as_str();
    let (namespace, rest) = whole.split_once('/').unwrap_or((whole, ""));
    let Some(types) = namespaces().get(&namespace.to_ascii_lowercase()) else {
        return Err(ArmError::not_found(
            "InvalidResourceNamespace",
            format!("The resource namespace '{namespace}' is invalid."),
        ));
    };
    let top = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    if types.is_empty() || types.contains(&top) {
        return Ok(());
    }
    Err(ArmError::not_found(
        "InvalidResourceType",
        format!(
            "The resource type '{rest}' could not be found in the namespace '{namespace}' for api version '{api_version}'. The supported api-versions are ''."
        ),
    ))
}

/// Refuses a location that is no region.
pub(crate) fn check_location(id: &ResourceId, body: &Value) -> Result<(), ArmError> {
    let Some(location) = body.get("location").and_then(Value::as_str).filter(|l| !l.is_empty()) else { return Ok(()) };
    // What a template could not tell.
    if location.starts_with('[') || is_region(location) {
        return Ok(());
    }
    let all: Vec<&str> = regions().iter().map(|(name, _)| *name).collect();
    let all = all.join(",");
    let kind = id.resource_type().map(|t| t.to_string()).unwrap_or_default();
    if kind.eq_ignore_ascii_case("Microsoft.Resources/resourceGroups") {
        return Err(ArmError::bad_request(
            "LocationNotAvailableForResourceGroup",
            format!(
                "The provided location '{location}' is not available for resource group. List of available regions is '{all}'."
            ),
        ));
    }
    Err(ArmError::bad_request(
        "LocationNotAvailableForResourceType",
        format!(
            "The provided location '{location}' is not available for resource type '{kind}'. List of available regions for the resource type is '{all}'."
        ),
    ))
}
