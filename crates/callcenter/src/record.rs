//! The record of a call.

pub(crate) mod build;
pub(crate) mod naming;
pub(crate) mod party;

use base::{AccountId, CallId, Wall};
use serde::{Deserialize, Serialize};

use crate::action::RecordingFiles;
use crate::command::LoginType;
use crate::event::{AgentRef, CallFacts, HangUpSide, RecordKind, Role};
use crate::numbers::Attribution;
use crate::signal::Failure;

/// The record of a call (API 2.13, contract §6): everything that the JSON is made of, nothing of how it is spelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Whose.
    pub account: AccountId,
    /// `_id`: that of the call, or the number of the party's leg. `uniqueId` and `callUniqueId` are the call's.
    pub id: CallId,
    /// `cdrType`.
    #[serde(default)]
    pub kind: RecordKind,
    /// The call's facts: type, numbers, agent, extras, groups.
    pub call: CallFacts,
    /// `agentId`.
    pub agent_id: String,
    /// `callId`.
    pub call_uuid: String,
    /// `loginType`, if there is an agent.
    pub login: Option<LoginType>,
    /// The agent as shown.
    pub agent: AgentRef,
    /// `agentTelNumber`: the mobile, or the SIP user.
    pub agent_phone: String,
    /// Where the agent's number belongs.
    pub agent_place: Attribution,
    /// Where the customer's number belongs.
    pub customer_place: Attribution,
    /// `startTime`.
    pub started: Wall,
    /// `agentStartTime` …
    pub agent_started: Option<Wall>,
    /// `agentAnswerTime` (also `systemAnswerTime` of a dialOut).
    pub agent_answered: Option<Wall>,
    /// `customerStartTime`.
    pub customer_started: Option<Wall>,
    /// `customerAnswerTime`.
    pub customer_answered: Option<Wall>,
    /// `bridgeTime`.
    pub bridged: Option<Wall>,
    /// `hangupTime`.
    pub hung_up: Wall,
    /// `endTime`.
    pub ended: Wall,
    /// When the record was made: `createTime`, `saveTime`.
    pub created: Wall,
    /// Seconds that `totalDuration` leaves out: while a party was in the call that has a record of its own.
    #[serde(default)]
    pub left_out_s: i64,
    /// Seconds the agent's phone rang: answer − start; unanswered: leg end − start.
    pub agent_ring_s: i64,
    /// Seconds the customer's phone rang, likewise; 0 for incoming calls.
    pub customer_ring_s: i64,
    /// `recordingDuration`, whole seconds.
    pub recording_s: i64,
    /// `status`.
    pub status: CallStatus,
    /// `hangUpSide`.
    pub side: HangUpSide,
    /// `failureReason`.
    pub failure: Failure,
    /// `sipCode`.
    pub sip_code: u16,
    /// `gatewayIP`: "ip:port" of the trunk used for the customer, else empty.
    pub gateway: String,
    /// One per leg, in order of start (`billCalls`).
    pub bills: Vec<LegBill>,
    /// The recording, if there is one.
    pub recording: Option<RecordingFiles>,
    /// Whether the account records both tracks (`recordType` doubleTrack).
    pub dual_track: bool,
}

/// `status` (API 2.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallStatus {
    /// `ANSWER`.
    Answer,
    /// `AGENT_NO_ANSWER`.
    AgentNoAnswer,
    /// `CUSTOMER_NO_ANSWER`.
    CustomerNoAnswer,
    /// `QUEUE_ABANDON`.
    QueueAbandon,
    /// `IVR`.
    Ivr,
}

/// One leg of `billCalls` (contract §6); the server joins the sixteen fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegBill {
    /// When it started.
    pub started: Wall,
    /// When it was answered.
    pub answered: Option<Wall>,
    /// When it ended.
    pub ended: Wall,
    /// Whose leg.
    pub role: Role,
    /// The number shown.
    pub shown: String,
    /// The number dialled.
    pub dialled: String,
    /// The agent's number on the agent's leg, else empty.
    pub agent_number: String,
    /// Where the shown number belongs.
    pub shown_place: Attribution,
    /// Where the dialled number belongs.
    pub dialled_place: Attribution,
    /// The agent's phone type on the agent's leg.
    pub login: Option<LoginType>,
    /// Whether the leg came in (`in-bound-…`) or went out.
    pub incoming: bool,
}
