//! From packets on a bad network to sound files: what each side said is on its channel, when it was said.

use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Now, Random, StreamId, Wall};
use media::api::{Command, Family, Ptime, Signal, Terms};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Output};
use media::g711::{self, Law};
use media::recording::{Ending, Files, Frame, Head, Reader, Rendered, Writer, render};
use media::rtp::Stamp;
use media::wav;
use proptest::prelude::*;

const CALL: CallId = CallId(1);
const TRACKS: [StreamId; 2] = [StreamId(10), StreamId(11)];
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];
const LAWS: [Law; 2] = [Law::A, Law::Mu];
const FRAME_US: u64 = 20_000;
/// The longest delay of the network below, less the shortest: the recording's clock is that of arrival.
const JITTER_MAX_US: u64 = 60_000;
const LENGTH: Duration = Duration::from_secs(60);

fn head() -> Head {
    Head { call: CALL, started: Wall::from_millis(1_790_000_000_000), meta: b"{}".to_vec() }
}

fn far(track: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 4000 + 2 * u16::try_from(track).expect("0 or 1")))
}

/// Whether a side speaks at a moment: 300 ms in every 2 s, the customer 1 s after the agent.
fn speaks(track: usize, us: u64) -> bool {
    (us + 1_000_000 * track as u64) % 2_000_000 < 300_000
}

/// The sample that a side says at a moment: a sweep, upwards by the agent, downwards by the customer.
fn said(track: usize, us: u64) -> i16 {
    let secs = ((us + 1_000_000 * track as u64) % 2_000_000) as f64 / 1e6;
    let hz = [400.0 + 3500.0 * secs, 2500.0 - 3500.0 * secs][track];
    let turn = std::f64::consts::TAU * hz * secs;
    if speaks(track, us) { (8000.0 * turn.sin()) as i16 } else { 0 }
}

/// One packet on its way.
struct Sent {
    arrives_us: u64,
    track: usize,
    stamp: Stamp,
    payload: Vec<u8>,
}

/// What both sides send in a minute over a network that loses, doubles, delays and reorders. The customer's clock runs
/// 200 ppm fast, and its sender starts again with other numbers half way.
fn network(seed: u64) -> Vec<Sent> {
    let mut random = Random::from_number(seed);
    let mut packets = Vec::new();
    for track in 0..2 {
        let rate = [1.0, 1.0002][track];
        for n in 0..3000u32 {
            let restarted = track == 1 && n >= 1500;
            let made_us = (f64::from(n) * FRAME_US as f64 / rate) as u64;
            let payload =
                (0..160).map(|k| g711::encode(LAWS[track], said(track, made_us + k * 125))).collect();
            let stamp = Stamp {
                marker: false,
                payload_number: CODECS[track].payload(),
                sequence: (n as u16).wrapping_add(if restarted { 77 } else { 65_000 }),
                timestamp: (160 * n).wrapping_add(if restarted { 5 } else { u32::MAX - 100_000 }),
                ssrc: if restarted { 2 } else { 1 },
            };
            let delay = random.below(JITTER_MAX_US);
            if random.chance(2) {
                continue;
            }
            let copies = if random.chance(2) { 2 } else { 1 };
            for copy in 0..copies {
                let arrives_us = made_us + delay + copy * random.below(5_000);
                packets.push(Sent { arrives_us, track, stamp, payload: Vec::clone(&payload) });
            }
        }
    }
    packets.sort_by_key(|packet| packet.arrives_us);
    packets
}

