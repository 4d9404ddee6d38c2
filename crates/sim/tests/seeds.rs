//! Many worlds. A failure names its seed; `cargo xtask sim --seed N` runs that world alone.

use std::panic::catch_unwind;

use sim::{Options, run};

const SEEDS: u64 = 200;

#[test]
fn two_hundred_worlds_come_to_rest() {
    let mut calls = 0;
    let mut bridged = 0;
    let mut crashes = 0;
    for seed in 0..SEEDS {
        let report = catch_unwind(|| run(seed, &Options::default()))
            .unwrap_or_else(|_| panic!("world {seed} broke; replay it with: cargo xtask sim --seed {seed}"));
        calls += report.calls;
        bridged += report.bridged;
        crashes += report.crashes;
    }
    // The worlds are worth something only if things happen in them.
    assert!(calls > 1_000, "only {calls} calls");
    assert!(bridged > 200, "only {bridged} bridged calls");
    assert!(crashes > 100, "only {crashes} crashes");
}

#[test]
fn a_seed_gives_the_same_world_twice() {
    for seed in [3, 77] {
        assert_eq!(run(seed, &Options::default()), run(seed, &Options::default()));
    }
}

#[test]
fn a_calm_world_loses_nothing_and_calls_get_through() {
    let reports: Vec<_> = (0..10).map(|seed| run(seed, &Options { calm: true })).collect();
    assert!(reports.iter().all(|report| report.lost == 0 && report.crashes == 0));
    assert!(reports.iter().map(|report| report.bridged).sum::<usize>() > 20);
}
