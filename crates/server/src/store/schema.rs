//! Opening the database file: pragmas, versions, migrations.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::StoreError;
use super::limits::LOCK_WAIT;

/// Every schema there was, oldest first; `user_version` counts those applied. Only ever append to it.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../../migrations/sqlite/0001_log_and_folds.sql"),
    include_str!("../../../../migrations/sqlite/0002_phones.sql"),
    include_str!("../../../../migrations/sqlite/0003_measured.sql"),
    include_str!("../../../../migrations/sqlite/0004_parts.sql"),
];

/// Opens the file for writing, creates it when absent and brings its schema up to date.
///
/// # Errors
/// A file that is no database, one written by a newer program, and input/output errors.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut conn = Connection::open(path)?;
    set_up(&conn)?;
    // FULL: a commit returns only when the log would survive a power cut.
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;",
    )?;
    migrate(&mut conn)?;
    Ok(conn)
}

/// Opens the file for writing beside the process that serves from it: its schema must be ours already.
///
/// # Errors
/// A file that is absent or has another schema, and input/output errors.
pub(super) fn open_beside(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    set_up(&conn)?;
    conn.execute_batch("PRAGMA synchronous = FULL;")?;
    is_ours(&conn)?;
    Ok(conn)
}

/// Opens the file for reading only, beside a process that may serve from it: its schema must be ours already.
///
/// # Errors
/// A file that is absent, unreadable or has another schema.
pub(super) fn open_beside_to_read(path: &Path) -> Result<Connection, StoreError> {
    let conn = open_to_read(path)?;
    is_ours(&conn)?;
    Ok(conn)
}

fn is_ours(conn: &Connection) -> Result<(), StoreError> {
    let found = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match MIGRATIONS.len() {
        known if found > known => Err(StoreError::Newer { found, known }),
        known if found < known => Err(StoreError::Older { found, known }),
        _same => Ok(()),
    }
}

/// Opens the file for reading only.
///
/// # Errors
/// A file that is absent or unreadable.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    set_up(&conn)?;
    Ok(conn)
}

fn set_up(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(LOCK_WAIT)?;
    conn.set_prepared_statement_cache_capacity(64);
    // Plans do not depend on the values that are bound; otherwise some statements would be prepared anew at each use.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = FILE;")
}

fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let tx = Transaction::new(conn, TransactionBehavior::Immediate)?;
    let found: usize = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > MIGRATIONS.len() {
        return Err(StoreError::Newer { found, known: MIGRATIONS.len() });
    }
    for (version, sql) in MIGRATIONS.iter().enumerate().skip(found) {
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", version + 1)?;
    }
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_a_newer_program_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cordboard.db");
        let conn = open(&path).unwrap();
        conn.pragma_update(None, "user_version", MIGRATIONS.len() + 1).unwrap();
        drop(conn);
        let error = open(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store has schema 5, this program knows schemas up to 4: run a newer one"
        );
    }

    #[test]
    fn recordings_that_an_older_program_left_unfinished_are_known_as_whole_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cordboard.db");
        let conn = Connection::open(&path).unwrap();
        for (version, sql) in MIGRATIONS.iter().enumerate().take(3) {
            conn.execute_batch(sql).unwrap();
            conn.pragma_update(None, "user_version", version + 1).unwrap();
        }
        conn.execute_batch(
            "INSERT INTO log (no, account, at, call) VALUES (7, 1, 1234, 5);
             INSERT INTO recording (call, account, files, no) VALUES (5, 1, '{}', 7);",
        )
        .unwrap();
        drop(conn);
        let conn = open(&path).unwrap();
        let row = "SELECT call, part, account, files, began, from_ms, to_ms FROM piece";
        let row = conn.query_row(row, [], |row| {
            let [call, part, account, began, from_ms] = [0, 1, 2, 4, 5].map(|n| row.get::<_, u64>(n));
            let numbers = [call?, part?, account?, began?, from_ms?];
            Ok((numbers, row.get::<_, String>(3)?, row.get::<_, Option<u64>>(6)?))
        });
        assert_eq!(row.unwrap(), ([5, 0, 1, 1234, 0], "{}".to_owned(), None));
    }

    #[test]
    fn opening_twice_migrates_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cordboard.db");
        drop(open(&path).unwrap());
        let conn = open(&path).unwrap();
        let mode: String = conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let synchronous: i64 = conn.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    }
}
