//! Every verb of call control by HTTP, with real calls: what each agent is told, and what the records say afterwards.

use lab::LabEvent;
use serde_json::Value;

use crate::desk::Desk;

/// Rings a second, answers, speaks until hung up.
const CUSTOMER: &str = "13900000001";
/// Another who answers.
const COLLEAGUE: &str = "13900000013";
const BUSY: &str = "13900000002";
const NEVER_ANSWERS: &str = "13900000003";

/// Waits until the agent has shown exactly these states in the call, one after the other.
async fn shown(desk: &Desk, call: &str, agent: &str, states: &[&str]) {
    let of = |push: &Value| {
        let mine = push["agentNumber"] == agent && push["callUniqueId"] == call;
        (mine && push["pushType"] == "callStatus")
            .then(|| push["statusNumber"].as_str().expect("a text").to_owned())
    };
    let what = format!("{states:?} of agent {agent}");
    desk.pushes.until_all(&what, |all| all.iter().filter_map(of).eq(states.iter().copied())).await;
}

/// A call of the agent with a customer who has answered.
async fn connected(desk: &Desk, agent: &str) -> String {
    desk.online(agent).await;
    let call = desk.dial(agent, CUSTOMER, &[]).await;
    shown(desk, &call, agent, &["2", "3", "4"]).await;
    call
}

/// A push of a kind about an agent in the call.
async fn pushed(desk: &Desk, call: &str, agent: &str, kind: &str) -> Value {
    let fits = |push: &Value| {
        push["pushType"] == kind && push["callUniqueId"] == call && push["agentNumber"] == agent
    };
    desk.pushes.until(&format!("{kind} of agent {agent}"), fits).await
}

/// The records of a call as the query answers them, oldest first, each of which was pushed as it is.
async fn records(desk: &Desk, call: &str, kinds: &[&str]) -> Vec<Value> {
    let is_ours = |push: &&Value| push["pushType"] == "cdr" && push["callUniqueId"] == call;
    desk.pushes.until_all("a record of each", |all| all.iter().filter(is_ours).count() == kinds.len()).await;
    let answer = desk.ask(&["cdr/list", "--field", &format!("uniqueId={call}")]).await;
    let data = &answer["data"];
    assert_eq!(data["count"], kinds.len(), "{answer:#}");
    let list: Vec<Value> = data["list"].as_array().expect("a list").iter().rev().cloned().collect();
    let of: Vec<&str> = list.iter().map(|record| record["cdrType"].as_str().expect("a text")).collect();
    assert_eq!(of, kinds, "{list:#?}");
    for record in &list {
        assert_eq!([&record["uniqueId"], &record["callUniqueId"]], [call, call]);
        assert_eq!(record["_id"] == call, record["cdrType"] == "callRecord", "{record:#}");
        let push = desk.pushes.until("its push", |push| push["_id"] == record["_id"]).await;
        for (field, value) in record.as_object().expect("an object") {
            // The query's is empty: only a push has the event's id.
            assert!(field == "eventUniqueId" || push[field] == *value, "{field}: {push:#} {record:#}");
        }
    }
    list
}

