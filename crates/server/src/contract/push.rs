//! What customers are told: one push at most per event, from its own fields alone (API chapter 3, contract §5).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base::{CallId, LegId, Wall};
use callcenter::action::RecordingFiles;
use callcenter::event::{AgentRef, CallFacts, CallKind, Event, Moment, Numbered, RecordKind};
use callcenter::record::CallRecord;
use callcenter::signal::Cause;
use serde_json::{Value, json};

use super::joined;
use super::record::{Links, RecordSettings, failure_reason, record};
use super::words;

/// A state event that could not be delivered for this long after it happened is of no more use (contract §7).
pub const STATE_EVENT_LIFE: Duration = Duration::from_secs(60);

/// A push, ready to be sent to every address that wants its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// What it tells.
    pub kind: PushKind,
    /// The agent it is about; pushes of one agent are delivered in order.
    pub agent: Option<String>,
    /// The call it is about; pushes of one call are delivered in order.
    pub call: Option<CallId>,
    /// `eventUniqueId`: the same on every attempt and every address.
    pub id: String,
    /// How long it is worth delivering.
    pub expires: Expires,
    /// The JSON to send.
    pub body: String,
}

/// How long a push is worth delivering (contract §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expires {
    /// Until this time: what it tells is soon overtaken.
    At(Wall),
    /// Retried with backoff for at least 75 h; delays nothing else while it waits.
    Long,
}

/// What a push tells. [`fmt::Display`] and [`FromStr`] use names that no setting changes: for stores and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PushKind {
    /// An agent signed in (3.9).
    Login,
    /// An agent signed out (3.9).
    Logout,
    /// What an agent shows changed (3.7).
    CallStatus,
    /// The customer of a `dialOut` is called (3.1).
    DialoutRing,
    /// A `dialOut` is over (3.2).
    DialoutHangup,
    /// An incoming call rings at an agent (3.3); its wire name is a setting.
    IncomingRing,
    /// An incoming call is over (3.4); its wire name is a setting.
    IncomingHangup,
    /// Agent and customer are connected (3.6); its wire name is a setting.
    CustomerLink,
    /// A call's record (3.5).
    Cdr,
    /// The files of a recording may be fetched (ours).
    RecordingReady,
    /// Whom a customer was to be handed to could not be reached (ours).
    TransferFailed,
    /// Who was to be consulted, or to join, could not be reached (ours).
    ConsultFailed,
}

/// The `pushType`s that the document does not name (contract §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushNames {
    /// Default `incomingRing`.
    pub incoming_ring: String,
    /// Default `incomingHangup`.
    pub incoming_hangup: String,
    /// Default `customerLink`.
    pub customer_link: String,
}

/// How "user connected" carries its fields (contract §5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectedShape {
    /// At the top, like every other push.
    Flat,
    /// Inside `content`, beside `uniqueId`, as the document's sample.
    Nested,
    /// Both.
    #[default]
    Both,
}

/// An account's choices about its pushes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PushSettings {
    /// Zone and links.
    pub record: RecordSettings,
    /// Names the document leaves open.
    pub names: PushNames,
    /// The shape of "user connected".
    pub connected: ConnectedShape,
    /// `statusName` of the account's custom busy reasons, by state number ≥ 100.
    pub busy_reasons: BTreeMap<u16, String>,
}

impl PushKind {
    /// All kinds.
    pub const ALL: [PushKind; 12] = [
        PushKind::Login,
        PushKind::Logout,
        PushKind::CallStatus,
        PushKind::DialoutRing,
        PushKind::DialoutHangup,
        PushKind::IncomingRing,
        PushKind::IncomingHangup,
        PushKind::CustomerLink,
        PushKind::Cdr,
        PushKind::RecordingReady,
        PushKind::TransferFailed,
        PushKind::ConsultFailed,
    ];

