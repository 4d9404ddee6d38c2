//! Reads the committed log as every reader of it would, and holds it against what must always be true.

use std::collections::BTreeMap;

use base::{AccountId, CallId, LegId, LogNo};
use callcenter::action::Target;
use callcenter::command::Choice;
use callcenter::event::{Event, Numbered, Role};
use callcenter::record::CallRecord;
use switch::api::{Body, Entry};

/// What the committed log says.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    last: LogNo,
    seqs: BTreeMap<AccountId, u64>,
    pub(crate) calls: BTreeMap<CallId, Call>,
    pub(crate) agents: BTreeMap<String, Agent>,
    /// Tokens of dialogs whose far end may not know that they are over.
    pub(crate) tokens: BTreeMap<LegId, CallId>,
    /// How often it was told where the phones of a user are.
    registered: BTreeMap<String, usize>,
    /// How often each number or phone was to be called.
    started: BTreeMap<String, u64>,
    highest_id: u64,
    /// The wall clock never jumped: times must be ordered.
    steady_clock: bool,
}

/// A call so far.
#[derive(Debug, Default)]
pub(crate) struct Call {
    agent: String,
    legs: BTreeMap<LegId, Leg>,
    ended: bool,
    pub(crate) recorded: bool,
    recording: bool,
    ready: bool,
    pub(crate) answered: bool,
}

#[derive(Debug)]
struct Leg {
    role: Role,
    ended: bool,
    measured: bool,
}

/// An agent so far.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    /// What it chose, when signed in.
    pub(crate) choice: Option<Choice>,
    /// What it shows.
    pub(crate) state: u16,
}

impl Ledger {
    /// An empty log. With a steady clock, times must be ordered.
    pub(crate) fn new(steady_clock: bool) -> Ledger {
        Ledger { steady_clock, ..Ledger::default() }
    }

    /// Reads one more entry.
    pub(crate) fn read(&mut self, entry: &Entry) {
        assert_eq!(entry.no, self.last.next(), "the log has a gap");
        self.last = entry.no;
        match &entry.body {
            Body::Event(numbered) => self.read_event(entry.account, numbered),
            Body::Token { leg, call, token } => {
                assert!(!token.is_empty(), "an empty token ends nothing");
                assert!(self.calls.contains_key(call), "a token of a call that never started");
                self.tokens.insert(*leg, *call);
            }
            Body::TokenDone { leg, call } => {
                assert!(self.tokens.remove(leg).is_some(), "the token of leg {leg} was done twice");
                let ended =
                    self.calls.get(call).and_then(|call| call.legs.get(leg)).is_some_and(|leg| leg.ended);
                assert!(ended, "the dialog of leg {leg} is over before the leg");
            }
            Body::Measured { leg, call, .. } => {
                let of = self.calls.get_mut(call).and_then(|call| call.legs.get_mut(leg));
                let of = of.expect("what is measured is a leg of a call that started");
                assert!(of.ended, "leg {leg} was measured before its end");
                assert!(!of.measured, "leg {leg} was measured twice");
                of.measured = true;
            }
            Body::Bindings { user, .. } => *self.registered.entry(user.clone()).or_default() += 1,
        }
    }

    /// How many calls came in, and how many of them were answered.
    pub(crate) fn came(&self) -> (usize, usize) {
        let came = self.calls.values().filter(|call| call.agent.is_empty());
        (came.clone().count(), came.filter(|call| call.answered).count())
    }

    /// The highest number that a restart must go on after.
    pub(crate) fn highest_id(&self) -> u64 {
        self.highest_id
    }

    pub(crate) fn next_seq(&self, account: AccountId) -> u64 {
        self.seqs.get(&account).copied().unwrap_or(0) + 1
    }

    /// How many answers to phones of a user that registered the log allows.
    pub(crate) fn registered(&self, user: &str) -> usize {
        self.registered.get(user).copied().unwrap_or(0)
    }

    /// How many legs the log allows to have been called at `number`.
    pub(crate) fn started(&self, number: &str) -> u64 {
        self.started.get(number).copied().unwrap_or(0)
    }

    /// Everything that began has ended, exactly once.
    pub(crate) fn assert_at_rest(&self) {
        for (id, call) in &self.calls {
            assert!(call.recorded, "call {id} has no record");
            for (leg, state) in &call.legs {
                assert!(state.ended, "leg {leg} of call {id} never ended");
            }
            assert_eq!(call.recording, call.ready, "the recording of call {id} never became ready");
        }
        assert!(self.tokens.is_empty(), "far ends of {:?} were never told", self.tokens);
        for (number, agent) in &self.agents {
            let expected = match agent.choice {
                Some(Choice::Idle) => 0,
                Some(Choice::Busy) => 1,
                Some(Choice::Custom(state)) => state,
                None => continue,
            };
            assert_eq!(agent.state, expected, "agent {number} chose {:?}", agent.choice);
        }
    }

