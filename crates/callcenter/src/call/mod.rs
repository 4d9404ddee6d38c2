//! Calls: the fold of their events, and what can be read from it. Who decides: one file per plan, and [`ending`].

pub(crate) mod capacity;
pub(crate) mod conference;
pub(crate) mod consult;
pub(crate) mod dial_out;
pub(crate) mod digits;
pub(crate) mod ending;
pub(crate) mod from_phone;
pub(crate) mod hearing;
pub(crate) mod hold;
pub(crate) mod inbound;
pub(crate) mod monitor;
pub(crate) mod parties;
pub(crate) mod shown_number;
pub(crate) mod transfer;
pub(crate) mod web_call;

use std::net::SocketAddr;
use std::time::Duration;

use base::{LegId, Wall};

use crate::action::{RecordingFiles, Target};
use crate::agent::activity::Activity;
use crate::config::{Account, RecordingMode};
use crate::event::{
    AgentRef, CallDetails, CallFacts, CallKind, Event, HangUpSide, HeldBy, Joined, LegAgent, Place,
    RecordKind, Role,
};
use crate::signal::{Cause, Failure};

/// A call from its start until its record.
///
/// Its times never go back, even when the wall clock did: a fact is never earlier than the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) facts: CallFacts,
    pub(crate) details: CallDetails,
    pub(crate) started: Wall,
    /// When the last event of the call happened.
    pub(crate) last_fact: Wall,
    /// In order of start.
    pub(crate) legs: Vec<Leg>,
    pub(crate) recording: Option<Recording>,
    /// Since when the customer and who talks to it hear each other.
    pub(crate) bridged: Option<Wall>,
    /// Set when it is over for its customers; its record may still wait for facts.
    pub(crate) ended: Option<Ended>,
}

/// One leg of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) role: Role,
    pub(crate) target: Target,
    pub(crate) shown: String,
    pub(crate) started: Wall,
    pub(crate) rang: Option<Wall>,
    /// Whether there is something to hear before the answer.
    pub(crate) early_media: bool,
    pub(crate) answered: Option<Wall>,
    pub(crate) ended: Option<LegEnd>,
    /// Whose leg it is, if it is a later agent's or a supervisor's.
    pub(crate) agent: Option<LegAgent>,
    pub(crate) place: Place,
    /// Who holds, if it does.
    pub(crate) hold: Option<HeldBy>,
    pub(crate) muted: bool,
    /// When it left a call that went on: what it hears and says is of no more interest.
    pub(crate) left: Option<Wall>,
    /// The agent's leg for whose sake it was called, if it was brought into the call.
    pub(crate) brought_by: Option<LegId>,
    /// Why it could not be reached, if that was told.
    pub(crate) failed: Option<Cause>,
    /// Whether its record is written.
    pub(crate) recorded: bool,
    ring_ms_max: Option<u64>,
}

/// How a leg ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LegEnd {
    pub(crate) at: Wall,
    pub(crate) cause: Cause,
    pub(crate) gateway: Option<SocketAddr>,
}

/// The recording of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    pub(crate) files: RecordingFiles,
    pub(crate) started: Wall,
    /// Known when all sound is stored.
    pub(crate) length_ms: Option<u64>,
    /// Of later agents, in order.
    pub(crate) parts: Vec<Part>,
}

/// What of a recording becomes the files of a later agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) leg: LegId,
    pub(crate) files: RecordingFiles,
    pub(crate) started: Wall,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) at: Wall,
    pub(crate) side: HangUpSide,
    pub(crate) failure: Failure,
}

impl Call {
    pub(crate) fn new(started: Wall, facts: CallFacts, details: CallDetails) -> Call {
        let last_fact = started;
        Call {
            facts,
            details,
            started,
            last_fact,
            legs: Vec::new(),
            recording: None,
            bridged: None,
            ended: None,
        }
    }

