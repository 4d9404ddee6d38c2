//! What the endpoint holds in memory: bytes asked of the allocator for each registration, each call, and each transaction
//! that only lingers to hear repetitions.
//!
//! ```text
//! cargo bench -p sip --bench bytes
//! ```

#![allow(clippy::print_stdout, reason = "figures are what this program is for")]
#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

#[allow(dead_code, reason = "each benchmark uses a part of the scene")]
mod scene;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use scene::{Desk, Said};
use sip::api::Flow;
use sip::message::Method;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator; counts what is held. `realloc` is the default one: by way of the two below.
struct Counting;

// SAFETY: everything is left to the system's allocator; the count is a number apart.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USERS: u32 = 10_000;
const CALLS: u32 = 5_000;

fn main() {
    registrations();
    calls_taken();
    calls_made();
}

fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

fn report(what: &str, bytes: usize, of: usize) {
    println!("{what:60} {:>7} bytes each, of {of}", bytes / of.max(1));
}

/// What `part` leaves behind in the endpoint; what it said is dropped.
fn left_by(desk: &mut Desk, part: impl FnOnce(&mut Desk, &mut Said)) -> usize {
    let before = held();
    let mut said = Said::default();
    part(desk, &mut said);
    drop(said);
    held().saturating_sub(before)
}

fn registrations() {
    let mut desk = Desk::new(USERS);
    let mut challenged = Said::default();
    desk.hears(&scene::registers(USERS, 0), &mut challenged);
    let proving = scene::proofs(USERS, 0, &challenged);
    drop(challenged);
    // The 401s are stateless; the 200s linger for 32 s, longer than all of them take.
    let all = left_by(&mut desk, |desk, said| desk.hears(&proving, said));
    let before = desk.endpoint.counts();
    let lingering = before.server_transactions;
    let gone = held();
    desk.waits(60, &mut Said::default());
    let gone = gone - held();
    assert_eq!(desk.endpoint.counts().bindings, USERS as usize);
    report("registration, settled", all - gone, USERS as usize);
    report("lingering REGISTER of a phone", gone, lingering);
}

fn calls_taken() {
    let mut desk = Desk::new(0);
    let invites: Vec<_> = (0..CALLS).map(|n| (scene::flow(n), scene::invite(n).encode())).collect();
    let mut said = Said::default();
    desk.hears(&invites, &mut said);
    let dialogs = scene::incoming(&said);
    let mut answers = Said::default();
    for dialog in &dialogs {
        desk.endpoint.accept(desk.now, *dialog, scene::SDP.into());
        desk.drain(&mut answers);
    }
    let oks: Vec<_> = answers.responses().map(|(_, ok)| ok).filter(|ok| ok.status == 200).collect();
    let requests = |method: Method, number: u32| -> Vec<(Flow, Bytes)> {
        let follow = |(n, ok)| (scene::flow(n), scene::follow(n, ok, method.clone(), number).encode());
        (0..CALLS).zip(&oks).map(follow).collect()
    };
    let acks = requests(Method::Ack, 81_342);
    let byes = requests(Method::Bye, 81_343);
    desk.hears(&acks, &mut Said::default());
    drop((said, answers));
    // Until the INVITEs that were accepted are forgotten.
    let with_invites = held();
    let invites = desk.endpoint.counts().server_transactions;
    desk.waits(40, &mut Said::default());
    report("lingering INVITE that was accepted", with_invites - held(), invites);
    let with_dialogs = held();
    desk.hears(&byes, &mut Said::default());
    let with_byes = held();
    let lingering = desk.endpoint.counts().server_transactions;
    desk.waits(40, &mut Said::default());
    report("lingering BYE that was answered", with_byes - held(), lingering);
    report("call that was taken, settled", with_dialogs - held(), CALLS as usize);
}

fn calls_made() {
    let mut desk = Desk::new(0);
    let mut said = Said::default();
    let mut dialogs = Vec::new();
    for n in 0..CALLS {
        desk.now = desk.now.later(Duration::from_micros(40));
        dialogs.push(desk.endpoint.invite(desk.now, scene::call(n)));
        desk.drain(&mut said);
    }
    let asked: Vec<_> = said.requests().collect();
    let answers: Vec<(Flow, Bytes)> = (0..CALLS)
        .zip(&asked)
        .map(|(n, (flow, invite))| (*flow, scene::answer(invite, 200, n).encode()))
        .collect();
    drop((said, asked));
    desk.hears(&answers, &mut Said::default());
    let with_invites = held();
    let lingering = desk.endpoint.counts().client_transactions;
    desk.waits(40, &mut Said::default());
    report("lingering INVITE of ours that was accepted, with its ACK", with_invites - held(), lingering);
    let with_dialogs = held();
    let mut byes = Said::default();
    for dialog in &dialogs {
        desk.endpoint.end(desk.now, *dialog);
        desk.drain(&mut byes);
    }
    let answers: Vec<(Flow, Bytes)> = (0..CALLS)
        .zip(byes.requests())
        .map(|(n, (flow, bye))| (flow, scene::answer(&bye, 200, n).encode()))
        .collect();
    drop(byes);
    desk.hears(&answers, &mut Said::default());
    let with_byes = held();
    let lingering = desk.endpoint.counts().client_transactions;
    desk.waits(40, &mut Said::default());
    report("lingering BYE of ours that was answered", with_byes - held(), lingering);
    report("call that was made, settled", with_dialogs - held(), CALLS as usize);
}
