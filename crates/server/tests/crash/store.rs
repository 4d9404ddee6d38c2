//! What the server wrote down, read from outside with nothing but the types of the log.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use callcenter::event::{Event, Numbered};
use rusqlite::{Connection, OpenFlags};

pub struct Store {
    /// Every event there ever was: the run is shorter than anything is kept.
    pub events: Vec<Numbered>,
    /// Log rows that are missing between the first and the last.
    pub holes: u64,
    /// Rows of tables that are empty at rest.
    pub leftovers: BTreeMap<&'static str, u64>,
    /// Dead letters: address and `eventUniqueId`, kind, seconds from the event to its death.
    pub dead: BTreeMap<(String, String), (String, i64)>,
    pub records: u64,
}

impl Store {
    pub fn read(file: &Path) -> Store {
        let conn = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("it is there");
        conn.busy_timeout(std::time::Duration::from_secs(5)).expect("a plain setting");
        conn.execute_batch("BEGIN").expect("one moment for all");
        let number = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, u64>(0)).expect("our schema");
        let mut read =
            conn.prepare("SELECT event FROM log WHERE event IS NOT NULL ORDER BY no").expect("our schema");
        let texts = read.query_map([], |row| row.get::<_, String>(0)).expect("our schema");
        let events = texts
            .map(|text| serde_json::from_str(&text.expect("readable")).expect("an event of the log"))
            .collect();
        let mut read = conn
            .prepare("SELECT address, event, kind, (died - happened) / 1000 FROM dead_letter")
            .expect("our schema");
        let dead = read.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?))));
        let dead = dead.expect("our schema").collect::<Result<_, _>>().expect("readable");
        Store {
            events,
            holes: number("SELECT coalesce(max(no), 0) - count(*) FROM log"),
            leftovers: ["call", "leg", "piece", "outbox"]
                .map(|table| (table, number(&format!("SELECT count(*) FROM {table}"))))
                .into(),
            dead,
            records: number("SELECT count(*) FROM record"),
        }
    }

    /// Calls that began and have no record.
    pub fn open_calls(&self) -> BTreeSet<String> {
        let started = self.events.iter().filter_map(|event| match &event.event {
            Event::CallStarted { call, .. } => Some(call.id.to_string()),
            _other => None,
        });
        let recorded: BTreeSet<String> = self.records().map(|(_, call)| call).collect();
        started.filter(|call| !recorded.contains(call)).collect()
    }

    /// The events that carry a record, with its call.
    pub fn records(&self) -> impl Iterator<Item = (&Numbered, String)> {
        self.events.iter().filter_map(|event| match &event.event {
            Event::CallRecorded { record } => Some((event, record.id.to_string())),
            _other => None,
        })
    }

    /// How many records of parties each call has.
    pub fn parties(&self) -> BTreeMap<String, usize> {
        let mut parties = BTreeMap::new();
        for event in &self.events {
            if let Event::PartyRecorded { record } = &event.event {
                *parties.entry(record.call.id.to_string()).or_default() += 1;
            }
        }
        parties
    }

    /// What each signed-in agent shows.
    pub fn shown(&self) -> BTreeMap<&str, u16> {
        let mut shown = BTreeMap::new();
        for event in &self.events {
            match &event.event {
                Event::AgentChanged { agent, state, .. } => drop(shown.insert(agent.number.as_str(), *state)),
                Event::AgentSignedOut { agent, .. } => drop(shown.remove(agent.number.as_str())),
                _other => {}
            }
        }
        shown
    }

    /// Recordings that began and whose files are not ready.
    pub fn unfinished_recordings(&self) -> BTreeSet<String> {
        let mut open = BTreeSet::new();
        for event in &self.events {
            match &event.event {
                Event::RecordingStarted { id, .. } => drop(open.insert((*id, None))),
                Event::PartStarted { id, leg, .. } => drop(open.insert((*id, Some(*leg)))),
                Event::RecordingReady { id, part, .. } => drop(open.remove(&(*id, *part))),
                _other => {}
            }
        }
        open.into_iter().map(|(id, part)| format!("{id} ({part:?})")).collect()
    }
}

/// Whether customers are told of an event (API chapter 3, contract §5).
pub fn is_pushed(event: &Event) -> bool {
    match event {
        Event::AgentSignedIn { .. }
        | Event::AgentSignedOut { .. }
        | Event::AgentChanged { .. }
        | Event::CallEnded { .. }
        | Event::CallRecorded { .. }
        | Event::PartyRecorded { .. }
        | Event::PartyFailed { .. }
        | Event::RecordingReady { .. } => true,
        Event::LegStarted { call, .. }
        | Event::LegRang { call, .. }
        | Event::LegLeft { call, .. }
        | Event::LegPlaced { call, .. }
        | Event::LegAnswered { call, .. } => call.is_some(),
        Event::AgentChose { .. }
        | Event::LegHeld { .. }
        | Event::LegMuted { .. }
        | Event::PartStarted { .. }
        | Event::CallStarted { .. }
        | Event::LegEnded { .. }
        | Event::RecordingStarted { .. }
        | Event::RecordingStopped { .. } => false,
    }
}
