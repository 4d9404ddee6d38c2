//! How the legs of a real call were heard, as the log of the serving program has it.

use std::time::Duration;

use base::CallId;
use server::store::explain;
use switch::api::{Body, Quality};

use crate::desk::{Desk, ECHO_THEN_HANG_UP};

/// What was measured of the call's legs, once both were.
async fn measured(desk: &Desk, call: &str) -> [Quality; 2] {
    let call = CallId(call.parse().expect("a call's number"));
    let both = async {
        loop {
            let rows = explain(desk.folder.path(), call).expect("the store is there");
            let of_legs = rows.into_iter().filter_map(|(_, entry)| match entry.body {
                Body::Measured { quality, .. } => Some(quality),
                Body::Event(_) | Body::Token { .. } | Body::TokenDone { .. } | Body::Bindings { .. } => None,
            });
            if let Ok(both) = of_legs.collect::<Vec<_>>().try_into() {
                return both;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both).await.expect("both legs are measured in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_legs_of_a_call_are_measured() {
    let desk = Desk::open(|_, _| {}).await;
    desk.online("8000").await;
    let call = desk.dial("8000", ECHO_THEN_HANG_UP, &[]).await;
    desk.record(&call).await;
    for quality in measured(&desk, &call).await {
        // Five seconds are 250 packets; not all of them need to have come on a busy machine.
        assert!(quality.received > 50 && quality.sent > 50, "{quality:?}");
        assert!(quality.mos_hundredths.is_some_and(|mos| (100..=450).contains(&mos)), "{quality:?}");
    }
    desk.close().await;
}
