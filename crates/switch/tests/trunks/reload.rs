//! Trunks come, go and change while calls go on.

use std::time::Duration;

use callcenter::signal::Failure;
use switch::api::Diagnostic;
use switch::config::{Config, TrunkChoice};

use crate::carriers_called;
use crate::kit::{self, Bench, PHONE, TRUNK, TRUNK2};
use crate::registration::{self, USER, bench_with, make_registrar};

/// The kit's configuration without its first trunk.
fn without_first(mut config: Config) -> Config {
    config.trunks.remove(0);
    config.accounts[0].trunks = TrunkChoice::in_order(["second"]);
    config
}

/// The channels in use of each trunk there is or was.
fn channels(bench: &Bench) -> Vec<(String, usize)> {
    bench.switch.trunks(bench.now).into_iter().map(|trunk| (trunk.name, trunk.channels)).collect()
}

fn named(pairs: &[(&str, usize)]) -> Vec<(String, usize)> {
    pairs.iter().map(|(name, channels)| ((*name).to_owned(), *channels)).collect()
}

#[test]
fn a_call_outlives_its_trunk_and_the_next_one_takes_another() {
    let (mut bench, _) = Bench::talking();
    bench.configure(without_first(kit::config()));
    assert_eq!(bench.switch.counts().legs_living, 2);
    assert_eq!(channels(&bench), named(&[("first", 1), ("second", 0)]));
    bench.pass(Duration::from_secs(20));
    assert_eq!(bench.switch.counts().legs_living, 2);
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    assert!(bench.record().bridged.is_some());
    bench.assert_at_rest();
    assert_eq!(carriers_called(&mut bench), [0, 1]);

    let mut third = without_first(kit::config());
    third.trunks.push(kit::config().trunks.remove(0));
    third.trunks[1].name = "third".to_owned();
    third.accounts[0].trunks = TrunkChoice::in_order(["third"]);
    bench.pass(Duration::from_secs(40));
    bench.configure(third);
    assert_eq!(channels(&bench), named(&[("third", 0), ("second", 0)]), "the number of the first is free");
    assert_eq!(carriers_called(&mut bench), [1, 0]);
}

#[test]
fn a_call_whose_trunk_goes_while_it_is_tried_takes_what_is_left() {
    let (mut bench, _) = Bench::ready_to_customer();
    bench.configure(without_first(kit::config()));
    bench.refuse(TRUNK, 503);
    assert_eq!([bench.fars[TRUNK].calls, bench.fars[TRUNK2].calls], [1, 1]);
    bench.answer(TRUNK2);
    assert_eq!(channels(&bench), named(&[("first", 0), ("second", 1)]));
}

#[test]
fn a_trunk_that_stays_keeps_its_health_and_the_addresses_it_was_told() {
    let mut config = kit::config();
    config.trunks[0].health_check = Some(Duration::from_secs(5));
    let mut bench = Bench::ready_with(config.clone());
    bench.dial_out();
    bench.answer(PHONE);
    bench.refuse(TRUNK, 503);
    bench.hang_up(PHONE);
    bench.pass(Duration::from_secs(1));
    config.trunks[0].channels_max = Some(1);
    bench.configure(config.clone());
    let standing = |bench: &Bench| bench.switch.trunks(bench.now)[0].clone();
    assert_eq!((standing(&bench).addresses, standing(&bench).working), (1, 0), "it still rests");
    config.trunks[0].addresses.push(kit::config().trunks[1].addresses[0].clone());
    bench.configure(config);
    assert_eq!((standing(&bench).addresses, standing(&bench).working), (2, 1));
}

#[test]
fn a_trunk_that_was_taken_out_is_asked_nothing_and_one_that_is_not_to_be_asked_neither() {
    let mut config = kit::config();
    for trunk in &mut config.trunks {
        trunk.health_check = Some(Duration::from_secs(5));
    }
    let mut bench = Bench::ready_with(config.clone());
    bench.pass(Duration::from_secs(12));
    let asked = |bench: &Bench| [TRUNK, TRUNK2].map(|far| bench.fars[far].requests("OPTIONS"));
    let before = asked(&bench);
    assert!(before.iter().all(|times| *times >= 2), "{before:?}");
    let mut config = without_first(config);
    config.trunks[0].health_check = None;
    bench.configure(config);
    bench.pass(Duration::from_secs(30));
    assert_eq!(asked(&bench), before);
}

#[test]
fn a_registration_ends_with_its_trunk_and_begins_again_with_it() {
    let mut bench = bench_with(registration::config(), "secret");
    let contacts = |bench: &Bench| bench.fars[TRUNK].endpoint.contacts("first.example", USER).len();
    assert_eq!(contacts(&bench), 1);
    bench.configure(without_first(registration::config()));
    assert_eq!((contacts(&bench), bench.switch.counts().registrations), (0, 0));
    bench.configure(registration::config());
    assert_eq!((contacts(&bench), bench.switch.counts().registrations), (1, 1));
    assert_eq!(carriers_called(&mut bench), [1, 0]);
}

#[test]
fn another_password_registers_anew_and_the_same_one_does_not() {
    let mut bench = bench_with(registration::config(), "another");
    let asked = |bench: &Bench| bench.fars[TRUNK].requests("REGISTER");
    let refused = |told: &&Diagnostic| matches!(told, Diagnostic::TrunkNotRegistered { .. });
    assert_eq!(bench.diagnostics.iter().filter(refused).count(), 1);
    let before = asked(&bench);
    let mut config = registration::config();
    config.trunks[0].channels_max = Some(7);
    bench.configure(config.clone());
    assert_eq!(asked(&bench), before);
    make_registrar(&mut bench, "the right one");
    config.trunks[0].credentials.as_mut().expect("it has some").password = "the right one".to_owned();
    bench.configure(config);
    assert!(bench.diagnostics.iter().any(|told| matches!(told, Diagnostic::TrunkRegistered { .. })));
    assert_eq!(bench.switch.counts().registrations, 1);
    assert_eq!(carriers_called(&mut bench), [1, 0]);
}

#[test]
fn a_call_whose_account_and_trunks_are_gone_does_not_go_by_a_trunk_that_came_in_their_place() {
    let mut bench = Bench::ready();
    bench.dial_out();
    let mut config = kit::config();
    config.accounts.clear();
    config.trunks = vec![kit::config().trunks.remove(1)];
    config.trunks[0].name = "of others".to_owned();
    bench.configure(config);
    bench.answer(PHONE);
    assert_eq!([bench.fars[TRUNK].calls, bench.fars[TRUNK2].calls], [0, 0]);
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
    bench.assert_at_rest();
}
