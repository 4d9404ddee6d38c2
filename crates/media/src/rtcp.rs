//! RTCP (RFC 3550 §6): recognised as a sign of life. Reports are neither read nor made.

use crate::limits::PACKET_BYTES_MAX;

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;

/// Whether `packet` is a compound RTCP packet: the checks of RFC 3550 appendix A.2 and the lengths of every part.
pub fn is_compound(packet: &[u8]) -> bool {
    let mut rest = packet;
    let mut first = true;
    while let Some(([flags, kind, high, low], _)) = rest.split_first_chunk::<4>() {
        let report = matches!(*kind, SENDER_REPORT | RECEIVER_REPORT);
        // The first part is a report and has no padding; only the last may have it.
        let part = 4 * (usize::from(u16::from_be_bytes([*high, *low])) + 1);
        let padding_allowed = !first && part == rest.len();
        if flags >> 6 != VERSION || (first && !report) || (flags & PADDING != 0 && !padding_allowed) {
            return false;
        }
        let Some(after) = rest.get(part..) else { return false };
        rest = after;
        first = false;
    }
    !first && rest.is_empty() && packet.len() <= PACKET_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RECEIVER: [u8; 8] = [0x80, 201, 0, 1, 1, 2, 3, 4];
    const DESCRIPTION: [u8; 12] = [0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, b'a', 0];
    const BYE_PADDED: [u8; 12] = [0xa1, 203, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4];

    #[test]
    fn compound_packets_are_recognised() {
        assert!(is_compound(&RECEIVER));
        assert!(is_compound(&[&RECEIVER[..], &DESCRIPTION].concat()));
        assert!(is_compound(&[&RECEIVER[..], &DESCRIPTION, &BYE_PADDED].concat()));
    }

    #[test]
    fn other_packets_are_not() {
        assert!(!is_compound(&[]));
        assert!(!is_compound(&RECEIVER[..7]));
        assert!(!is_compound(&DESCRIPTION));
        assert!(!is_compound(&[&RECEIVER[..], &BYE_PADDED, &DESCRIPTION].concat()));
        assert!(!is_compound(&[&RECEIVER[..], &[0x80, 0]].concat()));
        let mut padded_report = RECEIVER;
        padded_report[0] |= PADDING;
        assert!(!is_compound(&padded_report));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
            let _ = is_compound(&bytes);
        }
    }
}
