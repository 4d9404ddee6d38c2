//! Which accounts a registered phone belongs to.

use std::collections::{BTreeMap, BTreeSet};

use base::AccountId;

use crate::config::AccountConfig;

/// User names and their accounts. The registrar knows one realm, so accounts that use the same name share the phone.
#[derive(Debug, Default)]
pub(crate) struct Phones {
    accounts_of: BTreeMap<String, BTreeSet<AccountId>>,
}

impl Phones {
    pub(crate) fn new(accounts: &[AccountConfig]) -> Phones {
        let mut phones = Phones::default();
        for account in accounts {
            for user in &account.users {
                phones.accounts_of.entry(user.name.clone()).or_default().insert(account.account.id);
            }
        }
        phones
    }

    /// The accounts of a user, in order.
    pub(crate) fn accounts_of(&self, user: &str) -> Vec<AccountId> {
        self.accounts_of.get(user).into_iter().flatten().copied().collect()
    }
}
