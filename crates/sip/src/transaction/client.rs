use base::Mono;
use bytes::Bytes;

use super::memo::Refused;
use super::{
    ClientInput, ClientKey, Effect, Effects, InviteClient, OtherClient, Timer, Times, TransactionId, lingers,
};
use crate::api::{DialogId, Flow, Gate, ProbeId, RegistrationId};
use crate::endpoint::{TimerName, Wire};
use crate::message::{CSeq, HeaderName, Method, Request, Response};

/// Who hears of the answers to our request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientUser {
    /// The INVITE that begins a dialog.
    Invite(DialogId),
    /// The CANCEL of that INVITE.
    Cancel(DialogId),
    /// The BYE of a dialog.
    Bye(DialogId),
    /// The BYE of a fork that lost.
    ForkBye(DialogId),
    /// A re-INVITE or UPDATE of ours.
    Change(DialogId),
    /// The CANCEL of such a re-INVITE.
    ChangeCancel(DialogId),
    /// A PRACK of ours.
    Prack(DialogId),
    /// A NOTIFY of ours.
    Notify(DialogId),
    /// A REFER or INFO of ours.
    Asked(DialogId),
    /// A REGISTER of ours.
    Registration(RegistrationId),
    /// An OPTIONS of ours.
    Probe(ProbeId),
}

/// A request of ours and its machine.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) key: ClientKey,
    pub(super) machine: ClientMachine,
    pub(super) request: Request,
    bytes: Bytes,
    pub(super) flow: Flow,
    /// Where it goes if no stream can be opened.
    pub(super) fallback: Option<Flow>,
    pub(super) user: ClientUser,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum ClientMachine {
    Invite(InviteClient),
    Other(OtherClient),
}

/// What is left of a request of ours that was finally answered. Of one other than INVITE nothing is: an answer that comes
/// again is dropped like any that answers nothing of ours, so Timer K has nothing to do.
#[derive(Debug)]
pub(super) enum ClientRest {
    /// An INVITE; further 2xx are for its user (until Timer M).
    Accepted(TransactionId, ClientUser),
    /// An INVITE; the refusal is acknowledged each time that it comes (until Timer D).
    Refused(Box<Refused>),
}

impl Client {
    /// A request that has not been sent.
    pub(super) fn new(key: ClientKey, request: Request, flow: Flow, user: ClientUser) -> Client {
        let machine = ClientMachine::Invite(InviteClient::Proceeding);
        let mut client = Client { key, machine, request, bytes: Bytes::new(), flow, fallback: None, user };
        client.go_by(flow);
        client
    }

    /// Sends the request for the first time.
    pub(super) fn start(&mut self, now: Mono, wire: &mut Wire, id: TransactionId, times: &Times) {
        let mut fx = Effects::new();
        self.machine = match self.request.method {
            Method::Invite => ClientMachine::Invite(InviteClient::start(times, &mut fx)),
            _ => ClientMachine::Other(OtherClient::start(times, &mut fx)),
        };
        self.perform(now, wire, id, &fx, None);
    }

    /// The INVITE, which was held back, has left only now: repetitions and patience count from here.
    pub(super) fn restart_clock(&mut self, now: Mono, wire: &mut Wire, id: TransactionId, times: &Times) {
        if let ClientMachine::Invite(InviteClient::Calling { .. }) = self.machine {
            self.machine = ClientMachine::Invite(InviteClient::Calling { interval: times.t1 });
            let fx = vec![Effect::Set(Timer::A, times.t1), Effect::Set(Timer::B, times.patience())];
            self.perform(now, wire, id, &fx, None);
        }
    }

    /// Goes by `flow` from now on, and says so in its Via (RFC 3261 §18.1.1).
    pub(super) fn go_by(&mut self, flow: Flow) {
        self.flow = flow;
        let mut via = self.request.headers.top_via().expect("our requests have a Via that we wrote");
        via.transport = flow.transport.name().to_owned();
        self.request.headers.replace_top_via(&via).expect("the Via that was just read is there");
        self.bytes = self.request.encode();
    }

