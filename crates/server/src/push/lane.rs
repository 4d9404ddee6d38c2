//! The pushes of one address: who is first in which line.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, Mono};

use super::limits::{IN_FLIGHT_PER_ADDRESS_MAX, RETRIES_IN_FLIGHT_PER_ADDRESS_MAX};
use crate::store::Patience;

/// A push that is not settled.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) kind: String,
    pub(super) agent: Option<String>,
    pub(super) call: Option<CallId>,
    pub(super) patience: Patience,
    pub(super) expires: Mono,
    /// Attempts that failed.
    pub(super) failures: usize,
    /// Why the last one did.
    pub(super) reason: String,
    pub(super) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind earlier pushes, or ready.
    InLine,
    /// Failed; waits for its timer. A state keeps its place in line, a lasting push has stepped out of it.
    Waiting,
    /// Lasting, out of line, and its timer has come.
    Again,
    /// Its first attempt, or a state's repeated one, is under way.
    InFlight,
    /// A lasting push's repeated attempt is under way.
    Retrying,
}

/// One address.
#[derive(Debug, Default)]
pub(super) struct Lane {
    items: BTreeMap<u64, Item>,
    by_agent: BTreeMap<String, BTreeSet<u64>>,
    by_call: BTreeMap<CallId, BTreeSet<u64>>,
    /// Items in line that nothing is before.
    ready: BTreeSet<u64>,
    /// Items whose place is [`Place::Again`].
    again: BTreeSet<u64>,
    in_flight: usize,
    retrying: usize,
}

impl Lane {
    /// Puts a new item at the end of its lines. Its number is higher than all before.
    pub(super) fn add(&mut self, id: u64, item: Item) {
        if let Some(agent) = &item.agent {
            self.by_agent.entry(agent.clone()).or_default().insert(id);
        }
        if let Some(call) = item.call {
            self.by_call.entry(call).or_default().insert(id);
        }
        self.items.insert(id, item);
        self.consider(id);
    }

    pub(super) fn get(&self, id: u64) -> Option<&Item> {
        self.items.get(&id)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Takes the next item to be sent, if the address may have one more under way. New ones come before retries.
    pub(super) fn take(&mut self) -> Option<(u64, String)> {
        if self.in_flight + self.retrying >= IN_FLIGHT_PER_ADDRESS_MAX {
            return None;
        }
        let (id, place) = match self.ready.pop_first() {
            Some(id) => {
                self.in_flight += 1;
                (id, Place::InFlight)
            }
            None if self.retrying < RETRIES_IN_FLIGHT_PER_ADDRESS_MAX => {
                let id = self.again.pop_first()?;
                self.retrying += 1;
                (id, Place::Retrying)
            }
            None => return None,
        };
        let item = self.items.get_mut(&id).expect("lines hold living items");
        item.place = place;
        Some((id, item.kind.clone()))
    }

    /// The attempt is over: its slot is free.
    pub(super) fn landed(&mut self, id: u64) {
        match self.items.get(&id).map(|item| item.place) {
            Some(Place::InFlight) => self.in_flight -= 1,
            Some(Place::Retrying) => self.retrying -= 1,
            Some(Place::InLine | Place::Waiting | Place::Again) | None => {
                unreachable!("only what was sent lands")
            }
        }
    }

    /// A landed item failed and waits. A lasting one lets those behind it pass.
    pub(super) fn wait(&mut self, id: u64, reason: String) {
        let item = self.items.get_mut(&id).expect("the caller has just seen it");
        item.failures += 1;
        item.reason = reason;
        item.place = Place::Waiting;
        match item.patience {
            Patience::State => {}
            Patience::Lasting => self.step_out(id),
        }
    }

    /// A waiting item is to be tried again.
    pub(super) fn again(&mut self, id: u64) {
        let Some(item) = self.items.get_mut(&id) else { return };
        match item.patience {
            Patience::State => {
                item.place = Place::InLine;
                self.consider(id);
            }
            Patience::Lasting => {
                item.place = Place::Again;
                self.again.insert(id);
            }
        }
    }

    /// Forgets a settled item; what was behind it moves up.
    pub(super) fn remove(&mut self, id: u64) {
        self.step_out(id);
        self.again.remove(&id);
        self.items.remove(&id);
    }

    fn step_out(&mut self, id: u64) {
        let Some(item) = self.items.get(&id) else { return };
        let (agent, call) = (item.agent.clone(), item.call);
        self.ready.remove(&id);
        let behind = [
            agent.and_then(|agent| leave(&mut self.by_agent, &agent, id)),
            call.and_then(|call| leave(&mut self.by_call, &call, id)),
        ];
        for next in behind.into_iter().flatten() {
            self.consider(next);
        }
    }

    /// Makes an item ready when it is first in its lines.
    fn consider(&mut self, id: u64) {
        let Some(item) = self.items.get(&id) else { return };
        let first_of = |line: Option<&BTreeSet<u64>>| line.is_none_or(|line| line.first() == Some(&id));
        let first = first_of(item.agent.as_ref().and_then(|agent| self.by_agent.get(agent)))
            && first_of(item.call.and_then(|call| self.by_call.get(&call)));
        if first && item.place == Place::InLine {
            self.ready.insert(id);
        }
    }
}

/// Takes `id` out of its line and returns who is first now.
fn leave<K: Ord>(lines: &mut BTreeMap<K, BTreeSet<u64>>, key: &K, id: u64) -> Option<u64> {
    let line = lines.get_mut(key)?;
    line.remove(&id);
    let first = line.first().copied();
    if first.is_none() {
        lines.remove(key);
    }
    first
}
