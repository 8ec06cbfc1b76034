//! Names: the design's pattern within Azure's rules.
//!
//! A name is a function of what it names, so it never changes when other parts of the design do. It is shortened only as
//! far as the type's rule asks: first regions and environments by their codes, then cut, with a fingerprint of the full
//! name at the end. Types whose names are unique in all of Azure always carry a fingerprint that includes the
//! organisation.

use uuid::Uuid;

use crate::catalogue::{self, NameRule};

/// Namespace of every identifier that Glidepath derives from names.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d0a_3f7e_52c4_5b0d_9d1e_83a4_70b6_2f19);

/// Length of a fingerprint: 36⁵ ≈ 60 million.
const FINGERPRINT: usize = 5;

/// The placeholders a pattern may hold.
pub(crate) const PLACEHOLDERS: [&str; 6] = ["type", "organization", "workload", "environment", "region", "n"];

/// The GUID that stands for a subscription until the target has created it: a function of the names alone.
pub fn symbolic_subscription(organization: &str, subscription_name: &str) -> String {
    derived(&format!("subscription/{organization}/{subscription_name}")).to_string()
}

/// A GUID derived from a text, the same for the same text everywhere.
pub(crate) fn derived(text: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, text.to_lowercase().as_bytes())
}

/// What a name is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) workload: &'a str,
    pub(crate) environment: &'a str,
    pub(crate) region: &'a str,
    /// What tells it apart from others of its type; `001` when there is only one.
    pub(crate) n: &'a str,
}

/// Makes names by one pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namer<'a> {
    pub(crate) organization: &'a str,
    pub(crate) pattern: &'a str,
}

impl Namer<'_> {
    /// The name of a resource.
    pub(crate) fn name(&self, resource_type: &'static str, variant: &'static str, parts: Parts<'_>) -> String {
        let fallback =
            NameRule { abbreviation: "", is_global: false, length_max: 64, separators: "-", is_lowercase: true };
        let rule = catalogue::name_rule(resource_type, variant).unwrap_or(fallback);
        let full = clean(&self.fill(rule, parts), rule);
        let tail = rule.is_global || full.len() > rule.length_max;
        if !tail {
            return full;
        }
        let mark = fingerprint(&format!("{}/{resource_type}/{full}", self.organization));
        let gap = usize::from(rule.separators.contains('-'));
        let room = rule.length_max.saturating_sub(FINGERPRINT + gap);
        let body = if full.len() <= room { full } else { self.shortened(rule, parts, room) };
        if gap == 1 { format!("{body}-{mark}") } else { format!("{body}{mark}") }
    }

    /// A name with a fingerprint behind it, for what must be unique in all of Azure though the resource's own name need
    /// not be: subdomains.
    pub(crate) fn unique(&self, name: &str, length_max: usize) -> String {
        let mark = fingerprint(&format!("{}/subdomain/{name}", self.organization));
        let body: String = name.chars().take(length_max.saturating_sub(FINGERPRINT + 1)).collect();
        format!("{}-{mark}", body.trim_end_matches('-'))
    }

    /// Codes for environment and region; if that is not enough, less of the workload, whose group tells it in full. What
    /// makes the name unique is the fingerprint behind it.
    fn shortened(&self, rule: NameRule, parts: Parts<'_>, room: usize) -> String {
        let code = catalogue::region(parts.region).map(|r| r.code).filter(|c| !c.is_empty()).unwrap_or(parts.region);
        let mut short = Parts { environment: environment_code(parts.environment), region: code, ..parts };
        let mut body = clean(&self.fill(rule, short), rule);
        if body.len() > room && short.n == "001" {
            short.n = "";
            body = clean(&self.fill(rule, short), rule);
        }
        while body.len() > room && short.workload.chars().count() > 3 {
            short.workload = short.workload.get(..short.workload.len() - 1).unwrap_or_default();
            body = clean(&self.fill(rule, short), rule);
        }
        let body: String = body.chars().take(room).collect();
        body.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
    }

    fn fill(&self, rule: NameRule, parts: Parts<'_>) -> String {
        let mut name = self
            .pattern
            .replace("{type}", rule.abbreviation)
            .replace("{organization}", self.organization)
            .replace("{workload}", parts.workload)
            .replace("{environment}", parts.environment)
            .replace("{region}", parts.region)
            .replace("{n}", parts.n);
        // Without these two, things that live side by side in one group would get one name.
        if !self.pattern.contains("{region}") {
            name = format!("{name}-{}", parts.region);
        }
        if !self.pattern.contains("{n}") && !["", "001"].contains(&parts.n) {
            name = format!("{name}-{}", parts.n);
        }
        name
    }
}

/// Only what the rule allows, and no two separators in a row.
fn clean(name: &str, rule: NameRule) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        let c = if rule.is_lowercase { c.to_ascii_lowercase() } else { c };
        let separator = rule.separators.contains(c);
        let doubled = separator && out.ends_with(|last: char| !last.is_ascii_alphanumeric());
        if (c.is_ascii_alphanumeric() || separator) && !doubled {
            out.push(c);
        }
    }
    out.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

fn environment_code(environment: &str) -> &str {
    match environment {
        "development" => "dev",
        "test" => "tst",
        "staging" => "stg",
        "production" => "prd",
        "platform" => "plt",
        other => other,
    }
}

fn fingerprint(text: &str) -> String {
    let mut number = derived(text).as_u128();
    let mut mark = String::with_capacity(FINGERPRINT);
    for _ in 0..FINGERPRINT {
        mark.extend(char::from_digit((number % 36) as u32, 36));
        number /= 36;
    }
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_the_rules_of_their_type() {
        let namer = Namer { organization: "contoso", pattern: "{type}-{workload}-{environment}-{region}-{n}" };
        let parts = Parts { workload: "fraud-scoring", environment: "development", region: "swedencentral", n: "001" };
        assert_eq!(
            namer.name("Microsoft.Network/virtualNetworks", "", parts),
            "vnet-fraud-scoring-development-swedencentral-001"
        );
        let storage = namer.name("Microsoft.Storage/storageAccounts", "", parts);
        assert!(storage.starts_with("stfraudscorindevsdc") && storage.len() == 24, "{storage}");
        let vault = namer.name("Microsoft.KeyVault/vaults", "", parts);
        assert!(vault.len() <= 24 && vault.starts_with("kv-fraud-s-dev-sdc-"), "{vault}");
        let other = Namer { organization: "fabrikam", ..namer }.name("Microsoft.KeyVault/vaults", "", parts);
        assert_ne!(vault, other);
    }

    #[test]
    fn a_lean_pattern_still_tells_neighbours_apart() {
        let namer = Namer { organization: "o", pattern: "{type}-{workload}" };
        let parts = Parts { workload: "w", environment: "test", region: "swedencentral", n: "agents" };
        assert_eq!(namer.name("Microsoft.Network/networkSecurityGroups", "", parts), "nsg-w-swedencentral-agents");
    }
}
