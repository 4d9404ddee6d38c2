//! Mixes: far ends that hear several others at once.
//!
//! ```text
//! packet of a stream that is in a mix → decoded → its jitter buffer
//! each step: every buffer gives a step of sound → summed for each listener → the last packet's worth of it is encoded
//! ```
//!
//! A stream that is heard in mixes has one buffer, whatever the number of mixes; it is decoded once. The steps are those in
//! which tones and sounds are played (`steps`), so that a far end's packets go on evenly through every change of what it
//! hears, and come whether somebody speaks or not: who is alone in a conference hears silence, and its NAT stays open.
//!
//! Everything is mixed at 8 kHz: of G.722 the lower sub-band, also between two far ends that both speak it. A sum that is
//! too loud is clipped. Somebody who speaks alone is so not changed by a bit, as a limiter would; and of people who share a
//! telephone line hardly two are at full scale at a time.

use std::collections::{BTreeMap, BTreeSet};

use base::{Mono, StreamId};

use super::jitter::{JitterBuffer, Placed};
use super::reception::SEQUENCE_JUMP_MAX;
use super::samples;
use super::seam::Seam;
use super::stream::Stream;
use crate::codec::{Codec, TICKS_PER_MS};
use crate::coder::Decoder;
use crate::g711;
use crate::limits::{MIX_STEP_SAMPLES_MAX, MIX_STREAMS_MAX, PACKET_TICKS_MAX, PTIME_MS};
use crate::rtp::{Header, sequence_distance};

/// What was mixed last for a far end: as much as its longest packet holds.
pub(super) type Mixed = [i16; *PTIME_MS.end() as usize * TICKS_PER_MS];

/// The rows by name, and what they compile to. Rows may name streams that are not open yet.
#[derive(Debug, Default)]
pub(super) struct Mixer {
    rows: BTreeMap<StreamId, Vec<StreamId>>,
    named_by: BTreeMap<StreamId, BTreeSet<StreamId>>,
    /// By slot.
    inputs: Vec<Option<Box<Input>>>,
    listeners: Vec<Option<Box<Listener>>>,
    /// The slots of those that are there.
    heard: Vec<usize>,
    listening: Vec<usize>,
}

/// A stream that is heard in mixes.
#[derive(Debug)]
struct Input {
    /// By these: slots, in order.
    listeners: Vec<usize>,
    buffer: JitterBuffer,
    decoder: Decoder,
    speaker: Option<Speaker>,
}

/// Who speaks on it at the moment.
#[derive(Clone, Copy, Debug)]
struct Speaker {
    ssrc: u32,
    codec: Codec,
    newest: u16,
}

/// A far end that hears a mix.
#[derive(Debug)]
struct Listener {
    /// Slots of those whom it hears.
    sources: Vec<usize>,
    row: Row,
    mixed: Mixed,
    seam: Seam,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// Others are heard from the next step on.
    New,
    Known,
}

impl Mixer {
    /// From now on the open stream `listener` hears these, or no mix.
    pub(super) fn set(
        &mut self,
        listener: StreamId,
        heard: Option<&[StreamId]>,
        slots: &BTreeMap<StreamId, usize>,
        streams: &[Option<Stream>],
    ) {
        for name in self.rows.remove(&listener).into_iter().flatten() {
            if let Some(listeners) = self.named_by.get_mut(&name) {
                listeners.remove(&listener);
                if listeners.is_empty() {
                    self.named_by.remove(&name);
                }
            }
        }
        if let Some(heard) = heard {
            let others: BTreeSet<StreamId> =
                heard.iter().copied().filter(|heard| *heard != listener).collect();
            let row: Vec<StreamId> = others.into_iter().take(MIX_STREAMS_MAX).collect();
            for name in &row {
                self.named_by.entry(*name).or_default().insert(listener);
            }
            self.rows.insert(listener, row);
        }
        self.compile_row(listener, slots, streams);
    }

