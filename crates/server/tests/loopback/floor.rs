//! A desk whose parties say tones and tell whose they hear: so it is known who hears whom.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use lab::{Heard, LabEvent, PhoneId, PhoneWish, Tone};
use media::wav;
use serde_json::Value;
use tempfile::TempDir;

use crate::desk::Desk;

/// Agents with mobiles in the lab.
pub(crate) const AGENT: &str = "8000";
pub(crate) const COLLEAGUE: &str = "8001";
/// One who may listen to others.
pub(crate) const SUPERVISOR: &str = "8004";
/// Customers, and whoever else is outside: they answer, and stay.
pub(crate) const CUSTOMER: &str = "13900010001";
pub(crate) const EXPERT: &str = "13900020001";

pub(crate) struct Floor {
    pub(crate) desk: Desk,
    voices: AtomicU64,
    _music: TempDir,
}

/// Somebody in a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party {
    pub(crate) phone: PhoneId,
    tone: Tone,
}

impl Floor {
    /// The demo account, whose music is a tone, with these agents signed in.
    pub(crate) async fn open(agents: &[&str]) -> Floor {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let file = folder.path().join("music.wav");
        write_music(&file);
        let desk = Desk::open_listening(|config, _| config.accounts[0].music = Some(file)).await;
        for agent in agents {
            desk.online(agent).await;
        }
        Floor { desk, voices: AtomicU64::new(0), _music: folder }
    }

    /// An agent in a call with a customer.
    pub(crate) async fn linked(&self, agent: &str, customer: &str) -> (String, Party, Party) {
        let call = self.desk.dial(agent, customer, &[]).await;
        let agent = self.answers(&phone_of(agent)).await;
        let customer = self.answers(customer).await;
        self.hear_each_other(&[agent, customer]).await;
        (call, agent, customer)
    }

    /// The newest phone of a number answers, and says what nobody else says. One that has hung up was of a call before.
    pub(crate) async fn answers(&self, number: &str) -> Party {
        let tone = Tone::of(self.voices.fetch_add(1, Ordering::Relaxed));
        let newest = |events: &[LabEvent]| {
            let called = events.iter().rev().find_map(|event| match event {
                LabEvent::PhoneCalled { phone, number: called, .. } if called == number => Some(*phone),
                _ => None,
            });
            let is_over = |phone| {
                events
                    .iter()
                    .any(|event| matches!(event, LabEvent::Ended { phone: over, .. } if *over == phone))
            };
            called.filter(|phone| !is_over(*phone))
        };
        let answered = |events: &[LabEvent]| {
            newest(events).is_some_and(|phone| events.contains(&LabEvent::PhoneAnswered { phone }))
        };
        self.desk.phones.until_all(&format!("answer of {number}"), answered).await;
        let phone = newest(&self.desk.phones.all()).expect("it answered");
        self.say(phone, tone)
    }

    /// A phone says this from now on.
    pub(crate) fn say(&self, phone: PhoneId, tone: Tone) -> Party {
        self.desk.wish(PhoneWish::Say { phone, tone });
        Party { phone, tone }
    }

    /// Waits until a party hears just these.
    pub(crate) async fn hears(&self, party: Party, others: &[Party]) {
        self.hears_tones(party, others.iter().map(|other| other.tone).collect()).await;
    }

    /// Waits until a party hears just this.
    pub(crate) async fn hears_tone(&self, party: Party, tone: Tone) {
        self.hears_tones(party, vec![tone]).await;
    }

    /// Waits until a party hears music, and nobody.
    pub(crate) async fn hears_music(&self, party: Party) {
        self.hears_tones(party, vec![Tone::MUSIC]).await;
    }

    /// Waits until each hears all the others.
    pub(crate) async fn hear_each_other(&self, parties: &[Party]) {
        for party in parties {
            let others: Vec<_> = parties.iter().copied().filter(|other| other.phone != party.phone).collect();
            self.hears(*party, &others).await;
        }
    }

    /// Asserts that a party never heard another for longer than a seam.
    pub(crate) fn never_heard(&self, party: Party, other: Party) {
        let heard = |event: &LabEvent| match event {
            LabEvent::Hears { phone, heard } => {
                *phone == party.phone && !heard.other && heard.tones.has(other.tone)
            }
            _ => false,
        };
        assert!(!self.desk.phones.all().iter().any(heard), "{party:?} has heard {other:?}");
    }

    /// Waits until a party's call is over.
    pub(crate) async fn leaves(&self, party: Party) {
        let left = |event: &LabEvent| matches!(event, LabEvent::Ended { phone, .. } if *phone == party.phone);
        self.desk.phones.until(&format!("end of {party:?}"), left).await;
    }

    /// Waits until a party was sent these digits.
    pub(crate) async fn is_dialled(&self, party: Party, digits: &str) {
        let heard = |events: &[LabEvent]| {
            let digit = |event: &LabEvent| match event {
                LabEvent::DigitHeard { phone, digit } if *phone == party.phone => Some(*digit),
                _ => None,
            };
            events.iter().filter_map(digit).collect::<String>() == digits
        };
        self.desk.phones.until_all(&format!("{digits} at {party:?}"), heard).await;
    }

    /// One request that must succeed.
    pub(crate) async fn ask(&self, words: &[&str]) -> Value {
        self.desk.ask(words).await
    }

    /// A party hangs up.
    pub(crate) async fn hangs_up(&self, party: Party) {
        self.desk.wish(PhoneWish::HangUp { phone: party.phone });
        self.leaves(party).await;
    }

    async fn hears_tones(&self, party: Party, tones: Vec<Tone>) {
        let wanted = Heard::only(tones);
        let hears = |events: &[LabEvent]| {
            let last = events.iter().rev().find_map(|event| match event {
                LabEvent::Hears { phone, heard } if *phone == party.phone => Some(*heard),
                _ => None,
            });
            last.unwrap_or_default() == wanted
        };
        self.desk.phones.until_all(&format!("{wanted:?} at {party:?}"), hears).await;
    }
}

/// The mobile of an agent; registered phones are called by their user.
pub(crate) fn phone_of(agent: &str) -> String {
    format!("1390000{agent}")
}

fn write_music(file: &Path) {
    let samples: Vec<i16> = Tone::MUSIC.samples().into_iter().cycle().take(16_000).collect();
    std::fs::write(file, wav::write(8_000, &samples).expect("two seconds fit")).expect("a new file");
}
