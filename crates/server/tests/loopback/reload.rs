//! The configuration changes while twenty calls talk: none is dropped, none misses a word, and what is new counts from then
//! on.

use std::time::Duration;

use callcenter::config::{AccountStatus, AgentStatus, RecordingMode};
use server::config::Config;
use switch::config::TrunkChoice;

use crate::desk::{Desk, MORE_AGENTS, fetch};
use crate::sound::{assert_heard, channels};

/// Speaks until hung up.
const CUSTOMER: &str = "13900000001";
/// Rings for two seconds and declines: time for the others to talk.
const DECLINES: &str = "13900000004";
/// Samples of a packet.
const PACKET: usize = 160;

/// One change of each kind. The last one has to be undone before anybody can hang up.
const CHANGES: [fn(&mut Config); 8] = [
    |_same| {},
    |config| {
        config.accounts[0].agents.iter_mut().for_each(|agent| agent.center.status = AgentStatus::Disabled)
    },
    |config| config.accounts[0].agents.truncate(1),
    |config| config.accounts[0].recording = RecordingMode::Off,
    |config| config.trunks[0].name = "another".to_owned(),
    |config| {
        config.trunks.clear();
        config.accounts[0].trunks.clear();
    },
    |config| {
        config.server.silence_max = Some(Duration::from_secs(5));
        config.server.legs_max = 2;
        config.accounts[0].calls_max = 1;
    },
    |config| config.accounts[0].status = AccountStatus::Removed,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_calls_go_on_whatever_is_reloaded() {
    let mut desk = Desk::open(|_, _| {}).await;
    let agents: Vec<String> = MORE_AGENTS.map(|number| number.to_string()).collect();
    desk.online("8000").await;
    for agent in &agents {
        desk.online(agent).await;
    }
    let mut calls = Vec::new();
    for agent in &agents {
        calls.push(desk.dial(agent, CUSTOMER, &[]).await);
    }
    for call in &calls {
        desk.told(call, "link").await;
    }

    let before = desk.config();
    for changes in CHANGES.chunks(4) {
        for change in changes {
            let mut config = before.clone();
            change(&mut config);
            desk.reload(config).await;
            assert_eq!(desk.calls().await, calls.len(), "every call is there after each reload");
        }
        if desk.config().accounts[0].status == AccountStatus::Removed {
            assert_eq!(desk.refused(&["dialOut", "--agent", "8000", "--to", CUSTOMER]).await, "6717");
        }
        desk.reload(before.clone()).await;
        let other = desk.dial("8000", DECLINES, &[]).await;
        desk.record(&other).await;
        assert_eq!(desk.calls().await, calls.len(), "every call is still there");
    }

    for (agent, call) in agents.iter().zip(&calls) {
        desk.ask(&["hangup", "--agent", agent]).await;
        let record = desk.record(call).await;
        assert_eq!(record["status"], "ANSWER", "{record}");
        assert_eq!(record["hangUpSide"], "AGENT", "{record}");
    }
    for call in &calls {
        let ready = desk.pushed(call, "recordingReady").await;
        let file = fetch(&ready["doubleTrackFileUrl"]).await;
        let customer = &channels(&file)[1];
        assert_heard("the customer", &lab::prompt_samples(lab::Prompt::Customer), customer);
        assert_no_gap(call, customer);
    }

    // New calls are made as the file says now.
    let mut config = desk.config();
    let mut fresh = config.accounts[0].agents[0].clone();
    fresh.center.number = "9000".to_owned();
    config.accounts[0].agents.push(fresh);
    config.trunks[0].name = "renamed".to_owned();
    config.accounts[0].trunks = TrunkChoice::in_order(["renamed"]);
    desk.reload(config).await;
    desk.online("9000").await;
    let call = desk.dial("9000", CUSTOMER, &[]).await;
    desk.told(&call, "link").await;
    desk.ask(&["hangup", "--agent", "9000"]).await;
    desk.record(&call).await;
    desk.close().await;
}

/// In the place of a packet that was lost a track has nothing at all; silence that was sent is not quite nothing.
fn assert_no_gap(call: &str, track: &[i16]) {
    let begin = track.iter().position(|sample| *sample != 0).expect("something was said");
    let end = track.iter().rposition(|sample| *sample != 0).expect("something was said");
    let packets = track[begin..end].chunks_exact(PACKET);
    let (all, empty) =
        (packets.len(), packets.filter(|packet| packet.iter().all(|sample| *sample == 0)).count());
    assert!(all > 20 && empty * 100 <= all, "{empty} of {all} packets of call {call} are missing");
}
