//! Protocols and ports: the classes that rules tell apart, as a set of fixed width.

use serde::Serialize;

/// Protocols that Azure's rules name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// ESP.
    Esp,
    /// AH.
    Ah,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 5] = [Protocol::Tcp, Protocol::Udp, Protocol::Icmp, Protocol::Esp, Protocol::Ah];

    /// Has it ports?
    pub fn has_ports(self) -> bool {
        matches!(self, Protocol::Tcp | Protocol::Udp)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
            Protocol::Esp => "esp",
            Protocol::Ah => "ah",
        }
    }
}

/// Ports from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Ports {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

impl Ports {
    /// Every port.
    pub const ALL: Ports = Ports { first: 0, last: u16::MAX };

    /// `443`, `8000-8100`, `*`.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" || text.eq_ignore_ascii_case("any") {
            return Some(Self::ALL);
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        (first <= last).then_some(Self { first, last })
    }

    /// Does it hold the port?
    pub fn holds(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

/// What a rule says of protocol and ports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Traffic {
    /// The protocols.
    pub protocols: Vec<Protocol>,
    /// The destination ports, for protocols that have them.
    pub ports: Vec<Ports>,
    /// Does it also ask for source ports?
    pub source_ports: Vec<Ports>,
}

impl Traffic {
    /// Everything.
    pub fn any() -> Self {
        Self { protocols: Protocol::ALL.to_vec(), ports: vec![Ports::ALL], source_ports: vec![Ports::ALL] }
    }

    /// One protocol, some ports.
    pub fn of(protocol: Protocol, ports: &[u16]) -> Self {
        let ports = ports.iter().map(|p| Ports { first: *p, last: *p }).collect();
        Self { protocols: vec![protocol], ports, source_ports: vec![Ports::ALL] }
    }

    /// Does it match every source port?
    pub fn any_source_port(&self) -> bool {
        self.source_ports.contains(&Ports::ALL)
    }

    /// Does it match?
    pub fn holds(&self, protocol: Protocol, port: u16) -> bool {
        self.protocols.contains(&protocol) && (!protocol.has_ports() || self.ports.iter().any(|p| p.holds(port)))
    }
}

const WORDS: usize = 8;

/// A set of classes of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Bits([u64; WORDS]);

impl Bits {
    /// No traffic.
    pub const NONE: Bits = Bits([0; WORDS]);
    /// How many classes fit.
    pub const ROOM: usize = WORDS * 64;

    /// Both.
    pub fn and(self, other: Bits) -> Bits {
        let mut out = self;
        out.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= b);
        out
    }

    /// Either.
    pub fn or(self, other: Bits) -> Bits {
        let mut out = self;
        out.0.iter_mut().zip(other.0).for_each(|(a, b)| *a |= b);
        out
    }

    /// The first without the second.
    pub fn without(self, other: Bits) -> Bits {
        let mut out = self;
        out.0.iter_mut().zip(other.0).for_each(|(a, b)| *a &= !b);
        out
    }

    /// Nothing in it?
    pub fn is_empty(self) -> bool {
        self.0.iter().all(|w| *w == 0)
    }

    /// Do they share any?
    pub fn meets(self, other: Bits) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    fn set(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    /// The classes in it.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        self.0
            .into_iter()
            .enumerate()
            .flat_map(|(i, w)| (0..64).filter(move |b| w >> b & 1 == 1).map(move |b| i * 64 + b))
    }
}

/// The classes that a set of rules tells apart.
#[derive(Debug, Clone)]
pub struct Classes {
    /// Where port intervals start; the first is 0.
    starts: Vec<u16>,
    /// Were there more boundaries than fit?
    pub coarse: bool,
}

impl Classes {
    /// The classes of some rules. Boundaries beyond [`Bits::ROOM`] are given up, and rules are rounded.
    pub fn of<'a>(rules: impl Iterator<Item = &'a Traffic>) -> Self {
        let mut starts = vec![0u16];
        let mut add = |ports: &Ports| {
            starts.push(ports.first);
            starts.extend(ports.last.checked_add(1));
        };
        for port in [22u16, 53, 80, 443, 3389, 5985, 5986, 5987] {
            add(&Ports { first: port, last: port });
        }
        for rule in rules {
            rule.ports.iter().for_each(&mut add);
        }
        starts.sort_unstable();
        starts.dedup();
        let room = (Bits::ROOM - 3) / 2;
        let coarse = starts.len() > room;
        starts.truncate(room);
        Self { starts, coarse }
    }

    /// The classes of a rule: rounded up to whole classes if `up`, else down.
    pub fn bits(&self, traffic: &Traffic, up: bool) -> Bits {
        let mut bits = Bits::NONE;
        let n = self.starts.len();
        for protocol in &traffic.protocols {
            let base = match protocol {
                Protocol::Tcp => 0,
                Protocol::Udp => n,
                Protocol::Icmp | Protocol::Esp | Protocol::Ah => {
                    bits.set(2 * n + (*protocol as usize) - 2);
                    continue;
                }
            };
            for ports in &traffic.ports {
                for (i, start) in self.starts.iter().enumerate() {
                    let end = self.starts.get(i + 1).map_or(u16::MAX, |next| next - 1);
                    let inside = if up {
                        ports.first <= end && *start <= ports.last
                    } else {
                        ports.first <= *start && end <= ports.last
                    };
                    if inside {
                        bits.set(base + i);
                    }
                }
            }
        }
        bits
    }

    /// Everything.
    pub fn all(&self) -> Bits {
        self.bits(&Traffic::any(), true)
    }

    /// One packet of a class: well-known ports first.
    pub fn example(&self, bits: Bits) -> Option<(Protocol, u16)> {
        let well_known = [(Protocol::Tcp, 443), (Protocol::Tcp, 22), (Protocol::Tcp, 3389), (Protocol::Udp, 53)];
        let known = well_known.iter().find(|(p, port)| bits.meets(self.bits(&Traffic::of(*p, &[*port]), false)));
        if let Some(found) = known {
            return Some(*found);
        }
        let at = bits.iter().next()?;
        let n = self.starts.len();
        Some(match at {
            at if at < n => (Protocol::Tcp, *self.starts.get(at)?),
            at if at < 2 * n => (Protocol::Udp, *self.starts.get(at - n)?),
            at => (*Protocol::ALL.get(at - 2 * n + 2)?, 0),
        })
    }
}
