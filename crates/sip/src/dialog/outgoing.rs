use base::Now;
use bytes::Bytes;

use super::answer_mode;
use super::identity;
use super::reliable::number_of;
use super::{Cancel, Dialog, Far, Path, Route, State, Verdict, hears_update};
use crate::api::{DialogId, Ended, Event, Flow, Gate, Invite};
use crate::endpoint::{ALLOWED, Core, DialogTimer, put_sdp, sdp_of};
use crate::limits::{CANCELS_MAX, FORKS_MAX};
use crate::message::{CSeq, HeaderName, Malformed, Method, NameAddr, Request, Response, Uri};
use crate::transaction::{Class, ClientUser, TransactionId};

/// What is known of an INVITE of ours and its answers.
#[derive(Debug)]
pub(super) struct Outgoing {
    progress: Progress,
    heard: Heard,
    /// The INVITE as it was last sent, without its body.
    invite: Request,
    /// Far ends that answered provisionally, by To tag.
    early: Vec<Early>,
    /// Far ends that answered with 2xx: the first one is the dialog's, the others were sent away.
    acked: Vec<Acked>,
    /// The last thing told, since provisional answers are repeated.
    told: Option<(u16, Option<Bytes>)>,
    /// How often it was cancelled.
    cancels: usize,
}

/// Where the INVITE's transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// No final answer yet.
    Open(TransactionId),
    /// A 2xx came; more may.
    Accepted(TransactionId),
    /// Nothing more can come.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Heard {
    Nothing,
    /// At least a 100.
    Something,
    /// A 18x.
    Ringing,
}

#[derive(Debug)]
struct Early {
    far: Far,
    sdp: Option<Bytes>,
    /// The number of its last provisional answer that wanted a PRACK.
    rseq: Option<u32>,
}

#[derive(Debug)]
struct Acked {
    tag: Option<String>,
    flow: Flow,
    ack: Bytes,
    step: AckStep,
}

/// Where the ACK for a 2xx is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AckStep {
    /// Sent; sent again when the 2xx comes again (RFC 3261 §13.2.2.4).
    Sent,
    /// Nobody wants that far end: its BYE comes first. One that has no ACK repeats its 2xx and gives up in the end, while
    /// one that has it would wait for ever for a BYE that is lost, were we to die meanwhile.
    AfterBye(TransactionId),
}

impl Outgoing {
    /// Whether answers to the INVITE may still come.
    pub(super) fn is_heard(&self) -> bool {
        self.progress != Progress::Done
    }

    /// An INVITE that was sent before a restart.
    pub(super) fn resumed(invite: Request, transaction: TransactionId) -> Outgoing {
        Outgoing { heard: Heard::Something, ..Outgoing::new(invite, transaction) }
    }

    fn new(mut invite: Request, transaction: TransactionId) -> Outgoing {
        invite.body = Bytes::new();
        Outgoing {
            progress: Progress::Open(transaction),
            heard: Heard::Nothing,
            invite,
            early: Vec::new(),
            acked: Vec::new(),
            told: None,
            cancels: 0,
        }
    }

    /// The far ends that answered provisionally.
    pub(super) fn early_fars(&self) -> impl Iterator<Item = &Far> {
        self.early.iter().map(|early| &early.far)
    }

    fn early_with(&mut self, tag: Option<&str>) -> Option<&mut Early> {
        self.early.iter_mut().find(|early| early.far.tag.as_deref() == tag)
    }

    fn open(&self) -> Option<TransactionId> {
        match self.progress {
            Progress::Open(transaction) => Some(transaction),
            Progress::Accepted(_) | Progress::Done => None,
        }
    }
}

