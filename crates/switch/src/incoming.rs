//! Calls that are not ours: who may call in. By a trunk that is whom there is an inbound route for, else a registered phone
//! of an account, which has proven to be it (`sip`). Everybody else is refused here, and what such callers hear depends on
//! what they may know. What becomes of the others is for the core to say.

use base::{AccountId, LegId, Now};
use bytes::Bytes;
use callcenter::signal::Signal;
use media::codec::Codec;
use sip::api::{Aor, DialogId, Flow, Identity, RegistrationId};

use crate::api::{CallerShown, Diagnostic, RefusedBecause};
use crate::cause::UNAVAILABLE;
use crate::referral::is_dialled;
use crate::speech::Speech;
use crate::switch::{Intake, Switch};
use crate::trunks::TrunkNo;

/// Legs of a call with two ends.
const LEGS_OF_A_CALL: usize = 2;
/// The user of who does not say who calls (RFC 3323 §4.1.1.3).
const ANONYMOUS: &str = "anonymous";

/// Where a call comes from.
pub(crate) struct Caller {
    pub(crate) flow: Flow,
    /// The phone that is registered there.
    pub(crate) registered: Option<Aor>,
    /// The registration of ours whose contact was called.
    pub(crate) registration: Option<RegistrationId>,
    /// The user in From.
    pub(crate) from: String,
    /// What is said of who calls besides.
    pub(crate) identity: Identity,
}

/// A call that the core has not decided about yet.
pub(crate) struct Arrival {
    pub(crate) account: AccountId,
    pub(crate) dialog: DialogId,
    pub(crate) from: From,
    pub(crate) flow: Flow,
    /// Without a port yet.
    pub(crate) speech: Speech,
    /// Whom they called: of a trunk's call as the route has it, of a phone's as it was dialled.
    pub(crate) called: String,
    /// Who calls, if others may be told.
    pub(crate) caller: Option<String>,
    shown: CallerShown,
}

/// By what a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    /// A trunk.
    Trunk(TrunkNo),
    /// A phone of the account.
    Phone,
}

impl From {
    /// The trunk.
    pub(crate) fn trunk(self) -> Option<TrunkNo> {
        match self {
            From::Trunk(trunk) => Some(trunk),
            From::Phone => None,
        }
    }
}

impl Switch {
    /// Somebody calls `called`, with this offer. Whoever is not known hears the same, whomever they ask for; a trunk learns
    /// whether the number it asks for is one of those that call out by it.
    pub(crate) fn incoming(
        &mut self,
        now: Now,
        dialog: DialogId,
        caller: &Caller,
        called: &str,
        offer: Option<Bytes>,
    ) {
        let trunk = self.trunk_of(caller, called);
        match self.admit(now, dialog, caller, (trunk, called), offer) {
            Ok(arrival) => self.arrive(now, arrival),
            Err((status, because)) => {
                let shown = trunk.map_or(CallerShown::NotTold, |trunk| self.shown(trunk, caller).0);
                self.endpoint.reject(now, dialog, status);
                self.tell_refused(caller.flow, trunk, (status, because), shown);
            }
        }
    }

    /// The core learns of a call.
    fn arrive(&mut self, now: Now, arrival: Arrival) {
        let leg = LegId(self.ids.next(now.wall));
        let (called, caller) = (arrival.called.clone(), arrival.caller.clone());
        let signal = match arrival.from {
            From::Trunk(trunk) => {
                let trunk = self.trunks.config(trunk).name.clone();
                Signal::CallArrived { leg, trunk, called, caller }
            }
            From::Phone => Signal::PhoneCalled { leg, user: caller.unwrap_or_default(), called },
        };
        self.tell(arrival.account, signal);
        self.arrivals.insert(leg, arrival);
    }

