//! What is in force where: most resource groups share the assignments of their subscription.

use std::sync::Arc;

use glidepath_arm::ResourceId;
use rustc_hash::FxHashMap;

use super::program::Program;
use crate::assignment::Assignment;
use crate::bind::Bound;

/// An assignment that is in force somewhere.
#[derive(Debug, Clone)]
pub(super) struct InPlace {
    pub(super) assignment: Arc<Assignment>,
    pub(super) bound: Arc<Bound>,
    /// It has exemptions that may hold for resources there.
    pub(super) may_be_exempt: bool,
}

/// Assignments that are in force together somewhere, and their programs.
#[derive(Debug, Default)]
pub(super) struct Together {
    pub(super) in_place: Vec<InPlace>,
    /// Type as the text writes it → its program.
    pub(super) programs: FxHashMap<Box<str>, Arc<Program>>,
}

impl Together {
    /// Are these the same assignments?
    pub(super) fn is(&self, others: &[InPlace]) -> bool {
        self.in_place.len() == others.len()
            && self.in_place.iter().zip(others).all(|(own, other)| {
                Arc::ptr_eq(&own.assignment, &other.assignment) && own.may_be_exempt == other.may_be_exempt
            })
    }
}

/// A subscription or resource group.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Which [`Together`].
    pub(super) together: usize,
    /// Resources in it that have assignments or exclusions of their own.
    pub(super) own: Arc<[ResourceId]>,
}

/// An id taken apart: the scope around it, and its type as a rule names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address<'i> {
    /// `/subscriptions/…` or `/subscriptions/…/resourceGroups/…`.
    pub(super) scope: &'i str,
    /// What follows the last `/providers/`.
    pub(super) provider: &'i str,
}

impl<'i> Address<'i> {
    /// `None`: it is no id of a resource in a subscription in its usual form.
    pub(super) fn of(id: &'i str) -> Option<Self> {
        const SUBSCRIPTIONS: &str = "/subscriptions/";
        const GROUPS: &str = "/resourcegroups/";
        const PROVIDERS: &str = "/providers/";
        if id.contains('[') || id.contains("//") || id.ends_with('/') {
            return None;
        }
        let head = |text: &str, at: usize, head: &str| {
            text.get(at..at + head.len()).is_some_and(|own| own.eq_ignore_ascii_case(head))
        };
        if !head(id, 0, SUBSCRIPTIONS) {
            return None;
        }
        let mut end = segment_end(id, SUBSCRIPTIONS.len());
        if head(id, end, GROUPS) {
            end = segment_end(id, end + GROUPS.len());
        }
        let scope = id.get(..end)?;
        let rest = id.get(end..)?;
        if !head(rest, 0, PROVIDERS) {
            return None;
        }
        // The last one counts: an extension has the id of what it is attached to before its own.
        let mut provider = rest.get(PROVIDERS.len()..)?;
        while let Some(at) = provider.bytes().enumerate().position(|(at, b)| b == b'/' && head(provider, at, PROVIDERS))
        {
            provider = provider.get(at + PROVIDERS.len()..)?;
        }
        let segments = provider.bytes().filter(|b| *b == b'/').count() + 1;
        (segments >= 3 && segments % 2 == 1).then_some(Self { scope, provider })
    }

    /// Writes the type, `namespace/type/type`, without the names.
    pub(super) fn write_type(&self, into: &mut String) {
        into.clear();
        let mut segments = self.provider.split('/');
        into.push_str(segments.next().unwrap_or_default());
        for kind in segments.step_by(2) {
            into.push('/');
            into.push_str(kind);
        }
    }
}

fn segment_end(text: &str, from: usize) -> usize {
    text.get(from..).and_then(|rest| rest.find('/')).map_or(text.len(), |at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_taken_apart_as_the_id_type_does() {
        let mut kind = String::new();
        for id in [
            "/subscriptions/s/resourceGroups/g/providers/M.A/b/n",
            "/subscriptions/s/RESOURCEGROUPS/g/Providers/M.A/b/n/c/m",
            "/subscriptions/s/providers/M.A/b/n",
            "/subscriptions/s/resourceGroups/g/providers/M.A/b/n/providers/M.I/d/x",
        ] {
            let address = Address::of(id).unwrap();
            address.write_type(&mut kind);
            assert_eq!(kind, ResourceId::new(id).resource_type().unwrap().as_str(), "{id}");
            assert_eq!(ResourceId::new(address.scope), ResourceId::new(id).scope().id(), "{id}");
        }
        for odd in [
            "/subscriptions/s",
            "/subscriptions/s/resourceGroups/g",
            "/providers/M.A/b/n",
            "x",
            "/subscriptions/s/providers/M.A/b",
        ] {
            assert_eq!(Address::of(odd), None, "{odd}");
        }
    }
}