impl Dialog {
    /// Calls someone. The error says which part of `invite` cannot be used.
    pub(crate) fn invite(
        core: &mut Core,
        now: Now,
        id: DialogId,
        path: Path,
        route: Vec<NameAddr>,
        invite: Invite,
    ) -> Result<Dialog, Malformed> {
        let uri = Uri::parse(&invite.uri)?;
        let to = NameAddr::parse(&invite.to_uri, "To")?;
        let who = &invite.identity;
        let mut from = identity::from(core, invite.flow, &invite.from_user, invite.from_name, who)?;
        let user = from.uri.user_unescaped();
        let local_tag = core.tag();
        from.params.set("tag", Some(&local_tag));
        let (local, contact) = (from.to_string(), core.contact(invite.flow, &user));
        let call_id = core.random.uuid();
        let route = Route { target: uri.clone(), set: route };
        let flow = route.first_hop(invite.flow, path);
        let mut request = core.request(Method::Invite, uri, flow);
        route.apply(&mut request);
        request.headers.push(HeaderName::From, local.clone());
        request.headers.push(HeaderName::To, to.to_string());
        request.headers.push(HeaderName::CallId, call_id.clone());
        request.headers.push(HeaderName::CSeq, CSeq { number: 1, method: Method::Invite }.to_string());
        request.headers.push(HeaderName::Contact, contact.clone());
        request.headers.push(HeaderName::Allow, ALLOWED);
        identity::put(core, invite.flow, &mut request.headers, who)?;
        answer_mode::put(core, invite.flow, &mut request.headers, invite.answer_mode);
        core.put_supported(&mut request.headers);
        put_sdp(&mut request.headers, &mut request.body, invite.sdp.clone());
        let mut dialog = Dialog::new(id, flow, path, call_id);
        dialog.put_session(core, &mut request.headers);
        (dialog.local, dialog.local_tag, dialog.local_cseq) = (local, local_tag, 1);
        (dialog.contact, dialog.credentials, dialog.sdp) = (contact, invite.credentials, invite.sdp);
        dialog.state = State::Inviting;
        dialog.send_invite(core, now, request);
        dialog.patience = invite.answer_any_within;
        if let Some(patience) = dialog.patience {
            core.wire.await_opening_until(dialog.flow, now.mono + patience);
        }
        if !core.config.invites_wait {
            dialog.invite_left(core, now);
        }
        Ok(dialog)
    }

    /// An answer to our INVITE came.
    pub(crate) fn invite_answered(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        response: &Response,
    ) {
        match Class::of(response.status) {
            Class::Provisional => self.progressed(core, now, response),
            Class::Success => self.far_accepted(core, now, id, response),
            Class::Failure => self.far_refused(core, now, id, response),
        }
    }

    /// Nobody answered our INVITE (Timer B).
    pub(crate) fn invite_timed_out(&mut self, core: &mut Core, now: Now) {
        self.invite_gone();
        match self.state {
            State::Inviting => self.over(core, now, Ended::NoAnswer { rang: false }),
            State::Cancelling(_) => self.over(core, now, Ended::ByUs),
            State::Incoming(_) | State::Accepted | State::Up | State::Leaving | State::Over => {}
        }
    }

    /// No more answers can come to the INVITE of transaction `id`.
    pub(crate) fn invite_done(&mut self, id: TransactionId) {
        if let Some(out) = &mut self.outgoing
            && (out.progress == Progress::Open(id) || out.progress == Progress::Accepted(id))
        {
            out.progress = Progress::Done;
            out.early.clear();
            out.acked.clear();
        }
    }

    /// Our CANCEL was refused: the far end knows nothing of the INVITE, nothing any more, or nothing yet, when the CANCEL
    /// was the faster of the two. Until the ceiling a provisional answer is cancelled again, and a 2xx turned away.
    pub(crate) fn cancel_answered(&mut self, core: &mut Core, now: Now, response: &Response) {
        let State::Cancelling(Cancel::Sent { known }) = self.state else { return };
        if response.status == 481 {
            self.tell_end(core, Ended::ByUs);
            self.state = State::Cancelling(Cancel::Due);
            if known {
                self.send_cancel(core, now);
            }
        }
    }

    /// Gives up an INVITE without a final answer; `how` is owed.
    pub(super) fn cancel(&mut self, core: &mut Core, now: Now, how: Ended) {
        self.stop_timers(core);
        self.drop_reoffer(core, now);
        if self.verdict == Verdict::Open {
            self.verdict = Verdict::Owed(how);
        }
        let Some(out) = &mut self.outgoing else { return };
        let Some(transaction) = out.open() else { return };
        if core.table.withdraw(&mut core.wire, transaction) {
            out.progress = Progress::Done;
            return self.over(core, now, how);
        }
        self.state = State::Cancelling(Cancel::Due);
        if out.heard > Heard::Nothing {
            self.send_cancel(core, now);
        }
    }

    /// Sends the CANCEL.
    pub(super) fn send_cancel(&mut self, core: &mut Core, now: Now) {
        let Some(out) = self.outgoing.as_mut().filter(|out| out.cancels < CANCELS_MAX) else { return };
        out.cancels += 1;
        let cancel = cancel_of(&out.invite);
        // The INVITE may have been too large for the path that was meant for it.
        let flow = out.open().and_then(|id| core.table.request(id)).map_or(self.flow, |(_, flow)| flow);
        core.open(now.mono, cancel, flow, ClientUser::Cancel(self.id));
        self.state = State::Cancelling(Cancel::Sent { known: false });
        let patience = core.config.times.patience();
        self.set_timer(core, DialogTimer::CancelGivenUp, now.mono + patience);
    }

