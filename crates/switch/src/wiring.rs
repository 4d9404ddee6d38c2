//! How the switch's configuration becomes that of its SIP endpoint.

use sip::message::Host;
use sip::{Listener, RegistrarConfig};

use crate::config::Config;
use crate::phones::Phones;

/// One listener, and a registrar that has a domain for each account's phones.
pub(crate) fn sip_config(config: &Config, phones: &Phones) -> sip::Config {
    let advertised = config.sip_advertised.unwrap_or(config.sip_local);
    let listener = Listener {
        bind: config.sip_local,
        advertised_host: Host::from(advertised.ip()),
        advertised_port: advertised.port(),
    };
    let domains = phones.domains(&config.accounts);
    sip::Config {
        listeners: vec![listener],
        user_agent: config.user_agent.clone(),
        large_by_tcp: true,
        registrar: Some(RegistrarConfig {
            domains,
            algorithms: config.phone_digests.clone(),
            ..RegistrarConfig::default()
        }),
        ..sip::Config::default()
    }
}
