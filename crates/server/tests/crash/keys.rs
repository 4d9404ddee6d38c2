//! A request with an `Idempotency-Key` is carried out once, also when a crash lost its answer.

use std::sync::Arc;
use std::time::Duration;

use base::Random;
use callcenter::event::Event;
use serde_json::json;
use tokio::time::sleep;

use crate::client::Answer;
use crate::ledger::Ledger;
use crate::network;
use crate::place::{Agent, Phone, Place};
use crate::store::Store;

const AGENTS: std::ops::Range<u64> = 8000..8012;
/// From the request to the kill: from "never arrived" to "answered".
const KILL_AFTER_US_MAX: u64 = 12_000;

#[tokio::test]
async fn a_repeated_request_begins_no_second_call() {
    let ledger = Arc::new(Ledger::new());
    let place = Place::new(&AGENTS.map(agent).collect::<Vec<_>>(), &[]);
    let network =
        network::start(&place, AGENTS.map(mobile).collect(), Random::from_number(1), ledger.clone());
    let client = place.client();
    let mut server = place.start().await;
    for number in AGENTS {
        let body = json!({"agentNumber": number.to_string(), "loginType": "PSTN", "status": "0"});
        client.must("online", &body).await;
    }
    let mut lost = 0;
    for number in AGENTS {
        let agent = number.to_string();
        let key = format!("order-{number}");
        let body = json!({"agentNumber": agent, "calleeNumber": "13900000001", "extras": {"number": number}});
        // Each agent's request meets the kill at another moment of its way.
        let after =
            Duration::from_micros(KILL_AFTER_US_MAX * (number - AGENTS.start) / (AGENTS.end - AGENTS.start));
        let request = tokio::spawn({
            let (client, body, key) = (client.clone(), body.clone(), key.clone());
            async move { client.ask("dialOut", &body, Some(&key)).await }
        });
        sleep(after).await;
        server.strike();
        let first = request.await.expect("asking does not fail");
        server.gone().await;
        server = place.start().await;

        let repeat = client.ask("dialOut", &body, Some(&key)).await;
        let Answer::Accepted { call: Some(call), replayed, .. } = repeat else {
            panic!("the repeat of {key} after {after:?} ({first:?}): {repeat:?}")
        };
        match first {
            Answer::Accepted { call: first, .. } => {
                assert_eq!((first.as_ref(), replayed), (Some(&call), true), "{key} after {after:?}");
            }
            Answer::Lost | Answer::NotSent => lost += 1,
            Answer::Refused(code) => panic!("{key} was refused: {code}"),
        }
        let again = client.ask("dialOut", &body, Some(&key)).await;
        assert!(
            matches!(&again, Answer::Accepted { call: Some(same), replayed: true, .. } if *same == call),
            "the second repeat of {key}: {again:?}"
        );
        let other = json!({"agentNumber": agent, "calleeNumber": "13900000002"});
        let other = client.ask("dialOut", &other, Some(&key)).await;
        assert!(matches!(&other, Answer::Refused(code) if code == "40000"), "{other:?}");
    }
    println!("{lost} of {} answers were lost", AGENTS.end - AGENTS.start);

    let store = Store::read(&place.database());
    for number in AGENTS {
        let extras = format!("{{\"number\":{number}}}");
        let begun = store
            .events
            .iter()
            .filter(|event| matches!(&event.event, Event::CallStarted { call, .. } if call.extras == extras));
        assert_eq!(begun.count(), 1, "calls of agent {number}");
    }
    assert_eq!(place.complaints(), Vec::<String>::new());
    drop(network);
}

fn agent(number: u64) -> Agent {
    Agent { number: number.to_string(), phone: Phone::Mobile(mobile(number)), wrap_up_s: 0 }
}

fn mobile(number: u64) -> String {
    format!("1390000{number}")
}
