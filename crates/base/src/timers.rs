use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::Mono;

/// Named deadlines: at most one per name, the earliest first. `K` says why something will happen.
#[derive(Clone, Debug)]
pub struct Timers<K> {
    by_name: BTreeMap<K, Mono>,
    by_time: BTreeSet<(Mono, K)>,
}

impl<K: Ord + Clone> Default for Timers<K> {
    fn default() -> Self {
        Timers { by_name: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Timers<K> {
    /// Sets the deadline of `name`, replacing an earlier one.
    pub fn set(&mut self, name: K, at: Mono) {
        self.cancel(&name);
        self.by_time.insert((at, name.clone()));
        self.by_name.insert(name, at);
    }

    /// Forgets the deadline of `name`, if it has one.
    pub fn cancel(&mut self, name: &K) {
        if let Some(at) = self.by_name.remove(name) {
            self.by_time.remove(&(at, name.clone()));
        }
    }

    /// Forgets the deadlines of all names in this range.
    pub fn cancel_all(&mut self, names: RangeInclusive<K>) {
        while let Some((name, _)) = self.by_name.range(names.clone()).next() {
            let name = name.clone();
            self.cancel(&name);
        }
    }

    /// The earliest deadline and its name.
    pub fn next(&self) -> Option<(Mono, &K)> {
        self.by_time.first().map(|(at, name)| (*at, name))
    }

    /// Removes and returns the earliest name whose deadline is not after `now`.
    pub fn pop_due(&mut self, now: Mono) -> Option<K> {
        let (at, _) = self.by_time.first()?;
        if *at > now {
            return None;
        }
        let (_, name) = self.by_time.pop_first()?;
        self.by_name.remove(&name);
        Some(name)
    }

    /// The deadline of `name`.
    pub fn get(&self, name: &K) -> Option<Mono> {
        self.by_name.get(name).copied()
    }

    /// How many deadlines are set.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_deadline_and_they_come_in_order() {
        let mut timers = Timers::default();
        timers.set("b", Mono::from_micros(2));
        timers.set("a", Mono::from_micros(9));
        timers.set("a", Mono::from_micros(1));
        timers.set("c", Mono::from_micros(3));
        timers.cancel(&"b");
        assert_eq!(timers.next(), Some((Mono::from_micros(1), &"a")));
        assert_eq!(timers.pop_due(Mono::from_micros(2)), Some("a"));
        assert_eq!(timers.pop_due(Mono::from_micros(2)), None);
        assert_eq!(timers.len(), 1);
    }

    #[test]
    fn all_deadlines_of_a_range_are_forgotten_together() {
        let mut timers = Timers::default();
        for name in 0..5 {
            timers.set(name, Mono::from_micros(9 - name));
        }
        timers.cancel_all(1..=3);
        assert_eq!((timers.pop_due(Mono::from_micros(9)), timers.len()), (Some(4), 1));
        timers.cancel_all(1..=3);
        assert_eq!(timers.next(), Some((Mono::from_micros(9), &0)));
    }
}
