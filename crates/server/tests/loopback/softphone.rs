//! baresip as an agent's phone: sound as a phone of somebody else's make hears and says it.

use lab::{Prompt, prompt_samples};

use crate::baresip::{AGENT, Baresip};
use crate::desk::{Desk, ECHO_THEN_HANG_UP};
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

/// Signs the agent of baresip in, and its phone.
async fn signed_in(desk: &Desk) -> Baresip {
    desk.online_without_phone(AGENT).await;
    let said: Vec<i16> = voice().into_iter().cycle().take(8000 * 30).collect();
    let phone = Baresip::registered(desk.sip, &said).await;
    desk.shows(AGENT, "0").await;
    phone
}

/// What the agent says: not what the lab's agents and customers say.
fn voice() -> Vec<i16> {
    prompt_samples(Prompt::MailboxGreeting)
}
