//! Templates, parameters and links, from files.

use std::path::{Path, PathBuf};

use glidepath_arm::template::{Context, Expansion, Links, Parameters, ResourceGroup, expand};
use glidepath_source::{Finding, Text};

use crate::cli::CheckArgs;
use crate::failure::Failure;
use crate::policies::Policies;
use crate::up::session::SANDBOX_TENANT;
use crate::{files, resources};

/// What to expand, and in which context.
pub(crate) struct Input {
    pub(crate) templates: Vec<Text>,
    parameters: Parameters,
    links: Folders,
    context: Context,
    deployment_name: Option<String>,
}

impl Input {
    /// Reads everything the flags name; all that cannot be read is told at once.
    pub(crate) fn read(args: &CheckArgs, policies: &Policies) -> Result<Self, Failure> {
        let mut problems = Vec::new();
        let mut templates = Vec::new();
        for path in args.templates.iter().filter(|path| !resources::is_export(path)) {
            match files::read(path) {
                Ok(text) => templates.push(text),
                Err(finding) => problems.push(finding),
            }
        }
        let mut parameters = Parameters::default();
        for argument in &args.parameters {
            match argument.split_once('=') {
                // A path may hold an equals sign; a file that is there is a file.
                Some((name, value)) if !Path::new(argument).is_file() => parameters.set_text(name, value),
                _ => match files::read(Path::new(argument)) {
                    Ok(text) => parameters.add_file(&text),
                    Err(finding) => problems.push(finding),
                },
            }
        }
        let mut links = Folders::default();
        for argument in &args.link {
            match argument.split_once('=') {
                Some((prefix, folder)) if Path::new(folder).is_dir() => {
                    links.folders.push((prefix.to_owned(), PathBuf::from(folder)));
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
        problems.extend(parameters.findings().iter().cloned());
        // The longest prefix wins: a folder inside another may have moved.
        links.folders.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
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
        Ok(Self { templates, parameters, links, context, deployment_name: args.deployment_name.clone() })
    }

    /// Expands one template.
    pub(crate) fn expand(&self, template: &Text) -> Expansion {
        let stem =
            Path::new(template.name()).file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        let mut context = self.context.clone();
        context.deployment_name = Some(self.deployment_name.clone().unwrap_or(stem));
        expand(template, &self.parameters, &context, &self.links)
    }

    /// The context of the deployment.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }
}

/// Linked templates by what their URI starts with.
#[derive(Default)]
struct Folders {
    folders: Vec<(String, PathBuf)>,
}

impl Links for Folders {
    fn fetch(&self, uri: &str) -> Option<Text> {
        let (prefix, folder) = self.folders.iter().find(|(prefix, _)| uri.starts_with(prefix.as_str()))?;
        let below = uri.get(prefix.len()..)?.split(['?', '#']).next()?.trim_start_matches('/');
        // A link never leads out of its folder.
        if below.split('/').any(|segment| segment == "..") {
            return None;
        }
        files::read(&folder.join(below)).ok()
    }
}
