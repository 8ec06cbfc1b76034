//! Predicates on one resource.

use glidepath_arm::Value;
use glidepath_estate::Resource;

use super::World;
use crate::proof::{Predicate, Term, Test};

impl Predicate {
    /// Does any value at the path fit?
    pub(crate) fn any(&self, resource: &Resource, world: &World<'_>) -> bool {
        self.0.iter().any(|term| {
            let values = values(resource, &term.path, world);
            match term.test {
                // What is not there is not equal to anything.
                Test::Unequal(_) | Test::NotIn(_) => values.iter().all(|v| term.test.fits(v)),
                _ => values.iter().any(|v| term.test.fits(v)),
            }
        })
    }

    /// Does each value at the path fit, and is there one?
    pub(crate) fn each(&self, resource: &Resource, world: &World<'_>) -> bool {
        self.0.iter().any(|term: &Term| {
            let values = values(resource, &term.path, world);
            !values.is_empty() && values.iter().all(|v| term.test.fits(v))
        })
    }
}

impl Test {
    fn fits(&self, value: &Value) -> bool {
        if let Value::Array(items) = value {
            return match self {
                Test::Exists => !items.is_empty(),
                Test::NotIn(_) | Test::Unequal(_) => items.iter().all(|i| self.fits(i)),
                Test::Contains(wanted) => items.iter().any(|i| text(i).is_some_and(|t| t == *wanted)),
                _ => items.iter().any(|i| self.fits(i)),
            };
        }
        match self {
            Test::Exists => match value {
                Value::Null => false,
                Value::String(s) => !s.is_empty(),
                Value::Object(o) => !o.is_empty(),
                _ => true,
            },
            Test::Equal(wanted) => text(value).is_some_and(|t| t == *wanted),
            Test::Unequal(wanted) => text(value).is_none_or(|t| t != *wanted),
            Test::In(wanted) => text(value).is_some_and(|t| wanted.contains(&t)),
            Test::NotIn(wanted) => text(value).is_none_or(|t| !wanted.contains(&t)),
            Test::Contains(wanted) => text(value).is_some_and(|t| t.contains(wanted.as_str())),
            Test::AtLeast(wanted) => match value {
                Value::Int(i) => (*i as f64) >= *wanted,
                Value::Float(f) => f >= wanted,
                _ => false,
            },
        }
    }
}

/// A scalar in lower case.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.to_ascii_lowercase()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Int(i) => Some(i.to_string()),
        _ => None,
    }
}

/// The texts at a path.
pub(crate) fn texts(resource: &Resource, path: &str, world: &World<'_>) -> Vec<String> {
    values(resource, path, world).iter().filter_map(text).collect()
}

/// The values at a path.
pub(crate) fn values(resource: &Resource, path: &str, world: &World<'_>) -> Vec<Value> {
    let given = |text: Option<&str>| text.map(|t| vec![Value::from(t)]).unwrap_or_default();
    match path {
        "@name" => return given(Some(resource.id.name())),
        "@environment" => return given(world.environment(resource)),
        "@workload" => return given(resource.workload.as_deref()),
        "@scope" => {
            let scope = match resource.id.scope() {
                glidepath_arm::Scope::Tenant => "tenant",
                glidepath_arm::Scope::ManagementGroup(_) => "managementGroup",
                glidepath_arm::Scope::Subscription(_) => "subscription",
                glidepath_arm::Scope::ResourceGroup { .. } => "resourceGroup",
            };
            return given(Some(scope));
        }
        _ => {}
    }
    if let Some(rest) = path.strip_prefix("@parent.") {
        return resource.id.parent().and_then(|id| world.get(&id)).map(|p| values(p, rest, world)).unwrap_or_default();
    }
    let mut current = vec![&resource.body];
    for segment in path.split('.') {
        let (key, each) = segment.strip_suffix("[*]").map_or((segment, false), |key| (key, true));
        current = current.into_iter().filter_map(|v| v.get(key)).collect();
        if each {
            current = current.into_iter().flat_map(|v| v.as_array().unwrap_or_default()).collect();
        }
    }
    current.into_iter().cloned().collect()
}
