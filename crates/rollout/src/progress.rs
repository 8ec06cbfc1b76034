//! What a rollout tells while it runs. Rendering is the business of whoever listens.

use glidepath_plan::Step;

use crate::{ArmError, ClientError};

/// Something happened to a step.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It was begun.
    Started(&'a Step),
    /// It is done; also told of steps that change nothing.
    Done(&'a Step),
    /// It failed.
    Failed(&'a Step, &'a ClientError),
    /// It cannot be begun, since something it needs failed.
    Blocked(&'a Step),
}

impl Event<'_> {
    /// The step.
    pub fn step(&self) -> &Step {
        match self {
            Event::Started(step) | Event::Done(step) | Event::Failed(step, _) | Event::Blocked(step) => step,
        }
    }

    /// The error of ARM, when a step failed by one.
    pub fn arm(&self) -> Option<&ArmError> {
        match self {
            Event::Failed(_, error) => error.arm(),
            _ => None,
        }
    }
}

/// Somebody who wants to know. Called from the rollout's own task: be quick, do not block.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn tell(&self, event: &Event<'_>);
}

/// Nobody wants to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn tell(&self, _: &Event<'_>) {}
}
