use base::Now;
use bytes::Bytes;

use super::{Dialog, Far, Path, Pending, State, Unacked, Verdict, hears_update};
use super::{answer_mode, identity};
use crate::api::{Aor, DialogId, Ended, Event, Flow, Gate, RegistrationId};
use crate::endpoint::{ALLOWED, Core, DialogTimer, fingerprint, put_retry_after, put_sdp, put_tag, sdp_of};
use crate::message::{HeaderName, Request, Response};
use crate::transaction::TransactionId;

impl Dialog {
    /// Someone calls us. None: the request names no usable far end.
    pub(crate) fn incoming(
        core: &mut Core,
        now: Now,
        id: DialogId,
        caller: Caller,
        transaction: TransactionId,
        request: &Request,
    ) -> Option<Dialog> {
        let far = Far::asking(request)?;
        core.table.set_dialog(transaction, id);
        core.table.set_gate(transaction, Gate::Answer(id));
        let to_user = request.uri.user_unescaped();
        let path = if caller.registered.is_some() { Path::Pinned } else { Path::Routed };
        let mut dialog = Dialog::new(id, caller.flow, path, request.headers.call_id().ok()?.to_owned());
        dialog.contact = core.contact(caller.flow, &to_user);
        dialog.far = Some(far);
        dialog.listen(core, now, Pending::new(transaction, request));
        // The contact that is called names us; whom they ask for is in To.
        let asked_for = match caller.registration {
            Some(_) => request.headers.to().ok()?.uri.user_unescaped(),
            None => to_user,
        };
        let event = Event::Incoming {
            dialog: id,
            flow: caller.flow,
            to_user: asked_for,
            to_host: request.uri.host.to_string(),
            from_user: request.headers.from().ok()?.uri.user_unescaped(),
            registered: caller.registered,
            replaces: caller.replaces,
            registration: caller.registration,
            identity: Box::new(identity::read(&request.headers)),
            answer_after_s: answer_mode::asked_for(&request.headers),
            sdp: sdp_of(&request.headers, &request.body),
        };
        core.wire.tell(event);
        dialog.tell_ringing_token(core);
        // Comes after the event, so that a user who refuses while it hears of the call refuses before the 100.
        let trying = core.response(request, 100, "");
        core.answer(now.mono, transaction, &trying);
        Some(dialog)
    }

    /// A second dialog that answers the same INVITE, as if it had forked on its way to us.
    pub(crate) fn fork(&self, core: &mut Core, now: Now, id: DialogId) -> Option<Dialog> {
        let State::Incoming(pending) = &self.state else { return None };
        let mut request = pending.request.clone();
        let mut to = request.headers.to().ok()?;
        to.params.remove("tag");
        request.headers.set(HeaderName::To, to.to_string());
        let mut dialog = Dialog::new(id, self.flow, self.path, self.call_id.clone());
        (dialog.contact, dialog.far) = (self.contact.clone(), self.far.clone());
        dialog.listen(core, now, Pending::new(pending.transaction, &request));
        Some(dialog)
    }

    /// Sends a provisional answer.
    pub(crate) fn ring(&mut self, core: &mut Core, now: Now, status: u16, sdp: Option<Bytes>) {
        let State::Incoming(pending) = &self.state else { return };
        if Dialog::is_reliable(core, &pending.request) {
            return self.ring_reliably(core, now, status, sdp);
        }
        let mut response = self.response(core, &pending.request, status);
        if let Some(sdp) = sdp {
            put_sdp(&mut response.headers, &mut response.body, sdp);
        }
        core.answer(now.mono, pending.transaction, &response);
    }

    /// Sends the 2xx; it is sent again until the ACK comes.
    pub(crate) fn accept(&mut self, core: &mut Core, now: Now, sdp: Bytes) {
        if matches!(self.state, State::Incoming(_)) && self.keep_back(&sdp) {
            return;
        }
        match std::mem::replace(&mut self.state, State::Accepted) {
            State::Incoming(pending) => {
                self.stop_timers(core);
                self.hears_update = hears_update(&pending.request.headers);
                let sdp = self.reliable.still_to_say(sdp);
                self.send_2xx(core, now, &pending, sdp);
                self.tell_talking_token(core);
            }
            other => self.state = other,
        }
    }

    /// Refuses the INVITE. When its 100 has not left yet, this is the only answer and is not repeated: the caller asks again
    /// should it be lost, and one who is not where it says is no means to flood others. Who asks again is not remembered,
    /// and gets the same tag all the same (RFC 3261 §8.2.7).
    pub(crate) fn reject(&mut self, core: &mut Core, now: Now, status: u16) {
        let State::Incoming(pending) = &self.state else { return };
        let mut response = core.response(&pending.request, status, &self.local_tag);
        if status == 503 {
            put_retry_after(&mut response);
        }
        let mut only = response.clone();
        if let Ok(mut to) = only.headers.to() {
            to.params.set("tag", Some(&fingerprint(&pending.request.headers)));
            only.headers.set(HeaderName::To, to.to_string());
        }
        if !core.table.refuse_at_once(&mut core.wire, pending.transaction, &only) {
            core.answer(now.mono, pending.transaction, &response);
            // What was answered before, in whatever way, is not answered again.
            self.refused = Some(pending.transaction).filter(|id| core.table.waits_for_ack(*id));
        }
        self.over(core, now, Ended::ByUs);
    }

