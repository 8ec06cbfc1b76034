//! Templates, parameters and links, from files.

use std::path::{Path, PathBuf};

use glidepath_arm::template::{Context, Expansion, Links, Parameters, ResourceGroup, expand};
use glidepath_arm::{ResourceId, Scope, terraform};
use glidepath_source::{Finding, Text, json};

use super::Deployed;
use crate::failure::Failure;
use crate::files;

/// A template, read, with everything its expansion needs.
pub(crate) struct Input {
    pub(crate) template: Text,
    pub(crate) parameters: Parameters,
    pub(crate) links: Folders,
    pub(crate) context: Context,
}

impl Input {
    /// Reads everything the flags name; all that cannot be read is told at once.
    pub(crate) fn read(args: &Deployed) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let parameters = parameters(&args.parameters, &mut problems);
        let mut links = Folders::read(&args.link, &mut problems);
        links.beside = args.template.parent().map(Path::to_path_buf);
        let scope = args.scope.as_deref().and_then(|text| match scope(text, args) {
            Ok(scope) => scope,
            Err(problem) => {
                problems.push(problem);
                None
            }
        });
        let template = match files::read(&args.template) {
            Ok(text) => Some(text),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        let Some(template) = template.filter(|_| !problems.iter().any(Finding::is_error)) else {
            return Err(Failure::input(problems));
        };
        let stem = args.template.file_stem().map(|s| s.to_string_lossy().into_owned());
        let context = Context {
            tenant_id: args.tenant.clone(),
            subscription_id: args.subscription.clone(),
            subscription_name: args.subscription_name.clone(),
            resource_group: args.resource_group.clone().map(|name| ResourceGroup {
                name,
                location: args.location.clone(),
                ..ResourceGroup::default()
            }),
            management_group: args.management_group.clone(),
            location: args.location.clone(),
            deployment_name: args.deployment_name.clone().or(stem),
            template_uri: args.uri.clone().or_else(|| links.uri_of(&args.template)),
            scope,
            now: args.now,
        };
        Ok(Self { template, parameters, links, context })
    }

    /// Expands the template; a Terraform plan is taken for what it would deploy.
    pub(crate) fn expand(&self) -> Expansion {
        if let Ok(root) = json::parse(&self.template)
            && terraform::is_plan(&root)
        {
            return terraform::resources(&self.template, &root, &self.context);
        }
        expand(&self.template, &self.parameters, &self.context, &self.links)
    }
}

/// Parameter files and `name=value` pairs.
pub(crate) fn parameters(arguments: &[String], problems: &mut Vec<Finding>) -> Parameters {
    let mut parameters = Parameters::default();
    for argument in arguments {
        let argument = argument.strip_prefix('@').unwrap_or(argument);
        match argument.split_once('=') {
            // A path may hold an equals sign; a file that is there is a file.
            Some((name, value)) if !Path::new(argument).is_file() => parameters.set_text(name, value),
            _ => match files::read(Path::new(argument)) {
                Ok(text) => parameters.add_file(&text),
                Err(finding) => problems.push(finding),
            },
        }
    }
    problems.extend(parameters.findings().iter().filter(|f| f.is_error()).cloned());
    parameters
}

/// A scope by its kind, filled from the other flags, or by its id.
fn scope(text: &str, args: &Deployed) -> Result<Option<Scope>, Finding> {
    let missing = |flag: &str| {
        Finding::error("template/bad-scope", format!("the scope `{text}` needs `{flag}`"))
            .about(text)
            .help(format!("add {flag}, or give the scope's id"))
    };
    let subscription = || args.subscription.clone().ok_or_else(|| missing("--subscription"));
    Ok(Some(match text.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "tenant" | "/" => Scope::Tenant,
        "managementgroup" | "mg" => {
            Scope::ManagementGroup(args.management_group.clone().ok_or_else(|| missing("--management-group"))?)
        }
        "subscription" | "sub" => Scope::Subscription(subscription()?),
        "resourcegroup" | "group" | "rg" => Scope::ResourceGroup {
            subscription: subscription()?,
            name: args.resource_group.clone().ok_or_else(|| missing("--resource-group"))?,
        },
        _ if text.starts_with('/') => ResourceId::new(text).scope(),
        _ => {
            return Err(Finding::error("template/bad-scope", format!("`{text}` is not a scope")).about(text).help(
                "write tenant, managementGroup, subscription, resourceGroup, or an id such as /subscriptions/…",
            ));
        }
    }))
}

/// Linked templates by what their URI starts with.
#[derive(Default)]
pub(crate) struct Folders {
    folders: Vec<(String, PathBuf)>,
    /// Where links without a scheme lead: beside the template.
    beside: Option<PathBuf>,
}

impl Folders {
    /// Reads `URI_PREFIX=DIR`.
    pub(crate) fn read(arguments: &[String], problems: &mut Vec<Finding>) -> Self {
        let mut folders = Vec::new();
        for argument in arguments {
            match argument.rsplit_once('=') {
                Some((prefix, folder)) if Path::new(folder).is_dir() => {
                    folders.push((prefix.to_owned(), PathBuf::from(folder)));
                }
                _ => problems.push(
                    Finding::error(
                        "check/bad-link",
                        format!("`{argument}` is not URI_PREFIX=DIR with a folder that exists"),
                    )
                    .about(argument)
                    .help("for example --link https://templates.example/=./templates"),
                ),
            }
        }
        // The longest prefix wins: a folder inside another may have moved.
        folders.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Self { folders, beside: None }
    }

    /// The same folders, and links without a scheme lead beside this template.
    pub(crate) fn beside(&self, template: &Path) -> Self {
        Self { folders: self.folders.clone(), beside: template.parent().map(Path::to_path_buf) }
    }

    /// The URI of a file that lies in one of the folders.
    pub(crate) fn uri_of(&self, file: &Path) -> Option<String> {
        let file = std::fs::canonicalize(file).ok()?;
        self.folders.iter().find_map(|(prefix, folder)| {
            let folder = std::fs::canonicalize(folder).ok()?;
            let below = file.strip_prefix(folder).ok()?.to_string_lossy().replace('\\', "/");
            let slash = if prefix.ends_with('/') { "" } else { "/" };
            prefix.contains("://").then(|| format!("{prefix}{slash}{below}"))
        })
    }
}

impl Links for Folders {
    fn fetch(&self, uri: &str) -> Option<Text> {
        let found = self.folders.iter().find(|(prefix, _)| uri.starts_with(prefix.as_str()));
        let (below, folder) = match found {
            Some((prefix, folder)) => (uri.get(prefix.len()..)?, folder),
            None if !uri.contains("://") => (uri, self.beside.as_ref()?),
            None => return None,
        };
        let below = below.split(['?', '#']).next()?.trim_start_matches('/');
        // A link never leads out of its folder.
        if below.split(['/', '\\']).any(|segment| segment == "..") {
            return None;
        }
        files::read(&folder.join(below)).ok()
    }
}
