//! RTCP (RFC 3550 §6): reports read and written. Whoever sends them can change figures, and nothing else.

use std::time::Duration;

use base::Wall;

use crate::limits::PACKET_BYTES_MAX;

const VERSION: u8 = 2;
const PADDING: u8 = 0x20;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const CNAME: u8 = 1;
/// Bytes of a report block.
const BLOCK_BYTES: usize = 24;
/// Seconds from 1900 to 1970.
const NTP_EPOCH_S: u64 = 2_208_988_800;

/// Bytes of the longest packet that is written here.
pub const REPORT_BYTES_MAX: usize = 8 + 20 + BLOCK_BYTES + DESCRIPTION_BYTES + 8;
/// Characters of a CNAME: 96 bits, as RFC 7022 §4.2 wants.
const CNAME_BYTES: usize = 24;
const DESCRIPTION_BYTES: usize = 8 + 2 + CNAME_BYTES + 2;

/// A moment as sender reports show it (RFC 3550 §4): the middle 32 bits come back in report blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ntp(u64);

impl Ntp {
    /// The time of a clock.
    pub fn of(wall: Wall) -> Ntp {
        let ms = u64::try_from(wall.as_millis()).unwrap_or(0);
        Ntp(((ms / 1000).wrapping_add(NTP_EPOCH_S) << 32) | (((ms % 1000) << 32) / 1000))
    }

    /// The middle 32 bits: seconds and their 65,536th parts, as LSR has them.
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What the sender of a report sends (§6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// When the report was made.
    pub ntp: Ntp,
    /// The same moment in its RTP timestamps.
    pub timestamp: u32,
    /// RTP packets since it began.
    pub packets: u32,
    /// Bytes of their payloads.
    pub octets: u32,
}

/// What the sender of a report receives from one source (§6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// Which source.
    pub ssrc: u32,
    /// Part of the packets that were lost since the report before, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost since it began; negative with duplicates. 24 bits.
    pub lost: i32,
    /// Highest sequence number, with how often it wrapped above it.
    pub highest: u32,
    /// Interarrival jitter, in timestamp units.
    pub jitter: u32,
    /// [`Ntp::middle`] of the source's last sender report; 0 when there was none.
    pub last_report: u32,
    /// How long ago that came, in 65,536ths of a second.
    pub since_last_report: u32,
}

/// A report that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Who reports.
    pub ssrc: u32,
    /// By what name beyond it; the low 96 bits.
    pub cname: u128,
    /// When it sends sound itself.
    pub sender: Option<Sender>,
    /// When it receives.
    pub block: Option<Block>,
    /// Whether it leaves (§6.6).
    pub leaves: bool,
}

impl Report {
    /// The compound packet, in a buffer, and its length.
    pub fn write(&self, to: &mut [u8; REPORT_BYTES_MAX]) -> usize {
        let mut out = Out { to, len: 0 };
        let blocks = u8::from(self.block.is_some());
        let words = u16::from(self.sender.is_some()) * 5 + u16::from(blocks) * 6 + 1;
        out.head(blocks, if self.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT }, words);
        out.put(&self.ssrc.to_be_bytes());
        if let Some(Sender { ntp, timestamp, packets, octets }) = self.sender {
            out.put(&ntp.0.to_be_bytes());
            [timestamp, packets, octets].iter().for_each(|field| out.put(&field.to_be_bytes()));
        }
        if let Some(block) = self.block {
            out.put(&block.ssrc.to_be_bytes());
            let [_, lost @ ..] = block.lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
            out.put(&[block.fraction_lost, lost[0], lost[1], lost[2]]);
            let rest = [block.highest, block.jitter, block.last_report, block.since_last_report];
            rest.iter().for_each(|field| out.put(&field.to_be_bytes()));
        }
        out.head(1, DESCRIPTION, (DESCRIPTION_BYTES / 4 - 1) as u16);
        out.put(&self.ssrc.to_be_bytes());
        out.put(&[CNAME, CNAME_BYTES as u8]);
        for n in (0..CNAME_BYTES).rev() {
            out.put(&[b"0123456789abcdef"[(self.cname >> (4 * n)) as usize & 0xf]]);
        }
        // The end of the list, to a whole word.
        out.put(&[0; 2]);
        if self.leaves {
            out.head(1, BYE, 1);
            out.put(&self.ssrc.to_be_bytes());
        }
        out.len
    }
}

struct Out<'a> {
    to: &'a mut [u8; REPORT_BYTES_MAX],
    len: usize,
}

impl Out<'_> {
    fn put(&mut self, bytes: &[u8]) {
        self.to[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn head(&mut self, count: u8, kind: u8, words: u16) {
        let [high, low] = words.to_be_bytes();
        self.put(&[(VERSION << 6) | count, kind, high, low]);
    }
}

/// What a compound packet says that matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// [`Ntp::middle`] of its sender report, if it has one.
    pub sender_report: Option<u32>,
    /// The block about us, if it has one.
    pub about_us: Option<Block>,
}

