//! SIPp as an agent's phone: registers with digest, answers, holds with a re-INVITE, hangs up.

use std::net::{Ipv6Addr, SocketAddr};

use lab::{Prompt, prompt_samples};
use server::config::SipListen;

use crate::claim::Claim;
use crate::desk::Desk;
use crate::sipp::Sipp;
use crate::sound::{assert_heard, channels};
use crate::strangers::ELSEWHERE;

const AGENT: &str = "8006";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_phone_answers_holds_takes_back_and_hangs_up() {
    let desk = Desk::open(|_, _| {}).await;
    let claim = Claim::new();
    desk.online_without_phone(AGENT).await;
    Sipp::asks("register", claim.sip(), &claim, desk.sip, AGENT, "demo-8006").succeeded().await;
    desk.shows(AGENT, "0").await;

    let phone = Sipp::answers("agent_holds", &claim);
    let call = desk.dial(AGENT, "13900000001", &[]).await;
    for moment in ["calling", "ring", "link", "hangup"] {
        desk.told(&call, moment).await;
    }
    phone.succeeded().await;
    let record = desk.record(&call).await;
    assert_eq!(
        [&record["status"], &record["hangUpSide"], &record["agentTelNumber"], &record["loginType"]],
        ["ANSWER", "AGENT", AGENT, "SIP"],
        "{record:#}"
    );
    let tracks = channels(&desk.recording(&call).await);
    assert_heard("the customer", &prompt_samples(Prompt::Customer), &tracks[1]);
    desk.close().await;
}

/// The agent's phone has nothing but IPv6, the customer's network nothing but IPv4.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_by_ipv6_talks_to_a_customer_by_ipv4() {
    let claim = Claim::new();
    let phone = SocketAddr::from((Ipv6Addr::LOCALHOST, claim.sip().port()));
    let server = SocketAddr::from((Ipv6Addr::LOCALHOST, claim.second_sip().port()));
    let desk = Desk::open(|config, _| {
        config.server.sip.push(SipListen { bind: server, advertised: None });
        config.server.media_addresses.push(server.ip());
    })
    .await;
    desk.online_without_phone(AGENT).await;
    Sipp::asks("register", phone, &claim, server, AGENT, "demo-8006").succeeded().await;
    desk.shows(AGENT, "0").await;

    let phone = Sipp::answers_at("agent_holds", phone, &claim);
    let call = desk.dial(AGENT, "13900000001", &[]).await;
    for moment in ["calling", "ring", "link", "hangup"] {
        desk.told(&call, moment).await;
    }
    phone.succeeded().await;
    let record = desk.record(&call).await;
    assert_eq!([&record["status"], &record["hangUpSide"]], ["ANSWER", "AGENT"], "{record:#}");
    let tracks = channels(&desk.recording(&call).await);
    assert_heard("the customer", &prompt_samples(Prompt::Customer), &tracks[1]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_hands_its_customer_on_by_refer() {
    let desk = Desk::open(|_, _| {}).await;
    let claim = Claim::new();
    desk.online_without_phone(AGENT).await;
    Sipp::asks("register", claim.sip(), &claim, desk.sip, AGENT, "demo-8006").succeeded().await;
    desk.shows(AGENT, "0").await;
    let phone = Sipp::answers("agent_refers", &claim);
    let call = desk.dial(AGENT, "13900000097", &[]).await;
    desk.told(&call, "link").await;
    phone.succeeded().await;
    assert_eq!(desk.calls().await, 1, "the customer talks with the other one, who hangs up");
    let record = desk.record(&call).await;
    assert_eq!([&record["status"], &record["cdrType"]], ["ANSWER", "transferRecord"], "{record:#}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phones_and_strangers_are_answered_by_tcp() {
    let desk = Desk::open(|_, _| {}).await;
    let claim = Claim::new();
    let (local, server) = (claim.sip(), desk.sip);
    Sipp::asks_by_stream("register", local, &claim, server, AGENT, "demo-8006").succeeded().await;
    Sipp::asks_by_stream("register_refused", local, &claim, server, AGENT, "wrong").succeeded().await;
    let stranger = SocketAddr::from((ELSEWHERE, local.port()));
    Sipp::asks_by_stream("stranger_calls", stranger, &claim, server, "13900000001", "demo-8005")
        .succeeded()
        .await;
    assert_eq!(desk.calls().await, 0, "no call came of it");
    desk.close().await;
}
