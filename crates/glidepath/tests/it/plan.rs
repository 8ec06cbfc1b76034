//! A plan is saved, applied, and refused once it is stale.

use crate::support::{example, glidepath};

#[test]
fn a_saved_plan_is_applied_once_and_then_stale() {
    let folder = tempfile::tempdir().unwrap();
    let design = example(folder.path());
    let file = folder.path().join("contoso.plan");
    let run = |args: &[&std::ffi::OsStr]| glidepath().args(args).output().unwrap();
    let plan: &[&std::ffi::OsStr] = &["plan".as_ref(), design.as_ref(), "--out".as_ref(), file.as_ref()];
    assert_eq!(run(plan).status.code(), Some(0));
    let apply: &[&std::ffi::OsStr] = &["apply".as_ref(), file.as_ref()];
    let first = run(apply);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(String::from_utf8_lossy(&first.stdout).contains("401 created"));
    let again = run(apply);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("plan/stale"));
    // One value changes in the design: the plan names the property, and nothing else of that phase changes.
    let platform = design.join("platform.yaml");
    let text = std::fs::read_to_string(&platform).unwrap().replace("logRetentionDays: 90", "logRetentionDays: 120");
    std::fs::write(&platform, text).unwrap();
    let plan = run(&["plan".as_ref(), design.as_ref()]);
    let said = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(said.contains("~ properties.retentionInDays: 90 => 120"), "{said}");
    assert!(said.contains("platform  0 to create, 1 to modify, 0 to delete"), "{said}");
}
