//! The program dies: each call gets its one record, and nobody is left on the line.

mod kit;

use std::time::Duration;

use callcenter::event::Event;
use callcenter::signal::Failure;
use kit::{Bench, PHONE, TRUNK};
use sip::api::Ended;
use switch::api::{Body, Input};

#[test]
fn talking_phones_get_their_bye_and_the_call_its_record() {
    let (mut bench, call) = Bench::talking();
    bench.crash();
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar]);
    assert_eq!(bench.fars[TRUNK].ended, [Ended::ByFar]);
    assert_eq!(bench.record().id, call);
    assert_eq!(bench.finished.len(), 1, "what was recorded until then is kept");
    let files = bench.finished[0].1.clone();
    bench.input(Input::RecordingReady { account: kit::ACCOUNT, call, files });
    assert!(bench.events().any(|event| matches!(event, Event::RecordingReady { .. })));
    bench.assert_at_rest();
}

#[test]
fn a_ringing_phone_gets_its_cancel() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.ring(PHONE, 180, None);
    bench.crash();
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[PHONE].requests("CANCEL"), 1);
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar]);
    assert_eq!(bench.record().failure, Failure::Unknown);
    bench.assert_at_rest();
}

#[test]
fn a_phone_that_answered_just_before_gets_its_bye() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.auto_commit = false;
    bench.answer(PHONE);
    bench.crash();
    bench.auto_commit = true;
    bench.commit();
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar]);
    assert_eq!(bench.fars[PHONE].requests("BYE"), 1);
    bench.record();
    bench.assert_at_rest();
}

#[test]
fn a_call_that_was_never_durable_never_happened() {
    let mut bench = Bench::ready();
    bench.auto_commit = false;
    bench.ask_later(kit::dial());
    bench.crash();
    bench.auto_commit = true;
    bench.commit();
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[PHONE].calls, 0);
    assert!(bench.events().all(|event| !matches!(event, Event::CallStarted { .. })));
    bench.assert_at_rest();
}

#[test]
fn tokens_are_forgotten_when_the_far_end_knows() {
    let (mut bench, _) = Bench::talking();
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    for leg in bench.legs() {
        let of_leg = |entry: &&switch::api::Entry| match &entry.body {
            Body::Token { leg: of, .. } | Body::TokenDone { leg: of, .. } => *of == leg,
            Body::Event(_) => false,
        };
        let last = bench.log.iter().rfind(of_leg).expect("a leg has tokens");
        assert!(matches!(last.body, Body::TokenDone { .. }));
    }
    bench.crash();
    assert_eq!(bench.switch.counts().resumed, 0);
}

#[test]
fn dying_again_while_far_ends_are_told_leaves_nobody_on_the_line() {
    let (mut bench, _) = Bench::talking();
    bench.fars[PHONE].deaf = true;
    bench.fars[TRUNK].deaf = true;
    bench.crash();
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.switch.counts().resumed, 2);
    bench.crash();
    bench.fars[PHONE].deaf = false;
    bench.fars[TRUNK].deaf = false;
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar]);
    assert_eq!(bench.fars[TRUNK].ended, [Ended::ByFar]);
    bench.record();
}

#[test]
fn a_garbled_token_is_reported_and_forgotten() {
    let (mut bench, _) = Bench::talking();
    for entry in &mut bench.log {
        if let Body::Token { token, .. } = &mut entry.body {
            *token = bytes::Bytes::from_static(b"garbled");
        }
    }
    bench.crash();
    assert_eq!(bench.switch.counts().resumed, 0);
    assert_eq!(bench.diagnostics.len(), 2);
    bench.record();
}
