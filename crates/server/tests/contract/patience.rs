//! What the border does while others take their time: a store that cannot be written, a first request that is still being
//! carried out.

use std::sync::Arc;

use super::fakes::{Core, World, code, json};
use axum::body::Body;
use base::CallId;
use callcenter::command::{Accepted, Refusal};
use serde_json::Value;

const DIAL: &str = "/openapi/v1/call/dialOut";
const BODY: &str = r#"{"agentNumber":"8000","calleeNumber":"17319132391"}"#;

async fn dial_with_key(world: Arc<World>, key: &'static str) -> Value {
    let request = world.signed(DIAL).header("idempotency-key", key).body(Body::from(BODY)).unwrap();
    json(world.response(request).await).await
}

fn asked(world: &World) -> usize {
    world.asked.lock().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_written_refuses_and_does_nothing() {
    let world = World::new();
    world.uses_stalled.send_replace(true);
    assert_eq!(code(&world.ask(DIAL, BODY).await), "6700");
    assert_eq!(asked(&world), 0);
    world.uses_stalled.send_replace(false);
    assert_eq!(code(&world.ask(DIAL, BODY).await), "200");
}

#[tokio::test(start_paused = true)]
async fn a_key_claimed_too_late_is_given_back() {
    let world = World::new();
    world.keys_stalled.send_replace(true);
    assert_eq!(code(&dial_with_key(world.clone(), "k").await), "6700");
    world.keys_stalled.send_replace(false);
    tokio::task::yield_now().await;
    assert_eq!(asked(&world), 0);
    assert_eq!(code(&dial_with_key(world.clone(), "k").await), "200", "the key is fresh");
    assert_eq!(asked(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_waits_for_the_answer_to_the_first() {
    let world = World::new();
    *world.core.lock().unwrap() = Core::SaysWhenTold(Ok(Accepted { call: Some(CallId(42)) }));
    let first = tokio::spawn(dial_with_key(world.clone(), "k"));
    let repeats: Vec<_> = (0..8).map(|_| tokio::spawn(dial_with_key(world.clone(), "k"))).collect();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    world.told.notify_one();
    let first = first.await.unwrap();
    assert_eq!(code(&first), "200");
    for repeat in repeats {
        assert_eq!(repeat.await.unwrap(), first);
    }
    assert_eq!(asked(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_is_carried_out_when_the_first_came_to_nothing() {
    let world = World::new();
    *world.core.lock().unwrap() = Core::SaysWhenTold(Err(Refusal::LogUnavailable));
    let first = tokio::spawn(dial_with_key(world.clone(), "k"));
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    let repeat = tokio::spawn(dial_with_key(world.clone(), "k"));
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    world.says(Ok(Accepted { call: Some(CallId(42)) }));
    world.told.notify_one();
    assert_eq!(code(&first.await.unwrap()), "6700");
    assert_eq!(code(&repeat.await.unwrap()), "200");
    assert_eq!(asked(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repeat_does_not_wait_for_ever_and_a_client_that_goes_away_loses_nothing() {
    let world = World::new();
    *world.core.lock().unwrap() = Core::SaysWhenTold(Ok(Accepted { call: Some(CallId(42)) }));
    let first = tokio::spawn(dial_with_key(world.clone(), "k"));
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    first.abort();
    assert_eq!(code(&dial_with_key(world.clone(), "k").await), "50007");
    world.told.notify_one();
    assert_eq!(code(&dial_with_key(world.clone(), "k").await), "200");
    assert_eq!(asked(&world), 1);
}
