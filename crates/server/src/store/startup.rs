//! What the rest of the server needs to go on where the last run ended.

use base::{AccountId, CallId, CommandId, LegId, LogNo};
use bytes::Bytes;
use callcenter::event::Numbered;
use rusqlite::{Connection, OptionalExtension};
use switch::api::{Body, Piece};

use super::log::{self, from_json};

/// The state of the store when it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    /// The number of the next log entry.
    pub next: LogNo,
    /// The number of the next command: numbers are never used again, as the log names them.
    pub next_command: CommandId,
    /// The highest call or leg number ever given out.
    pub highest_snowflake: u64,
    /// The next event number of each account that ever had an event.
    pub next_seqs: Vec<(AccountId, u64)>,
    /// Who is signed in and everything about open calls, in order: to be replayed.
    pub events: Vec<Numbered>,
    /// How to end the dialogs that were up.
    pub tokens: Vec<LegToken>,
    /// Where registered phones were.
    pub phones: Vec<KeptPhones>,
    /// Recordings that began and whose files are not ready.
    pub recordings: Vec<UnfinishedRecording>,
}

/// How to end the dialog of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegToken {
    /// Whose call.
    pub account: AccountId,
    /// Of which call.
    pub call: CallId,
    /// Which leg.
    pub leg: LegId,
    /// Opaque: from the switch, for the switch.
    pub token: Bytes,
}

/// Where the phones of a user were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptPhones {
    /// Whose.
    pub account: AccountId,
    /// Which user of the account's phones.
    pub user: String,
    /// Opaque: from the switch, for the switch.
    pub kept: Bytes,
}

/// A recording of which not all files were ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedRecording {
    /// Whose.
    pub account: AccountId,
    /// Of which call.
    pub call: CallId,
    /// What is not made of it, the whole first.
    pub pieces: Vec<Piece>,
}

pub(super) fn read(conn: &Connection) -> rusqlite::Result<Startup> {
    let mut events = Vec::new();
    let needed = "event IS NOT NULL AND (call IN (SELECT id FROM call)
        OR no IN (SELECT signed_in FROM agent UNION SELECT chose FROM agent UNION SELECT changed FROM agent))";
    log::each(conn, needed, |entry| {
        if let Body::Event(event) = entry.body {
            events.push(event);
        }
        Ok(())
    })?;
    Ok(Startup {
        next: log::last(conn)?.next(),
        next_command: CommandId(highest(conn, "command")? + 1),
        highest_snowflake: highest(conn, "snowflake")?,
        next_seqs: conn
            .prepare("SELECT id, seq + 1 FROM account ORDER BY id")?
            .query_map([], |row| Ok((AccountId(row.get(0)?), row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?,
        events,
        tokens: tokens(conn)?,
        phones: phones(conn)?,
        recordings: recordings(conn)?,
    })
}

fn highest(conn: &Connection, name: &str) -> rusqlite::Result<u64> {
    let value =
        conn.query_row("SELECT value FROM highest WHERE name = ?", [name], |row| row.get(0)).optional()?;
    Ok(value.unwrap_or(0))
}

fn tokens(conn: &Connection) -> rusqlite::Result<Vec<LegToken>> {
    conn.prepare("SELECT account, call, id, token FROM leg ORDER BY no")?
        .query_map([], |row| {
            Ok(LegToken {
                account: AccountId(row.get(0)?),
                call: CallId(row.get(1)?),
                leg: LegId(row.get(2)?),
                token: Bytes::from(row.get::<_, Vec<u8>>(3)?),
            })
        })?
        .collect()
}

fn phones(conn: &Connection) -> rusqlite::Result<Vec<KeptPhones>> {
    conn.prepare("SELECT account, user, kept FROM phone ORDER BY account, user")?
        .query_map([], |row| {
            Ok(KeptPhones {
                account: AccountId(row.get(0)?),
                user: row.get(1)?,
                kept: Bytes::from(row.get::<_, Vec<u8>>(2)?),
            })
        })?
        .collect()
}

fn recordings(conn: &Connection) -> rusqlite::Result<Vec<UnfinishedRecording>> {
    let mut all: Vec<UnfinishedRecording> = Vec::new();
    let mut query = conn
        .prepare("SELECT account, call, part, files, from_ms, to_ms FROM piece ORDER BY began, call, part")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (account, call) = (AccountId(row.get(0)?), CallId(row.get(1)?));
        let part = Some(row.get(2)?).filter(|leg| *leg != 0).map(LegId);
        let piece = Piece { part, files: from_json(row, 3)?, from_ms: row.get(4)?, to_ms: row.get(5)? };
        match all.last_mut().filter(|last| last.call == call) {
            Some(last) => last.pieces.push(piece),
            None => all.push(UnfinishedRecording { account, call, pieces: vec![piece] }),
        }
    }
    Ok(all)
}
