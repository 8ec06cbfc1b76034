//! `guid` and `uniqueString`, bit for bit as Azure computes them.
//!
//! `guid`: a version-5 UUID (RFC 9562) in a namespace of ARM's own. `uniqueString`: a 64-bit hash of two Murmur3-like
//! lanes in 13 characters of base 32; undocumented, checked against vectors in public repositories (Azure/bicep and
//! others, see `tests/suite/arm/expressions/hashing.yaml`).

use uuid::Uuid;

use super::super::EvalError;
use super::{Args, strings};
use crate::Value;

const NAMESPACE: Uuid = Uuid::from_u128(0x11fb06fb_712d_4ddd_98c7_e71bbd588830);
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

fn joined(args: &Args<'_>) -> String {
    let parts: Vec<String> = args.values.iter().map(strings::text).collect();
    parts.join("-")
}

pub(super) fn guid_of(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(guid(&joined(args)).into())
}

pub(super) fn unique_string_of(args: &Args<'_>) -> Result<Value, EvalError> {
    Ok(unique_string(&joined(args)).into())
}

/// `guid()` of arguments already joined with `-`.
pub fn guid(text: &str) -> String {
    Uuid::new_v5(&NAMESPACE, text.as_bytes()).to_string()
}

/// `uniqueString()` of arguments already joined with `-`: 13 characters `a`–`z`, `2`–`7`.
pub fn unique_string(text: &str) -> String {
    let mut hash = hash(text.as_bytes());
    let mut out = String::with_capacity(13);
    for _ in 0..13 {
        let index = (hash >> 59) as usize;
        out.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'a')));
        hash <<= 5;
    }
    out
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |word, byte| (word << 8) | u32::from(*byte))
}

fn hash(bytes: &[u8]) -> u64 {
    const C1: u32 = 0x239B_961B;
    const C2: u32 = 0xAB0E_9789;
    let lane1 = |k: u32| k.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let lane2 = |k: u32| k.wrapping_mul(C2).rotate_left(17).wrapping_mul(C1);
    let (mut h1, mut h2) = (0_u32, 0_u32);
    let mut blocks = bytes.chunks_exact(8);
    for block in blocks.by_ref() {
        let (low, high) = block.split_at(4);
        h1 = (h1 ^ lane1(word(low))).rotate_left(19).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x561C_CD1B);
        h2 = (h2 ^ lane2(word(high))).rotate_left(13).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x0BCA_A747);
    }
    let tail = blocks.remainder();
    if !tail.is_empty() {
        h1 ^= lane1(word(tail));
    }
    if let Some(high) = tail.get(4..).filter(|high| !high.is_empty()) {
        h2 ^= lane2(word(high));
    }
    // The length is taken modulo 2^32, as everything here.
    let length = bytes.len() as u32;
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    h1 = mix(h1);
    h2 = mix(h2);
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (u64::from(h2) << 32) | u64::from(h1)
}

fn mix(mut h: u32) -> u32 {
    h ^= h >> 16;
    h = h.wrapping_mul(0x85EB_CA6B);
    h ^= h >> 13;
    h = h.wrapping_mul(0xC2B2_AE35);
    h ^ (h >> 16)
}
