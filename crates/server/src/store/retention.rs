//! Forgetting what is old: log rows that nothing needs any more.

use std::time::Duration;

use base::Wall;
use rusqlite::Connection;

use super::limits::{JOURNAL_KEEP_MIN, PRUNE_ROWS_MAX};

/// Deletes one batch of log rows older than `keep` and returns how many; 0 = nothing (more) to do.
///
/// Rows stay when a push of theirs is unsettled, when presence, a living leg or a phone rests on them, when their call has
/// no record or its recording or a part of that is not ready, and when they are the last (numbers go on from it). What was
/// said of phones and is not true any more goes at once: phones say it again and again, and nobody asks how it was.
pub(super) fn prune(conn: &Connection, now: Wall, keep: Duration) -> rusqlite::Result<usize> {
    let replaced = prune_replaced(conn)?;
    let before = (now - keep.max(JOURNAL_KEEP_MIN)).as_millis();
    // Rows are in order of time but for steps of the wall clock: the first young row ends the search.
    let old = conn
        .prepare_cached(
            "DELETE FROM log WHERE no IN (
             SELECT no FROM log
             WHERE no < coalesce((SELECT no FROM log WHERE at >= ?1 ORDER BY no LIMIT 1), (SELECT max(no) FROM log))
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.no = log.no)
               AND no NOT IN (SELECT signed_in FROM agent)
               AND no NOT IN (SELECT chose FROM agent WHERE chose IS NOT NULL)
               AND no NOT IN (SELECT changed FROM agent WHERE changed IS NOT NULL)
               AND no NOT IN (SELECT no FROM leg)
               AND no NOT IN (SELECT no FROM phone)
               AND (call IS NULL OR call NOT IN (SELECT id FROM call UNION ALL SELECT call FROM piece))
             ORDER BY no LIMIT ?2)",
    )?
    .execute((before, PRUNE_ROWS_MAX - replaced))?;
    Ok(replaced + old)
}

/// The oldest first: else a rebuilt table could have what a later row took back.
fn prune_replaced(conn: &Connection) -> rusqlite::Result<usize> {
    conn.prepare_cached(
        "DELETE FROM log WHERE no IN (
             SELECT no FROM log
             WHERE phone IS NOT NULL AND no < (SELECT max(no) FROM log)
               AND NOT EXISTS (SELECT 1 FROM phone WHERE phone.no = log.no)
             ORDER BY no LIMIT ?)",
    )?
    .execute([PRUNE_ROWS_MAX])
}