    /// The cancelled INVITE got no final answer (RFC 3261 §9.1, last paragraph but one).
    pub(super) fn cancel_given_up(&mut self, core: &mut Core) {
        if let Some(transaction) = self.outgoing.as_ref().and_then(Outgoing::open) {
            core.table.forget_client(&mut core.wire, transaction);
        }
        self.invite_gone();
        self.stop_timers(core);
        self.state = State::Over;
        self.tell_end(core, Ended::ByUs);
    }

    /// The INVITE is on its way: from now on an answer is waited for.
    pub(crate) fn invite_left(&mut self, core: &mut Core, now: Now) {
        if let Some(transaction) = self.outgoing.as_ref().and_then(Outgoing::open) {
            core.table.restart_clock(now.mono, &mut core.wire, transaction);
        }
        let nothing = self.outgoing.as_ref().is_some_and(|out| out.heard == Heard::Nothing);
        if let Some(patience) = self.patience.take()
            && nothing
            && matches!(self.state, State::Inviting)
        {
            self.set_timer(core, DialogTimer::NothingHeard, now.mono + patience);
        }
    }

    /// `answer_any_within` has passed. Told at once, so that another way can be tried; the INVITE is sent no more.
    pub(super) fn nothing_heard(&mut self, core: &mut Core, now: Now) {
        if let Some(transaction) = self.outgoing.as_ref().and_then(Outgoing::open) {
            core.table.hush(&mut core.wire, transaction);
        }
        self.tell_end(core, Ended::NoAnswer { rang: false });
        self.cancel(core, now, Ended::ByUs);
    }

    /// The stream of our INVITE is lost, and a provisional answer to it was heard: it is cancelled. False: it does not wait
    /// for an answer any more, or no other stream leads to the far end.
    pub(crate) fn lost(&mut self, core: &mut Core, now: Now) -> bool {
        let waits = matches!(self.state, State::Inviting) && self.path == Path::Routed;
        if waits {
            self.tell_end(core, Ended::Broken);
            self.cancel(core, now, Ended::ByUs);
        }
        waits
    }

    /// The ceiling for ringing has passed.
    pub(super) fn unanswered(&mut self, core: &mut Core, now: Now) {
        match &self.state {
            State::Inviting => {
                let rang = self.outgoing.as_ref().is_some_and(|out| out.heard == Heard::Ringing);
                self.cancel(core, now, Ended::NoAnswer { rang });
            }
            State::Incoming(_) => self.reject(core, now, 480),
            State::Cancelling(_) | State::Accepted | State::Up | State::Leaving | State::Over => {}
        }
    }

    /// The far end knows better than our INVITE: it ended the dialog before it was one for us.
    pub(super) fn far_left_early(&mut self, core: &mut Core, now: Now) {
        self.tell_end(core, Ended::ByFar);
        self.cancel(core, now, Ended::ByFar);
    }

    /// The far end of an early dialog, by its tag.
    pub(super) fn early_far(&mut self, tag: Option<&str>) -> Option<&mut Far> {
        self.outgoing.as_mut()?.early_with(tag).map(|early| &mut early.far)
    }

    fn send_invite(&mut self, core: &mut Core, now: Now, request: Request) {
        self.tell_token(core, self.calling_token(&request));
        let user = ClientUser::Invite(self.id);
        let transaction = match self.path {
            Path::Routed => core.open_fitting(now, request.clone(), self.flow, user),
            // Nothing else leads through the NAT that may be there.
            Path::Pinned => core.open(now.mono, request.clone(), self.flow, user),
        };
        self.outgoing = Some(Outgoing::new(request, transaction));
    }

    fn progressed(&mut self, core: &mut Core, now: Now, response: &Response) {
        match &mut self.state {
            State::Inviting => {}
            State::Cancelling(Cancel::Due) => return self.send_cancel(core, now),
            State::Cancelling(Cancel::Sent { known }) => {
                *known = true;
                return;
            }
            State::Incoming(_) | State::Accepted | State::Up | State::Leaving | State::Over => return,
        }
        self.stop_timer(core, DialogTimer::NothingHeard);
        let Some(out) = &mut self.outgoing else { return };
        let first = out.heard == Heard::Nothing;
        let heard = if matches!(response.status, 180..=189) { Heard::Ringing } else { Heard::Something };
        out.heard = out.heard.max(heard);
        if first {
            let ceiling = now.mono + core.config.ring_max;
            self.set_timer(core, DialogTimer::Unanswered, ceiling);
        }
        if response.status > 100 {
            self.note_early(core, now, response);
        }
    }

