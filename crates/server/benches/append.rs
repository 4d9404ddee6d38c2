//! How long a durable append takes: ten entries of one call with everything folded from them, through the writer's queue
//! and back. Prints the median and the 99th percentile of waiting for the commit, and the rate when the queue is kept full.
//!
//! `cargo bench -p server --bench append [-- DIR]`; DIR chooses the disk.
#![expect(clippy::print_stdout, reason = "the figures are the point")]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use base::{AccountId, CallId, CommandId, LegId, LogNo, Wall};
use bytes::Bytes;
use callcenter::action::Target;
use callcenter::command::{Choice, LoginType};
use callcenter::event::{AgentRef, Event, Numbered, Role};
use callcenter::record::CallRecord;
use server::store::{LogState, Patience, Push, Render, Store, Watch};
use switch::api::{Body, Entry};

const APPENDS: u64 = 3_000;
const ENTRIES: u64 = 10;

struct Plain;

impl Render for Plain {
    fn record(&self, record: &CallRecord) -> String {
        serde_json::to_string(record).expect("a record is JSON")
    }

    fn push(&self, event: &Numbered) -> Option<Push> {
        let Event::AgentChanged { agent, .. } = &event.event else { return None };
        Some(Push {
            kind: "callStatus".to_owned(),
            agent: Some(agent.number.clone()),
            call: None,
            patience: Patience::State,
            body: serde_json::to_string(event).expect("an event is JSON"),
            addresses: vec!["http://127.0.0.1:1/".to_owned()],
        })
    }
}

struct Tell(Sender<LogNo>);

impl Watch for Tell {
    fn durable(&mut self, through: LogNo) {
        // The benchmark may have stopped listening.
        let _gone = self.0.send(through);
    }

    fn state(&mut self, state: LogState) {
        assert_eq!(state, LogState::Working);
    }
}

fn main() {
    let base = std::env::args().skip(1).find(|arg| !arg.starts_with('-')).unwrap_or_else(|| ".".to_owned());
    let dir = tempfile::Builder::new().prefix("append-").tempdir_in(base).expect("a directory to write to");
    let (tell, durable) = channel();
    let (store, startup) =
        Store::open(dir.path(), Arc::new(Plain), Box::new(Tell(tell))).expect("a new store");
    let writer = store.writer();
    let mut next = startup.next;
    let mut times = Vec::new();
    for _ in 0..APPENDS {
        let entries = append(&mut next);
        let through = entries[entries.len() - 1].no;
        let began = Instant::now();
        writer.append(entries).expect("room");
        wait(&durable, through);
        times.push(began.elapsed());
    }
    times.sort();
    let percentile = |p: usize| times[times.len() * p / 100];
    println!("{ENTRIES} entries, one at a time: median {:?}, p99 {:?}", percentile(50), percentile(99));
    let began = Instant::now();
    let mut last = LogNo(0);
    for _ in 0..APPENDS {
        let entries = append(&mut next);
        last = entries[entries.len() - 1].no;
        writer.append(entries).expect("room");
    }
    wait(&durable, last);
    println!("queue kept full: {} entries/s", rate(began.elapsed()));
}

fn rate(elapsed: Duration) -> u128 {
    u128::from(APPENDS * ENTRIES) * 1_000_000 / elapsed.as_micros()
}

fn wait(durable: &Receiver<LogNo>, through: LogNo) {
    while durable.recv().expect("the writer lives") < through {}
}

/// What a busy moment appends: three agents change, a leg starts and its resume token is renewed.
fn append(next: &mut LogNo) -> Vec<Entry> {
    let account = AccountId(2_000_103);
    (0..ENTRIES)
        .map(|i| {
            let no = *next;
            *next = no.next();
            let agent = AgentRef { number: format!("{}", 8000 + no.0 % 500), name: "Agent".to_owned() };
            let (leg, call) = (LegId(no.0 / 10 % 300 + 1), CallId(no.0));
            let event = match i {
                0 => Event::AgentSignedIn { agent, login: LoginType::Sip, choice: Choice::Idle },
                1..=3 => {
                    Event::AgentChanged { agent, state: 2, call: None, moment: None, wrap_up_until: None }
                }
                4 => Event::LegStarted {
                    leg,
                    id: call,
                    role: Role::Agent,
                    target: Target::Phone("8000".to_owned()),
                    shown: "02258834811".to_owned(),
                    call: None,
                    agent: None,
                    place: callcenter::event::Place::default(),
                    ring_ms_max: None,
                },
                _ => Event::LegRang { leg, id: call, call: None, early_media: false },
            };
            let body = match i {
                9 => Body::Token { leg, call, token: Bytes::from_static(&[7; 400]) },
                _ => Body::Event(Numbered {
                    account,
                    seq: no.0,
                    id: format!("{:032x}", no.0),
                    at: Wall::from_millis(1_790_000_000_000),
                    event,
                }),
            };
            Entry { no, account, command: Some(CommandId(no.0)), body }
        })
        .collect()
}
