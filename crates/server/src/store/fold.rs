//! The readings of the log that are kept as tables: updated in the transaction of each append, so they cannot disagree
//! with it.

use std::collections::BTreeMap;

use base::{AccountId, LogNo, Wall};
use callcenter::event::{Event, Numbered};
use callcenter::record::CallRecord;
use rusqlite::Connection;
use switch::api::{Body, Entry};

use super::log::{self, to_json};
use super::{Render, outbox};

/// Applies entries in order within one transaction; [`Fold::finish`] writes what is needed once per transaction.
pub(super) struct Fold<'a> {
    conn: &'a Connection,
    render: &'a dyn Render,
    /// The time of the latest event; entries without a time get it.
    at: Wall,
    seqs: BTreeMap<AccountId, u64>,
    snowflake: u64,
    command: u64,
    has_pushes: bool,
}

/// What the entries of one [`Fold`] left to be said once.
pub(super) struct Folded {
    /// The time of the last entry.
    pub(super) at: Wall,
    /// Whether there are pushes in the outbox that were not before.
    pub(super) has_pushes: bool,
}

impl<'a> Fold<'a> {
    /// `at`: the time of the last entry before.
    pub(super) fn new(conn: &'a Connection, render: &'a dyn Render, at: Wall) -> Fold<'a> {
        Fold { conn, render, at, seqs: BTreeMap::new(), snowflake: 0, command: 0, has_pushes: false }
    }

    /// Writes the entry and everything that follows from it.
    pub(super) fn apply(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        self.command = self.command.max(entry.command.map_or(0, |command| command.0));
        if let Body::Event(event) = &entry.body {
            self.at = event.at;
        }
        log::insert(self.conn, entry, self.at)?;
        match &entry.body {
            Body::Event(event) => {
                self.seqs.insert(entry.account, event.seq);
                self.snowflake = self.snowflake.max(highest_id(&event.event));
                self.event(entry.no, event)?;
                match self.render.push(event) {
                    Some(push) => {
                        self.has_pushes = true;
                        outbox::insert(self.conn, entry.no, event, &push)
                    }
                    None => Ok(()),
                }
            }
            Body::Token { leg, call, token } => self.run(
                "INSERT INTO leg (id, call, account, token, no) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET token = excluded.token, no = excluded.no",
                (leg.0, call.0, entry.account.0, token.as_ref(), entry.no.0),
            ),
            Body::TokenDone { leg, call: _ } => self.run("DELETE FROM leg WHERE id = ?", [leg.0]),
            Body::Measured { .. } => Ok(()),
            Body::Bindings { user, kept } if kept.is_empty() => {
                self.run("DELETE FROM phone WHERE account = ? AND user = ?", (entry.account.0, user))
            }
            Body::Bindings { user, kept } => self.run(
                "INSERT INTO phone (account, user, kept, no) VALUES (?, ?, ?, ?)
                 ON CONFLICT (account, user) DO UPDATE SET kept = excluded.kept, no = excluded.no",
                (entry.account.0, user, kept.as_ref(), entry.no.0),
            ),
        }
    }

    /// Writes the counters that the entries raised.
    pub(super) fn finish(self) -> rusqlite::Result<Folded> {
        for (account, seq) in &self.seqs {
            self.run(
                "INSERT INTO account (id, seq) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET seq = excluded.seq",
                (account.0, seq),
            )?;
        }
        raise(self.conn, "snowflake", self.snowflake)?;
        raise(self.conn, "command", self.command)?;
        Ok(Folded { at: self.at, has_pushes: self.has_pushes })
    }

    fn event(&self, no: LogNo, event: &Numbered) -> rusqlite::Result<()> {
        let account = event.account.0;
        match &event.event {
            Event::AgentSignedIn { agent, .. } => self.run(
                "INSERT INTO agent (account, number, signed_in) VALUES (?, ?, ?)
                 ON CONFLICT (account, number) DO UPDATE SET signed_in = excluded.signed_in, chose = NULL",
                (account, &agent.number, no.0),
            ),
            Event::AgentSignedOut { agent, .. } => {
                self.run("DELETE FROM agent WHERE account = ? AND number = ?", (account, &agent.number))
            }
            Event::AgentChose { agent, .. } => self
                .run("UPDATE agent SET chose = ? WHERE account = ? AND number = ?", (no.0, account, agent)),
            Event::AgentChanged { agent, .. } => self.run(
                "UPDATE agent SET changed = ? WHERE account = ? AND number = ?",
                (no.0, account, &agent.number),
            ),
            Event::CallStarted { call, .. } => {
                self.run("INSERT INTO call (id, account) VALUES (?, ?)", (call.id.0, account))
            }
            Event::RecordingStarted { id, files } => self.run(
                "INSERT INTO piece (call, part, account, files, began, from_ms) VALUES (?, 0, ?, ?, ?, 0)",
                (id.0, account, to_json(files)?, event.at.as_millis()),
            ),
            // A recording runs as long as its call, so its whole is not ready while parts of it begin.
            Event::PartStarted { id, leg, files } => self.run(
                "INSERT INTO piece (call, part, account, files, began, from_ms)
                 SELECT call, ?, account, ?, began, max(?, began) - began FROM piece WHERE call = ? AND part = 0",
                (leg.0, to_json(files)?, event.at.as_millis(), id.0),
            ),
            Event::LegLeft { id, leg, .. } | Event::LegEnded { id, leg, .. } => self.run(
                "UPDATE piece SET to_ms = max(?, began) - began WHERE call = ? AND part = ? AND to_ms IS NULL",
                (event.at.as_millis(), id.0, leg.0),
            ),
            Event::CallRecorded { record } => {
                self.run("DELETE FROM call WHERE id = ?", [record.call.id.0])?;
                self.record(no, record)
            }
            Event::RecordingReady { id, part, .. } => self.run(
                "DELETE FROM piece WHERE call = ? AND part = ?",
                (id.0, part.map_or(0, |leg| leg.0)),
            ),
            Event::PartyRecorded { record } => self.record(no, record),
            // What else happens in a call is read from the log while the call is open.
            Event::LegStarted { .. }
            | Event::LegPlaced { .. }
            | Event::LegHeld { .. }
            | Event::LegMuted { .. }
            | Event::PartyFailed { .. }
            | Event::LegRang { .. }
            | Event::LegAnswered { .. }
            | Event::CallEnded { .. }
            | Event::RecordingStopped { .. } => Ok(()),
        }
    }

    fn record(&self, no: LogNo, record: &CallRecord) -> rusqlite::Result<()> {
        // Queues come with incoming calls; a dialOut has none.
        let queue = "";
        self.run(
            "INSERT INTO record (id, account, call, no, started_s, agent, display, trunk, queue, status, kind, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                record.id.0,
                record.account.0,
                record.call.id.0,
                no.0,
                record.started.as_secs(),
                &record.agent.number,
                &record.call.display,
                &record.call.trunk,
                queue,
                to_json(&record.status)?,
                to_json(&record.call.kind)?,
                self.render.record(record),
            ),
        )
    }

    fn run(&self, sql: &str, values: impl rusqlite::Params) -> rusqlite::Result<()> {
        self.conn.prepare_cached(sql)?.execute(values).map(|_rows| ())
    }
}

