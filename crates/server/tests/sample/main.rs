//! The API document's sample calls, replayed in virtual time: their pushes and records are as the document shows them,
//! but for the committed list `differences.json`, each entry with its reason.
//!
//! The samples are in `tests/golden/document` and, of the record query, in `record.txt`; who is who in them is in
//! `cordboard.toml`. What we send, also where the document has no sample, is in `snapshots`.

mod compare;
mod replay;
mod verbs;

use std::collections::BTreeSet;

use callcenter::event::Role::{Agent, Customer};
use serde_json::Value;
use server::contract::push::PushKind;
use server::contract::record::record;
use server::contract::verb::Verb;

use compare::List;
use replay::Replay;

/// Everything the list may be about.
const SAMPLES: [&str; 10] = [
    "callStatus_calling",
    "callStatus_hangup",
    "callStatus_link",
    "cdr",
    "customerLink",
    "dialoutHangup",
    "dialoutRing",
    "login",
    "logout",
    "record",
];

/// When what happens in a sample call: a time of the document and milliseconds.
struct Course {
    started: (&'static str, u64),
    agent_answered: (&'static str, u64),
    customer_answered: (&'static str, u64),
    hung_up: (&'static str, u64),
    recorded: (&'static str, u64),
    talked_ms: u64,
}

/// 3.1 to 3.5 and 3.7. The milliseconds of the start are in `callUniqueId`; of the others the document shows nothing.
const SAMPLE_CALL: Course = Course {
    started: ("2021-05-08 14:39:32", 555),
    agent_answered: ("2021-05-08 14:39:37", 100),
    customer_answered: ("2021-05-08 14:39:42", 300),
    hung_up: ("2021-05-08 14:39:47", 500),
    recorded: ("2021-05-08 14:39:48", 100),
    talked_ms: 5200,
};

/// 2.13.
const CALL_OF_THE_RECORD: Course = Course {
    started: ("2021-03-25 19:54:44", 105),
    agent_answered: ("2021-03-25 19:54:52", 0),
    customer_answered: ("2021-03-25 19:55:00", 999),
    hung_up: ("2021-03-25 19:55:07", 999),
    recorded: ("2021-03-25 19:55:08", 0),
    talked_ms: 7000,
};

/// Who has called whom by `course`: the agent signs in, calls, hangs up, and writes down what was said.
fn call(replay: &mut Replay, agent: &str, customer: &str, course: &Course) {
    let (started, ms) = course.started;
    let body = |rest: &str| format!(r#"{{"agentNumber":"{agent}"{rest}}}"#);
    replay.post(Verb::Online, &body(r#","loginType":"PSTN","status":"0""#)).at(started, ms);
    replay.post(Verb::DialOut, &body(&format!(r#","calleeNumber":"{customer}","extras":"""#))).rings(Agent);
    replay.at(course.agent_answered.0, course.agent_answered.1).answers(Agent).rings(Customer);
    replay.at(course.customer_answered.0, course.customer_answered.1).answers(Customer);
    replay.at(course.hung_up.0, course.hung_up.1).post(Verb::Hangup, &body(""));
    replay.is_gone(Agent).recording_stops(course.talked_ms);
    replay.at(course.recorded.0, course.recorded.1).is_gone(Customer);
}

/// The sample call, until the agent's wrap-up is over and the recording can be fetched.
fn sample_call() -> Replay {
    let mut replay = Replay::new(2_100_147, "2021-05-08 14:39:00", 0);
    call(&mut replay, "20001", "17319132391", &SAMPLE_CALL);
    replay.files_are_ready().at("2021-05-08 14:40:00", 0);
    replay
}

#[test]
fn the_sample_call_gives_its_pushes_and_its_record() {
    let replay = sample_call();
    let pushes = bodies(&replay);
    let told: Vec<&str> = pushes.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(
        told,
        [
            "login",
            "callStatus 0",
            "callStatus calling 2",
            "callStatus ring 3",
            "dialoutRing ring",
            "callStatus link 4",
            "customerLink link",
            "dialoutHangup hangup",
            "callStatus hangup 5",
            "cdr",
            "recordingReady",
            "callStatus 0",
        ],
        "contract §5"
    );
    for (sample, kind) in [
        ("callStatus_calling", "callStatus calling 2"),
        ("dialoutRing", "dialoutRing ring"),
        ("callStatus_link", "callStatus link 4"),
        ("dialoutHangup", "dialoutHangup hangup"),
        ("callStatus_hangup", "callStatus hangup 5"),
        ("cdr", "cdr"),
    ] {
        assert_as_sampled(sample, body(&pushes, kind));
    }
}

#[test]
fn what_is_sent_about_the_sample_call() {
    let replay = sample_call();
    let all: Vec<String> = bodies(&replay).iter().map(|(_, body)| pretty(body)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn the_sample_record_is_found_as_documented() {
    let mut replay = Replay::new(2_000_144, "2021-03-25 19:54:00", 0);
    call(&mut replay, "1121", "17319132391", &CALL_OF_THE_RECORD);
    assert_as_sampled("record", &record(&replay.record(), &replay.settings.record));
}

#[test]
fn the_sample_user_is_connected() {
    let mut replay = Replay::new(2_100_147, "2021-03-25 10:07:00", 0);
    let (before, then) = (("2021-03-25 10:07:30", 0), ("2021-03-25 10:07:44", 0));
    let course = Course {
        started: before,
        agent_answered: before,
        customer_answered: then,
        hung_up: then,
        recorded: then,
        talked_ms: 0,
    };
    call(&mut replay, "1121", "15201277786", &course);
    assert_as_sampled("customerLink", body(&bodies(&replay), "customerLink link"));
}

#[test]
fn the_sample_agents_sign_in_and_out() {
    let mut replay = Replay::new(2_000_103, "2021-07-22 18:06:48", 0);
    replay.post(Verb::Online, r#"{"agentNumber":"9998","loginType":"PSTN","status":"0"}"#);
    replay.at("2021-07-22 18:06:55", 0).post(Verb::Offline, r#"{"agentNumber":"9998"}"#);
    let pushes = bodies(&replay);
    assert_as_sampled("login", body(&pushes, "login"));
    assert_as_sampled("logout", body(&pushes, "logout"));
}

/// The tables of chapter 3 name more than the samples show. `offlineType` is sent only with a binding (contract §5).
#[test]
fn every_push_has_the_fields_of_its_table() {
    let tables = json(include_str!("tables.json"));
    let tables = tables.as_object().expect("a table by its pushType");
    let mut replay = sample_call();
    replay.post(Verb::Offline, r#"{"agentNumber":"20001"}"#);
    let mut seen = BTreeSet::new();
    for (_, body) in bodies(&replay) {
        let kind = body["pushType"].as_str().expect("a text");
        let Some(table) = tables.get(kind) else { continue };
        seen.insert(kind.to_owned());
        for field in table.as_array().expect("a list") {
            let field = field.as_str().expect("a name");
            assert!(body.get(field).is_some(), "{kind}.{field} is missing: {body}");
        }
    }
    assert!(seen.iter().eq(tables.keys().collect::<BTreeSet<_>>()), "of each table a push: {seen:?}");
}

/// One id per event, numbered as the account's events are, told in the push and nowhere else.
#[test]
fn every_push_carries_the_id_and_the_number_of_its_event() {
    let replay = sample_call();
    let mut ids = BTreeSet::new();
    for push in replay.pushes() {
        let event = replay.log.iter().find(|event| event.id == push.id).expect("a push is made by an event");
        let body = json(&push.body);
        assert_eq!(
            (&body["eventUniqueId"], &body["eventSeq"]),
            (&event.id.as_str().into(), &event.seq.into())
        );
        assert!(ids.insert(push.id), "one push per event");
    }
}

#[test]
fn the_list_is_about_the_samples_and_nothing_else() {
    let known = BTreeSet::from(SAMPLES);
    assert!(list().samples().is_subset(&known), "{:?}", list().samples());
}

#[track_caller]
fn assert_as_sampled(name: &str, ours: &Value) {
    assert!(SAMPLES.contains(&name), "{name} is not among the samples");
    let complaints = list().complaints(name, ours, &sample(name));
    assert!(complaints.is_empty(), "{}\n", complaints.join("\n"));
}

fn list() -> List {
    List::read(include_str!("differences.json"))
}

/// A sample of the document.
fn sample(name: &str) -> Value {
    if name == "record" {
        return json(&mended(name, include_str!("record.txt")));
    }
    let path = format!("{}/tests/golden/document/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    json(&text)
}

/// The text of the document, with what is listed in `mended.json` set right: no more than makes it JSON.
fn mended(name: &str, text: &str) -> String {
    let list = json(include_str!("mended.json"));
    let mut text = text.to_owned();
    for mend in list[name].as_array().expect("a list by sample") {
        assert!(serde_json::from_str::<Value>(&text).is_err(), "it is JSON without {mend}");
        let [slip, right] = ["slip", "right"].map(|key| mend[key].as_str().expect("a text"));
        assert_eq!(text.matches(slip).count(), 1, "{slip} stands in the text once");
        assert!(mend["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{mend} has a reason");
        text = text.replace(slip, right);
    }
    text
}

/// The pushes by what they tell: `callStatus calling 2`.
fn bodies(replay: &Replay) -> Vec<(String, Value)> {
    let told = |push: &server::contract::push::Push| {
        let body = json(&push.body);
        let mut words = vec![push.kind.to_string()];
        // A record has a status of its own, which says nothing about when it is told.
        if push.kind != PushKind::Cdr {
            let of = |field: &str| body[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            words.extend([of("callEvent"), of("statusNumber")].into_iter().flatten());
        }
        (words.join(" "), body)
    };
    replay.pushes().iter().map(told).collect()
}

fn body<'a>(pushes: &'a [(String, Value)], kind: &str) -> &'a Value {
    let mut found = pushes.iter().filter(|(told, _)| told == kind);
    let (_, body) = found.next().unwrap_or_else(|| panic!("no push {kind}"));
    assert!(found.next().is_none(), "one push {kind}");
    body
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("values are written")
}
