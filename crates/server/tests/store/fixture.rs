//! A store in a directory of its own, and entries to put into it.
#![allow(dead_code, reason = "two test programs share it and neither uses all of it")]

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base::{AccountId, CallId, CommandId, LegId, LogNo, Wall};
use bytes::Bytes;
use callcenter::action::{RecordingFiles, Target};
use callcenter::command::{Choice, LoginType};
use callcenter::event::{
    AgentRef, CallDetails, CallFacts, CallKind, Event, HangUpSide, Moment, Numbered, RecordKind, Role,
    SignedOut,
};
use callcenter::record::{CallRecord, CallStatus};
use callcenter::signal::{Cause, EndedBy, Failure};
use server::store::{LogState, Patience, Push, Render, Startup, Store, Watch, WriterHandle};
use switch::api::{Body, Entry, Quality};
use tempfile::TempDir;

pub const ACCOUNT: AccountId = AccountId(2_000_103);
pub const BEGIN: Wall = Wall::from_millis(1_790_000_000_000);

/// Far more than any commit takes: a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shows events as JSON, to these addresses.
#[derive(Default)]
pub struct Plain {
    pub addresses: Vec<String>,
}

impl Render for Plain {
    fn record(&self, record: &CallRecord) -> String {
        serde_json::json!({ "_id": record.id, "uniqueId": record.call.id, "extras": record.call.extras })
            .to_string()
    }

    fn push(&self, event: &Numbered) -> Option<Push> {
        let (kind, agent, call, patience) = match &event.event {
            Event::AgentChanged { agent, call, .. } => {
                ("callStatus", Some(agent.number.clone()), call.as_ref().map(|call| call.id), Patience::State)
            }
            Event::CallRecorded { record } | Event::PartyRecorded { record } => {
                ("cdr", Some(record.agent.number.clone()), Some(record.call.id), Patience::Lasting)
            }
            _silent => return None,
        };
        Some(Push {
            kind: kind.to_owned(),
            agent,
            call,
            patience,
            body: serde_json::json!({ "pushType": kind, "eventSeq": event.seq }).to_string(),
            addresses: self.addresses.clone(),
        })
    }
}

enum Told {
    Durable(LogNo),
    State(LogState),
}

struct Tell(Sender<Told>);

impl Watch for Tell {
    fn durable(&mut self, through: LogNo) {
        self.0.send(Told::Durable(through)).ok();
    }

    fn state(&mut self, state: LogState) {
        self.0.send(Told::State(state)).ok();
    }
}

/// An open store, what it says, and the numbers that go on.
pub struct Opened {
    pub store: Store,
    pub writer: WriterHandle,
    pub startup: Startup,
    told: Receiver<Told>,
    next: LogNo,
    seq: u64,
    pub at: Wall,
}

pub fn dir() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

pub fn open(dir: &Path) -> Opened {
    open_with(dir, Plain::default())
}

pub fn open_with(dir: &Path, render: Plain) -> Opened {
    let (tell, told) = channel();
    let (store, startup) = Store::open(dir, Arc::new(render), Box::new(Tell(tell))).expect("the store opens");
    let seq = startup.next_seqs.iter().find(|(account, _)| *account == ACCOUNT).map_or(1, |(_, seq)| *seq);
    Opened { writer: store.writer(), told, next: startup.next, seq, at: BEGIN, startup, store }
}

impl Opened {
    pub fn entry(&mut self, body: Body, command: Option<CommandId>) -> Entry {
        let no = self.next;
        self.next = no.next();
        Entry { no, account: ACCOUNT, command, body }
    }

    pub fn event(&mut self, event: Event) -> Entry {
        let seq = self.seq;
        self.seq += 1;
        let numbered = Numbered { account: ACCOUNT, seq, id: format!("{seq:032x}"), at: self.at, event };
        self.entry(Body::Event(numbered), None)
    }

