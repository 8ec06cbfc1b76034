//! Resource ids, types and scopes.
//!
//! Source: Microsoft Learn, "Resource functions for ARM templates" (id forms) and "Understand scope in Azure Policy".
//! ARM compares every segment without case and keeps the casing in which an id was first written; so do these types.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Serialize, Serializer};

const MANAGEMENT_GROUPS: &str = "/providers/Microsoft.Management/managementGroups/";

/// A resource id, normalised: one leading slash, no double or trailing slashes. Compares, orders and hashes without case.
///
/// Every scope has one too: the tenant is `/`, a management group is
/// `/providers/Microsoft.Management/managementGroups/<name>`, a subscription `/subscriptions/<guid>`, a resource group
/// `/subscriptions/<guid>/resourceGroups/<name>`.
#[derive(Clone)]
pub struct ResourceId(Arc<str>);

impl ResourceId {
    /// The tenant, `/`.
    pub fn tenant() -> Self {
        Self(Arc::from("/"))
    }

    /// A management group.
    pub fn management_group(name: &str) -> Self {
        Self(Arc::from(format!("{MANAGEMENT_GROUPS}{name}")))
    }

    /// A subscription, by its GUID.
    pub fn subscription(id: &str) -> Self {
        Self(Arc::from(format!("/subscriptions/{id}")))
    }

    /// A resource group.
    pub fn resource_group(subscription: &str, name: &str) -> Self {
        Self(Arc::from(format!("/subscriptions/{subscription}/resourceGroups/{name}")))
    }

    /// Normalises slashes; the text need not be a well-formed id (see [`ResourceId::resource_type`]).
    pub fn new(text: &str) -> Self {
        let mut id = String::with_capacity(text.len() + 1);
        for segment in text.split('/').filter(|s| !s.is_empty()) {
            id.push('/');
            id.push_str(segment);
        }
        if id.is_empty() {
            id.push('/');
        }
        Self(Arc::from(id))
    }

