//! Counts of what a stream receives (RFC 3550 §6.4.1 and appendix A).

use base::Mono;

use super::samples;
use crate::rtcp::Block;
use crate::rtp::{Header, sequence_distance};

/// A jump larger than this is a restart of the sender, not loss (RFC 3550 appendix A.1).
pub(super) const SEQUENCE_JUMP_MAX: u16 = 3000;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reception {
    received: u64,
    lost_before: u64,
    source: Option<Source>,
    late: u64,
    duplicate: u64,
    /// In sixteenths of a sample, as the RFC computes it.
    jitter: i64,
    jitter_max: i64,
    jitter_sum: i64,
    jitter_count: i64,
}

/// The sender at the moment.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    first: u16,
    highest: u16,
    /// Which of the 64 packets up to the highest came: that one is bit 0.
    came: u64,
    expected: u64,
    received: u64,
    /// Expected and received at the last report.
    reported: (u64, u64),
    transit: Option<u32>,
}

impl Reception {
    /// A packet was accepted; `timed` when it is sound, whose timestamp says when it was made.
    pub(super) fn handle_packet(&mut self, now: Mono, header: &Header, timed: bool) {
        self.received += 1;
        let source = match &mut self.source {
            Some(source) if source.goes_on_with(header) => source,
            source => {
                self.lost_before += source.map_or(0, |source| source.lost());
                source.insert(Source {
                    ssrc: header.ssrc,
                    first: header.sequence,
                    highest: header.sequence.wrapping_sub(1),
                    came: 0,
                    expected: 0,
                    received: 0,
                    reported: (0, 0),
                    transit: None,
                })
            }
        };
        source.received += 1;
        match source.place(header.sequence) {
            Place::Newest => {}
            Place::Late => self.late += 1,
            Place::Again => self.duplicate += 1,
        }
        if timed {
            let transit = samples(now.since(Mono::ZERO)).wrapping_sub(header.timestamp);
            if let Some(before) = source.transit.replace(transit) {
                let difference = i64::from(transit.wrapping_sub(before).cast_signed()).abs();
                self.jitter += difference - ((self.jitter + 8) >> 4);
                self.jitter_max = self.jitter_max.max(self.jitter);
                self.jitter_sum = self.jitter_sum.saturating_add(self.jitter);
                self.jitter_count += 1;
            }
        }
    }

    /// Packets accepted.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Packets missing by sequence number.
    pub(super) fn lost(&self) -> u64 {
        self.lost_before + self.source.map_or(0, |source| source.lost())
    }

    /// Packets that came after one with a higher number.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// Packets that came again.
    pub(super) fn duplicate(&self) -> u64 {
        self.duplicate
    }

    /// Interarrival jitter, milliseconds.
    pub(super) fn jitter_ms(&self) -> f32 {
        ms(self.jitter)
    }

    /// The same in samples.
    pub(super) fn jitter_samples(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(0)
    }

    /// Its mean and its maximum.
    pub(super) fn jitter_mean_max_ms(&self) -> (f32, f32) {
        (ms(self.jitter_sum / self.jitter_count.max(1)), ms(self.jitter_max))
    }

    /// What a report says of the sender of the moment; losses since the report before are counted from here.
    pub(super) fn report(&mut self) -> Option<Block> {
        let source = self.source.as_mut()?;
        let expected = source.expected - source.reported.0;
        let lost = expected.saturating_sub(source.received - source.reported.1);
        source.reported = (source.expected, source.received);
        let lost_in_all = i128::from(source.expected) - i128::from(source.received);
        Some(Block {
            ssrc: source.ssrc,
            // All lost does not fit: 255.
            fraction_lost: u8::try_from((lost << 8) / expected.max(1)).unwrap_or(u8::MAX),
            lost: i32::try_from(lost_in_all.clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0),
            highest: u32::from(source.first).wrapping_add(source.expected as u32).wrapping_sub(1),
            jitter: self.jitter_samples(),
            last_report: 0,
            since_last_report: 0,
        })
    }
}

