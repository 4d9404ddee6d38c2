use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use base::StreamId;

/// The RTP ports of the phones: even ones, taken in turn so that late packets of an old call meet a closed door.
#[derive(Debug)]
pub(crate) struct Ports {
    range: RangeInclusive<u16>,
    next: u16,
    used: BTreeSet<u16>,
    by_stream: BTreeMap<StreamId, u16>,
}

impl Ports {
    /// RTCP needs the port above each, so the last port is never an RTP port.
    pub(crate) fn new(range: RangeInclusive<u16>) -> Ports {
        let first = range.start().saturating_add(range.start() % 2);
        let last = range.end().saturating_sub(1);
        Ports { range: first..=last, next: first, used: BTreeSet::new(), by_stream: BTreeMap::new() }
    }

    /// A port for a stream; `None` when all are taken.
    pub(crate) fn take(&mut self, stream: StreamId) -> Option<u16> {
        let port = self.range.clone().step_by(2).find_map(|_| {
            let port = self.next;
            self.next = match port.checked_add(2) {
                Some(next) if self.range.contains(&next) => next,
                Some(_) | None => *self.range.start(),
            };
            (!self.used.contains(&port)).then_some(port)
        })?;
        self.used.insert(port);
        self.by_stream.insert(stream, port);
        Some(port)
    }

    /// The sockets of a stream are closed, or never opened.
    pub(crate) fn release(&mut self, stream: StreamId) {
        if let Some(port) = self.by_stream.remove(&stream) {
            self.used.remove(&port);
        }
    }

    /// How many are taken.
    pub(crate) fn len(&self) -> usize {
        self.used.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_ports_are_taken_in_turn_and_come_back() {
        let mut ports = Ports::new(30_001..=30_007);
        let taken: Vec<_> = (0..4).map(|n| ports.take(StreamId(n))).collect();
        assert_eq!(taken, [Some(30_002), Some(30_004), Some(30_006), None]);
        ports.release(StreamId(0));
        ports.release(StreamId(1));
        ports.release(StreamId(9));
        assert_eq!(ports.take(StreamId(4)), Some(30_002));
        assert_eq!(ports.take(StreamId(5)), Some(30_004));
        assert_eq!(ports.len(), 3);
    }

    #[test]
    fn the_highest_ports_and_an_empty_range_do_no_harm() {
        let mut high = Ports::new(65_532..=65_535);
        assert_eq!([0, 1, 2].map(|n| high.take(StreamId(n))), [Some(65_532), Some(65_534), None]);
        let (start, end) = (30_000, 30_000);
        assert_eq!(Ports::new(start..=end).take(StreamId(1)), None);
    }
}
