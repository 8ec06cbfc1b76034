//! IP networks.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::EvalError;
use super::Args;
use crate::Value;

fn network(args: &Args<'_>) -> Result<IpNet, EvalError> {
    let text = args.str(0)?;
    text.trim()
        .parse::<IpNet>()
        .map(|net| net.trunc())
        .map_err(|_| args.bad(format_args!("`{text}` is not a network such as `10.0.0.0/16`")))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn address(like: &IpNet, number: u128) -> IpAddr {
    match like {
        IpNet::V4(_) => IpAddr::V4(std::net::Ipv4Addr::from_bits(u32::try_from(number).unwrap_or(u32::MAX))),
        IpNet::V6(_) => IpAddr::V6(std::net::Ipv6Addr::from_bits(number)),
    }
}

/// The first and last usable address: without network and broadcast in IPv4, all of them in IPv6.
fn usable(net: &IpNet) -> (u128, u128) {
    let (first, last) = (number(net.network()), number(net.broadcast()));
    let spare = u128::from(matches!(net, IpNet::V4(v4) if v4.prefix_len() < 31));
    (first + spare, last - spare)
}

pub(super) fn parse(args: &Args<'_>) -> Result<Value, EvalError> {
    let net = network(args)?;
    let (first, last) = usable(&net);
    let mut members =
        vec![("network", Value::from(net.network().to_string())), ("netmask", net.netmask().to_string().into())];
    if matches!(net, IpNet::V4(_)) {
        members.push(("broadcast", net.broadcast().to_string().into()));
    }
    members.push(("firstUsable", address(&net, first).to_string().into()));
    members.push(("lastUsable", address(&net, last).to_string().into()));
    members.push(("cidr", i64::from(net.prefix_len()).into()));
    Ok(Value::object(members))
}

pub(super) fn subnet(args: &Args<'_>) -> Result<Value, EvalError> {
    let (net, length, at) = (network(args)?, args.int(1)?, args.int(2)?);
    let length = u8::try_from(length).ok().filter(|l| *l >= net.prefix_len() && *l <= net.max_prefix_len());
    let Some(length) = length else {
        return Err(args.bad(format_args!(
            "the new prefix length must be between {} and {}",
            net.prefix_len(),
            net.max_prefix_len()
        )));
    };
    let bits = u32::from(length - net.prefix_len());
    let size = 1_u128.checked_shl(u32::from(net.max_prefix_len() - length)).unwrap_or(0);
    let fits = u128::try_from(at).ok().filter(|at| bits >= 127 || *at < (1_u128 << bits));
    let Some(at) = fits else {
        return Err(args.bad(format_args!("`{net}` has no subnet {at} of length {length} (counted from 0)")));
    };
    let start = number(net.network()).saturating_add(at.saturating_mul(size));
    Ok(format!("{}/{length}", address(&net, start)).into())
}

pub(super) fn host(args: &Args<'_>) -> Result<Value, EvalError> {
    let (net, at) = (network(args)?, args.int(1)?);
    let (first, last) = usable(&net);
    match u128::try_from(at).ok().and_then(|at| first.checked_add(at)).filter(|found| *found <= last) {
        Some(found) => Ok(address(&net, found).to_string().into()),
        None => Err(args.bad(format_args!("`{net}` has no host {at} (counted from 0)"))),
    }
}
