//! `glidepath up`: everything, on the sandbox, phase by phase, up to the first closed gate.

pub(crate) mod addresses;
pub(crate) mod evidence;
pub(crate) mod host;
mod progress;
mod render;
mod report;
pub(crate) mod session;
pub(crate) mod stateful;
mod trial;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use glidepath_arm::ResourceId;
use glidepath_estate::Phase;
use glidepath_plan::{Action, Gate, Plan, Step, Trial, phase_gates};
use glidepath_policy::Effect;
use glidepath_rollout::{Cancel, ExecuteOptions, Overview, execute};
use glidepath_source::Finding;
use indexmap::IndexMap;

use crate::cli::{PlainFormat, UpArgs};
use crate::failure::{Answer, Failure};
use crate::output::Terminal;
use crate::sources::Compilation;
use progress::PhaseProgress;
use report::{
    Changes, EffectCount, FailureReport, GateReport, Offender, PhaseReport, PolicyReport, Report, State, WorkloadGate,
};
use session::{Session, is_gated_by_workload, store_failure};
use stateful::is_stateful;

/// Non-compliant resources that are named; the rest is counted.
const OFFENDERS_SHOWN: usize = 10;

pub(crate) fn run(args: &UpArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let runtime = runtime()?;
    runtime.block_on(async {
        let mut findings = Vec::new();
        let session = Session::open(&args.dir, args.port, &mut findings).await?;
        let result = roll_out(&session, args, &mut findings, terminal).await;
        session.close().await;
        let mut report = result?;
        report.findings = findings;
        let failed = !report.failures.is_empty();
        let unwilling = report.findings.iter().any(Finding::is_error);
        match args.output {
            PlainFormat::Table => {
                terminal.findings(&report.findings);
                terminal.answer(&render::table(&report));
            }
            PlainFormat::Json => terminal.envelope("up", &report),
        }
        if failed {
            let first = report.failures.first().map_or_else(String::new, |f| format!(": {}", f.resource));
            return Err(Failure::target(
                Finding::error(
                    "up/not-complete",
                    format!("{} could not be written{first}", resources(report.failures.len())),
                )
                .help("the answer above says why; remove the cause and run the command again"),
            ));
        }
        Ok(if unwilling { Answer::No } else { Answer::Yes })
    })
}

/// The one tokio runtime of a command.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| {
        Failure::target(
            Finding::error("machine/no-threads", format!("cannot start worker threads: {e}"))
                .help("raise the limit of processes"),
        )
    })
}

async fn roll_out(
    session: &Session,
    args: &UpArgs,
    findings: &mut Vec<Finding>,
    terminal: &mut Terminal,
) -> Result<Report, Failure> {
    let cancel = Cancel::new();
    let watcher = tokio::spawn({
        let cancel = cancel.clone();
        async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                cancel.cancel();
            }
        }
    });
    let plan = session.plan(usize::from(args.concurrency), findings).await?;
    findings.extend(session.waivers());
    session.keep_addresses()?;
    let mut run = Run {
        session,
        cancel,
        concurrency: usize::from(args.concurrency),
        place: plan.in_place(),
        phases: Vec::new(),
        failures: Vec::new(),
    };
    run.phases_before_production(&plan, terminal).await?;
    let compliance = session.compliance().await?;
    let decided = run.production(&plan, &compliance, terminal).await?;
    let removed = run.removals(&plan, args, findings, terminal).await?;
    watcher.abort();
    // Production may have changed what policy sees.
    let compliance = if decided.iter().any(|g| g.open) { session.compliance().await? } else { compliance };
    let Run { phases, failures, .. } = run;
    let mut changes = removed;
    for phase in &phases {
        changes += phase.changes;
    }
    let gates = gate_reports(decided);
    let next = next_commands(args, &gates, &session.compilation.design);
    Ok(Report {
        design: args.dir.display().to_string(),
        organization: session.compilation.design.organization.clone(),
        target: "sandbox",
        changes,
        phases,
        gates,
        policy: policy_report(&compliance),
        failures,
        findings: Vec::new(),
        next,
    })
}

