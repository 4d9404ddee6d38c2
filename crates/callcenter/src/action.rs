//! What the core wants done.

use base::{CallId, LegId};
use serde::{Deserialize, Serialize};

use crate::signal::Cause;

/// What the core wants done. Carried out by `switch`, and not before the events emitted before it are durable
/// (`EndLeg` and `Hear` need not wait).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Call a phone. Answered by signals about `leg`, the last of which is `LegEnded`.
    StartLeg {
        /// The new leg.
        leg: LegId,
        /// The call it belongs to.
        call: CallId,
        /// Whom to call.
        target: Target,
        /// The number shown on the called phone.
        shown: String,
    },
    /// The caller of `Signal::CallArrived` is a leg of this call. Answered by signals about `leg`, the last of which is
    /// `LegEnded`.
    TakeLeg {
        /// The caller's leg, as the signal named it.
        leg: LegId,
        /// The call it belongs to.
        call: CallId,
    },
    /// Tell who calls that a phone rings. Legs that were not taken, or were answered, are ignored; so below.
    LetRing {
        /// The caller's leg.
        leg: LegId,
        /// There is something to hear before the answer (183): what the leg hears otherwise is its own ring-back.
        early_media: bool,
    },
    /// Answer who calls. The far end cannot refuse that any more, only leave.
    AnswerLeg {
        /// The caller's leg.
        leg: LegId,
    },
    /// Refuse who calls, in words that fit the cause. `LegEnded` follows for a leg that was taken.
    RefuseLeg {
        /// The caller's leg.
        leg: LegId,
        /// Why nobody talks to it: the verdict on the leg that was to.
        cause: Cause,
    },
    /// End a leg in whatever way its state needs (CANCEL, BYE). `LegEnded` follows. Unknown legs are ignored.
    EndLeg {
        /// Which leg.
        leg: LegId,
    },
    /// One row of the hearing plan: from now on the far end of `leg` hears `source`.
    Hear {
        /// The leg that listens.
        leg: LegId,
        /// What it hears.
        source: Heard,
    },
    /// Begin to store what both legs say. Answered by `RecordingStopped` after `StopRecording`.
    StartRecording {
        /// Whose recording.
        call: CallId,
        /// The leg of the agent, or of where an inbound route leads: left channel.
        agent: LegId,
        /// The customer's leg: right channel.
        customer: LegId,
        /// Which files are to be made when the call is over.
        files: RecordingFiles,
    },
    /// The call's recording is complete; make its files.
    StopRecording {
        /// Whose recording.
        call: CallId,
    },
}

/// What a leg hears: one cell of the hearing plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heard {
    /// Nothing is sent.
    #[default]
    Nothing,
    /// What the far end of this leg says.
    Leg(LegId),
    /// Ring-back tone (450 Hz, 1 s on, 4 s off).
    RingBack,
}

/// Whom a leg calls; of a caller's leg, whom it called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// A number in the telephone network, through the account's trunks.
    Number(String),
    /// A registered SIP phone of the account, by its user name.
    Phone(String),
    /// A SIP address outside, by its URI.
    Uri(String),
}

/// The files an account wants of a recording; names are relative to the recordings' root (contract §6).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingFiles {
    /// Unguessable part of the links, 32 hex digits.
    pub token: String,
    /// Mono mix, for `normal` accounts.
    pub mixed: Option<String>,
    /// Stereo, agent left, customer right, for dual-track accounts.
    pub stereo: Option<String>,
    /// The agent's side alone.
    pub agent: Option<String>,
    /// The customer's side alone.
    pub customer: Option<String>,
}