    /// Folds in an event of this call.
    pub(crate) fn apply(&mut self, at: Wall, event: &Event) {
        let at = at.max(self.last_fact);
        self.last_fact = at;
        match event {
            Event::LegStarted { leg, role, target, shown, agent, place, ring_ms_max, .. } => {
                let leg = Leg::new(*leg, *role, target.clone(), shown.clone(), at);
                let (agent, place, ring_ms_max) = (agent.clone(), *place, *ring_ms_max);
                let brought_by = match place {
                    Place::Floor(_) | Place::SecondLine { .. } => None,
                    Place::Arriving { by } => Some(by),
                    Place::Aside { with } => Some(with),
                    Place::Watching { of, .. } => Some(of),
                };
                self.legs.push(Leg { agent, place, ring_ms_max, brought_by, ..leg });
            }
            Event::LegRang { leg, early_media, .. } => self.change_leg(*leg, |leg| {
                leg.rang = leg.rang.or(Some(at));
                leg.early_media |= early_media;
            }),
            Event::LegAnswered { leg, .. } => {
                self.change_leg(*leg, |leg| leg.answered = Some(at));
                self.note_bridge(at);
            }
            Event::LegPlaced { leg, place, .. } => {
                self.change_leg(*leg, |leg| leg.place = *place);
                self.note_bridge(at);
            }
            Event::LegHeld { leg, held, by, .. } => {
                self.change_leg(*leg, |leg| leg.hold = held.then_some(*by));
            }
            Event::LegMuted { leg, muted, .. } => self.change_leg(*leg, |leg| leg.muted = *muted),
            Event::LegLeft { leg, .. } => self.change_leg(*leg, |leg| leg.left = leg.left.or(Some(at))),
            Event::PartyFailed { leg, cause, .. } => self.change_leg(*leg, |leg| leg.failed = Some(*cause)),
            Event::PartyRecorded { record } => {
                self.change_leg(LegId(record.id.0), |leg| leg.recorded = true);
            }
            Event::PartStarted { leg, files, .. } => {
                if let Some(recording) = &mut self.recording {
                    recording.parts.push(Part { leg: *leg, files: files.clone(), started: at });
                }
            }
            Event::LegEnded { leg, cause, gateway, .. } => {
                let end = LegEnd { at, cause: *cause, gateway: *gateway };
                self.change_leg(*leg, |leg| leg.ended = Some(end));
            }
            Event::CallEnded { side, .. } => {
                let failure = ending::failure(self, *side);
                self.ended = Some(Ended { at, side: *side, failure });
            }
            Event::RecordingStarted { files, .. } => {
                let (files, parts) = (files.clone(), Vec::new());
                self.recording = Some(Recording { files, started: at, length_ms: None, parts });
            }
            Event::RecordingStopped { length_ms, .. } => {
                if let Some(recording) = &mut self.recording {
                    recording.length_ms = Some(*length_ms);
                }
            }
            Event::AgentSignedIn { .. }
            | Event::AgentSignedOut { .. }
            | Event::AgentChose { .. }
            | Event::AgentChanged { .. }
            | Event::CallStarted { .. }
            | Event::CallRecorded { .. }
            | Event::RecordingReady { .. } => {}
        }
    }

    /// The call as it will be when `events` have been applied. Events of other calls and of agents are left out.
    pub(crate) fn after(&self, at: Wall, events: &[Event]) -> Call {
        let mut after = self.clone();
        for event in events.iter().filter(|event| event.call() == Some(self.facts.id)) {
            after.apply(at, event);
        }
        after
    }