/// Runs the packets through an engine that records, and returns the track file.
fn record(packets: Vec<Sent>) -> Vec<u8> {
    let start = Now::default().later(Duration::from_secs(5));
    let mut engine = Engine::new(EngineConfig { sounds: Vec::new(), streams_max: 2 }, Random::from_number(1));
    for (track, stream) in TRACKS.into_iter().enumerate() {
        let (codec, payload) = (CODECS[track], CODECS[track].payload());
        let terms = Terms {
            remote: Some(far(track)),
            peer: None,
            codec,
            payload,
            events: None,
            ptime: Ptime::default(),
            send: true,
            receive: true,
        };
        engine.handle_command(start, Command::Open { stream, call: CALL, port: 30_000, family: Family::V4 });
        engine.handle_command(start, Command::Agree { stream, terms });
    }
    engine.handle_command(start, Command::Record { call: CALL, agent: TRACKS[0], customer: TRACKS[1] });
    let mut writer = Writer::new(&head()).expect("short meta");
    let mut drain = |engine: &mut Engine| loop {
        match engine.poll_output() {
            Some(Output::Store(stored)) => {
                writer.append(&stored.block);
                engine.take_back(stored.block);
            }
            Some(Output::Send { .. } | Output::Report { .. }) => {}
            Some(Output::Signal(Signal::RecordingStopped { call, length })) => break Some((call, length)),
            Some(Output::Signal(_)) => {}
            None => break None,
        }
    };
    for Sent { arrives_us, track, stamp, payload } in packets {
        let now = start.later(Duration::from_micros(arrives_us));
        let mut packet = [&stamp.to_bytes()[..], &payload].concat();
        engine.handle_rtp(now, TRACKS[track], far(track), &mut packet);
        engine.handle_timeout(now);
        assert_eq!(drain(&mut engine), None);
    }
    engine.handle_command(start.later(LENGTH), Command::StopRecord { call: CALL });
    assert_eq!(drain(&mut engine), Some((CALL, LENGTH)));
    writer.pending().to_vec()
}

/// The four files, as samples: mixed, left, right, agent, customer.
struct Rendering {
    rendered: Rendered,
    mixed: Vec<i16>,
    stereo: [Vec<i16>; 2],
    sides: [Vec<i16>; 2],
}

fn rendering(file: &[u8], length: Duration) -> Rendering {
    let mut files =
        Files { mixed: Some(vec![]), stereo: Some(vec![]), agent: Some(vec![]), customer: Some(vec![]) };
    let reader = Reader::new(file).expect("the head is whole");
    assert_eq!(reader.head(), &head());
    let rendered = render(reader, Duration::ZERO..length, &mut files).expect("memory has no errors");
    let Files { mixed: Some(mixed), stereo: Some(stereo), agent: Some(agent), customer: Some(customer) } =
        files
    else {
        unreachable!("all four were given")
    };
    let mono = |file: &[u8]| {
        let wav = wav::read(file).expect("a WAV file");
        assert_eq!((wav.rate_hz, file.len()), (8000, 44 + 2 * wav.samples.len()));
        wav.samples
    };
    assert_eq!(stereo[22..24], [2, 0]);
    let side = |offset: usize| {
        let frames = stereo[44..].chunks_exact(4);
        frames.map(|frame| i16::from_le_bytes([frame[offset], frame[offset + 1]])).collect()
    };
    Rendering {
        rendered,
        mixed: mono(&mixed),
        stereo: [side(0), side(2)],
        sides: [mono(&agent), mono(&customer)],
    }
}

/// The shift of `heard` against what was said in the burst that begins at sample `start`, at which the two are most alike,
/// and how alike they are then, 0 to 1. Shifts up to 40 ms are tried.
fn shift(heard: &[i16], track: usize, start: usize) -> (i64, f64) {
    let burst: Vec<f64> = (start..start + 2400).map(|n| f64::from(said(track, n as u64 * 125))).collect();
    let norm = |samples: &[f64]| samples.iter().map(|s| s * s).sum::<f64>().sqrt();
    let alike = |shift: i64| -> f64 {
        let from =
            start.checked_add_signed(isize::try_from(shift).expect("small")).expect("not the first burst");
        let heard: Vec<f64> = heard[from..from + 2400].iter().map(|s| f64::from(*s)).collect();
        let product: f64 = burst.iter().zip(&heard).map(|(a, b)| a * b).sum();
        product / (norm(&burst) * norm(&heard)).max(1.0)
    };
    let shifts = (-320..=320).map(|shift| (shift, alike(shift)));
    shifts.max_by(|a, b| a.1.total_cmp(&b.1)).expect("641 shifts")
}

