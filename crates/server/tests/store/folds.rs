//! What a start finds, and that it is a reading of the log.

use std::time::Duration;

use base::{CallId, CommandId, LegId, LogNo};
use callcenter::command::Choice;
use callcenter::event::{Event, Moment, RecordKind};
use callcenter::signal::{Cause, EndedBy, Failure};
use switch::api::Piece;

use crate::fixture::*;

fn replayed(opened: &Opened) -> Vec<Event> {
    opened.startup.events.iter().map(|event| event.event.clone()).collect()
}

#[test]
fn a_new_store_begins_at_one() {
    let dir = dir();
    let opened = open(dir.path());
    let startup = &opened.startup;
    assert_eq!((startup.next, startup.next_command, startup.highest_snowflake), (LogNo(1), CommandId(1), 0));
    assert!(startup.events.is_empty() && startup.tokens.is_empty() && startup.recordings.is_empty());
}

#[test]
fn presence_survives_and_only_what_still_counts_is_replayed() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(vec![
        signed_in("8000"),
        changed("8000", 0),
        signed_in("8001"),
        changed("8001", 0),
        chose("8000", Choice::Busy),
        changed("8000", 1),
        signed_out("8001"),
    ]);
    opened.close();
    let opened = open(dir.path());
    assert_eq!(replayed(&opened), [signed_in("8000"), chose("8000", Choice::Busy), changed("8000", 1)]);
    assert_eq!(opened.startup.next, LogNo(8));
    assert_eq!(opened.startup.next_seqs, [(ACCOUNT, 8)]);
}

#[test]
fn signing_in_again_forgets_the_earlier_choice() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(vec![
        signed_in("8000"),
        chose("8000", Choice::Custom(101)),
        signed_in("8000"),
        changed("8000", 0),
    ]);
    opened.close();
    assert_eq!(replayed(&open(dir.path())), [signed_in("8000"), changed("8000", 0)]);
}

#[test]
fn open_calls_are_replayed_whole_and_closed_ones_not_at_all() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(vec![signed_in("8000")]);
    opened.log(whole_call(100, 1000, BEGIN));
    let open_call = vec![started(101), leg_started(101, 1010), in_call(101, 2, Moment::Calling)];
    opened.log(open_call.clone());
    opened.close();
    let opened = open(dir.path());
    let expected: Vec<_> = [signed_in("8000")].into_iter().chain(open_call).collect();
    assert_eq!(replayed(&opened), expected);
    assert_eq!(opened.startup.highest_snowflake, 1010, "legs and calls are numbered by one generator");
}

#[test]
fn the_record_of_a_party_leaves_its_call_open() {
    let dir = dir();
    let mut opened = open(dir.path());
    let parted =
        vec![started(102), leg_started(102, 1020), party_recorded(102, 2020, RecordKind::Transfer, BEGIN)];
    opened.log(parted.clone());
    opened.close();
    let mut opened = open(dir.path());
    assert_eq!(replayed(&opened), parted, "a restart still owes the call its own record");
    assert_eq!(opened.startup.highest_snowflake, 2020);
    opened.log(vec![recorded(record(102, BEGIN))]);
    opened.close();
    assert_eq!(replayed(&open(dir.path())), []);
}

#[test]
fn tokens_stay_until_they_are_done_with() {
    let dir = dir();
    let mut opened = open(dir.path());
    let bodies =
        [token(100, 1, "first"), token(100, 2, "other"), token(100, 1, "second"), token_done(100, 2)];
    let entries = bodies.into_iter().map(|body| opened.entry(body, None)).collect();
    opened.append(entries);
    opened.close();
    let opened = open(dir.path());
    let tokens: Vec<_> = opened.startup.tokens.iter().map(|t| (t.leg, t.token.as_ref().to_vec())).collect();
    assert_eq!(tokens, [(LegId(1), b"second".to_vec())]);
    assert_eq!(opened.startup.next, LogNo(5));
}