    /// `pushType`.
    pub fn wire(self, names: &PushNames) -> &str {
        match self {
            PushKind::Login => "login",
            PushKind::Logout => "logout",
            PushKind::CallStatus => "callStatus",
            PushKind::DialoutRing => "dialoutRing",
            PushKind::DialoutHangup => "dialoutHangup",
            PushKind::IncomingRing => &names.incoming_ring,
            PushKind::IncomingHangup => &names.incoming_hangup,
            PushKind::CustomerLink => &names.customer_link,
            PushKind::Cdr => "cdr",
            PushKind::RecordingReady => "recordingReady",
            PushKind::TransferFailed => "transferFailed",
            PushKind::ConsultFailed => "consultFailed",
        }
    }
}

impl Default for PushNames {
    fn default() -> Self {
        PushNames {
            incoming_ring: "incomingRing".to_owned(),
            incoming_hangup: "incomingHangup".to_owned(),
            customer_link: "customerLink".to_owned(),
        }
    }
}

impl fmt::Display for PushKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wire(&PushNames::default()))
    }
}

/// No kind of push has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPushKind;

impl fmt::Display for NotAPushKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a push is one of")?;
        PushKind::ALL.iter().try_for_each(|kind| write!(f, " {kind}"))
    }
}

impl std::error::Error for NotAPushKind {}

impl FromStr for PushKind {
    type Err = NotAPushKind;

    fn from_str(text: &str) -> Result<Self, NotAPushKind> {
        PushKind::ALL.into_iter().find(|kind| kind.to_string() == text).ok_or(NotAPushKind)
    }
}

/// The push that `event` makes, if it makes one.
pub fn push(event: &Numbered, settings: &PushSettings) -> Option<Push> {
    let letter = |kind| Letter { event, kind, settings };
    match &event.event {
        Event::AgentSignedIn { agent, login, choice: _ } => {
            Some(letter(PushKind::Login).signing(("loginType", words::login_type(*login)), agent))
        }
        Event::AgentSignedOut { agent, how } => {
            Some(letter(PushKind::Logout).signing(("logoutType", words::logout_type(*how)), agent))
        }
        Event::AgentChanged { agent, state, call, moment, wrap_up_until: _ } => {
            Some(letter(PushKind::CallStatus).agent_changed(agent, *state, call.as_ref(), *moment))
        }
        Event::LegStarted { call, .. } | Event::LegRang { call, .. } => {
            call.as_ref().map(|call| letter(ring(call.kind)).ringing(call))
        }
        Event::LegAnswered { call, .. } | Event::LegPlaced { call, .. } => {
            call.as_ref().map(|call| letter(PushKind::CustomerLink).connected(call))
        }
        Event::CallEnded { call, side: _ } => Some(letter(hang_up(call.kind)).ended(call)),
        // For that agent it is over.
        Event::LegLeft { call, .. } => call.as_ref().map(|call| letter(hang_up(call.kind)).ended(call)),
        Event::PartyFailed { leg: _, call, kind, target, cause } => {
            Some(letter(failed(*kind)).failed(call, target, cause))
        }
        Event::CallRecorded { record } | Event::PartyRecorded { record } => {
            Some(letter(PushKind::Cdr).recorded(record))
        }
        Event::RecordingReady { id, files, part } => {
            Some(letter(PushKind::RecordingReady).recording_ready(*id, files, *part))
        }
        Event::AgentChose { .. }
        | Event::LegHeld { .. }
        | Event::LegMuted { .. }
        | Event::PartStarted { .. }
        | Event::CallStarted { .. }
        | Event::LegEnded { .. }
        | Event::RecordingStarted { .. }
        | Event::RecordingStopped { .. } => None,
    }
}

/// 3.1 or 3.3. A `webcall` is a call that goes out.
fn ring(call: CallKind) -> PushKind {
    match call {
        CallKind::DialOut | CallKind::WebCall => PushKind::DialoutRing,
        CallKind::Incoming => PushKind::IncomingRing,
    }
}

/// 3.2 or 3.4.
fn hang_up(call: CallKind) -> PushKind {
    match call {
        CallKind::DialOut | CallKind::WebCall => PushKind::DialoutHangup,
        CallKind::Incoming => PushKind::IncomingHangup,
    }
}

