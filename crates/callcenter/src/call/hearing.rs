//! Who hears whom, and what of it is stored: a reading of the call, and of nothing else.
//!
//! Hold, mute, consult, three-way, listen and whisper are rows of this table. Whoever talks is in a *group*: those on the floor,
//! or an agent and whom that agent consults. A group's rows follow from four facts about each of its members:
//!
//! | the member … | hears | is heard |
//! |---|---|---|
//! | talks | the others who are heard, mixed | yes |
//! | is muted | the same | no |
//! | holds | nothing | no; who is left alone hears music |
//! | is elsewhere (consults, or has handed the customer on) | whom it consults; that it rings where it handed on to | no; likewise |
//!
//! Who is alone while somebody is called for it hears that it rings there: early media, ring-back or, in a transfer, music. A
//! supervisor hears what its agent hears, and the agent when others can; one who whispers is heard by that agent.
//!
//! Every decision compares the table before and after it, and says what changed.

use std::collections::{BTreeMap, BTreeSet};

use base::LegId;

use super::{Call, Leg};
use crate::action::{Action, Heard, LegSound, Side, Track};
use crate::command::Monitoring;
use crate::config::{Account, HoldRecording, TransferSound};
use crate::event::{Place, Role};

/// What each leg that is in the call hears; a leg that hears nothing is left out.
pub(crate) fn plan(call: &Call, account: &Account) -> BTreeMap<LegId, Heard> {
    let in_call = call.legs.iter().filter(|leg| leg.is_in_call());
    let heard = in_call.map(|leg| (leg.id, heard(call, account, leg)));
    heard.filter(|(_, heard)| *heard != Heard::Nothing).collect()
}

/// The rows that are others in `after` than in `before`, in order of the legs' start. Legs that have left hear nothing that
/// matters.
pub(crate) fn changes(before: &Call, after: &Call, account: &Account) -> Vec<Action> {
    if after.ended.is_some() {
        return Vec::new();
    }
    let (was, mut is) = (plan(before, account), plan(after, account));
    let in_call = after.legs.iter().filter(|leg| leg.is_in_call());
    let changed = in_call.filter_map(|leg| {
        let source = is.remove(&leg.id).unwrap_or_default();
        let is_new = was.get(&leg.id).unwrap_or(&Heard::Nothing) != &source;
        is_new.then_some(Action::Hear { leg: leg.id, source })
    });
    changed.collect()
}

/// What is stored of a call that is being recorded.
///
/// The customer is stored all the time, whoever else talks while the customer could hear it.
pub(crate) fn tracks(call: &Call, account: &Account) -> Vec<Track> {
    let plan = plan(call, account);
    let on_floor = call.legs.iter().filter(|leg| leg.is_in_call() && leg.is_on_floor() && leg.is_answered());
    let mut tracks = Vec::new();
    for leg in on_floor {
        let (said, id) = (LegSound::Said, leg.id);
        match leg.role {
            Role::Customer => {
                tracks.push(Track { leg: id, sound: said, side: Side::Customer });
                let music = plan.get(&id) == Some(&Heard::Music);
                if music && account.hold_recording == HoldRecording::Music {
                    tracks.push(Track { leg: id, sound: LegSound::Music, side: Side::Agent });
                }
            }
            Role::Agent | Role::Destination | Role::Outside | Role::Supervisor => {
                if is_heard(call, leg) {
                    tracks.push(Track { leg: id, sound: said, side: Side::Agent });
                }
            }
        }
    }
    tracks
}

fn heard(call: &Call, account: &Account, leg: &Leg) -> Heard {
    match leg.place {
        Place::Floor(_) => match call.aside_of(leg.id) {
            // The agent's second line is with the other one.
            Some(_) if call.second_line_of(leg.id).is_some() => Heard::Nothing,
            Some(other) => in_consultation(call, leg, other),
            None => on_floor(call, account, leg),
        },
        Place::Aside { with } => match call.leg(call.talker(with)).filter(|_| leg.is_answered()) {
            Some(agent) => in_consultation(call, leg, agent),
            None => Heard::Nothing,
        },
        Place::SecondLine { of } => match call.aside_of(of) {
            Some(other) => in_consultation(call, leg, other),
            None => Heard::Nothing,
        },
        Place::Watching { of, how } => match how {
            Monitoring::Listen | Monitoring::Whisper => watching(call, account, leg, of),
            Monitoring::Barge | Monitoring::TakeOver => Heard::Nothing,
        },
        Place::Arriving { .. } => Heard::Nothing,
    }
}

