//! Carrying out the steps of a plan, as soon as what they need is done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use glidepath_arm::ResourceId;
use glidepath_plan::{Action, Counts, Step};
use glidepath_store::StoreError;
use serde::{Serialize, Serializer};
use tokio::task::{Id, JoinSet};

use crate::{ClientError, Event, Journal, Progress, Target, Written};

/// How to carry out.
#[derive(Debug, Clone)]
pub struct ExecuteOptions {
    /// Writes under way at the same time.
    pub concurrency: usize,
    /// Asks to stop: what runs is finished, nothing new is begun.
    pub cancel: Cancel,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self { concurrency: 16, cancel: Cancel::new() }
    }
}

/// A request to stop, shared by its clones.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Not asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Was it asked for?
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What came of the steps. Every step is in exactly one of the lists or counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Steps that are done, by action.
    pub done: Counts,
    /// Steps that failed, in the order of the plan.
    pub failures: Vec<Failure>,
    /// Steps that were not begun because something they need failed, in the order of the plan.
    pub blocked: Vec<Blocked>,
    /// Steps that were not begun because the run was asked to stop, in the order of the plan.
    pub not_started: Vec<ResourceId>,
}

impl Report {
    /// Is everything done?
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.blocked.is_empty() && self.not_started.is_empty()
    }
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The resource.
    pub id: ResourceId,
    /// What was to be done.
    pub action: Action,
    /// Why it failed; ARM's error whole, as JSON.
    #[serde(serialize_with = "error_as_json")]
    pub error: ClientError,
}

/// A step that was not begun.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// The resource.
    pub id: ResourceId,
    /// The step whose failure is behind it; itself when its dependencies go in a circle.
    pub by: ResourceId,
}

fn error_as_json<S: Serializer>(error: &ClientError, serializer: S) -> Result<S::Ok, S::Error> {
    match error.arm() {
        Some(arm) => arm.serialize(serializer),
        None => serializer.collect_str(error),
    }
}

/// The journal could not be written, so that nothing more was begun.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the rollout stopped, for its journal could not be written: {source}")]
pub struct ExecuteError {
    /// Why.
    pub source: StoreError,
    /// What was done until then.
    pub report: Box<Report>,
}

/// Carries out steps, each as soon as those it names in `after` are done; a step that fails stops its dependants only.
///
/// Names in `after` that are not among the steps count as done. Dropping the future stops at once, with writes under way
/// left to the target; planning again from what is there converges.
///
/// # Errors
/// [`ExecuteError`] when the journal cannot be written. What the target refuses is in the report.
pub async fn execute(
    steps: &[Step],
    target: &Target,
    journal: &Journal,
    options: &ExecuteOptions,
    progress: &dyn Progress,
) -> Result<Report, ExecuteError> {
    let mut run = Run::new(steps, progress);
    let mut running: JoinSet<Outcome> = JoinSet::new();
    let mut tasks: BTreeMap<Id, usize> = BTreeMap::new();
    let mut broken: Option<StoreError> = None;
    loop {
        while running.len() < options.concurrency.max(1) && broken.is_none() && !options.cancel.is_cancelled() {
            let Some((at, step)) = run.next() else { break };
            if step.action == Action::NoChange {
                run.done(at);
                continue;
            }
            progress.tell(&Event::Started(step));
            let handle = running.spawn(carry_out(step.clone(), target.clone(), journal.clone()));
            tasks.insert(handle.id(), at);
        }
        // A wish to stop needs no waking up here: what runs is waited for either way.
        let Some(joined) = running.join_next_with_id().await else { break };
        let (id, outcome) = match joined {
            Ok(joined) => joined,
            Err(error) => (error.id(), Outcome::Answered(Err(ClientError::Setup(error.to_string())))),
        };
        let Some(at) = tasks.remove(&id) else { continue };
        match outcome {
            Outcome::Answered(Ok(_)) => run.done(at),
            Outcome::Answered(Err(error)) => run.failed(at, error),
            Outcome::Unrecorded(error, result) => {
                broken = broken.or(Some(error));
                match result {
                    Some(Ok(_)) => run.done(at),
                    Some(Err(error)) => run.failed(at, error),
                    None => {}
                }
            }
        }
    }
    let report = run.report(broken.is_some() || options.cancel.is_cancelled());
    broken.map_or(Ok(report.clone()), |source| Err(ExecuteError { source, report: Box::new(report) }))
}

enum Outcome {
    Answered(Result<Written, ClientError>),
    /// The journal failed, before the write (no result) or after it.
    Unrecorded(StoreError, Option<Result<Written, ClientError>>),
}

