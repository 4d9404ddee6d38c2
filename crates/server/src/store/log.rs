//! Rows of the log, as they are written and read back.

use base::{AccountId, CallId, CommandId, LegId, LogNo, Wall};
use bytes::Bytes;
use callcenter::event::{Event, Numbered};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row};
use switch::api::{Body, Entry};

/// The columns that [`read`] reads, in its order.
const COLUMNS: &str = "no, account, command, call, event, leg, token, phone, measured";

/// Writes one row. `at` is the time of an entry that has none of its own.
pub(super) fn insert(conn: &Connection, entry: &Entry, at: Wall) -> rusqlite::Result<()> {
    let mut measured = None;
    let (call, seq, event, leg, token, phone) = match &entry.body {
        Body::Event(event) => {
            let json = to_json(event)?;
            (call_of(&event.event), Some(event.seq), Some(json), None, None, None)
        }
        Body::Token { leg, call, token } => {
            (Some(*call), None, None, Some(leg.0), Some(token.as_ref()), None)
        }
        Body::TokenDone { leg, call } => (Some(*call), None, None, Some(leg.0), None, None),
        Body::Measured { leg, call, quality } => {
            measured = Some(to_json(quality)?);
            (Some(*call), None, None, Some(leg.0), None, None)
        }
        Body::Bindings { user, kept } => {
            let kept = (!kept.is_empty()).then_some(kept.as_ref());
            (None, None, None, None, kept, Some(user))
        }
    };
    conn.prepare_cached(
        "INSERT INTO log (no, account, at, command, call, seq, event, leg, token, phone, measured)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute((
        entry.no.0,
        entry.account.0,
        at.as_millis(),
        entry.command.map(|c| c.0),
        call.map(|c| c.0),
        seq,
        event,
        leg,
        token,
        phone,
        measured,
    ))?;
    Ok(())
}

/// The last row's number; 0 when there never was one. Retention keeps the last row.
pub(super) fn last(conn: &Connection) -> rusqlite::Result<LogNo> {
    conn.query_row("SELECT coalesce(max(no), 0) FROM log", [], |row| row.get(0).map(LogNo))
}

/// The time of the last row, the epoch when there is none.
pub(super) fn last_at(conn: &Connection) -> rusqlite::Result<Wall> {
    let at =
        conn.query_row("SELECT at FROM log ORDER BY no DESC LIMIT 1", [], |row| row.get(0)).optional()?;
    Ok(Wall::from_millis(at.unwrap_or(0)))
}

/// The rows that are left of the log, in order, for as long as `each` returns `Ok`.
pub(super) fn each(
    conn: &Connection,
    condition: &str,
    mut each: impl FnMut(Entry) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut found = conn.prepare(&format!("SELECT {COLUMNS} FROM log WHERE {condition} ORDER BY no"))?;
    let mut rows = found.query([])?;
    while let Some(row) = rows.next()? {
        each(read(row)?)?;
    }
    Ok(())
}

/// Everything that is kept of a call, in order, with its time.
pub(super) fn of_call(conn: &Connection, call: CallId) -> rusqlite::Result<Vec<(Wall, Entry)>> {
    conn.prepare(&format!("SELECT {COLUMNS}, at FROM log WHERE call = ? ORDER BY no"))?
        .query_map([call.0], |row| Ok((Wall::from_millis(row.get(9)?), read(row)?)))?
        .collect()
}

/// The events that a command led to.
pub(super) fn events_of(conn: &Connection, command: CommandId) -> rusqlite::Result<Vec<Numbered>> {
    conn.prepare_cached("SELECT event FROM log WHERE command = ? AND event IS NOT NULL ORDER BY no")?
        .query_map([command.0], |row| from_json(row, 0))?
        .collect()
}

/// The call an event is about.
pub(super) fn call_of(event: &Event) -> Option<CallId> {
    match event {
        Event::AgentSignedIn { .. } | Event::AgentSignedOut { .. } | Event::AgentChose { .. } => None,
        Event::AgentChanged { call, .. } => call.as_ref().map(|call| call.id),
        Event::CallStarted { call, .. } | Event::CallEnded { call, .. } | Event::PartyFailed { call, .. } => {
            Some(call.id)
        }
        Event::LegStarted { id, .. }
        | Event::LegPlaced { id, .. }
        | Event::LegHeld { id, .. }
        | Event::LegMuted { id, .. }
        | Event::LegLeft { id, .. }
        | Event::PartStarted { id, .. }
        | Event::LegRang { id, .. }
        | Event::LegAnswered { id, .. }
        | Event::LegEnded { id, .. }
        | Event::RecordingStarted { id, .. }
        | Event::RecordingStopped { id, .. }
        | Event::RecordingReady { id, .. } => Some(*id),
        Event::CallRecorded { record } | Event::PartyRecorded { record } => Some(record.call.id),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let leg: Option<u64> = row.get(5)?;
    let phone: Option<String> = row.get(7)?;
    let body = match (leg, phone) {
        (_, Some(user)) => {
            let kept = row.get::<_, Option<Vec<u8>>>(6)?.unwrap_or_default();
            Body::Bindings { user, kept: Bytes::from(kept) }
        }
        (None, None) => Body::Event(from_json(row, 4)?),
        (Some(leg), None) => {
            let (leg, call) = (LegId(leg), CallId(row.get(3)?));
            match row.get::<_, Option<Vec<u8>>>(6)? {
                Some(token) => Body::Token { leg, call, token: Bytes::from(token) },
                None if row.get_ref(8)? == ValueRef::Null => Body::TokenDone { leg, call },
                None => Body::Measured { leg, call, quality: from_json(row, 8)? },
            }
        }
    };
    Ok(Entry {
        no: LogNo(row.get(0)?),
        account: AccountId(row.get(1)?),
        command: row.get::<_, Option<u64>>(2)?.map(CommandId),
        body,
    })
}

/// Reads a column that holds JSON.
pub(super) fn from_json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let json: String = row.get(column)?;
    serde_json::from_str(&json)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

/// Writes a column that holds JSON.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}
