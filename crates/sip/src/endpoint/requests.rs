use base::Now;

use super::checks::object;
use super::core::{put_tag, stamp_via};
use super::overload::busy;
use super::strangers::Hearing;
use super::{Core, Endpoint, Intake};
use crate::api::{Aor, Flow, Gate, Transport};
use crate::dialog::{Caller, Dialog};
use crate::message::{
    HeaderName, Headers, Message, Method, Request, Response, Screened, bring_out_sdp, screen, stun,
};
use crate::registrar::Registered;
use crate::transaction::{Asked, Back, MergeKey, Scope, ServerKey, TransactionId};

impl Endpoint {
    /// Takes a message to whom it is for.
    pub(super) fn message(&mut self, now: Now, flow: Flow, data: &[u8]) {
        let hearing = self.hearing(now, flow, data);
        if hearing == Hearing::Nothing || (hearing == Hearing::All && self.turn_away(flow, data)) {
            return;
        }
        if flow.transport == Transport::Udp
            && let Some(answer) = stun::answer(data, flow.remote)
        {
            return self.core.wire.send(flow, answer);
        }
        match screen(data) {
            Screened::Accept(Message::Request(request))
                if hearing == Hearing::Calls && !self.is_of_a_call(&request) => {}
            Screened::Answer(_) if hearing == Hearing::Calls => {}
            Screened::Accept(mut message) => {
                bring_out_sdp(&mut message);
                match message {
                    Message::Request(request) => self.request(now, flow, request),
                    Message::Response(response) => self.response(now, flow, &response),
                }
            }
            Screened::Answer(refusal) => self.core.answer_statelessly(flow, refusal.response()),
            Screened::Drop(_) | Screened::KeepAlive => {}
        }
    }

    fn request(&mut self, now: Now, flow: Flow, request: Request) {
        let Ok(key) = self.core.table.keys.server(&request) else { return };
        if request.method == Method::Ack {
            return self.ack(now, &key, &request);
        }
        let Core { table, wire, .. } = &mut self.core;
        if table.repeated(now.mono, wire, &key, flow, &request) {
            return;
        }
        let scope = Scope::of(&request);
        if self.is_full(&request, scope) {
            return self.core.answer_statelessly(flow, busy(&request));
        }
        if request.method == Method::Cancel {
            return self.cancel(now, flow, key, request);
        }
        let table = &self.core.table;
        let merge = match scope {
            Scope::Inside => None,
            Scope::Outside => table.keys.merge(&request),
        };
        let merged = merge.as_ref().is_some_and(|merge| table.is_merged(merge));
        if let Some(objection) = object(&self.core, &request, scope, merged) {
            return self.core.answer_statelessly(flow, objection.response(&request));
        }
        self.perform(now, Arrived { flow, key, scope, merge }, request);
    }

    /// An ACK for a refusal belongs to the INVITE's transaction, one for a 2xx to the dialog. A stray one is dropped.
    fn ack(&mut self, now: Now, key: &ServerKey, ack: &Request) {
        let Core { table, wire, .. } = &mut self.core;
        if table.acknowledged(now.mono, wire, key)
            && let Some(dialog) = self.find(ack)
        {
            self.with(dialog, |dialog, core| dialog.acknowledged(core, now, ack));
        }
    }