#[test]
fn the_last_that_was_said_of_each_user_s_phones_is_found() {
    let dir = dir();
    let mut opened = open(dir.path());
    let said = [phones("8000", "here"), phones("8001", "there"), phones("8000", "moved"), phones("8001", "")];
    let entries = said.into_iter().map(|body| opened.entry(body, None)).collect();
    opened.append(entries);
    opened.close();
    let opened = open(dir.path());
    let kept: Vec<_> = opened.startup.phones.iter().map(|one| (one.user.as_str(), &one.kept[..])).collect();
    assert_eq!(kept, [("8000", &b"moved"[..])]);
    assert_eq!(opened.startup.next, LogNo(5));
}

#[test]
fn a_recording_is_unfinished_until_its_files_are_ready() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(whole_call(100, 1000, BEGIN));
    opened.log(whole_call(101, 1001, BEGIN));
    opened.log(vec![Event::RecordingReady { id: base::CallId(100), files: files(100), part: None }]);
    opened.close();
    let opened = open(dir.path());
    let unfinished: Vec<_> = opened.startup.recordings.iter().map(|r| (r.call.0, r.pieces.clone())).collect();
    assert_eq!(unfinished, [(101, vec![Piece::whole(files(101))])]);
}

/// The whole of a recording and the parts of later agents are ready one by one; from where to where a part goes is read off
/// when its agent came and left.
#[test]
fn parts_of_a_recording_are_unfinished_until_their_own_files_are_ready() {
    let dir = dir();
    let mut opened = open(dir.path());
    let (id, cause) = (CallId(100), Cause { sip_code: 200, by: EndedBy::Far, failure: Failure::None });
    for event in recorded_in_parts(100, 1000) {
        match &event {
            Event::PartStarted { leg: LegId(7), .. } => opened.at = BEGIN + Duration::from_millis(1500),
            Event::LegLeft { leg: LegId(7), .. } => opened.at = BEGIN + Duration::from_millis(2500),
            Event::PartStarted { .. } => opened.at = BEGIN + Duration::from_millis(3000),
            _other => {}
        }
        opened.log(vec![event]);
    }
    opened.log(vec![Event::LegEnded { leg: LegId(7), id, cause, gateway: None }]);
    let unfinished = |opened: &Opened| -> Vec<Piece> {
        opened.startup.recordings.iter().flat_map(|recording| recording.pieces.clone()).collect()
    };
    let piece = |leg, from_ms, to_ms| Piece { part: Some(LegId(leg)), files: files(leg), from_ms, to_ms };
    let parts = [piece(7, 1500, Some(2500)), piece(8, 3000, None)];

    opened.close();
    let mut opened = open(dir.path());
    assert_eq!(unfinished(&opened), [&[Piece::whole(files(100))], &parts[..]].concat());
    opened.log(vec![Event::RecordingReady { id, files: files(100), part: None }]);
    opened.close();
    let mut opened = open(dir.path());
    assert_eq!(unfinished(&opened), parts);
    opened.log(vec![Event::RecordingReady { id, files: files(7), part: Some(LegId(7)) }]);
    opened.close();
    let mut opened = open(dir.path());
    assert_eq!(unfinished(&opened), parts[1..]);
    opened.log(vec![Event::RecordingReady { id, files: files(8), part: Some(LegId(8)) }]);
    opened.close();
    assert_eq!(unfinished(&open(dir.path())), []);
}

#[test]
fn commands_are_numbered_on() {
    let dir = dir();
    let mut opened = open(dir.path());
    let mut entry = opened.event(signed_in("8000"));
    entry.command = Some(CommandId(41));
    opened.append(vec![entry]);
    opened.close();
    assert_eq!(open(dir.path()).startup.next_command, CommandId(42));
}

#[test]
fn two_processes_cannot_serve_from_one_store() {
    let dir = dir();
    let _opened = open(dir.path());
    let watch = Box::new(Deaf);
    let error = server::store::Store::open(dir.path(), std::sync::Arc::new(Plain::default()), watch).err();
    let text = error.expect("the second is refused").to_string();
    assert!(text.ends_with("is in use by another process"), "{text}");
}

struct Deaf;

impl server::store::Watch for Deaf {
    fn durable(&mut self, _through: LogNo) {}
    fn state(&mut self, _state: server::store::LogState) {}
}
