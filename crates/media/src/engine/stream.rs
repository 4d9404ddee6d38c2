//! One stream: a socket pair and a far end. As *source* it checks, counts and describes what it receives; as *sink* it
//! turns what it is given into packets that its far end understands.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use base::{Mono, Random, StreamId};

use super::Outputs;
use super::far::FarEnd;
use super::outgoing::{Outgoing, SourceKey};
use super::pace::Pace;
use super::player::{Payload, Played, Player};
use super::reception::Reception;
use super::recorder::Tap;
use crate::api::{Counts, Signal, Source, Terms};
use crate::codec::Codec;
use crate::dtmf::{Detector, Dialled, Dialler, Event};
use crate::g711;
use crate::limits::SILENCE_MIN;
use crate::recording::Frame;
use crate::rtp::{Header, Stamp};
use crate::sdp::EVENTS_PAYLOAD;
use crate::sound::Sound;
use crate::tone::FRAME_SAMPLES;

/// Comfort noise (RFC 3389); 19 was its number before. Not offered, sent by some, and left out quietly.
const COMFORT_NOISE: [u8; 2] = [13, 19];

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) tap: Option<Tap>,
    far: FarEnd,
    terms: Option<Terms>,
    pace: Pace,
    reception: Reception,
    refused: u64,
    detector: Detector,
    watch: Option<Watch>,
    last_life_sign: Mono,
    outgoing: Outgoing,
    source: Source,
    player: Player,
    dialler: Dialler,
}

/// The silence watch.
#[derive(Clone, Copy, Debug)]
struct Watch {
    silence_max: Duration,
    state: WatchState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WatchState {
    Waiting,
    /// Reported, or still silent then; a packet after that makes it wait again.
    Reported {
        at: Mono,
    },
}

/// A packet that passed the source check.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) header: Header,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Sound(Codec),
    Event,
    /// Comfort noise or a payload that was not agreed on: goes nowhere.
    Nothing,
}

/// Where a relayed packet goes, and how it must be changed.
pub(super) struct Relayed {
    pub(super) to: SocketAddr,
    stamp: Stamp,
    table: Option<&'static [u8; 256]>,
}

impl Relayed {
    /// Changes the packet in place; returns its new length.
    pub(super) fn rewrite(&self, packet: &mut [u8], payload: Range<usize>) -> usize {
        if let Some(table) = self.table {
            g711::translate(table, &mut packet[payload.clone()]);
        }
        self.stamp.rewrite(packet, payload)
    }
}

impl Stream {
    pub(super) fn new(id: StreamId, random: &mut Random) -> Stream {
        Stream {
            id,
            tap: None,
            far: FarEnd::new(),
            terms: None,
            pace: Pace::default(),
            reception: Reception::default(),
            refused: 0,
            detector: Detector::default(),
            watch: None,
            last_life_sign: Mono::ZERO,
            outgoing: Outgoing::new(random),
            source: Source::Nothing,
            player: Player::Idle,
            dialler: Dialler::default(),
        }
    }

    pub(super) fn agree(&mut self, now: Mono, terms: Terms) {
        self.far.agree(now, terms.remote, terms.peer);
        let sending = |terms: &Terms| terms.send && terms.remote.is_some();
        if !self.terms.as_ref().is_some_and(sending) || !sending(&terms) {
            self.outgoing.interrupt();
        }
        if !self.terms.as_ref().is_some_and(|before| before.receive) {
            // Silence before it was allowed to speak is not held against it.
            self.last_life_sign = now;
        }
        self.terms = Some(terms);
    }

    pub(super) fn hear(&mut self, source: Source) {
        // The same row again must not start a tone or a sound anew.
        if self.source != source {
            self.source = source;
            self.player = Player::new(source);
            self.outgoing.interrupt();
        }
    }

