//! How fast packets, and the sound in them, may come from one far end.

use std::time::Duration;

use base::Mono;

use crate::codec::TICKS_PER_MS;
use crate::limits::{PACKETS_BURST_MAX, PACKETS_PER_SECOND_MAX, SOUND_PER_SECOND_MAX};

/// The time that one packet uses up at least.
const STEP: Duration = Duration::from_nanos(1_000_000_000 / PACKETS_PER_SECOND_MAX as u64);
/// The time that a tick of sound uses up.
const TICK: Duration = Duration::from_nanos(1_000_000 / (TICKS_PER_MS as u64 * SOUND_PER_SECOND_MAX));

/// Packets at their steady pace would have come until here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace(Mono);

impl Pace {
    /// Whether a packet that came now, with so many ticks of sound, keeps the pace. One that does not is not counted.
    pub(super) fn keeps(&mut self, now: Mono, ticks: usize) -> bool {
        let until = self.0.max(now) + STEP.max(TICK * ticks as u32);
        let keeps = until.since(now) <= STEP * PACKETS_BURST_MAX;
        if keeps {
            self.0 = until;
        }
        keeps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pace: &mut Pace, packets: u32, ms_between: u64, from: Mono) -> u32 {
        let at = |n: u32| from + Duration::from_millis(ms_between) * n;
        (0..packets).map(|n| u32::from(pace.keeps(at(n), 160))).sum()
    }

    /// A far end must not have hours of sound decoded and encoded in minutes, which with G.729 is a processor of its own.
    #[test]
    fn long_packets_are_cut_to_the_sound_in_them() {
        for ms in [40, 60, 186] {
            let mut pace = Pace::default();
            let second = |n: u64| Mono::ZERO + Duration::from_secs(n);
            let mut flood = |at| (0..1000).filter(|_| pace.keeps(at, 8 * ms)).count();
            let (first, next) = (flood(second(0)) * ms, flood(second(1)) * ms);
            assert!((9_800..=10_000).contains(&first), "{first} ms at once in packets of {ms} ms");
            assert!((7_800..=8_200).contains(&next), "{next} ms in a second in packets of {ms} ms");
        }
    }

    #[test]
    fn sound_keeps_the_pace_for_ever_and_after_being_held_up() {
        let mut pace = Pace::default();
        assert_eq!(kept(&mut pace, 10_000, 5, Mono::ZERO), 10_000);
        let later = Mono::ZERO + Duration::from_secs(60);
        assert_eq!(kept(&mut pace, 400, 0, later), 400, "two seconds of the shortest packets at once");
        assert_eq!(kept(&mut pace, 10_000, 5, later), 10_000);
    }

    #[test]
    fn a_flood_is_cut_to_the_pace() {
        let mut pace = Pace::default();
        assert_eq!(kept(&mut pace, 10_000, 0, Mono::ZERO), PACKETS_BURST_MAX);
        let second = Mono::ZERO + Duration::from_secs(1);
        assert_eq!(kept(&mut pace, 10_000, 0, second), PACKETS_PER_SECOND_MAX);
    }
}
