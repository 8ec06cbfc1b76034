//! `glidepath workload promote`: approvals, bound to what they approve.

use clap::Args;
use glidepath_plan::{Approval, Fingerprints, Gate};
use glidepath_source::Finding;

use super::{Which, answer, find, gate, principal};
use crate::failure::{Answer, Failure};
use crate::output::Terminal;
use crate::up::runtime;
use crate::up::session::{Session, store_failure};

#[derive(Debug, Args)]
pub(super) struct PromoteArgs {
    #[command(flatten)]
    which: Which,

    /// Record this approval of the design's `validation.approvals`, for production as the design now wants it
    #[arg(long, value_name = "APPROVAL", requires = "by")]
    approve: Option<String>,

    /// Who approves
    #[arg(long, value_name = "PRINCIPAL", requires = "approve")]
    by: Option<String>,
}

pub(super) fn run(args: &PromoteArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let (recorded, gate) = runtime()?.block_on(async {
        let session = Session::open(&args.which.design, 0, &mut findings).await?;
        let result = ask(&session, args, &mut findings).await;
        session.close().await;
        result
    })?;
    terminal.findings(&findings);
    Ok(answer(&args.which, &recorded, &gate, terminal))
}

async fn ask(
    session: &Session,
    args: &PromoteArgs,
    findings: &mut Vec<Finding>,
) -> Result<(Vec<String>, Gate), Failure> {
    let workload = find(&session.compilation.design, &args.which.workload)?;
    let mut recorded = Vec::new();
    if let (Some(name), Some(by)) = (&args.approve, &args.by) {
        if !workload.approvals.contains(name) {
            return Err(Finding::error(
                "workload/unknown-approval",
                format!("`{}` does not ask for the approval `{name}`", workload.name),
            )
            .about(&workload.name)
            .help(format!("its `validation.approvals` are {}", workload.approvals.join(", ")))
            .into());
        }
        let by = principal(by, &workload.name)?;
        let prints = Fingerprints::of(&session.compilation.compiled.estate);
        let of = prints.production(&workload.name).to_owned();
        if workload.validation.distinct_approvers {
            let given = session.records.approvals().await.map_err(|e| store_failure(&e))?;
            let other = given.iter().find(|a| {
                a.workload == workload.name && a.name != *name && a.of == of && a.by.eq_ignore_ascii_case(&by)
            });
            if let Some(other) = other {
                return Err(Finding::error(
                    "workload/same-approver",
                    format!("`{by}` gave the approval `{}` of `{}` already", other.name, workload.name),
                )
                .about(&workload.name)
                .why("two approvals by one person are one approval")
                .help("let somebody else approve, or set `validation: { distinctApprovers: false }` for this workload")
                .into());
            }
        }
        let approval =
            Approval { workload: workload.name.clone(), name: name.clone(), by: by.clone(), at: session.today(), of };
        session.records.approve(&approval).await.map_err(|e| store_failure(&e))?;
        recorded.push(format!("approval {name} of {} recorded, given by {by}", workload.name));
    }
    let gate = gate(session, &workload.name, findings).await?;
    Ok((recorded, gate))
}