/// A run on its way.
struct Run<'a> {
    session: &'a Session,
    cancel: Cancel,
    concurrency: usize,
    /// What is there as wanted.
    place: Vec<ResourceId>,
    phases: Vec<PhaseReport>,
    failures: Vec<FailureReport>,
}

impl Run<'_> {
    async fn phases_before_production(&mut self, plan: &Plan, terminal: &mut Terminal) -> Result<(), Failure> {
        for phase in plan.phases.iter().filter(|p| !is_gated_by_workload(p.phase)) {
            // INVARIANT: a gate is asked again before its phase, on what is in place by then.
            let trials =
                if phase.phase == Phase::Nonproduction { self.session.trials(&self.place).await? } else { Vec::new() };
            let gates = self.gates(&Overview::default(), trials).await?;
            let open = gates.iter().all(|g| g.phase != phase.phase || g.open);
            if open {
                self.carry_out(phase.phase, &phase.steps, phase.steps.len(), terminal).await?;
            } else {
                self.record(phase.phase, &phase.steps, phase.steps.len(), Changes::default(), Some(State::Waiting));
            }
        }
        Ok(())
    }

    /// Asks the gate of every workload; carries out the production of those that may.
    async fn production(
        &mut self,
        plan: &Plan,
        compliance: &Overview,
        terminal: &mut Terminal,
    ) -> Result<Vec<Gate>, Failure> {
        let trials = self.session.trials(&self.place).await?;
        let evidence = self.session.evidence(self.place.clone(), compliance, trials).await?;
        let gates = self.session.gates(&evidence).await?;
        let open: BTreeSet<&str> = gates
            .iter()
            .filter(|g| g.open && g.phase == Phase::Production)
            .filter_map(|g| g.workload.as_deref())
            .collect();
        let steps = plan.phase(Phase::Production);
        let may = |step: &&Step| step.resource.workload.as_deref().is_some_and(|w| open.contains(w));
        let ready: Vec<Step> = steps.iter().filter(may).cloned().collect();
        if ready.is_empty() {
            if !steps.is_empty() {
                self.record(Phase::Production, steps, steps.len(), Changes::default(), Some(State::Waiting));
            }
        } else {
            self.carry_out(Phase::Production, &ready, steps.len(), terminal).await?;
        }
        Ok(gates)
    }

    /// Deletes what earlier runs made and the design no longer wants, once everything else is as wanted.
    async fn removals(
        &mut self,
        plan: &Plan,
        args: &UpArgs,
        findings: &mut Vec<Finding>,
        terminal: &mut Terminal,
    ) -> Result<Changes, Failure> {
        let unfinished = self.phases.iter().any(|p| p.state == State::Failed);
        if plan.removals.is_empty() || unfinished {
            return Ok(Changes::default());
        }
        if !args.delete {
            let left = resources(plan.removals.len());
            findings.push(
                Finding::warning(
                    "up/not-wanted",
                    format!("{left} of earlier runs no longer in the design; left in place"),
                )
                .why("deleting takes data with it, so it is never done unasked")
                .help("run the command again with --delete, or put back what the design lost"),
            );
            return Ok(Changes::default());
        }
        let organization = &self.session.compilation.design.organization;
        let stateful: Vec<&ResourceId> =
            plan.removals.iter().map(|s| &s.resource.id).filter(|id| is_stateful(id)).collect();
        if let Some(first) = stateful.first()
            && !confirmed(organization, &stateful, args, terminal)
        {
            findings.push(
                Finding::error(
                    "up/not-confirmed",
                    format!("nothing was deleted: {} hold data, `{first}` among them", resources(stateful.len())),
                )
                .why("what they hold goes with them")
                .help(format!("look at `glidepath plan`; then run the command with --delete --confirm {organization}")),
            );
            return Ok(Changes::default());
        }
        let changes = self.execute("removals", &plan.removals, terminal).await?;
        Ok(Changes { delete: changes.delete, ..Changes::default() })
    }

    async fn gates(&self, compliance: &Overview, trials: Vec<Trial>) -> Result<Vec<Gate>, Failure> {
        let evidence = self.session.evidence(self.place.clone(), compliance, trials).await?;
        let Compilation { design, compiled, .. } = &self.session.compilation;
        Ok(phase_gates(design, &compiled.estate, &evidence))
    }

    async fn carry_out(
        &mut self,
        phase: Phase,
        steps: &[Step],
        planned: usize,
        terminal: &mut Terminal,
    ) -> Result<(), Failure> {
        let before = self.failures.len();
        let changes = self.execute(phase.name(), steps, terminal).await?;
        let state = (self.failures.len() > before).then_some(State::Failed);
        self.record(phase, steps, planned, changes, state);
        Ok(())
    }

    /// Carries out steps; gives what was done and remembers what is in place and what failed.
    async fn execute(
        &mut self,
        phase: &'static str,
        steps: &[Step],
        terminal: &mut Terminal,
    ) -> Result<Changes, Failure> {
        let progress = PhaseProgress::new(phase, steps.len(), terminal.is_watched());
        let started = Instant::now();
        let options = ExecuteOptions { concurrency: self.concurrency, cancel: self.cancel.clone() };
        let report = execute(steps, &self.session.target, &self.session.journal, &options, &progress)
            .await
            .map_err(|e| store_failure(&e.source))?;
        if !report.not_started.is_empty() {
            return Err(Failure::interrupted(
                Finding::note(
                    "up/interrupted",
                    format!("stopped in phase {phase}; {} not begun", resources(report.not_started.len())),
                )
                .help("run the command again: it goes on from what is there"),
            ));
        }
        let missing: BTreeSet<&ResourceId> =
            report.failures.iter().map(|f| &f.id).chain(report.blocked.iter().map(|b| &b.id)).collect();
        let done = steps.iter().filter(|s| s.action != Action::NoChange && !missing.contains(&s.resource.id));
        self.place.extend(done.map(|s| s.resource.id.clone()));
        let origins: BTreeMap<&ResourceId, String> =
            steps.iter().filter_map(|s| Some((&s.resource.id, s.resource.origin.as_ref()?.to_string()))).collect();
        for failure in &report.failures {
            let arm = failure.error.arm();
            self.failures.push(FailureReport {
                phase,
                resource: failure.id.to_string(),
                origin: origins.get(&failure.id).cloned(),
                code: arm.map_or_else(|| "NoAnswer".to_owned(), |e| e.code.clone()),
                message: arm.map_or_else(|| failure.error.to_string(), |e| e.message.clone()),
            });
        }
        let counts = report.done;
        let changes = Changes { create: counts.create, modify: counts.modify, delete: counts.delete };
        let in_place = steps.len() - missing.len();
        if let Some(line) = progress.finish(changes.total(), in_place, started.elapsed().as_secs_f64()) {
            terminal.note(&line);
        }
        Ok(changes)
    }

    fn record(&mut self, phase: Phase, steps: &[Step], planned: usize, changes: Changes, state: Option<State>) {
        let place: BTreeSet<&ResourceId> = self.place.iter().collect();
        let there: Vec<&Step> = steps.iter().filter(|s| place.contains(&s.resource.id)).collect();
        let mut types: IndexMap<String, usize> = IndexMap::new();
        for kind in there.iter().filter_map(|s| s.resource.resource_type()) {
            *types.entry(kind.to_string()).or_default() += 1;
        }
        types.sort_by(|a, m, b, n| n.cmp(m).then_with(|| a.cmp(b)));
        let state = state.unwrap_or(if there.len() == planned { State::Done } else { State::Partial });
        self.phases.push(PhaseReport { name: phase, state, resources: there.len(), planned, changes, types });
    }
}

