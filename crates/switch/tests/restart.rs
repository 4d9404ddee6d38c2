//! The program dies: each call gets its one record, and nobody is left on the line.

mod kit;

use std::time::Duration;

use callcenter::command::{Choice, Command, LoginType};
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
            Body::Event(_) | Body::Measured { .. } | Body::Bindings { .. } => false,
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

fn shown(bench: &Bench) -> Vec<u16> {
    let states = bench.events().filter_map(|event| match event {
        Event::AgentChanged { state, .. } => Some(*state),
        _ => None,
    });
    states.collect()
}

#[test]
fn a_registered_phone_can_be_called_right_after_the_restart() {
    let mut bench = Bench::ready();
    let (before, entries) = (shown(&bench), bench.log.len());
    bench.crash();
    assert_eq!(bench.log.len(), entries, "what is known is not written again");
    assert_eq!(bench.switch.center(kit::ACCOUNT).and_then(|center| center.agent_state("1001")), Some(0));
    assert_eq!(shown(&bench), before, "nobody is shown as gone in between");
    bench.dial_out();
    assert_eq!(bench.fars[PHONE].requests("INVITE"), 1);
}

#[test]
fn a_registration_that_was_never_durable_is_not_there() {
    let mut bench = Bench::new();
    bench.auto_commit = false;
    bench.register();
    bench.crash();
    bench.auto_commit = true;
    let online = Command::Online { agent: "1001".into(), login: LoginType::Sip, choice: Choice::Idle };
    assert!(bench.ask(online).is_ok());
    assert_eq!(shown(&bench), [8], "its phone is nowhere");
    bench.pass(Duration::from_secs(40));
    assert_eq!(shown(&bench), [8, 0], "it asks again, since it was not answered");
}

#[test]
fn registrations_that_do_not_hold_any_more_are_forgotten_also_by_the_log() {
    let gone = |change: fn(&mut Bench)| {
        let mut bench = Bench::ready();
        change(&mut bench);
        bench.crash();
        let state = bench.switch.center(kit::ACCOUNT).and_then(|center| center.agent_state("1001"));
        let last = bench.log.iter().rev().find_map(|entry| match &entry.body {
            Body::Bindings { user, kept } => Some((user.as_str(), kept.is_empty())),
            Body::Event(_) | Body::Token { .. } | Body::TokenDone { .. } | Body::Measured { .. } => None,
        });
        (state, last == Some(("1001", true)))
    };
    assert_eq!(gone(|_| {}), (Some(0), false));
    assert_eq!(gone(|bench| bench.config.accounts[0].users[0].password = "changed".into()), (Some(8), true));
    assert_eq!(gone(|bench| bench.config.accounts[0].users[0].name = "1002".into()), (Some(8), true));
    assert_eq!(gone(|bench| bench.config.accounts[0].users.clear()), (Some(8), true));
    assert_eq!(gone(|bench| bench.now.wall = bench.now.wall + Duration::from_secs(3600)), (Some(8), true));
}
