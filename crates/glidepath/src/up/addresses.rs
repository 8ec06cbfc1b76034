//! The record of which block every spoke has: a spoke that stands never moves because the design gained another one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glidepath_arm::{ResourceId, Value};
use glidepath_design::{Compiled, Design, addresses_yaml, symbolic_subscription};
use glidepath_network::SpokeKey;
use glidepath_rollout::{ClientError, Managed, Target};
use ipnet::IpNet;

use super::session::state_folder;

const VNET: &str = "Microsoft.Network/virtualNetworks";
const VNET_API: &str = "2024-05-01";
const ALIAS_API: &str = "2021-10-01";

/// Where the record is.
pub(crate) fn record(design: &Path) -> PathBuf {
    state_folder(design).join("addresses.yaml")
}

/// Writes the record: what the design's spokes have, and what spokes had that left the design and still stand.
pub(crate) fn keep(folder: &Path, design: &Design, compiled: &Compiled, managed: &[Managed]) -> std::io::Result<()> {
    let mut spokes: BTreeMap<&SpokeKey, &IpNet> =
        compiled.addresses.spokes.iter().map(|(key, allocation)| (key, &allocation.prefix)).collect();
    for (key, prefix) in &design.kept {
        if !spokes.contains_key(key) && stands(design, key, managed) {
            spokes.insert(key, prefix);
        }
    }
    let text = addresses_yaml(spokes);
    let path = record(folder);
    if std::fs::read_to_string(&path).is_ok_and(|before| before == text) {
        return Ok(());
    }
    let fresh = path.with_extension("yaml.new");
    std::fs::write(&fresh, text)?;
    std::fs::rename(fresh, path)
}

/// Did an earlier run make a network in the spoke's subscription, and not delete it?
fn stands(design: &Design, key: &SpokeKey, managed: &[Managed]) -> bool {
    let name = format!("{}-{}-{}", design.organization, key.workload, key.environment);
    let symbol = symbolic_subscription(&design.organization, &name);
    managed.iter().any(|m| {
        m.id.resource_type().is_some_and(|kind| kind.is(VNET))
            && m.id.subscription_id().is_some_and(|s| s.eq_ignore_ascii_case(&symbol))
    })
}

/// The blocks that spokes have in the target, as far as they lie in the design's pools; for a record that was lost.
///
/// # Errors
/// See [`ClientError`].
pub(crate) async fn standing(
    target: &Target,
    design: &Design,
    compiled: &Compiled,
) -> Result<Vec<(SpokeKey, IpNet)>, ClientError> {
    let mut found = Vec::new();
    if target.client().list(glidepath_rollout::Verb::Get, "/subscriptions", "2022-12-01", &[]).await?.is_empty() {
        return Ok(found);
    }
    for alias in compiled.subscriptions.keys() {
        target.get(alias, ALIAS_API).await?;
    }
    for (key, network) in &compiled.networks {
        if let Some(block) = block(target, network).await? {
            let pools = &design.platform.connectivity.address_pools;
            let own = design.workloads.get(&key.workload).and_then(|w| w.network.prefix);
            let within = |pool: &IpNet| pool.contains(&block);
            if pools.get(&key.region).is_some_and(|pools| pools.iter().any(within)) || own.as_ref().is_some_and(within)
            {
                found.push((key.clone(), block));
            }
        }
    }
    Ok(found)
}

async fn block(target: &Target, network: &ResourceId) -> Result<Option<IpNet>, ClientError> {
    let Some(body) = target.get(network, VNET_API).await? else { return Ok(None) };
    let blocks = body.at(&["properties", "addressSpace", "addressPrefixes"]).and_then(Value::as_array);
    Ok(blocks.and_then(|list| list.first()?.as_str()?.parse().ok()))
}
