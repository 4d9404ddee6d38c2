//! How much signalling one core does: messages, registrations with digest, calls.
//!
//! What counts is the processor's time, not the clock on the wall: others may be busy on the machine.
//!
//! ```text
//! cargo bench -p sip --bench rates            # everything, three rounds
//! cargo bench -p sip --bench rates -- calls   # what has this in its name
//! ```

#![allow(clippy::print_stdout, reason = "figures are what this program is for")]

#[allow(dead_code, reason = "each benchmark uses a part of the scene")]
mod scene;

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use scene::{Desk, Said};
use sip::api::{DialogId, Flow, Input};
use sip::message::{Message, Method, Response, Screened, parse_datagram, screen};

const ROUNDS: usize = 3;
const USERS: u32 = 10_000;
const CALLS: u32 = 5_000;
const MESSAGES: u32 = 100_000;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()));
    for (name, message) in messages() {
        let bytes = message.encode();
        if is_wanted(&format!("read {name}")) {
            report(&format!("read {name} ({} bytes)", bytes.len()), "messages", || read(&bytes));
        }
        if is_wanted(&format!("write {name}")) {
            report(&format!("write {name}"), "messages", || write(&message));
        }
    }
    if is_wanted("registrations") {
        report("registrations with digest", "registrations", registrations);
    }
    if is_wanted("refreshes") {
        report("refreshes with digest", "registrations", refreshes);
    }
    if is_wanted("calls made") {
        report("calls made", "calls", calls_made);
    }
    if is_wanted("calls taken") {
        report("calls taken", "calls", calls_taken);
    }
    if is_wanted("strangers answered") {
        report("strangers answered (OPTIONS)", "requests", || strangers(&options(), false));
    }
    if is_wanted("strangers challenged") {
        report("strangers challenged (REGISTER)", "requests", || {
            strangers(&scene::registers(USERS, 0), false)
        });
    }
    if is_wanted("strangers turned away") {
        report("strangers turned away (OPTIONS)", "requests", || strangers(&options(), true));
        report("strangers turned away (INVITE)", "requests", || strangers(&invites(USERS), true));
    }
}

/// Prints the rounds of what did so much in so long.
fn report(name: &str, what: &str, round: impl Fn() -> (u32, Duration)) {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (done, took) = round();
            f64::from(done) / took.as_secs_f64()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let (low, median, high) = (rates[0], rates[ROUNDS / 2], rates[ROUNDS - 1]);
    let micros = 1e6 / median;
    println!("{name:40} {median:>10.0} {what} a second ({low:.0}–{high:.0}), {micros:.2} µs each");
}

/// How long this thread has worked.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a thread's time is not negative")
}

fn messages() -> Vec<(&'static str, Message)> {
    let registers = scene::registers(1, 0);
    let Ok(register) = parse_datagram(&registers[0].1) else { panic!("well formed") };
    let invite = scene::invite(1);
    let ok = scene::answer(&invite, 200, 1);
    let bye = scene::follow(1, &ok, Method::Bye, 81_343);
    vec![("INVITE", invite.into()), ("REGISTER", register), ("200", ok.into()), ("BYE", bye.into())]
}

fn read(bytes: &Bytes) -> (u32, Duration) {
    let start = worked();
    for _ in 0..MESSAGES {
        let Screened::Accept(message) = screen(black_box(bytes)) else { panic!("well formed") };
        black_box(message);
    }
    (MESSAGES, worked() - start)
}

fn write(message: &Message) -> (u32, Duration) {
    let start = worked();
    for _ in 0..MESSAGES {
        black_box(black_box(message).encode());
    }
    (MESSAGES, worked() - start)
}

/// Runs `part` and adds what it took.
fn timed(took: &mut Duration, part: impl FnOnce()) {
    let start = worked();
    part();
    *took += worked() - start;
}

/// A challenge and its proof are one registration.
fn register_all(desk: &mut Desk, round: u32) -> Duration {
    let mut took = Duration::ZERO;
    let (mut challenged, mut done) = (Said::with_room(30_000), Said::with_room(30_000));
    let asking = scene::registers(USERS, round);
    timed(&mut took, || desk.hears(&asking, &mut challenged));
    let proving = scene::proofs(USERS, round, &challenged);
    timed(&mut took, || desk.hears(&proving, &mut done));
    let done = done.responses().filter(|(_, response)| response.status == 200).count();
    assert_eq!(done, USERS as usize, "everybody is registered");
    took
}

fn registrations() -> (u32, Duration) {
    (USERS, register_all(&mut Desk::new(USERS), 0))
}

/// Everybody is registered already, and what was answered first runs out meanwhile.
fn refreshes() -> (u32, Duration) {
    let mut desk = Desk::new(USERS);
    register_all(&mut desk, 0);
    (USERS, register_all(&mut desk, 1))
}

