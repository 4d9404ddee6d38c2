//! Far ends that speak tones into an engine, each by a clock and a network of its own, and what they hear.

use std::f64::consts::TAU;
use std::time::Duration;

use base::{Mono, Random, StreamId};
use media::api::{Command, Source};
use media::codec::Codec;
use media::coder::{Decoder, Encoder};
use media::dtmf;
use media::rtp::Stamp;
use media::sound::Sound;

use crate::bench::*;

/// A far end that speaks one tone.
pub(crate) struct Speaker {
    pub(crate) stream: StreamId,
    pub(crate) codec: Codec,
    pub(crate) hz: f64,
    pub(crate) amplitude: f64,
    /// The key whose tones it says instead.
    pub(crate) key: Option<u8>,
    pub(crate) packet_ms: u16,
    /// How much slower its clock is, parts in a million.
    pub(crate) ppm: i64,
    /// The most by which a packet is later than the luckiest, µs.
    pub(crate) jitter_us: u64,
    /// Packets in a thousand that are lost.
    pub(crate) loss: u64,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    /// Samples said.
    said: u64,
    /// When the next packet is made.
    next: Mono,
    mouth: Encoder,
    on_the_way: Vec<(Mono, Stamp, Vec<u8>)>,
}

impl Speaker {
    pub(crate) fn new(stream: StreamId, codec: Codec, hz: f64) -> Speaker {
        Speaker {
            stream,
            codec,
            hz,
            amplitude: 3000.0,
            key: None,
            packet_ms: 20,
            ppm: 0,
            jitter_us: 0,
            loss: 0,
            sequence: 60_000,
            timestamp: u32::MAX - 8000 + 7 * stream.0 as u32,
            said: 0,
            next: Mono::ZERO,
            mouth: Encoder::default(),
            on_the_way: Vec::new(),
        }
    }

    /// Makes the packet that is due.
    fn speak(&mut self, random: &mut Random) {
        let count = 8 * u64::from(self.packet_ms);
        let turn = |n: u64| TAU * self.hz * n as f64 / 8000.0;
        let mut samples: Vec<i16> =
            (self.said..self.said + count).map(|n| (self.amplitude * turn(n).sin()).round() as i16).collect();
        if let Some(code) = self.key {
            dtmf::fill(code, self.said as u32, &mut samples);
        }
        let mut payload = vec![0; samples.len()];
        let len = self.mouth.encode(self.codec, &samples, &mut payload);
        payload.truncate(len);
        let stamp = Stamp {
            marker: false,
            payload_number: self.codec.payload(),
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: 0x1111 + self.stream.0 as u32,
        };
        self.said += count;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(count as u32);
        let on_the_way = Duration::from_micros(random.number() % (self.jitter_us + 1));
        if random.number() % 1000 >= self.loss {
            self.on_the_way.push((self.next + on_the_way, stamp, payload));
        }
        let us = 1000 * i64::from(self.packet_ms);
        self.next = self.next + Duration::from_micros((us + us * self.ppm / 1_000_000).unsigned_abs());
    }

    /// The numbers of a packet that takes the place of the next one, about the moment of a timestamp.
    pub(crate) fn instead(&mut self, payload_number: u8, timestamp: u32) -> Stamp {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        self.next = self.next + Duration::from_millis(20);
        let ssrc = 0x1111 + self.stream.0 as u32;
        Stamp { marker: false, payload_number, sequence, timestamp, ssrc }
    }

    fn is_next(&self) -> Mono {
        self.on_the_way.iter().map(|(at, ..)| *at).chain([self.next]).min().expect("always one")
    }
}

/// An engine and those who speak.
pub(crate) struct Conference {
    pub(crate) bench: Bench,
    pub(crate) speakers: Vec<Speaker>,
    random: Random,
}

impl Conference {
    /// Everybody is open. The first packets come at different moments.
    pub(crate) fn new(speakers: Vec<Speaker>) -> Conference {
        let music = (0..4000).map(|n| (3000.0 * (TAU * 620.0 * f64::from(n) / 8000.0).sin()) as i16);
        let music = Sound::new(&music.collect::<Vec<_>>());
        let mut bench = Bench::made_of(1, vec![music], 20);
        let mut speakers = speakers;
        for (n, speaker) in (0..).zip(&mut speakers) {
            bench.open(speaker.stream, speaker.codec);
            speaker.next = bench.now.mono + Duration::from_micros(3700 * n % 20_000);
        }
        Conference { bench, speakers, random: Random::from_number(7) }
    }