/// One entry a phase; the gates of the workloads inside that of production.
fn gate_reports(gates: Vec<Gate>) -> Vec<GateReport> {
    let mut reports: Vec<GateReport> = Vec::new();
    for gate in gates {
        let Some(name) = gate.workload else {
            reports.push(GateReport {
                phase: gate.phase,
                open: gate.open,
                missing: gate.missing,
                waived: gate.waived,
                since: gate.since,
                workloads: Vec::new(),
            });
            continue;
        };
        let at = match reports.iter().position(|r| r.phase == gate.phase) {
            Some(at) => at,
            None => {
                reports.push(GateReport {
                    phase: gate.phase,
                    open: true,
                    missing: Vec::new(),
                    waived: None,
                    since: None,
                    workloads: Vec::new(),
                });
                reports.len() - 1
            }
        };
        if let Some(report) = reports.get_mut(at) {
            report.open &= gate.open;
            report.missing.extend(gate.missing.iter().map(|m| format!("{name}: {m}")));
            let Gate { open, missing, waived, since, .. } = gate;
            report.workloads.push(WorkloadGate { name, open, missing, waived, since });
        }
    }
    reports
}

fn policy_report(overview: &Overview) -> PolicyReport {
    let non_compliant = overview.non_compliant().len();
    let mut by_effect: IndexMap<String, EffectCount> = IndexMap::new();
    for (effect, (good, bad)) in &overview.effects {
        let count = by_effect.entry(effect_name(effect)).or_default();
        count.compliant += good;
        count.non_compliant += bad;
    }
    by_effect.sort_keys();
    let offenders = overview.bad.iter().take(OFFENDERS_SHOWN);
    PolicyReport {
        judged: overview.judged,
        compliant: overview.judged.saturating_sub(non_compliant),
        non_compliant,
        by_effect,
        offenders: offenders
            .map(|s| Offender {
                resource: s.resource.to_string(),
                assignment: s.assignment.name().to_owned(),
                effect: effect_name(&s.effect),
            })
            .collect(),
    }
}

