//! Phones that call by themselves: while their agent talks, as a second line to whom the agent consults; else nobody.

mod kit;

use std::time::Duration;

use kit::floor::{self, COLLEAGUE, Floor, MUSIC};
use kit::{PHONE, TRUNK};
use media::api::Source;
use media::sdp::Direction;
use sip::api::Ended;

const TALKS: u16 = 4;

#[test]
fn a_phone_whose_agent_talks_consults_by_its_second_line() {
    let mut floor = Floor::talking();
    let [first, customer] = floor.legs();
    floor.offers(PHONE, Direction::SendOnly);
    let line = floor.calls("1002");
    floor.bench.ring(COLLEAGUE, 180, None);
    assert_eq!(floor.bench.fars[PHONE].progress, [180], "it rings there");
    floor.bench.answer(COLLEAGUE);
    assert!(floor.bench.fars[PHONE].answered.is_some());
    let [_, _, second, colleague] = floor.legs();
    assert_eq!((floor.heard(customer), floor.heard(first)), (MUSIC, Source::Nothing));
    assert_eq!(floor.heard(second), Source::Stream(colleague.into()));
    assert_eq!(floor.heard(colleague), Source::Stream(second.into()));
    assert!(floor.is_watched(second) && floor.is_watched(colleague) && !floor.is_watched(customer));
    assert_eq!(floor.shows("1001"), TALKS);

    // The second line is hung up: the agent is back with the customer, once the phone takes the first one back.
    let now = floor.bench.now;
    floor.bench.fars[PHONE].endpoint.end(now, line);
    floor.bench.run();
    assert_eq!(floor.bench.fars[COLLEAGUE].ended, [Ended::ByFar]);
    floor.offers(PHONE, Direction::SendRecv);
    assert_eq!(floor.heard(customer), Source::Stream(first.into()));
    assert_eq!(floor.bench.switch.counts().legs_living, 2);
}

#[test]
fn a_phone_that_consults_a_number_outside_goes_by_a_trunk() {
    let mut floor = Floor::talking();
    floor.calls("13900000002");
    assert_eq!(floor.bench.fars[TRUNK].calls, 2);
    assert!(floor.bench.fars[TRUNK].invite_heard().starts_with("INVITE sip:13900000002@first.example"));
}

#[test]
fn a_phone_whose_agent_does_not_talk_calls_nobody() {
    let mut bench = Floor::ready();
    floor::calls(&mut bench, PHONE, "1001", "13900000002");
    assert_eq!(bench.fars[PHONE].ended, [Ended::Refused(403)]);
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
    assert_eq!(bench.fars[TRUNK].calls, 0);
}

#[test]
fn a_second_line_that_finds_no_room_leaves_the_call_alone() {
    let mut config = floor::config_of_two();
    config.legs_max = 3;
    let mut floor = Floor::talking();
    floor.bench.configure(config);
    floor.calls("1002");
    assert_eq!(floor.bench.fars[PHONE].ended, [Ended::Refused(503)]);
    assert_eq!(floor.bench.switch.counts().legs_living, 2);
}

/// Three legs of a call, each with a token of its own.
#[test]
fn after_a_crash_nobody_is_left_on_any_line() {
    let mut floor = Floor::talking();
    floor.calls("1002");
    floor.bench.answer(COLLEAGUE);
    assert_eq!(floor.bench.switch.counts().legs_living, 4);
    floor.bench.crash();
    floor.bench.pass(Duration::from_secs(60));
    floor.bench.assert_at_rest();
    for far in [PHONE, TRUNK, COLLEAGUE] {
        let lines = if far == PHONE { 2 } else { 1 };
        assert_eq!(floor.bench.fars[far].ended, vec![Ended::ByFar; lines], "far end {far}");
    }
}
