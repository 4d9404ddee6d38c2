//! The packet machine of one media thread: streams, and who hears whom.
//!
//! Signalling sets the patch by [`Command`]; each [`Source`] row is compiled into the list of sinks of the stream that is
//! heard, so that a packet finds where it goes without a search. Every packet then takes the same way:
//!
//! ```text
//! handle_rtp → far (is it from there?) → reception (counts, digits) → tap (recording) → for each sink: outgoing → Forward
//! ```
//!
//! **Mixes.** Who hears several others hears their sum. Their packets take the same way until the tap, then:
//!
//! ```text
//! mixer: decoded → jitter (waits until its moment) → step: summed for each listener → stream: encoded → Output::Send
//! ```
//!
//! A packet of a stream may go both ways at a time. Relayed it is some 20 to 120 ms earlier than mixed, as the jitter of
//! its far end asks for. Where a listener's sound changes, from whatever to whatever, `outgoing` lets numbers and time go on
//! and `seam` takes the click away.
//!
//! **Lengths of packets.** What comes is forwarded as it comes, whatever its length, unless it is longer than the far end
//! allows (`a=maxptime`): then it is cut into packets as long as the far end wants them, which leave at once; packets are
//! never put together, so nothing waits. What is made here comes in the far end's `a=ptime`, from 10 to 60 ms.
//!
//! **Codecs.** A millisecond has eight ticks in each, and, but for G.729, as many bytes: transcoding is done in place and
//! moves no timestamp (`transcoder`). To and from G.729 payloads change their length; they are put out as outputs. Comfort
//! noise is left out; the pause that it fills stays one.
//!
//! **Digits.** Events pass with the listener's number. To a listener who agreed on none they are dialled as tones. A far
//! end that agreed on none may dial tones itself: they are looked for only while a listener knows events or signalling
//! listens, and such a listener gets an event, which takes the place of the sound from the moment the tone is known (after
//! some 30 ms, too short to be a digit) until it ends. So there is one digit for each key, never two. In a mix events of
//! anybody are dialled to every listener, in the form that it understands, and tones are sound.
//!
//! Drain with [`Engine::poll_output`] after every call. The engine's user owns the sockets: [`Output::Send`] and
//! [`Forward`] name the stream from whose RTP socket the bytes leave.

mod delay;
mod far;
mod jitter;
mod mixer;
mod outgoing;
mod pace;
mod patch;
mod player;
mod pool;
mod reception;
mod recorder;
mod reporter;
mod seam;
mod steps;
mod stream;
mod transcoder;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random, StreamId, Timers};
use bytes::Bytes;

use crate::api::{Command, Signal, Source, Stored};
use crate::g729::FRAME_SAMPLES;
use crate::limits::{OUTPUTS_MAX, PACKET_BYTES_MAX, PACKET_TICKS_MAX};
use crate::recording::Block;
use crate::rtcp;
use crate::sound::Sound;
use mixer::Mixer;
use patch::Patch;
use pool::Pool;
use recorder::Recorder;
use reporter::Reporter;
use stream::{Received, Relayed, Stream};

/// What an engine is made from.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The sounds that [`Source::Sound`] names by index.
    pub sounds: Vec<Sound>,
    /// Streams open at a time; further ones are answered by [`Signal::OpenFailed`].
    pub streams_max: usize,
}

/// Where a stream is kept: found once, used for every packet. A slot of a closed stream finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    index: usize,
    stream: StreamId,
}

impl Slot {
    /// Its place: below the number of streams that were ever open at a time. That of a closed stream is used again.
    pub fn index(self) -> usize {
        self.index
    }

    /// Whose place it is.
    pub fn stream(self) -> StreamId {
        self.stream
    }
}

/// Send the first `len` bytes of the buffer that was handed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// From the socket of this stream.
    pub stream: StreamId,
    /// Where that is kept.
    pub slot: Slot,
    /// To there.
    pub to: SocketAddr,
    /// Length of the packet.
    pub len: usize,
}

