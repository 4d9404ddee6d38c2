//! A call of two agents: its recording as a whole, and the part of the second one.

use lab::{LabEvent, Prompt, prompt_samples};
use serde_json::Value;

use crate::desk::{Desk, fetch};
use crate::sound::{assert_heard, assert_not_heard, channels};

/// Talks for five seconds and hangs up.
const CUSTOMER: &str = "13900000008";
/// Samples in a quarter of a second: what may still come of one agent or already of another.
const QUARTER: usize = 2000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_agent_has_files_of_its_own_part_of_the_recording() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8000").await;
    desk.online("8001").await;
    let call = desk.dial("8000", CUSTOMER, &[]).await;
    desk.told(&call, "link").await;
    desk.ask(&["transfer", "--agent", "8000", "--to", "8001"]).await;

    let later = pushed(&desk, &call, "cdr", |push| push["_id"] != *call).await;
    let ready = pushed(&desk, &call, "recordingReady", |push| push["_id"] == *call).await;
    let part = pushed(&desk, &call, "recordingReady", |push| push["_id"] == later["_id"]).await;
    for link in ["recordFileUrl", "doubleTrackFileUrl", "agentFileUrl", "customerFileUrl"] {
        assert_eq!(later[link], part[link], "the record of the second agent has given out the link");
        assert_ne!(ready[link], part[link], "the whole has a file of its own");
    }

    let whole = channels(&fetch(&ready["doubleTrackFileUrl"]).await);
    let part = channels(&fetch(&part["doubleTrackFileUrl"]).await);
    let before = whole[0].len() - part[0].len();
    assert!(
        before >= 8000 && part[0].len() >= 8000,
        "a phone rings for a second, and five are talked in all"
    );
    for (side, of_whole) in part.iter().zip(&whole) {
        assert!(*side == of_whole[before..], "the part goes to the end of the whole");
    }
    let [agent, customer] = [Prompt::Agent, Prompt::Customer].map(prompt_samples);
    assert_heard("the second agent on the left", &agent, &part[0]);
    assert_heard("the customer on the right", &customer, &part[1]);
    assert_not_heard("the customer on the left", &customer, &whole[0]);
    assert_not_heard("the agents on the right", &agent, &whole[1]);
    let while_it_rang = &whole[0][before - 3 * QUARTER..before - QUARTER / 2];
    assert!(while_it_rang.iter().all(|sample| *sample == 0), "one had left and the other was not there");

    let answered = |event: &LabEvent| matches!(event, LabEvent::PhoneAnswered { .. });
    assert_eq!(desk.phones.all().iter().filter(|event| answered(event)).count(), 3);
    desk.close().await;
}

async fn pushed(desk: &Desk, call: &str, kind: &str, which: impl Fn(&Value) -> bool) -> Value {
    let fits = |push: &Value| push["callUniqueId"] == call && push["pushType"] == kind && which(push);
    desk.pushes.until(&format!("{kind} of call {call}"), fits).await
}
