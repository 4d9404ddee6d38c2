use std::collections::BTreeMap;

use base::Mono;
use bytes::Bytes;

use super::{
    Class, ClientInput, ClientKey, Effect, Effects, InviteClient, InviteServer, MergeKey, OtherClient,
    OtherServer, ServerInput, ServerKey, Timer, Times, TransactionId,
};
use crate::api::{DialogId, Flow, ProbeId, RegistrationId, Transport};
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
    /// A REGISTER of ours.
    Registration(RegistrationId),
    /// An OPTIONS of ours.
    Probe(ProbeId),
}

/// How a client transaction came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nobody answered.
    TimedOut,
    /// It was answered long enough ago.
    Done,
}

/// The way back for answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Back {
    pub(crate) flow: Flow,
    /// When that is a stream that is gone.
    pub(crate) other: Flow,
}

/// All transactions.
#[derive(Debug, Default)]
pub(crate) struct Table {
    times: Times,
    last: u64,
    clients: BTreeMap<TransactionId, Client>,
    by_answer: BTreeMap<ClientKey, TransactionId>,
    servers: BTreeMap<TransactionId, Server>,
    by_request: BTreeMap<ServerKey, TransactionId>,
    by_merge: BTreeMap<MergeKey, TransactionId>,
}

#[derive(Debug)]
struct Client {
    key: ClientKey,
    machine: ClientMachine,
    request: Request,
    bytes: Bytes,
    flow: Flow,
    /// Where it goes if no stream can be opened.
    fallback: Option<Flow>,
    user: ClientUser,
}

#[derive(Clone, Copy, Debug)]
enum ClientMachine {
    Invite(InviteClient),
    Other(OtherClient),
}

#[derive(Debug)]
struct Server {
    key: ServerKey,
    merge: Option<MergeKey>,
    machine: ServerMachine,
    back: Back,
    last_answer: Bytes,
    dialog: Option<DialogId>,
}

#[derive(Clone, Copy, Debug)]
enum ServerMachine {
    Invite(InviteServer),
    Other(OtherServer),
}

impl Table {
    /// An empty table.
    pub(crate) fn new(times: Times) -> Table {
        Table { times, ..Table::default() }
    }

    /// Sends `request`, whose top Via has the branch of `key`, and keeps at it.
    pub(crate) fn open_client(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        request: Request,
        flow: Flow,
        user: ClientUser,
    ) -> TransactionId {
        let (id, mut client) = self.new_client(request, flow, user);
        client.start(now, wire, id, &self.times);
        self.clients.insert(id, client);
        id
    }

    /// Takes up an INVITE that was sent before a restart: answers to it are heard, it is not sent again.
    pub(crate) fn reopen_invite(&mut self, request: Request, flow: Flow, user: ClientUser) -> TransactionId {
        let (id, client) = self.new_client(request, flow, user);
        self.clients.insert(id, client);
        id
    }

    /// An answer came; to whom and for which request it is to be shown. None: stray, or settled here.
    pub(crate) fn answered(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        response: &Response,
    ) -> Option<(ClientUser, TransactionId)> {
        let id = *self.by_answer.get(&ClientKey::of(response)?)?;
        let client = self.clients.get_mut(&id)?;
        let fx = client.step(ClientInput::Answer(Class::of(response.status)), &self.times);
        client.perform(now, wire, id, &fx, Some(response));
        fx.contains(&Effect::Deliver).then_some((client.user, id))
    }

    /// The request of a client transaction, and its way.
    pub(crate) fn request(&self, id: TransactionId) -> Option<(&Request, Flow)> {
        self.clients.get(&id).map(|client| (&client.request, client.flow))
    }