#[test]
fn each_side_is_on_its_channel_at_its_time() {
    for seed in [1, 2] {
        let rendering = rendering(&record(network(seed)), LENGTH);
        assert_eq!(rendering.rendered.ending, Ending::Whole);
        assert_eq!(rendering.rendered.samples, 480_000);
        assert!(rendering.rendered.packets.iter().all(|count| (2900..3100).contains(count)));
        assert_eq!(rendering.stereo, rendering.sides);
        for (track, side) in rendering.sides.iter().enumerate() {
            assert_eq!(side.len(), 480_000);
            for burst in (1..28).step_by(6) {
                let start = burst * 16_000 + 8_000 * track;
                let (shift, alike) = shift(side, track, start);
                assert!(shift.abs() <= 160, "seed {seed}, track {track}, burst {burst}: {shift} samples off");
                assert!(alike > 0.6, "seed {seed}, track {track}, burst {burst}: {alike}");
            }
        }
        let [agent, customer] = &rendering.sides;
        for (n, mixed) in rendering.mixed.iter().enumerate() {
            assert_eq!(*mixed, agent[n].saturating_add(customer[n]));
        }
    }
}

#[test]
fn what_is_not_lost_is_in_its_place_to_the_sample() {
    let packets = network(3).into_iter().filter(|packet| packet.track == 0);
    let packets: Vec<Sent> = packets.collect();
    let mut numbers: Vec<u16> = packets.iter().map(|packet| packet.stamp.sequence).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let lost = 3000 - numbers.len();
    let rendering = rendering(&record(packets), LENGTH);
    let agent = &rendering.sides[0];
    assert!(rendering.sides[1].iter().all(|sample| *sample == 0));
    assert_eq!(&rendering.mixed, agent);
    let said: Vec<i16> =
        (0..470_000).map(|n| g711::decode(Law::A, g711::encode(Law::A, said(0, n * 125)))).collect();
    let same = |shift: usize, until: usize| (0..until).filter(|n| agent[n + shift] == said[*n]).count();
    // The one shift is the delay of the least delayed packet.
    let shift = (0..480).max_by_key(|shift| same(*shift, 20_000)).expect("480 shifts");
    // Delay, reordering and doubles leave no trace: but for the lost packets every sample is in its place.
    let missing = 470_000 - same(shift, 470_000);
    assert!(lost > 0 && missing <= lost * 160, "{missing} samples are wrong, {lost} packets were lost");
}

/// A sine from a clock that is 1,000 ppm fast or slow, in every codec, and in all one after the other: each sample of a
/// sine follows from the two before it, and goes on doing so where the clock is followed.
#[test]
fn following_a_clock_is_not_heard() {
    let omega = std::f64::consts::TAU * 1010.0 / 8000.0;
    let speak = |rate: f64, codecs: &[Codec]| -> Vec<i16> {
        let mut writer = Writer::new(&head()).expect("short meta");
        let mut encoder = media::g722::Encoder::default();
        for n in 0..3000u32 {
            let codec = codecs[n as usize * codecs.len() / 3000];
            let samples = (160 * n..160 * (n + 1)).map(|k| (8000.0 * (omega * f64::from(k)).sin()) as i16);
            let payload: Vec<u8> = match codec.law() {
                Some(law) => samples.map(|sample| g711::encode(law, sample)).collect(),
                None => samples.map(|sample| encoder.narrow(sample)).collect(),
            };
            let at_us = (f64::from(n) * 20_000.0 / rate) as u64;
            let frame =
                Frame { track: 0, at_us, codec, timestamp: 160 * n, sequence: n as u16, payload: &payload };
            writer.push(&frame);
        }
        rendering(writer.pending(), LENGTH).sides[0].clone()
    };
    for codecs in
        [&[Codec::Pcma][..], &[Codec::Pcmu], &[Codec::G722], &[Codec::Pcma, Codec::G722, Codec::Pcmu]]
    {
        for rate in [0.999, 1.0, 1.001] {
            let heard = speak(rate, codecs);
            let error = |window: &[i16]| {
                let [a, b, c] = [0, 1, 2].map(|n| f64::from(window[n]));
                (a + c - 2.0 * omega.cos() * b).abs()
            };
            // G.711 itself is off by up to 400 so loud; a slip of one sample would be by 5,000. A codec that begins anew
            // in the middle of a sine is heard for a moment.
            let loudest = heard[400..478_000].windows(3).map(error).fold(0.0, f64::max);
            let begins_anew = codecs.len() > 1;
            assert!(loudest < 900.0 || begins_anew, "{codecs:?} at {rate}: {loudest}");
            let wrong = heard[400..478_000].windows(3).filter(|window| error(window) > 900.0).count();
            assert!(wrong < 400, "{codecs:?} at {rate}: {wrong} samples");
        }
    }
}

