//! What happened: the words of the log.

use std::net::SocketAddr;

use base::{AccountId, CallId, LegId, Wall};
use serde::{Deserialize, Serialize};

use crate::action::{RecordingFiles, Target};
use crate::command::{Choice, LoginType, Monitoring};
use crate::config::RecordingMode;
use crate::record::CallRecord;
use crate::signal::Cause;

/// An event with its place in the account's history. Written to the log before anything it causes leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// Whose event.
    pub account: AccountId,
    /// The account's event number: 1, 2, 3, … without gaps (`eventSeq`).
    pub seq: u64,
    /// `eventUniqueId`: 32 hex digits, the same on every delivery.
    pub id: String,
    /// When it happened.
    pub at: Wall,
    /// What happened.
    pub event: Event,
}

/// What happened. State is the fold of these; each makes at most one push, from its own fields alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// An agent signed in, or moved to another phone (push `login`).
    AgentSignedIn {
        /// Who.
        agent: AgentRef,
        /// With which phone.
        login: LoginType,
        /// In which chosen state.
        choice: Choice,
    },
    /// An agent signed out (push `logout`).
    AgentSignedOut {
        /// Who.
        agent: AgentRef,
        /// How.
        how: SignedOut,
    },
    /// A signed-in agent chose a state; what the agent shows follows in `AgentChanged`. No push.
    AgentChose {
        /// The agent's number.
        agent: String,
        /// The new choice.
        choice: Choice,
    },
    /// What an agent shows changed (push `callStatus`).
    AgentChanged {
        /// Who.
        agent: AgentRef,
        /// The wire number 0–9 or ≥ 100.
        state: u16,
        /// The call it is about, if any.
        call: Option<CallFacts>,
        /// Which moment of the call, if any.
        moment: Option<Moment>,
        /// Until when the agent is in wrap-up; `None` = not, or no longer.
        wrap_up_until: Option<Wall>,
    },
    /// A call was accepted; its first leg starts. No push.
    CallStarted {
        /// What is known of it from the start.
        call: CallFacts,
        /// What is needed to make its record.
        details: CallDetails,
    },
    /// A leg of a call starts; that of who calls in has been started by its far end. For the customer's leg of a `dialOut`
    /// also push `dialoutRing` (`call` is set).
    LegStarted {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Whose leg.
        role: Role,
        /// Whom it calls.
        target: Target,
        /// The number shown on the called phone.
        shown: String,
        /// Set when customers are told (`dialoutRing`).
        call: Option<CallFacts>,
        /// Whose leg it is, if it is a later agent's, or a supervisor's.
        #[serde(default)]
        agent: Option<LegAgent>,
        /// With whom it is to talk.
        #[serde(default)]
        place: Place,
        /// How long it may ring, milliseconds, where the call's details do not say so.
        #[serde(default)]
        ring_ms_max: Option<u64>,
    },
    /// A leg's phone rings, or, for a second time, its network begins to speak before the answer. For the agent's leg also push `dialoutRing` when `call` is set
    /// (`dialout_ring_at = "agent"`), for where an inbound route leads `incomingRing`; what the agent shows is told by
    /// `AgentChanged`.
    LegRang {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Set when customers are told (`dialoutRing`, `incomingRing`).
        call: Option<CallFacts>,
        /// Whether there is something to hear before the answer.
        #[serde(default)]
        early_media: bool,
    },
    /// A leg was answered. For the customer's leg also push "user connected" (`call` is set).
    LegAnswered {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Set when customers are told.
        call: Option<CallFacts>,
    },
    /// A leg is over. No push.
    LegEnded {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Why.
        cause: Cause,
        /// The trunk's address it last went to, if it went through one.
        gateway: Option<SocketAddr>,
    },
    /// A leg has another place now: with whom its far end talks. Push "user connected" for an agent who talks with the
    /// customer from now on (`call` is set).
    LegPlaced {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Its new place.
        place: Place,
        /// Set when customers are told.
        call: Option<CallFacts>,
    },
    /// An agent holds a conversation, or takes it back. No push; what the agent shows is told by `AgentChanged`.
    LegHeld {
        /// The agent's leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Holds.
        held: bool,
        /// Who does that: its phone by itself, or a program.
        #[serde(default)]
        by: HeldBy,
    },
    /// An agent is muted, or not any more. No push, likewise.
    LegMuted {
        /// The agent's leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Muted.
        muted: bool,
    },
    /// A party has left a call that goes on; its leg is being ended. Push `dialoutHangup` / `incomingHangup` for an agent whose
    /// customer it was (`call` is set).
    LegLeft {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Set when customers are told.
        call: Option<CallFacts>,
    },
    /// Who was to be brought into a call could not be reached (push `transferFailed` / `consultFailed`, ours).
    PartyFailed {
        /// The leg that failed.
        leg: LegId,
        /// The call, about the agent who wanted it.
        call: CallFacts,
        /// Whether the customer was to be handed on, or the party to be consulted.
        kind: RecordKind,
        /// Who: an agent's number, or the number dialled.
        target: String,
        /// Why.
        cause: Cause,
    },
    /// The record of a party that was brought into a call (push `cdr`). Comes before the call's own.
    PartyRecorded {
        /// The record.
        record: Box<CallRecord>,
    },
    /// A later agent joined a recorded call: from now on until that leg leaves, its recording becomes these files, too. No push.
    PartStarted {
        /// Of which call.
        id: CallId,
        /// The agent's leg.
        leg: LegId,
        /// Which files will be made.
        files: RecordingFiles,
    },
    /// The call is over for its customers (push `dialoutHangup` / `incomingHangup`).
    CallEnded {
        /// The call.
        call: CallFacts,
        /// Who ended it.
        side: HangUpSide,
    },
    /// A recording began; the names of its files are fixed. No push.
    RecordingStarted {
        /// Of which call.
        id: CallId,
        /// Which files will be made.
        files: RecordingFiles,
    },
    /// All sound of the call is stored. No push.
    RecordingStopped {
        /// Of which call.
        id: CallId,
        /// Length of the recorded track, milliseconds.
        length_ms: u64,
    },
    /// The call's one record (push `cdr`).
    CallRecorded {
        /// The record.
        record: Box<CallRecord>,
    },
    /// The files of a recording may be fetched (push `recordingReady`).
    RecordingReady {
        /// Of which call.
        id: CallId,
        /// Which files.
        files: RecordingFiles,
        /// The leg whose part of the call they are; none: the whole of it.
        #[serde(default)]
        part: Option<LegId>,
    },
}

