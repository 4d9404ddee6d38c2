//! What is told of those who are brought into a call: later agents, numbers outside, supervisors.

use super::samples::{agent, at, bill, body, call, event, files, pretty, pushed, record, settings};
use base::{CallId, LegId};
use callcenter::action::Target;
use callcenter::command::{LoginType, Monitoring};
use callcenter::event::{
    AgentRef, CallFacts, CallKind, Event, HeldBy, Joined, LegAgent, Moment, Numbered, Place, RecordKind, Role,
};
use callcenter::record::{CallRecord, LegBill};
use callcenter::signal::{Cause, EndedBy, Failure};
use serde_json::{Value, json};
use server::contract::push::{Expires, PushKind, push};

/// The leg of the agent who comes later, and so the number of that agent's record.
const LATER: LegId = LegId(403_344_562_640_322_561);

fn told(second: i64, what: Event) -> Numbered {
    event(2_100_147, "00112233445566778899aabbccddeeff", at(second), what)
}

fn later_agent() -> AgentRef {
    AgentRef { number: "20002".to_owned(), name: "李雷".to_owned() }
}

/// The call as what is told about the later agent shows it.
fn later_call() -> CallFacts {
    CallFacts { agent: later_agent(), ..call() }
}

fn web_call() -> CallFacts {
    CallFacts { kind: CallKind::WebCall, ..call() }
}

fn shows(of: AgentRef, state: u16, moment: Moment) -> Event {
    let call = Some(CallFacts { agent: of.clone(), ..call() });
    Event::AgentChanged { agent: of, state, call, moment: Some(moment), wrap_up_until: None }
}

fn leg_started(call: Option<CallFacts>) -> Event {
    let later = LegAgent { agent: later_agent(), id: "60".repeat(12), login: LoginType::Sip };
    Event::LegStarted {
        leg: LATER,
        id: self::call().id,
        role: Role::Agent,
        target: Target::Phone("20002".to_owned()),
        shown: "01081400192".to_owned(),
        call,
        agent: Some(later),
        place: Place::Arriving { by: LegId(1) },
        ring_ms_max: Some(60_000),
    }
}

fn failed(kind: RecordKind) -> Event {
    let cause = Cause { sip_code: 486, by: EndedBy::Far, failure: Failure::Decline };
    Event::PartyFailed { leg: LATER, call: call(), kind, target: "20002".to_owned(), cause }
}

#[test]
fn hold_and_mute_are_states_of_a_call_that_goes_on() {
    let of = |state| {
        let told = body(&pushed(&told(12, shows(agent(), state, Moment::Link))));
        ["statusNumber", "statusName", "callEvent", "callUniqueId"].map(|field| told[field].clone())
    };
    assert_eq!(of(6), ["6", "保持", "link", "403344537650466816"]);
    assert_eq!(of(7), ["7", "静音", "link", "403344537650466816"]);
    assert_eq!(of(4), ["4", "通话中", "link", "403344537650466816"]);
}

#[test]
fn a_transfer_is_told_about_each_agent_under_one_call() {
    let rang = Event::LegRang { leg: LATER, id: call().id, call: Some(later_call()), early_media: false };
    let place = Place::Floor(Joined::Transfer);
    let placed = Event::LegPlaced { leg: LATER, id: call().id, place, call: Some(later_call()) };
    let left = Event::LegLeft { leg: LegId(1), id: call().id, call: Some(call()) };
    let course = [
        (10, shows(later_agent(), 2, Moment::Calling), PushKind::CallStatus, "20002"),
        (11, shows(later_agent(), 3, Moment::Ring), PushKind::CallStatus, "20002"),
        (11, rang, PushKind::DialoutRing, "20002"),
        (13, shows(later_agent(), 4, Moment::Link), PushKind::CallStatus, "20002"),
        (13, placed, PushKind::CustomerLink, "20002"),
        (13, left, PushKind::DialoutHangup, "20001"),
        (13, shows(agent(), 5, Moment::Hangup), PushKind::CallStatus, "20001"),
    ];
    let mut all = Vec::new();
    for (second, what, kind, whose) in course {
        let push = pushed(&told(second, what));
        assert_eq!((push.kind, push.agent.as_deref(), push.call), (kind, Some(whose), Some(call().id)));
        all.push(pretty(&body(&push)));
    }
    insta::assert_snapshot!("pushes_transfer", all.join("\n"));
}