    /// The stream opened: those who name it hear it.
    pub(super) fn opened(
        &mut self,
        stream: StreamId,
        slots: &BTreeMap<StreamId, usize>,
        streams: &[Option<Stream>],
    ) {
        for listener in self.named_by.get(&stream).cloned().unwrap_or_default() {
            self.compile_row(listener, slots, streams);
        }
    }

    /// The stream, which was at `slot`, is closed. Those who name it hear it again should it be opened again.
    pub(super) fn closed(
        &mut self,
        stream: StreamId,
        slot: usize,
        slots: &BTreeMap<StreamId, usize>,
        streams: &[Option<Stream>],
    ) {
        self.set(stream, None, slots, streams);
        self.forget_listener(slot);
        self.opened(stream, slots, streams);
    }

    /// Whether the stream at `slot` is heard in a mix.
    pub(super) fn is_heard(&self, slot: usize) -> bool {
        self.inputs.get(slot).is_some_and(Option::is_some)
    }

    /// Slots of those who hear the stream at `slot` in a mix.
    pub(super) fn listeners(&self, slot: usize) -> &[usize] {
        self.inputs.get(slot).and_then(Option::as_deref).map_or(&[], |input| &input.listeners)
    }

    /// A packet of sound came to the stream at `slot`.
    pub(super) fn push(
        &mut self,
        now: Mono,
        slot: usize,
        codec: Codec,
        header: &Header,
        payload: &[u8],
    ) -> Placed {
        match self.inputs.get_mut(slot).and_then(Option::as_deref_mut) {
            Some(input) => input.push(now, codec, header, payload),
            None => Placed::InTime,
        }
    }

    /// The far end of the stream at `slot` says nothing for a while.
    pub(super) fn pause(&mut self, slot: usize) {
        if let Some(input) = self.inputs.get_mut(slot).and_then(Option::as_deref_mut) {
            input.buffer.pause();
        }
    }

    /// Mixes the next step, of so many samples at `now`.
    pub(super) fn step(&mut self, now: Mono, count: usize) {
        let now = samples(now.since(Mono::ZERO));
        for slot in &self.heard {
            if let Some(input) = &mut self.inputs[*slot] {
                input.buffer.step(now, count);
            }
        }
        for slot in &self.listening {
            if let Some(listener) = &mut self.listeners[*slot] {
                listener.step(&self.inputs, count);
            }
        }
    }

    /// What the far end of the stream at `slot` heard last, if it hears a mix.
    pub(super) fn mixed(&self, slot: usize) -> Option<&Mixed> {
        Some(&self.listeners.get(slot)?.as_deref()?.mixed)
    }

    /// Computes who hears what of one row.
    fn compile_row(
        &mut self,
        listener: StreamId,
        slots: &BTreeMap<StreamId, usize>,
        streams: &[Option<Stream>],
    ) {
        let Some(slot) = slots.get(&listener).copied() else { return };
        let Some(row) = self.rows.get(&listener) else { return self.forget_listener(slot) };
        let sources: Vec<usize> = row.iter().filter_map(|name| slots.get(name)).copied().collect();
        let kept = place(&mut self.listeners, slot).get_or_insert_with(|| {
            self.listening.push(slot);
            Box::new(Listener::new())
        });
        let before = std::mem::replace(&mut kept.sources, sources.clone());
        kept.row = Row::New;
        for source in &sources {
            let input = place(&mut self.inputs, *source).get_or_insert_with(|| {
                self.heard.push(*source);
                let jitter = streams[*source].as_ref().map_or(0, Stream::jitter);
                Box::new(Input::new(jitter))
            });
            if !input.listeners.contains(&slot) {
                input.listeners.push(slot);
            }
        }
        for source in before.into_iter().filter(|source| !sources.contains(source)) {
            self.forget_input(source, slot);
        }
    }

