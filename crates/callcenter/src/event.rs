//! What happened: the words of the log.

use std::net::SocketAddr;

use base::{AccountId, CallId, LegId, Wall};
use serde::{Deserialize, Serialize};

use crate::action::{RecordingFiles, Target};
use crate::command::{Choice, LoginType};
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
    },
    /// A leg's phone rings. For the agent's leg also push `dialoutRing` when `call` is set
    /// (`dialout_ring_at = "agent"`), for where an inbound route leads `incomingRing`; what the agent shows is told by
    /// `AgentChanged`.
    LegRang {
        /// Which leg.
        leg: LegId,
        /// Of which call.
        id: CallId,
        /// Set when customers are told (`dialoutRing`, `incomingRing`).
        call: Option<CallFacts>,
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
            Event::CallStarted { call, .. } | Event::CallEnded { call, .. } => Some(call.id),
            Event::LegStarted { id, .. }
            | Event::LegRang { id, .. }
            | Event::LegAnswered { id, .. }
            | Event::LegEnded { id, .. }
            | Event::RecordingStarted { id, .. }
            | Event::RecordingStopped { id, .. }
            | Event::RecordingReady { id, .. } => Some(*id),
            Event::CallRecorded { record } => Some(record.id),
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
    /// Of where an inbound route leads, when that is no agent.
    Destination,
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
