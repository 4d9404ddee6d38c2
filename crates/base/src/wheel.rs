use std::time::Duration;

use crate::Mono;

/// Microseconds of a tick, as a power of two.
const TICK_BITS: u32 = 16;
/// The last tick that the clock knows.
const TICK_LAST: u64 = u64::MAX >> TICK_BITS;
/// Slots of a level, as a power of two.
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;

/// Many deadlines that are met a little late and never taken back: for what is kept a while and then forgotten.
///
/// A hashed and hierarchical wheel (Varghese and Lauck): an item is put down and taken up in constant time however many
/// there are, a leap of hours costs no more than the items that fall due, and the memory of what is gone is given back.
/// The price is the tick: nothing comes early, and nothing more than [`Wheel::TICK`] late. Items of one tick come in no
/// particular order, but in the same one in every run.
#[derive(Clone, Debug)]
pub struct Wheel<T> {
    /// The tick that was reached last.
    at: u64,
    /// What is due at `at` or before.
    due: Vec<T>,
    /// The slots of level n are `SLOTS.pow(n)` ticks each. An item is on the level of the highest digit in which its tick
    /// differs from `at`, in the slot of that digit.
    levels: Vec<Level<T>>,
    len: usize,
}

#[derive(Clone, Debug)]
struct Level<T> {
    /// A bit for each slot with something in it.
    taken: u64,
    slots: Vec<Vec<(u64, T)>>,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Wheel { at: 0, due: Vec::new(), levels: Vec::new(), len: 0 }
    }
}

impl<T> Wheel<T> {
    /// How late an item may come: about a fifteenth of a second.
    pub const TICK: Duration = Duration::from_micros(1 << TICK_BITS);

    /// Puts down `item` until `at`.
    pub fn insert(&mut self, at: Mono, item: T) {
        self.len += 1;
        self.put(at.as_micros().div_ceil(1 << TICK_BITS).min(TICK_LAST), item);
    }

    /// Takes up an item whose deadline is not after `now`, if there is one.
    pub fn pop_due(&mut self, now: Mono) -> Option<T> {
        while self.due.is_empty() {
            self.turn(now.as_micros() >> TICK_BITS)?;
        }
        let item = self.due.pop();
        self.len -= 1;
        if self.due.is_empty() {
            self.due = Vec::new();
        }
        item
    }

    /// When to call `pop_due` next. There may be nothing due then, but something soon after: at most once for each level
    /// in the life of an item.
    pub fn next(&self) -> Option<Mono> {
        let tick = match self.due.is_empty() {
            true => self.next_slot()?.2,
            false => self.at,
        };
        Some(Mono::from_micros(tick << TICK_BITS))
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn put(&mut self, tick: u64, item: T) {
        if tick <= self.at {
            return self.due.push(item);
        }
        let level = ((tick ^ self.at).ilog2() / SLOT_BITS) as usize;
        while self.levels.len() <= level {
            self.levels.push(Level { taken: 0, slots: (0..SLOTS).map(|_| Vec::new()).collect() });
        }
        let slot = digit(tick, level);
        let level = &mut self.levels[level];
        level.taken |= 1 << slot;
        level.slots[slot].push((tick, item));
    }

    /// The earliest slot with something in it, its level, and its first tick.
    ///
    /// What is on a lower level agrees with `at` in all higher digits, so it is the earlier.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.levels.iter().position(|level| level.taken != 0)?;
        let slot = self.levels[level].taken.trailing_zeros();
        let shift = SLOT_BITS * level as u32;
        let above = self.at >> (shift + SLOT_BITS) << SLOT_BITS;
        Some((level, slot as usize, (above | u64::from(slot)) << shift))
    }

    /// Goes on to the next slot that begins by `tick`, and takes it apart. None: there is none.
    fn turn(&mut self, tick: u64) -> Option<()> {
        let next = self.next_slot().filter(|(_, _, start)| *start <= tick);
        let Some((level, slot, start)) = next else {
            // No digit of a level with something in it changes on the way: items stay where they are.
            self.at = self.at.max(tick);
            return None;
        };
        self.at = start;
        let level = &mut self.levels[level];
        level.taken &= !(1 << slot);
        for (tick, item) in std::mem::take(&mut level.slots[slot]) {
            self.put(tick, item);
        }
        Some(())
    }
}

