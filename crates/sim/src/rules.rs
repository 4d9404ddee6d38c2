//! Holds every command for the media engine against the rules, whoever carries it out.

use std::collections::{BTreeMap, BTreeSet};

use base::{CallId, LegId, StreamId};
use media::api::{Command, Source};

/// All streams that the switch wants.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    streams: BTreeMap<StreamId, Stream>,
    /// The call of every stream there ever was.
    calls: BTreeMap<StreamId, CallId>,
    recordings: BTreeSet<CallId>,
}

#[derive(Debug)]
struct Stream {
    call: CallId,
    port: u16,
    agreed: bool,
}

impl Rules {
    pub(crate) fn check(&mut self, command: &Command) {
        match command {
            Command::Open { stream, call, port, family: _ } => self.open(*stream, *call, *port),
            Command::Agree { stream, .. } => {
                self.streams.get_mut(stream).expect("only open streams agree").agreed = true;
            }
            Command::Hear { stream, source } => self.hear(*stream, source),
            Command::Watch { stream, .. } => {
                let watched = self.streams.get(stream).expect("only open streams are watched");
                assert!(watched.agreed, "a stream is watched before anything was agreed");
            }
            Command::Record { call, agent, customer } => {
                for stream in [agent, customer] {
                    let of_call = self.streams.get(stream).is_some_and(|one| one.call == *call);
                    assert!(of_call, "a recording of call {call} stores a stream that is not its own");
                }
                assert!(self.recordings.insert(*call), "call {call} is recorded twice");
            }
            Command::Store { call, tracks } => {
                assert!(self.recordings.contains(call), "nothing is recorded of {call}");
                let mut stored = BTreeSet::new();
                for track in tracks {
                    let of = self.calls.get(&track.stream);
                    assert_eq!(
                        of,
                        Some(call),
                        "a recording of call {call} stores a stream that is not its own"
                    );
                    assert!(stored.insert((track.stream, track.sound)), "call {call} stores a sound twice");
                }
            }
            Command::StopRecord { call } => {
                assert!(self.recordings.remove(call), "a recording stops once, after its start");
            }
            Command::Listen { .. } => panic!("no plan listens to digits yet"),
            Command::SendDigits { stream, .. } => {
                let dialled = self.streams.get(stream).expect("only open streams are sent digits");
                assert!(dialled.agreed, "digits are sent before anything was agreed");
            }
            Command::Close { stream } => {
                self.streams.remove(stream).expect("a stream is closed once, after it was opened");
            }
        }
    }

    /// Whose an RTP port is.
    pub(crate) fn leg_at(&self, port: u16) -> Option<LegId> {
        self.streams.iter().find(|(_, stream)| stream.port == port).map(|(id, _)| LegId(id.0))
    }

    /// The port that was given out last, if any is in use.
    pub(crate) fn newest_port(&self) -> Option<u16> {
        self.streams.last_key_value().map(|(_, stream)| stream.port)
    }

    /// How many streams are wanted.
    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Nothing is open and nothing is recorded.
    pub(crate) fn assert_at_rest(&self) {
        assert!(self.streams.is_empty(), "streams are left: {:?}", self.streams);
        assert!(self.recordings.is_empty(), "recordings are left: {:?}", self.recordings);
    }

    fn open(&mut self, stream: StreamId, call: CallId, port: u16) {
        assert!(port.is_multiple_of(2), "RTP port {port} is odd");
        assert!(self.streams.values().all(|other| other.port != port), "port {port} serves two streams");
        let new = Stream { call, port, agreed: false };
        assert!(self.streams.insert(stream, new).is_none(), "stream {stream} was opened twice");
        self.calls.insert(stream, call);
    }

    /// Nobody hears anybody outside the call.
    fn hear(&mut self, stream: StreamId, source: &Source) {
        let call = self.streams.get(&stream).expect("only open streams hear").call;
        match source {
            Source::Stream(other) => {
                // The other leg may just have ended: then nothing is heard.
                assert_eq!(self.calls.get(other), Some(&call), "a leg hears another call");
                assert_ne!(*other, stream, "a leg hears itself");
            }
            Source::Mix(others) => {
                assert!(others.len() >= 2 && others.is_sorted(), "no mix: {others:?}");
                for other in others {
                    assert_eq!(self.calls.get(other), Some(&call), "a leg hears another call");
                    assert_ne!(*other, stream, "a leg hears itself");
                }
            }
            Source::Nothing | Source::RingBack | Source::Sound { looped: true, .. } => {}
            Source::Busy | Source::Congestion | Source::Sound { .. } | Source::Echo => {
                panic!("no plan plays {source:?} yet")
            }
        }
    }
}
