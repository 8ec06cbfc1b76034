//! Whether a target has what is to be made, where it is to be made: asked before the first write.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::Resource;

use crate::{ClientError, Target, Verb};

const API: &str = "2021-04-01";

/// A resource that the target does not offer in its region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// The resource.
    pub id: ResourceId,
    /// The region it is wanted in.
    pub location: String,
    /// Where its type is offered; empty: the target does not know the provider at all.
    pub offered: Vec<String>,
}

/// Those of the resources that the target cannot make, in the order given. A type that a provider does not list (child types
/// often are not) is taken as offered.
///
/// # Errors
/// See [`ClientError`].
pub async fn unavailable<'r>(
    target: &Target,
    resources: impl IntoIterator<Item = &'r Resource>,
) -> Result<Vec<Unavailable>, ClientError> {
    let mut resources = resources.into_iter().filter_map(|r| Some((r, location(&r.body)?))).peekable();
    if resources.peek().is_none() {
        return Ok(Vec::new());
    }
    let mut namespaces = BTreeSet::new();
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for provider in target.client().list(Verb::Get, "/providers", API, &[]).await? {
        let Some(namespace) = provider.get("namespace").and_then(Value::as_str) else { continue };
        namespaces.insert(namespace.to_ascii_lowercase());
        for kind in provider.get("resourceTypes").and_then(Value::as_array).unwrap_or_default() {
            let Some(name) = kind.get("resourceType").and_then(Value::as_str) else { continue };
            let places = kind.get("locations").and_then(Value::as_array).unwrap_or_default();
            let places = places.iter().filter_map(Value::as_str).map(plain).collect();
            types.insert(format!("{namespace}/{name}").to_ascii_lowercase(), places);
        }
    }
    let mut missing = Vec::new();
    for (resource, location) in resources {
        let Some(kind) = resource.resource_type() else { continue };
        let unavailable =
            |offered: Vec<String>| Unavailable { id: resource.id.clone(), location: location.clone(), offered };
        if !namespaces.contains(&kind.namespace().to_ascii_lowercase()) {
            missing.push(unavailable(Vec::new()));
        } else if let Some(places) = types.get(&kind.as_str().to_ascii_lowercase())
            && !places.is_empty()
            && !places.iter().any(|p| *p == location || p == "global")
        {
            missing.push(unavailable(places.clone()));
        }
    }
    Ok(missing)
}

fn location(body: &Value) -> Option<String> {
    body.get("location").and_then(Value::as_str).map(plain).filter(|name| name != "global")
}

fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "")
}
