//! Calls, agents and events with the values of the API document's samples.
use base::{AccountId, CallId, Wall};
use callcenter::action::RecordingFiles;
use callcenter::command::LoginType;
use callcenter::event::{AgentRef, CallFacts, CallKind, Event, HangUpSide, Numbered, Role};
use callcenter::numbers::{Attribution, NumberKind};
use callcenter::record::{CallRecord, CallStatus, LegBill};
use callcenter::signal::Failure;
use serde_json::Value;
use server::contract::push::{Push, PushSettings, push};
use server::contract::record::RecordSettings;

/// 2021-05-08 14:39:32 in UTC+8, and so many seconds later.
pub(crate) fn at(seconds: i64) -> Wall {
    Wall::from_millis((1_620_455_972 + seconds) * 1000)
}

pub(crate) fn settings() -> PushSettings {
    let record =
        RecordSettings { public_url: "https://calls.example.com".to_owned(), ..RecordSettings::default() };
    PushSettings { record, ..PushSettings::default() }
}

pub(crate) fn event(account: u64, id: &str, at: Wall, event: Event) -> Numbered {
    Numbered { account: AccountId(account), seq: 7, id: id.to_owned(), at, event }
}

pub(crate) fn agent() -> AgentRef {
    AgentRef { number: "20001".to_owned(), name: "sc的坐席".to_owned() }
}

pub(crate) fn call() -> CallFacts {
    CallFacts {
        id: CallId(403_344_537_650_466_816),
        kind: CallKind::DialOut,
        customer: "17319132391".to_owned(),
        display: "01081400192".to_owned(),
        trunk: String::new(),
        agent: agent(),
        extras: String::new(),
        group_ids: Vec::new(),
        group_names: Vec::new(),
    }
}

pub(crate) fn beijing(kind: NumberKind) -> Attribution {
    let [area_code, province, city] = ["010", "北京", "北京"].map(str::to_owned);
    Attribution { kind, area_code, province, city }
}

pub(crate) fn files() -> RecordingFiles {
    let name = |suffix: &str| {
        let call = "2100147-20210508143942-17319132391-01081400192-20001-0-403344537650466816";
        Some(format!("2100147/doubleTrack/20210508/{call}-{suffix}.mp3"))
    };
    RecordingFiles {
        token: "0123456789abcdef0123456789abcdef".to_owned(),
        mixed: None,
        stereo: name("doubleTrack"),
        agent: name("doubleTrack-out"),
        customer: name("doubleTrack-in"),
    }
}

/// The call of API 3.5: 5 s ring at the agent, 5 s at the customer, 5 s of talk.
pub(crate) fn record() -> CallRecord {
    let mut facts = call();
    facts.group_ids = ["60541bbf4aab2c0021278ad2", "605be962a342660011ecc5af"].map(str::to_owned).to_vec();
    facts.group_names = ["分组1", "分组2"].map(str::to_owned).to_vec();
    CallRecord {
        account: AccountId(2_100_147),
        kind: callcenter::event::RecordKind::Call,
        left_out_s: 0,
        id: facts.id,
        agent_id: "6094f5aa696609001197e4b9".to_owned(),
        call_uuid: "635be250-10e9-4c60-93f7-32479dfe85e1".to_owned(),
        login: Some(LoginType::Pstn),
        agent: agent(),
        agent_phone: "18519117865".to_owned(),
        agent_place: beijing(NumberKind::Mobile),
        customer_place: beijing(NumberKind::Mobile),
        started: at(0),
        agent_started: Some(at(0)),
        agent_answered: Some(at(5)),
        customer_started: Some(at(5)),
        customer_answered: Some(at(10)),
        bridged: Some(at(10)),
        hung_up: at(15),
        ended: at(15),
        created: at(16),
        agent_ring_s: 5,
        customer_ring_s: 5,
        recording_s: 5,
        status: CallStatus::Answer,
        side: HangUpSide::Agent,
        failure: Failure::None,
        sip_code: 200,
        gateway: "172.31.15.12:32766".to_owned(),
        bills: vec![bill(Role::Agent), bill(Role::Customer)],
        recording: Some(files()),
        dual_track: true,
        call: facts,
    }
}

pub(crate) fn bill(role: Role) -> LegBill {
    let (started, answered, dialled, agent_number, login) = match role {
        Role::Agent => (at(0), at(5), "18519117865", "20001", Some(LoginType::Pstn)),
        Role::Customer => (at(5), at(10), "17319132391", "", None),
        Role::Destination | Role::Supervisor => (at(5), at(10), "sip:1000@192.0.2.5:5060", "", None),
        Role::Outside => (at(5), at(10), "13800138000", "", None),
    };
    LegBill {
        started,
        answered: Some(answered),
        ended: at(15),
        role,
        shown: "01081400192".to_owned(),
        dialled: dialled.to_owned(),
        agent_number: agent_number.to_owned(),
        shown_place: beijing(NumberKind::Fixed),
        dialled_place: beijing(NumberKind::Mobile),
        login,
        incoming: false,
    }
}

/// A file of `tests/golden/document`: the API document's sample, or what we do differently and why.
pub(crate) fn document(name: &str) -> Value {
    let path = format!("{}/tests/golden/document/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The push that an event makes.
pub(crate) fn pushed(event: &Numbered) -> Push {
    push(event, &settings()).expect("this event makes a push")
}

pub(crate) fn body(push: &Push) -> Value {
    serde_json::from_str(&push.body).expect("a push is JSON")
}

pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("values are written")
}
