//! Dialogs: one value per use of INVITE, from the first request until the last trace is gone (RFC 3261 §12–§15).
//!
//! | state | what we wait for |
//! |---|---|
//! | Inviting | an answer to our INVITE |
//! | Cancelling | the end of an INVITE that we do not want any more: CANCEL, or ACK and BYE when a 2xx crosses it |
//! | Incoming | our user's answer to their INVITE |
//! | Accepted | the ACK for our 2xx |
//! | Up | nothing |
//! | Leaving | the answer to our BYE |
//! | Over | nothing but the ACK for a refusal of ours; what still comes for an INVITE of ours is turned away |
//!
//! What the endpoint's user was told is kept apart, in [`Verdict`]: that is what makes `Ended` come exactly once, last.

mod answer_mode;
mod asking;
mod change;
mod identity;
mod incoming;
mod inside;
mod keys;
mod outgoing;
mod refer;
mod reliable;
mod route;
mod session;
mod store;
mod token;

use std::time::Duration;

use base::{Mono, Now};
use bytes::Bytes;

use crate::api::{Credentials, DialogId, Ended, Event, Flow};
use crate::endpoint::{Core, DialogTimer, TimerName};
use crate::message::{CSeq, HeaderName, Headers, Method, NameAddr, Request, Response, Uri};
use crate::transaction::{ClientUser, TransactionId};
use asking::Asked;
use change::{Change, ChangeAck};
pub(crate) use incoming::Caller;
use outgoing::Outgoing;
use refer::Referral;
use reliable::Reliable;
pub(crate) use route::Path;
use route::Route;
use session::Keeper;
pub(crate) use store::Dialogs;
pub(crate) use token::Token;

/// A dialog, or what may become one.
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) id: DialogId,
    state: State,
    verdict: Verdict,
    /// The path it began on.
    flow: Flow,
    path: Path,
    call_id: String,
    /// Our From or To, with our tag.
    local: String,
    local_tag: String,
    local_cseq: u32,
    contact: String,
    credentials: Option<Credentials>,
    /// How often a proof of ours came too late.
    stale_tries: u32,
    /// How long any answer to our INVITE is waited for once that has left (`Invite::answer_any_within`).
    patience: Option<Duration>,
    /// Our INVITE, if we began.
    outgoing: Option<Outgoing>,
    /// The far end, once there is one.
    far: Option<Far>,
    /// Our 2xx that was not acknowledged yet.
    unacked: Option<Unacked>,
    /// Their INVITE that we refused, until they acknowledge that or are not waited for any more.
    refused: Option<TransactionId>,
    /// Their offer that our user has not answered yet.
    reoffer: Option<Pending>,
    /// Our SDP that the far end has, for a re-INVITE that changes nothing.
    sdp: Bytes,
    /// What we ask of the established call.
    change: Option<Change>,
    /// Our user's offer that waits for what is asked already.
    next_offer: Option<Bytes>,
    change_ack: Option<ChangeAck>,
    /// Whether the far end takes UPDATE.
    hears_update: bool,
    /// Whom the far end wants us to call.
    referral: Referral,
    /// Whom the far end is to call.
    asked: Asked,
    /// Our provisional answers that must arrive.
    reliable: Reliable,
    /// After how long there must be a sign of life, and who gives it, if they are agreed on.
    session: Option<(Duration, Keeper)>,
    /// The shortest interval between them that the far end bears, if it said so in a 422; else zero.
    session_min: Duration,
    /// The CSeq of the BYE in the latest token.
    token_cseq: u32,
    /// When to come again, as the far end said when it refused our INVITE.
    retry_after: Option<Duration>,
}

#[derive(Debug)]
enum State {
    Inviting,
    Cancelling(Cancel),
    Incoming(Box<Pending>),
    Accepted,
    Up,
    Leaving,
    Over,
}

/// How far a CANCEL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    /// Nothing may be cancelled before a provisional answer came (RFC 3261 §9.1), nor again before another one comes when
    /// the far end did not know the INVITE.
    Due,
    /// Out.
    Sent {
        /// Whether a provisional answer came since: the far end knows the INVITE now, whatever it says of the CANCEL.
        known: bool,
    },
}

/// What our user was told of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It has not ended.
    Open,
    /// It is to end like this, once the far end knows.
    Owed(Ended),
    /// `Ended` was told.
    Told,
}

/// A request of theirs that waits for our user.
#[derive(Debug)]
struct Pending {
    transaction: TransactionId,
    /// Without its body.
    request: Request,
}

