//! What was answered to requests with an `Idempotency-Key` (contract §2), also across a crash.
//!
//! A key is begun (durable before its request goes on), bound to the command it becomes (queued before the command's own
//! entries, so durable no later than they), and finished with the answer. A key that a crash left without an answer is
//! looked up in the log: a command with events there was accepted, one without was not carried out.

use base::{AccountId, CommandId, Wall};
use callcenter::command::Accepted;
use callcenter::event::Event;
use rusqlite::{Connection, OptionalExtension};

use super::limits::{KEY_LIFE, KEYS_PER_ACCOUNT_MAX, PRUNE_WITH_EACH};
use super::log::{self, from_json, to_json};
use super::{fold, size_of};
use crate::http::ports::{Begun, Unavailable};

/// Claims a key. `Err` when the account has too many.
pub(super) fn begin(
    conn: &Connection,
    now: Wall,
    account: AccountId,
    key: &str,
    body_hash: &[u8; 32],
) -> rusqlite::Result<Result<Begun, Unavailable>> {
    let oldest = (now - KEY_LIFE).as_millis();
    conn.prepare_cached("DELETE FROM idempotency WHERE account = ? AND key = ? AND begun < ?")?
        .execute((account.0, key, oldest))?;
    conn.prepare_cached(
        "DELETE FROM idempotency
         WHERE (account, key) IN (SELECT account, key FROM idempotency WHERE begun < ? LIMIT ?)",
    )?
    .execute((oldest, PRUNE_WITH_EACH))?;
    if let Some(known) = find(conn, account, key, body_hash)? {
        return Ok(Ok(known));
    }
    if size_of(conn, "idempotency", account, None)? >= KEYS_PER_ACCOUNT_MAX {
        return Ok(Err(Unavailable));
    }
    conn.prepare_cached("INSERT INTO idempotency (account, key, body_hash, begun) VALUES (?, ?, ?, ?)")?
        .execute((account.0, key, body_hash, now.as_millis()))?;
    Ok(Ok(Begun::Fresh))
}

/// Remembers which command a begun key became.
pub(super) fn bind(
    conn: &Connection,
    account: AccountId,
    key: &str,
    command: CommandId,
) -> rusqlite::Result<()> {
    fold::raise(conn, "command", command.0)?;
    conn.prepare_cached("UPDATE idempotency SET command = ? WHERE account = ? AND key = ?")?
        .execute((command.0, account.0, key))
        .map(|_rows| ())
}

/// Stores the answer.
pub(super) fn finish(conn: &Connection, account: AccountId, key: &str, answer: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("UPDATE idempotency SET answer = ? WHERE account = ? AND key = ?")?
        .execute((answer, account.0, key))
        .map(|_rows| ())
}

/// Gives an unanswered claim back.
pub(super) fn release(conn: &Connection, account: AccountId, key: &str) -> rusqlite::Result<()> {
    conn.prepare_cached("DELETE FROM idempotency WHERE account = ? AND key = ? AND answer IS NULL")?
        .execute((account.0, key))
        .map(|_rows| ())
}

/// At start: resolves the keys that the last run left without an answer.
pub(super) fn resolve_after_crash(conn: &Connection) -> rusqlite::Result<()> {
    let unanswered: Vec<(u64, String, Option<u64>)> = conn
        .prepare("SELECT account, key, command FROM idempotency WHERE answer IS NULL AND accepted IS NULL")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    for (account, key, command) in unanswered {
        let events = match command {
            Some(command) => log::events_of(conn, CommandId(command))?,
            None => Vec::new(),
        };
        if events.is_empty() {
            conn.execute("DELETE FROM idempotency WHERE account = ? AND key = ?", (account, key))?;
            continue;
        }
        let call = events.iter().find_map(|event| match &event.event {
            Event::CallStarted { call, .. } => Some(call.id),
            _other => None,
        });
        conn.execute(
            "UPDATE idempotency SET accepted = ? WHERE account = ? AND key = ?",
            (to_json(&Accepted { call })?, account, key),
        )?;
    }
    Ok(())
}

fn find(
    conn: &Connection,
    account: AccountId,
    key: &str,
    body_hash: &[u8; 32],
) -> rusqlite::Result<Option<Begun>> {
    conn.prepare_cached("SELECT body_hash, answer, accepted FROM idempotency WHERE account = ? AND key = ?")?
        .query_row((account.0, key), |row| {
            if row.get::<_, Vec<u8>>(0)? != body_hash {
                return Ok(Begun::Conflict);
            }
            if let Some(answer) = row.get(1)? {
                return Ok(Begun::Done(answer));
            }
            match row.get::<_, Option<String>>(2)? {
                Some(_) => from_json(row, 2).map(Begun::Accepted),
                None => Ok(Begun::InProgress),
            }
        })
        .optional()
}
