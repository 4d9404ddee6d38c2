//! baresip as a phone of an agent or a customer: sound as a phone of somebody else's make hears and says it.

use lab::{Prompt, prompt_samples};
use media::codec::Codec;

use crate::baresip::{AGENT, Baresip, By};
use crate::claim::Claim;
use crate::desk::{Desk, ECHO_THEN_HANG_UP, LAB_PHONE, host_port};
use crate::sound::{assert_heard, assert_not_heard, channels};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agent_and_customer_hear_each_other() {
    let desk = Desk::open(|_, _| {}).await;
    let phone = signed_in(&desk).await;
    // This customer talks for five seconds and hangs up.
    let call = desk.dial(AGENT, "13900000008", &[]).await;
    let tracks = channels(&desk.recording(&call).await);
    let (customer, agent) = (prompt_samples(Prompt::Customer), voice());
    assert_heard("the customer, by the agent,", &customer, &phone.heard().await);
    assert_heard("the agent, in the recording,", &agent, &tracks[0]);
    assert_heard("the customer, in the recording,", &customer, &tracks[1]);
    assert_not_heard("the customer on the agent's track", &customer, &tracks[0]);
    assert_not_heard("the agent on the customer's track", &agent, &tracks[1]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_hears_why_the_network_refuses() {
    let desk = Desk::open(|_, _| {}).await;
    let phone = signed_in(&desk).await;
    let call = desk.dial(AGENT, "13900000005", &[]).await;
    assert_eq!(desk.record(&call).await["sipCode"], 404);
    let heard = phone.heard().await;
    assert_heard("the announcement", &prompt_samples(Prompt::VacantNumber), &heard);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_brings_the_agents_own_voice_back() {
    let desk = Desk::open(|_, _| {}).await;
    let phone = signed_in(&desk).await;
    let call = desk.dial(AGENT, ECHO_THEN_HANG_UP, &[]).await;
    assert_eq!(desk.record(&call).await["hangUpSide"], "CUSTOMER");
    assert_heard("the echo", &voice(), &phone.heard().await);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_holds_takes_back_and_hangs_up() {
    for by in [By::Udp, By::Tcp] {
        let desk = Desk::open(|_, _| {}).await;
        let phone = signed_in_by(&desk, by).await;
        let call = desk.dial(AGENT, "13900000001", &[]).await;
        desk.told(&call, "link").await;
        // What it offers, and what it is answered.
        phone.does("hold").await;
        phone.has_line("a=sendonly", 1).await;
        phone.has_line("a=recvonly", 1).await;
        phone.does("resume").await;
        // The first two were offer and answer of the call itself.
        phone.has_line("a=sendrecv", 4).await;
        phone.does("hangup").await;
        let record = desk.record(&call).await;
        assert_eq!([&record["status"], &record["hangUpSide"]], ["ANSWER", "AGENT"], "{by:?}: {record:#}");
        desk.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_hangs_up_or_is_hung_up_on() {
    const NUMBER: &str = "13912345678";
    let claim = Claim::new();
    let at = claim.sip();
    let desk = Desk::open(|config, _| config.trunks[0].addresses = vec![host_port(at)]).await;
    desk.lab_phone_online().await;
    let customer = Baresip::customer(claim, NUMBER, &said()).await;
    for side in ["CUSTOMER", "AGENT"] {
        let call = desk.dial(LAB_PHONE, NUMBER, &[]).await;
        desk.told(&call, "link").await;
        match side {
            "CUSTOMER" => customer.does("hangup").await,
            _ => drop(desk.ask(&["hangup", "--agent", LAB_PHONE]).await),
        }
        let record = desk.record(&call).await;
        assert_eq!([&record["status"], &record["hangUpSide"]], ["ANSWER", side], "{record:#}");
        desk.free_again(LAB_PHONE, &call).await;
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_with_g722_and_a_customer_without_hear_each_other() {
    let desk = Desk::open(|config, _| config.server.phone_codecs = vec![Codec::G722]).await;
    desk.online_without_phone(AGENT).await;
    let phone = Baresip::registered_for_g722(desk.sip, &said()).await;
    desk.shows(AGENT, "0").await;
    let call = desk.dial(AGENT, "13900000008", &[]).await;
    let tracks = channels(&desk.recording(&call).await);
    phone.has_line("rtpmap:9 G722/8000", 2).await;
    let customer = prompt_samples(Prompt::Customer);
    assert_heard("the customer, by the agent,", &customer, &phone.heard().await);
    assert_heard("the agent, in the recording,", &voice(), &tracks[0]);
    assert_heard("the customer, in the recording,", &customer, &tracks[1]);
    desk.close().await;
}

/// Signs the agent of baresip in, and its phone.
async fn signed_in(desk: &Desk) -> Baresip {
    signed_in_by(desk, By::Udp).await
}

async fn signed_in_by(desk: &Desk, by: By) -> Baresip {
    desk.online_without_phone(AGENT).await;
    let phone = Baresip::registered_by(by, desk.sip, &said()).await;
    desk.shows(AGENT, "0").await;
    phone
}

/// Half a minute of it: at its end baresip hangs up.
fn said() -> Vec<i16> {
    voice().into_iter().cycle().take(8000 * 30).collect()
}

/// What the agent says: not what the lab's agents and customers say.
fn voice() -> Vec<i16> {
    prompt_samples(Prompt::MailboxGreeting)
}
