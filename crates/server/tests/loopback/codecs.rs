//! Ends of a call that speak different codecs.

use lab::{Prompt, prompt_samples};
use media::codec::Codec;

use crate::desk::{Desk, ECHO_THEN_HANG_UP, LAB_PHONE};
use crate::sound::{assert_drawn, assert_heard, channels};

/// The customer echoes, so the agent's voice is on both tracks: as it was said, and as it came and went by the other codec.
async fn is_heard_and_echoed(phone: Codec, trunk: Codec) {
    let desk = Desk::open(|config, _| {
        config.server.phone_codecs = vec![phone];
        config.trunks[0].codecs = vec![trunk];
    })
    .await;
    desk.lab_phone_online().await;
    let call = desk.dial(LAB_PHONE, ECHO_THEN_HANG_UP, &[]).await;
    assert_eq!(desk.record(&call).await["status"], "ANSWER");
    let tracks = channels(&desk.recording(&call).await);
    let assert = if [phone, trunk].contains(&Codec::G729) { assert_drawn } else { assert_heard };
    for (what, track) in ["the agent", "the echo"].into_iter().zip(&tracks) {
        assert(&format!("{what} by {phone:?} and {trunk:?}"), &prompt_samples(Prompt::Agent), track);
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_with_g722_and_a_trunk_without_hear_each_other() {
    is_heard_and_echoed(Codec::G722, Codec::Pcma).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_with_g729_and_a_phone_without_hear_each_other() {
    is_heard_and_echoed(Codec::Pcma, Codec::G729).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_ends_with_g729_hear_each_other_and_are_recorded() {
    is_heard_and_echoed(Codec::G729, Codec::G729).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trunk_with_g722_and_a_phone_without_hear_each_other() {
    is_heard_and_echoed(Codec::Pcmu, Codec::G722).await;
}