    /// The text, in the casing it was written in.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split('/').filter(|s| !s.is_empty())
    }

    /// The last segment: the resource's own name; empty for the tenant.
    pub fn name(&self) -> &str {
        self.segments().next_back().unwrap_or_default()
    }

    /// `parent/child` name: the name segments that belong to [`ResourceId::resource_type`], joined with `/`.
    pub fn full_name(&self) -> String {
        match self.provider_part() {
            Some(part) => {
                let names: Vec<&str> = part.split('/').skip(1).skip(1).step_by(2).collect();
                names.join("/")
            }
            None => self.name().to_owned(),
        }
    }

    /// The type, from the last `/providers/` segment on; resource groups and subscriptions have the types
    /// `Microsoft.Resources/resourceGroups` and `Microsoft.Resources/subscriptions`. `None` for the tenant, for an id
    /// without a type segment and for one whose segments do not pair up.
    pub fn resource_type(&self) -> Option<ResourceType> {
        if let Some(part) = self.provider_part() {
            let segments: Vec<&str> = part.split('/').collect();
            if segments.len() < 3 || segments.len().is_multiple_of(2) {
                return None;
            }
            let mut text = String::from(*segments.first()?);
            for kind in segments.iter().skip(1).step_by(2) {
                text.push('/');
                text.push_str(kind);
            }
            return Some(ResourceType::new(&text));
        }
        let segments: Vec<&str> = self.segments().collect();
        match segments.as_slice() {
            [s, _] if s.eq_ignore_ascii_case("subscriptions") => {
                Some(ResourceType::new("Microsoft.Resources/subscriptions"))
            }
            [s, _, g, _] if s.eq_ignore_ascii_case("subscriptions") && g.eq_ignore_ascii_case("resourceGroups") => {
                Some(ResourceType::new("Microsoft.Resources/resourceGroups"))
            }
            _ => None,
        }
    }

    /// What stands after the last `/providers/`: `namespace/type/name…`. Resource-group ids have none.
    fn provider_part(&self) -> Option<&str> {
        const MARK: &str = "/providers/";
        let bytes = self.0.as_bytes();
        let last = bytes.len().checked_sub(MARK.len())?;
        let is_mark = |at: &usize| {
            bytes.get(*at..*at + MARK.len()).is_some_and(|window| window.eq_ignore_ascii_case(MARK.as_bytes()))
        };
        let at = (0..=last).rev().filter(|at| bytes.get(*at) == Some(&b'/')).find(is_mark)?;
        self.0.get(at + MARK.len()..)
    }

    /// The id of the resource this one is a child or extension of; for a top-level resource its scope (group,
    /// subscription, management group or tenant); for a group its subscription. `None` for the tenant. The parent of a
    /// management group or subscription is the tenant here: their place in the hierarchy is not in their id.
    pub fn parent(&self) -> Option<ResourceId> {
        if self.as_str() == "/" {
            return None;
        }
        let segments: Vec<&str> = self.segments().collect();
        let provider = segments.iter().rposition(|s| s.eq_ignore_ascii_case("providers"));
        let keep = match provider {
            // …/providers/ns/type/name → what stands before; …/type/name/sub/name → one pair less
            Some(at) if segments.len() <= at + 4 => at,
            Some(_) | None => segments.len().saturating_sub(2),
        };
        Some(ResourceId::new(&segments.get(..keep).unwrap_or_default().join("/")))
    }

    /// The innermost scope that holds the resource (or the scope itself, if this id is one).
    pub fn scope(&self) -> Scope {
        let segments: Vec<&str> = self.segments().collect();
        match segments.as_slice() {
            [s, id, g, name, ..]
                if s.eq_ignore_ascii_case("subscriptions") && g.eq_ignore_ascii_case("resourceGroups") =>
            {
                Scope::ResourceGroup { subscription: (*id).to_owned(), name: (*name).to_owned() }
            }
            [s, id, ..] if s.eq_ignore_ascii_case("subscriptions") => Scope::Subscription((*id).to_owned()),
            [p, ns, t, name, ..]
                if p.eq_ignore_ascii_case("providers")
                    && ns.eq_ignore_ascii_case("Microsoft.Management")
                    && t.eq_ignore_ascii_case("managementGroups") =>
            {
                Scope::ManagementGroup((*name).to_owned())
            }
            _ => Scope::Tenant,
        }
    }

    /// The subscription's GUID, if the id lies in one.
    pub fn subscription_id(&self) -> Option<&str> {
        let mut segments = self.segments();
        segments.next().filter(|s| s.eq_ignore_ascii_case("subscriptions"))?;
        segments.next()
    }

    /// The resource group's name, if the id lies in one.
    pub fn resource_group_name(&self) -> Option<&str> {
        let mut segments = self.segments();
        segments.next().filter(|s| s.eq_ignore_ascii_case("subscriptions"))?;
        segments.next()?;
        segments.next().filter(|s| s.eq_ignore_ascii_case("resourceGroups"))?;
        segments.next()
    }

    /// Is `self` the same as `other` or inside it, by segments? (A management group holds only what is written under
    /// it: subscriptions are placed by the hierarchy, not by their ids.)
    pub fn is_within(&self, other: &ResourceId) -> bool {
        if other.as_str() == "/" {
            return true;
        }
        let (own, outer) = (self.as_str(), other.as_str());
        own.get(..outer.len()).is_some_and(|head| head.eq_ignore_ascii_case(outer))
            && matches!(own.as_bytes().get(outer.len()), None | Some(b'/'))
    }

    /// An id below this one: `child("Microsoft.Network/virtualNetworks", "v")` of a scope or resource gives an extension
    /// or scope-level resource, `/…/providers/Microsoft.Network/virtualNetworks/v`. Names may have several segments for
    /// child types, `a/b` for `…/virtualNetworks/subnets`. `None` when segments of type and name do not pair up.
    pub fn provider_child(&self, resource_type: &str, name: &str) -> Option<ResourceId> {
        let mut kinds = resource_type.split('/').filter(|s| !s.is_empty());
        let namespace = kinds.next()?;
        let kinds: Vec<&str> = kinds.collect();
        let names: Vec<&str> = name.split('/').filter(|s| !s.is_empty()).collect();
        if kinds.is_empty() || kinds.len() != names.len() {
            return None;
        }
        let mut id = format!("{}/providers/{namespace}", self.as_str().trim_end_matches('/'));
        for (kind, name) in kinds.iter().zip(names) {
            id.push('/');
            id.push_str(kind);
            id.push('/');
            id.push_str(name);
        }
        Some(ResourceId::new(&id))
    }

    /// A direct child: `…/virtualNetworks/v` and (`subnets`, `s`) → `…/virtualNetworks/v/subnets/s`.
    pub fn child(&self, kind: &str, name: &str) -> ResourceId {
        ResourceId::new(&format!("{}/{kind}/{name}", self.as_str()))
    }

    /// The text in lower case: a key for maps that hold strings.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceId {}

impl Hash for ResourceId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_folded(&self.0, state);
    }
}

impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_folded(&self.0, &other.0)
    }
}

impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ResourceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A resource type, `Microsoft.Network/virtualNetworks/subnets`. Compares, orders and hashes without case.
#[derive(Clone)]
pub struct ResourceType(Arc<str>);

