//! Whose the phones are: every account has a domain of its own at the registrar, so a user name means something only
//! together with its account.

use std::collections::BTreeMap;

use base::AccountId;
use sip::Domain;

use crate::config::{AccountConfig, User};

/// The domains of the accounts that have phones.
#[derive(Debug, Default)]
pub(crate) struct Phones {
    /// By domain, in lower case.
    account_of: BTreeMap<String, AccountId>,
    domain_of: BTreeMap<AccountId, String>,
}

impl Phones {
    /// Phones are never shared: of two accounts with the same domain only the first has phones.
    pub(crate) fn new(accounts: &[AccountConfig]) -> Phones {
        let mut phones = Phones::default();
        for one in accounts.iter().filter(|one| !one.users.is_empty()) {
            let (account, domain) = (one.account.id, one.sip_domain.to_ascii_lowercase());
            if !phones.account_of.contains_key(&domain) {
                phones.account_of.insert(domain.clone(), account);
                phones.domain_of.insert(account, domain);
            }
        }
        phones
    }

    /// Whose phones a domain has.
    pub(crate) fn account_of(&self, domain: &str) -> Option<AccountId> {
        self.account_of.get(domain).copied()
    }

    /// The domain of an account's phones.
    pub(crate) fn domain_of(&self, account: AccountId) -> Option<&str> {
        self.domain_of.get(&account).map(String::as_str)
    }

    /// What the registrar is told of `accounts`.
    pub(crate) fn domains(&self, accounts: &[AccountConfig]) -> Vec<Domain> {
        let domain = |one: &AccountConfig| {
            let name = self.domain_of(one.account.id)?.to_owned();
            Some(Domain { name, users: one.users.iter().map(sip_user).collect() })
        };
        accounts.iter().filter_map(domain).collect()
    }
}

fn sip_user(user: &User) -> sip::User {
    sip::User { name: user.name.clone(), password: user.password.clone() }
}