/// Which slot of `level` a tick belongs to.
fn digit(tick: u64, level: usize) -> usize {
    (tick >> (SLOT_BITS as usize * level)) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Random;

    const HOUR: Duration = Duration::from_secs(3600);

    fn drain(wheel: &mut Wheel<u64>, now: Mono) -> Vec<u64> {
        let mut items: Vec<u64> = std::iter::from_fn(|| wheel.pop_due(now)).collect();
        items.sort_unstable();
        items
    }

    #[test]
    fn nothing_is_early_and_nothing_more_than_a_tick_late() {
        for seed in 0..50 {
            let mut random = Random::from_number(seed);
            let mut wheel = Wheel::default();
            let mut kept: BTreeMap<u64, Mono> = BTreeMap::new();
            let mut now = Mono::from_micros(random.below(1 << 40));
            for n in 0..2_000 {
                let spread = 1 << random.below(38);
                let at = now + Duration::from_micros(random.below(spread));
                wheel.insert(at, n);
                kept.insert(n, at);
                if random.chance(30) {
                    let spread = 1 << random.below(36);
                    now = now + Duration::from_micros(random.below(spread));
                    for item in drain(&mut wheel, now) {
                        assert!(kept.remove(&item).is_some_and(|at| at <= now), "early, seed {seed}");
                    }
                    let late = kept.values().any(|at| now.since(*at) >= Wheel::<u64>::TICK);
                    assert!(!late, "late, seed {seed}");
                    assert_eq!(wheel.len(), kept.len());
                    assert!(wheel.next().is_none_or(|next| next > now), "what is due was taken, seed {seed}");
                }
            }
        }
    }

    #[test]
    fn whoever_wakes_when_told_to_misses_nothing_and_seldom_wakes_in_vain() {
        let mut random = Random::from_number(7);
        let mut wheel = Wheel::default();
        let mut kept: BTreeMap<u64, Mono> = BTreeMap::new();
        for n in 0..1_000 {
            let at = Mono::from_micros(random.below(10 * 3_600_000_000));
            wheel.insert(at, n);
            kept.insert(n, at);
        }
        let (mut now, mut vain) = (Mono::ZERO, 0);
        while let Some(next) = wheel.next() {
            assert!(next >= now, "time does not run back");
            now = next;
            let items = drain(&mut wheel, now);
            vain += usize::from(items.is_empty());
            for item in items {
                let at = kept.remove(&item).expect("each item once");
                assert!(at <= now && now.since(at) < Wheel::<u64>::TICK);
            }
        }
        assert!(kept.is_empty() && wheel.is_empty());
        assert!(vain <= 3 * 1_000, "{vain} times in vain");
    }

    #[test]
    fn a_leap_of_years_takes_what_is_due_and_no_more() {
        let mut wheel = Wheel::default();
        wheel.insert(Mono::ZERO + HOUR, 1);
        wheel.insert(Mono::ZERO + HOUR * 24 * 400, 2);
        wheel.insert(Mono::from_micros(u64::MAX), 3);
        let later = Mono::ZERO + HOUR * 24 * 365;
        assert_eq!(drain(&mut wheel, later), [1]);
        assert_eq!(drain(&mut wheel, later + HOUR * 24 * 40), [2]);
        assert_eq!((wheel.len(), wheel.pop_due(Mono::from_micros(u64::MAX >> 1))), (1, None));
        assert_eq!(drain(&mut wheel, Mono::from_micros(u64::MAX)), [3], "at the end of time");
    }

    #[test]
    fn what_is_past_already_is_due_at_once() {
        let mut wheel = Wheel::default();
        let now = Mono::ZERO + HOUR;
        assert_eq!(wheel.pop_due(now), None);
        wheel.insert(Mono::ZERO, 1);
        assert!(wheel.next().is_some_and(|next| next <= now));
        assert_eq!(wheel.pop_due(now), Some(1));
        assert_eq!((wheel.next(), wheel.is_empty()), (None, true));
    }

    #[test]
    fn the_edge_of_a_tick_belongs_to_it() {
        let mut wheel = Wheel::default();
        let tick = Wheel::<u64>::TICK;
        wheel.insert(Mono::ZERO + tick * 64, 64);
        wheel.insert(Mono::ZERO + tick * 63 + Duration::from_micros(1), 63);
        assert_eq!(drain(&mut wheel, Mono::ZERO + tick * 64), [63, 64]);
        wheel.insert(Mono::ZERO + tick * 65, 65);
        assert_eq!(drain(&mut wheel, Mono::from_micros(65 * (1 << TICK_BITS) - 1)), []);
        assert_eq!(wheel.next(), Some(Mono::ZERO + tick * 65));
    }
}
