//! Nonces and idempotency keys, also across a restart.

use std::time::Duration;

use base::{CallId, CommandId};
use callcenter::command::Accepted;
use server::http::ports::{Begun, UseError};

use crate::fixture::*;

const BODY: [u8; 32] = [1; 32];

#[tokio::test]
async fn a_use_is_remembered_once_also_across_a_restart() {
    let dir = dir();
    let opened = open(dir.path());
    let at_s = BEGIN.as_secs();
    assert_eq!(opened.writer.remember_nonce(BEGIN, ACCOUNT, at_s, "012345").await, Ok(()));
    assert_eq!(opened.writer.remember_nonce(BEGIN, ACCOUNT, at_s, "012345").await, Err(UseError::Replayed));
    assert_eq!(
        opened.writer.remember_nonce(BEGIN, ACCOUNT, at_s, "12345").await,
        Ok(()),
        "leading zeros count"
    );
    assert_eq!(opened.writer.remember_nonce(BEGIN, ACCOUNT, at_s + 1, "012345").await, Ok(()));
    assert_eq!(opened.writer.remember_nonce(BEGIN, base::AccountId(7), at_s, "012345").await, Ok(()));
    opened.close();
    let opened = open(dir.path());
    // Fresh until the last millisecond of the 300th second; the prune of the same write must not have forgotten it.
    for ms in [300_000, 300_999, 301_000, 360_999] {
        let later = BEGIN + Duration::from_millis(ms);
        let again = opened.writer.remember_nonce(later, ACCOUNT, at_s, "012345").await;
        assert_eq!(again, Err(UseError::Replayed), "{ms}");
    }
}

#[tokio::test]
async fn old_uses_are_forgotten_while_new_ones_come() {
    let dir = dir();
    let opened = open(dir.path());
    for n in 0..20 {
        opened.writer.remember_nonce(BEGIN, ACCOUNT, BEGIN.as_secs(), &format!("{n:06}")).await.unwrap();
    }
    let later = BEGIN + Duration::from_secs(361);
    for n in 0..5 {
        opened.writer.remember_nonce(later, ACCOUNT, later.as_secs(), &format!("{n:06}")).await.unwrap();
    }
    opened.close();
    let conn = rusqlite::Connection::open(dir.path().join("cordboard.db")).unwrap();
    let rows: i64 = conn.query_row("SELECT count(*) FROM nonce", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 5);
    let counted: i64 =
        conn.query_row("SELECT rows FROM size WHERE of = 'nonce 2000103'", [], |row| row.get(0)).unwrap();
    assert_eq!(counted, 5, "the bound counts what is there");
}

#[tokio::test]
async fn an_account_with_too_many_uses_is_refused_and_others_are_not() {
    let dir = dir();
    open(dir.path()).close();
    let conn = rusqlite::Connection::open(dir.path().join("cordboard.db")).unwrap();
    let full = server::store::limits::NONCES_PER_ACCOUNT_MAX;
    conn.execute("INSERT INTO size VALUES ('nonce 2000103', ?)", [full]).unwrap();
    let opened = open(dir.path());
    let at_s = BEGIN.as_secs();
    assert_eq!(opened.writer.remember_nonce(BEGIN, ACCOUNT, at_s, "012345").await, Err(UseError::Full));
    assert_eq!(opened.writer.remember_nonce(BEGIN, base::AccountId(7), at_s, "012345").await, Ok(()));
}

#[tokio::test]
async fn a_key_is_carried_out_once_and_answered_alike() {
    let dir = dir();
    let opened = open(dir.path());
    let begin = |body| opened.writer.begin_key(BEGIN, ACCOUNT, "k", body);
    assert_eq!(begin(BODY).await, Ok(Begun::Fresh));
    assert_eq!(begin(BODY).await, Ok(Begun::InProgress));
    assert_eq!(begin([2; 32]).await, Ok(Begun::Conflict));
    opened.writer.finish_key(ACCOUNT, "k", "{\"code\":\"200\"}".to_owned()).await.unwrap();
    opened.close();
    let opened = open(dir.path());
    let again = |after| opened.writer.begin_key(BEGIN + Duration::from_secs(after), ACCOUNT, "k", BODY);
    assert_eq!(again(24 * 3600).await, Ok(Begun::Done("{\"code\":\"200\"}".to_owned())));
    assert_eq!(again(24 * 3600 + 1).await, Ok(Begun::Fresh), "forgotten after 24 h");
}

#[tokio::test]
async fn a_released_key_is_fresh_again() {
    let dir = dir();
    let opened = open(dir.path());
    opened.writer.begin_key(BEGIN, ACCOUNT, "k", BODY).await.unwrap();
    opened.writer.release_key(ACCOUNT, "k").await.unwrap();
    assert_eq!(opened.writer.begin_key(BEGIN, ACCOUNT, "k", [2; 32]).await, Ok(Begun::Fresh));
}

#[tokio::test]
async fn a_crash_between_command_and_answer_is_resolved_from_the_log() {
    let dir = dir();
    let mut opened = open(dir.path());
    for key in ["dialled", "hung up", "lost", "never passed on"] {
        assert_eq!(opened.writer.begin_key(BEGIN, ACCOUNT, key, BODY).await, Ok(Begun::Fresh));
    }
    opened.writer.bind_key(ACCOUNT, "dialled", CommandId(1)).unwrap();
    opened.writer.bind_key(ACCOUNT, "hung up", CommandId(2)).unwrap();
    opened.writer.bind_key(ACCOUNT, "lost", CommandId(3)).unwrap();
    let mut dialled = opened.events(vec![started(100), leg_started(100, 1000)]);
    dialled.iter_mut().for_each(|entry| entry.command = Some(CommandId(1)));
    let mut hung_up = opened.event(ended(100));
    hung_up.command = Some(CommandId(2));
    dialled.push(hung_up);
    opened.append(dialled);
    opened.close();

    let opened = open(dir.path());
    assert_eq!(opened.startup.next_command, CommandId(4));
    let begin = |key| opened.writer.begin_key(BEGIN, ACCOUNT, key, BODY);
    assert_eq!(begin("dialled").await, Ok(Begun::Accepted(Accepted { call: Some(CallId(100)) })));
    assert_eq!(begin("hung up").await, Ok(Begun::Accepted(Accepted { call: None })));
    assert_eq!(begin("lost").await, Ok(Begun::Fresh));
    assert_eq!(begin("never passed on").await, Ok(Begun::Fresh));
    let other_body = opened.writer.begin_key(BEGIN, ACCOUNT, "dialled", [2; 32]).await;
    assert_eq!(other_body, Ok(Begun::Conflict));
}
