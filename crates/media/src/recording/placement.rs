//! Where the packets of one track belong on the recording's clock.
//!
//! Arrival says when a packet came, its RTP timestamp when it was made, by a clock of unknown offset and rate. The
//! difference *arrival − timestamp* is that offset plus the packet's delay; the least delayed packets of a stretch show the
//! offset best. So a packet waits for `LOOK_AHEAD`, then is placed by its timestamp and the least difference among those
//! that came after it. The offset is kept while it is good to within `DRIFT_MAX`: inside a talk spurt packets then lie
//! sample to sample, jitter and reordering leave no trace, and drifting clocks are set right in small steps. A difference
//! that moved by more than `LATE_MAX` is another clock: a new sender, or one that started again.
//!
//! All positions are samples since the recording began.

use std::collections::VecDeque;

use crate::codec::Codec;
use crate::limits::RENDER_PACKETS_MAX;

/// How long a packet waits for less delayed ones: 0.5 s.
pub(super) const LOOK_AHEAD: i64 = 4_000;
/// A packet more delayed than this, against its neighbours, is of another clock: 2 s.
pub(super) const LATE_MAX: i64 = 16_000;
/// How far the offset may be from what the packets show before it follows: 7.5 ms.
const FOLLOW_MIN: i64 = 60;
/// It follows by a sample in one of so many packets: of 20 ms, 1,250 ppm. More would be heard as another pitch.
const FOLLOW_EVERY: usize = 5;
/// How far it may be from it at all: 15 ms.
pub(super) const DRIFT_MAX: i64 = 120;
/// More than this is no jitter that all packets have for half a second: 100 ms.
const PAUSE_MIN: i64 = 800;
/// How many placed packets are remembered, to tell drift from a bad moment of the network.
const REMEMBERED: usize = 100;
/// After so long a pause of the track nothing is known of a clock any more: it may have drifted out of what is followed in
/// small steps, and nobody hears a step in silence. 10 s.
const FORGET_AFTER: i64 = 80_000;
/// So many packets must agree before the offset is moved to a later place: one late packet is not a drift.
const AGREE_MIN: usize = 5;

/// A packet with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) position: i64,
    /// Samples that it has to fill, one more or less than it has when the offset follows a clock.
    pub(super) length: usize,
    pub(super) codec: Codec,
    pub(super) payload: Vec<u8>,
}

#[derive(Debug, Default)]
pub(super) struct Placement {
    waiting: VecDeque<Arrived>,
    /// The difference of the packet that came last, as unbounded number: timestamps wrap.
    last_difference: Option<i64>,
    offset: Option<i64>,
    /// Packets placed since the offset changed.
    steady: usize,
    /// The differences of the packets placed last, of the same clock.
    placed: VecDeque<i64>,
    /// When the last of them came.
    last_at: i64,
}

#[derive(Debug)]
struct Arrived {
    at: i64,
    /// Arrival − timestamp.
    difference: i64,
    codec: Codec,
    payload: Vec<u8>,
}

impl Placement {
    /// A packet came at `at`.
    pub(super) fn push(&mut self, at: i64, timestamp: u32, codec: Codec, payload: Vec<u8>) {
        let raw = (at as u32).wrapping_sub(timestamp);
        let difference = match self.last_difference {
            None => i64::from(raw),
            Some(last) => last + i64::from(raw.wrapping_sub(last as u32).cast_signed()),
        };
        self.last_difference = Some(difference);
        self.waiting.push_back(Arrived { at, difference, codec, payload });
    }

    /// The next packet that need not wait any longer at `now`.
    pub(super) fn pop_ready(&mut self, now: i64) -> Option<Placed> {
        let full = self.waiting.len() > RENDER_PACKETS_MAX;
        let first = self.waiting.front()?;
        if first.at + LOOK_AHEAD > now && !full {
            return None;
        }
        self.pop()
    }

