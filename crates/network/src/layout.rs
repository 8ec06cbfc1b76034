//! How a block is cut into subnets.
//!
//! Sizes, names and delegations stand in `catalogue/network/subnets.csv`. A layout reserves room for every subnet its
//! size may hold, also for those a workload does not use yet: a service added later moves no other subnet.

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use crate::Space;

const SUBNETS: &str = include_str!("../../../catalogue/network/subnets.csv");

/// Prefix length of a hub: firewall, its management, Bastion, gateway, route server, DNS, and a spare /24.
pub const HUB_LENGTH: u8 = 22;

/// The size of a spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// /24: inference only.
    S,
    /// /22: agents, container apps, room for a gateway.
    #[default]
    M,
    /// /21: larger applications.
    L,
    /// A prefix length.
    Length(u8),
}

impl Size {
    /// Its prefix length.
    pub fn length(self) -> u8 {
        match self {
            Size::S => 24,
            Size::M => 22,
            Size::L => 21,
            Size::Length(length) => length,
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::S => f.write_str("S"),
            Size::M => f.write_str("M"),
            Size::L => f.write_str("L"),
            Size::Length(length) => write!(f, "/{length}"),
        }
    }
}

impl FromStr for Size {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "S" => Ok(Size::S),
            "M" => Ok(Size::M),
            "L" => Ok(Size::L),
            _ => match text.strip_prefix('/').and_then(|l| l.parse::<u8>().ok()) {
                Some(length @ 16..=24) => Ok(Size::Length(length)),
                _ => Err(()),
            },
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One subnet of a layout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// `private-endpoints`, `agents`, `AzureFirewallSubnet`, …
    pub name: &'static str,
    /// Its block.
    pub prefix: IpNet,
    /// The service it is delegated to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegation: Option<&'static str>,
}

impl Subnet {
    /// The first address a resource can have: Azure keeps the first four of every subnet.
    pub fn first_usable(&self) -> std::net::IpAddr {
        match self.prefix.network() {
            std::net::IpAddr::V4(a) => std::net::Ipv4Addr::from_bits(a.to_bits().saturating_add(4)).into(),
            std::net::IpAddr::V6(a) => std::net::Ipv6Addr::from_bits(a.to_bits().saturating_add(4)).into(),
        }
    }
}

/// A block cut into subnets, largest first from its lower end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Layout {
    /// The block.
    pub prefix: IpNet,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
}

impl Layout {
    /// A spoke: the layout of the largest size that the block holds. `None`: smaller than S.
    pub fn spoke(prefix: IpNet) -> Option<Self> {
        let layout = match prefix.prefix_len() {
            0..=21 => "L",
            22 => "M",
            23 | 24 => "S",
            _ => return None,
        };
        Self::cut(prefix, layout)
    }

    /// A hub. `None`: smaller than [`HUB_LENGTH`].
    pub fn hub(prefix: IpNet) -> Option<Self> {
        if prefix.prefix_len() > HUB_LENGTH {
            return None;
        }
        Self::cut(prefix, "hub")
    }

    /// The subnet with this name.
    pub fn subnet(&self, name: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|s| s.name == name)
    }

    fn cut(prefix: IpNet, layout: &str) -> Option<Self> {
        let mut space = Space::new([prefix]);
        let mut rows: Vec<(&'static str, u8, &'static str)> = rows(layout).collect();
        rows.sort_by_key(|(_, length, _)| *length);
        let mut subnets = Vec::with_capacity(rows.len());
        for (name, length, delegation) in rows {
            let delegation = (!delegation.is_empty()).then_some(delegation);
            subnets.push(Subnet { name, prefix: space.take(length)?, delegation });
        }
        Some(Self { prefix, subnets })
    }
}

fn rows(layout: &str) -> impl Iterator<Item = (&'static str, u8, &'static str)> {
    SUBNETS.lines().skip(1).filter_map(move |line| {
        let mut cells = line.split(',');
        if cells.next()? != layout {
            return None;
        }
        Some((cells.next()?, cells.next()?.parse().ok()?, cells.next().unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_fits_its_size() {
        for (prefix, subnets) in [("10.0.0.0/24", 4), ("10.0.0.0/23", 4), ("10.0.0.0/22", 7), ("10.0.0.0/21", 8)] {
            let layout = Layout::spoke(prefix.parse().unwrap()).unwrap();
            assert_eq!(layout.subnets.len(), subnets, "{prefix}");
            for (i, a) in layout.subnets.iter().enumerate() {
                assert!(layout.prefix.contains(&a.prefix));
                for b in &layout.subnets[i + 1..] {
                    assert!(!a.prefix.contains(&b.prefix) && !b.prefix.contains(&a.prefix), "{a:?} {b:?}");
                }
            }
        }
        assert_eq!(Layout::spoke("10.0.0.0/25".parse().unwrap()), None);
        let hub = Layout::hub("10.0.0.0/22".parse().unwrap()).unwrap();
        assert_eq!(hub.subnet("AzureFirewallSubnet").unwrap().first_usable().to_string(), "10.0.0.4");
        assert!(!hub.subnets.iter().any(|s| s.prefix.prefix_len() > 29));
    }
}
