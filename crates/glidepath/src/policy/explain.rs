//! `glidepath policy explain`: the whole story of one verdict.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use glidepath_arm::{ResourceId, Value};
use glidepath_estate::{Estate, Resource, differences};
use glidepath_policy::{
    Contributor, EnforcementMode, EstateRelated, EvaluatedExpression, Outcome, Verdict, compliance, parameters_in_words,
};
use glidepath_source::Finding;
use serde::Serialize;

use crate::check::judge::{request, written};
use crate::cli::{PlainFormat, PolicySources};
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, CYAN, Columns, DIM, GREEN, RED, Terminal, YELLOW, paint};
use crate::policies::Policies;
use crate::{policies, resources};

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The resource (JSON, as Azure returns it; it needs its `id`)
    #[arg(value_name = "RESOURCE")]
    resource: PathBuf,

    /// The management group that its subscription is placed under
    #[arg(long, value_name = "MANAGEMENT_GROUP", default_value = "corp")]
    at: String,

    /// Resources around it (NDJSON or a JSON list): groups, related resources
    #[arg(long, value_name = "FILE")]
    estate: Option<PathBuf>,

    #[command(flatten)]
    policies: PolicySources,

    /// Also tell the policies that are met, with their conditions
    #[arg(long)]
    all: bool,

    /// How the answer is written
    #[arg(short, long, default_value = "table", env = "GLIDEPATH_OUTPUT")]
    output: PlainFormat,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Story<'a> {
    resource: &'a ResourceId,
    at: &'a str,
    /// The scopes assignments are inherited through, outermost first.
    scopes: Vec<ResourceId>,
    assignments: usize,
    instances: usize,
    /// The instances that name the resource's type, or no type.
    looking: usize,
    compliance: Option<&'static str>,
    verdict: &'a Verdict,
    /// What deployIfNotExists policies would deploy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deployments: Vec<Deployment<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Deployment<'a> {
    definition: &'a ResourceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_id: Option<&'a str>,
    /// `{scope, resources, problems?}`
    deployment: Value,
}

pub(crate) fn run(args: &ExplainArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let read = resources::read(&args.resource)?;
    let [resource] = read.as_slice() else {
        let message =
            format!("`{}` holds {} resources; one is explained at a time", args.resource.display(), read.len());
        return Err(Finding::error("policy/one-resource", message).help("for many, use `glidepath check`").into());
    };
    let mut estate: Estate = match &args.estate {
        Some(path) => resources::read(path)?.into_iter().collect(),
        None => Estate::new(),
    };
    estate.insert(resource.clone());
    let subscription = resource.id.subscription_id();
    let subscriptions: Vec<&str> = subscription.into_iter().collect();
    let policies = policies::load(&args.policies, &args.at, &subscriptions, &mut findings)?;
    let now = jiff::Timestamp::now().as_second();
    let verdict = written(resource, &estate, &policies, &super::context(&policies, subscription), now, true);
    let kind = resource.resource_type().map(|t| t.as_str().to_ascii_lowercase()).unwrap_or_default();
    let in_force = policies.engine.effective(&resource.id, &policies.hierarchy);
    let story = Story {
        resource: &resource.id,
        at: policies.group.name(),
        scopes: policies.hierarchy.scopes_of(&resource.id),
        assignments: policies.in_force.assignments.len(),
        instances: in_force.len(),
        looking: in_force.iter().filter(|i| i.looks_at(&kind)).count(),
        compliance: compliance(&verdict).map(glidepath_policy::ComplianceState::name),
        deployments: would_deploy(&verdict, resource, &estate, &policies, subscription, now),
        verdict: &verdict,
    };
    match args.output {
        PlainFormat::Json => terminal.envelope("policy-explanation", &story),
        PlainFormat::Table => {
            findings.extend(verdict.findings.iter().cloned());
            terminal.findings(&findings);
            terminal.answer(&tell(&story, resource, args.all));
        }
    }
    Ok(if verdict.is_refused() { Answer::No } else { Answer::Yes })
}

/// What every deployIfNotExists policy that has something to say would deploy.
fn would_deploy<'a>(
    verdict: &'a Verdict,
    resource: &Resource,
    estate: &Estate,
    policies: &Policies,
    subscription: Option<&str>,
    now: i64,
) -> Vec<Deployment<'a>> {
    let context = super::context(policies, subscription);
    let related = EstateRelated(estate);
    let request = request(resource, estate, policies, &context, &related, now);
    let told = verdict.contributors.iter().filter(|c| c.outcome != Outcome::Compliant);
    let with = |c: &'a Contributor| {
        let deployment = policies.engine.would_deploy(&request, c)?;
        Some(Deployment { definition: &c.definition.id, reference_id: c.reference_id.as_deref(), deployment })
    };
    told.filter_map(with).collect()
}

