//! Recordings of which the sounds change in mid-call: each side has the tones of just those who were stored, when they were.

use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Now, Random, StreamId, Wall};
use media::api::{Command, Family, Ptime, Side, Signal, Source, StreamSound, Terms, Track};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Output};
use media::g711;
use media::g722::Encoder;
use media::limits::RECORDING_TRACKS_MAX;
use media::recording::{Files, Head, Reader, Writer, render};
use media::rtp::Stamp;
use media::sound::Sound;
use media::wav;
use proptest::prelude::*;

const CALL: CallId = CallId(1);
const CODECS: [Codec; 3] = [Codec::Pcma, Codec::Pcmu, Codec::G722];
const FRAME_MS: u64 = 20;
const WINDOW: usize = 160;
const LEVEL: f64 = 4000.0;
/// What is stored is so by its arrival: at an edge a tone may be heard so much longer or shorter.
const EDGE_MS: u64 = 40;
/// For how long a decoder of G.722 that begins in the middle is not itself.
const ADAPT_MS: u64 = 100;
/// Whoever hears music.
const HELD: usize = 3;

/// The tone of a far end; those of all have whole periods in a window, so they are told apart exactly.
fn hz(speaker: usize) -> f64 {
    450.0 + 250.0 * speaker as f64
}

const MUSIC_HZ: f64 = 3650.0;

fn tone(hz: f64, n: u64) -> i16 {
    (LEVEL * (std::f64::consts::TAU * hz * n as f64 / 8000.0).sin()) as i16
}

/// How loud a tone is in a window, against what it was made as.
fn loud(window: &[i16], hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in window.iter().enumerate() {
        let (sin, cos) = (std::f64::consts::TAU * hz * n as f64 / 8000.0).sin_cos();
        (re, im) = (re + f64::from(*sample) * cos, im + f64::from(*sample) * sin);
    }
    2.0 * re.hypot(im) / window.len() as f64 / LEVEL
}

fn id(speaker: usize) -> StreamId {
    StreamId(10 + speaker as u64)
}

fn far(speaker: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 4000 + 2 * u16::try_from(speaker).expect("few")))
}

fn said(speaker: usize, side: Side) -> Track {
    Track { stream: id(speaker), sound: StreamSound::Said, side }
}

fn music(side: Side) -> Track {
    Track { stream: id(HELD), sound: StreamSound::Played, side }
}

/// An engine whose far ends speak by a network that delays, loses and reorders, as a seed says.
struct Bench {
    engine: Engine,
    start: Now,
    random: Random,
    file: Writer,
    /// On their way: when they arrive, microseconds, whose they are, and what they are.
    coming: Vec<(u64, usize, Vec<u8>)>,
    encoders: Vec<Encoder>,
    /// Of each far end: the milliseconds of which something was lost.
    lost: Vec<Vec<u64>>,
    /// What its sequence numbers and timestamps begin with.
    first: Vec<u32>,
    loss_percent: u64,
    stopped: Option<Duration>,
}

impl Bench {
    fn new(speakers: usize, loss_percent: u64, seed: u64) -> Bench {
        let period: Vec<i16> = (0..1600).map(|n| tone(MUSIC_HZ, n)).collect();
        let config = EngineConfig { sounds: vec![Sound::new(&period)], streams_max: speakers };
        let mut random = Random::from_number(seed);
        let mut engine = Engine::new(config, random.fork());
        let start = Now::default().later(Duration::from_secs(5));
        for speaker in 0..speakers {
            let (stream, codec) = (id(speaker), CODECS[speaker % 3]);
            let terms = Terms {
                remote: Some(far(speaker)),
                peer: None,
                codec,
                payload: codec.payload(),
                events: Some(101),
                ptime: Ptime::default(),
                send: true,
                receive: true,
            };
            engine.handle_command(
                start,
                Command::Open { stream, call: CALL, port: 30_000, family: Family::V4 },
            );
            engine.handle_command(start, Command::Agree { stream, terms });
        }
        let head = Head { call: CALL, started: Wall::from_millis(0), meta: Vec::new() };
        Bench {
            engine,
            start,
            file: Writer::new(&head).expect("short meta"),
            coming: Vec::new(),
            encoders: vec![Encoder::default(); speakers],
            lost: vec![Vec::new(); speakers],
            first: (0..speakers).map(|_| random.number() as u32).collect(),
            random,
            loss_percent,
            stopped: None,
        }
    }

    fn command(&mut self, at_ms: u64, command: Command) {
        self.engine.handle_command(self.start.later(Duration::from_millis(at_ms)), command);
        self.drain();
    }