    /// What is refused here has begun nothing.
    fn admit(
        &mut self,
        now: Now,
        dialog: DialogId,
        caller: &Caller,
        (trunk, called): (Option<TrunkNo>, &str),
        offer: Option<Bytes>,
    ) -> Result<Arrival, (u16, RefusedBecause)> {
        let is_known = caller.registered.is_some() || trunk.is_some();
        if is_known && self.log_is_behind() {
            return Err((UNAVAILABLE, RefusedBecause::LogBehind));
        }
        if is_known && self.intake == Intake::Closed {
            return Err((UNAVAILABLE, RefusedBecause::Stopping));
        }
        if let Some(phone) = &caller.registered {
            return self.admit_phone(now, dialog, (caller.flow, phone), called, offer);
        }
        let trunk = trunk.ok_or((403, RefusedBecause::Stranger))?;
        let Some(route) = self.routes.find(&self.trunks, trunk, called).cloned() else {
            return Err(match self.routes.is_number(&self.trunks, trunk, called) {
                true => (480, RefusedBecause::NoRoute),
                false => (404, RefusedBecause::NumberUnknown),
            });
        };
        let channels_max = self.trunks.config(trunk).channels_max;
        let taken = || self.legs.channels(trunk) + self.channels_promised(trunk);
        if channels_max.is_some_and(|max| taken() >= max) {
            return Err((486, RefusedBecause::ChannelsFull));
        }
        let codecs = self.trunks.config(trunk).codecs.clone();
        let speech = self.speech_with(now, caller.flow, codecs, offer)?;
        let (shown, number) = self.shown(trunk, caller);
        Ok(Arrival {
            account: route.account,
            dialog,
            from: From::Trunk(trunk),
            flow: caller.flow,
            speech,
            shown,
            called: route.called,
            caller: number,
        })
    }

    /// The same of a call by a registered phone.
    fn admit_phone(
        &mut self,
        now: Now,
        dialog: DialogId,
        (flow, phone): (Flow, &Aor),
        called: &str,
        offer: Option<Bytes>,
    ) -> Result<Arrival, (u16, RefusedBecause)> {
        let account = self.phones.account_of(&phone.domain).ok_or((403, RefusedBecause::Stranger))?;
        // A phone may add how its number is to be read (RFC 3261 §19.1.6).
        let called = called.split(';').next().unwrap_or_default();
        if !is_dialled(called) {
            return Err((404, RefusedBecause::NumberUnknown));
        }
        let speech = self.speech_with(now, flow, self.config.phone_codecs_of(account), offer)?;
        Ok(Arrival {
            account,
            dialog,
            from: From::Phone,
            flow,
            speech,
            shown: CallerShown::Told,
            called: called.to_owned(),
            caller: Some(phone.user.clone()),
        })
    }

    /// What we could say to a caller's offer, if there is room for its call. What calls of now will want is not given away.
    fn speech_with(
        &mut self,
        now: Now,
        flow: Flow,
        codecs: Vec<Codec>,
        offer: Option<Bytes>,
    ) -> Result<Speech, (u16, RefusedBecause)> {
        let wanted = LEGS_OF_A_CALL + self.legs_promised();
        let room = self.legs.len() + wanted <= self.config.legs_max;
        if !room || !self.ports.has(now.mono, wanted) {
            return Err((UNAVAILABLE, RefusedBecause::NoResource));
        }
        let (address, origin_id) = (self.media_address(flow), self.random.below(1 << 62));
        let mut speech = Speech::new(address, 0, origin_id, codecs).asked_with(offer);
        let wanted = speech.wanted(&self.ports).map_err(|_| (488, RefusedBecause::NoAgreement))?;
        speech.prefer(wanted);
        Ok(speech)
    }

    /// The core does not want a call.
    pub(crate) fn refuse_arrival(&mut self, now: Now, arrival: &Arrival, status: u16) {
        self.endpoint.reject(now, arrival.dialog, status);
        let because = (status, RefusedBecause::NotWanted);
        self.tell_refused(arrival.flow, arrival.from.trunk(), because, arrival.shown);
    }

    fn tell_refused(
        &mut self,
        flow: Flow,
        trunk: Option<TrunkNo>,
        (status, because): (u16, RefusedBecause),
        caller: CallerShown,
    ) {
        let trunk = trunk.map(|trunk| self.trunks.config(trunk).name.clone());
        self.tell_operator(Diagnostic::IncomingRefused {
            remote: flow.remote,
            trunk,
            status,
            because,
            caller,
        });
    }

    /// Who calls by a trunk, as far as others may be told.
    fn shown(&self, trunk: TrunkNo, caller: &Caller) -> (CallerShown, Option<String>) {
        let told = self.trunks.caller(trunk, &caller.from, &caller.identity);
        match told.withheld {
            true => (CallerShown::Withheld, None),
            false if is_number(&told.number) => (CallerShown::Told, Some(told.number)),
            false => (CallerShown::NotTold, None),
        }
    }

    /// The trunk that a call comes from. Its address says so; the contact that was called, or who has a route for `called`,
    /// only which of those with that address.
    fn trunk_of(&self, caller: &Caller, called: &str) -> Option<TrunkNo> {
        let ip = caller.flow.remote.ip();
        let registered = caller.registration.and_then(|id| self.trunks.registered_as(id));
        registered.filter(|trunk| self.trunks.is_at(*trunk, ip)).or_else(|| {
            let routed = |trunk: &TrunkNo| self.routes.find(&self.trunks, *trunk, called).is_some();
            self.trunks.at(ip).find(routed).or_else(|| self.trunks.at(ip).next())
        })
    }
}

