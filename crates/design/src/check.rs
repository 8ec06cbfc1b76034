//! What the types cannot say: whether the parts of a design fit together.

mod network;
mod workload;

use glidepath_source::Finding;

use crate::catalogue;
use crate::decode::list;
use crate::naming::PLACEHOLDERS;
use crate::suggest::nearest;
use crate::{Design, Places};

/// Tags that a design knows a value for.
pub(crate) const TAGS: [&str; 7] =
    ["owner", "costCenter", "dataClass", "environment", "workload", "contact", "organization"];

/// All findings about a design as a whole.
pub(crate) fn design(design: &Design) -> Vec<Finding> {
    let mut findings = Vec::new();
    organization(design, &mut findings);
    naming(design, &mut findings);
    network::check(design, &mut findings);
    workload::check(design, &mut findings);
    waivers(design, &mut findings);
    findings
}

fn error(places: &Places, path: &str, code: &'static str, message: impl Into<String>) -> Finding {
    Finding::error(code, message).at_place(places.value(path))
}

fn organization(design: &Design, findings: &mut Vec<Finding>) {
    let places = &design.places;
    if !design.organization.is_empty() && !is_name(&design.organization, 16) {
        findings.push(
            error(
                places,
                "organization",
                "design/bad-name",
                format!("`{}` cannot be the prefix of names", design.organization),
            )
            .help("take 2 to 16 lower-case letters, digits and single hyphens, a letter first"),
        );
    }
    if let Some(tenant) = design.tenant.as_deref().filter(|t| uuid::Uuid::try_parse(t).is_err()) {
        findings.push(
            error(places, "tenant", "design/bad-value", format!("`{tenant}` is not a tenant id"))
                .help("write the GUID that `az account show --query tenantId` prints"),
        );
    }
    if places.is_written("regions") && design.regions.is_empty() {
        findings.push(
            error(places, "regions", "design/bad-value", "a design needs at least one region")
                .help("name one, or two for production workloads with an availability target"),
        );
    }
    for (i, name) in design.regions.iter().enumerate() {
        let path = format!("regions/{i}");
        if design.regions.iter().take(i).any(|other| other == name) {
            findings
                .push(error(places, &path, "design/duplicate", format!("`{name}` is listed twice")).help("remove one"));
        }
        if catalogue::region(name).is_none() {
            findings.push(unknown_region(places, &path, name));
        }
    }
    for (i, library) in design.libraries.iter().enumerate() {
        let known = ["embedded", "path", "git"];
        if !library.split_once(':').is_some_and(|(kind, rest)| known.contains(&kind) && !rest.is_empty()) {
            findings.push(
                error(
                    places,
                    &format!("libraries/{i}"),
                    "design/bad-value",
                    format!("`{library}` does not say where a library is"),
                )
                .help("write `embedded:ai`, `path:FOLDER` or `git:URL@REF`"),
            );
        }
    }
    let management = &design.platform.management;
    if !(30..=730).contains(&management.log_retention_days) {
        findings.push(
            error(
                places,
                "platform/management/logRetentionDays",
                "design/bad-value",
                format!("logs cannot be kept for {} days", management.log_retention_days),
            )
            .help("take 30 to 730"),
        );
    }
    let subscriptions = design.platform_subscriptions();
    for (i, (area, name)) in subscriptions.iter().enumerate() {
        let path = format!("platform/{area}/subscription");
        // One that is not written follows from the organisation, and so does what is wrong with it.
        if places.is_written(&path) && !is_name(name, 63) {
            findings.push(
                error(places, &path, "design/bad-name", format!("`{name}` cannot name a subscription"))
                    .help("take 2 to 63 lower-case letters, digits and single hyphens, a letter first"),
            );
        }
        if let Some((other, _)) = subscriptions.iter().take(i).find(|(_, n)| n == name) {
            findings.push(
                error(
                    places,
                    &path,
                    "design/duplicate-subscription",
                    format!("`{name}` is already the subscription of `{other}`"),
                )
                .why("a subscription lies under one management group")
                .help("give each part of the platform its own"),
            );
        }
    }
}

/// A region that Azure does not have.
fn unknown_region(places: &Places, path: &str, name: &str) -> Finding {
    let help = match nearest(name, catalogue::regions().map(|r| r.name)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "take a name as `az account list-locations` prints it".to_owned(),
    };
    error(places, path, "design/unknown-region", format!("`{name}` is not a region of Azure")).help(help)
}

fn naming(design: &Design, findings: &mut Vec<Finding>) {
    let places = &design.places;
    let pattern = &design.naming.pattern;
    let mut rest = pattern.as_str();
    while let Some((_, after)) = rest.split_once('{') {
        let Some((placeholder, after)) = after.split_once('}') else {
            findings.push(
                error(places, "naming/pattern", "design/bad-value", format!("a `{{` in `{pattern}` is never closed"))
                    .help("close it with `}`"),
            );
            break;
        };
        if !PLACEHOLDERS.contains(&placeholder) {
            findings.push(
                error(
                    places,
                    "naming/pattern",
                    "design/bad-value",
                    format!("`{{{placeholder}}}` is no part of a name"),
                )
                .help(format!("parts: {}", list(PLACEHOLDERS))),
            );
        }
        rest = after;
    }
    for needed in ["{type}", "{workload}"] {
        if !pattern.contains(needed) {
            findings.push(
                error(places, "naming/pattern", "design/bad-value", format!("`{pattern}` leaves out `{needed}`"))
                    .why("resources of different kinds or workloads would get one name")
                    .help(format!("add `{needed}` to the pattern")),
            );
        }
    }
    for (i, tag) in design.tags.required.iter().enumerate() {
        if !TAGS.contains(&tag.as_str()) {
            let help = match nearest(tag, TAGS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known tags: {}", list(TAGS)),
            };
            findings.push(
                error(
                    places,
                    &format!("tags/required/{i}"),
                    "design/unknown-tag",
                    format!("nothing gives the tag `{tag}` a value"),
                )
                .help(help),
            );
        }
    }
}

fn waivers(design: &Design, findings: &mut Vec<Finding>) {
    for (file, waiver) in &design.waivers {
        let path = format!("waivers/{file}/scope");
        let mut segments = waiver.scope.split('/');
        let known = match (segments.next(), segments.next(), segments.next(), segments.next()) {
            (Some("platform"), None, None, None) => true,
            (Some("workloads"), Some(name), environment, None) => match design.workloads.get(name) {
                Some(workload) => environment.is_none_or(|e| workload.environments.iter().any(|known| known == e)),
                None => false,
            },
            _ => false,
        };
        if !known {
            findings.push(
                error(
                    &design.places,
                    &path,
                    "design/unknown-scope",
                    format!("`{}` is not a part of this design", waiver.scope),
                )
                .help("write `platform`, `workloads/NAME` or `workloads/NAME/ENVIRONMENT`"),
            );
        }
        let phases = glidepath_estate::Phase::ALL.map(|p| p.name());
        if let Some(gate) = waiver.gate.as_deref().filter(|g| !phases.contains(g)) {
            findings.push(
                error(
                    &design.places,
                    &format!("waivers/{file}/gate"),
                    "design/bad-value",
                    format!("`{gate}` is no phase"),
                )
                .help(format!("allowed: {}", list(phases))),
            );
        }
    }
}

/// Letters, digits and single hyphens, all lower case, a letter first, no hyphen last.
pub(crate) fn is_name(name: &str, max: usize) -> bool {
    (2..=max).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
