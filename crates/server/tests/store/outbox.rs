//! The bounds of the outbox and of the dead letters, and the command line's way to them.

use std::time::Duration;

use rusqlite::Connection;
use server::store::limits::{DEAD_LETTERS_PER_ADDRESS_MAX, OUTBOX_PER_ADDRESS_MAX};
use server::store::{DeadLetterFilter, DeadLetters, Patience, Settlement};

use crate::fixture::*;

const FULL: &str = "http://full/";
const FREE: &str = "http://free/";

fn rendered() -> Plain {
    Plain { addresses: vec![FULL.to_owned(), FREE.to_owned()] }
}

fn pretend(dir: &std::path::Path, table: &str, rows: u64) {
    let conn = Connection::open(dir.join("cordboard.db")).unwrap();
    conn.execute("INSERT INTO size VALUES (?, ?)", (format!("{table} {ACCOUNT} {FULL}"), rows)).unwrap();
}

#[tokio::test]
async fn a_full_outbox_makes_dead_letters_of_its_own_address_only() {
    let dir = dir();
    open(dir.path()).close();
    pretend(dir.path(), "outbox", OUTBOX_PER_ADDRESS_MAX - 1);
    let mut opened = open_with(dir.path(), rendered());
    opened.log(vec![changed("8000", 0), changed("8000", 1)]);
    let reader = opened.store.reader();
    let waiting = reader.unsettled(0, 10).await.unwrap();
    let to: Vec<_> = waiting.iter().map(|push| push.address.as_str()).collect();
    assert_eq!(to, [FULL, FREE, FREE]);
    let dead = reader.dead_letters(DeadLetterFilter::default(), 10).await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(
        (dead[0].address.as_str(), dead[0].body.as_str()),
        (FULL, r#"{"pushType":"callStatus","eventSeq":2}"#)
    );
    assert_eq!(dead[0].reason, "too many pushes waited for this address");
}

#[tokio::test]
async fn the_oldest_dead_letter_gives_way() {
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered());
    opened.log(vec![changed("8000", 0), changed("8000", 1)]);
    let reader = opened.store.reader();
    let ids: Vec<u64> = reader.unsettled(0, 10).await.unwrap().iter().map(|push| push.id).collect();
    let bury = |id| opened.writer.settle(BEGIN, vec![Settlement::Dead { id, reason: "expired".to_owned() }]);
    bury(ids[0]).await.unwrap();
    let conn = Connection::open(dir.path().join("cordboard.db")).unwrap();
    conn.execute("UPDATE size SET rows = ? WHERE of LIKE 'dead_letter %'", [DEAD_LETTERS_PER_ADDRESS_MAX])
        .unwrap();
    bury(ids[2]).await.unwrap();
    let dead = reader.dead_letters(DeadLetterFilter::default(), 10).await.unwrap();
    assert_eq!(dead.iter().map(|letter| letter.id).collect::<Vec<_>>(), [ids[2]]);
}

#[tokio::test]
async fn the_command_line_lists_and_replays_beside_a_serving_process() {
    let dir = dir();
    let mut opened = open_with(dir.path(), rendered());
    opened.log(vec![changed("8000", 0), recorded(record(100, BEGIN))]);
    let reader = opened.store.reader();
    let pushes = reader.unsettled(0, 10).await.unwrap();
    let dead = |id| Settlement::Dead { id, reason: "expired".to_owned() };
    opened.writer.settle(BEGIN, pushes.iter().map(|push| dead(push.id)).collect()).await.unwrap();

    let mut letters = DeadLetters::open(dir.path()).unwrap();
    let to_full = DeadLetterFilter { address: Some(FULL.to_owned()), ..DeadLetterFilter::default() };
    assert_eq!(letters.list(&to_full, 10).unwrap().len(), 2);
    let now = BEGIN + Duration::from_secs(3600);
    assert_eq!(letters.replay(&to_full, now).unwrap(), 2);
    assert_eq!(letters.list(&DeadLetterFilter::default(), 10).unwrap().len(), 2, "the other address's stay");

    let again = reader.unsettled(0, 10).await.unwrap();
    let last = pushes[pushes.len() - 1].id;
    assert!(again.iter().all(|push| push.id > last), "delivery reads on from the last it saw");
    let lives: Vec<_> = again.iter().map(|push| (push.patience, push.expires)).collect();
    let anew = |patience: Patience| (patience, now + patience.life());
    assert_eq!(lives, [anew(Patience::State), anew(Patience::Lasting)], "in the order they happened");
}

#[test]
fn no_store_is_made_where_there_is_none() {
    let dir = dir();
    assert!(DeadLetters::open(dir.path()).is_err());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
