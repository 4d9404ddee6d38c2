//! Trunks that know us because we register there.

use std::time::Duration;

use base::Random;
use sip::api::{Credentials, Identity, Invite};
use sip::message::Host;
use sip::{Domain, Endpoint, Listener, RegistrarConfig, User};
use switch::api::{Diagnostic, Input, RefusedBecause};
use switch::config::{Config, TrunkRegistration};

use crate::carriers_called;
use crate::kit::{self, Bench, TRUNK};

pub(crate) const USER: &str = "4711";

/// The first trunk wants to be registered with.
pub(crate) fn config() -> Config {
    let mut config = kit::config();
    let trunk = &mut config.trunks[0];
    trunk.credentials = Some(Credentials { user: USER.to_owned(), password: "secret".to_owned() });
    trunk.registration = Some(TrunkRegistration {
        registrar: "first.example".to_owned(),
        aor: format!("sip:{USER}@first.example"),
        expires: Duration::from_secs(600),
    });
    config
}

/// The first carrier is a registrar with this password.
pub(crate) fn make_registrar(bench: &mut Bench, password: &str) {
    let far = &mut bench.fars[TRUNK];
    let user = User { name: USER.to_owned(), password: password.to_owned() };
    let domain = Domain { name: "first.example".to_owned(), users: vec![user] };
    let address = far.address;
    let config = sip::Config {
        listeners: vec![Listener {
            bind: address,
            advertised_host: Host::from(address.ip()),
            advertised_port: address.port(),
        }],
        registrar: Some(RegistrarConfig { domains: vec![domain], ..RegistrarConfig::default() }),
        ..sip::Config::default()
    };
    far.endpoint = Endpoint::new(config, Random::from_number(4711));
}

pub(crate) fn bench_with(config: Config, password: &str) -> Bench {
    let mut bench = Bench::with(config);
    make_registrar(&mut bench, password);
    bench.sign_in();
    bench
}

#[test]
fn a_registered_trunk_is_called_and_one_that_does_not_know_us_is_passed_over() {
    let mut bench = bench_with(config(), "secret");
    assert_eq!(bench.switch.counts().registrations, 1);
    assert!(bench.diagnostics.iter().any(|told| matches!(told, Diagnostic::TrunkRegistered { .. })));
    assert_eq!(carriers_called(&mut bench), [1, 0]);

    let mut bench = bench_with(config(), "another");
    let refused = |told: &Diagnostic| matches!(told, Diagnostic::TrunkNotRegistered { status: 401, .. });
    assert_eq!(bench.diagnostics.iter().filter(|told| refused(told)).count(), 1);
    assert_eq!(carriers_called(&mut bench), [0, 1]);
    make_registrar(&mut bench, "secret");
    bench.pass(Duration::from_secs(31));
    assert_eq!(carriers_called(&mut bench), [1, 0], "it was tried again");
}

#[test]
fn a_program_that_ends_in_good_order_takes_its_registrations_back_and_one_that_begins_registers_anew() {
    let mut bench = bench_with(config(), "secret");
    let contacts = |bench: &Bench| bench.fars[TRUNK].endpoint.contacts("first.example", USER);
    let before = contacts(&bench);
    assert_eq!(before.len(), 1);
    bench.crash();
    bench.run();
    let after = contacts(&bench);
    assert_eq!((after.len(), &after[0].uri), (1, &before[0].uri), "the same contact, not another one");
    bench.input(Input::EndCalls);
    assert_eq!((contacts(&bench).len(), bench.switch.counts().registrations), (0, 0));
    let remote = bench.fars[TRUNK].address;
    let addresses = bench.config.trunks[0].addresses.clone();
    bench.input(Input::TrunkResolved { trunk: "first".to_owned(), addresses });
    bench.pass(Duration::from_secs(700));
    assert_eq!(contacts(&bench).len(), 0, "{remote} hears no more of us");
}

#[test]
fn a_call_to_our_contact_asks_for_the_number_in_to() {
    let mut bench = bench_with(config(), "secret");
    let contact = bench.fars[TRUNK].endpoint.contacts("first.example", USER).remove(0);
    let call = Invite {
        flow: bench.fars[TRUNK].flow(),
        uri: contact.uri,
        from_user: "13912345678".to_owned(),
        from_name: None,
        to_uri: "sip:01088880000@first.example".to_owned(),
        sdp: media::sdp::offer(bench.fars[TRUNK].local(&[media::codec::Codec::Pcma])),
        credentials: None,
        answer_any_within: None,
        answer_mode: Default::default(),
        registration: None,
        identity: Identity::default(),
    };
    let now = bench.now;
    bench.fars[TRUNK].endpoint.invite(now, call);
    bench.run();
    let known = |told: &Diagnostic| matches!(told, Diagnostic::IncomingRefused { status: 480, because: RefusedBecause::NoRoute, trunk: Some(trunk), .. } if trunk == "first");
    assert!(bench.diagnostics.iter().any(known), "{:?}", bench.diagnostics);
}
