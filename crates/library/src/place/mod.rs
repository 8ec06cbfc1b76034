//! Placing an architecture: its management groups, and the assets of their archetypes, as resources ready to PUT.
//!
//! Source: alzlib `deployment/managementgroup.go` and `deployment/hierarchy.go`.

mod assignment;
mod identities;
mod sites;

use std::sync::Arc;

use glidepath_arm::{Object, ResourceId, Value};
use glidepath_estate::{Phase, Resource};
use glidepath_source::Finding;
use indexmap::IndexMap;
use uuid::Uuid;

use crate::asset::{Architecture, Asset, Name, key};
use crate::resolve::{Referenced, Target};
use crate::{Library, Placed, Placement};
use sites::Sites;
pub(crate) use sites::{architecture_findings, missing_archetype};

const MANAGEMENT_GROUP_API: &str = "2023-04-01";
const DEFINITION_API: &str = "2025-03-01";
const INITIATIVE_API: &str = "2025-01-01";
const ASSIGNMENT_API: &str = "2025-03-01";
const ROLE_API: &str = "2022-04-01";

/// One placing in progress.
struct Placing<'a> {
    library: &'a Library,
    placement: &'a Placement,
    sites: Sites<'a>,
    placed: Placed,
    findings: Vec<Finding>,
    /// Assignments whose identity's roles cannot be told.
    roles_not_known: Vec<Arc<str>>,
}

pub(crate) fn place(library: &Library, placement: &Placement) -> (Placed, Vec<Finding>) {
    let architecture = match choose(library, placement) {
        Ok(architecture) => architecture,
        Err(finding) => return (Placed::default(), vec![finding]),
    };
    let mut findings = architecture_findings(architecture);
    let sites = Sites::new(library, architecture, placement, &mut findings);
    let mut placing =
        Placing { library, placement, sites, placed: Placed::default(), findings, roles_not_known: Vec::new() };
    placing.check_default_names();
    for at in 0..placing.sites.len() {
        placing.place_group(at);
        placing.place_assets(at);
    }
    placing.tell_roles_not_known();
    (placing.placed, placing.findings)
}

fn choose<'a>(library: &'a Library, placement: &Placement) -> Result<&'a Architecture, Finding> {
    let known = || names(library.architectures.values().map(|a| &a.name));
    match &placement.architecture {
        Some(name) => library.architectures.get(&key(name)).ok_or_else(|| {
            let finding = Finding::error(
                "library/unknown-architecture",
                format!("no library that was loaded holds an architecture `{name}`"),
            )
            .about(name);
            match library.architectures.is_empty() {
                true => finding.help("add the library that holds it to `libraries`: `embedded:ai`, or `path:FOLDER`"),
                false => finding.help(format!("{}; or add the library that holds it", known())),
            }
        }),
        None => match library.architectures.values().collect::<Vec<_>>().as_slice() {
            [only] => Ok(*only),
            [] => Err(Finding::error("library/no-architecture", "the libraries hold no architecture")
                .help("load a library with an `*.alz_architecture_definition.json`, such as the embedded one")),
            _ => Err(Finding::error("library/several-architectures", "the libraries hold several architectures")
                .help(known())),
        },
    }
}

fn names<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    let names: Vec<String> = names.map(|n| format!("`{}`", n.name)).collect();
    if names.is_empty() { "there are none".to_owned() } else { format!("there are {}", names.join(", ")) }
}