    fn read_event(&mut self, account: AccountId, numbered: &Numbered) {
        assert_eq!(numbered.account, account, "an event stands in another account's entry");
        assert_eq!(numbered.seq, self.next_seq(account), "account {account} has a gap in its events");
        self.seqs.insert(account, numbered.seq);
        match &numbered.event {
            Event::AgentSignedIn { agent, choice, .. } => {
                self.agents.entry(agent.number.clone()).or_default().choice = Some(*choice);
            }
            Event::AgentSignedOut { agent, .. } => {
                self.agents.entry(agent.number.clone()).or_default().choice = None;
            }
            Event::AgentChose { agent, choice } => {
                self.agents.entry(agent.clone()).or_default().choice = Some(*choice);
            }
            Event::AgentChanged { agent, state, .. } => {
                self.agents.entry(agent.number.clone()).or_default().state = *state;
            }
            Event::CallStarted { call, .. } => self.call_started(call.id, &call.agent.number),
            Event::LegStarted { leg, id, role, target, .. } => self.leg_started(*leg, *id, *role, target),
            Event::LegPlaced { .. }
            | Event::LegHeld { .. }
            | Event::LegMuted { .. }
            | Event::LegLeft { .. }
            | Event::PartyFailed { .. }
            | Event::PartyRecorded { .. }
            | Event::PartStarted { .. } => {}
            Event::LegRang { leg, id, .. } => {
                assert!(!self.leg(*id, *leg).ended, "leg {leg} rang after its end");
            }
            Event::LegAnswered { leg, id, .. } => {
                let state = self.leg(*id, *leg);
                assert!(!state.ended, "leg {leg} was answered after its end");
                if state.role == Role::Customer {
                    self.open_call(*id).answered = true;
                }
            }
            Event::LegEnded { leg, id, .. } => {
                let state = self.leg(*id, *leg);
                assert!(!state.ended, "leg {leg} ended twice");
                state.ended = true;
            }
            Event::CallEnded { call, .. } => {
                let of = self.open_call(call.id);
                assert!(!of.ended, "call {} ended twice", call.id);
                of.ended = true;
            }
            Event::RecordingStarted { id, .. } => self.open_call(*id).recording = true,
            Event::RecordingStopped { id, .. } => {
                self.open_call(*id);
            }
            Event::CallRecorded { record } => self.call_recorded(record),
            Event::RecordingReady { id, .. } => {
                let call = self.calls.get_mut(id).expect("only a known call's recording becomes ready");
                assert!(call.recorded, "the recording of call {id} is ready before its record");
                call.ready = true;
            }
        }
    }

    fn call_started(&mut self, id: CallId, agent: &str) {
        for (other, call) in &self.calls {
            let other_agent = call.agent != agent || agent.is_empty();
            assert!(other_agent || call.ended, "agent {agent} is in calls {other} and {id}");
        }
        self.highest_id = self.highest_id.max(id.0);
        let earlier = self.calls.insert(id, Call { agent: agent.to_owned(), ..Call::default() });
        assert!(earlier.is_none(), "call {id} started twice");
    }

    fn leg_started(&mut self, leg: LegId, id: CallId, role: Role, target: &Target) {
        self.highest_id = self.highest_id.max(leg.0);
        for (other, call) in &self.calls {
            assert!(!call.legs.contains_key(&leg), "leg {leg} belongs to calls {other} and {id}");
        }
        let call = self.open_call(id);
        assert!(!call.ended, "leg {leg} starts after call {id} ended");
        let same = call.legs.values().filter(|one| one.role == role).count();
        assert_eq!(same, 0, "call {id} has two legs of the same role");
        call.legs.insert(leg, Leg { role, ended: false, measured: false });
        let number = match target {
            Target::Number(number) | Target::Phone(number) => number,
            Target::Uri(uri) => user_of(uri),
        };
        *self.started.entry(number.to_owned()).or_default() += 1;
    }

    fn call_recorded(&mut self, record: &CallRecord) {
        let call = self.open_call(record.id);
        assert!(call.ended, "call {} has its record before its end", record.id);
        call.recorded = true;
        if self.steady_clock {
            let times = [
                Some(record.started),
                record.agent_started,
                record.agent_answered,
                record.customer_started,
                record.customer_answered,
                record.bridged,
                Some(record.hung_up),
                Some(record.created),
            ];
            let times: Vec<_> = times.into_iter().flatten().collect();
            assert!(times.is_sorted(), "the times of call {} are not ordered: {times:?}", record.id);
        }
    }

    /// How many legs were measured.
    pub(crate) fn measured(&self) -> usize {
        self.calls.values().flat_map(|call| call.legs.values()).filter(|leg| leg.measured).count()
    }

    /// A call that has no record yet: nothing may follow that but its recording, what was measured of its legs, and that
    /// tokens are done with.
    fn open_call(&mut self, id: CallId) -> &mut Call {
        let call = self.calls.get_mut(&id).expect("an event is about a call that started");
        assert!(!call.recorded, "an event of call {id} came after its record");
        call
    }

    fn leg(&mut self, id: CallId, leg: LegId) -> &mut Leg {
        self.open_call(id).legs.get_mut(&leg).expect("an event is about a leg that started")
    }
}

fn user_of(uri: &str) -> &str {
    uri.strip_prefix("sip:").and_then(|rest| rest.split_once('@')).expect("routes lead to SIP users").0
}
