//! Forgetting what is old: log rows that nothing needs any more.

use std::time::Duration;

use base::Wall;
use rusqlite::Connection;

use super::limits::{JOURNAL_KEEP_MIN, PRUNE_ROWS_MAX};

/// Deletes one batch of log rows older than `keep` and returns how many; 0 = nothing (more) to do.
///
/// Rows stay when a push of theirs is unsettled, when presence or a living leg rests on them, when their call has no
/// record or its recording is not ready, and when they are the last (numbers go on from it).
pub(super) fn prune(conn: &Connection, now: Wall, keep: Duration) -> rusqlite::Result<usize> {
    let before = (now - keep.max(JOURNAL_KEEP_MIN)).as_millis();
    // Rows are in order of time but for steps of the wall clock: the first young row ends the search.
    conn.prepare_cached(
        "DELETE FROM log WHERE no IN (
             SELECT no FROM log
             WHERE no < coalesce((SELECT no FROM log WHERE at >= ?1 ORDER BY no LIMIT 1), (SELECT max(no) FROM log))
               AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.no = log.no)
               AND no NOT IN (SELECT signed_in FROM agent)
               AND no NOT IN (SELECT chose FROM agent WHERE chose IS NOT NULL)
               AND no NOT IN (SELECT changed FROM agent WHERE changed IS NOT NULL)
               AND no NOT IN (SELECT no FROM leg)
               AND no NOT IN (SELECT no FROM recording)
               AND (call IS NULL OR call NOT IN (SELECT id FROM call))
             ORDER BY no LIMIT ?2)",
    )?
    .execute((before, PRUNE_ROWS_MAX))
}
