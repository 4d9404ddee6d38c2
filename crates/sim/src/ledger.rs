//! Reads the committed log as every reader of it would, and holds it against what must always be true.

use std::collections::BTreeMap;

use base::{AccountId, CallId, LegId, LogNo};
use callcenter::action::Target;
use callcenter::command::Choice;
use callcenter::event::{CallKind, Event, Numbered, Place, Role};
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
    /// Legs whose part of the recording becomes files of its own, and whether those are made.
    parts: BTreeMap<LegId, bool>,
}

#[derive(Debug)]
struct Leg {
    role: Role,
    /// The agent's number, if it is one's.
    agent: Option<String>,
    /// Brought in for a transfer or a consultation: it must have a record of its own.
    brought_in: bool,
    left: bool,
    ended: bool,
    measured: bool,
    recorded: bool,
    answered: bool,
    held: bool,
    muted: bool,
}

/// An agent so far.
#[derive(Debug, Default)]
pub(crate) struct Agent {
    /// What it chose, when signed in.
    pub(crate) choice: Option<Choice>,
    /// What it shows.
    pub(crate) state: u16,
}

impl Call {
    fn has_agent(&self, agent: &str) -> bool {
        self.legs.values().any(|leg| leg.agent.as_deref() == Some(agent))
    }
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
            for (leg, ready) in &call.parts {
                assert!(*ready, "the part of leg {leg} of the recording of call {id} never became ready");
            }
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
            Event::LegStarted { .. }
            | Event::LegRang { .. }
            | Event::LegAnswered { .. }
            | Event::LegEnded { .. }
            | Event::LegPlaced { .. }
            | Event::LegHeld { .. }
            | Event::LegMuted { .. }
            | Event::LegLeft { .. }
            | Event::PartyFailed { .. }
            | Event::PartyRecorded { .. }
            | Event::PartStarted { .. } => self.read_of_leg(&numbered.event),
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
            Event::RecordingReady { id, part, .. } => {
                let call = self.calls.get_mut(id).expect("only a known call's recording becomes ready");
                assert!(call.recorded, "the recording of call {id} is ready before its record");
                match part {
                    Some(leg) => {
                        *call.parts.get_mut(leg).expect("only a part that began becomes ready") = true
                    }
                    None => call.ready = true,
                }
            }
        }
    }

    fn read_of_leg(&mut self, event: &Event) {
        match event {
            Event::LegStarted { leg, id, role, target, agent, place, .. } => {
                let agent = match (agent, role) {
                    (Some(agent), _) => Some(agent.agent.number.clone()),
                    (None, Role::Agent) => Some(self.open_call(*id).agent.clone()),
                    (None, Role::Customer | Role::Destination | Role::Outside | Role::Supervisor) => None,
                };
                self.leg_started(*leg, *id, *role, target, agent, *place);
            }
            Event::LegPlaced { leg, id, .. } => {
                assert!(!self.living_leg(*id, *leg).left, "leg {leg} has a place after it left");
            }
            Event::LegHeld { leg, id, held, .. } => self.living_leg(*id, *leg).held = *held,
            Event::LegMuted { leg, id, muted } => self.living_leg(*id, *leg).muted = *muted,
            Event::LegLeft { leg, id, .. } => {
                let state = self.leg(*id, *leg);
                assert!(!state.left, "leg {leg} left twice");
                state.left = true;
            }
            Event::PartyFailed { leg, call, .. } => {
                self.leg(call.id, *leg);
            }
            Event::PartStarted { leg, id, .. } => {
                let call = self.open_call(*id);
                assert!(call.recording, "a part of no recording");
                assert!(call.parts.insert(*leg, false).is_none(), "leg {leg} has two parts");
            }
            Event::PartyRecorded { record } => {
                let (leg, id) = (LegId(record.id.0), record.call.id);
                let state = self.leg(id, leg);
                assert!(!state.recorded, "leg {leg} has two records");
                assert!(state.ended, "leg {leg} has its record before its end");
                state.recorded = true;
            }
            Event::LegRang { leg, id, .. } => {
                assert!(!self.leg(*id, *leg).ended, "leg {leg} rang after its end");
            }
            Event::LegAnswered { leg, id, .. } => {
                let state = self.leg(*id, *leg);
                assert!(!state.ended, "leg {leg} was answered after its end");
                assert!(!state.answered, "leg {leg} was answered twice");
                state.answered = true;
                if state.role == Role::Customer {
                    self.open_call(*id).answered = true;
                }
            }
            Event::LegEnded { leg, id, .. } => {
                let state = self.leg(*id, *leg);
                assert!(!state.ended, "leg {leg} ended twice");
                state.ended = true;
            }
            Event::AgentSignedIn { .. }
            | Event::AgentSignedOut { .. }
            | Event::AgentChose { .. }
            | Event::AgentChanged { .. }
            | Event::CallStarted { .. }
            | Event::CallEnded { .. }
            | Event::RecordingStarted { .. }
            | Event::RecordingStopped { .. }
            | Event::CallRecorded { .. }
            | Event::RecordingReady { .. } => {}
        }
    }

    fn call_started(&mut self, id: CallId, agent: &str) {
        self.assert_free(agent, id);
        self.highest_id = self.highest_id.max(id.0);
        let earlier = self.calls.insert(id, Call { agent: agent.to_owned(), ..Call::default() });
        assert!(earlier.is_none(), "call {id} started twice");
    }

    fn leg_started(
        &mut self,
        leg: LegId,
        id: CallId,
        role: Role,
        target: &Target,
        agent: Option<String>,
        place: Place,
    ) {
        self.highest_id = self.highest_id.max(leg.0);
        for (other, call) in &self.calls {
            assert!(!call.legs.contains_key(&leg), "leg {leg} belongs to calls {other} and {id}");
        }
        if let Some(agent) = &agent {
            self.assert_free(agent, id);
        }
        let call = self.open_call(id);
        assert!(!call.ended, "leg {leg} starts after call {id} ended");
        let customers = call.legs.values().filter(|one| one.role == Role::Customer).count();
        assert!(role != Role::Customer || customers == 0, "call {id} has two customers");
        let brought_in = matches!(place, Place::Arriving { .. } | Place::Aside { .. });
        let new = Leg {
            role,
            agent,
            brought_in,
            left: false,
            ended: false,
            measured: false,
            recorded: false,
            answered: false,
            held: false,
            muted: false,
        };
        call.legs.insert(leg, new);
        let number = match target {
            Target::Number(number) | Target::Phone(number) => number,
            Target::Uri(uri) => user_of(uri),
        };
        *self.started.entry(number.to_owned()).or_default() += 1;
    }

    /// No agent is in two calls at a time.
    fn assert_free(&self, agent: &str, but_for: CallId) {
        let theirs = |leg: &Leg| leg.agent.as_deref() == Some(agent) && !leg.left && !leg.ended;
        let others = self.calls.iter().filter(|(id, call)| **id != but_for && !call.ended);
        for (other, call) in others {
            let busy = !agent.is_empty() && call.legs.values().any(theirs);
            assert!(!busy, "agent {agent} is in calls {other} and {but_for}");
        }
    }

    /// What every agent shows fits what it chose and what it does (contract §4). Only where every event of a decision was
    /// read.
    pub(crate) fn check_states(&self) {
        for (number, agent) in &self.agents {
            let of = |leg: &&Leg| leg.agent.as_deref() == Some(number) && !leg.left && !leg.ended;
            let calls = self.calls.values().filter(|call| !call.ended);
            let legs: Vec<_> =
                calls.flat_map(|call| call.legs.values().filter(of).map(move |leg| (call, leg))).collect();
            let in_call = [2, 3, 4, 6, 7].contains(&agent.state);
            let (held, muted) = (legs.iter().any(|(_, leg)| leg.held), legs.iter().any(|(_, leg)| leg.muted));
            let fits = match (legs.is_empty(), agent.state) {
                (_, 9) => true,
                // A webcall calls its agent second.
                (true, 2) => {
                    let waits = |call: &Call| !call.ended && call.agent == *number && !call.has_agent(number);
                    self.calls.values().any(waits)
                }
                (true, _) => !in_call,
                // With two lines it holds one while it talks on the other.
                (false, 4 | 6 | 7) if legs.len() > 1 => true,
                (false, 6) => held,
                (false, 7) => muted && !held,
                (false, 4) => !held && !muted && legs.iter().any(|(_, leg)| leg.answered),
                (false, 2 | 3) => {
                    legs.iter().all(|(call, leg)| !(call.answered && leg.answered) || leg.brought_in)
                }
                (false, _) => false,
            };
            assert!(fits, "agent {number} shows {} with {legs:#?}", agent.state);
        }
    }

    fn call_recorded(&mut self, record: &CallRecord) {
        let call = self.open_call(record.id);
        assert!(call.ended, "call {} has its record before its end", record.id);
        for (leg, state) in &call.legs {
            assert!(state.ended, "call {} has its record before leg {leg} ended", record.id);
            assert!(state.recorded || !state.brought_in, "leg {leg} of call {} has no record", record.id);
        }
        call.recorded = true;
        if self.steady_clock {
            let (agent, customer) = (
                [record.agent_started, record.agent_answered],
                [record.customer_started, record.customer_answered],
            );
            // Who is called first is the customer of a webcall.
            let legs = match record.call.kind {
                CallKind::WebCall => [customer, agent],
                CallKind::DialOut | CallKind::Incoming => [agent, customer],
            };
            let [[first_started, first_answered], [second_started, second_answered]] = legs;
            let times = [
                Some(record.started),
                first_started,
                first_answered,
                second_started,
                second_answered,
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

    fn living_leg(&mut self, id: CallId, leg: LegId) -> &mut Leg {
        let state = self.leg(id, leg);
        assert!(!state.ended && !state.left, "leg {leg} changes after its end");
        state
    }

    fn leg(&mut self, id: CallId, leg: LegId) -> &mut Leg {
        self.open_call(id).legs.get_mut(&leg).expect("an event is about a leg that started")
    }
}

fn user_of(uri: &str) -> &str {
    uri.strip_prefix("sip:").and_then(|rest| rest.split_once('@')).expect("routes lead to SIP users").0
}
