//! Where SIP listens and sound is received: `sip_listen`, `sip_advertised` and `media_address` of `[server]`, each one
//! address, or one for IPv4 and one for IPv6.

use std::net::{IpAddr, SocketAddr};

use super::model::SipListen;
use super::problem::At;
use super::section::Section;
use super::values;

/// One for each family.
const ADDRESSES_MAX: usize = 2;

/// The listeners and the addresses for sound.
pub(super) fn read(section: &mut Section<'_>) -> (Vec<SipListen>, Vec<IpAddr>) {
    let listen = section.one_or_more("sip_listen", ADDRESSES_MAX, values::socket_addr);
    let advertised = section.one_or_more("sip_advertised", ADDRESSES_MAX, values::socket_addr);
    let media = section.one_or_more("media_address", ADDRESSES_MAX, values::ip_addr);
    let hosts = |list: &[At<SocketAddr>]| -> Vec<At<IpAddr>> {
        list.iter().map(|at| At { value: at.value.ip(), span: at.span.clone() }).collect()
    };
    one_of_each_family(section, "sip_listen", &hosts(&listen));
    for (key, list) in [("sip_advertised", &hosts(&advertised)), ("media_address", &media)] {
        one_of_each_family(section, key, list);
        refuse_wildcards(section, key, list);
        refuse_without_listener(section, key, list, &listen);
    }
    for at in listen.iter().filter(|at| at.value.ip().is_unspecified()) {
        require_advertised(section, at, &advertised);
    }
    let mut sip: Vec<SipListen> = listen.iter().map(|at| listener(at.value, &advertised)).collect();
    if sip.is_empty() {
        sip.push(listener(SocketAddr::from(([127, 0, 0, 1], 5060)), &advertised));
    }
    let sound = |one: &SipListen| {
        let same = media.iter().find(|at| at.value.is_ipv4() == one.bind.is_ipv4());
        same.map_or(one.advertised.unwrap_or(one.bind).ip(), |at| at.value)
    };
    let media_addresses = sip.iter().map(sound).collect();
    (sip, media_addresses)
}

fn listener(bind: SocketAddr, advertised: &[At<SocketAddr>]) -> SipListen {
    let same = advertised.iter().find(|at| at.value.is_ipv4() == bind.is_ipv4());
    SipListen { bind, advertised: same.map(|at| at.value) }
}

fn one_of_each_family(section: &Section<'_>, key: &str, list: &[At<IpAddr>]) {
    if let [first, second] = list
        && first.value.is_ipv4() == second.value.is_ipv4()
    {
        let message = format!("\"{key}\" has two addresses of one family: {}, {}", first.value, second.value);
        section.report().wrong(&second.span, message, "leave one for IPv4 and one for IPv6");
    }
}

fn refuse_wildcards(section: &Section<'_>, key: &str, list: &[At<IpAddr>]) {
    for at in list.iter().filter(|at| at.value.is_unspecified()) {
        let message = format!("\"{key}\" cannot be {}: nobody can send there", at.value);
        section.report().wrong(&at.span, message, "write the address that phones and trunks reach");
    }
}

/// Without `sip_listen` the listener is one of IPv4.
fn refuse_without_listener(section: &Section<'_>, key: &str, list: &[At<IpAddr>], listen: &[At<SocketAddr>]) {
    let listens = |ipv4: bool| match listen {
        [] => ipv4 && !section.has("sip_listen"),
        _ => listen.iter().any(|at| at.value.is_ipv4() == ipv4),
    };
    let readable = !listen.is_empty() || !section.has("sip_listen");
    let named = list.iter().filter(|at| !at.value.is_unspecified());
    for at in named.filter(|at| readable && !listens(at.value.is_ipv4())) {
        let (family, any) = if at.value.is_ipv4() { ("IPv4", "0.0.0.0") } else { ("IPv6", "[::]") };
        let message = format!("\"{key}\" has {}, but \"sip_listen\" no {family} address", at.value);
        let remedy = format!("add one to sip_listen, such as \"{any}:5060\", or remove this one");
        section.report().if_readable(&at.span, message, remedy);
    }
}

fn require_advertised(section: &Section<'_>, at: &At<SocketAddr>, advertised: &[At<SocketAddr>]) {
    let same = advertised.iter().any(|other| other.value.is_ipv4() == at.value.is_ipv4());
    // One that cannot be read has been reported.
    if same || (advertised.is_empty() && section.has("sip_advertised")) {
        return;
    }
    let example = if at.value.is_ipv4() { "192.0.2.1:5060" } else { "[2001:db8::1]:5060" };
    section.report().if_readable(
        &at.span,
        format!("\"sip_listen\" is every address ({}): phones must be told one", at.value.ip()),
        format!("add sip_advertised = \"{example}\", the address phones reach"),
    );
}
