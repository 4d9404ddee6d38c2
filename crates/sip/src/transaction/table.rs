use std::collections::{BTreeMap, BTreeSet};

use base::{Mono, Random};

use super::client::{Client, ClientMachine, ClientRest, ClientUser};
use super::lingering::Lingering;
use super::memo::Answered;
use super::server::{Asked, Server, ServerMachine, ServerRest, Was};
use super::server_invite::InviteServer;
use super::{
    Class, ClientInput, ClientKey, Effect, InviteClient, Keys, MergeKey, Scope, ServerInput, ServerKey,
    Timer, Times, TransactionId,
};
use crate::api::{DialogId, Flow, Gate, Transport};
use crate::endpoint::{Config, Limits, TimerName, Wire};
use crate::limits::LINGERING_BYTES_MEAN;
use crate::message::{Method, Request, Response};

/// All transactions: those in which something is still to be done or said by their numbers, with their machines and
/// messages; and by their keys what is left of the others, which are many more.
#[derive(Debug)]
pub(crate) struct Table {
    times: Times,
    pub(crate) keys: Keys,
    /// `Server` of every answer.
    server: String,
    last: u64,
    clients: BTreeMap<TransactionId, Client>,
    by_answer: BTreeMap<ClientKey, TransactionId>,
    /// The clients that go by streams: a stream that closes must not have all requests looked through.
    by_stream: BTreeSet<(Flow, TransactionId)>,
    client_rests: Lingering<ClientKey, ClientRest>,
    servers: BTreeMap<TransactionId, Server>,
    by_request: BTreeMap<ServerKey, TransactionId>,
    server_rests: Lingering<ServerKey, ServerRest>,
    /// Of the answers in them.
    answered_bytes: usize,
    /// Of the requests outside dialogs, in both.
    merges: BTreeSet<MergeKey>,
    /// Those that shrink as soon as their users have seen to them, and until when they linger. None: not at all.
    settled: Vec<(Settled, Option<Mono>)>,
    /// Refused INVITEs whose dialogs are to be told that the far end knows, or is not waited for any more.
    refused: Vec<(DialogId, TransactionId)>,
}

#[derive(Clone, Copy, Debug)]
enum Settled {
    Client(TransactionId),
    Server(TransactionId),
}

impl Table {
    /// An empty table; the secret of its fingerprints is drawn from `random`.
    pub(crate) fn new(config: &Config, random: &mut Random) -> Table {
        Table {
            times: config.times,
            keys: Keys::new(random),
            server: config.user_agent.clone(),
            last: 0,
            clients: BTreeMap::new(),
            by_answer: BTreeMap::new(),
            by_stream: BTreeSet::new(),
            client_rests: Lingering::default(),
            servers: BTreeMap::new(),
            by_request: BTreeMap::new(),
            server_rests: Lingering::default(),
            answered_bytes: 0,
            merges: BTreeSet::new(),
            settled: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Sends `request` and keeps at it.
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

    /// An answer came by `flow`; to whom and for which request it is to be shown. None: stray, or settled here.
    pub(crate) fn answered(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        flow: Flow,
        response: &Response,
    ) -> Option<(ClientUser, TransactionId)> {
        let key = self.keys.answered(response)?;
        let Some(&id) = self.by_answer.get(&key) else {
            return self.answered_again(wire, key, flow, response);
        };
        let client = self.clients.get_mut(&id)?;
        let input = ClientInput::Answer(Class::of(response.status));
        let (fx, until) = client.step(now, wire, id, &self.times, input, Some(response));
        let user = client.user;
        self.settle(now, Settled::Client(id), until);
        fx.contains(&Effect::Deliver).then_some((user, id))
    }

    /// The request of a client transaction, and its way, until the final answer was seen to.
    pub(crate) fn request(&self, id: TransactionId) -> Option<(&Request, Flow)> {
        self.clients.get(&id).map(|client| (&client.request, client.flow))
    }

    /// Our own request of which `request` is what came back to us: it has our branch in one of its Vias.
    pub(crate) fn come_back(&self, request: &Request) -> Option<&Request> {
        let vias = request.headers.vias().ok()?;
        let branches = vias.iter().filter_map(|via| via.branch());
        let mut keys = branches.map(|branch| self.keys.client(branch, &request.method));
        keys.find_map(|key| self.request(*self.by_answer.get(&key)?)).map(|(ours, _)| ours)
    }

    /// Says where a request goes if no stream can be opened for it.
    pub(crate) fn set_fallback(&mut self, id: TransactionId, flow: Flow) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.fallback = Some(flow);
        }
    }

