//! What the packet path takes from the allocator: nothing for a forwarded or recorded packet, a chunk now and then for
//! packets that are copied, mixed or made here.

#![allow(unsafe_code, reason = "an allocator cannot be written without it")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Now, Random, StreamId};
use media::api::{Command, Family, Ptime, Source, Terms};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Output};
use media::rtp::Stamp;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator; counts what each thread takes.
struct Counting;

// SAFETY: everything is left to the system's allocator; the count is a number of the thread's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = TAKEN.try_with(|taken| taken.set(taken.get() + 1));
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CALL: CallId = CallId(1);
const AGENT: StreamId = StreamId(1);
const CUSTOMER: StreamId = StreamId(2);
const LISTENER: StreamId = StreamId(3);
const PACKETS: u16 = 20_000;
/// A chunk holds more packets than this.
const PACKETS_OF_A_CHUNK_MIN: u64 = 300;

fn far(stream: StreamId) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(stream.0).expect("small")], 4000))
}

fn engine(customer: Codec) -> Engine {
    engine_with([Codec::Pcma, customer], Some(101))
}

/// The agent agreed on `events`, the others on 101.
fn engine_with([agent, customer]: [Codec; 2], events: Option<u8>) -> Engine {
    let mut engine = Engine::new(EngineConfig { sounds: Vec::new(), streams_max: 3 }, Random::from_number(1));
    let streams =
        [(AGENT, agent, events), (CUSTOMER, customer, Some(101)), (LISTENER, Codec::Pcma, Some(101))];
    for (stream, codec, events) in streams {
        let terms = Terms {
            remote: Some(far(stream)),
            peer: None,
            codec,
            payload: codec.payload(),
            events,
            ptime: Ptime::default(),
            send: true,
            receive: true,
        };
        engine.handle_command(
            Now::default(),
            Command::Open { stream, call: CALL, port: 20_000, family: Family::V4 },
        );
        engine.handle_command(Now::default(), Command::Agree { stream, terms });
        engine.handle_command(
            Now::default(),
            Command::Watch { stream, silence_max: Some(Duration::from_secs(30)) },
        );
    }
    engine.handle_command(Now::default(), Command::Hear { stream: CUSTOMER, source: Source::Stream(AGENT) });
    engine.handle_command(Now::default(), Command::Hear { stream: AGENT, source: Source::Stream(CUSTOMER) });
    engine
}

/// What is taken while the agent speaks, from the second on which everything has its size.
fn taken_by(engine: &mut Engine) -> u64 {
    taken_by_packets(engine, Codec::Pcma)
}

fn taken_by_packets(engine: &mut Engine, agent: Codec) -> u64 {
    // G.729 takes its time, above all in a build for tests.
    let packets = if agent == Codec::G729 { PACKETS / 20 } else { PACKETS };
    let mut now = Now::default();
    let mut before = 0;
    for n in 0..packets {
        if n == 50 {
            before = TAKEN.get();
        }
        now = now.later(Duration::from_millis(20));
        let (sequence, timestamp) = (n, 160 * u32::from(n));
        let mut packet = [0; 172];
        let packet = &mut packet[..12 + agent.bytes(160)];
        let stamp = Stamp { marker: false, payload_number: agent.payload(), sequence, timestamp, ssrc: 7 };
        packet[..12].copy_from_slice(&stamp.to_bytes());
        engine.handle_rtp(now, AGENT, far(AGENT), packet);
        engine.handle_rtcp(now, AGENT, far(AGENT), &[0x80, 201, 0, 1, 1, 2, 3, 4]);
        engine.handle_rtp(now, AGENT, far(LISTENER), packet);
        engine.handle_timeout(now);
        while let Some(output) = engine.poll_output() {
            if let Output::Store(stored) = output {
                engine.take_back(stored.block);
            }
        }
    }
    TAKEN.get() - before
}

#[test]
fn a_forwarded_packet_takes_nothing() {
    assert_eq!(taken_by(&mut engine(Codec::Pcma)), 0, "same law");
    assert_eq!(taken_by(&mut engine(Codec::Pcmu)), 0, "transcoded");
    assert_eq!(taken_by(&mut engine(Codec::G722)), 0, "transcoded to G.722");
    assert_eq!(
        taken_by_packets(&mut engine_with([Codec::G722, Codec::Pcmu], Some(101)), Codec::G722),
        0,
        "transcoded from G.722"
    );
    assert_eq!(taken_by(&mut engine_with([Codec::Pcma; 2], None)), 0, "searched for tones");
}

#[test]
fn a_recorded_packet_takes_nothing() {
    let mut engine = engine(Codec::Pcma);
    engine.handle_command(Now::default(), Command::Record { call: CALL, agent: AGENT, customer: CUSTOMER });
    assert_eq!(taken_by(&mut engine), 0);
}

#[test]
fn copied_packets_share_chunks() {
    let chunks_max = 2 * (u64::from(PACKETS) / PACKETS_OF_A_CHUNK_MIN);
    let mut copied = engine(Codec::Pcma);
    copied.handle_command(Now::default(), Command::Hear { stream: LISTENER, source: Source::Stream(AGENT) });
    let taken = taken_by(&mut copied);
    assert!(taken <= chunks_max, "copied: {taken}");
}

/// Everybody hears both others, though one alone speaks: three streams get a packet in each step.
#[test]
fn mixed_packets_share_chunks() {
    let chunks_max = 3 * 2 * (u64::from(PACKETS) / PACKETS_OF_A_CHUNK_MIN);
    for codec in Codec::ALL {
        let mut mixed = engine_with([codec, Codec::G722], Some(101));
        for listener in [AGENT, CUSTOMER, LISTENER] {
            let others =
                [AGENT, CUSTOMER, LISTENER].into_iter().filter(|stream| *stream != listener).collect();
            mixed.handle_command(
                Now::default(),
                Command::Hear { stream: listener, source: Source::Mix(others) },
            );
        }
        let taken = taken_by_packets(&mut mixed, codec);
        assert!(taken <= chunks_max, "{codec:?}: {taken}");
    }
}