#[test]
fn a_torn_file_is_rendered_up_to_the_tear() {
    let whole = record(network(4));
    let torn = &whole[..whole.len() / 2 + 7];
    let (full, half) = (rendering(&whole, LENGTH), rendering(torn, LENGTH));
    assert_eq!(half.rendered.ending, Ending::Torn);
    assert_eq!(half.mixed.len(), 480_000);
    // The last half second could have been placed better by what came after it.
    assert_eq!(half.mixed[..230_000], full.mixed[..230_000]);
    assert!(half.mixed[250_000..].iter().all(|sample| *sample == 0));
    assert!(full.mixed[250_000..].iter().any(|sample| *sample != 0));
}

#[test]
fn a_long_call_with_little_said_has_its_length() {
    let mut writer = Writer::new(&head()).expect("short meta");
    for minute in [1, 9] {
        let payload = &[0x2a; 160];
        let at_us = minute * 60_000_000;
        writer.push(&Frame { track: 1, at_us, codec: Codec::Pcma, timestamp: 0, sequence: 0, payload });
    }
    let rendering = rendering(writer.pending(), Duration::from_millis(600_010));
    assert_eq!(rendering.mixed.len(), 4_800_080);
    let loud: Vec<usize> = (0..4_800_080).filter(|n| rendering.mixed[*n] != 0).collect();
    assert_eq!(loud, (480_000..480_160).chain(4_320_000..4_320_160).collect::<Vec<_>>());
}

#[test]
fn only_what_is_wanted_is_made_and_too_much_is_refused() {
    let file = record(Vec::new());
    let mut files = Files { customer: Some(Vec::new()), ..Files::default() };
    let second = Duration::ZERO..Duration::from_secs(1);
    render(Reader::new(&file[..]).expect("a head"), second, &mut files).expect("short");
    assert_eq!(files.customer.map(|file| file.len()), Some(44 + 16_000));
    let mut none: Files<Vec<u8>> = Files::default();
    let day_and_hour = Duration::ZERO..Duration::from_secs(90_000);
    let long = render(Reader::new(&file[..]).expect("a head"), day_and_hour, &mut none);
    assert_eq!(long.expect_err("25 hours").to_string(), "length 90000 s: the limit is 86400 s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_stored_the_files_have_the_given_length(
        packets in prop::collection::vec(
            (0u8..40, any::<bool>(), prop_oneof![0u64..3_000_000, any::<u64>()], any::<u32>(), 0usize..400), 0..60),
        ms in 0u64..2_500,
    ) {
        let mut writer = Writer::new(&head()).expect("short meta");
        for (track, mu, at_us, timestamp, len) in packets {
            let codec = if mu { Codec::Pcmu } else { Codec::Pcma };
            let payload = &[3; 400][..len];
            writer.push(&Frame { track, at_us, codec, timestamp, sequence: 0, payload });
        }
        let rendering = rendering(writer.pending(), Duration::from_millis(ms));
        prop_assert_eq!(rendering.mixed.len() as u64, ms * 8);
    }
}
