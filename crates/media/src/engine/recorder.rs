//! Which streams are recorded, for which call, since when; and their packets until they are handed over, a block at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{CallId, Mono, StreamId};

use super::Outputs;
use crate::api::Stored;
use crate::limits::{BLOCK_AGE_MAX, BLOCKS_FREE_MAX};
use crate::recording::{Block, Frame};

/// How often the age of blocks is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a recorded stream knows about its recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    /// Its place.
    pub(super) recording: usize,
    /// 0 agent, 1 customer.
    pub(super) track: u8,
    pub(super) began: Mono,
}

#[derive(Debug)]
struct Recording {
    call: CallId,
    began: Mono,
    tracks: [StreamId; 2],
    pending: Option<Pending>,
}

/// Packets that are not handed over yet.
#[derive(Debug)]
struct Pending {
    block: Block,
    /// When the first of them came.
    since: Mono,
}

/// A recording that is complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopped {
    pub(super) length: Duration,
    pub(super) streams: [StreamId; 2],
}

#[derive(Debug, Default)]
pub(super) struct Recorder {
    recordings: Vec<Option<Recording>>,
    free: Vec<usize>,
    places: BTreeMap<CallId, usize>,
    calls: BTreeMap<StreamId, CallId>,
    /// Empty blocks.
    blocks: Vec<Block>,
    /// Recordings with packets pending.
    pending: usize,
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
        let mut changed = Vec::new();
        if let Some(recording) = self.of_call(call) {
            changed.extend(std::mem::replace(&mut recording.tracks, tracks));
        } else if self.places.len() < recordings_max {
            self.insert(Recording { call, began: now, tracks, pending: None });
        } else {
            return changed;
        }
        for stream in &changed {
            self.calls.remove(stream);
        }
        changed.extend(tracks);
        self.calls.extend(tracks.map(|stream| (stream, call)));
        changed
    }

    /// Ends a recording, if it runs, and hands over what is left of it.
    pub(super) fn stop(&mut self, now: Mono, call: CallId, outputs: &mut Outputs) -> Option<Stopped> {
        let place = self.places.remove(&call)?;
        let mut recording = self.recordings[place].take()?;
        self.free.push(place);
        for stream in recording.tracks {
            self.calls.remove(&stream);
        }
        self.pending -= recording.hand_over(outputs);
        self.give_up();
        Some(Stopped { length: now.since(recording.began), streams: recording.tracks })
    }

    /// The tap of a stream, if it is recorded.
    pub(super) fn tap(&self, stream: StreamId) -> Option<Tap> {
        let place = *self.places.get(self.calls.get(&stream)?)?;
        let recording = self.recordings[place].as_ref()?;
        let track = u8::from(recording.tracks[0] != stream);
        Some(Tap { recording: place, track, began: recording.began })
    }

    /// Keeps a packet of the recording at a place that a [`Tap`] names. Returns when to [`look`](Recorder::look), if no
    /// packet was pending before.
    pub(super) fn store(
        &mut self,
        now: Mono,
        place: usize,
        frame: &Frame<'_>,
        outputs: &mut Outputs,
    ) -> Option<Mono> {
        let recording = self.recordings.get_mut(place)?.as_mut()?;
        if let Some(pending) = &mut recording.pending
            && pending.block.has_room_for(frame)
        {
            pending.block.push(frame);
            return None;
        }
        self.pending -= recording.hand_over(outputs);
        let mut block = self.blocks.pop().unwrap_or_else(Block::new);
        block.push(frame);
        recording.pending = Some(Pending { block, since: now });
        self.pending += 1;
        (self.pending == 1).then_some(now + LOOK_EVERY)
    }

    /// Whether no packet is pending.
    pub(super) fn is_idle(&self) -> bool {
        self.pending == 0
    }

    /// Hands over the blocks that would be too old the next time. Returns when that is, if packets are still pending.
    pub(super) fn look(&mut self, now: Mono, outputs: &mut Outputs) -> Option<Mono> {
        let next = now + LOOK_EVERY;
        for recording in self.recordings.iter_mut().flatten() {
            if recording.pending.as_ref().is_some_and(|pending| pending.since + BLOCK_AGE_MAX <= next) {
                self.pending -= recording.hand_over(outputs);
            }
        }
        (self.pending > 0).then_some(next)
    }

    /// Hands over everything.
    pub(super) fn hand_over(&mut self, outputs: &mut Outputs) {
        for recording in self.recordings.iter_mut().flatten() {
            self.pending -= recording.hand_over(outputs);
        }
    }

    /// A block that was handed over and is needed no more. As many are kept as may soon be needed.
    pub(super) fn take_back(&mut self, mut block: Block) {
        block.clear();
        self.blocks.push(block);
        self.give_up();
    }

    fn give_up(&mut self) {
        self.blocks.truncate(self.places.len() / 2 + BLOCKS_FREE_MAX);
    }

    fn of_call(&mut self, call: CallId) -> Option<&mut Recording> {
        self.recordings[*self.places.get(&call)?].as_mut()
    }

    fn insert(&mut self, recording: Recording) {
        let call = recording.call;
        let place = match self.free.pop() {
            Some(place) => {
                self.recordings[place] = Some(recording);
                place
            }
            None => {
                self.recordings.push(Some(recording));
                self.recordings.len() - 1
            }
        };
        self.places.insert(call, place);
    }
}

impl Recording {
    /// Returns how many blocks there were, 0 or 1.
    fn hand_over(&mut self, outputs: &mut Outputs) -> usize {
        let Some(Pending { block, since: _ }) = self.pending.take() else { return 0 };
        outputs.store(Stored { call: self.call, block });
        1
    }
}
