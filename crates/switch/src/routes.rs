//! Inbound routes: whose call it is that comes by a trunk.

use std::collections::{BTreeMap, BTreeSet};

use base::AccountId;
use callcenter::config::InboundRoute;

use crate::config::AccountConfig;
use crate::trunks::{TrunkNo, Trunks};

/// A route, as calls find it: the account that has it, and what the account's own route has as called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) account: AccountId,
    pub(crate) called: String,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    /// By trunk and by user, or by number in the form that numbers of the trunk are read in.
    by_called: BTreeMap<(TrunkNo, String), Route>,
    /// The numbers of accounts that call out by a trunk, in the form that its numbers are read in.
    numbers: BTreeSet<(TrunkNo, String)>,
}

impl Routes {
    /// Routes by trunks that there are not are left out. Of two accounts with the same route the first has it.
    pub(crate) fn new(accounts: &[AccountConfig], trunks: &Trunks) -> Routes {
        let mut routes = Routes::default();
        for account in accounts {
            for InboundRoute { trunk, called, .. } in &account.account.inbound {
                let Some(trunk) = trunks.named(trunk) else { continue };
                let route = Route { account: account.account.id, called: called.clone() };
                for called in [called.clone(), trunks.config(trunk).numbers.own(called)] {
                    routes.by_called.entry((trunk, called)).or_insert_with(|| route.clone());
                }
            }
            for trunk in account.trunks.iter().filter_map(|choice| trunks.named(&choice.trunk)) {
                let form = &trunks.config(trunk).numbers;
                routes.numbers.extend(account.account.numbers.iter().map(|own| (trunk, form.own(own))));
            }
        }
        routes
    }

    /// Whether a number is one of an account that calls out by a trunk. Whoever asks is not known to anybody, so it must be
    /// cheap however many numbers there are.
    pub(crate) fn is_number(&self, trunks: &Trunks, trunk: TrunkNo, number: &str) -> bool {
        self.numbers.contains(&(trunk, trunks.config(trunk).numbers.called_from(number)))
    }

    /// The route of a call by a trunk to a user, as it is or as a number.
    pub(crate) fn find(&self, trunks: &Trunks, trunk: TrunkNo, user: &str) -> Option<&Route> {
        let number = || trunks.config(trunk).numbers.called_from(user);
        self.by_called.get(&(trunk, user.to_owned())).or_else(|| self.by_called.get(&(trunk, number())))
    }
}
