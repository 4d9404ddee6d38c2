//! Whatever commands and datagrams come, in whatever order: the engine keeps its promises.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{CallId, Now, Random, StreamId};
use media::api::{Command, Family, Ptime, Signal, Source, Terms};
use media::codec::Codec;
use media::engine::{Engine, EngineConfig, Output};
use media::rtp::{Header, Stamp};
use media::sound::Sound;
use proptest::prelude::*;

const STREAMS: u64 = 4;

fn stream() -> impl Strategy<Value = StreamId> {
    (0..STREAMS + 1).prop_map(StreamId)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    (1u8..4).prop_map(|last| SocketAddr::from(([10, 0, 0, last], 4000)))
}

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(Codec::ALL.to_vec())
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        1 => Just(Source::Nothing),
        1 => Just(Source::RingBack),
        1 => Just(Source::Busy),
        1 => Just(Source::Congestion),
        1 => Just(Source::Echo),
        1 => stream().prop_map(Source::Stream),
        3 => prop::collection::vec(stream(), 0..12).prop_map(Source::Mix),
        1 => (0usize..3, any::<bool>()).prop_map(|(sound, looped)| Source::Sound { sound, looped }),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let ptime = (prop::option::of(0u16..100), prop::option::of(0u16..100));
    let ptime = ptime.prop_map(|(ptime, maxptime)| Ptime::new(ptime, maxptime));
    let events = || prop::option::of(96u8..103);
    let terms = (prop::option::of(address()), codec(), events(), ptime, any::<bool>(), any::<bool>());
    let terms = terms.prop_map(|(remote, codec, events, ptime, send, receive)| Terms {
        remote,
        peer: None,
        codec,
        payload: codec.payload(),
        events,
        ptime,
        send,
        receive,
    });
    let call = || (0u64..3).prop_map(CallId);
    prop_oneof![
        3 => (stream(), call()).prop_map(|(stream, call)| Command::Open { stream, call, port: 30_000, family: Family::V4 }),
        4 => (stream(), terms).prop_map(|(stream, terms)| Command::Agree { stream, terms }),
        4 => (stream(), source()).prop_map(|(stream, source)| Command::Hear { stream, source }),
        1 => (stream(), prop::option::of(0u64..500)).prop_map(|(stream, ms)| Command::Watch {
            stream,
            silence_max: ms.map(Duration::from_millis),
        }),
        1 => (call(), stream(), stream()).prop_map(|(call, agent, customer)| Command::Record { call, agent, customer }),
        1 => call().prop_map(|call| Command::StopRecord { call }),
        1 => (stream(), "[0-9x]{0,3}").prop_map(|(stream, digits)| Command::SendDigits { stream, digits }),
        1 => stream().prop_map(|stream| Command::Listen { stream }),
        1 => stream().prop_map(|stream| Command::Close { stream }),
    ]
}