#[test]
fn who_could_not_be_reached_is_told_to_who_wanted_them() {
    for (kind, wanted) in [
        (RecordKind::Transfer, PushKind::TransferFailed),
        (RecordKind::Consult, PushKind::ConsultFailed),
        (RecordKind::Conference, PushKind::ConsultFailed),
    ] {
        let push = pushed(&told(20, failed(kind)));
        assert_eq!((push.kind, push.agent.as_deref()), (wanted, Some("20001")));
        assert_eq!((push.call, push.expires), (Some(call().id), Expires::At(at(80))));
    }
    let push = pushed(&told(20, failed(RecordKind::Transfer)));
    insta::assert_snapshot!("transfer_failed", pretty(&body(&push)));
}

#[test]
fn a_webcall_has_the_pushes_of_a_call_that_goes_out() {
    let id = web_call().id;
    for (what, kind) in [
        (leg_started(Some(web_call())), PushKind::DialoutRing),
        (Event::LegAnswered { leg: LATER, id, call: Some(web_call()) }, PushKind::CustomerLink),
        (Event::LegLeft { leg: LATER, id, call: Some(web_call()) }, PushKind::DialoutHangup),
        (
            Event::CallEnded { call: web_call(), side: callcenter::event::HangUpSide::Customer },
            PushKind::DialoutHangup,
        ),
    ] {
        let push = pushed(&told(5, what));
        assert_eq!((push.kind, body(&push)["callType"].as_str()), (kind, Some("webcall")));
    }
}

#[test]
fn an_agent_in_a_call_that_came_in_has_the_pushes_of_one() {
    let call = CallFacts { kind: CallKind::Incoming, ..later_call() };
    let (id, place) = (call.id, Place::Floor(Joined::Transfer));
    for (what, kind) in [
        (
            Event::LegRang { leg: LATER, id, call: Some(call.clone()), early_media: false },
            PushKind::IncomingRing,
        ),
        (Event::LegPlaced { leg: LATER, id, place, call: Some(call.clone()) }, PushKind::CustomerLink),
        (Event::LegLeft { leg: LATER, id, call: Some(call.clone()) }, PushKind::IncomingHangup),
    ] {
        let push = pushed(&told(5, what));
        assert_eq!((push.kind, push.agent.as_deref()), (kind, Some("20002")));
        assert_eq!(body(&push)["callType"], "incoming");
    }
}

#[test]
fn what_is_no_news_for_customers_makes_no_push() {
    let id = call().id;
    for what in [
        leg_started(None),
        Event::LegPlaced { leg: LATER, id, place: Place::Floor(Joined::Transfer), call: None },
        Event::LegPlaced {
            leg: LATER,
            id,
            place: Place::Watching { of: LegId(1), how: Monitoring::Listen },
            call: None,
        },
        Event::LegHeld { leg: LATER, id, held: true, by: HeldBy::Program },
        Event::LegMuted { leg: LATER, id, muted: true },
        Event::LegLeft { leg: LATER, id, call: None },
        Event::PartStarted { id, leg: LATER, files: files() },
    ] {
        assert_eq!(push(&told(5, what.clone()), &settings()), None, "{what:?}");
    }
}

/// The record of the agent the sample call was handed to: rang from second 10 to 13, talked until 30.
fn later_record(kind: RecordKind) -> CallRecord {
    let later = LegBill {
        started: at(10),
        answered: Some(at(13)),
        ended: at(30),
        dialled: "20002".to_owned(),
        agent_number: "20002".to_owned(),
        login: Some(LoginType::Sip),
        ..bill(Role::Agent)
    };
    CallRecord {
        kind,
        id: CallId(LATER.0),
        agent: later_agent(),
        agent_id: "60".repeat(12),
        agent_phone: "20002".to_owned(),
        login: Some(LoginType::Sip),
        started: at(10),
        agent_started: Some(at(10)),
        agent_answered: Some(at(13)),
        customer_started: None,
        customer_answered: None,
        bridged: Some(at(13)),
        hung_up: at(30),
        ended: at(30),
        created: at(30),
        agent_ring_s: 3,
        customer_ring_s: 0,
        recording_s: 17,
        bills: vec![later],
        call: CallFacts { agent: later_agent(), ..record().call },
        ..record()
    }
}

