//! The program dies: each call gets its one record, and nobody is left on the line.

mod kit;

use std::time::Duration;

use base::{LegId, Wall};
use callcenter::action::RecordingFiles;
use callcenter::command::{Choice, Command, LoginType};
use callcenter::event::{Event, Numbered};
use callcenter::signal::Failure;
use kit::{Bench, PHONE, TRUNK};
use sip::api::Ended;
use switch::api::{Body, Entry, Input, Piece};

#[test]
fn talking_phones_get_their_bye_and_the_call_its_record() {
    let (mut bench, call) = Bench::talking();
    bench.crash();
    bench.pass(Duration::from_secs(40));
    assert_eq!(bench.fars[PHONE].ended, [Ended::ByFar]);
    assert_eq!(bench.fars[TRUNK].ended, [Ended::ByFar]);
    assert_eq!(bench.record().id, call);
    assert_eq!(bench.finished.len(), 1, "what was recorded until then is kept");
    let files = bench.finished[0].1[0].files.clone();
    bench.input(Input::RecordingReady { account: kit::ACCOUNT, call, files, part: None });
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

/// Where the parts of a recording go from and to is read off the log: from when later agents came until they left, or to its
/// end.
#[test]
fn a_recording_becomes_the_parts_of_later_agents_too() {
    let (mut bench, call) = Bench::talking();
    let part = |leg: u64| Event::PartStarted { id: call, leg: LegId(leg), files: files(leg) };
    let left = |leg: u64| Event::LegLeft { leg: LegId(leg), id: call, call: None };
    let began = bench.log.iter().find_map(|entry| match &entry.body {
        Body::Event(Numbered { at, event: Event::RecordingStarted { .. }, .. }) => Some(*at),
        _other => None,
    });
    for (ms, event) in [(1000, part(7)), (2000, left(7)), (2000, part(8)), (2500, left(7)), (3000, left(9))] {
        happened(&mut bench, began.expect("it is recorded") + Duration::from_millis(ms), event);
    }
    bench.crash();
    bench.pass(Duration::from_secs(40));
    let [(of, pieces)] = &bench.finished[..] else { panic!("{:?}", bench.finished) };
    let piece = |leg, from_ms, to_ms| Piece { part: Some(LegId(leg)), files: files(leg), from_ms, to_ms };
    assert_eq!((*of, pieces[0].part, pieces[0].to_ms), (call, None, None));
    assert_eq!(pieces[1..], [piece(7, 1000, Some(2000)), piece(8, 2000, None)]);

    // Whatever is ready stays so: after another crash only the rest is made.
    for Piece { part, files, .. } in [pieces[1].clone(), pieces[0].clone()] {
        bench.input(Input::RecordingReady { account: kit::ACCOUNT, call, files, part });
    }
    bench.crash();
    assert_eq!(bench.finished, [(call, vec![piece(8, 2000, None)])]);
    bench.input(Input::RecordingReady { account: kit::ACCOUNT, call, files: files(8), part: Some(LegId(8)) });
    bench.crash();
    assert_eq!(bench.finished, []);
    bench.assert_at_rest();
}

fn files(leg: u64) -> RecordingFiles {
    RecordingFiles { mixed: Some(leg.to_string()), ..RecordingFiles::default() }
}

/// Writes an event of the account into the log, as if its core had said it.
fn happened(bench: &mut Bench, at: Wall, event: Event) {
    let seq = bench.log.iter().filter(|entry| matches!(entry.body, Body::Event(_))).count() as u64 + 1;
    let event = Numbered { account: kit::ACCOUNT, seq, id: format!("{seq:032x}"), at, event };
    bench.durable = bench.durable.next();
    bench.log.push(Entry {
        no: bench.durable,
        account: kit::ACCOUNT,
        command: None,
        body: Body::Event(event),
    });
}
