//! What we send on one stream, seen by its far end as one source: our own SSRC, sequence numbers without holes of our
//! making, timestamps that go on through every switch of what is heard.
//!
//! While packets of one source are relayed, numbers are moved by a constant, so that loss and reordering before us stay
//! visible to the far end, which knows best what to do about them. A switch makes new constants.

use std::time::Duration;

use base::{Mono, Now, Random};

use super::samples;
use crate::codec::Codec;
use crate::rtcp::{Ntp, Sender};
use crate::rtp::{Header, Stamp, sequence_distance, timestamp_distance};

/// A jump of sequence numbers larger than this is a restart of the source, not loss (RFC 3550 appendix A.1).
const SEQUENCE_JUMP_MAX: i16 = 3000;
/// So is a number further behind than this: no packet is that late (there, too). Relayed by its number, a source that counts
/// anew would stay behind what was sent already, and so unheard, for up to a minute.
const SEQUENCE_LATE_MAX: i16 = 100;
/// How far a source's timestamps may be from the time that passed before it is taken for a restart.
const TIMESTAMP_JUMP_MAX: Duration = Duration::from_secs(2);

/// Whether a relayed packet goes on with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Begins,
    GoesOn,
}

/// Whose packets are relayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SourceKey {
    /// Slot of the stream that received them.
    pub(super) slot: usize,
    /// Their SSRC.
    pub(super) ssrc: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    ssrc: u32,
    next_sequence: u16,
    first_timestamp: u32,
    newest: Option<Newest>,
    feed: Feed,
    sent: u64,
    /// Of sound: an event counts as its time.
    ticks: u64,
}

/// The newest packet that was sent.
#[derive(Clone, Copy, Debug)]
struct Newest {
    at: Mono,
    timestamp: u32,
    samples: u32,
}

/// Where the packets come from at the moment.
#[derive(Clone, Copy, Debug)]
enum Feed {
    /// Nowhere: the next packet is a new beginning.
    None,
    /// From here: tones, sounds, digits.
    Local,
    /// From another stream.
    Relay(Relay),
}

#[derive(Clone, Copy, Debug)]
struct Relay {
    key: SourceKey,
    /// Earlier packets of the source belong to what was before, and are dropped.
    floor: u16,
    /// The first sequence number here, and the one there that it became.
    first_sequence: [u16; 2],
    /// How many packets each of them becomes.
    parts: u16,
    timestamp_shift: u32,
    newest_sequence: u16,
    newest_timestamp: u32,
    newest_at: Mono,
}

impl Outgoing {
    pub(super) fn new(random: &mut Random) -> Outgoing {
        let [a, b] = [random.number(), random.number()];
        Outgoing {
            ssrc: a as u32,
            // In the lower half, so that early loss cannot look like a wrap (RFC 3711 §3.3.1).
            next_sequence: (a >> 32) as u16 & 0x7fff,
            first_timestamp: b as u32,
            newest: None,
            feed: Feed::None,
            sent: 0,
            ticks: 0,
        }
    }

    /// Packets sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// What a report says of it, all of it being in `codec`; `None` before the first packet.
    pub(super) fn report(&self, now: Now, codec: Codec) -> Option<Sender> {
        let newest = self.newest?;
        Some(Sender {
            ntp: Ntp::of(now.wall),
            timestamp: newest.timestamp.wrapping_add(samples(now.mono.since(newest.at))),
            packets: self.sent as u32,
            octets: codec.bytes(self.ticks as usize) as u32,
        })
    }

    /// By which the far end knows us.
    pub(super) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// What is heard changes: the next packet is a new beginning.
    pub(super) fn interrupt(&mut self) {
        self.feed = Feed::None;
    }

