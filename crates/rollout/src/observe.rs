//! Reading from a target what a plan needs to know.

use std::collections::BTreeMap;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource};
use rustc_hash::{FxHashMap, FxHashSet};
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
    let wanted: FxHashMap<ResourceId, String> = wanted.into_iter().collect();
    let mut ids: Vec<&ResourceId> = wanted.keys().collect();
    ids.sort();
    let mut waves: BTreeMap<usize, Vec<Asked>> = BTreeMap::new();
    let mut depths: FxHashMap<ResourceId, usize> = FxHashMap::default();
    // What holds an id sorts before it, so that its wave is known by then.
    for id in ids {
        let holder = holder(id, &wanted);
        let is_alias = id.resource_type().is_some_and(|kind| kind.is("Microsoft.Subscription/aliases"));
        let above = holder.as_ref().and_then(|h| depths.get(h)).copied().unwrap_or(0);
        let depth = if is_alias { 0 } else { above + 1 };
        depths.insert(id.clone(), depth);
        let version = wanted.get(id).cloned().unwrap_or_default();
        waves.entry(depth).or_default().push(Asked { id: id.clone(), version, holder });
    }
    let mut estate = Estate::new();
    let mut absent: FxHashSet<ResourceId> = FxHashSet::default();
    for ids in waves.into_values() {
        let (ask, skip): (Vec<Asked>, Vec<Asked>) =
            ids.into_iter().partition(|asked| asked.holder.as_ref().is_none_or(|above| !absent.contains(above)));
        absent.extend(skip.into_iter().map(|asked| asked.id));
        for (id, version, body) in read(target, ask, concurrency).await? {
            match body {
                Some(body) => {
                    estate.insert(Resource::new(id, version, body));
                }
                None => {
                    absent.insert(id);
                }
            }
        }
    }
    Ok(estate)
}

/// One resource to ask for.
struct Asked {
    id: ResourceId,
    version: String,
    /// The nearest wanted resource that the id lies in. Aliases are wave 0; everything else comes a wave after this.
    holder: Option<ResourceId>,
}

/// The nearest wanted resource that the id lies in.
fn holder(id: &ResourceId, wanted: &FxHashMap<ResourceId, String>) -> Option<ResourceId> {
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

async fn read(target: &Target, ids: Vec<Asked>, concurrency: usize) -> Result<Vec<Read>, ObserveError> {
    let mut found = Vec::with_capacity(ids.len());
    let mut failed: Vec<ObserveError> = Vec::new();
    let mut ids = ids.into_iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < concurrency.max(1) && failed.is_empty() {
            let Some(Asked { id, version, .. }) = ids.next() else { break };
            let target = target.clone();
            running.spawn(async move {
                match target.get(&id, &version).await {
                    Ok(body) => Ok((id, version, body.map(|body| stripped(&body)))),
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
