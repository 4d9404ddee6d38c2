//! Many worlds. A failure names its seed; `cargo xtask sim --seed N` runs that world alone.

use std::collections::BTreeSet;
use std::panic::catch_unwind;

use sim::{Kind, Options, Report, run};

const SEEDS: u64 = 200;

/// The lab's magic numbers, and all others.
const ENDINGS: usize = 16;

#[test]
fn two_hundred_worlds_come_to_rest() {
    let reports: Vec<_> = (0..SEEDS).map(run_or_say_how).collect();
    // The worlds are worth something only if things happen in them.
    let worth = [(Kind::Adversaries, 1_000, 200, 80), (Kind::Lab, 700, 200, 30), (Kind::Verbs, 150, 100, 3)];
    for (kind, calls, bridged, crashes) in worth {
        let of_kind = || reports.iter().filter(|report| report.kind == kind);
        let sums = [
            (calls, of_kind().map(|report| report.calls).sum()),
            (bridged, of_kind().map(|report| report.bridged).sum()),
            (crashes, of_kind().map(|report| usize::try_from(report.crashes).unwrap()).sum::<usize>()),
        ];
        assert!(sums.iter().all(|(least, sum)| sum > least), "{kind:?}: {sums:?}");
    }
    let reloads: u64 = reports.iter().map(|report| report.reloads).sum();
    assert!(reloads > 150, "only {reloads} changes of the configuration");
    let came =
        reports.iter().map(|report| report.came).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(came.0 > 400 && came.1 > 100, "of calls that came only {came:?} were taken and answered");
    let packets: u64 = reports.iter().map(|report| report.packets).sum();
    assert!(packets > 100_000, "only {packets} packets of sound");
    let measured: usize = reports.iter().map(|report| report.measured).sum();
    assert!(measured > 1_000, "only {measured} legs were measured");
    let judged: BTreeSet<_> = reports.iter().flat_map(|report| report.judged.keys().copied()).collect();
    assert_eq!(judged.len(), ENDINGS, "only calls to {judged:?} were held against the contract");
}

#[test]
fn a_seed_gives_the_same_world_twice() {
    for seed in [3, 77] {
        assert_eq!(run(seed, &Options::default()), run(seed, &Options::default()));
    }
}

#[test]
fn nearly_every_call_survives_a_bad_path() {
    let options = Options { rough: true, kind: Some(Kind::Lab), ..Options::default() };
    let reports: Vec<_> = (0..60).map(|seed| run(seed, &options)).collect();
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let (exposed, unharmed, lost) = (sum(|one| one.exposed), sum(|one| one.unharmed), sum(|one| one.lost));
    assert!(exposed > 400 && lost > 5_000, "{exposed} calls and {lost} datagrams lost prove little");
    assert!(unharmed * 1000 >= exposed * 995, "only {unharmed} of {exposed} calls ended as they should");
}

#[test]
fn a_calm_world_loses_nothing_and_calls_get_through() {
    let reports: Vec<_> =
        (0..10).map(|seed| run(seed, &Options { calm: true, ..Options::default() })).collect();
    assert!(reports.iter().all(|report| report.lost == 0 && report.crashes == 0));
    assert!(reports.iter().map(|report| report.bridged).sum::<usize>() > 20);
}

fn run_or_say_how(seed: u64) -> Report {
    catch_unwind(|| run(seed, &Options::default())).unwrap_or_else(|_| {
        let kind = Kind::of(seed);
        panic!("world {seed} ({kind:?}) broke; replay it with: cargo xtask sim --seed {seed}")
    })
}