    fn note_early(&mut self, core: &mut Core, now: Now, response: &Response) {
        let sdp = sdp_of(&response.headers, &response.body);
        let rseq = number_of(core, response);
        let Some(out) = &mut self.outgoing else { return };
        if let Some(far) = Far::answering(response, &out.invite.uri).filter(|far| far.tag.is_some()) {
            if let Some(early) = out.early_with(far.tag.as_deref()) {
                // Repeated, or one is missing before it (RFC 3262 §4).
                let in_order = |(new, last): (u32, u32)| last.checked_add(1) == Some(new);
                if rseq.zip(early.rseq).is_some_and(|numbers| !in_order(numbers)) {
                    return;
                }
                early.far.route = far.route.clone();
                early.sdp = sdp.clone().or(early.sdp.take());
                early.rseq = rseq.or(early.rseq);
            } else if out.early.len() < FORKS_MAX {
                out.early.push(Early { far: far.clone(), sdp: sdp.clone(), rseq });
            } else {
                return;
            }
            if let Some(rseq) = rseq {
                self.send_prack(core, now, &far, rseq);
            }
        }
        let Some(out) = &mut self.outgoing else { return };
        let news = Some((response.status, sdp.clone()));
        if out.told != news {
            out.told = news;
            self.tell(core, Event::Progress { dialog: self.id, status: response.status, sdp });
        }
    }

    fn far_accepted(&mut self, core: &mut Core, now: Now, id: TransactionId, response: &Response) {
        let Some(out) = &mut self.outgoing else { return };
        let Some(mut far) = Far::answering(response, &out.invite.uri) else { return };
        if let Some(known) = out.acked.iter().find(|acked| acked.tag == far.tag) {
            return match (known.step, &self.state) {
                (AckStep::AfterBye(_), _) => {}
                // While the BYE is on its way too: the log may not have the dialog yet.
                (AckStep::Sent, State::Up | State::Leaving) => {
                    core.wire.send_gated(known.flow, known.ack.clone(), Some(Gate::Ack(self.id)))
                }
                (
                    AckStep::Sent,
                    State::Inviting
                    | State::Cancelling(_)
                    | State::Incoming(_)
                    | State::Accepted
                    | State::Over,
                ) => core.wire.send(known.flow, known.ack.clone()),
            };
        }
        if out.acked.len() >= FORKS_MAX {
            return;
        }
        out.progress = Progress::Accepted(id);
        let early = out.early_with(far.tag.as_deref());
        far.cseq = early.as_ref().and_then(|early| early.far.cseq);
        let sdp =
            sdp_of(&response.headers, &response.body).or_else(|| early.and_then(|early| early.sdp.clone()));
        match self.state {
            State::Inviting => {
                self.far = Some(far.clone());
                self.state = State::Up;
                self.hears_update = hears_update(&response.headers);
                self.stop_timer(core, DialogTimer::NothingHeard);
                self.stop_timer(core, DialogTimer::Unanswered);
                self.tell_talking_token(core);
                if let Some((flow, ack)) = self.acknowledge(core, &far, AckStep::Sent) {
                    core.wire.send_gated(flow, ack, Some(Gate::Ack(self.id)));
                }
                self.tell(core, Event::Answered { dialog: self.id, sdp });
                self.session_answered(core, now, &response.headers);
            }
            State::Cancelling(_) => {
                self.far = Some(far.clone());
                if let Some(bye) = self.leave(core, now, Ended::ByUs) {
                    self.acknowledge(core, &far, AckStep::AfterBye(bye));
                }
            }
            State::Incoming(_) | State::Accepted | State::Up | State::Leaving | State::Over => {
                let bye = self.send_away(core, now, &far);
                self.acknowledge(core, &far, AckStep::AfterBye(bye));
            }
        }
    }

    /// The BYE of a far end that nobody wanted was answered: now it gets its ACK. True: it did not know the call without
    /// that, so it has to hear the BYE once more.
    pub(super) fn acknowledge_unwanted(
        &mut self,
        core: &mut Core,
        bye: TransactionId,
        response: &Response,
    ) -> bool {
        let Some(out) = &mut self.outgoing else { return false };
        let waiting = out.acked.iter_mut().find(|acked| acked.step == AckStep::AfterBye(bye));
        let Some(acked) = waiting else { return false };
        acked.step = AckStep::Sent;
        core.wire.send(acked.flow, acked.ack.clone());
        Class::of(response.status) == Class::Failure
    }

