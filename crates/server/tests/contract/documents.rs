//! Our pushes and records against the API document's samples: equal but for a committed list of differences.

use super::samples::{agent, at, bill, body, call, document, event, files, pretty, pushed, record, settings};
use base::{CallId, LegId, Wall};
use callcenter::action::Target;
use callcenter::command::{Choice, LoginType};
use callcenter::event::{
    AgentRef, CallFacts, CallKind, Event, HangUpSide, Moment, Numbered, Role, SignedOut,
};
use callcenter::numbers::{Attribution, NumberKind};
use callcenter::record::{CallStatus, LegBill};
use callcenter::signal::{Cause, EndedBy, Failure};
use serde_json::Value;
use server::contract::push::{ConnectedShape, Expires, PushKind, PushNames, push};

/// Every field of either that is not equal in both must be in the committed list, and nothing else may be.
fn assert_as_documented(name: &str, ours: &Value, sample: &Value) {
    let differences = document("differences");
    let allowed = differences[name].as_object().expect("each sample has its list");
    let (ours, sample) = (ours.as_object().expect("an object"), sample.as_object().expect("an object"));
    let differing: Vec<&String> = ours
        .keys()
        .chain(sample.keys().filter(|field| !ours.contains_key(*field)))
        .filter(|field| ours.get(*field) != sample.get(*field))
        .collect();
    for field in &differing {
        assert!(
            allowed.contains_key(*field),
            "{name}.{field}: {:?} is {:?} in the document",
            ours.get(*field),
            sample.get(*field)
        );
    }
    for field in allowed.keys() {
        assert!(differing.contains(&field), "{name}.{field} does not differ: strike it from the list");
    }
    let shared = |a: &serde_json::Map<String, Value>, b: &serde_json::Map<String, Value>| -> Vec<String> {
        a.keys().filter(|field| b.contains_key(*field) && !allowed.contains_key(*field)).cloned().collect()
    };
    assert_eq!(shared(ours, sample), shared(sample, ours), "{name}: the order of the fields");
}

fn changed(id: &str, seconds: i64, state: u16, moment: Moment) -> Numbered {
    let what = Event::AgentChanged {
        agent: agent(),
        state,
        call: Some(call()),
        moment: Some(moment),
        wrap_up_until: None,
    };
    event(20_000_153, id, at(seconds), what)
}

fn leg_started(call: Option<CallFacts>) -> Event {
    Event::LegStarted {
        leg: LegId(2),
        id: CallId(403_344_537_650_466_816),
        role: Role::Customer,
        target: Target::Number("17319132391".to_owned()),
        shown: "01081400192".to_owned(),
        call,
        agent: None,
        place: callcenter::event::Place::default(),
        ring_ms_max: None,
    }
}

fn ended(call: CallFacts) -> Event {
    Event::CallEnded { call, side: HangUpSide::Agent }
}

fn connected() -> Numbered {
    let agent = AgentRef { number: "1121".to_owned(), name: "1121".to_owned() };
    let call = CallFacts {
        id: CallId(393_928_840_994_361_344),
        customer: "15201277786".to_owned(),
        display: "02258834811".to_owned(),
        agent,
        ..call()
    };
    let what = Event::LegAnswered { leg: LegId(2), id: call.id, call: Some(call) };
    event(2_100_147, "92fe6e957421411c9343fdef75411ca1", Wall::from_millis(1_616_638_064_321), what)
}

#[test]
fn the_record_of_the_document_s_sample_call_is_as_documented() {
    let what = Event::CallRecorded { record: Box::new(record()) };
    let push = pushed(&event(2_100_147, "0db0948a14ea4b7eaa719f1f2501d142", at(16), what));
    let (ours, sample) = (body(&push), document("cdr"));
    assert_as_documented("cdr", &ours, &sample);
    assert_eq!((push.kind, push.expires), (PushKind::Cdr, Expires::Long));

    let below_its_host =
        |link: &Value| link.as_str().expect("a link").split_once("/2100147/").expect("a name").1.to_owned();
    for link in ["agentFileUrl", "customerFileUrl", "recordFileUrl"] {
        assert_eq!(below_its_host(&ours[link]), below_its_host(&sample[link]), "{link}");
    }
    let root = "https://calls.example.com/recordings/0123456789abcdef0123456789abcdef/2100147/doubleTrack/";
    assert!(ours["recordFileUrl"].as_str().expect("a link").starts_with(root));
    assert_eq!(ours["doubleTrackFileUrl"], ours["recordFileUrl"]);
    assert_eq!(ours["voiceMailUrl"], "");
}