/// What the engine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send an RTP packet.
    Send {
        /// From the socket of this stream.
        stream: StreamId,
        /// To there.
        to: SocketAddr,
        /// The packet. A slice of a shared chunk: drop it soon.
        data: Bytes,
    },
    /// Send an RTCP packet.
    Report {
        /// From the RTCP socket of the stream here, which may be closed already but for this.
        slot: Slot,
        /// To there.
        to: SocketAddr,
        /// The packet. A slice of a shared chunk: drop it soon.
        data: Bytes,
    },
    /// Tell signalling.
    Signal(Signal),
    /// Append to the recording's file, and give the block back.
    Store(Stored),
}

/// The time between two steps of the pacing, milliseconds. A far end whose packets do not come out even with it, as those
/// of 10 or 30 ms, makes all steps half as long while something is played to it.
const PACE_STEP_MS: u16 = 20;

/// Why the engine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKind {
    /// The next step of every tone, sound, digit and mix that is being played.
    Pace,
    /// A watched stream may have been silent for too long.
    Silence(StreamId),
    /// Recorded packets may have to be handed over.
    Blocks,
    /// A stream's next RTCP report.
    Report(StreamId),
}

/// See the head of this module.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    random: Random,
    reports: Reports,
    streams: Vec<Option<Stream>>,
    free: Vec<usize>,
    slots: BTreeMap<StreamId, usize>,
    patch: Patch,
    mixer: Mixer,
    recorder: Recorder,
    /// Streams to whose far end something is played.
    paced: Vec<usize>,
    /// The step that ends when the pacing is due.
    step_ms: u16,
    timers: Timers<TimerKind>,
    pool: Pool,
    outputs: Outputs,
}

impl Engine {
    /// An engine without streams. `random` chooses SSRCs, first sequence numbers and first timestamps.
    pub fn new(config: EngineConfig, random: Random) -> Engine {
        Engine {
            config,
            random,
            reports: Reports::Off,
            streams: Vec::new(),
            free: Vec::new(),
            slots: BTreeMap::new(),
            patch: Patch::default(),
            mixer: Mixer::default(),
            recorder: Recorder::default(),
            paced: Vec::new(),
            step_ms: PACE_STEP_MS,
            timers: Timers::default(),
            pool: Pool::default(),
            outputs: Outputs::default(),
        }
    }

    /// From now on streams that are opened send RTCP reports. Without this they do not, as many phones.
    pub fn begin_reports(&mut self) {
        self.reports = Reports::On;
    }

    /// Where `stream` is kept, while it is open.
    pub fn slot(&self, stream: StreamId) -> Option<Slot> {
        self.slots.get(&stream).map(|index| Slot { index: *index, stream })
    }

    /// Streams open now.
    pub fn streams(&self) -> usize {
        self.slots.len()
    }

    /// Packets to send or store that were given up because `OUTPUTS_MAX` outputs waited.
    pub fn dropped(&self) -> u64 {
        self.outputs.dropped
    }

    /// Carries out a command. Commands about unknown streams are ignored.
    pub fn handle_command(&mut self, now: Now, command: Command) {
        match command {
            Command::Open { stream, call: _, port: _, family: _ } => self.open(stream),
            Command::Agree { stream, terms } => {
                if let Some(found) = self.find(stream) {
                    found.agree(now.mono, terms);
                    self.watch_again(stream);
                    self.report_later(now.mono, stream);
                }
            }
            Command::Hear { stream, source } => self.hear(now.mono, stream, source),
            Command::Watch { stream, silence_max } => {
                if let Some(found) = self.find(stream) {
                    found.watch(now.mono, silence_max);
                    self.watch_again(stream);
                }
            }
            Command::Record { call, agent, customer } => self.record(now.mono, call, agent, customer),
            Command::Store { call, tracks } => self.store(call, &tracks),
            Command::StopRecord { call } => self.stop_record(now.mono, call),
            Command::Listen { stream } => {
                if let Some(found) = self.find(stream) {
                    found.listen();
                }
            }
            Command::SendDigits { stream, digits } => {
                if let Some(index) = self.slots.get(&stream).copied() {
                    self.at(index).dial(&digits);
                    self.pace(now.mono, index);
                }
            }
            Command::Close { stream } => self.close(now, stream),
        }
    }

