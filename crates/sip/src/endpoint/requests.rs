use base::Now;

use super::checks::object;
use super::core::{other_way_back, put_tag, stamp_via, way_back};
use super::{Core, Endpoint};
use crate::api::{Flow, Replaced};
use crate::dialog::{Caller, Dialog};
use crate::message::{
    HeaderName, Headers, Message, Method, NameAddr, Replaces, Request, Response, Screened, screen,
};
use crate::registrar::Registered;
use crate::transaction::{Back, MergeKey, ServerKey, TransactionId};

/// When to come again after a 503.
const RETRY_AFTER_S: &str = "5";

impl Endpoint {
    /// Takes a message to whom it is for.
    pub(super) fn message(&mut self, now: Now, flow: Flow, data: &[u8]) {
        match screen(data) {
            Screened::Accept(Message::Request(request)) => self.request(now, flow, request),
            Screened::Accept(Message::Response(response)) => self.response(now, &response),
            Screened::Answer(refusal) => self.core.answer_statelessly(flow, refusal.response()),
            Screened::Drop(_) | Screened::KeepAlive => {}
        }
    }

    fn request(&mut self, now: Now, flow: Flow, request: Request) {
        let Ok(key) = ServerKey::of(&request) else { return };
        if request.method == Method::Ack {
            return self.ack(now, &key, &request);
        }
        let Core { table, wire, .. } = &mut self.core;
        if let Some(id) = table.server(&key) {
            return table.repeated(now.mono, wire, id);
        }
        if self.is_full(&request) {
            let mut busy = Response::to(&request, 503);
            busy.headers.push(HeaderName::RetryAfter, RETRY_AFTER_S);
            return self.core.answer_statelessly(flow, busy);
        }
        if request.method == Method::Cancel {
            return self.cancel(now, flow, key, &request);
        }
        let merge = MergeKey::of(&request);
        let merged = merge.as_ref().is_some_and(|merge| self.core.table.is_merged(merge));
        if let Some(objection) = object(&self.core, &request, merged) {
            return self.core.answer_statelessly(flow, objection.response(&request));
        }
        self.perform(now, Arrived { flow, key, merge }, request);
    }

    /// An ACK for a refusal belongs to the INVITE's transaction, one for a 2xx to the dialog. A stray one is dropped.
    fn ack(&mut self, now: Now, key: &ServerKey, ack: &Request) {
        let Core { table, wire, .. } = &mut self.core;
        if let Some(id) = table.server(key)
            && !table.acknowledged(now.mono, wire, id)
        {
            return;
        }
        if let Some(dialog) = self.find(ack) {
            self.with(dialog, |dialog, core| dialog.acknowledged(core, now, ack));
        }
    }

    fn cancel(&mut self, now: Now, flow: Flow, key: ServerKey, request: &Request) {
        let Some(invite) = self.core.table.server(&key.clone().of_invite()) else {
            return self.core.answer_statelessly(flow, Response::to(request, 481));
        };
        let mut request = request.clone();
        let id = self.core.remember(Arrived { flow, key, merge: None }, &mut request);
        let dialog = self.core.table.dialog_of(invite);
        // The tag is that of the INVITE's answers (RFC 3261 §9.2).
        let known = dialog.and_then(|dialog| self.dialogs.get(dialog)).map(|dialog| dialog.tags().1);
        let tag = known.unwrap_or_else(|| self.core.tag());
        let response = self.core.response(&request, 200, &tag);
        self.core.answer(now.mono, id, &response);
        if let Some(dialog) = dialog {
            self.with(dialog, |dialog, core| dialog.cancelled(core, now, invite));
        }
    }

    /// Does what is asked. Only what concerns a call or a proven user becomes a transaction: a stranger, who may not even
    /// be where the request says, gets one answer for each request and takes no room (RFC 3261 §8.2.7).
    fn perform(&mut self, now: Now, arrived: Arrived, mut request: Request) {
        let flow = arrived.flow;
        if request.method == Method::Register {
            return self.register_user(now, arrived, request);
        }
        if request.headers.to().is_ok_and(|to| to.tag().is_some()) {
            let Some(dialog) = self.find(&request) else {
                return self.core.answer_statelessly(flow, Response::to(&request, 481));
            };
            let id = self.core.remember(arrived, &mut request);
            let replaces = self.replaced(&request);
            return self.with(dialog, |dialog, core| dialog.asked(core, now, id, &request, replaces));
        }
        match request.method {
            Method::Invite => self.called(now, arrived, request),
            Method::Options => {
                let answer = self.core.can_do(Response::to(&request, 200));
                self.core.answer_statelessly(flow, answer);
            }
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Subscribe
            | Method::Message
            | Method::Publish
            | Method::Other(_) => self.core.answer_statelessly(flow, Response::to(&request, 481)),
        }
    }

