//! Versions of definitions and initiatives, and the pins that choose among them.
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/assignment-structure and initiative-definition-structure,
//! `definitionVersion`: `1.*.*` (the default follows the newest major), `1.2.*`; patches are always automatic.

use std::sync::Arc;

/// A version, `1.2.3` or `1.2.3-preview`; orders by its numbers, a preview before its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    numbers: [u64; 3],
    released: bool,
}

/// Which version is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pin {
    /// As written.
    pub(crate) text: Arc<str>,
    numbers: [Option<u64>; 3],
    preview: bool,
}

impl Version {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (numbers, suffix) = text.split_once('-').map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix)));
        let mut parts = numbers.split('.');
        let mut next = || parts.next().map_or(Some(0), |part| part.trim().parse().ok());
        let numbers = [next()?, next()?, next()?];
        Some(Self { numbers, released: suffix.is_none() })
    }
}

impl Pin {
    /// `None`: it is no version, and asks for nothing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (numbers, suffix) = text.split_once('-').map_or((text, None), |(numbers, suffix)| (numbers, Some(suffix)));
        let mut parts = numbers.split('.');
        let mut next = || match parts.next().map(str::trim) {
            None | Some("*") => Some(None),
            Some(part) => part.parse().ok().map(Some),
        };
        let numbers = [next()?, next()?, next()?];
        Some(Self { text: text.into(), numbers, preview: suffix.is_some() })
    }

    pub(crate) fn takes(&self, version: Version) -> bool {
        // A patch cannot be held back: Azure takes the newest.
        let fits = |at: usize| match (self.numbers.get(at).copied().flatten(), version.numbers.get(at)) {
            (Some(wanted), Some(own)) => wanted == *own,
            _ => true,
        };
        fits(0) && fits(1) && (version.released || self.preview)
    }
}

/// The newest of some bodies that a pin takes; `version_of` tells the version of a body.
pub(crate) fn choose<'b, T>(
    bodies: impl Iterator<Item = &'b Arc<T>>,
    pin: &Pin,
    version_of: impl Fn(&T) -> Option<Version>,
) -> Option<&'b Arc<T>> {
    let versions = bodies.filter_map(|body| Some((version_of(body)?, body)));
    versions.filter(|(version, _)| pin.takes(*version)).max_by_key(|(version, _)| *version).map(|(_, body)| body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_choose_by_major_and_minor() {
        let takes = |pin: &str, version: &str| Pin::parse(pin).unwrap().takes(Version::parse(version).unwrap());
        for (pin, version, fits) in [
            ("1.*.*", "1.4.2", true),
            ("1.*.*", "2.0.0", false),
            ("1.2.*", "1.3.0", false),
            ("1.2.3", "1.2.9", true),
            ("1.*.*", "1.0.0-preview", false),
            ("1.*.*-preview", "1.0.0-preview", true),
            ("*.*.*", "7.0.1", true),
        ] {
            assert_eq!(takes(pin, version), fits, "{pin} {version}");
        }
        assert!(Pin::parse("newest").is_none());
        assert!(Version::parse("1.2.0-preview") < Version::parse("1.2.0"));
    }
}