    /// The numbers for a packet of another stream that lasts `samples` and is sent in so many `parts`: those of the first,
    /// the others have the numbers after it. `None` when it came too late, from before a switch.
    pub(super) fn relay(
        &mut self,
        now: Mono,
        key: SourceKey,
        header: &Header,
        samples: u32,
        parts: u16,
    ) -> Option<(Stamp, Flow)> {
        let (mut relay, flow) = match self.feed {
            Feed::Relay(relay) if relay.fits(now, key, header) && relay.parts == parts => {
                (relay, Flow::GoesOn)
            }
            Feed::Relay(_) | Feed::Local | Feed::None => (self.begin(now, key, header, parts), Flow::Begins),
        };
        let begins = flow == Flow::Begins;
        if sequence_distance(relay.floor, header.sequence) < 0 {
            return None;
        }
        if begins || sequence_distance(relay.newest_sequence, header.sequence) > 0 {
            relay.newest_sequence = header.sequence;
            relay.newest_timestamp = header.timestamp;
            relay.newest_at = now;
            relay.raise_floor();
        }
        self.feed = Feed::Relay(relay);
        let stamp = Stamp {
            marker: begins || header.marker,
            payload_number: header.payload_number,
            sequence: relay.sequence(header.sequence),
            timestamp: header.timestamp.wrapping_add(relay.timestamp_shift),
            ssrc: self.ssrc,
        };
        self.note(now, &stamp, samples, parts);
        Some((stamp, flow))
    }

    /// A packet of the source is left out: the far end must not take that for loss.
    pub(super) fn leave_out(&mut self, now: Mono, key: SourceKey, header: &Header) {
        if let Feed::Relay(relay) = &mut self.feed
            && relay.fits(now, key, header)
            && sequence_distance(relay.newest_sequence, header.sequence) == 1
        {
            relay.newest_sequence = header.sequence;
            relay.newest_timestamp = header.timestamp;
            relay.newest_at = now;
            relay.floor = header.sequence.wrapping_add(1);
            relay.first_sequence[1] = relay.first_sequence[1].wrapping_sub(relay.parts);
        }
    }

    /// The numbers for a packet made here that lasts `samples` and follows the one before without a gap.
    pub(super) fn local(&mut self, now: Mono, payload_number: u8, samples: u32) -> Stamp {
        let (timestamp, begins) = match (self.feed, self.newest) {
            (Feed::Local, Some(newest)) => (newest.timestamp.wrapping_add(newest.samples), false),
            (Feed::Local | Feed::None | Feed::Relay(_), _) => (self.next_timestamp(now), true),
        };
        self.feed = Feed::Local;
        let sequence = self.next_sequence;
        let stamp = Stamp { marker: begins, payload_number, sequence, timestamp, ssrc: self.ssrc };
        self.note(now, &stamp, samples, 1);
        stamp
    }

    /// The numbers for a further packet about the same moment as the one before: an event goes on.
    pub(super) fn local_again(&mut self, now: Mono, payload_number: u8) -> Stamp {
        let timestamp = self.newest.map_or(self.first_timestamp, |newest| newest.timestamp);
        let sequence = self.next_sequence;
        let stamp = Stamp { marker: false, payload_number, sequence, timestamp, ssrc: self.ssrc };
        self.note(now, &stamp, 0, 1);
        stamp
    }

    fn begin(&self, now: Mono, key: SourceKey, header: &Header, parts: u16) -> Relay {
        Relay {
            key,
            floor: header.sequence,
            first_sequence: [header.sequence, self.next_sequence],
            parts,
            timestamp_shift: self.next_timestamp(now).wrapping_sub(header.timestamp),
            newest_sequence: header.sequence,
            newest_timestamp: header.timestamp,
            newest_at: now,
        }
    }

    /// The timestamp of now: after the newest packet by the time that passed, and never inside it.
    fn next_timestamp(&self, now: Mono) -> u32 {
        match self.newest {
            None => self.first_timestamp,
            Some(newest) => {
                let passed = samples(now.since(newest.at)).max(newest.samples);
                newest.timestamp.wrapping_add(passed)
            }
        }
    }