/// PolicyInsights writes effects in lower case; people know them as the definitions write them.
fn effect_name(effect: &str) -> String {
    let known = Effect::ALL.iter().map(|e| e.name()).find(|name| name.eq_ignore_ascii_case(effect));
    known.unwrap_or(effect).to_owned()
}

/// What a user would want to do now.
fn next_commands(args: &UpArgs, gates: &[GateReport], design: &glidepath_design::Design) -> Vec<String> {
    let dir = args.dir.display();
    let mut next = Vec::new();
    let waiting = gates.iter().flat_map(|g| &g.workloads).find(|w| !w.open);
    if let Some(workload) = waiting
        && let Some(approval) = design
            .workloads
            .get(&workload.name)
            .and_then(|w| w.approvals.iter().find(|a| workload.missing.iter().any(|m| m.contains(&format!("`{a}`")))))
    {
        let name = &workload.name;
        if workload.missing.iter().any(|m| m.starts_with("the evaluation on")) {
            next.push(format!(
                "glidepath workload evidence {name} --evaluation <results.json> --by <who> --design {dir}"
            ));
        }
        next.push(format!(
            "glidepath workload promote {} --approve {approval} --by <who> --design {dir}",
            workload.name
        ));
        next.push(format!("glidepath up {dir}"));
    }
    next.push(format!("glidepath sandbox {dir}    serve this estate to curl, az, SDKs and Terraform"));
    next
}

/// Did the user type the organisation's name, now or on the command line?
fn confirmed(organization: &str, stateful: &[&ResourceId], args: &UpArgs, terminal: &mut Terminal) -> bool {
    if let Some(typed) = &args.confirm {
        return typed == organization;
    }
    let mut question = format!("{} to be deleted hold data:\n", resources(stateful.len()));
    for id in stateful {
        question.push_str(&format!("  {id}\n"));
    }
    question.push_str(&format!("type `{organization}` to delete them: "));
    terminal.ask(&question).is_some_and(|typed| typed == organization)
}

fn resources(count: usize) -> String {
    if count == 1 { "1 resource".to_owned() } else { format!("{count} resources") }
}
