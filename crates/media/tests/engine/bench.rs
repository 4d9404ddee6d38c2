//! An engine on a bench: its clock, and what came out of it.

use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Mono, Now, Random, StreamId};
use bytes::Bytes;
use media::api::{Command, Counts, Family, Ptime, Signal, Source, Stored, Terms};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Output};
use media::recording::Packet;
use media::rtp::{Header, Stamp};
use media::sound::Sound;

pub(crate) const CALL: CallId = CallId(9);
pub(crate) const AGENT: StreamId = StreamId(1);
pub(crate) const CUSTOMER: StreamId = StreamId(2);
pub(crate) const LISTENER: StreamId = StreamId(3);

/// An engine, its clock, and what came out of it.
pub(crate) struct Bench {
    pub(crate) engine: Engine,
    pub(crate) now: Now,
    pub(crate) sent: Vec<Sent>,
    pub(crate) signals: Vec<Signal>,
    pub(crate) stored: Vec<(CallId, Packet)>,
    pub(crate) reports: Vec<(SocketAddr, Bytes)>,
}

/// A packet on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) at: Mono,
    pub(crate) stream: StreamId,
    pub(crate) to: SocketAddr,
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
}

pub(crate) fn far(stream: StreamId) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(stream.0).expect("small")], 4000))
}

pub(crate) const ATTACKER: ([u8; 4], u16) = ([66, 6, 6, 6], 4000);

/// Where the signalling comes from.
pub(crate) const NAT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)), 61_000);

pub(crate) fn terms(stream: StreamId, codec: Codec) -> Terms {
    Terms {
        remote: Some(far(stream)),
        peer: Some(NAT.ip()),
        codec,
        payload: codec.payload(),
        events: Some(100 + u8::try_from(stream.0).expect("small")),
        ptime: Ptime::default(),
        send: true,
        receive: true,
    }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        Bench::seeded(1)
    }

    pub(crate) fn seeded(seed: u64) -> Bench {
        Bench::made_of(seed, vec![Sound::new(&[1000; 480]), Sound::new(&[2000; 160])], 3)
    }

    pub(crate) fn with_sounds(sounds: Vec<Sound>) -> Bench {
        Bench::made_of(1, sounds, 3)
    }

    pub(crate) fn made_of(seed: u64, sounds: Vec<Sound>, streams_max: usize) -> Bench {
        let config = EngineConfig { sounds, streams_max };
        Bench {
            engine: Engine::new(config, Random::from_number(seed)),
            now: Now::default().later(Duration::from_secs(1000)),
            sent: Vec::new(),
            signals: Vec::new(),
            stored: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Agent (A-law) and customer (µ-law) hear each other.
    pub(crate) fn bridged() -> Bench {
        let mut bench = Bench::new();
        bench.open(AGENT, Codec::Pcma);
        bench.open(CUSTOMER, Codec::Pcmu);
        bench.hear(AGENT, Source::Stream(CUSTOMER));
        bench.hear(CUSTOMER, Source::Stream(AGENT));
        bench
    }

    pub(crate) fn open(&mut self, stream: StreamId, codec: Codec) {
        self.command(Command::Open { stream, call: CALL, port: 30_000, family: Family::V4 });
        self.command(Command::Agree { stream, terms: terms(stream, codec) });
    }

    /// A far end that wants packets of so many milliseconds.
    pub(crate) fn open_with(&mut self, stream: StreamId, codec: Codec, ptime_ms: u16) {
        self.open(stream, codec);
        let terms = Terms { ptime: Ptime::new(Some(ptime_ms), None), ..terms(stream, codec) };
        self.command(Command::Agree { stream, terms });
    }

    pub(crate) fn hear(&mut self, stream: StreamId, source: Source) {
        self.command(Command::Hear { stream, source });
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.engine.handle_command(self.now, command);
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { stream, to, data } => self.note(stream, to, &data),
                Output::Report { to, data, .. } => self.reports.push((to, data)),
                Output::Signal(signal) => self.signals.push(signal),
                Output::Store(Stored { call, block }) => {
                    self.stored.extend(block.read().map(|packet| (call, packet)));
                    self.engine.take_back(block);
                }
            }
        }
    }

    pub(crate) fn note(&mut self, stream: StreamId, to: SocketAddr, packet: &[u8]) {
        let header = Header::read(packet).expect("the engine sends RTP");
        let payload = packet[header.payload.clone()].to_vec();
        self.sent.push(Sent { at: self.now.mono, stream, to, header, payload });
    }

    /// A packet of 20 ms from the far end of `stream`: number `n` since it began.
    pub(crate) fn speak(&mut self, stream: StreamId, n: u16, codec: Codec, byte: u8) {
        self.receive(stream, far(stream), stamp(n, codec.payload(), 160 * u32::from(n)), &[byte; 160]);
    }

    pub(crate) fn receive(&mut self, stream: StreamId, from: SocketAddr, stamp: Stamp, payload: &[u8]) {
        let mut packet = [&stamp.to_bytes()[..], payload].concat();
        if let Some(forward) = self.engine.handle_rtp(self.now, stream, from, &mut packet) {
            self.note(forward.stream, forward.to, &packet[..forward.len]);
        }
        self.drain();
    }

    /// Lets time pass, waking the engine exactly when it asks for it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now.later(time);
        while let Some((at, _)) = self.engine.next_timeout().filter(|(at, _)| *at <= end.mono) {
            self.now = self.now.later(at.since(self.now.mono));
            self.engine.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub(crate) fn take_sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    pub(crate) fn close(&mut self, stream: StreamId) -> Counts {
        self.command(Command::Close { stream });
        match self.signals.last() {
            Some(Signal::Closed { stream: closed, counts }) if *closed == stream => *counts,
            other => panic!("closing gave {other:?}"),
        }
    }
}

