//! What runs out: ports, phones, legs, sockets.

mod kit;

use std::collections::BTreeSet;
use std::time::Duration;

use callcenter::record::CallStatus;
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

#[test]
fn without_a_port_the_leg_ends_before_it_begins() {
    let config = Config { rtp_port_min: 20_000, rtp_port_max: 20_001, ..kit::config() };
    let (mut bench, _) = Bench::ready_to_customer_with(config);
    bench.pass(Duration::from_secs(40));
    assert!(bench.diagnostics.iter().any(|d| matches!(d, Diagnostic::NoPort { .. })));
    assert_eq!(bench.fars[TRUNK].calls, 0);
    let record = bench.record();
    assert_eq!((record.status, record.failure), (CallStatus::CustomerNoAnswer, Failure::ServiceUnavailable));
    bench.assert_at_rest();
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
fn too_many_legs_are_refused() {
    let (mut bench, _) = Bench::ready_to_customer_with(Config { legs_max: 1, ..kit::config() });
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
    assert_eq!(bench.ask(kit::dial()), Err(callcenter::command::Refusal::PhoneNotRegistered));
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
