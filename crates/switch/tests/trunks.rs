//! Trunks: which one is tried, when another, and who may call in.

mod kit;

use std::time::Duration;

use bytes::Bytes;
use callcenter::signal::Failure;
use kit::{Bench, PHONE, STRANGER, TRUNK, TRUNK2};
use switch::api::{Diagnostic, Input};

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
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.fars[TRUNK2].calls, 0);
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.fars[TRUNK2].calls, 1);
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
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.record().failure, Failure::ServiceUnavailable);
    bench.assert_at_rest();
}

fn refused_with(bench: &mut Bench, far: usize) -> u16 {
    let sdp: Bytes = media::sdp::offer(bench.fars[far].local(&[media::codec::Codec::Pcma]));
    let invite = sip::api::Invite {
        flow: bench.fars[far].flow(),
        uri: "sip:1001@10.0.0.1".to_owned(),
        from_user: "someone".to_owned(),
        from_name: None,
        to_uri: "sip:1001@10.0.0.1".to_owned(),
        sdp,
        credentials: None,
        answer_any_within: None,
    };
    let now = bench.now;
    bench.fars[far].endpoint.invite(now, invite);
    bench.run();
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
    match bench.fars[far].ended.last() {
        Some(sip::api::Ended::Refused(status)) => *status,
        other => panic!("the call was not refused: {other:?}"),
    }
}

#[test]
fn nobody_may_call_in_and_only_trunks_learn_that_there_is_no_route() {
    let mut bench = Bench::ready();
    assert_eq!(refused_with(&mut bench, STRANGER), 403);
    assert_eq!(refused_with(&mut bench, PHONE), 403);
    assert_eq!(refused_with(&mut bench, TRUNK), 404);
    assert!(bench.events().all(|event| !matches!(event, callcenter::event::Event::CallStarted { .. })));
}

#[test]
fn a_stalled_log_is_no_secret_to_trunks_but_to_strangers() {
    let mut bench = Bench::ready();
    bench.input(Input::LogStalled(true));
    assert_eq!(refused_with(&mut bench, TRUNK), 503);
    assert_eq!(refused_with(&mut bench, STRANGER), 403);
}

#[test]
fn who_calls_in_while_sip_is_overloaded_is_turned_away_unread() {
    let mut bench = Bench::ready();
    bench.input(Input::SipOverloaded(true));
    for far in [TRUNK, STRANGER] {
        assert_eq!(refused_with(&mut bench, far), 503);
    }
    assert!(bench.diagnostics.is_empty(), "nobody looked at the calls");
    assert_eq!(bench.switch.sip_turned_away(), 2);
    bench.input(Input::SipOverloaded(false));
    assert_eq!(refused_with(&mut bench, TRUNK), 404);
}
