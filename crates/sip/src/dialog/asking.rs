//! What a phone asks of the far end of its call: to call someone (RFC 3515), to take note of a key (RFC 6086).

use base::Now;

use super::{Dialog, State, Verdict};
use crate::api::{Event, Referral};
use crate::endpoint::Core;
use crate::message::{HeaderName, Method, Request, Response};
use crate::transaction::{ClientUser, TransactionId};

/// How long a key is held down that is told by INFO, milliseconds.
const KEY_MS: u32 = 160;

/// Our wish that the far end call someone, one at a time.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Asked {
    #[default]
    Nothing,
    /// Its answer is not here yet; it may be told before how it goes.
    Sent(TransactionId),
    /// The far end will tell.
    Accepted,
}

impl Dialog {
    /// The far end is to call `to`, in place of the call `replaces` if it is given.
    pub(crate) fn refer(&mut self, core: &mut Core, now: Now, to: &str, replaces: Option<&str>) {
        if !self.may_ask() || self.asked != Asked::Nothing {
            return self.tell_referral(core, Referral::Done { status: 491 });
        }
        let refer_to = match replaces {
            Some(replaces) => format!("<{to}?Replaces={}>", escaped(replaces)),
            None => format!("<{to}>"),
        };
        let cseq = self.next_cseq(core);
        let Some(mut refer) = self.request(core, Method::Refer, cseq) else { return };
        refer.headers.push(HeaderName::Contact, self.contact.clone());
        refer.headers.push(HeaderName::ReferTo, refer_to);
        self.asked = Asked::Sent(core.open(now.mono, refer, self.next_hop(core), ClientUser::Asked(self.id)));
    }

    /// Tells the far end of a key.
    pub(crate) fn press(&mut self, core: &mut Core, now: Now, key: char) {
        if !self.may_ask() {
            return;
        }
        let cseq = self.next_cseq(core);
        let Some(mut info) = self.request(core, Method::Info, cseq) else { return };
        info.headers.push(HeaderName::ContentType, "application/dtmf-relay");
        info.body = format!("Signal={key}\r\nDuration={KEY_MS}\r\n").into();
        core.open(now.mono, info, self.next_hop(core), ClientUser::Asked(self.id));
    }

    /// What a call that is to take this one's place calls it (RFC 3891 §6.1). None: it has no far end yet.
    pub(crate) fn as_replaced(&self) -> Option<String> {
        let far = self.far.as_ref()?.tag.as_deref().unwrap_or("0");
        Some(format!("{};to-tag={far};from-tag={}", self.call_id, self.local_tag))
    }

    /// An answer came to a REFER or INFO of ours.
    pub(crate) fn asked_answered(
        &mut self,
        core: &mut Core,
        now: Now,
        id: TransactionId,
        response: &Response,
    ) {
        if response.status < 200 || !self.may_ask() {
            return;
        }
        let again = self.authorized_again(core, id, response);
        let again =
            again.map(|again| core.open(now.mono, again, self.next_hop(core), ClientUser::Asked(self.id)));
        match (&self.asked, again) {
            (Asked::Sent(asked), Some(again)) if *asked == id => self.asked = Asked::Sent(again),
            (Asked::Sent(asked), None) if *asked == id && response.status < 300 => {
                self.asked = Asked::Accepted;
                self.tell_referral(core, Referral::Trying);
            }
            (Asked::Sent(asked), None) if *asked == id => self.referral_over(core, response.status),
            (Asked::Nothing | Asked::Sent(_) | Asked::Accepted, _) => {}
        }
    }

    /// Nobody answered a REFER or INFO of ours.
    pub(crate) fn asked_timed_out(&mut self, core: &mut Core, id: TransactionId) {
        if self.asked == Asked::Sent(id) {
            self.referral_over(core, 408);
        }
    }

    /// The far end tells how it goes with whom we had it call; that may come before its answer. 405 where we asked for
    /// nothing.
    pub(super) fn far_notifies(&mut self, core: &mut Core, now: Now, id: TransactionId, request: &Request) {
        if self.asked == Asked::Nothing {
            return core.answer_plainly(now.mono, id, request, 405);
        }
        core.answer_plainly(now.mono, id, request, 200);
        let text = std::str::from_utf8(&request.body).ok();
        let status = text.and_then(|text| text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok());
        match status {
            Some(status @ 200..700) => self.referral_over(core, status),
            Some(_) => self.tell_referral(core, Referral::Trying),
            None => {}
        }
    }

    fn referral_over(&mut self, core: &mut Core, status: u16) {
        self.asked = Asked::Nothing;
        self.tell_referral(core, Referral::Done { status });
    }

    fn tell_referral(&self, core: &mut Core, standing: Referral) {
        self.tell(core, Event::ReferralTold { dialog: self.id, standing });
    }

    fn may_ask(&self) -> bool {
        matches!(self.state, State::Accepted | State::Up) && self.verdict == Verdict::Open
    }
}

/// As the value of a header in a URI (RFC 3261 §19.1.1).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
