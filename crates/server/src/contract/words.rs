//! How the API spells the values of our enums.

use callcenter::command::LoginType;
use callcenter::event::{CallKind, HangUpSide, Moment, RecordKind, SignedOut};
use callcenter::numbers::NumberKind;
use callcenter::record::CallStatus;

/// `loginType`.
pub(super) fn login_type(login: LoginType) -> &'static str {
    match login {
        LoginType::Pstn => "PSTN",
        LoginType::Sip => "SIP",
        LoginType::WebRtc => "WEBRTC",
    }
}

/// `loginType` as a request spells it.
pub(super) fn read_login_type(text: &str) -> Option<LoginType> {
    [LoginType::Pstn, LoginType::Sip, LoginType::WebRtc].into_iter().find(|login| login_type(*login) == text)
}

/// `mode` of `transfer` and `consult`; the last is ours.
pub(super) const PARTY_MODES: [&str; 4] = ["agent", "outline", "ivr", "queue"];

/// `calleeType` of `webcall`.
pub(super) const CALLEE_TYPES: [&str; 3] = ["number", "ivrId", "agentNumber"];

/// `logoutType`.
pub(super) fn logout_type(how: SignedOut) -> &'static str {
    match how {
        SignedOut::Normal => "normal",
    }
}

/// `callType`.
pub(super) fn call_type(kind: CallKind) -> &'static str {
    match kind {
        CallKind::DialOut => "dialout",
        CallKind::Incoming => "incoming",
        CallKind::WebCall => "webcall",
    }
}

/// `cdrType`; but for the first they are ours.
pub(super) fn record_kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Call => "callRecord",
        RecordKind::Transfer => "transferRecord",
        RecordKind::Consult => "consultRecord",
        RecordKind::Conference => "conferenceRecord",
    }
}

/// All documented values of `callType`; no call of ours has one of the last two.
pub(super) const CALL_TYPES: [&str; 5] = ["incoming", "dialout", "webcall", "previewDialout", "autoDialout"];

/// `callType` as a query spells it.
pub(super) fn read_call_type(text: &str) -> Option<CallKind> {
    [CallKind::DialOut, CallKind::Incoming, CallKind::WebCall]
        .into_iter()
        .find(|kind| call_type(*kind) == text)
}

/// `callEvent`.
pub(super) fn call_event(moment: Moment) -> &'static str {
    match moment {
        Moment::Calling => "calling",
        Moment::Ring => "ring",
        Moment::Link => "link",
        Moment::Hangup => "hangup",
    }
}

/// `status` of a record.
pub(super) fn call_status(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Answer => "ANSWER",
        CallStatus::AgentNoAnswer => "AGENT_NO_ANSWER",
        CallStatus::CustomerNoAnswer => "CUSTOMER_NO_ANSWER",
        CallStatus::QueueAbandon => "QUEUE_ABANDON",
        CallStatus::Ivr => "IVR",
    }
}

/// All documented values of a record's `status`.
pub(super) const CALL_STATUSES: [&str; 5] =
    ["IVR", "QUEUE_ABANDON", "ANSWER", "AGENT_NO_ANSWER", "CUSTOMER_NO_ANSWER"];

/// `status` as a query spells it.
pub(super) fn read_call_status(text: &str) -> Option<CallStatus> {
    use CallStatus::{AgentNoAnswer, Answer, CustomerNoAnswer, Ivr, QueueAbandon};
    [Answer, AgentNoAnswer, CustomerNoAnswer, QueueAbandon, Ivr].into_iter().find(|s| call_status(*s) == text)
}

/// `hangUpSide`.
pub(super) fn hang_up_side(side: HangUpSide) -> &'static str {
    match side {
        HangUpSide::Agent => "AGENT",
        HangUpSide::Customer => "CUSTOMER",
        HangUpSide::System => "SYSTEM",
    }
}

/// `customerNumberType`, `agentTelType`.
pub(super) fn number_type(kind: NumberKind) -> &'static str {
    match kind {
        NumberKind::Mobile => "mobile",
        NumberKind::Fixed => "fixed",
        NumberKind::Sip => "sip",
        NumberKind::Unknown => "unknown",
    }
}

/// The number type inside `billCalls`.
pub(super) fn billed_number_type(kind: NumberKind) -> &'static str {
    match kind {
        NumberKind::Mobile => "mobileInternal",
        NumberKind::Fixed => "fixedInternal",
        NumberKind::Sip => "sip",
        NumberKind::Unknown => "unknown",
    }
}
