//! One endpoint that asks whether a far end is there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "each test program uses a part of the far end")]
mod endpoint_far;

use std::time::Duration;

use endpoint_far::{Did, Far, answer};
use sip::Config;
use sip::api::{Event, Input, ProbeId, Transport};
use sip::message::{HeaderName, Method};

const PATIENCE: Duration = Duration::from_secs(4);

fn asks(far: &mut Far) -> ProbeId {
    far.endpoint.probe(far.now, far.flow, "sip:192.0.2.9:5070", PATIENCE).expect("few are being asked")
}

/// What came of the questions.
fn told(did: &Did) -> Vec<(ProbeId, Option<u16>, Option<u64>)> {
    let probed = |event: &Event| match event {
        Event::Probed { probe, status, retry_after } => {
            Some((*probe, *status, retry_after.map(|after| after.as_secs())))
        }
        _ => None,
    };
    did.events.iter().filter_map(probed).collect()
}

#[test]
fn every_final_answer_is_one() {
    for (status, retry_after) in [(200, None), (404, None), (503, Some(30))] {
        let mut far = Far::new(Config::default());
        let probe = asks(&mut far);
        let options = far.did().one_request(Method::Options);
        assert_eq!(options.uri.to_string(), "sip:192.0.2.9:5070");
        assert!(far.hears(answer(&options, 100, "far")).is_silent());
        let mut last = answer(&options, status, "far");
        if let Some(after) = retry_after {
            last.headers.push(HeaderName::RetryAfter, after.to_string());
        }
        assert_eq!(told(&far.hears(last.clone())), [(probe, Some(status), retry_after)]);
        assert!(far.hears(last).is_silent(), "it is told once");
        assert!(far.waits(40_000).is_silent());
        assert_eq!(far.endpoint.counts(), Default::default());
    }
}

#[test]
fn silence_is_told_when_patience_ends_and_a_late_answer_is_nothing() {
    let mut far = Far::new(Config::default());
    let probe = asks(&mut far);
    let options = far.did().one_request(Method::Options);
    assert_eq!(told(&far.waits(3_999)), []);
    assert_eq!(told(&far.waits(1)), [(probe, None, None)]);
    assert!(far.hears(answer(&options, 200, "far")).is_silent());
    assert_eq!(far.endpoint.counts(), Default::default());
}

#[test]
fn a_stream_that_cannot_be_opened_is_an_answer_too() {
    let mut far = Far::new(Config::default());
    far.flow.transport = Transport::Tcp;
    let probe = asks(&mut far);
    assert_eq!(far.did().connects, [far.flow]);
    far.endpoint.handle_input(far.now, Input::Closed { flow: far.flow });
    assert_eq!(told(&far.did()), [(probe, Some(503), None)]);
}

#[test]
fn a_stream_that_is_lost_is_none() {
    let mut far = Far::new(Config::default());
    far.flow.transport = Transport::Tcp;
    let probe = asks(&mut far);
    far.endpoint.handle_input(far.now, Input::Connected { flow: far.flow });
    far.did().one_request(Method::Options);
    far.endpoint.handle_input(far.now, Input::Closed { flow: far.flow });
    assert_eq!(told(&far.did()), [(probe, None, None)]);
    assert_eq!(far.endpoint.counts(), Default::default());
}

#[test]
fn not_more_are_asked_than_the_limit_and_nothing_unreadable() {
    let mut far = Far::new(Config::default());
    assert_eq!(far.endpoint.probe(far.now, far.flow, "no uri", PATIENCE), None);
    for _ in 0..sip::limits::PROBES_MAX {
        asks(&mut far);
    }
    assert_eq!(far.endpoint.probe(far.now, far.flow, "sip:192.0.2.9", PATIENCE), None);
    far.waits(4_000);
    asks(&mut far);
}