    /// Everybody hears all others.
    pub(crate) fn all_hear_all(&mut self) {
        let all: Vec<StreamId> = self.speakers.iter().map(|speaker| speaker.stream).collect();
        for stream in &all {
            let others = all.iter().copied().filter(|other| other != stream).collect();
            self.bench.hear(*stream, Source::Mix(others));
        }
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.bench.command(command);
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.bench.now.mono + time;
        loop {
            let (n, at) = (self.speakers.iter().map(Speaker::is_next).enumerate())
                .min_by_key(|(_, at)| *at)
                .unwrap_or((0, end));
            if at >= end {
                break;
            }
            self.bench.pass(at.since(self.bench.now.mono));
            let speaker = &mut self.speakers[n];
            if speaker.next == at {
                speaker.speak(&mut self.random);
            }
            let (stream, mut due) = (speaker.stream, Vec::new());
            speaker.on_the_way.retain(|(there, stamp, payload)| {
                let is_due = *there <= at;
                if is_due {
                    due.push((*stamp, payload.clone()));
                }
                !is_due
            });
            for (stamp, payload) in due {
                self.bench.receive(stream, far(stream), stamp, &payload);
            }
        }
        self.bench.pass(end.since(self.bench.now.mono));
    }

    /// What was sent to a far end; of everybody else it is forgotten.
    pub(crate) fn take_sent_to(&mut self, stream: StreamId) -> Vec<Sent> {
        self.bench.take_sent().into_iter().filter(|sent| sent.stream == stream).collect()
    }
}

/// What a far end hears of packets in a codec: each sample at the place of its timestamp, silence where there is none.
/// Checks that numbers and time go on.
pub(crate) fn wave(codec: Codec, sent: &[Sent]) -> Vec<i16> {
    let mut wave = Vec::new();
    let mut decoder = Decoder::default();
    let first = sent[0].header.timestamp;
    for (n, Sent { header, payload, .. }) in (0u16..).zip(sent) {
        assert_eq!(header.ssrc, sent[0].header.ssrc);
        assert_eq!(header.sequence, sent[0].header.sequence.wrapping_add(n));
        let at = header.timestamp.wrapping_sub(first) as usize;
        assert!(at >= wave.len(), "time runs backwards at packet {n}");
        wave.resize(at + codec.ticks(payload.len()), 0);
        decoder.decode(codec, payload, &mut wave[at..]);
    }
    wave
}

/// The amplitude of a frequency.
pub(crate) fn level(samples: &[i16], hz: f64) -> f64 {
    let turn = |n: usize| TAU * hz * n as f64 / 8000.0;
    let at = |f: fn(f64) -> f64| -> f64 {
        samples.iter().enumerate().map(|(n, sample)| f64::from(*sample) * f(turn(n))).sum()
    };
    2.0 * at(f64::cos).hypot(at(f64::sin)) / samples.len() as f64
}

/// The amplitude of a sine that has the power of all that is heard.
pub(crate) fn loudness(samples: &[i16]) -> f64 {
    let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    (2.0 * power / samples.len() as f64).sqrt()
}

/// The largest step from one sample to the next.
pub(crate) fn steepest(samples: &[i16]) -> i32 {
    let step = |pair: &[i16]| (i32::from(pair[1]) - i32::from(pair[0])).abs();
    samples.windows(2).map(step).max().unwrap_or(0)
}

/// Samples of the longest silence.
pub(crate) fn longest_silence(samples: &[i16]) -> usize {
    let mut longest = 0;
    let mut length = 0;
    for sample in samples {
        length = if sample.abs() < 100 { length + 1 } else { 0 };
        longest = longest.max(length);
    }
    longest
}

/// The largest step that tones of 3,000 make together, and the codec's own.
pub(crate) fn slopes(hz: &[f64]) -> i32 {
    (1.05 * TAU * 3000.0 * hz.iter().sum::<f64>() / 8000.0) as i32 + 520
}
