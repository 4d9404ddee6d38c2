use std::time::Duration;

use base::Now;

use super::{Dialog, Pending, State, Verdict};
use crate::api::{Event, Replaced};
use crate::endpoint::{Core, DialogTimer};
use crate::message::{HeaderName, Method, NameAddr, Request, Response, reason_phrase};
use crate::transaction::{ClientUser, TransactionId};

/// How long we tell how a call goes that we were asked to make: longer than a phone rings.
const SUBSCRIPTION: Duration = Duration::from_secs(360);

/// The far end's wish that we call someone (RFC 3515), one at a time.
#[derive(Debug, Default)]
pub(super) struct Referral {
    /// How many came.
    heard: u32,
    /// The one that our user has not answered yet.
    pending: Option<Pending>,
    /// Who is to be told how it goes: the Event of its NOTIFYs.
    subscription: Option<String>,
}

impl Dialog {
    /// The far end wants us to call someone. `replaces` is what the one who is called is to give up for that.
    pub(super) fn far_refers(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        request: &Request,
        replaces: Option<Replaced>,
    ) {
        let mut lines = request.headers.all(&HeaderName::ReferTo);
        let (Some(Ok(target)), None) =
            (lines.next().map(|line| NameAddr::parse(line, "Refer-To")), lines.next())
        else {
            // Exactly one (RFC 3515 §2.4.1).
            return core.answer_plainly(now.mono, id, request, 400);
        };
        let talks = matches!(self.state, State::Accepted | State::Up) && self.verdict == Verdict::Open;
        if !talks || self.referral.pending.is_some() || self.referral.subscription.is_some() {
            return self.answer_later(core, now, id, request);
        }
        self.referral.heard += 1;
        self.referral.pending = Some(Pending::new(id, request));
        // Half of what the asker waits.
        let patience = core.config.times.patience() / 2;
        self.set_timer(core, DialogTimer::ReferUnanswered, now.mono + patience);
        let mut uri = target.uri;
        uri.headers = None;
        uri.params.remove("method");
        self.tell(core, Event::Referred { dialog: self.id, refer_to: uri.to_string(), replaces });
    }

    /// Our user will do it. Who does not want to know how it goes (RFC 4488) is not told.
    pub(crate) fn accept_refer(&mut self, core: &mut Core, now: Now) {
        let Some(pending) = self.referral.pending.take() else { return };
        self.stop_timer(core, DialogTimer::ReferUnanswered);
        let mut response = self.response(core, &pending.request, 202);
        if wants_silence(&pending.request) {
            response.headers.push(HeaderName::ReferSub, "false");
            return core.answer(now.mono, pending.transaction, &response);
        }
        core.answer(now.mono, pending.transaction, &response);
        let number = pending.request.headers.cseq().map_or(0, |cseq| cseq.number);
        // Only the first one can do without (RFC 3515 §2.4.6), and there are phones that look for this very word.
        let event = if self.referral.heard == 1 { "refer".to_owned() } else { format!("refer;id={number}") };
        self.referral.subscription = Some(event);
        self.set_timer(core, DialogTimer::ReferOver, now.mono + SUBSCRIPTION);
        self.notify_refer(core, now, 100);
    }

    /// Our user will not.
    pub(crate) fn refuse_refer(&mut self, core: &mut Core, now: Now, status: u16) {
        let Some(pending) = self.referral.pending.take() else { return };
        self.stop_timer(core, DialogTimer::ReferUnanswered);
        let response = self.response(core, &pending.request, status);
        core.answer(now.mono, pending.transaction, &response);
    }

    /// Tells how the call goes that we were asked to make. A final status is the last word.
    pub(crate) fn notify_refer(&mut self, core: &mut Core, now: Now, status: u16) {
        let Some(event) = self.referral.subscription.clone() else { return };
        let standing = match status {
            ..200 => format!("active;expires={}", SUBSCRIPTION.as_secs()),
            200.. => "terminated;reason=noresource".to_owned(),
        };
        if status >= 200 {
            self.referral.subscription = None;
            self.stop_timer(core, DialogTimer::ReferOver);
        }
        let cseq = self.next_cseq(core);
        let Some(mut notify) = self.request(core, Method::Notify, cseq) else { return };
        notify.headers.push(HeaderName::Contact, self.contact.clone());
        notify.headers.push(HeaderName::Event, event);
        notify.headers.push(HeaderName::SubscriptionState, standing);
        notify.headers.push(HeaderName::ContentType, "message/sipfrag;version=2.0");
        notify.body = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status)).into();
        let flow = self.next_hop(core);
        core.open(now.mono, notify, flow, ClientUser::Notify(self.id));
    }

    /// A NOTIFY was answered: perhaps nobody wants to know.
    pub(crate) fn notify_answered(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        response: &Response,
    ) {
        if !matches!(self.state, State::Accepted | State::Up) {
            return;
        }
        if let Some(again) = self.authorized_again(core, id, response) {
            let flow = self.next_hop(core);
            core.open(now.mono, again, flow, ClientUser::Notify(self.id));
        } else if response.status == 481 {
            self.referral.subscription = None;
            self.stop_timer(core, DialogTimer::ReferOver);
        }
    }

    /// The dialog ends, and with it what was asked for in it.
    pub(super) fn drop_refer(&mut self, core: &mut Core, now: Now) {
        self.refuse_refer(core, now, 487);
        self.referral.subscription = None;
    }
}

/// Whether who asks wants no NOTIFY (RFC 4488 §4).
fn wants_silence(refer: &Request) -> bool {
    let said = refer.headers.get(&HeaderName::ReferSub).and_then(|value| value.split(';').next());
    said.is_some_and(|value| value.trim().eq_ignore_ascii_case("false"))
}
