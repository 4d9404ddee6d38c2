//! How legs were heard, as the log keeps it.

mod kit;

use std::time::Duration;

use base::LegId;
use callcenter::event::Event;
use kit::{Bench, PHONE, TRUNK};
use media::api::{Counts as Packets, Signal};
use switch::api::{Body, Input, Quality};

const PACKETS: Packets = Packets {
    received: 3000,
    sent: 2990,
    refused: 1,
    lost: 12,
    too_late: 0,
    jitter_ms: 0.0,
    quality: media::quality::Quality {
        late: 3,
        duplicate: 0,
        jitter_mean_ms: 1.5,
        jitter_max_ms: 20.0,
        round_trip: Some(Duration::from_millis(41)),
        far: None,
        mos: Some(4.27),
    },
};

/// What was measured, in the order of the log, with the places of the row and of the end of the leg.
fn measured(bench: &Bench) -> Vec<(LegId, Quality, usize, usize)> {
    let rows = bench.log.iter().enumerate().filter_map(|(row, entry)| match &entry.body {
        Body::Measured { leg, quality, .. } => Some((row, *leg, *quality)),
        _ => None,
    });
    let ended = |wanted: LegId| {
        let is_it = |body: &Body| {
            matches!(body, Body::Event(happened)
                if matches!(happened.event, Event::LegEnded { leg, .. } if leg == wanted))
        };
        bench.log.iter().position(|entry| is_it(&entry.body)).expect("what is measured has ended")
    };
    rows.map(|(row, leg, quality)| (leg, quality, row, ended(leg))).collect()
}

#[test]
fn each_leg_is_measured_once_after_its_end() {
    let (mut bench, call) = Bench::talking();
    bench.counts = PACKETS;
    bench.hang_up(TRUNK);
    bench.pass(Duration::from_secs(40));
    let expected = Quality {
        received: 3000,
        sent: 2990,
        lost: 12,
        late: 3,
        doubled: 0,
        refused: 1,
        jitter_mean_us: 1500,
        jitter_max_us: 20_000,
        round_trip_us: Some(41_000),
        far_lost: None,
        mos_hundredths: Some(427),
    };
    let rows = measured(&bench);
    let mut legs: Vec<LegId> = rows.iter().map(|(leg, ..)| *leg).collect();
    legs.sort();
    assert_eq!(legs, bench.legs());
    for (leg, quality, row, ended) in rows {
        assert_eq!(quality, expected);
        assert!(ended < row, "leg {leg} is measured in row {row}, and ends in row {ended}");
        bench.input(Input::Media(Signal::Closed { stream: leg.into(), counts: PACKETS }));
    }
    let of_call = |body: &Body| matches!(body, Body::Measured { call: of, .. } if *of == call);
    assert_eq!(bench.log.iter().filter(|entry| of_call(&entry.body)).count(), 2);
    bench.assert_at_rest();
    bench.crash();
    assert_eq!(measured(&bench).len(), 2, "a restart reads over it");
    bench.assert_at_rest();
}

#[test]
fn a_leg_without_sound_leaves_nothing() {
    let (mut bench, _) = Bench::talking();
    bench.hang_up(PHONE);
    bench.pass(Duration::from_secs(40));
    assert_eq!(measured(&bench), []);
    bench.assert_at_rest();
}

#[test]
fn a_stream_that_was_never_open_is_not_waited_for() {
    let mut bench = Bench::ready();
    bench.dial_out();
    bench.counts = PACKETS;
    let stream = bench.legs()[0].into();
    bench.input(Input::Media(Signal::OpenFailed { stream }));
    bench.pass(Duration::from_secs(40));
    bench.assert_at_rest();
}
