//! An inbound route between two SIPps: the scenarios that it comes with call and are called, unchanged.

use callcenter::config::{InboundRoute, RecordingMode};
use serde_json::Value;

use crate::claim::Claim;
use crate::desk::Desk;
use crate::sipp::Sipp;

/// What is called. Nothing that the demo has.
const CALLED: &str = "reception";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_by_a_trunk_is_put_through_and_recorded() {
    let (caller, callee) = (Claim::new(), Claim::new());
    let desk = desk_with_route(&callee).await;
    let answers = Sipp::stock("uas", &callee, &["-rtp_echo"]);
    let server = desk.sip.to_string();
    let calls = Sipp::stock("uac", &caller, &[&server, "-s", CALLED, "-d", "1000"]);
    let ring = desk.pushes.until("incomingRing", |push| push["pushType"] == "incomingRing").await;
    let call = ring["callUniqueId"].as_str().expect("a number").to_owned();
    calls.succeeded().await;
    answers.succeeded().await;
    let link = desk.pushed(&call, "customerLink").await;
    assert_eq!([&link["callType"], &link["agentNumber"], &link["trunkNumber"]], ["incoming", "", CALLED]);
    desk.pushed(&call, "incomingHangup").await;
    let record = desk.record(&call).await;
    let fields = ["callType", "status", "hangUpSide", "customerNumber", "trunkNumber", "agentNumber"];
    let shown = fields.map(|field| record[field].as_str().expect("a text").to_owned());
    assert_eq!(shown, ["incoming", "ANSWER", "CUSTOMER", "sipp", CALLED, ""]);
    assert_eq!(record["gatewayIP"], caller.sip().to_string());
    let ready = desk.pushed(&call, "recordingReady").await;
    assert_eq!(ready["recordFileUrl"], record["recordFileUrl"]);
    desk.recording(&call).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_hears_why_nobody_answers() {
    let (caller, callee) = (Claim::new(), Claim::new());
    let desk = desk_with_route(&callee).await;
    let busy = Sipp::answers("customer_busy", &callee);
    let server = desk.sip;
    // It expects to be refused, as a stranger is.
    let refused = Sipp::asks("caller_hears_busy", caller.sip(), &caller, server, CALLED, "none");
    refused.succeeded().await;
    busy.succeeded().await;
    let is_cdr = |push: &Value| push["pushType"] == "cdr";
    let record = desk.pushes.until("cdr", is_cdr).await;
    assert_eq!([&record["status"], &record["failureReason"]], ["AGENT_NO_ANSWER", "decline"]);
    assert_eq!(record["sipCode"], 486);
    desk.close().await;
}

/// The lab's trunk has the address of this machine: SIPp's, too.
async fn desk_with_route(callee: &Claim) -> Desk {
    let to = format!("sip:desk@{}", callee.sip());
    Desk::open(|config, _| {
        let trunk = config.trunks[0].name.clone();
        config.accounts[0].inbound = vec![InboundRoute {
            trunk,
            called: CALLED.to_owned(),
            to,
            recording: RecordingMode::Normal,
            ring: std::time::Duration::from_secs(20),
        }];
    })
    .await
}