fn tell(story: &Story<'_>, resource: &Resource, all: bool) -> String {
    let mut text = String::new();
    let verdict = story.verdict;
    let kind = resource.resource_type().map(|t| t.to_string()).unwrap_or_default();
    let _ = writeln!(text, "{} {kind}", paint(BOLD, resource.id.full_name()));
    let scopes: Vec<&str> = story.scopes.iter().map(ResourceId::name).filter(|n| !n.is_empty()).collect();
    let _ = writeln!(text, "inherits through {}", scopes.join(" › "));
    let _ = writeln!(
        text,
        "{} assignments put {} policies in force here; {} can look at this type\n",
        story.assignments, story.instances, story.looking
    );
    let net = match verdict.effect {
        _ if verdict.is_refused() => paint(RED, "Azure would refuse it"),
        Some(effect) => paint(YELLOW, format!("Azure would let it through; the strongest effect is {effect}")),
        None => paint(GREEN, "Azure would let it through, and policy has nothing to say"),
    };
    let _ = writeln!(text, "{net}");
    if let Some(state) = story.compliance {
        let _ = writeln!(text, "compliance: {state}");
    }
    let compliant = verdict.contributors.iter().filter(|c| c.outcome == Outcome::Compliant).count();
    for contributor in &verdict.contributors {
        if all || contributor.outcome != Outcome::Compliant {
            one(contributor, &mut text);
        }
    }
    if compliant > 0 && !all {
        let _ = writeln!(text, "\n{compliant} policies look at it and are met (--all tells them)");
    }
    for own in &story.deployments {
        let scope = own.deployment.get("scope").and_then(Value::as_str).unwrap_or_default();
        let _ = writeln!(text, "\n{}", paint(BOLD, format!("what {} would deploy to {scope}", own.definition.name())));
        for resource in own.deployment.get("resources").and_then(Value::as_array).unwrap_or_default() {
            let part = |key: &str| resource.get(key).map_or_else(String::new, word);
            let _ = writeln!(text, "  + {} {}", part("type"), part("name"));
        }
        for problem in own.deployment.get("problems").and_then(Value::as_array).unwrap_or_default() {
            let _ = writeln!(text, "  ! {}", word(problem));
        }
    }
    if let Some(changed) = &verdict.changed {
        let _ = writeln!(text, "\n{}", paint(BOLD, "the request after append and modify"));
        for change in differences(changed, &resource.body) {
            let value =
                |v: &Option<glidepath_arm::Value>| v.as_ref().map_or_else(|| "nothing".into(), ToString::to_string);
            let _ = writeln!(text, "  ~ {}: {} -> {}", change.path, value(&change.before), value(&change.after));
        }
    }
    text
}

/// A text without quotes, anything else as JSON.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn one(contributor: &Contributor, text: &mut String) {
    let (style, words) = match contributor.outcome {
        Outcome::Triggered => (if contributor.effect.name().starts_with("deny") { RED } else { CYAN }, "happens"),
        Outcome::DependsOn => (YELLOW, "depends on what is not known here"),
        Outcome::Exempt => (DIM, "is held back by an exemption"),
        Outcome::NotEnforced => (DIM, "would happen, but the assignment does not enforce"),
        Outcome::Compliant => (GREEN, "does not happen: the resource is compliant"),
    };
    let definition = &contributor.definition;
    let title = definition.display_name.as_ref().unwrap_or(&definition.name);
    let _ = writeln!(text, "\n{} {title}", paint(style, format!("{} {words}:", contributor.written_effect)));
    let assignment = &contributor.assignment;
    let _ = writeln!(
        text,
        "  assigned by {} at {}{}",
        assignment.display_name.as_ref().unwrap_or(&assignment.name),
        contributor.assignment_scope.name(),
        match contributor.enforcement_mode {
            EnforcementMode::Default => "",
            EnforcementMode::DoNotEnforce => " (DoNotEnforce)",
            EnforcementMode::Enroll => " (Enroll)",
        }
    );
    if let Some(initiative) = &contributor.initiative {
        let reference = contributor.reference_id.as_deref().unwrap_or("without reference id");
        let name = initiative.display_name.as_ref().unwrap_or(&initiative.name);
        let _ = writeln!(text, "  through the initiative {name}, member {reference}");
    }
    let _ = writeln!(text, "  definition {}", definition.id);
    if let Some(parameters) = contributor.assignment_parameters.as_object() {
        let _ = writeln!(text, "  parameters of the assignment: {}", parameters_in_words(parameters));
    }
    if let Some(exemption) = &contributor.exemption {
        let _ = writeln!(text, "  exemption {exemption}");
    }
    if let Some(message) = &contributor.message {
        let _ = writeln!(text, "  message: {message}");
    }
    if !contributor.expressions.is_empty() {
        let _ = writeln!(text, "  because");
        let mut columns = Columns::default();
        for e in &contributor.expressions {
            columns.row([condition(e), e.result.to_lowercase(), format!("found {}", found(e))]);
        }
        text.push_str(&columns.render(4));
    }
    for unknown in &contributor.unknowns {
        let _ = writeln!(text, "  not known: {unknown}");
    }
    for operation in &contributor.operations {
        let _ = writeln!(text, "  ~ {operation}");
    }
    for limit in &contributor.limits {
        let _ = writeln!(text, "  {}", paint(DIM, format!("not certain: {limit}")));
    }
}

fn condition(e: &EvaluatedExpression) -> String {
    let place = e.path.as_ref().unwrap_or(&e.expression);
    let kind = if e.expression_kind == "Count" { "count of " } else { "" };
    format!("{kind}{place} {} {}", e.operator, short(&e.target_value.to_string()))
}

fn found(e: &EvaluatedExpression) -> String {
    e.expression_value.as_ref().map_or_else(|| "nothing".to_owned(), |v| short(&v.to_string()))
}

fn short(text: &str) -> String {
    const LONGEST: usize = 70;
    if text.chars().count() <= LONGEST { text.to_owned() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}