    /// Says where a request goes if no stream can be opened for it.
    pub(crate) fn set_fallback(&mut self, id: TransactionId, flow: Flow) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.fallback = Some(flow);
        }
    }

    /// The requests that wait for an answer by `flow`.
    pub(crate) fn asking_by(&self, flow: Flow) -> Vec<TransactionId> {
        let asking = self.clients.iter().filter(|(_, client)| client.flow == flow && client.is_asking());
        asking.map(|(id, _)| *id).collect()
    }

    /// Begins a request anew by its other way; false: it has none.
    pub(crate) fn fall_back(&mut self, now: Mono, wire: &mut Wire, id: TransactionId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let Some(flow) = client.fallback.take() else { return false };
        client.go_by(flow);
        client.start(now, wire, id, &self.times);
        true
    }

    /// The way of a request is gone: it ends as if it had been answered with 503 (RFC 3261 §8.1.3.1, §17.1.4).
    pub(crate) fn failed(&mut self, wire: &mut Wire, id: TransactionId) -> Option<(ClientUser, Response)> {
        let client = self.clients.get(&id)?;
        let (user, response) = (client.user, Response::to(&client.request, 503));
        self.forget_client(wire, id);
        Some((user, response))
    }

    /// Sends our INVITE no more, but listens on.
    pub(crate) fn hush(&mut self, wire: &mut Wire, id: TransactionId) {
        wire.timers.cancel(&TimerName::Transaction(id, Timer::A));
    }

    /// Takes back an INVITE that was not sent yet; false: too late.
    pub(crate) fn withdraw(&mut self, wire: &mut Wire, id: TransactionId) -> bool {
        let Some(Client { machine: ClientMachine::Invite(state), user: ClientUser::Invite(dialog), .. }) =
            self.clients.get(&id)
        else {
            return false;
        };
        let first = InviteClient::Calling { interval: self.times.t1 };
        let taken = *state == first && wire.take_back_invite(*dialog);
        if taken {
            self.forget_client(wire, id);
        }
        taken
    }

    /// Ends our request by itself when no final answer comes, also where its user would have had to see to that.
    pub(crate) fn abandon(&self, now: Mono, wire: &mut Wire, id: TransactionId) {
        if let Some(Client { machine: ClientMachine::Invite(InviteClient::Proceeding), .. }) =
            self.clients.get(&id)
        {
            wire.timers.set(TimerName::Transaction(id, Timer::B), now + self.times.patience());
        }
    }

    /// Forgets a client transaction without a word.
    pub(crate) fn forget_client(&mut self, wire: &mut Wire, id: TransactionId) {
        let Some(client) = self.clients.remove(&id) else { return };
        // A CANCEL that is sent again has the branch of the one before, and its answers.
        if self.by_answer.get(&client.key) == Some(&id) {
            self.by_answer.remove(&client.key);
        }
        stop_all(wire, id);
    }

    /// Begins a server transaction for `request`; answers go `back`.
    pub(crate) fn open_server(
        &mut self,
        key: ServerKey,
        merge: Option<MergeKey>,
        method: &Method,
        back: Back,
    ) -> TransactionId {
        let id = self.new_id();
        let machine = match method {
            Method::Invite => ServerMachine::Invite(InviteServer::Proceeding),
            _ => ServerMachine::Other(OtherServer::Trying),
        };
        self.by_request.insert(key.clone(), id);
        if let Some(merge) = &merge {
            self.by_merge.entry(merge.clone()).or_insert(id);
        }
        self.servers
            .insert(id, Server { key, merge, machine, back, last_answer: Bytes::new(), dialog: None });
        id
    }

    /// The server transaction of a request that came before.
    pub(crate) fn server(&self, key: &ServerKey) -> Option<TransactionId> {
        self.by_request.get(key).copied()
    }

    /// Whether the same request is being answered already, having come by another way.
    pub(crate) fn is_merged(&self, merge: &MergeKey) -> bool {
        self.by_merge.contains_key(merge)
    }

    /// Says which dialog an INVITE belongs to.
    pub(crate) fn set_dialog(&mut self, id: TransactionId, dialog: DialogId) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.dialog = Some(dialog);
        }
    }

    /// The dialog of an INVITE.
    pub(crate) fn dialog_of(&self, id: TransactionId) -> Option<DialogId> {
        self.servers.get(&id)?.dialog
    }

    /// The way of the answers to a request.
    pub(crate) fn way_back(&self, id: TransactionId) -> Option<Flow> {
        self.servers.get(&id).map(|server| server.back.flow)
    }

    /// The same request came again.
    pub(crate) fn repeated(&mut self, now: Mono, wire: &mut Wire, id: TransactionId) {
        self.step_server(now, wire, id, ServerInput::Repeated);
    }

    /// An ACK came for the INVITE; true when it acknowledges a 2xx (by the rules of RFC 2543).
    pub(crate) fn acknowledged(&mut self, now: Mono, wire: &mut Wire, id: TransactionId) -> bool {
        self.step_server(now, wire, id, ServerInput::Ack).contains(&Effect::Deliver)
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, now: Mono, wire: &mut Wire, id: TransactionId, response: &Response) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let before = std::mem::replace(&mut server.last_answer, response.encode());
        let fx = self.step_server(now, wire, id, ServerInput::Answer(Class::of(response.status)));
        // An answer that came too late must not be what a repeated request gets.
        if !fx.contains(&Effect::Send)
            && let Some(server) = self.servers.get_mut(&id)
        {
            server.last_answer = before;
        }
    }

    /// Answers an INVITE in the place of its 100, and forgets it; false: the 100 has left.
    pub(crate) fn refuse_at_once(&mut self, wire: &mut Wire, id: TransactionId, refusal: &Response) -> bool {
        let Some(server) = self.servers.get(&id) else { return false };
        let flow = server.back.flow;
        let first = !server.last_answer.is_empty() && wire.take_back(flow, &server.last_answer);
        if first {
            wire.send(flow, refusal.encode());
            self.forget_server(wire, id);
        }
        first
    }

    /// A timer ran out; who must be told that which request is over, and how.
    pub(crate) fn fire(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        id: TransactionId,
        timer: Timer,
    ) -> Option<(ClientUser, TransactionId, Ending)> {
        let Some(client) = self.clients.get_mut(&id) else {
            self.step_server(now, wire, id, ServerInput::Timer(timer));
            return None;
        };
        let fx = client.step(ClientInput::Timer(timer), &self.times);
        client.perform(now, wire, id, &fx, None);
        let (user, over) = (client.user, client.is_over());
        if over {
            self.forget_client(wire, id);
        }
        let ending = if fx.contains(&Effect::TimedOut) { Ending::TimedOut } else { Ending::Done };
        over.then_some((user, id, ending))
    }

    /// How many client and server transactions there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    fn new_id(&mut self) -> TransactionId {
        self.last += 1;
        TransactionId(self.last)
    }

    fn new_client(&mut self, request: Request, flow: Flow, user: ClientUser) -> (TransactionId, Client) {
        let id = self.new_id();
        let via = request.headers.top_via().expect("our requests have a Via that we wrote");
        let branch = via.branch().expect("our Via has a branch").to_owned();
        let key = ClientKey { branch, method: request.method.clone() };
        self.by_answer.insert(key.clone(), id);
        let machine = ClientMachine::Invite(InviteClient::Proceeding);
        let mut client = Client { key, machine, request, bytes: Bytes::new(), flow, fallback: None, user };
        client.go_by(flow);
        (id, client)
    }

    fn step_server(&mut self, now: Mono, wire: &mut Wire, id: TransactionId, input: ServerInput) -> Effects {
        let mut fx = Effects::new();
        let Some(server) = self.servers.get_mut(&id) else { return fx };
        let over = match &mut server.machine {
            ServerMachine::Invite(state) => {
                *state = state.step(input, &self.times, &mut fx);
                *state == InviteServer::Terminated
            }
            ServerMachine::Other(state) => {
                *state = state.step(input, &self.times, &mut fx);
                *state == OtherServer::Terminated
            }
        };
        server.perform(now, wire, id, &fx);
        if over {
            self.forget_server(wire, id);
        }
        fx
    }

    fn forget_server(&mut self, wire: &mut Wire, id: TransactionId) {
        let Some(server) = self.servers.remove(&id) else { return };
        self.by_request.remove(&server.key);
        if let Some(merge) = server.merge
            && self.by_merge.get(&merge) == Some(&id)
        {
            self.by_merge.remove(&merge);
        }
        stop_all(wire, id);
    }
}

