//! Collections: which resources a list shows, filters, and pages.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use glidepath_arm::{ResourceId, ResourceType, Scope, Value};
use glidepath_estate::Resource;

use crate::answer::{Answer, ArmError, Reply};
use crate::call::Call;
use crate::resources::exists_around;
use crate::sandbox::Sandbox;
use crate::world::{World, has_type};

/// Items of a page when the caller does not say.
const PAGE: usize = 1000;

/// Types that stand on scopes and are seen from the scopes below.
const INHERITED: [&str; 6] = [
    "Microsoft.Authorization/policyDefinitions",
    "Microsoft.Authorization/policySetDefinitions",
    "Microsoft.Authorization/policyAssignments",
    "Microsoft.Authorization/policyExemptions",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/roleAssignments",
];

impl Sandbox {
    /// `GET …/providers/{namespace}/{type}` and `GET {resource}/{type}`: `scope` is what stands before the type.
    pub(crate) fn collection(&self, call: &Call, scope: &ResourceId, kind: &ResourceType) -> Reply {
        let world = self.world();
        if scope.as_str() != "/" {
            exists_around(&world, &scope.child("x", "x"))?;
        }
        let filter = Filter::parse(call.parameter("$filter"))?;
        let inherited = INHERITED.iter().any(|t| kind.is(t));
        // Deployments are listed where they were made.
        let deep = !filter.exact && below(scope, inherited) && !kind.is("Microsoft.Resources/deployments");
        let own = |holder: &ResourceId| {
            // What lies directly at a scope has ids of one beginning; a resource's children have another.
            let start = match kind.depth() {
                1 => ResourceId::new(&format!("{holder}/providers/{kind}")),
                _ => holder.child(kind.as_str().rsplit('/').next().unwrap_or_default(), ""),
            };
            let resources = world.estate.within(&start);
            resources.filter(|r| has_type(&r.id, kind) && r.id.parent().as_ref() == Some(holder)).collect::<Vec<_>>()
        };
        let mut found: Vec<&Resource> =
            if deep { world.estate.within(scope).filter(|r| has_type(&r.id, kind)).collect() } else { own(scope) };
        if inherited && !filter.exact {
            // What is assigned above holds here as well.
            for outer in world.hierarchy.scopes_of(scope).iter().filter(|s| *s != scope) {
                found.extend(own(outer));
            }
        }
        if filter.at_scope {
            found.retain(|r| !r.id.is_within(scope) || r.id.parent().as_ref() == Some(scope));
        }
        found.retain(|r| filter.accepts(r));
        found.sort_by(|a, b| a.id.cmp(&b.id));
        self.page(call, &found, |r| world.rendered(r))
    }

    /// `GET {subscription or group}/resources`: the tracked resources, without their properties.
    pub(crate) fn tracked(&self, call: &Call, scope: &ResourceId) -> Reply {
        let world = self.world();
        exists_around(&world, &scope.child("resources", "x"))?;
        let filter = Filter::parse(call.parameter("$filter"))?;
        let found: Vec<&Resource> = world.estate.within(scope).filter(|r| is_tracked(r) && filter.accepts(r)).collect();
        self.page(call, &found, |r| summary(&world, r))
    }

    /// A page of a list that is ordered by id. `nextLink` is absolute; its token is the last id shown, so that what
    /// comes or goes in between moves nothing else to another page.
    pub(crate) fn page<'a>(
        &self,
        call: &Call,
        found: &[&'a Resource],
        render: impl Fn(&'a Resource) -> Value,
    ) -> Reply {
        let bad = |name: &str| {
            ArmError::bad_request("InvalidQueryParameter", format!("The query parameter '{name}' is not valid."))
        };
        let top = match call.parameter("$top") {
            Some(text) => text.parse::<usize>().ok().filter(|n| *n > 0).ok_or_else(|| bad("$top"))?.min(PAGE),
            None => PAGE,
        };
        let start = match call.parameter("$skiptoken") {
            Some(token) => {
                let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| bad("$skiptoken"))?;
                let last = ResourceId::new(&String::from_utf8(bytes).map_err(|_| bad("$skiptoken"))?);
                found.partition_point(|r| r.id <= last)
            }
            None => 0,
        };
        let rest = found.get(start..).unwrap_or_default();
        let shown = rest.get(..top.min(rest.len())).unwrap_or_default();
        let mut members = vec![("value", Value::array(shown.iter().map(|r| render(r))))];
        if let Some(last) = shown.last().filter(|_| rest.len() > shown.len()) {
            members.push(("nextLink", Value::from(self.next_link(call, &URL_SAFE_NO_PAD.encode(last.id.as_str())))));
        }
        Ok(Answer::ok(Value::object(members)))
    }

    /// The same request with another `$skiptoken`.
    pub(crate) fn next_link(&self, call: &Call, token: &str) -> String {
        let mut link = self.endpoint.clone();
        for segment in &call.segments {
            link.push('/');
            link.push_str(&escape(segment));
        }
        let mut separator = '?';
        for (name, value) in call.query.iter().filter(|(name, _)| *name != "$skiptoken") {
            link.push_str(&format!("{separator}{}={}", escape(name), escape(value)));
            separator = '&';
        }
        link.push_str(&format!("{separator}%24skiptoken={token}"));
        link
    }
}

