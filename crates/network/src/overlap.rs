//! Blocks that must not share an address.

use glidepath_source::Place;
use ipnet::IpNet;

/// An address block, what it is and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The block.
    pub prefix: IpNet,
    /// What it is, in the user's words: ``the pool of `swedencentral` ``.
    pub what: String,
    /// Where it was written.
    pub place: Option<Place>,
}

/// Every pair of blocks that share an address, the outer or first one first, in the order of addresses. One sort and one
/// sweep: the cost grows with the number of blocks and of pairs found.
pub fn overlaps(blocks: &[Block]) -> Vec<(&Block, &Block)> {
    let mut sorted: Vec<&Block> = blocks.iter().collect();
    sorted.sort_by_key(|b| (b.prefix.trunc(), b.prefix.prefix_len()));
    let mut open: Vec<&Block> = Vec::new();
    let mut pairs = Vec::new();
    for block in sorted {
        open.retain(|outer| outer.prefix.trunc().contains(&block.prefix.trunc()));
        pairs.extend(open.iter().map(|outer| (*outer, block)));
        open.push(block);
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_nested_and_equal_blocks() {
        let block = |p: &str, what: &str| Block { prefix: p.parse().unwrap(), what: what.into(), place: None };
        let blocks =
            [block("10.0.0.0/8", "a"), block("10.1.0.0/16", "b"), block("10.1.0.0/16", "c"), block("11.0.0.0/8", "d")];
        let pairs: Vec<_> = overlaps(&blocks).iter().map(|(a, b)| format!("{}{}", a.what, b.what)).collect();
        assert_eq!(pairs, ["ab", "ac", "bc"]);
    }
}