    /// Whether a final answer is waited for.
    pub(super) fn is_asking(&self) -> bool {
        match self.machine {
            ClientMachine::Invite(state) => match state {
                InviteClient::Calling { .. } | InviteClient::Proceeding => true,
                InviteClient::Accepted | InviteClient::Completed | InviteClient::Terminated => false,
            },
            ClientMachine::Other(state) => match state {
                OtherClient::Trying { .. } | OtherClient::Proceeding => true,
                OtherClient::Completed | OtherClient::Terminated => false,
            },
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self.machine {
            ClientMachine::Invite(state) => state == InviteClient::Terminated,
            ClientMachine::Other(state) => state == OtherClient::Terminated,
        }
    }

    /// What is left of it once it is settled. None: nothing.
    pub(super) fn rest(&self, id: TransactionId) -> Option<ClientRest> {
        match self.machine {
            ClientMachine::Invite(InviteClient::Accepted) => Some(ClientRest::Accepted(id, self.user)),
            ClientMachine::Invite(InviteClient::Completed) => {
                Some(ClientRest::Refused(Box::new(Refused::of(&self.request, self.flow))))
            }
            ClientMachine::Invite(
                InviteClient::Calling { .. } | InviteClient::Proceeding | InviteClient::Terminated,
            )
            | ClientMachine::Other(_) => None,
        }
    }

    /// Takes a step and does what it asks for. With a moment: it is settled, and lingers until then.
    pub(super) fn step(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        id: TransactionId,
        times: &Times,
        input: ClientInput,
        answer: Option<&Response>,
    ) -> (Effects, Option<Mono>) {
        let mut fx = Effects::new();
        match &mut self.machine {
            ClientMachine::Invite(state) => *state = state.step(input, times, &mut fx),
            ClientMachine::Other(state) => *state = state.step(input, times, &mut fx),
        }
        self.perform(now, wire, id, &fx, answer);
        let until = lingers(now, &fx, self.flow.transport);
        (fx, until)
    }

    /// Forgets the deadlines that may still be set.
    pub(super) fn stop_timers(&self, wire: &mut Wire, id: TransactionId) {
        let timers = match self.machine {
            ClientMachine::Invite(_) => [Timer::A, Timer::B],
            ClientMachine::Other(_) => [Timer::E, Timer::F],
        };
        for timer in timers {
            wire.timers.cancel(&TimerName::Transaction(id, timer));
        }
    }

    fn perform(
        &self,
        now: Mono,
        wire: &mut Wire,
        id: TransactionId,
        fx: &Effects,
        answer: Option<&Response>,
    ) {
        let gate = match self.user {
            ClientUser::Invite(dialog) => Some(Gate::Invite(dialog)),
            ClientUser::Cancel(_)
            | ClientUser::Bye(_)
            | ClientUser::ForkBye(_)
            | ClientUser::Change(_)
            | ClientUser::ChangeCancel(_)
            | ClientUser::Prack(_)
            | ClientUser::Notify(_)
            | ClientUser::Asked(_)
            | ClientUser::Registration(_)
            | ClientUser::Probe(_) => None,
        };
        for effect in fx {
            match *effect {
                Effect::Send => {
                    wire.send_gated(self.flow, self.bytes.clone(), gate);
                    wire.await_opening(now, self.flow);
                }
                Effect::Acknowledge => {
                    if let Some(answer) = answer {
                        wire.send(self.flow, acknowledgement(&self.request, answer).encode());
                    }
                }
                Effect::Set(timer, _) if timer.lingers() => {}
                Effect::Set(timer, after) => {
                    if let Some(after) = timer.by(self.flow.transport, after) {
                        wire.timers.set(TimerName::Transaction(id, timer), now + after);
                    }
                }
                Effect::Stop(timer) => wire.timers.cancel(&TimerName::Transaction(id, timer)),
                Effect::Deliver | Effect::TimedOut | Effect::Refused => {}
            }
        }
    }
}

/// The ACK for a refusal belongs to the INVITE's transaction: same branch, same way (RFC 3261 §17.1.1.3).
fn acknowledgement(request: &Request, answer: &Response) -> Request {
    let mut ack = Request::new(Method::Ack, request.uri.clone());
    let copied =
        [HeaderName::Via, HeaderName::Route, HeaderName::From, HeaderName::CallId, HeaderName::MaxForwards];
    for name in copied {
        for line in request.headers.all(&name) {
            ack.headers.push(name.clone(), line);
        }
    }
    ack.headers.push(HeaderName::To, answer.headers.get(&HeaderName::To).unwrap_or_default());
    if let Ok(cseq) = request.headers.cseq() {
        ack.headers.push(HeaderName::CSeq, CSeq { number: cseq.number, method: Method::Ack }.to_string());
    }
    ack
}
