//! The configuration changes while calls go on. Nothing that lives ends because of it: what is said now counts for what
//! begins from now on.

use base::Now;
use callcenter::Center;

use crate::config::{AccountConfig, Changes};
use crate::phones::Phones;
use crate::routes::Routes;
use crate::switch::{Account, Switch};

impl Switch {
    /// Takes over another configuration.
    pub(crate) fn configure(&mut self, now: Now, changes: Changes) {
        let Changes {
            accounts,
            trunks,
            same_hosts,
            silence_max,
            trunk_answer_any_max,
            legs_max,
            legs_reserved,
        } = changes;
        self.config.silence_max = silence_max;
        self.config.trunk_answer_any_max = trunk_answer_any_max;
        self.config.legs_max = legs_max;
        self.config.legs_reserved = legs_reserved;
        self.legs_before = self.legs.len();
        self.replace_trunks(now, &trunks, &same_hosts, &accounts);
        self.config.trunks = trunks;
        self.replace_phones(now, &accounts);
        self.replace_accounts(now, &accounts);
        self.routes = Routes::new(&accounts, &self.trunks);
        self.config.accounts = accounts;
    }

    /// Phones whose password or domain is another one now, or that are gone, must come again: whose they were is known only
    /// before the accounts are replaced.
    fn replace_phones(&mut self, now: Now, accounts: &[AccountConfig]) {
        let phones = Phones::new(accounts);
        let mut stay = phones.domains(accounts);
        // Another account's phones are others, whatever they are called.
        stay.retain(|domain| phones.account_of(&domain.name) == self.phones.account_of(&domain.name));
        self.endpoint.set_domains(stay);
        while let Some(output) = self.endpoint.poll_output() {
            self.sip_said(now, output);
        }
        self.endpoint.set_domains(phones.domains(accounts));
        self.phones = phones;
    }

    fn replace_accounts(&mut self, now: Now, accounts: &[AccountConfig]) {
        for (id, account) in &mut self.accounts {
            if !accounts.iter().any(|one| one.account.id == *id) {
                account.center.remove();
            }
        }
        for AccountConfig { account: one, music, .. } in accounts {
            match self.accounts.get_mut(&one.id) {
                Some(account) => {
                    account.center.reconfigure(now, one.clone());
                    account.music = *music;
                }
                None => {
                    let center = Center::new(one.clone(), self.numbers.clone(), self.random.fork());
                    self.accounts.insert(one.id, Account { center, music: *music });
                }
            }
            self.stirred.insert(one.id);
        }
    }
}
