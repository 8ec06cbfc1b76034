//! The policy world that resources are held against.

use std::collections::BTreeSet;

use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Hierarchy};
use glidepath_library::{Library, Placement};
use glidepath_policy::{AssetKind, Engine, InForce};
use glidepath_source::Finding;
use indexmap::IndexMap;

use crate::builtins::{BuiltIns, default_cache};
use crate::cli::PolicySources;
use crate::failure::{Failure, stop_on_errors};
use crate::{files, sources};

/// Where resources lie when no design says it. A dated fact of no weight: any region serves.
const DEFAULT_REGION: &str = "swedencentral";

/// Everything in force, and the tree it is inherited through.
pub(crate) struct Policies {
    pub(crate) engine: Engine,
    pub(crate) hierarchy: Hierarchy,
    /// The management group that `--at` names.
    pub(crate) group: ResourceId,
    pub(crate) in_force: InForce,
    pub(crate) location: String,
}

/// Loads libraries, built-ins and aliases, and places subscriptions under the management group `at`.
pub(crate) fn load(
    args: &PolicySources,
    at: &str,
    subscriptions: &[&str],
    findings: &mut Vec<Finding>,
) -> Result<Policies, Failure> {
    let Placed { estate, groups, region } = placed(args, findings)?;
    let location = args.location.clone().unwrap_or(region);
    let group = find_group(at, &groups)?;
    let mut engine = match &args.aliases {
        Some(path) => Engine::new().with_aliases(sources::aliases(path)?),
        None => Engine::new(),
    };
    let mut problems = Vec::new();
    for resource in estate.iter().filter(|r| is_policy_asset(&r.id)) {
        problems.extend(engine.upsert(&resource.id, &resource.body));
    }
    if let Some(folder) = &args.builtins {
        load_builtins(folder, args.cache.as_deref(), &estate, &mut engine, findings)?;
    }
    let mut hierarchy = Hierarchy::of(&estate);
    for subscription in subscriptions {
        let id = ResourceId::subscription(subscription);
        // A design says where its own subscriptions are.
        if hierarchy.parent(&id).is_none() {
            hierarchy.place(id, group.clone());
        }
    }
    stop_on_errors(problems, findings)?;
    findings.extend(missing(&engine));
    let in_force = engine.in_force(&group, &hierarchy);
    Ok(Policies { engine, hierarchy, group, in_force, location })
}

struct Placed {
    estate: Estate,
    /// The architecture's id of each management group → its real one.
    groups: IndexMap<String, ResourceId>,
    region: String,
}

fn placed(args: &PolicySources, findings: &mut Vec<Finding>) -> Result<Placed, Failure> {
    if args.library.is_empty() {
        let folder = args.design.clone().or_else(|| files::find_design(std::path::Path::new(".")));
        if let Some(folder) = folder {
            if let Some(architecture) = &args.architecture {
                let at = folder.display();
                return Err(Finding::error(
                    "check/architecture-of-design",
                    "`--architecture` does not go with a design",
                )
                .about(architecture.clone())
                .why(format!("the design in `{at}` says which architecture is placed"))
                .help("take --architecture out, or give the libraries it chooses from with --library")
                .into());
            }
            let compilation = sources::design(&folder, findings)?;
            let region = compilation.design.regions.first().cloned().unwrap_or_else(|| DEFAULT_REGION.to_owned());
            let compiled = compilation.compiled;
            return Ok(Placed { estate: compiled.estate, groups: compiled.management_groups, region });
        }
    }
    let library = if args.library.is_empty() {
        sources::embedded_library(findings)?
    } else {
        sources::libraries(&args.library, findings)?
    };
    place(&library, args, findings)
}

fn place(library: &Library, args: &PolicySources, findings: &mut Vec<Finding>) -> Result<Placed, Failure> {
    let location = args.location.clone().unwrap_or_else(|| DEFAULT_REGION.to_owned());
    let placement =
        Placement { architecture: args.architecture.clone(), location: location.clone(), ..Placement::default() };
    let (placed, mut problems) = library.place(&placement);
    // Roles are granted when something is deployed; a check grants none.
    problems.retain(|f| f.code != "library/roles-not-known");
    problems.retain(|f| !findings.contains(f));
    stop_on_errors(problems, findings)?;
    Ok(Placed { estate: placed.estate, groups: placed.management_groups, region: location })
}

fn find_group(name: &str, groups: &IndexMap<String, ResourceId>) -> Result<ResourceId, Failure> {
    let real = groups.values().find(|id| id.name().eq_ignore_ascii_case(name));
    let by_architecture = || groups.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, id)| id);
    if let Some(id) = real.or_else(by_architecture) {
        return Ok(id.clone());
    }
    let known: Vec<&str> = groups.values().map(ResourceId::name).collect();
    Err(Finding::error("check/unknown-management-group", format!("there is no management group `{name}`"))
        .about(name)
        .help(format!("name one of {} with --at", known.join(", ")))
        .into())
}

fn is_policy_asset(id: &ResourceId) -> bool {
    id.resource_type().is_some_and(|t| {
        let name = t.as_str().to_ascii_lowercase();
        matches!(
            name.as_str(),
            "microsoft.authorization/policydefinitions"
                | "microsoft.authorization/policysetdefinitions"
                | "microsoft.authorization/policyassignments"
                | "microsoft.authorization/policyexemptions"
        )
    })
}

/// Gives the engine those built-ins that the assignments need, and no more: there are thousands.
fn load_builtins(
    folder: &std::path::Path,
    cache: Option<&std::path::Path>,
    estate: &Estate,
    engine: &mut Engine,
    findings: &mut Vec<Finding>,
) -> Result<(), Failure> {
    let cache = match cache {
        Some(folder) if folder.as_os_str() == "off" => None,
        Some(folder) => Some(folder.to_path_buf()),
        None => default_cache(),
    };
    let mut builtins = BuiltIns::open(folder, cache.as_deref(), findings)?;
    let mut wanted: Vec<ResourceId> = Vec::new();
    for resource in estate.iter().filter(|r| is_policy_asset(&r.id)) {
        references(&resource.body, &mut wanted);
    }
    let mut seen = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        if !seen.insert(id.clone()) || engine.contains(AssetKind::Definition, &id) {
            continue;
        }
        if let Some(body) = builtins.get(&id) {
            findings.extend(engine.upsert(&id, &body).into_iter().map(|f| f.within(id.name())));
            references(&body, &mut wanted);
        }
    }
    Ok(())
}

/// The definitions and initiatives that an assignment or initiative names.
fn references(body: &Value, wanted: &mut Vec<ResourceId>) {
    let Some(properties) = body.get("properties") else { return };
    let members = properties.get("policyDefinitions").and_then(Value::as_array).unwrap_or_default();
    let named = members.iter().chain(std::iter::once(properties)).filter_map(|v| v.get("policyDefinitionId"));
    wanted.extend(named.filter_map(Value::as_str).map(ResourceId::new));
}

/// Definitions that are not here leave holes in the answer; thousands of lines about them would hide the rest.
fn missing(engine: &Engine) -> Vec<Finding> {
    const SHOWN: usize = 5;
    let mut dangling = engine.dangling();
    if dangling.len() > SHOWN {
        let total = dangling.len();
        dangling.truncate(SHOWN);
        dangling.push(
            Finding::warning(
                "check/missing-definitions",
                format!("{total} definitions that are assigned are not here"),
            )
            .why("what they would do is not in the verdicts")
            .help("give the folder of built-in definitions with --builtins"),
        );
    }
    dangling
}
