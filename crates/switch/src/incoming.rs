//! Calls from outside. Nobody may call in yet; what callers hear depends on what they may know.

use base::Now;
use sip::api::{Aor, DialogId, Flow, Identity, RegistrationId};

use crate::api::{CallerShown, Diagnostic, RefusedBecause};
use crate::cause::UNAVAILABLE;
use crate::switch::Switch;
use crate::trunks::TrunkNo;

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

impl Switch {
    /// Refuses a call. Whoever is not known hears the same, whomever they ask for; a trunk learns whether the number it asks
    /// for is one of those that call out by it.
    pub(crate) fn incoming(&mut self, now: Now, dialog: DialogId, caller: &Caller, called: &str) {
        let trunk = self.trunk_of(caller);
        let (status, because) = match (&caller.registered, trunk) {
            (Some(_), _) | (_, Some(_)) if self.log_is_behind() => (UNAVAILABLE, RefusedBecause::LogBehind),
            (Some(_), _) => (403, RefusedBecause::Phone),
            (None, None) => (403, RefusedBecause::Stranger),
            (None, Some(trunk)) if self.is_number_at(trunk, called) => (480, RefusedBecause::NoInboundPlan),
            (None, Some(_)) => (404, RefusedBecause::NumberUnknown),
        };
        self.endpoint.reject(now, dialog, status);
        let shown = trunk.map(|trunk| self.trunks.caller(trunk, &caller.from, &caller.identity));
        let shown = match shown {
            None => CallerShown::NotTold,
            Some(shown) if shown.withheld => CallerShown::Withheld,
            Some(shown) if shown.number.is_empty() => CallerShown::NotTold,
            Some(_) => CallerShown::Told,
        };
        let trunk = trunk.map(|trunk| self.trunks.config(trunk).name.clone());
        let remote = caller.flow.remote;
        self.tell_operator(Diagnostic::IncomingRefused { remote, trunk, status, because, caller: shown });
    }

    /// The trunk that a call comes from. Its address says so; the contact that was called only which of those with that
    /// address.
    fn trunk_of(&self, caller: &Caller) -> Option<TrunkNo> {
        let ip = caller.flow.remote.ip();
        let registered = caller.registration.and_then(|id| self.trunks.registered_as(id));
        registered.filter(|trunk| self.trunks.is_at(*trunk, ip)).or_else(|| self.trunks.at(ip))
    }

    /// Whether a number is one of an account that calls out by a trunk.
    fn is_number_at(&self, trunk: TrunkNo, number: &str) -> bool {
        let accounts = self.config.accounts.iter().filter(|one| self.trunks.serves(trunk, one.account.id));
        let numbers = &self.trunks.config(trunk).numbers;
        let called = numbers.called_from(number);
        accounts.flat_map(|one| &one.account.numbers).any(|own| numbers.own(own) == called)
    }
}