    fn called(&mut self, now: Now, arrived: Arrived, mut request: Request) {
        let flow = arrived.flow;
        let id = self.core.remember(arrived, &mut request);
        let from = request.headers.from().ok();
        let registered = self.registrar.as_ref().zip(from);
        let registered = registered.and_then(|(registrar, from)| registrar.user_at(flow, &from.uri));
        let registration = self.registrations.with_contact(&request.uri.user_unescaped());
        let caller = Caller { flow, registered, registration };
        let dialog = self.dialogs.new_id();
        match Dialog::incoming(&mut self.core, now, dialog, caller, id, &request) {
            Some(dialog) => self.dialogs.insert(dialog),
            None => self.core.answer_plainly(now.mono, id, &request, 400),
        }
    }

    fn register_user(&mut self, now: Now, arrived: Arrived, mut request: Request) {
        let Some(registrar) = &mut self.registrar else {
            return self.core.answer_statelessly(arrived.flow, Response::to(&request, 405));
        };
        match registrar.register(now, arrived.flow, &mut self.core.wire, &request) {
            Registered::Unproven(reply) => {
                let answer = reply.put_into(Response::to(&request, reply.status));
                self.core.answer_statelessly(arrived.flow, answer);
            }
            Registered::Proven(reply) => {
                let id = self.core.remember(arrived, &mut request);
                let tag = self.core.tag();
                let answer = reply.put_into(self.core.response(&request, reply.status, &tag));
                self.core.answer(now.mono, id, &answer);
            }
        }
    }

    /// The dialog that a request is inside of.
    fn find(&self, request: &Request) -> Option<crate::api::DialogId> {
        let to = request.headers.to().ok()?;
        self.dialogs.find(request.headers.call_id().ok()?, to.tag()?)
    }

    /// The call that a REFER wants another one to take the place of: of ours only if both its tags are right (RFC 3891 §3).
    fn replaced(&self, request: &Request) -> Option<Replaced> {
        let refer_to = NameAddr::parse(request.headers.get(&HeaderName::ReferTo)?, "Refer-To").ok()?;
        let replaces = refer_to.uri.header("Replaces")?;
        let found = Replaces::parse(&replaces).ok().and_then(|replaces| {
            let id = self.dialogs.find(&replaces.call_id, &replaces.to_tag)?;
            self.dialogs.get(id).filter(|dialog| dialog.is_with(&replaces.from_tag)).map(|_| id)
        });
        Some(found.map_or(Replaced::Unknown, Replaced::Ours))
    }

    fn is_full(&self, request: &Request) -> bool {
        let limits = &self.core.config.limits;
        let begins =
            request.method == Method::Invite && request.headers.to().is_ok_and(|to| to.tag().is_none());
        self.core.table.counts().1 >= limits.server_transactions_max
            || (begins && self.dialogs.len() >= limits.dialogs_max)
    }
}

/// A request that came for the first time: by which path, and what it will be recognised by.
struct Arrived {
    flow: Flow,
    key: ServerKey,
    merge: Option<MergeKey>,
}

impl Core {
    /// Begins a transaction for a request, and writes down in it where it came from.
    fn remember(&mut self, arrived: Arrived, request: &mut Request) -> TransactionId {
        let via = request.headers.top_via();
        let flow = via.as_ref().map_or(arrived.flow, |via| way_back(via, arrived.flow));
        let other = via.as_ref().map_or(arrived.flow, |via| other_way_back(via, arrived.flow));
        stamp_via(&mut request.headers, arrived.flow);
        self.table.open_server(arrived.key, arrived.merge, &request.method, Back { flow, other })
    }

    /// Answers a request that is not worth a transaction. Its repetitions get the same To tag, since it is made of what
    /// they have in common (RFC 3261 §8.2.7).
    pub(super) fn answer_statelessly(&mut self, flow: Flow, mut response: Response) {
        let Ok(via) = response.headers.top_via() else {
            return self.wire.send(flow, response.encode());
        };
        let tag = fingerprint(&response.headers);
        put_tag(&mut response.headers, &tag);
        stamp_via(&mut response.headers, flow);
        self.wire.send(way_back(&via, flow), response.encode());
    }
}

/// FNV-1a over the headers that a request and its repetitions share.
fn fingerprint(headers: &Headers) -> String {
    let names = [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq];
    let bytes = names.iter().filter_map(|name| headers.get(name)).flat_map(str::bytes);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}
