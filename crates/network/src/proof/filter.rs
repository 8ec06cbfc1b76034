//! Rules compiled to maps: remote addresses, cut where rules tell them apart, and what passes for each piece.

use crate::model::{FirewallKind, Mode, Model, Site};
use crate::{Bits, Classes, Range, Ranges};

/// Remote addresses and what passes, in order; what is missing passes nothing.
pub(super) type Map = Vec<(Range, Bits)>;

/// What passes between some addresses of a site and everybody else.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) local: Range,
    pub(super) map: Map,
}

struct Line {
    local: Ranges,
    remote: Ranges,
    bits: Bits,
    allows: bool,
}

/// A range cut at the ends of others.
pub(super) fn pieces(cuts: impl Iterator<Item = Range>, whole: Range) -> Vec<Range> {
    let mut starts = vec![whole.first];
    for cut in cuts.filter_map(|c| c.and(whole)) {
        starts.push(cut.first);
        starts.extend(cut.last.checked_add(1).filter(|n| *n <= whole.last));
    }
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).map(|s| s - 1).chain([whole.last]);
    starts.iter().zip(ends).map(|(first, last)| Range { first: *first, last }).collect()
}

/// The entries of a map that meet a range, cut to it.
pub(super) fn at(map: &Map, range: Range) -> impl Iterator<Item = (Range, Bits)> + '_ {
    let first = map.partition_point(|(r, _)| r.last < range.first);
    map.get(first..).unwrap_or_default().iter().map_while(move |(r, b)| Some((r.and(range)?, *b)))
}

/// First match over a list.
fn compile(lines: &[&Line], whole: Range, all: Bits) -> Map {
    let mut map: Map = Vec::new();
    for piece in pieces(lines.iter().flat_map(|l| l.remote.iter()), whole) {
        let (mut open, mut passes) = (all, Bits::NONE);
        for line in lines.iter().filter(|l| l.remote.holds(piece.first)) {
            if line.allows {
                passes = passes.or(line.bits.and(open));
            }
            open = open.without(line.bits);
            if open.is_empty() {
                break;
            }
        }
        if passes.is_empty() {
            continue;
        }
        match map.last_mut() {
            Some((last, same)) if *same == passes && last.last.checked_add(1) == Some(piece.first) => {
                last.last = piece.last
            }
            _ => map.push((piece, passes)),
        }
    }
    map
}

fn both(a: &Map, b: &Map) -> Map {
    a.iter()
        .flat_map(|(range, bits)| at(b, *range).map(|(r, other)| (r, bits.and(other))))
        .filter(|(_, b)| !b.is_empty())
        .collect()
}

/// The filters of a site, one for each part of it that rules tell apart.
pub(super) fn site(model: &Model, classes: &Classes, site: &Site, inbound: bool, mode: Mode) -> Vec<Filter> {
    let subnet = model.subnets.get(site.subnet);
    let unguarded = site.endpoint.is_some() && subnet.is_none_or(|s| !s.endpoint_policies.0);
    let all = classes.all();
    let groups = [subnet.and_then(|s| s.group), site.group];
    let lists: Vec<Vec<Line>> = groups
        .into_iter()
        .flatten()
        .filter(|_| !unguarded)
        .filter_map(|g| model.groups.get(g))
        .map(|group| {
            let rules = group.rules.iter().filter(|r| r.inbound == inbound);
            rules
                .map(|rule| {
                    let (source, destination) = (
                        model.matched(&rule.source, Some(site.subnet)),
                        model.matched(&rule.destination, Some(site.subnet)),
                    );
                    let (local, remote) = if inbound { (destination, source) } else { (source, destination) };
                    let up = (mode == Mode::May) == rule.allows;
                    let counts = up || rule.traffic.any_source_port();
                    Line {
                        local: local.of(mode, rule.allows).clone(),
                        remote: remote.of(mode, rule.allows).clone(),
                        bits: if counts { classes.bits(&rule.traffic, up) } else { Bits::NONE },
                        allows: rule.allows,
                    }
                })
                .collect()
        })
        .collect();
    let mut out = Vec::new();
    for whole in site.space.iter() {
        for local in pieces(lists.iter().flatten().flat_map(|l| l.local.iter()), whole) {
            let mut map: Map = vec![(Range::ALL, all)];
            for list in &lists {
                let lines: Vec<&Line> = list.iter().filter(|l| l.local.holds(local.first)).collect();
                map = both(&map, &compile(&lines, Range::ALL, all));
            }
            out.push(Filter { local, map });
        }
    }
    out
}

/// What a firewall's network rules let through from some sources to some destinations.
pub(super) fn firewall(
    model: &Model,
    classes: &Classes,
    number: usize,
    source: Range,
    destination: Range,
    mode: Mode,
) -> Vec<(Range, Map)> {
    let Some(firewall) = model.firewalls.get(number) else { return Vec::new() };
    let rules = firewall.rules.iter().filter(|r| r.kind == FirewallKind::Network);
    let lines: Vec<Line> = rules
        .filter_map(|rule| {
            let local = model.matched(&rule.source, firewall.subnet).of(mode, rule.allows).clone();
            let up = (mode == Mode::May) == rule.allows;
            local.meets(source).then(|| Line {
                local,
                remote: model.matched(&rule.destination, firewall.subnet).of(mode, rule.allows).clone(),
                bits: classes.bits(&rule.traffic, up),
                allows: rule.allows,
            })
        })
        .collect();
    pieces(lines.iter().flat_map(|l| l.local.iter()), source)
        .into_iter()
        .map(|piece| {
            let lines: Vec<&Line> = lines.iter().filter(|l| l.local.holds(piece.first)).collect();
            (piece, compile(&lines, destination, classes.all()))
        })
        .collect()
}
