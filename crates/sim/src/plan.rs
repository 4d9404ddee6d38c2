//! Who must, who may and who must not hear whom: read off the events of the log by the words of the API, and not by the
//! code that decides. Where the words leave it open, "may" stands.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, LegId};
use callcenter::command::Monitoring;
use callcenter::event::{CallKind, Event, Place, Role};

/// Every call there was.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    calls: BTreeMap<CallId, Call>,
    calls_of: BTreeMap<LegId, CallId>,
}

#[derive(Debug)]
struct Call {
    kind: CallKind,
    legs: BTreeMap<LegId, Leg>,
}

#[derive(Debug)]
struct Leg {
    role: Role,
    place: Place,
    stage: Stage,
    held: bool,
    muted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Called,
    Answered,
    Gone,
}

/// What a leg's far end hears.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spec {
    /// Whom it must hear.
    pub(crate) must: BTreeSet<LegId>,
    /// Whom it may hear besides.
    pub(crate) may: BTreeSet<LegId>,
    /// Whether music is to be heard.
    pub(crate) music: Need,
    /// Whether a network's tone, ring-back, may be heard.
    pub(crate) network: Need,
}

/// How much something is to be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Need {
    #[default]
    Never,
    May,
    Must,
}

impl Plan {
    /// Reads one more event; the call whose plan it may have changed.
    pub(crate) fn read(&mut self, event: &Event) -> Option<CallId> {
        match event {
            Event::CallStarted { call, .. } => {
                self.calls.insert(call.id, Call { kind: call.kind, legs: BTreeMap::new() });
            }
            Event::LegStarted { leg, id, role, place, .. } => {
                let new = Leg { role: *role, place: *place, stage: Stage::Called, held: false, muted: false };
                self.calls_of.insert(*leg, *id);
                self.call_mut(*id).legs.insert(*leg, new);
            }
            Event::LegAnswered { leg, .. } => self.leg_mut(*leg).stage = Stage::Answered,
            Event::LegEnded { leg, .. } | Event::LegLeft { leg, .. } => {
                self.leg_mut(*leg).stage = Stage::Gone
            }
            Event::LegPlaced { leg, place, .. } => self.leg_mut(*leg).place = *place,
            Event::LegHeld { leg, held, .. } => self.leg_mut(*leg).held = *held,
            Event::LegMuted { leg, muted, .. } => self.leg_mut(*leg).muted = *muted,
            Event::CallEnded { call, .. } => {
                self.call_mut(call.id).legs.values_mut().for_each(|leg| leg.stage = Stage::Gone);
            }
            Event::AgentSignedIn { .. }
            | Event::AgentSignedOut { .. }
            | Event::AgentChose { .. }
            | Event::AgentChanged { .. }
            | Event::LegRang { .. }
            | Event::PartyFailed { .. }
            | Event::PartyRecorded { .. }
            | Event::PartStarted { .. }
            | Event::RecordingStarted { .. }
            | Event::RecordingStopped { .. }
            | Event::CallRecorded { .. }
            | Event::RecordingReady { .. } => return None,
        }
        event.call()
    }

    /// The program died: nobody hears anybody any more.
    pub(crate) fn die(&mut self) {
        let legs = self.calls.values_mut().flat_map(|call| call.legs.values_mut());
        legs.for_each(|leg| leg.stage = Stage::Gone);
    }

    /// The legs of a call.
    pub(crate) fn legs(&self, call: CallId) -> impl Iterator<Item = LegId> {
        self.calls.get(&call).into_iter().flat_map(|call| call.legs.keys().copied())
    }

    /// Every leg that is not over.
    pub(crate) fn living(&self) -> impl Iterator<Item = LegId> {
        let legs = self.calls.values().flat_map(|call| &call.legs);
        legs.filter(|(_, leg)| leg.stage != Stage::Gone).map(|(id, _)| *id)
    }

    /// The call of a leg.
    pub(crate) fn call_of(&self, leg: LegId) -> Option<CallId> {
        self.calls_of.get(&leg).copied()
    }

    /// All that is known of a call, for who reads of a failure.
    pub(crate) fn tell(&self, call: CallId) -> impl std::fmt::Debug {
        self.calls.get(&call)
    }

    /// What a leg's far end hears now.
    pub(crate) fn spec(&self, leg: LegId) -> Spec {
        let call = self.calls_of.get(&leg).and_then(|call| self.calls.get(call));
        call.map_or_else(Spec::default, |call| call.spec(leg))
    }