    /// What it makes an agent show who is in it.
    pub(crate) fn activity_of(&self, number: &str) -> Activity {
        let Some(leg) = self.leg_of_agent(number) else { return Activity::Calling };
        let talks = match leg.place {
            // The agent of a dialOut waits for the customer.
            Place::Floor(Joined::First) => self.bridged.is_some(),
            Place::Floor(Joined::Transfer | Joined::Conference)
            | Place::Arriving { .. }
            | Place::Aside { .. }
            | Place::SecondLine { .. }
            | Place::Watching { .. } => leg.is_answered(),
        };
        let held = self.leg(self.talker(leg.id)).is_some_and(Leg::is_held);
        match talks {
            true if held => Activity::Holding,
            true if leg.muted => Activity::Muted,
            true => Activity::Talking,
            false if leg.rang.is_some() || leg.is_answered() => Activity::Ringing,
            false => Activity::Calling,
        }
    }

    /// Since when the customer and who talks to it hear each other.
    pub(crate) fn bridged(&self) -> Option<Wall> {
        self.bridged
    }

    /// How long the phone of a leg may ring; `None`: it is not for us to say.
    pub(crate) fn ring_max(&self, leg: &Leg) -> Option<Duration> {
        let ring_ms_max = match (leg.ring_ms_max, leg.role) {
            (Some(ring_ms_max), _) => ring_ms_max,
            // Whoever calls in waits as long as we let the other leg ring.
            (None, _) if self.calls_in(leg) => return None,
            (None, Role::Customer) => self.details.customer_ring_ms_max,
            (None, Role::Agent | Role::Destination | Role::Outside | Role::Supervisor) => {
                self.details.agent_ring_ms_max
            }
        };
        Some(Duration::from_millis(ring_ms_max))
    }

    /// The leg of the agent whose call it is. Not one who was brought in, nor a second line.
    pub(crate) fn first_agent(&self) -> Option<&Leg> {
        self.leg_of(Role::Agent).filter(|leg| leg.agent.is_none())
    }

    /// Whether a leg in this role is the last that the call needs to begin.
    pub(crate) fn is_last_promised(&self, role: Role) -> bool {
        match (self.facts.kind, role) {
            (CallKind::DialOut | CallKind::Incoming, Role::Customer) => true,
            (CallKind::WebCall, Role::Agent | Role::Destination) => true,
            (CallKind::DialOut | CallKind::Incoming, _) | (CallKind::WebCall, _) => false,
        }
    }

    /// Whether the last leg that it needs to begin goes by a trunk.
    pub(crate) fn wants_channel(&self) -> bool {
        match &self.details.second {
            // It is a customer's.
            None | Some((Target::Number(_), _)) => true,
            Some((Target::Phone(_) | Target::Uri(_), _)) => false,
        }
    }