async fn carry_out(step: Step, target: Target, journal: Journal) -> Outcome {
    if let Err(error) = journal.started(&step).await {
        return Outcome::Unrecorded(error, None);
    }
    let resource = &step.resource;
    let result = match step.action {
        Action::Delete => target.delete(&resource.id, &resource.api_version).await,
        _ => match step.replace {
            // A run that is killed between the two finds nothing there, and creates.
            true => match target.delete(&resource.id, &resource.api_version).await {
                Ok(_) => target.put(&resource.id, &resource.api_version, &resource.body).await,
                Err(error) => Err(error),
            },
            false => target.put(&resource.id, &resource.api_version, &resource.body).await,
        },
    };
    match journal.ended(&step, &result).await {
        Ok(()) => Outcome::Answered(result),
        Err(error) => Outcome::Unrecorded(error, Some(result)),
    }
}

/// Where each step stands.
struct Run<'a> {
    steps: &'a [Step],
    progress: &'a dyn Progress,
    /// Dependencies not done yet, by step.
    waiting: Vec<usize>,
    dependants: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    done: BTreeSet<usize>,
    failures: BTreeMap<usize, ClientError>,
    /// Step → the failed step behind it.
    blocked: BTreeMap<usize, usize>,
}

impl<'a> Run<'a> {
    fn new(steps: &'a [Step], progress: &'a dyn Progress) -> Self {
        let index: BTreeMap<&ResourceId, usize> =
            steps.iter().enumerate().map(|(at, s)| (&s.resource.id, at)).collect();
        let mut waiting = vec![0; steps.len()];
        let mut dependants = vec![Vec::new(); steps.len()];
        for ((at, step), count) in steps.iter().enumerate().zip(&mut waiting) {
            let needs: BTreeSet<usize> = step.after.iter().filter_map(|id| index.get(id).copied()).collect();
            *count = needs.len();
            for needed in needs {
                if let Some(list) = dependants.get_mut(needed) {
                    list.push(at);
                }
            }
        }
        let ready = waiting.iter().enumerate().filter(|(_, count)| **count == 0).map(|(at, _)| at).collect();
        Self {
            steps,
            progress,
            waiting,
            dependants,
            ready,
            done: BTreeSet::new(),
            failures: BTreeMap::new(),
            blocked: BTreeMap::new(),
        }
    }

    /// The next step that may begin, in the order of the plan.
    fn next(&mut self) -> Option<(usize, &'a Step)> {
        let at = self.ready.pop_first()?;
        Some((at, self.steps.get(at)?))
    }

    fn done(&mut self, at: usize) {
        self.done.insert(at);
        if let Some(step) = self.steps.get(at) {
            self.progress.tell(&Event::Done(step));
        }
        for dependant in self.dependants.get(at).map_or(&[][..], Vec::as_slice) {
            if let Some(count) = self.waiting.get_mut(*dependant) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    self.ready.insert(*dependant);
                }
            }
        }
    }

    fn failed(&mut self, at: usize, error: ClientError) {
        if let Some(step) = self.steps.get(at) {
            self.progress.tell(&Event::Failed(step, &error));
        }
        self.failures.insert(at, error);
        let mut next = vec![at];
        while let Some(node) = next.pop() {
            for dependant in self.dependants.get(node).map_or(&[][..], Vec::as_slice) {
                if self.blocked.contains_key(dependant) {
                    continue;
                }
                self.blocked.insert(*dependant, at);
                if let Some(step) = self.steps.get(*dependant) {
                    self.progress.tell(&Event::Blocked(step));
                }
                next.push(*dependant);
            }
        }
    }

    fn report(self, stopped: bool) -> Report {
        let id = |at: usize| self.steps.get(at).map_or_else(ResourceId::tenant, |s| s.resource.id.clone());
        let mut report =
            Report { done: Counts::of(self.done.iter().filter_map(|at| self.steps.get(*at))), ..Report::default() };
        for (at, step) in self.steps.iter().enumerate() {
            if let Some(error) = self.failures.get(&at) {
                let failure = Failure { id: id(at), action: step.action, error: error.clone() };
                report.failures.push(failure);
            } else if let Some(by) = self.blocked.get(&at) {
                report.blocked.push(Blocked { id: id(at), by: id(*by) });
            } else if stopped && !self.done.contains(&at) {
                report.not_started.push(id(at));
            } else if !self.done.contains(&at) {
                // Never ready although nothing failed: the plan's finding names the circle.
                report.blocked.push(Blocked { id: id(at), by: id(at) });
            }
        }
        report
    }
}