    fn store(&mut self, at_ms: u64, tracks: Vec<Track>) {
        self.command(at_ms, Command::Store { call: CALL, tracks });
    }

    /// All far ends speak for the 20 ms that begin now, and what has come by their end arrives.
    fn frame(&mut self, at_ms: u64) {
        for speaker in 0..self.encoders.len() {
            let (from, codec) = (at_ms * 8, CODECS[speaker % 3]);
            let samples = (from..from + 160).map(|n| tone(hz(speaker), n));
            let payload: Vec<u8> = match codec.law() {
                Some(law) => samples.map(|sample| g711::encode(law, sample)).collect(),
                None => samples.map(|sample| self.encoders[speaker].narrow(sample)).collect(),
            };
            let n = (at_ms / FRAME_MS) as u32;
            let stamp = Stamp {
                marker: false,
                payload_number: codec.payload(),
                sequence: self.first[speaker].wrapping_add(n) as u16,
                timestamp: self.first[speaker].wrapping_add(160 * n),
                ssrc: self.first[speaker],
            };
            let late_us = if self.random.chance(3) { 25_000 } else { 0 };
            let arrives_us = at_ms * 1000 + late_us + self.random.below(12_000);
            match self.random.chance(self.loss_percent) {
                true => self.lost[speaker].push(at_ms),
                false => self.coming.push((arrives_us, speaker, [&stamp.to_bytes()[..], &payload].concat())),
            }
        }
        self.coming.sort();
        let end_us = (at_ms + FRAME_MS) * 1000;
        let later = self.coming.split_off(self.coming.partition_point(|(at_us, ..)| *at_us < end_us));
        for (at_us, speaker, mut packet) in std::mem::replace(&mut self.coming, later) {
            let now = self.start.later(Duration::from_micros(at_us));
            self.engine.handle_timeout(now);
            self.engine.handle_rtp(now, id(speaker), far(speaker), &mut packet);
            self.drain();
        }
    }

    /// A far end's sender begins anew, as after a transfer behind its switchboard.
    fn begin_anew(&mut self, at_ms: u64, speaker: usize) {
        self.first[speaker] = self.random.number() as u32;
        self.lost[speaker].push(at_ms);
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Store(stored) => {
                    assert_eq!(stored.call, CALL);
                    self.file.append(&stored.block);
                    self.engine.take_back(stored.block);
                }
                Output::Signal(Signal::RecordingStopped { call: CALL, length }) => {
                    self.stopped = Some(length)
                }
                Output::Send { .. } | Output::Report { .. } | Output::Signal(_) => {}
            }
        }
    }

    fn record(&mut self) {
        self.command(0, Command::Record { call: CALL, agent: id(0), customer: id(1) });
    }

    /// Stops at a time; what each side says in a piece of it.
    fn stop(&mut self, at_ms: u64) {
        self.command(at_ms, Command::StopRecord { call: CALL });
        assert_eq!(self.stopped, Some(Duration::from_millis(at_ms)));
    }

    fn sides(&self, from_ms: u64, to_ms: u64) -> [Vec<i16>; 2] {
        let piece = Duration::from_millis(from_ms)..Duration::from_millis(to_ms);
        let mut files = Files { agent: Some(vec![]), customer: Some(vec![]), ..Files::default() };
        let reader = Reader::new(self.file.pending()).expect("the head is whole");
        let rendered = render(reader, piece, &mut files).expect("memory has no errors");
        assert_eq!(rendered.samples, (to_ms - from_ms) * 8);
        [files.agent, files.customer]
            .map(|file| wav::read(&file.expect("it was given")).expect("a WAV file").samples)
    }
}

/// What is stored from a time on, milliseconds.
type Change = (u64, Vec<Track>);

/// Whether a track is stored for all of a time; `None`: for a part of it.
fn is_stored(changes: &[Change], track: &Track, from_ms: u64, to_ms: u64) -> Option<bool> {
    let before = changes.iter().rposition(|(at, _)| *at <= from_ms).unwrap_or(0);
    let mut during = changes[before..].iter().take_while(|(at, _)| *at < to_ms);
    let first = during.next().is_some_and(|(_, tracks)| tracks.contains(track));
    during.all(|(_, tracks)| tracks.contains(track) == first).then_some(first)
}

