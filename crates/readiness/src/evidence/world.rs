//! What evidence is looked for in, indexed once.

use std::collections::{BTreeMap, BTreeSet};

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Hierarchy, Resource};
use glidepath_policy::Engine;

/// The type under which a design's workloads can be asked about.
pub(crate) const WORKLOADS: &str = "glidepath.design/workloads";

/// An estate, the workloads of its design, and the policy in force; the observed estate beside the desired one, if both
/// are known.
pub struct World<'a> {
    /// The estate that is judged.
    pub estate: &'a Estate,
    /// What the design wants, where the estate above was observed.
    pub desired: Option<&'a Estate>,
    /// Seconds since 1970, for exemptions that expire.
    pub now: i64,
    pub(crate) hierarchy: Hierarchy,
    pub(crate) engine: Engine,
    by_type: BTreeMap<String, Vec<&'a Resource>>,
    workloads: Vec<Resource>,
    /// Environment by tag, of subscriptions and resource groups as well.
    environments: BTreeMap<ResourceId, &'a str>,
}

impl<'a> World<'a> {
    /// Indexes an estate. `workloads` are the design's, name and facts in the words of its files.
    pub fn new(
        estate: &'a Estate,
        desired: Option<&'a Estate>,
        workloads: impl IntoIterator<Item = (String, Value)>,
        now: i64,
    ) -> Self {
        let mut world = Self {
            estate,
            desired,
            now,
            hierarchy: Hierarchy::of(estate),
            engine: Engine::new(),
            by_type: BTreeMap::new(),
            workloads: Vec::new(),
            environments: BTreeMap::new(),
        };
        for resource in estate.iter() {
            if let Some(kind) = resource.resource_type() {
                let name = kind.as_str().to_ascii_lowercase();
                if matches!(
                    name.as_str(),
                    "microsoft.authorization/policydefinitions"
                        | "microsoft.authorization/policysetdefinitions"
                        | "microsoft.authorization/policyassignments"
                        | "microsoft.authorization/policyexemptions"
                ) {
                    // What is wrong with a policy asset is told where it is checked; here it just does not bite.
                    let _ = world.engine.upsert(&resource.id, &resource.body);
                }
                world.by_type.entry(name).or_default().push(resource);
            }
            if let Some(environment) = own_environment(resource) {
                world.environments.insert(resource.id.clone(), environment);
            }
        }
        world.workloads = workloads
            .into_iter()
            .map(|(name, facts)| {
                Resource::new(ResourceId::new(&format!("/providers/Glidepath.Design/workloads/{name}")), "1", facts)
            })
            .collect();
        world
    }

    pub(crate) fn get(&self, id: &ResourceId) -> Option<&'a Resource> {
        self.estate.get(id)
    }

    /// The resources of these types, in the order of the types and ids.
    pub(crate) fn of_types(&self, types: &[String]) -> impl Iterator<Item = &Resource> {
        types.iter().flat_map(|name| self.of_type(name))
    }

    /// The resources of a type, in the order of ids.
    pub(crate) fn of_type(&self, name: &str) -> Box<dyn Iterator<Item = &Resource> + '_> {
        let key = name.to_ascii_lowercase();
        if key == WORKLOADS {
            return Box::new(self.workloads.iter());
        }
        Box::new(self.by_type.get(&key).into_iter().flatten().copied())
    }

    /// Is nothing known that could hold such resources?
    pub(crate) fn is_silent(&self, types: &[String]) -> bool {
        if types.iter().any(|t| t.eq_ignore_ascii_case(WORKLOADS)) {
            return self.workloads.is_empty();
        }
        self.estate.is_empty()
    }

    /// `production`, `test` …: the resource's own, its tag's, its group's or its subscription's.
    pub(crate) fn environment(&self, resource: &Resource) -> Option<&str> {
        self.environment_of(&resource.id)
    }

    fn environment_of(&self, id: &ResourceId) -> Option<&str> {
        let mut next = Some(id.clone());
        while let Some(id) = next {
            if let Some(environment) = self.environments.get(&id) {
                return Some(environment);
            }
            next = id.parent();
        }
        let subscription = ResourceId::subscription(id.subscription_id()?);
        self.environments.get(&subscription).copied()
    }

    /// Subscriptions that hold AI accounts; without any, all that hold resources.
    pub(crate) fn ai_subscriptions(&self) -> BTreeSet<String> {
        let of = |resources: &mut dyn Iterator<Item = &Resource>| -> BTreeSet<String> {
            resources.filter_map(|r| r.id.subscription_id().map(str::to_owned)).collect()
        };
        of(&mut self.of_type("Microsoft.CognitiveServices/accounts"))
    }

    pub(crate) fn production(&self, resource: &Resource) -> bool {
        self.environment_of(&resource.id).is_some_and(is_production)
    }
}

/// Is this the name of a production environment?
pub(crate) fn is_production(name: &str) -> bool {
    name.eq_ignore_ascii_case("production") || name.eq_ignore_ascii_case("prod")
}

fn own_environment(resource: &Resource) -> Option<&str> {
    let found = resource.environment.as_deref().or_else(|| {
        let tags = resource.body.get("tags")?;
        ["environment", "env"].iter().find_map(|key| tags.get(key).and_then(Value::as_str))
    })?;
    Some(if is_production(found) { "production" } else { found })
}
