use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::api::Aor;
use crate::endpoint::{Domain, User};
use crate::message::Host;

/// The domains that are served, and who may register in each. Names are kept in lower case.
#[derive(Debug)]
pub(super) struct Domains {
    /// By domain, then by user.
    users: BTreeMap<String, BTreeMap<String, Secret>>,
}

/// What a user proves itself with.
#[derive(PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) password: String,
    /// Tells an old password from a new one: all of it that is written down. Sixteen bits miss one change in 65,536,
    /// and only until the binding runs out; whoever reads them can test no guess, since too many would pass.
    pub(super) check: u16,
}

impl Secret {
    fn new(domain: &str, user: &str, password: String) -> Secret {
        // The name is the salt: one that changed would tell more each time.
        let text = format!("cordboard binding\n{domain}\n{user}\n{password}");
        let hash = Sha256::digest(text);
        Secret { password, check: u16::from_be_bytes([hash[0], hash[1]]) }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Domains {
    /// Of two domains with the same name the first one counts: users are never mixed.
    pub(super) fn new(domains: Vec<Domain>) -> Domains {
        let mut known = BTreeMap::new();
        for Domain { name, users } in domains {
            let name = name.to_ascii_lowercase();
            let secret = |user: User| {
                let secret = Secret::new(&name, &user.name, user.password);
                (user.name, secret)
            };
            let users = users.into_iter().map(secret).collect();
            known.entry(name).or_insert(users);
        }
        Domains { users: known }
    }

    /// The domain that an address of record with this host is of, which is also the realm of its proof. A lone domain
    /// goes by any name: phones are often told an address instead. With several, a host that is none of them is its own
    /// realm, so that a challenge does not tell it from one that is.
    pub(super) fn of(&self, host: &Host) -> String {
        match self.users.first_key_value() {
            Some((only, _)) if self.users.len() == 1 => only.clone(),
            Some(_) | None => host.to_string().to_ascii_lowercase(),
        }
    }

    /// None: there is no such user, or no such domain.
    pub(super) fn secret(&self, aor: &Aor) -> Option<&Secret> {
        self.users.get(&aor.domain)?.get(&aor.user)
    }
}
