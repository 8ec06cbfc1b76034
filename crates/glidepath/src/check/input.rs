//! Templates, Terraform plans, exports, parameters and links, from files and folders.

use std::path::Path;

use glidepath_arm::template::{Context, Expanded, Expansion, Parameters, ResourceGroup, expand};
use glidepath_arm::{ResourceType, terraform};
use glidepath_source::{Finding, Node, Text, json};

use super::report::Checked;
use super::{CheckArgs, bicep};
use crate::failure::Failure;
use crate::policies::Policies;
use crate::template::input::{self, Folders};
use crate::template::observed::{self, Observed};
use crate::up::session::SANDBOX_TENANT;
use crate::{files, resources};

/// What to expand, and in which context.
pub(crate) struct Input {
    pub(crate) units: Vec<Unit>,
    parameters: Parameters,
    links: Folders,
    context: Context,
    deployment_name: Option<String>,
}

/// One template, plan or export, with the values that come with it.
pub(crate) struct Unit {
    template: Text,
    parameters: Parameters,
    /// The Bicep file it was compiled from, with its text.
    bicep: Option<Text>,
}

impl Unit {
    fn new(template: Text) -> Self {
        Self { template, parameters: Parameters::default(), bicep: None }
    }

    /// Points into the Bicep source instead of the compiled template.
    pub(crate) fn in_bicep(&self, expansion: &Expansion, judged: &mut [Checked]) {
        let Some(source) = &self.bicep else { return };
        for (resource, checked) in expansion.resources.iter().zip(judged) {
            if checked.source.file != self.template.name() {
                continue;
            }
            let line = match resource.deployment.first() {
                None => {
                    let declared = format!("{}@{}", resource.resource_type, resource.api_version);
                    bicep::line_of(source.as_str(), "resource", resource.symbolic_name.as_deref(), &declared)
                }
                Some(module) => {
                    let nested = expansion
                        .nested
                        .iter()
                        .find(|n| n.deployment.len() == 1 && n.deployment.first() == Some(module));
                    let symbolic = nested.and_then(|n| n.symbolic_name.as_deref());
                    symbolic.and_then(|symbolic| bicep::line_of(source.as_str(), "module", Some(symbolic), ""))
                }
            };
            checked.source.file = source.name().to_owned();
            checked.source.line = line.unwrap_or(1);
            checked.source.column = 1;
        }
    }
}

impl Input {
    /// Reads everything the flags name; all that cannot be read is told at once.
    pub(crate) fn read(args: &CheckArgs, policies: &Policies) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let (of_bicep, plain): (Vec<String>, Vec<String>) =
            args.parameters.iter().cloned().partition(|p| bicep::is_parameters(Path::new(p)));
        let mut parameters = Parameters::default();
        let mut units = Vec::new();
        for file in &of_bicep {
            match bicep::parameters(Path::new(file)) {
                Ok((values, _)) => parameters = parameters.overlaid(&values),
                Err(finding) => problems.push(finding),
            }
        }
        let parameters = parameters.overlaid(&input::parameters(&plain, &mut problems));
        for path in args.templates.iter().filter(|path| !resources::is_export(path)) {
            let found = if path.is_dir() { in_folder(path) } else { unit(path).map(|unit| vec![unit]) };
            match found {
                Ok(found) => units.extend(found),
                Err(finding) => problems.push(finding),
            }
        }
        let links = Folders::read(&args.link, &mut problems);
        if problems.iter().any(Finding::is_error) {
            return Err(Failure::input(problems));
        }
        let context = Context {
            tenant_id: Some(SANDBOX_TENANT.to_owned()),
            subscription_id: Some(args.subscription.clone()),
            subscription_name: Some("check".to_owned()),
            resource_group: Some(ResourceGroup {
                name: args.resource_group.clone(),
                location: Some(policies.location.clone()),
                ..ResourceGroup::default()
            }),
            management_group: Some(policies.group.name().to_owned()),
            location: Some(policies.location.clone()),
            ..Context::default()
        };
        Ok(Self { units, parameters, links, context, deployment_name: args.deployment_name.clone() })
    }

    /// Expands one template.
    pub(crate) fn expand(&self, unit: &Unit) -> Expansion {
        let template = &unit.template;
        let name = template.name().trim_end_matches(bicep::COMPILED);
        let path = Path::new(name);
        let stem = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let mut context = self.context.clone();
        context.deployment_name = Some(self.deployment_name.clone().unwrap_or(stem));
        if let Ok(root) = json::parse(template) {
            if terraform::is_plan(&root) {
                return terraform::resources(template, &root, &context);
            }
            if !is_template(&root) && is_export(&root) {
                return exported(template);
            }
        } else if let Ok(observed) = observed::read(template) {
            return as_expansion(observed);
        }
        let parameters = unit.parameters.clone().overlaid(&self.parameters);
        context.template_uri = self.links.uri_of(path);
        expand(template, &parameters, &context, &self.links.beside(path))
    }

    /// The context of the deployment.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }
}

/// The template, plan or export in a file.
fn unit(path: &Path) -> Result<Unit, Finding> {
    if bicep::is_bicep(path) {
        let source = files::read(path)?;
        return Ok(Unit { bicep: Some(source), ..Unit::new(bicep::template(path)?) });
    }
    if bicep::is_parameters(path) {
        let (parameters, template) = bicep::parameters(path)?;
        let Some(template) = template else {
            let name = path.display().to_string();
            return Err(Finding::error("bicep/no-template", format!("`{name}` does not say which template it is for"))
                .about(&name)
                .help("name the template, and the parameter file with --parameters"));
        };
        // `using './main.bicep'` says where the template was written.
        let source = files::read(path)?;
        let using =
            source.as_str().lines().find_map(|line| line.trim().strip_prefix("using")?.trim().split('\'').nth(1));
        let written = using.map(|u| path.parent().unwrap_or(Path::new("")).join(u)).filter(|p| bicep::is_bicep(p));
        let bicep = written.and_then(|path| files::read(&path).ok());
        return Ok(Unit { template, parameters, bicep });
    }
    files::read(path).map(Unit::new)
}