/// Whoever the customer was not to be handed to was to be talked with.
fn failed(party: RecordKind) -> PushKind {
    match party {
        RecordKind::Transfer => PushKind::TransferFailed,
        RecordKind::Consult | RecordKind::Conference | RecordKind::Call => PushKind::ConsultFailed,
    }
}

fn expires(kind: PushKind, at: Wall) -> Expires {
    match kind {
        PushKind::Cdr | PushKind::RecordingReady => Expires::Long,
        PushKind::Login
        | PushKind::Logout
        | PushKind::CallStatus
        | PushKind::DialoutRing
        | PushKind::DialoutHangup
        | PushKind::IncomingRing
        | PushKind::IncomingHangup
        | PushKind::CustomerLink
        | PushKind::TransferFailed
        | PushKind::ConsultFailed => Expires::At(at + STATE_EVENT_LIFE),
    }
}

/// A push being written: fields in the order of the document's samples, what is ours at the end.
struct Letter<'a> {
    event: &'a Numbered,
    kind: PushKind,
    settings: &'a PushSettings,
}

impl Letter<'_> {
    /// 3.9: no call fields, and the only time that is a date.
    fn signing(&self, how: (&str, &str), agent: &AgentRef) -> Push {
        let body = json!({
            "eventUniqueId": self.event.id,
            "accountId": self.event.account,
            "pushType": self.push_type(),
            how.0: how.1,
            "statusTime": self.settings.record.zone.show(self.event.at),
            "agentNumber": agent.number,
            "agentName": agent.name,
            "eventSeq": self.event.seq,
        });
        self.push(Some(agent), None, &body)
    }

    /// 3.7: empty call fields when the change is about no call.
    fn agent_changed(
        &self,
        agent: &AgentRef,
        state: u16,
        call: Option<&CallFacts>,
        moment: Option<Moment>,
    ) -> Push {
        let shown = json!({
            "statusName": self.status_name(state),
            "statusNumber": state.to_string(),
            "extras": call.map_or("", |call| &call.extras),
        });
        let body = joined([self.head(call), self.about(call, moment), named(agent), shown, self.ours(call)]);
        self.push(Some(agent), call.map(|call| call.id), &body)
    }

    /// 3.1 and 3.3.
    fn ringing(&self, call: &CallFacts) -> Push {
        let extras = json!({ "extras": call.extras });
        let some = Some(call);
        let body = joined([
            self.head(some),
            self.about(some, Some(Moment::Ring)),
            named(&call.agent),
            extras,
            self.ours(some),
        ]);
        self.push(Some(&call.agent), Some(call.id), &body)
    }

    /// 3.6: the table shows the fields at the top, the sample inside `content`.
    fn connected(&self, call: &CallFacts) -> Push {
        let some = Some(call);
        let extras = json!({ "extras": call.extras });
        let flat = joined([
            self.head(some),
            self.about(some, Some(Moment::Link)),
            extras,
            named(&call.agent),
            self.ours(some),
        ]);
        let nested = json!({ "content": flat, "uniqueId": self.event.id });
        let body = match self.settings.connected {
            ConnectedShape::Flat => flat,
            ConnectedShape::Nested => nested,
            ConnectedShape::Both => joined([nested, flat]),
        };
        self.push(Some(&call.agent), Some(call.id), &body)
    }

    /// 3.2 and 3.4. An empty list is `[""]`, as the sample shows it.
    fn ended(&self, call: &CallFacts) -> Push {
        let rest = json!({
            "agentNumber": call.agent.number,
            "extras": call.extras,
            "agentName": call.agent.name,
            "groupIdList": list_or_blank(&call.group_ids),
            "groupNameList": list_or_blank(&call.group_names),
        });
        let some = Some(call);
        let body = joined([self.head(some), self.about(some, Some(Moment::Hangup)), rest, self.ours(some)]);
        self.push(Some(&call.agent), Some(call.id), &body)
    }

    /// Ours: a call event of the agent who wanted somebody, with whom and why not.
    fn failed(&self, call: &CallFacts, target: &str, cause: &Cause) -> Push {
        let some = Some(call);
        let why = json!({
            "extras": call.extras,
            "number": target,
            "failureReason": failure_reason(cause.failure),
            "sipCode": cause.sip_code,
        });
        let body =
            joined([self.head(some), self.about(some, None), named(&call.agent), why, self.ours(some)]);
        self.push(Some(&call.agent), Some(call.id), &body)
    }

    /// 3.5: the record with the event's own fields.
    fn recorded(&self, made: &CallRecord) -> Push {
        let own = json!({ "eventUniqueId": self.event.id, "eventSeq": self.event.seq });
        let head = json!({
            "callUniqueId": made.call.id,
            "accountId": self.event.account,
            "pushType": self.push_type(),
        });
        let body = joined([head, record(made, &self.settings.record), own]);
        self.push(Some(&made.agent), Some(made.call.id), &body)
    }

    /// Ours: which of the links in the record can be fetched now. `_id` is that of the record: a later agent's has its own.
    fn recording_ready(&self, call: CallId, files: &RecordingFiles, part: Option<LegId>) -> Push {
        let links = Links::of(files, &self.settings.record);
        let body = json!({
            "eventUniqueId": self.event.id,
            "accountId": self.event.account,
            "callUniqueId": call,
            "pushType": self.push_type(),
            "statusTime": self.event.at.as_secs().to_string(),
            "recordFileUrl": links.play,
            "agentFileUrl": links.agent,
            "customerFileUrl": links.customer,
            "doubleTrackFileUrl": links.stereo,
            "superUniqueId": call,
            "_id": part.map_or(call, |leg| CallId(leg.0)),
            "eventSeq": self.event.seq,
        });
        self.push(None, Some(call), &body)
    }

    fn push(&self, agent: Option<&AgentRef>, call: Option<CallId>, body: &Value) -> Push {
        Push {
            kind: self.kind,
            agent: agent.map(|agent| agent.number.clone()).filter(|number| !number.is_empty()),
            call,
            id: self.event.id.clone(),
            expires: expires(self.kind, self.event.at),
            body: body.to_string(),
        }
    }

    fn push_type(&self) -> &str {
        self.kind.wire(&self.settings.names)
    }

    fn head(&self, call: Option<&CallFacts>) -> Value {
        json!({
            "eventUniqueId": self.event.id,
            "accountId": self.event.account,
            "callUniqueId": call_id(call),
            "pushType": self.push_type(),
        })
    }

    fn about(&self, call: Option<&CallFacts>, moment: Option<Moment>) -> Value {
        json!({
            "customerNumber": call.map_or("", |call| &call.customer),
            "trunkNumber": call.map_or("", |call| &call.trunk),
            "displayNumber": call.map_or("", |call| &call.display),
            "statusTime": self.event.at.as_secs().to_string(),
            "callEvent": moment.map_or("", words::call_event),
            "callType": call.map_or("", |call| words::call_type(call.kind)),
        })
    }

    /// The older name of the call's id, which some samples have, and the account's event number.
    fn ours(&self, call: Option<&CallFacts>) -> Value {
        json!({ "superUniqueId": call_id(call), "eventSeq": self.event.seq })
    }

    fn status_name(&self, state: u16) -> &str {
        match state {
            0 => "空闲",
            1 => "忙碌",
            2 => "呼叫中",
            3 => "振铃",
            4 => "通话中",
            5 => "整理",
            6 => "保持",
            7 => "静音",
            8 => "未连接",
            9 => "失效",
            custom => self.settings.busy_reasons.get(&custom).map_or("忙碌", String::as_str),
        }
    }
}

fn named(agent: &AgentRef) -> Value {
    json!({ "agentNumber": agent.number, "agentName": agent.name })
}

fn call_id(call: Option<&CallFacts>) -> String {
    call.map(|call| call.id.to_string()).unwrap_or_default()
}

fn list_or_blank(list: &[String]) -> Vec<&str> {
    match list {
        [] => vec![""],
        some => some.iter().map(String::as_str).collect(),
    }
}
