//! From a design to the estate it means.
//!
//! Every part puts its resources into one [`Compiler`], each with its phase, the line it comes from, its workload and
//! environment, and what must exist first. Nothing here asks Azure: what only the target knows is named symbolically
//! ([`crate::symbolic_subscription`]).

mod dns;
mod exemptions;
mod gateway;
mod hierarchy;
mod hub;
mod landing_zone;
mod management;
mod networks;
mod parts;
mod services;
mod spoke;

use std::collections::BTreeMap;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Origin, Phase, Resource};
use glidepath_library::Library;
use glidepath_network::{AddressPlan, SpokeKey};
use glidepath_source::Finding;
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use self::networks::{HubNetwork, SpokeNetwork};
use crate::naming::{Namer, Parts};
use crate::{Design, Workload, catalogue, symbolic_subscription};

/// What a design compiles to.
#[derive(Debug, Clone, Default)]
pub struct Compiled {
    /// The desired estate: every resource with phase, origin, workload, environment, dependencies.
    pub estate: Estate,
    /// Architecture's management-group id → the real management group.
    pub management_groups: IndexMap<String, ResourceId>,
    /// Alias of a subscription (`/providers/Microsoft.Subscription/aliases/<name>`) → the GUID that stands for the
    /// subscription in every id of the estate, until the target's answer to the alias tells the real one.
    pub subscriptions: IndexMap<ResourceId, String>,
    /// Which block every virtual network got.
    pub addresses: AddressPlan,
    /// The virtual network of every spoke.
    pub networks: IndexMap<SpokeKey, ResourceId>,
}

/// The text of `addresses.yaml`: with it in the design's folder, no spoke ever moves.
pub fn addresses_yaml<'a>(spokes: impl IntoIterator<Item = (&'a SpokeKey, &'a ipnet::IpNet)>) -> String {
    let mut text =
        String::from("# The blocks that spokes have. Written by glidepath; a spoke listed here keeps its block.\n");
    let mut spokes: Vec<_> = spokes.into_iter().collect();
    spokes.sort();
    for (key, prefix) in spokes {
        text.push_str(&format!("{key}: {prefix}\n"));
    }
    text
}

impl Compiled {
    /// The text of `addresses.yaml` for this design.
    pub fn addresses_yaml(&self) -> String {
        addresses_yaml(self.addresses.spokes.iter().map(|(key, allocation)| (key, &allocation.prefix)))
    }
}

impl Design {
    /// Compiles the design with its libraries.
    pub fn compile(&self, library: &Library) -> (Compiled, Vec<Finding>) {
        let mut compiler = Compiler::new(self);
        compiler.networks();
        compiler.hierarchy(library);
        compiler.management();
        compiler.connectivity();
        compiler.landing_zones();
        compiler.exemptions();
        compiler.services();
        let Compiler { out, findings, .. } = compiler;
        (out, findings)
    }
}

/// What resources of one place have in common.
#[derive(Debug, Clone)]
struct Context<'d> {
    phase: Phase,
    workload: Option<&'d Workload>,
    environment: &'d str,
    region: &'d str,
    /// The subscription's symbolic GUID.
    subscription: String,
    /// The part of the names that says what it is for.
    purpose: &'d str,
    tags: Json,
}

struct Compiler<'d> {
    design: &'d Design,
    names: Namer<'d>,
    out: Compiled,
    /// Symbolic GUID of a subscription → its placement.
    placements: BTreeMap<String, ResourceId>,
    /// The workspace that all logs go to.
    workspace: ResourceId,
    hubs: Vec<HubNetwork<'d>>,
    spokes: Vec<SpokeNetwork<'d>>,
    findings: Vec<Finding>,
}

impl<'d> Compiler<'d> {
    fn new(design: &'d Design) -> Self {
        let names = Namer { organization: &design.organization, pattern: &design.naming.pattern };
        let mut compiler = Self {
            design,
            names,
            out: Compiled::default(),
            placements: BTreeMap::new(),
            workspace: ResourceId::tenant(),
            hubs: Vec::new(),
            spokes: Vec::new(),
            findings: Vec::new(),
        };
        compiler.workspace = compiler.workspace_id();
        compiler
    }

