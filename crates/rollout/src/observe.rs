//! Reading from a target what a plan needs to know.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource};
use tokio::task::JoinSet;

use crate::{ClientError, Target};

/// A resource that could not be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("`{id}` could not be read: {source}")]
pub struct ObserveError {
    /// The resource.
    pub id: ResourceId,
    /// Why.
    pub source: ClientError,
}

/// Reads these resources (id, api-version) and returns those that exist, with symbolic subscription ids and without what
/// only a target adds (`id`, `name`, `type`, `etag`, `systemData`, `provisioningState`).
///
/// Aliases are read first, for they tell the real subscription ids. What lies inside something wanted that is not there is
/// not asked for: on a new target that is nearly everything.
///
/// # Errors
/// The first resource, in the order of ids within a wave, whose reading failed otherwise than by "not found".
pub async fn observe(
    target: &Target,
    wanted: impl IntoIterator<Item = (ResourceId, String)>,
    concurrency: usize,
) -> Result<Estate, ObserveError> {
    let wanted: BTreeMap<ResourceId, String> = wanted.into_iter().collect();
    let mut waves: BTreeMap<usize, Vec<(ResourceId, String)>> = BTreeMap::new();
    for (id, version) in &wanted {
        waves.entry(wave(id, &wanted)).or_default().push((id.clone(), version.clone()));
    }
    let mut estate = Estate::new();
    let mut absent: BTreeSet<ResourceId> = BTreeSet::new();
    for ids in waves.into_values() {
        let (ask, skip): (Vec<_>, Vec<_>) =
            ids.into_iter().partition(|(id, _)| holder(id, &wanted).is_none_or(|above| !absent.contains(&above)));
        absent.extend(skip.into_iter().map(|(id, _)| id));
        for (id, version, body) in read(target, ask, concurrency).await? {
            match body {
                Some(body) => {
                    estate.insert(Resource::new(id, version, stripped(&body)));
                }
                None => {
                    absent.insert(id);
                }
            }
        }
    }
    Ok(estate)
}

/// Aliases are wave 0; everything else comes a wave after what holds it.
fn wave(id: &ResourceId, wanted: &BTreeMap<ResourceId, String>) -> usize {
    if id.resource_type().is_some_and(|kind| kind.is("Microsoft.Subscription/aliases")) {
        return 0;
    }
    let mut depth = 1;
    let mut next = holder(id, wanted);
    while let Some(at) = next {
        depth += 1;
        next = holder(&at, wanted);
    }
    depth
}

/// The nearest wanted resource that the id lies in.
fn holder(id: &ResourceId, wanted: &BTreeMap<ResourceId, String>) -> Option<ResourceId> {
    let mut next = id.parent();
    while let Some(at) = next {
        if wanted.contains_key(&at) {
            return Some(at);
        }
        next = at.parent();
    }
    None
}

type Read = (ResourceId, String, Option<Value>);

async fn read(target: &Target, ids: Vec<(ResourceId, String)>, concurrency: usize) -> Result<Vec<Read>, ObserveError> {
    let mut found = Vec::with_capacity(ids.len());
    let mut failed: Vec<ObserveError> = Vec::new();
    let mut ids = ids.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < concurrency.max(1) && failed.is_empty() {
            let Some((id, version)) = ids.next() else { break };
            let target = target.clone();
            running.spawn(async move {
                match target.get(&id, &version).await {
                    Ok(body) => Ok((id, version, body)),
                    Err(source) => Err(ObserveError { id, source }),
                }
            });
        }
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(read))) => found.push(read),
            Some(Ok(Err(error))) => failed.push(error),
            Some(Err(_)) => {
                let source = ClientError::Setup("a reading task ended early".to_owned());
                failed.push(ObserveError { id: ResourceId::tenant(), source });
            }
        }
    }
    failed.into_iter().min_by(|a, b| a.id.cmp(&b.id)).map_or(Ok(found), Err)
}

fn stripped(body: &Value) -> Value {
    let mut body = body.clone();
    let object = body.make_object();
    for key in ["id", "name", "type", "etag", "systemData"] {
        object.remove(key);
    }
    if let Some(properties) = object.get_mut("properties").filter(|p| p.as_object().is_some()) {
        properties.make_object().remove("provisioningState");
    }
    body
}
