//! RTP packets (RFC 3550 §5.1): read, and rewritten in place.

use std::ops::Range;

use crate::limits::PACKET_BYTES_MAX;

/// Bytes of a header without CSRC list and extension, the only kind that is written here.
pub const HEADER_BYTES: usize = 12;

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;

/// What the header of a packet says, and where its payload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// First packet after a pause or a switch.
    pub marker: bool,
    /// Payload number, 0–127.
    pub payload_number: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// Where the payload is in the packet: CSRC list, extension and padding are outside it.
    pub payload: Range<usize>,
}

impl Header {
    /// Reads and checks a packet. `None` when it is not RTP, has an impossible length, or is RTCP sent to the RTP port
    /// (RFC 5761 is not offered; §4 there tells the two apart by the payload numbers 64–95).
    pub fn read(packet: &[u8]) -> Option<Header> {
        let (fixed, _) = packet.split_first_chunk::<HEADER_BYTES>()?;
        let [flags, second, sequence @ .., t0, t1, t2, t3, s0, s1, s2, s3] = *fixed;
        let payload_number = second & !MARKER;
        if packet.len() > PACKET_BYTES_MAX || flags >> 6 != VERSION || (64..96).contains(&payload_number) {
            return None;
        }
        let mut start = HEADER_BYTES + 4 * usize::from(flags & 0x0f);
        if flags & EXTENSION != 0 {
            let [_, _, high, low] = *packet.get(start..)?.first_chunk()?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([high, low]));
        }
        let mut end = packet.len();
        if flags & PADDING != 0 {
            let padding = usize::from(*packet.last()?);
            end = end.checked_sub(padding).filter(|_| padding != 0)?;
        }
        (start <= end).then(|| Header {
            marker: second & MARKER != 0,
            payload_number,
            sequence: u16::from_be_bytes(sequence),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            payload: start..end,
        })
    }
}

/// The header of a packet that we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// First packet after a pause or a switch.
    pub marker: bool,
    /// Payload number, 0–127.
    pub payload_number: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp, samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
}

impl Stamp {
    /// As it goes on the wire.
    pub fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let [q0, q1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [s0, s1, s2, s3] = self.ssrc.to_be_bytes();
        let second = self.payload_number | if self.marker { MARKER } else { 0 };
        [VERSION << 6, second, q0, q1, t0, t1, t2, t3, s0, s1, s2, s3]
    }

    /// Puts this header in front of the payload that lies at `payload`, which moves to byte 12. Returns the length of
    /// the new packet.
    pub fn rewrite(self, packet: &mut [u8], payload: Range<usize>) -> usize {
        let end = HEADER_BYTES + payload.len();
        if payload.start != HEADER_BYTES {
            packet.copy_within(payload, HEADER_BYTES);
        }
        packet[..HEADER_BYTES].copy_from_slice(&self.to_bytes());
        end
    }
}

/// How far sequence number `b` is after `a`: negative when it is before (RFC 1982).
pub fn sequence_distance(a: u16, b: u16) -> i16 {
    b.wrapping_sub(a).cast_signed()
}

/// How far timestamp `b` is after `a`, samples: negative when it is before.
pub fn timestamp_distance(a: u32, b: u32) -> i32 {
    b.wrapping_sub(a).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAMP: Stamp = Stamp {
        marker: true,
        payload_number: 8,
        sequence: 0x1234,
        timestamp: 0x5678_9abc,
        ssrc: 0xdef0_1122,
    };

    fn packet(flags: u8, behind_header: &[u8]) -> Vec<u8> {
        let mut packet = STAMP.to_bytes().to_vec();
        packet[0] |= flags;
        packet.extend_from_slice(behind_header);
        packet
    }

    #[test]
    fn csrc_extension_and_padding_are_not_payload_and_are_gone_after_the_rewrite() {
        let mut behind = vec![0xaa; 8];
        behind.extend_from_slice(&[0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        behind.extend_from_slice(b"sound");
        behind.extend_from_slice(&[0, 0, 3]);
        let mut packet = packet(PADDING | EXTENSION | 2, &behind);
        let header = Header::read(&packet).expect("well formed");
        assert_eq!(&packet[header.payload.clone()], b"sound");
        let len = STAMP.rewrite(&mut packet, header.payload);
        let again = Header::read(&packet[..len]).expect("written here");
        assert_eq!((again.payload.clone(), &packet[again.payload]), (12..17, &b"sound"[..]));
        assert!(again.marker);
        assert_eq!(
            (again.payload_number, again.sequence, again.timestamp, again.ssrc),
            (8, 0x1234, 0x5678_9abc, 0xdef0_1122)
        );
    }

    #[test]
    fn what_cannot_be_rtp_is_refused() {
        for (flags, behind) in [
            (1, &[][..]),
            (EXTENSION, &[0, 0, 0]),
            (EXTENSION, &[0, 0, 0, 1]),
            (PADDING, &[0]),
            (PADDING, &[2]),
            (PADDING, &[200]),
        ] {
            assert_eq!(Header::read(&packet(flags, behind)), None, "{flags:x} {behind:?}");
        }
        assert_eq!(Header::read(&packet(0, &[0; PACKET_BYTES_MAX])), None);
        assert_eq!(Header::read(&STAMP.to_bytes()[..11]), None);
        let mut old = packet(0, &[]);
        old[0] = 0x40;
        assert_eq!(Header::read(&old), None);
        let mut receiver_report = packet(0, &[]);
        receiver_report[1] = 201;
        assert_eq!(Header::read(&receiver_report), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_lies_inside_the_packet(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(header) = Header::read(&bytes) {
                prop_assert!(header.payload.start >= HEADER_BYTES && header.payload.end <= bytes.len());
                let mut bytes = bytes;
                let payload = bytes[header.payload.clone()].to_vec();
                let len = STAMP.rewrite(&mut bytes, header.payload);
                prop_assert_eq!(&bytes[HEADER_BYTES..len], &payload[..]);
            }
        }

        #[test]
        fn distances_are_signed_and_wrap(a in any::<u16>(), by in -3000i16..3000) {
            prop_assert_eq!(sequence_distance(a, a.wrapping_add_signed(by)), by);
            let at = u32::from(a) << 16 | 0xfff0;
            prop_assert_eq!(timestamp_distance(at, at.wrapping_add_signed(by.into())), i32::from(by));
        }
    }
}