    pub(super) fn dial(&mut self, digits: &str) {
        if self.terms.as_ref().is_some_and(|terms| terms.events.is_some()) {
            if self.dialler.is_idle() {
                self.outgoing.interrupt();
            }
            self.dialler.dial(digits);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            received: self.reception.received(),
            sent: self.outgoing.sent(),
            refused: self.refused,
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
        }
    }

    /// Checks, counts and describes a packet. `None` when it is refused.
    pub(super) fn receive(
        &mut self,
        now: Mono,
        from: SocketAddr,
        packet: &[u8],
        outputs: &mut Outputs,
    ) -> Option<Received> {
        let accepted = Header::read(packet).filter(|_| self.far.accepts(now, from));
        let (Some(header), Some(terms)) = (accepted, &self.terms) else {
            self.refused += 1;
            return None;
        };
        self.last_life_sign = now;
        // Not allowed to speak: the last packets before a hold, mostly.
        if !terms.receive || !self.pace.keeps(now) {
            self.refused += 1;
            return None;
        }
        let content = content(terms, &header);
        if content == Content::Nothing && !COMFORT_NOISE.contains(&header.payload_number) {
            self.refused += 1;
            return Some(Received { header, content });
        }
        self.reception.handle_packet(now, &header, matches!(content, Content::Sound(_)));
        if self.reception.received() == 1 {
            outputs.signal(Signal::Heard { stream: self.id });
        }
        let digits = match content {
            Content::Sound(_) => [self.detector.handle_sound(header.timestamp), None],
            Content::Event => Event::read(&packet[header.payload.clone()])
                .map_or([None, None], |event| self.detector.handle_event(header.timestamp, event)),
            Content::Nothing => [None, None],
        };
        for digit in digits.into_iter().flatten() {
            outputs.signal(Signal::Digit { stream: self.id, digit });
        }
        Some(Received { header, content })
    }

