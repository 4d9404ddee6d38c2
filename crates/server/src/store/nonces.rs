//! Which (timestamp, nonce) pairs of an account were used (contract §1). The table is the truth; the writer's order makes
//! the check atomic.

use base::{AccountId, Wall};
use rusqlite::Connection;

use super::limits::{NONCES_PER_ACCOUNT_MAX, PRUNE_WITH_EACH, USE_KEPT_S};
use super::size_of;
use crate::http::ports::UseError;

/// Remembers a use, or says why not.
pub(super) fn remember(
    conn: &Connection,
    now: Wall,
    account: AccountId,
    timestamp_s: i64,
    nonce: &str,
) -> rusqlite::Result<Result<(), UseError>> {
    conn.prepare_cached(
        "DELETE FROM nonce WHERE (account, at_s, nonce) IN (SELECT account, at_s, nonce FROM nonce WHERE at_s < ? LIMIT ?)",
    )?
    .execute((now.as_secs() - USE_KEPT_S, PRUNE_WITH_EACH))?;
    if size_of(conn, "nonce", account, None)? >= NONCES_PER_ACCOUNT_MAX {
        return Ok(Err(UseError::Full));
    }
    let new = conn
        .prepare_cached("INSERT INTO nonce (account, at_s, nonce) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")?
        .execute((account.0, timestamp_s, nonce))?;
    Ok(if new == 1 { Ok(()) } else { Err(UseError::Replayed) })
}
