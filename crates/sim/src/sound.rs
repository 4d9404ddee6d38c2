//! The media engine as the switch sees it: obeys the patch table, counts nothing, and holds each command against the
//! rules. Sound itself is tested in `media`; here a stream is silent or it is not.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{CallId, LegId, Mono, Random, StreamId};
use media::api::{Command, Signal, Source};

/// All streams of the switch.
#[derive(Debug)]
pub(crate) struct Sound {
    streams: BTreeMap<StreamId, Stream>,
    /// The call of every stream there ever was.
    calls: BTreeMap<StreamId, CallId>,
    recordings: BTreeMap<CallId, Mono>,
    mute: u64,
    ports_unusable: u64,
    random: Random,
}

#[derive(Debug)]
struct Stream {
    call: CallId,
    port: u16,
    agreed: bool,
    hears: Source,
}

impl Sound {
    pub(crate) fn new(mute: u64, ports_unusable: u64, random: Random) -> Sound {
        Sound {
            streams: BTreeMap::new(),
            calls: BTreeMap::new(),
            recordings: BTreeMap::new(),
            mute,
            ports_unusable,
            random,
        }
    }

    /// From now on every socket opens and every phone speaks.
    pub(crate) fn heal(&mut self) {
        self.mute = 0;
        self.ports_unusable = 0;
    }

    /// Obeys; the signal that follows, if any, and after how long.
    pub(crate) fn obey(&mut self, now: Mono, command: Command) -> Option<(Duration, Signal)> {
        match command {
            Command::Open { stream, call, port } => return self.open(stream, call, port),
            Command::Agree { stream, .. } => {
                self.streams.get_mut(&stream).expect("only open streams agree").agreed = true;
            }
            Command::Hear { stream, source } => self.hear(stream, source),
            Command::Watch { stream, silence_max } => return self.watch(stream, silence_max),
            Command::Record { call, agent, customer } => {
                for stream in [agent, customer] {
                    let of_call = self.streams.get(&stream).is_some_and(|one| one.call == call);
                    assert!(of_call, "a recording of call {call} stores a stream that is not its own");
                }
                let earlier = self.recordings.insert(call, now);
                assert!(earlier.is_none(), "call {call} is recorded twice");
            }
            Command::StopRecord { call } => {
                let began = self.recordings.remove(&call).expect("a recording stops once, after its start");
                let delay = Duration::from_micros(self.random.below(1_500_000));
                return Some((delay, Signal::RecordingStopped { call, length: now.since(began) }));
            }
            Command::SendDigits { .. } => panic!("no plan sends digits yet"),
            Command::Close { stream } => {
                self.streams.remove(&stream).expect("a stream is closed once, after it was opened");
            }
        }
        None
    }

    /// Whose an RTP port is.
    pub(crate) fn leg_at(&self, port: u16) -> Option<LegId> {
        self.streams.iter().find(|(_, stream)| stream.port == port).map(|(id, _)| LegId(id.0))
    }

    /// Nothing is open and nothing is recorded.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.streams.is_empty() && self.recordings.is_empty()
    }

    fn open(&mut self, stream: StreamId, call: CallId, port: u16) -> Option<(Duration, Signal)> {
        assert!(port.is_multiple_of(2), "RTP port {port} is odd");
        assert!(self.streams.values().all(|other| other.port != port), "port {port} serves two streams");
        let new = Stream { call, port, agreed: false, hears: Source::Nothing };
        assert!(self.streams.insert(stream, new).is_none(), "stream {stream} was opened twice");
        self.calls.insert(stream, call);
        let unusable = self.random.chance(self.ports_unusable);
        unusable.then_some((Duration::from_millis(1), Signal::OpenFailed { stream }))
    }

    /// Nobody hears anybody outside the call.
    fn hear(&mut self, stream: StreamId, source: Source) {
        let call = self.streams.get(&stream).expect("only open streams hear").call;
        match source {
            Source::Stream(other) => {
                // The other leg may just have ended: then nothing is heard.
                assert_eq!(self.calls.get(&other), Some(&call), "a leg hears another call");
            }
            Source::Nothing | Source::RingBack => {}
            Source::Busy | Source::Sound { .. } | Source::Echo => panic!("no plan plays {source:?} yet"),
        }
        self.streams.get_mut(&stream).expect("found above").hears = source;
    }

    fn watch(&mut self, stream: StreamId, silence_max: Option<Duration>) -> Option<(Duration, Signal)> {
        let watched = self.streams.get(&stream).expect("only open streams are watched");
        assert!(watched.agreed, "a stream is watched before anything was agreed");
        let silent = self.random.chance(self.mute);
        silence_max.filter(|_| silent).map(|after| (after, Signal::Silent { stream }))
    }
}
