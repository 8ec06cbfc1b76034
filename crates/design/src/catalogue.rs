//! Azure's facts, from the dated tables in `catalogue/azure/` (sources and dates: `catalogue/README.md`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

const REGIONS: &str = include_str!("../../../catalogue/azure/regions.csv");
const NAMING: &str = include_str!("../../../catalogue/azure/naming.csv");
const PRIVATE_LINK: &str = include_str!("../../../catalogue/azure/private_link.csv");
const MODELS: &str = include_str!("../../../catalogue/azure/models.csv");
const TYPES: &str = include_str!("../../../catalogue/azure/types.csv");

/// A region of the public cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// `swedencentral`
    pub name: &'static str,
    /// `Sweden Central`
    pub display_name: &'static str,
    /// The short code Azure uses in zone names: `sdc`. Empty where it has none.
    pub code: &'static str,
    /// Availability zones.
    pub zones: u8,
    /// The data zone of Azure's models it belongs to: `EU` or `US`.
    pub data_zone: Option<&'static str>,
}

static REGION: LazyLock<BTreeMap<&'static str, Region>> = LazyLock::new(|| {
    let region = |[name, display_name, code, _, _, _, zones, data_zone]: [&'static str; 8]| {
        let data_zone = (!data_zone.is_empty()).then_some(data_zone);
        Some((name, Region { name, display_name, code, zones: zones.parse().ok()?, data_zone }))
    };
    rows(REGIONS).filter_map(region).collect()
});

static NAME_RULE: LazyLock<BTreeMap<(&'static str, &'static str), NameRule>> = LazyLock::new(|| {
    let rule = |[kind, variant, abbreviation, scope, _, max, separators, lowercase]: [&'static str; 8]| {
        let rule = NameRule {
            abbreviation,
            is_global: scope == "global",
            length_max: max.parse().ok()?,
            separators,
            is_lowercase: lowercase == "true",
        };
        Some(((kind, variant), rule))
    };
    rows(NAMING).filter_map(rule).collect()
});

static ZONE: LazyLock<Vec<[&'static str; 3]>> = LazyLock::new(|| rows(PRIVATE_LINK).collect());

static API_VERSION: LazyLock<BTreeMap<String, &'static str>> =
    LazyLock::new(|| rows(TYPES).map(|[kind, version]| (kind.to_ascii_lowercase(), version)).collect());

/// All regions, by name.
pub fn regions() -> impl Iterator<Item = Region> {
    REGION.values().copied()
}

/// The region with this name.
pub fn region(name: &str) -> Option<Region> {
    REGION.get(name).copied()
}

/// What a name of one type may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameRule {
    /// The Cloud Adoption Framework's abbreviation.
    pub abbreviation: &'static str,
    /// Must it be unique in all of Azure?
    pub is_global: bool,
    /// Longest name, in characters.
    pub length_max: usize,
    /// What may stand between letters and digits.
    pub separators: &'static str,
    /// No capitals?
    pub is_lowercase: bool,
}

/// The rule for a type and, where the type has several, its kind.
pub fn name_rule(resource_type: &'static str, variant: &'static str) -> Option<NameRule> {
    NAME_RULE.get(&(resource_type, variant)).copied()
}

/// The models of OpenAI that are known, by name.
pub fn models() -> impl Iterator<Item = &'static str> {
    let rows = MODELS.lines().filter(|line| !line.starts_with('#')).skip(1);
    rows.filter_map(|row| row.split(',').nth(1))
}

/// The private DNS zones that a private endpoint of this group needs, all of them, with `{region}` filled in.
pub fn private_zones(resource_type: &str, group: &str, region: &str) -> Vec<String> {
    let fitting = ZONE.iter().filter(|[kind, id, _]| *kind == resource_type && *id == group);
    fitting.map(|[_, _, zone]| zone.replace("{region}", region)).collect()
}

/// The api-version in which bodies of this type are written; empty for a type that is not compiled.
pub fn api_version(resource_type: &str) -> &'static str {
    API_VERSION.get(&resource_type.to_ascii_lowercase()).copied().unwrap_or_default()
}

/// The rows of a table without its heading. Our own tables hold no quotes: a cell ends at the next comma.
fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    table.lines().skip(1).filter_map(|line| {
        let mut row = [""; N];
        let mut cells = line.split(',');
        for slot in &mut row {
            *slot = cells.next()?;
        }
        cells.next().is_none().then_some(row)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        let lines = |table: &str| table.lines().count() - 1;
        assert_eq!(regions().count(), lines(REGIONS));
        assert_eq!(rows::<8>(NAMING).count(), lines(NAMING));
        assert_eq!(rows::<3>(PRIVATE_LINK).count(), lines(PRIVATE_LINK));
        assert_eq!(rows::<2>(TYPES).count(), lines(TYPES));
        assert!(rows::<8>(NAMING).all(|[kind, variant, ..]| name_rule(kind, variant).is_some()));
    }

    #[test]
    fn a_foundry_account_needs_three_zones() {
        assert_eq!(private_zones("Microsoft.CognitiveServices/accounts", "account", "swedencentral").len(), 3);
        assert_eq!(
            private_zones("Microsoft.App/managedEnvironments", "managedEnvironments", "francecentral"),
            ["privatelink.francecentral.azurecontainerapps.io"]
        );
        assert_eq!(region("swedencentral").and_then(|r| r.data_zone), Some("EU"));
    }
}
