//! Which sounds are recorded, for which call, since when; and their packets until they are handed over, a block at a time.
//!
//! What is stored of a call may change while it is recorded. A sound keeps its number in the file, also while it is not
//! stored; what comes when all numbers are given out gets that of one that is not stored any more.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{CallId, Mono, StreamId};

use super::{Engine, Outputs, TimerKind};
use crate::api::{Side, Signal, Stored, StreamSound, Track};
use crate::codec::Codec;
use crate::limits::{BLOCK_AGE_MAX, BLOCKS_FREE_MAX, RECORDING_TRACKS_MAX};
use crate::recording::{Block, Frame, track_number};
use crate::rtp::Stamp;

/// How often the age of blocks is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a stream knows about the recording of one of its sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tap {
    /// Its place.
    pub(super) recording: usize,
    /// Number in the file.
    pub(super) track: u8,
    pub(super) began: Mono,
}

impl Tap {
    /// When something is, on the recording's clock.
    pub(super) fn at_us(&self, now: Mono) -> u64 {
        u64::try_from(now.since(self.began).as_micros()).unwrap_or(u64::MAX)
    }
}

/// The tap of music, and the codec that the far end hears it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MusicTap {
    pub(super) tap: Tap,
    pub(super) codec: Codec,
}

impl MusicTap {
    /// What of a packet that was made here is to be recorded, and where.
    pub(super) fn frame<'a>(&self, now: Mono, stamp: &Stamp, payload: &'a [u8]) -> (usize, Frame<'a>) {
        let MusicTap { tap, codec } = *self;
        let Stamp { timestamp, sequence, .. } = *stamp;
        let (track, at_us) = (tap.track, tap.at_us(now));
        (tap.recording, Frame { track, at_us, codec, timestamp, sequence, payload })
    }
}

/// Those of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taps {
    pub(super) said: Option<Tap>,
    /// Rarely there, and so not among what every packet touches.
    pub(super) played: Option<Box<Tap>>,
}

#[derive(Debug)]
struct Recording {
    call: CallId,
    began: Mono,
    /// By number: at most `RECORDING_TRACKS_MAX`.
    tracks: Vec<(Track, Standing)>,
    pending: Option<Pending>,
}

/// Whether a sound that has a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Stored,
    Paused,
}

/// Packets that are not handed over yet.
#[derive(Debug)]
struct Pending {
    block: Block,
    /// When the first of them came.
    since: Mono,
}

/// A recording that is complete.
#[derive(Clone, Debug)]
struct Stopped {
    length: Duration,
    /// Of which something was stored to the end.
    streams: Vec<StreamId>,
}

#[derive(Debug, Default)]
pub(super) struct Recorder {
    recordings: Vec<Option<Recording>>,
    free: Vec<usize>,
    places: BTreeMap<CallId, usize>,
    /// In which recording streams are stored.
    calls: BTreeMap<StreamId, CallId>,
    /// Empty blocks.
    blocks: Vec<Block>,
    /// Recordings with packets pending.
    pending: usize,
}

impl Engine {
    /// `Command::Record`.
    pub(super) fn record(&mut self, now: Mono, call: CallId, agent: StreamId, customer: StreamId) {
        self.recorder.start(now, call, self.config.streams_max);
        let said = |stream, side| Track { stream, sound: StreamSound::Said, side };
        self.store(call, &[said(agent, Side::Agent), said(customer, Side::Customer)]);
    }

    /// `Command::Store`.
    pub(super) fn store(&mut self, call: CallId, tracks: &[Track]) {
        for stream in self.recorder.change(call, tracks) {
            self.tap(stream);
        }
    }

    /// `Command::StopRecord`.
    pub(super) fn stop_record(&mut self, now: Mono, call: CallId) {
        let Some(stopped) = self.recorder.stop(now, call, &mut self.outputs) else { return };
        for stream in stopped.streams {
            self.tap(stream);
        }
        if self.recorder.is_idle() {
            self.timers.cancel(&TimerKind::Blocks);
        }
        self.outputs.signal(Signal::RecordingStopped { call, length: stopped.length });
    }

