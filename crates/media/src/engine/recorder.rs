//! Which streams are recorded, for which call, since when.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{CallId, Mono, StreamId};

/// What a recorded stream knows about its recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    pub(super) call: CallId,
    /// 0 agent, 1 customer.
    pub(super) track: u8,
    pub(super) began: Mono,
}

#[derive(Clone, Copy, Debug)]
struct Recording {
    began: Mono,
    tracks: [StreamId; 2],
}

/// A recording that is complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped {
    pub(super) length: Duration,
    pub(super) streams: [StreamId; 2],
}

#[derive(Debug, Default)]
pub(super) struct Recorder {
    recordings: BTreeMap<CallId, Recording>,
    calls: BTreeMap<StreamId, CallId>,
}

impl Recorder {
    /// Begins a recording, or gives a running one other streams; nothing when `recordings_max` run. Returns the streams
    /// whose taps change.
    pub(super) fn start(
        &mut self,
        now: Mono,
        call: CallId,
        tracks: [StreamId; 2],
        recordings_max: usize,
    ) -> Vec<StreamId> {
        let before = self.recordings.get(&call).copied();
        if before.is_none() && self.recordings.len() >= recordings_max {
            return Vec::new();
        }
        let mut changed: Vec<StreamId> = before.iter().flat_map(|recording| recording.tracks).collect();
        for stream in &changed {
            self.calls.remove(stream);
        }
        changed.extend(tracks);
        let began = before.map_or(now, |recording| recording.began);
        self.recordings.insert(call, Recording { began, tracks });
        self.calls.extend(tracks.map(|stream| (stream, call)));
        changed
    }

    /// Ends a recording, if it runs.
    pub(super) fn stop(&mut self, now: Mono, call: CallId) -> Option<Stopped> {
        let recording = self.recordings.remove(&call)?;
        for stream in recording.tracks {
            self.calls.remove(&stream);
        }
        Some(Stopped { length: now.since(recording.began), streams: recording.tracks })
    }

    /// The tap of a stream, if it is recorded.
    pub(super) fn tap(&self, stream: StreamId) -> Option<Tap> {
        let call = *self.calls.get(&stream)?;
        let recording = self.recordings.get(&call)?;
        let track = u8::from(recording.tracks[0] != stream);
        Some(Tap { call, track, began: recording.began })
    }
}
