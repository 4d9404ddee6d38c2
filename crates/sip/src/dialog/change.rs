use std::time::Duration;

use base::{Now, Random};
use bytes::Bytes;

use super::outgoing::cancel_of;
use super::{Dialog, State, Verdict};
use crate::api::{Ended, Event, Flow};
use crate::endpoint::{ALLOWED, Core, DialogTimer, put_sdp, sdp_of};
use crate::limits::CHANGE_TRIES_MAX;
use crate::message::{CSeq, HeaderName, Method, Request, Response};
use crate::transaction::{Class, ClientUser, TransactionId};

/// How long a far end that is busy with an offer may have us wait (RFC 3261 §14.2).
const RETRY_AFTER_MAX: Duration = Duration::from_secs(10);

/// What we ask of an established call: one thing at a time (RFC 3261 §14.1, RFC 3311, RFC 4028 §10).
#[derive(Debug)]
pub(super) struct Change {
    wish: Wish,
    step: Step,
    tries: usize,
}

#[derive(Debug)]
enum Wish {
    /// Our user's offer.
    Offer(Bytes),
    /// Nothing new: the far end is to show that it is there.
    Refresh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Waits until nothing else is open between the two ends.
    Due,
    /// Waits for a while, since the far end could not take it.
    Delayed,
    /// Asked.
    Sent(TransactionId),
    /// Asked, and taken back since no final answer came.
    Cancelled(TransactionId),
}

/// The ACK for a re-INVITE that was accepted; the 2xx may come again.
#[derive(Debug)]
pub(super) struct ChangeAck {
    transaction: TransactionId,
    flow: Flow,
    ack: Bytes,
}

impl Change {
    fn new(wish: Wish) -> Change {
        Change { wish, step: Step::Due, tries: 0 }
    }

    fn transaction(&self) -> Option<TransactionId> {
        match self.step {
            Step::Due | Step::Delayed => None,
            Step::Sent(id) | Step::Cancelled(id) => Some(id),
        }
    }
}

impl Dialog {
    /// Our user wants to change the media.
    pub(crate) fn offer(&mut self, core: &mut Core, now: Now, sdp: Bytes) {
        let established = matches!(self.state, State::Accepted | State::Up);
        let asked = self.next_offer.is_some()
            || self.change.as_ref().is_some_and(|change| matches!(change.wish, Wish::Offer(_)));
        if !established || asked {
            return self.tell(core, Event::OfferRefused { dialog: self.id, status: 491 });
        }
        match &mut self.change {
            Some(change) if change.transaction().is_some() => self.next_offer = Some(sdp),
            // An offer refreshes as well.
            Some(change) => change.wish = Wish::Offer(sdp),
            None => self.change = Some(Change::new(Wish::Offer(sdp))),
        }
        self.ask_when_free(core, now);
    }

    /// The far end is to show that it is there. Whatever else is asked of it shows that too.
    pub(super) fn refresh(&mut self, core: &mut Core, now: Now) {
        if self.change.is_none() {
            self.change = Some(Change::new(Wish::Refresh));
        }
        self.ask_when_free(core, now);
    }

    /// Whether the far end has an offer of ours that it has not answered: theirs must wait (RFC 3261 §14.2, RFC 3311 §5.2).
    pub(super) fn is_offering(&self, core: &Core) -> bool {
        let open = self.change.as_ref().and_then(Change::transaction);
        let request = open.and_then(|id| core.table.request(id));
        request.is_some_and(|(request, _)| !request.body.is_empty())
    }

    /// Asks what is to be asked, unless something else is still open.
    pub(super) fn ask_when_free(&mut self, core: &mut Core, now: Now) {
        if self.change.is_none() {
            self.change = self.next_offer.take().map(|sdp| Change::new(Wish::Offer(sdp)));
        }
        let due = self.change.as_ref().is_some_and(|change| change.step == Step::Due);
        let free = matches!(self.state, State::Up) && self.verdict == Verdict::Open;
        if due && free && self.unacked.is_none() && self.reoffer.is_none() {
            self.ask(core, now);
        }
    }