fn json_of(made: &CallRecord) -> Value {
    server::contract::record::record(made, &settings().record)
}

#[test]
fn a_party_has_a_record_of_its_own_under_the_call() {
    let what = Event::PartyRecorded { record: Box::new(later_record(RecordKind::Transfer)) };
    let push = pushed(&told(30, what));
    assert_eq!((push.kind, push.expires), (PushKind::Cdr, Expires::Long));
    assert_eq!((push.agent.as_deref(), push.call), (Some("20002"), Some(call().id)));
    let ours = body(&push);
    let ids = ["_id", "id", "uniqueId", "callUniqueId"].map(|field| ours[field].as_str().expect("a text"));
    let (own, call) = (LATER.0.to_string(), call().id.to_string());
    assert_eq!(ids, [&own, &own, &call, &call]);
    insta::assert_snapshot!("record_transfer", pretty(&ours));
}

#[test]
fn a_record_says_of_what_it_is() {
    let of = |kind| json_of(&later_record(kind))["cdrType"].clone();
    let kinds = [RecordKind::Call, RecordKind::Transfer, RecordKind::Consult, RecordKind::Conference];
    assert_eq!(kinds.map(of), ["callRecord", "transferRecord", "consultRecord", "conferenceRecord"]);
}

#[test]
fn the_call_s_total_leaves_the_time_of_its_parties_out() {
    let total = |left_out_s| json_of(&CallRecord { left_out_s, ..record() })["totalDuration"].clone();
    assert_eq!([total(0), total(4), total(15), total(16)], [json!(15), json!(11), json!(0), json!(0)]);
    let made = json_of(&CallRecord { left_out_s: 4, ..record() });
    assert_eq!(made["bridgeDuration"], 5, "the talk with the customer is what it was");
}

#[test]
fn each_leg_is_billed_as_what_it_is() {
    let place = |role, incoming| {
        let made = CallRecord { bills: vec![LegBill { incoming, ..bill(role) }], ..record() };
        let line = json_of(&made)["billCalls"][0].as_str().expect("a text").to_owned();
        let fields: Vec<&str> = line.split('|').collect();
        assert_eq!(fields.len(), 16, "{line}");
        (fields[3].to_owned(), fields[14].to_owned())
    };
    for (role, incoming, billed, direction) in [
        (Role::Agent, false, "agent", "out-bound-call-agent"),
        (Role::Agent, true, "agent", "in-bound-call-agent"),
        (Role::Supervisor, false, "agent", "out-bound-call-agent"),
        (Role::Supervisor, true, "agent", "in-bound-call-agent"),
        (Role::Customer, false, "customer", "out-bound-customer"),
        (Role::Customer, true, "customer", "in-bound-customer"),
        (Role::Outside, false, "customer", "out-bound-customer"),
        (Role::Outside, true, "customer", "out-bound-customer"),
    ] {
        let wanted = (billed.to_owned(), direction.to_owned());
        assert_eq!(place(role, incoming), wanted, "{role:?} {incoming}");
    }
}

#[test]
fn a_part_of_a_recording_names_the_record_it_belongs_to() {
    let ready = |part| {
        let what = Event::RecordingReady { id: call().id, files: files(), part };
        body(&pushed(&told(40, what)))
    };
    let ids = |told: &Value| ["_id", "callUniqueId"].map(|field| told[field].as_str().map(str::to_owned));
    let (own, whole) = (Some(LATER.0.to_string()), Some(call().id.to_string()));
    assert_eq!(ids(&ready(None)), [whole.clone(), whole.clone()]);
    assert_eq!(ids(&ready(Some(LATER))), [own, whole]);
}