    /// The home region of tenant-wide things.
    fn home(&self) -> &'d str {
        self.design.regions.first().map_or("", String::as_str)
    }

    /// A part of the platform in one region.
    fn platform(&self, area: &str, purpose: &'d str, region: &'d str) -> Context<'d> {
        let name = self.design.platform_subscriptions().into_iter().find(|(a, _)| *a == area).map_or("", |(_, n)| n);
        Context {
            phase: Phase::Platform,
            workload: None,
            environment: "platform",
            region,
            subscription: symbolic_subscription(&self.design.organization, name),
            purpose,
            tags: self.tags(None, "platform"),
        }
    }

    /// One environment of a workload in one region.
    fn workload(&self, workload: &'d Workload, environment: &'d str, region: &'d str) -> Context<'d> {
        let name = self.workload_subscription(workload, environment);
        Context {
            phase: Phase::LandingZones,
            workload: Some(workload),
            environment,
            region,
            subscription: symbolic_subscription(&self.design.organization, &name),
            purpose: &workload.name,
            tags: self.tags(Some(workload), environment),
        }
    }

    fn workload_subscription(&self, workload: &Workload, environment: &str) -> String {
        format!("{}-{}-{environment}", self.design.organization, workload.name)
    }

    fn tags(&self, workload: Option<&Workload>, environment: &str) -> Json {
        let organization = &self.design.organization;
        let value = |tag: &str| -> Option<String> {
            Some(match (tag, workload) {
                ("environment", _) => environment.to_owned(),
                ("organization", _) => organization.clone(),
                ("owner", Some(w)) => w.owner.team.clone(),
                ("costCenter", Some(w)) => w.owner.cost_center.clone(),
                ("dataClass", Some(w)) => w.data_class.name().to_owned(),
                ("contact", Some(w)) => w.owner.contact.clone().unwrap_or_else(|| w.owner.team.clone()),
                ("workload", Some(w)) => w.name.clone(),
                ("owner" | "contact", None) => {
                    self.design.platform.access.get("platformTeam").map_or("platform", |a| &a.group).to_owned()
                }
                ("dataClass", None) => crate::DataClass::default().name().to_owned(),
                ("workload" | "costCenter", None) => "platform".to_owned(),
                _ => return None,
            })
        };
        let tags = self.design.tags.required.iter().filter_map(|tag| Some((tag.clone(), Json::String(value(tag)?))));
        Json::Object(tags.collect())
    }

    fn name(&self, context: &Context<'_>, resource_type: &'static str, variant: &'static str, n: &str) -> String {
        let Context { purpose: workload, environment, region, .. } = *context;
        self.names.name(resource_type, variant, Parts { workload, environment, region, n })
    }

    /// The id of a resource of this context in one of its groups.
    fn id(
        &self,
        context: &Context<'_>,
        group: &str,
        resource_type: &'static str,
        variant: &'static str,
        n: &str,
    ) -> ResourceId {
        let name = self.name(context, resource_type, variant, n);
        under(&self.group_id(context, group), resource_type, &name)
    }

    /// The id of one of the context's resource groups.
    fn group_id(&self, context: &Context<'_>, group: &str) -> ResourceId {
        ResourceId::resource_group(
            &context.subscription,
            &self.name(context, "Microsoft.Resources/resourceGroups", "", group),
        )
    }

    /// Adds a resource group of the context.
    fn add_group(&mut self, context: &Context<'_>, group: &str, path: &str) {
        let id = self.group_id(context, group);
        let body = json!({ "location": context.region, "tags": context.tags });
        let placement = self.placement(&context.subscription);
        self.add(context, id, body, path, placement.into_iter().collect());
    }

    /// The placement of a subscription: what everything in the subscription waits for.
    fn placement(&self, subscription: &str) -> Option<ResourceId> {
        self.placements.get(subscription).cloned()
    }

    /// Adds a resource in its type's api-version, with the line of `path` as its origin.
    fn add(
        &mut self,
        context: &Context<'_>,
        id: ResourceId,
        body: Json,
        path: &str,
        depends_on: Vec<ResourceId>,
    ) -> ResourceId {
        let api_version = id.resource_type().map_or("", |t| catalogue::api_version(t.as_str()));
        let mut resource = Resource::new(id.clone(), api_version, Value::from(body));
        resource.origin = self.origin(path);
        resource.phase = Some(context.phase);
        resource.workload = context.workload.map(|w| w.name.clone());
        resource.environment = context.workload.map(|_| context.environment.to_owned());
        resource.depends_on = depends_on;
        resource.depends_on.sort();
        resource.depends_on.dedup();
        if let Some(before) = self.out.estate.insert(resource) {
            self.findings.push(
                Finding::error("design/name-taken", "two resources of the design would get one name")
                    .about(before.id.to_string())
                    .at_place(self.design.places.value(path))
                    .help("put `{workload}`, `{environment}`, `{region}` and `{n}` into the naming pattern"),
            );
        }
        id
    }

    fn origin(&self, path: &str) -> Option<Origin> {
        self.design.places.origin(path)
    }
}

/// A resource of a group, or an extension of a resource.
fn under(scope: &ResourceId, resource_type: &str, name: &str) -> ResourceId {
    scope.provider_child(resource_type, name).unwrap_or_else(|| scope.clone())
}

/// `{ "id": … }`, as ARM writes a reference.
fn reference(id: &ResourceId) -> Json {
    json!({ "id": id.as_str() })
}