    fn call_mut(&mut self, id: CallId) -> &mut Call {
        self.calls.get_mut(&id).expect("an event is about a call that started")
    }

    fn leg_mut(&mut self, leg: LegId) -> &mut Leg {
        let call = *self.calls_of.get(&leg).expect("an event is about a leg that started");
        self.call_mut(call).legs.get_mut(&leg).expect("it is of this call")
    }
}

impl Call {
    fn spec(&self, id: LegId) -> Spec {
        let Some(leg) = self.legs.get(&id) else { return Spec::default() };
        match (leg.stage, leg.place) {
            (Stage::Gone, _) => Spec::default(),
            (Stage::Called, _) => self.before_the_answer(id, leg),
            (Stage::Answered, Place::Floor(_)) => self.on_the_floor(id, leg),
            // It is on the floor as soon as that is noted.
            (Stage::Answered, Place::Arriving { .. }) => Spec::default(),
            (Stage::Answered, Place::Aside { with }) => self.aside(id, leg, with),
            (Stage::Answered, Place::SecondLine { of }) => {
                let mut spec = Spec { network: Need::May, music: Need::May, ..Spec::default() };
                self.add_supervisors(&mut spec, of, leg);
                self.add_consulted(&mut spec, of);
                if leg.held {
                    spec.may.append(&mut spec.must);
                }
                spec
            }
            (Stage::Answered, Place::Watching { of, how }) => self.watching(id, of, how),
        }
    }

    /// Who calls in may hear the network of whoever is called; nobody else hears anything.
    fn before_the_answer(&self, id: LegId, leg: &Leg) -> Spec {
        match (leg.role, self.kind) {
            (Role::Customer, CallKind::Incoming) => {
                Spec { may: self.others(id), network: Need::May, ..Spec::default() }
            }
            // A phone that calls somebody for a consultation is a caller, too.
            _ if matches!(leg.place, Place::SecondLine { .. }) => {
                Spec { may: self.others(id), network: Need::May, ..Spec::default() }
            }
            _ => Spec::default(),
        }
    }

    fn on_the_floor(&self, id: LegId, leg: &Leg) -> Spec {
        let mut spec = Spec::default();
        self.add_supervisors(&mut spec, id, leg);
        if self.consulted(id).next().is_some() {
            self.add_consulted(&mut spec, id);
            // With a second line the first one hears nothing of it, or what its phone made of it.
            // While it rings there it hears that, and what is whispered perhaps.
            let rings = self.consulted(id).any(|other| self.legs[&other].stage == Stage::Called);
            if self.second_line(id).is_some() || leg.held || rings {
                spec.may.append(&mut spec.must);
                spec.music = Need::May;
            }
            spec.network = Need::May;
            return spec;
        }
        if leg.held {
            // Nothing; what a supervisor says to it alone is left open.
            spec.may.append(&mut spec.must);
            return spec;
        }
        spec.must.extend(self.talkers().filter(|other| *other != id && !self.legs[other].muted));
        let arriving = self.arriving();
        if !arriving.is_empty() {
            // The customer hears ring-back, music, or the network; the agent who handed it on may hear anything of that.
            spec.may.extend(arriving);
            spec.may.append(&mut spec.must);
            spec.may.extend(self.talkers().filter(|other| *other != id));
            (spec.music, spec.network) = (Need::May, Need::May);
            return spec;
        }
        let present = |other: &LegId| *other != id && self.is_on_floor(*other);
        let talks = |other: &LegId| *other != id && self.talkers().any(|talker| talker == *other);
        let waits = self.legs.keys().any(|other| present(other) && !talks(other));
        if waits && !self.talkers().any(|other| other != id) {
            spec.music = Need::Must;
        }
        let called = |(other, leg): (&LegId, &Leg)| {
            (leg.stage == Stage::Called && matches!(leg.place, Place::Floor(_))).then_some(*other)
        };
        let called: Vec<LegId> = self.legs.iter().filter_map(called).collect();
        if !called.is_empty() {
            // Ring-back, or the network of who is called.
            spec.may.extend(called);
            spec.network = Need::May;
        }
        spec
    }

