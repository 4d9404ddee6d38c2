//! Voices of the lab's phones: each says a tone that no other says at the time, in place of what it would say.

use std::collections::BTreeMap;

use lab::ear::{self, WINDOW};
use lab::{Heard, PhoneId, Tone};
use media::codec::Codec;
use media::g711::{self, Law};
use media::rtp::{HEADER_BYTES, Header, Stamp};
use media::sound::Sound;

/// What a stranger says: no phone ever gets it.
const STRANGER: Tone = Tone::of(22);
/// The voices of phones.
const COUNT: u64 = 22;
/// Sounds that are remembered. More: all are forgotten, and listened to anew.
const MEMORY_MAX: usize = 4_096;

/// Gives phones voices: those in use are not given again.
#[derive(Debug, Default)]
pub(crate) struct Choir {
    next: u64,
    voices: BTreeMap<PhoneId, Tone>,
    /// What each voice is as it is sent.
    waves: BTreeMap<(Codec, Option<Tone>), Vec<u8>>,
}

/// Whose voices are in a sound.
#[derive(Debug, Default)]
pub(crate) struct Voices {
    phones: BTreeMap<Tone, PhoneId>,
    memory: BTreeMap<(Codec, Vec<u8>), Heard>,
}

impl Choir {
    /// A voice for a phone; none is left: it will be silent.
    pub(crate) fn give(&mut self, phone: PhoneId) -> Option<Tone> {
        for _ in 0..COUNT {
            self.next += 1;
            let tone = Tone::of(self.next % COUNT);
            if self.voices.values().all(|other| *other != tone) {
                self.voices.insert(phone, tone);
                return Some(tone);
            }
        }
        None
    }

    /// A phone has left.
    pub(crate) fn take(&mut self, phone: PhoneId) {
        self.voices.remove(&phone);
    }

    /// Puts the voice of `phone` in place of what it says. Digits stay what they are.
    pub(crate) fn sing(&mut self, phone: PhoneId, packet: &mut [u8]) {
        put(self.voices.get(&phone).copied(), &mut self.waves, packet);
    }
}

impl Voices {
    /// A phone has this voice from now on.
    pub(crate) fn give(&mut self, phone: PhoneId, tone: Tone) {
        self.phones.insert(tone, phone);
    }

    /// Whether a phone has a voice.
    pub(crate) fn has(&self, phone: PhoneId) -> bool {
        self.phones.values().any(|other| *other == phone)
    }

    /// Whose voice it is.
    pub(crate) fn phone(&self, tone: Tone) -> Option<PhoneId> {
        self.phones.get(&tone).copied()
    }

    /// What is in an RTP packet; none: digits.
    pub(crate) fn in_packet(&mut self, packet: &[u8]) -> Option<Heard> {
        let header = Header::read(packet).expect("only RTP is sent from one engine to another");
        let codec = Codec::of_payload(header.payload_number)?;
        self.in_sound(codec, &packet[header.payload])
    }

    /// What is in a payload, as far as it is whole pieces of 20 ms in one of the laws.
    pub(crate) fn in_sound(&mut self, codec: Codec, payload: &[u8]) -> Option<Heard> {
        let law = codec.law()?;
        if payload.len() != WINDOW {
            return None;
        }
        let key = (codec, payload.to_vec());
        if let Some(heard) = self.memory.get(&key) {
            return Some(*heard);
        }
        let samples: Vec<i16> = payload.iter().map(|byte| g711::decode(law, *byte)).collect();
        let heard = ear::listen(&samples);
        if self.memory.len() >= MEMORY_MAX {
            self.memory.clear();
        }
        self.memory.insert(key, heard);
        Some(heard)
    }
}

/// What those hear who wait.
pub(crate) fn music() -> Sound {
    Sound::new(&Tone::MUSIC.samples())
}

/// A packet of a stranger.
pub(crate) fn strange_packet(sequence: u16) -> Vec<u8> {
    let payload_number = Codec::Pcma.payload();
    let timestamp = u32::from(sequence) * WINDOW as u32;
    let stamp = Stamp { marker: sequence == 0, payload_number, sequence, timestamp, ssrc: 0x5757_5757 };
    let mut packet = stamp.to_bytes().to_vec();
    packet.resize(HEADER_BYTES + WINDOW, 0);
    put(Some(STRANGER), &mut BTreeMap::new(), &mut packet);
    packet
}

/// Whether a packet is sound, and no digit.
pub(crate) fn is_sound(packet: &[u8]) -> bool {
    Header::read(packet).is_some_and(|header| Codec::of_payload(header.payload_number).is_some())
}

fn put(tone: Option<Tone>, waves: &mut BTreeMap<(Codec, Option<Tone>), Vec<u8>>, packet: &mut [u8]) {
    let header = Header::read(packet).expect("the lab sends RTP");
    let Some(codec) = Codec::of_payload(header.payload_number) else { return };
    let Some(law) = codec.law() else { return };
    let wave = waves.entry((codec, tone)).or_insert_with(|| wave(tone, law));
    for piece in packet[header.payload].chunks_mut(WINDOW) {
        piece.copy_from_slice(&wave[..piece.len()]);
    }
}

fn wave(tone: Option<Tone>, law: Law) -> Vec<u8> {
    let samples = tone.map_or_else(|| vec![0; WINDOW], Tone::samples);
    samples[..WINDOW].iter().map(|sample| g711::encode(law, *sample)).collect()
}
