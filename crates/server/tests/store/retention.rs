//! What is forgotten, what is kept, and that the tables are a reading of the log.

use std::path::Path;
use std::time::Duration;

use base::CallId;
use callcenter::command::Choice;
use callcenter::event::{Event, Moment, RecordKind};
use rusqlite::Connection;
use server::store::Settlement;

use crate::fixture::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

fn rows(dir: &Path) -> Vec<u64> {
    let conn = Connection::open(dir.join("cordboard.db")).unwrap();
    let mut found = conn.prepare("SELECT no FROM log ORDER BY no").unwrap();
    found.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

async fn prune(opened: &Opened, now: base::Wall) {
    while opened.writer.prune(now, KEEP).await.unwrap() > 0 {}
}

#[tokio::test]
async fn old_rows_go_but_for_what_still_counts() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(vec![
        signed_in("8000"),                // 1 stays: signed in
        changed("8000", 0),               // 2 goes: superseded
        chose("8000", Choice::Busy),      // 3 stays
        changed("8000", 1),               // 4 goes: superseded by 7
        started(100),                     // 5 stays: an open call
        leg_started(100, 1000),           // 6 stays
        in_call(100, 2, Moment::Calling), // 7 stays
        started(101),                     // 8 goes: recorded below
        recorded(record(101, BEGIN)),     // 9 goes
    ]);
    let token = opened.entry(token(100, 1000, "token"), None); // 10 stays
    opened.append(vec![token]);
    opened.at = BEGIN + KEEP;
    opened.log(vec![signed_in("8001")]); // 11 is young
    prune(&opened, BEGIN + KEEP).await;
    assert_eq!(rows(dir.path()).len(), 11, "exactly as old as is kept");
    prune(&opened, BEGIN + KEEP + Duration::from_millis(1)).await;
    assert_eq!(rows(dir.path()), [1, 3, 5, 6, 7, 10, 11]);
}

#[tokio::test]
async fn what_was_said_of_phones_goes_when_something_newer_was_said() {
    let dir = dir();
    let mut opened = open(dir.path());
    let said = ["here", "there", "back"].map(|text| phones("8000", text));
    let of_another = [phones("8001", "here"), phones("8001", "")];
    let entries = said.into_iter().chain(of_another).map(|body| opened.entry(body, None)).collect();
    opened.append(entries);
    prune(&opened, BEGIN).await;
    assert_eq!(rows(dir.path()), [3, 5], "numbers go on from the last");
    opened.log(vec![changed("8000", 0)]);
    prune(&opened, BEGIN).await;
    assert_eq!(rows(dir.path()), [3, 6]);
    opened.at = BEGIN + KEEP + DAY;
    opened.log(vec![changed("8000", 1)]);
    prune(&opened, BEGIN + KEEP + DAY).await;
    assert_eq!(rows(dir.path()), [3, 7], "however old, what is still true stays");
}

#[tokio::test]
async fn rows_wait_for_their_pushes() {
    let dir = dir();
    let mut opened = open_with(dir.path(), Plain { addresses: vec!["http://a/".to_owned()] });
    opened.log(vec![changed("8000", 0), changed("8000", 1), changed("8000", 0)]);
    let waiting = opened.store.reader().unsettled(0, 10).await.unwrap();
    let later = BEGIN + KEEP + DAY;
    opened.writer.settle(later, vec![Settlement::Delivered { id: waiting[0].id }]).await.unwrap();
    prune(&opened, later).await;
    assert_eq!(rows(dir.path()), [2, 3]);
    let dead = Settlement::Dead { id: waiting[1].id, reason: "expired".to_owned() };
    opened.writer.settle(later, vec![dead]).await.unwrap();
    prune(&opened, later).await;
    assert_eq!(rows(dir.path()), [3], "the last row stays: numbers go on from it");
}

#[tokio::test]
async fn no_setting_forgets_what_keys_are_resolved_from() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(vec![changed("8000", 0), changed("8000", 1)]);
    opened.writer.prune(BEGIN + DAY, Duration::ZERO).await.unwrap();
    assert_eq!(rows(dir.path()).len(), 2);
}

#[tokio::test]
async fn the_tables_are_what_the_retained_log_says() {
    let dir = dir();
    let mut opened = open(dir.path());
    opened.log(vec![signed_in("8000"), signed_in("8001"), chose("8001", Choice::Busy), changed("8001", 1)]);
    opened.log(whole_call(100, 1000, BEGIN));
    // All is ready of one recording, but not a part of the other: from when to when it goes stays known.
    opened.log(recorded_in_parts(103, 1030));
    opened.log(
        [100, 103].map(|id| Event::RecordingReady { id: CallId(id), files: files(id), part: None }).into(),
    );
    opened.log(vec![started(101), leg_started(101, 1010), in_call(101, 3, Moment::Ring)]);
    let tokens = vec![
        opened.entry(token(100, 1000, "old"), None),
        opened.entry(token_done(100, 1000), None),
        opened.entry(measured(100, 1000), None),
        opened.entry(token(101, 1010, "new"), None),
        opened.entry(phones("8000", "gone"), None),
        opened.entry(phones("8000", "here"), None),
        opened.entry(phones("8001", "gone"), None),
        opened.entry(phones("8001", ""), None),
    ];
    opened.append(tokens);
    opened.at = BEGIN + KEEP;
    opened.log(vec![signed_in("8002"), signed_out("8002")]);
    let mut with_a_party = whole_call(102, 1020, BEGIN + KEEP);
    let last = with_a_party.len() - 1;
    with_a_party.insert(last, party_recorded(102, 2020, RecordKind::Transfer, BEGIN + KEEP));
    opened.log(with_a_party);
    let before = rows(dir.path()).len();
    prune(&opened, BEGIN + KEEP + DAY).await;
    assert!(rows(dir.path()).len() < before);
    opened.close();

    let again = fixture_dir_from_log(dir.path());
    for table in ["agent", "call", "leg", "phone", "piece", "account", "highest"] {
        assert_eq!(dump(dir.path(), table), dump(again.path(), table), "{table}");
    }
    assert!(dump(dir.path(), "piece").iter().any(|row| row.contains("Integer(7)")), "the part");
    let kept = dump(dir.path(), "record");
    let rebuilt = dump(again.path(), "record");
    assert_eq!(rebuilt.len(), 3, "records outlive the log; those still in it are the same");
    assert!(rebuilt.iter().all(|record| kept.contains(record)));
}

/// A new store made of nothing but the rows of another one's log.
pub fn fixture_dir_from_log(dir: &Path) -> tempfile::TempDir {
    let again = tempfile::tempdir().unwrap();
    server::store::rebuild(dir, again.path(), &Plain::default()).unwrap();
    again
}

pub fn dump(dir: &Path, table: &str) -> Vec<String> {
    let conn = Connection::open(dir.join("cordboard.db")).unwrap();
    let mut found = conn.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
    let columns = found.column_count();
    let rows = found.query_map([], |row| {
        (0..columns)
            .map(|i| row.get::<_, rusqlite::types::Value>(i).map(|value| format!("{value:?}")))
            .collect()
    });
    rows.unwrap().map(|row: rusqlite::Result<Vec<String>>| row.unwrap().join("|")).collect()
}
