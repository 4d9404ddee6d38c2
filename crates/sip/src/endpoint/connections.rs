use std::collections::BTreeMap;

use super::config::Limits;
use crate::api::{Flow, Transmit};
use crate::limits::{OPENING_BYTES_MAX, STREAMS_BYTES_MAX};
use crate::message::framing::{Frame, Framer};

/// Of all the streams that there may be, one in so many is kept for those that we open.
const OWN_SHARE: usize = 8;

/// The streams that are open or being opened, one for each path.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    by_flow: BTreeMap<Flow, Connection>,
    /// Bytes of unfinished messages in all of them.
    unfinished: usize,
    /// How many of them others opened.
    accepted: usize,
}

#[derive(Debug)]
enum Connection {
    /// We asked for it; what is to be sent waits.
    Opening(Vec<Transmit>),
    Open {
        /// The far end opened it: its address is not one that can be called.
        accepted: bool,
        framer: Framer,
    },
}

/// What a stream that is gone was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Never open.
    Opening,
    Open,
}

/// What becomes of bytes for a stream.
#[derive(Debug)]
pub(super) enum Bytes {
    /// It is open: send them.
    Send(Transmit),
    /// They wait.
    Waiting,
    /// They wait, and the stream must be opened.
    WaitingToOpen,
    /// There is no room for them: whoever sent them hears no answer.
    Dropped,
}

impl Connections {
    pub(crate) fn len(&self) -> usize {
        self.by_flow.len()
    }

    pub(crate) fn is_open(&self, flow: Flow) -> bool {
        matches!(self.by_flow.get(&flow), Some(Connection::Open { .. }))
    }

    pub(crate) fn is_opening(&self, flow: Flow) -> bool {
        matches!(self.by_flow.get(&flow), Some(Connection::Opening(_)))
    }

    /// Whether the far end opened it, and has it open.
    pub(crate) fn is_accepted(&self, flow: Flow) -> bool {
        matches!(self.by_flow.get(&flow), Some(Connection::Open { accepted: true, .. }))
    }

    /// Whether no more streams of others may be open: some room is left for ours.
    pub(super) fn are_many_accepted(&self, limits: &Limits) -> bool {
        let ours = limits.connections_max / OWN_SHARE;
        self.accepted >= limits.connections_max - ours
    }

    /// The streams that others opened, from the one at `place` on, then those before it.
    pub(super) fn accepted_from(&self, place: usize) -> impl Iterator<Item = Flow> {
        let flows = self.by_flow.iter().filter_map(|(flow, connection)| match connection {
            Connection::Open { accepted: true, .. } => Some(*flow),
            Connection::Open { accepted: false, .. } | Connection::Opening(_) => None,
        });
        flows.clone().skip(place).chain(flows.take(place))
    }

    /// How many streams others opened.
    pub(super) fn accepted(&self) -> usize {
        self.accepted
    }

    /// Bytes are to go by the stream of `transmit.flow`.
    pub(super) fn send(&mut self, limits: &Limits, transmit: Transmit) -> Bytes {
        let full = self.by_flow.len() >= limits.connections_max;
        match self.by_flow.get_mut(&transmit.flow) {
            Some(Connection::Open { .. }) => Bytes::Send(transmit),
            Some(Connection::Opening(waiting)) => {
                let already: usize = waiting.iter().map(|before| before.data.len()).sum();
                if already + transmit.data.len() > OPENING_BYTES_MAX {
                    return Bytes::Dropped;
                }
                waiting.push(transmit);
                Bytes::Waiting
            }
            None if full => Bytes::Dropped,
            None => {
                self.by_flow.insert(transmit.flow, Connection::Opening(vec![transmit]));
                Bytes::WaitingToOpen
            }
        }
    }

    /// The stream is open; what waited for that. None: there is no room for it.
    pub(super) fn opened(&mut self, limits: &Limits, flow: Flow) -> Option<Vec<Transmit>> {
        match self.by_flow.remove(&flow) {
            // Told twice.
            Some(open @ Connection::Open { .. }) => {
                self.by_flow.insert(flow, open);
                Some(Vec::new())
            }
            Some(Connection::Opening(waiting)) => {
                self.by_flow.insert(flow, Connection::Open { accepted: false, framer: Framer::default() });
                Some(waiting)
            }
            None if self.are_many_accepted(limits) || self.by_flow.len() >= limits.connections_max => None,
            None => {
                self.accepted += 1;
                self.by_flow.insert(flow, Connection::Open { accepted: true, framer: Framer::default() });
                Some(Vec::new())
            }
        }
    }

    /// Forgets a stream.
    pub(super) fn remove(&mut self, flow: Flow) -> Option<Gone> {
        match self.by_flow.remove(&flow)? {
            Connection::Opening(_) => Some(Gone::Opening),
            Connection::Open { framer, accepted } => {
                self.unfinished -= framer.len();
                self.accepted -= usize::from(accepted);
                Some(Gone::Open)
            }
        }
    }

    /// Bytes came; false: there is no room for more in all the streams, or no such stream.
    pub(super) fn push(&mut self, flow: Flow, data: &[u8]) -> bool {
        let room = self.unfinished + data.len() <= STREAMS_BYTES_MAX;
        room && self.change(flow, |framer| framer.push(data)).is_some()
    }

    /// What came, if it is complete.
    pub(super) fn next_frame(&mut self, flow: Flow) -> Option<Frame> {
        self.change(flow, Framer::next_frame).flatten()
    }

    /// What is said to one who is too slow.
    pub(super) fn give_up(&mut self, flow: Flow) -> Option<Frame> {
        self.change(flow, Framer::give_up).flatten()
    }

    /// Whether a message has begun and is not complete.
    pub(super) fn is_midway(&self, flow: Flow) -> bool {
        matches!(self.by_flow.get(&flow), Some(Connection::Open { framer, .. }) if framer.is_midway())
    }

    /// Takes back what has not left, where `is_it` says so; true: there was something.
    pub(super) fn take_back(&mut self, is_it: impl Fn(&Transmit) -> bool) -> bool {
        let mut taken = false;
        for connection in self.by_flow.values_mut() {
            if let Connection::Opening(waiting) = connection {
                let before = waiting.len();
                waiting.retain(|transmit| !is_it(transmit));
                taken |= waiting.len() < before;
            }
        }
        taken
    }

    fn change<T>(&mut self, flow: Flow, change: impl FnOnce(&mut Framer) -> T) -> Option<T> {
        let Some(Connection::Open { framer, .. }) = self.by_flow.get_mut(&flow) else { return None };
        let before = framer.len();
        let result = change(framer);
        self.unfinished = self.unfinished - before + framer.len();
        Some(result)
    }
}
