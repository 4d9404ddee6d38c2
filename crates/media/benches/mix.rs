//! What mixing costs in the engine: a step of 20 ms for everybody in it, from the datagrams to the packets that are to be
//! sent. Items are participants.
//!
//! ```text
//! cargo bench -p media --bench mix
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Now, Random, StreamId};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use media::api::{Command, Family, Ptime, Source, Terms};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Slot};
use media::rtp::Stamp;
use media::sound::Sound;

/// As many streams as one media thread is to carry, about, so that caches are as cold as they will be.
const STREAMS: u64 = 960;

fn main() {
    divan::main();
}

#[divan::bench]
fn three_way_pcma(bencher: Bencher<'_, '_>) {
    conferences(bencher, 3, Codec::Pcma);
}

#[divan::bench]
fn three_way_g722(bencher: Bencher<'_, '_>) {
    conferences(bencher, 3, Codec::G722);
}

#[divan::bench]
fn eight_way_pcma(bencher: Bencher<'_, '_>) {
    conferences(bencher, 8, Codec::Pcma);
}

#[divan::bench]
fn eight_way_g722(bencher: Bencher<'_, '_>) {
    conferences(bencher, 8, Codec::G722);
}

/// Many who wait and hear the same music.
#[divan::bench(args = [Codec::Pcma, Codec::G722])]
fn music(bencher: Bencher<'_, '_>, codec: Codec) {
    let tune: Vec<i16> = (0..16_000).map(|n| ((n * 37) % 4000 - 2000) as i16).collect();
    let mut engine = engine(vec![Sound::new(&tune)]);
    let mut now = Now::default();
    for stream in 0..STREAMS {
        open(&mut engine, now, stream, codec);
        let source = Source::Sound { sound: 0, looped: true };
        engine.handle_command(now, Command::Hear { stream: StreamId(stream), source });
    }
    bencher.counter(ItemsCount::new(STREAMS)).bench_local(|| {
        engine.handle_timeout(now);
        drain(&mut engine);
        now = now.later(Duration::from_millis(20));
    });
}

/// One round: a packet from everybody, and the step in which everybody gets one.
fn conferences(bencher: Bencher<'_, '_>, size: u64, codec: Codec) {
    let mut engine = engine(Vec::new());
    let mut now = Now::default();
    let streams: Vec<(Slot, SocketAddr)> =
        (0..STREAMS).map(|stream| open(&mut engine, now, stream, codec)).collect();
    for stream in 0..STREAMS {
        let first = stream / size * size;
        let others = (first..first + size).filter(|other| *other != stream).map(StreamId).collect();
        engine.handle_command(now, Command::Hear { stream: StreamId(stream), source: Source::Mix(others) });
    }
    let mut round = 0u16;
    let mut packet = [0u8; 172];
    (12..).zip(&mut packet[12..]).for_each(|(n, byte): (u8, _)| *byte = n.wrapping_mul(91));
    bencher.counter(ItemsCount::new(STREAMS)).bench_local(|| {
        round = round.wrapping_add(1);
        for (slot, from) in &streams {
            let (payload_number, timestamp) = (codec.payload(), 160 * u32::from(round));
            let stamp = Stamp { marker: false, payload_number, sequence: round, timestamp, ssrc: 1 };
            packet[..12].copy_from_slice(&stamp.to_bytes());
            black_box(engine.handle_rtp_slot(now, *slot, *from, black_box(&mut packet)));
        }
        engine.handle_timeout(now);
        drain(&mut engine);
        now = now.later(Duration::from_millis(20));
    });
}

fn engine(sounds: Vec<Sound>) -> Engine {
    Engine::new(EngineConfig { sounds, streams_max: 1000 }, Random::from_number(1))
}

fn drain(engine: &mut Engine) {
    while let Some(output) = engine.poll_output() {
        black_box(output);
    }
}

fn open(engine: &mut Engine, now: Now, stream: u64, codec: Codec) -> (Slot, SocketAddr) {
    let port = 10_000 + u16::try_from(2 * stream).expect("a thousand streams");
    let remote = SocketAddr::from(([10, 0, 0, 1], port));
    let terms = Terms {
        remote: Some(remote),
        peer: None,
        codec,
        payload: codec.payload(),
        events: Some(101),
        ptime: Ptime::default(),
        send: true,
        receive: true,
    };
    let stream = StreamId(stream);
    engine.handle_command(now, Command::Open { stream, call: CallId(1), port, family: Family::V4 });
    engine.handle_command(now, Command::Agree { stream, terms });
    (engine.slot(stream).expect("just opened"), remote)
}