    /// One datagram that came to the RTP socket of `stream`. Rewrites `packet` in place and returns where to send it;
    /// further listeners get copies by [`Output::Send`].
    pub fn handle_rtp(
        &mut self,
        now: Now,
        stream: StreamId,
        from: SocketAddr,
        packet: &mut [u8],
    ) -> Option<Forward> {
        let slot = self.slot(stream)?;
        self.handle_rtp_slot(now, slot, from, packet)
    }

    /// [`Engine::handle_rtp`] without the search for the stream.
    pub fn handle_rtp_slot(
        &mut self,
        now: Now,
        slot: Slot,
        from: SocketAddr,
        packet: &mut [u8],
    ) -> Option<Forward> {
        let stream = self.streams.get_mut(slot.index)?.as_mut().filter(|stream| stream.id == slot.stream)?;
        let mut received = stream.receive(now.mono, from, packet, &mut self.outputs)?;
        if let Some((recording, frame)) = stream.frame(now.mono, &received, packet) {
            let look = self.recorder.store(now.mono, recording, &frame, &mut self.outputs);
            if let Some(at) = look {
                self.timers.set(TimerKind::Blocks, at);
            }
        }
        if stream.may_dial_tones() {
            self.hear_tones(slot.index, &mut received, packet);
        }
        if self.mixer.is_heard(slot.index) {
            self.mix_in(now.mono, slot.index, &received, packet);
        }
        for n in 1..self.patch.sinks(slot.index).len() {
            let sink = self.patch.sinks(slot.index)[n];
            self.copy_to(now.mono, sink, slot.index, &received, packet);
        }
        let sink = *self.patch.sinks(slot.index).first()?;
        self.pass(now.mono, sink, slot.index, &received, packet)
    }

    /// One datagram that came to the RTCP socket of `stream`: a sign of life and some figures, when it is from the far
    /// end's host.
    pub fn handle_rtcp(&mut self, now: Now, stream: StreamId, from: SocketAddr, packet: &[u8]) {
        if let Some(found) = self.find(stream) {
            found.handle_rtcp(now.mono, from, packet);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some((due, _)) = self.timers.next() {
            let Some(kind) = self.timers.pop_due(now.mono) else { return };
            match kind {
                TimerKind::Pace => self.play(now.mono, due),
                TimerKind::Silence(stream) => {
                    if let Some(found) = self.find(stream) {
                        if found.is_silent(now.mono) {
                            self.outputs.signal(Signal::Silent { stream });
                        }
                        self.watch_again(stream);
                    }
                }
                TimerKind::Report(stream) => {
                    if let Some(slot) = self.slot(stream) {
                        self.report(now, slot, false);
                        self.report_later(now.mono, stream);
                    }
                }
                TimerKind::Blocks => {
                    if let Some(at) = self.recorder.look(now.mono, &mut self.outputs) {
                        self.timers.set(TimerKind::Blocks, at);
                    }
                }
            }
        }
    }

    /// The earliest deadline. Changes with every `handle_*` call.
    pub fn next_timeout(&self) -> Option<(Mono, TimerKind)> {
        self.timers.next().map(|(at, kind)| (at, *kind))
    }

    /// Hands over the recorded packets that wait for their block to fill: the thread ends.
    pub fn hand_over(&mut self) {
        self.recorder.hand_over(&mut self.outputs);
        self.timers.cancel(&TimerKind::Blocks);
    }

    /// A block of [`Output::Store`] is written.
    pub fn take_back(&mut self, block: Block) {
        self.recorder.take_back(block);
    }

    /// What is to be done next; drain until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.waiting.pop_front()
    }