/// The far end of a dialog.
#[derive(Clone, Debug)]
struct Far {
    /// Their To or From, as they wrote it.
    line: String,
    tag: Option<String>,
    route: Route,
    /// The CSeq of their last request.
    cseq: Option<u32>,
}

/// A 2xx on its way.
#[derive(Debug)]
struct Unacked {
    cseq: u32,
    flow: Flow,
    bytes: Bytes,
    interval: Duration,
}

impl Dialog {
    /// Nothing yet; whoever begins it fills it in.
    fn new(id: DialogId, flow: Flow, path: Path, call_id: String) -> Dialog {
        Dialog {
            id,
            state: State::Over,
            verdict: Verdict::Open,
            flow,
            path,
            call_id,
            local: String::new(),
            local_tag: String::new(),
            local_cseq: 0,
            contact: String::new(),
            credentials: None,
            stale_tries: 0,
            patience: None,
            outgoing: None,
            far: None,
            unacked: None,
            refused: None,
            reoffer: None,
            sdp: Bytes::new(),
            change: None,
            next_offer: None,
            change_ack: None,
            hears_update: false,
            referral: Referral::default(),
            asked: Asked::default(),
            reliable: Reliable::default(),
            session: None,
            session_min: Duration::ZERO,
            token_cseq: 0,
            retry_after: None,
        }
    }

    /// Our Call-ID and tag: what requests inside the dialog are found by.
    pub(crate) fn tags(&self) -> (String, String) {
        (self.call_id.clone(), self.local_tag.clone())
    }

    /// Whether `tag` is the far end's, or of one that may become it. "0" stands for a far end without a tag
    /// (RFC 3891 §6.1).
    pub(crate) fn is_with(&self, tag: &str) -> bool {
        let early = self.outgoing.iter().flat_map(Outgoing::early_fars);
        let mut fars = self.far.iter().chain(early);
        fars.any(|far| far.tag.as_deref().unwrap_or("0") == tag)
    }

    /// Whether another call may take its place; else the status that says why not (RFC 3891 §3).
    pub(crate) fn may_be_replaced(&self, early_only: bool) -> Result<(), u16> {
        match &self.state {
            State::Accepted | State::Up if early_only => Err(486),
            State::Inviting | State::Accepted | State::Up if self.verdict == Verdict::Open => Ok(()),
            // Who called us is to be answered, not replaced.
            State::Incoming(_) => Err(481),
            State::Inviting
            | State::Accepted
            | State::Up
            | State::Cancelling(_)
            | State::Leaving
            | State::Over => Err(603),
        }
    }

    /// Whether it was answered and is not over.
    pub(crate) fn is_established(&self) -> bool {
        match self.state {
            State::Accepted | State::Up => true,
            State::Inviting | State::Incoming(_) | State::Cancelling(_) | State::Leaving | State::Over => {
                false
            }
        }
    }

    /// Whether anything may still come for it that needs an answer from here.
    pub(crate) fn is_needed(&self) -> bool {
        let is_heard = self.outgoing.as_ref().is_some_and(Outgoing::is_heard);
        !matches!(self.state, State::Over) || self.refused.is_some() || is_heard
    }

    /// Our user wants it to end, whatever that takes now.
    pub(crate) fn end(&mut self, core: &mut Core, now: Now) {
        if self.verdict != Verdict::Open {
            return;
        }
        match &self.state {
            State::Inviting => self.cancel(core, now, Ended::ByUs),
            State::Incoming(_) => self.reject(core, now, 480),
            // The callee must not send BYE before the ACK (RFC 3261 §15).
            State::Accepted => self.verdict = Verdict::Owed(Ended::ByUs),
            State::Up => {
                self.leave(core, now, Ended::ByUs);
            }
            State::Cancelling(_) | State::Leaving | State::Over => {}
        }
    }