    pub fn events(&mut self, events: Vec<Event>) -> Vec<Entry> {
        events.into_iter().map(|event| self.event(event)).collect()
    }

    /// Appends and waits until it is durable.
    pub fn append(&mut self, entries: Vec<Entry>) {
        let last = entries.last().expect("something to append").no;
        self.writer.append(entries).expect("room");
        self.wait_for(last);
    }

    pub fn log(&mut self, events: Vec<Event>) {
        let entries = self.events(events);
        self.append(entries);
    }

    pub fn wait_for(&self, no: LogNo) {
        while !matches!(self.told.recv_timeout(PATIENCE).expect("the writer goes on"), Told::Durable(through) if through >= no)
        {
        }
    }

    pub fn wait_for_state(&self, state: LogState) {
        while !matches!(self.told.recv_timeout(PATIENCE).expect("the state changes"), Told::State(is) if is == state)
        {
        }
    }

    /// Whether something became durable since the last wait.
    pub fn heard_durable(&self) -> bool {
        self.told.try_iter().any(|told| matches!(told, Told::Durable(_)))
    }

    pub fn close(self) {
        self.store.close();
    }
}

pub fn agent(number: &str) -> AgentRef {
    AgentRef { number: number.to_owned(), name: format!("Agent {number}") }
}

pub fn signed_in(number: &str) -> Event {
    Event::AgentSignedIn { agent: agent(number), login: LoginType::Sip, choice: Choice::Idle }
}

pub fn signed_out(number: &str) -> Event {
    Event::AgentSignedOut { agent: agent(number), how: SignedOut::Normal }
}

pub fn chose(number: &str, choice: Choice) -> Event {
    Event::AgentChose { agent: number.to_owned(), choice }
}

pub fn changed(number: &str, state: u16) -> Event {
    Event::AgentChanged { agent: agent(number), state, call: None, moment: None, wrap_up_until: None }
}

pub fn facts(call: u64) -> CallFacts {
    CallFacts {
        id: CallId(call),
        kind: CallKind::DialOut,
        customer: "17319132391".to_owned(),
        display: "02258834811".to_owned(),
        trunk: String::new(),
        agent: agent("8000"),
        extras: "{\"客户\":1}".to_owned(),
        group_ids: Vec::new(),
        group_names: Vec::new(),
    }
}

pub fn started(call: u64) -> Event {
    let details = CallDetails {
        agent_id: "0".repeat(24),
        login: Some(LoginType::Sip),
        agent_phone: "8000".to_owned(),
        call_uuid: "00000000-0000-4000-8000-000000000000".to_owned(),
        agent_ring_ms_max: 60_000,
        customer_ring_ms_max: 120_000,
        second: None,
        recording: None,
    };
    Event::CallStarted { call: facts(call), details }
}

pub fn leg_started(call: u64, leg: u64) -> Event {
    Event::LegStarted {
        leg: LegId(leg),
        id: CallId(call),
        role: Role::Agent,
        target: Target::Phone("8000".to_owned()),
        shown: "02258834811".to_owned(),
        call: None,
        agent: None,
        place: callcenter::event::Place::default(),
        ring_ms_max: None,
    }
}

pub fn in_call(call: u64, state: u16, moment: Moment) -> Event {
    let (agent, call) = (agent("8000"), Some(facts(call)));
    Event::AgentChanged { agent, state, call, moment: Some(moment), wrap_up_until: None }
}

pub fn leg_ended(call: u64, leg: u64) -> Event {
    let cause = Cause { sip_code: 200, by: EndedBy::Far, failure: Failure::None };
    Event::LegEnded { leg: LegId(leg), id: CallId(call), cause, gateway: None }
}

pub fn ended(call: u64) -> Event {
    Event::CallEnded { call: facts(call), side: HangUpSide::Agent }
}

pub fn recorded(record: CallRecord) -> Event {
    Event::CallRecorded { record: Box::new(record) }
}

