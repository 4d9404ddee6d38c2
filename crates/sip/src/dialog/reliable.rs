use std::time::Duration;

use base::Now;
use bytes::Bytes;

use super::{Dialog, Far, Pending, State};
use crate::api::{Ended, Event, Flow};
use crate::endpoint::{Core, DialogTimer, Reliability, SDP, put_sdp, sdp_of};
use crate::message::{HeaderName, Method, RAck, Request, Response, check};
use crate::transaction::{ClientUser, TransactionId};

const TAG: &str = "100rel";

/// Provisional answers of ours that must arrive (RFC 3262 §3).
#[derive(Debug, Default)]
pub(super) struct Reliable {
    /// The number of the last one.
    rseq: Option<u32>,
    /// The one that was not acknowledged yet.
    open: Option<Unpracked>,
    /// What our user said meanwhile: there may be one at a time.
    next: Option<(u16, Option<Bytes>)>,
    /// The SDP of the 2xx that waits for the PRACK.
    accepted: Option<Bytes>,
    /// Whether our SDP was in one: it is said then, and not said again.
    said_sdp: bool,
    /// Their answer, when our SDP was an offer.
    answer: Option<Bytes>,
}

#[derive(Debug)]
struct Unpracked {
    rseq: u32,
    flow: Flow,
    bytes: Bytes,
    interval: Duration,
    has_sdp: bool,
}

impl Reliable {
    /// The SDP for a 2xx: none when it was said before.
    pub(super) fn still_to_say(&self, sdp: Bytes) -> Option<Bytes> {
        (!self.said_sdp).then_some(sdp)
    }

    /// The answer to our offer that a PRACK brought.
    pub(super) fn take_answer(&mut self) -> Option<Bytes> {
        self.answer.take()
    }
}

/// The number of a provisional answer that wants a PRACK.
pub(super) fn number_of(core: &Core, response: &Response) -> Option<u32> {
    let required = response.headers.tokens(&HeaderName::Require);
    let wants = required.iter().any(|tag| tag.eq_ignore_ascii_case(TAG));
    response.headers.rseq().ok().flatten().filter(|_| wants && core.config.reliable != Reliability::Never)
}

impl Dialog {
    /// Acknowledges a provisional answer of `far` (RFC 3262 §4).
    pub(super) fn send_prack(&mut self, core: &mut Core, now: Now, far: &Far, rseq: u32) {
        let rack = RAck { rseq, cseq: self.invite_cseq(), method: Method::Invite };
        let cseq = self.next_cseq(core);
        let mut prack = core.request(Method::Prack, far.route.target.clone(), self.flow);
        self.fill(&mut prack, far, cseq);
        prack.headers.push(HeaderName::RAck, rack.to_string());
        let flow = self.way_to(core, far);
        core.open(now.mono, prack, flow, ClientUser::Prack(self.id));
    }

    /// A PRACK was answered. Only a challenge matters.
    pub(crate) fn prack_answered(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        response: &Response,
    ) {
        let Some((_, flow)) = core.table.request(id) else { return };
        if matches!(self.state, State::Inviting)
            && let Some(again) = self.authorized_again(core, id, response)
        {
            core.open(now.mono, again, flow, ClientUser::Prack(self.id));
        }
    }

    /// Whether a provisional answer to `request` must arrive.
    pub(super) fn is_reliable(core: &Core, request: &Request) -> bool {
        match core.config.reliable {
            Reliability::Never => false,
            Reliability::WhenAsked => {
                let required = request.headers.tokens(&HeaderName::Require);
                required.iter().any(|tag| tag.eq_ignore_ascii_case(TAG))
            }
            Reliability::WhenPossible => check::knows(request, TAG),
        }
    }

