use base::Now;

use super::checks::{Objection, object};
use super::core::{put_tag, stamp_via, way_back};
use super::{Core, Endpoint};
use crate::api::Flow;
use crate::dialog::{Caller, Dialog};
use crate::message::{HeaderName, Headers, Message, Method, Request, Response, Screened, screen};
use crate::transaction::{MergeKey, ServerKey, TransactionId};

/// When to come again after a 503.
const RETRY_AFTER_S: &str = "5";

impl Endpoint {
    /// Takes a datagram to whom it is for.
    pub(super) fn datagram(&mut self, now: Now, flow: Flow, data: &[u8]) {
        match screen(data) {
            Screened::Accept(Message::Request(request)) => self.request(now, flow, request),
            Screened::Accept(Message::Response(response)) => self.response(now, &response),
            Screened::Answer(refusal) => self.core.answer_statelessly(flow, refusal.response()),
            Screened::Drop(_) | Screened::KeepAlive => {}
        }
    }

    fn request(&mut self, now: Now, flow: Flow, mut request: Request) {
        let (Ok(via), Ok(key)) = (request.headers.top_via(), ServerKey::of(&request)) else { return };
        let merge = MergeKey::of(&request);
        let back = way_back(&via, flow);
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
        stamp_via(&mut request.headers, flow);
        let merged = merge.as_ref().is_some_and(|merge| self.core.table.is_merged(merge));
        let id = self.core.table.open_server(key.clone(), merge, &request.method, back);
        if request.method == Method::Cancel {
            return self.cancel(now, id, key.of_invite(), &request);
        }
        match object(&request, merged) {
            Some(objection) => self.refuse(now, id, &request, objection),
            None => self.perform(now, flow, id, &request),
        }
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

    fn cancel(&mut self, now: Now, id: TransactionId, invite: ServerKey, request: &Request) {
        let Some(invite) = self.core.table.server(&invite) else {
            return self.core.answer_plainly(now.mono, id, request, 481);
        };
        let dialog = self.core.table.dialog_of(invite);
        // The tag is that of the INVITE's answers (RFC 3261 §9.2).
        let known = dialog.and_then(|dialog| self.dialogs.get(dialog)).map(|dialog| dialog.tags().1);
        let tag = known.unwrap_or_else(|| self.core.tag());
        let response = self.core.response(request, 200, &tag);
        self.core.answer(now.mono, id, &response);
        if let Some(dialog) = dialog {
            self.with(dialog, |dialog, core| dialog.cancelled(core, now, invite));
        }
    }

    fn refuse(&mut self, now: Now, id: TransactionId, request: &Request, objection: Objection) {
        let tag = self.core.tag();
        let mut response = self.core.response(request, objection.status, &tag);
        if let Some((name, value)) = objection.header {
            response.headers.push(name, value);
        }
        self.core.answer(now.mono, id, &response);
    }

    /// Does what is asked.
    fn perform(&mut self, now: Now, flow: Flow, id: TransactionId, request: &Request) {
        if request.method == Method::Register {
            return self.register_user(now, flow, id, request);
        }
        if request.headers.to().is_ok_and(|to| to.tag().is_some()) {
            return match self.find(request) {
                Some(dialog) => self.with(dialog, |dialog, core| dialog.asked(core, now, id, request)),
                None => self.core.answer_plainly(now.mono, id, request, 481),
            };
        }
        match request.method {
            Method::Invite => self.called(now, flow, id, request),
            Method::Options => self.core.answer_options(now.mono, id, request),
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
            | Method::Other(_) => self.core.answer_plainly(now.mono, id, request, 481),
        }
    }

    fn called(&mut self, now: Now, flow: Flow, id: TransactionId, request: &Request) {
        let from_user =
            request.headers.from().map_or_else(|_| String::new(), |from| from.uri.user_unescaped());
        let registered = self.registrar.as_ref().and_then(|registrar| registrar.user_at(flow, &from_user));
        let caller = Caller { flow, registered };
        let dialog = self.dialogs.new_id();
        match Dialog::incoming(&mut self.core, now, dialog, caller, id, request) {
            Some(dialog) => self.dialogs.insert(dialog),
            None => self.core.answer_plainly(now.mono, id, request, 400),
        }
    }

    fn register_user(&mut self, now: Now, flow: Flow, id: TransactionId, request: &Request) {
        let Some(registrar) = &mut self.registrar else {
            return self.core.answer_plainly(now.mono, id, request, 405);
        };
        let reply = registrar.register(now, flow, &mut self.core.wire, request);
        let tag = self.core.tag();
        let mut response = self.core.response(request, reply.status, &tag);
        for (name, value) in reply.headers {
            response.headers.push(name, value);
        }
        self.core.answer(now.mono, id, &response);
    }

    /// The dialog that a request is inside of.
    fn find(&self, request: &Request) -> Option<crate::api::DialogId> {
        let to = request.headers.to().ok()?;
        self.dialogs.find(request.headers.call_id().ok()?, to.tag()?)
    }

    fn is_full(&self, request: &Request) -> bool {
        let limits = &self.core.config.limits;
        let begins =
            request.method == Method::Invite && request.headers.to().is_ok_and(|to| to.tag().is_none());
        self.core.table.counts().1 >= limits.server_transactions_max
            || (begins && self.dialogs.len() >= limits.dialogs_max)
    }
}

impl Core {
    /// Answers a request that is not worth a transaction. Its repetitions get the same To tag, since it is made of what
    /// they have in common (RFC 3261 §8.2.7).
    fn answer_statelessly(&mut self, flow: Flow, mut response: Response) {
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
