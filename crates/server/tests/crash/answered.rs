//! The narrowest moment: a phone answered, the server's ACK left, and the server dies before it wrote down more. A phone
//! whose 200 was acknowledged repeats nothing, so only what was written down can end its call.

use std::time::Duration;

use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::bare_phone::{BarePhone, STEP_MAX, sdp};
use crate::place::{Agent, Phone, Place};

const AGENT: &str = "8000";
/// From the ACK to the kill.
const KILL_AFTER_US: [u64; 6] = [0, 100, 300, 600, 1_000, 2_000];

#[tokio::test]
async fn a_phone_that_just_answered_gets_its_bye() {
    let phone = Phone::Mobile("13900008000".to_owned());
    let place = Place::new(&[Agent { number: AGENT.to_owned(), phone, wrap_up_s: 0 }], &[]);
    let client = place.client();
    let phone = BarePhone::new(place.carrier()).await;
    let mut server = place.start().await;
    client.must("online", &json!({"agentNumber": AGENT, "loginType": "PSTN", "status": "0"})).await;
    for after_us in KILL_AFTER_US {
        client.dial(AGENT, "13900000001").await;
        let invite = phone.request("INVITE", "").await;
        let call = invite.header("Call-ID");
        phone.answer(&invite, "180 Ringing", "").await;
        phone.answer(&invite, "200 OK", &sdp(place.phones_rtp().start() + 2)).await;
        phone.request("ACK", &call).await;
        if after_us > 0 {
            sleep(Duration::from_micros(after_us)).await;
        }
        server.strike();
        server.gone().await;
        server = place.start().await;
        let bye = timeout(STEP_MAX, phone.request("BYE", &call)).await;
        assert!(bye.is_ok(), "killed {after_us} µs after the ACK: no BYE\n{}", place.lines);
    }
    assert_eq!(place.complaints(), Vec::<String>::new());
}