    /// One of its timers ran out.
    pub(crate) fn fire(&mut self, core: &mut Core, now: Now, timer: DialogTimer) {
        match timer {
            DialogTimer::NothingHeard => self.nothing_heard(core, now),
            DialogTimer::Unanswered => self.unanswered(core, now),
            DialogTimer::CancelGivenUp => self.cancel_given_up(core),
            DialogTimer::Repeat2xx => self.repeat_2xx(core, now),
            DialogTimer::Unacknowledged => self.unacknowledged(core, now),
            DialogTimer::ReofferUnanswered => self.refuse_offer(core, now, 500),
            DialogTimer::ChangeRetry => self.ask_again(core, now),
            DialogTimer::ChangeUnanswered => self.change_unanswered(core, now),
            DialogTimer::RepeatProvisional => self.repeat_provisional(core, now),
            DialogTimer::Unpracked => self.unpracked(core, now),
            DialogTimer::ReferUnanswered => self.refuse_refer(core, now, 603),
            DialogTimer::ReferOver => self.notify_refer(core, now, 408),
            DialogTimer::SessionRefresh => self.refresh(core, now),
            DialogTimer::SessionExpired => self.session_expired(core, now),
        }
    }

    /// The BYE was answered. 401 and 407 are answered in turn, once; anything else is as good as a 200.
    pub(crate) fn bye_answered(&mut self, core: &mut Core, now: Now, id: TransactionId, response: &Response) {
        if response.status < 200 || !matches!(self.state, State::Leaving) {
            return;
        }
        // Its connection was lost, and it with it: nobody answered.
        if core.table.request(id).is_none() {
            return self.over(core, now, Ended::ByUs);
        }
        if let Some(bye) = self.authorized_again(core, id, response) {
            let to = self.next_hop(core);
            let other = core.open(now.mono, bye, to, ClientUser::Bye(self.id));
            return self.await_other_bye(id, other);
        }
        if self.acknowledge_unwanted(core, id, response)
            && let Some((bye, flow)) = self.once_more(core, id)
        {
            core.open(now.mono, bye, flow, ClientUser::Bye(self.id));
            return;
        }
        // Who knows of no dialog may still wait for the refusal that went with it.
        if response.status < 300 {
            self.refused = None;
        }
        self.over(core, now, Ended::ByUs);
    }

    /// Nobody answered the BYE.
    pub(crate) fn bye_timed_out(&mut self, core: &mut Core, now: Now) {
        if matches!(self.state, State::Leaving) {
            self.over(core, now, Ended::ByUs);
        }
    }

    /// Sends BYE; `how` is owed unless something else is, or was told.
    fn leave(&mut self, core: &mut Core, now: Now, how: Ended) -> Option<TransactionId> {
        self.stop_timers(core);
        self.drop_reoffer(core, now);
        self.drop_change(core, now);
        self.drop_refer(core, now);
        self.unacked = None;
        if self.verdict == Verdict::Open {
            self.verdict = Verdict::Owed(how);
        }
        let cseq = self.next_cseq(core);
        let Some(bye) = self.request(core, Method::Bye, cseq) else {
            self.over(core, now, how);
            return None;
        };
        self.state = State::Leaving;
        Some(core.open(now.mono, bye, self.next_hop(core), ClientUser::Bye(self.id)))
    }

    /// The protocol came to its end; tells our user what is owed, else `how`. Who was refused may not know yet: then it is
    /// owed until they do, and the token is good until then.
    fn over(&mut self, core: &mut Core, now: Now, how: Ended) {
        self.stop_timers(core);
        self.reliable = Reliable::default();
        self.drop_reoffer(core, now);
        self.drop_change(core, now);
        self.drop_refer(core, now);
        self.unacked = None;
        self.state = State::Over;
        match (self.refused, self.verdict) {
            (None, _) => self.tell_end(core, how),
            (Some(_), Verdict::Open) => self.verdict = Verdict::Owed(how),
            (Some(_), Verdict::Owed(_) | Verdict::Told) => {}
        }
    }

    fn tell_end(&mut self, core: &mut Core, how: Ended) {
        let how = match self.verdict {
            Verdict::Open => how,
            Verdict::Owed(owed) => owed,
            Verdict::Told => return,
        };
        self.verdict = Verdict::Told;
        let retry_after = self.retry_after;
        core.wire.tell(Event::Ended { dialog: self.id, how, retry_after });
    }

    /// Tells our user something, unless it has asked for the end.
    fn tell(&self, core: &mut Core, event: Event) {
        if self.verdict == Verdict::Open {
            core.wire.tell(event);
        }
    }

    fn tell_token(&self, core: &mut Core, token: Bytes) {
        self.tell(core, Event::Token { dialog: self.id, token });
    }

    /// A request inside the dialog. None: there is no far end yet.
    fn request(&self, core: &mut Core, method: Method, cseq: u32) -> Option<Request> {
        let far = self.far.as_ref()?;
        let mut request = core.request(method, far.route.target.clone(), self.flow);
        self.fill(&mut request, far, cseq);
        Some(request)
    }

