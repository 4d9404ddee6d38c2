//! SIPp as an agent's phone: registers with digest, answers, holds with a re-INVITE, hangs up.

use lab::{Prompt, prompt_samples};

use crate::claim::Claim;
use crate::desk::Desk;
use crate::sipp::Sipp;
use crate::sound::{assert_heard, channels};

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