/// Between an agent and whom it consults.
fn in_consultation(call: &Call, leg: &Leg, other: &Leg) -> Heard {
    match () {
        () if leg.is_held() => Heard::Nothing,
        // Who consults from a second line is let ring as a caller is.
        () if !leg.is_answered() && !other.early_media => Heard::Nothing,
        () if !other.is_answered() => ringing(other),
        () if other.is_held() => with_whispers(call, leg, BTreeSet::new()).unwrap_or(Heard::Music),
        () => {
            let said = (!is_muted(call, other)).then_some(other.id);
            with_whispers(call, leg, said.into_iter().collect()).unwrap_or_default()
        }
    }
}

fn on_floor(call: &Call, account: &Account, leg: &Leg) -> Heard {
    if leg.is_held() || !leg.is_answered() && !call.calls_in(leg) {
        return Heard::Nothing;
    }
    if let Some(arriving) = call.arriving_by(leg.id) {
        return ringing(arriving);
    }
    let others =
        || call.legs.iter().filter(|other| other.id != leg.id && other.is_in_call() && other.is_on_floor());
    let said = others().filter(|other| leg.is_answered() && is_heard(call, other)).map(|other| other.id);
    if let Some(heard) = with_whispers(call, leg, said.collect()) {
        return heard;
    }
    let is_present = |other: &&Leg| other.is_answered() && !other.is_held() && !call.is_elsewhere(other);
    if leg.is_answered() && others().any(|other| is_present(&other)) {
        // They are all muted.
        return Heard::Nothing;
    }
    if let Some(arriving) = call.legs.iter().find(|other| other.is_in_call() && other.is_arriving()) {
        return match account.transfer_sound {
            TransferSound::RingBack => ringing(arriving),
            TransferSound::Music => Heard::Music,
        };
    }
    match others().find(|other| !other.is_answered()) {
        // Who calls in has a ring-back tone of its own.
        Some(called) if call.calls_in(leg) && !leg.is_answered() && !called.early_media => Heard::Nothing,
        Some(called) => ringing(called),
        None if others().next().is_some() => Heard::Music,
        None => Heard::Nothing,
    }
}

fn watching(call: &Call, account: &Account, supervisor: &Leg, of: LegId) -> Heard {
    let Some(agent) = call.leg(call.talker(of)).filter(|_| supervisor.is_answered()) else {
        return Heard::Nothing;
    };
    let heard = heard(call, account, agent);
    let mut said: BTreeSet<LegId> = match &heard {
        Heard::Leg(other) => BTreeSet::from([*other]),
        Heard::Mix(others) => others.iter().copied().collect(),
        Heard::Nothing | Heard::RingBack | Heard::Music => BTreeSet::new(),
    };
    if agent.is_answered() && !agent.is_held() && !is_muted(call, agent) && call.arriving_by(of).is_none() {
        said.insert(agent.id);
    }
    said.remove(&supervisor.id);
    sum(said).unwrap_or(match heard {
        Heard::RingBack => Heard::RingBack,
        // Nobody but the supervisor itself is heard.
        Heard::Nothing | Heard::Leg(_) | Heard::Mix(_) | Heard::Music => Heard::Nothing,
    })
}

/// What is said, and what supervisors whisper to an agent.
fn with_whispers(call: &Call, leg: &Leg, mut said: BTreeSet<LegId>) -> Option<Heard> {
    let first_line = match leg.place {
        Place::SecondLine { of } => of,
        Place::Floor(_) | Place::Arriving { .. } | Place::Aside { .. } | Place::Watching { .. } => leg.id,
    };
    let whispers = call.legs.iter().filter(|other| {
        let whispering = Place::Watching { of: first_line, how: Monitoring::Whisper };
        other.is_in_call() && other.is_answered() && other.place == whispering
    });
    said.extend(whispers.map(|other| other.id));
    sum(said)
}

fn sum(said: BTreeSet<LegId>) -> Option<Heard> {
    let mut legs = said.iter();
    match (legs.next(), legs.next()) {
        (None, _) => None,
        (Some(one), None) => Some(Heard::Leg(*one)),
        (Some(_), Some(_)) => Some(Heard::Mix(said.into_iter().collect())),
    }
}

/// That it rings at a leg.
fn ringing(leg: &Leg) -> Heard {
    match leg.early_media {
        true => Heard::Leg(leg.id),
        false => Heard::RingBack,
    }
}

/// Whether others on the floor hear a leg.
fn is_heard(call: &Call, leg: &Leg) -> bool {
    leg.is_answered() && !leg.is_held() && !is_muted(call, leg) && !call.is_elsewhere(leg)
}

/// It is the agent who is muted, whatever line the agent talks on.
fn is_muted(call: &Call, leg: &Leg) -> bool {
    match leg.place {
        Place::SecondLine { of } => call.leg(of).is_some_and(|first| first.muted),
        Place::Floor(_) | Place::Arriving { .. } | Place::Aside { .. } | Place::Watching { .. } => leg.muted,
    }
}
