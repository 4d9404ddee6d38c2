//! Pushes that wait for delivery, and those that were given up.

use std::time::Duration;

use base::{AccountId, CallId, LogNo, Wall};
use callcenter::event::Numbered;
use rusqlite::{Connection, OptionalExtension, Row};

use super::limits::{DEAD_LETTERS_PER_ADDRESS_MAX, OUTBOX_PER_ADDRESS_MAX};
use super::size_of;

/// What one event tells its account's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Its name, for people and metrics.
    pub kind: String,
    /// The agent it is about: pushes of one agent arrive in order.
    pub agent: Option<String>,
    /// The call it is about: pushes of one call arrive in order.
    pub call: Option<CallId>,
    /// How long it is worth trying.
    pub patience: Patience,
    /// The JSON to send.
    pub body: String,
    /// The addresses of the account that want it.
    pub addresses: Vec<String>,
}

/// How long a push is worth trying (contract §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Patience {
    /// A state: overtaken a minute after it happened.
    State,
    /// A record or a recording: retried for at least 75 h, and delays nothing else while it waits.
    Lasting,
}

impl Patience {
    /// How long after it happened a push is still tried.
    pub const fn life(self) -> Duration {
        match self {
            Patience::State => Duration::from_secs(60),
            // One hour over the promised 75, so that the last try does not come too early.
            Patience::Lasting => Duration::from_secs(76 * 3600),
        }
    }
}

/// What delivery has to know of an unsettled push, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Its number: later pushes have higher ones.
    pub id: u64,
    /// Whose.
    pub account: AccountId,
    /// Where to.
    pub address: String,
    /// Its name.
    pub kind: String,
    /// The agent it is about.
    pub agent: Option<String>,
    /// The call it is about.
    pub call: Option<CallId>,
    /// How long it is worth trying.
    pub patience: Patience,
    /// When it becomes a dead letter.
    pub expires: Wall,
}

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The address took it.
    Delivered {
        /// Which push.
        id: u64,
    },
    /// It was given up and becomes a dead letter.
    Dead {
        /// Which push.
        id: u64,
        /// Why, for people.
        reason: String,
    },
}

/// A push that was given up.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeadLetter {
    /// Its number, for replaying it.
    pub id: u64,
    /// Whose.
    pub account: AccountId,
    /// Where it should have gone.
    pub address: String,
    /// Its name.
    pub kind: String,
    /// `eventUniqueId`.
    pub event: String,
    /// When it happened.
    pub happened: Wall,
    /// When it was given up.
    pub died: Wall,
    /// Why.
    pub reason: String,
    /// The JSON.
    pub body: String,
}

/// Which dead letters are meant; all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Of this account only.
    pub account: Option<AccountId>,
    /// For this address only.
    pub address: Option<String>,
    /// This one only.
    pub id: Option<u64>,
}

/// Puts the push of `event` into the outbox, once per address. An address whose outbox is full gets a dead letter.
pub(super) fn insert(conn: &Connection, no: LogNo, event: &Numbered, push: &Push) -> rusqlite::Result<()> {
    for address in &push.addresses {
        conn.prepare_cached(
            "INSERT INTO outbox (no, account, address, kind, event, agent, call, lasting, happened, expires, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute((
            no.0,
            event.account.0,
            address,
            &push.kind,
            &event.id,
            push.agent.as_deref(),
            push.call.map(|call| call.0),
            push.patience == Patience::Lasting,
            event.at.as_millis(),
            (event.at + push.patience.life()).as_millis(),
            &push.body,
        ))?;
        if size_of(conn, "outbox", event.account, Some(address))? > OUTBOX_PER_ADDRESS_MAX {
            metrics::counter!("cordboard_outbox_overflow_total").increment(1);
            let id = conn.last_insert_rowid();
            bury(
                conn,
                u64::try_from(id).unwrap_or_default(),
                event.at,
                "too many pushes waited for this address",
            )?;
        }
    }
    Ok(())
}

/// Unsettled pushes with numbers above `after`, lowest first.
pub(super) fn unsettled(conn: &Connection, after: u64, at_most: usize) -> rusqlite::Result<Vec<Unsettled>> {
    conn.prepare_cached(
        "SELECT id, account, address, kind, agent, call, lasting, expires FROM outbox WHERE id > ? ORDER BY id LIMIT ?",
    )?
    .query_map((after, at_most), |row| {
        Ok(Unsettled {
            id: row.get(0)?,
            account: AccountId(row.get(1)?),
            address: row.get(2)?,
            kind: row.get(3)?,
            agent: row.get(4)?,
            call: row.get::<_, Option<u64>>(5)?.map(CallId),
            patience: if row.get(6)? { Patience::Lasting } else { Patience::State },
            expires: Wall::from_millis(row.get(7)?),
        })
    })?
    .collect()
}

