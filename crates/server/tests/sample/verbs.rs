//! What is told of calls with several parties, of which the document has no samples: every push, whole and in order, but for
//! what is random in it.

use callcenter::event::Role::{Agent, Customer, Destination, Outside, Supervisor};
use serde_json::Value;
use server::contract::verb::Verb;

use super::json;
use super::replay::{Replay, wall};

const DAY: &str = "2026-09-21";

/// Agents 8000, 8001 and supervisor 8009 are there; 8000 talks with a customer since 10:00:10.
fn connected() -> Replay {
    let mut replay = all_there();
    at(&mut replay, "10:00:00")
        .post(Verb::DialOut, r#"{"agentNumber":"8000","calleeNumber":"17319132391","extras":{"order":17}}"#);
    replay.rings(Agent);
    at(&mut replay, "10:00:05").answers(Agent).rings(Customer);
    at(&mut replay, "10:00:10").answers(Customer);
    replay
}

fn all_there() -> Replay {
    let mut replay = Replay::new(2_000_100, &format!("{DAY} 09:00:00"), 0);
    for agent in ["8000", "8001", "8009"] {
        let body = format!(r#"{{"agentNumber":"{agent}","loginType":"PSTN","status":"0"}}"#);
        replay.post(Verb::Online, &body);
    }
    replay
}

fn at<'a>(replay: &'a mut Replay, time: &str) -> &'a mut Replay {
    replay.at(&format!("{DAY} {time}"), 0)
}

fn ask<'a>(replay: &'a mut Replay, verb: Verb, agent: &str, more: &str) -> &'a mut Replay {
    replay.post(verb, &format!(r#"{{"agentNumber":"{agent}"{more}}}"#))
}

/// Everything that was told since `since`, a push a line.
fn told(replay: &mut Replay, since: &str) -> String {
    replay.all_are_gone();
    at(replay.recording_stops(20_000), "10:05:00");
    let since = wall(&format!("{DAY} {since}"));
    let late: Vec<String> =
        replay.log.iter().filter(|event| event.at >= since).map(|event| event.id.clone()).collect();
    let pushes = replay.pushes();
    let lines = pushes.iter().filter(|push| late.contains(&push.id)).map(|push| settled(&push.body));
    lines.collect::<Vec<_>>().join("\n")
}

/// A push without what is random: ids of events and phones' calls, and the tokens of links.
fn settled(body: &str) -> String {
    let mut push = json(body);
    let fields = push.as_object_mut().expect("an object");
    for (name, value) in fields.iter_mut() {
        match name.as_str() {
            "eventUniqueId" | "callId" | "uniqueId" if value.as_str().is_some_and(|id| id.len() > 20) => {
                *value = Value::from("…");
            }
            url if url.ends_with("FileUrl") => {
                let text = value.as_str().expect("a link is text");
                *value = Value::from(text.split_once("/2000100/").map_or("", |(_, name)| name));
            }
            _ => {}
        }
    }
    // "User connected" repeats its fields inside.
    fields.shift_remove("content");
    push.to_string()
}

#[test]
fn hold_and_mute() {
    let mut replay = connected();
    for (time, verb) in [
        ("10:00:11", Verb::Hold),
        ("10:00:12", Verb::Mute),
        ("10:00:13", Verb::Unhold),
        ("10:00:14", Verb::Unmute),
        ("10:00:30", Verb::Hangup),
    ] {
        ask(at(&mut replay, time), verb, "8000", "");
    }
    insta::assert_snapshot!(told(&mut replay, "10:00:11"));
}

#[test]
fn transfer() {
    let mut replay = connected();
    let to = r#","mode":"agent","number":"8001""#;
    ask(at(&mut replay, "10:00:15"), Verb::Transfer, "8000", to).rings(Agent);
    at(&mut replay, "10:00:20").answers(Agent).all_are_gone();
    ask(at(&mut replay, "10:00:30"), Verb::Hangup, "8001", "");
    insta::assert_snapshot!(told(&mut replay, "10:00:15"));
}

#[test]
fn a_transfer_that_fails() {
    let mut replay = connected();
    let to = r#","mode":"outline","number":"13800138000""#;
    ask(at(&mut replay, "10:00:15"), Verb::Transfer, "8000", to).rings(Outside);
    at(&mut replay, "10:00:17").is_busy(Outside);
    ask(at(&mut replay, "10:00:30"), Verb::Hangup, "8000", "");
    insta::assert_snapshot!(told(&mut replay, "10:00:15"));
}

#[test]
fn consultation_and_three_way_call() {
    let mut replay = connected();
    let to = r#","mode":"agent","number":"8001""#;
    ask(at(&mut replay, "10:00:15"), Verb::Consult, "8000", to).rings(Agent);
    at(&mut replay, "10:00:16").answers(Agent);
    ask(at(&mut replay, "10:00:20"), Verb::ThreeWayCall, "8000", "");
    ask(at(&mut replay, "10:00:25"), Verb::Hangup, "8000", "").all_are_gone();
    ask(at(&mut replay, "10:00:30"), Verb::Hangup, "8001", "");
    insta::assert_snapshot!(told(&mut replay, "10:00:15"));
}

#[test]
fn a_supervisor_listens_and_joins() {
    let mut replay = connected();
    let by = r#","listenAgent":"8009""#;
    ask(at(&mut replay, "10:00:15"), Verb::Listen, "8000", by).rings(Supervisor);
    at(&mut replay, "10:00:16").answers(Supervisor);
    ask(at(&mut replay, "10:00:20"), Verb::Barge, "8000", by);
    ask(at(&mut replay, "10:00:30"), Verb::Hangup, "8009", "").all_are_gone();
    ask(at(&mut replay, "10:00:35"), Verb::Hangup, "8000", "");
    insta::assert_snapshot!(told(&mut replay, "10:00:15"));
}

#[test]
fn webcall() {
    let mut replay = all_there();
    at(&mut replay, "10:00:00").post(
        Verb::WebCall,
        r#"{"callerNumber":"17319132391","calleeNumber":"8000","calleeType":"agentNumber","extras":"web"}"#,
    );
    replay.rings(Customer);
    at(&mut replay, "10:00:05").answers(Customer).rings(Agent);
    at(&mut replay, "10:00:10").answers(Agent);
    ask(at(&mut replay, "10:00:30"), Verb::Hangup, "8000", "");
    insta::assert_snapshot!(told(&mut replay, "10:00:00"));
}

#[test]
fn a_webcall_between_two_numbers() {
    let mut replay = all_there();
    at(&mut replay, "10:00:00").post(
        Verb::WebCall,
        r#"{"callerNumber":"17319132391","calleeNumber":"18381051957","calleeType":"number"}"#,
    );
    replay.rings(Customer);
    at(&mut replay, "10:00:05").answers(Customer).rings(Destination);
    at(&mut replay, "10:00:10").answers(Destination);
    at(&mut replay, "10:00:30").hangs_up(Customer);
    insta::assert_snapshot!(told(&mut replay, "10:00:00"));
}