fn texts<const N: usize>(of: &Value, fields: [&str; N]) -> [String; N] {
    fields.map(|field| of[field].as_str().unwrap_or_else(|| panic!("{field} of {of:#}")).to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_and_mute_combine_and_undo_in_any_order() {
    let desk = Desk::open(|_, _| {}).await;
    let call = connected(&desk, "8000").await;
    for verb in ["hold", "hold", "mute", "unhold", "unmute", "mute", "hold", "unmute", "unhold"] {
        desk.ask(&[verb, "--agent", "8000"]).await;
    }
    desk.ask(&["hangup", "--agent", "8000"]).await;
    let states = ["2", "3", "4", "6", "7", "4", "7", "6", "4", "5"];
    shown(&desk, &call, "8000", &states).await;
    let record = records(&desk, &call, &["callRecord"]).await.remove(0);
    assert_eq!(texts(&record, ["status", "hangUpSide"]), ["ANSWER", "AGENT"]);
    assert_eq!(desk.calls().await, 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_frees_one_agent_and_is_the_call_of_another() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8001").await;
    let call = connected(&desk, "8000").await;
    let words = ["transfer", "--agent", "8000", "--to", "8001", "--field", "actionId=mine"];
    let answer = desk.ask(&words).await;
    assert_eq!(answer["data"]["request"]["requestId"], "mine");
    shown(&desk, &call, "8001", &["2", "3", "4"]).await;
    pushed(&desk, &call, "8001", "customerLink").await;
    pushed(&desk, &call, "8000", "dialoutHangup").await;
    shown(&desk, &call, "8000", &["2", "3", "4", "5"]).await;
    desk.ask(&["hangup", "--agent", "8001"]).await;
    shown(&desk, &call, "8001", &["2", "3", "4", "5"]).await;
    let list = records(&desk, &call, &["callRecord", "transferRecord"]).await;
    assert_eq!(texts(&list[0], ["agentNumber", "customerNumber", "status"]), ["8000", CUSTOMER, "ANSWER"]);
    assert_eq!(texts(&list[1], ["agentNumber", "customerNumber", "status"]), ["8001", CUSTOMER, "ANSWER"]);
    // Each leg is billed once.
    let lines = |record: &Value| record["billCalls"].as_array().map(Vec::len);
    assert_eq!([lines(&list[0]), lines(&list[1])], [Some(2), Some(1)]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_fails_is_told_and_the_agent_has_the_customer_back() {
    let desk = Desk::open(|_, _| {}).await;
    let call = connected(&desk, "8000").await;
    desk.ask(&["transfer", "--agent", "8000", "--mode", "outline", "--to", BUSY]).await;
    let failed = pushed(&desk, &call, "8000", "transferFailed").await;
    assert_eq!(texts(&failed, ["number", "failureReason"]), [BUSY, "decline"]);
    assert_eq!(failed["sipCode"], 486);
    desk.ask(&["hold", "--agent", "8000"]).await;
    desk.ask(&["hangup", "--agent", "8000"]).await;
    let list = records(&desk, &call, &["callRecord", "transferRecord"]).await;
    assert_eq!(texts(&list[1], ["status", "failureReason"]), ["CUSTOMER_NO_ANSWER", "decline"]);
    assert_eq!(list[1]["sipCode"], 486);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consultation_ends_each_way() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8001").await;
    let call = connected(&desk, "8000").await;
    let consult = async |mode: &str, to: &str| {
        let words = ["consult", "--agent", "8000", "--mode", mode, "--to", to];
        desk.ask(&[&words[..], &["--field", "actionId=a-1"]].concat()).await
    };
    let answer = consult("outline", NEVER_ANSWERS).await;
    assert_eq!([&answer["actionId"], &answer["data"]["request"]["requestId"]], ["a-1", "a-1"]);
    desk.ask(&["cancelconsult", "--agent", "8000"]).await;
    consult("outline", BUSY).await;
    let failed = pushed(&desk, &call, "8000", "consultFailed").await;
    assert_eq!(texts(&failed, ["number", "failureReason"]), [BUSY, "decline"]);
    consult("agent", "8001").await;
    shown(&desk, &call, "8001", &["2", "3", "4"]).await;
    desk.ask(&["resumeConsult", "--agent", "8000"]).await;
    // Who has not talked to the customer has nothing to write down.
    shown(&desk, &call, "8001", &["2", "3", "4", "0"]).await;
    consult("agent", "8001").await;
    shown(&desk, &call, "8001", &["2", "3", "4", "0", "2", "3", "4"]).await;
    desk.ask(&["consultTransfer", "--agent", "8000"]).await;
    shown(&desk, &call, "8000", &["2", "3", "4", "5"]).await;
    desk.ask(&["hangup", "--agent", "8001"]).await;
    let consulted = "consultRecord";
    let list =
        records(&desk, &call, &["callRecord", consulted, consulted, consulted, "transferRecord"]).await;
    let agents: Vec<&Value> = list.iter().map(|record| &record["agentNumber"]).collect();
    assert_eq!(agents, ["8000", "8000", "8000", "8001", "8001"]);
    let customers: Vec<&Value> = list.iter().map(|record| &record["customerNumber"]).collect();
    assert_eq!(customers, [CUSTOMER, NEVER_ANSWERS, BUSY, CUSTOMER, CUSTOMER]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_three_way_call_one_agent_leaves_and_the_others_stay() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8001").await;
    let call = connected(&desk, "8000").await;
    desk.ask(&["consult", "--agent", "8000", "--to", "8001"]).await;
    shown(&desk, &call, "8001", &["2", "3", "4"]).await;
    desk.ask(&["threeWayCall", "--agent", "8000"]).await;
    pushed(&desk, &call, "8001", "customerLink").await;
    desk.ask(&["hangup", "--agent", "8000"]).await;
    shown(&desk, &call, "8000", &["2", "3", "4", "5"]).await;
    desk.ask(&["hold", "--agent", "8001"]).await;
    desk.ask(&["hangup", "--agent", "8001"]).await;
    shown(&desk, &call, "8001", &["2", "3", "4", "6", "5"]).await;
    let list = records(&desk, &call, &["callRecord", "conferenceRecord"]).await;
    assert_eq!(list[1]["agentNumber"], "8001");
    let seconds = |field: &str| list[0][field].as_i64().expect("a number");
    assert!(seconds("totalDuration") < seconds("bridgeDuration") + 4, "{:#}", list[0]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_listens_whispers_joins_and_takes_over() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8004").await;
    let call = connected(&desk, "8000").await;
    let ask = async |verb: &str| {
        let words = [verb, "--supervisor", "8004", "--agent", "8000", "--field", "actionId=s-1"];
        let answer = desk.ask(&words).await;
        assert_eq!([&answer["actionId"], &answer["data"]["request"]["requestId"]], ["s-1", "s-1"]);
    };
    ask("listen").await;
    shown(&desk, &call, "8004", &["2", "3", "4"]).await;
    ask("whisper").await;
    ask("barge").await;
    pushed(&desk, &call, "8004", "customerLink").await;
    desk.ask(&["hangup", "--agent", "8004"]).await;
    shown(&desk, &call, "8004", &["2", "3", "4", "5"]).await;
    desk.free_again("8004", &call).await;
    ask("takeOver").await;
    shown(&desk, &call, "8000", &["2", "3", "4", "5"]).await;
    desk.ask(&["hangup", "--agent", "8004"]).await;
    let list = records(&desk, &call, &["callRecord", "conferenceRecord", "transferRecord"]).await;
    assert_eq!([&list[1]["agentNumber"], &list[2]["agentNumber"]], ["8004", "8004"]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_does_what_an_agent_could_do() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8004").await;
    let call = connected(&desk, "8000").await;
    let force = async |what: &str| {
        desk.ask(&[what, "--supervisor", "8004", "--agent", "8000"]).await;
    };
    // In a call the choice is kept for afterwards.
    force("forceBusy").await;
    force("forceHangup").await;
    shown(&desk, &call, "8000", &["2", "3", "4", "5"]).await;
    desk.shows("8000", "1").await;
    force("forceIdle").await;
    let again = desk.dial("8000", CUSTOMER, &[]).await;
    shown(&desk, &again, "8000", &["2", "3", "4"]).await;
    force("forceOffline").await;
    let out = |push: &Value| push["pushType"] == "logout" && push["agentNumber"] == "8000";
    desk.pushes.until("the agent's logout", out).await;
    records(&desk, &again, &["callRecord"]).await;
    assert_eq!(desk.refused(&["busy", "--agent", "8000"]).await, "6708");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webcall_calls_one_and_then_the_other() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8000").await;
    let number = |answer: &Value| {
        assert_eq!(answer["data"]["actionId"], "w-1", "{answer:#}");
        let call = &answer["data"]["response"]["data"]["callUniqueId"];
        call.as_str().expect("a text").to_owned()
    };
    let ask = async |mode: &str, to: &str| {
        let words = ["webcall", "--from", CUSTOMER, "--mode", mode, "--to", to];
        number(&desk.ask(&[&words[..], &["--field", "actionId=w-1", "--extras", "web"]].concat()).await)
    };
    let call = ask("agentNumber", "8000").await;
    shown(&desk, &call, "8000", &["2", "3", "4"]).await;
    let ring = pushed(&desk, &call, "8000", "dialoutRing").await;
    assert_eq!(texts(&ring, ["callType", "extras", "customerNumber"]), ["webcall", "web", CUSTOMER]);
    desk.ask(&["hangup", "--agent", "8000"]).await;
    let record = records(&desk, &call, &["callRecord"]).await.remove(0);
    assert_eq!(texts(&record, ["callType", "status", "agentNumber"]), ["webcall", "ANSWER", "8000"]);

    let call = ask("number", COLLEAGUE).await;
    let link = desk.pushed(&call, "customerLink").await;
    assert_eq!(texts(&link, ["callType", "agentNumber"]), ["webcall", ""]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn digits_are_dialled_and_a_call_that_is_answered_needs_no_answer() {
    let desk = Desk::open(|_, _| {}).await;
    connected(&desk, "8000").await;
    desk.ask(&["answer", "--agent", "8000"]).await;
    desk.ask(&["sendDtmf", "--agent", "8000", "--digits", "1*D"]).await;
    let heard = |events: &[LabEvent]| {
        let digits = events.iter().filter_map(|event| match event {
            LabEvent::DigitHeard { digit, .. } => Some(*digit),
            _ => None,
        });
        digits.eq("1*D".chars())
    };
    desk.phones.until_all("the digits", heard).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_request_has_no_second_effect() {
    let desk = Desk::open(|_, _| {}).await;
    let call = connected(&desk, "8000").await;
    let hold = ["hold", "--agent", "8000", "--key", "the first hold"];
    let first = desk.ask(&hold).await;
    desk.ask(&["unhold", "--agent", "8000"]).await;
    assert_eq!(desk.ask(&hold).await, first);
    desk.ask(&["mute", "--agent", "8000"]).await;
    shown(&desk, &call, "8000", &["2", "3", "4", "6", "4", "7"]).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_makes_and_unmakes_supervisors() {
    let mut desk = Desk::open(|_, _| {}).await;
    desk.online("8004").await;
    let call = connected(&desk, "8000").await;
    let listen = ["listen", "--supervisor", "8004", "--agent", "8000"];
    let mut config = desk.config();
    let agent = config.accounts[0].agents.iter_mut().find(|agent| agent.center.number == "8004");
    agent.expect("one of the demo's").center.supervisor = false;
    let before = desk.config();
    desk.reload(config).await;
    assert_eq!(desk.refused(&listen).await, "40000");
    desk.reload(before).await;
    desk.ask(&listen).await;
    shown(&desk, &call, "8004", &["2", "3", "4"]).await;
    desk.close().await;
}