    /// The time after which to ask again has come.
    pub(super) fn ask_again(&mut self, core: &mut Core, now: Now) {
        if let Some(change) = self.change.as_mut().filter(|change| change.step == Step::Delayed) {
            change.step = Step::Due;
        }
        self.ask_when_free(core, now);
    }

    /// An answer came to what we asked.
    pub(crate) fn change_answered(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        response: &Response,
    ) {
        if let Some(known) = self.change_ack.as_ref().filter(|known| known.transaction == id) {
            return core.wire.send(known.flow, known.ack.clone());
        }
        if self.change.as_ref().and_then(Change::transaction) != Some(id) {
            return;
        }
        match Class::of(response.status) {
            Class::Provisional => {}
            Class::Success => self.change_accepted(core, now, id, response),
            Class::Failure => self.change_refused(core, now, id, response),
        }
    }

    /// Nobody answered what we asked: the dialog is lost (RFC 3261 §12.2.1.2).
    pub(crate) fn change_timed_out(&mut self, core: &mut Core, now: Now, id: TransactionId) {
        if self.change.as_ref().and_then(Change::transaction) == Some(id) {
            self.change = None;
            self.lose(core, now);
        }
    }

    /// No more answers can come to what was asked by transaction `id`.
    pub(crate) fn change_done(&mut self, id: TransactionId) {
        self.change_ack.take_if(|known| known.transaction == id);
    }

    /// A re-INVITE has no final answer: it is taken back, then the far end is given up.
    pub(super) fn change_unanswered(&mut self, core: &mut Core, now: Now) {
        let Some(change) = &mut self.change else { return };
        let Step::Sent(id) = change.step else { return self.lose(core, now) };
        let Some((invite, flow)) = core.table.request(id) else { return };
        let cancel = cancel_of(invite);
        change.step = Step::Cancelled(id);
        core.open(now.mono, cancel, flow, ClientUser::ChangeCancel(self.id));
        let patience = core.config.times.patience();
        self.set_timer(core, DialogTimer::ChangeUnanswered, now.mono + patience);
    }

    /// The dialog ends: what is still open ends by itself.
    pub(super) fn drop_change(&mut self, core: &mut Core, now: Now) {
        self.next_offer = None;
        if let Some(id) = self.change.as_ref().and_then(Change::transaction) {
            core.table.abandon(now.mono, &mut core.wire, id);
        }
    }

    /// The far end does not know the call any more, or is not there: BYE, and our user need not wait for its answer.
    pub(super) fn lose(&mut self, core: &mut Core, now: Now) {
        if matches!(self.state, State::Accepted | State::Up) {
            if self.verdict == Verdict::Open {
                self.tell_end(core, Ended::Broken);
            }
            self.leave(core, now, Ended::Broken);
        }
    }

    /// A request of ours once more, with what a challenge asks for, in its place among our requests.
    pub(super) fn authorized_again(
        &mut self,
        core: &mut Core,
        id: TransactionId,
        response: &Response,
    ) -> Option<Request> {
        let mut again =
            core.authorized_again(id, response, self.credentials.as_ref()?, &mut self.stale_tries)?;
        let number = self.next_cseq(core);
        let cseq = CSeq { number, method: again.method.clone() };
        again.headers.set(HeaderName::CSeq, cseq.to_string());
        Some(again)
    }

    fn ask(&mut self, core: &mut Core, now: Now) {
        let Some(change) = &self.change else { return };
        let (method, sdp) = match &change.wish {
            Wish::Offer(sdp) => (Method::Invite, Some(sdp.clone())),
            // Without a body it concerns no offer of either side (RFC 4028 §7.4).
            Wish::Refresh if self.hears_update => (Method::Update, None),
            Wish::Refresh => (Method::Invite, Some(self.sdp.clone())),
        };
        let cseq = self.next_cseq(core);
        let Some(mut request) = self.request(core, method, cseq) else { return };
        request.headers.push(HeaderName::Contact, self.contact.clone());
        request.headers.push(HeaderName::Allow, ALLOWED);
        // No 100rel: what is said before the final answer matters to nobody here.
        self.put_session(core, &mut request.headers);
        if let Some(sdp) = sdp {
            put_sdp(&mut request.headers, &mut request.body, sdp);
        }
        self.send_change(core, now, request);
    }