    /// `stamp` is sent, the first of `parts`.
    fn note(&mut self, now: Mono, stamp: &Stamp, samples: u32, parts: u16) {
        let is_first = self.sent == 0;
        self.sent += u64::from(parts);
        self.ticks += u64::from(samples);
        if is_first || sequence_distance(self.next_sequence, stamp.sequence) >= 0 {
            self.next_sequence = stamp.sequence.wrapping_add(parts);
        }
        // The packets of an event are about its beginning; time passes from there.
        let newer =
            self.newest.is_none_or(|newest| timestamp_distance(newest.timestamp, stamp.timestamp) > 0);
        if newer {
            self.newest = Some(Newest { at: now, timestamp: stamp.timestamp, samples });
        }
    }
}

impl Relay {
    /// The number there of a packet here, or of its first part.
    fn sequence(&self, here: u16) -> u16 {
        let [first_here, first_there] = self.first_sequence;
        first_there.wrapping_add(here.wrapping_sub(first_here).wrapping_mul(self.parts))
    }

    /// Whether a packet belongs to what is being relayed: the same source, going on where it was.
    fn fits(&self, now: Mono, key: SourceKey, header: &Header) -> bool {
        let sequence = sequence_distance(self.newest_sequence, header.sequence);
        let timestamp = i64::from(timestamp_distance(self.newest_timestamp, header.timestamp));
        let passed = i64::from(samples(now.since(self.newest_at)));
        self.key == key
            && (-SEQUENCE_LATE_MAX..=SEQUENCE_JUMP_MAX).contains(&sequence)
            && (timestamp - passed).abs() <= i64::from(samples(TIMESTAMP_JUMP_MAX))
    }

