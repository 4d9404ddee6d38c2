//! What phones and media report.

use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, LegId};
use serde::{Deserialize, Serialize};

use crate::action::RecordingFiles;

/// A fact from phones or media. Time-outs are the core's own: it names its timers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Somebody calls by a trunk for whom there is an inbound route. Answered by `Action::TakeLeg` or `Action::RefuseLeg`.
    CallArrived {
        /// The number that the caller's leg has, or would have.
        leg: LegId,
        /// Name of the trunk.
        trunk: String,
        /// Whom they called, as the route has it.
        called: String,
        /// Who calls; none: nobody may be told, or nobody knows.
        caller: Option<String>,
    },
    /// A registered phone calls by itself. Answered by `Action::TakeLeg` or `Action::RefuseLeg`.
    PhoneCalled {
        /// The number that its leg has, or would have.
        leg: LegId,
        /// The phone's user name.
        user: String,
        /// Whom it called, as it was dialled.
        called: String,
    },
    /// The far phone holds, or takes back, by itself (re-INVITE with `sendonly` or `inactive`).
    LegHeld {
        /// Which leg.
        leg: LegId,
        /// It holds.
        held: bool,
    },
    /// The far phone asks to hand its call on (REFER). Answered by `Action::AnswerReferral`, perhaps more than once.
    Referred {
        /// Which leg.
        leg: LegId,
        /// To whom: the user of the address.
        to: String,
        /// The leg that the call to them has already (`Replaces`), if it is one of ours.
        replaces: Option<LegId>,
    },
    /// The far phone pressed a key and said so in signalling (INFO): nobody has heard it.
    KeyPressed {
        /// Which leg.
        leg: LegId,
        /// `0`–`9`, `*`, `#`, `A`–`D`.
        digit: char,
    },
    /// The far phone rings (180, or 183), or its network speaks before the answer.
    LegRinging {
        /// Which leg.
        leg: LegId,
        /// Sound arrives before the answer: the other side may listen to it.
        early_media: bool,
    },
    /// The far phone was answered.
    LegAnswered {
        /// Which leg.
        leg: LegId,
    },
    /// The leg is over. Exactly one for every `Action::StartLeg` and `Action::TakeLeg`, and it is the leg's last signal.
    LegEnded {
        /// Which leg.
        leg: LegId,
        /// Why, as a verdict.
        cause: Cause,
        /// The trunk's address it last went to, if it went through one (`gatewayIP`).
        gateway: Option<SocketAddr>,
    },
    /// All sound of the call is stored; its length is known. At most one per call.
    RecordingStopped {
        /// Which call.
        call: CallId,
        /// Length of the recorded track.
        length: Duration,
    },
    /// The files of the recording are finished and may be fetched.
    ///
    /// It may come long after the call, also after a restart, so it brings what the event tells.
    RecordingReady {
        /// Which call.
        call: CallId,
        /// Which files.
        files: RecordingFiles,
        /// The leg whose part of the call they are; none: the whole of it.
        part: Option<LegId>,
    },
    /// A SIP phone of this user has at least one registration.
    PhoneRegistered {
        /// The phone's user name.
        user: String,
    },
    /// The last registration of this user is gone.
    PhoneUnregistered {
        /// The phone's user name.
        user: String,
    },
    /// The program began anew: legs and media of before are gone. Comes once, after the log was applied.
    Restarted,
    /// The program is about to end in good order: every call is ended now.
    ShutDownBegan,
}

/// Why a leg ended: a verdict, made from SIP by the one table in `switch::cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The last SIP status of the leg's INVITE (200 after an answer), 0 when there was none.
    pub sip_code: u16,
    /// Who ended it.
    pub by: EndedBy,
    /// Which `failureReason` an unanswered leg gives its record.
    pub failure: Failure,
}

/// Who ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedBy {
    /// The far phone: BYE, or a refusal.
    Far,
    /// We did, because an action said so.
    Us,
    /// The network: time-out, no route, no sound for too long, a fault in between.
    Network,
}

/// `failureReason` (contract §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// 0: it did not fail.
    #[default]
    None,
    /// 403.
    Forbidden,
    /// 5xx, no trunk, no port.
    ServiceUnavailable,
    /// Cancelled by the caller, or 487.
    Cancel,
    /// 408, 480, or a ring timer of ours.
    RequestTimeout,
    /// 486, 600, 603.
    Decline,
    /// Anything else (the API spells it `unknow`).
    Unknown,
}