    /// What a consulted party hears: the agent, by whichever line.
    fn aside(&self, id: LegId, leg: &Leg, with: LegId) -> Spec {
        let mut spec = Spec::default();
        self.add_supervisors(&mut spec, id, leg);
        let Some(agent) = self.legs.get(&with).filter(|agent| agent.stage == Stage::Answered) else {
            return spec;
        };
        match self.second_line(with) {
            Some(line) => {
                spec.may.extend([with, line]);
                spec.network = Need::May;
            }
            None if agent.muted => {}
            None if agent.held => drop(spec.may.insert(with)),
            None => drop(spec.must.insert(with)),
        }
        if agent.held {
            spec.music = Need::May;
        }
        if leg.held {
            spec.may.append(&mut spec.must);
            spec.music = Need::Never;
        }
        spec
    }

    fn watching(&self, id: LegId, of: LegId, how: Monitoring) -> Spec {
        let Some(agent) = self.legs.get(&of).filter(|agent| agent.stage == Stage::Answered) else {
            return Spec::default();
        };
        let mut spec = self.spec(of);
        spec.must.remove(&id);
        spec.may.remove(&id);
        // What an agent says whom nobody hears may be heard or not.
        let hands_on = self.arriving().iter().any(|leg| self.legs[leg].place == Place::Arriving { by: of });
        match agent.muted || agent.held || hands_on {
            true => drop(spec.may.insert(of)),
            false => drop(spec.must.insert(of)),
        }
        spec.music = if spec.music == Need::Must { Need::May } else { spec.music };
        if how == Monitoring::Barge || how == Monitoring::TakeOver {
            spec.may.extend(self.talkers().filter(|other| *other != id));
        }
        spec.may.extend(self.second_line(of));
        spec
    }

    /// What supervisors say to a leg on the floor.
    fn add_supervisors(&self, spec: &mut Spec, id: LegId, leg: &Leg) {
        for (other, supervisor) in &self.legs {
            let Place::Watching { of, how } = supervisor.place else { continue };
            if supervisor.stage != Stage::Answered {
                continue;
            }
            match how {
                Monitoring::Listen => {}
                Monitoring::Whisper if of == id => drop(spec.must.insert(*other)),
                Monitoring::Whisper => {}
                Monitoring::Barge | Monitoring::TakeOver => {
                    let hears = !leg.held && self.consulted(id).next().is_none() && !supervisor.held;
                    let heard = if hears && !supervisor.muted { &mut spec.must } else { &mut spec.may };
                    heard.insert(*other);
                }
            }
        }
    }

    /// Whom the agent of a leg consults; before the answer its network may be heard.
    fn add_consulted(&self, spec: &mut Spec, of: LegId) {
        for (other, leg) in self.consulted(of).map(|other| (other, &self.legs[&other])) {
            match leg.stage {
                Stage::Called | Stage::Gone => drop(spec.may.insert(other)),
                // An agent who is consulted can do so, too.
                Stage::Answered if leg.held => spec.music = Need::May,
                Stage::Answered if leg.muted => {}
                Stage::Answered => drop(spec.must.insert(other)),
            }
        }
    }

    fn consulted(&self, of: LegId) -> impl Iterator<Item = LegId> {
        let is = move |leg: &Leg| leg.stage != Stage::Gone && leg.place == Place::Aside { with: of };
        self.legs.iter().filter(move |(_, leg)| is(leg)).map(|(id, _)| *id)
    }

    fn second_line(&self, of: LegId) -> Option<LegId> {
        let is = |leg: &Leg| leg.stage != Stage::Gone && leg.place == Place::SecondLine { of };
        self.legs.iter().find(|(_, leg)| is(leg)).map(|(id, _)| *id)
    }

    fn arriving(&self) -> Vec<LegId> {
        let is = |leg: &Leg| leg.stage != Stage::Gone && matches!(leg.place, Place::Arriving { .. });
        self.legs.iter().filter(|(_, leg)| is(leg)).map(|(id, _)| *id).collect()
    }

    fn is_on_floor(&self, id: LegId) -> bool {
        let is = |leg: &Leg| leg.stage == Stage::Answered && matches!(leg.place, Place::Floor(_));
        self.legs.get(&id).is_some_and(is)
    }

    /// Who is on the floor and neither holds it nor talks aside.
    fn talkers(&self) -> impl Iterator<Item = LegId> {
        let talks = |(id, leg): &(&LegId, &Leg)| {
            self.is_on_floor(**id) && !leg.held && self.consulted(**id).next().is_none()
        };
        self.legs.iter().filter(talks).map(|(id, _)| *id)
    }

    fn others(&self, id: LegId) -> BTreeSet<LegId> {
        self.legs.keys().copied().filter(|other| *other != id).collect()
    }
}