/// Reads a compound packet; `us` is our SSRC. `None` when it is none.
pub fn read(packet: &[u8], us: u32) -> Option<Heard> {
    if !is_compound(packet) {
        return None;
    }
    let mut heard = Heard::default();
    let mut rest = packet;
    while let Some(([flags, kind, high, low], _)) = rest.split_first_chunk::<4>() {
        let part = 4 * (usize::from(u16::from_be_bytes([*high, *low])) + 1);
        let (part, after) = rest.split_at_checked(part)?;
        rest = after;
        let blocks = match *kind {
            SENDER_REPORT => {
                let Some(middle) = part.get(10..14).and_then(|ntp| ntp.first_chunk()) else { continue };
                heard.sender_report = Some(u32::from_be_bytes(*middle));
                part.get(28..)
            }
            RECEIVER_REPORT => part.get(8..),
            _ => None,
        };
        let blocks = blocks.unwrap_or_default().chunks_exact(BLOCK_BYTES).take(usize::from(flags & 0x1f));
        heard.about_us = blocks.filter_map(block).find(|block| block.ssrc == us).or(heard.about_us);
    }
    Some(heard)
}

fn block(bytes: &[u8]) -> Option<Block> {
    let field = |n: usize| bytes.get(4 * n..)?.first_chunk().map(|field| u32::from_be_bytes(*field));
    let losses = field(1)?;
    Some(Block {
        ssrc: field(0)?,
        fraction_lost: (losses >> 24) as u8,
        // The sign is in bit 23.
        lost: (losses << 8).cast_signed() >> 8,
        highest: field(2)?,
        jitter: field(3)?,
        last_report: field(4)?,
        since_last_report: field(5)?,
    })
}

/// A time in 65,536ths of a second, as DLSR has it.
pub fn parts(time: Duration) -> u32 {
    u32::try_from((time.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

/// The time of so many 65,536ths of a second.
pub fn time(parts: u32) -> Duration {
    Duration::from_micros((u64::from(parts) * 1_000_000) >> 16)
}

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
    const DESCRIBED: [u8; 12] = [0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, b'a', 0];
    const BYE_PADDED: [u8; 12] = [0xa1, 203, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4];

    #[test]
    fn compound_packets_are_recognised() {
        assert!(is_compound(&RECEIVER));
        assert!(is_compound(&[&RECEIVER[..], &DESCRIBED].concat()));
        assert!(is_compound(&[&RECEIVER[..], &DESCRIBED, &BYE_PADDED].concat()));
    }

    #[test]
    fn other_packets_are_not() {
        assert!(!is_compound(&[]));
        assert!(!is_compound(&RECEIVER[..7]));
        assert!(!is_compound(&DESCRIBED));
        assert!(!is_compound(&[&RECEIVER[..], &BYE_PADDED, &DESCRIBED].concat()));
        assert!(!is_compound(&[&RECEIVER[..], &[0x80, 0]].concat()));
        let mut padded_report = RECEIVER;
        padded_report[0] |= PADDING;
        assert!(!is_compound(&padded_report));
    }

    #[test]
    fn what_is_written_is_read() {
        let block = Block {
            ssrc: 7,
            fraction_lost: 3,
            lost: -5,
            highest: 0x1_0003,
            jitter: 44,
            last_report: 0x1234_5678,
            since_last_report: 65_536,
        };
        let ntp = Ntp::of(Wall::from_millis(1_500));
        assert_eq!(ntp.middle(), ((NTP_EPOCH_S as u32 + 1) << 16) | 0x8000);
        let sender = Sender { ntp, timestamp: 160, packets: 1, octets: 160 };
        let mut bytes = [0; REPORT_BYTES_MAX];
        for (sender, block) in
            [(None, None), (Some(sender), None), (None, Some(block)), (Some(sender), Some(block))]
        {
            for leaves in [false, true] {
                let report = Report { ssrc: 9, cname: 0xabc, sender, block, leaves };
                let len = report.write(&mut bytes);
                let heard =
                    Heard { sender_report: sender.map(|sender| sender.ntp.middle()), about_us: block };
                assert_eq!(read(&bytes[..len], 7), Some(heard), "{report:?}");
                assert_eq!(read(&bytes[..len], 8).expect("read").about_us, None);
                assert!(bytes[..len].windows(26).any(|item| item == b"\x01\x18000000000000000000000abc"));
            }
        }
        assert_eq!((parts(Duration::from_millis(1500)), time(98_304)), (98_304, Duration::from_millis(1500)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..128)) {
            let _ = is_compound(&bytes);
            let _ = read(&bytes, 1);
            let _ = read(&[&[0x81, 200, 0, 12][..], &bytes].concat(), 1);
        }
    }
}
