use base::Now;
use bytes::Bytes;

use super::keys::key_of;
use super::{Dialog, Pending, State, Verdict, contact_of};
use crate::api::{Ended, Event, Replaced};
use crate::endpoint::{Core, DialogTimer, put_sdp, sdp_of};
use crate::message::{HeaderName, Headers, Method, Request, check};
use crate::transaction::TransactionId;

/// What phones send in INFO: key presses, which come by RTP as well, and requests for a video picture.
const INFO_TYPES: [&str; 3] = ["application/dtmf-relay", "application/dtmf", "application/media_control+xml"];
const MESSAGE_TYPES: [&str; 1] = ["text/plain"];

impl Dialog {
    /// The far end asks for something inside the dialog (RFC 3261 §12.2.2); not ACK, not CANCEL.
    pub(crate) fn asked(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        request: &Request,
        replaces: Option<Replaced>,
    ) {
        if let Err(status) = self.check_far(request) {
            return core.answer_plainly(now.mono, id, request, status);
        }
        match request.method {
            Method::Bye => self.far_left(core, now, id, request),
            Method::Invite => self.far_reinvites(core, now, id, request),
            Method::Update => self.far_updates(core, now, id, request),
            Method::Prack => self.far_pracks(core, now, id, request),
            Method::Refer => self.far_refers(core, now, id, request, replaces),
            Method::Notify => self.far_notifies(core, now, id, request),
            Method::Info => self.far_informs(core, now, id, request),
            Method::Message => answer_known(core, now, id, request, &MESSAGE_TYPES),
            Method::Options => core.answer_options(now.mono, id, request),
            Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Subscribe
            | Method::Publish
            | Method::Other(_) => core.answer_plainly(now.mono, id, request, 405),
        }
    }

    fn far_informs(&mut self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        answer_known(core, now, id, request, &INFO_TYPES);
        if let Some((key, duration)) =
            key_of(request).filter(|_| check::understands_body(request, &INFO_TYPES))
        {
            self.tell(core, Event::KeyPressed { dialog: self.id, key, duration });
        }
    }

    /// Our user answers the far end's offer.
    pub(crate) fn answer_offer(&mut self, core: &mut Core, now: Now, sdp: Bytes) {
        let Some(pending) = self.reoffer.take() else { return };
        self.stop_timer(core, DialogTimer::ReofferUnanswered);
        if pending.request.method == Method::Invite {
            return self.send_2xx(core, now, &pending, Some(sdp));
        }
        let mut response = self.response(core, &pending.request, 200);
        put_sdp(&mut response.headers, &mut response.body, sdp.clone());
        self.agree_on_session(core, now, &pending.request, &mut response);
        self.sdp = sdp;
        core.answer(now.mono, pending.transaction, &response);
        self.go_on_ringing(core, now);
        self.ask_when_free(core, now);
    }

    /// Our user refuses the far end's offer; everything stays as it was.
    pub(crate) fn refuse_offer(&mut self, core: &mut Core, now: Now, status: u16) {
        self.turn_down(core, now, status);
        self.go_on_ringing(core, now);
        self.ask_when_free(core, now);
    }

    /// The offer lost its meaning.
    pub(super) fn drop_reoffer(&mut self, core: &mut Core, now: Now) {
        self.turn_down(core, now, 487);
    }

    fn turn_down(&mut self, core: &mut Core, now: Now, status: u16) {
        let Some(pending) = self.reoffer.take() else { return };
        self.stop_timer(core, DialogTimer::ReofferUnanswered);
        let response = self.response(core, &pending.request, status);
        core.answer(now.mono, pending.transaction, &response);
    }

    /// Whether the request is of our far end, and in order; else the status to answer with.
    fn check_far(&mut self, request: &Request) -> Result<(), u16> {
        let from = request.headers.from().map_err(|_| 400u16)?;
        let cseq = request.headers.cseq().map_err(|_| 400u16)?.number;
        let far = match (&self.state, self.far.is_some()) {
            (State::Over, _) => None,
            (_, true) => self.far.as_mut().filter(|far| far.tag.as_deref() == from.tag()),
            (_, false) => self.early_far(from.tag()),
        };
        let far = far.ok_or(481u16)?;
        if far.cseq.is_none_or(|last| cseq > last) {
            far.cseq = Some(cseq);
            return Ok(());
        }
        // RFC 3261 §12.2.2 refuses what is out of order. One who wants to leave is let go all the same: a number that jumped,
        // by a fault or by someone else's hand, must not keep a call up.
        match request.method {
            Method::Bye => Ok(()),
            _ => Err(500),
        }
    }

