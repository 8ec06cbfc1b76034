//! policy-stream: resources as text past the whole corp assignment set of the ALZ library.

use std::path::Path;

use glidepath_arm::ResourceId;
use glidepath_estate::Hierarchy;
use glidepath_policy::{Engine, Stream};

use crate::measure::{in_turn, median, ratio, slope};
use crate::{synthetic, world};

const NOW: i64 = 1_768_478_400;

/// ALZ at `corp`, with all built-ins and aliases.
pub fn corp(corpora: &Path) -> (Engine, Hierarchy) {
    let mut engine = Engine::new();
    world::load_builtins(&mut engine, corpora, &mut Vec::new());
    let (mut hierarchy, _) =
        world::place_library(&mut engine, &corpora.join("alz-library/platform/alz"), &mut Vec::new());
    for number in 0..synthetic::SUBSCRIPTIONS {
        hierarchy
            .place(ResourceId::subscription(&synthetic::subscription(number)), ResourceId::management_group("corp"));
    }
    (engine.with_aliases(world::aliases(corpora)), hierarchy)
}

fn lines(count: u64) -> Vec<String> {
    (0..count).map(|n| synthetic::resource(n).to_string()).collect()
}

pub fn run(corpora: &Path) {
    let (engine, hierarchy) = corp(corpora);
    let mut points = Vec::new();
    println!("policy-stream: ALZ corp, one thread, CPU time");
    println!(
        "{:>10} {:>9} {:>12} {:>12} {:>12} {:>10} {:>10}",
        "resources", "bytes/res", "ours us/res", "serde_json", "sonic-rs", "of serde", "of sonic"
    );
    for count in sizes() {
        let lines = lines(count);
        let bytes: usize = lines.iter().map(String::len).sum();
        let mut stream = Stream::new(&engine, &hierarchy, NOW);
        let (mut told, mut members) = (0, 0);
        let mut ours = || {
            told = 0;
            for line in &lines {
                told += stream.judge(line.as_bytes(), &String::new).unwrap().told().count();
            }
        };
        let mut serde = || {
            for line in &lines {
                members += serde_json::from_str::<serde_json::Value>(line).unwrap().as_object().unwrap().len();
            }
        };
        let mut sonic_members = 0;
        let mut sonic = || {
            for line in &lines {
                sonic_members += usize::from(sonic_rs::from_str::<sonic_rs::Value>(line).is_ok());
            }
        };
        ours();
        let rounds = if count > 50_000 { 5 } else { 7 };
        let [a, b, c] = in_turn(rounds, [&mut ours, &mut serde, &mut sonic]);
        let each = |times: &[f64]| median(times.to_vec()) / count as f64 * 1e6;
        points.push((count as f64, median(a.clone())));
        println!(
            "{count:>10} {:>9} {:>12.2} {:>12.2} {:>12.2} {:>10.2} {:>10.2}   {:.1} told each",
            bytes / lines.len(),
            each(&a),
            each(&b),
            each(&c),
            ratio(&b, &a),
            ratio(&c, &a),
            told as f64 / count as f64
        );
    }
    println!("slope {:.3}", slope(&points));
}

/// `GLIDEPATH_BENCH_SIZES=1000,10000` for other sizes.
fn sizes() -> Vec<u64> {
    let given = std::env::var("GLIDEPATH_BENCH_SIZES").unwrap_or_default();
    let sizes: Vec<u64> = given.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    if sizes.is_empty() { vec![1_000, 10_000, 100_000] } else { sizes }
}