    fn send_change(&mut self, core: &mut Core, now: Now, request: Request) {
        let id = core.open(now.mono, request, self.next_hop(core), ClientUser::Change(self.id));
        if let Some(change) = &mut self.change {
            change.step = Step::Sent(id);
            change.tries += 1;
        }
        // Beyond what the transactions wait for by themselves, for a far end that answers with 1xx only.
        let ceiling = core.config.times.patience() * 2;
        self.set_timer(core, DialogTimer::ChangeUnanswered, now.mono + ceiling);
    }

    fn change_accepted(&mut self, core: &mut Core, now: Now, id: TransactionId, response: &Response) {
        let Some(change) = self.change.take() else { return };
        self.stop_timer(core, DialogTimer::ChangeUnanswered);
        let Some((request, _)) = core.table.request(id) else { return };
        let request = request.clone();
        if matches!(self.state, State::Up) {
            self.retarget(core, &response.headers);
        }
        if request.method == Method::Invite {
            self.acknowledge_change(core, id, &request);
        }
        if !matches!(self.state, State::Up) {
            return;
        }
        self.session_answered(core, now, &response.headers);
        if let Wish::Offer(sdp) = change.wish {
            self.sdp = sdp;
        }
        if request.method == Method::Invite {
            let sdp = sdp_of(&response.headers, &response.body);
            self.tell(core, Event::OfferAnswered { dialog: self.id, sdp });
        }
        self.ask_when_free(core, now);
    }

    fn acknowledge_change(&mut self, core: &mut Core, id: TransactionId, invite: &Request) {
        let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(mut ack) = self.request(core, Method::Ack, number) else { return };
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            for line in invite.headers.all(&name) {
                ack.headers.push(name.clone(), line);
            }
        }
        let (flow, ack) = (self.next_hop(core), ack.encode());
        core.wire.send(flow, ack.clone());
        self.change_ack = Some(ChangeAck { transaction: id, flow, ack });
    }

    fn change_refused(&mut self, core: &mut Core, now: Now, id: TransactionId, response: &Response) {
        self.stop_timer(core, DialogTimer::ChangeUnanswered);
        if !matches!(self.state, State::Up) {
            self.change = None;
            return;
        }
        if matches!(response.status, 408 | 481) {
            self.change = None;
            return self.lose(core, now);
        }
        if let Some(again) = self.authorized_again(core, id, response) {
            return self.send_change(core, now, again);
        }
        if self.raise_session(core, response)
            && let Some(change) = &mut self.change
        {
            change.step = Step::Due;
            return self.ask_when_free(core, now);
        }
        let tried_enough = self.change.as_ref().is_none_or(|change| change.tries >= CHANGE_TRIES_MAX);
        let delay = self.retry_delay(&mut core.random, response).filter(|_| !tried_enough);
        if let (Some(delay), Some(change)) = (delay, &mut self.change) {
            change.step = Step::Delayed;
            return self.set_timer(core, DialogTimer::ChangeRetry, now.mono + delay);
        }
        if matches!(response.status, 405 | 501) && self.hears_update {
            self.hears_update = false;
            if let Some(change) = self.change.as_mut().filter(|change| matches!(change.wish, Wish::Refresh)) {
                change.step = Step::Due;
                return self.ask_when_free(core, now);
            }
        }
        if let Some(Change { wish: Wish::Offer(_), .. }) = self.change.take() {
            self.tell(core, Event::OfferRefused { dialog: self.id, status: response.status });
        }
        self.ask_when_free(core, now);
    }

    /// How long to wait before asking once more. None: there is no point in it.
    fn retry_delay(&self, random: &mut Random, response: &Response) -> Option<Duration> {
        match response.status {
            // RFC 3261 §14.1: who made the Call-ID waits longer, in steps of 10 ms, so that they do not meet again.
            491 if self.outgoing.is_some() => Some(Duration::from_millis(2_100 + 10 * random.below(191))),
            491 => Some(Duration::from_millis(10 * random.below(201))),
            500 => {
                let after = response.headers.get(&HeaderName::RetryAfter)?;
                let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
                let delay = Duration::from_secs(digits.parse().ok()?);
                (delay <= RETRY_AFTER_MAX).then_some(delay)
            }
            _ => None,
        }
    }
}
