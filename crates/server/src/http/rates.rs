use std::collections::BTreeMap;

use base::{AccountId, Wall};

use super::ports::RequestLimits;
use crate::contract::codes::Code;

/// Counts requests per wall-clock minute. Only accounts whose signature verified are in it, so there are few.
#[derive(Debug, Default)]
pub(super) struct Rates {
    minute: i64,
    accounts: BTreeMap<AccountId, Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: u32,
    per_route: BTreeMap<&'static str, u32>,
}

impl Rates {
    /// Counts a request, or refuses it with 50010 or 50020 without counting it (contract §1).
    pub(super) fn admit(
        &mut self,
        now: Wall,
        account: AccountId,
        route: &'static str,
        limits: RequestLimits,
    ) -> Result<(), Code> {
        let minute = now.as_secs().div_euclid(60);
        if minute != self.minute {
            *self = Rates { minute, accounts: BTreeMap::new() };
        }
        let counts = self.accounts.entry(account).or_default();
        let of_route = counts.per_route.entry(route).or_default();
        if limits.per_minute.is_some_and(|max| counts.all >= max) {
            return Err(Code::AccountLimited);
        }
        if limits.per_route_per_minute.is_some_and(|max| *of_route >= max) {
            return Err(Code::RouteLimited);
        }
        counts.all = counts.all.saturating_add(1);
        *of_route = of_route.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = AccountId(1);
    const B: AccountId = AccountId(2);

    fn at(seconds: i64) -> Wall {
        Wall::from_millis(seconds * 1000)
    }

    #[test]
    fn an_account_has_its_requests_per_wall_clock_minute() {
        let mut rates = Rates::default();
        let limits = RequestLimits { per_minute: Some(2), per_route_per_minute: None };
        assert_eq!(rates.admit(at(59), A, "busy", limits), Ok(()));
        assert_eq!(rates.admit(at(60), A, "busy", limits), Ok(()));
        assert_eq!(rates.admit(at(61), A, "rest", limits), Ok(()));
        assert_eq!(rates.admit(at(119), A, "rest", limits), Err(Code::AccountLimited));
        assert_eq!(rates.admit(at(119), B, "rest", limits), Ok(()));
        assert_eq!(rates.admit(at(120), A, "rest", limits), Ok(()));
    }

    #[test]
    fn a_refused_request_is_not_counted() {
        let mut rates = Rates::default();
        let limits = RequestLimits { per_minute: Some(2), per_route_per_minute: Some(1) };
        assert_eq!(rates.admit(at(0), A, "busy", limits), Ok(()));
        assert_eq!(rates.admit(at(0), A, "busy", limits), Err(Code::RouteLimited));
        assert_eq!(rates.admit(at(0), A, "rest", limits), Ok(()));
        assert_eq!(rates.admit(at(0), A, "hangup", limits), Err(Code::AccountLimited));
        let more = RequestLimits { per_minute: Some(3), per_route_per_minute: Some(1) };
        assert_eq!(rates.admit(at(0), A, "hangup", more), Ok(()));
    }

    #[test]
    fn without_limits_everything_passes() {
        let mut rates = Rates::default();
        let limits = RequestLimits { per_minute: None, per_route_per_minute: None };
        assert!((0..100).all(|_| rates.admit(at(0), A, "busy", limits).is_ok()));
    }
}