/// The templates, plans and exports of a folder. A template is taken once with each parameter file that bears its name.
fn in_folder(folder: &Path) -> Result<Vec<Unit>, Finding> {
    let fits = |path: &str| path.ends_with(".json") || path.ends_with(".ndjson") || path.ends_with(".bicep");
    let (found, problems) = files::read_folder(folder, &fits)?;
    if let Some(problem) = problems.into_iter().find(Finding::is_error) {
        return Err(problem);
    }
    let (sources, documents): (Vec<_>, Vec<_>) = found.into_iter().partition(|(path, _)| path.ends_with(".bicep"));
    let mut units = Vec::new();
    for (path, text) in &documents {
        let is_input = match json::parse(text) {
            Ok(root) => is_template(&root) || terraform::is_plan(&root) || is_export(&root),
            // A broken template must not be passed over: it is told when it is read.
            Err(_) if path.ends_with(".json") => text.as_str().contains("deploymentTemplate"),
            Err(_) => observed::read(text).is_ok_and(|found| !found.is_empty()),
        };
        if is_input {
            let beside = beside(path, &documents);
            if beside.is_empty() {
                units.push(Unit::new(text.clone()));
            }
            for values in beside {
                let mut parameters = Parameters::default();
                parameters.add_file(values);
                units.push(Unit { parameters, ..Unit::new(text.clone()) });
            }
        }
    }
    for (path, source) in &sources {
        // Modules come with what uses them; what is compiled already is read as it is.
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_module = sources.iter().any(|(other, text)| other != path && uses(text.as_str(), name));
        let compiled = format!("{}.json", path.trim_end_matches(".bicep"));
        if !is_module && !documents.iter().any(|(other, _)| *other == compiled) {
            units.push(unit(Path::new(source.name()))?);
        }
    }
    if units.is_empty() {
        let name = folder.display().to_string();
        return Err(Finding::error("check/no-templates", format!("`{name}` holds no template, plan or export"))
            .about(name)
            .help("name the file itself"));
    }
    Ok(units)
}

/// Does a Bicep file take another one as a module or import from it?
fn uses(source: &str, name: &str) -> bool {
    let mentions = |line: &str| line.contains(&format!("/{name}'")) || line.contains(&format!("'{name}'"));
    source.lines().any(|line| {
        let line = line.trim_start();
        (line.starts_with("module ") || line.starts_with("import ")) && mentions(line)
    })
}

/// The parameter files of a template: `main.parameters.json`, `main.param.json`, `main.parameters.prod.json`,
/// `main.prod.parameters.json`.
fn beside<'t>(template: &str, documents: &'t [(String, Text)]) -> Vec<&'t Text> {
    let Some(stem) = template.strip_suffix(".json") else { return Vec::new() };
    let is_its = |path: &str| {
        let below = path.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.'));
        below.is_some_and(|rest| rest.split('.').any(|part| part == "parameters" || part == "param"))
    };
    documents.iter().filter(|(path, text)| is_its(path) && is_parameter_file(text)).map(|(_, text)| text).collect()
}

fn is_parameter_file(text: &Text) -> bool {
    json::parse(text).is_ok_and(|root| root.get("parameters").is_some() && root.get("resources").is_none())
}

fn is_template(root: &Node) -> bool {
    let of = |node: &Node| {
        let schema = node.get("$schema").and_then(Node::as_str).unwrap_or_default().to_ascii_lowercase();
        node.get("resources").is_some() && (schema.contains("deploymenttemplate") || node.get("kind").is_none())
    };
    of(root) || root.get("properties").and_then(|p| p.get("template")).is_some_and(of)
}

/// An array, a list answer or a Resource Graph export of resources.
fn is_export(root: &Node) -> bool {
    let is_resource = |node: &Node| {
        node.get("id").and_then(Node::as_str).is_some_and(|id| id.starts_with('/')) && node.get("type").is_some()
    };
    let first = |node: &Node| node.items().first().is_some_and(|r| r.get("id").is_some() && r.get("type").is_some());
    is_resource(root)
        || first(root)
        || ["value", "data", "resources"].iter().any(|key| root.get(key).is_some_and(first))
}

fn exported(text: &Text) -> Expansion {
    match observed::read(text) {
        Ok(found) => as_expansion(found),
        Err(findings) => Expansion { findings, ..Expansion::default() },
    }
}

fn as_expansion(found: Vec<Observed>) -> Expansion {
    let resource = |found: Observed| Expanded {
        resource_type: found.id.resource_type().unwrap_or_else(|| ResourceType::new("")),
        name: found.id.name().into(),
        scope: found.id.scope().id().as_str().into(),
        id: found.id.as_str().into(),
        api_version: found.api_version,
        body: found.body,
        condition: None,
        source: found.place,
        deployment: Vec::new(),
        symbolic_name: None,
        copy_index: None,
        depends_on: Vec::new(),
        implied: Vec::new(),
    };
    Expansion { resources: found.into_iter().map(resource).collect(), ..Expansion::default() }
}