    fn find(&mut self, stream: StreamId) -> Option<&mut Stream> {
        let index = *self.slots.get(&stream)?;
        self.streams[index].as_mut()
    }

    fn at(&mut self, index: usize) -> &mut Stream {
        self.streams[index].as_mut().expect("sinks and paced streams are open: closing removes them")
    }

    fn open(&mut self, id: StreamId) {
        if self.slots.contains_key(&id) {
            return;
        }
        if self.slots.len() >= self.config.streams_max {
            self.outputs.signal(Signal::OpenFailed { stream: id });
            return;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.streams.push(None);
                self.streams.len() - 1
            }
        };
        let mut stream = Stream::new(id, &mut self.random);
        match self.reports {
            Reports::On => stream.reporter = Some(Reporter::new(&mut self.random)),
            Reports::Off => {}
        }
        self.streams[index] = Some(stream);
        self.slots.insert(id, index);
        self.patch.compile(id, &self.slots);
        self.mixer.opened(id, &self.slots, &self.streams);
        self.tap(id);
    }

    fn close(&mut self, now: Now, id: StreamId) {
        let Some(slot) = self.slot(id) else { return };
        self.report(now, slot, true);
        let index = slot.index;
        self.slots.remove(&id);
        self.timers.cancel(&TimerKind::Report(id));
        self.paced.retain(|paced| *paced != index);
        self.timers.cancel(&TimerKind::Silence(id));
        self.patch.forget(id, index, &self.slots);
        self.mixer.closed(id, index, &self.slots, &self.streams);
        if let Some(stream) = self.streams[index].take() {
            self.outputs.signal(Signal::Closed { stream: id, counts: stream.counts() });
        }
        self.free.push(index);
    }

    fn hear(&mut self, now: Mono, id: StreamId, source: Source) {
        let Some(index) = self.slots.get(&id).copied() else { return };
        let (relayed, mixed) = match &source {
            Source::Stream(heard) => (Some(*heard), None),
            Source::Echo => (Some(id), None),
            Source::Mix(heard) => (None, Some(&heard[..])),
            Source::Nothing | Source::RingBack | Source::Busy | Source::Congestion | Source::Sound { .. } => {
                (None, None)
            }
        };
        self.patch.set(id, relayed, &self.slots);
        self.mixer.set(id, mixed, &self.slots, &self.streams);
        self.at(index).hear(source);
        self.pace(now, index);
    }

    fn watch_again(&mut self, id: StreamId) {
        let deadline = self.find(id).and_then(|stream| stream.silence_deadline());
        match deadline {
            Some(at) => self.timers.set(TimerKind::Silence(id), at),
            None => self.timers.cancel(&TimerKind::Silence(id)),
        }
    }

    /// Sets the time of a stream's next report, unless it is set.
    fn report_later(&mut self, now: Mono, id: StreamId) {
        let kind = TimerKind::Report(id);
        let Some(stream) = self.slots.get(&id).and_then(|index| self.streams[*index].as_ref()) else {
            return;
        };
        if let Some(reporter) = &stream.reporter
            && stream.may_report()
            && self.timers.get(&kind).is_none()
        {
            self.timers.set(kind, now + reporter.interval(&mut self.random));
        }
    }

    fn report(&mut self, now: Now, slot: Slot, leaves: bool) {
        let Some(stream) = &mut self.streams[slot.index] else { return };
        let Some((to, report)) = stream.report(now, leaves) else { return };
        let mut bytes = [0; rtcp::REPORT_BYTES_MAX];
        let len = report.write(&mut bytes);
        let data = self.pool.join(&bytes[..len], &[]);
        self.outputs.push(Output::Report { slot, to, data });
    }

    /// Looks for digits in the sound of the stream at `source`, if anybody could use them: its listeners who would have
    /// them as events, or signalling.
    fn hear_tones(&mut self, source: usize, received: &mut Received, packet: &[u8]) {
        let takes_events =
            |sink: &usize| self.streams[*sink].as_ref().is_some_and(|stream| stream.takes_events());
        let wanted = self.patch.sinks(source).iter().any(takes_events);
        if let Some(stream) = &mut self.streams[source]
            && (wanted || stream.is_listened_to())
        {
            stream.hear_tones(received, packet, &mut self.outputs);
        }
    }

    /// Makes of a received packet the one that goes to a listener, in place. Should there be more of them, those after the
    /// first are put out.
    fn pass(
        &mut self,
        now: Mono,
        sink: usize,
        source: usize,
        received: &Received,
        packet: &mut [u8],
    ) -> Option<Forward> {
        if received.has_keys() && self.at(sink).hold_keys(received) {
            self.pace(now, sink);
        }
        let stream = self.streams[sink].as_mut()?;
        let payload = received.header.payload.clone();
        if stream.hold_sound(now, source, received, &packet[payload.clone()]) {
            return None;
        }
        let relayed = stream.relay(now, source, received)?;
        let (stream_id, to) = (stream.id, relayed.to);
        if relayed.is_resized() {
            let mut sound = [0; PACKET_TICKS_MAX + FRAME_SAMPLES];
            let len = stream.resize(now, &relayed, &packet[payload], &mut sound);
            self.send_parts(stream_id, &relayed, 0, &sound[..len]);
            return None;
        }
        stream.translate(now, &relayed, &mut packet[payload.clone()]);
        let first = payload.start..payload.end.min(payload.start + relayed.part_bytes);
        self.send_parts(stream_id, &relayed, 1, &packet[first.end..payload.end]);
        let len = relayed.stamp(0).rewrite(packet, first);
        Some(Forward { stream: stream_id, slot: Slot { index: sink, stream: stream_id }, to, len })
    }

    /// Puts out parts of a relayed packet, `first` being the number of the first of them.
    fn send_parts(&mut self, stream: StreamId, relayed: &Relayed, first: u16, sound: &[u8]) {
        for (n, part) in (first..).zip(sound.chunks(relayed.part_bytes.max(1))) {
            let data = self.pool.join(&relayed.stamp(n).to_bytes(), part);
            self.outputs.push(Output::Send { stream, to: relayed.to, data });
        }
    }

    /// A listener beyond the first.
    fn copy_to(&mut self, now: Mono, sink: usize, source: usize, received: &Received, packet: &[u8]) {
        let mut copy = [0; PACKET_BYTES_MAX];
        let copy = &mut copy[..packet.len()];
        copy.copy_from_slice(packet);
        if let Some(Forward { stream, slot: _, to, len }) = self.pass(now, sink, source, received, copy) {
            let data = self.pool.join(&copy[..len], &[]);
            self.outputs.push(Output::Send { stream, to, data });
        }
    }
}

/// Whether streams take part in RTCP.
#[derive(Clone, Copy, Debug)]
enum Reports {
    Off,
    On,
}

/// What waits for `poll_output`.
#[derive(Debug, Default)]
struct Outputs {
    waiting: VecDeque<Output>,
    dropped: u64,
}

impl Outputs {
    fn push(&mut self, output: Output) {
        match self.waiting.len() < OUTPUTS_MAX {
            true => self.waiting.push_back(output),
            false => self.dropped += 1,
        }
    }

    fn store(&mut self, stored: Stored) {
        let packets = u64::from(stored.block.packets());
        match self.waiting.len() < OUTPUTS_MAX {
            true => self.waiting.push_back(Output::Store(stored)),
            false => self.dropped += packets,
        }
    }

    fn signal(&mut self, signal: Signal) {
        self.waiting.push_back(Output::Signal(signal));
    }
}

/// Samples in a time at 8 kHz. Wraps, as timestamps do.
fn samples(time: Duration) -> u32 {
    (time.as_micros() * 8 / 1000) as u32
}
