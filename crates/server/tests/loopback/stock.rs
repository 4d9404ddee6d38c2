//! The scenarios that SIPp comes with, unchanged: as callers of the lab's phones, as the carrier and as agents' phones.
//! What does not fit, and why, is in `interop/README.md`.

use std::net::SocketAddr;

use lab::{LabEvent, PhoneId, Prompt, prompt_samples};
use sip::api::Transport;

use crate::claim::Claim;
use crate::desk::{ANSWERS_AT_ONCE, Desk, LAB_PHONE, host_port};
use crate::sipp::Sipp;
use crate::sound::{assert_heard, channels};

const AGENT: &str = "8006";
const PASSWORD: &str = "demo-8006";
/// Answers after a second, and echoes.
const ECHOES: &str = "13900000016";
/// Answers after a second, and talks.
const TALKS: &str = "13900000001";
/// The same, and hangs up after five seconds.
const HANGS_UP: &str = "13900000008";
/// Datagrams, and one stream.
const TRANSPORTS: [&str; 2] = ["u1", "t1"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uac_regexp_and_uac_pcap_call_the_lab() {
    let desk = Desk::open(|_, _| {}).await;
    let lab = desk.carrier.to_string();
    let mut calls = vec![("uac", ECHOES, ""), ("uac", TALKS, "-rtp_echo"), ("regexp", TALKS, "")];
    // It needs raw sockets for its sound.
    let speaks = rustix::process::geteuid().is_root();
    if speaks {
        calls.push(("uac_pcap", ECHOES, ""));
    }
    let calls: Vec<_> = calls.iter().flat_map(|call| TRANSPORTS.map(|transport| (call, transport))).collect();
    let claims: Vec<_> = calls.iter().map(|_| Claim::new()).collect();
    let start = |(((scenario, number, more), transport), claim): (&(&(&str, &str, &str), &str), &Claim)| {
        let mut args = vec![lab.as_str(), "-t", transport, "-s", number, "-d", "2000"];
        args.extend(Some(*more).filter(|more| !more.is_empty()));
        Sipp::stock(scenario, claim, &args)
    };
    let sipps: Vec<_> = calls.iter().zip(&claims).map(start).collect();
    for sipp in sipps {
        sipp.succeeded().await;
    }
    for phone in (1..=calls.len()).map(|n| PhoneId(n as u64)) {
        let over = |event: &LabEvent| matches!(event, LabEvent::Ended { phone: one, .. } if *one == phone);
        desk.phones.until("end of each call", over).await;
    }
    if speaks {
        let pressed = |event: &LabEvent| matches!(event, LabEvent::DigitHeard { digit: '1', .. });
        let pressed = desk.phones.all().into_iter().filter(pressed).count();
        assert_eq!(pressed, TRANSPORTS.len(), "uac_pcap presses 1");
    }
    desk.close().await;
}

/// A controller between two phones: the first gets an INVITE without an offer, makes one in its 200, and hears the second
/// one's answer in the ACK (RFC 3725 §4.1).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_party_joins_two_phones_of_the_lab() {
    let desk = Desk::open(|_, _| {}).await;
    let lab = desk.carrier.to_string();
    for transport in TRANSPORTS {
        // A phone says its 200 again until the ACK comes, by a stream too (RFC 3261 §13.3.1.4), which SIPp does not expect
        // there: the second phone must be the quicker one.
        let other = if transport == "u1" { ECHOES } else { ANSWERS_AT_ONCE };
        let (claim, other_claim) = (Claim::new(), Claim::new());
        // What the two sides of the controller say to each other goes by a port that no sound needs.
        let talk = SocketAddr::new(claim.sip().ip(), *claim.rtp().end());
        let talk_text = talk.to_string();
        let start = |scenario, claim: &Claim, number| {
            Sipp::stock(scenario, claim, &[&lab, "-t", transport, "-s", number, "-3pcc", &talk_text])
        };
        let b = start("3pcc-C-B", &other_claim, other);
        b.listens(talk).await;
        let a = start("3pcc-C-A", &claim, TALKS);
        a.succeeded().await;
        b.succeeded().await;
    }
    // Each phone heard the other.
    for phone in (1..=4).map(PhoneId) {
        desk.phones.until("sound at each phone", |event| *event == LabEvent::SoundHeard { phone }).await;
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uas_is_the_carrier() {
    carries(Transport::Udp, "u1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uas_is_the_carrier_by_tcp() {
    carries(Transport::Tcp, "t1").await;
}

async fn carries(transport: Transport, option: &str) {
    let claim = Claim::new();
    let desk = Desk::open(|config, _| {
        config.trunks[0].addresses = vec![host_port(claim.sip())];
        config.trunks[0].transport = transport;
    })
    .await;
    desk.lab_phone_online().await;
    let sipp = Sipp::stock("uas", &claim, &["-rtp_echo", "-t", option]);
    let call = desk.dial(LAB_PHONE, "13912345678", &[]).await;
    desk.told(&call, "link").await;
    // They talk for as long as another call takes.
    let (other_claim, lab) = (Claim::new(), desk.carrier.to_string());
    Sipp::stock("uac", &other_claim, &[&lab, "-s", ECHOES, "-d", "3000"]).succeeded().await;
    desk.ask(&["hangup", "--agent", LAB_PHONE]).await;
    assert_eq!(desk.record(&call).await["status"], "ANSWER");
    sipp.succeeded().await;
    // The customer echoes what the agent says.
    let tracks = channels(&desk.recording(&call).await);
    assert_heard("the echo", &prompt_samples(Prompt::Agent), &tracks[1]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uas_is_an_agents_phone() {
    let desk = Desk::open(|_, _| {}).await;
    let claim = Claim::new();
    registered(&desk, &claim).await;
    let phone = Sipp::stock("uas", &claim, &["-rtp_echo"]);
    let call = desk.dial(AGENT, HANGS_UP, &[]).await;
    assert_eq!(desk.record(&call).await["hangUpSide"], "CUSTOMER");
    phone.succeeded().await;
    let tracks = channels(&desk.recording(&call).await);
    assert_heard("the echo", &prompt_samples(Prompt::Customer), &tracks[0]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uas_is_an_agents_phone_by_tcp() {
    let desk = Desk::open(|_, _| {}).await;
    let claim = Claim::new();
    desk.online_without_phone(AGENT).await;
    let phone = Sipp::stays_by_stream("uas", &claim, desk.sip, AGENT, PASSWORD);
    desk.shows(AGENT, "0").await;
    let call = desk.dial(AGENT, HANGS_UP, &[]).await;
    let record = desk.record(&call).await;
    assert_eq!([&record["status"], &record["hangUpSide"]], ["ANSWER", "CUSTOMER"], "{record:#}");
    let messages = phone.messages();
    for said in ["TCP message received", "\nINVITE sip:8006@", "\nACK sip:", "\nBYE sip:"] {
        assert!(messages.contains(said), "no {said:?} in {messages}");
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_two_phones_of_3pcc_are_agent_and_customer() {
    let customer_claim = Claim::new();
    let desk =
        Desk::open(|config, _| config.trunks[0].addresses = vec![host_port(customer_claim.sip())]).await;
    let claim = Claim::new();
    registered(&desk, &claim).await;
    let agent = Sipp::stock("3pcc-A", &claim, &[]);
    let customer = Sipp::stock("3pcc-B", &customer_claim, &[]);
    let call = desk.dial(AGENT, "13912345678", &[]).await;
    desk.told(&call, "link").await;
    desk.ask(&["hangup", "--agent", AGENT]).await;
    assert_eq!(desk.record(&call).await["status"], "ANSWER");
    agent.succeeded().await;
    customer.succeeded().await;
    desk.close().await;
}

/// Signs the agent in, and registers its phone at the claimed port.
async fn registered(desk: &Desk, claim: &Claim) {
    desk.online_without_phone(AGENT).await;
    Sipp::asks("register", claim.sip(), claim, desk.sip, AGENT, PASSWORD).succeeded().await;
    desk.shows(AGENT, "0").await;
}
