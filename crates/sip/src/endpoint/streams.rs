//! Messages over streams: connections open and close, slow and silent ones are given up (RFC 3261 §18, RFC 5626).

use std::time::Duration;

use base::Now;
use bytes::Bytes;

use super::connections::Gone;
use super::{ConnectionTimer, Core, Endpoint};
use crate::api::{Flow, Transport};
use crate::message::Request;
use crate::message::framing::Frame;
use crate::transaction::{ClientUser, TransactionId};

/// A ping and the answer to one (RFC 5626 §3.5.1).
const PING: &[u8] = b"\r\n\r\n";
const PONG: &[u8] = b"\r\n";

/// The shortest distance between two pings, and the longest (RFC 5626 §4.4.1).
const PING_MS: std::ops::Range<u64> = 95_000..120_000;

impl Endpoint {
    pub(super) fn connected(&mut self, now: Now, flow: Flow) {
        if !self.core.wire.connections.is_opening(flow) && self.is_banned(now, flow) {
            return self.core.wire.close(flow);
        }
        let wire = &self.core.wire;
        let comes = !wire.connections.is_opening(flow) && !wire.connections.is_open(flow);
        if comes && wire.connections.are_many_accepted(&self.core.config.limits) {
            self.make_room(now);
        }
        if self.core.wire.opened(flow) {
            // One who connects has something to say.
            let patience = self.core.config.times.patience();
            self.core.wire.set(flow, ConnectionTimer::Idle, now.mono + patience);
            self.core.ping_later(now, flow);
        }
    }

    /// There are too many streams of others: one that no phone registered by is closed, any of them, so that whoever holds
    /// most of them loses most. Who had something to say comes again.
    fn make_room(&mut self, now: Now) {
        let connections = &self.core.wire.connections;
        let many = u64::try_from(connections.accepted()).unwrap_or(u64::MAX);
        let place = usize::try_from(self.core.random.below(many.max(1))).unwrap_or(0);
        let is_bound = |flow| self.registrar.as_ref().is_some_and(|registrar| registrar.is_bound(flow));
        let stranger = connections.accepted_from(place).find(|flow| !is_bound(*flow));
        if let Some(flow) = stranger {
            self.drop_stream(now, flow);
        }
    }

    pub(super) fn stream(&mut self, now: Now, flow: Flow, data: &[u8]) {
        if !self.core.wire.connections.is_open(flow) {
            return;
        }
        if !self.core.wire.push(flow, data) {
            return self.drop_stream(now, flow);
        }
        // What answers our pings is no message. Who came to us has to say something.
        let mut said = !self.core.wire.connections.is_accepted(flow);
        while let Some(frame) = self.core.wire.next_frame(flow) {
            said = true;
            self.frame(now, flow, frame);
        }
        if self.core.wire.connections.is_open(flow) {
            self.watch(now, flow, said);
        }
    }

    /// A stream is gone: what waits for an answer on it will get none, and the phones behind it cannot be called.
    pub(super) fn closed(&mut self, now: Now, flow: Flow) {
        let Some(gone) = self.core.wire.gone(flow) else { return };
        if let Some(registrar) = &mut self.registrar {
            registrar.forget_flow(&mut self.core.wire, flow);
        }
        for id in self.core.table.asking_by(flow) {
            let Core { table, wire, .. } = &mut self.core;
            if gone == Gone::Opening && table.fall_back(now.mono, wire, id) {
                self.core.streamless.note(now.mono, flow.remote);
                continue;
            }
            // It works on that, and would go on without us: it has to be told by another stream.
            if gone == Gone::Open
                && let Some(dialog) = table.heard_invite(id)
                && self.dialogs.get_mut(dialog).is_some_and(|dialog| dialog.lost(&mut self.core, now))
            {
                continue;
            }
            let Core { table, wire, .. } = &mut self.core;
            match table.failed(wire, id) {
                // It may only have been silent for too long: that says nothing of who is there.
                Some((ClientUser::Probe(probe), _)) if gone == Gone::Open => {
                    self.probes.unanswered(&mut self.core, probe);
                }
                Some((user, response)) => self.hear(now, user, id, &response),
                None => {}
            }
        }
    }