    /// The caller has our refusal of the INVITE of `transaction`, or did not say so in 64 × T1 (RFC 3261 §17.2.1). Until
    /// then it must be told anew after a restart: it has our 100, and would hear it ring for as long as it likes.
    pub(crate) fn refusal_done(&mut self, core: &mut Core, transaction: TransactionId) {
        if self.refused != Some(transaction) {
            return;
        }
        self.refused = None;
        if matches!(self.state, State::Over) {
            self.tell_end(core, Ended::ByUs);
        }
    }

    /// A CANCEL came for the INVITE of `transaction`: the one that began the dialog, or one inside it.
    pub(crate) fn cancelled(&mut self, core: &mut Core, now: Now, transaction: TransactionId) {
        if let State::Incoming(pending) = &self.state {
            let response = core.response(&pending.request, 487, &self.local_tag);
            core.answer(now.mono, pending.transaction, &response);
            self.over(core, now, Ended::ByFar);
        } else if self.reoffer.as_ref().is_some_and(|pending| pending.transaction == transaction) {
            self.drop_reoffer(core, now);
            self.ask_when_free(core, now);
        }
    }

    /// An ACK came for a 2xx of ours. A stray one is nothing.
    pub(crate) fn acknowledged(&mut self, core: &mut Core, now: Now, ack: &Request) {
        let cseq = ack.headers.cseq().map(|cseq| cseq.number).ok();
        if self.unacked.as_ref().map(|unacked| unacked.cseq) != cseq || self.unacked.is_none() {
            return;
        }
        self.unacked = None;
        self.stop_timer(core, DialogTimer::Repeat2xx);
        self.stop_timer(core, DialogTimer::Unacknowledged);
        if matches!(self.state, State::Accepted) {
            self.state = State::Up;
        }
        let sdp = sdp_of(&ack.headers, &ack.body).or(self.reliable.take_answer());
        self.tell(core, Event::Acknowledged { dialog: self.id, sdp });
        if self.verdict != Verdict::Open {
            self.leave(core, now, Ended::ByUs);
            return;
        }
        self.ask_when_free(core, now);
    }

    pub(super) fn repeat_2xx(&mut self, core: &mut Core, now: Now) {
        let Some(unacked) = &mut self.unacked else { return };
        core.wire.send(unacked.flow, unacked.bytes.clone());
        unacked.interval = core.config.times.backed_off(unacked.interval);
        let again = now.mono + unacked.interval;
        self.set_timer(core, DialogTimer::Repeat2xx, again);
    }

    /// No ACK in 64 × T1: BYE (RFC 3261 §13.3.1.4), and our user need not wait for its answer.
    pub(super) fn unacknowledged(&mut self, core: &mut Core, now: Now) {
        if self.verdict == Verdict::Open {
            self.tell_end(core, Ended::Broken);
        }
        self.leave(core, now, Ended::Broken);
    }

    /// Sends a 2xx for `pending`, now and until its ACK comes (RFC 3261 §13.3.1.4).
    pub(super) fn send_2xx(&mut self, core: &mut Core, now: Now, pending: &Pending, sdp: Option<Bytes>) {
        let mut response = self.response(core, &pending.request, 200);
        if let Some(sdp) = sdp {
            self.sdp = sdp.clone();
            put_sdp(&mut response.headers, &mut response.body, sdp);
        }
        self.agree_on_session(core, now, &pending.request, &mut response);
        core.answer(now.mono, pending.transaction, &response);
        let cseq = pending.request.headers.cseq().map_or(0, |cseq| cseq.number);
        let flow = core.table.way_back(pending.transaction).unwrap_or(self.flow);
        let times = core.config.times;
        self.unacked = Some(Unacked { cseq, flow, bytes: response.encode(), interval: times.t1 });
        self.set_timer(core, DialogTimer::Repeat2xx, now.mono + times.t1);
        self.set_timer(core, DialogTimer::Unacknowledged, now.mono + times.patience());
    }

    /// An answer that says where we are (RFC 3261 §12.1.1).
    pub(super) fn response(&self, core: &Core, request: &Request, status: u16) -> Response {
        let mut response = core.response(request, status, &self.local_tag);
        for line in request.headers.all(&HeaderName::RecordRoute) {
            response.headers.push(HeaderName::RecordRoute, line);
        }
        response.headers.push(HeaderName::Contact, self.contact.clone());
        response.headers.push(HeaderName::Allow, ALLOWED);
        core.put_supported(&mut response.headers);
        response
    }

    /// Takes a tag and waits for our user.
    fn listen(&mut self, core: &mut Core, now: Now, mut pending: Pending) {
        self.local_tag = core.tag();
        put_tag(&mut pending.request.headers, &self.local_tag);
        self.local = pending.request.headers.get(&HeaderName::To).unwrap_or_default().to_owned();
        self.state = State::Incoming(Box::new(pending));
        let ceiling = now.mono + core.config.ring_max;
        self.set_timer(core, DialogTimer::Unanswered, ceiling);
    }
}

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) flow: Flow,
    /// The registered user who has this flow.
    pub(crate) registered: Option<Aor>,
    /// The call whose place this one is to take.
    pub(crate) replaces: Option<DialogId>,
    /// The registration of ours whose contact is called.
    pub(crate) registration: Option<RegistrationId>,
}

impl Pending {
    pub(super) fn new(transaction: TransactionId, request: &Request) -> Pending {
        let request = Request { body: Bytes::new(), ..request.clone() };
        Pending { transaction, request }
    }
}
