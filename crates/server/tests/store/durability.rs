//! What happens when the log cannot be written.

use rusqlite::Connection;
use server::http::ports::{Unavailable, UseError};
use server::store::limits::ENTRIES_QUEUED_MAX;
use server::store::{AppendError, LogState};

use crate::fixture::*;

fn database(dir: &std::path::Path) -> Connection {
    Connection::open(dir.join("cordboard.db")).unwrap()
}

#[test]
fn a_log_that_cannot_be_written_is_stalled_acknowledges_nothing_and_goes_on_in_order() {
    let dir = dir();
    let mut opened = open(dir.path());
    let blocker = database(dir.path());
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = opened.event(signed_in("8000"));
    let second = opened.event(signed_in("8001"));
    opened.writer.append(vec![first]).unwrap();
    opened.wait_for_state(LogState::Stalled);
    assert_eq!(opened.writer.state(), LogState::Stalled);
    let last = second.no;
    opened.writer.append(vec![second]).unwrap();
    assert!(!opened.heard_durable());
    assert_eq!(opened.writer.backlog(), 2);
    blocker.execute_batch("ROLLBACK").unwrap();
    opened.wait_for_state(LogState::Working);
    opened.wait_for(last);
    assert_eq!(opened.writer.state(), LogState::Working);
    assert_eq!(opened.writer.durable(), last);
    opened.close();
    assert_eq!(open(dir.path()).startup.events.len(), 2);
}

#[test]
fn requests_of_a_stalled_log_wait_and_are_answered_once() {
    let dir = dir();
    let opened = open(dir.path());
    let blocker = database(dir.path());
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let use_it = || opened.writer.remember_nonce(BEGIN, ACCOUNT, BEGIN.as_secs(), "012345");
    let (first, second) = (use_it(), use_it());
    opened.wait_for_state(LogState::Stalled);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let late = opened.writer.remember_nonce(BEGIN, ACCOUNT, BEGIN.as_secs(), "999999");
    assert_eq!(runtime.block_on(late), Err(UseError::Unavailable), "nothing new is begun");
    assert_eq!(opened.writer.bind_key(ACCOUNT, "k", base::CommandId(1)), Err(Unavailable));
    blocker.execute_batch("ROLLBACK").unwrap();
    assert_eq!(runtime.block_on(first), Ok(()), "tried several times, remembered once");
    assert_eq!(runtime.block_on(second), Err(UseError::Replayed));
}

#[test]
fn a_full_queue_hands_the_entries_back() {
    let dir = dir();
    let mut opened = open(dir.path());
    let blocker = database(dir.path());
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let many = opened.events(vec![changed("8000", 0); ENTRIES_QUEUED_MAX]);
    let last = many[many.len() - 1].no;
    opened.writer.append(many).unwrap();
    let more = opened.events(vec![changed("8000", 1)]);
    let refused = opened.writer.append(more.clone()).unwrap_err();
    assert_eq!(refused, AppendError::Full(more.clone()));
    blocker.execute_batch("ROLLBACK").unwrap();
    opened.wait_for(last);
    opened.append(more);
}