/// Do lists at this scope show what lies deeper? A subscription's list of networks shows those of its groups; lists at
/// management groups and the tenant show their own.
fn below(scope: &ResourceId, inherited: bool) -> bool {
    match scope.scope() {
        Scope::Subscription(_) => scope.segments().count() == 2,
        Scope::ResourceGroup { .. } => inherited && scope.segments().count() == 4,
        Scope::ManagementGroup(_) | Scope::Tenant => false,
    }
}

/// Tracked resources lie in a group and have a location, or are top-level there; what is attached to them is not listed.
pub(crate) fn is_tracked(resource: &Resource) -> bool {
    let Some(kind) = resource.resource_type() else { return false };
    if resource.id.resource_group_name().is_none() || kind.is("Microsoft.Resources/resourceGroups") {
        return false;
    }
    const ATTACHED: [&str; 3] = ["Microsoft.Authorization", "Microsoft.Resources", "Microsoft.PolicyInsights"];
    if ATTACHED.iter().any(|namespace| kind.namespace().eq_ignore_ascii_case(namespace)) {
        return false;
    }
    let at_group = matches!(resource.id.parent(), Some(parent) if parent.segments().count() == 4);
    at_group || resource.body.get("location").is_some()
}

fn summary(world: &World, resource: &Resource) -> Value {
    let whole = world.rendered(resource);
    let keys = ["id", "name", "type", "kind", "location", "managedBy", "plan", "sku", "identity", "zones", "tags"];
    Value::object(keys.iter().filter_map(|key| whole.get(key).map(|value| (*key, value.clone()))))
}

/// The part of OData that these lists know: functions `atExactScope()`, `atScope()`, `atScopeAndBelow()` and `eq`
/// comparisons joined with `and`.
#[derive(Debug, Default)]
struct Filter {
    exact: bool,
    at_scope: bool,
    equals: Vec<(String, String)>,
}

impl Filter {
    fn parse(text: Option<&str>) -> Result<Self, ArmError> {
        let mut filter = Self::default();
        let Some(text) = text else { return Ok(filter) };
        for clause in split_and(text) {
            let clause = clause.trim();
            match clause.to_ascii_lowercase().as_str() {
                "atexactscope()" => filter.exact = true,
                "atscope()" => filter.at_scope = true,
                "atscopeandbelow()" => {}
                _ => filter.equals.push(comparison(clause).ok_or_else(|| {
                    ArmError::bad_request(
                        "InvalidFilterInQueryString",
                        format!("Invalid $filter '{text}' specified in the query string."),
                    )
                })?),
            }
        }
        Ok(filter)
    }

    fn accepts(&self, resource: &Resource) -> bool {
        self.equals.iter().all(|(field, wanted)| {
            let found = match field.to_ascii_lowercase().as_str() {
                "resourcegroup" => resource.id.resource_group_name().map(str::to_owned),
                "resourcetype" => resource.resource_type().map(|t| t.to_string()),
                "name" => Some(resource.id.name().to_owned()),
                "location" => resource.body.get("location").and_then(Value::as_str).map(str::to_owned),
                "tagname" => {
                    let tags = resource.body.get("tags").and_then(Value::as_object);
                    return tags.is_some_and(|tags| tags.get(wanted).is_some());
                }
                "tagvalue" => {
                    let tags = resource.body.get("tags").and_then(Value::as_object);
                    return tags.is_some_and(|tags| tags.values().any(|v| v.as_str() == Some(wanted)));
                }
                other => {
                    // `policyType`, `roleName`, `policyDefinitionId`, `principalId`: a property of that name.
                    resource.body.at(&["properties", other]).and_then(Value::as_str).map(str::to_owned)
                }
            };
            found.is_some_and(|found| found.eq_ignore_ascii_case(wanted))
        })
    }
}

/// `field eq 'value'`.
pub(crate) fn comparison(clause: &str) -> Option<(String, String)> {
    let (field, rest) = clause.trim().trim_start_matches('(').split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    let operator = rest.get(..3).filter(|o| o.to_ascii_lowercase().trim_end() == "eq")?;
    let value = rest.get(operator.len()..)?.trim().trim_end_matches(')');
    let value = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')).unwrap_or(value);
    Some((field.to_owned(), value.replace("''", "'")))
}

/// The clauses between `and`s that are not inside quotes.
pub(crate) fn split_and(text: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted && text.get(at..at + 5).is_some_and(|and| and.eq_ignore_ascii_case(" and ")) => {
                clauses.push(text.get(start..at).unwrap_or_default());
                start = at + 5;
            }
            _ => {}
        }
    }
    clauses.push(text.get(start..).unwrap_or_default());
    clauses
}

/// Percent escapes for a query or a path segment.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read() {
        assert_eq!(split_and("a eq 'x and y' and b eq 'z'"), ["a eq 'x and y'", "b eq 'z'"]);
        assert_eq!(comparison("a eq 'it''s'"), Some(("a".to_owned(), "it's".to_owned())));
        assert_eq!(comparison("a EQ b"), Some(("a".to_owned(), "b".to_owned())));
        assert_eq!(comparison("startswith(a,'b')"), None);
        assert!(Filter::parse(Some("atExactScope()")).unwrap().exact);
        assert!(Filter::parse(Some("a ne 'b'")).is_err());
    }
}
