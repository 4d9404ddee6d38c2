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
    /// A phone that rings is to answer by itself: it is called anew, with `Call-Info: answer-after=0` and `Alert-Info`. Legs
    /// that do not ring are ignored.
    LetAnswer {
        /// The leg.
        leg: LegId,
    },
    /// Tell a phone that asked to hand its call on (`Signal::Referred`) how that stands.
    AnswerReferral {
        /// The leg that asked.
        leg: LegId,
        /// How.
        standing: Referral,
    },
    /// Dial digits to the far end: RFC 4733 events, or tones.
    SendDigits {
        /// The leg whose far end hears them.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digits: String,
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
    /// From now on this is stored, and nothing else of the call: after a change of who talks to whom.
    Store {
        /// Whose recording.
        call: CallId,
        /// In order of legs; none: nothing is, and time goes on.
        tracks: Vec<Track>,
    },
    /// The call's recording is complete; make its files.
    StopRecording {
        /// Whose recording.
        call: CallId,
        /// Pieces of it that become files of their own.
        parts: Vec<RecordingPart>,
    },
}

/// One of the sounds that a recording is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Track {
    /// Of which leg.
    pub leg: LegId,
    /// Which of its sounds.
    pub sound: LegSound,
    /// To which side of the recording it belongs.
    pub side: Side,
}

/// A sound of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum LegSound {
    /// What its far end says.
    Said,
    /// The music that its far end hears.
    Music,
}

/// A side of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// Agents and whoever talks to the customer: left.
    Agent,
    /// The customer: right.
    Customer,
}

/// A piece of a recording that becomes files of its own: from when a later agent joined until that agent left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingPart {
    /// The agent's leg.
    pub leg: LegId,
    /// Its files.
    pub files: RecordingFiles,
    /// From here, milliseconds after the beginning of the recording.
    pub from_ms: u64,
    /// To here; not more than the recording has.
    pub to_ms: u64,
}

/// How a transfer stands that a phone asked for (RFC 3515).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Referral {
    /// It is not tried (603).
    Refused,
    /// It is being tried (202, NOTIFY 100).
    Accepted,
    /// It succeeded (NOTIFY 200): the phone may hang up.
    Succeeded,
    /// It failed (NOTIFY with this status): the phone has its call back.
    Failed {
        /// SIP status, 400–699.
        status: u16,
    },
}

/// Whose sounds are mixed, in ascending order; at least two.
pub type Mixed = Vec<LegId>;

/// What a leg hears: one cell of the hearing plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heard {
    /// Nothing is sent.
    #[default]
    Nothing,
    /// What the far end of this leg says.
    Leg(LegId),
    /// What the far ends of these legs say, mixed.
    Mix(Mixed),
    /// Ring-back tone (450 Hz, 1 s on, 4 s off).
    RingBack,
    /// The account's music, from its beginning, again and again.
    Music,
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