/// `eventUniqueId` and JSON of an unsettled push; `None` when it was settled.
pub(super) fn letter(conn: &Connection, id: u64) -> rusqlite::Result<Option<(String, String)>> {
    conn.prepare_cached("SELECT event, body FROM outbox WHERE id = ?")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Takes settled pushes out of the outbox.
pub(super) fn settle(conn: &Connection, now: Wall, settled: &[Settlement]) -> rusqlite::Result<()> {
    for settlement in settled {
        match settlement {
            Settlement::Delivered { id } => {
                conn.prepare_cached("DELETE FROM outbox WHERE id = ?")?.execute([id])?;
            }
            Settlement::Dead { id, reason } => bury(conn, *id, now, reason)?,
        }
    }
    Ok(())
}

/// Dead letters, newest first.
pub(super) fn dead_letters(
    conn: &Connection,
    filter: &DeadLetterFilter,
    at_most: usize,
) -> rusqlite::Result<Vec<DeadLetter>> {
    conn.prepare_cached(
        "SELECT id, account, address, kind, event, happened, died, reason, body FROM dead_letter
         WHERE (?1 IS NULL OR account = ?1) AND (?2 IS NULL OR address = ?2) AND (?3 IS NULL OR id = ?3)
         ORDER BY id DESC LIMIT ?4",
    )?
    .query_map((filter.account.map(|a| a.0), &filter.address, filter.id, at_most), read_dead_letter)?
    .collect()
}

/// Puts dead letters into the outbox again, oldest first, with a life that begins now. Returns how many.
pub(super) fn replay(conn: &Connection, filter: &DeadLetterFilter, now: Wall) -> rusqlite::Result<usize> {
    let chosen = "(?1 IS NULL OR account = ?1) AND (?2 IS NULL OR address = ?2) AND (?3 IS NULL OR id = ?3)";
    let (account, address, id) = (filter.account.map(|a| a.0), &filter.address, filter.id);
    let life = |patience: Patience| (now + patience.life()).as_millis();
    conn.prepare_cached(&format!(
        "INSERT INTO outbox (no, account, address, kind, event, agent, call, lasting, happened, expires, body)
         SELECT no, account, address, kind, event, agent, call, lasting, happened,
                CASE lasting WHEN 0 THEN ?4 ELSE ?5 END, body
         FROM dead_letter WHERE {chosen} ORDER BY id"
    ))?
    .execute((account, address, id, life(Patience::State), life(Patience::Lasting)))?;
    conn.prepare_cached(&format!("DELETE FROM dead_letter WHERE {chosen}"))?.execute((account, address, id))
}

/// Makes an unsettled push a dead letter; the oldest of its address gives way when there are too many.
fn bury(conn: &Connection, id: u64, now: Wall, reason: &str) -> rusqlite::Result<()> {
    let buried = conn
        .prepare_cached(
            "INSERT INTO dead_letter
                 (id, no, account, address, kind, event, agent, call, lasting, happened, died, reason, body)
             SELECT id, no, account, address, kind, event, agent, call, lasting, happened, ?2, ?3, body
             FROM outbox WHERE id = ?1 RETURNING account, address",
        )?
        .query_row((id, now.as_millis(), reason), |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((account, address)) = buried else { return Ok(()) };
    conn.prepare_cached("DELETE FROM outbox WHERE id = ?")?.execute([id])?;
    if size_of(conn, "dead_letter", AccountId(account), Some(&address))? > DEAD_LETTERS_PER_ADDRESS_MAX {
        conn.prepare_cached(
            "DELETE FROM dead_letter
             WHERE id = (SELECT min(id) FROM dead_letter WHERE account = ? AND address = ?)",
        )?
        .execute((account, &address))?;
    }
    Ok(())
}

fn read_dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        account: AccountId(row.get(1)?),
        address: row.get(2)?,
        kind: row.get(3)?,
        event: row.get(4)?,
        happened: Wall::from_millis(row.get(5)?),
        died: Wall::from_millis(row.get(6)?),
        reason: row.get(7)?,
        body: row.get(8)?,
    })
}