pub fn record(call: u64, start: Wall) -> CallRecord {
    let later = |s| start + Duration::from_secs(s);
    CallRecord {
        account: ACCOUNT,
        kind: RecordKind::Call,
        left_out_s: 0,
        id: CallId(call),
        call: facts(call),
        agent_id: "0".repeat(24),
        call_uuid: "00000000-0000-4000-8000-000000000000".to_owned(),
        login: Some(LoginType::Sip),
        agent: agent("8000"),
        agent_phone: "8000".to_owned(),
        agent_place: Default::default(),
        customer_place: Default::default(),
        started: start,
        agent_started: Some(start),
        agent_answered: Some(later(3)),
        customer_started: Some(later(3)),
        customer_answered: Some(later(8)),
        bridged: Some(later(8)),
        hung_up: later(20),
        ended: later(20),
        created: later(20),
        agent_ring_s: 3,
        customer_ring_s: 5,
        recording_s: 12,
        status: CallStatus::Answer,
        side: HangUpSide::Agent,
        failure: Failure::None,
        sip_code: 200,
        gateway: String::new(),
        bills: Vec::new(),
        recording: None,
        dual_track: false,
    }
}

/// The record of agent 8001, who was brought into `call` by `leg`.
pub fn party_recorded(call: u64, leg: u64, kind: RecordKind, start: Wall) -> Event {
    let party = CallRecord { id: CallId(leg), kind, agent: agent("8001"), ..record(call, start) };
    Event::PartyRecorded { record: Box::new(party) }
}

pub fn files(call: u64) -> RecordingFiles {
    RecordingFiles {
        token: format!("{call:032x}"),
        mixed: Some(format!("{call}.wav")),
        ..RecordingFiles::default()
    }
}

/// A whole recorded call, from its start to its record; `leg` is its only leg.
pub fn whole_call(call: u64, leg: u64, start: Wall) -> Vec<Event> {
    vec![
        started(call),
        leg_started(call, leg),
        in_call(call, 2, Moment::Calling),
        Event::RecordingStarted { id: CallId(call), files: files(call) },
        Event::RecordingStopped { id: CallId(call), length_ms: 12_000 },
        leg_ended(call, leg),
        ended(call),
        in_call(call, 5, Moment::Hangup),
        recorded(record(call, start)),
    ]
}

/// A whole call whose recording becomes parts as well: that of leg 7, which left, and that of leg 8, which stayed.
pub fn recorded_in_parts(call: u64, leg: u64) -> Vec<Event> {
    let id = CallId(call);
    let part = |leg: u64| Event::PartStarted { id, leg: LegId(leg), files: files(leg) };
    let left = |leg: u64| Event::LegLeft { leg: LegId(leg), id, call: None };
    let mut events = whole_call(call, leg, BEGIN);
    let recording = events.iter().position(|event| matches!(event, Event::RecordingStarted { .. }));
    let after = recording.expect("it is recorded") + 1;
    events.splice(after..after, [part(7), left(7), part(8), left(9)]);
    events
}

pub fn token(call: u64, leg: u64, text: &'static str) -> Body {
    Body::Token { leg: LegId(leg), call: CallId(call), token: Bytes::from_static(text.as_bytes()) }
}

pub fn token_done(call: u64, leg: u64) -> Body {
    Body::TokenDone { leg: LegId(leg), call: CallId(call) }
}

pub fn measured(call: u64, leg: u64) -> Body {
    let quality = Quality {
        received: 600,
        sent: 580,
        lost: 6,
        late: 2,
        doubled: 1,
        refused: 3,
        jitter_mean_us: 1_250,
        jitter_max_us: 20_000,
        round_trip_us: Some(41_300),
        far_lost: Some(4),
        mos_hundredths: Some(405),
    };
    Body::Measured { leg: LegId(leg), call: CallId(call), quality }
}

pub fn phones(user: &str, text: &'static str) -> Body {
    Body::Bindings { user: user.to_owned(), kept: Bytes::from_static(text.as_bytes()) }
}
