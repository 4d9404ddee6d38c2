//! Who hears whom, read from what was told and done, and by other means than the plans': what they must agree with.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, LegId};
use callcenter::action::{Action, Heard, LegSound, Side, Track};
use callcenter::command::Monitoring;
use callcenter::event::{Event, Place, Role};

use crate::desk::Desk;
use crate::desk::words;

/// A leg that is in a call which lives.
#[derive(Clone, Debug)]
struct Ear {
    call: CallId,
    role: Role,
    agent: Option<String>,
    place: Place,
    answered: bool,
    rang: bool,
    early_media: bool,
    held: bool,
    muted: bool,
}

/// All legs that are in calls, what each hears, and what is stored.
#[derive(Debug, Default)]
pub(crate) struct Ears {
    legs: BTreeMap<LegId, Ear>,
    /// Calls in which a customer and somebody else have talked.
    linked: BTreeSet<CallId>,
    hears: BTreeMap<LegId, Heard>,
    stored: BTreeMap<CallId, Vec<Track>>,
    /// Calls of which sound is being stored.
    recorded: BTreeSet<CallId>,
    first_agents: BTreeMap<CallId, String>,
}

impl Ears {
    pub(crate) fn of(desk: &Desk) -> Ears {
        let mut ears = Ears::default();
        for numbered in &desk.log {
            ears.note(&numbered.event);
        }
        for action in &desk.actions {
            match action {
                Action::Hear { leg, source } => {
                    ears.hears.insert(*leg, source.clone());
                }
                Action::StartRecording { call, agent, customer, .. } => {
                    let said = |leg, side| Track { leg, sound: LegSound::Said, side };
                    let both = vec![said(*agent, Side::Agent), said(*customer, Side::Customer)];
                    ears.stored.insert(*call, both);
                }
                Action::Store { call, tracks } => {
                    ears.stored.insert(*call, tracks.clone());
                }
                _ => {}
            }
        }
        ears
    }

    /// What each leg of a call hears, in words, and what is stored; the legs of other calls have no names.
    pub(crate) fn in_words(&self, call: CallId, named: &[(LegId, Role)]) -> String {
        let mut rows: Vec<String> = Vec::new();
        for (leg, _) in named.iter().filter(|(leg, _)| self.legs.contains_key(leg)) {
            rows.push(format!("{}: {}", words::name(*leg, named), words::heard(&self.heard(*leg), named)));
        }
        let stored = self.stored.get(&call).map(|tracks| words::tracks(tracks, named));
        rows.push(format!("stored {}", stored.unwrap_or_else(|| "nothing".to_owned())));
        rows.join(", ")
    }

    fn heard(&self, leg: LegId) -> Heard {
        self.hears.get(&leg).cloned().unwrap_or_default()
    }

    /// What must be true of every hearing plan.
    pub(crate) fn check(&self) {
        self.check_stored();
        for (id, listener) in &self.legs {
            let heard = self.heard(*id);
            if let Heard::Mix(legs) = &heard {
                assert!(legs.len() >= 2 && legs.is_sorted(), "{id:?} hears a mix that is none: {legs:?}");
            }
            let waits = !matches!(listener.place, Place::Watching { .. } | Place::Arriving { .. });
            assert!(heard != Heard::Music || waits, "{id:?} is let wait with music");
            for source in sources(&heard) {
                self.check_pair(*id, listener, source);
            }
        }
    }

    /// While a call is recorded the customer is stored, and all others on the floor whom the customer could hear.
    fn check_stored(&self) {
        for call in &self.recorded {
            let talks = |id: LegId, ear: &Ear| match ear.role {
                Role::Customer => true,
                _ => !ear.held && !ear.muted && self.group(id, ear) == Group::Floor && !self.hands_on(id),
            };
            let on_floor =
                |ear: &Ear| ear.call == *call && ear.answered && matches!(ear.place, Place::Floor(_));
            let said = self.legs.iter().filter(|(id, ear)| on_floor(ear) && talks(**id, ear));
            let side = |role: Role| if role == Role::Customer { Side::Customer } else { Side::Agent };
            let expected: BTreeSet<Track> = said
                .map(|(leg, ear)| Track { leg: *leg, sound: LegSound::Said, side: side(ear.role) })
                .collect();
            let (music, stored): (Vec<Track>, Vec<Track>) =
                self.stored.get(call).into_iter().flatten().partition(|track| track.sound == LegSound::Music);
            assert_eq!(stored.iter().copied().collect::<BTreeSet<_>>(), expected, "of {call:?} is stored");
            assert_eq!(stored.len(), expected.len(), "{call:?}: a track twice");
            for track in music {
                assert_eq!(
                    self.heard(track.leg),
                    Heard::Music,
                    "{call:?}: music that nobody hears is stored"
                );
                assert_eq!(track.side, Side::Agent);
            }
        }
    }

    /// Whether a leg has handed the customer on, and it rings there.
    fn hands_on(&self, id: LegId) -> bool {
        self.legs.values().any(|other| other.place == Place::Arriving { by: id })
    }

    fn check_pair(&self, id: LegId, listener: &Ear, source: LegId) {
        assert_ne!(id, source, "{id:?} hears itself");
        let Some(said) = self.legs.get(&source) else { panic!("{id:?} hears {source:?}, who has gone") };
        assert_eq!(said.call, listener.call, "{id:?} hears another call");
        assert!(!listener.held, "{id:?} holds, and hears {source:?}");
        assert!(!said.held && !self.is_muted(said), "{id:?} hears {source:?}, who holds or is muted");
        assert!(said.answered || said.early_media, "{id:?} hears {source:?}, who says nothing yet");
        if let Place::Watching { of, how } = listener.place {
            assert!(matches!(how, Monitoring::Listen | Monitoring::Whisper));
            let agent = self.line(of);
            let own = source == agent || sources(&self.heard(agent)).contains(&source);
            assert!(own, "{id:?} hears {source:?}, whom its agent does not hear");
            return;
        }
        if let Place::Watching { of, how } = said.place {
            assert_eq!(how, Monitoring::Whisper, "{id:?} hears one who only listens");
            assert_eq!(id, self.line(of), "{id:?} hears what was whispered to another");
            return;
        }
        let (here, there) = (self.group(id, listener), self.group(source, said));
        assert_eq!(here, there, "{id:?} hears {source:?}, who talks elsewhere");
    }

