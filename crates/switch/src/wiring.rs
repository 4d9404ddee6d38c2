//! How the switch's configuration becomes that of its SIP endpoint.

use std::collections::BTreeSet;

use sip::message::Host;
use sip::{Listener, RegistrarConfig};

use crate::config::{Config, User};

/// One listener, and a registrar for the phones of all accounts.
///
/// The registrar has one realm: that of the first account. A user name that two accounts configure belongs to both and
/// has the password of the first.
pub(crate) fn sip_config(config: &Config) -> sip::Config {
    let advertised = config.sip_advertised.unwrap_or(config.sip_local);
    let listener = Listener {
        bind: config.sip_local,
        advertised_host: Host::from(advertised.ip()),
        advertised_port: advertised.port(),
    };
    sip::Config {
        listeners: vec![listener],
        user_agent: config.user_agent.clone(),
        registrar: registrar(config),
        ..sip::Config::default()
    }
}

fn registrar(config: &Config) -> Option<RegistrarConfig> {
    let first = config.accounts.first()?;
    let mut names = BTreeSet::new();
    let users = config.accounts.iter().flat_map(|account| &account.users);
    let users = users.filter(|user| names.insert(user.name.clone())).map(sip_user).collect();
    Some(RegistrarConfig { realm: first.sip_domain.clone(), users, ..RegistrarConfig::default() })
}

fn sip_user(user: &User) -> sip::User {
    sip::User { name: user.name.clone(), password: user.password.clone() }
}