    /// The requests that wait for an answer by `flow`.
    pub(crate) fn asking_by(&self, flow: Flow) -> Vec<TransactionId> {
        let here = self.by_stream.range((flow, TransactionId(0))..=(flow, TransactionId(u64::MAX)));
        let asking = |id: &TransactionId| self.clients.get(id).is_some_and(Client::is_asking);
        here.map(|(_, id)| *id).filter(asking).collect()
    }

    /// Begins a request anew by its other way; false: it has none.
    pub(crate) fn fall_back(&mut self, now: Mono, wire: &mut Wire, id: TransactionId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let Some(flow) = client.fallback.take() else { return false };
        self.by_stream.remove(&(client.flow, id));
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

    /// Our INVITE, which was held back, has left only now.
    pub(crate) fn restart_clock(&mut self, now: Mono, wire: &mut Wire, id: TransactionId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.restart_clock(now, wire, id, &self.times);
        }
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

    /// The dialog of which a request is the INVITE, when only a provisional answer to it was heard.
    pub(crate) fn heard_invite(&self, id: TransactionId) -> Option<DialogId> {
        match self.clients.get(&id) {
            Some(Client {
                machine: ClientMachine::Invite(InviteClient::Proceeding),
                user: ClientUser::Invite(dialog),
                ..
            }) => Some(*dialog),
            Some(_) | None => None,
        }
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
        if let Some(client) = self.remove_client(id) {
            client.stop_timers(wire, id);
        }
    }

    /// Begins a server transaction for a request of `method`.
    pub(crate) fn open_server(&mut self, asked: Asked, method: &Method) -> TransactionId {
        let id = self.new_id();
        self.by_request.insert(asked.key, id);
        self.merges.extend(asked.merge);
        self.servers.insert(id, Server::new(asked, method));
        id
    }

    /// Whether a request came before.
    pub(crate) fn is_known(&self, key: &ServerKey) -> bool {
        self.by_request.contains_key(key) || self.server_rests.get(key).is_some()
    }

    /// Whether the same request is being answered already, having come by another way.
    pub(crate) fn is_merged(&self, merge: &MergeKey) -> bool {
        self.merges.contains(merge)
    }

    /// Says which dialog an INVITE belongs to.
    pub(crate) fn set_dialog(&mut self, id: TransactionId, dialog: DialogId) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.dialog = Some(dialog);
        }
    }

    /// The INVITE with this key: its dialog, if it has one, and its transaction, if it was not finally answered. None: there
    /// is no such INVITE.
    pub(crate) fn invite(&self, key: &ServerKey) -> Option<(Option<DialogId>, Option<TransactionId>)> {
        if let Some(id) = self.by_request.get(key) {
            return Some((self.servers.get(id)?.dialog, Some(*id)));
        }
        match self.server_rests.get(key)?.was {
            Was::Accepted(dialog) => Some((dialog, None)),
            Was::Confirmed | Was::Answered(_) => Some((None, None)),
        }
    }

    /// The way of the answers to a request, until it was finally answered.
    pub(crate) fn way_back(&self, id: TransactionId) -> Option<Flow> {
        self.servers.get(&id).map(|server| server.asked.back.flow)
    }

    /// Sees to a request if it came before; false: it did not.
    pub(crate) fn repeated(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        key: &ServerKey,
        flow: Flow,
        request: &Request,
    ) -> bool {
        if let Some(&id) = self.by_request.get(key) {
            self.step_server(now, wire, id, ServerInput::Repeated);
            return true;
        }
        let Some(rest) = self.server_rests.get(key) else { return false };
        match &rest.was {
            Was::Answered(answered) => {
                let (way, answer) = answered.again(request, flow, &self.server);
                wire.send_gated(way, answer.encode(), answered.gate(request));
            }
            Was::Accepted(_) | Was::Confirmed => {}
        }
        true
    }

    /// An ACK came; true when it is for a dialog: it is of no transaction, or acknowledges a 2xx by the rules of RFC 2543.
    pub(crate) fn acknowledged(&mut self, now: Mono, wire: &mut Wire, key: &ServerKey) -> bool {
        if let Some(&id) = self.by_request.get(key) {
            return self.step_server(now, wire, id, ServerInput::Ack);
        }
        self.server_rests.get(key).is_none_or(|rest| match rest.was {
            Was::Accepted(_) => true,
            Was::Confirmed | Was::Answered(_) => false,
        })
    }

    /// Answers a request.
    pub(crate) fn answer(&mut self, now: Mono, wire: &mut Wire, id: TransactionId, response: &Response) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let before = std::mem::replace(&mut server.last_answer, response.encode());
        let input = ServerInput::Answer(Class::of(response.status));
        let (fx, until) = server.step(now, wire, id, &self.times, input);
        // An answer that came too late must not be what a repeated request gets.
        if !fx.contains(&Effect::Send) {
            server.last_answer = before;
        }
        if until.is_some() && matches!(server.machine, ServerMachine::Other(_)) {
            server.answered = Answered::by(response, server.asked.scope);
        }
        self.settle(now, Settled::Server(id), until);
    }

    /// Whether the refusal of an INVITE is repeated until its ACK.
    pub(crate) fn waits_for_ack(&self, id: TransactionId) -> bool {
        let machine = self.servers.get(&id).map(|server| &server.machine);
        matches!(machine, Some(ServerMachine::Invite(InviteServer::Completed { .. })))
    }

    /// Says what the log must say before the answers to a request leave.
    pub(crate) fn set_gate(&mut self, id: TransactionId, gate: Gate) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.gate = Some(gate);
        }
    }

    /// Answers an INVITE in the place of its 100, and forgets it; false: the 100 has left.
    pub(crate) fn refuse_at_once(&mut self, wire: &mut Wire, id: TransactionId, refusal: &Response) -> bool {
        let Some(server) = self.servers.get(&id) else { return false };
        let flow = server.asked.back.flow;
        let first = !server.last_answer.is_empty() && wire.take_back(flow, &server.last_answer);
        if first {
            wire.send(flow, refusal.encode());
            self.forget_server(wire, id);
        }
        first
    }

    /// A timer ran out; who must be told that nobody answered which request.
    pub(crate) fn fire(
        &mut self,
        now: Mono,
        wire: &mut Wire,
        id: TransactionId,
        timer: Timer,
    ) -> Option<(ClientUser, TransactionId)> {
        let Some(client) = self.clients.get_mut(&id) else {
            self.step_server(now, wire, id, ServerInput::Timer(timer));
            return None;
        };
        client.step(now, wire, id, &self.times, ClientInput::Timer(timer), None);
        let (user, over) = (client.user, client.is_over());
        if over {
            self.forget_client(wire, id);
        }
        over.then_some((user, id))
    }

    /// A refused INVITE whose far end has the refusal, or did not say so in time, and its dialog.
    pub(crate) fn poll_refused(&mut self) -> Option<(DialogId, TransactionId)> {
        self.refused.pop()
    }

    /// Leaves of what was settled only what is needed to hear repetitions.
    pub(crate) fn tidy(&mut self) {
        while let Some((settled, until)) = self.settled.pop() {
            match settled {
                Settled::Client(id) => {
                    let Some(client) = self.remove_client(id) else { continue };
                    if let (Some(until), Some(rest)) = (until, client.rest(id)) {
                        self.client_rests.keep(client.key, rest, until);
                    }
                }
                Settled::Server(id) => {
                    let Some(mut server) = self.servers.remove(&id) else { continue };
                    self.by_request.remove(&server.asked.key);
                    match (until, server.rest()) {
                        (Some(until), Some(rest)) => {
                            self.answered_bytes += rest.bytes();
                            self.server_rests.keep(server.asked.key, rest, until);
                        }
                        _ => self.forget_merge(server.asked.merge),
                    }
                }
            }
        }
    }

    /// Forgets what has lingered long enough, up to an INVITE of ours whose user must be told that it was. None: no more is
    /// due.
    pub(crate) fn forget_due(&mut self, now: Mono) -> Option<(ClientUser, TransactionId)> {
        while let Some(rest) = self.server_rests.forget_due(now) {
            self.answered_bytes -= rest.bytes();
            self.forget_merge(rest.merge);
        }
        loop {
            match self.client_rests.forget_due(now)? {
                ClientRest::Accepted(id, user) => return Some((user, id)),
                ClientRest::Refused(_) => {}
            }
        }
    }

    /// When to call `forget_due` next.
    pub(crate) fn next_due(&self) -> Option<Mono> {
        self.client_rests.next().into_iter().chain(self.server_rests.next()).min()
    }

    /// How many client and server transactions there are.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let clients = self.clients.len() + self.client_rests.len();
        (clients, self.servers.len() + self.server_rests.len())
    }

    /// How many of both only linger.
    pub(crate) fn lingering(&self) -> usize {
        self.client_rests.len() + self.server_rests.len()
    }

    /// Whether there is no room for another request: one inside a dialog has twice as much.
    pub(crate) fn is_full(&self, limits: &Limits, scope: Scope) -> bool {
        let more = match scope {
            Scope::Inside => 2,
            Scope::Outside => 1,
        };
        let lingering_max = limits.lingering_max.saturating_mul(more);
        self.servers.len() >= limits.server_transactions_max.saturating_mul(more)
            || self.server_rests.len() >= lingering_max
            || self.answered_bytes >= lingering_max.saturating_mul(LINGERING_BYTES_MEAN)
    }

    fn new_id(&mut self) -> TransactionId {
        self.last += 1;
        TransactionId(self.last)
    }

    fn new_client(&mut self, request: Request, flow: Flow, user: ClientUser) -> (TransactionId, Client) {
        let id = self.new_id();
        let via = request.headers.top_via().expect("our requests have a Via that we wrote");
        let branch = via.branch().expect("our Via has a branch");
        let key = self.keys.client(branch, &request.method);
        self.by_answer.insert(key, id);
        if flow.transport == Transport::Tcp {
            self.by_stream.insert((flow, id));
        }
        (id, Client::new(key, request, flow, user))
    }

    fn remove_client(&mut self, id: TransactionId) -> Option<Client> {
        let client = self.clients.remove(&id)?;
        self.by_stream.remove(&(client.flow, id));
        // A CANCEL that is sent again has the branch of the one before, and its answers.
        if self.by_answer.get(&client.key) == Some(&id) {
            self.by_answer.remove(&client.key);
        }
        Some(client)
    }

    /// An answer came to a request that is settled.
    fn answered_again(
        &self,
        wire: &mut Wire,
        key: ClientKey,
        flow: Flow,
        response: &Response,
    ) -> Option<(ClientUser, TransactionId)> {
        match (self.client_rests.get(&key)?, Class::of(response.status)) {
            (ClientRest::Accepted(id, user), Class::Success) => Some((*user, *id)),
            (ClientRest::Refused(refused), Class::Failure) => {
                let (to, ack) = refused.acknowledge(response, flow)?;
                wire.send(to, ack.encode());
                None
            }
            (ClientRest::Accepted(..), Class::Provisional | Class::Failure)
            | (ClientRest::Refused(_), Class::Provisional | Class::Success) => None,
        }
    }

    /// Whether its user is to see the message in hand.
    fn step_server(&mut self, now: Mono, wire: &mut Wire, id: TransactionId, input: ServerInput) -> bool {
        let Some(server) = self.servers.get_mut(&id) else { return false };
        let (fx, until) = server.step(now, wire, id, &self.times, input);
        if fx.contains(&Effect::Refused) {
            self.refused.extend(server.dialog.map(|dialog| (dialog, id)));
        }
        if server.is_over() {
            self.forget_server(wire, id);
        }
        self.settle(now, Settled::Server(id), until);
        fx.contains(&Effect::Deliver)
    }

    /// Something has come to its end, and lingers until `until`.
    fn settle(&mut self, now: Mono, settled: Settled, until: Option<Mono>) {
        if let Some(until) = until {
            self.settled.push((settled, Some(until).filter(|until| *until > now)));
        }
    }

    fn forget_server(&mut self, wire: &mut Wire, id: TransactionId) {
        let Some(server) = self.servers.remove(&id) else { return };
        self.by_request.remove(&server.asked.key);
        self.forget_merge(server.asked.merge);
        server.stop_timers(wire, id);
    }

    fn forget_merge(&mut self, merge: Option<MergeKey>) {
        if let Some(merge) = merge {
            self.merges.remove(&merge);
        }
    }
}