    /// With whom a leg talks: those on the floor, or whom an agent consults.
    fn group(&self, id: LegId, ear: &Ear) -> Group {
        match ear.place {
            Place::Aside { with } => Group::Consultation(with),
            Place::SecondLine { of } => Group::Consultation(of),
            // It rings at the floor's expense.
            Place::Arriving { .. } | Place::Watching { .. } => Group::Floor,
            Place::Floor(_) => match self.legs.values().any(|other| other.place == Place::Aside { with: id })
            {
                true => Group::Consultation(id),
                false => Group::Floor,
            },
        }
    }

    /// The line on which the agent of a leg talks.
    fn line(&self, of: LegId) -> LegId {
        let second = self.legs.iter().find(|(_, ear)| ear.place == Place::SecondLine { of });
        second.map_or(of, |(second, _)| *second)
    }

    fn is_muted(&self, ear: &Ear) -> bool {
        match ear.place {
            Place::SecondLine { of } => self.legs.get(&of).is_some_and(|first| first.muted),
            _ => ear.muted,
        }
    }

    /// The state number of an agent in a call, by contract §4; nothing when in none.
    pub(crate) fn state(&self, agent: &str) -> Option<u16> {
        let own = |ear: &&Ear| ear.agent.as_deref() == Some(agent);
        let first =
            self.legs.iter().find(|(_, ear)| own(ear) && !matches!(ear.place, Place::SecondLine { .. }));
        let Some((id, ear)) = first else {
            // The customer of a webcall comes first.
            return self.first_agents.values().any(|first| first == agent).then_some(2);
        };
        let talks = match ear.place {
            Place::Floor(callcenter::event::Joined::First) => self.linked.contains(&ear.call),
            _ => ear.answered,
        };
        let line = self.legs.get(&self.line(*id)).unwrap_or(ear);
        Some(match () {
            () if talks && line.held => 6,
            () if talks && ear.muted => 7,
            () if talks => 4,
            () if ear.rang || ear.answered => 3,
            () => 2,
        })
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::CallStarted { call, .. } if !call.agent.number.is_empty() => {
                self.first_agents.insert(call.id, call.agent.number.clone());
            }
            Event::LegStarted { leg, id, role, agent, place, .. } => {
                let own = (*role == Role::Agent).then(|| self.first_agents.get(id).cloned()).flatten();
                let agent = agent.as_ref().map(|agent| agent.agent.number.clone()).or(own);
                if let Some(agent) = &agent {
                    self.first_agents.retain(|call, first| call != id || first != agent);
                }
                let (call, role, place) = (*id, *role, *place);
                let ear = Ear {
                    call,
                    role,
                    agent,
                    place,
                    answered: false,
                    rang: false,
                    early_media: false,
                    held: false,
                    muted: false,
                };
                self.legs.insert(*leg, ear);
            }
            Event::LegRang { leg, early_media, .. } => self.change(*leg, |ear| {
                ear.rang = true;
                ear.early_media |= early_media;
            }),
            Event::LegAnswered { leg, .. } => {
                self.change(*leg, |ear| ear.answered = true);
                self.note_link(*leg);
            }
            Event::LegPlaced { leg, place, .. } => {
                self.change(*leg, |ear| ear.place = *place);
                self.note_link(*leg);
            }
            Event::LegHeld { leg, held, .. } => self.change(*leg, |ear| ear.held = *held),
            Event::LegMuted { leg, muted, .. } => self.change(*leg, |ear| ear.muted = *muted),
            Event::LegLeft { leg, .. } | Event::LegEnded { leg, .. } => {
                self.legs.remove(leg);
            }
            Event::RecordingStarted { id, .. } => {
                self.recorded.insert(*id);
            }
            Event::RecordingStopped { id, .. } => {
                self.recorded.remove(id);
            }
            Event::CallEnded { call, .. } => {
                self.recorded.remove(&call.id);
                self.legs.retain(|_, ear| ear.call != call.id);
                self.first_agents.remove(&call.id);
            }
            _ => {}
        }
    }

    /// The customer and somebody else on the floor of a leg's call have both answered.
    fn note_link(&mut self, leg: LegId) {
        let Some(call) = self.legs.get(&leg).map(|ear| ear.call) else { return };
        let on_floor = |ear: &&Ear| ear.call == call && ear.answered && matches!(ear.place, Place::Floor(_));
        let (customers, others): (Vec<&Ear>, Vec<&Ear>) =
            self.legs.values().filter(on_floor).partition(|ear| ear.role == Role::Customer);
        if !customers.is_empty() && !others.is_empty() {
            self.linked.insert(call);
        }
    }

    fn change(&mut self, leg: LegId, change: impl FnOnce(&mut Ear)) {
        if let Some(ear) = self.legs.get_mut(&leg) {
            change(ear);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Floor,
    Consultation(LegId),
}

fn sources(heard: &Heard) -> Vec<LegId> {
    match heard {
        Heard::Leg(leg) => vec![*leg],
        Heard::Mix(legs) => legs.clone(),
        Heard::Nothing | Heard::RingBack | Heard::Music => Vec::new(),
    }
}