/// What may happen to an engine.
#[derive(Clone, Debug)]
enum Step {
    Command(Command),
    Packet {
        stream: StreamId,
        from: SocketAddr,
        stamp: Stamp,
        payload: Vec<u8>,
    },
    /// Many at once, each a packet further than the one before.
    Burst {
        stream: StreamId,
        from: SocketAddr,
        stamp: Stamp,
        payload: Vec<u8>,
        packets: u16,
    },
    Garbage {
        stream: StreamId,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Pass(u64),
}

/// Numbers that go on, mostly, and now and then are any.
fn stamp() -> impl Strategy<Value = Stamp> {
    let number = prop::sample::select(vec![0u8, 8, 9, 13, 18, 97, 101]);
    let timestamp =
        prop_oneof![4 => Just(None), 1 => any::<u32>().prop_map(Some), 1 => (0u32..20_000).prop_map(Some)];
    (number, 0u16..50, timestamp, 1u32..3).prop_map(|(payload_number, sequence, timestamp, ssrc)| {
        let timestamp = timestamp.unwrap_or(160 * u32::from(sequence));
        Stamp { marker: false, payload_number, sequence, timestamp, ssrc }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let payload = || {
        prop_oneof![
            2 => prop::collection::vec(any::<u8>(), 0..700),
            1 => prop::collection::vec(any::<u8>(), 160..161),
            1 => prop::collection::vec(any::<u8>(), 1..2),
            1 => prop::collection::vec(any::<u8>(), 1400..1488),
        ]
    };
    prop_oneof![
        3 => command().prop_map(Step::Command),
        4 => (stream(), address(), stamp(), payload())
            .prop_map(|(stream, from, stamp, payload)| Step::Packet { stream, from, stamp, payload }),
        1 => (stream(), address(), stamp(), payload(), 1u16..100)
            .prop_map(|(stream, from, stamp, payload, packets)| Step::Burst { stream, from, stamp, payload, packets }),
        1 => (stream(), address(), prop::collection::vec(any::<u8>(), 0..64))
            .prop_map(|(stream, from, bytes)| Step::Garbage { stream, from, bytes }),
        2 => (0u64..400).prop_map(Step::Pass),
    ]
}

/// An engine and what must be true of it.
struct World {
    engine: Engine,
    now: Now,
    open: BTreeMap<StreamId, u64>,
    /// What was sent last to the one who listens.
    heard: Vec<u8>,
}

impl World {
    fn packet(&mut self, stream: StreamId, from: SocketAddr, mut packet: Vec<u8>) {
        let forward = self.engine.handle_rtp(self.now, stream, from, &mut packet);
        self.engine.handle_rtcp(self.now, stream, from, &packet);
        if let Some(forward) = forward {
            self.sent(forward.stream, &packet[..forward.len]);
        }
    }

    /// What is sent is RTP, from an open stream.
    fn sent(&mut self, stream: StreamId, packet: &[u8]) {
        let header = Header::read(packet).expect("RTP");
        if stream == StreamId(1) {
            self.heard = packet[header.payload].to_vec();
        }
        *self.open.get_mut(&stream).expect("only open streams send") += 1;
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { stream, data, .. } => self.sent(stream, &data),
                Output::Signal(Signal::Closed { stream, counts }) => {
                    assert_eq!(self.open.remove(&stream), Some(counts.sent), "every packet is counted");
                }
                Output::Report { data, .. } => assert!(media::rtcp::is_compound(&data)),
                Output::Signal(_) | Output::Store(_) => {}
            }
        }
        assert_eq!(self.engine.streams(), self.open.len());
    }

    fn command(&mut self, command: Command) {
        if let Command::Open { stream, .. } = command
            && self.open.len() < usize::try_from(STREAMS).expect("few")
        {
            self.open.entry(stream).or_default();
        }
        self.engine.handle_command(self.now, command);
        self.drain();
    }

    /// Whatever was before: a far end that is agreed on now, and is to hear another, hears it.
    fn talk(&mut self, codecs: [Codec; 2], first: u16) {
        let [speaks, listens] = [StreamId(0), StreamId(1)];
        self.command(Command::Close { stream: StreamId(STREAMS) });
        for (stream, codec) in [speaks, listens].into_iter().zip(codecs) {
            let remote = Some(SocketAddr::from(([10, 0, 0, 1], 5000)));
            let (payload, events, ptime) = (codec.payload(), Some(101), Ptime::default());
            let terms =
                Terms { remote, peer: None, codec, payload, events, ptime, send: true, receive: true };
            self.command(Command::Open { stream, call: CallId(9), port: 30_000, family: Family::V4 });
            self.command(Command::Agree { stream, terms });
        }
        self.command(Command::Hear { stream: listens, source: Source::Nothing });
        self.command(Command::Hear { stream: listens, source: Source::Stream(speaks) });
        // What is still being dialled comes first: 64 digits take less than 20 s.
        (0..80).for_each(|_| self.pass(Duration::from_millis(300)));
        for n in 0..20 {
            self.pass(Duration::from_millis(20));
            let sequence = first.wrapping_add(n);
            let (marker, payload_number) = (n == 0, codecs[0].payload());
            let stamp = Stamp { marker, payload_number, sequence, timestamp: 160 * u32::from(n), ssrc: 1 };
            let mut packet = [&stamp.to_bytes()[..], &[0x55; 160]].concat();
            let from = SocketAddr::from(([10, 0, 0, 1], 5000));
            let forward = self.engine.handle_rtp(self.now, speaks, from, &mut packet);
            if let Some(forward) = forward {
                self.sent(forward.stream, &packet[..forward.len]);
            }
            let before = self.open[&listens];
            self.drain();
            let is_heard = forward.is_some_and(|one| one.stream == listens) || self.open[&listens] > before;
            assert!(is_heard, "packet {n} is not heard");
        }
    }

    /// And heard mixed, it gives the listener a packet in every step, soon with what it says.
    fn talk_mixed(&mut self, codecs: [Codec; 2]) {
        let [speaks, listens] = [StreamId(0), StreamId(1)];
        self.command(Command::Hear { stream: listens, source: Source::Mix(vec![speaks]) });
        // 1 kHz.
        let said = [[0x2a; 4], [0xaa; 4]].concat().repeat(20);
        let before = self.open[&listens];
        for n in 0..40 {
            let (payload_number, timestamp) = (codecs[0].payload(), 800_000 + 160 * u32::from(n));
            let stamp = Stamp { marker: n == 0, payload_number, sequence: 777 + n, timestamp, ssrc: 3 };
            let from = SocketAddr::from(([10, 0, 0, 1], 5000));
            self.heard.clear();
            self.packet(speaks, from, [&stamp.to_bytes()[..], &said].concat());
            self.drain();
            self.pass(Duration::from_millis(20));
        }
        assert!((40..=41).contains(&(self.open[&listens] - before)), "a packet in every step");
        let loudest = self
            .heard
            .iter()
            .filter_map(|byte| codecs[1].law().map(|law| media::g711::decode(law, *byte).unsigned_abs()));
        // What predicts is not read here: a decoder that knows nothing of what was before hears little.
        if let (Some(_), Some(_)) = (codecs[0].law(), codecs[1].law()) {
            let loudest = loudest.max().expect("a packet in the last step");
            assert!(loudest > 5000, "{loudest} is heard");
        }
    }

    /// Every wake-up that is asked for moves on: `steps` is more than there can be deadlines.
    fn pass(&mut self, time: Duration) {
        let end = self.now.later(time);
        let mut steps = 200;
        while let Some((at, kind)) = self.engine.next_timeout().filter(|(at, _)| *at <= end.mono) {
            self.now = self.now.later(at.since(self.now.mono));
            self.engine.handle_timeout(self.now);
            let next = self.engine.next_timeout();
            assert!(next.is_none_or(|(at, _)| at > self.now.mono), "{kind:?} is due again at once");
            self.drain();
            steps -= 1;
            assert!(steps > 0, "it wakes up all the time");
        }
        self.now = end;
    }
}

proptest! {
    #[test]
    fn the_engine_keeps_its_promises(
        steps in prop::collection::vec(step(), 1..120),
        codecs in [codec(), codec()],
        first in any::<u16>(),
    ) {
        let sounds = vec![Sound::new(&[1000; 480]), Sound::new(&[])];
        let config = EngineConfig { sounds, streams_max: usize::try_from(STREAMS).unwrap() };
        let mut engine = Engine::new(config, Random::from_number(1));
        engine.begin_reports();
        let mut world = World { engine, now: Now::default().later(Duration::from_secs(9)), open: BTreeMap::new(), heard: Vec::new() };
        for step in steps {
            match step {
                Step::Command(command) => world.command(command),
                Step::Packet { stream, from, stamp, payload } => {
                    world.packet(stream, from, [&stamp.to_bytes()[..], &payload].concat());
                }
                Step::Burst { stream, from, mut stamp, payload, packets } => {
                    for _ in 0..packets {
                        world.packet(stream, from, [&stamp.to_bytes()[..], &payload].concat());
                        world.drain();
                        stamp.sequence = stamp.sequence.wrapping_add(1);
                        stamp.timestamp = stamp.timestamp.wrapping_add(payload.len() as u32);
                    }
                }
                Step::Garbage { stream, from, bytes } => world.packet(stream, from, bytes),
                Step::Pass(ms) => world.pass(Duration::from_millis(ms)),
            }
            world.drain();
        }
        world.talk(codecs, first);
        world.talk_mixed(codecs);
    }
}
