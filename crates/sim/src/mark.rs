//! Marks in the sound of the lab's phones: whoever receives a packet knows whose it is, whatever way it took.
//!
//! A mark is made of the signs of the samples, all equally loud, so it outlives the way from one law to the other.

use lab::PhoneId;
use media::codec::Codec;
use media::g711::{self, Law};
use media::rtp::{HEADER_BYTES, Header, Stamp};
use media::sdp::EVENTS_PAYLOAD;
use media::tone::{FRAME_SAMPLES, Tone};

/// How loud each sample is: in the middle of an interval of either law, so that the other law keeps it.
const LEVEL: i16 = 7_100;
/// Samples that hold a phone's number; the rest of a packet repeats them.
const BITS: usize = 32;
/// A sample of ring-back tone from which on it is silent: the tone sounds for the first second of five.
const SILENT_FROM: u64 = 8_000;

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// What this phone says.
    Speech(PhoneId),
    /// Our ring-back tone.
    RingBack,
    /// An RFC 4733 event.
    Digit,
    /// None of these.
    Unknown,
}

/// Whose mark is no phone's.
pub(crate) const STRANGER: PhoneId = PhoneId(0xffff_ffff);

/// A packet of a stranger.
pub(crate) fn strange_packet(sequence: u16) -> Vec<u8> {
    let payload_number = Codec::Pcma.payload();
    let timestamp = u32::from(sequence) * FRAME_SAMPLES as u32;
    let stamp = Stamp { marker: sequence == 0, payload_number, sequence, timestamp, ssrc: 0x5757_5757 };
    let mut packet = stamp.to_bytes().to_vec();
    packet.resize(HEADER_BYTES + FRAME_SAMPLES, 0);
    write(STRANGER, &mut packet);
    packet
}

/// Puts the mark of `phone` in place of what it says. Digits stay what they are.
pub(crate) fn write(phone: PhoneId, packet: &mut [u8]) {
    let header = Header::read(packet).expect("the lab sends RTP");
    let Some(law) = Codec::of_payload(header.payload_number).and_then(Codec::law) else { return };
    let [low, high] = codes(law);
    let number = u32::try_from(phone.0).expect("few phones");
    let payload = &mut packet[header.payload];
    let first = payload.len().min(BITS);
    for (bit, byte) in payload[..first].iter_mut().enumerate() {
        *byte = if number >> bit & 1 == 1 { high } else { low };
    }
    for at in (first..payload.len()).step_by(BITS) {
        let len = BITS.min(payload.len() - at);
        payload.copy_within(..len, at);
    }
}

/// Reads a packet.
pub(crate) fn read(packet: &[u8]) -> Content {
    let header = Header::read(packet).expect("only RTP is sent from one engine to another");
    let payload = &packet[header.payload];
    match Codec::of_payload(header.payload_number) {
        Some(codec) => read_sound(codec, payload),
        None if header.payload_number == EVENTS_PAYLOAD => Content::Digit,
        None => Content::Unknown,
    }
}

/// Reads a payload.
pub(crate) fn read_sound(codec: Codec, payload: &[u8]) -> Content {
    let Some(law) = codec.law() else { return Content::Unknown };
    if let Some(phone) = speaker(law, payload) {
        return Content::Speech(phone);
    }
    let ring_back = [0, SILENT_FROM].map(|from| tone(Tone::RingBack, law, from));
    if ring_back.iter().any(|tone| tone == payload) { Content::RingBack } else { Content::Unknown }
}

fn tone(tone: Tone, law: Law, from: u64) -> [u8; FRAME_SAMPLES] {
    let mut bytes = [0; FRAME_SAMPLES];
    tone.fill(law, from, &mut bytes);
    bytes
}

fn speaker(law: Law, payload: &[u8]) -> Option<PhoneId> {
    let codes = codes(law);
    let first = payload.get(..BITS)?;
    let repeats = payload[BITS..] == payload[..payload.len() - BITS];
    if !repeats || !first.iter().all(|byte| codes.contains(byte)) {
        return None;
    }
    let bits = first.iter().enumerate().map(|(bit, byte)| u64::from(*byte == codes[1]) << bit);
    Some(PhoneId(bits.sum()))
}

/// The codes of a negative and a positive sample.
const fn codes(law: Law) -> [u8; 2] {
    [g711::encode(law, -LEVEL), g711::encode(law, LEVEL)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAWS: [(Codec, Law); 2] = [(Codec::Pcma, Law::A), (Codec::Pcmu, Law::Mu)];

    fn packet(codec: Codec, law: Law) -> Vec<u8> {
        let stamp =
            Stamp { marker: false, payload_number: codec.payload(), sequence: 7, timestamp: 1, ssrc: 9 };
        let mut packet = stamp.to_bytes().to_vec();
        packet.extend_from_slice(&[g711::silence(law); 160]);
        packet
    }

    #[test]
    fn a_mark_is_read_in_both_laws_and_after_transcoding() {
        for ((from, law), (to, other)) in LAWS.into_iter().flat_map(|from| LAWS.map(|to| (from, to))) {
            for number in [1, 77, 0xffff_ffff] {
                let mut packet = packet(from, law);
                write(PhoneId(number), &mut packet);
                assert_eq!(read(&packet), Content::Speech(PhoneId(number)));
                let mut payload = packet[12..].to_vec();
                if let Some(table) = g711::transcoder(law, other) {
                    g711::translate(table, &mut payload);
                }
                assert_eq!(read_sound(to, &payload), Content::Speech(PhoneId(number)), "{from:?} {to:?}");
            }
        }
    }

    #[test]
    fn ring_back_is_no_mark_and_neither_is_silence() {
        for (codec, law) in LAWS {
            for n in 0..250 {
                let sound = tone(Tone::RingBack, law, 160 * n);
                assert_eq!(read_sound(codec, &sound), Content::RingBack);
            }
            assert_eq!(read_sound(codec, &tone(Tone::Busy, law, 17 * 160)), Content::Unknown);
            assert_eq!(read_sound(codec, &[0x12; 160]), Content::Unknown);
        }
    }
}