    /// The first leg in this role.
    pub(crate) fn leg_of(&self, role: Role) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.role == role)
    }

    /// A leg that has not ended.
    pub(crate) fn living_leg(&self, id: LegId) -> Option<&Leg> {
        self.living_legs().find(|leg| leg.id == id)
    }

    /// A leg, whatever has become of it.
    pub(crate) fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    /// The legs that have neither ended nor left.
    pub(crate) fn legs_in_call(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().filter(|leg| leg.is_in_call())
    }

    /// Whom the agent of a leg consults, ringing or answered.
    pub(crate) fn aside_of(&self, id: LegId) -> Option<&Leg> {
        self.legs_in_call().find(|leg| leg.place == Place::Aside { with: id })
    }

    /// Whom a leg has handed the customer on to, while it rings there.
    pub(crate) fn arriving_by(&self, id: LegId) -> Option<&Leg> {
        self.legs_in_call().find(|leg| leg.place == Place::Arriving { by: id })
    }

    /// The second line of an agent's phone.
    pub(crate) fn second_line_of(&self, id: LegId) -> Option<&Leg> {
        self.legs_in_call().find(|leg| leg.place == Place::SecondLine { of: id })
    }

    /// The line on which an agent talks.
    pub(crate) fn talker(&self, id: LegId) -> LegId {
        self.second_line_of(id).map_or(id, |second| second.id)
    }

    /// Whether whoever is on the floor does not talk there at the moment: it consults, or has handed the customer on.
    pub(crate) fn is_elsewhere(&self, leg: &Leg) -> bool {
        self.aside_of(leg.id).is_some() || self.arriving_by(leg.id).is_some()
    }

    /// The number of the agent whose leg it is, if it is one's.
    pub(crate) fn agent_of<'a>(&'a self, leg: &'a Leg) -> Option<&'a str> {
        match (&leg.agent, leg.role) {
            (Some(LegAgent { agent, .. }), _) => Some(&agent.number),
            (None, Role::Agent) => Some(&self.facts.agent.number),
            (None, Role::Customer | Role::Destination | Role::Outside | Role::Supervisor) => None,
        }
    }

    /// The leg, or first line, of an agent who is in the call.
    pub(crate) fn leg_of_agent(&self, number: &str) -> Option<&Leg> {
        self.legs_in_call().find(|leg| !leg.is_second_line() && self.agent_of(leg) == Some(number))
    }

    /// The numbers of the agents who are in the call, or for whom it was begun; in order of their legs.
    pub(crate) fn agents(&self) -> Vec<&str> {
        let first = &self.facts.agent.number;
        let is_due = !first.is_empty() && self.legs.iter().all(|leg| self.agent_of(leg) != Some(first));
        let due = is_due.then_some(first.as_str());
        let lines = self.legs_in_call().filter(|leg| !leg.is_second_line());
        due.into_iter().chain(lines.filter_map(|leg| self.agent_of(leg))).collect()
    }

    /// The numbers it shows now: to its customer, and to each party outside.
    pub(crate) fn numbers_shown(&self) -> impl Iterator<Item = &str> {
        let outside = self.legs_in_call().filter(|leg| leg.role == Role::Outside);
        std::iter::once(self.facts.display.as_str()).chain(outside.map(|leg| leg.shown.as_str()))
    }

    /// The call's facts as they are told about an agent, or about nobody.
    pub(crate) fn facts_about(&self, agent: Option<AgentRef>) -> CallFacts {
        CallFacts { agent: agent.unwrap_or_default(), ..self.facts.clone() }
    }

    /// The legs that have not ended.
    pub(crate) fn living_legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().filter(|leg| leg.ended.is_none())
    }

    /// Whether sound is being stored.
    pub(crate) fn is_recording(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.length_ms.is_none())
    }

    /// Which files its recording becomes.
    pub(crate) fn recording_mode(&self, account: &Account) -> RecordingMode {
        self.details.recording.unwrap_or(account.recording)
    }

    /// Whether a leg is of one who calls in and is to be answered: such a leg has no phone that rings.
    pub(crate) fn calls_in(&self, leg: &Leg) -> bool {
        if leg.is_second_line() {
            return true;
        }
        match (self.facts.kind, leg.role) {
            (CallKind::Incoming, Role::Customer) => true,
            (CallKind::Incoming, Role::Agent | Role::Destination | Role::Outside | Role::Supervisor) => false,
            (CallKind::DialOut | CallKind::WebCall, _) => false,
        }
    }

    /// The customer and somebody else on the floor have both answered.
    fn note_bridge(&mut self, at: Wall) {
        let mut on_floor = self.legs.iter().filter(|leg| leg.answered.is_some() && leg.is_on_floor());
        let (customers, others): (Vec<_>, Vec<_>) =
            on_floor.by_ref().partition(|leg| leg.role == Role::Customer);
        if !customers.is_empty() && !others.is_empty() {
            self.bridged = self.bridged.or(Some(at));
        }
    }

    fn change_leg(&mut self, id: LegId, change: impl FnOnce(&mut Leg)) {
        if let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == id) {
            change(leg);
        }
    }
}