/// Whether what a far end says of who calls can be told to others: a number, or a plain user name.
fn is_number(caller: &str) -> bool {
    is_dialled(caller) && !caller.eq_ignore_ascii_case(ANONYMOUS)
}

#[cfg(test)]
mod tests {
    use callcenter::action::{Action, Target};
    use callcenter::signal::{Cause, EndedBy, Failure};

    use super::*;
    use crate::border::{Border, CALL, header};

    /// Phone 1 calls, and the core is told of it: the leg that it would have.
    fn called(border: &mut Border, number: &str) -> LegId {
        border.call_in(1, "1001", number, Some("secret"));
        let told = border.told();
        let [Signal::PhoneCalled { leg, ref user, ref called }] = told[..] else { panic!("{told:?}") };
        assert_eq!((user.as_str(), called.as_str()), ("1001", number));
        leg
    }

    fn statuses(border: &Border, far: usize) -> Vec<String> {
        let answers = border.fars[far].heard("SIP/2.0 ").into_iter();
        answers
            .filter(|text| header(text, "CSeq").ends_with("INVITE"))
            .map(|text| text[8..11].to_owned())
            .collect()
    }

    #[test]
    fn a_phone_that_calls_is_asked_who_it_is_and_then_treated_like_any_caller() {
        let mut border = Border::new();
        let leg = called(&mut border, "13900000001");
        assert_eq!(statuses(&border, 1), ["401", "100"]);
        border.act(Action::TakeLeg { leg, call: CALL });
        border.act(Action::LetRing { leg, early_media: false });
        assert_eq!(statuses(&border, 1), ["401", "100", "180"]);
        border.start(LegId(9), Target::Number("13900000001".to_owned()));
        border.answer(9);
        border.act(Action::AnswerLeg { leg });
        assert!(border.fars[1].answered);
        assert_eq!(border.switch.counts().legs_living, 2);
        border.told();
        border.far(1, |endpoint, now, call| endpoint.end(now, call));
        let [Signal::LegEnded { cause, gateway: None, .. }] = border.told()[..] else { panic!("it hung up") };
        assert_eq!(cause, Cause { sip_code: 200, by: EndedBy::Far, failure: Failure::None });
    }

    #[test]
    fn a_phone_that_is_refused_hears_why() {
        let mut border = Border::new();
        let leg = called(&mut border, "9");
        let cause = Cause { sip_code: 0, by: EndedBy::Us, failure: Failure::Forbidden };
        border.act(Action::RefuseLeg { leg, cause });
        assert_eq!(statuses(&border, 1).last().map(String::as_str), Some("403"));
        assert_eq!((border.told(), border.switch.counts().legs), (vec![], 0));
    }

    #[test]
    fn who_cannot_prove_to_be_a_phone_calls_nobody() {
        for (far, password, status) in
            [(1, Some("wrong"), "401"), (1, None, "401"), (5, Some("secret"), "403"), (5, None, "403")]
        {
            let mut border = Border::new();
            border.call_in(far, "1001", "13900000001", password);
            assert_eq!(statuses(&border, far).last().map(String::as_str), Some(status));
            assert_eq!(border.told(), [], "{far} {password:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_asked_for() {
        for (number, wanted) in [
            ("*97%23", Some("*97#")),
            ("13900000001;phone-context=+86", Some("13900000001")),
            ("a%20b", None),
            (&"9".repeat(65), None),
        ] {
            let mut border = Border::new();
            border.call_in(1, "1001", number, Some("secret"));
            let told = border.told();
            let called = told.iter().map(|signal| match signal {
                Signal::PhoneCalled { called, .. } => called.as_str(),
                other => panic!("{other:?}"),
            });
            assert_eq!(called.collect::<Vec<_>>(), wanted.into_iter().collect::<Vec<_>>(), "{number}");
            if wanted.is_none() {
                assert_eq!(statuses(&border, 1).last().map(String::as_str), Some("404"));
            }
        }
    }

    /// The line that a phone consults by, when it transfers by itself.
    #[test]
    fn a_phone_that_talks_calls_by_its_second_line() {
        let mut border = Border::talking();
        let second = called(&mut border, "1002");
        border.act(Action::TakeLeg { leg: second, call: CALL });
        border.act(Action::AnswerLeg { leg: second });
        assert_eq!(border.switch.counts().legs_living, 3);
    }
}