fn ms(sixteenths: i64) -> f32 {
    sixteenths as f32 / 16.0 / 8.0
}

/// Where a packet has its place among those that came.
enum Place {
    Newest,
    Late,
    Again,
}

impl Source {
    fn goes_on_with(&self, header: &Header) -> bool {
        self.ssrc == header.ssrc
            && sequence_distance(self.highest, header.sequence).unsigned_abs() <= SEQUENCE_JUMP_MAX
    }

    fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received)
    }

    /// Notes a packet. One that is further behind than is remembered is taken for late.
    fn place(&mut self, sequence: u16) -> Place {
        let distance = sequence_distance(self.highest, sequence);
        let behind = 1_u64.checked_shl(distance.unsigned_abs().into()).unwrap_or(0);
        if distance > 0 {
            self.highest = sequence;
            self.expected += u64::from(distance.unsigned_abs());
            self.came = self.came.checked_shl(distance.unsigned_abs().into()).unwrap_or(0) | 1;
            Place::Newest
        } else if self.came & behind != 0 {
            Place::Again
        } else {
            self.came |= behind;
            Place::Late
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(packets: impl IntoIterator<Item = (u64, u16, u32, u32)>) -> Reception {
        let mut reception = Reception::default();
        for (at_ms, sequence, timestamp, ssrc) in packets {
            let header =
                Header { marker: false, payload_number: 8, sequence, timestamp, ssrc, payload: 12..172 };
            reception.handle_packet(Mono::from_micros(at_ms * 1000), &header, true);
        }
        reception
    }

    #[test]
    fn holes_are_lost_and_late_packets_are_not() {
        let counts = receive([(0, 65_534, 0, 1), (20, 1, 480, 1), (21, 0, 320, 1), (60, 3, 800, 1)]);
        assert_eq!((counts.received(), counts.lost()), (4, 2));
        assert_eq!((counts.late(), counts.duplicate()), (1, 0));
    }

    #[test]
    fn packets_that_come_again_are_told_from_late_ones() {
        let numbers = [65_535, 1, 0, 0, 1, 100, 37, 37, 3];
        let counts = receive(numbers.into_iter().map(|n| (0, n, 160 * u32::from(n), 1)));
        assert_eq!((counts.late(), counts.duplicate()), (3, 3));
    }

    #[test]
    fn a_report_counts_what_was_lost_since_the_one_before() {
        let mut counts = receive([(0, 65_534, 0, 1), (20, 65_535, 160, 1), (40, 2, 640, 1)]);
        let block = counts.report().expect("somebody spoke");
        assert_eq!((block.fraction_lost, block.lost, block.highest), (102, 2, 0x1_0002));
        let block = counts.report().expect("somebody spoke");
        assert_eq!((block.fraction_lost, block.lost), (0, 2));
        assert_eq!(Reception::default().report(), None);
    }

    #[test]
    fn a_new_sender_is_not_loss_but_what_the_old_one_lost_stays() {
        let counts = receive([
            (0, 10, 0, 1),
            (40, 12, 320, 1),
            (60, 500, 9, 2),
            (80, 501, 169, 2),
            (90, 20_000, 0, 2),
        ]);
        assert_eq!((counts.received(), counts.lost()), (5, 1));
    }

    #[test]
    fn steady_packets_have_no_jitter_and_alternating_delays_approach_their_difference() {
        assert_eq!(receive((0..50).map(|n| (u64::from(n) * 20, n, 160 * u32::from(n), 1))).jitter_ms(), 0.0);
        let shaky =
            receive((0..200).map(|n| (u64::from(n) * 20 + u64::from(n % 2) * 10, n, 160 * u32::from(n), 1)));
        assert!((shaky.jitter_ms() - 10.0).abs() < 0.5, "{}", shaky.jitter_ms());
    }
}
