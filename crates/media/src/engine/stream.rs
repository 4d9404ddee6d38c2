//! One stream: a socket pair and a far end. As *source* it checks, counts and describes what it receives; as *sink* it
//! turns what it is given into packets that its far end understands.

mod relay;

use std::net::SocketAddr;
use std::time::Duration;

use base::{Mono, Now, Random, StreamId};

use super::far::FarEnd;
use super::mixer::Mixed;
use super::outgoing::Outgoing;
use super::pace::Pace;
use super::player::{PAYLOAD_BYTES_MAX, Played, Player};
use super::reception::Reception;
use super::recorder::{MusicTap, Taps};
use super::reporter::Reporter;
use super::seam::PacketSeam;
use super::transcoder::{Ear, Transcoder};
pub(super) use relay::Relayed;

use super::{Outputs, PACE_STEP_MS};
use crate::api::{Counts, Signal, Source, Terms};
use crate::codec::{Codec, TICKS_PER_MS};
use crate::dtmf::{self, Detector, Dialled, Event, Key, Keypad};
use crate::limits::{PACKET_TICKS_MAX, SILENCE_MIN};
use crate::quality::{self, Quality};
use crate::recording::Frame;
use crate::rtcp::{self, Report};
use crate::rtp::Header;
use crate::sdp::EVENTS_PAYLOAD;
use crate::sound::Sound;

/// Comfort noise (RFC 3389); 19 was its number before. Not offered, sent by some, and left out quietly.
const COMFORT_NOISE: [u8; 2] = [13, 19];

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) taps: Taps,
    far: FarEnd,
    terms: Option<Terms>,
    pace: Pace,
    reception: Reception,
    refused: u64,
    too_late: u64,
    detector: Detector,
    watch: Option<Watch>,
    last_life_sign: Mono,
    outgoing: Outgoing,
    seam: PacketSeam,
    source: Source,
    player: Player,
    keypad: Keypad,
    transcoder: Transcoder,
    /// Until the next packet that is made here is due.
    due_in_ms: u16,
    /// Whether somebody wants to know of digits that come as tones.
    listened_to: bool,
    /// Made when tones are first looked for.
    ear: Option<Box<Ear>>,
    /// When it takes part in RTCP.
    pub(super) reporter: Option<Reporter>,
}

/// The level that events are said to have.
const EVENT_VOLUME_DB: u8 = 10;

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
    /// Keys held down or let go in it. More than two in a packet are too short to be any.
    keys: [Option<Key>; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Sound(Codec),
    Event,
    /// Comfort noise or a payload that was not agreed on: goes nowhere.
    Nothing,
}

impl Content {
    /// How long its sound lasts.
    fn ticks(self, header: &Header) -> usize {
        match self {
            Content::Sound(codec) => codec.ticks(header.payload.len()),
            Content::Event | Content::Nothing => 0,
        }
    }
}

impl Received {
    /// In which codec it carries sound, if it does.
    pub(super) fn sound(&self) -> Option<Codec> {
        match self.content {
            Content::Sound(codec) => Some(codec),
            Content::Event | Content::Nothing => None,
        }
    }

    /// Whether it says something of keys.
    pub(super) fn has_keys(&self) -> bool {
        self.keys[0].is_some()
    }
}

impl Stream {
    pub(super) fn new(id: StreamId, random: &mut Random) -> Stream {
        Stream {
            id,
            taps: Taps::default(),
            far: FarEnd::new(),
            terms: None,
            pace: Pace::default(),
            reception: Reception::default(),
            refused: 0,
            too_late: 0,
            detector: Detector::default(),
            watch: None,
            last_life_sign: Mono::ZERO,
            outgoing: Outgoing::new(random),
            seam: PacketSeam::default(),
            source: Source::Nothing,
            player: Player::Idle,
            keypad: Keypad::default(),
            transcoder: Transcoder::default(),
            due_in_ms: 0,
            listened_to: false,
            ear: None,
            reporter: None,
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
            let player = Player::new(&source);
            // A mix goes on, whoever joins or leaves it.
            if player != Player::Mix || self.player != Player::Mix {
                self.player = player;
                self.outgoing.interrupt();
            }
            self.source = source;
        }
    }