/// Checks every window of a side. Returns in how many a tone was to be heard, and in how many it was not.
fn check(changes: &[Change], bench: &Bench, side: Side, heard: &[i16]) -> (usize, usize) {
    let (mut present, mut absent) = (0, 0);
    let speakers = bench.lost.len();
    let tracks = (0..speakers).map(|n| (said(n, side), hz(n), &bench.lost[n][..]));
    for (track, hz, lost) in tracks.chain([(music(side), MUSIC_HZ, &[][..])]) {
        let adapt_ms = if track.stream.0 % 3 == id(2).0 % 3 { ADAPT_MS } else { 0 };
        for (n, window) in heard.chunks_exact(WINDOW).enumerate() {
            let (from, to) = (n as u64 * FRAME_MS, (n as u64 + 1) * FRAME_MS);
            // The beginning is an edge, too.
            let (Some(from), to) = (from.checked_sub(EDGE_MS), to + EDGE_MS) else { continue };
            let loud = loud(window, hz);
            let is_hurt = lost.iter().any(|at| *at < to && at + FRAME_MS + adapt_ms > from);
            let begins = is_stored(changes, &track, from.saturating_sub(adapt_ms), to).is_none();
            match is_stored(changes, &track, from, to) {
                Some(true) if !is_hurt && !begins => {
                    assert!((0.6..1.3).contains(&loud), "{track:?} in {from}–{to} ms: {loud}");
                    present += 1;
                }
                Some(false) => {
                    assert!(loud < 0.3, "{track:?} in {from}–{to} ms: {loud}");
                    absent += 1;
                }
                Some(true) | None => {}
            }
        }
    }
    (present, absent)
}

fn any_side() -> impl Strategy<Value = Option<Side>> {
    prop_oneof![Just(None), Just(Some(Side::Agent)), Just(Some(Side::Customer))]
}

