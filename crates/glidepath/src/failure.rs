//! Why a command did not get to its answer; the kind decides the exit code, here and nowhere else.

use std::process::ExitCode;

use glidepath_source::Finding;

/// What a command that ran through says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done, or nothing to object to.
    Yes,
    /// It ran and the answer is no: denied, drift, a gate that failed.
    No,
}

impl Answer {
    pub(crate) fn exit_code(self) -> ExitCode {
        match self {
            Answer::Yes => ExitCode::SUCCESS,
            Answer::No => ExitCode::from(1),
        }
    }
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Usage, settings or input: the user can fix it in their files.
    Input,
    /// The target (sandbox or Azure) failed or refused, or this machine did: port, disk, state.
    Target,
    /// Stopped by Ctrl-C.
    Interrupted,
}

impl Kind {
    pub(crate) fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Kind::Input => 2,
            Kind::Target => 3,
            Kind::Interrupted => 130,
        })
    }
}

/// A command that could not answer, and the findings that say why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) findings: Vec<Finding>,
}

impl Failure {
    /// The input cannot be used.
    pub(crate) fn input(findings: impl Into<Vec<Finding>>) -> Self {
        Self { kind: Kind::Input, findings: findings.into() }
    }

    /// The target or this machine failed.
    pub(crate) fn target(finding: Finding) -> Self {
        Self { kind: Kind::Target, findings: vec![finding] }
    }

    /// The user stopped it.
    pub(crate) fn interrupted(finding: Finding) -> Self {
        Self { kind: Kind::Interrupted, findings: vec![finding] }
    }
}

impl From<Finding> for Failure {
    fn from(finding: Finding) -> Self {
        Failure::input(vec![finding])
    }
}

/// The findings of a stage: its errors end the command, the rest is collected.
pub(crate) fn stop_on_errors(findings: Vec<Finding>, collected: &mut Vec<Finding>) -> Result<(), Failure> {
    if findings.iter().any(Finding::is_error) {
        return Err(Failure::input(findings));
    }
    collected.extend(findings);
    Ok(())
}
