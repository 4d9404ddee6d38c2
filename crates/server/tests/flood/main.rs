//! A flood of SIP from strangers while calls run: no call may be harmed, and the server may not grow.
//!
//! The real binary runs in a process of its own, so that its memory is its own. The telephone network, the customer's
//! program and the strangers are in this one. The long form is the one of docs/PERFORMANCE.md:
//!
//!     CORDBOARD_FLOOD_RATE=20000 CORDBOARD_FLOOD_S=60 \
//!         cargo test --release -p server --test flood -- --ignored long --nocapture
#![allow(unreachable_pub, reason = "a test program has no users")]
#![allow(clippy::print_stdout, reason = "a run says what it did")]

#[path = "../crash/client.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod client;
mod floor;
#[path = "../loopback/log.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod log;
mod messages;
#[path = "../crash/place.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod place;
#[path = "../crash/process.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod process;
#[path = "../loopback/sound.rs"]
#[allow(dead_code, reason = "this test program uses a part of it")]
mod sound;
mod strangers;

use std::time::Duration;

use floor::Floor;
use strangers::Flood;

/// How much the server may grow.
const GROWTH_MB_MAX: u64 = 256;
/// Lines a second that the server may print about strangers: not one for each of them.
const LINES_PER_SECOND_MAX: u64 = 20;
/// Those that it prints anyway.
const LINES: usize = 50;
/// Agents who make one call after another.
const AGENTS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_in_a_short_flood() {
    flood(2_000, Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes long: run it by hand, with how much and for how long"]
async fn calls_go_on_in_a_long_flood() {
    let asked = |name, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    flood(asked("CORDBOARD_FLOOD_RATE", 20_000), Duration::from_secs(asked("CORDBOARD_FLOOD_S", 60))).await;
}

async fn flood(per_second: u64, lasts: Duration) {
    let floor = Floor::open(AGENTS).await;
    // Whatever is made once is made now.
    let alone = [floor.one_call(0).await];
    let before = floor.memory();

    let flood = Flood::begin(floor.sip(), per_second, lasts);
    let calls = floor.call_until(|| flood.is_over()).await;
    let flooded = flood.end();
    let peak = floor.memory().peak_mb;

    println!("{flooded:?}");
    let (before_it, in_it) = (sound(&alone), sound(&calls));
    println!(
        "{} calls; pieces of sound as they were said: {before_it:.1} % before, {in_it:.1} %",
        calls.len()
    );
    println!("server: {} MB before, {peak} MB at the peak", before.now_mb);
    assert!(
        flooded.sent as u128 >= u128::from(per_second) * lasts.as_millis() / 1000 / 2,
        "no flood: {flooded:?}"
    );
    assert!(flooded.answered > 0, "the server hears the strangers");
    assert!(calls.len() >= AGENTS, "each agent made a call");
    assert!(peak - before.now_mb <= GROWTH_MB_MAX, "{before:?}, then {peak} MB");
    let (lines, seconds) = (floor.lines(), lasts.as_secs());
    println!("{lines} lines about strangers");
    assert!(lines <= LINES + (LINES_PER_SECOND_MAX * seconds) as usize, "{lines} lines in {seconds} s");
    floor.close().await;
}

fn sound(calls: &[floor::Heard]) -> f64 {
    let (same, all) = calls.iter().fold((0, 0), |sum, heard| (sum.0 + heard.same, sum.1 + heard.all));
    same as f64 * 100.0 / all as f64
}