/// INVITE, 100, 180, 200, ACK, BYE, 200, called by the endpoint.
fn calls_made() -> (u32, Duration) {
    let mut desk = Desk::new(0);
    let mut took = Duration::ZERO;
    let mut dialogs = Vec::new();
    let mut said = Said::with_room(30_000);
    let calls: Vec<_> = (0..CALLS).map(scene::call).collect();
    timed(&mut took, || {
        for call in calls {
            desk.now = desk.now.later(Duration::from_micros(40));
            dialogs.push(desk.endpoint.invite(desk.now, call));
            desk.drain(&mut said);
        }
    });
    let invites: Vec<_> = said.requests().collect();
    for status in [100, 180, 200] {
        let answers: Vec<(Flow, Bytes)> = (0..CALLS)
            .zip(&invites)
            .map(|(n, (flow, invite))| (*flow, scene::answer(invite, status, n).encode()))
            .collect();
        said = Said::with_room(30_000);
        timed(&mut took, || desk.hears(&answers, &mut said));
    }
    assert_eq!(said.requests().filter(|(_, request)| request.method == Method::Ack).count(), CALLS as usize);
    let mut byes = Said::with_room(30_000);
    timed(&mut took, || end_all(&mut desk, &dialogs, &mut byes));
    let answers: Vec<(Flow, Bytes)> = (0..CALLS)
        .zip(byes.requests())
        .map(|(n, (flow, bye))| (flow, scene::answer(&bye, 200, n).encode()))
        .collect();
    assert_eq!(answers.len(), CALLS as usize, "everybody is told");
    timed(&mut took, || desk.hears(&answers, &mut said));
    timed(&mut took, || desk.waits(40, &mut said));
    assert_eq!(desk.endpoint.counts(), sip::api::Counts::default());
    (CALLS, took)
}

fn end_all(desk: &mut Desk, dialogs: &[DialogId], said: &mut Said) {
    for dialog in dialogs {
        desk.endpoint.end(desk.now, *dialog);
        desk.drain(said);
    }
}

/// INVITE, 180, 200, ACK, BYE, 200, called by the far end.
fn calls_taken() -> (u32, Duration) {
    let mut desk = Desk::new(0);
    let mut took = Duration::ZERO;
    let mut said = Said::with_room(30_000);
    let invites = invites(CALLS);
    timed(&mut took, || desk.hears(&invites, &mut said));
    let dialogs = scene::incoming(&said);
    assert_eq!(dialogs.len(), CALLS as usize);
    let mut answers = Said::with_room(30_000);
    timed(&mut took, || {
        for dialog in &dialogs {
            desk.endpoint.ring(desk.now, *dialog, 180, None);
            desk.endpoint.accept(desk.now, *dialog, scene::SDP.into());
            desk.drain(&mut answers);
        }
    });
    let oks: Vec<Response> = answers.responses().map(|(_, ok)| ok).filter(|ok| ok.status == 200).collect();
    for (method, number) in [(Method::Ack, 81_342), (Method::Bye, 81_343)] {
        let requests: Vec<(Flow, Bytes)> = (0..CALLS)
            .zip(&oks)
            .map(|(n, ok)| (scene::flow(n), scene::follow(n, ok, method.clone(), number).encode()))
            .collect();
        said = Said::with_room(30_000);
        timed(&mut took, || desk.hears(&requests, &mut said));
    }
    assert_eq!(said.responses().filter(|(_, response)| response.status == 200).count(), CALLS as usize);
    timed(&mut took, || desk.waits(40, &mut said));
    assert_eq!(desk.endpoint.counts(), sip::api::Counts::default());
    (CALLS, took)
}

fn invites(n: u32) -> Vec<(Flow, Bytes)> {
    (0..n).map(|n| (scene::flow(n), scene::invite(n).encode())).collect()
}

fn options() -> Vec<(Flow, Bytes)> {
    let ok = scene::answer(&scene::invite(0), 100, 0);
    let options = |n| (scene::flow(n), scene::follow(n, &ok, Method::Options, 1).encode());
    (0..USERS).map(options).collect()
}

/// Requests of strangers, which get one answer each.
fn strangers(requests: &[(Flow, Bytes)], overloaded: bool) -> (u32, Duration) {
    let mut desk = Desk::new(USERS);
    desk.endpoint.handle_input(desk.now, Input::Overloaded(overloaded));
    let mut said = Said::with_room(30_000);
    let mut took = Duration::ZERO;
    timed(&mut took, || desk.hears(requests, &mut said));
    assert_eq!(said.sent.len(), USERS as usize);
    assert_eq!(desk.endpoint.counts(), sip::api::Counts::default());
    (USERS, took)
}