impl Placing<'_> {
    fn check_default_names(&mut self) {
        for name in self.placement.defaults.keys() {
            if !self.library.defaults.contains_key(&key(name)) {
                let finding =
                    Finding::error("library/unknown-default", format!("the libraries know no default value `{name}`"));
                self.findings.push(finding.about(name).help(names(self.library.defaults.values().map(|d| &d.name))));
            }
        }
    }

    fn place_group(&mut self, at: usize) {
        let Some(site) = self.sites.get(at) else { return };
        let mut properties = Object::new();
        if !site.group.exists {
            properties.insert("displayName", site.group.display_name.clone());
        }
        let parent = self.sites.parent_id(at);
        if let Some(parent) = &parent {
            let parent = Value::object([("id", parent.as_str())]);
            properties.insert("details", Value::object([("parent", parent)]));
        }
        let mut resource =
            Resource::new(site.id.clone(), MANAGEMENT_GROUP_API, Value::object([("properties", properties)]));
        resource.origin = Some(site.group.id.origin());
        resource.phase = Some(Phase::Hierarchy);
        resource.depends_on = self.sites.parent_site(at).map(|s| s.id.clone()).into_iter().collect();
        self.placed.management_groups.insert(site.group.id.name.to_string(), site.id.clone());
        self.placed.estate.insert(resource);
    }

    fn place_assets(&mut self, at: usize) {
        let Some(site) = self.sites.get(at) else { return };
        let (scope, assets) = (site.id.clone(), site.assets.clone());
        let library = self.library;
        for asset in self.found(&assets.definitions, &library.definitions, "definition") {
            let body = Value::object([("properties", self.properties(asset, &scope))]);
            self.insert(
                asset,
                definition_id(&scope, Referenced::Definition, &asset.name.name),
                DEFINITION_API,
                body,
                Vec::new(),
            );
        }
        for asset in self.found(&assets.initiatives, &library.initiatives, "initiative") {
            let mut depends_on = Vec::new();
            let mut properties = self.properties(asset, &scope);
            if let Some(Value::Array(members)) = properties.make_object().get_mut("policyDefinitions") {
                for (number, member) in Arc::make_mut(members).iter_mut().enumerate() {
                    self.rewrite_reference(asset, at, Some(number), member, &mut depends_on);
                }
            }
            let body = Value::object([("properties", properties)]);
            self.insert(
                asset,
                definition_id(&scope, Referenced::Initiative, &asset.name.name),
                INITIATIVE_API,
                body,
                depends_on,
            );
        }
        for asset in self.found(&assets.roles, &library.roles, "role definition") {
            self.place_role(asset, &scope);
        }
        for asset in self.found(&assets.assignments, &library.assignments, "assignment") {
            self.place_assignment(asset, at, &scope);
        }
    }

    /// The assets by these names; a name without asset is told.
    fn found<'l>(
        &mut self,
        names: &IndexMap<String, Name>,
        assets: &'l IndexMap<String, Asset>,
        word: &str,
    ) -> Vec<&'l Asset> {
        let mut found = Vec::new();
        for (key, name) in names {
            match assets.get(key) {
                Some(asset) => found.push(asset),
                None => self.findings.push(crate::resolve::missing_asset(word, name)),
            }
        }
        found
    }

    /// `properties` with the library's placeholders filled.
    fn properties(&self, asset: &Asset, scope: &ResourceId) -> Value {
        let properties = asset.body.get("properties").cloned().unwrap_or(Value::Null);
        if asset.text().as_str().contains("${") { self.fill(&properties, scope) } else { properties }
    }

    fn fill(&self, value: &Value, scope: &ResourceId) -> Value {
        match value {
            Value::String(s) if s.contains("${") => s
                .replace("${default_location}", &self.placement.location)
                .replace("${current_scope_resource_id}", scope.as_str())
                .into(),
            Value::Array(items) => Value::array(items.iter().map(|i| self.fill(i, scope))),
            Value::Object(object) => Value::object(object.iter().map(|(k, v)| (k.clone(), self.fill(v, scope)))),
            other => other.clone(),
        }
    }

    /// Points a `policyDefinitionId` at where the definition is deployed: the same management group or the nearest above.
    /// References to built-ins stay.
    fn rewrite_reference(
        &mut self,
        asset: &Asset,
        at: usize,
        member: Option<usize>,
        holder: &mut Value,
        depends_on: &mut Vec<ResourceId>,
    ) {
        let Some(reference) = holder.get("policyDefinitionId").and_then(Value::as_str).map(str::to_owned) else {
            return;
        };
        let (kind, target) = self.library.resolve(&reference);
        match (kind, target) {
            (Some(kind), Target::Own(definition)) => match self.sites.deployed_above(at, kind, &definition.name.name) {
                Some(scope) => {
                    let id = definition_id(scope, kind, &definition.name.name);
                    holder.make_object().insert("policyDefinitionId", id.as_str());
                    if !depends_on.contains(&id) {
                        depends_on.push(id);
                    }
                }
                None => self.findings.push(self.not_deployed(asset, at, member, &definition.name.name)),
            },
            (_, Target::Missing | Target::NotAReference) => {
                self.findings.push(crate::resolve::missing_reference(asset, member, &reference, target));
            }
            _ => {}
        }
    }

    fn not_deployed(&self, asset: &Asset, at: usize, member: Option<usize>, definition: &str) -> Finding {
        let group = self.sites.get(at).map(|s| s.group.id.name.to_string()).unwrap_or_default();
        let message = format!(
            "`{}` at `{group}` needs `{definition}`, which no archetype deploys at or above that group",
            asset.name.name
        );
        Finding::error("library/not-deployed-above", message)
            .at_place(Some(crate::resolve::reference_place(asset, member)))
            .why("an assignment or initiative can use only definitions of its own management group or one above")
            .help(format!("add `{definition}` to an archetype of `{group}` or of a group above it"))
    }

    /// Role definitions are unique in a tenant by name: each placing gets a name of its own.
    fn place_role(&mut self, asset: &Asset, scope: &ResourceId) {
        let group = scope.name();
        let guid = asset.body.get("name").and_then(Value::as_str).unwrap_or_default();
        let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{group}{guid}").as_bytes());
        let mut properties = self.properties(asset, scope);
        let object = properties.make_object();
        object.insert("roleName", format!("{} ({group})", asset.name.name));
        object.insert("assignableScopes", Value::array([scope.as_str()]));
        let Some(id) = scope.provider_child("Microsoft.Authorization/roleDefinitions", &name.to_string()) else {
            return;
        };
        self.insert(asset, Some(id), ROLE_API, Value::object([("properties", properties)]), Vec::new());
    }

    fn insert(
        &mut self,
        asset: &Asset,
        id: impl Into<Option<ResourceId>>,
        api: &str,
        body: Value,
        depends_on: Vec<ResourceId>,
    ) {
        let Some(id) = id.into() else { return };
        let mut resource = Resource::new(id, api, body);
        resource.origin = Some(asset.name.origin());
        resource.phase = Some(Phase::Policy);
        resource.depends_on = depends_on;
        self.placed.estate.insert(resource);
    }
}

fn definition_id(scope: &ResourceId, kind: Referenced, name: &str) -> ResourceId {
    let kind = match kind {
        Referenced::Definition => "policyDefinitions",
        Referenced::Initiative => "policySetDefinitions",
    };
    ResourceId::new(&format!("{}/providers/Microsoft.Authorization/{kind}/{name}", scope.as_str()))
}
