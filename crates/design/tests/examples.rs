//! The example designs are read and compiled without a finding.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use glidepath_design::Design;

use support::{design, embedded};

#[test]
fn every_example_compiles() {
    for (name, least) in [("contoso", 400), ("single-workload", 100), ("regulated", 300), ("hundred-workloads", 15_000)]
    {
        let (read, findings) = Design::read(&design(&format!("examples/{name}")));
        assert_eq!(findings, [], "{name}");
        let (compiled, findings) = read.unwrap().compile(&embedded());
        assert_eq!(findings, [], "{name}");
        assert!(compiled.estate.len() >= least, "{name}: {}", compiled.estate.len());
    }
}
