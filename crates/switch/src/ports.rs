//! RTP ports: even ones of a range, each given to one leg and left to rest before it is given out again.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use base::{Mono, Random};

use crate::limits::{PORT_REST, RESUMED_PORT_REST};

/// The pool. A port is free, used, being left, or resting.
#[derive(Debug)]
pub(crate) struct Ports {
    /// Next ones first. A port that comes back goes to the end, so the longest unused one is given out.
    free: VecDeque<u16>,
    used: BTreeSet<u16>,
    /// Of legs that are over, while their far ends may not know it and send on.
    leaving: BTreeSet<u16>,
    /// In the order they came back, with the moment from which they are free.
    resting: VecDeque<(Mono, u16)>,
    /// The addresses that they are ports of.
    addresses: Vec<IpAddr>,
}

impl Ports {
    /// All pairs (even RTP port, odd RTCP port) that fit `min ..= max`.
    pub(crate) fn new(min: u16, max: u16) -> Ports {
        let first = min.saturating_add(min % 2);
        let free = (first..max).step_by(2).collect();
        Ports {
            free,
            used: BTreeSet::new(),
            leaving: BTreeSet::new(),
            resting: VecDeque::new(),
            addresses: Vec::new(),
        }
    }

    /// The same as ports of these addresses.
    pub(crate) fn at(mut self, addresses: &[IpAddr]) -> Ports {
        self.addresses = addresses.to_vec();
        self
    }

    /// The same without pairs of which a port belongs to somebody else.
    pub(crate) fn without(mut self, foreign: &BTreeSet<u16>) -> Ports {
        self.free.retain(|port| !foreign.contains(port) && !foreign.contains(&(port + 1)));
        self
    }

    /// The same, begun somewhere in the middle: after a restart the first calls do not get the ports to which the phones of
    /// the calls before still send.
    pub(crate) fn begun_anywhere(mut self, random: &mut Random) -> Ports {
        let pairs = u64::try_from(self.free.len()).unwrap_or(0);
        if pairs > 0 {
            let skipped = usize::try_from(random.below(pairs)).expect("below a length");
            self.free.rotate_left(skipped);
        }
        self
    }

    /// A port, or none when all are in use or resting.
    pub(crate) fn take(&mut self, now: Mono) -> Option<u16> {
        while let Some(&(from, port)) = self.resting.front()
            && from <= now
        {
            self.resting.pop_front();
            self.free.push_back(port);
        }
        let port = self.free.pop_front()?;
        self.used.insert(port);
        Some(port)
    }

    /// Whether so many ports can be taken.
    pub(crate) fn has(&self, now: Mono, count: usize) -> bool {
        self.available(now) >= count
    }

    /// How many could be taken now.
    pub(crate) fn available(&self, now: Mono) -> usize {
        self.free.len() + self.resting.partition_point(|(from, _)| *from <= now)
    }

    /// The leg is over; its far end is being told.
    pub(crate) fn leave(&mut self, port: u16) {
        assert!(self.used.remove(&port), "port {port} came back twice");
        self.leaving.insert(port);
    }

    /// A far end of before a restart may still send to this port.
    pub(crate) fn reserve(&mut self, port: u16) {
        if let Some(at) = self.free.iter().position(|free| *free == port) {
            self.free.remove(at);
            self.leaving.insert(port);
        }
    }

    /// The far end knows, or is not told any more: the port rests.
    pub(crate) fn give_back(&mut self, now: Mono, port: u16) {
        self.rest(now + PORT_REST, port);
    }

    /// The same after a restart: another phone than the one that is known may have answered before it, and sends on until
    /// it gives up.
    pub(crate) fn give_back_resumed(&mut self, now: Mono, port: u16) {
        self.rest(now + RESUMED_PORT_REST, port);
    }

    fn rest(&mut self, until: Mono, port: u16) {
        if self.leaving.remove(&port) {
            let at = self.resting.partition_point(|(from, _)| *from <= until);
            self.resting.insert(at, (until, port));
        }
    }

    /// Whether a leg receives its sound (or its RTCP) there now.
    pub(crate) fn is_ours(&self, at: SocketAddr) -> bool {
        self.addresses.contains(&at.ip()) && self.used.contains(&(at.port() & !1))
    }

    /// The ports in use.
    pub(crate) fn used(&self) -> &BTreeSet<u16> {
        &self.used
    }

    /// How many are being left or rest (or have rested, but nobody asked since).
    pub(crate) fn resting(&self) -> usize {
        self.leaving.len() + self.resting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_even_pairs_are_given_out() {
        let mut ports = Ports::new(20_001, 20_006);
        let taken: Vec<_> = std::iter::from_fn(|| ports.take(Mono::ZERO)).collect();
        assert_eq!(taken, [20_002, 20_004]);
        assert_eq!(Ports::new(65_535, 65_535).take(Mono::ZERO), None);
        assert_eq!(Ports::new(65_534, 65_535).take(Mono::ZERO), Some(65_534));
    }

    #[test]
    fn a_pair_of_which_somebody_holds_a_port_is_never_given_out() {
        let mut ports = Ports::new(20_000, 20_007).without(&BTreeSet::from([20_000, 20_005]));
        let taken: Vec<_> = std::iter::from_fn(|| ports.take(Mono::ZERO)).collect();
        assert_eq!(taken, [20_002, 20_006]);
    }

    #[test]
    fn a_port_rests_before_it_is_used_again() {
        let mut ports = Ports::new(20_000, 20_001);
        let port = ports.take(Mono::ZERO).expect("one pair fits");
        let back = Mono::from_micros(7);
        ports.leave(port);
        assert_eq!((ports.take(back + PORT_REST), ports.resting()), (None, 1));
        ports.give_back(back, port);
        assert_eq!(ports.take(back), None);
        assert_eq!((ports.used().len(), ports.resting()), (0, 1));
        assert_eq!(ports.take(back + PORT_REST), Some(port));
    }

    #[test]
    fn a_port_of_before_a_restart_is_not_given_out_before_its_far_end_knows() {
        let mut ports = Ports::new(20_000, 20_003);
        for port in [20_000, 30_000] {
            ports.reserve(port);
        }
        assert_eq!([ports.take(Mono::ZERO), ports.take(Mono::ZERO)], [Some(20_002), None]);
        for port in [20_000, 30_000] {
            ports.give_back(Mono::ZERO, port);
        }
        assert_eq!(ports.take(Mono::ZERO + PORT_REST), Some(20_000));
    }

    #[test]
    fn the_longest_unused_port_comes_first() {
        let mut ports = Ports::new(20_000, 20_007);
        let first = ports.take(Mono::ZERO).expect("four fit");
        ports.leave(first);
        ports.give_back(Mono::ZERO, first);
        let later = Mono::ZERO + PORT_REST;
        let next: Vec<_> = std::iter::from_fn(|| ports.take(later)).collect();
        assert_eq!(next, [20_002, 20_004, 20_006, 20_000]);
    }
}