    /// What of a received packet is to be recorded, and where.
    pub(super) fn frame<'a>(
        &self,
        now: Mono,
        received: &Received,
        packet: &'a [u8],
    ) -> Option<(usize, Frame<'a>)> {
        let (Some(tap), Content::Sound(codec)) = (self.tap, received.content) else { return None };
        let Header { sequence, timestamp, ref payload, .. } = received.header;
        let at_us = u64::try_from(now.since(tap.began).as_micros()).unwrap_or(u64::MAX);
        let payload = &packet[payload.clone()];
        Some((tap.recording, Frame { track: tap.track, at_us, codec, timestamp, sequence, payload }))
    }

    /// Decides how a packet that the stream at `slot` received goes to this stream's far end. `None` when it does not.
    pub(super) fn relay(&mut self, now: Mono, slot: usize, received: &Received) -> Option<Relayed> {
        let terms = self.terms.as_ref().filter(|terms| terms.send && terms.remote.is_some())?;
        // While digits are dialled they have the line for themselves.
        let to = self.far.address().filter(|_| self.dialler.is_idle())?;
        let header = &received.header;
        if header.ssrc == self.outgoing.ssrc() {
            // Its own packets come back, as when the far end's SDP names a port of ours: they would never stop.
            return None;
        }
        let key = SourceKey { slot, ssrc: header.ssrc };
        let (payload_number, samples, table) = match (received.content, terms.events) {
            (Content::Sound(codec), _) => {
                (terms.payload, header.payload.len() as u32, g711::transcoder(codec, terms.codec))
            }
            (Content::Event, Some(events)) => (events, FRAME_SAMPLES as u32, None),
            (Content::Event, None) | (Content::Nothing, _) => {
                self.outgoing.leave_out(now, key, header);
                return None;
            }
        };
        let stamp = self.outgoing.relay(now, key, header, samples)?;
        Some(Relayed { to, stamp: Stamp { payload_number, ..stamp }, table })
    }

    /// Whether there is something to be played.
    pub(super) fn is_playing(&self) -> bool {
        !self.dialler.is_idle() || self.player != Player::Idle
    }

    /// Time was skipped: the next packet made here is a new beginning.
    pub(super) fn skip_time(&mut self) {
        self.outgoing.interrupt();
    }

    /// The frame of this moment. Before the agreement what is to be played waits; on hold it goes on unheard.
    pub(super) fn play<'a>(&mut self, now: Mono, sounds: &'a [Sound]) -> Played<'a> {
        let Some(terms) = &self.terms else { return Played::Quiet };
        let to = self.far.address().filter(|_| terms.send && terms.remote.is_some());
        if let (Some(dialled), events) = (self.dialler.next_frame(), terms.events) {
            let played = match (dialled, to, events) {
                (Dialled::Event { event, first }, Some(to), Some(number)) => {
                    let stamp = match first {
                        true => self.outgoing.local(now, number, FRAME_SAMPLES as u32),
                        false => self.outgoing.local_again(now, number),
                    };
                    Played::Frame { to, stamp, payload: Payload::Event(event.to_bytes()) }
                }
                (Dialled::Event { .. } | Dialled::Pause, _, _) => {
                    // The next event, or the sound after it, begins when it begins.
                    self.outgoing.interrupt();
                    Played::Quiet
                }
            };
            return played;
        }
        if self.player == Player::Idle {
            return Played::Quiet;
        }
        let Some(frame) = self.player.next_frame(sounds, terms.codec) else {
            // The same sound may be asked for again.
            self.source = Source::Nothing;
            self.player = Player::Idle;
            return Played::Ended;
        };
        match to {
            Some(to) => {
                let stamp = self.outgoing.local(now, terms.payload, FRAME_SAMPLES as u32);
                Played::Frame { to, stamp, payload: Payload::Sound(frame) }
            }
            None => Played::Quiet,
        }
    }

    /// RTCP came.
    pub(super) fn handle_life_sign(&mut self, now: Mono, from: SocketAddr) {
        if self.far.is_host(from.ip()) {
            self.last_life_sign = now;
        }
    }

    pub(super) fn watch(&mut self, now: Mono, silence_max: Option<Duration>) {
        self.watch = silence_max.map(|silence_max| Watch {
            silence_max: silence_max.max(SILENCE_MIN),
            state: WatchState::Waiting,
        });
        self.last_life_sign = self.last_life_sign.max(now);
    }

    /// When to look at the watch again, if at all. A far end that may not speak is not watched.
    pub(super) fn silence_deadline(&self) -> Option<Mono> {
        let watch = self.watch?;
        self.terms.as_ref().filter(|terms| terms.receive)?;
        Some(match watch.state {
            WatchState::Waiting => self.last_life_sign + watch.silence_max,
            // What comes after the report cannot become a silence before this.
            WatchState::Reported { at } => at + watch.silence_max,
        })
    }

    /// Looks at the watch; whether a silence is to be reported now.
    pub(super) fn is_silent(&mut self, now: Mono) -> bool {
        let Some(watch) = &mut self.watch else { return false };
        let silent = self.last_life_sign + watch.silence_max <= now;
        match watch.state {
            WatchState::Waiting if silent => {
                watch.state = WatchState::Reported { at: now };
                true
            }
            WatchState::Waiting => false,
            WatchState::Reported { at } if self.last_life_sign > at => {
                watch.state = WatchState::Waiting;
                false
            }
            WatchState::Reported { .. } => {
                watch.state = WatchState::Reported { at: now };
                false
            }
        }
    }
}

/// What a packet carries. Its number is the agreed one, or that under which we offer it, as RFC 3264 §5.1 allows.
fn content(terms: &Terms, header: &Header) -> Content {
    let number = header.payload_number;
    match (Codec::of_payload(number), terms.events) {
        _ if header.payload.is_empty() => Content::Nothing,
        _ if number == terms.payload => Content::Sound(terms.codec),
        (_, Some(events)) if number == events => Content::Event,
        (Some(codec), _) => Content::Sound(codec),
        (None, Some(_)) if number == EVENTS_PAYLOAD => Content::Event,
        (None, _) => Content::Nothing,
    }
}
