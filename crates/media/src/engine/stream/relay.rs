//! How what one stream receives goes to the far end of another.

use std::net::SocketAddr;

use base::Mono;

use super::{Content, Received, Stream};
use crate::api::Ptime;
use crate::codec::{Codec, TICKS_PER_MS};
use crate::engine::outgoing::{Flow, SourceKey};
use crate::engine::transcoder::Transcoder;
use crate::rtp::{Header, Stamp};
use crate::tone::FRAME_SAMPLES;

/// Where a relayed packet goes, and how it must be changed.
pub(in crate::engine) struct Relayed {
    pub(in crate::engine) to: SocketAddr,
    stamp: Stamp,
    /// How long each packet that is sent lasts, and the bytes of its payload; the last may have fewer.
    part_ticks: usize,
    pub(in crate::engine) part_bytes: usize,
    /// The codec that the sound is in, and the one it must be in.
    sound: Option<(Flow, Codec, Codec)>,
}

impl Relayed {
    /// The header of packet number `n` of those that this one becomes.
    pub(in crate::engine) fn stamp(&self, n: u16) -> Stamp {
        let Stamp { marker, payload_number, sequence, timestamp, ssrc } = self.stamp;
        Stamp {
            marker: marker && n == 0,
            payload_number,
            sequence: sequence.wrapping_add(n),
            timestamp: timestamp.wrapping_add(self.part_ticks as u32 * u32::from(n)),
            ssrc,
        }
    }

    /// Whether its payload changes its length: it is made beside the packet, by `Stream::resize`.
    pub(in crate::engine) fn is_resized(&self) -> bool {
        self.sound.is_some_and(|(_, from, to)| Transcoder::resizes(from, to))
    }
}

impl Stream {
    /// Decides how a packet that the stream at `slot` received goes to this stream's far end. `None` when it does not.
    pub(in crate::engine) fn relay(
        &mut self,
        now: Mono,
        slot: usize,
        received: &Received,
    ) -> Option<Relayed> {
        let terms = self.terms.as_ref().filter(|terms| terms.send && terms.remote.is_some())?;
        // While digits are dialled they have the line for themselves.
        let to = self.far.address().filter(|_| self.keypad.is_idle())?;
        let header = &received.header;
        if header.ssrc == self.outgoing.ssrc() {
            // Its own packets come back, as when the far end's SDP names a port of ours: they would never stop.
            return None;
        }
        let key = SourceKey { slot, ssrc: header.ssrc };
        if received.content == Content::Event
            && let [Some(pressed), _] = received.keys
            && !self.keypad.may_pass(header.ssrc, pressed)
        {
            self.outgoing.leave_out(now, key, header);
            return None;
        }
        let bytes = header.payload.len();
        let (payload_number, ticks, part_ticks, part_bytes, codec) = match (received.content, terms.events) {
            (Content::Sound(codec), _) => {
                let ticks = codec.ticks(bytes);
                let part_ticks = part_ticks(terms.ptime, ticks);
                let all = codec == terms.codec && part_ticks == ticks;
                let frames = part_ticks.next_multiple_of(terms.codec.frame_ticks());
                let part_bytes = if all { bytes } else { terms.codec.bytes(frames) };
                (terms.payload, ticks, part_ticks, part_bytes, Some(codec))
            }
            (Content::Event, Some(events)) => (events, FRAME_SAMPLES, FRAME_SAMPLES, bytes, None),
            (Content::Event, None) | (Content::Nothing, _) => {
                self.outgoing.leave_out(now, key, header);
                return None;
            }
        };
        let parts = ticks.div_ceil(part_ticks) as u16;
        // What is held comes first.
        let held = match codec {
            Some(codec) if Transcoder::resizes(codec, terms.codec) => self.transcoder.held() as u32,
            Some(_) | None => 0,
        };
        let header = Header { timestamp: header.timestamp.wrapping_sub(held), ..header.clone() };
        let (stamp, flow) = self.outgoing.relay(now, key, &header, ticks as u32, parts)?;
        let sound = codec.map(|codec| (flow, codec, terms.codec));
        Some(Relayed { to, stamp: Stamp { payload_number, ..stamp }, part_ticks, part_bytes, sound })
    }

    /// Holds the sound of a packet that the stream at `slot` received, should it not fill a frame of this far end's codec
    /// with what is held already. Whether it does: nothing is to be sent of it.
    pub(in crate::engine) fn hold_sound(
        &mut self,
        now: Mono,
        slot: usize,
        received: &Received,
        payload: &[u8],
    ) -> bool {
        let (Content::Sound(from), Some(terms)) = (received.content, &self.terms) else { return false };
        let (to, ticks) = (terms.codec, from.ticks(payload.len()));
        if !Transcoder::resizes(from, to) {
            return false;
        }
        let key = SourceKey { slot, ssrc: received.header.ssrc };
        self.transcoder.follow(key);
        if self.transcoder.held() + ticks >= to.frame_ticks() {
            return false;
        }
        let none = self.transcoder.resize(from, to, payload, &mut []);
        debug_assert_eq!(none, 0, "no frame is whole");
        self.outgoing.leave_out(now, key, &received.header);
        true
    }

    /// Turns the payload of a packet that is relayed to this far end into its codec, at the beginning of `into`: how many
    /// bytes there are.
    pub(in crate::engine) fn resize(
        &mut self,
        now: Mono,
        relayed: &Relayed,
        payload: &[u8],
        into: &mut [u8],
    ) -> usize {
        let Some((flow, from, to)) = relayed.sound else { return 0 };
        let len = self.transcoder.resize(from, to, payload, into);
        self.join(now, flow, to, &mut into[..len]);
        len
    }

    /// Turns the payload of a packet that is relayed to this far end into its codec.
    pub(in crate::engine) fn translate(&mut self, now: Mono, relayed: &Relayed, payload: &mut [u8]) {
        if let Some((flow, from, to)) = relayed.sound {
            self.transcoder.translate(flow, from, to, payload);
            self.join(now, flow, to, payload);
        }
    }

    fn join(&mut self, now: Mono, flow: Flow, codec: Codec, payload: &mut [u8]) {
        match flow {
            Flow::Begins => self.seam.join(now, codec, payload),
            Flow::GoesOn => self.seam.pass(now, codec, payload),
        }
    }
}

/// How many ticks of a payload go into one packet: all, unless the far end does not want so many.
fn part_ticks(ptime: Ptime, ticks: usize) -> usize {
    match ptime.ms_max {
        Some(ms_max) if ticks > usize::from(ms_max) * TICKS_PER_MS => usize::from(ptime.ms) * TICKS_PER_MS,
        Some(_) | None => ticks,
    }
}