    fn cancel(&mut self, now: Now, flow: Flow, key: ServerKey, mut request: Request) {
        let invite = self.core.table.keys.cancelled(&request).ok();
        let Some((dialog, invite)) = invite.and_then(|key| self.core.table.invite(&key)) else {
            return self.core.answer_statelessly(flow, Response::to(&request, 481));
        };
        let scope = Scope::of(&request);
        let id = self.core.remember(Arrived { flow, key, scope, merge: None }, &mut request);
        // The tag is that of the INVITE's answers (RFC 3261 §9.2).
        let known = dialog.and_then(|dialog| self.dialogs.get(dialog)).map(|dialog| dialog.tags().1);
        let tag = known.unwrap_or_else(|| self.core.tag());
        let response = self.core.response(&request, 200, &tag);
        self.core.answer(now.mono, id, &response);
        // Nothing becomes of one for an INVITE that was finally answered.
        if let (Some(dialog), Some(invite)) = (dialog, invite) {
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
        if arrived.scope == Scope::Inside {
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
        let replaces = match self.to_replace(&request) {
            Ok(replaces) => replaces,
            Err(status) => return self.core.answer_statelessly(flow, Response::to(&request, status)),
        };
        let registered = match self.phone_at(now, flow, &request) {
            Ok(registered) => registered,
            Err(answer) => return self.core.answer_statelessly(flow, answer),
        };
        // To ignore it (RFC 3261 §8.2.2.3) would make one call more of a phone that meant to have one less.
        let in_vain = !self.core.config.replaces && request.headers.has(&HeaderName::Replaces);
        if in_vain && registered.is_some() {
            return self.core.answer_statelessly(flow, Response::to(&request, 481));
        }
        let id = self.core.remember(arrived, &mut request);
        let registration = self.registrations.with_contact(&request.uri.user_unescaped());
        let caller = Caller { flow, registered, replaces, registration };
        let dialog = self.dialogs.new_id();
        match Dialog::incoming(&mut self.core, now, dialog, caller, id, &request) {
            Some(dialog) => self.dialogs.insert(dialog),
            None => self.core.answer_plainly(now.mono, id, &request, 400),
        }
    }

    /// The registered phone that an INVITE comes from, if it does: proven where it must be. Else what it is told.
    fn phone_at(&mut self, now: Now, flow: Flow, invite: &Request) -> Result<Option<Aor>, Response> {
        let (Some(registrar), Ok(from)) = (&mut self.registrar, invite.headers.from()) else {
            return Ok(None);
        };
        let Some(registered) = registrar.user_at(flow, &from.uri) else { return Ok(None) };
        let proven = registrar.prove_caller(now, flow, &mut self.core.wire, invite, registered);
        proven.map(Some).map_err(|reply| reply.put_into(Response::to(invite, reply.status)))
    }

    fn register_user(&mut self, now: Now, arrived: Arrived, mut request: Request) {
        let Some(registrar) = &mut self.registrar else {
            return self.core.answer_statelessly(arrived.flow, Response::to(&request, 405));
        };
        if self.intake == Intake::Paused {
            return self.core.answer_statelessly(arrived.flow, busy(&request));
        }
        match registrar.register(now, arrived.flow, &mut self.core.wire, &request) {
            Registered::Unproven(reply) => {
                let answer = reply.put_into(Response::to(&request, reply.status));
                self.core.answer_statelessly(arrived.flow, answer);
            }
            Registered::Proven(reply) => {
                let id = self.core.remember(arrived, &mut request);
                if reply.status == 200 {
                    self.core.table.set_gate(id, Gate::Registered);
                }
                let tag = self.core.tag();
                let answer = reply.put_into(self.core.response(&request, reply.status, &tag));
                self.core.answer(now.mono, id, &answer);
            }
        }
    }

    /// The dialog that a request is inside of.
    pub(super) fn find(&self, request: &Request) -> Option<crate::api::DialogId> {
        let to = request.headers.to().ok()?;
        self.dialogs.find(request.headers.call_id().ok()?, to.tag()?)
    }

    fn is_full(&self, request: &Request, scope: Scope) -> bool {
        let limits = &self.core.config.limits;
        let begins = request.method == Method::Invite && scope == Scope::Outside;
        self.core.table.is_full(limits, scope) || (begins && self.dialogs.len() >= limits.dialogs_max)
    }
}

/// A request that came for the first time: by which path, and what it will be recognised by.
struct Arrived {
    flow: Flow,
    key: ServerKey,
    scope: Scope,
    merge: Option<MergeKey>,
}

impl Core {
    /// Begins a transaction for a request, and writes down in it where it came from.
    fn remember(&mut self, arrived: Arrived, request: &mut Request) -> TransactionId {
        let Arrived { flow, key, scope, merge } = arrived;
        let back = stamp_via(&mut request.headers, flow).unwrap_or(Back { flow, other: flow });
        self.table.open_server(Asked { key, scope, merge, back }, &request.method)
    }

    /// Answers a request that is not worth a transaction. Its repetitions get the same To tag, since it is made of what
    /// they have in common (RFC 3261 §8.2.7).
    pub(super) fn answer_statelessly(&mut self, flow: Flow, mut response: Response) {
        let tag = fingerprint(&response.headers);
        let way = match stamp_via(&mut response.headers, flow) {
            Some(back) => {
                put_tag(&mut response.headers, &tag);
                back.flow
            }
            None => flow,
        };
        self.wire.send(way, response.encode());
    }
}

/// A tag made of what a request and its repetitions have in common: FNV-1a over those headers.
pub(crate) fn fingerprint(headers: &Headers) -> String {
    let names = [HeaderName::Via, HeaderName::From, HeaderName::CallId, HeaderName::CSeq];
    let bytes = names.iter().filter_map(|name| headers.get(name)).flat_map(str::bytes);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{hash:016x}")
}