    /// Puts into a request what makes it one of this dialog with `far`.
    fn fill(&self, request: &mut Request, far: &Far, cseq: u32) {
        far.route.apply(request);
        let cseq = CSeq { number: cseq, method: request.method.clone() };
        request.headers.push(HeaderName::From, self.local.clone());
        request.headers.push(HeaderName::To, far.line.clone());
        request.headers.push(HeaderName::CallId, self.call_id.clone());
        request.headers.push(HeaderName::CSeq, cseq.to_string());
    }

    /// The number of our next request. While the dialog is established its token follows suit: after a restart the BYE
    /// must not be older than what the far end heard last.
    fn next_cseq(&mut self, core: &mut Core) -> u32 {
        self.local_cseq = self.local_cseq.saturating_add(1);
        if matches!(self.state, State::Accepted | State::Up) && self.local_cseq >= self.token_cseq {
            self.tell_talking_token(core);
        }
        self.local_cseq
    }

    /// The request of transaction `id` as a new one, and its way.
    fn once_more(&mut self, core: &mut Core, id: TransactionId) -> Option<(Request, Flow)> {
        let (mut again, flow) = core.table.request(id).map(|(request, flow)| (request.clone(), flow))?;
        let (via, number) = (core.via(flow), self.next_cseq(core));
        again.headers.set(HeaderName::Via, via);
        let cseq = CSeq { number, method: again.method.clone() };
        again.headers.set(HeaderName::CSeq, cseq.to_string());
        Some((again, flow))
    }

    fn next_hop(&self, core: &Core) -> Flow {
        self.far.as_ref().map_or(self.flow, |far| self.way_to(core, far))
    }

    /// The way of a request to `far`: its next hop, by the stream that came from there if there is one.
    fn way_to(&self, core: &Core, far: &Far) -> Flow {
        let hop = far.route.next_hop(self.flow, self.path);
        let same_host = hop.transport == self.flow.transport && hop.remote.ip() == self.flow.remote.ip();
        match same_host && core.wire.connections.is_accepted(self.flow) {
            true => self.flow,
            false => hop,
        }
    }

    fn set_timer(&self, core: &mut Core, timer: DialogTimer, at: Mono) {
        core.wire.timers.set(TimerName::Dialog(self.id, timer), at);
    }

    fn stop_timer(&self, core: &mut Core, timer: DialogTimer) {
        core.wire.timers.cancel(&TimerName::Dialog(self.id, timer));
    }

    fn stop_timers(&self, core: &mut Core) {
        let [first, .., last] = DialogTimer::ALL;
        let [first, last] = [first, last].map(|timer| TimerName::Dialog(self.id, timer));
        core.wire.timers.cancel_all(first..=last);
    }
}

impl Far {
    /// The far end as its answer to our INVITE, sent to `asked`, shows it.
    fn answering(response: &Response, asked: &Uri) -> Option<Far> {
        let headers = &response.headers;
        // The way back is the way of the request reversed (RFC 3261 §12.1.2).
        let set = headers.record_routes().ok()?.into_iter().rev().collect();
        let target = contact_of(headers).unwrap_or_else(|| asked.clone());
        let tag = headers.to().ok()?.tag().map(str::to_owned);
        let line = headers.get(&HeaderName::To)?.to_owned();
        Some(Far { line, tag, route: Route { target, set }, cseq: None })
    }

    /// The far end as its INVITE shows it.
    fn asking(request: &Request) -> Option<Far> {
        let headers = &request.headers;
        let set = headers.record_routes().ok()?;
        let from = headers.from().ok()?;
        let target = contact_of(headers).unwrap_or_else(|| from.uri.clone());
        let line = headers.get(&HeaderName::From)?.to_owned();
        let cseq = Some(headers.cseq().ok()?.number);
        Some(Far { line, tag: from.tag().map(str::to_owned), route: Route { target, set }, cseq })
    }
}

/// Whether the sender of a message takes UPDATE.
fn hears_update(headers: &Headers) -> bool {
    headers.tokens(&HeaderName::Allow).contains(&Method::Update.as_str())
}

/// The one Contact of a message, if it can be called.
fn contact_of(headers: &Headers) -> Option<Uri> {
    match headers.contacts().ok()? {
        crate::message::Contacts::Star => None,
        crate::message::Contacts::List(list) => {
            list.into_iter().map(|NameAddr { uri, .. }| uri).find(Uri::is_sip)
        }
    }
}
