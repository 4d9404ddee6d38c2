//! What everybody outside the server saw, in order. It is what the server is judged by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Wall;
use lab::{LabEvent, PhoneId};
use sip::api::Ended;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::receiver::Arrival;

/// What a kill can be timed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Happening {
    /// A push arrived.
    Push,
    /// A push arrived that agent and customer talk.
    Linked,
    /// A `cdr` push arrived: if the call was recorded, its files are being made.
    Recorded,
    /// A `dialOut` was answered with 200.
    Accepted,
    /// A `hangup` was asked.
    HangingUp,
    /// A `hangup` was answered with 200.
    HungUp,
    /// A phone got an INVITE.
    PhoneCalled,
    /// A phone sent 200.
    PhoneAnswered,
    /// A phone got BYE or CANCEL, or refused.
    PhoneEnded,
}

/// A `dialOut` by its number, which it carried as `extras`.
#[derive(Clone, Debug, Default)]
pub struct Dialled {
    /// The calls that answers named: more than one is a fault.
    pub accepted: BTreeSet<String>,
    /// Whether an answer was lost.
    pub lost: bool,
}

/// What an agent is known to have chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    Idle,
    Busy,
    /// The last answer was lost.
    Unknown,
}

#[derive(Default)]
pub struct Book {
    pub arrivals: Vec<Arrival>,
    /// The calls whose record was pushed.
    pub recorded: BTreeSet<String>,
    /// Calls and the moments of them that were told.
    pub told: BTreeSet<(String, String)>,
    /// How many pushes about an agent arrived.
    pub about: BTreeMap<String, u64>,
    pub dialled: BTreeMap<u64, Dialled>,
    pub chosen: BTreeMap<String, Chosen>,
    pub on_the_line: BTreeMap<PhoneId, String>,
    pub ended: BTreeMap<PhoneId, Ended>,
    /// When the server was killed.
    pub kills: Vec<Wall>,
    /// What was wrong at first sight.
    pub faults: Vec<String>,
    counts: BTreeMap<Happening, u64>,
}

impl Book {
    pub fn count(&self, of: Happening) -> u64 {
        self.counts.get(&of).copied().unwrap_or(0)
    }
}

pub struct Ledger {
    book: Mutex<Book>,
    version: watch::Sender<u64>,
}

impl Ledger {
    pub fn new() -> Ledger {
        Ledger { book: Mutex::default(), version: watch::Sender::new(0) }
    }

    pub fn read(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes something down and wakes whoever waits.
    pub fn write<T>(&self, happening: Option<Happening>, change: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.read();
        if let Some(happening) = happening {
            *book.counts.entry(happening).or_default() += 1;
        }
        let result = change(&mut book);
        drop(book);
        self.version.send_modify(|version| *version += 1);
        result
    }

    /// Waits until `found` finds something; `None` when it does not within `within`.
    pub async fn until<T>(&self, within: Duration, found: impl Fn(&Book) -> Option<T>) -> Option<T> {
        let mut version = self.version.subscribe();
        let wait = async {
            loop {
                if let Some(found) = found(&self.read()) {
                    return found;
                }
                version.changed().await.expect("the sender is in self");
            }
        };
        timeout(within, wait).await.ok()
    }

    /// A push arrived.
    pub fn arrived(&self, arrival: Arrival, fault: Option<String>) {
        self.write(Some(Happening::Push), |book| {
            if arrival.record == "callRecord" {
                book.recorded.insert(arrival.call.clone());
                *book.counts.entry(Happening::Recorded).or_default() += 1;
            }
            if arrival.kind == "customerLink" {
                *book.counts.entry(Happening::Linked).or_default() += 1;
            }
            book.told.insert((arrival.call.clone(), arrival.moment.clone()));
            *book.about.entry(arrival.agent.clone()).or_default() += 1;
            book.arrivals.push(arrival);
            book.faults.extend(fault);
        });
    }

    /// Something happened in the telephone network.
    pub fn phone(&self, event: LabEvent) {
        match event {
            LabEvent::PhoneCalled { phone, number, from: _ } => {
                self.write(Some(Happening::PhoneCalled), |book| drop(book.on_the_line.insert(phone, number)))
            }
            LabEvent::PhoneAnswered { .. } => self.write(Some(Happening::PhoneAnswered), |_| ()),
            LabEvent::Ended { phone, how } => self.write(Some(Happening::PhoneEnded), |book| {
                book.on_the_line.remove(&phone);
                book.ended.insert(phone, how);
            }),
            LabEvent::PhoneDialled { .. }
            | LabEvent::PhoneRang { .. }
            | LabEvent::SoundHeard { .. }
            | LabEvent::DigitHeard { .. }
            | LabEvent::Hears { .. }
            | LabEvent::Reoffered { .. }
            | LabEvent::ReferralTold { .. }
            | LabEvent::Registration { .. } => {}
        }
    }
}