pub(crate) fn stamp(n: u16, payload_number: u8, timestamp: u32) -> Stamp {
    Stamp { marker: false, payload_number, sequence: 500 + n, timestamp, ssrc: 0x1111 }
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn assert_one_source(sent: &[Sent]) {
    for pair in sent.windows(2) {
        let [a, b] = pair else { unreachable!("windows of two") };
        assert_eq!(a.header.ssrc, b.header.ssrc);
        assert_eq!(b.header.sequence, a.header.sequence.wrapping_add(1));
        let passed = u32::try_from(b.at.since(a.at).as_micros() / 125).expect("short");
        let moved = b.header.timestamp.wrapping_sub(a.header.timestamp);
        assert!(moved.abs_diff(passed.max(160)) <= 1, "timestamp moved {moved} in {passed} samples of time");
    }
}

/// Lets a millisecond pass and takes what was sent to the other side, where it comes from `address`.
pub(crate) fn carry(from: &mut Bench, to: &mut Bench, address: impl Fn(StreamId) -> SocketAddr) {
    from.pass(ms(1));
    to.now = from.now;
    for Sent { stream, header, payload, .. } in from.take_sent() {
        let Header { marker, payload_number, sequence, timestamp, ssrc, .. } = header;
        let stamp = Stamp { marker, payload_number, sequence, timestamp, ssrc };
        to.receive(stream, address(stream), stamp, &payload);
    }
}

/// All time is covered, without holes or overlaps, in one sequence.
pub(crate) fn assert_seamless(sent: &[Sent]) {
    for pair in sent.windows(2) {
        let [a, b] = pair else { unreachable!("windows of two") };
        assert_eq!(b.header.sequence, a.header.sequence.wrapping_add(1));
        let bytes = a.payload.len();
        let ticks = Codec::of_payload(a.header.payload_number).map_or(bytes, |codec| codec.ticks(bytes));
        assert_eq!(b.header.timestamp.wrapping_sub(a.header.timestamp), ticks as u32);
    }
}