    pub(super) fn connection_timer(&mut self, now: Now, flow: Flow, timer: ConnectionTimer) {
        match timer {
            ConnectionTimer::Opening => self.drop_stream(now, flow),
            ConnectionTimer::Incomplete => {
                if let Some(frame) = self.core.wire.connections.give_up(flow) {
                    self.frame(now, flow, frame);
                }
            }
            ConnectionTimer::Idle => {
                let bound = self.registrar.as_ref().is_some_and(|registrar| registrar.is_bound(flow));
                match bound || self.registrations.uses(flow) {
                    true => self.core.await_more(now, flow),
                    false => self.drop_stream(now, flow),
                }
            }
            ConnectionTimer::Ping => {
                self.core.wire.send(flow, Bytes::from_static(PING));
                self.core.ping_later(now, flow);
            }
        }
    }

    fn frame(&mut self, now: Now, flow: Flow, frame: Frame) {
        match frame {
            Frame::Message(data) => self.message(now, flow, &data),
            Frame::Ping => self.core.wire.send(flow, Bytes::from_static(PONG)),
            Frame::Refused(_) if self.is_banned(now, flow) => self.drop_stream(now, flow),
            Frame::Refused(refusal) => {
                self.core.answer_statelessly(flow, refusal.response());
                self.drop_stream(now, flow);
            }
            Frame::Lost(_) => self.drop_stream(now, flow),
        }
    }

    /// Sets the deadlines of a stream that brought something.
    fn watch(&mut self, now: Now, flow: Flow, said: bool) {
        let core = &mut self.core;
        if said {
            core.await_more(now, flow);
            core.wire.cancel(flow, ConnectionTimer::Incomplete);
        }
        if core.wire.connections.is_midway(flow) && !core.wire.is_set(flow, ConnectionTimer::Incomplete) {
            let patience = core.config.times.patience();
            core.wire.set(flow, ConnectionTimer::Incomplete, now.mono + patience);
        }
    }

    fn drop_stream(&mut self, now: Now, flow: Flow) {
        self.core.wire.close(flow);
        self.closed(now, flow);
    }
}

impl Core {
    /// Like `open`, but a request that is too large for a datagram goes by TCP, and by UDP all the same where no stream
    /// can be opened (RFC 3261 §18.1.1).
    pub(crate) fn open_fitting(
        &mut self,
        now: Now,
        request: Request,
        flow: Flow,
        user: ClientUser,
    ) -> TransactionId {
        let fits = request.encode().len() <= crate::limits::DATAGRAM_REQUEST_BYTES_MAX;
        let by_stream = !fits && self.config.large_by_tcp && !self.streamless.has(now.mono, flow.remote);
        if !by_stream || flow.transport == Transport::Tcp {
            return self.open(now.mono, request, flow, user);
        }
        let stream = Flow { transport: Transport::Tcp, ..flow };
        let under_way = self.wire.connections.is_opening(stream);
        let id = self.open(now.mono, request, stream, user);
        self.table.set_fallback(id, flow);
        if !under_way && self.wire.connections.is_opening(stream) {
            // Whoever waits for an answer has patience for a second or two, and the datagram needs its part of it.
            let opening_max = self.config.times.patience() / 32;
            self.wire.set(stream, ConnectionTimer::Opening, now.mono + opening_max);
        }
        id
    }

    /// The streams that we opened are ours to keep open; those of others are theirs.
    fn ping_later(&mut self, now: Now, flow: Flow) {
        if !self.wire.connections.is_accepted(flow) {
            let ms = PING_MS.start + self.random.below(PING_MS.end - PING_MS.start);
            self.wire.set(flow, ConnectionTimer::Ping, now.mono + Duration::from_millis(ms));
        }
    }

    fn await_more(&mut self, now: Now, flow: Flow) {
        self.wire.set(flow, ConnectionTimer::Idle, now.mono + self.config.stream_idle_max);
    }
}