impl ResourceType {
    /// A type from its text.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text.trim_matches('/')))
    }

    /// The text, in the casing it was written in.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The resource provider, `Microsoft.Network`.
    pub fn namespace(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The number of name segments an instance has: 1 for a top-level type.
    pub fn depth(&self) -> usize {
        self.0.split('/').count().saturating_sub(1)
    }

    /// Compares with a text, without case.
    pub fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl PartialEq for ResourceType {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for ResourceType {}

impl Hash for ResourceType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_folded(&self.0, state);
    }
}

impl Ord for ResourceType {
    fn cmp(&self, other: &Self) -> Ordering {
        cmp_folded(&self.0, &other.0)
    }
}

impl PartialOrd for ResourceType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ResourceType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Where deployments, policies and roles attach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// The tenant, `/`.
    Tenant,
    /// A management group, by name.
    ManagementGroup(String),
    /// A subscription, by GUID.
    Subscription(String),
    /// A resource group.
    ResourceGroup {
        /// The subscription's GUID.
        subscription: String,
        /// The group's name.
        name: String,
    },
}

impl Scope {
    /// The scope's id.
    pub fn id(&self) -> ResourceId {
        match self {
            Scope::Tenant => ResourceId::tenant(),
            Scope::ManagementGroup(name) => ResourceId::management_group(name),
            Scope::Subscription(id) => ResourceId::subscription(id),
            Scope::ResourceGroup { subscription, name } => ResourceId::resource_group(subscription, name),
        }
    }
}

fn hash_folded<H: Hasher>(text: &str, state: &mut H) {
    // Eight bytes at a time: hashers take words faster than bytes.
    let mut words = text.as_bytes().chunks_exact(8);
    for word in &mut words {
        let mut folded = [0; 8];
        for (to, from) in folded.iter_mut().zip(word) {
            *to = from.to_ascii_lowercase();
        }
        state.write_u64(u64::from_le_bytes(folded));
    }
    for byte in words.remainder() {
        state.write_u8(byte.to_ascii_lowercase());
    }
    state.write_u8(0xff);
}

fn cmp_folded(a: &str, b: &str) -> Ordering {
    // Ids that are compared share a long beginning, mostly in the same casing: it is skipped by blocks.
    const BLOCK: usize = 16;
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while let (Some(left), Some(right)) = (a.get(at..at + BLOCK), b.get(at..at + BLOCK))
        && left == right
    {
        at += BLOCK;
    }
    let (a, b) = (a.get(at..).unwrap_or_default(), b.get(at..).unwrap_or_default());
    let differ = a.iter().zip(b).find(|(left, right)| left != right && !left.eq_ignore_ascii_case(right));
    match differ {
        Some((left, right)) => left.to_ascii_lowercase().cmp(&right.to_ascii_lowercase()),
        None => a.len().cmp(&b.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_of_every_scope() {
        let vnet =
            ResourceId::new("/subscriptions/s//resourcegroups/rg/providers/Microsoft.Network/virtualNetworks/v/");
        assert_eq!(vnet.as_str(), "/subscriptions/s/resourcegroups/rg/providers/Microsoft.Network/virtualNetworks/v");
        assert_eq!(vnet.resource_type().unwrap().as_str(), "Microsoft.Network/virtualNetworks");
        assert_eq!(vnet.parent().unwrap(), ResourceId::resource_group("S", "RG"));
        let subnet = vnet.child("subnets", "a");
        assert_eq!(subnet.full_name(), "v/a");
        assert_eq!(subnet.parent().unwrap(), vnet);
        assert_eq!(subnet.resource_type().unwrap().depth(), 2);
        let lock = subnet.provider_child("Microsoft.Authorization/locks", "l").unwrap();
        assert_eq!(lock.resource_type().unwrap().as_str(), "Microsoft.Authorization/locks");
        assert_eq!(lock.parent().unwrap(), subnet);
        assert_eq!(lock.scope(), Scope::ResourceGroup { subscription: "s".into(), name: "rg".into() });
        let group = ResourceId::management_group("corp");
        assert_eq!(group.resource_type().unwrap().as_str(), "Microsoft.Management/managementGroups");
        assert_eq!(group.parent().unwrap(), ResourceId::tenant());
        assert_eq!(ResourceId::tenant().parent(), None);
        assert_eq!(ResourceId::resource_group("s", "g").parent().unwrap(), ResourceId::subscription("s"));
        assert!(vnet.is_within(&ResourceId::resource_group("s", "rg")));
        assert!(!vnet.is_within(&ResourceId::resource_group("s", "r")));
    }
}
