//! Calls whose SIP goes by a path that loses, copies and reorders, with the timers of real life.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use lab::LabEvent;
use lab::relay::{RelayCounts, Roughness};
use serde_json::Value;

use crate::desk::{Desk, LAB_PHONE, MORE_AGENTS};

/// One datagram in twenty is lost: that an INVITE fails five times, so that a step takes longer than the tests' patience,
/// happens once in a hundred thousand. How calls fare where twice as many are lost is counted in virtual time.
const ROUGH: Roughness =
    Roughness { loss_percent: 5, copy_percent: 5, delay_max: Duration::from_millis(120) };
const SEED: u64 = 7;

/// What becomes of calls to these.
const CUSTOMERS: [(&str, &str, u16); 4] = [
    ("13900000008", "ANSWER", 200),
    ("13900000002", "CUSTOMER_NO_ANSWER", 486),
    ("13900000005", "CUSTOMER_NO_ANSWER", 404),
    ("13900000015", "ANSWER", 200),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_survive_and_no_phone_rings_twice() {
    let desk = Desk::open_on_bad_path(ROUGH, SEED).await;
    // One of them registers by the bad path, the others have mobiles behind the trunk.
    desk.lab_phone_online().await;
    let mobiles = MORE_AGENTS.map(|agent| agent.to_string());
    let agents: Vec<String> = std::iter::once(LAB_PHONE.to_owned()).chain(mobiles).collect();
    let calls = agents.iter().zip(CUSTOMERS.iter().cycle());
    // Each agent once, each customer who rings once for each call.
    let mut expected: BTreeMap<String, usize> =
        MORE_AGENTS.map(|agent| (format!("1390000{agent}"), 1)).chain([(LAB_PHONE.to_owned(), 1)]).collect();
    for (_, (number, _, _)) in calls.clone().filter(|(_, (_, status, _))| *status == "ANSWER") {
        *expected.entry((*number).to_owned()).or_default() += 1;
    }
    let calls: Vec<_> = calls.map(|(agent, customer)| one_call(&desk, agent, customer)).collect();
    join_all(calls).await;
    assert_eq!(desk.calls().await, 0, "all calls are over");

    let rang = rang(&desk.phones.all());
    for (number, times) in &expected {
        assert_eq!(rang.get(number), Some(times), "{number} of {rang:?}");
    }
    assert_eq!(rang.len(), expected.len(), "somebody rang who was not called: {rang:?}");

    let paths = desk.close().await;
    let sum = |of: fn(&RelayCounts) -> u64| paths.iter().map(of).sum::<u64>();
    assert!(sum(|path| path.lost) > 5 && sum(|path| path.copied) > 5, "little befell them: {paths:?}");
    assert!(paths.iter().all(|path| path.received > 0), "all went another way: {paths:?}");
}

/// How often each number rang.
fn rang(events: &[LabEvent]) -> BTreeMap<String, usize> {
    let mut numbers = BTreeMap::new();
    let mut rang = BTreeMap::new();
    for event in events {
        match event {
            LabEvent::PhoneCalled { phone, number, .. } => drop(numbers.insert(*phone, number.clone())),
            LabEvent::PhoneRang { phone } => *rang.entry(numbers[phone].clone()).or_default() += 1,
            _ => {}
        }
    }
    rang
}

async fn one_call(desk: &Desk, agent: &str, (number, status, sip_code): &(&str, &str, u16)) {
    if agent != LAB_PHONE {
        desk.online(agent).await;
    }
    let call = desk.dial(agent, number, &[]).await;
    if number.ends_with("0015") {
        // Nobody hangs up there.
        desk.told(&call, "link").await;
        desk.ask(&["hangup", "--agent", agent]).await;
    }
    let record: Value = desk.record(&call).await;
    assert_eq!(
        (&record["status"], &record["sipCode"]),
        (&(*status).into(), &(*sip_code).into()),
        "{record:#}"
    );
}