#[test]
fn a_record_has_every_field_the_document_names() {
    let ours = server::contract::record::record(&record(), &settings().record);
    for field in document("fields")["cdr"].as_array().expect("a list") {
        let field = field.as_str().expect("a name");
        assert!(ours.get(field).is_some(), "{field}");
    }
}

#[test]
fn the_pushes_of_the_sample_call_are_as_documented() {
    for (name, event) in [
        ("callStatus_calling", changed("e454d40def4d47ee9d7a76aba5d6cbb7", 0, 2, Moment::Calling)),
        ("callStatus_link", changed("fbc13d07ddff4649bc1ca6d636a915b4", 10, 4, Moment::Link)),
        ("callStatus_hangup", changed("9a25c35ab7fe4adebb2c1462ca15635e", 15, 5, Moment::Hangup)),
        (
            "dialoutRing",
            event(20_000_153, "8757e994f19040749c5b194faaf21c78", at(5), leg_started(Some(call()))),
        ),
        ("dialoutHangup", event(20_000_153, "372e1067da2c40248d8f24425f2f5273", at(15), ended(call()))),
    ] {
        let push = pushed(&event);
        assert_as_documented(name, &body(&push), &document(name));
        assert_eq!(push.agent.as_deref(), Some("20001"));
        assert_eq!(push.call, Some(call().id));
        assert_eq!(push.expires, Expires::At(Wall::from_millis(event.at.as_millis() + 60_000)));
        assert_eq!(push.id, event.id);
    }
}

#[test]
fn the_hang_up_of_an_incoming_call_is_as_documented() {
    let incoming = CallFacts {
        kind: CallKind::Incoming,
        display: String::new(),
        trunk: "01080455499".to_owned(),
        agent: AgentRef { number: "2000".to_owned(), name: "默认坐席".to_owned() },
        ..call()
    };
    let at = Wall::from_millis(1_607_944_355_000);
    let ours = body(&pushed(&event(2_000_100, "e454d40def4d47ee9d7a76aba5d6cbb7", at, ended(incoming))));
    let mut sample = document("incomingHangup");
    // This sample alone has its ids at the end; the order of the others is kept.
    let fields = sample.as_object_mut().expect("an object");
    for (place, name) in ["eventUniqueId", "accountId", "callUniqueId"].into_iter().enumerate() {
        let value = fields.shift_remove(name).expect("in the sample");
        fields.shift_insert(place, name.to_owned(), value);
    }
    assert_as_documented("incomingHangup", &ours, &sample);
    assert_eq!(ours["pushType"], "incomingHangup");
}

#[test]
fn user_connected_has_three_shapes() {
    let mut settings = settings();
    let mut shaped = |shape| {
        settings.connected = shape;
        body(&push(&connected(), &settings).expect("a push"))
    };
    let (flat, nested, both) =
        (shaped(ConnectedShape::Flat), shaped(ConnectedShape::Nested), shaped(ConnectedShape::Both));
    let sample = document("customerLink");
    assert_eq!(nested["uniqueId"], sample["uniqueId"]);
    assert_eq!(nested.as_object().map(serde_json::Map::len), Some(2));
    let mut content = nested["content"].clone();
    let fields = content.as_object_mut().expect("an object");
    let older = fields.shift_remove("superUniqueId").expect("sent");
    fields.shift_insert(2, "superUniqueId".to_owned(), older);
    assert_as_documented("customerLink", &content, &sample["content"]);
    assert_eq!(flat, nested["content"]);
    assert_eq!(both["content"], flat);
    assert_eq!(both["uniqueId"], both["eventUniqueId"]);
    for (field, value) in flat.as_object().expect("an object") {
        assert_eq!(&both[field], value, "{field}");
    }
}