    /// Sends a provisional answer until it is acknowledged.
    pub(super) fn ring_reliably(&mut self, core: &mut Core, now: Now, status: u16, sdp: Option<Bytes>) {
        let State::Incoming(pending) = &self.state else { return };
        if self.reliable.open.is_some() || self.reoffer.is_some() {
            let before = self.reliable.next.take().and_then(|(_, sdp)| sdp);
            self.reliable.next = Some((status, sdp.or(before)));
            return;
        }
        let rseq = self.reliable.rseq.map_or_else(|| 1 + first_number(core), |last| last.wrapping_add(1));
        let mut response = self.response(core, &pending.request, status);
        response.headers.push(HeaderName::Require, TAG);
        response.headers.push(HeaderName::RSeq, rseq.to_string());
        let sdp = sdp.filter(|_| !self.reliable.said_sdp);
        let has_sdp = sdp.is_some();
        if let Some(sdp) = sdp {
            self.sdp = sdp.clone();
            put_sdp(&mut response.headers, &mut response.body, sdp);
        }
        core.answer(now.mono, pending.transaction, &response);
        let flow = core.table.way_back(pending.transaction).unwrap_or(self.flow);
        let times = core.config.times;
        self.reliable.rseq = Some(rseq);
        self.reliable.said_sdp |= has_sdp;
        self.reliable.open =
            Some(Unpracked { rseq, flow, bytes: response.encode(), interval: times.t1, has_sdp });
        self.set_timer(core, DialogTimer::RepeatProvisional, now.mono + times.t1);
        self.set_timer(core, DialogTimer::Unpracked, now.mono + times.patience());
    }

    /// Keeps back a 2xx until it is sure that the SDP before it has arrived (RFC 3262 §3, §5); false: it may go.
    pub(super) fn keep_back(&mut self, sdp: &Bytes) -> bool {
        let waits = self.reliable.open.as_ref().is_some_and(|open| open.has_sdp) || self.reoffer.is_some();
        if waits {
            self.reliable.next = None;
            self.reliable.accepted = Some(sdp.clone());
        }
        waits
    }

    pub(super) fn repeat_provisional(&mut self, core: &mut Core, now: Now) {
        let Some(open) = &mut self.reliable.open else { return };
        core.wire.send(open.flow, open.bytes.clone());
        // Doubled without the T2 ceiling.
        open.interval *= 2;
        let again = now.mono + open.interval;
        self.set_timer(core, DialogTimer::RepeatProvisional, again);
    }

    /// No PRACK in 64 × T1: the caller cannot be reached (RFC 3262 §3).
    pub(super) fn unpracked(&mut self, core: &mut Core, now: Now) {
        let State::Incoming(pending) = &self.state else { return };
        let response = core.response(&pending.request, 504, &self.local_tag);
        core.answer(now.mono, pending.transaction, &response);
        // It was waited for long enough: its ACK is not.
        self.over(core, now, Ended::Broken);
    }

    /// The far end has our provisional answer.
    pub(super) fn far_pracks(&mut self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        let (State::Incoming(pending), Ok(rack)) = (&self.state, request.headers.rack()) else {
            return core.answer_plainly(now.mono, id, request, 481);
        };
        let cseq = pending.request.headers.cseq().map_or(0, |cseq| cseq.number);
        let is_it = |open: &mut Unpracked| {
            (open.rseq, cseq, Method::Invite) == (rack.rseq, rack.cseq, rack.method.clone())
        };
        let has_offered = pending.request.headers.content_type().as_deref() == Some(SDP);
        if self.reliable.open.take_if(is_it).is_none() {
            return core.answer_plainly(now.mono, id, request, 481);
        }
        self.stop_timer(core, DialogTimer::RepeatProvisional);
        self.stop_timer(core, DialogTimer::Unpracked);
        let sdp = sdp_of(&request.headers, &request.body);
        if has_offered && sdp.is_some() {
            self.reoffer = Some(Pending::new(id, request));
            let patience = core.config.times.patience() / 2;
            self.set_timer(core, DialogTimer::ReofferUnanswered, now.mono + patience);
            return self.tell(core, Event::Reoffered { dialog: self.id, sdp });
        }
        self.reliable.answer = sdp.or(self.reliable.answer.take());
        let response = self.response(core, request, 200);
        core.answer(now.mono, id, &response);
        self.go_on_ringing(core, now);
    }

    /// Says what our user said while a provisional answer was on its way.
    pub(super) fn go_on_ringing(&mut self, core: &mut Core, now: Now) {
        if self.reliable.open.is_some() || self.reoffer.is_some() {
            return;
        }
        if let Some(sdp) = self.reliable.accepted.take() {
            self.accept(core, now, sdp);
        } else if let Some((status, sdp)) = self.reliable.next.take() {
            self.ring(core, now, status, sdp);
        }
    }
}

/// Below 2³¹ − 1 (RFC 3262 §3).
fn first_number(core: &mut Core) -> u32 {
    u32::try_from(core.random.below((1 << 31) - 1)).expect("it is below 2^31")
}
