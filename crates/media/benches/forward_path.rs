//! What one forwarded packet costs in the engine: from the datagram to the packet that is to be sent.
//!
//! ```text
//! cargo bench -p media
//! ```

use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Now, Random, StreamId};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use media::api::{Command, Family, Ptime, Source, Terms};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Output, Slot};
use media::rtp::Stamp;

/// As many as one media thread is to carry, so that caches are as cold as they will be.
const CALLS: u64 = 500;

fn main() {
    divan::main();
}

#[divan::bench]
fn same_law(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::Pcma; 2], Some(101), false);
}

#[divan::bench]
fn same_g722(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::G722; 2], Some(101), false);
}

/// Half of the packets are encoded, half decoded.
#[divan::bench]
fn transcoded_g722(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::Pcma, Codec::G722], Some(101), false);
}

#[divan::bench]
fn same_g729(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::G729; 2], Some(101), false);
}

/// Half of the packets are encoded, half decoded.
#[divan::bench]
fn transcoded_g729(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::Pcma, Codec::G729], Some(101), false);
}

/// One leg of each call knows no events: in half of the packets tones are looked for.
#[divan::bench]
fn searched_for_tones(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::Pcma; 2], None, false);
}

#[divan::bench]
fn transcoded(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::Pcma, Codec::Pcmu], Some(101), false);
}

#[divan::bench]
fn recorded(bencher: Bencher<'_, '_>) {
    forward(bencher, [Codec::Pcma; 2], Some(101), true);
}

/// One round: a packet from every stream of every call.
fn forward(bencher: Bencher<'_, '_>, codecs: [Codec; 2], events: Option<u8>, recorded: bool) {
    let mut engine =
        Engine::new(EngineConfig { sounds: Vec::new(), streams_max: 1000 }, Random::from_number(1));
    let mut now = Now::default();
    let streams: Vec<(Slot, SocketAddr, Codec)> =
        (0..CALLS).flat_map(|call| bridge(&mut engine, now, call, codecs, events, recorded)).collect();
    let mut round = 0u16;
    let mut packet = [0u8; 172];
    bencher.counter(ItemsCount::new(streams.len())).bench_local(|| {
        now = now.later(Duration::from_millis(20));
        round = round.wrapping_add(1);
        engine.handle_timeout(now);
        for (slot, from, codec) in &streams {
            let stamp = Stamp {
                marker: false,
                payload_number: codec.payload(),
                sequence: round,
                timestamp: 160 * u32::from(round),
                ssrc: 1,
            };
            let len = 12 + codec.bytes(160);
            packet[..12].copy_from_slice(&stamp.to_bytes());
            black_box(engine.handle_rtp_slot(now, *slot, *from, black_box(&mut packet[..len])));
            while let Some(output) = engine.poll_output() {
                if let Output::Store(stored) = black_box(output) {
                    engine.take_back(stored.block);
                }
            }
        }
    });
}

/// Two legs that hear each other.
fn bridge(
    engine: &mut Engine,
    now: Now,
    call: u64,
    [agent, customer]: [Codec; 2],
    events: Option<u8>,
    recorded: bool,
) -> [(Slot, SocketAddr, Codec); 2] {
    let ids = [StreamId(2 * call), StreamId(2 * call + 1)];
    let legs = [(ids[0], ids[1], agent, events), (ids[1], ids[0], customer, Some(101))];
    let call = CallId(call);
    let opened = legs.map(|(stream, heard, codec, events)| {
        let port = 10_000 + u16::try_from(2 * stream.0).expect("a thousand streams");
        let remote = SocketAddr::from(([10, 0, 0, 1], port));
        let payload = codec.payload();
        let terms = Terms {
            remote: Some(remote),
            peer: None,
            codec,
            payload,
            events,
            ptime: Ptime::default(),
            send: true,
            receive: true,
        };
        engine.handle_command(now, Command::Open { stream, call, port, family: Family::V4 });
        engine.handle_command(now, Command::Agree { stream, terms });
        engine.handle_command(now, Command::Hear { stream, source: Source::Stream(heard) });
        (engine.slot(stream).expect("just opened"), remote, codec)
    });
    if recorded {
        engine.handle_command(now, Command::Record { call, agent: ids[0], customer: ids[1] });
    }
    opened
}