#[test]
fn signing_in_and_out_is_as_documented() {
    let login = Event::AgentSignedIn {
        agent: AgentRef { number: "9998".to_owned(), name: "XXX".to_owned() },
        login: LoginType::Pstn,
        choice: Choice::Idle,
    };
    let logout = Event::AgentSignedOut {
        agent: AgentRef { number: "9998".to_owned(), name: "XX".to_owned() },
        how: SignedOut::Normal,
    };
    let at = Wall::from_millis(1_626_948_408_000);
    let push = pushed(&event(2_000_103, "bf6dc33761c34272800c7c8256f53c5a", at, login));
    assert_as_documented("login", &body(&push), &document("login"));
    assert_eq!((push.agent.as_deref(), push.call), (Some("9998"), None));
    let later = Wall::from_millis(1_626_948_415_000);
    let push = pushed(&event(2_000_103, "1278cc942e7544858b36a4588880e24a", later, logout));
    assert_as_documented("logout", &body(&push), &document("logout"));
}

#[test]
fn a_change_about_no_call_has_empty_call_fields() {
    let what =
        Event::AgentChanged { agent: agent(), state: 101, call: None, moment: None, wrap_up_until: None };
    let event = event(2_000_103, "9a25c35ab7fe4adebb2c1462ca15635e", at(0), what);
    let mut settings = settings();
    settings.busy_reasons.insert(101, "午餐".to_owned());
    let push = push(&event, &settings).expect("a push");
    assert_eq!(push.call, None);
    insta::assert_snapshot!(push.body, @r#"{"eventUniqueId":"9a25c35ab7fe4adebb2c1462ca15635e","accountId":"2000103","callUniqueId":"","pushType":"callStatus","customerNumber":"","trunkNumber":"","displayNumber":"","statusTime":"1620455972","callEvent":"","callType":"","agentNumber":"20001","agentName":"sc的坐席","statusName":"午餐","statusNumber":"101","extras":"","superUniqueId":"","eventSeq":7}"#);
}

#[test]
fn the_names_the_document_leaves_open_are_settings() {
    let mut settings = settings();
    settings.names = PushNames {
        incoming_ring: "comeIn".to_owned(),
        incoming_hangup: "comeInHangup".to_owned(),
        customer_link: "linked".to_owned(),
    };
    let incoming = CallFacts { kind: CallKind::Incoming, ..call() };
    for (what, kind, name) in [
        (leg_started(Some(incoming.clone())), PushKind::IncomingRing, "comeIn"),
        (ended(incoming), PushKind::IncomingHangup, "comeInHangup"),
        (connected().event, PushKind::CustomerLink, "linked"),
    ] {
        let push = push(&event(1, "00", at(0), what), &settings).expect("a push");
        assert_eq!((push.kind, body(&push)["pushType"].as_str()), (kind, Some(name)));
    }
}

#[test]
fn a_recording_that_is_ready_tells_its_links() {
    let what = Event::RecordingReady { id: call().id, files: files(), part: None };
    let push = pushed(&event(2_100_147, "00112233445566778899aabbccddeeff", at(20), what));
    assert_eq!(
        (push.kind, push.expires, push.agent.clone()),
        (PushKind::RecordingReady, Expires::Long, None)
    );
    insta::assert_snapshot!("recording_ready", pretty(&body(&push)));
}

#[test]
fn events_nobody_is_told_of_make_no_push() {
    let cause = Cause { sip_code: 486, by: EndedBy::Far, failure: Failure::Decline };
    for what in [
        leg_started(None),
        Event::LegRang { leg: LegId(1), id: CallId(1), call: None, early_media: false },
        Event::LegAnswered { leg: LegId(1), id: CallId(1), call: None },
        Event::LegEnded { leg: LegId(1), id: CallId(1), cause, gateway: None },
        Event::AgentChose { agent: "20001".to_owned(), choice: Choice::Busy },
        Event::RecordingStarted { id: CallId(1), files: files() },
        Event::RecordingStopped { id: CallId(1), length_ms: 5000 },
    ] {
        assert_eq!(push(&event(1, "00", at(0), what), &settings()), None);
    }
    let rang = Event::LegRang { leg: LegId(1), id: call().id, call: Some(call()), early_media: false };
    assert_eq!(pushed(&event(1, "00", at(0), rang)).kind, PushKind::DialoutRing);
}

#[test]
fn a_customer_who_did_not_answer_is_told_so() {
    let mut made = record();
    made.customer_answered = None;
    made.bridged = None;
    made.recording = None;
    made.recording_s = 0;
    made.status = CallStatus::CustomerNoAnswer;
    made.side = HangUpSide::Customer;
    made.failure = Failure::Decline;
    made.sip_code = 486;
    made.gateway = String::new();
    made.call.extras = r#"{"test":"漳州"}"#.to_owned();
    made.bills[1].answered = None;
    made.login = Some(LoginType::Sip);
    made.agent_phone = "8005".to_owned();
    made.agent_place = Attribution { kind: NumberKind::Sip, ..Attribution::default() };
    made.bills[0].dialled_place = made.agent_place.clone();
    made.bills[0].login = Some(LoginType::Sip);
    insta::assert_snapshot!(
        "record_customer_no_answer",
        pretty(&server::contract::record::record(&made, &settings().record))
    );
}

/// A call by an inbound route, without an agent: 13 s of ringing nobody is told of, 5 s of talk.
fn incoming() -> callcenter::record::CallRecord {
    let place = |bill: LegBill| LegBill { incoming: true, ..bill };
    let mut caller = place(bill(Role::Customer));
    (caller.started, caller.shown, caller.dialled) =
        (at(0), "17319132391".to_owned(), "02258834811".to_owned());
    let mut destination = place(bill(Role::Destination));
    (destination.started, destination.shown) = (at(0), "17319132391".to_owned());
    callcenter::record::CallRecord {
        call: incoming_call(),
        agent_id: String::new(),
        login: None,
        agent: AgentRef::default(),
        agent_phone: String::new(),
        agent_place: Attribution::default(),
        agent_started: None,
        agent_answered: None,
        agent_ring_s: 0,
        customer_started: Some(at(0)),
        customer_ring_s: 0,
        bills: vec![caller, destination],
        ..record()
    }
}

fn incoming_call() -> CallFacts {
    CallFacts {
        kind: CallKind::Incoming,
        display: String::new(),
        trunk: "02258834811".to_owned(),
        agent: AgentRef::default(),
        extras: String::new(),
        group_ids: Vec::new(),
        group_names: Vec::new(),
        ..call()
    }
}

#[test]
fn the_record_of_a_call_that_was_put_through_has_no_agent() {
    let ours = server::contract::record::record(&incoming(), &settings().record);
    for (field, value) in ours.as_object().expect("an object") {
        let of_agent = field.starts_with("agent") && field != "agentFileUrl" && field != "agentRingDuration";
        assert!(!of_agent || value == "", "{field} is {value}");
    }
    insta::assert_snapshot!("record_incoming", pretty(&ours));
}

#[test]
fn the_pushes_of_a_call_that_was_put_through() {
    let call = incoming_call();
    let told = Some(call.clone());
    let rang = Event::LegRang { leg: LegId(2), id: call.id, call: told.clone(), early_media: false };
    let answered = Event::LegAnswered { leg: LegId(1), id: call.id, call: told };
    let cdr = Event::CallRecorded { record: Box::new(incoming()) };
    let pushes: Vec<String> = [(rang, 1), (answered, 5), (ended(call), 10), (cdr, 11)]
        .into_iter()
        .map(|(what, second)| {
            let push = pushed(&event(2_100_147, "00112233445566778899aabbccddeeff", at(second), what));
            assert_eq!(push.agent, None, "in order with pushes of its call alone");
            pretty(&body(&push))
        })
        .collect();
    insta::assert_snapshot!("pushes_incoming", pushes.join("\n"));
}

#[test]
fn every_failure_has_its_word() {
    let words: Vec<Value> = [
        Failure::None,
        Failure::Forbidden,
        Failure::ServiceUnavailable,
        Failure::Cancel,
        Failure::RequestTimeout,
        Failure::Decline,
        Failure::Unknown,
    ]
    .into_iter()
    .map(|failure| {
        let made = callcenter::record::CallRecord { failure, ..record() };
        server::contract::record::record(&made, &settings().record)["failureReason"].clone()
    })
    .collect();
    let wanted = serde_json::json!([
        0,
        "forbidden",
        "serviceUnavailable",
        "cancel",
        "requestTimeout",
        "decline",
        "unknow"
    ]);
    assert_eq!(Value::from(words), wanted);
}