/// Changes that come some time after each other, of four far ends and of the music.
fn any_changes() -> impl Strategy<Value = Vec<(u64, Vec<Option<Side>>)>> {
    prop::collection::vec((60u64..1500, prop::collection::vec(any_side(), 5)), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_side_has_the_tones_of_those_who_were_stored_when_they_were(
        steps in any_changes(),
        begins_anew in (0u64..100, 0usize..4),
        loss_percent in 0u64..5,
        piece in (0u64..4000, 0u64..4000),
        seed in any::<u64>(),
    ) {
        let mut bench = Bench::new(4, loss_percent, seed);
        bench.record();
        bench.command(0, Command::Hear { stream: id(HELD), source: Source::Sound { sound: 0, looped: true } });
        let mut changes: Vec<Change> = vec![(0, vec![said(0, Side::Agent), said(1, Side::Customer)])];
        for (after, sides) in steps {
            let at = changes.last().expect("the first").0 + after;
            let tracks = sides.iter().enumerate().filter_map(|(n, side)| match n {
                0..4 => side.map(|side| said(n, side)),
                _ => side.map(music),
            });
            changes.push((at / FRAME_MS * FRAME_MS, tracks.collect()));
        }
        let end = changes.last().expect("the first").0 + 600;
        for at in (0..end).step_by(FRAME_MS as usize) {
            for (_, tracks) in changes.iter().skip(1).filter(|(when, _)| *when == at) {
                bench.store(at, tracks.clone());
            }
            if at == begins_anew.0 * FRAME_MS {
                bench.begin_anew(at, begins_anew.1);
            }
            bench.frame(at);
        }
        bench.stop(end);
        changes.push((end, Vec::new()));
        let sides = bench.sides(0, end);
        let agent = check(&changes, &bench, Side::Agent, &sides[0]);
        let customer = check(&changes, &bench, Side::Customer, &sides[1]);
        prop_assert!(agent.0 + customer.0 > 0 && agent.1 + customer.1 > 0, "nothing was compared");

        // A part is a piece of the whole, to the sample.
        let (from, to) = (piece.0.min(piece.1).min(end), piece.0.max(piece.1).min(end));
        let cut = bench.sides(from, to);
        let [from, to] = [from, to].map(|ms| usize::try_from(ms * 8).expect("short"));
        for (cut, side) in cut.iter().zip(&sides) {
            prop_assert!(*cut == side[from..to]);
        }
    }
}

/// As many far ends as one likes can come and go in a call; at a time no more are stored than have a number.
#[test]
fn numbers_are_given_anew_and_those_beyond_the_limit_are_not_stored() {
    const SPEAKERS: usize = 12;
    let mut bench = Bench::new(SPEAKERS, 0, 7);
    bench.record();
    let mut changes: Vec<Change> = vec![(0, vec![said(0, Side::Agent), said(1, Side::Customer)])];
    // Each far end on either side, twice: 24 tracks, one after the other.
    for n in 0..4 * SPEAKERS {
        let side = if n % 2 == 0 { Side::Customer } else { Side::Agent };
        changes.push((200 * (n as u64 + 1), vec![said(n % SPEAKERS, side), said((n + 5) % SPEAKERS, side)]));
    }
    // Far ends that there are not take numbers, too.
    let beyond = (SPEAKERS..SPEAKERS + RECORDING_TRACKS_MAX).map(|n| said(n, Side::Agent));
    let at = 200 * (4 * SPEAKERS as u64 + 1);
    let mut told: Vec<Change> = changes.clone();
    told.push((at, beyond.chain([said(3, Side::Agent)]).collect()));
    changes.push((at, Vec::new()));
    for at in (0..at + 400).step_by(FRAME_MS as usize) {
        for (_, tracks) in told.iter().skip(1).filter(|(when, _)| *when == at) {
            bench.store(at, tracks.clone());
        }
        bench.frame(at);
    }
    bench.stop(at + 400);
    let [agent, customer] = bench.sides(0, at + 400);
    assert!(check(&changes, &bench, Side::Agent, &agent).0 > 100);
    assert!(check(&changes, &bench, Side::Customer, &customer).0 > 100);
}

/// Two calls cannot have the same stream: the later one has it, and keeps it when the other is over.
#[test]
fn a_stream_is_stored_in_one_recording() {
    let mut bench = Bench::new(3, 0, 3);
    bench.record();
    (0..500).step_by(20).for_each(|at| bench.frame(at));
    let other = CallId(2);
    bench.command(500, Command::Record { call: other, agent: id(0), customer: id(2) });
    bench.stop(500);
    let mut stored = 0;
    for at in (500u64..1500).step_by(20) {
        let now = bench.start.later(Duration::from_millis(at));
        for (speaker, codec) in CODECS.into_iter().enumerate() {
            let stamp = Stamp {
                marker: false,
                payload_number: codec.payload(),
                sequence: at as u16,
                timestamp: at as u32 * 8,
                ssrc: 9,
            };
            let mut packet = [&stamp.to_bytes()[..], &[0; 160]].concat();
            bench.engine.handle_rtp(now, id(speaker), far(speaker), &mut packet);
        }
        bench.engine.handle_timeout(now);
        while let Some(output) = bench.engine.poll_output() {
            if let Output::Store(block) = output {
                assert_eq!(block.call, other);
                stored += block.block.packets();
            }
        }
    }
    bench.engine.hand_over();
    while let Some(output) = bench.engine.poll_output() {
        if let Output::Store(block) = output {
            stored += block.block.packets();
        }
    }
    assert_eq!(stored, 100, "50 packets of either of its streams");
}

/// Only what the far end hears of a sound is music: no tone, no digit, nothing while it does not listen.
#[test]
fn music_is_stored_while_it_is_heard() {
    let mut bench = Bench::new(4, 0, 5);
    bench.record();
    bench.store(0, vec![music(Side::Customer)]);
    let hear = |source| Command::Hear { stream: id(HELD), source };
    let sound = || Source::Sound { sound: 0, looped: true };
    for at in (0..3000).step_by(FRAME_MS as usize) {
        match at {
            400 => bench.command(at, hear(Source::RingBack)),
            800 => bench.command(at, hear(sound())),
            1600 => bench.command(at, hear(Source::Stream(id(0)))),
            2000 => bench.command(at, hear(sound())),
            2400 => bench.command(at, hear(Source::Nothing)),
            _ => {}
        }
        bench.frame(at);
    }
    bench.stop(3000);
    let [agent, customer] = bench.sides(0, 3000);
    assert!(agent.iter().all(|sample| *sample == 0));
    let heard: Vec<u64> = customer
        .chunks_exact(WINDOW)
        .zip(0..)
        .filter(|(window, _)| loud(window, MUSIC_HZ) > 0.5)
        .map(|(_, n)| n * FRAME_MS)
        .collect();
    let is_music = |at: &u64| (800..1600).contains(at) || (2000..2400).contains(at);
    assert!(heard.iter().all(|at| is_music(at) || is_music(&(at + 20)) || is_music(&(at - 20))), "{heard:?}");
    assert!(heard.len().abs_diff(60) <= 4, "{heard:?}");
    let others = customer.chunks_exact(WINDOW).filter(|window| loud(window, 450.0) > 0.1);
    assert_eq!(others.count(), 0, "neither ring-back tone nor what somebody said");
}
