//! Every kind of customer the lab has, and what the record says of each (contract §6).

use futures::future::join_all;
use serde_json::{Value, json};

use crate::desk::{Desk, MORE_AGENTS};

/// How a call comes to its end, unless the customer ends it.
enum End {
    /// By itself: the customer, the network, or a time that is over.
    Itself,
    /// The agent hangs up once the customer answered.
    ByAgent,
}
use End::{ByAgent, Itself};

struct Row {
    /// The number's ending.
    ending: &'static str,
    /// Seconds it may ring.
    ring_s: &'static str,
    end: End,
    status: &'static str,
    failure: &'static str,
    sip_code: u16,
    side: &'static str,
}

const OK: &str = "";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("0001", "20", ByAgent, "ANSWER",             OK,                   200, "AGENT"),
    row("0002", "20", Itself,  "CUSTOMER_NO_ANSWER", "decline",            486, "CUSTOMER"),
    row("0003", "2",  Itself,  "CUSTOMER_NO_ANSWER", "requestTimeout",     487, "SYSTEM"),
    row("0004", "20", Itself,  "CUSTOMER_NO_ANSWER", "decline",            603, "CUSTOMER"),
    row("0005", "20", Itself,  "CUSTOMER_NO_ANSWER", "unknow",             404, "CUSTOMER"),
    row("0006", "20", Itself,  "CUSTOMER_NO_ANSWER", "requestTimeout",     480, "CUSTOMER"),
    row("0007", "20", Itself,  "CUSTOMER_NO_ANSWER", "decline",            486, "CUSTOMER"),
    row("0008", "20", Itself,  "ANSWER",             OK,                   200, "CUSTOMER"),
    row("0009", "20", Itself,  "CUSTOMER_NO_ANSWER", "serviceUnavailable", 503, "SYSTEM"),
    row("0010", "3",  Itself,  "CUSTOMER_NO_ANSWER", "requestTimeout",     487, "SYSTEM"),
    row("0011", "20", ByAgent, "ANSWER",             OK,                   200, "AGENT"),
    row("0012", "20", ByAgent, "ANSWER",             OK,                   200, "AGENT"),
    row("0013", "20", ByAgent, "ANSWER",             OK,                   200, "AGENT"),
    row("0014", "20", ByAgent, "ANSWER",             OK,                   200, "AGENT"),
    row("0015", "20", ByAgent, "ANSWER",             OK,                   200, "AGENT"),
    row("0016", "20", ByAgent, "ANSWER",             OK,                   200, "AGENT"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_customer_of_the_lab_gets_the_right_record() {
    let desk = Desk::open(|_, _| {}).await;
    join_all(ROWS.iter().zip(MORE_AGENTS).map(|(row, agent)| one_call(&desk, row, agent.to_string()))).await;
    assert_eq!(desk.calls().await, 0, "all calls are over");
    let records = desk.pushes.all().into_iter().filter(|push| push["pushType"] == "cdr").count();
    assert_eq!(records, ROWS.len(), "one record each");
    desk.close().await;
}

async fn one_call(desk: &Desk, row: &Row, agent: String) {
    let number = format!("1390000{}", row.ending);
    desk.online(&agent).await;
    let ring = format!("calleeTimeout={}", row.ring_s);
    let call = desk.dial(&agent, &number, &["--field", &ring]).await;
    match row.end {
        Itself => {}
        ByAgent => {
            desk.told(&call, "link").await;
            desk.ask(&["hangup", "--agent", &agent]).await;
        }
    }
    let record = desk.record(&call).await;
    let failure = if row.failure == OK { json!(0) } else { json!(row.failure) };
    let expected = json!({
        "customerNumber": number, "status": row.status, "failureReason": failure,
        "sipCode": row.sip_code, "hangUpSide": row.side,
    });
    assert_has(&record, &expected);
    assert_eq!(record["bridgeTime"] == "", row.status != "ANSWER", "{number}: {record}");
    assert_eq!(record["gatewayIP"], desk.carrier.to_string(), "{number}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_who_does_not_answer_and_one_who_hangs_up_too_early_leave_records() {
    let desk = Desk::open(|config, _| {
        // Nobody takes this mobile up: the lab rings 0003 for ever.
        config.accounts[0].agents[1].center.mobile = Some("13800000003".to_owned());
    })
    .await;
    let silent = async {
        desk.online("8001").await;
        let call = desk.dial("8001", "13900000001", &["--field", "agentTimeout=1"]).await;
        let expected = json!({
            "status": "AGENT_NO_ANSWER", "failureReason": "requestTimeout", "sipCode": 487,
            "hangUpSide": "SYSTEM", "customerStartTime": "", "bridgeTime": "", "recordFileUrl": "",
        });
        assert_has(&desk.record(&call).await, &expected);
        desk.shows("8001", "0").await;
    };
    let hasty = async {
        desk.online("8002").await;
        let call = desk.dial("8002", "13900000003", &[]).await;
        // The customer is called.
        desk.pushed(&call, "dialoutRing").await;
        desk.ask(&["hangup", "--agent", "8002"]).await;
        let expected = json!({
            "status": "CUSTOMER_NO_ANSWER", "failureReason": "cancel", "hangUpSide": "AGENT", "bridgeTime": "",
        });
        assert_has(&desk.record(&call).await, &expected);
    };
    tokio::join!(silent, hasty);
    assert_eq!(desk.calls().await, 0, "all calls are over");
    desk.close().await;
}

#[track_caller]
fn assert_has(record: &Value, expected: &Value) {
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(&record[field], value, "{field} of {record:#}");
    }
}

const fn row(
    ending: &'static str,
    ring_s: &'static str,
    end: End,
    status: &'static str,
    failure: &'static str,
    sip_code: u16,
    side: &'static str,
) -> Row {
    Row { ending, ring_s, end, status, failure, sip_code, side }
}
