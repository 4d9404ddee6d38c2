//! When another way is tried.

use std::time::Duration;

use callcenter::signal::Failure;
use switch::api::Diagnostic;

use crate::kit::{self, Bench, PHONE, TRUNK, TRUNK2};

#[test]
fn a_trunk_that_is_unavailable_is_followed_by_the_next() {
    let (mut bench, _) = Bench::ready_to_customer();
    bench.refuse(TRUNK, 503);
    assert_eq!(bench.fars[TRUNK2].calls, 1);
    let moved = |d: &Diagnostic| matches!(d, Diagnostic::TrunkFailedOver { from, to, status: 503, .. } if from == "first" && to == "second");
    assert!(bench.diagnostics.iter().any(moved));
    bench.answer(TRUNK2);
    bench.hang_up(TRUNK2);
    bench.pass(Duration::from_secs(40));
    let record = bench.record();
    assert_eq!(
        (record.failure, record.gateway.clone()),
        (Failure::None, bench.fars[TRUNK2].address.to_string())
    );
    bench.assert_at_rest();
}

#[test]
fn a_trunk_that_says_nothing_is_followed_by_the_next() {
    let mut bench = Bench::ready();
    bench.fars[TRUNK].deaf = true;
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(Duration::from_millis(1_900));
    assert_eq!(bench.fars[TRUNK2].calls, 0);
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.fars[TRUNK2].calls, 1);
}

#[test]
fn of_several_silent_trunks_none_keeps_a_call_waiting() {
    let mut bench = Bench::ready();
    bench.fars[TRUNK].deaf = true;
    bench.fars[TRUNK2].deaf = true;
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.record().failure, Failure::RequestTimeout);
    assert!(bench.fars[TRUNK2].unheard.len() > 1, "both were tried");
}

#[test]
fn the_only_trunk_there_is_has_all_the_time_there_is() {
    let mut config = kit::config();
    config.accounts[0].trunks.truncate(1);
    let mut bench = Bench::ready_with(config);
    bench.fars[TRUNK].deaf = true;
    bench.dial_out();
    bench.answer(PHONE);
    bench.pass(Duration::from_secs(15));
    bench.fars[TRUNK].deaf = false;
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.fars[TRUNK].calls, 1);
}

#[test]
fn never_after_a_phone_may_have_rung() {
    for status in [180, 183] {
        let (mut bench, _) = Bench::ready_to_customer();
        bench.ring(TRUNK, status, None);
        bench.refuse(TRUNK, 503);
        bench.pass(Duration::from_secs(40));
        assert_eq!(bench.fars[TRUNK2].calls, 0);
        assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
        bench.assert_at_rest();
    }
}

#[test]
fn never_after_another_final_answer() {
    for (status, failure) in
        [(486, Failure::Decline), (500, Failure::ServiceUnavailable), (404, Failure::Unknown)]
    {
        let (mut bench, _) = Bench::ready_to_customer();
        bench.refuse(TRUNK, status);
        bench.pass(Duration::from_secs(40));
        assert_eq!(bench.fars[TRUNK2].calls, 0, "after {status}");
        assert_eq!(bench.record().failure, failure);
    }
}

#[test]
fn when_no_trunk_is_left_the_leg_ends() {
    let (mut bench, _) = Bench::ready_to_customer();
    bench.refuse(TRUNK, 503);
    bench.refuse(TRUNK2, 503);
    bench.pass(Duration::from_secs(40));
    let record = bench.record();
    assert_eq!((record.failure, record.sip_code), (Failure::ServiceUnavailable, 503));
    bench.assert_at_rest();
}

#[test]
fn an_account_without_trunks_cannot_call_out() {
    let mut config = kit::config();
    config.accounts[0].trunks.clear();
    let (mut bench, _) = Bench::ready_to_customer_with(config);
    assert!(bench.diagnostics.iter().any(|told| matches!(told, Diagnostic::NoTrunk { .. })));
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
    bench.assert_at_rest();
}
