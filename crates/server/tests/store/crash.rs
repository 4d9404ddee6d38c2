//! kill -9 at any moment: what was acknowledged is there, nothing is missing in between, nothing is there twice.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use base::LogNo;

use crate::fixture::*;

const ROUNDS: u64 = 8;
const DIR: &str = "CORDBOARD_TEST_CRASH_DIR";

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let dir = dir();
    let mut acknowledged = LogNo(0);
    for round in 0..ROUNDS {
        // Another moment each time; prime steps so that it falls at different places of a batch.
        let lines = 7 + usize::try_from(round).unwrap() * 13;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::appends_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let told =
            out.lines().map_while(Result::ok).filter_map(|line| line.strip_prefix("durable ")?.parse().ok());
        let last = told.take(lines).last().expect("it acknowledged something");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(last > acknowledged);
        acknowledged = last;
        check(dir.path(), acknowledged);
    }
}

/// Opens what the killed process left and looks at all of it.
fn check(dir: &Path, acknowledged: LogNo) {
    let opened = open(dir);
    let last = opened.startup.next.0 - 1;
    assert!(last >= acknowledged.0, "{last} is in the log, {acknowledged} was acknowledged");
    let waiting = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(async { opened.store.reader().unsettled(0, usize::MAX >> 1).await.unwrap().len() });
    opened.close();
    let conn = rusqlite::Connection::open(dir.join("cordboard.db")).unwrap();
    let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, u64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM log"), last, "gapless");
    assert_eq!(number("SELECT seq FROM account"), last, "the folds are those of the log");
    assert_eq!(u64::try_from(waiting).unwrap(), last, "each event has its one push");
    let ok: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(ok, "ok");
}

/// The child: not a test by itself.
#[test]
#[ignore = "runs as the child of the test above"]
fn appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let mut opened = open_with(Path::new(&dir), Plain { addresses: vec!["http://a/".to_owned()] });
    let mut out = std::io::stdout();
    loop {
        for size in [1, 10, 3, 40] {
            let entries = opened.events(vec![changed("8000", 0); size]);
            opened.writer.append(entries).unwrap();
        }
        // One more batch than it waits for: there is always something under way.
        let ahead = opened.events(vec![changed("8000", 1); 5]);
        let last = ahead[0].no;
        opened.writer.append(ahead).unwrap();
        opened.wait_for(last);
        writeln!(out, "durable {}", opened.writer.durable()).unwrap();
        out.flush().unwrap();
    }
}
