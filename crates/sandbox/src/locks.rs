//! Locks: what may not be deleted, or not be changed at all.

use glidepath_arm::{ResourceId, Value};

use crate::answer::ArmError;
use crate::world::World;

/// Refuses a delete (or, with a `ReadOnly` lock, a write) of what a lock at the scope or above protects. A delete is also
/// refused for a lock on anything inside.
pub(crate) fn check(world: &World, id: &ResourceId, deletes: bool) -> Result<(), ArmError> {
    const LOCKS: &str = "Microsoft.Authorization/locks";
    if id.resource_type().is_some_and(|t| t.namespace().eq_ignore_ascii_case("Microsoft.Authorization")) {
        return Ok(());
    }
    let Some(subscription) = id.subscription_id() else { return Ok(()) };
    let mut holders = vec![id.clone()];
    while let Some(parent) = holders.last().and_then(ResourceId::parent).filter(|p| p.as_str() != "/") {
        holders.push(parent);
    }
    let subscription = ResourceId::subscription(subscription);
    if !holders.contains(&subscription) {
        holders.push(subscription);
    }
    let level = |r: &glidepath_estate::Resource| {
        r.body.at(&["properties", "level"]).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase()
    };
    let bases: Vec<ResourceId> = holders.iter().map(|h| ResourceId::new(&format!("{h}/providers/{LOCKS}"))).collect();
    let above = bases
        .iter()
        .zip(&holders)
        .flat_map(|(base, holder)| world.estate.within(base).filter(move |r| r.id.parent().as_ref() == Some(holder)));
    let is_lock = |r: &&glidepath_estate::Resource| r.resource_type().is_some_and(|t| t.is(LOCKS));
    let locked = above
        .filter(|r| level(r) == "readonly" || deletes && level(r) == "cannotdelete")
        .map(|r| r.id.parent().unwrap_or_else(ResourceId::tenant))
        .next()
        .or_else(|| {
            let inside = deletes.then(|| world.estate.within(id).find(is_lock)).flatten();
            inside.and_then(|r| r.id.parent())
        });
    let Some(locked) = locked else { return Ok(()) };
    let what = if deletes { "delete" } else { "write" };
    Err(ArmError::new(
        409,
        "ScopeLocked",
        format!(
            "The scope '{id}' cannot perform {what} operation because following scope(s) are locked: '{locked}'. Please remove the lock and try again."
        ),
    ))
}
