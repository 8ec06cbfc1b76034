//! Free address space, as aligned blocks.

use std::collections::BTreeSet;

use ipnet::IpNet;

/// Free address space. Blocks are aligned to their size and disjoint.
///
/// Best fit on aligned blocks that are never given back keeps at most one free block of each size below the largest:
/// a request fails only when less than its size is free altogether.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Space {
    free: BTreeSet<IpNet>,
}

impl Space {
    /// The space of some blocks; one that lies in another adds nothing.
    pub fn new(blocks: impl IntoIterator<Item = IpNet>) -> Self {
        let blocks: Vec<IpNet> = blocks.into_iter().collect();
        Self { free: IpNet::aggregate(&blocks).into_iter().collect() }
    }

    /// Takes the smallest free block that holds a block of `length` bits, the lowest one of equal size, and returns its
    /// lower end. `None`: no free block is large enough.
    pub fn take(&mut self, length: u8) -> Option<IpNet> {
        let fit = self
            .free
            .iter()
            .filter(|b| b.prefix_len() <= length && length <= b.max_prefix_len())
            .max_by(|a, b| a.prefix_len().cmp(&b.prefix_len()).then_with(|| b.network().cmp(&a.network())))
            .copied()?;
        let block = fit.subnets(length).ok()?.next()?;
        self.take_exact(block);
        Some(block)
    }

    /// Takes a block out wherever it is still free; says whether all of it was.
    pub fn take_exact(&mut self, block: IpNet) -> bool {
        let block = block.trunc();
        let inside: Vec<IpNet> = self.free.iter().filter(|b| block.contains(*b)).copied().collect();
        if let Some(outer) = self.free.iter().find(|b| b.contains(&block)).copied() {
            self.free.remove(&outer);
            let mut rest = outer;
            while rest.prefix_len() < block.prefix_len() {
                let Ok(halves) = rest.subnets(rest.prefix_len() + 1) else { break };
                for half in halves {
                    if half.contains(&block) {
                        rest = half;
                    } else {
                        self.free.insert(half);
                    }
                }
            }
            return true;
        }
        for part in inside {
            self.free.remove(&part);
        }
        false
    }

    /// The free blocks in order of their addresses.
    pub fn blocks(&self) -> impl Iterator<Item = &IpNet> {
        self.free.iter()
    }

    /// The prefix length of the largest free block; `None` when nothing is free.
    pub fn largest(&self) -> Option<u8> {
        self.free.iter().map(IpNet::prefix_len).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn best_fit_fills_small_holes_first() {
        let mut space = Space::new([net("10.0.0.0/20")]);
        assert_eq!(space.take(24), Some(net("10.0.0.0/24")));
        assert_eq!(space.take(22), Some(net("10.0.4.0/22")));
        assert_eq!(space.take(24), Some(net("10.0.1.0/24")));
        assert_eq!(space.take(21), Some(net("10.0.8.0/21")));
        assert_eq!(space.take(21), None);
        assert_eq!(space.take(23), Some(net("10.0.2.0/23")));
        assert_eq!(space.largest(), None);
    }

    #[test]
    fn an_exact_block_is_taken_once() {
        let mut space = Space::new([net("10.0.0.0/22"), net("2001:db8::/48")]);
        assert!(space.take_exact(net("10.0.2.0/24")));
        assert!(!space.take_exact(net("10.0.2.0/24")));
        assert_eq!(space.take(23), Some(net("10.0.0.0/23")));
        assert_eq!(space.take(64), Some(net("2001:db8::/64")));
    }
}
