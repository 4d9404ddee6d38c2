//! The calls as the appended log tells them, with what their phones heard: sound does not wait for a commit.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, LegId, Mono};
use callcenter::action::Target;
use callcenter::event::{CallKind, Event, Numbered, Role};
use switch::api::Body;

/// Every call there was.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    by_id: BTreeMap<CallId, Call>,
    seats: BTreeMap<LegId, Seat>,
    /// Calls that began before are not what they would have been.
    disturbed_until: Mono,
}

/// A place in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) call: CallId,
    pub(crate) role: Role,
}

/// A call so far.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) kind: CallKind,
    agent: String,
    /// The number called, whoever called it.
    pub(crate) customer: String,
    pub(crate) started: Mono,
    /// Since when both may hear each other.
    pub(crate) linked: Option<Mono>,
    pub(crate) over: Option<Mono>,
    /// Something came in between that was not the customer's doing.
    disturbed: bool,
    pub(crate) of_agent: Side,
    pub(crate) of_customer: Side,
}

/// What is known of one of its phones.
#[derive(Debug, Default)]
pub(crate) struct Side {
    /// Packets of the other side's speech that it heard.
    pub(crate) speech: usize,
    /// Those of them that it heard before the other side answered.
    pub(crate) speech_early: usize,
    /// Packets of ring-back tone that it heard.
    pub(crate) ring_back: usize,
    /// Packets of neither that it heard: faded ones.
    pub(crate) seams: usize,
    /// Digits that it heard.
    pub(crate) digits: String,
    /// Keys that were pressed there.
    pub(crate) keys: BTreeSet<char>,
    /// Packets of it that were stored.
    pub(crate) stored: usize,
}

impl Calls {
    /// Reads one more entry, as it is appended.
    pub(crate) fn read(&mut self, now: Mono, body: &Body) {
        let Body::Event(Numbered { event, .. }) = body else { return };
        match event {
            Event::CallStarted { call, .. } => {
                // Whoever calls in is known by what was called.
                let number = match call.kind {
                    CallKind::Incoming => &call.trunk,
                    CallKind::DialOut | CallKind::WebCall => &call.customer,
                };
                let new = Call::new(now, call.kind, call.agent.number.clone(), number.clone());
                self.by_id.insert(call.id, new);
            }
            Event::LegStarted { leg, id, role, target, .. } => {
                // Where a route leads they sit as an agent does.
                let seat = match role {
                    Role::Agent | Role::Destination | Role::Outside | Role::Supervisor => Role::Agent,
                    Role::Customer => Role::Customer,
                };
                self.seats.insert(*leg, Seat { call: *id, role: seat });
                if let (Target::Number(number), Role::Customer, CallKind::DialOut) =
                    (target, role, self.call(*id).kind)
                {
                    assert_eq!(*number, self.call(*id).customer, "call {id} calls somebody else");
                }
            }
            Event::LegAnswered { leg, id, .. } if self.seat(*leg).role == Role::Customer => {
                self.call_mut(*id).linked = Some(now);
            }
            Event::CallEnded { call, .. } => {
                let call = self.call_mut(call.id);
                call.over = call.over.or(Some(now));
            }
            Event::LegPlaced { .. }
            | Event::LegHeld { .. }
            | Event::LegMuted { .. }
            | Event::LegLeft { .. }
            | Event::PartyFailed { .. }
            | Event::PartyRecorded { .. }
            | Event::PartStarted { .. }
            | Event::AgentSignedIn { .. }
            | Event::AgentSignedOut { .. }
            | Event::AgentChose { .. }
            | Event::AgentChanged { .. }
            | Event::LegRang { .. }
            | Event::LegAnswered { .. }
            | Event::LegEnded { .. }
            | Event::RecordingStarted { .. }
            | Event::RecordingStopped { .. }
            | Event::CallRecorded { .. }
            | Event::RecordingReady { .. } => {}
        }
    }

    /// The program died: no sound of a call leaves any more.
    pub(crate) fn die(&mut self, now: Mono) {
        self.disturb_until(now);
        for call in self.by_id.values_mut() {
            call.over = call.over.or(Some(now));
        }
    }

    /// Calls of this moment, and those that begin before `until`, are not what they would have been.
    pub(crate) fn disturb_until(&mut self, until: Mono) {
        self.disturbed_until = self.disturbed_until.max(until);
    }

    /// Somebody interferes with a call.
    pub(crate) fn disturb(&mut self, id: CallId) {
        self.call_mut(id).disturbed = true;
    }

    /// Somebody interferes with the call of an agent, if there is one.
    pub(crate) fn disturb_agent(&mut self, agent: &str) {
        for call in self.by_id.values_mut().filter(|call| call.over.is_none() && call.agent == agent) {
            call.disturbed = true;
        }
    }

    /// A call with which nothing and nobody interfered.
    pub(crate) fn undisturbed(&self, id: CallId) -> Option<&Call> {
        let call = self.call(id);
        (!call.disturbed && call.started > self.disturbed_until).then_some(call)
    }

    pub(crate) fn call(&self, id: CallId) -> &Call {
        self.by_id.get(&id).expect("only calls that began are asked for")
    }

    /// One phone of a call.
    pub(crate) fn side(&mut self, seat: Seat) -> &mut Side {
        let call = self.call_mut(seat.call);
        match seat.role {
            Role::Agent | Role::Destination | Role::Outside | Role::Supervisor => &mut call.of_agent,
            Role::Customer => &mut call.of_customer,
        }
    }

    /// The place of a leg.
    pub(crate) fn seat(&self, leg: LegId) -> Seat {
        *self.seats.get(&leg).expect("only legs that began are asked for")
    }

    fn call_mut(&mut self, id: CallId) -> &mut Call {
        self.by_id.get_mut(&id).expect("only calls that began are asked for")
    }
}

impl Seat {
    /// Of the same call, at the other end.
    pub(crate) fn opposite(self) -> Seat {
        let role = match self.role {
            Role::Agent | Role::Destination | Role::Outside | Role::Supervisor => Role::Customer,
            Role::Customer => Role::Agent,
        };
        Seat { role, ..self }
    }
}

impl Call {
    fn new(started: Mono, kind: CallKind, agent: String, customer: String) -> Call {
        Call {
            kind,
            agent,
            customer,
            started,
            linked: None,
            over: None,
            disturbed: false,
            of_agent: Side::default(),
            of_customer: Side::default(),
        }
    }
}
