//! Calls from outside: who may call in. Whom there is no inbound route for is refused here, and what such callers hear
//! depends on what they may know. What becomes of the others is for the core to say.

use base::{AccountId, LegId, Now};
use bytes::Bytes;
use callcenter::signal::Signal;
use sip::api::{Aor, DialogId, Flow, Identity, RegistrationId};

use crate::api::{CallerShown, Diagnostic, RefusedBecause};
use crate::cause::UNAVAILABLE;
use crate::speech::Speech;
use crate::switch::{Intake, Switch};
use crate::trunks::TrunkNo;

/// Legs of a call with two ends.
const LEGS_OF_A_CALL: usize = 2;
/// Longer numbers of callers are none.
const CALLER_LEN_MAX: usize = 64;
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
    pub(crate) trunk: TrunkNo,
    pub(crate) flow: Flow,
    /// Without a port yet.
    pub(crate) speech: Speech,
    /// Whom they called, as the route has it.
    pub(crate) called: String,
    /// Who calls, if others may be told.
    pub(crate) caller: Option<String>,
    shown: CallerShown,
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
            Ok(arrival) => {
                let leg = LegId(self.ids.next(now.wall));
                let signal = Signal::CallArrived {
                    leg,
                    trunk: self.trunks.config(arrival.trunk).name.clone(),
                    called: arrival.called.clone(),
                    caller: arrival.caller.clone(),
                };
                self.tell(arrival.account, signal);
                self.arrivals.insert(leg, arrival);
            }
            Err((status, because)) => {
                let shown = trunk.map_or(CallerShown::NotTold, |trunk| self.shown(trunk, caller).0);
                self.endpoint.reject(now, dialog, status);
                self.tell_refused(caller.flow, trunk, (status, because), shown);
            }
        }
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
        if caller.registered.is_some() {
            return Err((403, RefusedBecause::Phone));
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
        // What calls of now will want is not given away.
        let wanted = LEGS_OF_A_CALL + self.legs_promised();
        let room = self.legs.len() + wanted <= self.config.legs_max;
        if !room || !self.ports.has(now.mono, wanted) {
            return Err((UNAVAILABLE, RefusedBecause::NoResource));
        }
        let (address, origin_id) = (self.media_address(caller.flow), self.random.below(1 << 62));
        let codecs = self.trunks.config(trunk).codecs.clone();
        let mut speech = Speech::new(address, 0, origin_id, codecs).asked_with(offer);
        let wanted = speech.wanted(&self.ports).map_err(|_| (488, RefusedBecause::NoAgreement))?;
        speech.prefer(wanted);
        let (shown, number) = self.shown(trunk, caller);
        Ok(Arrival {
            account: route.account,
            dialog,
            trunk,
            flow: caller.flow,
            speech,
            shown,
            called: route.called,
            caller: number,
        })
    }

    /// The core does not want a call.
    pub(crate) fn refuse_arrival(&mut self, now: Now, arrival: &Arrival, status: u16) {
        self.endpoint.reject(now, arrival.dialog, status);
        let because = (status, RefusedBecause::NotWanted);
        self.tell_refused(arrival.flow, Some(arrival.trunk), because, arrival.shown);
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
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'*' | b'#' | b'-' | b'_' | b'.');
    let said = !caller.is_empty() && !caller.eq_ignore_ascii_case(ANONYMOUS);
    said && caller.len() <= CALLER_LEN_MAX && caller.bytes().all(plain)
}
