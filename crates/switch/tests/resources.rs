//! What runs out: ports, phones, legs, sockets.

mod kit;

use std::collections::BTreeSet;
use std::time::Duration;

use callcenter::command::{Choice, Command, Limit, LoginType, Refusal};
use callcenter::signal::Failure;
use kit::{Bench, PHONE, TRUNK};
use media::api::{Command as Media, Signal};
use switch::api::{Diagnostic, Input};
use switch::config::Config;

fn opened_ports(bench: &Bench) -> Vec<u16> {
    let opened = bench.media.iter().filter_map(|command| match command {
        Media::Open { port, .. } => Some(*port),
        _ => None,
    });
    opened.collect()
}

/// A call for which there is no room is refused, and nothing of it begins.
fn assert_refused(bench: &mut Bench, limit: Limit) {
    let (entries, calls) = (bench.log.len(), bench.fars[PHONE].calls);
    assert_eq!(bench.ask(kit::dial()), Err(Refusal::Full(limit)));
    assert_eq!((bench.log.len(), bench.fars[PHONE].calls), (entries, calls));
}

#[test]
fn a_call_has_ports_for_both_its_legs_or_is_refused() {
    let config = Config { rtp_port_min: 20_000, rtp_port_max: 20_001, ..kit::config() };
    assert_refused(&mut Bench::ready_with(config), Limit::Legs(10));

    let config = Config { rtp_port_min: 20_000, rtp_port_max: 20_003, ..kit::config() };
    let mut bench = Bench::ready_with(config);
    bench.dial_out();
    bench.refuse(PHONE, 486);
    assert_refused(&mut bench, Limit::Legs(10));
    bench.pass(Duration::from_secs(40));
    bench.dial_out();
}

#[test]
fn a_call_has_room_for_both_its_legs_beside_those_that_are_reserved_or_is_refused() {
    assert_refused(&mut Bench::ready_with(Config { legs_max: 1, ..kit::config() }), Limit::Legs(1));
    let config = Config { legs_max: 4, legs_reserved: 3, ..kit::config() };
    assert_refused(&mut Bench::ready_with(config), Limit::Legs(1));
    let mut bench = Bench::ready_with(Config { legs_max: 4, legs_reserved: 2, ..kit::config() });
    bench.dial_out();
    bench.answer(PHONE);
    bench.answer(TRUNK);
    assert_eq!(bench.switch.counts().legs_living, 2);
}

#[test]
fn the_leg_that_a_call_will_want_is_not_given_to_another_call() {
    let mut config = Config { legs_max: 3, ..kit::config() };
    let mut other = config.accounts[0].account.agents[0].clone();
    (other.number, other.sip_user) = ("1002".to_owned(), None);
    config.accounts[0].account.agents.push(other);
    let mut bench = Bench::ready_with(config);
    let online = Command::Online { agent: "1002".into(), login: LoginType::Pstn, choice: Choice::Idle };
    assert!(bench.ask(online).is_ok());
    bench.dial_out();
    let Command::DialOut(mut second) = kit::dial() else { panic!("another command") };
    second.agent = "1002".to_owned();
    assert_eq!(bench.ask(Command::DialOut(second)), Err(Refusal::Full(Limit::Legs(3))));
    bench.answer(PHONE);
    bench.answer(TRUNK);
    assert_eq!(bench.switch.counts().legs_living, 2);
}

#[test]
fn limits_are_told_with_what_is_in_use() {
    let (bench, _) = Bench::talking();
    let told: Vec<_> =
        bench.switch.limits().into_iter().map(|one| (one.limit, one.account, one.used, one.max)).collect();
    assert_eq!(told, [("legs_max", None, 2, 10), ("calls_max", Some(kit::ACCOUNT), 1, 10)]);
}

#[test]
fn a_port_is_not_given_out_again_while_it_rests() {
    let (mut bench, _) = Bench::talking();
    bench.hang_up(TRUNK);
    bench.dial_out();
    let ports = opened_ports(&bench);
    assert_eq!(ports.len(), 3);
    assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 3);
    assert!(ports.iter().all(|port| port % 2 == 0));
}

#[test]
fn a_leg_that_finds_no_room_ends_at_once() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.configure(Config { legs_max: 1, ..kit::config() });
    bench.answer(PHONE);
    bench.pass(Duration::from_secs(40));
    assert!(bench.diagnostics.contains(&Diagnostic::Full { queue: "legs" }));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
    bench.assert_at_rest();
}

#[test]
fn sockets_that_cannot_be_opened_end_the_leg() {
    let mut bench = Bench::ready();
    bench.dial_out();
    let agent = bench.legs()[0];
    bench.input(Input::Media(Signal::OpenFailed { stream: agent.into() }));
    bench.pass(Duration::from_secs(40));
    assert!(bench.diagnostics.iter().any(|d| matches!(d, Diagnostic::PortUnusable { .. })));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
    bench.assert_at_rest();
}

#[test]
fn a_phone_that_went_away_is_not_called() {
    let mut bench = Bench::ready();
    bench.fars[PHONE].deaf = true;
    // The phone's registration runs out without a refresh.
    bench.fars[PHONE].endpoint = {
        let listener = sip::Listener {
            bind: bench.fars[PHONE].address,
            advertised_host: sip::message::Host::from(bench.fars[PHONE].address.ip()),
            advertised_port: 5060,
        };
        let config = sip::Config { listeners: vec![listener], ..sip::Config::default() };
        sip::Endpoint::new(config, base::Random::from_number(9))
    };
    bench.pass(Duration::from_secs(3700));
    assert_eq!(bench.ask(kit::dial()), Err(Refusal::PhoneNotRegistered));
}

#[test]
fn signals_of_legs_that_are_over_change_nothing() {
    let (mut bench, _) = Bench::talking();
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(2));
    let (entries, customer) = (bench.log.len(), bench.legs()[1]);
    bench.input(Input::Media(Signal::Silent { stream: customer.into() }));
    bench.input(Input::Media(Signal::OpenFailed { stream: customer.into() }));
    assert_eq!(bench.log.len(), entries);
}