    /// Sets the taps of a stream to what the recorder says.
    pub(super) fn tap(&mut self, id: StreamId) {
        let taps = self.recorder.taps(id);
        if let Some(stream) = self.find(id) {
            stream.taps = taps;
        }
    }
}

impl Recorder {
    /// Begins a recording; nothing when it runs, or when `recordings_max` do.
    fn start(&mut self, now: Mono, call: CallId, recordings_max: usize) {
        if !self.places.contains_key(&call) && self.places.len() < recordings_max {
            self.insert(Recording { call, began: now, tracks: Vec::new(), pending: None });
        }
    }

    /// From now on just this is stored of a call, if it is recorded. Returns the streams whose taps may change.
    fn change(&mut self, call: CallId, wanted: &[Track]) -> Vec<StreamId> {
        let Some(place) = self.places.get(&call).copied() else { return Vec::new() };
        let Some(recording) = &mut self.recordings[place] else { return Vec::new() };
        let mut changed: Vec<StreamId> = recording.stored().map(|(_, track)| track.stream).collect();
        recording.change(&wanted[..wanted.len().min(RECORDING_TRACKS_MAX)]);
        let stored: Vec<StreamId> = recording.stored().map(|(_, track)| track.stream).collect();
        self.release(call, &changed);
        self.calls.extend(stored.iter().map(|stream| (*stream, call)));
        changed.extend(stored);
        changed
    }

    /// Ends a recording, if it runs, and hands over what is left of it.
    fn stop(&mut self, now: Mono, call: CallId, outputs: &mut Outputs) -> Option<Stopped> {
        let place = self.places.remove(&call)?;
        let mut recording = self.recordings[place].take()?;
        self.free.push(place);
        let streams: Vec<StreamId> = recording.stored().map(|(_, track)| track.stream).collect();
        self.release(call, &streams);
        self.pending -= recording.hand_over(outputs);
        self.give_up();
        Some(Stopped { length: now.since(recording.began), streams })
    }

    /// Streams are not stored any more, those excepted that another recording has taken over.
    fn release(&mut self, call: CallId, streams: &[StreamId]) {
        for stream in streams {
            if self.calls.get(stream) == Some(&call) {
                self.calls.remove(stream);
            }
        }
    }

    /// The taps of a stream.
    fn taps(&self, stream: StreamId) -> Taps {
        let place = self.calls.get(&stream).and_then(|call| self.places.get(call)).copied();
        let found = place.and_then(|place| Some((place, self.recordings[place].as_ref()?)));
        let Some((place, recording)) = found else { return Taps::default() };
        let tap = |sound| {
            let mut stored = recording.stored();
            let (nth, track) = stored.find(|(_, track)| (track.stream, track.sound) == (stream, sound))?;
            let track = track_number(nth, track.side);
            Some(Tap { recording: place, track, began: recording.began })
        };
        Taps { said: tap(StreamSound::Said), played: tap(StreamSound::Played).map(Box::new) }
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
    /// What is stored, with its place among the tracks.
    fn stored(&self) -> impl Iterator<Item = (usize, Track)> {
        let all = self.tracks.iter().enumerate();
        all.filter_map(|(nth, (track, standing))| (*standing == Standing::Stored).then_some((nth, *track)))
    }

    /// Stores just this from now on, at most `RECORDING_TRACKS_MAX`.
    fn change(&mut self, wanted: &[Track]) {
        for (track, standing) in &mut self.tracks {
            *standing = if wanted.contains(track) { Standing::Stored } else { Standing::Paused };
        }
        for new in wanted {
            if self.tracks.iter().any(|(track, _)| track == new) {
                continue;
            }
            let stored = (*new, Standing::Stored);
            if self.tracks.len() < RECORDING_TRACKS_MAX {
                self.tracks.push(stored);
            } else if let Some(paused) =
                self.tracks.iter_mut().find(|(_, standing)| *standing == Standing::Paused)
            {
                *paused = stored;
            }
        }
    }

    /// Returns how many blocks there were, 0 or 1.
    fn hand_over(&mut self, outputs: &mut Outputs) -> usize {
        let Some(Pending { block, since: _ }) = self.pending.take() else { return 0 };
        outputs.store(Stored { call: self.call, block });
        1
    }
}
