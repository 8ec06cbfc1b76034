//! `glidepath check`: what policy will do to a template before anyone deploys it.

mod args;
mod baseline;
mod bicep;
mod code_scanning;
mod input;
pub(crate) mod judge;
mod markdown;
mod render;
mod report;
mod undecided;

pub(crate) use args::CheckArgs;

use args::CheckFormat;
use baseline::Baseline;

use crate::failure::{Answer, Failure, stop_on_errors};
use crate::output::{Terminal, sarif};
use crate::{policies, resources};

use report::{Report, Summary};

pub(crate) fn run(args: &CheckArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let baseline = args.baseline.as_deref().map(Baseline::read).transpose()?;
    let exports = args.templates.iter().filter(|path| resources::is_export(path));
    let exports = exports.map(|path| resources::read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut subscriptions = vec![args.subscription.as_str()];
    subscriptions.extend(exports.iter().flatten().filter_map(|r| r.id.subscription_id()));
    subscriptions.sort_unstable();
    subscriptions.dedup();
    let mut policies = policies::load(&args.policies, &args.at, &subscriptions, &mut findings)?;
    if let Some(caller) = args.caller {
        policies.engine = policies.engine.with_caller(caller.identity());
    }
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
        undecided: Vec::new(),
        hits: Vec::new(),
        findings: Vec::new(),
    };
    let mut types = std::collections::BTreeSet::new();
    let mut unseen = Vec::new();
    for unit in &input.units {
        let expansion = input.expand(unit);
        stop_on_errors(expansion.findings.clone(), &mut findings)?;
        report.summary.deployments += expansion.deployments;
        types.extend(expansion.resources.iter().map(|r| r.resource_type.clone()));
        unseen.extend(undecided::unseen(&expansion));
        let mut judged = judge::all(&expansion, &policies, &input, args.verbose);
        unit.in_bicep(&expansion, &mut judged);
        report.resources.extend(judged);
    }
    for export in &exports {
        types.extend(export.iter().filter_map(glidepath_estate::Resource::resource_type));
        report.resources.extend(judge::export(export, &policies, &input, args.verbose));
    }
    if let Some(baseline) = &baseline {
        baseline.hide(&mut report);
    }
    report.undecided = undecided::among(&report.resources);
    report.undecided.extend(unseen);
    report.hits = baseline::hits(&report.resources);
    report.summary.undecided = report.undecided.len();
    report.summary.resources = report.resources.len();
    report.summary.types = types.len();
    report.count_effects();
    report.findings = findings;
    match args.output {
        CheckFormat::Table => {
            terminal.findings(&report.findings);
            terminal.answer(&render::table(&report, args.verbose));
        }
        CheckFormat::Json => terminal.envelope("check", &report),
        CheckFormat::Sarif => terminal.json(&sarif(&code_scanning::results(&report))),
        CheckFormat::Markdown => terminal.answer(&markdown::markdown(&report)),
    }
    let is_open = !report.undecided.is_empty() && !args.allow_undecided;
    Ok(if report.is_refused() || is_open { Answer::No } else { Answer::Yes })
}
