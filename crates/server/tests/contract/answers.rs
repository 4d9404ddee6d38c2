//! The answer to every verb, and to everything it may be refused for.

use std::collections::BTreeMap;

use super::fakes::{World, code, json};
use super::samples::document;
use axum::body::Body;
use base::CallId;
use callcenter::command::{Accepted, Limit, Refusal};
use serde_json::Value;
use server::contract::openapi;
use server::contract::verb::Verb;
use server::http::ports::Begun;

/// Values that are ours or of their moment; their fields must be there, in the document's order.
const OF_THE_MOMENT: [&str; 11] = [
    "/data/startTime",
    "/data/endTime",
    "/data/response/data/mediaServer",
    "/requestInfo/requestId",
    "/requestInfo/proxyUrl",
    "/requestInfo/span/requestStartTime",
    "/requestInfo/span/proxyStartTime",
    "/requestInfo/span/proxyEndTime",
    "/requestInfo/span/reqEndTime",
    "/requestInfo/span/bizSpan",
    "/requestInfo/span/latency",
];

/// Every field at every depth with its value, in order. The echoed headers are the client's own.
fn leaves(at: &str, value: &Value, into: &mut Vec<(String, Value)>) {
    match value.as_object() {
        Some(_) if at == "/requestInfo/headers" => {}
        Some(fields) if at != "/requestInfo/body" => {
            fields.iter().for_each(|(name, value)| leaves(&format!("{at}/{name}"), value, into));
        }
        Some(_) | None => into.push((at.to_owned(), value.clone())),
    }
}

/// The answer is the document's sample but for the committed list of differences.
fn assert_as_documented(verb: &str, ours: &Value) {
    let differences = document("differences");
    let theirs = document(&format!("{verb}_answer"));
    let allowed = |path: &str| {
        let listed = |of: &str| differences["answers"][of].get(path).is_some();
        listed("every verb") || listed(verb)
    };
    let of = |answer: &Value| {
        let mut all = Vec::new();
        leaves("", answer, &mut all);
        all.retain(|(path, _)| !allowed(path));
        for (path, value) in &mut all {
            let the_system_s =
                path == "/data/request/requestId" && *value == answer["requestInfo"]["requestId"];
            if OF_THE_MOMENT.contains(&path.as_str()) || the_system_s {
                *value = Value::Null;
            }
        }
        all
    };
    assert_eq!(of(ours), of(&theirs), "{verb}");
}

fn example(verb: Verb) -> String {
    let pointer = "/post/requestBody/content/application~1json/schema/example";
    openapi::document()["paths"][openapi::path(verb)].pointer(pointer).expect("an example").to_string()
}

/// The request of the document's sample, as its answer repeats it.
fn sampled(verb: Verb) -> String {
    let sample = document(&format!("{}_answer", verb.name()));
    sample["requestInfo"]["body"].to_string()
}

fn accepted(verb: Verb) -> Result<Accepted, Refusal> {
    let begins = verb == Verb::DialOut || verb == Verb::WebCall;
    Ok(Accepted { call: begins.then_some(CallId(403_344_537_650_466_816)) })
}

/// Those of API chapters 1 and 2.
fn documented() -> impl Iterator<Item = Verb> {
    Verb::ALL.into_iter().take_while(|verb| *verb != Verb::Listen)
}