    /// Sequence numbers wrap: a floor that stayed where it was would lie ahead of them after eleven minutes. What is
    /// further behind than this does not fit anyway.
    fn raise_floor(&mut self) {
        let oldest = self.newest_sequence.wrapping_sub(SEQUENCE_LATE_MAX.unsigned_abs());
        if sequence_distance(self.floor, oldest) > 0 {
            self.floor = oldest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: SourceKey = SourceKey { slot: 0, ssrc: 1 };
    const B: SourceKey = SourceKey { slot: 1, ssrc: 2 };

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header { marker: false, payload_number: 8, sequence, timestamp, ssrc: 0, payload: 12..172 }
    }

    fn ms(ms: u64) -> Mono {
        Mono::from_micros(ms * 1000)
    }

    fn outgoing() -> Outgoing {
        Outgoing::new(&mut Random::from_number(5))
    }

    fn relay(out: &mut Outgoing, at: u64, key: SourceKey, sequence: u16, timestamp: u32) -> Stamp {
        out.relay(ms(at), key, &header(sequence, timestamp), 160, 1).expect("not from before a switch").0
    }

    #[test]
    fn a_switch_of_sources_is_one_sequence_with_the_gap_in_the_timestamp() {
        let mut out = outgoing();
        let first = relay(&mut out, 0, A, 65_535, u32::MAX - 50);
        let second = relay(&mut out, 20, A, 0, 109);
        let other = relay(&mut out, 100, B, 777, 5);
        let tone = out.local(ms(120), 8, 160);
        let tone_again = out.local(ms(139), 8, 160);
        assert_eq!([first.marker, second.marker, other.marker, tone.marker], [true, false, true, true]);
        let stamps = [first, second, other, tone, tone_again];
        let base = first.sequence;
        assert_eq!(stamps.map(|s| s.sequence.wrapping_sub(base)), [0, 1, 2, 3, 4]);
        assert_eq!(stamps.map(|s| s.timestamp.wrapping_sub(first.timestamp)), [0, 160, 800, 960, 1120]);
        assert!(stamps.iter().all(|s| s.ssrc == first.ssrc));
        assert_eq!(out.sent(), 5);
    }

    #[test]
    fn loss_and_reordering_stay_visible() {
        let mut out = outgoing();
        let first = relay(&mut out, 0, A, 10, 1600);
        let third = relay(&mut out, 40, A, 12, 1920);
        let second = relay(&mut out, 41, A, 11, 1760);
        let sixth = relay(&mut out, 100, A, 15, 2400);
        let next = out.local(ms(120), 8, 160);
        let stamps = [first, third, second, sixth, next];
        assert_eq!(stamps.map(|s| s.sequence.wrapping_sub(first.sequence)), [0, 2, 1, 5, 6]);
    }

    #[test]
    fn what_is_left_out_leaves_no_hole_and_what_was_before_a_switch_is_dropped() {
        let mut out = outgoing();
        let first = relay(&mut out, 0, A, 10, 1600);
        out.leave_out(ms(20), A, &header(11, 1760));
        let third = relay(&mut out, 40, A, 12, 1920);
        assert_eq!(third.sequence.wrapping_sub(first.sequence), 1);
        assert_eq!(third.timestamp.wrapping_sub(first.timestamp), 320);
        assert_eq!(out.relay(ms(41), A, &header(9, 1440), 160, 1), None);
    }

    #[test]
    fn a_source_that_starts_again_is_a_switch() {
        for (sequence, timestamp) in [(30_000, 1760), (11, 99_000_000)] {
            let mut out = outgoing();
            let first = relay(&mut out, 0, A, 10, 1600);
            let again = relay(&mut out, 20, A, sequence, timestamp);
            assert!(again.marker);
            assert_eq!(again.sequence.wrapping_sub(first.sequence), 1);
            assert_eq!(again.timestamp.wrapping_sub(first.timestamp), 160);
        }
    }

    #[test]
    fn a_source_that_counts_anew_while_its_clock_goes_on_is_a_switch() {
        for back in [101, 1000, 2999] {
            let mut out = outgoing();
            let first = relay(&mut out, 0, A, 10, 1600);
            for n in 1..1500 {
                relay(&mut out, 20 * u64::from(n), A, 10 + n, 1600 + 160 * u32::from(n));
            }
            let again = relay(&mut out, 30_000, A, 1509_u16.wrapping_sub(back), 1600 + 240_000);
            assert_eq!(again.sequence.wrapping_sub(first.sequence), 1500, "{back} back");
            assert_eq!(again.timestamp.wrapping_sub(first.timestamp), 240_000);
        }
    }

    #[test]
    fn the_packets_of_an_event_share_its_timestamp_and_sound_goes_on_after_it() {
        let mut out = outgoing();
        let first = out.local(ms(0), 101, 160);
        let second = out.local_again(ms(20), 101);
        out.interrupt();
        let after = out.local(ms(200), 8, 160);
        assert_eq!((second.timestamp, second.sequence), (first.timestamp, first.sequence.wrapping_add(1)));
        assert_eq!(after.timestamp.wrapping_sub(first.timestamp), 1600);
        assert!(first.marker && !second.marker && after.marker);
    }

    proptest! {
        /// Sources that send in order, switched at random: the far end sees one source without holes whose time never
        /// runs backwards.
        #[test]
        fn any_switching_is_one_source(
            steps in prop::collection::vec((0usize..4, any::<u16>(), any::<u32>(), 1u16..6), 1..40),
        ) {
            let mut out = outgoing();
            let (mut at, mut last) = (0, None::<Stamp>);
            for (kind, sequence, timestamp, packets) in steps {
                out.interrupt();
                for n in 0..packets {
                    at += 20;
                    let stamp = match kind {
                        0 => out.local(ms(at), 8, 160),
                        slot => {
                            let header = header(sequence.wrapping_add(n), timestamp.wrapping_add(160 * u32::from(n)));
                            let key = SourceKey { slot, ssrc: timestamp };
                            out.relay(ms(at), key, &header, 160, 1).expect("in order").0
                        }
                    };
                    prop_assert_eq!(stamp.marker, n == 0);
                    if let Some(last) = last {
                        prop_assert_eq!(sequence_distance(last.sequence, stamp.sequence), 1);
                        prop_assert_eq!(timestamp_distance(last.timestamp, stamp.timestamp), 160);
                    }
                    last = Some(stamp);
                }
            }
        }
    }
}
