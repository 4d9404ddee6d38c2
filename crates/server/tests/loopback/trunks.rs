//! SIPp as the carrier: what a trunk of somebody else's make does to calls.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use server::config::SipLogin;
use sip::message::{HeaderName, Message, Response, parse_datagram};
use switch::config::{ShownBy, Transport, TrunkRegistration};
use tokio::net::UdpSocket;

use crate::claim::Claim;
use crate::desk::{Desk, LAB_PHONE, host_port};
use crate::sipp::Sipp;

const CUSTOMER: &str = "13912345678";
/// Busy at the lab: a call that comes to it is over at once.
const BUSY_IN_THE_LAB: &str = "13900000002";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_who_hangs_up_ends_the_call() {
    let claim = Claim::new();
    let desk = desk_with_trunk(claim.sip(), OnlyTrunk).await;
    let sipp = Sipp::answers("customer_hangs_up", &claim);
    let call = desk.dial(LAB_PHONE, CUSTOMER, &[]).await;
    desk.told(&call, "link").await;
    let record = desk.record(&call).await;
    sipp.succeeded().await;
    assert_record(&record, ["ANSWER", "0", "200", "CUSTOMER"], claim.sip());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_customer_is_told_as_such() {
    let claim = Claim::new();
    let desk = desk_with_trunk(claim.sip(), OnlyTrunk).await;
    let sipp = Sipp::answers("customer_busy", &claim);
    let call = desk.dial(LAB_PHONE, CUSTOMER, &[]).await;
    let record = desk.record(&call).await;
    sipp.succeeded().await;
    assert_record(&record, ["CUSTOMER_NO_ANSWER", "decline", "486", "CUSTOMER"], claim.sip());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_insists_gets_its_183_acknowledged() {
    let claim = Claim::new();
    let desk = desk_with_trunk(claim.sip(), OnlyTrunk).await;
    let sipp = Sipp::answers("customer_reliable", &claim);
    let call = desk.dial(LAB_PHONE, CUSTOMER, &[]).await;
    desk.told(&call, "link").await;
    desk.ask(&["hangup", "--agent", LAB_PHONE]).await;
    let record = desk.record(&call).await;
    sipp.succeeded().await;
    assert_record(&record, ["ANSWER", "0", "200", "AGENT"], claim.sip());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_out_of_order_is_followed_by_the_next() {
    let claim = Claim::new();
    let desk = desk_with_trunk(claim.sip(), ThenTheLab).await;
    let sipp = Sipp::answers("trunk_unavailable", &claim);
    let call = desk.dial(LAB_PHONE, BUSY_IN_THE_LAB, &[]).await;
    let record = desk.record(&call).await;
    sipp.succeeded().await;
    assert_record(&record, ["CUSTOMER_NO_ANSWER", "decline", "486", "CUSTOMER"], desk.carrier);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_trunk_is_passed_over() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let desk = desk_with_trunk(silent.local_addr().expect("is bound"), ThenTheLab).await;
    let call = desk.dial(LAB_PHONE, BUSY_IN_THE_LAB, &[]).await;
    let mut asked = [0; 2000];
    let (len, _) = silent.recv_from(&mut asked).await.expect("an INVITE");
    let invite = String::from_utf8_lossy(&asked[..len]).into_owned();
    assert!(invite.starts_with(&format!("INVITE sip:{BUSY_IN_THE_LAB}@")), "{invite}");
    let record = desk.record(&call).await;
    assert_record(&record, ["CUSTOMER_NO_ANSWER", "decline", "486", "CUSTOMER"], desk.carrier);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_is_called_by_tcp() {
    let claim = Claim::new();
    let sipp = Sipp::answers_by_stream("customer_busy", &claim).await;
    let desk = Desk::open(|config, _| {
        config.trunks[0].addresses = vec![host_port(claim.sip())];
        config.trunks[0].transport = Transport::Tcp;
    })
    .await;
    desk.lab_phone_online().await;
    let call = desk.dial(LAB_PHONE, CUSTOMER, &[]).await;
    let record = desk.record(&call).await;
    sipp.succeeded().await;
    assert_record(&record, ["CUSTOMER_NO_ANSWER", "decline", "486", "CUSTOMER"], claim.sip());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_too_large_for_a_datagram_reaches_a_trunk_that_knows_nothing_else() {
    let carrier = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = carrier.local_addr().expect("is bound");
    let desk = Desk::open(|config, _| {
        config.trunks[0].addresses = vec![host_port(address)];
        config.trunks[0].domain = Some(["long"; 40].join("."));
        config.trunks[0].shown_by = ShownBy::Asserted;
    })
    .await;
    desk.lab_phone_online().await;
    let call = desk.dial(LAB_PHONE, CUSTOMER, &[]).await;
    let mut asked = [0; 4000];
    let (len, server) = carrier.recv_from(&mut asked).await.expect("an INVITE");
    assert!(len > 1300, "{len} bytes are no test of this");
    let Ok(Message::Request(invite)) = parse_datagram(&asked[..len]) else { panic!("no request came") };
    assert_eq!(invite.headers.top_via().expect("a Via").transport, "UDP");
    let mut busy = Response::to(&invite, 486);
    let to = invite.headers.get(&HeaderName::To).expect("a To");
    busy.headers.set(HeaderName::To, format!("{to};tag=carrier"));
    carrier.send_to(&busy.encode(), server).await.expect("the server is there");
    let record = desk.record(&call).await;
    assert_record(&record, ["CUSTOMER_NO_ANSWER", "decline", "486", "CUSTOMER"], address);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_is_registered_with_and_left_in_good_order() {
    let claim = Claim::new();
    let sipp = Sipp::answers("registrar", &claim);
    let desk = Desk::open(|config, _| {
        let trunk = &mut config.trunks[0];
        trunk.addresses = vec![host_port(claim.sip())];
        trunk.login =
            Some(SipLogin { user: "customer-4711".to_owned(), password: "secret".to_owned().into() });
        trunk.registration = Some(TrunkRegistration {
            registrar: "carrier.example".to_owned(),
            aor: "sip:customer-4711@carrier.example".to_owned(),
            expires: Duration::from_secs(600),
        });
    })
    .await;
    desk.trunk_works().await;
    desk.close().await;
    sipp.succeeded().await;
}

/// What is behind the trunk under test.
#[derive(PartialEq)]
enum Behind {
    OnlyTrunk,
    ThenTheLab,
}
use Behind::{OnlyTrunk, ThenTheLab};

/// A desk whose agent has a registered phone, so that only customers are called by trunk.
async fn desk_with_trunk(trunk: SocketAddr, behind: Behind) -> Desk {
    let desk = Desk::open(|config, lab| {
        let addresses = &mut config.trunks[0].addresses;
        *addresses = match behind {
            OnlyTrunk => vec![host_port(trunk)],
            ThenTheLab => vec![host_port(trunk), host_port(lab)],
        };
    })
    .await;
    desk.lab_phone_online().await;
    desk
}

/// `expected`: status, failureReason, sipCode, hangUpSide.
#[track_caller]
fn assert_record(record: &Value, expected: [&str; 4], gateway: SocketAddr) {
    let shown = ["status", "failureReason", "sipCode", "hangUpSide"].map(|field| match &record[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    assert_eq!(shown, expected, "{record:#}");
    assert_eq!(record["gatewayIP"], gateway.to_string());
}