#[tokio::test]
async fn every_documented_verb_is_answered_as_the_document_shows() {
    for verb in documented() {
        let world = World::new();
        world.says(accepted(verb));
        let answer = world.ask(&openapi::path(verb), &sampled(verb)).await;
        assert_as_documented(verb.name(), &answer);
        assert_eq!(world.asked.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_answer_to_every_verb() {
    for verb in Verb::ALL {
        let world = World::new();
        world.says(accepted(verb));
        let answer = world.ask(&openapi::path(verb), &example(verb)).await;
        insta::assert_snapshot!(format!("answer_{}", verb.name()), pretty(&answer));
    }
}

#[tokio::test]
async fn without_an_action_id_the_system_s_id_stands_there() {
    for (verb, body) in [
        (Verb::Transfer, r#"{"agentNumber":"8000","mode":"agent","number":"8001"}"#),
        (Verb::ThreeWayCall, r#"{"agentNumber":"8000","actionId":""}"#),
        (Verb::WebCall, r#"{"callerNumber":"1","calleeNumber":"2","calleeType":"number","actionId":null}"#),
    ] {
        let world = World::new();
        let answer = world.ask(&openapi::path(verb), body).await;
        let id = &answer["requestInfo"]["requestId"];
        assert_eq!(&answer["data"]["request"]["requestId"], id, "{verb:?}");
        let top = answer.get("actionId");
        assert_eq!(top, (verb == Verb::ThreeWayCall).then_some(id), "{verb:?}");
        let inside = answer["data"].get("actionId");
        assert_eq!(inside, (verb == Verb::WebCall).then_some(id), "{verb:?}");
    }
}

#[tokio::test]
async fn a_refusal_has_the_client_s_action_id() {
    let world = World::new();
    world.says(Err(Refusal::NotInCall));
    let path = openapi::path(Verb::Consult);
    let ask = async |rest: &str| {
        let body = format!(r#"{{"agentNumber":"8000","mode":"agent","number":"8001"{rest}}}"#);
        world.ask(&path, &body).await
    };
    let named = ask(r#","actionId":"mine""#).await;
    assert_eq!((code(&named), named["actionId"].as_str()), ("6712", Some("mine")));
    assert_eq!(ask("").await.get("actionId"), None);
}

async fn with_key(world: &std::sync::Arc<World>, verb: Verb) -> (bool, Value) {
    let request = world.signed(&openapi::path(verb)).header("idempotency-key", "k");
    let response = world.response(request.body(Body::from(example(verb))).unwrap()).await;
    (response.headers().contains_key("idempotent-replayed"), json(response).await)
}

#[tokio::test]
async fn a_repeat_of_every_verb_gets_the_first_answer_and_has_no_second_effect() {
    for verb in Verb::ALL {
        let world = World::new();
        world.says(accepted(verb));
        let first = with_key(&world, verb).await;
        assert_eq!((first.0, code(&first.1)), (false, "200"), "{verb:?}");
        world.says(Err(Refusal::NotInCall));
        assert_eq!(with_key(&world, verb).await, (true, first.1), "{verb:?}");
        assert_eq!(world.asked.lock().unwrap().len(), 1, "{verb:?}");
    }
}

#[tokio::test]
async fn an_answer_lost_in_a_crash_has_the_client_s_action_id() {
    let world = World::new();
    world.keys.lock().unwrap().insert("k".to_owned(), Begun::Accepted(Accepted::default()));
    let (replayed, answer) = with_key(&world, Verb::Consult).await;
    let id = "437783670040322048";
    assert_eq!([&answer["actionId"], &answer["data"]["request"]["requestId"]], [id, id]);
    assert!(replayed && world.asked.lock().unwrap().is_empty());
}

const REFUSALS: [Refusal; 36] = [
    Refusal::AgentUnknown,
    Refusal::AgentDeleted,
    Refusal::AgentDisabled,
    Refusal::AgentLocked,
    Refusal::AgentOffline,
    Refusal::NoLicence,
    Refusal::EditionWithoutCalls,
    Refusal::NoPhone,
    Refusal::InCall,
    Refusal::InCallNoChange,
    Refusal::NotInCall,
    Refusal::NothingToHangUp,
    Refusal::PhoneNotRegistered,
    Refusal::NoBalance,
    Refusal::RiskForbidden,
    Refusal::RiskUnavailable,
    Refusal::CustomerShownNotOwned,
    Refusal::AgentShownNotOwned,
    Refusal::GroupUnknown,
    Refusal::NoShownNumber,
    Refusal::NotSupervisor,
    Refusal::ToOneself,
    Refusal::IvrUnknown,
    Refusal::QueueUnknown,
    Refusal::CallerDisplayNotOwned,
    Refusal::CalleeDisplayNotOwned,
    Refusal::AccountRemoved,
    Refusal::AccountDisabled,
    Refusal::LogUnavailable,
    Refusal::Overloaded,
    Refusal::Full(Limit::Calls(500)),
    Refusal::Full(Limit::CallsPerSecond(20)),
    Refusal::Full(Limit::CallsOfNumber(30)),
    Refusal::Full(Limit::Channels(60)),
    Refusal::Full(Limit::Legs(4500)),
    Refusal::Full(Limit::Parties(8)),
];

/// A line for each refusal and what it is called; where that depends on the verb, a line for each with the verbs.
#[tokio::test]
async fn every_refusal_of_every_verb_has_its_code() {
    let world = World::new();
    let mut table = String::new();
    for refusal in REFUSALS {
        world.says(Err(refusal));
        let mut called: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for verb in Verb::ALL {
            let answer = world.ask(&openapi::path(verb), &example(verb)).await;
            assert!(answer.get("data").is_none() && answer["success"] == false);
            let text = format!("{} {}", code(&answer), answer["message"].as_str().unwrap());
            called.entry(text).or_default().push(verb.name());
        }
        let alone = called.len() == 1;
        for (text, verbs) in called {
            let verbs = if alone { String::new() } else { format!("    [{}]", verbs.join(" ")) };
            table.push_str(&format!("{refusal:?}: {text}{verbs}\n"));
        }
    }
    insta::assert_snapshot!("refusals", table);
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("values are written")
}
