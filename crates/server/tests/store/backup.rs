//! A copy that is made while the store is written to.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::LogNo;
use server::store::back_up;

use crate::fixture::*;
use crate::retention::{dump, fixture_dir_from_log};

const FOLDED: [&str; 5] = ["agent", "call", "record", "piece", "leg"];

#[test]
fn a_copy_made_in_the_middle_of_writing_is_a_whole_store_of_one_moment() {
    let (from, to) = (dir(), dir());
    let mut opened = open_with(from.path(), Plain { addresses: vec!["http://crm.example/".to_owned()] });
    opened.log(vec![signed_in("8000"), changed("8000", 0)]);
    for call in 1..=200 {
        opened.log(whole_call(call, call + 1_000, BEGIN + Duration::from_secs(call)));
    }
    let before = opened.writer.durable();
    let done = AtomicBool::new(false);
    let copied = std::thread::scope(|scope| {
        let copy = scope.spawn(|| {
            let copied = back_up(from.path(), to.path()).unwrap();
            done.store(true, Ordering::Release);
            copied
        });
        for call in 201.. {
            // The last ones are open when the copy is made, wherever that is.
            opened.log(vec![started(call), leg_started(call, call + 1_000)]);
            if done.load(Ordering::Acquire) {
                break;
            }
            let rest = whole_call(call, call + 1_000, BEGIN).split_off(2);
            opened.log(rest);
        }
        copy.join().unwrap()
    });
    assert!(
        copied.through >= before && copied.records >= 200,
        "{copied:?} misses what was there at {before}"
    );
    let mode = to.path().join("cordboard.db").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds customers' numbers");
    opened.close();

    let again = fixture_dir_from_log(to.path());
    for table in FOLDED {
        assert_eq!(
            dump(to.path(), table),
            dump(again.path(), table),
            "table {table} is not the fold of the log"
        );
    }
    let restored = open(to.path());
    assert_eq!(restored.startup.next, LogNo(copied.through.0 + 1));
    let due = dump(to.path(), "outbox").into_iter().filter(|row| row.contains("\"cdr\"")).count();
    assert_eq!(due as u64, copied.records, "records are still to be pushed");
}

#[test]
fn a_store_that_nobody_serves_from_can_be_copied_and_nothing_is_overwritten() {
    let (from, to) = (dir(), dir());
    let mut opened = open(from.path());
    opened.log(vec![signed_in("8000")]);
    opened.close();
    back_up(from.path(), to.path()).unwrap();
    let error = back_up(from.path(), to.path()).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
    assert!(back_up(to.path().join("nothing").as_path(), dir().path()).is_err());
}

/// What a large copy costs whoever writes meanwhile: run with `--ignored --nocapture` (docs/PERFORMANCE.md).
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, reason = "it says what it measured")]
fn how_long_writers_wait() {
    let (from, to) = (dir(), dir());
    let mut opened = open(from.path());
    opened.close();
    let conn = rusqlite::Connection::open(from.path().join("cordboard.db")).unwrap();
    conn.execute_batch(
        "CREATE TABLE ballast (b BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO ballast SELECT randomblob(10000) FROM n;",
    )
    .unwrap();
    drop(conn);
    opened = open(from.path());
    let mut waits = [Vec::new(), Vec::new()];
    let append = |opened: &mut Opened, waits: &mut Vec<Duration>| {
        let began = std::time::Instant::now();
        opened.log(vec![changed("8000", 0)]);
        waits.push(began.elapsed());
    };
    opened.log(vec![signed_in("8000")]);
    for _ in 0..2_000 {
        append(&mut opened, &mut waits[0]);
    }
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        let copy = scope.spawn(|| back_up(from.path(), to.path()).unwrap());
        while !copy.is_finished() {
            append(&mut opened, &mut waits[1]);
        }
        let copied = copy.join().unwrap();
        println!("{} MB in {:?}", copied.bytes / 1_000_000, began.elapsed());
    });
    for (name, waits) in ["without", "with"].into_iter().zip(&mut waits) {
        waits.sort();
        let at = |percent: usize| waits[(waits.len() - 1) * percent / 100];
        println!(
            "{name} a backup: {} appends, p50 {:?}, p99 {:?}, max {:?}",
            waits.len(),
            at(50),
            at(99),
            at(100)
        );
    }
}
