//! How the switch's configuration becomes that of its SIP endpoint.

use sip::message::Host;
use sip::{Limits, Listener, RegistrarConfig};

use crate::config::{Config, SipListener};
use crate::limits::SIP_STREAMS_MAX;
use crate::phones::Phones;

/// Its listeners, and a registrar that has a domain for each account's phones.
pub(crate) fn sip_config(config: &Config, phones: &Phones) -> sip::Config {
    let listener = |one: &SipListener| Listener {
        bind: one.bind,
        advertised_host: Host::from(one.advertised.ip()),
        advertised_port: one.advertised.port(),
    };
    let domains = phones.domains(&config.accounts);
    sip::Config {
        listeners: config.sip_listeners.iter().map(listener).collect(),
        user_agent: config.user_agent.clone(),
        large_by_tcp: true,
        limits: Limits { connections_max: SIP_STREAMS_MAX, ..Limits::default() },
        invites_wait: true,
        registrar: Some(RegistrarConfig {
            domains,
            algorithms: config.phone_digests.clone(),
            keep_alive: config.nat_keep_alive,
            bans: config.bans,
            callers_proven: true,
            ..RegistrarConfig::default()
        }),
        ..sip::Config::default()
    }
}