    /// The next packet, ready or not: nothing comes any more.
    pub(super) fn pop(&mut self) -> Option<Placed> {
        let first = self.waiting.pop_front()?;
        if first.at - self.last_at > FORGET_AFTER {
            self.offset = None;
            self.placed.clear();
        }
        self.last_at = first.at;
        let before = self.offset;
        let offset = self.offset_for(&first);
        if self.offset.is_some_and(|before| (before - offset).abs() > PAUSE_MIN) {
            self.placed.clear();
        }
        self.offset = Some(offset);
        if self.placed.len() == REMEMBERED {
            self.placed.pop_front();
        }
        self.placed.push_back(first.difference);
        let position = first.at - (first.difference - offset);
        // It begins where it would have begun, and ends where it ends now.
        let step = before.map_or(0, |before| offset - before);
        self.steady = if step == 0 { self.steady + 1 } else { 0 };
        let length = first.codec.ticks(first.payload.len());
        let (position, length) = match step {
            1 => (position - 1, length + 1),
            -1 if length > 1 => (position + 1, length - 1),
            _ => (position, length),
        };
        Some(Placed { position, length, codec: first.codec, payload: first.payload })
    }

    fn offset_for(&self, first: &Arrived) -> i64 {
        let same_clock = |difference: i64| (difference - first.difference).abs() <= LATE_MAX;
        let (mut least, mut agree) = (first.difference, 1);
        for arrived in self.waiting.iter().filter(|arrived| same_clock(arrived.difference)) {
            least = least.min(arrived.difference);
            agree += 1;
        }
        let Some(offset) = self.offset.filter(|offset| same_clock(*offset)) else { return least };
        // Packets that are later than before may have had a bad moment: what is remembered must agree.
        let remembered = || self.placed.iter().copied().fold(least, i64::min);
        let drift = match least - offset {
            drift if drift > FOLLOW_MIN && drift <= PAUSE_MIN => remembered() - offset,
            drift => drift,
        };
        match drift {
            drift if drift.abs() <= FOLLOW_MIN || (drift > 0 && agree < AGREE_MIN) => offset,
            drift if drift.abs() <= DRIFT_MAX && self.steady + 1 < FOLLOW_EVERY => offset,
            drift if drift.abs() <= DRIFT_MAX => offset + drift.signum(),
            drift => offset + drift,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Where a packet of 160 samples begins, were it not drawn out.
    fn start(placed: Placed) -> i64 {
        placed.position + placed.length as i64 - 160
    }

    /// Places packets of (arrival in ms, timestamp) and returns the positions.
    fn place(packets: impl IntoIterator<Item = (i64, u32)>) -> Vec<i64> {
        let mut placement = Placement::default();
        let mut positions = Vec::new();
        for (at_ms, timestamp) in packets {
            positions.extend(std::iter::from_fn(|| placement.pop_ready(at_ms * 8)).map(start));
            placement.push(at_ms * 8, timestamp, Codec::Pcma, vec![0; 160]);
        }
        positions.extend(std::iter::from_fn(|| placement.pop()).map(start));
        positions
    }

    #[test]
    fn a_late_first_packet_and_jitter_leave_no_trace() {
        let delays = [45, 3, 20, 0, 31, 7, 60, 0, 12, 1];
        let packets = (0..100).map(|n| {
            (1000 + 20 * n + delays[n as usize % 10], (n as u32).wrapping_mul(160).wrapping_sub(999))
        });
        let positions = place(packets);
        for (n, position) in positions.iter().enumerate() {
            assert_eq!(*position, 8000 + 160 * n as i64, "packet {n}");
        }
    }

    #[test]
    fn reordered_and_doubled_packets_have_the_place_they_were_made_for() {
        assert_eq!(place([(0, 0), (40, 320), (41, 160), (42, 320), (60, 480)]), [0, 320, 160, 320, 480]);
    }

    #[test]
    fn a_gap_is_as_long_as_its_arrival_says_whether_or_not_timestamps_went_on() {
        let spurt = |at: i64, timestamp: u32| (0..50).map(move |n| (at + 20 * n, timestamp + 160 * n as u32));
        for resumed in [50 * 160, 50 * 160 + 24_000, 9_999_999] {
            let positions = place(spurt(0, 0).chain(spurt(4000, resumed)));
            assert_eq!(positions[50], 32_000, "resumed at {resumed}");
            assert_eq!(positions[99] - positions[50], 49 * 160);
        }
    }

    #[test]
    fn a_pause_that_the_sender_does_not_count_is_a_pause() {
        let spurt = |at: i64, first: u32| (first..first + 50).map(move |n| (at + 20 * i64::from(n), 160 * n));
        let positions = place(spurt(0, 0).chain(spurt(1500, 50)));
        assert_eq!((positions[49], positions[50], positions[99]), (49 * 160, 20_000, 20_000 + 49 * 160));
    }

    /// What is stored of a call pauses while it is held: the far end's clock goes on meanwhile, 200 ppm fast or slow.
    #[test]
    fn after_a_long_pause_a_drifted_clock_is_taken_as_it_is() {
        for rate in [1.0002, 0.9998] {
            let made = |n: i64| (n as f64 * 20.0 * rate) as i64;
            let packets = (0..500).chain(15_500..16_000).map(|n| (made(n), 160 * n as u32));
            for (position, n) in place(packets).iter().zip((0..500).chain(15_500..16_000)) {
                let off = (position - 8 * made(n)).abs();
                assert!(off <= DRIFT_MAX, "{rate}, packet {n}: {off} samples off");
            }
        }
    }

    #[test]
    fn half_a_bad_second_moves_nothing() {
        let packets =
            (0..200).map(|n| (20 * n + if (100..130).contains(&n) { 40 } else { 0 }, 160 * n as u32));
        let expected: Vec<i64> = (0..200).map(|n| 160 * n).collect();
        assert_eq!(place(packets), expected);
    }

    #[test]
    fn the_last_packet_being_late_does_not_move_it() {
        assert_eq!(place([(0, 0), (20, 160), (40, 320), (140, 480)]), [0, 160, 320, 480]);
    }

    #[test]
    fn drifting_clocks_are_set_right() {
        // 1,000 ppm either way for 200 s is 200 ms.
        for rate in [7992.0, 8008.0] {
            let packets = (0..10_000).map(|n| (20 * n, (20.0 * n as f64 * rate / 1000.0) as u32));
            for (n, position) in place(packets).iter().enumerate() {
                // The remembered two seconds lag behind by 2 ms.
                let off = (position - 160 * n as i64).abs();
                assert!(off <= DRIFT_MAX + 24, "{rate} Hz, packet {n}: {off} samples off");
            }
        }
    }

    /// An hour of two far ends, the clock of one 200 ppm fast, of the other as slow. Either network has a jitter of its own
    /// and loses one packet in fifty; both pause now and then.
    #[test]
    fn for_an_hour_drifting_clocks_are_followed_without_a_seam() {
        for (rate, seed) in [(1.0002, 1), (0.9998, 2)] {
            let mut random = base::Random::from_number(seed);
            let mut placement = Placement::default();
            let (mut made, mut placed) = (VecDeque::new(), Vec::new());
            for n in 0..180_000u32 {
                let roll = random.number();
                // Two seconds of silence in every eight; 2 % are lost.
                if n % 400 >= 300 || roll.is_multiple_of(50) {
                    continue;
                }
                let made_at = f64::from(n) * 160.0 / rate;
                let at = made_at as i64 + 400 + (roll >> 8) as i64 % 240;
                placed.extend(std::iter::from_fn(|| placement.pop_ready(at)));
                placement.push(at, 160 * n, Codec::Pcma, vec![0; 160]);
                made.push_back((n, made_at));
            }
            placed.extend(std::iter::from_fn(|| placement.pop()));
            assert_eq!(placed.len(), made.len());
            let mut slips = 0;
            let mut before = None;
            for (packet, (n, made_at)) in placed.iter().zip(made) {
                // The least delayed packets show the offset: 50 ms after they were made.
                let off = packet.position as f64 - made_at - 400.0;
                assert!(off.abs() < 120.0, "packet {n} is {off} samples off");
                if let Some((before, end)) = before
                    && before + 1 == n
                {
                    assert_eq!(packet.position, end, "a seam before packet {n}");
                }
                slips += i64::from(packet.length != 160);
                before = Some((n, packet.position + packet.length as i64));
            }
            // 720 ms of drift.
            assert!((5_000..7_000).contains(&slips), "{slips} samples of it");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_placed_later_than_it_came_nor_earlier_than_the_mixer_waits(
            packets in prop::collection::vec((0i64..400, any::<u32>()), 1..80),
        ) {
            let mut at = 0;
            let packets: Vec<_> = packets.into_iter().map(|(step, timestamp)| { at += step; (at, timestamp) }).collect();
            for (position, (at, _)) in place(packets.clone()).iter().zip(packets) {
                prop_assert!(*position <= at * 8 + DRIFT_MAX, "{position} {at}");
                prop_assert!(*position >= at * 8 - LATE_MAX, "{position} {at}");
            }
        }
    }
}
