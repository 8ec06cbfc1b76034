//! `auditIfNotExists` and `deployIfNotExists`: is there the related resource?
//!
//! Source: MicrosoftDocs/azure-docs, policy/concepts/effect-audit-if-not-exists and effect-deploy-if-not-exists.

use glidepath_arm::expression::EvalError;
use glidepath_arm::{ResourceId, Scope, Value};
use glidepath_estate::{Estate, Resource};

use crate::details::Existence;
use crate::frame::Frame;
use crate::operator::Truth;
use crate::subject::Subject;
use crate::template::Template;
use crate::{Aliases, Related, RelatedQuery};

/// Is there such a resource?
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Exists {
    Yes,
    /// None of so many that were looked at.
    No(usize),
    /// It hangs on these.
    Perhaps(Vec<String>),
}

/// Types that are attached to any resource: they are looked for at the resource itself.
const EXTENSIONS: [&str; 14] = [
    "microsoft.insights/diagnosticsettings",
    "microsoft.insights/datacollectionruleassociations",
    "microsoft.guestconfiguration/guestconfigurationassignments",
    "microsoft.security/assessments",
    "microsoft.security/advancedthreatprotectionsettings",
    "microsoft.security/defenderforstoragesettings",
    "microsoft.security/securityconnectors",
    "microsoft.maintenance/configurationassignments",
    "microsoft.automanage/configurationprofileassignments",
    "microsoft.kubernetesconfiguration/extensions",
    "microsoft.kubernetesconfiguration/fluxconfigurations",
    "microsoft.serialconsole/consoleservices",
    "microsoft.chaos/targets",
    "microsoft.authorization/locks",
];

/// Is the type one whose resources are attached to other resources?
pub fn is_extension(resource_type: &str) -> bool {
    EXTENSIONS.iter().any(|e| e.eq_ignore_ascii_case(resource_type))
}

/// Looks for the related resource of an instance whose rule is met.
///
/// # Errors
/// When an expression in `details` or the existence condition fails.
pub(crate) fn exists(
    existence: &Existence,
    frame: &Frame<'_>,
    related: &dyn Related,
    aliases: &Aliases,
) -> Result<Exists, EvalError> {
    let query = match query(existence, frame)? {
        Ok(query) => query,
        Err(unknown) => return Ok(Exists::Perhaps(reasons("details", &unknown))),
    };
    let Some(mut found) = related.find(&query) else {
        let at = query.scope.as_str();
        return Ok(Exists::Perhaps(vec![format!(
            "{}: the related resources at `{at}` are not known here",
            query.resource_type
        )]));
    };
    // The request itself may be the one that is asked for; what it says counts, not what was there before.
    if frame.subject.kind.eq_ignore_ascii_case(&query.resource_type) && frame.subject.id.is_within(&query.scope) {
        found.retain(|r| r.id != *frame.subject.id);
        if query.name.as_deref().is_none_or(|name| is_named(frame.subject.id, name)) {
            found.push(Resource::new(frame.subject.id.clone(), frame.around.api_version, frame.subject.body.clone()));
        }
    }
    let Some(condition) = &existence.condition else {
        return Ok(if found.is_empty() { Exists::No(0) } else { Exists::Yes });
    };
    let mut open = Vec::new();
    for resource in &found {
        let Some(subject) = Subject::new(&resource.id, &resource.body, &resource.api_version, aliases) else {
            continue;
        };
        let frame = frame.looking_at(&subject);
        frame.start_log();
        match frame.test(condition)? {
            Truth::True => return Ok(Exists::Yes),
            Truth::False => {}
            Truth::Unknown => {
                open.extend(frame.take_log().unknowns.into_iter().map(|reason| format!("{}: {reason}", resource.id)));
            }
        }
    }
    Ok(if open.is_empty() { Exists::No(found.len()) } else { Exists::Perhaps(open) })
}