impl Event {
    /// The call whose history this event belongs to; `None` for events about agents, also in a call.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Event::AgentSignedIn { .. }
            | Event::AgentSignedOut { .. }
            | Event::AgentChose { .. }
            | Event::AgentChanged { .. } => None,
            Event::CallStarted { call, .. }
            | Event::CallEnded { call, .. }
            | Event::PartyFailed { call, .. } => Some(call.id),
            Event::LegStarted { id, .. }
            | Event::LegRang { id, .. }
            | Event::LegAnswered { id, .. }
            | Event::LegEnded { id, .. }
            | Event::LegPlaced { id, .. }
            | Event::LegHeld { id, .. }
            | Event::LegMuted { id, .. }
            | Event::LegLeft { id, .. }
            | Event::PartStarted { id, .. }
            | Event::RecordingStarted { id, .. }
            | Event::RecordingStopped { id, .. }
            | Event::RecordingReady { id, .. } => Some(*id),
            Event::CallRecorded { record } | Event::PartyRecorded { record } => Some(record.call.id),
        }
    }
}

/// An agent as events show one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRef {
    /// `agentNumber`.
    pub number: String,
    /// `agentName`.
    pub name: String,
}

/// The fields of a call that every event about it carries (API 3.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFacts {
    /// `callUniqueId`.
    pub id: CallId,
    /// `callType`.
    pub kind: CallKind,
    /// `customerNumber`.
    pub customer: String,
    /// `displayNumber`: shown to the customer; empty for incoming calls.
    pub display: String,
    /// `trunkNumber`: the number an incoming call was made to; empty otherwise.
    pub trunk: String,
    /// The agent it is about.
    pub agent: AgentRef,
    /// The caller's own data, canonical text.
    pub extras: String,
    /// Id of the number group the shown number was asked from, if it was; in a record, of every group it is in.
    pub group_ids: Vec<String>,
    /// Their names.
    pub group_names: Vec<String>,
}

