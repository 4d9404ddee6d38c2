//! The quick form of the benchmark rig (`benches/`): is every packet, recording and record there, and the right one?
//!
//! The load generator is the rig's own, built from `benches/callload.c`; the server is the real binary in a process of its
//! own. No time is judged. A generator that was kept off the processor loses packets itself: such a run is void, and
//! repeated.
#![allow(unreachable_pub, reason = "a test program has no users")]
#![allow(clippy::print_stdout, reason = "a void run is told")]

mod ground;
mod load;
#[path = "../loopback/log.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod log;
mod marks;
#[path = "../crash/process.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod process;

use std::collections::BTreeSet;

use ground::Ground;
use load::{CALLS, Load, Run, Side};
use marks::Marks;
use serde_json::{Value, json};

/// Runs before the loss of packets is left to others to judge.
const RUNS_MAX: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_calls_lose_nothing_and_hear_only_each_other() {
    let load = Load::build();
    for _ in 0..RUNS_MAX {
        let ground = Ground::new();
        let process = ground.start().await;
        let run = load.run(&ground, "bench").await;
        judge(&run);
        ground.until_recorded().await;
        assert_eq!(ground.records().await, CALLS, "one record for each call");
        assert_eq!(ground.files(), Vec::<Vec<u8>>::new(), "nothing was to be recorded");
        ground.end(process).await;
        if is_good(&run) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_recorded_calls_are_in_fifty_files_each_side_where_it_belongs() {
    let load = Load::build();
    for _ in 0..RUNS_MAX {
        let ground = Ground::new();
        let process = ground.start().await;
        let run = load.run(&ground, "rec").await;
        judge(&run);
        ground.until_recorded().await;
        ground.until_files_are_ready().await;
        assert_eq!(ground.records().await, CALLS, "one record for each call");
        let found: Vec<[Marks; 2]> = ground.files().iter().map(|file| marks::find(file)).collect();
        ground.end(process).await;
        assert_eq!(found.len(), CALLS, "one file for each call");
        are_of_their_calls(&found, &run);
        if is_good(&run) {
            are_whole(&found);
            return;
        }
    }
}

/// What no lack of processor time excuses.
fn judge(run: &Run) {
    let line = &run.line;
    let calls = json!([CALLS, CALLS, 0, 0]);
    assert_eq!(json!([line["calls"], line["ok"], line["failed"], line["dropped"]]), calls, "{line:#}");
    let media = &line["media"];
    assert_eq!(media["crosstalk"], 0, "{line:#}");
    assert_eq!(media["silent_legs"], 0, "{line:#}");
    for leg in &run.legs {
        let heard = leg.hears.map(|heard| &run.legs[heard]);
        let heard = heard.unwrap_or_else(|| panic!("leg {} heard nobody: {line:#}", leg.number));
        assert_eq!(heard.hears, Some(leg.number), "two who hear each other");
        assert_ne!(heard.side, leg.side, "a caller and a callee");
    }
}

/// Whether the generator was in time; then nothing may be lost.
fn is_good(run: &Run) -> bool {
    let media = &run.line["media"];
    let late = media["gen_late_ms"]["p99"].as_f64().expect("a number");
    if late > load::LATE_MS_MAX {
        println!("void: 1 % of the packets left more than {late} ms late; what was lost is not judged");
        return false;
    }
    assert_eq!(media["loss_pct"].as_f64(), Some(0.0), "{:#}", run.line);
    true
}

/// The destination is on the left, where agents are, and the caller, a customer, on the right; each call has its file.
fn are_of_their_calls(found: &[[Marks; 2]], run: &Run) {
    let mut seen = BTreeSet::new();
    for [left, right] in found {
        let (left, right) = (left.only_leg("left"), right.only_leg("right"));
        assert_eq!(run.legs[left].hears, Some(right), "the two of one call");
        assert_eq!([run.legs[left].side, run.legs[right].side], [Side::Callee, Side::Caller]);
        assert!(seen.insert(left), "leg {left} is in two files");
    }
}

/// From the first packet that was stored to the last none is missing.
fn are_whole(found: &[[Marks; 2]]) {
    for marks in found.iter().flatten() {
        marks.assert_whole();
    }
}

/// A push of this kind.
fn is(push: &Value, kind: &str) -> bool {
    push["pushType"] == kind
}
