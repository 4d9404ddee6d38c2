//! A copy of the store while it is written to: of one moment, at a bounded speed, checked.
//!
//! The copy is read inside one transaction, which writers of a write-ahead log do not wait for; they only find the log
//! growing until it ends.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base::LogNo;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::limits::{BACKUP_PAGES, BACKUP_REST};
use super::{FILE, StoreError, log, schema};

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// The last entry of the log in it.
    pub through: LogNo,
    /// Call records in it.
    pub records: u64,
    /// How large it is.
    pub bytes: u64,
}

/// Copies the store in `dir` into the folder `to`, which exists and has none.
///
/// # Errors
/// No store there, the copy cannot be written, or it is not whole.
pub fn back_up(dir: &Path, to: &Path) -> Result<Copied, StoreError> {
    let io = |error| StoreError::Io { path: to.to_owned(), error };
    let source = schema::open_to_read(&dir.join(FILE))?;
    let snapshot = source.unchecked_transaction()?;
    let through = log::last(&snapshot)?;
    let path = to.join(FILE);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(io)?;
    copy(&source, &path, &file)?;
    snapshot.finish()?;
    tidy_up(dir);
    let copied = check(&path, through)?;
    file.sync_all().map_err(io)?;
    Ok(copied)
}

/// The log beside the store grew as long as the copy was read. Whoever commits next would bring all of it into the store, and
/// others would wait for that; here nobody does.
fn tidy_up(dir: &Path) {
    let tidied = schema::open_beside(&dir.join(FILE))
        .map(|conn| conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
    if let Err(error) = tidied {
        tracing::debug!(%error, "the log beside the store is left to the server");
    }
}

fn copy(source: &Connection, path: &Path, file: &File) -> Result<(), StoreError> {
    let mut target = Connection::open(path)?;
    // A copy that is not whole is thrown away, so it needs no journal.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -256;")?;
    let backup = Backup::new(source, &mut target)?;
    loop {
        match backup.step(BACKUP_PAGES)? {
            StepResult::Done => return Ok(()),
            StepResult::More | StepResult::Busy | StepResult::Locked => {}
            other => return Err(StoreError::CopyDamaged(format!("SQLite says {other:?}"))),
        }
        // At once: what gathers would be one large write at the end, and commits would wait for it.
        file.sync_data().map_err(|error| StoreError::Io { path: path.to_owned(), error })?;
        std::thread::sleep(BACKUP_REST);
    }
}

/// Makes one file of the copy and looks through all of it.
fn check(path: &Path, through: LogNo) -> Result<Copied, StoreError> {
    let conn = Connection::open(path)?;
    // The source has a log of its own beside it, the copy needs none until a server opens it.
    conn.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    let damage = |what: &str| Err(StoreError::CopyDamaged(what.to_owned()));
    let said: String = conn.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return damage(&said);
    }
    if log::last(&conn)? != through {
        return damage("the log ends elsewhere");
    }
    let one = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, u64>(0));
    if one("SELECT count(*) FROM call WHERE NOT EXISTS (SELECT 1 FROM log WHERE log.call = call.id)")? > 0 {
        return damage("an open call is not in the log");
    }
    let ahead = "SELECT count(*) FROM (SELECT account, max(seq) AS seq FROM log WHERE seq IS NOT NULL GROUP BY account) AS told
                 LEFT JOIN account ON account.id = told.account WHERE account.seq IS NULL OR account.seq <> told.seq";
    if one(ahead)? > 0 {
        return damage("the events of an account end elsewhere than it says");
    }
    let bytes = one("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")?;
    Ok(Copied { through, records: one("SELECT count(*) FROM record")?, bytes })
}
