//! Worlds in which programs of agents do everything they can, and phones hold and hand on by themselves: who hears whom is
//! held against the plan by the voices in the sound. A failure names its seed; `cargo xtask sim --verbs --seed N --tell`
//! runs that world alone and says what happened; `cargo xtask sim --verbs --seeds 1000` runs a thousand of them.

use std::collections::BTreeMap;
use std::panic::catch_unwind;

use sim::{Kind, Options, Report, run};

const SEEDS: u64 = 30;
/// What must have been done in them, and be accepted.
const VERBS: [&str; 24] = [
    "hold",
    "unhold",
    "mute",
    "unmute",
    "transfer",
    "consult",
    "consultTransfer",
    "threeWayCall",
    "resumeConsult",
    "cancelconsult",
    "webcall",
    "listen",
    "whisper",
    "barge",
    "takeOver",
    "forceOffline",
    "forceIdle",
    "forceBusy",
    "forceHangup",
    "sendDtmf",
    "answer",
    "hangup",
    "dialOut",
    "online",
];

#[test]
fn nobody_hears_anybody_outside_the_plan() {
    let options = Options { kind: Some(Kind::Verbs), ..Options::default() };
    let reports: Vec<_> = (1_000..1_000 + SEEDS).map(|seed| run_or_say_how(seed, &options)).collect();
    let mut verbs = BTreeMap::<_, u64>::new();
    for (verb, times) in reports.iter().flat_map(|report| &report.verbs) {
        *verbs.entry(*verb).or_default() += times;
    }
    for verb in VERBS {
        assert!(verbs.contains_key(verb), "{verb} was never accepted: {verbs:?}");
    }
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let (heard, packets) = (sum(|report| report.heard), sum(|report| report.packets));
    assert!(heard > 100_000, "only {heard} times somebody was to be heard, in {packets} packets");
}

fn run_or_say_how(seed: u64, options: &Options) -> Report {
    catch_unwind(|| run(seed, options)).unwrap_or_else(|_| {
        panic!("world {seed} broke; replay it with: cargo xtask sim --verbs --seed {seed} --tell")
    })
}
