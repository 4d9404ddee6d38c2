//! The verbs of call control: the last parts of their paths (API chapters 1 and 2, contract §9), and what their answers echo.

/// A verb that becomes a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// 1.1.
    Online,
    /// 1.2.
    Offline,
    /// 1.3.
    Busy,
    /// 1.4.
    Rest,
    /// 2.1.
    DialOut,
    /// 2.2.
    Hangup,
    /// 2.3.
    Hold,
    /// 2.4.
    Unhold,
    /// 2.5.
    Mute,
    /// 2.6.
    Unmute,
    /// 2.7.
    Transfer,
    /// 2.8.
    Consult,
    /// 2.9.
    ConsultTransfer,
    /// 2.10.
    ThreeWayCall,
    /// 2.11.
    ResumeConsult,
    /// 2.12.
    CancelConsult,
    /// 2.14.
    WebCall,
    /// Contract §9.
    Listen,
    /// Ours.
    Whisper,
    /// Ours.
    Barge,
    /// Ours.
    TakeOver,
    /// Ours.
    ForceOffline,
    /// Ours.
    ForceIdle,
    /// Ours.
    ForceBusy,
    /// Ours.
    ForceHangup,
    /// Ours.
    SendDtmf,
    /// Ours.
    Answer,
}

/// Where an answer has the request's `actionId` (contract §2). Where there was none, the system's id of the request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Echo {
    /// The verb knows no `actionId`.
    Nowhere,
    /// As `data.request.requestId`.
    RequestId,
    /// The same, and beside `code`.
    RequestIdAndTop,
    /// As `data.actionId`; `data.request.requestId` stays the system's.
    Data,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 27] = [
        Verb::Online,
        Verb::Offline,
        Verb::Busy,
        Verb::Rest,
        Verb::DialOut,
        Verb::Hangup,
        Verb::Hold,
        Verb::Unhold,
        Verb::Mute,
        Verb::Unmute,
        Verb::Transfer,
        Verb::Consult,
        Verb::ConsultTransfer,
        Verb::ThreeWayCall,
        Verb::ResumeConsult,
        Verb::CancelConsult,
        Verb::WebCall,
        Verb::Listen,
        Verb::Whisper,
        Verb::Barge,
        Verb::TakeOver,
        Verb::ForceOffline,
        Verb::ForceIdle,
        Verb::ForceBusy,
        Verb::ForceHangup,
        Verb::SendDtmf,
        Verb::Answer,
    ];

    /// The last part of the path.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Online => "online",
            Verb::Offline => "offline",
            Verb::Busy => "busy",
            Verb::Rest => "rest",
            Verb::DialOut => "dialOut",
            Verb::Hangup => "hangup",
            Verb::Hold => "hold",
            Verb::Unhold => "unhold",
            Verb::Mute => "mute",
            Verb::Unmute => "unmute",
            Verb::Transfer => "transfer",
            Verb::Consult => "consult",
            Verb::ConsultTransfer => "consultTransfer",
            Verb::ThreeWayCall => "threeWayCall",
            Verb::ResumeConsult => "resumeConsult",
            Verb::CancelConsult => "cancelconsult",
            Verb::WebCall => "webcall",
            Verb::Listen => "listen",
            Verb::Whisper => "whisper",
            Verb::Barge => "barge",
            Verb::TakeOver => "takeOver",
            Verb::ForceOffline => "forceOffline",
            Verb::ForceIdle => "forceIdle",
            Verb::ForceBusy => "forceBusy",
            Verb::ForceHangup => "forceHangup",
            Verb::SendDtmf => "sendDtmf",
            Verb::Answer => "answer",
        }
    }

    /// Where its answer has the request's `actionId`.
    pub(super) fn echo(self) -> Echo {
        match self {
            Verb::Online
            | Verb::Offline
            | Verb::Busy
            | Verb::Rest
            | Verb::DialOut
            | Verb::Hangup
            | Verb::Hold
            | Verb::Unhold
            | Verb::Mute
            | Verb::Unmute
            | Verb::SendDtmf
            | Verb::Answer => Echo::Nowhere,
            Verb::Transfer => Echo::RequestId,
            Verb::Consult
            | Verb::ConsultTransfer
            | Verb::ThreeWayCall
            | Verb::ResumeConsult
            | Verb::CancelConsult
            | Verb::Listen
            | Verb::Whisper
            | Verb::Barge
            | Verb::TakeOver
            | Verb::ForceOffline
            | Verb::ForceIdle
            | Verb::ForceBusy
            | Verb::ForceHangup => Echo::RequestIdAndTop,
            Verb::WebCall => Echo::Data,
        }
    }

    /// The field that says whom it brings into a call, or to whom it is done.
    pub(super) fn party_field(self) -> &'static str {
        match self {
            Verb::Transfer | Verb::Consult => "number",
            Verb::WebCall | Verb::DialOut => "calleeNumber",
            Verb::Online
            | Verb::Offline
            | Verb::Busy
            | Verb::Rest
            | Verb::Hangup
            | Verb::Hold
            | Verb::Unhold
            | Verb::Mute
            | Verb::Unmute
            | Verb::ConsultTransfer
            | Verb::ThreeWayCall
            | Verb::ResumeConsult
            | Verb::CancelConsult
            | Verb::Listen
            | Verb::Whisper
            | Verb::Barge
            | Verb::TakeOver
            | Verb::ForceOffline
            | Verb::ForceIdle
            | Verb::ForceBusy
            | Verb::ForceHangup
            | Verb::SendDtmf
            | Verb::Answer => "agentNumber",
        }
    }

    /// The field that says which number is shown; where a verb has none, the key of the configuration.
    pub(super) fn shown_field(self) -> &'static str {
        match self {
            Verb::DialOut => "calleeCallerNumber",
            Verb::WebCall => "callerDisplayNumber",
            Verb::Online
            | Verb::Offline
            | Verb::Busy
            | Verb::Rest
            | Verb::Hangup
            | Verb::Hold
            | Verb::Unhold
            | Verb::Mute
            | Verb::Unmute
            | Verb::Transfer
            | Verb::Consult
            | Verb::ConsultTransfer
            | Verb::ThreeWayCall
            | Verb::ResumeConsult
            | Verb::CancelConsult
            | Verb::Listen
            | Verb::Whisper
            | Verb::Barge
            | Verb::TakeOver
            | Verb::ForceOffline
            | Verb::ForceIdle
            | Verb::ForceBusy
            | Verb::ForceHangup
            | Verb::SendDtmf
            | Verb::Answer => "default_number",
        }
    }
}