fn whole_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Leg {
    fn new(id: LegId, role: Role, target: Target, shown: String, started: Wall) -> Leg {
        Leg {
            id,
            role,
            target,
            shown,
            started,
            rang: None,
            early_media: false,
            answered: None,
            ended: None,
            agent: None,
            place: Place::default(),
            hold: None,
            muted: false,
            left: None,
            brought_by: None,
            failed: None,
            recorded: false,
            ring_ms_max: None,
        }
    }

    /// Whether it has neither ended nor left.
    pub(crate) fn is_in_call(&self) -> bool {
        self.ended.is_none() && self.left.is_none()
    }

    /// Whether it is news that it rings, or that its network speaks.
    pub(crate) fn is_news(&self, early_media: bool) -> bool {
        self.rang.is_none() || (early_media && !self.early_media)
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.answered.is_some()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.hold.is_some()
    }

    pub(crate) fn is_arriving(&self) -> bool {
        matches!(self.place, Place::Arriving { .. })
    }

    pub(crate) fn is_second_line(&self) -> bool {
        matches!(self.place, Place::SecondLine { .. })
    }

    /// Which record its party gets, if it gets one of its own.
    pub(crate) fn record_kind(&self) -> Option<RecordKind> {
        match self.place {
            Place::Floor(Joined::Transfer) | Place::Arriving { .. } => Some(RecordKind::Transfer),
            Place::Floor(Joined::Conference) => Some(RecordKind::Conference),
            Place::Aside { .. } => Some(RecordKind::Consult),
            Place::Floor(Joined::First) | Place::SecondLine { .. } | Place::Watching { .. } => None,
        }
    }

    /// Whether its place is with the customer.
    pub(crate) fn is_on_floor(&self) -> bool {
        match self.place {
            Place::Floor(_) => true,
            Place::Arriving { .. }
            | Place::Aside { .. }
            | Place::SecondLine { .. }
            | Place::Watching { .. } => false,
        }
    }

    /// The last SIP status known without its last word.
    pub(crate) fn sip_code(&self) -> u16 {
        match self {
            Leg { ended: Some(end), .. } => end.cause.sip_code,
            Leg { answered: Some(_), .. } => 200,
            Leg { rang: Some(_), .. } => 180,
            Leg { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use base::CallId;

    use super::*;
    use crate::command::LoginType;

    #[test]
    fn a_fact_is_never_earlier_than_the_one_before() {
        let mut call = call();
        call.apply(
            Wall::from_millis(3000),
            &Event::LegRang { leg: LegId(2), id: CallId(1), call: None, early_media: false },
        );
        assert_eq!(call.legs[0].rang, Some(Wall::from_millis(5000)));
        assert_eq!(call.last_fact, Wall::from_millis(5000));
    }

    #[test]
    fn events_of_other_calls_are_left_out() {
        let call = call();
        let other = Event::LegRang { leg: LegId(2), id: CallId(9), call: None, early_media: false };
        assert_eq!(call.after(Wall::from_millis(9000), &[other]), call);
    }

    fn call() -> Call {
        let facts = CallFacts {
            id: CallId(1),
            kind: CallKind::DialOut,
            customer: "17319132391".to_owned(),
            display: "02258834811".to_owned(),
            trunk: String::new(),
            agent: AgentRef::default(),
            extras: String::new(),
            group_ids: Vec::new(),
            group_names: Vec::new(),
        };
        let details = CallDetails {
            agent_id: String::new(),
            login: Some(LoginType::Pstn),
            agent_phone: "13900008000".to_owned(),
            call_uuid: String::new(),
            agent_ring_ms_max: 60_000,
            customer_ring_ms_max: 120_000,
            recording: None,
            second: None,
        };
        let mut call = Call::new(Wall::from_millis(4000), facts, details);
        let target = Target::Number("13900008000".to_owned());
        let shown = "02258834811".to_owned();
        let started = Event::LegStarted {
            leg: LegId(2),
            id: CallId(1),
            role: Role::Agent,
            target,
            shown,
            call: None,
            agent: None,
            place: Place::default(),
            ring_ms_max: None,
        };
        call.apply(Wall::from_millis(5000), &started);
        call
    }
}