    /// The BYE of a far end that nobody wanted is asked once more: its ACK waits for that.
    pub(super) fn await_other_bye(&mut self, bye: TransactionId, other: TransactionId) {
        let acked = self.outgoing.iter_mut().flat_map(|out| &mut out.acked);
        for acked in acked.filter(|acked| acked.step == AckStep::AfterBye(bye)) {
            acked.step = AckStep::AfterBye(other);
        }
    }

    /// The BYE of another phone than the one that answered first was answered.
    pub(crate) fn fork_bye_answered(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        response: &Response,
    ) {
        if response.status < 200 {
            return;
        }
        let Some(flow) = core.table.request(id).map(|(_, flow)| flow) else { return };
        let user = ClientUser::ForkBye(self.id);
        if let Some(again) = self.authorized_again(core, id, response) {
            let other = core.open(now.mono, again, flow, user);
            self.await_other_bye(id, other);
        } else if self.acknowledge_unwanted(core, id, response)
            && let Some((again, flow)) = self.once_more(core, id)
        {
            core.open(now.mono, again, flow, user);
        }
    }

    /// Makes the ACK for a 2xx, and keeps it for when the 2xx comes again (RFC 3261 §13.2.2.4), or the BYE is answered.
    fn acknowledge(&mut self, core: &mut Core, far: &Far, step: AckStep) -> Option<(Flow, Bytes)> {
        let mut ack = core.request(Method::Ack, far.route.target.clone(), self.flow);
        self.fill(&mut ack, far, self.invite_cseq());
        let flow = self.way_to(core, far);
        let out = self.outgoing.as_mut()?;
        for name in [HeaderName::Authorization, HeaderName::ProxyAuthorization] {
            for line in out.invite.headers.all(&name) {
                ack.headers.push(name.clone(), line);
            }
        }
        let ack = ack.encode();
        out.acked.push(Acked { tag: far.tag.clone(), flow, ack: ack.clone(), step });
        Some((flow, ack))
    }

    /// Another phone had answered first: BYE to this one.
    fn send_away(&mut self, core: &mut Core, now: Now, far: &Far) -> TransactionId {
        let mut bye = core.request(Method::Bye, far.route.target.clone(), self.flow);
        let cseq = self.next_cseq(core);
        self.fill(&mut bye, far, cseq);
        let flow = self.way_to(core, far);
        core.open(now.mono, bye, flow, ClientUser::ForkBye(self.id))
    }

    fn far_refused(&mut self, core: &mut Core, now: Now, id: TransactionId, response: &Response) {
        self.stop_timer(core, DialogTimer::NothingHeard);
        if matches!(self.state, State::Inviting)
            && let Some(again) = self.authorized_again(core, id, response)
        {
            return self.send_invite(core, now, again);
        }
        if matches!(self.state, State::Inviting)
            && self.raise_session(core, response)
            && let Some((mut again, _)) = self.once_more(core, id)
        {
            self.put_session(core, &mut again.headers);
            return self.send_invite(core, now, again);
        }
        self.invite_gone();
        self.retry_after = response.headers.retry_after();
        match self.state {
            State::Inviting => self.over(core, now, Ended::Refused(response.status)),
            State::Cancelling(_) => self.over(core, now, Ended::ByUs),
            State::Incoming(_) | State::Accepted | State::Up | State::Leaving | State::Over => {}
        }
    }

    pub(super) fn invite_cseq(&self) -> u32 {
        let invite = self.outgoing.as_ref().map(|out| &out.invite);
        invite.and_then(|invite| invite.headers.cseq().ok()).map_or(0, |cseq| cseq.number)
    }

    fn invite_gone(&mut self) {
        if let Some(out) = &mut self.outgoing {
            out.progress = Progress::Done;
        }
    }
}

/// The CANCEL of an INVITE: hop by hop, so it is like it, branch and all (RFC 3261 §9.1).
pub(super) fn cancel_of(invite: &Request) -> Request {
    let mut cancel = Request::new(Method::Cancel, invite.uri.clone());
    let copied = [
        HeaderName::Via,
        HeaderName::MaxForwards,
        HeaderName::UserAgent,
        HeaderName::Route,
        HeaderName::From,
        HeaderName::To,
        HeaderName::CallId,
    ];
    for name in copied {
        for line in invite.headers.all(&name) {
            cancel.headers.push(name.clone(), line);
        }
    }
    let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
    cancel.headers.push(HeaderName::CSeq, CSeq { number, method: Method::Cancel }.to_string());
    cancel
}