    pub(super) fn dial(&mut self, digits: &str) {
        if self.terms.is_some() {
            if self.keypad.is_idle() {
                self.outgoing.interrupt();
            }
            self.keypad.dial(digits);
        }
    }

    /// From now on digits that come as tones are reported, too.
    pub(super) fn listen(&mut self) {
        self.listened_to = true;
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            received: self.reception.received(),
            sent: self.outgoing.sent(),
            refused: self.refused,
            lost: self.reception.lost(),
            too_late: self.too_late,
            jitter_ms: self.reception.jitter_ms(),
            quality: self.quality(),
        }
    }

    fn quality(&self) -> Quality {
        let (jitter_mean_ms, jitter_max_ms) = self.reception.jitter_mean_max_ms();
        let (received, lost) = (self.reception.received(), self.reception.lost());
        let round_trip = self.reporter.as_ref().and_then(Reporter::round_trip);
        let loss = lost as f32 / (received + lost).max(1) as f32;
        Quality {
            late: self.reception.late(),
            duplicate: self.reception.duplicate(),
            jitter_mean_ms,
            jitter_max_ms,
            round_trip,
            far: self.reporter.as_ref().and_then(Reporter::far),
            mos: (received > 0).then(|| quality::mos(loss, jitter_mean_ms, round_trip)),
        }
    }

    /// Whether reports can be made: there is a far end.
    pub(super) fn may_report(&self) -> bool {
        self.reporter.is_some() && self.terms.as_ref().is_some_and(|terms| terms.remote.is_some())
    }

    /// The report of now, and where it goes.
    pub(super) fn report(&mut self, now: Now, leaves: bool) -> Option<(SocketAddr, Report)> {
        let terms = self.terms.as_ref().filter(|terms| terms.remote.is_some())?;
        let reporter = self.reporter.as_mut()?;
        let to = reporter.address(self.far.address()?)?;
        let (sender, block) = (self.outgoing.report(now, terms.codec), self.reception.report());
        Some((to, reporter.make(now, self.outgoing.ssrc(), sender, block, leaves)?))
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
        let content = content(terms, &header);
        if !terms.receive || !self.pace.keeps(now, content.ticks(&header)) {
            self.refused += 1;
            return None;
        }
        if content == Content::Nothing && !COMFORT_NOISE.contains(&header.payload_number) {
            self.refused += 1;
            return Some(Received { header, content, keys: [None; 2] });
        }
        self.reception.handle_packet(now, &header, matches!(content, Content::Sound(_)));
        if self.reception.received() == 1 {
            outputs.signal(Signal::Heard { stream: self.id });
        }
        let mut keys = [None; 2];
        let digits = match content {
            Content::Sound(_) => [self.detector.handle_sound(header.timestamp), None],
            Content::Event => match Event::read(&packet[header.payload.clone()]) {
                Some(event) => {
                    keys[0] = Key::of_event(header.timestamp, event);
                    self.detector.handle_event(header.timestamp, event)
                }
                None => [None, None],
            },
            Content::Nothing => [None, None],
        };
        for digit in digits.into_iter().flatten() {
            outputs.signal(Signal::Digit { stream: self.id, digit });
        }
        Some(Received { header, content, keys })
    }

    /// Whether digits of the far end can only be tones in its sound.
    pub(super) fn may_dial_tones(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.events.is_none())
    }

    /// Whether somebody wants to know of tones.
    pub(super) fn is_listened_to(&self) -> bool {
        self.listened_to
    }

    /// Whether the far end understands events.
    pub(super) fn takes_events(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.events.is_some())
    }

    /// Looks for digits in the sound of a received packet.
    pub(super) fn hear_tones(&mut self, received: &mut Received, packet: &[u8], outputs: &mut Outputs) {
        let Content::Sound(codec) = received.content else { return };
        let ear = self.ear.get_or_insert_default();
        let Header { timestamp, ref payload, .. } = received.header;
        ear.handle_sound(codec, timestamp, &packet[payload.clone()], |key| {
            let [first, second] = &mut received.keys;
            *(if first.is_none() { first } else { second }) = Some(key);
            if let Some(digit) = dtmf::digit(key.code).filter(|_| key.up) {
                outputs.signal(Signal::Digit { stream: self.id, digit });
            }
        });
    }

    /// What of a received packet is to be recorded, and where.
    pub(super) fn frame<'a>(
        &self,
        now: Mono,
        received: &Received,
        packet: &'a [u8],
    ) -> Option<(usize, Frame<'a>)> {
        let (Some(tap), Content::Sound(codec)) = (self.taps.said, received.content) else { return None };
        let Header { sequence, timestamp, ref payload, .. } = received.header;
        let (at_us, payload) = (tap.at_us(now), &packet[payload.clone()]);
        Some((tap.recording, Frame { track: tap.track, at_us, codec, timestamp, sequence, payload }))
    }

    /// Where the next packet that is played is to be recorded, and what it will be in: while it is of a sound.
    pub(super) fn music_tap(&self) -> Option<MusicTap> {
        let tap = *self.taps.played.as_deref()?;
        match self.player {
            Player::Sound { .. } if self.keypad.is_idle() => {
                self.terms.as_ref().map(|terms| MusicTap { tap, codec: terms.codec })
            }
            Player::Sound { .. } | Player::Idle | Player::Tone { .. } | Player::Mix => None,
        }
    }

    /// Dials what a received packet says of keys, should this far end not understand the form in which they came, or should
    /// others be dialled just now: they take turns. Whether there is something to be played.
    pub(super) fn hold_keys(&mut self, received: &Received) -> bool {
        let Some(terms) = self.terms.as_ref().filter(|terms| terms.send) else { return false };
        let is_other_form = match received.content {
            Content::Event => terms.events.is_none() || !self.keypad.is_idle(),
            Content::Sound(_) => terms.events.is_some(),
            Content::Nothing => false,
        };
        is_other_form && self.hold(received)
    }

    /// Dials the keys of an event that comes to a mix which this far end hears. Whether there is something to be played.
    pub(super) fn hold_mixed_keys(&mut self, received: &Received) -> bool {
        let may_send = self.terms.as_ref().is_some_and(|terms| terms.send);
        received.content == Content::Event && may_send && self.hold(received)
    }

    fn hold(&mut self, received: &Received) -> bool {
        let was_idle = self.keypad.is_idle();
        for key in received.keys.into_iter().flatten() {
            self.keypad.hold(received.header.ssrc, key);
        }
        let begins = was_idle && !self.keypad.is_idle();
        if begins {
            self.outgoing.interrupt();
        }
        begins
    }

    /// Whether packets of this SSRC are our own.
    pub(super) fn is_sent_by(&self, ssrc: u32) -> bool {
        self.outgoing.ssrc() == ssrc
    }

    /// A packet came too late for a mix.
    pub(super) fn note_too_late(&mut self) {
        self.too_late += 1;
    }

    /// Interarrival jitter of what comes, samples.
    pub(super) fn jitter(&self) -> u32 {
        self.reception.jitter_samples()
    }

    /// Whether there is something to be played.
    pub(super) fn is_playing(&self) -> bool {
        !self.keypad.is_idle() || self.player != Player::Idle
    }

    /// The longest step in which the packets that are made here come out even, milliseconds.
    pub(super) fn step_ms(&self) -> u16 {
        match &self.terms {
            Some(terms) if terms.ptime.ms % PACE_STEP_MS != 0 => PACE_STEP_MS / 2,
            Some(_) | None => PACE_STEP_MS,
        }
    }

    /// Something is to be played from the next step on.
    pub(super) fn begin_to_play(&mut self) {
        self.due_in_ms = 0;
    }

    /// Time was skipped: the next packet made here is a new beginning.
    pub(super) fn skip_time(&mut self) {
        self.outgoing.interrupt();
    }

    /// `passed_ms` after the last time: what is due. Before the agreement what is to be played waits; on hold it goes on
    /// unheard.
    pub(super) fn play(
        &mut self,
        now: Mono,
        passed_ms: u16,
        sounds: &[Sound],
        mixed: Option<&Mixed>,
        buffer: &mut [u8; PAYLOAD_BYTES_MAX],
    ) -> Played {
        self.due_in_ms = self.due_in_ms.saturating_sub(passed_ms);
        let Some(Terms { codec, payload: number, ptime, send, remote, .. }) = self.terms else {
            return Played::Quiet;
        };
        if self.due_in_ms > 0 {
            return Played::Quiet;
        }
        self.due_in_ms = ptime.ms;
        let ticks = usize::from(ptime.ms) * TICKS_PER_MS;
        let to = self.far.address().filter(|_| send && remote.is_some());
        if let Some(dialled) = self.keypad.next_packet(ticks as u32) {
            return self.play_key(now, to, dialled, &mut buffer[..ticks]);
        }
        if self.player == Player::Idle {
            return Played::Quiet;
        }
        let transcoder = &mut self.transcoder;
        let Some(len) = self.player.fill(sounds, mixed, codec, transcoder, ticks, buffer) else {
            // The same sound may be asked for again.
            self.source = Source::Nothing;
            self.player = Player::Idle;
            return Played::Ended;
        };
        match to {
            Some(to) => {
                let stamp = self.outgoing.local(now, number, ticks as u32);
                match stamp.marker {
                    true => self.seam.join(now, codec, &mut buffer[..len]),
                    false => self.seam.pass(now, codec, &buffer[..len]),
                }
                Played::Packet { to, stamp, len }
            }
            None => Played::Quiet,
        }
    }

    /// A digit, in the form that the far end understands.
    fn play_key(
        &mut self,
        now: Mono,
        to: Option<SocketAddr>,
        dialled: Dialled,
        payload: &mut [u8],
    ) -> Played {
        let (Some(to), Some(terms)) = (to, &self.terms) else { return Played::Quiet };
        let ticks = payload.len() as u32;
        let (stamp, len) = match (dialled, terms.events) {
            (Dialled::Down { code, before, duration }, Some(number)) => {
                let stamp = match before {
                    0 => self.outgoing.local(now, number, ticks),
                    _ => self.outgoing.local_again(now, number),
                };
                (stamp, write_event(code, false, duration, payload))
            }
            (Dialled::Up { code, duration }, Some(number)) => {
                (self.outgoing.local_again(now, number), write_event(code, true, duration, payload))
            }
            (Dialled::Down { code, before, duration: _ }, None) => {
                let mut samples = [0; PAYLOAD_BYTES_MAX];
                let samples = &mut samples[..payload.len()];
                dtmf::fill(code, before, samples);
                let len = self.transcoder.encode(terms.codec, samples, payload);
                (self.outgoing.local(now, terms.payload, ticks), len)
            }
            (Dialled::Up { .. }, None) | (Dialled::Pause, _) => {
                // The next digit, or the sound after it, begins when it begins.
                self.outgoing.interrupt();
                return Played::Quiet;
            }
        };
        Played::Packet { to, stamp, len }
    }

    /// RTCP came: a sign of life, when it is from the far end's host.
    pub(super) fn handle_rtcp(&mut self, now: Mono, from: SocketAddr, packet: &[u8]) {
        if !self.far.is_host(from.ip()) {
            return;
        }
        let Some(heard) = rtcp::read(packet, self.outgoing.ssrc()) else { return };
        self.last_life_sign = now;
        if let Some(reporter) = &mut self.reporter {
            reporter.hear(now, from, heard);
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

fn write_event(code: u8, end: bool, duration: u32, payload: &mut [u8]) -> usize {
    let duration = u16::try_from(duration).unwrap_or(u16::MAX);
    let bytes = Event { code, end, volume: EVENT_VOLUME_DB, duration }.to_bytes();
    payload[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
}

/// What a packet carries. Its number is the agreed one, or that under which we offer it, as RFC 3264 §5.1 allows; but G.729
/// is taken only where it was agreed on.
fn content(terms: &Terms, header: &Header) -> Content {
    let number = header.payload_number;
    let sound = |codec: Codec| match codec.ticks(header.payload.len()) {
        1..=PACKET_TICKS_MAX => Content::Sound(codec),
        _ => Content::Nothing,
    };
    match (Codec::of_payload(number), terms.events) {
        _ if header.payload.is_empty() => Content::Nothing,
        _ if number == terms.payload => sound(terms.codec),
        (_, Some(events)) if number == events => Content::Event,
        (Some(Codec::G729), _) if terms.codec != Codec::G729 => Content::Nothing,
        (Some(codec), _) => sound(codec),
        (None, Some(_)) if number == EVENTS_PAYLOAD => Content::Event,
        (None, _) => Content::Nothing,
    }
}