/// What to look for; an unknown where its type, name or place is one.
pub(crate) fn query(existence: &Existence, frame: &Frame<'_>) -> Result<Result<RelatedQuery, Value>, EvalError> {
    let text = |template: &Option<Template>| -> Result<Result<Option<String>, Value>, EvalError> {
        let Some(template) = template else { return Ok(Ok(None)) };
        Ok(match template.evaluate(frame)? {
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => Ok(Some(text.to_string())),
            Value::Null => Ok(None),
            unknown @ Value::Unknown(_) => Err(unknown),
            other => {
                return Err(EvalError::new(
                    "policy/wrong-type",
                    format!("a name or scope should be a string, it is `{other}`"),
                ));
            }
        })
    };
    let kind = match text(&Some(existence.kind.clone()))? {
        Ok(kind) => kind.unwrap_or_default(),
        Err(unknown) => return Ok(Err(unknown)),
    };
    let (name, scope, group) = match (text(&existence.name)?, text(&existence.scope)?, text(&existence.resource_group)?)
    {
        (Ok(name), Ok(scope), Ok(group)) => (name, scope, group),
        (Err(unknown), ..) | (_, Err(unknown), _) | (_, _, Err(unknown)) => return Ok(Err(unknown)),
    };
    let id = frame.subject.id;
    let is_child = kind.len() > frame.subject.kind.len()
        && kind.get(..frame.subject.kind.len()).is_some_and(|head| head.eq_ignore_ascii_case(&frame.subject.kind))
        && kind.as_bytes().get(frame.subject.kind.len()) == Some(&b'/');
    let scope = if is_child || is_extension(&kind) {
        id.clone()
    } else {
        let by_subscription = scope.is_some_and(|s| s.eq_ignore_ascii_case("subscription"));
        match (id.scope(), group) {
            (Scope::ResourceGroup { subscription, .. } | Scope::Subscription(subscription), Some(group))
                if !by_subscription =>
            {
                ResourceId::resource_group(&subscription, &group)
            }
            (Scope::ResourceGroup { subscription, .. }, _) if by_subscription => {
                ResourceId::subscription(&subscription)
            }
            (scope, _) => scope.id(),
        }
    };
    Ok(Ok(RelatedQuery { resource_type: kind, scope, name }))
}

fn reasons(place: &str, value: &Value) -> Vec<String> {
    let mut reasons = Vec::new();
    value.for_each_unknown(&mut |_, unknown| reasons.push(format!("{place}: {}", unknown.reason)));
    reasons
}

/// Has the resource this name? `a/b` names a child with its parent, `?` stands for any name, a plain name for the last part.
pub(crate) fn is_named(id: &ResourceId, name: &str) -> bool {
    let full = id.full_name();
    let fits = |own: &str| {
        own.split('/').count() == name.split('/').count()
            && own
                .split('/')
                .zip(name.split('/'))
                .all(|(own, wanted)| wanted == "?" || own.eq_ignore_ascii_case(wanted))
    };
    fits(&full) || fits(id.name())
}

/// Related resources looked up in an estate that holds everything there is.
#[derive(Debug, Clone, Copy)]
pub struct EstateRelated<'a>(
    /// The estate.
    pub &'a Estate,
);

impl Related for EstateRelated<'_> {
    fn find(&self, query: &RelatedQuery) -> Option<Vec<Resource>> {
        let attached = is_extension(&query.resource_type);
        let of_kind = |r: &&Resource| r.resource_type().is_some_and(|t| t.is(&query.resource_type));
        let fitting = self
            .0
            .within(&query.scope)
            .filter(of_kind)
            .filter(|r| !attached || r.id.parent().is_some_and(|parent| parent == query.scope))
            .filter(|r| query.name.as_deref().is_none_or(|name| is_named(&r.id, name)));
        Some(fitting.cloned().collect())
    }
}

/// Nothing is known of related resources: verdicts on them are "depends on".
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingKnown;

impl Related for NothingKnown {
    fn find(&self, _: &RelatedQuery) -> Option<Vec<Resource>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_with_and_without_parent() {
        let id = ResourceId::new("/subscriptions/s/resourceGroups/g/providers/M.Sql/servers/s1/databases/d1");
        for (name, fits) in
            [("d1", true), ("S1/D1", true), ("s1/?", true), ("?", true), ("s2/d1", false), ("d2", false)]
        {
            assert_eq!(is_named(&id, name), fits, "{name}");
        }
    }
}