/// What the record needs and events do not show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDetails {
    /// `agentId`: 24 hex digits.
    pub agent_id: String,
    /// The agent's phone type, if there is an agent.
    pub login: Option<LoginType>,
    /// The agent's number as dialled (mobile) or SIP user.
    pub agent_phone: String,
    /// `callId`: dashed UUID of the originating leg.
    pub call_uuid: String,
    /// How long the phone of the agent, or of where an inbound route leads, may ring, milliseconds.
    pub agent_ring_ms_max: u64,
    /// How long the customer's phone may ring, milliseconds; of one who calls in nothing rings.
    pub customer_ring_ms_max: u64,
    /// Which files its recording becomes, where that is not for the account to say.
    #[serde(default)]
    pub recording: Option<RecordingMode>,
    /// Whom a `webcall` calls second, and the number shown there.
    #[serde(default)]
    pub second: Option<(Target, String)>,
}

/// The agent of a leg, when it is not the one whose call it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegAgent {
    /// As events show one.
    pub agent: AgentRef,
    /// `agentId`: 24 hex digits.
    pub id: String,
    /// With which phone.
    pub login: LoginType,
}

/// Where a leg is plugged in: with whom its far end talks, once it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// With the customer and whoever else is there.
    Floor(Joined),
    /// Nowhere yet: the customer is handed to it as soon as it answers.
    Arriving {
        /// The leg that handed the customer on; it may have left.
        by: LegId,
    },
    /// With the agent of another leg alone, who consults it.
    Aside {
        /// That leg.
        with: LegId,
    },
    /// With whomever the agent of another leg consults: it is a second line of the same phone, and that agent talks there.
    SecondLine {
        /// The agent's first line.
        of: LegId,
    },
    /// With nobody: a supervisor, who hears what an agent hears and says.
    Watching {
        /// The agent's leg.
        of: LegId,
        /// What else.
        how: Monitoring,
    },
}

impl Default for Place {
    fn default() -> Place {
        Place::Floor(Joined::First)
    }
}

/// How a leg came to the floor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Joined {
    /// The call began with it.
    #[default]
    First,
    /// The customer was handed to it.
    Transfer,
    /// It joined those who talked.
    Conference,
}

/// Who holds, or takes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeldBy {
    /// A verb.
    #[default]
    Program,
    /// The phone, whose sound is off until it takes back by itself.
    Phone,
}

/// `cdrType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordKind {
    /// `callRecord`: of the call.
    #[default]
    Call,
    /// `transferRecord`: of whom the customer was, or was to be, handed to.
    Transfer,
    /// `consultRecord`: of whom an agent consulted.
    Consult,
    /// `conferenceRecord`: of who joined those who talked.
    Conference,
}

/// `callType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallKind {
    /// `dialout`.
    DialOut,
    /// `incoming`.
    Incoming,
    /// `webcall`.
    WebCall,
}

/// `callEvent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// `calling`.
    Calling,
    /// `ring`.
    Ring,
    /// `link`.
    Link,
    /// `hangup`.
    Hangup,
}

/// Whose leg it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The agent's.
    Agent,
    /// The customer's.
    Customer,
    /// Of where an inbound route leads, or of whom a `webcall` calls second, when that is no agent.
    Destination,
    /// Of a number outside that was brought into the call.
    Outside,
    /// Of an agent who supervises another.
    Supervisor,
}

/// `hangUpSide`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HangUpSide {
    /// The agent (also by the API's `hangup`), or where an inbound route leads.
    Agent,
    /// The customer.
    Customer,
    /// A timer, a fault, a restart.
    System,
}

/// `logoutType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignedOut {
    /// `normal`.
    Normal,
}
