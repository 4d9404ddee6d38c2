use std::collections::BTreeMap;

use crate::api::Aor;
use crate::endpoint::Domain;
use crate::message::Host;

/// The domains that are served, and who may register in each. Names are kept in lower case.
#[derive(Debug)]
pub(super) struct Domains {
    /// By domain, then by user.
    passwords: BTreeMap<String, BTreeMap<String, String>>,
}

impl Domains {
    /// Of two domains with the same name the first one counts: users are never mixed.
    pub(super) fn new(domains: Vec<Domain>) -> Domains {
        let mut passwords = BTreeMap::new();
        for Domain { name, users } in domains {
            let users = users.into_iter().map(|user| (user.name, user.password)).collect();
            passwords.entry(name.to_ascii_lowercase()).or_insert(users);
        }
        Domains { passwords }
    }

    /// The domain that an address of record with this host is of, which is also the realm of its proof. A lone domain
    /// goes by any name: phones are often told an address instead. With several, a host that is none of them is its own
    /// realm, so that a challenge does not tell it from one that is.
    pub(super) fn of(&self, host: &Host) -> String {
        match self.passwords.first_key_value() {
            Some((only, _)) if self.passwords.len() == 1 => only.clone(),
            Some(_) | None => host.to_string().to_ascii_lowercase(),
        }
    }

    /// None: there is no such user, or no such domain.
    pub(super) fn password(&self, aor: &Aor) -> Option<&String> {
        self.passwords.get(&aor.domain)?.get(&aor.user)
    }
}
