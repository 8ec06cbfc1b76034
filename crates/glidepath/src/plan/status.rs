//! `glidepath status`: where each phase and workload stands.

use std::fmt::Write;

use glidepath_plan::{Counts, Gate, Plan};
use glidepath_source::Finding;
use serde::Serialize;

use super::{CONCURRENCY, StatusArgs};
use crate::cli::PlainFormat;
use crate::failure::{Answer, Failure};
use crate::output::{BOLD, Columns, DIM, Terminal, YELLOW, paint};
use crate::up::runtime;
use crate::up::session::Session;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    organization: String,
    phases: Vec<PhaseStatus>,
    gates: Vec<Gate>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhaseStatus {
    phase: &'static str,
    in_place: usize,
    wanted: usize,
}

pub(crate) fn run(args: &StatusArgs, terminal: &mut Terminal) -> Result<Answer, Failure> {
    let mut findings = Vec::new();
    let status = runtime()?.block_on(async {
        let session = Session::open(&args.dir, 0, &mut findings).await?;
        let looked = look(&session, &mut findings).await;
        let compilation = session.finish().await;
        let (plan, gates) = looked?;
        let phases = plan.phases.iter().map(|p| PhaseStatus {
            phase: p.phase.name(),
            in_place: Counts::of(&p.steps).no_change,
            wanted: p.steps.len(),
        });
        Ok::<_, Failure>(Status {
            organization: compilation.design.organization.clone(),
            phases: phases.collect(),
            gates,
        })
    })?;
    terminal.findings(&findings);
    match args.output {
        PlainFormat::Json => terminal.envelope("status", &status),
        PlainFormat::Table => terminal.answer(&table(&status)),
    }
    Ok(Answer::Yes)
}

async fn look(session: &Session, findings: &mut Vec<Finding>) -> Result<(Plan, Vec<Gate>), Failure> {
    let plan = session.plan(CONCURRENCY, findings).await?;
    let compliance = session.compliance().await?;
    let in_place = plan.in_place();
    let trials = session.trials(&in_place).await?;
    let evidence = session.evidence(in_place, &compliance, trials).await?;
    let gates = session.gates(&evidence).await?;
    findings.extend(session.waivers());
    Ok((plan, gates))
}

fn table(status: &Status) -> String {
    let mut text = format!("{} on the sandbox\n\n", paint(BOLD, &status.organization));
    let mut columns = Columns::default();
    columns.row(["phase", "in place"].map(str::to_owned));
    for phase in &status.phases {
        columns.row([phase.phase.to_owned(), format!("{} of {}", phase.in_place, phase.wanted)]);
    }
    text.push_str(&columns.render(2));
    text.push('\n');
    for gate in status.gates.iter().filter(|g| g.workload.is_some() || !g.open || g.waived.is_some()) {
        let of = gate.workload.as_deref().unwrap_or_else(|| gate.phase.name());
        let since = gate.since.as_deref().map(|since| format!(", since {since}")).unwrap_or_default();
        let stands = if gate.open { "may go ahead".to_owned() } else { format!("waits for{}", paint(DIM, since)) };
        let _ = writeln!(text, "{} {stands}", paint(BOLD, of));
        for missing in &gate.missing {
            let _ = writeln!(text, "  {missing}");
        }
        let Some(waived) = &gate.waived else { continue };
        let _ = writeln!(
            text,
            "  {} {} of {} until {}: {}",
            paint(YELLOW, "waiver"),
            waived.waiver,
            waived.approved_by,
            waived.expires,
            waived.reason
        );
        for missing in &waived.missing {
            let _ = writeln!(text, "    {missing}");
        }
    }
    text
}
