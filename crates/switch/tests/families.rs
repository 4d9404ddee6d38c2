//! IPv4 and IPv6 side by side: who is called by which, and where sound goes.

mod kit;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use callcenter::signal::Failure;
use kit::{Bench, Far, PHONE, TRUNK, TRUNK2};
use media::api::{Command as Media, Family};
use switch::api::Diagnostic;
use switch::config::{Config, SipListener};

/// A switch that listens at one address of each family.
fn dual() -> Config {
    let mut config = kit::config();
    config.sip_listeners.push(SipListener::at(kit::switch_address_6()));
    config.media_addresses.push(kit::switch_address_6().ip());
    config
}

fn six(n: u16) -> SocketAddr {
    SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 1, n], 5060))
}

/// A bench whose agent's phone, and second trunk, have only IPv6.
fn bench(mut config: Config) -> Bench {
    config.trunks[1].addresses[0].remote = six(2);
    let mut bench = Bench::with(config);
    bench.fars[PHONE] = Far::at(six(0), 10);
    bench.fars[TRUNK2] = Far::at(six(2), 12);
    bench.register();
    let online = callcenter::command::Command::Online {
        agent: "1001".into(),
        login: callcenter::command::LoginType::Sip,
        choice: callcenter::command::Choice::Idle,
    };
    assert!(bench.ask(online).is_ok());
    bench
}

fn offered(bench: &Bench, far: usize) -> String {
    String::from_utf8(bench.fars[far].offer.clone().expect("a call came in").to_vec()).expect("text")
}

fn opened(bench: &Bench) -> Vec<Family> {
    let families = bench.media.iter().filter_map(|command| match command {
        Media::Open { family, .. } => Some(*family),
        _ => None,
    });
    families.collect()
}

#[test]
fn each_leg_has_the_family_of_its_signalling() {
    let mut bench = bench(dual());
    bench.dial_out();
    assert!(offered(&bench, PHONE).contains("c=IN IP6 fd00::1\r\n"), "{}", offered(&bench, PHONE));
    bench.answer(PHONE);
    assert!(offered(&bench, TRUNK).contains("c=IN IP4 10.0.0.1\r\n"), "{}", offered(&bench, TRUNK));
    assert_eq!(opened(&bench), [Family::V6, Family::V4]);
    let invite = bench.fars[PHONE].received.iter().find(|data| data.starts_with(b"INVITE")).expect("a call");
    let invite = String::from_utf8_lossy(invite);
    assert!(invite.contains("SIP/2.0/UDP [fd00::1]:5060;"), "{invite}");
    assert!(invite.contains("@[fd00::1]:5060>"), "{invite}");
    bench.answer(TRUNK);
    assert_eq!(bench.switch.counts().legs_living, 2);
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::None);
    bench.assert_at_rest();
}

#[test]
fn a_leg_that_moves_to_a_trunk_of_the_other_family_is_heard_there() {
    let mut bench = bench(dual());
    bench.dial_out();
    bench.answer(PHONE);
    bench.refuse(TRUNK, 503);
    assert!(offered(&bench, TRUNK2).contains("c=IN IP6 fd00::1\r\n"), "{}", offered(&bench, TRUNK2));
    assert_eq!(opened(&bench), [Family::V6, Family::V4, Family::V6]);
    bench.answer(TRUNK2);
    bench.hang_up(TRUNK2);
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::None);
    bench.assert_at_rest();
}

#[test]
fn a_trunk_whose_family_is_not_spoken_here_is_no_way() {
    let mut config = kit::config();
    config.trunks[0].addresses[0].remote = six(1);
    config.accounts[0].trunks.truncate(1);
    let (mut bench, _) = Bench::ready_to_customer_with(config);
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
    bench.assert_at_rest();
}

#[test]
fn sound_of_the_other_family_is_not_agreed_on() {
    let mut bench = bench(dual());
    bench.dial_out();
    let offer = bench.fars[PHONE].offer.clone().expect("a call came in");
    let mut local = bench.fars[PHONE].local(&[media::codec::Codec::Pcma]);
    local.address = IpAddr::from([10, 0, 1, 9]);
    let (answer, _) = media::sdp::answer(&offer, local).expect("our offers can be answered");
    bench.answer_with(PHONE, answer);
    assert!(bench.diagnostics.iter().any(|one| matches!(one, Diagnostic::NoAgreement { .. })));
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
}