impl Client {
    /// Sends the request for the first time.
    fn start(&mut self, now: Mono, wire: &mut Wire, id: TransactionId, times: &Times) {
        let mut fx = Effects::new();
        self.machine = match self.key.method {
            Method::Invite => ClientMachine::Invite(InviteClient::start(times, &mut fx)),
            _ => ClientMachine::Other(OtherClient::start(times, &mut fx)),
        };
        self.perform(now, wire, id, &fx, None);
    }

    /// Goes by `flow` from now on, and says so in its Via (RFC 3261 §18.1.1).
    fn go_by(&mut self, flow: Flow) {
        self.flow = flow;
        let mut via = self.request.headers.top_via().expect("our requests have a Via that we wrote");
        via.transport = flow.transport.name().to_owned();
        self.request.headers.replace_top_via(&via).expect("the Via that was just read is there");
        self.bytes = self.request.encode();
    }

    /// Whether a final answer is waited for.
    fn is_asking(&self) -> bool {
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

    fn step(&mut self, input: ClientInput, times: &Times) -> Effects {
        let mut fx = Effects::new();
        match &mut self.machine {
            ClientMachine::Invite(state) => *state = state.step(input, times, &mut fx),
            ClientMachine::Other(state) => *state = state.step(input, times, &mut fx),
        }
        fx
    }

    fn is_over(&self) -> bool {
        match self.machine {
            ClientMachine::Invite(state) => state == InviteClient::Terminated,
            ClientMachine::Other(state) => state == OtherClient::Terminated,
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
            ClientUser::Invite(dialog) => Some(dialog),
            ClientUser::Cancel(_)
            | ClientUser::Bye(_)
            | ClientUser::ForkBye(_)
            | ClientUser::Change(_)
            | ClientUser::ChangeCancel(_)
            | ClientUser::Prack(_)
            | ClientUser::Notify(_)
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
                Effect::Set(timer, after) => {
                    if let Some(after) = timer.by(self.flow.transport, after) {
                        wire.timers.set(TimerName::Transaction(id, timer), now + after);
                    }
                }
                Effect::Stop(timer) => wire.timers.cancel(&TimerName::Transaction(id, timer)),
                Effect::Deliver | Effect::TimedOut => {}
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

impl Server {
    fn perform(&self, now: Mono, wire: &mut Wire, id: TransactionId, fx: &Effects) {
        for effect in fx {
            match *effect {
                // Nothing was answered yet when an INVITE comes again before its 100 was made.
                Effect::Send if self.last_answer.is_empty() => {}
                Effect::Send => {
                    let flow = self.back.now(wire);
                    wire.send(flow, self.last_answer.clone());
                    wire.await_opening(now, flow);
                }
                Effect::Set(timer, after) => {
                    if let Some(after) = timer.by(self.back.flow.transport, after) {
                        wire.timers.set(TimerName::Transaction(id, timer), now + after);
                    }
                }
                Effect::Stop(timer) => wire.timers.cancel(&TimerName::Transaction(id, timer)),
                Effect::Acknowledge | Effect::Deliver | Effect::TimedOut => {}
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

fn stop_all(wire: &mut Wire, id: TransactionId) {
    for timer in Timer::ALL {
        wire.timers.cancel(&TimerName::Transaction(id, timer));
    }
}
