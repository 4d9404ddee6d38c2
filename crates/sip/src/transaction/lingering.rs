use std::collections::BTreeMap;

use base::{Mono, Wheel};

/// What is left of transactions that are settled: just enough to hear repetitions, until it is forgotten. There may be very
/// many.
#[derive(Debug)]
pub(super) struct Lingering<K, V> {
    by_key: BTreeMap<K, V>,
    until: Wheel<K>,
}

impl<K, V> Default for Lingering<K, V> {
    fn default() -> Self {
        Lingering { by_key: BTreeMap::new(), until: Wheel::default() }
    }
}

impl<K: Ord + Copy, V> Lingering<K, V> {
    /// Keeps what is left of `key` until `until`, or a tick of the wheel longer.
    pub(super) fn keep(&mut self, key: K, left: V, until: Mono) {
        // One that is there already has a moment to be forgotten at; nobody is forgotten twice.
        if self.by_key.insert(key, left).is_none() {
            self.until.insert(until, key);
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.by_key.get(key)
    }

    /// Forgets one whose time has come.
    pub(super) fn forget_due(&mut self, now: Mono) -> Option<V> {
        let key = self.until.pop_due(now)?;
        self.by_key.remove(&key)
    }

    /// When to call `forget_due` next.
    pub(super) fn next(&self) -> Option<Mono> {
        self.until.next()
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }
}
