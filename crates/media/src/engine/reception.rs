//! Counts of what a stream receives (RFC 3550 §6.4.1 and appendix A).

use base::Mono;

use super::samples;
use crate::rtp::{Header, sequence_distance};

/// A jump larger than this is a restart of the sender, not loss (RFC 3550 appendix A.1).
const SEQUENCE_JUMP_MAX: u16 = 3000;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reception {
    received: u64,
    lost_before: u64,
    source: Option<Source>,
    /// In sixteenths of a sample, as the RFC computes it.
    jitter: i64,
}

/// The sender at the moment.
#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    highest: u16,
    expected: u64,
    received: u64,
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
                    highest: header.sequence.wrapping_sub(1),
                    expected: 0,
                    received: 0,
                    transit: None,
                })
            }
        };
        source.received += 1;
        if let Ok(ahead) = u16::try_from(sequence_distance(source.highest, header.sequence)) {
            source.highest = header.sequence;
            source.expected += u64::from(ahead);
        }
        if timed {
            let transit = samples(now.since(Mono::ZERO)).wrapping_sub(header.timestamp);
            if let Some(before) = source.transit.replace(transit) {
                let difference = i64::from(transit.wrapping_sub(before).cast_signed()).abs();
                self.jitter += difference - ((self.jitter + 8) >> 4);
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

    /// Interarrival jitter, milliseconds.
    pub(super) fn jitter_ms(&self) -> f32 {
        self.jitter as f32 / 16.0 / 8.0
    }
}

impl Source {
    fn goes_on_with(&self, header: &Header) -> bool {
        self.ssrc == header.ssrc
            && sequence_distance(self.highest, header.sequence).unsigned_abs() <= SEQUENCE_JUMP_MAX
    }

    fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.received)
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