    fn far_left(&mut self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        core.answer_plainly(now.mono, id, request, 200);
        self.refused = None;
        match &self.state {
            State::Inviting => self.far_left_early(core, now),
            State::Incoming(pending) => {
                let response = core.response(&pending.request, 487, &self.local_tag);
                core.answer(now.mono, pending.transaction, &response);
                self.over(core, now, Ended::ByFar);
            }
            State::Accepted | State::Up | State::Leaving => self.over(core, now, Ended::ByFar),
            State::Cancelling(_) => {}
            // Who was refused says so by leaving: nothing is waited for any more.
            State::Over => self.tell_end(core, Ended::ByFar),
        }
    }

    fn far_reinvites(&mut self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        let talks = matches!(self.state, State::Up) && self.verdict == Verdict::Open;
        let free = talks && self.unacked.is_none() && !self.is_offering(core);
        if self.reoffer.is_some() {
            return self.answer_later(core, now, id, request);
        }
        if !free {
            return core.answer_plainly(now.mono, id, request, 491);
        }
        let trying = core.response(request, 100, "");
        core.answer(now.mono, id, &trying);
        core.table.set_dialog(id, self.id);
        self.offered(core, now, id, request);
    }

    fn far_updates(&mut self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        if request.body.is_empty() {
            self.refresh_target(core, request);
            let mut response = self.response(core, request, 200);
            self.agree_on_session(core, now, request, &mut response);
            return core.answer(now.mono, id, &response);
        }
        if self.reoffer.is_some() {
            return self.answer_later(core, now, id, request);
        }
        match &self.state {
            State::Inviting | State::Accepted | State::Up
                if self.verdict == Verdict::Open && !self.is_offering(core) =>
            {
                self.offered(core, now, id, request);
            }
            State::Inviting
            | State::Incoming(_)
            | State::Cancelling(_)
            | State::Accepted
            | State::Up
            | State::Leaving
            | State::Over => core.answer_plainly(now.mono, id, request, 491),
        }
    }

    fn offered(&mut self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        self.refresh_target(core, request);
        self.reoffer = Some(Pending::new(id, request));
        // Half of what the asker waits for an UPDATE.
        let patience = core.config.times.patience() / 2;
        self.set_timer(core, DialogTimer::ReofferUnanswered, now.mono + patience);
        let sdp = sdp_of(&request.headers, &request.body);
        self.tell(core, Event::Reoffered { dialog: self.id, sdp });
    }

    /// One at a time (RFC 3261 §14.2, RFC 3311 §5.2).
    pub(super) fn answer_later(&self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        let mut response = self.response(core, request, 500);
        let wait_s = core.random.below(10).to_string();
        response.headers.push(HeaderName::RetryAfter, wait_s);
        core.answer(now.mono, id, &response);
    }

    /// The far end may move (RFC 3261 §12.2.2).
    fn refresh_target(&mut self, core: &mut Core, request: &Request) {
        if self.far.is_some() {
            return self.retarget(core, &request.headers);
        }
        let Some(target) = contact_of(&request.headers) else { return };
        let tag = request.headers.from().ok().and_then(|from| from.tag().map(str::to_owned));
        if let Some(far) = self.early_far(tag.as_deref()) {
            far.route.target = target;
        }
    }

    /// The far end of an established dialog says where it is now.
    pub(super) fn retarget(&mut self, core: &mut Core, headers: &Headers) {
        let (Some(target), Some(far)) = (contact_of(headers), &mut self.far) else { return };
        if far.route.target != target {
            far.route.target = target;
            self.tell_talking_token(core);
        }
    }
}

fn answer_known(core: &mut Core, now: Now, id: TransactionId, request: &Request, types: &[&str]) {
    if check::understands_body(request, types) {
        return core.answer_plainly(now.mono, id, request, 200);
    }
    let tag = core.tag();
    let mut response = core.response(request, 415, &tag);
    response.headers.push(HeaderName::Accept, types.join(", "));
    core.answer(now.mono, id, &response);
}
