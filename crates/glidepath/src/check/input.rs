//! Templates, Terraform plans, exports, parameters and links, from files and folders.

use std::path::{Path, PathBuf};

use glidepath_arm::template::{Context, Expanded, Expansion, Parameters, ResourceGroup, expand};
use glidepath_arm::{ResourceType, terraform};
use glidepath_source::{Finding, Node, Text, json};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::policies::Policies;
use crate::template::input::{self, Folders};
use crate::template::observed::{self, Observed};
use crate::up::session::SANDBOX_TENANT;
use crate::{files, resources};

/// What to expand, and in which context.
pub(crate) struct Input {
    pub(crate) templates: Vec<Text>,
    parameters: Parameters,
    links: Folders,
    context: Context,
    deployment_name: Option<String>,
    /// The parameter files beside templates, where none are named.
    beside: Vec<(String, Text)>,
}

impl Input {
    /// Reads everything the flags name; all that cannot be read is told at once.
    pub(crate) fn read(args: &CheckArgs, policies: &Policies) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let mut templates = Vec::new();
        for path in args.templates.iter().filter(|path| !resources::is_export(path)) {
            let found = if path.is_dir() { in_folder(path) } else { files::read(path).map(|text| vec![text]) };
            match found {
                Ok(texts) => templates.extend(texts),
                Err(finding) => problems.push(finding),
            }
        }
        let parameters = input::parameters(&args.parameters, &mut problems);
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
        let found = templates.iter().filter(|_| args.templates.iter().any(|p| p.is_dir()));
        let beside = found.filter_map(|t| Some((t.name().to_owned(), beside(t)?))).collect();
        Ok(Self { beside, templates, parameters, links, context, deployment_name: args.deployment_name.clone() })
    }

    /// Expands one template.
    pub(crate) fn expand(&self, template: &Text) -> Expansion {
        let stem =
            Path::new(template.name()).file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
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
        let path = Path::new(template.name());
        let mut parameters = self.parameters.clone();
        if let Some(beside) = self.beside.iter().find(|(of, _)| of == template.name()) {
            let mut own = Parameters::default();
            own.add_file(&beside.1);
            parameters = own.overlaid(&parameters);
        }
        context.template_uri = self.links.uri_of(path);
        expand(template, &parameters, &context, &self.links.beside(path))
    }

    /// The context of the deployment.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }
}

/// The templates, plans and exports of a folder; parameter files go to the template of their name.
fn in_folder(folder: &Path) -> Result<Vec<Text>, Finding> {
    let (found, problems) = files::read_folder(folder, &|path| path.ends_with(".json") || path.ends_with(".ndjson"))?;
    if let Some(problem) = problems.into_iter().find(Finding::is_error) {
        return Err(problem);
    }
    let is_input = |text: &Text| match json::parse(text) {
        Ok(root) => is_template(&root) || terraform::is_plan(&root) || is_export(&root),
        Err(_) => observed::read(text).is_ok_and(|found| !found.is_empty()),
    };
    let texts: Vec<Text> = found.into_iter().map(|(_, text)| text).filter(is_input).collect();
    if texts.is_empty() {
        let name = folder.display().to_string();
        return Err(Finding::error("check/no-templates", format!("`{name}` holds no template, plan or export"))
            .about(name)
            .help("name the file itself, or compile Bicep first: bicep build main.bicep"));
    }
    Ok(texts)
}

/// The parameter file that stands beside a template: `main.parameters.json`, `main.bicepparam` compiled to it.
fn beside(template: &Text) -> Option<Text> {
    let stem = template.name().strip_suffix(".json")?;
    ["parameters", "param"].iter().find_map(|kind| {
        let path = PathBuf::from(format!("{stem}.{kind}.json"));
        path.is_file().then(|| files::read(&path).ok()).flatten()
    })
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
    let first = |node: &Node| node.items().first().is_some_and(|r| r.get("id").is_some() && r.get("type").is_some());
    first(root) || ["value", "data", "resources"].iter().any(|key| root.get(key).is_some_and(first))
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
