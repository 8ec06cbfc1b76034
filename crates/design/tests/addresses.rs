//! A spoke that has a block keeps it, whatever comes into the design or leaves it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod support;

use glidepath_design::{Compiled, Design};
use glidepath_source::Text;

use support::embedded;

const PLATFORM: &str = "connectivity: { addressPools: { swedencentral: 10.0.0.0/16 } }\n";

fn compile(workloads: &[&str], record: Option<&str>) -> Compiled {
    let mut files = vec![
        ("glidepath.yaml".to_owned(), "organization: contoso\nregions: [swedencentral]\n".to_owned()),
        ("platform.yaml".to_owned(), PLATFORM.to_owned()),
    ];
    for name in workloads {
        let text = format!("name: {name}\nowner: {{ team: a }}\nenvironments: [test]\nnetwork: {{ size: S }}\n");
        files.push((format!("workloads/{name}.yaml"), text));
    }
    files.extend(record.map(|text| (".glidepath/addresses.yaml".to_owned(), text.to_owned())));
    let files: Vec<_> = files.into_iter().map(|(name, text)| (name.clone(), Text::new(name, text))).collect();
    let (design, findings) = Design::read(&files);
    assert!(findings.iter().all(|f| !f.is_error()), "{findings:?}");
    let (compiled, findings) = design.unwrap().compile(&embedded());
    assert_eq!(findings, []);
    compiled
}

fn blocks(compiled: &Compiled) -> Vec<String> {
    compiled.addresses.spokes.iter().map(|(key, a)| format!("{} {}", key.workload, a.prefix)).collect()
}

#[test]
fn a_workload_that_sorts_first_moves_nobody() {
    let before = compile(&["mm", "zz"], None);
    assert_eq!(blocks(&before), ["mm 10.0.0.0/24", "zz 10.0.1.0/24"]);
    let record = before.addresses_yaml();
    let after = compile(&["aa", "mm", "zz"], Some(&record));
    assert_eq!(blocks(&after), ["aa 10.0.2.0/24", "mm 10.0.0.0/24", "zz 10.0.1.0/24"]);
    // Nothing else of the estate changes but what speaks of the new spoke.
    for resource in before.estate.iter().filter(|r| r.workload.is_some()) {
        assert_eq!(after.estate.get(&resource.id).map(|r| &r.body), Some(&resource.body), "{}", resource.id);
    }
}

#[test]
fn what_left_the_design_and_still_stands_keeps_its_block_too() {
    let record = compile(&["mm", "zz"], None).addresses_yaml();
    let after = compile(&["nn", "zz"], Some(&record));
    assert_eq!(blocks(&after), ["nn 10.0.2.0/24", "zz 10.0.1.0/24"]);
}

#[test]
fn a_damaged_record_is_told_and_does_not_stop() {
    for text in ["zz: [", "- 1\n", "zz/test/swedencentral: everywhere\n"] {
        let files = [
            ("glidepath.yaml", "organization: contoso\nregions: [swedencentral]\n"),
            (".glidepath/addresses.yaml", text),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), Text::new(name, text)));
        let (design, findings) = Design::read(&files);
        let codes: Vec<_> = findings.iter().map(|f| f.code).collect();
        assert!(design.is_some() && codes == ["design/damaged-record"], "{text}: {findings:?}");
    }
}