/// Remembers that `value` was given out.
pub(super) fn raise(conn: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    if value == 0 {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO highest (name, value) VALUES (?, ?)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE excluded.value > value",
    )?
    .execute((name, value))
    .map(|_rows| ())
}

/// The highest number out of the one generator that an event shows: calls and legs are numbered by it.
fn highest_id(event: &Event) -> u64 {
    match event {
        Event::CallStarted { call, .. } => call.id.0,
        Event::LegStarted { leg, id, .. } => leg.0.max(id.0),
        Event::CallRecorded { record } | Event::PartyRecorded { record } => record.id.0,
        Event::AgentSignedIn { .. }
        | Event::AgentSignedOut { .. }
        | Event::AgentChose { .. }
        | Event::AgentChanged { .. }
        | Event::LegPlaced { .. }
        | Event::LegHeld { .. }
        | Event::LegMuted { .. }
        | Event::LegLeft { .. }
        | Event::PartyFailed { .. }
        | Event::PartStarted { .. }
        | Event::LegRang { .. }
        | Event::LegAnswered { .. }
        | Event::LegEnded { .. }
        | Event::CallEnded { .. }
        | Event::RecordingStarted { .. }
        | Event::RecordingStopped { .. }
        | Event::RecordingReady { .. } => 0,
    }
}
