//! `glidepath check`: what policy will do to a template before anyone deploys it.

mod input;
pub(crate) mod judge;
mod render;
mod report;

use crate::cli::{CheckArgs, Format};
use crate::failure::{Answer, Failure, stop_on_errors};
use crate::output::{Terminal, sarif};
use crate::{policies, resources};

use report::{Report, Summary};

pub(crate) fn run(args: &CheckArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let exports = args.templates.iter().filter(|path| resources::is_export(path));
    let exports = exports.map(|path| resources::read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut subscriptions = vec![args.subscription.as_str()];
    subscriptions.extend(exports.iter().flatten().filter_map(|r| r.id.subscription_id()));
    subscriptions.sort_unstable();
    subscriptions.dedup();
    let policies = policies::load(&args.policies, &args.at, &subscriptions, &mut findings)?;
    let input = input::Input::read(args, &policies)?;
    let mut report = Report {
        at: policies.group.name().to_owned(),
        templates: args.templates.iter().map(|path| path.display().to_string()).collect(),
        summary: Summary {
            assignments: policies.in_force.assignments.len(),
            instances: policies.in_force.instances,
            arm_mode_instances: policies.in_force.arm_mode_instances,
            ..Summary::default()
        },
        resources: Vec::new(),
        findings: Vec::new(),
    };
    let mut types = std::collections::BTreeSet::new();
    for template in &input.templates {
        let expansion = input.expand(template);
        stop_on_errors(expansion.findings.clone(), &mut findings)?;
        report.summary.deployments += expansion.deployments;
        types.extend(expansion.resources.iter().map(|r| r.resource_type.clone()));
        report.resources.extend(judge::all(&expansion, &policies, &input, args.verbose));
    }
    for export in &exports {
        types.extend(export.iter().filter_map(glidepath_estate::Resource::resource_type));
        report.resources.extend(judge::export(export, &policies, &input, args.verbose));
    }
    report.summary.resources = report.resources.len();
    report.summary.types = types.len();
    report.count_effects();
    report.findings = findings;
    match args.output {
        Format::Table => {
            terminal.findings(&report.findings);
            terminal.answer(&render::table(&report, args.verbose));
        }
        Format::Json => terminal.envelope("check", &report),
        Format::Sarif => terminal.json(&sarif(&render::sarif_results(&report))),
    }
    Ok(if report.is_refused() { Answer::No } else { Answer::Yes })
}
