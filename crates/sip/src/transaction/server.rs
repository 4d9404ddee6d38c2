use base::Mono;
use bytes::Bytes;

use super::memo::Answered;
use super::{
    Effect, Effects, InviteServer, MergeKey, OtherServer, Scope, ServerInput, ServerKey, Timer, Times,
    TransactionId, lingers,
};
use crate::api::{DialogId, Flow, Gate, Transport};
use crate::endpoint::{TimerName, Wire};
use crate::message::Method;

/// A request that came for the first time: what it is recognised by, and the way back for answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) key: ServerKey,
    pub(crate) scope: Scope,
    /// None: it is inside a dialog, or cannot be judged.
    pub(crate) merge: Option<MergeKey>,
    pub(crate) back: Back,
}

/// The way back for answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Back {
    pub(crate) flow: Flow,
    /// When that is a stream that is gone.
    pub(crate) other: Flow,
}

/// A request of others and its machine.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) asked: Asked,
    pub(super) machine: ServerMachine,
    pub(super) last_answer: Bytes,
    /// What the log must say before the last answer leaves, however often.
    pub(super) gate: Option<Gate>,
    /// How to say it again when this is no INVITE, and the last word was said.
    pub(super) answered: Answered,
    pub(super) dialog: Option<DialogId>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ServerMachine {
    Invite(InviteServer),
    Other(OtherServer),
}

/// What is left of a request of others that needs no more from us than to be known.
#[derive(Debug)]
pub(super) struct ServerRest {
    pub(super) merge: Option<MergeKey>,
    pub(super) was: Was,
}

/// What became of the request.
#[derive(Debug)]
pub(super) enum Was {
    /// An INVITE that was accepted: the dialog sends the 2xx again, repetitions are absorbed (until Timer L).
    Accepted(Option<DialogId>),
    /// An INVITE that was refused, and the refusal acknowledged: repetitions of both are absorbed (until Timer I).
    Confirmed,
    /// Any other: repetitions are answered again (until Timer J).
    Answered(Answered),
}

impl ServerRest {
    /// How many bytes the answer in it takes.
    pub(super) fn bytes(&self) -> usize {
        match &self.was {
            Was::Accepted(_) | Was::Confirmed => 0,
            Was::Answered(answered) => answered.bytes(),
        }
    }
}

impl Server {
    pub(super) fn new(asked: Asked, method: &Method) -> Server {
        let machine = match method {
            Method::Invite => ServerMachine::Invite(InviteServer::Proceeding),
            _ => ServerMachine::Other(OtherServer::Trying),
        };
        Server {
            asked,
            machine,
            last_answer: Bytes::new(),
            gate: None,
            answered: Answered::default(),
            dialog: None,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self.machine {
            ServerMachine::Invite(state) => state == InviteServer::Terminated,
            ServerMachine::Other(state) => state == OtherServer::Terminated,
        }
    }

    /// What is left of it once it is settled. None: it is not.
    pub(super) fn rest(&mut self) -> Option<ServerRest> {
        let was = match self.machine {
            ServerMachine::Invite(state) => match state {
                InviteServer::Accepted => Was::Accepted(self.dialog),
                InviteServer::Confirmed => Was::Confirmed,
                InviteServer::Proceeding | InviteServer::Completed { .. } | InviteServer::Terminated => {
                    return None;
                }
            },
            ServerMachine::Other(state) => match state {
                OtherServer::Completed => Was::Answered(std::mem::take(&mut self.answered)),
                OtherServer::Trying | OtherServer::Proceeding | OtherServer::Terminated => return None,
            },
        };
        Some(ServerRest { merge: self.asked.merge, was })
    }

    /// Takes a step and does what it asks for. With a moment: it is settled, and lingers until then.
    pub(super) fn step(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        id: TransactionId,
        times: &Times,
        input: ServerInput,
    ) -> (Effects, Option<Mono>) {
        let mut fx = Effects::new();
        match &mut self.machine {
            ServerMachine::Invite(state) => *state = state.step(input, times, &mut fx),
            ServerMachine::Other(state) => *state = state.step(input, times, &mut fx),
        }
        self.perform(now, wire, id, &fx);
        let until = lingers(now, &fx, self.asked.back.flow.transport);
        (fx, until)
    }

    /// Forgets the deadlines that may still be set.
    pub(super) fn stop_timers(&self, wire: &mut Wire, id: TransactionId) {
        match self.machine {
            ServerMachine::Invite(_) => {
                wire.timers.cancel(&TimerName::Transaction(id, Timer::G));
                wire.timers.cancel(&TimerName::Transaction(id, Timer::H));
            }
            ServerMachine::Other(_) => {}
        }
    }

    fn perform(&self, now: Mono, wire: &mut Wire, id: TransactionId, fx: &Effects) {
        for effect in fx {
            match *effect {
                // Nothing was answered yet when an INVITE comes again before its 100 was made.
                Effect::Send if self.last_answer.is_empty() => {}
                Effect::Send => {
                    let flow = self.asked.back.now(wire);
                    wire.send_gated(flow, self.last_answer.clone(), self.gate);
                    wire.await_opening(now, flow);
                }
                Effect::Set(timer, _) if timer.lingers() => {}
                Effect::Set(timer, after) => {
                    if let Some(after) = timer.by(self.asked.back.flow.transport, after) {
                        wire.timers.set(TimerName::Transaction(id, timer), now + after);
                    }
                }
                Effect::Stop(timer) => wire.timers.cancel(&TimerName::Transaction(id, timer)),
                Effect::Acknowledge | Effect::Deliver | Effect::TimedOut | Effect::Refused => {}
            }
        }
    }
}

impl Back {
    /// The way that can be gone now.
    fn now(self, wire: &Wire) -> Flow {
        match self.flow.transport {
            Transport::Tcp if !wire.connections.is_open(self.flow) => self.other,
            Transport::Udp | Transport::Tcp => self.flow,
        }
    }
}
