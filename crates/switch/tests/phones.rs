//! A user with several phones: one rings at a time, and one that is not there is passed over.

mod kit;

use std::time::Duration;

use callcenter::command::{Choice, Command, LoginType};
use kit::{Bench, PHONE, STRANGER, TRUNK2};
use sip::api::RegistrationId;

/// The user's desk phone, one at home and one in the car, the latter the first choice.
const HOME: usize = STRANGER;
const CAR: usize = TRUNK2;

/// All three registered, the agent signed in.
fn signed_in() -> (Bench, [RegistrationId; 3]) {
    let mut bench = Bench::new();
    let registrations = [PHONE, HOME, CAR].map(|phone| {
        bench.pass(Duration::from_secs(1));
        bench.register_at(phone, "pbx.example", "secret")
    });
    let online = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
    assert!(bench.ask(online).is_ok());
    (bench, registrations)
}

fn bench() -> Bench {
    let (mut bench, _) = signed_in();
    bench.dial_out();
    bench
}

fn called(bench: &Bench) -> [usize; 3] {
    [CAR, HOME, PHONE].map(|phone| bench.fars[phone].calls)
}

#[test]
fn the_latest_phone_rings_alone() {
    let mut bench = bench();
    bench.ring(CAR, 180, None);
    bench.pass(Duration::from_secs(59));
    assert_eq!(called(&bench), [1, 0, 0]);
    bench.pass(Duration::from_secs(60));
    assert_eq!(called(&bench), [1, 0, 0], "it rang, nobody was there");
    assert_eq!(bench.record().sip_code, 487);
    bench.assert_at_rest();
}

#[test]
fn a_phone_that_says_nothing_is_passed_over_and_does_not_ring_later() {
    let (mut bench, _) = signed_in();
    bench.fars[CAR].deaf = true;
    bench.dial_out();
    bench.pass(Duration::from_secs(5));
    assert_eq!(called(&bench), [0, 1, 0]);
    bench.fars[CAR].deaf = false;
    bench.answer(HOME);
    bench.pass(Duration::from_secs(60));
    assert_eq!(called(&bench), [0, 1, 0]);
    assert_eq!(bench.switch.counts().legs_living, 2);
}

#[test]
fn phones_that_are_not_there_are_passed_over_one_by_one() {
    let mut bench = bench();
    bench.refuse(CAR, 480);
    assert_eq!(called(&bench), [1, 1, 0]);
    bench.refuse(HOME, 408);
    assert_eq!(called(&bench), [1, 1, 1]);
    bench.refuse(PHONE, 480);
    bench.pass(Duration::from_secs(40));
    assert_eq!((called(&bench), bench.record().sip_code), ([1, 1, 1], 480));
    bench.assert_at_rest();
}

#[test]
fn a_person_who_declines_is_not_asked_again_at_another_phone() {
    for rings in [false, true] {
        let mut bench = bench();
        if rings {
            bench.ring(CAR, 180, None);
        }
        bench.refuse(CAR, if rings { 480 } else { 486 });
        bench.pass(Duration::from_secs(40));
        assert_eq!(called(&bench), [1, 0, 0]);
        bench.assert_at_rest();
    }
}

#[test]
fn a_phone_that_left_meanwhile_is_not_tried() {
    let (mut bench, registrations) = signed_in();
    bench.dial_out();
    let now = bench.now;
    bench.fars[HOME].endpoint.unregister(now, registrations[1]);
    bench.run();
    bench.refuse(CAR, 480);
    assert_eq!(called(&bench), [1, 0, 1]);
}

#[test]
fn the_second_phone_waits_for_its_own_entry_in_the_log() {
    let mut bench = bench();
    bench.auto_commit = false;
    bench.refuse(CAR, 480);
    bench.pass(Duration::from_secs(2));
    assert_eq!(called(&bench), [1, 0, 0]);
    bench.commit();
    assert_eq!(called(&bench), [1, 1, 0]);
}
