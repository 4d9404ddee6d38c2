//! What a media thread of the server is: an engine, its sockets, and nothing else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base::{CallId, Mono, Now, Random, StreamId};
use bytes::Bytes;
use media::api::{Command, Signal, Stored};
use media::engine::{Engine, EngineConfig, Output};
use media::recording::Packet;
use media::sound::Sound;

/// More timeouts at one moment than this: something sets deadlines in the past.
const TIMEOUTS_AT_ONCE_MAX: u32 = 1_000;

/// An engine and its sockets.
#[derive(Debug)]
pub(crate) struct MediaThread {
    engine: Engine,
    address: IpAddr,
    ports: BTreeMap<StreamId, u16>,
    streams: BTreeMap<u16, StreamId>,
    /// Streams whose sockets could not be opened and that are not closed yet.
    unusable: BTreeSet<StreamId>,
    /// When recordings began.
    recordings: BTreeMap<CallId, Mono>,
    /// Percent of them.
    unusable_percent: u64,
    random: Random,
    made: VecDeque<Made>,
}

/// What comes of it.
#[derive(Debug)]
pub(crate) enum Made {
    /// For signalling.
    Signal(Signal),
    /// An RTP packet leaves.
    Packet { stream: StreamId, from: SocketAddr, to: SocketAddr, data: Bytes },
    /// For the file of a recording. Handed over in blocks: `at` is when it came.
    Stored { call: CallId, at: Mono, packet: Packet },
}

impl MediaThread {
    pub(crate) fn new(
        address: IpAddr,
        sounds: Vec<Sound>,
        unusable_percent: u64,
        mut random: Random,
    ) -> Self {
        let config = EngineConfig { sounds, streams_max: 1_000 };
        MediaThread {
            engine: Engine::new(config, random.fork()),
            address,
            ports: BTreeMap::new(),
            streams: BTreeMap::new(),
            unusable: BTreeSet::new(),
            recordings: BTreeMap::new(),
            unusable_percent,
            random,
            made: VecDeque::new(),
        }
    }

    /// From now on every socket opens.
    pub(crate) fn heal(&mut self) {
        self.unusable_percent = 0;
    }

    pub(crate) fn handle_command(&mut self, now: Now, command: Command) {
        match &command {
            Command::Open { stream, port, .. } => {
                if self.random.chance(self.unusable_percent) {
                    self.unusable.insert(*stream);
                    return self.made.push_back(Made::Signal(Signal::OpenFailed { stream: *stream }));
                }
                let other = self.streams.insert(*port, *stream);
                assert_eq!(other, None, "port {port} serves two streams");
                self.ports.insert(*stream, *port);
            }
            Command::Close { stream } => {
                self.unusable.remove(stream);
                if let Some(port) = self.ports.remove(stream) {
                    self.streams.remove(&port);
                }
            }
            Command::Record { call, .. } => {
                self.recordings.entry(*call).or_insert(now.mono);
            }
            Command::Agree { .. }
            | Command::Hear { .. }
            | Command::Watch { .. }
            | Command::Store { .. }
            | Command::StopRecord { .. }
            | Command::Listen { .. }
            | Command::SendDigits { .. } => {}
        }
        let stopped = if let Command::StopRecord { call } = command { Some(call) } else { None };
        self.engine.handle_command(now, command);
        self.drain();
        if let Some(call) = stopped {
            self.recordings.remove(&call);
        }
    }

    /// A datagram came to `port`.
    pub(crate) fn handle_packet(&mut self, now: Now, port: u16, from: SocketAddr, data: &[u8]) {
        let Some(stream) = self.streams.get(&port).copied() else { return };
        let mut packet = data.to_vec();
        let forward = self.engine.handle_rtp(now, stream, from, &mut packet);
        self.drain();
        if let Some(forward) = forward {
            packet.truncate(forward.len);
            self.send(forward.stream, forward.to, Bytes::from(packet));
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Now) {
        let mut times = 0;
        while self.next_timeout().is_some_and(|due| due <= now.mono) {
            times += 1;
            assert!(times < TIMEOUTS_AT_ONCE_MAX, "{:?} comes again and again", self.engine.next_timeout());
            self.engine.handle_timeout(now);
            self.drain();
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Mono> {
        self.engine.next_timeout().map(|(at, _)| at)
    }

    pub(crate) fn poll_made(&mut self) -> Option<Made> {
        self.made.pop_front()
    }

    /// The stream of a port, while its sockets are open.
    pub(crate) fn stream_at(&self, port: u16) -> Option<StreamId> {
        self.streams.get(&port).copied()
    }

    /// How many streams are open.
    pub(crate) fn open(&self) -> usize {
        assert_eq!(self.engine.streams(), self.ports.len(), "the engine has other streams than open sockets");
        self.ports.len()
    }

    /// How many streams were to be opened and not to be closed since.
    pub(crate) fn wanted(&self) -> usize {
        self.open() + self.unusable.len()
    }

    /// Nothing is open, and nothing is going to happen.
    pub(crate) fn assert_at_rest(&self) {
        assert_eq!(self.wanted(), 0, "streams are left: {:?}", self.ports);
        assert_eq!(self.engine.next_timeout(), None, "an engine without streams waits for something");
        assert_eq!(self.engine.dropped(), 0, "packets were dropped");
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { stream, to, data } => self.send(stream, to, data),
                Output::Report { .. } => panic!("nobody here takes part in RTCP"),
                Output::Signal(signal) => self.made.push_back(Made::Signal(signal)),
                Output::Store(Stored { call, block }) => {
                    let began = *self.recordings.get(&call).expect("only what is recorded is stored");
                    self.made.extend(block.read().map(|packet| {
                        let at = began + Duration::from_micros(packet.at_us);
                        Made::Stored { call, at, packet }
                    }));
                    self.engine.take_back(block);
                }
            }
        }
    }

    fn send(&mut self, stream: StreamId, to: SocketAddr, data: Bytes) {
        let port = self.ports.get(&stream).expect("only open streams send");
        let from = SocketAddr::new(self.address, *port);
        self.made.push_back(Made::Packet { stream, from, to, data });
    }
}