    fn forget_listener(&mut self, slot: usize) {
        let Some(listener) = self.listeners.get_mut(slot).and_then(Option::take) else { return };
        self.listening.retain(|listening| *listening != slot);
        for source in listener.sources {
            self.forget_input(source, slot);
        }
    }

    /// The stream at `source` is not heard any more at `listener`.
    fn forget_input(&mut self, source: usize, listener: usize) {
        let Some(input) = self.inputs.get_mut(source).and_then(Option::as_deref_mut) else { return };
        input.listeners.retain(|listening| *listening != listener);
        if input.listeners.is_empty() {
            self.inputs[source] = None;
            self.heard.retain(|heard| *heard != source);
        }
    }
}

/// The place of a slot, made if there is none yet.
fn place<T>(by_slot: &mut Vec<Option<T>>, slot: usize) -> &mut Option<T> {
    if by_slot.len() <= slot {
        by_slot.resize_with(slot + 1, || None);
    }
    &mut by_slot[slot]
}

impl Input {
    fn new(jitter: u32) -> Input {
        Input {
            listeners: Vec::new(),
            buffer: JitterBuffer::new(jitter),
            decoder: Decoder::default(),
            speaker: None,
        }
    }

    fn push(&mut self, now: Mono, codec: Codec, header: &Header, payload: &[u8]) -> Placed {
        let (ssrc, newest) = (header.ssrc, header.sequence);
        match &mut self.speaker {
            Some(speaker) if speaker.goes_on_with(ssrc, codec, newest) => {
                if sequence_distance(speaker.newest, newest) > 0 {
                    speaker.newest = newest;
                } else if codec.law().is_none() {
                    // A decoder that predicts would lose its way by what comes out of order.
                    return Placed::TooLate;
                }
            }
            speaker => {
                if speaker.replace(Speaker { ssrc, codec, newest }).is_some() {
                    self.buffer.restart();
                    self.decoder = Decoder::default();
                }
            }
        }
        let mut sound = [0; PACKET_TICKS_MAX];
        let count = match codec.law() {
            Some(law) => {
                let table = g711::decoder(law);
                let both = sound.iter_mut().zip(payload);
                both.map(|(sample, byte)| *sample = table[usize::from(*byte)]).count()
            }
            None => self.decoder.decode(codec, payload, &mut sound),
        };
        self.buffer.push(samples(now.since(Mono::ZERO)), header.timestamp, &sound[..count])
    }
}

impl Speaker {
    /// Whether a packet is of the same sound, and not of one whose numbers began anew.
    fn goes_on_with(&self, ssrc: u32, codec: Codec, sequence: u16) -> bool {
        let jump = sequence_distance(self.newest, sequence).unsigned_abs();
        self.ssrc == ssrc && self.codec == codec && jump <= SEQUENCE_JUMP_MAX
    }
}

impl Listener {
    fn new() -> Listener {
        Listener {
            sources: Vec::new(),
            row: Row::New,
            mixed: [0; *PTIME_MS.end() as usize * TICKS_PER_MS],
            seam: Seam::default(),
        }
    }

    fn step(&mut self, inputs: &[Option<Box<Input>>], count: usize) {
        let mut sum = [0i32; MIX_STEP_SAMPLES_MAX];
        let sum = &mut sum[..count];
        for input in self.sources.iter().filter_map(|source| inputs[*source].as_deref()) {
            for (sum, sample) in sum.iter_mut().zip(input.buffer.heard(count)) {
                *sum += i32::from(*sample);
            }
        }
        self.mixed.copy_within(count.., 0);
        let step = self.mixed.len() - count..;
        let step = &mut self.mixed[step];
        for (sample, sum) in step.iter_mut().zip(sum) {
            *sample = (*sum).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        if self.row == Row::New {
            self.row = Row::Known;
            self.seam.begin(step.first().copied().unwrap_or(0));
        }
        self.seam.pass(step);
    }
}
