//! Sets of IPv4 addresses.

use std::fmt;
use std::net::Ipv4Addr;

use serde::{Serialize, Serializer};

/// Addresses from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// First address.
    pub first: u32,
    /// Last address.
    pub last: u32,
}

impl Range {
    /// Every address.
    pub const ALL: Range = Range { first: 0, last: u32::MAX };

    /// One address.
    pub fn one(address: Ipv4Addr) -> Self {
        Self { first: address.to_bits(), last: address.to_bits() }
    }

    /// The addresses of a block. `None`: not IPv4.
    pub fn block(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some((first, last)) = text.split_once('-') {
            let (first, last): (Ipv4Addr, Ipv4Addr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
            return (first <= last).then(|| Self { first: first.to_bits(), last: last.to_bits() });
        }
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let (address, length): (Ipv4Addr, u32) = (address.parse().ok()?, length.parse().ok()?);
        let mask = match length {
            0 => 0,
            1..=32 => u32::MAX << (32 - length),
            _ => return None,
        };
        let first = address.to_bits() & mask;
        Some(Self { first, last: first | !mask })
    }

    /// The common part.
    pub fn and(self, other: Range) -> Option<Range> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Range { first, last })
    }

    /// Does it hold the address?
    pub fn holds(self, address: u32) -> bool {
        self.first <= address && address <= self.last
    }

    /// Does it hold all of the other?
    pub fn covers(self, other: Range) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// Prefix length, where the range is one block.
    pub fn length(self) -> Option<u8> {
        let size = u64::from(self.last - self.first) + 1;
        let aligned = size.is_power_of_two() && u64::from(self.first).is_multiple_of(size);
        aligned.then(|| 32 - size.trailing_zeros() as u8)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = Ipv4Addr::from_bits(self.first);
        match self.length() {
            Some(32) => write!(f, "{first}"),
            Some(length) => write!(f, "{first}/{length}"),
            None => write!(f, "{first}-{}", Ipv4Addr::from_bits(self.last)),
        }
    }
}

impl Serialize for Range {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A set of addresses: ranges in order, apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Ranges(Vec<Range>);

impl Ranges {
    /// No address.
    pub const NONE: Ranges = Ranges(Vec::new());

    /// Every address.
    pub fn all() -> Self {
        Self(vec![Range::ALL])
    }

    /// The union of some ranges, in any order.
    pub fn new(ranges: impl IntoIterator<Item = Range>) -> Self {
        let mut ranges: Vec<Range> = ranges.into_iter().collect();
        ranges.sort();
        let mut out: Vec<Range> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match out.last_mut() {
                Some(last) if range.first <= last.last.saturating_add(1) => last.last = last.last.max(range.last),
                _ => out.push(range),
            }
        }
        Self(out)
    }

    /// The union of some blocks, in CIDR or `a-b` notation; what is neither is left out.
    pub fn blocks<'a>(blocks: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(blocks.into_iter().filter_map(Range::block))
    }

    /// Its ranges.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Range> + Clone + '_ {
        self.0.iter().copied()
    }

    /// Has it none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address it starts with.
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|r| r.first)
    }

    /// Both together.
    pub fn or(&self, other: &Ranges) -> Ranges {
        Self::new(self.iter().chain(other.iter()))
    }

    /// What both hold.
    pub fn and(&self, other: &Ranges) -> Ranges {
        let mut out = Vec::new();
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            out.extend(a.and(*b));
            if a.last < b.last {
                left.next()
            } else {
                right.next()
            };
        }
        Self(out)
    }

    /// What it does not hold.
    pub fn not(&self) -> Ranges {
        let mut out = Vec::new();
        let mut next = Some(0u32);
        for range in &self.0 {
            if let Some(first) = next.filter(|n| *n < range.first) {
                out.push(Range { first, last: range.first - 1 });
            }
            next = range.last.checked_add(1);
        }
        out.extend(next.map(|first| Range { first, last: u32::MAX }));
        Self(out)
    }

    /// What it holds and the other does not.
    pub fn without(&self, other: &Ranges) -> Ranges {
        self.and(&other.not())
    }

    /// Does it hold the address?
    pub fn holds(&self, address: u32) -> bool {
        let at = self.0.partition_point(|r| r.last < address);
        self.0.get(at).is_some_and(|r| r.holds(address))
    }

    /// Does it hold all of the range?
    pub fn covers(&self, range: Range) -> bool {
        let at = self.0.partition_point(|r| r.last < range.first);
        self.0.get(at).is_some_and(|r| r.covers(range))
    }

    /// Does it hold some of the range?
    pub fn meets(&self, range: Range) -> bool {
        let at = self.0.partition_point(|r| r.last < range.first);
        self.0.get(at).is_some_and(|r| r.first <= range.last)
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            range.fmt(f)?;
        }
        Ok(())
    }
}

/// Addresses that Azure never routes to the internet.
/// Source: Microsoft Learn, "Virtual network traffic routing": RFC 1918, RFC 6598, multicast and the reserved blocks.
pub fn special() -> Ranges {
    Ranges::blocks([
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "224.0.0.0/3",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_addresses() {
        let a = Ranges::blocks(["10.0.0.0/9", "10.128.0.0/9", "192.168.1.5"]);
        assert_eq!(a.to_string(), "10.0.0.0/8, 192.168.1.5");
        assert_eq!(a.not().not(), a);
        assert_eq!(a.and(&Ranges::blocks(["10.1.0.0-10.1.0.9"])).to_string(), "10.1.0.0-10.1.0.9");
        assert_eq!(Ranges::all().without(&Ranges::blocks(["0.0.0.0/1"])).to_string(), "128.0.0.0/1");
        assert!(
            a.holds(0x0a00_0001) && !a.holds(0x0b00_0000) && a.covers(Range { first: 0x0a00_0000, last: 0x0aff_ffff })
        );
        assert_eq!(Ranges::all().not(), Ranges::NONE);
    }
}
