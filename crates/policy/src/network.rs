//! `ipRangeContains`.

use std::net::IpAddr;

use ipnet::IpNet;

/// Does the first range hold the whole second one? Ranges are one address, a CIDR block or `first-last`.
///
/// Source: Microsoft Learn, "Azure Policy: policy functions", `ipRangeContains`.
///
/// # Errors
/// Where a text is no range, or the two are of different families.
pub(crate) fn range_contains(outer: &str, inner: &str) -> Result<bool, String> {
    let (outer_first, outer_last) = range(outer)?;
    let (inner_first, inner_last) = range(inner)?;
    if outer_first.is_ipv4() != inner_first.is_ipv4() {
        return Err(format!("`{outer}` and `{inner}` are of different address families"));
    }
    Ok(outer_first <= inner_first && inner_last <= outer_last)
}

fn range(text: &str) -> Result<(IpAddr, IpAddr), String> {
    let bad = || format!("`{text}` is no address, CIDR block or range");
    let text = text.trim();
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok((net.network(), net.broadcast()));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let first: IpAddr = first.trim().parse().map_err(|_| bad())?;
    let last: IpAddr = last.trim().parse().map_err(|_| bad())?;
    if first.is_ipv4() != last.is_ipv4() || first > last {
        return Err(bad());
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_every_form() {
        for (outer, inner, holds) in [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "10.255.0.0/16", true),
            ("10.0.0.5-10.0.0.9", "10.0.0.6-10.0.0.9", true),
            ("10.0.0.5-10.0.0.9", "10.0.0.0/24", false),
            ("fd00::/8", "fd12::1", true),
            ("192.168.0.1", "192.168.0.1", true),
        ] {
            assert_eq!(range_contains(outer, inner), Ok(holds), "{outer} {inner}");
        }
        assert!(range_contains("10.0.0.0/8", "fd00::1").is_err());
        assert!(range_contains("10.0.0.9-10.0.0.5", "10.0.0.6").is_err());
        assert!(range_contains("ten", "10.0.0.6").is_err());
    }
}
